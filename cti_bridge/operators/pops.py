"""Pops that wait for a page to say that they are on the screen. Pure; times are monotonic seconds."""

from collections import deque
from dataclasses import dataclass, field

from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators.connection import Frame


@dataclass(slots=True)
class _Waiting:
    """One pop and its newest update: sent again together, so that a repetition never brings an older state back."""

    frame: Frame
    update: Frame | None = None
    repeated: bool = False
    seqs: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Overdue:
    """A pop that nobody acknowledged in time; `frames` are to be sent again, none when that has been done already."""

    operator: OperatorId
    call_id: str
    frames: tuple[Frame, ...]


class WaitingPops:
    """Remembers every pop until it is acknowledged, its call moves on, or it has been overdue twice."""

    def __init__(self, *, within_s: float) -> None:
        self._within_s = within_s
        self._waiting: dict[OperatorId, dict[str, _Waiting]] = {}
        self._due: deque[tuple[float, OperatorId, str, _Waiting]] = deque()

    def shown(self, operator: OperatorId, frame: Frame, now: float) -> None:
        """A pop was sent to at least one page of this operator."""
        waiting = _Waiting(frame, seqs={frame.seq})
        self._waiting.setdefault(operator, {})[frame.call_id] = waiting
        self._due.append((now + self._within_s, operator, frame.call_id, waiting))

    def updated(self, operator: OperatorId, frame: Frame) -> None:
        """More is known about a call whose pop may still be waiting."""
        waiting = self._waiting.get(operator, {}).get(frame.call_id)
        if waiting is not None:
            waiting.update = frame
            waiting.seqs.add(frame.seq)

    def over(self, operator: OperatorId, call_id: str) -> bool:
        """The pop was withdrawn, answered or acknowledged; whether it was still waiting."""
        calls = self._waiting.get(operator)
        if calls is None or calls.pop(call_id, None) is None:
            return False
        if not calls:
            del self._waiting[operator]
        return True

    def acknowledged(self, operator: OperatorId, seq: int) -> bool:
        """A page has painted event `seq`; whether that was a pop that was waited for."""
        for call_id, waiting in self._waiting.get(operator, {}).items():
            if seq in waiting.seqs:
                return self.over(operator, call_id)
        return False

    def forget(self, operator: OperatorId) -> None:
        """Nobody is left who could acknowledge for this operator."""
        self._waiting.pop(operator, None)

    def next_due(self) -> float | None:
        """When `overdue` has to be asked again; None while nothing is waited for."""
        while self._due and not self._is_current(self._due[0]):
            self._due.popleft()
        return self._due[0][0] if self._due else None

    def overdue(self, now: float) -> list[Overdue]:
        """Pops whose time is up: the first time with their frames, the second time without, and then forgotten."""
        found = []
        while (at := self.next_due()) is not None and at <= now:
            _, operator, call_id, waiting = self._due.popleft()
            if waiting.repeated:
                self.over(operator, call_id)
                found.append(Overdue(operator, call_id, ()))
                continue
            waiting.repeated = True
            self._due.append((now + self._within_s, operator, call_id, waiting))
            frames = (waiting.frame,) if waiting.update is None else (waiting.frame, waiting.update)
            found.append(Overdue(operator, call_id, frames))
        return found

    def _is_current(self, entry: tuple[float, OperatorId, str, _Waiting]) -> bool:
        _, operator, call_id, waiting = entry
        return self._waiting.get(operator, {}).get(call_id) is waiting
