"""The public listener on a real loopback socket, with operators, pages and a clock that a test moves."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import WSMsgType
from prometheus_client import CollectorRegistry

from cti_bridge.calls.journal_file import MissedCalls
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.hub import Hub, HubTimes
from cti_bridge.operators.limiter import SignInLimiter
from cti_bridge.operators.tickets import Tickets
from cti_bridge.web.app import public_app
from cti_bridge.web.server import Listener
from cti_bridge.web.site import PublicSite, SocketLimits

ANNA = Operator(OperatorId("anna"), "Анна Ёжикова", ("PJSIP/101",))
BORIS = Operator(OperatorId("boris"), "Борис Щукин", ("PJSIP/102",))
PASSWORD = "тихий омут 7"
WITHIN_S = 30.0

Json = dict[str, Any]


class Clock:
    """Seconds that only a test moves forward."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class PageClient:
    """One websocket as a page would use it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, **frame: Any) -> None:
        await self.socket.send_str(json.dumps(frame))

    async def hello(self, **fields: Any) -> Json:
        await self.send(op="hello", **fields)
        return await self.receive("welcome")

    async def receive(self, op: str) -> Json:
        message = await self.socket.receive(WITHIN_S)
        assert message.type is WSMsgType.TEXT, message
        frame: Json = json.loads(message.data)
        assert frame["op"] == op, frame
        return frame

    async def event(self, type_: str) -> Json:
        frame = await self.receive("event")
        assert frame["type"] == type_, frame
        return frame

    async def silence(self) -> None:
        """Make sure that nothing was on its way to this page: the next frame is the answer to what it says now."""
        await self.send(op="ping")
        await self.receive("pong")

    async def sent_away(self) -> tuple[Json, int | None]:
        """The `bye` behind whatever else is still arriving, and the close code behind it."""
        bye: Json = {}
        while True:
            message = await self.socket.receive(WITHIN_S)
            if message.type is not WSMsgType.TEXT:
                # The socket's own close code turns into 1006 where our goodbye came too late for the server.
                return bye, message.data if message.type is WSMsgType.CLOSE else self.socket.close_code
            frame = json.loads(message.data)
            if frame["op"] == "bye":
                bye = frame


class FrontDesk:
    """Everything behind the public listener, and what a browser does with it."""

    def __init__(self, folder: Path, limits: SocketLimits, times: HubTimes, origins: tuple[str, ...]) -> None:
        self.clock = Clock()
        self.calendar = Clock(time.time())
        self.snapshot: Json = {"calls": [], "state": None, "sources": [], "stages": []}
        self.team: list[Json] = []
        self.teams_made = 0
        self.missed = MissedCalls(folder / "calls.sqlite", within_s=WITHIN_S)
        self.registry = CollectorRegistry()
        self.accounts = Accounts(folder, poll_s=0.01, clock=self.calendar)
        self.hub = Hub(
            snapshot_for=lambda _operator: self.snapshot,
            team_now=self._team_now,
            registry=self.registry,
            times=times,
            monotonic=self.clock,
        )
        self.tickets = Tickets(clock=self.clock)
        self.accounts.subscribe(self.hub.access_changed)
        self.accounts.subscribe(self.tickets.access_changed)
        self.site = PublicSite(
            self.accounts,
            self.hub,
            self.tickets,
            SignInLimiter(),
            self.registry,
            self.missed,
            origins=origins,
            limits=limits,
            monotonic=self.clock,
        )
        self.static = folder / "static"
        self.app = public_app(self.site, self.static)
        self.listener = Listener(self.app, "127.0.0.1", 0)
        self.http: aiohttp.ClientSession
        self.pages: list[PageClient] = []

    def _team_now(self) -> list[Json]:
        self.teams_made += 1
        return self.team

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.port}"

    def count(self, name: str) -> float:
        return self.registry.get_sample_value(name) or 0.0

    async def counted(self, name: str, value: float) -> None:
        """Wait until a metric has this value."""
        async with asyncio.timeout(WITHIN_S):
            while self.count(name) != value:
                await asyncio.sleep(0.005)

    def cut_every_line(self) -> None:
        """Tear down all connections, as a network does: nobody says goodbye."""
        runner = self.listener._runner
        assert runner is not None
        assert runner.server is not None
        for handler in runner.server.connections:
            if handler.transport is not None:
                handler.transport.abort()

    async def add_operators(self) -> None:
        for operator in (ANNA, BORIS):
            await self.accounts.add(operator, PASSWORD)

    async def sign_in(self, login: str, password: str = PASSWORD) -> str:
        """Sign in and give back the session cookie's value."""
        async with self.http.post(f"{self.url}/api/v1/session", json={"login": login, "password": password}) as answer:
            assert answer.status == 200, await answer.text()
            return answer.cookies["cti_session"].value

    async def connect(self, cookie: str | None = None, **headers: str) -> PageClient:
        """Open a websocket without saying hello."""
        if cookie is not None:
            headers["Cookie"] = f"cti_session={cookie}"
        socket = await self.http.ws_connect(
            f"{self.url}/ws", protocols=("cti-bridge.v1",), headers=headers, autoping=True
        )
        self.pages.append(PageClient(socket))
        return self.pages[-1]

    async def page(self, operator: Operator) -> PageClient:
        """Sign in, open a page and read its welcome."""
        page = await self.connect(await self.sign_in(operator.id))
        await page.hello()
        return page


@asynccontextmanager
async def front_desk(
    folder: Path,
    *,
    limits: SocketLimits | None = None,
    times: HubTimes | None = None,
    origins: tuple[str, ...] = (),
    with_operators: bool = True,
) -> AsyncIterator[FrontDesk]:
    """A running front desk; with its two operators where they are not there yet."""
    desk = FrontDesk(folder, limits or SocketLimits(), times or HubTimes(), origins)
    await desk.accounts.open()
    if with_operators:
        await desk.add_operators()
    await desk.listener.start()
    tasks = [asyncio.create_task(desk.accounts.watch()), asyncio.create_task(desk.hub.run())]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as desk.http:
        try:
            yield desk
        finally:
            await asyncio.gather(*(page.socket.close() for page in desk.pages))
            await desk.listener.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await desk.accounts.close()
            await desk.missed.close()


def call(id_: str = "main-1795288011.12", **fields: Any) -> Json:
    """A call as the hub gets it."""
    return {"id": id_, "state": "ringing", "queue": "sales", **fields}
