"""Where all about live calls comes together: what Asterisk says goes in, pops and the journal's rows come out.

The call book and the rules of who sees what are pure and live in `calls/`; this is the shell around them. It runs on
the event loop and never waits. Beside the book it has the dossiers (cards and decisions), the screens (what operators
are told) and the fetches, its only tasks, of what an operator reads beside the call.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import structlog

from cti_bridge.calls.asking import asking
from cti_bridge.calls.book import MAX_LIVE_CALLS, CallBook, Change
from cti_bridge.calls.call import Call, CallState
from cti_bridge.calls.company import company_is_another
from cti_bridge.calls.events import CallerId, CallEvent, LegRinging, Snapshot
from cti_bridge.calls.overtaking import Overtaking
from cti_bridge.calls.phones import PhonesInUse
from cti_bridge.calls.pops import PopEvent, changes
from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.calls.refusals import Refusal, refusals
from cti_bridge.domain.customer import StageList
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, CustomerId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.protocol import Json
from cti_bridge.reception.card import Card, colleague_card
from cti_bridge.reception.card_fetches import CardFetches, Fetch
from cti_bridge.reception.dossiers import Dossier, Dossiers
from cti_bridge.reception.over_lately import Over, OverLately, talked_in
from cti_bridge.reception.screens import BesideTheCard, Screens
from cti_bridge.reception.team import team_list
from cti_bridge.reception.written import call_record, story, worth_writing

log = structlog.get_logger(__name__)


Watcher = Callable[[CallEvent, list[Change]], None]
"""Hears of an event and of what it changed; must not block."""


class RecordSink(Protocol):
    """Who keeps what is known of a call."""

    def keep(self, record: CallRecord) -> None:
        """The latest state of one call; must not block."""


class Follower(Protocol):
    """Who follows how calls change. No method may block."""

    def changed(self, change: Change) -> None:
        """A call is another one than before."""

    def resynced(self) -> None:
        """All that goes on is known again, and every change that nobody saw has been told."""


class Switchboard:
    """Follows every live call of one PBX."""

    def __init__(
        self,
        pbx: str,
        *,
        hub: Hub,
        journal: RecordSink,
        directory: Callable[[], Directory],
        stages: Callable[[], StageList],
        fetch: Fetch,
        new_card: Callable[[CallerId], Card],
        observe: Callable[[CallRecord], None] = lambda record: None,
        on_refused: Callable[[Refusal], None] = lambda refusal: None,
        now: Callable[[], float] = time.time,
        live_limit: int = MAX_LIVE_CALLS,
    ) -> None:
        self.unowned_rings = 0
        """Phones that rang for a caller and belong to no operator."""
        self.book = CallBook(
            pbx, is_operator_phone=lambda interface: self._owner(interface) is not None, limit=live_limit
        )
        self.overtaking = Overtaking()
        self.dossiers = Dossiers(is_known=self.book.is_known, first_card=self._first_card)
        self.fetches = CardFetches(fetch, owner_of=self._owner, on_complete=self._completed)
        self.over_lately = OverLately()
        self._screens = Screens(
            hub, self.book, self.dossiers, directory=directory, stages=stages, owner_of=self._owner, now=now
        )
        self._phones = PhonesInUse()
        self._journal = journal
        self._directory = directory
        self._new_card = new_card
        self._observe = observe
        self._on_refused = on_refused
        self._now = now
        self.watchers: list[Watcher] = []
        """Who else hears of every event, once all about calls has been done with it."""
        self.followers: list[Follower] = []
        """Who follows how calls change, also where that was not seen when it happened; told when all else is done."""
        self.on_completed: list[Callable[[CallId], None]] = []
        """Who hears of calls of which all is known now that an operator reads beside the call."""
        self._unseen: dict[CallId, Change] = {}
        """What happened to calls unseen, each from what was told last to what it is now."""

    @property
    def channels_dropped(self) -> int:
        """Channels that were forgotten because too many seemed to be alive."""
        return self._phones.dropped

    # What happens ---------------------------------------------------------------------------------------------------

    def take(self, event: CallEvent) -> None:
        """One thing happened on the PBX."""
        self._phones.apply(event)
        self.overtaking.apply(event)
        found = self.book.apply(event)
        rings_here = found and not any(change.after.dialling for change in found)
        if rings_here and isinstance(event, LegRinging) and not event.leg_name.startswith("Local/"):
            self.unowned_rings += self._owner(event.interface) is None
        for change in found:
            self._tell_all(change, self.dossiers.of(change))
        for watcher in self.watchers:
            watcher(event, found)

    def look_back(self, event: CallEvent, *, maybe_heard: bool) -> None:
        """One thing happened earlier. Who sees the call is told when it is over, or with the snapshot."""
        for change in self.book.look_back(event, maybe_heard=maybe_heard):
            self._found_out(change)

    def needs_check(self) -> bool:
        """Whether the live calls should be held against a new snapshot, because something about them may be lost."""
        return self.book.needs_check(self._now())

    def resync(self, snapshot: Snapshot) -> None:
        """The connection to the PBX is new, or the calls are checked: this is all there is now."""
        self._phones.resync(snapshot)
        self.overtaking.resync(snapshot)
        for change in self.book.resync(snapshot):
            self._found_out(change)
        unseen, self._unseen = self._unseen, {}
        for change in unseen.values():
            self._tell_unseen(change)
        for call in self.book.live():
            dossier = self.dossiers.get(call.id)
            if dossier is not None:
                self.fetches.begin(call, dossier)
        self._screens.team_changed()
        for follower in self.followers:
            follower.resynced()

    def decided(self, call_id: CallId, card: Card, decision: DecisionRecord) -> None:
        """The bridge decided where a caller goes. Comes before the PBX says anything else about him."""
        dossier = self.dossiers.get(call_id)
        if dossier is None:
            self.dossiers.add(call_id, Dossier(card, decision))
            return
        dossier.decide(card, decision)
        call = self.book.get(call_id)
        if call is not None:
            self._keep(call, dossier)
            self.fetches.begin(call, dossier)

    def delivered(self, call_id: CallId, decision: DecisionRecord) -> None:
        """It is known how long the decision took in all and whether the PBX took it."""
        dossier = self.dossiers.get(call_id)
        if dossier is None:
            return
        dossier.deliver(decision)
        call = self.book.get(call_id)
        if call is not None:
            self._keep(call, dossier)

    def restore(self, call: Call, card: Card, record: CallRecord) -> None:
        """Take up a call that an earlier run had written down as going on."""
        dossier = Dossier(
            card, record.decision, list(record.rang), pop_ms=record.pop_ms, answered_by=record.operator, written=record
        )
        if record.decision and record.customer_id:
            dossier.whose = CustomerId(record.customer_id)
        self.book.restore(call)
        self.dossiers.add(call.id, dossier)

    async def close(self) -> None:
        """Stop fetching."""
        await self.fetches.close()

    # What others ask ------------------------------------------------------------------------------------------------

    def free_phones(self, operator: Operator) -> tuple[str, ...]:
        """All phones of an operator if none of them is in use, else nothing."""
        return () if any(self._phones.busy(phone) for phone in operator.phones) else operator.phones

    def calls_of(self, operator: OperatorId) -> list[Json]:
        """The calls in which this operator has a part now, as he may see them."""
        return self._screens.calls_of(operator)

    def card_of_former(self, operator: OperatorId, call_id: CallId) -> Json | None:
        """A call in which he talked and has no part any more, as he saw it last: for him it has ended."""
        call, dossier = self.book.get(call_id), self.dossiers.get(call_id)
        over = self.over_lately.get(call_id) if call is None or dossier is None else None
        if over is not None:
            call, dossier = over.call, over.dossier
        if call is None or dossier is None:
            return None
        talked = over.talked if over is not None else talked_in(call, self._owner)
        return self._screens.former(operator, call, dossier) if operator in talked else None

    def busy(self, interface: str) -> bool:
        """Whether this phone is in use."""
        return self._phones.busy(interface)

    def line_of(self, call_id: CallId) -> str:
        """The line of ours that a caller dialled, in E.164, as far as the rules describe it; else empty."""
        dossier = self.dossiers.get(call_id)
        return dossier.card.line.did if dossier is not None and dossier.card.line is not None else ""

    def add_to_cards(self, beside: BesideTheCard) -> None:
        """Have further fields shown with each call; those whom they concern are told of changes by `refresh`."""
        self._screens.beside.append(beside)

    def add_notes_to_cards(self, by_colleagues: Callable[[Call, OperatorId], list[Json]]) -> None:
        """Have notes that others wrote down in the same call shown before those of the CRM."""
        self._screens.notes_by_colleagues = by_colleagues

    def refresh(self, call_id: CallId) -> None:
        """Show a call anew to everybody who has a part in it, or talked in it: something beside it is different."""
        call, dossier = self.book.get(call_id), self.dossiers.get(call_id)
        if call is not None and dossier is not None:
            self._screens.update(call, dossier)
        elif (over := self.over_lately.get(call_id)) is not None:
            self._screens.update_over(over)

    def card_changed(self, call: Call, dossier: Dossier) -> None:
        """Somebody has changed the card: have it completed again where that is due, written down, and shown."""
        if dossier.card.extras == "pending":
            dossier.fetched = False  # what is being fetched was for the card of before
            self.fetches.begin(call, dossier)
        self._write_customer(dossier)
        self.refresh(call.id)

    def refresh_all(self) -> None:
        """Show every live call anew: something that concerns all is different."""
        for call in self.book.live():
            self.refresh(call.id)

    def team(self) -> list[Json]:
        """All operators, whether their phones ring or they talk, and in which queue; nothing about callers."""
        return team_list(self.book, self._directory(), self._owner)

    # How it is done -------------------------------------------------------------------------------------------------

    def _owner(self, interface: str) -> OperatorId | None:
        operator = self._directory().owner_of(interface)
        return operator.id if operator else None

    def _first_card(self, call: Call, caller_id: CallerId) -> Card:
        """The card of a call that we did not decide: `caller_id` is who calls, or whom an operator calls outside."""
        card = self._new_card(caller_id)
        if call.direction is Direction.OUTBOUND:
            return replace(card, decision="")
        colleague = self._directory().owner_of(call.caller_phone) if call.caller_phone else None
        if colleague is None:
            return card
        return colleague_card(card, call.caller_phone.rpartition("/")[2], colleague.name)

    def _found_out(self, change: Change) -> None:
        """Note one step that nobody saw; nobody's screen is to live through the past."""
        call, dossier = change.after, self.dossiers.of(change)
        for pop in changes(change.before, call, self._owner):
            if pop.event is PopEvent.RINGING:
                dossier.note_ring(pop.operator)
        dossier.note_answer(call, self._owner)
        first = self._unseen.pop(call.id, change)
        whole = replace(change, before=first.before, adopted=first.adopted)
        if call.ended_at is not None:
            self._tell_unseen(whole)
        else:
            self._unseen[call.id] = whole

    def _tell_unseen(self, change: Change) -> None:
        try:
            self._tell_all(change, self.dossiers[change.after.id])
        except Exception:
            # What is wrong with one call must not leave the others as they were before the cut.
            log.exception("event.failed", kind="Snapshot")

    def _tell_all(self, change: Change, dossier: Dossier) -> None:
        """Everybody is told what a change means for him: operators, the PBX of refusals, the journal, the log."""
        before, call = change.before, change.after
        told = changes(before, call, self._owner)
        for pop in told:
            if pop.event is PopEvent.RINGING:
                dossier.note_pop(call, pop.operator, self._owner)
            self._screens.tell(call, dossier, pop)
        for refusal in refusals(before, call):
            self._on_refused(refusal)
        dossier.note_answer(call, self._owner)
        if before is not None and _looks_different(before, call):
            # Those who keep their part see it change as a whole: queue, state, the colleague who joined or is asked.
            self._screens.update(call, dossier, but={pop.operator for pop in told})
        calls_begin_and_end = before is None or call.ended_at is not None
        if told or (call.caller_phone and calls_begin_and_end):
            self._screens.team_changed()
        if call.ended_at is None:
            self.fetches.begin(call, dossier)
        kept = self._keep(call, dossier) if worth_writing(change) else None
        if kept is not None and call.ended_at is not None and (before is None or before.ended_at is None):
            self._finish(kept)
        if call.ended_at is not None:
            self.over_lately.put(Over(call, dossier, talked_in(call, self._owner)))
            if call.state is CallState.CLOSED:
                self.dossiers.close(call.id)
        for follower in self.followers:
            follower.changed(change)

    def _completed(self, call: Call, dossier: Dossier) -> None:
        """Notes and earlier calls have come; the call may have gone on meanwhile, or be over."""
        self._write_customer(dossier)
        for heard in self.on_completed:
            heard(call.id)
        if self.book.get(call.id) is not None or dossier.whose is not None:
            self.refresh(call.id)

    def _write_customer(self, dossier: Dossier) -> None:
        """The call may be over, and nothing else be written of it any more."""
        if dossier.written is not None and dossier.written.customer_id != (customer := dossier.customer_id):
            dossier.written = replace(dossier.written, customer_id=customer)
            self._journal.keep(dossier.written)

    def _keep(self, call: Call, dossier: Dossier) -> CallRecord:
        dossier.written = record = call_record(self.book.pbx, call, dossier, self._owner)
        self._journal.keep(record)
        return record

    def _finish(self, record: CallRecord) -> None:
        self._observe(record)
        log.info("call", **story(record))


def _looks_different(before: Call, call: Call) -> bool:
    if (before.state, before.queue) != (call.state, call.queue):
        return True
    if before.legs is call.legs:
        return False
    return asking(before) != asking(call) or company_is_another(before, call)
