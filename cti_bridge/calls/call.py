"""One call as it stands, and how each event changes it. Pure.

A call belongs to the channel on which the caller arrived; every phone that is called for it, or joins it, is a leg.
Which function below is used when is said by the table in `calls/table.py`, and so is why.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from cti_bridge.calls import leg as legs_
from cti_bridge.calls.events import Final, Stop
from cti_bridge.calls.happenings import (
    CallerGone,
    Connected,
    Holds,
    LeftQueue,
    LegAnswers,
    LegEnds,
    LegHangsUp,
    LegRings,
    LegStops,
    LegTransfers,
    Parks,
    Queued,
    Recorded,
    SentOn,
    SetAside,
)
from cti_bridge.calls.leg import Leg, LegState
from cti_bridge.calls.recordings import Recording
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, ChannelId

MAX_GONE_LEGS = 50
"""How many finished legs without an answer a call remembers; a caller may wait for hours while phones ring in turn."""


class CallState(StrEnum):
    """Where a call is in its life."""

    OFFERED = "offered"
    QUEUED = "queued"
    RINGING = "ringing"
    TALKING = "talking"
    HELD = "held"
    ENDED = "ended"
    """It is over; what was recorded of it is not complete yet."""
    CLOSED = "closed"
    """Its times and recordings are final."""


class Outcome(StrEnum):
    """How a call ended."""

    ANSWERED = "answered"
    """Somebody talked to the caller, whatever came before or after."""
    ABANDONED = "abandoned"
    """The caller left before anybody did."""
    MISSED = "missed"
    """The steps ran out, and voicemail or the promise to call back took the call."""
    OVERFLOWED = "overflowed"
    """The steps ran out, and the call left unanswered for the admin's own dialplan."""
    FAILED = "failed"
    """It ended for a technical reason before anybody talked to the caller."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, all that is known of it from the PBX; times are seconds since 1970."""

    id: CallId
    channel: ChannelId
    linkedid: str
    offered_at: float
    queue: str = ""
    """The queue the caller waits in, or waited in last."""
    waiting: bool = False
    legs: tuple[Leg, ...] = ()
    answered_at: float | None = None
    ended_at: float | None = None
    caller_holds: bool = False
    """The caller put us on hold."""
    parked: bool = False
    """The caller waits in a parking lot."""
    bridge: str = ""
    """Where the caller was when he was last connected with somebody."""
    final: Final | None = None
    """Where the dialplan sent the caller when the steps had run out."""
    failed: bool = False
    """The caller's channel ended for a technical reason."""
    recovered: bool = False
    """Something of it was not seen when it happened but found out afterwards, so its times are late."""
    recordings: tuple[Recording, ...] = ()
    """What was recorded on the channels of the caller and of the legs."""
    direction: Direction = Direction.INBOUND
    dialler: Leg | None = None
    """The operator's own channel in a call that he makes, as the leg that it is when somebody outside answers."""

    @property
    def dialling(self) -> bool:
        """Whether an operator calls somebody outside who has not answered yet."""
        return self.direction is Direction.OUTBOUND and self.answered_at is None

    @property
    def caller_phone(self) -> str:
        """The operator's phone that calls, as long as it is the caller's side of the call; else empty."""
        return self.dialler.interface if self.dialler is not None and self.dialler.id == self.channel else ""

    @property
    def state(self) -> CallState:
        """Where the call is, derived from what is known of caller and legs."""
        if self.ended_at is not None:
            return CallState.CLOSED if all(one.is_in for one in self.recordings) else CallState.ENDED
        talkers = [leg for leg in self.legs if leg.state is LegState.TALKING]
        if self.parked or (talkers and (self.caller_holds or all(leg.held for leg in talkers))):
            return CallState.HELD
        if talkers:
            return CallState.TALKING
        if any(leg.state is LegState.RINGING and not leg.consults for leg in self.legs):
            return CallState.RINGING
        return CallState.QUEUED if self.waiting else CallState.OFFERED

    @property
    def outcome(self) -> Outcome | None:
        """How the call ended; None while it goes on."""
        if self.ended_at is None:
            return None
        if self.answered_at is not None:
            return Outcome.ANSWERED
        if self.final is Final.ELSEWHERE:
            return Outcome.OVERFLOWED
        if self.final in (Final.MESSAGE, Final.CALLBACK):
            return Outcome.MISSED
        return Outcome.FAILED if self.failed else Outcome.ABANDONED

    @property
    def talking(self) -> Leg | None:
        """The leg that answered and is still there; the latest one if several are."""
        return max(
            (leg for leg in self.legs if leg.state is LegState.TALKING),
            key=lambda leg: leg.answered_at or 0.0,
            default=None,
        )

    def leg(self, leg_id: ChannelId) -> Leg | None:
        """The leg with this channel id, if the call has it."""
        return next((leg for leg in self.legs if leg.id == leg_id), None)


def queued(call: Call, now: Queued) -> Call:
    """The caller joined a queue: whoever waits again has neither left a message nor been promised a call."""
    final = Final.QUEUE if call.final in (Final.MESSAGE, Final.CALLBACK) else call.final
    return replace(_gone_on(call, now.at), queue=now.queue, waiting=True, parked=False, final=final)


def left_queue(call: Call, now: LeftQueue) -> Call:
    """The caller left a queue; leaving an earlier one than the present changes nothing."""
    return replace(call, waiting=False) if call.waiting and call.queue == now.queue else call


def leg_rings(call: Call, now: LegRings) -> Call:
    """A phone is called; told twice (queue and dial both say so) it stays one leg, and the queue is kept."""
    leg = now.leg
    known = call.leg(leg.id)
    if call.dialling and now.colleague:
        call = replace(call, direction=Direction.INTERNAL)
    if known is None:
        # Who is called for the caller himself, and not by a leg, is called because he has gone on.
        legs = call.legs if leg.parent is not None else legs_.still_asked(call.legs)
        return replace(call, legs=_bounded((*legs, leg)), queue=leg.queue or call.queue)
    if leg.queue and not known.queue and known.parent is None:
        return _with_leg(replace(call, queue=leg.queue), replace(known, queue=leg.queue, ours=True))
    return call


def leg_stops(call: Call, now: LegStops) -> Call:
    """A phone no longer rings; one that talks or is gone is not touched."""
    leg = call.leg(now.leg)
    if leg is None or leg.state is not LegState.RINGING:
        return call
    return _with_leg(call, legs_.over(leg, now.at, now.why))


def leg_answers(call: Call, now: LegAnswers) -> Call:
    """A phone answered: the leg is known from ringing, or new because a colleague picked the call up."""
    known = call.leg(now.leg.id)
    if call.dialling or (known is not None and known.answered_at is not None):
        return call  # on the way to somebody outside a Local channel may be open before he answers
    leg = known or now.leg
    talks = LegState.CONSULTING if leg.consults else LegState.TALKING
    state = LegState.LEFT if leg.state is LegState.LEFT else talks
    answered = _with_leg(call, replace(leg, state=state, answered_at=now.at, why=None, ended_at=None))
    return answered if leg.consults else _answered(answered, now.at, leg)


def leg_transfers(call: Call, now: LegTransfers) -> Call:
    """The owner of a leg sent the other side on, so that is how his leg ends, or ended a moment ago."""
    leg = call.leg(now.leg)
    if leg is not None and leg.why is Stop.ENDED:
        return _with_leg(call, replace(leg, transferred=True, why=Stop.TRANSFERRED))
    return call if leg is None or leg.state is LegState.GONE else _with_leg(call, replace(leg, transferred=True))


def leg_hangs_up(call: Call, now: LegHangsUp) -> Call:
    """The owner of a leg that talks has it ended."""
    leg = call.leg(now.leg)
    talks = leg is not None and leg.state in (LegState.TALKING, LegState.CONSULTING)
    return _with_leg(call, replace(leg, hung_up=True)) if leg is not None and talks else call


def leg_ends(call: Call, now: LegEnds) -> Call:
    """The channel of a leg is gone."""
    leg = call.leg(now.leg)
    if leg is None or leg.state is LegState.GONE:
        # That nobody answered is said at once; that it was a refusal only when the channel ends.
        refused = leg is not None and leg.why is Stop.NO_ANSWER and now.refused
        return _with_leg(call, replace(leg, why=Stop.REFUSED)) if leg is not None and refused else call
    after = _with_leg(call, legs_.over(leg, now.at, Stop.REFUSED if now.refused else Stop.CANCELLED))
    return after if after.talking else replace(after, caller_holds=False)


def connected(call: Call, now: Connected) -> Call:
    """The caller is connected with these; a leg that is with others instead keeps its part as long as it was his."""
    if call.dialling:
        return call
    with_him = {leg.id: leg for leg in now.talkers if not (call.leg(leg.id) or leg).is_over}
    # Whoever is not with a caller who has stayed where he was has gone himself, and may be about to come back.
    went_on = bool(with_him) and now.bridge != call.bridge
    asked_by = {leg.parent for leg in with_him.values() if leg.consults}
    known = tuple(
        legs_.connected(leg, now.at)
        if leg.id in with_him
        else _not_connected(_handed_over(leg) if leg.id in asked_by else leg, now, went_on=went_on)
        for leg in call.legs
    )
    new = tuple(legs_.connected(leg, now.at) for leg in with_him.values() if call.leg(leg.id) is None)
    if not with_him:
        return call if known == call.legs else replace(call, legs=known)
    legs = _bounded(legs_.still_asked((*known, *new)))
    return _answered(replace(call, legs=legs, bridge=now.bridge), now.at, *with_him.values())


def holds(call: Call, now: Holds) -> Call:
    """Somebody puts his other side on hold, or takes it back."""
    if now.leg is None:
        return replace(call, caller_holds=now.on) if call.talking else call
    leg = call.leg(now.leg)
    return call if leg is None or leg.state is not LegState.TALKING else _with_leg(call, replace(leg, on_hold=now.on))


def sets_aside(call: Call, now: SetAside) -> Call:
    """The owner of a leg has had the caller taken to where he waits for him."""
    leg = call.leg(now.leg)
    return call if leg is None else _with_leg(call, legs_.set_aside(leg))


def parks(call: Call, now: Parks) -> Call:
    """The caller waits in a parking lot, or does so no longer."""
    return replace(_gone_on(call, now.at) if now.on else call, parked=now.on)


def sent_on(call: Call, now: SentOn) -> Call:
    """The dialplan sends the caller on; whether that was the end of it is known when he hangs up."""
    return replace(call, final=now.final)


def ends(call: Call, now: CallerGone) -> Call:
    """The caller's own channel is gone, so the call is over; every leg with it, as far as this call goes."""
    legs = tuple(leg if leg.state is LegState.GONE else legs_.over(leg, now.at, Stop.CANCELLED) for leg in call.legs)
    return replace(
        call, legs=legs, waiting=call.waiting and call.answered_at is None, parked=False, ended_at=now.at,
        failed=now.failed,
    )  # fmt: skip


def recorded(call: Call, now: Recorded) -> Call:
    """What was recorded on one of its channels."""
    taken = {one.started_at for one in now.taken}
    others = (one for one in call.recordings if one.channel != now.channel or one.started_at not in taken)
    return replace(call, recordings=tuple(sorted((*others, *now.taken), key=lambda one: one.started_at)))


def _gone_on(call: Call, at: float) -> Call:
    """The caller went on without those he was connected with, and without those who were asked about him."""
    legs = tuple(legs_.forsaken(legs_.left(legs_.disconnected(leg, at))) for leg in call.legs)
    return replace(call, legs=legs, caller_holds=False)


def _not_connected(leg: Leg, now: Connected, *, went_on: bool) -> Leg:
    alone = legs_.disconnected(leg, now.at)
    if went_on:
        return legs_.left(alone)
    apart = alone.joined and leg.id in now.apart
    return replace(alone, apart=apart) if alone.state is LegState.TALKING and apart != alone.apart else alone


def _handed_over(leg: Leg) -> Leg:
    """A leg whose owner asked somebody who is with the caller now: from his page he has sent the caller on to him."""
    return replace(leg, transferred=True) if leg.set_aside else leg


def _answered(call: Call, at: float, *by: Leg) -> Call:
    """One of these has answered: who is reached after the dialplan has sent the caller on may be nobody of ours."""
    if call.answered_at is not None and not call.waiting and not call.parked:
        return call
    sent_away = call.final is not None and call.final is not Final.QUEUE
    first = at if any(leg.ours for leg in by) or not sent_away else None
    return replace(
        call, answered_at=call.answered_at if call.answered_at is not None else first, waiting=False, parked=False
    )


def _with_leg(call: Call, leg: Leg) -> Call:
    others = tuple(leg if known.id == leg.id else known for known in call.legs)
    legs = others if any(known.id == leg.id for known in call.legs) else (*call.legs, leg)
    return replace(call, legs=_bounded(legs))


def _bounded(legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
    if len(legs) <= MAX_GONE_LEGS:
        return legs
    forgettable = [leg.id for leg in legs if leg.state is LegState.GONE and leg.answered_at is None]
    drop = set(forgettable[: len(legs) - MAX_GONE_LEGS])
    return tuple(leg for leg in legs if leg.id not in drop)
