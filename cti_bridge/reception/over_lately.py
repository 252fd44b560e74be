"""Calls that ended a short while ago: who talked in them may still write something down about the customer."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from cti_bridge.calls.call import Call
from cti_bridge.calls.pops import OwnerOf
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.reception.dossiers import Dossier

OPEN_S = 3_600.0
"""So long after he talked may an operator write on the card: as long as the settings let a wrap-up be."""
MOST_OVER = 500
"""So many calls are kept in memory; of those before them the journal knows what is needed."""


@dataclass(frozen=True, slots=True)
class Over:
    """A call that has ended, what is known of it, and who had talked in it."""

    call: Call
    dossier: Dossier
    talked: frozenset[OperatorId]


class OverLately:
    """The latest calls that have ended, in memory."""

    def __init__(self) -> None:
        self._calls: OrderedDict[CallId, Over] = OrderedDict()

    def __iter__(self) -> Iterator[Over]:
        return iter(tuple(self._calls.values()))

    def put(self, over: Over) -> None:
        """A call has ended, or something of it was found out since; where nobody talked, nobody writes anything."""
        if not over.talked:
            return
        over.dossier.shown = None  # of so many of them it would be much, and hardly one is shown again
        self._calls[over.call.id] = over
        self._calls.move_to_end(over.call.id)
        while len(self._calls) > MOST_OVER:
            self._calls.popitem(last=False)

    def get(self, call_id: CallId) -> Over | None:
        """The call with this id."""
        return self._calls.get(call_id)

    def drop(self, call_id: CallId) -> None:
        """Nothing is to be known of this call any more."""
        self._calls.pop(call_id, None)

    def drop_old(self, now: float) -> None:
        """Let go of those on whose cards nobody can write any more, and that are in nobody's wrap-up either."""
        for over in self:
            if over.call.ended_at is not None and over.call.ended_at < now - 2 * OPEN_S:
                self.drop(over.call.id)


def talked_in(call: Call, owner_of: OwnerOf) -> frozenset[OperatorId]:
    """The operators who talk, or talked, in a call, or who made it."""
    phones = [leg.interface for leg in call.legs if leg.answered_at is not None]
    if call.dialler is not None and call.direction is Direction.OUTBOUND:
        phones.append(call.dialler.interface)
    return frozenset(owner for phone in phones if (owner := owner_of(phone)) is not None)


def left_at(call: Call, operator: OperatorId, owner_of: OwnerOf) -> float | None:
    """When this operator was last in the call; None while he is in it, or was not."""
    ends = [leg.ended_at for leg in call.legs if leg.answered_at is not None and owner_of(leg.interface) == operator]
    if None in ends:
        return call.ended_at
    return max((end for end in ends if end is not None), default=call.ended_at)
