"""The tap on the lines to Asterisk: who records hears what AMI, FastAGI and ARI say, the moment it is taken in.

While nobody records it costs a look at a list. Who listens has a bounded line of what he has not read yet; what finds
no place in it is lost, and counted, and holds nobody up.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cti_bridge.asterisk.ami.translate import Headers
from cti_bridge.asterisk.dialplan import DECISION, RouteAnswer
from cti_bridge.asterisk.recording.lines import Kind

MAX_LISTENERS = 2
MAX_WAITING = 20_000
"""Messages that one listener may have unread; as many as may wait for the bridge itself."""


class TooManyListeners(Exception):
    """As many listen as may; the text says so."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as it came, with everybody's names and numbers: `at` is monotonic."""

    at: float
    kind: Kind
    said: object


class Listener:
    """One who listens."""

    def __init__(self, tap: "Tap", *, limit: int, monotonic: Callable[[], float]) -> None:
        self._tap = tap
        self._limit = limit
        self._monotonic = monotonic
        self._unread: deque[Heard] = deque()
        self._lost = 0
        self._news = asyncio.Event()
        self.over = False
        """Nothing more will come."""

    def put(self, kind: Kind, said: object) -> None:
        """One message; it is lost where there is no room."""
        if len(self._unread) >= self._limit:
            self._lost += 1
            self._tap.lost += 1
            return
        if self._lost:
            self._unread.append(Heard(self._monotonic(), Kind.LOST, self._lost))
            self._lost = 0
        self._unread.append(Heard(self._monotonic(), kind, said))
        self._news.set()

    def end(self) -> None:
        """Nothing more comes; what waits can be read."""
        self.over = True
        self._news.set()

    async def read(self, *, at_most: int, within_s: float) -> list[Heard]:
        """The next messages, waiting for them if need be; none where none came in time or it is over."""
        if not self._unread and not self.over:
            self._news.clear()
            try:
                async with asyncio.timeout(within_s):
                    await self._news.wait()
            except TimeoutError:
                return []
        return [self._unread.popleft() for _ in range(min(at_most, len(self._unread)))]


class Tap:
    """Where AMI, FastAGI and ARI tell what they heard."""

    def __init__(self, *, limit: int = MAX_WAITING, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.lost = 0
        """Messages that a listener missed because he had too many unread."""
        self._limit = limit
        self._monotonic = monotonic
        self._listeners: tuple[Listener, ...] = ()
        self._closed = False

    @property
    def listening(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def listen(self) -> Listener:
        """Begin to listen; `leave` ends it. Raises TooManyListeners."""
        if self._closed or len(self._listeners) >= MAX_LISTENERS:
            raise TooManyListeners(f"{MAX_LISTENERS} recordings are being made already")
        listener = Listener(self, limit=self._limit, monotonic=self._monotonic)
        self._listeners = (*self._listeners, listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Stop listening."""
        self._listeners = tuple(other for other in self._listeners if other is not listener)

    def close(self) -> None:
        """The bridge stops: nobody hears anything more."""
        self._closed = True
        for listener in self._listeners:
            listener.end()

    def ami(self, message: Headers) -> None:
        """An event, or an entry of a list of the bridge's own snapshot."""
        self._put(Kind.AMI, message)

    def snapshot(self, stage: str) -> None:
        """The bridge asks for everything there is: `asked`, `complete` or `failed`."""
        self._put(Kind.SNAPSHOT, stage)

    def agi(self, environment: Mapping[str, str]) -> None:
        """A question by FastAGI."""
        self._put(Kind.AGI, environment)

    def ari(self, channel: object, arguments: object) -> None:
        """A channel that entered our Stasis application."""
        self._put(Kind.ARI, (channel, arguments))

    def answered(self, channel: str, answer: RouteAnswer, *, taken: bool) -> None:
        """What the dialplan was given for this channel, and whether it took it."""
        if self._listeners:
            self._put(Kind.ANSWER, (channel, {**answer.variables, DECISION: answer.decision}, taken))

    def _put(self, kind: Kind, said: object) -> None:
        for listener in self._listeners:
            listener.put(kind, said)
