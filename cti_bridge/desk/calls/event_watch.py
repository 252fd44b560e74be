"""Lets a command wait for what the PBX tells of it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from cti_bridge.calls.book import Change
from cti_bridge.calls.events import CallEvent

T = TypeVar("T")
Look = Callable[[CallEvent, Sequence[Change]], T | None]
"""Looks at an event and at what it changed; what is not None is what was waited for."""


class EventWatch:
    """Shows every event to those who wait for one. `heard` may be called by nobody but the switchboard."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[Any], Look[Any]] = {}

    def heard(self, event: CallEvent, changes: Sequence[Change]) -> None:
        """An event has been taken in."""
        for found, look in list(self._waiting.items()):
            seen = look(event, changes)
            if seen is not None and not found.done():
                found.set_result(seen)

    @contextmanager
    def expects(self, look: Look[T]) -> Iterator["asyncio.Future[T]"]:
        """What `look` finds first, from now on; it is looked for until the block is left."""
        found: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting[found] = look
        try:
            yield found
        finally:
            del self._waiting[found]
            found.cancel()
