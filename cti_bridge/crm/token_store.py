"""The file of the tokens as the loop uses it: on a thread, with time limits, and by one process at a time."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.crm.token_file import Kept, locked, read_tokens, write_tokens

T = TypeVar("T")

_DISK_LIMIT_S = 5.0
_LOCK_LIMIT_S = 90.0
"""Whoever has the lock asks the CRM for a minute at most, and then writes."""
_LOCKED_AGAIN_S = 0.1


class TokenStore:
    """Reads and writes the tokens in `file`; a disk that hangs holds nobody else up."""

    def __init__(self, file: Path) -> None:
        self.name = file.name
        """What the file is called, for the admin."""
        self._file = file

    async def read(self) -> Kept | None:
        """What is in it; None for nothing of use. Raises OSError and TimeoutError."""
        return await _off_the_loop(lambda: read_tokens(self._file))

    async def write(self, kept: Kept) -> None:
        """Replace what is in it; it is on the disk when this returns. Raises OSError and TimeoutError."""
        await _off_the_loop(lambda: write_tokens(self._file, kept))

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """While this lasts no other process has the tokens; one that ends gives them back, however it ends.

        Where the disk knows no locks it goes without. Raises CrmUnavailable when another one does not let go of them.
        """
        lock = await self._taken_lock()
        try:
            yield
        finally:
            _let_go_of(lock)

    async def _taken_lock(self) -> int | None:
        clock = asyncio.get_running_loop().time
        waits_until = clock() + _LOCK_LIMIT_S
        while clock() < waits_until:
            try:
                lock = await _off_the_loop(lambda: locked(self._file.parent), unwanted=_let_go_of)
            except (OSError, TimeoutError):
                return None
            if lock is not None:
                return lock
            await asyncio.sleep(_LOCKED_AGAIN_S)
        raise CrmUnavailable("another process has been renewing its access token for too long")


def in_words(error: BaseException) -> str:
    """What a disk says, without the path, which the admin knows."""
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


def _let_go_of(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


def _nothing(_result: object) -> None:
    """What came too late is of no use."""


async def _off_the_loop(work: Callable[[], T], *, unwanted: Callable[[T], None] = _nothing) -> T:
    """Run `work` on a thread of its own for that long; `unwanted` gets a result that nobody waits for any more."""
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="crm-token")
    working = thread.submit(work)

    def too_late(done: Future[T]) -> None:
        if not done.cancelled() and done.exception() is None:
            unwanted(done.result())

    try:
        async with asyncio.timeout(_DISK_LIMIT_S):
            return await asyncio.wrap_future(working)
    except BaseException:
        working.add_done_callback(too_late)
        raise
    finally:
        thread.shutdown(wait=False)
