"""How far a long work is, on stderr: a bar where that is a terminal, else a line now and then."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from cti_bridge.cli.terminal import printable

_PLAIN_EVERY_S = 5.0

Progress = Callable[[str, int, int], None]
"""Hears what is being done, how much of it is done, and how much there is in all (0: nobody knows)."""


@contextmanager
def progress(name: str) -> Iterator[Progress]:
    """Show it, under this name, as long as the block lasts."""
    if not sys.stderr.isatty():
        yield _PlainProgress(name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    layout = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bars(*layout, console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(doing: str, done: int, whole: int) -> None:
            if doing not in tasks:
                tasks[doing] = bars.add_task(f"{printable(name)}: {doing}", total=None)
            bars.update(tasks[doing], completed=done, total=whole or None)

        yield show


class _PlainProgress:
    """A line every few seconds; what is short says nothing."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._said_at = monotonic()

    def __call__(self, doing: str, done: int, whole: int) -> None:
        if monotonic() - self._said_at >= _PLAIN_EVERY_S:
            self._said_at = monotonic()
            print(printable(f"{self._name}: {doing} {100 * done // max(1, whole)} %"), file=sys.stderr)
