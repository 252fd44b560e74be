"""Who sees which call, and what changes on his screen when the call changes. Pure.

An operator's part in a call follows from the legs on his phones: one rings, or one talks. The difference between his
part before and after an event is what he is told; so a pop is told once however many phones and events announce it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cti_bridge.calls.call import Call
from cti_bridge.calls.events import Stop
from cti_bridge.calls.leg import LegState
from cti_bridge.domain.ids import OperatorId

OwnerOf = Callable[[str], OperatorId | None]
"""Finds the operator to whom an interface belongs."""


class Part(StrEnum):
    """What an operator has to do with a call at this moment."""

    RINGING = "ringing"
    TALKING = "talking"
    CONSULTING = "consulting"
    """A colleague who talks with the caller asks him."""


class PopEvent(StrEnum):
    """What an operator is told."""

    RINGING = "call.ringing"
    WITHDRAWN = "call.withdrawn"
    ANSWERED = "call.answered"
    UPDATED = "call.updated"
    ENDED = "call.ended"


class Reason(StrEnum):
    """Why a pop was withdrawn."""

    ANSWERED_ELSEWHERE = "answered_elsewhere"
    NO_ANSWER = "no_answer"
    ABANDONED = "abandoned"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class PopChange:
    """One operator is told one thing about one call; `by` names who took it, where somebody did."""

    operator: OperatorId
    event: PopEvent
    reason: Reason | None = None
    by: OperatorId | None = None


_PART = {
    LegState.RINGING: Part.RINGING,
    LegState.CONSULTING: Part.CONSULTING,
    LegState.TALKING: Part.TALKING,
}
_RANK = (Part.RINGING, Part.CONSULTING, Part.TALKING)
"""Of several parts in one call, on several phones, the last one counts."""


def parts(call: Call | None, owner_of: OwnerOf) -> dict[OperatorId, Part]:
    """Every operator who has a part in the call now."""
    found: dict[OperatorId, Part] = {}
    for leg in call.legs if call else ():
        if leg.state not in _PART:
            continue
        owner = owner_of(leg.interface)
        if owner is None:
            continue
        found[owner] = max(found.get(owner, Part.RINGING), _PART[leg.state], key=_RANK.index)
    dialler = owner_of(call.caller_phone) if call is not None and call.dialling else None
    if dialler is not None and call is not None and call.ended_at is None:
        found[dialler] = Part.TALKING
    return found


def who_talks(call: Call, owner_of: OwnerOf) -> OperatorId | None:
    """The operator who answered last and is still there; the halves of a Local channel belong to nobody."""
    talking = [leg for leg in call.legs if leg.state is LegState.TALKING and owner_of(leg.interface) is not None]
    latest = max(talking, key=lambda leg: leg.answered_at or 0.0, default=None)
    return owner_of(latest.interface) if latest else None


def changes(before: Call | None, after: Call, owner_of: OwnerOf) -> tuple[PopChange, ...]:
    """What each operator is told when a call goes from `before` to `after`."""
    was, now = parts(before, owner_of), parts(after, owner_of)
    by = who_talks(after, owner_of)
    reached = before is not None and before.dialling and after.answered_at is not None
    told: list[PopChange] = []
    for operator in [*was, *(o for o in now if o not in was)]:
        old, new = was.get(operator), now.get(operator)
        if old == new:
            if reached and new is Part.TALKING:
                told.append(PopChange(operator, PopEvent.ANSWERED))
            continue
        if new is Part.RINGING:
            told.append(PopChange(operator, PopEvent.RINGING))
        elif new is not None:
            no_answer = after.dialling or (old is not None and old is not Part.RINGING)
            told.append(PopChange(operator, PopEvent.UPDATED if no_answer else PopEvent.ANSWERED))
        elif old is not Part.RINGING or _talked_unseen(before, after, operator, owner_of):
            told.append(PopChange(operator, PopEvent.ENDED))
        else:
            reason = _reason(before, after, operator, owner_of)
            taken_by = by if reason is Reason.ANSWERED_ELSEWHERE else None
            told.append(PopChange(operator, PopEvent.WITHDRAWN, reason, taken_by))
    return tuple(told)


def _talked_unseen(before: Call | None, after: Call, operator: OperatorId, owner_of: OwnerOf) -> bool:
    """Whether he answered the phone that rang, and the talk is over, all of it while nobody listened."""
    rang = {leg.id for leg in before.legs if leg.state is LegState.RINGING} if before else set()
    his = (leg for leg in after.legs if leg.id in rang and owner_of(leg.interface) == operator)
    return any(leg.answered_at is not None for leg in his)


def _reason(before: Call | None, after: Call, operator: OperatorId, owner_of: OwnerOf) -> Reason:
    rang = {leg.id for leg in before.legs if leg.state is LegState.RINGING} if before else set()
    stopped = [leg for leg in after.legs if leg.id in rang and owner_of(leg.interface) == operator]
    asked = any(leg.consults for leg in stopped)
    answered_unseen = after.ended_at is not None and before is not None and before.answered_at != after.answered_at
    if (after.talking is not None or answered_unseen) and not asked:
        return Reason.ANSWERED_ELSEWHERE
    if after.ended_at is not None:
        return Reason.ABANDONED
    if any(leg.why in (Stop.NO_ANSWER, Stop.REFUSED) for leg in stopped):
        return Reason.NO_ANSWER
    if any(leg.state is LegState.LEFT for leg in stopped):
        return Reason.MOVED
    # The PBX stops the phones before it says that the caller is gone. If he left the queue first, he was moved.
    left_first = any(leg.queue for leg in stopped) and not after.waiting and not asked
    return Reason.MOVED if left_first else Reason.ABANDONED
