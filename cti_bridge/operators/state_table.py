"""What becomes of an operator's state when something happens to him. Pure.

The state that was asked for is never lost: during a talk it follows the talk, and after a talk it follows the time for
writing things down, where there is one. That time ends by itself at its limit, unless something that is required is
still missing.
"""

from collections.abc import Set
from dataclasses import replace

from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.operators.desk_settings import DeskSettings, StateDefinition, StateKind, WhenGone
from cti_bridge.operators.state_happenings import (
    Asked,
    Finished,
    Happening,
    MembersSeen,
    Pages,
    Pbx,
    SignedOut,
    TalkBegan,
    TalkEnded,
    Tick,
    Written,
)
from cti_bridge.operators.states import (
    PAUSING,
    Moment,
    Next,
    OperatorState,
    Owed,
    Why,
    seen_on_the_pbx,
    treatment,
)

MAX_OWED = 20
"""Talks of one operator that the time after a call can be for; then the earliest is let go of."""
MAX_TALKS = 50
STILL_WRITING_S = 15.0
"""So long after something was written down a time after a call ends whose limit is past: pages save while he types."""


class Missing(Exception):
    """The time after a call cannot end yet: these fields are missing."""

    def __init__(self, fields: Set[str]) -> None:
        super().__init__(f"still missing after the call: {', '.join(sorted(fields))}")


def unknown(operator: OperatorId, desk: DeskSettings, at: Moment) -> OperatorState:
    """An operator of whom nothing is known. Whatever is in the journal of him, numbered so, came before."""
    ready = desk.of_kind(StateKind.READY)
    return OperatorState(operator, ready.id, ready.kind, at.wall, number=int(at.wall * 1000))


def happens(now: OperatorState, what: Happening, desk: DeskSettings, at: Moment) -> OperatorState:  # noqa: PLR0911
    """The state after this. Raises Missing when it was asked for and cannot be."""
    match what:
        case Asked():
            return _asked(now, what, at)
        case Finished():
            return _finished(now, desk, at)
        case TalkBegan(call):
            return _talk_began(now, call, desk, at)
        case TalkEnded():
            return _talk_ended(now, what, desk, at)
        case Written(call, missing):
            return _written(now, call, missing, at)
        case Pages(count):
            return _pages(now, count, desk, at)
        case SignedOut():
            return _leaves(now, desk.of_kind(StateKind.SIGNED_OFF), Why.SIGN_OUT, at) if now.steered else now
        case MembersSeen():
            return _members_seen(now, what, desk, at)
        case Pbx(up):
            return replace(now, pbx_up=up)
        case Tick():
            return _tick(now, desk, at)


def _move(now: OperatorState, to: StateDefinition, why: Why, at: Moment, by: str = "") -> OperatorState:
    """Another state begins."""
    begun = replace(
        now, why=why, by=by, steered=True, owed=(), until=None, deadline=None, overdue=False, back="", next=None,
        foreign=False,  # what somebody else did before counts no more: what is wanted is another thing now
    )  # fmt: skip
    if to.id == now.state:
        return begun
    return replace(begun, state=to.id, kind=to.kind, since=at.wall, number=now.number + 1)


def _asked(now: OperatorState, what: Asked, at: Moment) -> OperatorState:
    if now.talks:
        stays = what.state.id == now.state
        following = None if stays else Next(what.state.id, Why.ASKED, what.by)
        return replace(now, steered=True, next=following, foreign=False)
    if now.kind is StateKind.WRAP_UP and now.missing and not what.by:
        raise Missing(now.missing)
    return _move(now, what.state, Why.ASKED, at, what.by)


def _finished(now: OperatorState, desk: DeskSettings, at: Moment) -> OperatorState:
    if now.kind is not StateKind.WRAP_UP:
        return now
    if now.missing:
        raise Missing(now.missing)
    return _over(now, Why.ASKED, desk, at)


def _over(now: OperatorState, why: Why, desk: DeskSettings, at: Moment) -> OperatorState:
    """The time after a call is over: what was asked for follows, else what was before."""
    if now.next is not None:
        return _follow(now, now.next, desk, at)
    return _move(now, desk.state(now.back) or desk.of_kind(StateKind.READY), why, at)


def _follow(now: OperatorState, following: Next, desk: DeskSettings, at: Moment) -> OperatorState:
    state = desk.state(following.state)
    return _move(now, state, following.why, at, following.by) if state is not None else replace(now, next=None)


def _talk_began(now: OperatorState, call: CallId, desk: DeskSettings, at: Moment) -> OperatorState:
    if call in now.talks:
        return now
    following = now.next
    left = tuple(one for one in now.owed if one.call != call)
    talking = replace(now, talks=(*now.talks, call)[-MAX_TALKS:], owed=left)
    if now.kind is not StateKind.WRAP_UP or left or not now.owed:
        return talking
    # The caller is back: what was said of the time after the talk holds for the time after this one.
    before = desk.state(now.back) or desk.of_kind(StateKind.READY)
    return replace(_move(talking, before, Why.CALL, at), next=following)


def _talk_ended(now: OperatorState, what: TalkEnded, desk: DeskSettings, at: Moment) -> OperatorState:
    after = replace(now, talks=tuple(call for call in now.talks if call != what.call))
    left_s = desk.wrap_up.limit_s - max(0.0, at.wall - what.at)
    if what.after and left_s > 0 and now.kind is not StateKind.SIGNED_OFF:
        others = tuple(one for one in now.owed if one.call != what.call)
        after = replace(after, owed=(*others, Owed(what.call, what.missing))[-MAX_OWED:])
    elif after.talks == now.talks:
        return now
    if after.talks:
        return after
    if after.owed and after.kind is not StateKind.WRAP_UP:
        limit = min(left_s if what.after else desk.wrap_up.limit_s, desk.wrap_up.limit_s)
        return _wrap_up(after, max(limit, 0.0), desk, at)
    if after.kind is StateKind.WRAP_UP:
        if what.after and left_s > 0:
            return replace(after, until=at.wall + left_s, deadline=at.running + left_s, overdue=False)
        return _tick(after, desk, at)
    return _follow(after, after.next, desk, at) if after.next is not None else after


def _wrap_up(now: OperatorState, limit_s: float, desk: DeskSettings, at: Moment) -> OperatorState:
    begun = _move(now, desk.of_kind(StateKind.WRAP_UP), Why.CALL, at)
    return replace(
        begun,
        owed=now.owed,
        until=at.wall + limit_s,
        deadline=at.running + limit_s,
        back=now.state,
        next=now.next,
    )


def _written(now: OperatorState, call: CallId, missing: Set[str], at: Moment) -> OperatorState:
    owed = tuple(Owed(call, missing) if one.call == call else one for one in now.owed)
    after = replace(now, owed=owed)
    if not after.overdue or after.missing or all(one.call != call for one in owed):
        return after
    return replace(after, until=at.wall + STILL_WRITING_S, deadline=at.running + STILL_WRITING_S)


def _pages(now: OperatorState, count: int, desk: DeskSettings, at: Moment) -> OperatorState:
    if count == 0:
        return page_is_gone_from(now, desk, at) if now.paged and now.gone_at is None else now
    back = replace(now, paged=True, gone_at=None)
    is_here = now.next is not None and now.next.why is Why.PAGE_GONE
    return replace(back, next=None) if is_here else back


def page_is_gone_from(now: OperatorState, desk: DeskSettings, at: Moment) -> OperatorState:
    """None of his pages is open from now on."""
    if desk.when_gone is WhenGone.STAY:
        return now
    return replace(now, gone_at=at.running + desk.gone_after_s)


def _gone(now: OperatorState, desk: DeskSettings, at: Moment) -> OperatorState:
    following = desk.state(now.next.state) if now.next is not None else None
    if following is not None and following.kind in PAUSING:
        # He leaves anyway; if he comes back before, what was asked for still holds. Then it is looked again.
        return replace(now, gone_at=at.running + desk.gone_after_s)
    here = replace(now, gone_at=None, paged=False)
    match desk.when_gone:
        case WhenGone.SIGN_OFF:
            return _leaves(here, desk.of_kind(StateKind.SIGNED_OFF), Why.PAGE_GONE, at)
        case WhenGone.AWAY if now.kind not in (StateKind.AWAY, StateKind.SIGNED_OFF):
            return _leaves(here, desk.of_kind(StateKind.AWAY), Why.PAGE_GONE, at)
        case WhenGone.AWAY:
            return replace(here, next=None)  # he is away as it is, and stays so after the talk
    return here


def _leaves(now: OperatorState, to: StateDefinition, why: Why, at: Moment) -> OperatorState:
    """Nobody is at the desk any more: as soon as a talk is over, and what has to be written down is."""
    if now.state == to.id:
        return replace(now, next=None)
    if not now.talks and not (now.kind is StateKind.WRAP_UP and now.missing):
        return _move(now, to, why, at)
    return replace(now, steered=True, next=Next(to.id, why))


def _members_seen(now: OperatorState, what: MembersSeen, desk: DeskSettings, at: Moment) -> OperatorState:
    wanted = treatment(now, desk)
    differing = [one for one in what.members if wanted is not None and one.paused != wanted.paused]
    foreign = now.foreign or what.foreign or any(one.by_hand for one in differing)
    seen = replace(now, members=what.members, foreign=bool(differing) and foreign)
    if not what.members:
        return seen
    says = seen_on_the_pbx(what.members, desk)
    if wanted is None:
        same = says.kind is now.kind if now.kind is StateKind.READY else says.id == now.state
        return seen if same else replace(_move(seen, says, Why.PBX, at), steered=False)
    if len(differing) < len(what.members) or not all(one.by_hand for one in differing):
        return seen
    # Somebody has changed it in all his queues, by other means than ours: that is what he is now.
    if says.kind in PAUSING or now.kind in PAUSING:
        return replace(_move(seen, says, Why.PBX, at), foreign=False)
    return replace(seen, next=None)


def _tick(now: OperatorState, desk: DeskSettings, at: Moment) -> OperatorState:
    if now.gone_at is not None and now.gone_at <= at.running:
        now = _gone(now, desk, at)
    over = now.kind is StateKind.WRAP_UP and now.deadline is not None and now.deadline <= at.running
    if not over or now.talks:
        return now
    return replace(now, overdue=True) if now.missing else _over(now, Why.LIMIT, desk, at)
