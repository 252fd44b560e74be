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
CLUSTERS = Path("/etc/postgresql-common/createcluster.d/cti-bridge-tests.conf")
"""What PostgreSQL's packages read before they make a database of their own, which would be started at the next boot."""
NO_CLUSTER = """\
# PostgreSQL is being installed for the tests of cti-bridge, which make their own; this file goes when that is done.
create_main_cluster = off
"""


def server_packages(*names: str) -> Step:
    """Return the step that installs servers without having them started, now or at the next boot."""

    def make() -> None:
        with _meanwhile(POLICY, NO_SERVICES, mode=0o755), _meanwhile(CLUSTERS, NO_CLUSTER, mode=0o644):
            if missing := missing_packages(names):
                install_packages(missing)

    def done() -> bool:
        return not missing_packages(names) and not _is(POLICY, NO_SERVICES) and not _is(CLUSTERS, NO_CLUSTER)

    return Step("servers", done, make)


@contextlib.contextmanager
def _meanwhile(file: Path, text: str, *, mode: int) -> Iterator[None]:
    """Have `file` say `text`; what the machine says there itself stays as it is.

    One of ours that is there already was left by a run that was killed. Folders that are made for it go with it.
    """
    if os.geteuid() != 0 or (file.exists() and not _is(file, text)):
        yield
        return
    made = [folder for folder in file.parents if not folder.exists()]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    file.chmod(mode)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
        for folder in made:
            with contextlib.suppress(OSError):  # something else is in it now
                folder.rmdir()


def _is(file: Path, text: str) -> bool:
    try:
        return file.read_text("utf-8", "replace") == text
    except OSError:
        return False
