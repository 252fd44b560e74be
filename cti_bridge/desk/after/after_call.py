"""What operators write down about their calls: kept at once, bit by bit, and told to the CRM when they are through.

It counts as finished when the operator says so, when his wrap-up is over, or some time after he last saved something
and is with that call no longer. What is changed afterwards is told once more.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import tzinfo

import structlog
from sqlite_utils import Database

from cti_bridge.calls import journal_after
from cti_bridge.calls.after_call import AboutCall, AfterCall
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_forgotten import forgotten_among
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.after.after_checks import (
    Changes,
    after_view,
    merged,
    missing,
    note_text,
    says_the_same,
)
from cti_bridge.desk.after.after_ports import NoteWriter, Pages, Parts, nobody_takes_notes
from cti_bridge.desk.after.late_notes import LateNotes
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.operators.command_list import CommandRefused
from cti_bridge.operators.desk_settings import DeskSettings
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.wire import AfterView

log = structlog.get_logger(__name__)

OPEN_S = 12 * 3600.0
"""So long after its end can something be written down about a call: what came of it is known by the end of a shift."""
SETTLED_S = 120.0
"""Whoever has saved nothing for so long, and is neither in the call nor in its wrap-up, is through with it."""
KEPT = 20
"""Of each operator what he wrote down last is kept in memory: his page asks for it when it comes back."""
MOST_UNFINISHED = 10_000
LOOK_EVERY_S = 5.0
FORGET_EVERY_S = 60.0
WITHIN_S = 5.0

_Key = tuple[CallId, OperatorId]


class AfterCalls:
    """What is written down about calls. `run` has to run as long as it is used; everything is on the event loop."""

    def __init__(
        self,
        settings: DeskSettings,
        journal: Journal,
        hub: Pages,
        parts: Parts,
        *,
        directory: Callable[[], Directory],
        zone: Callable[[], tzinfo],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.write_note: NoteWriter = nobody_takes_notes
        """Who brings notes to the CRM."""
        self.is_wrapping_up: Callable[[OperatorId, CallId], bool] = lambda operator, call: False
        """Whether this operator is in the wrap-up of this call."""
        self.on_saved: Callable[[OperatorId, CallId, frozenset[str]], None] = lambda operator, call, missing: None
        """Hears what is still missing whenever something was written down."""
        self._settings = settings
        self._journal = journal
        self._hub = hub
        self._parts = parts
        self._directory = directory
        self._zone = zone
        self._now = now
        self._kept: dict[OperatorId, OrderedDict[CallId, AfterCall]] = {}
        self._unfinished: dict[_Key, float] = {}
        """What is to be told to the CRM, with the time when it was saved."""
        self._through: set[_Key] = set()
        self.late = LateNotes(journal, parts, self._note, now=now)
        """What could not be told because nobody knew whose call it was."""
        self._wake = asyncio.Event()
        self._unwell = False
        self._restored = True
        self._look_at = 0.0

    async def open(self) -> None:
        """Take up what an earlier run left: what operators wrote down lately, and what the CRM was not told of."""
        since = self._now() - OPEN_S
        try:
            lately = await self._journal.ask(
                lambda database: journal_after.latest_after_calls(database, since=since, limit=MOST_UNFINISHED),
                within_s=WITHIN_S,
            )
            await self.late.open()
            open_ones = await self._journal.ask(
                lambda database: journal_after.unfinished(database, limit=MOST_UNFINISHED), within_s=WITHIN_S
            )
        except DatabaseUnusable as error:
            if self._restored:
                log.error("after.not_restored", reason=str(error))
            self._restored = False  # tried again in the next round
            return
        self._restored = True
        for after in reversed(lately):
            self._keep(after)
        self._unfinished = {(after.call, after.operator): after.saved_at for after in open_ones} | self._unfinished

    # What others ask ------------------------------------------------------------------------------------------------

    def missing_of(self, operator: OperatorId, call: CallId) -> frozenset[str]:
        """The fields that this operator has still to fill in for this call."""
        return missing(self._kept_of(operator).get(call), self._settings)

    def view(self, operator: OperatorId, call: CallId) -> AfterView | None:
        """What this operator has written down about this call, as his page gets it."""
        after = self._kept_of(operator).get(call)
        return after_view(after, self._settings) if after is not None else None

    def views(self, operator: OperatorId) -> list[AfterView]:
        """What this operator wrote down last, the latest first."""
        since = self._now() - OPEN_S
        kept = reversed(self._kept_of(operator).values())
        return [after_view(after, self._settings) for after in kept if after.saved_at >= since]

    async def find(self, operator: OperatorId, call: CallId) -> AfterView | None:
        """The same of any call, from the journal. Raises CommandRefused and DatabaseUnusable."""
        await self._parts.about(operator, call)
        after = await self._journal.ask(
            lambda database: journal_after.after_call(database, call, operator), within_s=WITHIN_S
        )
        return after_view(after, self._settings) if after is not None else None

    # What happens ---------------------------------------------------------------------------------------------------

    async def save(self, operator: OperatorId, call: CallId, changes: Changes, *, through: bool) -> AfterView:
        """Write down what is given; `through`: nothing more is to come.

        Raises CommandRefused, WrongField and DatabaseUnusable.
        """
        about = await self._parts.about(operator, call)
        now = self._now()
        if about.ended_at is not None and now > about.ended_at + OPEN_S:
            raise CommandRefused("not_possible", f"the call was over more than {OPEN_S / 3600:.0f} hours ago")
        after, is_new = await self._journal.ask(
            lambda database: self._merge(database, operator, call, changes, about), within_s=WITHIN_S
        )
        if after is None:
            raise CommandRefused("not_found", "the caller was forgotten")
        key = call, operator
        self._keep(after)
        if is_new:
            self._unfinished[key] = after.saved_at
            self.on_saved(operator, call, missing(after, self._settings))
        if through and key in self._unfinished:
            self._through.add(key)
            self._wake.set()
        view = after_view(after, self._settings)
        if is_new:
            self._hub.tell(operator, "after.saved", {"after": view})
        return view

    def wrapped_up(self, operator: OperatorId, call: CallId) -> None:
        """The wrap-up of this call is over: what is written down by now is told."""
        if (call, operator) in self._unfinished:
            self._through.add((call, operator))
            self._wake.set()

    async def run(self) -> None:
        """Tell the CRM what is finished, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            await self.once()

    async def once(self) -> None:
        """One round; what cannot be told now is tried again in the next one."""
        directory = self._directory()
        for gone in [operator for operator in self._kept if directory.get(operator) is None]:
            del self._kept[gone]
        await self._let_go_of_forgotten()
        if not self._restored:
            await self.open()
        for key in [key for key, saved_at in self._unfinished.items() if self._is_through(key, saved_at)]:
            try:
                await self._finish(*key)
            except DatabaseUnusable as error:
                if not self._unwell:
                    log.warning("after.not_told", reason=str(error))
                self._unwell = True
                return
            self._unwell = False

    # How it is done -------------------------------------------------------------------------------------------------

    async def _let_go_of_forgotten(self) -> None:
        """Keep nothing in memory of calls whose callers were forgotten, which another process does."""
        now = self._now()
        if self._look_at - FORGET_EVERY_S < now < self._look_at:
            return
        self._look_at = now + FORGET_EVERY_S
        calls = {call for his in self._kept.values() for call in his}
        try:
            gone = await self._journal.ask(lambda database: forgotten_among(database.conn, calls), within_s=WITHIN_S)
        except DatabaseUnusable:
            return
        for his in self._kept.values():
            for call in gone & his.keys():
                his.pop(call, None)

    def _merge(
        self, database: Database, operator: OperatorId, call: CallId, changes: Changes, about: AboutCall
    ) -> tuple[AfterCall | None, bool]:
        """What there is then, and whether it is new; on the journal's thread, so that two pages lose nothing."""
        before = journal_after.after_call(database, call, operator)
        now = self._now()
        after = merged(before or AfterCall(call, operator), changes, self._settings, now=now)
        if before is not None and says_the_same(before, after):
            return before, False
        saved_at = max(now, before.saved_at + 0.001) if before is not None else now  # pages tell new from old by it
        return journal_after.save_after(database, after, about, now=saved_at), True

    def _kept_of(self, operator: OperatorId) -> OrderedDict[CallId, AfterCall]:
        return self._kept.get(operator) or OrderedDict()

    def _keep(self, after: AfterCall) -> None:
        his = self._kept.setdefault(after.operator, OrderedDict())
        if after.call in his and his[after.call].saved_at > after.saved_at:
            return
        his[after.call] = after
        his.move_to_end(after.call)
        while len(his) > KEPT:
            his.popitem(last=False)

    def _is_through(self, key: _Key, saved_at: float) -> bool:
        call, operator = key
        if key in self._through:
            return True
        settled = self._now() >= saved_at + SETTLED_S
        return settled and not self.is_wrapping_up(operator, call) and not self._parts.is_in(operator, call)

    async def _finish(self, call: CallId, operator: OperatorId) -> None:
        key = call, operator
        after = await self._journal.ask(
            lambda database: journal_after.after_call(database, call, operator), within_s=WITHIN_S
        )
        if after is not None and after.finished_at is None:
            told = after.told + await self._tell(after)
            now = self._now()
            done = await self._journal.change_and_tell(
                call, lambda conn: journal_after.mark_finished(conn, after, now=now, told=told), within_s=WITHIN_S
            )
            if not done:
                return  # saved once more meanwhile: told in the next round
            if not told:
                self.late.look_at(call)
        if after is None or self._unfinished.get(key) == after.saved_at:
            self._unfinished.pop(key, None)
            self._through.discard(key)

    async def _tell(self, after: AfterCall) -> bool:
        try:
            about = await self._parts.about(after.operator, after.call)
        except CommandRefused:  # the journal has forgotten the call
            return False
        return await self._note(after, about)

    async def _note(self, after: AfterCall, about: AboutCall) -> bool:
        known = self._directory().get(after.operator)
        text = note_text(after, self._settings, language=known.language if known else "ru", zone=self._zone())
        if not text:
            return False
        # Not by the number of notes: told again after a crash it has to be the same, and another one once changed.
        key = f"{after.call}/after/{after.operator}/{after.saved_at:.3f}"
        return await self.write_note(
            after.call, after.operator, text, key=key, customer_id=about.customer_id, number=about.number
        )
