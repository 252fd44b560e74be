"""All that keeps the record of calls: the journal, who is told of it, what reads it beside, and what cleans it."""

import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import structlog

from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_file import MissedCalls
from cti_bridge.calls.journal_heard import finished_since, heard_until
from cti_bridge.calls.journal_history import JournalHistory
from cti_bridge.calls.journal_retention import Keep, Retention
from cti_bridge.calls.journal_work_reader import WorkReader
from cti_bridge.calls.record import DecisionRecord
from cti_bridge.crm.port import Crm
from cti_bridge.database import DatabaseUnusable
from cti_bridge.delivery.dispatch import Dispatch
from cti_bridge.delivery.reports import CrmUser
from cti_bridge.delivery.sink import Sink
from cti_bridge.delivery.webhook import WebhookSink
from cti_bridge.delivery.zammad import ZammadSink
from cti_bridge.reception.crm_reports import CrmSink
from cti_bridge.reception.late_choices import LateChoices
from cti_bridge.reception.restored import restored
from cti_bridge.reception.switchboard import Switchboard
from cti_bridge.reception.why import Why
from cti_bridge.settings import ReceiverKind, ReceiverSettings, Settings

log = structlog.get_logger(__name__)

RESTORED_FOR_S = 12 * 3600.0
"""Calls that began longer ago than this are not taken up again after a restart."""


_MARGIN_S = 2.0
"""AMI and Asterisk's records need not have the same moment at the same time."""
_CLOCK_SET_BACK_S = 3600.0
"""How far is looked back where the last time that is known lies ahead of the clock."""


class RecordKeeping:
    """The journal's file and everybody who works with it; `on_state` hears how the journal is."""

    def __init__(
        self, settings: Settings, *, crm: Crm, crm_user: CrmUser, on_state: Callable[[str, str], None]
    ) -> None:
        path = settings.data_dir / "calls.sqlite"
        sinks = [_sink(receiver) for receiver in settings.reports]
        of_crm = CrmSink(crm) if settings.report_to_crm else None
        if of_crm is not None:
            sinks.append(of_crm)
        self.dispatch = Dispatch(sinks, crm_user=crm_user)
        self.journal = Journal(path, on_state=on_state, companion=self.dispatch.writer)
        self.dispatch.connect(self.journal)
        self._choices: LateChoices | None = None
        if of_crm is not None and not of_crm.customers_only:
            self._choices = LateChoices(self.journal, self.dispatch.writer, of_crm.name)
        self.missed = MissedCalls(path)
        self.history = JournalHistory(path)
        self.work = WorkReader(path)
        keep = Keep(facts_s=settings.retention.facts_s, calls_s=settings.retention.calls_s)
        self._retention = Retention(self.journal, keep)

    async def open(self) -> None:
        """Open the file; without it calls are decided all the same, and wait in memory until it can be written."""
        with contextlib.suppress(DatabaseUnusable):
            await self.journal.open()

    async def restore_into(self, switchboard: Switchboard, *, why: Callable[[DecisionRecord], Why]) -> None:
        """Take up the calls that were going on when the bridge stopped; those that are too old are over.

        `why` finds out again why one was decided as it was.
        """
        oldest = time.time() - RESTORED_FOR_S
        try:
            records = await self.journal.open_calls(since=oldest)
        except DatabaseUnusable as error:
            log.error("journal.not_restored", reason=str(error))
            return
        for record in reversed(records):  # the oldest first, as they came
            call, card = restored(record)
            switchboard.restore(call, replace(card, why=why(record.decision)) if record.decision else card, record)
        if records:
            log.info("calls.restored", calls=len(records))
        try:
            await self.journal.close_older(than=oldest)
        except DatabaseUnusable as error:  # the next start closes them
            log.error("journal.not_restored", reason=str(error))

    async def known_until(self, switchboard: Switchboard) -> float | None:
        """From when on Asterisk's records are to be read: what came later may not be on disk; None if nothing is.

        It is also since when the oldest call goes on that was taken up. Calls that ended since are the book's to know.
        """
        pbx, begun = switchboard.book.pbx, [call.offered_at for call in switchboard.book.live()]
        try:
            heard = await self.journal.ask(lambda database: heard_until(database, pbx), within_s=2.0)
            if heard is not None and heard > (now := time.time()):
                heard = now - _CLOCK_SET_BACK_S
            since = min([heard, *begun] if heard is not None else begun, default=None)
            if since is None:
                return None
            finished = await self.journal.ask(lambda database: finished_since(database, since - 60.0), within_s=10.0)
        except DatabaseUnusable as error:
            log.error("journal.not_restored", reason=str(error))
            return None
        for channel, at, was_called in reversed(finished):  # the latest are remembered for longest
            switchboard.book.finished(channel, at, was_called=was_called)
        return since - _MARGIN_S

    def parts(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """What has to run until the end, each with its name."""
        yield "journal", self.journal.run
        yield "retention", self._retention.run
        for courier in self.dispatch.couriers:
            yield f"reports to {courier.name}", courier.run
        yield "outbox", self.dispatch.watch
        if self._choices is not None:
            yield "late choices", self._choices.run


def _sink(receiver: ReceiverSettings) -> Sink:
    kind = WebhookSink if receiver.kind is ReceiverKind.WEBHOOK else ZammadSink
    return kind(
        receiver.name,
        receiver.url,
        receiver.secret,
        timeout_s=receiver.timeout_s,
        max_age_s=receiver.max_age_s,
    )
