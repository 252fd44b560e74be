"""The real hub and the real `Page` behind lines that a test cuts wherever it likes.

Nothing here listens, sleeps or looks at a clock: a line is two queues, time is a number, and a frame stays on its way
until a test lets it arrive.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import WSMessage, WSMsgType, web
from front_desk import Clock
from model_page import ModelPage, is_shown
from prometheus_client import CollectorRegistry

from cti_bridge.calls.journal_missed import MissedCaller
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub, HubTimes
from cti_bridge.operators.limiter import SignInLimiter
from cti_bridge.operators.protocol import CloseCode
from cti_bridge.operators.tickets import Tickets
from cti_bridge.web.site import PublicSite, SocketLimits
from cti_bridge.web.websocket import Page

Json = dict[str, Any]

ANNA = Operator(OperatorId("anna"), "Анна Ёжикова", ("PJSIP/101",))
BORIS = Operator(OperatorId("boris"), "Борис Щукин", ("PJSIP/102",))
ON_THE_WAY = 8
"""Frames that a line holds before its sender has to wait, like the buffers of a real one."""


@cache
async def _nobody_missed(*_: object) -> list[MissedCaller]:
    return []


def accounts() -> Accounts:
    """Accounts that know two operators and never touch a file: pages get in with tickets."""
    known = Accounts(Path("never-opened"))
    known.directory = Directory.of((ANNA, BORIS))
    return known


class Line:
    """One websocket: the server's end has the methods that `Page` uses, the other end belongs to the test."""

    def __init__(self) -> None:
        self.down: deque[str] = deque()
        """Frames that the server has sent and that have not arrived."""
        self.closed: int | None = None
        """The close code that the client gets once all frames have arrived."""
        self.is_cut = False
        self._up: asyncio.Queue[WSMessage] = asyncio.Queue()
        self._room = asyncio.Event()

    async def receive(self) -> WSMessage:
        return await self._up.get()

    async def send_frame(self, data: bytes, _type: WSMsgType) -> None:
        while len(self.down) >= ON_THE_WAY and not self.is_cut:
            self._room.clear()
            await self._room.wait()
        if self.is_cut:
            raise ConnectionResetError
        self.down.append(data.decode())

    async def close(self, *, code: int, message: bytes) -> None:
        self.closed = code
        self._up.put_nowait(WSMessage(WSMsgType.CLOSED, None, message.decode()))

    def say(self, **frame: Any) -> None:
        """Send a frame to the server; on a line that is cut it is lost."""
        if not self.is_cut:
            self._up.put_nowait(WSMessage(WSMsgType.TEXT, json.dumps(frame), ""))

    def take(self) -> str | None:
        """The next frame that arrives, if there is one."""
        self._room.set()
        return self.down.popleft() if self.down else None

    def cut(self) -> None:
        """End the line in both directions; what is on its way to the client is lost."""
        self.is_cut = True
        self.down.clear()
        self._room.set()
        self._up.put_nowait(WSMessage(WSMsgType.CLOSED, None, ""))


class Bridge:
    """The server: what is true for each operator, and a hub that tells it. It may be restarted."""

    def __init__(self, *, frames_waiting: int = 256, kept_s: float = 600.0) -> None:
        self.clock = Clock()
        self.calls: dict[OperatorId, dict[str, Json]] = {ANNA.id: {}, BORIS.id: {}}
        self.sources = {"asterisk": "up", "crm": "up", "journal": "up"}
        self.team: list[Json] = []
        self.registry = CollectorRegistry()
        self._limits = SocketLimits(frames_waiting=frames_waiting, frames_at_once=10_000, send_s=3600.0, close_s=3600.0)
        self._times = HubTimes(team_pause=0.0, resume=kept_s)
        self._rings = 0
        self._lines: list[tuple[Line, asyncio.Task[None]]] = []
        self._closing: list[asyncio.Task[None]] = []
        self._stopped: list[asyncio.Task[None]] = []
        self._start()

    # What happens on the PBX ----------------------------------------------------------------------------------------

    def rings(self, operator: Operator, id_: str) -> None:
        self._rings += 1
        call = {"id": id_, "owner": operator.id, "state": "ringing", "my_role": "ringing", "rang": self._rings}
        self._tell(operator, "call.ringing", call)

    def changes(self, operator: Operator, id_: str, type_: str, **values: Any) -> None:
        """Another event about a call that the operator has."""
        self._tell(operator, type_, {**self.calls[operator.id][id_], **values})

    def withdraws(self, operator: Operator, id_: str) -> None:
        self.changes(operator, id_, "call.withdrawn", my_role="none", state="queued")

    def answers(self, operator: Operator, id_: str) -> None:
        self.changes(operator, id_, "call.answered", my_role="talking", state="talking")

    def updates(self, operator: Operator, id_: str, note: str) -> None:
        self.changes(operator, id_, "call.updated", note=note)

    def ends(self, operator: Operator, id_: str) -> None:
        self.changes(operator, id_, "call.ended", my_role="none", state="ended")

    def source(self, name: str, state: str) -> None:
        self.sources[name] = state
        self.hub.broadcast("source.state", source={"name": name, "state": state, "since": "2026-11-23T08:00:00Z"})

    def team_is(self, number: int) -> None:
        self.team = [{"operator": "anna", "name": "Анна", "ringing_queue": None, "state": str(number)}]
        self.hub.team_changed()

    def _tell(self, operator: Operator, type_: str, call: Json) -> None:
        mine = self.calls[operator.id]
        mine.pop(call["id"], None)
        if is_shown(call):
            mine[call["id"]] = call
        self.hub.publish(operator.id, type_, call=call)

    # Lines ----------------------------------------------------------------------------------------------------------

    def connect(self, page: ModelPage) -> Line:
        """A page opens a line and says hello."""
        line = Line()
        request = cast("web.Request", SimpleNamespace(transport=None, cookies={}))
        server_end = Page(self._site, request, cast("web.WebSocketResponse", line))
        self._lines.append((line, asyncio.create_task(_serve(server_end))))
        page.hello(line, self._tickets.issue(page.operator.id))
        return line

    def restart(self) -> None:
        """The bridge says goodbye to everybody and comes back with nothing in memory but the calls."""
        self._stop_hub()
        self._closing.append(asyncio.create_task(self.hub.close(CloseCode.RESTART, "restart", within_s=0.0)))
        self._start()

    async def close(self) -> None:
        for line, _ in self._lines:
            line.cut()
        self._stop_hub()
        await asyncio.gather(*(task for _, task in self._lines), *self._closing)
        await asyncio.gather(*self._stopped, return_exceptions=True)

    def _start(self) -> None:
        self.registry = CollectorRegistry()
        self._tickets = Tickets(clock=self.clock)
        self.hub = Hub(
            snapshot_for=self._snapshot,
            team_now=lambda: self.team,
            registry=self.registry,
            times=self._times,
            monotonic=self.clock,
        )
        self._site = PublicSite(
            accounts(),
            self.hub,
            self._tickets,
            SignInLimiter(),
            self.registry,
            _nobody_missed,
            limits=self._limits,
            monotonic=self.clock,
        )
        self._running = asyncio.create_task(self.hub.run())

    def _stop_hub(self) -> None:
        self._running.cancel()
        self._stopped.append(self._running)

    def _snapshot(self, operator: OperatorId) -> Json:
        return {
            "calls": list(self.calls[operator].values()),
            "state": None,
            "sources": [{"name": name, "state": state} for name, state in self.sources.items()],
            "stages": [],
        }


@asynccontextmanager
async def bridge(**options: Any) -> AsyncIterator[Bridge]:
    """A running bridge; at the end every line is cut and every task must be over."""
    running = Bridge(**options)
    try:
        yield running
    finally:
        await running.close()


async def settle() -> None:
    """Let everybody on the loop do what he can do now."""
    for _ in range(12):
        await asyncio.sleep(0)


async def arrive(page: ModelPage, frames: int, *, confirm: bool = True) -> int:
    """Let up to so many frames arrive at a page; gives back how many there were.

    A line that was closed is lost once the last frame has arrived.
    """
    arrived = 0
    while page.line is not None and arrived < frames:
        text = page.line.take()
        if text is None:
            await settle()
            text = page.line.take()
        if text is not None:
            page.hear(text, confirm=confirm)
            arrived += 1
        elif page.line.closed is not None:
            page.codes.append(page.line.closed)
            page.lose()
        else:
            break
    return arrived


async def _serve(page: Page) -> None:
    connection = await page.enter()
    if connection is not None:
        await page.stay(connection)
