"""Operators' states on their way to the journal: they wait in memory as long as the disk cannot be written."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Protocol, TypeVar

import structlog
from sqlite_utils import Database

from cti_bridge.calls.journal_states import GROUP, write_states
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.state_period import StatePeriod

log = structlog.get_logger(__name__)
T = TypeVar("T")

MAX_WAITING = 20_000
"""States that may wait for the disk; then the oldest is lost."""
RETRY_S = 1.0
GATHER_S = 0.2
"""Seconds between two groups: what changes several times meanwhile is written once."""
_WITHIN_S = 10.0


class StateJournal(Protocol):
    """Who has the journal open."""

    def ask(self, work: Callable[[Database], T], *, within_s: float) -> Awaitable[T]:
        """Do this on the journal's thread. Raises DatabaseUnusable."""


class StateRows:
    """What is to be written, the latest of each state once."""

    def __init__(self, journal: StateJournal, *, max_waiting: int = MAX_WAITING, retry_s: float = RETRY_S) -> None:
        self.written = 0
        """States that reached the disk, each as often as it changed."""
        self.dropped = 0
        """States that were lost because too many waited."""
        self._journal = journal
        self._max_waiting = max_waiting
        self._retry_s = retry_s
        self._waiting: OrderedDict[tuple[OperatorId, int], StatePeriod] = OrderedDict()
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._well = True

    def __len__(self) -> int:
        return len(self._waiting)

    def keep(self, period: StatePeriod) -> None:
        """Have a state written soon; never blocks."""
        key = (period.operator, period.number)
        self._waiting[key] = period
        self._waiting.move_to_end(key)
        if len(self._waiting) > self._max_waiting:
            self._waiting.popitem(last=False)
            self.dropped += 1
        self._wake.set()

    async def run(self) -> None:
        """Write what waits, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                well = await self.write()
                await asyncio.sleep(GATHER_S if well else self._retry_s)

    async def write(self) -> bool:
        """Write a group of what waits; whether the disk took it. What it did not take waits on."""
        async with self._writing:  # else each of a thousand who wait would have the same group written
            return await self._write()

    async def _write(self) -> bool:
        group = list(islice(self._waiting.items(), GROUP))
        if not group:
            return True
        try:
            await self._journal.ask(
                lambda database: write_states(database, [row for _, row in group]), within_s=_WITHIN_S
            )
        except DatabaseUnusable as error:
            if self._well:
                log.error("states.not_written", reason=str(error), waiting=len(self._waiting))
            self._well = False
            return False
        if not self._well:
            log.info("states.written", states=len(group))
        self._well = True
        self.written += len(group)
        for key, row in group:
            if self._waiting.get(key) is row:  # it may have changed while it was being written
                del self._waiting[key]
        return True

    async def written_soon(self, operator: OperatorId, *, within_s: float) -> None:
        """Return once all that waits of this operator is on disk, or cannot be written, or after so many seconds."""
        his = [key for key in self._waiting if key[0] == operator]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                async with self._writing:
                    while any(key in self._waiting for key in his):
                        if not await self._write():
                            return

    async def close(self, *, within_s: float) -> None:
        """Write what still waits, as far as the time allows."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._waiting and await self.write():
                    pass
        if self._waiting:
            log.error("states.unfinished", states=len(self._waiting))
