"""A receiver of reports on a real socket that takes them, fails, hangs or answers nonsense, as it is told."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Arrival:
    """One request as it came; `taken` tells whether it was answered with success."""

    path: str
    headers: dict[str, str]
    body: bytes
    taken: bool

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


async def takes(_request: web.Request) -> web.StreamResponse:
    """The answer of a receiver that is well."""
    return web.json_response({})


def answers(status: int, **headers: str) -> Behaviour:
    """Always this status."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={name.replace("_", "-"): text for name, text in headers.items()})

    return answer


@dataclass
class HttpReceiver:
    """`async with HttpReceiver() as receiver`: `behaviour` may be changed at any time."""

    behaviour: Behaviour = takes
    arrivals: list[Arrival] = field(default_factory=list)
    port: int = 0
    busy: int = 0
    most_busy: int = 0
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/calls?key=geheim"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, at the port of last time if there was one."""
        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", self._receive)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Be down."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None

    async def until(self, number: int, *, within_s: float = 30.0) -> None:
        """Wait until so many reports were taken. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while len(self.taken) < number:
                await asyncio.sleep(0.01)

    @property
    def taken(self) -> list[Arrival]:
        """What was answered with success, in order of arrival."""
        return [arrival for arrival in self.arrivals if arrival.taken]

    def distinct(self) -> dict[str, list[str]]:
        """The keys that were taken of each call, in order, repetitions dropped."""
        calls: dict[str, list[str]] = {}
        for arrival in self.taken:
            event = arrival.event
            keys = calls.setdefault(event["subject"], [])
            if event["id"] not in keys:
                keys.append(event["id"])
        return calls

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        arrival = Arrival(request.path_qs, dict(request.headers), await request.read(), taken=False)
        self.arrivals.append(arrival)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            answer = await self.behaviour(request)
        finally:
            self.busy -= 1
        arrival.taken = answer.status < 300
        return answer
