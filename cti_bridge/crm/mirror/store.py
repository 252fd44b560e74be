"""The mirror's file on a thread of its own: opened when it is needed, and anew when it was removed or broke."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog

from cti_bridge.crm.embedded.schema import unavailable
from cti_bridge.crm.mirror.source import MirrorPage
from cti_bridge.crm.mirror.state import MirrorState
from cti_bridge.crm.mirror.writing import (
    Kind,
    count_not_shown,
    counted,
    not_shown,
    open_mirror,
    write_check,
    write_page,
    write_stages,
    write_state,
)
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.customer import StageList

log = structlog.get_logger(__name__)

T = TypeVar("T")

_WITHIN_S = 30.0
_SPOILT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class MirrorStore:
    """The file at `path`, which mirrors `source` (which CRM, and at which address).

    Every method raises CrmUnavailable with the reason when the file cannot be used.
    """

    def __init__(self, path: Path, source: str) -> None:
        self._path = path
        self._source = source
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="crm-mirror")
        self._closed = False
        # Only the worker thread touches these three.
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._state = MirrorState(source)

    async def state(self) -> MirrorState:
        """Where the mirror is, as its file says."""
        return await self._run(lambda _: self._state)

    async def page(self, page: MirrorPage, state: MirrorState) -> None:
        """Take a page over and go on to `state`, both or neither."""

        def write(connection: sqlite3.Connection) -> None:
            write_page(connection, page, state)
            self._state = state

        await self._run(write)

    async def go_on(self, state: MirrorState) -> None:
        """Go on to `state`, without a page."""

        def write(connection: sqlite3.Connection) -> None:
            write_state(connection, state)
            self._state = state

        await self._run(write)

    async def not_shown(self, kind: Kind, pass_number: int, *, limit: int) -> list[str]:
        """Some of those whom the full pass has not shown; empty when there are none left."""
        return await self._run(lambda connection: not_shown(connection, kind, pass_number, limit=limit))

    async def checked(self, kind: Kind, pass_number: int, *, gone: frozenset[str], there: frozenset[str]) -> None:
        """Remove those who are gone; the others count as shown."""
        await self._run(lambda connection: write_check(connection, kind, pass_number, gone=gone, there=there))

    async def stages(self, stages: StageList) -> None:
        """These are the stages of the CRM."""
        await self._run(lambda connection: write_stages(connection, stages))

    async def missing(self, kind: Kind, pass_number: int) -> tuple[int, int]:
        """How many the full pass has not shown, and how many there are."""
        return await self._run(lambda one: (count_not_shown(one, kind, pass_number), counted(one, kind)))

    async def customers(self) -> int:
        """How many customers there are."""
        return await self._run(counted)

    async def close(self) -> None:
        """Finish what is being written, close the file and end the thread; may be called twice."""
        if self._closed:
            return
        self._closed = True
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._worker, self._shut))
        self._worker.shutdown(wait=False)

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise CrmUnavailable("the mirror is closed")
        try:
            async with asyncio.timeout(_WITHIN_S):
                return await asyncio.get_running_loop().run_in_executor(self._worker, self._on_the_thread, work)
        except TimeoutError as error:
            raise CrmUnavailable(f"{self._path.name}: no answer within {_WITHIN_S:g} s") from error

    def _on_the_thread(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._connection is not None and self._inode != self._now_there():
                self._shut()  # removed or replaced: what is written to the old file nobody would ever read
            if self._connection is None:
                self._connection, self._state = open_mirror(self._path, self._source)
                self._inode = self._now_there()
            return work(self._connection)
        except (sqlite3.Error, OSError, DatabaseUnusable) as error:
            self._shut()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _SPOILT:
                self._remove()
                raise CrmUnavailable(f"{self._path.name} was damaged; it is filled anew") from error
            raise unavailable(self._path, error) from error

    def _remove(self) -> None:
        """Everything in it is in the CRM as well."""
        log.warning("mirror.damaged", file=self._path.name)
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _now_there(self) -> int | None:
        try:
            return self._path.stat().st_ino
        except FileNotFoundError:
            return None

    def _shut(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
