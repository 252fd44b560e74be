"""Where all about live calls comes together: what Asterisk says goes in, pops and the journal's rows come out.

The call book and the rules of who sees what are pure and live in `calls/`; this is the shell around them. It runs on
the event loop and never waits; its only tasks fetch what an operator reads beside the call.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol

import structlog

from cti_bridge.calls.book import MAX_LIVE_CALLS, CallBook, Change
from cti_bridge.calls.call import Call, CallState
from cti_bridge.calls.events import CallerId, CallEvent, LegRinging, Snapshot
from cti_bridge.calls.leg import LegState
from cti_bridge.calls.overtaking import Overtaking
from cti_bridge.calls.phones import PhonesInUse
from cti_bridge.calls.pops import Part, PopChange, PopEvent, changes, parts, who_talks
from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.calls.refusals import Refusal, refusals
from cti_bridge.domain.customer import StageList
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.protocol import Json
from cti_bridge.reception.card import Card, colleague_card, encode_call
from cti_bridge.reception.written import leg_record, recording_record, story, worth_writing

log = structlog.get_logger(__name__)

MAX_DESKS = 2 * MAX_LIVE_CALLS
"""Cards and decisions kept at the same time, for live calls and for callers of whom nothing has been heard since."""

MAX_FETCHES = 200
"""Cards whose notes and history are being fetched at the same time; the rest are shown without."""

Fetch = Callable[[Call, Card], Awaitable[Card]]
"""Completes a card with what takes longer than a caller may wait; raises nothing."""


class RecordSink(Protocol):
    """Who keeps what is known of a call."""

    def keep(self, record: CallRecord) -> None:
        """The latest state of one call; must not block."""


@dataclass(slots=True)
class _Desk:
    """What the switchboard knows of one call beside the book's picture of it."""

    card: Card
    decision: DecisionRecord | None = None
    rang: list[OperatorId] = field(default_factory=list)
    popped_at: dict[OperatorId, float] = field(default_factory=dict)
    pop_ms: float | None = None
    answered_by: OperatorId | None = None
    fetched: bool = False
    written: CallRecord | None = None
    """The latest state that the journal was given."""


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
        self.fetches_refused = 0
        self.cards_dropped = 0
        """Decided callers who were forgotten because nothing more was heard of them and there were too many."""
        self.book = CallBook(
            pbx, is_operator_phone=lambda interface: self._owner(interface) is not None, limit=live_limit
        )
        self.overtaking = Overtaking()
        self._phones = PhonesInUse()
        self._hub = hub
        self._journal = journal
        self._directory = directory
        self._stages = stages
        self._fetch = fetch
        self._new_card = new_card
        self._observe = observe
        self._on_refused = on_refused
        self._now = now
        self._desks: dict[CallId, _Desk] = {}
        self._unseen: dict[CallId, Change] = {}
        """What happened to calls unseen, each from what was told last to what it is now."""
        self._fetches: set[asyncio.Task[None]] = set()
        hub.on_sent = self._sent

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
            self._changed(change)

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
            self._begin_fetch(call)
        self._hub.team_changed()

    def decided(self, call_id: CallId, card: Card, decision: DecisionRecord) -> None:
        """The bridge decided where a caller goes. Comes before the PBX says anything else about him."""
        desk = self._desks.get(call_id)
        if desk is None:
            self._desks[call_id] = _Desk(card, decision)
            if len(self._desks) > MAX_DESKS:
                self._forget_desks()
            return
        desk.card, desk.decision, desk.fetched = card, decision, False
        call = self.book.get(call_id)
        if call is not None:
            self._keep(call)
            self._begin_fetch(call)

    def _forget_desks(self) -> None:
        """Keep those of live calls and of callers who have only just been decided; the others were never heard of."""
        before = len(self._desks)
        recent = set(islice(reversed(self._desks), MAX_DESKS // 4))
        self._desks = {each: desk for each, desk in self._desks.items() if each in recent or self.book.is_known(each)}
        self.cards_dropped += before - len(self._desks)

    def delivered(self, call_id: CallId, decision: DecisionRecord) -> None:
        """It is known how long the decision took in all and whether the PBX took it."""
        desk = self._desks.get(call_id)
        call = self.book.get(call_id)
        if desk is None:
            return
        desk.decision = decision
        if not decision.delivered:
            # Too late: the dialplan has gone its own way, and that is what the card has to say.
            desk.card = replace(desk.card, decision="fallback", rule="")
        if call is not None:
            self._keep(call)

    def restore(self, call: Call, card: Card, record: CallRecord) -> None:
        """Take up a call that an earlier run had written down as going on."""
        desk = _Desk(
            card, record.decision, list(record.rang), pop_ms=record.pop_ms, answered_by=record.operator, written=record
        )
        self._desks[call.id] = desk
        self.book.restore(call)

    async def close(self) -> None:
        """Stop fetching."""
        for task in self._fetches:
            task.cancel()
        await asyncio.gather(*self._fetches, return_exceptions=True)

    # What others ask ------------------------------------------------------------------------------------------------

    def free_phones(self, operator: Operator) -> tuple[str, ...]:
        """All phones of an operator if none of them is in use, else nothing."""
        return () if any(self._phones.busy(phone) for phone in operator.phones) else operator.phones

    def calls_of(self, operator: OperatorId) -> list[Json]:
        """The calls in which this operator has a part now, as he may see them."""
        known = self._directory().get(operator)
        seen = []
        for call in self.book.at(known.phones if known else ()):
            part = parts(call, self._owner).get(operator)
            desk = self._desks.get(call.id)
            if part is not None and desk is not None:
                seen.append(self._encoded(call, desk, part))
        return seen

    def team(self) -> list[Json]:
        """All operators, whether their phones ring or they talk, and in which queue; nothing about callers."""
        return [_teammate(operator, self._busy(operator)) for operator in self._directory().all()]

    # How it is done -------------------------------------------------------------------------------------------------

    def _busy(self, operator: Operator) -> tuple[Part, str] | None:
        """What the operator does, and in which queue; who talks, talks, whatever rings beside it."""
        busy = None
        for call in self.book.at(operator.phones):
            part = parts(call, self._owner).get(operator.id)
            if self._owner(call.caller_phone) == operator.id:
                part = Part.TALKING  # he calls somebody, and hears at least that it rings there
            if part is not None and (busy is None or busy[0] is not Part.TALKING):
                busy = (part, call.queue)
        return busy

    def _owner(self, interface: str) -> OperatorId | None:
        operator = self._directory().owner_of(interface)
        return operator.id if operator else None

    def _found_out(self, change: Change) -> None:
        """Note one step that nobody saw; nobody's screen is to live through the past."""
        call, desk = change.after, self._desk(change)
        for pop in changes(change.before, call, self._owner):
            if pop.event is PopEvent.RINGING and pop.operator not in desk.rang:
                desk.rang.append(pop.operator)
        self._note_answer(call, desk)
        first = self._unseen.pop(call.id, change)
        whole = replace(change, before=first.before, adopted=first.adopted)
        if call.ended_at is not None:
            self._tell_unseen(whole)
        else:
            self._unseen[call.id] = whole

    def _tell_unseen(self, change: Change) -> None:
        try:
            self._tell_all(change, self._desks[change.after.id])
        except Exception:
            # What is wrong with one call must not leave the others as they were before the cut.
            log.exception("event.failed", kind="Snapshot")

    def _changed(self, change: Change) -> None:
        self._tell_all(change, self._desk(change))

    def _desk(self, change: Change) -> _Desk:
        call = change.after
        desk = self._desks.get(call.id)
        if desk is None:
            desk = self._desks[call.id] = _Desk(self._first_card(call, change.adopted or CallerId()))
        elif change.before is not None and change.before.direction is not call.direction:
            desk.card, desk.answered_by, desk.fetched = self._first_card(call, CallerId()), None, False
        return desk

    def _tell_all(self, change: Change, desk: _Desk) -> None:
        call = change.after
        told = changes(change.before, call, self._owner)
        for pop in told:
            self._tell(call, desk, pop)
        for refusal in refusals(change.before, call):
            self._on_refused(refusal)
        self._note_answer(call, desk)
        self._tell_the_rest(change.before, call, desk, told)
        calls_begin_and_end = change.before is None or call.ended_at is not None
        if told or (call.caller_phone and calls_begin_and_end):
            self._hub.team_changed()
        if call.ended_at is None:
            self._begin_fetch(call)
        if worth_writing(change):
            self._keep(call)
        if call.ended_at is not None and (change.before is None or change.before.ended_at is None):
            self._finish(call, desk)
        if call.state is CallState.CLOSED:
            del self._desks[call.id]

    def _first_card(self, call: Call, caller_id: CallerId) -> Card:
        """The card of a call that we did not decide: `caller_id` is who calls, or whom an operator calls outside."""
        card = self._new_card(caller_id)
        if call.direction is Direction.OUTBOUND:
            return replace(card, decision="")
        colleague = self._directory().owner_of(call.caller_phone) if call.caller_phone else None
        if colleague is None:
            return card
        return colleague_card(card, call.caller_phone.rpartition("/")[2], colleague.name)

    def _tell(self, call: Call, desk: _Desk, pop: PopChange) -> None:
        if pop.event is PopEvent.RINGING:
            if pop.operator not in desk.rang:
                desk.rang.append(pop.operator)
            desk.popped_at[pop.operator] = _rang_at(call, pop.operator, self._owner)
            if call.answered_at is not None:
                desk.fetched = False  # whoever talked to the caller first may have written something down since
        part = parts(call, self._owner).get(pop.operator)
        self._hub.publish(
            pop.operator,
            pop.event.value,
            call=self._encoded(call, desk, part),
            reason=pop.reason.value if pop.reason else None,
            by=self._by(pop.by),
        )

    def _tell_the_rest(self, before: Call | None, call: Call, desk: _Desk, told: Sequence[PopChange]) -> None:
        """Those who keep their part in the call see it change as a whole: queue, state, the colleague who joined."""
        if before is None or (before.state, before.queue) == (call.state, call.queue):
            return
        already = {pop.operator for pop in told}
        for operator, part in parts(call, self._owner).items():
            if operator not in already:
                self._hub.publish(operator, PopEvent.UPDATED.value, call=self._encoded(call, desk, part))

    def _note_answer(self, call: Call, desk: _Desk) -> None:
        if desk.answered_by is None:
            made_by = call.dialler.interface if call.dialler and call.direction is Direction.OUTBOUND else ""
            desk.answered_by = self._owner(made_by) if made_by else who_talks(call, self._owner)

    def _encoded(self, call: Call, desk: _Desk, part: Part | None) -> Json:
        return encode_call(call, desk.card, part, self._stages(), self._directory())

    def _by(self, operator: OperatorId | None) -> Json | None:
        if operator is None:
            return None
        known = self._directory().get(operator)
        return {"operator": operator, "name": known.name if known else operator}

    def _sent(self, operator: OperatorId, call_id: str, event: str, _at: float) -> None:
        desk = self._desks.get(CallId(call_id))
        if desk is None or event != PopEvent.RINGING.value or desk.pop_ms is not None:
            return
        rang_at = desk.popped_at.get(operator)
        if rang_at is not None:
            desk.pop_ms = round(max(0.0, self._now() - rang_at) * 1000, 1)

    def _begin_fetch(self, call: Call) -> None:
        desk = self._desks.get(call.id)
        if desk is None or desk.fetched:
            return
        if len(self._fetches) >= MAX_FETCHES:
            if parts(call, self._owner):
                self.fetches_refused += 1
                desk.card = replace(desk.card, extras="failed")
            return  # the next change of the call tries again
        desk.fetched = True
        task = asyncio.create_task(self._complete(call, desk), name=f"card-{call.id}")
        self._fetches.add(task)
        task.add_done_callback(self._fetches.discard)

    async def _complete(self, call: Call, desk: _Desk) -> None:
        asked_for = desk.card
        card = await self._fetch(call, asked_for)
        if desk.card is not asked_for:
            return  # decided again meanwhile; that has begun a fetch of its own
        desk.card = card
        if desk.written is not None and desk.written.customer_id != (customer := _customer_id(desk)):
            # The call may be over, and nothing else be written of it any more.
            desk.written = replace(desk.written, customer_id=customer)
            self._journal.keep(desk.written)
        now = self.book.get(call.id)
        for operator, part in parts(now, self._owner).items():
            assert now is not None
            self._hub.publish(operator, PopEvent.UPDATED.value, call=self._encoded(now, desk, part))

    def _record(self, call: Call, desk: _Desk) -> CallRecord:
        card = desk.card
        return CallRecord(
            id=call.id,
            pbx=self.book.pbx,
            channel=call.channel,
            linkedid=call.linkedid,
            offered_at=call.offered_at,
            caller=card.caller.key or card.caller.raw,
            caller_kind=card.caller.kind.value,
            caller_name=card.caller_name,
            did=card.did,
            trunk=card.trunk,
            verified=card.verified,
            decision=desk.decision,
            operator=desk.answered_by,
            queue=call.queue,
            rang=tuple(desk.rang),
            pop_ms=desk.pop_ms,
            answered_at=call.answered_at,
            ended_at=call.ended_at,
            outcome=call.outcome.value if call.outcome else "",
            recovered=call.recovered,
            legs=tuple(leg_record(leg, self._owner(leg.interface)) for leg in call.legs),
            recordings=tuple(recording_record(one, call) for one in call.recordings),
            direction=call.direction,
            dialler=call.dialler.interface if call.dialler else "",
            final=call.final.value if call.final else "",
            customer_id=_customer_id(desk),
        )

    def _keep(self, call: Call) -> None:
        desk = self._desks[call.id]
        desk.written = self._record(call, desk)
        self._journal.keep(desk.written)

    def _finish(self, call: Call, desk: _Desk) -> None:
        record = self._record(call, desk)
        self._observe(record)
        log.info("call", **story(record))


def _customer_id(desk: _Desk) -> str:
    """Whose call it is where the decision does not say so: as was looked up, by an earlier run if not by this one."""
    if desk.decision:
        return ""
    if desk.card.record and not desk.card.candidates:
        return desk.card.record.customer.id
    return desk.written.customer_id if desk.written else ""


_BUSY = {Part.RINGING: "ringing", Part.CONSULTING: "talking", Part.TALKING: "talking"}
"""What colleagues are told of an operator's part in a call."""


def _teammate(operator: Operator, busy: tuple[Part, str] | None) -> Json:
    part, queue = busy or (None, "")
    return {
        "operator": operator.id,
        "name": operator.name,
        "state": _BUSY[part] if part else "idle",
        "ringing_queue": queue or None if part is Part.RINGING else None,
    }


def _rang_at(call: Call, operator: OperatorId, owner_of: Callable[[str], OperatorId | None]) -> float:
    ringing = [leg for leg in call.legs if leg.state is LegState.RINGING and owner_of(leg.interface) == operator]
    return min(leg.rang_at for leg in ringing)
