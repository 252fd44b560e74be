"""Operators at their desks: signed in over HTTP, connected by websocket, noting what their screen would show and when.

They are the public protocol's plainest client: the demo and the tests see with their eyes.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import aiohttp

PROTOCOL = "cti-bridge.v1"
LIMIT_S = 30.0


class DeskError(RuntimeError):
    """An operator could not sign in or connect; the text says why."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as it arrived: `at` is the wall clock in seconds, `body` the whole frame."""

    at: float
    body: dict[str, Any]

    @property
    def type(self) -> str:
        """What happened, such as `call.ringing`; empty for what is no event."""
        return str(self.body.get("type", ""))

    @property
    def call(self) -> dict[str, Any]:
        """The call it is about, or nothing."""
        call = self.body.get("call")
        return call if isinstance(call, dict) else {}


@dataclass(slots=True)
class Desk:
    """One connection of one operator; `frames` holds every event since it was made or cleared."""

    checks: ClassVar[list[Callable[[dict[str, Any]], None]]] = []
    """Each gets every frame that the server sends to any desk."""
    operator: str
    base_url: str
    password: str
    frames: list[Frame] = field(default_factory=list)
    welcome: dict[str, Any] = field(default_factory=dict)
    closed: bool = False
    _http: aiohttp.ClientSession | None = None
    _socket: aiohttp.ClientWebSocketResponse | None = None
    _reading: asyncio.Task[None] | None = None
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __aenter__(self) -> Self:
        """Sign in and connect."""
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Disconnect."""
        await self.close()

    async def open(self) -> None:
        """Sign in, connect, and return when the server has said welcome. Raises DeskError."""
        timeout = aiohttp.ClientTimeout(total=LIMIT_S)
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=timeout)
        try:
            await self._sign_in(self._http)
            async with asyncio.timeout(LIMIT_S):
                url = self.base_url.replace("http", "ws", 1) + "/ws"
                self._socket = await self._http.ws_connect(url, protocols=(PROTOCOL,))
                await self._socket.send_json({"op": "hello"})
                self.welcome = await self._socket.receive_json()
                self._checked(self.welcome)
            if self.welcome.get("op") != "welcome":
                raise DeskError(f"{self.operator}: no welcome, but {self.welcome}")
        except (aiohttp.ClientError, TimeoutError, TypeError, ValueError) as error:
            await self.close()
            raise DeskError(f"{self.operator}: {error or type(error).__name__}") from error
        except BaseException:
            await self.close()
            raise
        self._reading = asyncio.create_task(self._read(self._socket), name=f"desk {self.operator}")

    async def close(self) -> None:
        """Disconnect; may be called twice."""
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading
        if self._socket is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await self._socket.close()
        if self._http is not None:
            await self._http.close()

    def of_call(self, call_id: str, type_: str = "") -> list[Frame]:
        """Return the frames about a call, all or of one type."""
        return [f for f in self.frames if f.call.get("id") == call_id and type_ in {"", f.type}]

    async def sees(self, call_id: str, type_: str, within: float = 30.0) -> Frame:
        """Return the first such frame, waiting for it; TimeoutError when it does not come."""
        async with asyncio.timeout(within), self._news:
            while not (found := self.of_call(call_id, type_)):
                if self.closed:
                    raise DeskError(f"{self.operator}: disconnected")
                await self._news.wait()
            return found[0]

    async def command(self, name: str, /, *, id_: str = "", within: float = 30.0, **args: Any) -> dict[str, Any]:
        """Give a command and return its `result` frame; DeskError or TimeoutError when none comes."""
        if self._socket is None:
            raise DeskError(f"{self.operator}: not connected")
        id_ = id_ or uuid.uuid4().hex
        before = len(self.frames)
        await self._socket.send_json({"op": "command", "id": id_, "name": name, "args": args})
        async with asyncio.timeout(within), self._news:
            while True:
                for frame in self.frames[before:]:
                    if frame.body.get("op") == "result" and frame.body.get("id") == id_:
                        return frame.body
                if self.closed:
                    raise DeskError(f"{self.operator}: disconnected")
                await self._news.wait()

    def _checked(self, frame: dict[str, Any]) -> None:
        for check in self.checks:
            check(frame)

    async def _sign_in(self, http: aiohttp.ClientSession) -> None:
        login = {"login": self.operator, "password": self.password}
        async with http.post(f"{self.base_url}/api/v1/session", json=login) as answer:
            if answer.status != 200:
                raise DeskError(f"{self.operator}: sign-in answered {answer.status}")

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for message in socket:
                at = time.time()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                frame = Frame(at, json.loads(message.data))
                self._checked(frame.body)
                async with self._news:
                    self.frames.append(frame)
                    self._news.notify_all()
                if frame.call and "seq" in frame.body:
                    await socket.send_json({"op": "ack", "seq": frame.body["seq"], "paint_ms": 0})
        except (aiohttp.ClientError, ConnectionError):
            pass
        finally:
            async with self._news:
                self.closed = True
                self._news.notify_all()


class Desks:
    """Several operators, one connection each: `async with Desks(url, {"op1": password}) as desks`."""

    def __init__(self, base_url: str, passwords: dict[str, str]) -> None:
        """Describe them; nobody signs in before `async with`."""
        self._desks = {operator: Desk(operator, base_url, password) for operator, password in passwords.items()}

    def __getitem__(self, operator: str) -> Desk:
        """Return one operator's desk."""
        return self._desks[operator]

    def all(self) -> Iterable[Desk]:
        """Return every desk."""
        return self._desks.values()

    def forget(self) -> None:
        """Clear what was seen so far, so that a demo of days stays small."""
        for desk in self._desks.values():
            desk.frames.clear()

    async def __aenter__(self) -> Self:
        """Sign everybody in. Raises DeskError."""
        try:
            await asyncio.gather(*(desk.open() for desk in self._desks.values()))
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Sign everybody off."""
        await asyncio.gather(*(desk.close() for desk in self._desks.values()))
