"""The outgoing side of one client: a bounded line of frames between the hub, which never waits, and its socket."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from cti_bridge.domain.operator import Operator
from cti_bridge.operators.protocol import CloseCode, Resume

FRAMES_WAITING = 256
"""A client that is so many frames behind is disconnected."""


@dataclass(slots=True, eq=False)
class Frame:
    """One frame, ready to be sent; `head` belongs to one operator, `body` may be shared by all.

    `seq` is 0 for frames that are not events; `call_id` and `type` say what an event is about. `sent` becomes true
    when the first socket has taken the frame.
    """

    head: bytes
    body: bytes = b""
    seq: int = 0
    call_id: str = ""
    type: str = ""
    sent: bool = False

    def to_bytes(self) -> bytes:
        """The whole frame."""
        return self.head + self.body


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The end of a connection: its close code and the reason in the `bye` before it."""

    code: CloseCode
    reason: str


class Connection:
    """One page of one operator, held by a session (`session` is its token hash) or by a ticket (None).

    `resume` is where the page says that it stands; `replayed` how many events it missed and gets first.
    """

    def __init__(
        self,
        operator: Operator,
        session: str | None,
        *,
        resume: Resume | None = None,
        limit: int = FRAMES_WAITING,
    ) -> None:
        self.operator = operator
        self.session = session
        self.resume = resume
        self.replayed = 0
        self.goodbye: Goodbye | None = None
        self._limit = limit
        self._frames: deque[Frame] = deque()
        self._ahead = 0
        self._news = asyncio.Event()

    def begin(self, welcome: Frame, missed: Sequence[Frame]) -> None:
        """Put the first frames in line: the welcome, then what the page missed; they do not count as being behind."""
        self.replayed = len(missed)
        self._frames.extend((welcome, *missed))
        self._ahead = len(self._frames)
        self._news.set()

    def send(self, frame: Frame) -> bool:
        """Put a frame in line; False when the connection is ending, also because the line has just overflowed."""
        if self.goodbye is not None:
            return False
        if len(self._frames) - self._ahead >= self._limit:
            self.end(CloseCode.TOO_SLOW, f"more than {self._limit} frames behind")
            return False
        self._frames.append(frame)
        self._news.set()
        return True

    def end(self, code: CloseCode, reason: str) -> None:
        """Say goodbye instead of the frames that are in line; the first reason counts."""
        if self.goodbye is None:
            self._frames.clear()
            self._ahead = 0
            self.goodbye = Goodbye(code, reason)
            self._news.set()

    async def next(self) -> Frame | Goodbye:
        """The next frame for the socket, or the goodbye once there is one."""
        while True:
            if self._frames:
                self._ahead = max(0, self._ahead - 1)
                return self._frames.popleft()
            if self.goodbye is not None:
                return self.goodbye
            self._news.clear()
            await self._news.wait()
