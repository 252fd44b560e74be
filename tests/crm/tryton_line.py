"""The line between the bridge and a real Tryton: it carries everything, writes down what was asked, and can fail."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from aiohttp import web

from contract.place import Trouble

LOGIN = "common.db.login"
_PASSED_ON = ("Authorization", "Content-Type", "Accept-Encoding")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its path and its method with the parameters, context and all."""

    path: str
    method: str
    params: list[Any]


class Line:
    """Listens on a port of its own, the same for as long as it is used, and passes requests on to `target`."""

    def __init__(self, target: str) -> None:
        self.asked: list[Asked] = []
        self.trouble: Trouble | None = None
        self.refuses_tokens = False
        """Whether every token is refused, however new."""
        self.says_gzip = True
        """Whether the client's wish for packed answers is passed on."""
        self.answers: dict[str, Any] = {}
        """What is answered to a method instead of being carried: a status, bytes, or what becomes JSON."""
        self._target = target
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._forward: aiohttp.ClientSession | None = None
        self._over = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Open it."""
        self._forward = aiohttp.ClientSession(auto_decompress=False)
        await self._listen()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close it."""
        await self.recover()
        await self._deaf()
        assert self._forward is not None
        await self._forward.close()

    @property
    def url(self) -> str:
        """Where the bridge finds Tryton."""
        return f"http://127.0.0.1:{self._port}"

    def count(self, method: str) -> int:
        """How often a method was asked for."""
        return sum(asked.method == method for asked in self.asked)

    async def suffer(self, trouble: Trouble) -> None:
        """From now on this is wrong."""
        self.trouble = trouble
        if trouble is Trouble.STOPPED:
            await self._deaf()

    async def recover(self) -> None:
        """All is well again; what hung breaks off."""
        self.trouble = None
        self._over.set()
        self._over = asyncio.Event()
        if self._runner is None:
            await self._listen()

    async def _listen(self) -> None:
        application = web.Application(client_max_size=10_000_000)
        application.router.add_route("*", "/{path:.*}", self._carry)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        assert site._server is not None
        self._port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def _deaf(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _carry(self, request: web.Request) -> web.Response:
        body = await request.read()
        said = json.loads(body)
        self.asked.append(Asked(request.path, said["method"], said["params"]))
        match self.trouble:
            case Trouble.HANGS:
                await self._over.wait()
                return web.Response(status=502)
            case Trouble.HTML:
                return web.Response(text="<!doctype html><p>Вход</p>", content_type="text/html")
            case Trouble.INSIDE:
                return web.json_response({"id": said["id"], "error": ["Жанна Тополева +74950000160", ""]})
            case Trouble.LIMITED:
                return web.Response(status=429, headers={"Retry-After": "1"}, text="<p>Too many requests</p>")
        if said["method"] in self.answers:
            return _answered(said["id"], self.answers[said["method"]])
        if self.refuses_tokens and "Authorization" in request.headers:
            return web.Response(status=401, text="<p>Unauthorized</p>", content_type="text/html")
        return await self._passed_on(request, body)

    async def _passed_on(self, request: web.Request, body: bytes) -> web.Response:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        if not self.says_gzip:
            headers["Accept-Encoding"] = "identity"
        assert self._forward is not None
        async with self._forward.post(f"{self._target}{request.path}", data=body, headers=headers) as answer:
            return web.Response(status=answer.status, body=await answer.read(), headers=_kept(answer.headers))


def _answered(number: int, what: Any) -> web.Response:
    if isinstance(what, int):
        return web.Response(status=what, text="<!doctype html><p>Отказ</p>", content_type="text/html")
    if isinstance(what, bytes):
        return web.Response(body=what, content_type="application/json")
    return web.json_response({"id": number, **what})


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in ("Content-Type", "Content-Encoding") if name in headers}
