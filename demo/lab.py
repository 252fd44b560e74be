"""Full administrator access to a demo or test Asterisk over AMI.

The product has its own AMI client with few rights; this one sees and may do everything, exists only
where `demo.asterisk.AsteriskInstance` made the user for it, and is kept as simple as that allows.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

EVENTS_KEPT = 20_000
"""How many events `Lab.seen` remembers; older ones are forgotten."""

Message = dict[str, str]
"""One AMI message: header name to value; of repeated headers the values, joined by newlines."""


class LabError(RuntimeError):
    """Asterisk refused an action, or the connection is gone; the text says which."""


class Lab:
    """One AMI connection with every right and every event.

    Use as `async with Lab(host, port, user, secret) as lab`, or get it as `asterisk.lab`.
    """

    def __init__(self, host: str, port: int, username: str, secret: str) -> None:
        """Remember where to connect to; nothing is opened before `connect`."""
        self._host, self._port = host, port
        self._username, self._secret = username, secret
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._news = asyncio.Condition()
        self._next_id = 0
        self._count = 0
        self._seen: deque[tuple[int, Message]] = deque(maxlen=EVENTS_KEPT)

    async def __aenter__(self) -> Self:
        """Connect and log in."""
        await self.connect()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the connection."""
        await self.close()

    async def connect(self, within: float = 30.0) -> None:
        """Connect, log in and wait for FullyBooted.

        Raises OSError when nobody listens, LabError when the login is refused, TimeoutError after
        `within` seconds.
        """
        async with asyncio.timeout(within):
            reader, self._writer = await asyncio.open_connection(self._host, self._port, limit=1 << 20)
            start = self.mark()
            self._reading = asyncio.create_task(self._read(reader), name="lab-ami")
            try:
                await self.action("Login", Username=self._username, Secret=self._secret)
                await self.event("FullyBooted", since=start, within=within)
            except BaseException:
                await self.close()
                raise

    @property
    def connected(self) -> bool:
        """Whether the connection is there."""
        return self._reading is not None and not self._reading.done()

    async def close(self) -> None:
        """Close the connection; may be called twice."""
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()
            self._writer = None
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading
            self._reading = None

    async def action(
        self,
        name: str,
        variables: Mapping[str, str] | None = None,
        within: float = 30.0,
        **headers: str | int,
    ) -> Message:
        """Send an action and return its answer.

        `variables` become `Variable` headers. Raises LabError when the answer is not a success,
        TimeoutError when there is none within `within` seconds.
        """
        if self._writer is None:
            raise LabError("not connected")
        self._next_id += 1
        action_id = f"lab-{self._next_id}"
        lines = [f"Action: {name}", f"ActionID: {action_id}"]
        lines += [f"{key}: {value}" for key, value in headers.items()]
        lines += [f"Variable: {key}={value}" for key, value in (variables or {}).items()]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a line break in an AMI header")
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[action_id] = answer
        try:
            self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
            async with asyncio.timeout(within):
                await self._writer.drain()
                message = await answer
        finally:
            self._answers.pop(action_id, None)
        if message.get("Response") not in ("Success", "Follows"):
            raise LabError(f"{name}: {message.get('Message', message)}")
        return message

    async def command(self, line: str) -> str:
        """Run a console command, for instance `core show channels`, and return what it prints."""
        return (await self.action("Command", Command=line)).get("Output", "")

    async def set_global(self, name: str, value: str) -> None:
        """Set a global variable of the dialplan; an empty value makes it empty."""
        await self.action("Setvar", Variable=name, Value=value)

    async def originate(
        self,
        caller_does: str,
        goes_to: str,
        *,
        number: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Start a call without SIP and return the Uniqueid of the channel that walks the dialplan.

        `caller_does` is the extension of the caller's half, `EXTEN@CONTEXT`; `goes_to` is where
        the call arrives, `CONTEXT,EXTEN,PRIORITY`.
        """
        context, exten, priority = goes_to.split(",")
        self._next_id += 1
        channel_id = f"lab-call-{self._next_id}-{id(self):x}"
        await self.action(
            "Originate", variables, Channel=f"Local/{caller_does}/n", Context=context, Exten=exten,
            Priority=priority, CallerID=number, ChannelId=channel_id, Async="true",
        )  # fmt: skip
        return channel_id

    def mark(self) -> int:
        """Return a point in the stream of events, for `since`."""
        return self._count

    def events(self, name: str | None = None, *, since: int = 0, **headers: str) -> list[Message]:
        """Return the events seen since a mark, of one name, whose headers have these values."""
        return [
            message
            for number, message in self._seen
            if number >= since
            and (name is None or message["Event"] == name)
            and all(message.get(key) == value for key, value in headers.items())
        ]

    async def event(self, name: str, *, since: int = 0, within: float = 30.0, **headers: str) -> Message:
        """Return the first such event, waiting for it if it has not come yet.

        Raises TimeoutError after `within` seconds, naming what was waited for, and LabError when
        the connection ends.
        """
        try:
            async with asyncio.timeout(within), self._news:
                while not (found := self.events(name, since=since, **headers)):
                    if self._reading is not None and self._reading.done():
                        raise LabError(f"AMI connection lost while waiting for {name}")
                    await self._news.wait()
                return found[0]
        except TimeoutError:
            raise TimeoutError(f"no {name} {headers} within {within} s") from None

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            await reader.readline()  # the banner
            while message := await _read_message(reader):
                if "Event" in message:
                    async with self._news:
                        self._seen.append((self._count, message))
                        self._count += 1
                        self._news.notify_all()
                else:
                    answer = self._answers.get(message.get("ActionID", ""))
                    if answer is not None and not answer.done():
                        answer.set_result(message)
        finally:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(LabError("AMI connection lost"))
            async with self._news:
                self._news.notify_all()


async def _read_message(reader: asyncio.StreamReader) -> Message:
    """Read one message; empty at the end of the stream."""
    message: Message = {}
    with suppress(ConnectionError):
        while line := await reader.readline():
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if not text:
                if message:
                    break
                continue
            key, _, value = text.partition(":")
            value = value.removeprefix(" ")
            message[key] = f"{message[key]}\n{value}" if key in message else value
    return message
