"""The screen-pop hub: every operator has a stream of numbered events, and all his pages see the same numbers.

The hub knows JSON-ready dicts and operators, nothing of telephony. It lives on one event loop; no method of it
waits, so that a snapshot and the number beside it always belong together.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators import protocol
from cti_bridge.operators.accounts import AccessChange
from cti_bridge.operators.connection import Connection, Frame
from cti_bridge.operators.directory import NOBODY
from cti_bridge.operators.metrics import HubMetrics
from cti_bridge.operators.pops import WaitingPops
from cti_bridge.operators.protocol import CloseCode, Json

PAGES_PER_OPERATOR = 20
TEAM_SLICE_BYTES = 1024 * 1024

SentCallback = Callable[[OperatorId, str, str, float], None]
"""Called with operator, call id, event type and monotonic time when the first socket has taken an event."""


@dataclass(frozen=True, slots=True)
class HubTimes:
    """How long the hub waits, in seconds."""

    acknowledge: float = 2.0
    """for a page to confirm a pop"""
    team_pause: float = 1.0
    """between two team lists, and between two slices of a large one"""
    heartbeat: float = 20.0
    """between two signs of life; told to the page"""


@dataclass(slots=True)
class _Stream:
    """The events of one operator since the bridge started."""

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    seq: int = 0
    connections: set[Connection] = field(default_factory=set)


class Hub:
    """Carries events to operators' pages.

    `snapshot_for` gives all that one operator may see now, `team_now` the team list; both are called on the loop and
    must not wait. `run` has to run as long as the hub is used.
    """

    def __init__(
        self,
        *,
        snapshot_for: Callable[[OperatorId], Json],
        team_now: Callable[[], list[Json]],
        registry: CollectorRegistry,
        times: HubTimes | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._snapshot_for = snapshot_for
        self._team_now = team_now
        self._monotonic = monotonic
        self._now = now
        self.times = times or HubTimes()
        self.metrics = HubMetrics(registry)
        self.on_sent: SentCallback | None = None
        self._directory = NOBODY
        self._streams: dict[OperatorId, _Stream] = {}
        self._pops = WaitingPops(within_s=self.times.acknowledge)
        self._pop_shown = asyncio.Event()
        self._team_dirty = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._pages = 0
        self._closed: tuple[CloseCode, str] | None = None

    def publish(
        self,
        operator: OperatorId,
        type_: str,
        *,
        call: Json | None = None,
        reason: str | None = None,
        by: Json | None = None,
    ) -> None:
        """Send an event to all pages of one operator. Raises ValueError when a value is not fit for JSON."""
        body = protocol.event_body(self._timestamp(), type_, {"call": call, "reason": reason, "by": by})
        stream = self._stream_of(operator)
        call_id = str(call["id"]) if call else ""
        frame = self._send(stream, body, call_id, type_)
        if call_id:
            self._follow_pop(operator, stream, frame)

    def broadcast(self, type_: str, *, source: Json | None = None) -> None:
        """Send an event to every operator; each has his own numbers, the text is made once."""
        body = protocol.event_body(self._timestamp(), type_, {"source": source})
        for stream in list(self._streams.values()):
            self._send(stream, body, "", type_)

    def team_changed(self) -> None:
        """Have the team list sent to everybody soon; many changes at once become one event."""
        self._team_dirty.set()

    def attach(self, connection: Connection) -> None:
        """Welcome a page: it gets the snapshot and from then on every event of its operator."""
        if self._closed is not None:
            connection.end(*self._closed)
            return
        operator = connection.operator
        stream = self._stream_of(operator.id)
        if len(stream.connections) >= PAGES_PER_OPERATOR:
            connection.end(CloseCode.REFUSED, f"more than {PAGES_PER_OPERATOR} pages are open")
            return
        snapshot = self._snapshot_for(operator.id)
        heartbeat = self.times.heartbeat
        connection.send(Frame(protocol.welcome(stream.id, stream.seq, operator, snapshot, heartbeat)))
        stream.connections.add(connection)
        self._count_pages(+1)

    def detach(self, connection: Connection) -> None:
        """Forget a page; it is no error when it was never welcomed."""
        stream = self._streams.get(connection.operator.id)
        if stream is not None and connection in stream.connections:
            stream.connections.remove(connection)
            self._count_pages(-1)

    def acknowledge(self, connection: Connection, seq: int, paint_ms: float) -> None:
        """A page says that event `seq` is on its screen."""
        if self._pops.acknowledged(connection.operator.id, seq):
            self.metrics.acknowledged.inc()
            self.metrics.paint.observe(paint_ms / 1000)

    def sent(self, connection: Connection, frame: Frame) -> None:
        """A socket has taken a frame."""
        if frame.seq and not frame.sent:
            frame.sent = True
            if self.on_sent is not None:
                self.on_sent(connection.operator.id, frame.call_id, frame.type, self._monotonic())

    def too_slow(self, connection: Connection) -> None:
        """A socket did not take a frame in time: the page is sent away, it finds everything when it comes back."""
        connection.end(CloseCode.TOO_SLOW, "frames are not being read")
        self._drop(connection)

    def access_changed(self, change: AccessChange) -> None:
        """End the connections of operators and sessions whose access has ended; tell all who the colleagues are now."""
        if change.directory != self._directory:
            self._directory = change.directory
            self.team_changed()
        for operator, stream in list(self._streams.items()):
            for connection in list(stream.connections):
                if operator in change.ended_operators or connection.session in change.ended_sessions:
                    self._end(connection, CloseCode.SESSION_OVER, "the session is over")
            if change.directory.get(operator) is None:
                del self._streams[operator]
                self._pops.forget(operator)

    def repeat_overdue(self) -> float | None:
        """Send pops again that nobody confirmed in time; gives back the monotonic time of the next look, if any."""
        for overdue in self._pops.overdue(self._monotonic()):
            if not overdue.frames:
                self.metrics.unacknowledged.inc()
                continue
            self.metrics.repeated.inc()
            for frame in overdue.frames:
                self._deliver(self._stream_of(overdue.operator), frame)
        return self._pops.next_due()

    async def run(self) -> None:
        """Repeat pops and send team lists, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat_pops(), name="hub-pops")
            tasks.create_task(self._send_team_lists(), name="hub-team")

    async def close(self, code: CloseCode, reason: str, *, within_s: float = 2.0) -> None:
        """Say goodbye to every page and wait until all are gone, at most `within_s` seconds; later ones are refused."""
        self._closed = (code, reason)
        for stream in list(self._streams.values()):
            for connection in list(stream.connections):
                connection.end(code, reason)
        try:
            async with asyncio.timeout(within_s):
                await self._empty.wait()
        except TimeoutError:
            return

    async def _repeat_pops(self) -> None:
        while True:
            due = self.repeat_overdue()
            if due is None:
                self._pop_shown.clear()
                await self._pop_shown.wait()
            else:
                await asyncio.sleep(max(0.0, due - self._monotonic()))

    async def _send_team_lists(self) -> None:
        while True:
            await self._team_dirty.wait()
            self._team_dirty.clear()
            body = protocol.event_body(self._timestamp(), "team.updated", {"team": self._team_now()})
            # A long list for many pages is sent in slices: it may be late, a pop may not.
            streams = list(self._streams.values())
            at_once = max(1, TEAM_SLICE_BYTES // len(body))
            for start in range(0, len(streams), at_once):
                for stream in streams[start : start + at_once]:
                    self._send(stream, body, "", "team.updated")
                await asyncio.sleep(self.times.team_pause)

    def _stream_of(self, operator: OperatorId) -> _Stream:
        stream = self._streams.get(operator)
        if stream is None:
            stream = self._streams[operator] = _Stream()
        return stream

    def _send(self, stream: _Stream, body: bytes, call_id: str, type_: str) -> Frame:
        stream.seq += 1
        frame = Frame(protocol.event_head(stream.seq), body, stream.seq, call_id, type_)
        self._deliver(stream, frame)
        return frame

    def _deliver(self, stream: _Stream, frame: Frame) -> None:
        for connection in list(stream.connections):
            if not connection.send(frame):
                self._drop(connection)

    def _follow_pop(self, operator: OperatorId, stream: _Stream, frame: Frame) -> None:
        if frame.type == "call.updated":
            self._pops.updated(operator, frame)
            return
        self._pops.over(operator, frame.call_id)
        if frame.type != "call.ringing":
            return
        self.metrics.pops.inc()
        if not stream.connections:
            self.metrics.without_page.inc()
            return
        self._pops.shown(operator, frame, self._monotonic())
        self._pop_shown.set()

    def _drop(self, connection: Connection) -> None:
        """Take a page that cannot follow out of the stream; it ends by itself."""
        stream = self._streams.get(connection.operator.id)
        if stream is not None and connection in stream.connections:
            if connection.goodbye is not None and connection.goodbye.code is CloseCode.TOO_SLOW:
                self.metrics.too_slow.inc()
            self.detach(connection)

    def _end(self, connection: Connection, code: CloseCode, reason: str) -> None:
        connection.end(code, reason)
        self.detach(connection)

    def _count_pages(self, change: int) -> None:
        self._pages += change
        self.metrics.pages.set(self._pages)
        if self._pages:
            self._empty.clear()
        else:
            self._empty.set()

    def _timestamp(self) -> str:
        return self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
