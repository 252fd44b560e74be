"""A fake of Asterisk's side of ARI, for what a real one does not do on demand: lie, fall silent, cut the line.

It enforces what the real one does: a login in the header of every request, 404 for a channel that is not there, 409 for
one that is not in Stasis, and events only to who has registered the application.
"""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from cti_bridge.asterisk.ari.entry import StasisCounts, StasisEntry
from cti_bridge.asterisk.ari.transport import AriAddress
from cti_bridge.asterisk.dialplan import RouteAnswer, RouteRequest, withheld

SECRET = "geheim & würzig?"
ARGUMENTS = ["route", "74950000149", "main-1.1", "", "", "trunk-demo", "a", "allowed_not_screened", ""]
VARIABLES = {"CTI_CALL_ID": "main-1.1", "CTI_QUEUE": "sales", "CTI_FINAL": "queue:primary-consult"}


def channel(uniqueid: str = "1.1", *, application: str = "cti-bridge", **more: object) -> dict[str, Any]:
    """A channel in Stasis as ARI pictures it."""
    data = ",".join([application, *ARGUMENTS])
    picture = {
        "id": uniqueid,
        "name": f"PJSIP/trunk-{uniqueid}",
        "caller": {"name": "Мария", "number": "+74950000150"},
        "language": "ru",
        "dialplan": {"context": "cti-route", "exten": "s", "app_name": "Stasis", "app_data": data},
    }
    return {**picture, **more}


def start(uniqueid: str = "1.1", **more: object) -> dict[str, Any]:
    """The event with which a channel enters."""
    return {"type": "StasisStart", "args": ARGUMENTS, "channel": channel(uniqueid), **more}


def end(uniqueid: str = "1.1") -> dict[str, Any]:
    """The event with which a channel leaves."""
    return {"type": "StasisEnd", "channel": channel(uniqueid)}


class FakeAri:
    """Answers ARI on a loopback port until it is closed; the port stays the same when it is opened again."""

    def __init__(self) -> None:
        self.secret, self.port = SECRET, 0
        self.inside: dict[str, dict[str, Any]] = {}
        self.elsewhere: set[str] = set()
        self.asked: list[str] = []
        self.set: list[tuple[str, str, str]] = []
        self.let_go: list[str] = []
        self.filters: list[object] = []
        self.override: Callable[[str], web.StreamResponse | None] = lambda _: None
        self.held: asyncio.Event | None = None
        self.listeners: list[web.WebSocketResponse] = []
        self.sessions = self.at_once = self.most_at_once = 0
        self._runner: web.AppRunner | None = None

    async def open(self, tls: ssl.SSLContext | None = None) -> None:
        app = web.Application(middlewares=[self._login])
        app.router.add_get("/ari/events", self._events)
        app.router.add_get("/ari/applications/{name}", self._application)
        app.router.add_put("/ari/applications/{name}/eventFilter", self._filter)
        app.router.add_get("/ari/channels/{id}", self._channel)
        app.router.add_post("/ari/channels/{id}/variable", self._variable)
        app.router.add_post("/ari/channels/{id}/continue", self._continue)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True, ssl_context=tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        await self.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def cut(self) -> None:
        """Close every websocket."""
        for listener in list(self.listeners):
            await listener.close()

    async def say(self, *events: object) -> None:
        """Send these events; one that is a text goes out as it is, bytes as a binary frame."""
        for event in events:
            for listener in self.listeners:
                if isinstance(event, str):
                    await listener.send_str(event)
                elif isinstance(event, bytes):
                    await listener.send_bytes(event)
                else:
                    await listener.send_json(event)

    async def ping(self) -> None:
        """Ask every listener whether he is there."""
        for listener in self.listeners:
            await listener.ping()

    async def enter(self, uniqueid: str = "1.1") -> None:
        """A channel enters our application; whoever listens is told."""
        self.inside[uniqueid] = channel(uniqueid)
        await self.say(start(uniqueid))

    def values(self, uniqueid: str = "1.1") -> dict[str, str]:
        """The variables that were set on a channel."""
        return {name: value for where, name, value in self.set if where == uniqueid}

    @web.middleware
    async def _login(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path_qs}")
        expected = base64.b64encode(f"cti:{self.secret}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            return web.json_response({"message": "Authentication required"}, status=401)
        if (answer := self.override(f"{request.method} {request.path}")) is not None:
            return answer
        if self.held is not None and request.method == "POST":
            await self.held.wait()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)  # all that came with it are let in
            response: web.StreamResponse = await handler(request)
        finally:
            self.at_once -= 1
        return response

    async def _events(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sessions += 1
        self.listeners.append(socket)
        try:
            async for _ in socket:
                pass
        finally:
            self.listeners.remove(socket)
        return socket

    async def _application(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"name": request.match_info["name"], "channel_ids": [*self.inside, "gone"]})

    async def _filter(self, request: web.Request) -> web.StreamResponse:
        self.filters.append(await request.json())
        return await self._application(request)

    async def _channel(self, request: web.Request) -> web.StreamResponse:
        picture = self.inside.get(request.match_info["id"])
        return web.json_response(picture) if picture else web.json_response({"message": "not found"}, status=404)

    async def _variable(self, request: web.Request) -> web.StreamResponse:
        self._must_be_inside(request)
        self.set.append((request.match_info["id"], request.query["variable"], request.query["value"]))
        return web.Response(status=204)

    async def _continue(self, request: web.Request) -> web.StreamResponse:
        self._must_be_inside(request)
        self.let_go.append(request.match_info["id"])
        del self.inside[request.match_info["id"]]
        return web.Response(status=204)

    def _must_be_inside(self, request: web.Request) -> None:
        uniqueid = request.match_info["id"]
        if uniqueid in self.elsewhere:
            raise web.HTTPConflict(text='{"message": "Channel not in Stasis application"}')
        if uniqueid not in self.inside:
            raise web.HTTPNotFound(text='{"message": "Channel not found"}')


class Desk:
    """Answers every question the same way and remembers what was asked; `states` is what the entry says of itself."""

    def __init__(self) -> None:
        self.asked: list[RouteRequest] = []
        self.outcomes: list[bool] = []
        self.states: list[tuple[str, str]] = []
        self.counts = StasisCounts()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.error: Exception | None = None
        self.withheld = False

    async def decide(self, request: RouteRequest, heard_at: float) -> RouteAnswer:
        self.asked.append(request)
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        answer = RouteAnswer(VARIABLES, "Ёлкина & сын +1", "matched", self.outcomes.append)
        return withheld(answer) if self.withheld else answer


@asynccontextmanager
async def entry_at(port: int, desk: Desk, **address: Any) -> AsyncIterator[StasisEntry]:
    """A running Stasis entry."""
    where = {"host": "127.0.0.1", "username": "cti", "secret": SECRET, "application": "cti-bridge", **address}
    entry = StasisEntry(
        AriAddress(port=port, **where),
        desk.decide,
        lambda state, reason: desk.states.append((state, reason)),
        desk.counts,
    )
    running = asyncio.create_task(entry.run(), name="entry")
    try:
        yield entry
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def until(seen: Callable[[], object], within: float = 30.0) -> None:
    """Wait until something is so. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not seen():
            await asyncio.sleep(0.005)
