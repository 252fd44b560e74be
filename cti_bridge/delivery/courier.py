"""A courier carries the reports of one receiver: in order for each call, several calls at a time, until they are taken.

One pass of its loop is one transaction: what became of the attempts since the last pass is written, and what is due
next is read. An attempt whose outcome is not on disk yet counts as under way, so nothing is sent twice because the disk
is slow; after a crash it is, with the same key. A receiver that fails again and again is left alone for longer and
longer and then asked with one report, so a long outage costs neither side anything.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog
from sqlite_utils import Database

from cti_bridge.backoff import delays
from cti_bridge.database import DatabaseUnusable
from cti_bridge.delivery import outbox
from cti_bridge.delivery.http_post import CONCURRENT
from cti_bridge.delivery.outbox import Entry
from cti_bridge.delivery.patience import Patience
from cti_bridge.delivery.sink import Sink
from cti_bridge.delivery.verdict import Delivered, Refused, TryAgain, Verdict, wait_s
from cti_bridge.domain.ids import CallId
from cti_bridge.http_peers import LONGEST_ASKED_S

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
"""How often the outbox is looked at without being told: a command of another process may have changed it."""
GATHER_S = 0.2
"""Seconds that a finished attempt may wait for others, or for the next new report, to be written down with them."""
DOWN_AFTER = 5
"""So many failures in a row and the receiver counts as down; of answers that may mean the report, one of each call."""
LONGEST_PAUSE_S = 30.0
_DISK_S = 10.0
_DISK_AGAIN_S = 1.0
T = TypeVar("T")


class OutboxFile(Protocol):
    """The file that the outbox is in."""

    async def ask(self, work: Callable[[Database], T], *, within_s: float) -> T:
        """What `work` finds, or does, on the file's own thread. Raises DatabaseUnusable."""
        ...


@dataclass(slots=True)
class Counts:
    """What one courier did since the start."""

    sent: int = 0
    failed: int = 0
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class _Attempt:
    entry: Entry
    verdict: Verdict


class Courier:
    """Delivers what lies in the outbox for one sink."""

    def __init__(
        self,
        sink: Sink,
        file: OutboxFile,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts = Counts()
        self._sink = sink
        self._file = file
        self._now = now
        self._monotonic = monotonic
        self._patience = Patience(sink.max_age_s)
        self._on_the_way: dict[CallId, asyncio.Task[None]] = {}
        self._finished: dict[CallId, _Attempt] = {}
        self._changed = asyncio.Event()
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._behind = False
        """More was due in the latest pass than may be under way: whoever is done makes room for the next at once."""
        self._later: asyncio.TimerHandle | None = None
        self._failures = 0
        self._failing: set[CallId] = set()
        self._pauses = delays(longest_s=LONGEST_PAUSE_S)
        self._paused_until = 0.0
        self._in_trouble = False

    @property
    def name(self) -> str:
        """The sink's name."""
        return self._sink.name

    @property
    def down(self) -> bool:
        """Whether the receiver fails whatever it is sent."""
        return self._failures >= DOWN_AFTER

    def look(self) -> None:
        """There may be something to do."""
        self._changed.set()

    async def run(self) -> None:
        """Deliver until stopped or cancelled; what is under way when it is cancelled stays in the outbox."""
        self._idle.clear()
        try:
            while self._on_the_way or not self._stopping:
                self._changed.clear()
                self._wait_no_longer()
                pause_s = await self._pass()
                if self._stopping and not self._on_the_way:
                    break
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), pause_s)
        finally:
            await self._abandon()
            self._wait_no_longer()
            self._idle.set()

    async def stop(self, *, within_s: float) -> None:
        """Begin nothing more, give what is under way that time and have it written, and close the sink."""
        self._stopping = True
        self.look()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), within_s)
        await self._abandon()
        await self._sink.close()

    async def _abandon(self) -> None:
        for task in (tasks := list(self._on_the_way.values())):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._on_the_way = {call: task for call, task in self._on_the_way.items() if call in self._finished}

    async def _pass(self) -> float:
        """Settle what is finished and begin what is due; seconds until there is something to do again."""
        slots = 0 if self._stopping else self._slots()
        try:
            found = await self._settle(slots=slots)
        except DatabaseUnusable as error:
            if not self._in_trouble:
                log.error("outbox.trouble", sink=self.name, reason=str(error))
            self._in_trouble = True
            return _DISK_AGAIN_S
        self._in_trouble = False
        now, running = self._now(), self._monotonic()
        waits = [
            (entry, self._patience.wait_s(entry, now, running))
            for entry in found
            if entry.call_id not in self._on_the_way
        ]
        ready = [entry for entry, wait in waits if not wait]
        self._behind = len(ready) > slots
        for entry in ready[:slots]:
            self._on_the_way[entry.call_id] = asyncio.create_task(self._carry(entry), name=f"report-{entry.key}")
        return max(0.01, min([LOOK_EVERY_S, *(wait for _, wait in waits if wait)]))

    def _slots(self) -> int:
        """How many more may be under way now: none in a pause, and one for a receiver that is down."""
        if self._monotonic() < self._paused_until:
            return 0
        busy = len(self._on_the_way) - len(self._finished)  # those make room in this very pass
        return max(0, (1 if self.down else CONCURRENT) - busy)

    async def _carry(self, entry: Entry) -> None:
        try:
            verdict = await self._sink.send(entry)
        except Exception as error:
            log.exception("report.failed", sink=self.name, report=entry.key)
            verdict = TryAgain(f"failed ({type(error).__name__})")
        self._finished[entry.call_id] = _Attempt(entry, verdict)
        self._note(entry, verdict)
        if self._behind or self._stopping:
            self.look()
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(GATHER_S, self.look)

    def _wait_no_longer(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _note(self, entry: Entry, verdict: Verdict) -> None:
        """How the receiver is, from one answer; a refusal is an answer, too."""
        if not isinstance(verdict, TryAgain):
            if self.down:
                log.info("sink.up", sink=self.name)
            self._failures = 0
            self._failing.clear()
            self._pauses = delays(longest_s=LONGEST_PAUSE_S)
            return
        again = verdict.may_be_the_report and entry.call_id in self._failing
        if not self.down and not again:  # one report that breaks the receiver does not make it down
            self._failures += 1
            self._failing.add(entry.call_id)
            if self.down:
                log.warning("sink.down", sink=self.name, reason=verdict.reason)
        now = self._monotonic()
        pause_s = next(self._pauses) if self.down and now >= self._paused_until else 0.0
        # Who asks for patience means himself and not the one report.
        self._paused_until = max(self._paused_until, now + max(pause_s, verdict.after_s or 0.0))

    async def _settle(self, *, slots: int) -> list[Entry]:
        """Write what became of the finished attempts; what is due next comes back."""
        finished = list(self._finished.values())
        now = self._now()
        self._patience.look(now, self._monotonic())
        limit = len(self._on_the_way) + slots + 1
        too_old = self._patience.over_before(now) if self.down else None
        waits = {attempt.entry.call_id: self._wait_s(attempt, now) for attempt in finished}

        def work(database: Database) -> tuple[int, list[Entry]]:
            with database.conn:
                for attempt in finished:
                    self._write(database, attempt, waits[attempt.entry.call_id], now)
                outbox.redate(database.conn, self.name, now=now, latest_due=now + LONGEST_ASKED_S + outbox.SET_S)
                expired = 0
                if too_old is not None:
                    expired = outbox.give_up_older(
                        database.conn, self.name, than=too_old, reason="the receiver was down for too long", now=now
                    )
                return expired, outbox.next_due(database.conn, self.name, limit=limit)

        expired, found = await self._file.ask(work, within_s=_DISK_S)
        for attempt in finished:
            del self._finished[attempt.entry.call_id], self._on_the_way[attempt.entry.call_id]
            self._count(attempt, waits[attempt.entry.call_id])
        if expired:
            self.counts.given_up += expired
            log.error("reports.expired", sink=self.name, reports=expired)
        return found

    def _wait_s(self, attempt: _Attempt, now: float) -> float | None:
        """How long until the next attempt; None when there is none."""
        left_s = self._patience.left_s(attempt.entry.since, now)
        if not isinstance(attempt.verdict, TryAgain) or left_s <= 0:
            return None
        return min(wait_s(attempt.entry.attempts + 1, attempt.verdict.after_s), left_s)

    def _write(self, database: Database, attempt: _Attempt, wait: float | None, now: float) -> None:
        entry = attempt.entry
        match attempt.verdict:
            case Delivered():
                outbox.delivered(database.conn, entry, now=now)
            case TryAgain() as again if wait is not None:
                outbox.postponed(database.conn, entry, due_at=now + wait, reason=again.reason)
            case Refused() | TryAgain() as failure:
                outbox.given_up(database.conn, entry, reason=failure.reason, now=now)

    def _count(self, attempt: _Attempt, wait: float | None) -> None:
        entry = attempt.entry
        if wait is not None:
            self.counts.failed += 1
            self._patience.wait(entry, self._monotonic() + wait)
            return
        self._patience.settled(entry)
        match attempt.verdict:
            case Delivered():
                self.counts.sent += 1
            case Refused(reason) | TryAgain(reason):
                self.counts.failed += 1
                self.counts.given_up += 1
                log.error("report.dead", sink=self.name, report=entry.key, type=entry.type.value, reason=reason)
