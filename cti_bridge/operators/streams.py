"""The numbered events of each operator, and as many of the latest as a page that comes back may have missed.

Pure; times are monotonic seconds. What is kept is bounded for each operator (events, bytes) and in all (bytes, age):
whoever missed more than is kept gets a snapshot instead.
"""

import secrets
from collections import deque
from dataclasses import dataclass, field

from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators import protocol
from cti_bridge.operators.connection import Connection, Frame
from cti_bridge.operators.protocol import Resume

KEPT_EVENTS = 1_000
KEPT_S = 600.0
KEPT_BYTES_EACH = 1024 * 1024
KEPT_BYTES = 32 * 1024 * 1024
FRAME_COSTS = 320
"""Bytes of memory that a kept frame costs beside its text, measured and rounded up."""


@dataclass(slots=True, eq=False)
class Stream:
    """The events of one operator since the bridge started, or since he last was somebody else."""

    operator: OperatorId
    left_at: float
    """When its last page went, or its last event came while there was none."""
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    seq: int = 0
    connections: set[Connection] = field(default_factory=set)
    kept: deque[Frame] = field(default_factory=deque)
    """The latest events, in order and without gaps."""
    kept_bytes: int = 0


_Entry = tuple[float, Stream, int]
"""When an event was kept, whose it is, its number."""


class Streams:
    """All operators' streams and what is kept of them."""

    def __init__(self, *, kept_s: float = KEPT_S, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_s = kept_s
        self._most_bytes = kept_bytes
        self._streams: dict[OperatorId, Stream] = {}
        self._in_order: deque[_Entry] = deque()
        self._kept = 0
        self.kept_bytes = 0
        """Memory that all kept events take; a text that several share is counted for each."""

    def of(self, operator: OperatorId, now: float) -> Stream:
        """The operator's stream, a new one where there is none."""
        stream = self._streams.get(operator)
        if stream is None:
            stream = self._streams[operator] = Stream(operator, now)
        return stream

    def get(self, operator: OperatorId) -> Stream | None:
        """The operator's stream, or None."""
        return self._streams.get(operator)

    def all(self) -> list[Stream]:
        """Every stream there is now."""
        return list(self._streams.values())

    def append(self, stream: Stream, body: bytes, call_id: str, type_: str, now: float) -> Frame:
        """Give an event its number in this stream, and keep it for those who miss it."""
        stream.seq += 1
        frame = Frame(protocol.event_head(stream.seq), body, stream.seq, call_id, type_)
        stream.left_at = now
        stream.kept.append(frame)
        self._kept += 1
        stream.kept_bytes += _cost(frame)
        self.kept_bytes += _cost(frame)
        self._in_order.append((now, stream, frame.seq))
        while len(stream.kept) > KEPT_EVENTS or stream.kept_bytes > KEPT_BYTES_EACH:
            self._forget_oldest(stream)
        self._forget_old(now)
        if len(self._in_order) > 2 * self._kept + KEPT_EVENTS:
            self._in_order = deque(entry for entry in self._in_order if _is_kept(entry))
        return frame

    def missed(self, stream: Stream, resume: Resume, now: float) -> tuple[Frame, ...] | None:
        """The events after this position, in order; None when it is not known here or lies too far back."""
        self._forget_old(now)
        behind = stream.seq - resume.seq
        if resume.stream != stream.id or not 0 <= behind <= len(stream.kept):
            return None
        return tuple(stream.kept)[len(stream.kept) - behind :]

    def expire(self, now: float) -> None:
        """Let go of old events, and of streams that nobody will come back to."""
        self._forget_old(now)
        for stream in self.all():
            if not stream.connections and not stream.kept and now - stream.left_at >= self._kept_s:
                self.drop(stream.operator)

    def drop(self, operator: OperatorId) -> None:
        """Forget an operator's stream: whatever comes next has a new one."""
        stream = self._streams.pop(operator, None)
        if stream is not None:
            while stream.kept:
                self._forget_oldest(stream)

    def _forget_old(self, now: float) -> None:
        while self._in_order:
            at, stream, _ = self._in_order[0]
            if _is_kept(self._in_order[0]):
                if now - at < self._kept_s and self.kept_bytes <= self._most_bytes:
                    return
                self._forget_oldest(stream)
            self._in_order.popleft()

    def _forget_oldest(self, stream: Stream) -> None:
        cost = _cost(stream.kept.popleft())
        self._kept -= 1
        stream.kept_bytes -= cost
        self.kept_bytes -= cost


def _is_kept(entry: _Entry) -> bool:
    _, stream, seq = entry
    return bool(stream.kept) and stream.kept[0].seq <= seq


def _cost(frame: Frame) -> int:
    return len(frame.head) + len(frame.body) + FRAME_COSTS
