"""Real Trytons for tests: installed once into `$CTI_CACHE` (or `.cache`), each started with a database of its own.

`tests/crm/tryton_line.py` has the line between the bridge and a Tryton, on which things can go wrong.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from demo.asterisk import REPOSITORY
from demo.tryton import Installation, TrytonServer, install

CACHE = Path(os.environ.get("CTI_CACHE", REPOSITORY / ".cache"))
INSTALLING_S = 900
"""A test that comes first may have to wait for the installation."""


@cache
def installed(series: str) -> Installation:
    """One series; several processes at once install it only once."""
    return install(CACHE, series, say=lambda text: print(text, flush=True))


@contextmanager
def running(series: str, folder: Path, *, as_typed: bool = False, with_database: bool = True) -> Iterator[TrytonServer]:
    """A Tryton with the prepared database, gone afterwards."""
    with TrytonServer(installed(series), folder, as_typed=as_typed, with_database=with_database) as server:
        yield server
