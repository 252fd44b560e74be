"""Has the rule file loaded again for whoever asks, one time after another.

A file is read after it was asked for. So who asks while a loading is waiting for its turn needs none of his own: he
gets the outcome of that one. However many ask, one is under way and one waits.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from cti_bridge.routing.reloaded import NotReloaded, Reloaded

log = structlog.get_logger(__name__)


class RuleReloads:
    """Owns every loading. Who asked may go away meanwhile: it goes on, and the log tells the outcome."""

    def __init__(self, load: Callable[[], Awaitable[Reloaded]]) -> None:
        self._load = load
        self._turn = asyncio.Lock()
        self._waiting: asyncio.Task[Reloaded] | None = None
        self._tasks: set[asyncio.Task[Reloaded]] = set()
        self._closed = False

    async def at_start(self, start: Callable[[], Awaitable[None]]) -> None:
        """Have the first one done by `start`; who asks meanwhile waits for his turn. Raises what it raises."""
        async with self._turn:
            await start()

    def begin(self) -> "asyncio.Task[Reloaded]":
        """Have it loaded as soon as it can be. Raises NotReloaded while the bridge is stopping."""
        if self._closed:
            raise NotReloaded("the bridge is stopping")
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._in_turn(), name="reload")
            self._tasks.add(self._waiting)
            self._waiting.add_done_callback(self._done)
        return self._waiting

    async def ask(self) -> Reloaded:
        """Have it loaded, and the outcome. Raises NotReloaded when the bridge stops before there is one."""
        task = self.begin()
        await asyncio.wait({task})
        if task.cancelled():
            raise NotReloaded("the bridge is stopping")
        return task.result()

    async def close(self) -> None:
        """Break off what is under way, with the process that judges; nothing is loaded any more."""
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _in_turn(self) -> Reloaded:
        async with self._turn:
            self._waiting = None  # the file is read from here on: who changes it now needs another turn
            return await self._load()

    def _done(self, task: "asyncio.Task[Reloaded]") -> None:
        self._tasks.discard(task)
        if self._waiting is task:
            self._waiting = None  # cancelled before its turn came
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("part.failed", part="reload", exc_info=error)
