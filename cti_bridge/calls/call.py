"""One call as it stands, and how each event changes it. Pure.

A call belongs to the channel on which the caller arrived. Every phone that is called for it is a leg. What operators
see follows from the legs alone: a leg rings, or its owner talks, or it is gone. Three rules keep the picture true
whatever comes late, twice or out of order:

* a leg only moves forward: ringing, talking, gone. A late "ringing" for a leg that is gone changes nothing;
* a call that has ended stays ended, and one that was answered stays answered;
* leaving a queue means nothing by itself. The caller gave up only if his own channel ends without an answer.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from cti_bridge.calls.events import Stop
from cti_bridge.domain.ids import CallId, ChannelId

MAX_GONE_LEGS = 50
"""How many finished legs without an answer a call remembers; a caller may wait for hours while phones ring in turn."""


class CallState(StrEnum):
    """Where a call is in its life."""

    OFFERED = "offered"
    QUEUED = "queued"
    RINGING = "ringing"
    TALKING = "talking"
    ENDED = "ended"


class Outcome(StrEnum):
    """How a call ended."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"


class LegState(StrEnum):
    """Where a leg is in its life."""

    RINGING = "ringing"
    TALKING = "talking"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Leg:
    """One phone called for a call."""

    id: ChannelId
    name: str
    interface: str
    queue: str
    rang_at: float
    state: LegState = LegState.RINGING
    answered_at: float | None = None
    why: Stop | None = None
    """Why it stopped ringing, where it did so without an answer."""


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
    recovered: bool = False
    """Something of it was not seen when it happened but found out afterwards, so its times are late."""

    @property
    def state(self) -> CallState:
        """Where the call is, derived from what is known of caller and legs."""
        if self.ended_at is not None:
            return CallState.ENDED
        states = {leg.state for leg in self.legs}
        if LegState.TALKING in states:
            return CallState.TALKING
        if LegState.RINGING in states:
            return CallState.RINGING
        return CallState.QUEUED if self.waiting else CallState.OFFERED

    @property
    def outcome(self) -> Outcome | None:
        """How the call ended; None while it goes on."""
        if self.ended_at is None:
            return None
        return Outcome.ANSWERED if self.answered_at is not None else Outcome.ABANDONED

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


def queued(call: Call, queue: str) -> Call:
    """The caller joined a queue."""
    return call if call.ended_at is not None else replace(call, queue=queue, waiting=True)


def left_queue(call: Call, queue: str) -> Call:
    """The caller left a queue; leaving an earlier one than the present changes nothing."""
    return replace(call, waiting=False) if call.waiting and call.queue == queue else call


def leg_rings(call: Call, leg: Leg) -> Call:
    """A phone is called; told twice (queue and dial both say so) it stays one leg, and the queue is kept."""
    if call.ended_at is not None:
        return call
    known = call.leg(leg.id)
    if known is None:
        return replace(call, legs=_bounded((*call.legs, leg)), queue=leg.queue or call.queue)
    if leg.queue and not known.queue:
        return _with_leg(replace(call, queue=leg.queue), replace(known, queue=leg.queue))
    return call


def leg_stops(call: Call, leg_id: ChannelId, why: Stop) -> Call:
    """A phone no longer rings; one that talks or is gone is not touched."""
    leg = call.leg(leg_id)
    if leg is None or leg.state is not LegState.RINGING:
        return call
    return _with_leg(call, replace(leg, state=LegState.GONE, why=why))


def leg_answers(call: Call, leg: Leg, at: float) -> Call:
    """A phone answered: the leg is known from ringing, or new because a colleague picked the call up."""
    if call.ended_at is not None:
        return call
    known = call.leg(leg.id)
    if known is not None and (known.state is LegState.TALKING or (known.state is LegState.GONE and known.why is None)):
        return call
    answered = replace(known or leg, state=LegState.TALKING, answered_at=at, why=None)
    first = call.answered_at if call.answered_at is not None else at
    with_time = replace(call, answered_at=first, waiting=False)
    return _with_leg(with_time, answered)


def leg_ends(call: Call, leg_id: ChannelId) -> Call:
    """The channel of a leg is gone."""
    leg = call.leg(leg_id)
    if leg is None or leg.state is LegState.GONE:
        return call
    why = Stop.CANCELLED if leg.state is LegState.RINGING else None
    return _with_leg(call, replace(leg, state=LegState.GONE, why=why))


def ends(call: Call, at: float) -> Call:
    """The caller's own channel is gone, so the call is over; every leg with it, as far as this call goes."""
    if call.ended_at is not None:
        return call
    legs = tuple(
        leg
        if leg.state is LegState.GONE
        else replace(leg, state=LegState.GONE, why=Stop.CANCELLED if leg.state is LegState.RINGING else None)
        for leg in call.legs
    )
    return replace(call, legs=legs, waiting=False, ended_at=at)


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
