"""Servers of Debian's that tests start by themselves, privately: installed, and not started by the machine."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from scripts.steps import Step, install_packages, missing_packages

POLICY = Path("/usr/sbin/policy-rc.d")
"""What Debian's packages ask before they start a service."""
NO_SERVICES = """\
#!/bin/sh
# Servers are being installed for the tests of cti-bridge, which start their own; this file goes when that is done.
exit 101
"""


def server_packages(*names: str) -> Step:
    """Return the step that installs servers without having them started."""

    def make() -> None:
        with _no_service_starts():
            install_packages(missing_packages(names))

    return Step("servers", lambda: not missing_packages(names), make)


@contextlib.contextmanager
def _no_service_starts() -> Iterator[None]:
    """Have packages start no service meanwhile; a policy that the machine has of its own stays as it is."""
    if os.geteuid() != 0 or (POLICY.exists() and POLICY.read_text("utf-8", "replace") != NO_SERVICES):
        yield
        return
    POLICY.write_text(NO_SERVICES, "utf-8")  # one of ours that is there already was left by a run that was killed
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
