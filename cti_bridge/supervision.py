"""Keeps the parts of the daemon running, each in a task of its own, and stops them."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from cti_bridge.backoff import delays

log = structlog.get_logger(__name__)

_STEP_S = 2.5
"""How long one step of stopping may take; what takes longer is left."""


class Supervision:
    """A part that fails is reported and started again; the others go on meanwhile."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run this part until it comes to its end by itself or everything is stopped."""
        self._tasks.add(asyncio.create_task(_keep_running(name, run), name=name))

    async def stop(self) -> None:
        """Cancel every part, and wait until each is over."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def stopped(name: str, closing: Awaitable[None]) -> None:
    """Wait for one part to close, but no longer than it may take; one that fails to close keeps no other from it."""
    try:
        async with asyncio.timeout(_STEP_S):
            await closing
    except Exception as error:
        log.error("stop.failed", part=name, reason=str(error) or type(error).__name__)


async def _keep_running(name: str, run: Callable[[], Awaitable[None]]) -> None:
    for wait_s in delays():
        try:
            await run()
            return
        except Exception:
            log.exception("part.failed", part=name)
        await asyncio.sleep(wait_s)
