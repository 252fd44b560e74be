"""A port of loopback for a server that may be stopped and started again at the same place."""

import contextlib
import random
import socket

_PORTS = range(12_000, 32_000)
"""Below those that the kernel hands out by itself: nobody has one of these by chance while its server is away."""
_ATTEMPTS = 100


def lasting_port() -> int:
    """Return a free port of 127.0.0.1. Raises RuntimeError when none is to be found."""
    for port in random.SystemRandom().sample(_PORTS, _ATTEMPTS):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"none of {_ATTEMPTS} ports is free")
