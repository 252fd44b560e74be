"""Real Trytons for tests: installed once into `$CTI_CACHE` (or `.cache`), each started with a database of its own.

`tests/crm/tryton_line.py` has the line between the bridge and a Tryton, on which things can go wrong.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from demo.asterisk import REPOSITORY
from demo.tryton import Installation, TrytonServer
from demo.tryton_install import install

SERIES = ("8.0", pytest.param("7.0", marks=pytest.mark.soak))
"""What is tried on both series."""
CACHE = Path(os.environ.get("CTI_CACHE", REPOSITORY / ".cache"))
_CHEAP_LOGINS = """\
from contextlib import suppress

with suppress(ImportError):  # the older series keeps passwords in another way
    from pwdlib.hashers.argon2 import Argon2Hasher

    Argon2Hasher.__init__.__defaults__ = (1, 8, 1, *Argon2Hasher.__init__.__defaults__[3:])
"""
"""Nearly every test logs in, and every login was a fifth of a second of work; how passwords are kept is not tried."""
INSTALLING_S = 900
"""Where nothing was prepared, the test that comes first waits for the installation."""


@cache
def installed(series: str) -> Installation:
    """One series; several processes at once install it only once."""
    return install(CACHE, series)


@contextmanager
def running(series: str, folder: Path, *, as_typed: bool = False, with_database: bool = True) -> Iterator[TrytonServer]:
    """A Tryton with the prepared database, gone afterwards."""
    modules = folder / "modules"
    modules.mkdir(parents=True, exist_ok=True)
    (modules / "sitecustomize.py").write_text(_CHEAP_LOGINS)
    with TrytonServer(
        installed(series), folder, as_typed=as_typed, with_database=with_database, modules=modules
    ) as server:
        yield server
