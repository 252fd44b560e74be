"""An operator's state: what it is, since when and why, what it asks of Asterisk, and what Asterisk says. Pure."""

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum

from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.domain.state_period import StatePeriod
from cti_bridge.operators.desk_settings import DeskSettings, StateDefinition, StateKind

PAUSING = frozenset({StateKind.AWAY, StateKind.WRAP_UP, StateKind.SIGNED_OFF})
"""Kinds of state in which no queue calls an operator."""


class Why(StrEnum):
    """Why a state began."""

    ASKED = "asked"
    """He asked for it, or somebody who may."""
    CALL = "call"
    """A talk ended, or the caller came back."""
    LIMIT = "limit"
    """The time after a call was over."""
    PAGE_GONE = "page_gone"
    """No page of his was open for too long."""
    SIGN_OUT = "sign_out"
    """He signed out."""
    PBX = "pbx"
    """Asterisk was told so by somebody else, or nobody has ever said anything."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment by two clocks."""

    wall: float
    """Seconds since 1970; may be set."""
    running: float
    """Seconds of a clock that only runs."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """How Asterisk is to treat an operator, in all his queues."""

    paused: bool
    reason: str | None = ""
    """The reason of the pause, a state's id; None: whatever reason it has."""
    last: bool = False
    """He is called only when nobody else is free, or those who are do not answer."""
    stays: bool = False
    """He is not at work: the pause outlives him as an operator, for nobody is at his phone."""


@dataclass(frozen=True, slots=True)
class MemberPicture:
    """One of his phones in one queue, as Asterisk has it now."""

    queue: str
    interface: str
    paused: bool = False
    reason: str = ""
    penalty: int = 0
    last: bool = False
    """Whether the penalty is that of somebody who is to be called last."""
    available: bool = True
    """Whether the phone can be reached at all."""
    by_hand: bool = False
    """Whether somebody else has paused it, or let it be called again, and is not contradicted."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A talk that the time after a call is for, and what is still to be written down of it."""

    call: CallId
    missing: Set[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Next:
    """The state that follows when the talk, and the time after it, are over."""

    state: str
    why: Why = Why.ASKED
    by: str = ""


@dataclass(frozen=True, slots=True)
class OperatorState:
    """All that is known of one operator's state; what the journal keeps of it is `StatePeriod`."""

    operator: OperatorId
    state: str
    kind: StateKind
    since: float
    """Seconds since 1970."""
    number: int = 0
    """Counts the operator's states."""
    why: Why = Why.PBX
    by: str = ""
    """The operator who set it, where it was not himself."""
    steered: bool = False
    """Whether Asterisk is told; not before he, a supervisor or a setting has said what he is."""
    paged: bool = False
    """Whether he has had a page open, so that its being gone means something."""
    owed: tuple[Owed, ...] = ()
    """The talks that the time after a call is for, the earliest first; also while another talk goes on."""
    until: float | None = None
    """When the time after a call is over, in seconds since 1970."""
    deadline: float | None = None
    """The same by the clock that only runs."""
    overdue: bool = False
    """The limit is past, because something was still to be written down then."""
    back: str = ""
    """The state that he had before the time after a call."""
    next: Next | None = None
    talks: tuple[CallId, ...] = ()
    """The calls that he talks in now, or is asked about."""
    gone_at: float | None = None
    """When the absence of his page means something, by the clock that only runs."""
    members: tuple[MemberPicture, ...] = ()
    """What Asterisk says."""
    foreign: bool = False
    """Whether somebody else has made it differ from what it is to be."""
    pbx_up: bool = False
    """Whether what Asterisk says can be relied upon."""

    @property
    def missing(self) -> frozenset[str]:
        """What has to be written down before the time after a call can end."""
        return frozenset(field for one in self.owed for field in one.missing)

    @property
    def call(self) -> Owed | None:
        """The talk that the time after a call is for: the first of which something is missing, else the latest."""
        if self.kind is not StateKind.WRAP_UP:
            return None
        return next((one for one in self.owed if one.missing), self.owed[-1] if self.owed else None)

    @property
    def unreachable(self) -> bool:
        """Whether none of his phones that are in queues can be reached."""
        return bool(self.members) and not any(one.available for one in self.members)


def treatment(now: OperatorState, desk: DeskSettings) -> Treatment | None:
    """How Asterisk is to treat him; None where nobody has said anything, so that nothing is to be done."""
    if not now.steered:
        return None
    if now.talks and now.next is not None and now.kind not in PAUSING:
        # He leaves when the talk is over: the pause is there before the next caller can be.
        following = desk.state(now.next.state)
        if following is not None and following.kind in PAUSING:
            return Treatment(True, following.id, stays=following.kind is StateKind.SIGNED_OFF)
    if now.kind in PAUSING:
        reason = None if now.why is Why.PBX else now.state
        return Treatment(True, reason, stays=now.kind is StateKind.SIGNED_OFF)
    return Treatment(False, last=now.kind is StateKind.LAST)


def agrees(picture: MemberPicture, wanted: Treatment) -> bool:
    """Whether Asterisk treats this phone in this queue as it is to."""
    return picture.paused == wanted.paused and (picture.paused or picture.last == wanted.last)


def confirmed(now: OperatorState, desk: DeskSettings) -> bool:
    """Whether Asterisk is known to treat him, in all his queues, as his state says."""
    wanted = treatment(now, desk)
    return now.pbx_up and (wanted is None or all(agrees(picture, wanted) for picture in now.members))


def elsewhere(now: OperatorState, desk: DeskSettings) -> str | None:
    """What somebody else has made of him in some of his queues, where it differs: `paused` or `ready`."""
    wanted = treatment(now, desk)
    if wanted is None or not now.foreign or all(one.paused == wanted.paused for one in now.members):
        return None
    return "ready" if wanted.paused else "paused"


def due(now: OperatorState) -> float | None:
    """When time alone changes something about him, by the clock that only runs."""
    held = now.talks or (now.overdue and now.missing)
    limit = now.deadline if now.kind is StateKind.WRAP_UP and not held else None
    return min((at for at in (limit, now.gone_at) if at is not None), default=None)


def seen_on_the_pbx(members: tuple[MemberPicture, ...], desk: DeskSettings) -> StateDefinition:
    """The state of somebody of whom nothing but Asterisk's picture is known: away when paused in all his queues."""
    if not members or not all(one.paused for one in members):
        return desk.of_kind(StateKind.READY)
    named = desk.state(members[0].reason)
    if named is not None and named.kind in (StateKind.AWAY, StateKind.SIGNED_OFF):
        return named
    return desk.of_kind(StateKind.AWAY)


def period(now: OperatorState, *, ended_at: float | None = None) -> StatePeriod:
    """What the journal keeps of a state."""
    return StatePeriod(
        operator=now.operator,
        number=now.number,
        began_at=now.since,
        ended_at=None if ended_at is None else max(ended_at, now.since),
        state=now.state,
        kind=now.kind.value,
        why=now.why.value,
        by=now.by,
        until=now.until,
        calls=tuple(one.call for one in now.owed),
        talks=now.talks,
        back=now.back,
        next=now.next.state if now.next is not None else "",
        next_why=now.next.why.value if now.next is not None else "",
        next_by=now.next.by if now.next is not None else "",
        steered=now.steered,
        paged=now.paged,
    )
