"""A receiver of reports that fails as receivers do, by a seeded plan, and keeps all that ever reached it."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web
from receiver import takes

from promises.judge import Received

HANGS_S = 5.0
PATIENCE_S = 1.0
"""How long the bridge is to wait for an answer: less than it hangs."""
KEEPS = {"takes", "keeps and breaks off", "keeps and says 500"}
MOODS = ("says 503", "says 503", "hangs", "breaks off", "answers half", "keeps and breaks off", "keeps and says 500")
FAILS_AT_MOST = 3
"""So often in a row for one report, or the run would last as long as the longest pause between two attempts."""


@dataclass
class MoodyReceiver:
    """`answer` is the behaviour of an `HttpReceiver`: a third of all requests fail, some of them after being kept."""

    seed: int
    received: list[Received] = field(default_factory=list)
    moods: Counter[str] = field(default_factory=Counter)
    _asked: Counter[str] = field(default_factory=Counter)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Keep the report or not, and answer in whatever mood comes next for it."""
        key, body = request.headers["webhook-id"], await request.read()
        self._asked[key] += 1
        mood = self._mood(key)
        self.moods[mood] += 1
        self.received.append(Received(key, body, kept=mood in KEEPS))
        match mood:
            case "takes":
                return await takes(request)
            case "says 503":
                return web.Response(status=503)
            case "keeps and says 500":
                return web.Response(status=500)
            case "hangs":
                await asyncio.sleep(HANGS_S)
            case "answers half":
                assert request.transport is not None
                request.transport.write(b"HTTP/1.1 20")
        if request.transport is not None:
            request.transport.close()
        return web.Response(status=500)

    def _mood(self, key: str) -> str:
        chance = random.Random(f"{self.seed}/{key}/{self._asked[key]}")
        if self._asked[key] > FAILS_AT_MOST or chance.random() > 1 / 3:
            return "takes"
        return chance.choice(MOODS)
