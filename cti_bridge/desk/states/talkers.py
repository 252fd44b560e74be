"""Who talks in which call: told to the states of operators, also where a talk ended while nobody listened."""

from collections.abc import Callable, Iterable, Set
from typing import Protocol

from cti_bridge.calls.book import Change
from cti_bridge.calls.call import Call
from cti_bridge.calls.engagements import engaged, engagements
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.state_happenings import TalkBegan, TalkEnded


class Calls(Protocol):
    """Who knows the calls that go on."""

    def get(self, call_id: CallId) -> Call | None:
        """The one with this id."""


class Talkers:
    """Follows the calls of one PBX; `tell` hears what it means for an operator's state."""

    def __init__(
        self,
        calls: Calls,
        tell: Callable[[OperatorId, TalkBegan | TalkEnded], None],
        *,
        directory: Callable[[], Directory],
        missing_of: Callable[[OperatorId, CallId], Set[str]],
        now: Callable[[], float],
    ) -> None:
        self._calls = calls
        self._tell = tell
        self._directory = directory
        self._missing_of = missing_of
        self._now = now
        self._left: set[tuple[CallId, OperatorId]] = set()
        """Who talked in what when the last run ended, as long as nobody knows how that went on."""

    def left_talking(self, operator: OperatorId, calls: Iterable[CallId]) -> None:
        """He talked in these calls when the last run ended."""
        self._left |= {(call, operator) for call in calls}

    def changed(self, change: Change) -> None:
        """A call is another one than before."""
        call = change.after
        for one in engagements(change.before, call, self._owner, now=self._now()):
            self._left.discard((call.id, one.operator))
            if one.begins:
                self._tell(one.operator, TalkBegan(one.call))
            else:
                self._ended(one.operator, one.call, one.at, talked=one.talked)
        if call.ended_at is not None and self._left:
            for operator in [who for where, who in self._left if where == call.id]:
                self._ended_unseen(operator, call, call.ended_at)

    def resynced(self) -> None:
        """All that goes on is known again: whoever talked when the last run ended, and does not now, is through."""
        for call_id, operator in list(self._left):
            call = self._calls.get(call_id)
            if call is None:
                self._left.discard((call_id, operator))
                self._ended(operator, call_id, self._now(), talked=False)
            elif operator in engaged(call, self._owner):
                self._left.discard((call_id, operator))
            else:
                self._ended_unseen(operator, call, self._now())

    def look(self, operator: OperatorId, talks: Iterable[CallId]) -> None:
        """Nobody talks in a call that is not there any more, whether anybody has seen it end or not."""
        for call in talks:
            if self._calls.get(call) is None and (call, operator) not in self._left:
                self._ended(operator, call, self._now(), talked=False)

    def _ended(self, operator: OperatorId, call: CallId, at: float, *, talked: bool) -> None:
        missing = self._missing_of(operator, call) if talked else frozenset[str]()
        self._tell(operator, TalkEnded(call, at, talked, missing))

    def _ended_unseen(self, operator: OperatorId, call: Call, at: float) -> None:
        self._left.discard((call.id, operator))
        outside = call.direction is not Direction.INTERNAL and call.answered_at is not None
        self._ended(operator, call.id, at, talked=outside)

    def _owner(self, interface: str) -> OperatorId | None:
        operator = self._directory().owner_of(interface)
        return operator.id if operator is not None else None
