"""The screen-pop hub: every operator has a stream of numbered events, and all his pages see the same numbers.

A page that comes back to its stream in time gets the events that it missed, everybody else a snapshot.

The hub knows JSON-ready dicts and operators, nothing of telephony. It lives on one event loop; no method of it
waits, so that a snapshot and the number beside it always belong together, and nothing is published between the events
that a page missed and those that it gets live.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
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
from cti_bridge.operators.streams import KEPT_S, Stream, Streams
from cti_bridge.operators.team_lists import TeamLists

PAGES_PER_OPERATOR = 20
EXPIRE_EVERY_S = 30.0

SentCallback = Callable[[OperatorId, str, str, float], None]
"""Called with operator, call id, event type and monotonic time when the first socket has taken an event."""

PagesCallback = Callable[[OperatorId, int], None]
"""Called with an operator and the number of his pages that are open, whenever one comes or goes."""


@dataclass(frozen=True, slots=True)
class HubTimes:
    """How long the hub waits, in seconds."""

    acknowledge: float = 2.0
    """for a page to confirm a pop"""
    team_pause: float = 1.0
    """between two team lists, and between two slices of a large one"""
    heartbeat: float = 20.0
    """between two signs of life; told to the page"""
    resume: float = KEPT_S
    """for which a page that comes back may still get what it missed"""


class Hub:
    """Carries events to operators' pages.

    `snapshot_for` gives all that one operator may see now but the team list, `team_now` that one; both are called on
    the loop and must not wait. `run` has to run as long as the hub is used.
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
        self._monotonic = monotonic
        self._now = now
        self.times = times or HubTimes()
        self._streams = Streams(kept_s=self.times.resume)
        self.metrics = HubMetrics(registry, kept_bytes=lambda: self._streams.kept_bytes)
        self.on_sent: SentCallback | None = None
        self.on_pages: PagesCallback | None = None
        self._directory = NOBODY
        self._team_lists = TeamLists(
            team_now, self._streams, self._deliver, timestamp=self._timestamp, pause_s=self.times.team_pause
        )
        self._pops = WaitingPops(within_s=self.times.acknowledge)
        self._pop_shown = asyncio.Event()
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
        state: Json | None = None,
        reason: str | None = None,
        by: Json | None = None,
    ) -> None:
        """Send an event to all pages of one operator. Raises ValueError when a value is not fit for JSON."""
        body = protocol.event_body(self._timestamp(), type_, {"call": call, "state": state, "reason": reason, "by": by})
        stream = self._streams.of(operator, self._monotonic())
        call_id = str(call["id"]) if call else ""
        frame = self._send(stream, body, call_id, type_)
        if call_id:
            self._follow_pop(operator, stream, frame)

    def broadcast(self, type_: str, *, source: Json | None = None) -> None:
        """Send an event to every operator; each has his own numbers, the text is made once."""
        body = protocol.event_body(self._timestamp(), type_, {"source": source})
        for stream in self._streams.all():
            self._send(stream, body, "", type_)

    def tell(self, operator: OperatorId, type_: str, fields: Json) -> None:
        """Send an event without a number: only the newest of its type counts, and who missed it never gets it."""
        stream = self._streams.get(operator)
        if stream is not None and stream.connections:
            body = protocol.event_body(self._timestamp(), type_, fields)
            self._deliver(stream, Frame(protocol.UNNUMBERED, body, type=type_))

    def pages(self, operator: OperatorId) -> int:
        """How many pages of this operator are open."""
        stream = self._streams.get(operator)
        return len(stream.connections) if stream is not None else 0

    def team_changed(self) -> None:
        """Have the team list sent to everybody soon; many changes at once become one event."""
        self._team_lists.changed()

    def attach(self, connection: Connection) -> None:
        """Welcome a page: it gets the snapshot, what it missed if that is known, and every event from then on."""
        if self._closed is not None:
            connection.end(*self._closed)
            return
        operator, now = connection.operator, self._monotonic()
        stream = self._streams.of(operator.id, now)
        if len(stream.connections) >= PAGES_PER_OPERATOR:
            connection.end(CloseCode.REFUSED, f"more than {PAGES_PER_OPERATOR} pages are open")
            return
        resume = connection.resume
        missed = self._streams.missed(stream, resume, now) if resume else None
        welcome = protocol.welcome(
            stream.id,
            stream.seq,
            operator,
            self._snapshot_for(operator.id),
            self.times.heartbeat,
            resumed=missed is not None,
        )
        connection.begin(Frame(welcome, self._team_lists.tail), missed or ())
        stream.connections.add(connection)
        self._count_pages(operator.id, +1)
        if resume:
            self.metrics.resumes.labels("snapshot" if missed is None else "replayed").inc()

    def detach(self, connection: Connection) -> None:
        """Forget a page; it is no error when it was never welcomed."""
        stream = self._streams.get(connection.operator.id)
        if stream is not None and connection in stream.connections:
            stream.connections.remove(connection)
            stream.left_at = self._monotonic()
            self._count_pages(connection.operator.id, -1)

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
        for stream in self._streams.all():
            is_over = stream.operator in change.ended_operators
            for connection in list(stream.connections):
                if is_over or connection.session in change.ended_sessions:
                    self._end(connection, CloseCode.SESSION_OVER, "the session is over")
            if is_over or change.directory.get(stream.operator) is None:
                # Who has this id from now on may be somebody else: the events of before are not his.
                self._streams.drop(stream.operator)
                self._pops.forget(stream.operator)

    def repeat_overdue(self) -> float | None:
        """Send pops again that nobody confirmed in time; gives back the monotonic time of the next look, if any."""
        for overdue in self._pops.overdue(self._monotonic()):
            if not overdue.frames:
                self.metrics.unacknowledged.inc()
                continue
            self.metrics.repeated.inc()
            stream = self._streams.of(overdue.operator, self._monotonic())
            for frame in overdue.frames:
                self._deliver(stream, frame)
        return self._pops.next_due()

    async def run(self) -> None:
        """Repeat pops, send team lists and let go of old events, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat_pops(), name="hub-pops")
            tasks.create_task(self._team_lists.run(), name="hub-team")
            tasks.create_task(self._expire(), name="hub-streams")

    async def close(self, code: CloseCode, reason: str, *, within_s: float = 2.0) -> None:
        """Say goodbye to every page and wait until all are gone, at most `within_s` seconds; later ones are refused."""
        self._closed = (code, reason)
        for stream in self._streams.all():
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

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(EXPIRE_EVERY_S)
            self._streams.expire(self._monotonic())

    def _send(self, stream: Stream, body: bytes, call_id: str, type_: str) -> Frame:
        frame = self._streams.append(stream, body, call_id, type_, self._monotonic())
        self._deliver(stream, frame)
        return frame

    def _deliver(self, stream: Stream, frame: Frame) -> None:
        for connection in list(stream.connections):
            if not connection.send(frame):
                self._drop(connection)

    def _follow_pop(self, operator: OperatorId, stream: Stream, frame: Frame) -> None:
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

    def _count_pages(self, operator: OperatorId, change: int) -> None:
        self._pages += change
        if self.on_pages is not None:
            self.on_pages(operator, self.pages(operator))
        self.metrics.pages.set(self._pages)
        if self._pages:
            self._empty.clear()
        else:
            self._empty.set()

    def _timestamp(self) -> str:
        return self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
