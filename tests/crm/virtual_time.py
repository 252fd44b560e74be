"""An event loop in which nobody waits: time goes on to the next moment at which something is to happen."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class _NoWaiting(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits for something that never happens"
            self.now += max(0.0, timeout)
        return ready


class VirtualTime(asyncio.SelectorEventLoop):
    """A loop whose `time` is only what was slept; nothing may wait for a thread or for the outside."""

    def __init__(self) -> None:
        self._waits = _NoWaiting()
        self.complaints: list[str] = []
        super().__init__(self._waits)
        self.set_exception_handler(lambda _, context: self.complaints.append(str(context)))

    def time(self) -> float:
        """Seconds; they pass as fast as the machine can."""
        return self._waits.now


def told(story: Coroutine[Any, Any, None]) -> None:
    """Let it come to its end; nothing may have complained to the loop on the way."""
    loop = VirtualTime()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(story)
    assert loop.complaints == []
