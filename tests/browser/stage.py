"""The operator page on a stage: the built page under the bridge's own headers, and a line that says what a test wants.

For everything that is about looks, words, keys and signals. That the real bridge says the same is proved by the tests
with a real Asterisk, and `test_stage.py` holds the calls said here to the shape of the real ones.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Self

from aiohttp import WSCloseCode, web

from browser import at_work, people
from browser.in_hand import in_hand, targets
from browser.people import ELSEWHERE, STAGES
from cti_bridge.web.pages import STATIC, BuiltPage
from cti_bridge.web.security import HEADERS

Json = dict[str, Any]


class Stage:
    """One operator's bridge. Everything said goes to all his pages, and is in the snapshot of those that come later."""

    def __init__(self, *, language: str = "ru", signed_in: bool = True) -> None:
        self.operator: Json = {
            "id": "op3",
            "name": "Ольга Ланская",
            "role": "operator",
            "phones": ["PJSIP/103"],
            "language": language,
        }
        self.signed_in = signed_in
        self.calls: dict[str, Json] = {}
        self.sources = [
            {"name": name, "state": "up", "since": people.moment(seconds=5400)}
            for name in ("asterisk", "crm", "journal")
        ]
        self.team = at_work.team()
        self.desk = at_work.desk()
        self.state: Json | None = at_work.state()
        self.work: Json | None = {"items": [], "more": False}
        self.written: dict[str, Json] = {}
        self.commands: list[Json] = []
        """Every command that a page has given, in order, each once."""
        self.targets = targets()
        self.silent: set[str] = set()
        """Commands that are not answered."""
        self.refusals: dict[str, tuple[str, str]] = {}
        """Code and message by the name of a command that is refused."""
        self.port = 0
        self.acknowledged: set[int] = set()
        self._seq = 0
        self._pages: set[web.WebSocketResponse] = set()
        self._open = True

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    async def ring(self, call: Json) -> Json:
        """The operator's phone begins to ring."""
        return await self.say("call.ringing", call)

    async def answer(self, call: Json) -> Json:
        """The operator picks up."""
        talk = call | {"state": "talking", "my_role": "talking", "answered_at": people.moment(), "expires_at": None}
        return await self.say("call.answered", talk)

    async def withdraw(self, call: Json, reason: str = "answered_elsewhere") -> None:
        """The phone stops ringing: a colleague has the call, or whatever `reason` says."""
        by = ELSEWHERE if reason == "answered_elsewhere" else None
        await self.say("call.withdrawn", call | {"my_role": "none"}, reason=reason, by=by)
        del self.calls[call["id"]]

    async def end(self, call: Json) -> Json:
        """The talk is over."""
        return await self.say("call.ended", call | {"state": "ended", "ended_at": people.moment()})

    async def source(self, name: str, state: str) -> None:
        """One of the bridge's sources gets better or worse."""
        news = {"name": name, "state": state, "since": people.moment(seconds=130)}
        self.sources = [news if source["name"] == name else source for source in self.sources]
        await self._tell({"type": "source.state", "source": news})

    async def say(self, kind: str, call: Json, **more: Any) -> Json:
        """Send an event about a call and return it; what can be done with it follows from its state."""
        self.calls[call["id"]] = call
        await self._tell({"type": kind, "call": in_hand(call), **more})
        return call

    async def cut(self) -> None:
        """The bridge is gone: the lines break and it answers nothing until `mend`."""
        self._open = False
        for page in list(self._pages):
            await page.close(code=WSCloseCode.GOING_AWAY)

    def mend(self) -> None:
        """The bridge answers again."""
        self._open = True

    async def put(self, state: Json | None) -> None:
        """The operator's own state is now this one."""
        self.state = state
        await self._tell({"type": "operator.state", "state": state})

    async def tell_edits(self, edits: list[Json]) -> None:
        """Of what the operator wrote, the CRM does not have these yet."""
        await self._tell({"type": "edits.updated", "edits": edits}, numbered=False)

    async def list_work(self, work: Json) -> None:
        """This is to be done now."""
        self.work = work
        await self._tell({"type": "work.updated", "work": work}, numbered=False)

    async def _command(self, page: web.WebSocketResponse, frame: Json) -> None:
        """Note it, and answer: what is saved is kept; a state is set when the test puts it."""
        if frame not in self.commands:
            self.commands.append(frame)
        if frame["name"] in self.silent:
            return
        result: Json = {"op": "result", "id": frame["id"]}
        if frame["name"] in self.refusals:
            code, message = self.refusals[frame["name"]]
            await page.send_json(result | {"ok": False, "error": {"code": code, "message": message}})
            return
        value: Json = {}
        if frame["name"] == "after.save":
            call = frame["args"]["call"]
            known = self.written.get(call, at_work.after(call))
            self.written[call] = known | frame["args"] | {"saved_at": people.moment()}
            value = {"after": self.written[call]}
        if frame["name"] == "call.targets":
            value = self.targets
        await page.send_json(result | {"ok": True, "value": value})

    async def _tell(self, event: Json, *, numbered: bool = True) -> None:
        self._seq += numbered
        number = {"seq": self._seq} if numbered else {}
        text = json.dumps({"op": "event", **number, "at": people.moment(), **event}, ensure_ascii=False)
        for page in list(self._pages):
            with suppress(ConnectionError):
                await page.send_str(text)

    def _application(self, folder: Path) -> web.Application:
        page = BuiltPage(folder)
        app = web.Application()
        app.on_response_prepare.append(_add_headers)
        app.router.add_get("/", page.index)
        app.router.add_get("/assets/{name}", page.asset)
        app.router.add_route("*", "/api/v1/session", self._session)
        app.router.add_get("/ws", self._line)
        return app

    async def _session(self, request: web.Request) -> web.StreamResponse:
        if not self._open and request.transport is not None:
            request.transport.abort()
        if request.method == "POST":
            self.signed_in = True
        if request.method == "DELETE":
            self.signed_in = False
            return web.Response(status=204)
        if not self.signed_in:
            return web.json_response({"error": {"code": "not_signed_in", "message": "nobody"}}, status=401)
        return web.json_response({"operator": self.operator})

    async def _line(self, request: web.Request) -> web.StreamResponse:
        page = web.WebSocketResponse(protocols=["cti-bridge.v1"])
        await page.prepare(request)
        async for message in page:
            frame = json.loads(message.data)
            if frame["op"] == "hello":
                await page.send_json(self._welcome())
                self._pages.add(page)
            elif frame["op"] == "ping":
                await page.send_json({"op": "pong"})
            elif frame["op"] == "ack":
                self.acknowledged.add(frame["seq"])
            elif frame["op"] == "command":
                await self._command(page, frame)
        self._pages.discard(page)
        return page

    def _welcome(self) -> Json:
        snapshot = {
            "calls": [in_hand(call) for call in self.calls.values()],
            "state": self.state,
            "desk": self.desk,
            "work": self.work,
            "after": list(self.written.values()),
            "sources": self.sources,
            "stages": STAGES,
            "team": self.team,
        }
        return {
            "op": "welcome",
            "protocol": "cti-bridge.v1",
            "stream": "stage",
            "seq": self._seq,
            "resumed": False,
            "operator": self.operator,
            "snapshot": snapshot,
            "heartbeat_s": 20,
        }

    @classmethod
    @asynccontextmanager
    async def raised(cls, *, folder: Path = STATIC, **options: Any) -> AsyncIterator[Self]:
        """A stage that serves the page built into `folder`."""
        stage = cls(**options)
        runner = web.AppRunner(stage._application(folder), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        stage.port = runner.addresses[0][1]
        try:
            yield stage
        finally:
            await stage.cut()
            await runner.cleanup()
            await asyncio.sleep(0)


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS | {"Date": format_datetime(people.now(), usegmt=True)})
