"""Who begins to talk in a call and who is through with it, when the call changes. Pure.

An operator is engaged while he talks, holds the caller, calls somebody outside or is asked about a caller. What he may
have to write down afterwards is a talk with somebody outside: being asked about a caller, or talking with a colleague,
leaves nothing behind.
"""

from dataclasses import dataclass

from cti_bridge.calls.call import Call
from cti_bridge.calls.leg import LegState
from cti_bridge.calls.pops import OwnerOf, Part, parts
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, OperatorId

_ENGAGED = (Part.TALKING, Part.CONSULTING)


@dataclass(frozen=True, slots=True)
class Engagement:
    """One operator begins to be engaged in a call, or no longer is; `at` is in seconds since 1970 where it ends."""

    operator: OperatorId
    call: CallId
    begins: bool
    at: float = 0.0
    talked: bool = False
    """Where it ends: whether he talked with somebody outside."""


def engaged(call: Call | None, owner_of: OwnerOf) -> frozenset[OperatorId]:
    """Who is engaged in this call now."""
    return frozenset(operator for operator, part in parts(call, owner_of).items() if part in _ENGAGED)


def engagements(before: Call | None, after: Call, owner_of: OwnerOf, *, now: float) -> tuple[Engagement, ...]:
    """What begins and ends when a call goes from `before` to `after`; `now` is used where it is not known when."""
    was, is_now = engaged(before, owner_of), engaged(after, owner_of)
    began = [Engagement(operator, after.id, True) for operator in sorted(is_now - was)]
    unseen = _talked_unseen(before, after, owner_of) - is_now - was
    over = sorted((was - is_now) | unseen)
    return (*began, *(_over(before, after, operator, owner_of, now) for operator in over))


def _over(before: Call | None, after: Call, operator: OperatorId, owner_of: OwnerOf, now: float) -> Engagement:
    gone = {leg.id for leg in before.legs if leg.state is LegState.LEFT or leg.is_over} if before is not None else set()
    his = [leg for leg in after.legs if owner_of(leg.interface) == operator and leg.id not in gone]
    calls_himself = before is not None and owner_of(before.caller_phone) == operator
    talked = any(leg.joined or (leg.answered_at is not None and not leg.consults) for leg in his) or calls_himself
    outside = after.direction is not Direction.INTERNAL and after.answered_at is not None
    ends = [leg.ended_at for leg in his if leg.answered_at is not None and leg.ended_at is not None]
    at = max(ends, default=after.ended_at if after.ended_at is not None else now)
    return Engagement(operator, after.id, False, at, talked and outside)


def _talked_unseen(before: Call | None, after: Call, owner_of: OwnerOf) -> frozenset[OperatorId]:
    """Who answered the phone that rang, and is through with it, all of it while nobody listened."""
    rang = {leg.id for leg in before.legs if leg.answered_at is None} if before is not None else set()
    talked = (leg for leg in after.legs if leg.id in rang and leg.answered_at is not None)
    return frozenset(owner for leg in talked if (owner := owner_of(leg.interface)) is not None)
