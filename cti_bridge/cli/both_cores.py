"""Past calls compared on every core: the reader hands out parts, processes decide them, the counts come back in order.

The processes are new ones and no forks: a fork would take along whatever threads, locks and descriptors there are.
Expressions that are compiled cannot be sent, so each process reads the rule texts itself. That takes a second or so,
and a few thousand calls are decided sooner, so those are decided here.
"""

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path

from cti_bridge.cli.compare_process import Versions
from cti_bridge.routing.replay import PastCall, Tally

FEW_PARTS = 8
"""So many parts are decided in this process; only for more it is worth to start others."""
_PROGRAM = "cti_bridge.cli.compare_process"
_LEAVES_S = 2.0


class WorkerLost(Exception):
    """A process that compared calls is gone, which the system does when memory is short."""

    def __init__(self) -> None:
        super().__init__("a process that compared calls was ended; is there too little memory?")


def tallies(versions: Versions, parts: Iterable[Sequence[PastCall]], *, processes: int) -> Iterator[Tally]:
    """The tally of each part, in order. Raises WorkerLost.

    At most one part for each process is on its way, so memory does not depend on how many there are.
    """
    following = iter(parts)
    first = list(islice(following, FEW_PARTS)) if processes > 1 else []
    if len(first) < FEW_PARTS:
        compare = versions.comparer()
        yield from map(compare, chain(first, following))
        return
    with _workers(processes) as workers:
        for worker in workers:
            worker.tell(versions)
        yield from _in_turn(workers, chain(first, following))


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def _workers(count: int) -> Iterator[list["_Worker"]]:
    """Processes that compare. Their input ends with this process, and so do they, also when it is killed."""
    workers: list[_Worker] = []
    done = False
    try:
        for _ in range(count):
            workers.append(_Worker())
        yield workers
        done = True
    finally:
        for worker in workers:
            worker.end(at_once=not done)


def _in_turn(workers: Iterable["_Worker"], parts: Iterator[Sequence[PastCall]]) -> Iterator[Tally]:
    """One part for each process at a time; who is asked first is heard first."""
    idle, busy = deque(workers), deque[_Worker]()
    for part in parts:
        if not idle:
            idle.append(busy.popleft())
            yield idle[0].tally()
        idle[0].tell(part)
        busy.append(idle.popleft())
    for worker in busy:
        yield worker.tally()


class _Worker:
    """One process, in a group of its own: Ctrl-C at a terminal is for the one that was typed in."""

    def __init__(self) -> None:
        path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)  # so that it is the same program
        self._process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-m", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            process_group=0,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("both are pipes")
        self._asked, self._told = self._process.stdin, self._process.stdout

    def tell(self, what: object) -> None:
        """Send it something. Raises WorkerLost."""
        try:
            pickle.dump(what, self._asked)
            self._asked.flush()
        except BrokenPipeError:
            raise WorkerLost from None

    def tally(self) -> Tally:
        """What it found. Raises WorkerLost."""
        try:
            tally: Tally = pickle.load(self._told)  # noqa: S301 - from our own process
        except (EOFError, pickle.UnpicklingError):
            raise WorkerLost from None
        return tally

    def end(self, *, at_once: bool) -> None:
        """See it off; all it did is known or not wanted any more."""
        if at_once:
            self._process.kill()
        with suppress(BrokenPipeError):
            self._asked.close()
        try:
            self._process.wait(_LEAVES_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._told.close()
