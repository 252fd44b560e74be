"""panoramisk's AMI client with its edges made safe: split letters, endless frames, line breaks in values, reconnects.

panoramisk decodes each TCP segment by itself and drops a letter that is split over two of them, writes CR and LF in a
value as they are (which adds a header), keeps every entry of a list in memory, lets an action wait for ever, queues
unsent actions to repeat them after a reconnect, and reconnects every two seconds for ever. Its extension points
(`protocol_factory`, overridable methods) are used to change all of it.
"""

import asyncio
import codecs
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from panoramisk.message import Message

from cti_bridge.asterisk.ami.translate import Headers

MAX_FRAME = 256 * 1024
"""Characters that may come without the blank line that ends a frame; an AMI frame has about 1,000."""

MAX_LIST = 100_000
"""Entries of one list; 20,000 calls have about 60,000 channels."""

MAX_ANSWER = 1_000
"""Frames of one answer that nobody takes one by one."""

MAX_UNANSWERED = 100
"""Actions that may wait for their answer at the same time."""

_EOL = "\r\n"
_END = _EOL + _EOL
_STEERING = ("event", "response", "actionid", "commandid", "message", "eventlist", "subevent")


class NotConnected(Exception):
    """There is no connection on which this action could be sent, or it went away before the answer."""


class ActionRefused(Exception):
    """The action was not carried out: Asterisk answered with an error, or too many are waiting for their answer."""


def why_not(error: OSError) -> str:
    """Why there is no connection, in words; errors of TLS and of the search for a name have numbers of their own."""
    if error.errno and not isinstance(error, ssl.SSLError | socket.gaierror):
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__


@dataclass(slots=True)
class _List:
    """A list that is coming: who takes its entries, and how many have come."""

    take: Callable[[Headers], None]
    entries: int = 0


class _Nothing:
    """Contains every action name, so that panoramisk repeats none of them on the next connection."""

    def __contains__(self, action: object) -> bool:
        return True


class SafeProtocol(AMIProtocol):
    """AMIProtocol that keeps split letters together and gives up on a frame that never ends.

    An event that answers no action is read here: panoramisk's dictionary costs five times as much, and most of the work
    on a call is reading its events. The same goes for the entries of a list that somebody takes one by one.
    """

    def __init__(self, manager: "SafeManager") -> None:
        self._manager = manager
        self.lists: dict[str, _List] = {}
        """The lists that are being taken, by ActionID."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start a decoder of our own for this connection."""
        super().connection_made(transport)
        self.factory = self._manager
        self.encoding = "utf-8"  # what a frame for panoramisk is handed on in; its own default drops letters
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._unfinished = ""

    def data_received(self, data: bytes) -> None:
        """Take whole frames, of whole letters."""
        *frames, self._unfinished = (self._unfinished + self._decoder.decode(data)).split(_END)
        for frame in frames:
            if self.closed:
                return
            if self._is_plain_event(frame):
                self._manager.take_event(frame)
            elif not self._took_entry(frame):
                super().data_received((frame + _END).encode())
        if len(self._unfinished) > MAX_FRAME:
            self._unfinished = ""
            self._break_off(f"Asterisk sent a frame of more than {MAX_FRAME} characters")

    def close(self) -> None:
        """End the connection at once; whoever waits for an answer hears that none will come."""
        waiting = list(self.responses.values())
        super().close()
        for action in waiting:
            action.future.cancel()
        self.transport.abort()  # a goodbye that nobody reads would keep the socket

    def _break_off(self, why: str) -> None:
        """End the session because of what came."""
        self._manager.lost(why)
        self.close()

    def _took_entry(self, frame: str) -> bool:
        """Hand an entry over to whoever takes this list; the frames around it are panoramisk's."""
        if not self.lists or not frame.startswith("Event: ") or "\r\nActionID: " not in frame:
            return False
        entry = _headers(*frame.split(_EOL))
        coming = self.lists.get(str(entry.get("ActionID")))
        if coming is None or "EventList" in entry:
            return False
        coming.entries += 1
        if coming.entries > MAX_LIST:
            self._break_off(f"Asterisk sent a list of more than {MAX_LIST} entries")
        else:
            coming.take(entry)
        return True

    @staticmethod
    def _is_plain_event(frame: str) -> bool:
        """Whether nobody but the receiver of events has to see this frame."""
        return frame.startswith("Event: ") and "\r\nActionID: " not in frame and "\r\nEvent: " not in frame

    def handle_message(self, message: Message) -> None:
        """Pass over a frame in which a header that steers the client stands twice; it would break panoramisk."""
        if any(isinstance(message.get(header), list) for header in _STEERING):
            return
        action = self.responses.get(message.id)
        if action is not None and len(action.responses) >= MAX_ANSWER:
            self._break_off(f"Asterisk sent an answer of more than {MAX_ANSWER} frames")
        else:
            super().handle_message(message)


class SafeManager(Manager):
    """One AMI session. It never reconnects by itself; `on_lost` is told why, once, when it is over before `close`.

    `wants_event` is asked by name about every event that comes, `on_event` gets those that it wants.
    """

    def __init__(
        self,
        *,
        wants_event: Callable[[str], bool],
        on_event: Callable[[Headers], None],
        on_lost: Callable[[str], None],
        **config: Any,
    ) -> None:
        self._wants_event = wants_event
        self._on_event = on_event
        self._on_lost = on_lost
        self.pinger: asyncio.TimerHandle | None = None
        super().__init__(protocol_factory=lambda: SafeProtocol(self), forgetable_actions=_Nothing(), **config)

    async def open(self, *, tls: ssl.SSLContext | None, within_s: float) -> bool:
        """Connect and log in; True when the login was accepted. Raises OSError or TimeoutError."""
        self.loop = asyncio.get_running_loop()
        async with asyncio.timeout(within_s):
            connected = await self.loop.create_connection(
                self.config["protocol_factory"], self.config["host"], self.config["port"], ssl=tls
            )
            made: asyncio.Future[Any] = self.loop.create_future()
            made.set_result(connected)
            self.connection_made(made)
            if self.protocol.closed:
                raise ConnectionError("the connection was closed before the login")
            return bool((await self._login_answer()).success)

    async def _login_answer(self) -> Message:
        login: asyncio.Future[Message] = self.authenticated_future
        await asyncio.wait({login})
        if login.cancelled():
            raise ConnectionError("the connection was closed before the login was answered")
        return login.result()

    def login(self, future: "asyncio.Future[Message]") -> None:
        """Nothing: whoever opens the connection waits for the answer."""

    def ping(self) -> None:
        """Nothing: the supervisor sends pings of its own, with a time limit."""

    async def send_awaiting_actions(self, *_: object) -> None:
        """Nothing: an action of an earlier connection is never repeated."""
        self.awaiting_actions.clear()

    def take_event(self, frame: str) -> None:
        """Hand the event in this frame over, if it is one that is wanted; the others are not even read."""
        first, *lines = frame.split(_EOL)
        if self._wants_event(first.removeprefix("Event: ")):
            self._on_event(_headers(first, *lines))

    def dispatch(self, event: Message) -> None:
        """Hand an event over that panoramisk read; the receiver only puts it into its inbox."""
        if self._wants_event(event["Event"]):
            self._on_event(event)

    def connection_lost(self, exc: object) -> None:
        """Report the loss; the protocol has told those who wait for an answer."""
        if self.pinger is not None:
            self.pinger.cancel()
            self.pinger = None
        self.lost("connection closed by Asterisk")

    def lost(self, why: str) -> None:
        """The session is over, and this is why."""
        self._on_lost(why)

    async def ask(
        self, headers: Mapping[str, str], *, within_s: float, take: Callable[[Headers], None] | None = None
    ) -> list[Message]:
        """Send one action and give back its answer (and the list that follows it).

        With `take` the entries of the list go there, one by one, and are not kept. Raises NotConnected, ActionRefused
        with Asterisk's words, TimeoutError, or ValueError for a value with a line break in it.
        """
        protocol = self.protocol
        if protocol is None or protocol.closed:
            raise NotConnected("not connected to AMI")
        if len(protocol.responses) >= MAX_UNANSWERED:
            raise ActionRefused(f"{MAX_UNANSWERED} actions wait for their answer")
        action = build_action(headers)
        if take is not None:
            protocol.lists[action.id] = _List(take)
        try:
            async with asyncio.timeout(within_s):
                protocol.send(action, as_list=None)
                await asyncio.wait({action.future})
        finally:
            protocol.responses.pop(action.id, None)
            protocol.lists.pop(action.id, None)
        if action.future.cancelled():
            raise NotConnected("the connection was lost before the answer")
        answer = action.future.result()
        messages: list[Message] = answer if isinstance(answer, list) else [answer]
        if not messages[0].success:
            raise ActionRefused(str(messages[0].message))
        return messages


def _headers(*lines: str) -> Headers:
    """The headers in these lines; what stands twice is a list, as panoramisk has it."""
    headers: dict[str, str | list[str]] = {}
    for line in lines:
        name, found, value = line.partition(": ")
        if found and name in headers:
            known = headers[name]
            headers[name] = [*known, value] if isinstance(known, list) else [known, value]
        elif found:
            headers[name] = value
    return headers


def build_action(headers: Mapping[str, str]) -> Action:
    """An AMI action whose values cannot break out of their header. Raises ValueError where one tries."""
    for name, value in headers.items():
        if any(ord(letter) < 32 or letter == "\x7f" for letter in name + value):
            raise ValueError(f"control character in AMI header {name!a}")
    return Action(dict(headers))
