"""The one line in which everything that happens to calls is taken in, strictly one after another, and bounded.

A snapshot has its place in it too: from the moment it is asked for. What came before belongs before it, and is taken
in while Asterisk answers; what comes after waits until the snapshot has been applied.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog

from cti_bridge.calls.events import CallEvent, Snapshot

T = TypeVar("T")

log = structlog.get_logger(__name__)

MAX_WAITING = 20_000
"""Events that may wait; at 15 events a call and 200 calls/s that is seven seconds of standing still."""

AT_A_STRETCH = 50
"""So many waiting events are taken in before everything else has its turn."""


class CallSink(Protocol):
    """Who wants to know what happens to calls. No method may block."""

    def take(self, event: CallEvent) -> None:
        """One thing happened."""

    def look_back(self, event: CallEvent, *, maybe_heard: bool) -> None:
        """One thing happened earlier, and has been found out now, or was heard then; a snapshot follows."""

    def resync(self, snapshot: Snapshot) -> None:
        """The connection is new, or the calls are to be checked: this is all there is now."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a snapshot belongs that is still being asked for; None when there will be none."""

    snapshot: asyncio.Future[Snapshot | None]
    taken: asyncio.Future[None]


class Inbox:
    """Feeds a sink. `run` has to run as long as anything is put in."""

    def __init__(self, sink: CallSink, *, limit: int = MAX_WAITING) -> None:
        self.lost = 0
        """Events for which there was no room."""
        self._sink = sink
        self._line: asyncio.Queue[CallEvent | _Place] = asyncio.Queue(limit)

    @property
    def waiting(self) -> int:
        """How many are in the line."""
        return self._line.qsize()

    def put(self, event: CallEvent) -> bool:
        """Put an event at the end of the line; False when there is no room, and then it is lost."""
        try:
            self._line.put_nowait(event)
        except asyncio.QueueFull:
            self.lost += 1
            return False
        return True

    async def resync(self, ask: Callable[[], Awaitable[Snapshot]]) -> None:
        """Ask for a snapshot and have it applied in its place; returns when that is done. Raises what `ask` raises."""
        loop = asyncio.get_running_loop()
        place = _Place(loop.create_future(), loop.create_future())
        await self._line.put(place)
        try:
            snapshot = await ask()
        except BaseException:
            _settle(place.snapshot, None)
            raise
        _settle(place.snapshot, snapshot)
        await place.taken

    async def run(self) -> None:
        """Take in what is put in, until cancelled."""
        taken = 0
        while True:
            item = await self._line.get()
            try:
                if isinstance(item, _Place):
                    await self._take_snapshot(item)
                else:
                    self._sink.take(item)
            except Exception:
                # One event that we fail on must not end the pops of everybody else.
                log.exception("event.failed", kind=type(item).__name__.strip("_"))
            taken += 1
            if taken % AT_A_STRETCH == 0:
                await asyncio.sleep(0)  # a queue that is not empty never lets others have their turn

    async def _take_snapshot(self, place: _Place) -> None:
        try:
            snapshot = await place.snapshot
            if snapshot is not None:
                await self._tell_the_past(snapshot)
                self._sink.resync(snapshot)
        finally:
            _settle(place.taken, None)

    async def _tell_the_past(self, snapshot: Snapshot) -> None:
        for told, event in enumerate(snapshot.past, start=1):
            try:
                self._sink.look_back(event, maybe_heard=event.at <= snapshot.heard_until)
            except Exception:
                log.exception("event.failed", kind=type(event).__name__)
            if told % AT_A_STRETCH == 0:
                await asyncio.sleep(0)


def _settle(future: asyncio.Future[T], result: T) -> None:
    """Give the result to whoever waits, unless he has given up."""
    if not future.done():
        future.set_result(result)
