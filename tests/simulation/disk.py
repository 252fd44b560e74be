"""The ledger of the simulation on a real disk: the daemon's journal and outbox, killed and opened again."""

import asyncio
import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

from cti_bridge.calls.journal import MAX_WAITING, Journal
from cti_bridge.calls.record import CallRecord
from cti_bridge.calls.waiting import WaitingCalls
from cti_bridge.delivery.outbox_writer import OutboxWriter, Receiver
from cti_bridge.delivery.reports import Report, ReportType
from cti_bridge.domain.ids import CallId
from simulation.clock import Clock
from simulation.ledger import Ledger
from simulation.reports import Reports

WRITTEN_WITHIN_S = 60.0


class DiskLedger(Ledger):
    """Writes as the daemon does; what is on disk at a kill is up to the machine, and the promises hold in any case."""

    receivers = frozenset({"webhook", "crm"})

    def __init__(self, clock: Clock, reports: Reports, path: Path) -> None:
        super().__init__(clock, reports)
        self._path = path
        self._kept: dict[CallId, CallRecord] = {}
        self._journal = self._new()
        self._writes: asyncio.Task[None] | None = None

    def _new(self) -> Journal:
        receivers = [Receiver(name, frozenset(ReportType)) for name in sorted(self.receivers)]
        writer = OutboxWriter(receivers, crm_user=lambda _: "", on_written=lambda: None, now=lambda: self._clock.now)
        return Journal(self._path, on_state=lambda _state, _reason: None, companion=writer)

    async def open(self) -> None:
        """Open the file and begin to write; comes first."""
        await self._journal.open()
        self._writes = asyncio.create_task(self._journal.run())

    def keep(self, record: CallRecord) -> None:
        """As the daemon's journal is told."""
        self._reports.kept(record)
        self._kept[record.id] = record
        self._journal.keep(record)

    def forget(self) -> None:
        """What has not been written is gone with the process."""
        super().forget()
        self._journal._waiting = WaitingCalls(MAX_WAITING)

    async def open_calls(self) -> list[CallRecord]:
        """A new process opens the file that the killed one left."""
        await self._stop()
        self._journal = self._new()
        await self.open()
        return list(reversed(await self._journal.open_calls(since=0.0)))

    async def _stop(self) -> None:
        if self._writes is not None:
            self._writes.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writes
        await self._journal.close(within_s=WRITTEN_WITHIN_S)

    async def close(self) -> None:
        """Write what still waits, and hold what is on disk against what may be told."""
        await self._stop()
        self._journal = self._new()
        await self._journal.open()
        for record in [*await self._journal.open_calls(since=0.0), *await self._ended()]:
            self.records[record.id] = replace(record, legs=self._kept[record.id].legs)
        await self._journal.close(within_s=WRITTEN_WITHIN_S)
        with contextlib.closing(sqlite3.connect(self._path)) as connection:
            rows = connection.execute("SELECT call_id, sink, seq, type, body FROM outbox ORDER BY sink, call_id, seq")
            for call, sink, seq, kind, body in rows:
                self._reports.told(sink, Report(CallId(call), seq, ReportType(kind), body))

    async def _ended(self) -> list[CallRecord]:
        found: list[CallRecord] = []
        for caller in {record.caller for record in self._kept.values()}:
            found += await self._journal.calls_from(caller, limit=10_000, but=CallId(""))
        return [record for record in found if record.ended_at is not None]
