"""panoramisk's AMI client with its edges made safe: split letters, endless frames, line breaks in values, reconnects.

panoramisk decodes each TCP segment by itself and drops a letter that is split over two of them, writes CR and LF in a
value as they are (which adds a header), queues unsent actions to repeat them after a reconnect, and reconnects every
two seconds for ever. Its extension points (`protocol_factory`, overridable methods) are used to change all four.
"""

import asyncio
import codecs
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from panoramisk.message import Message

from cti_bridge.asterisk.ami.translate import Headers

MAX_FRAME = 1_000_000
"""Characters that may come without the blank line that ends a frame; an AMI frame has about 1,000."""

_EOL = "\r\n"
_END = _EOL + _EOL
_STEERING = ("event", "response", "actionid", "commandid", "message", "eventlist", "subevent")


class NotConnected(Exception):
    """There is no connection on which this action could be sent, or it went away before the answer."""


class ActionRefused(Exception):
    """Asterisk answered this action with an error."""


class _Nothing:
    """Contains every action name, so that panoramisk repeats none of them on the next connection."""

    def __contains__(self, action: object) -> bool:
        return True


class SafeProtocol(AMIProtocol):
    """AMIProtocol that keeps split letters together and gives up on a frame that never ends.

    An event that answers no action is read here: panoramisk's dictionary costs five times as much, and most of the work
    on a call is reading its events.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start a decoder of our own for this connection."""
        super().connection_made(transport)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._unfinished = ""

    def data_received(self, data: bytes) -> None:
        """Take whole frames, of whole letters."""
        *frames, self._unfinished = (self._unfinished + self._decoder.decode(data)).split(_END)
        for frame in frames:
            if self._is_plain_event(frame):
                self.factory.take_event(frame)
            else:
                super().data_received((frame + _END).encode())
        if len(self._unfinished) > MAX_FRAME:
            self.transport.abort()

    def _is_plain_event(self, frame: str) -> bool:
        """Whether nobody but the receiver of events has to see this frame."""
        return (
            self.factory is not None
            and frame.startswith("Event: ")
            and not frame.startswith("Event: Shutdown\r\n")
            and "\r\nActionID: " not in frame
            and "\r\nEvent: " not in frame
        )

    def handle_message(self, message: Message) -> None:
        """Pass over a frame in which a header that steers the client stands twice; it would break panoramisk."""
        if not any(isinstance(message.get(header), list) for header in _STEERING):
            super().handle_message(message)


class SafeManager(Manager):
    """One AMI session. It never reconnects by itself; `on_lost` is called once when it is over.

    `wants_event` is asked by name about every event that comes, `on_event` gets those that it wants.
    """

    def __init__(
        self,
        *,
        wants_event: Callable[[str], bool],
        on_event: Callable[[Headers], None],
        on_lost: Callable[[], None],
        **config: Any,
    ) -> None:
        self._wants_event = wants_event
        self._on_event = on_event
        self._on_lost = on_lost
        self.pinger: asyncio.TimerHandle | None = None
        super().__init__(protocol_factory=SafeProtocol, forgetable_actions=_Nothing(), **config)

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
            return bool((await self._login_answer()).success)

    async def _login_answer(self) -> Message:
        login: asyncio.Future[Message] | None = self.authenticated_future
        if login is None:
            raise ConnectionError("the connection was closed before the login")
        return await asyncio.shield(login)

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
        """Fail what is still waiting for an answer and report the loss."""
        if self.pinger is not None:
            self.pinger.cancel()
            self.pinger = None
        self._on_lost()

    async def ask(self, headers: Mapping[str, str], *, within_s: float) -> list[Message]:
        """Send one action and give back its answer (and the list that follows it).

        Raises NotConnected, ActionRefused with Asterisk's words, TimeoutError, or ValueError for a value with a line
        break in it.
        """
        protocol = self.protocol
        if protocol is None or protocol.closed:
            raise NotConnected("not connected to AMI")
        action = build_action(headers)
        try:
            async with asyncio.timeout(within_s):
                answer = await protocol.send(action, as_list=None)
        finally:
            protocol.responses.pop(action.id, None)
        messages: list[Message] = answer if isinstance(answer, list) else [answer]
        if not messages[0].success:
            raise ActionRefused(str(messages[0].message))
        return messages


def _headers(*lines: str) -> Headers:
    """The headers in these lines; of one that stands twice, the first."""
    headers: dict[str, str] = {}
    for line in lines:
        name, found, value = line.partition(": ")
        if found:
            headers.setdefault(name, value)
    return headers


def build_action(headers: Mapping[str, str]) -> Action:
    """An AMI action whose values cannot break out of their header. Raises ValueError where one tries."""
    for name, value in headers.items():
        if any(ord(letter) < 32 or letter == "\x7f" for letter in name + value):
            raise ValueError(f"control character in AMI header {name!a}")
    return Action(dict(headers))
