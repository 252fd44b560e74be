"""One phone called for a call, or joined to it, and how it moves on: ringing, talking or consulting, gone. Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum

from cti_bridge.calls.events import Stop
from cti_bridge.domain.ids import ChannelId


class LegState(StrEnum):
    """Where a leg is in its life."""

    RINGING = "ringing"
    CONSULTING = "consulting"
    """It was called by the operator who talks with the caller, and answered; the caller does not hear it."""
    TALKING = "talking"
    LEFT = "left"
    """The caller went on without it: to a queue, a parking lot, somebody else. Its channel may stay for a while.

    So it is with a leg that was called for a consultation, whether it had answered or still rings.
    """
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Leg:
    """One phone called for a call; times are seconds since 1970."""

    id: ChannelId
    name: str
    interface: str
    queue: str
    rang_at: float
    state: LegState = LegState.RINGING
    answered_at: float | None = None
    why: Stop | None = None
    """Why it ended."""
    parent: ChannelId | None = None
    """The leg that called it: half of a Local channel, or whoever consults. None where the caller himself waits."""
    consults: bool = False
    """It was called for a consultation, and has not been connected with the caller so far."""
    number: str = ""
    """The number that was called, as the PBX has it."""
    ended_at: float | None = None
    with_caller_since: float | None = None
    """Since when it has been connected with the caller; None while it is not."""
    talked_s: float = 0.0
    """How long it was connected with the caller, all times that are over together."""
    joined: bool = False
    """It has been connected with the caller at some time."""
    on_hold: bool = False
    """Its owner put the other side on hold."""
    apart: bool = False
    """Its owner left the caller waiting and is connected with somebody else."""
    set_aside: bool = False
    """Its owner has had the caller taken to where he waits with music, and is to come back to him."""
    transferred: bool = False
    """Its owner sent the other side on."""
    hung_up: bool = False
    """Its owner has had it ended from his page."""
    ours: bool = True
    """Who answers it works here: it is an operator's phone, or a queue called it."""

    @property
    def held(self) -> bool:
        """Whether its owner does not hear the caller at present, and means to come back."""
        return self.on_hold or self.apart or self.set_aside

    @property
    def is_over(self) -> bool:
        """Whether nothing brings it back. One that was told to stop ringing, and answered all the same, did answer."""
        return self.state is LegState.GONE and self.answered_at is not None


def over(leg: Leg, at: float, why: Stop) -> Leg:
    """The leg is gone, for this reason unless it was answered."""
    if leg.answered_at is not None:
        why = Stop.TRANSFERRED if leg.transferred else Stop.HUNG_UP if leg.hung_up else Stop.ENDED
    return replace(
        disconnected(leg, at), state=LegState.GONE, why=why, ended_at=at, on_hold=False, apart=False, set_aside=False
    )


def connected(leg: Leg, at: float) -> Leg:
    """The leg is connected with the caller, which answers it if nothing else has said so before."""
    if leg.with_caller_since is not None or leg.is_over:
        return leg
    return replace(
        leg,
        state=LegState.TALKING,
        ended_at=None,
        why=None,
        answered_at=leg.answered_at if leg.answered_at is not None else at,
        with_caller_since=at,
        joined=True,
        consults=False,
        apart=False,
        set_aside=False,
    )


def left(leg: Leg) -> Leg:
    """The caller, who was connected with this leg, has gone on without it."""
    is_left = leg.state is LegState.TALKING and leg.joined
    return replace(leg, state=LegState.LEFT, on_hold=False, apart=False, set_aside=False) if is_left else leg


def set_aside(leg: Leg) -> Leg:
    """The caller, who talked with this leg, waits for it where its owner has had him taken to."""
    return replace(leg, set_aside=True, joined=True) if leg.state is LegState.TALKING else leg


def forsaken(leg: Leg) -> Leg:
    """The caller about whom this leg is asked has gone on, so nobody asks it about him any more."""
    is_asked = leg.consults and leg.state in (LegState.RINGING, LegState.CONSULTING)
    return replace(leg, state=LegState.LEFT) if is_asked else leg


def still_asked(legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
    """The legs when the caller has gone on: a consultation is over unless whoever asks talks with him all the same.

    That whoever asked is gone is not enough: this is how he hands the caller over, and the colleague has him a moment
    later.
    """
    talkers = {leg.id for leg in legs if leg.state is LegState.TALKING and not _has_sent_on(leg)}
    return tuple(leg if leg.parent in talkers else forsaken(leg) for leg in legs)


def _has_sent_on(leg: Leg) -> bool:
    """Whether its owner is rid of the caller; that his own line is gone as well may be told a moment later."""
    return leg.transferred and leg.with_caller_since is None


def disconnected(leg: Leg, at: float) -> Leg:
    """The leg is not connected with the caller (any more)."""
    if leg.with_caller_since is None:
        return leg
    return replace(leg, with_caller_since=None, talked_s=leg.talked_s + max(0.0, at - leg.with_caller_since))
