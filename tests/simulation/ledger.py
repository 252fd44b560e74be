"""The journal and the outbox of the simulation: records become reports when they are committed, in groups.

`Ledger` keeps them in memory and asks the daemon's own `due` what is to be told.
"""

from collections.abc import Callable

from cti_bridge.calls.journal import GATHER_S
from cti_bridge.calls.journal_rows import record_of, row_of
from cti_bridge.calls.record import CallRecord
from cti_bridge.delivery.reports import Report, Told, due
from cti_bridge.domain.ids import CallId
from simulation.clock import Clock
from simulation.reports import Reports

RECEIVER = "webhook"
"""Receivers do not know of one another; in memory there is one."""

Due = Callable[..., tuple[tuple[Report, ...], Told]]


class Ledger:
    """What is on disk and what is not yet; a kill loses the latter, never half of a group."""

    receivers = frozenset({RECEIVER})

    def __init__(self, clock: Clock, reports: Reports, *, what_is_due: Due = due) -> None:
        self.records: dict[CallId, CallRecord] = {}
        """As committed."""
        self._clock = clock
        self._reports = reports
        self._due = what_is_due
        self._told: dict[CallId, Told] = {}
        self._waiting: dict[CallId, CallRecord] = {}
        self._lives = 0

    async def open(self) -> None:
        """Comes first."""

    def keep(self, record: CallRecord) -> None:
        """The journal's part: the latest state of each call, written with the next group."""
        self._reports.kept(record)
        if not self._waiting:
            life = self._lives
            self._clock.after(GATHER_S, lambda: self._commit() if life == self._lives else None)
        self._waiting[record.id] = record

    def _commit(self) -> None:
        group, self._waiting = self._waiting, {}
        for record in group.values():
            self.records[record.id] = record
            reports, self._told[record.id] = self._due(
                self._told.get(record.id, Told()), record, now=self._clock.now, crm_user=lambda _: ""
            )
            for report in reports:
                self._reports.told(RECEIVER, report, record)

    def forget(self) -> None:
        """The process is gone."""
        self._waiting.clear()
        self._lives += 1
        self._reports.forget()

    async def open_calls(self) -> list[CallRecord]:
        """The calls that had not ended when they were last written, oldest first, through the journal's row."""
        return [record_of(row_of(record)) for record in self.records.values() if record.ended_at is None]

    async def close(self) -> None:
        """Write what still waits."""
        self._commit()
