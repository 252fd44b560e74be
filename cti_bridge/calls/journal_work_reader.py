"""Reads the work list beside the writer: on a thread of its own, and only when something in the journal has changed."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from sqlite_utils import Database

from cti_bridge.calls.journal import SCHEMA_VERSION
from cti_bridge.calls.journal_work import read_work
from cti_bridge.calls.work import Work
from cti_bridge.database import DatabaseUnusable

T = TypeVar("T")
_BUSY_S = 1.0


class WorkReader:
    """The one reader of the daemon; questions are answered one after another."""

    def __init__(self, path: Path, *, within_s: float = 5.0) -> None:
        self._path = path
        self._within_s = within_s
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="work")
        self._database: Database | None = None
        self._inode = 0
        self._seen: int | None = None

    async def read(self, *, now: float, anyway: bool) -> Work | None:
        """All there is to do, or None where nothing was written since the last time, unless it is wanted `anyway`.

        Raises DatabaseUnusable, also when it takes too long.
        """

        def ask() -> Work | None:
            database = self._open()
            version = int(database.conn.execute("PRAGMA data_version").fetchone()[0])
            if version == self._seen and not anyway:
                return None
            database.conn.execute("BEGIN")  # one picture for all questions
            try:
                work = read_work(database, now=now)
            finally:
                database.conn.execute("ROLLBACK")
            self._seen = version
            return work

        return await self._run(ask)

    async def close(self) -> None:
        """Answer nobody any more and end the thread."""
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._worker, self._close))
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _run(self, ask: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(self._within_s):
                return await asyncio.get_running_loop().run_in_executor(self._worker, ask)
        except TimeoutError as error:
            raise DatabaseUnusable(f"{self._path.name}: no answer within {self._within_s:g} s") from error
        except (sqlite3.Error, OSError) as error:
            raise DatabaseUnusable(f"{self._path.name}: {error}") from error

    def _open(self) -> Database:
        inode = self._path.stat().st_ino
        if self._database is not None and inode != self._inode:
            self._close()
        if self._database is None:
            uri = f"file:{quote(str(self._path.resolve()))}?mode=ro"
            connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_S)
            if int(connection.execute("PRAGMA user_version").fetchone()[0]) < SCHEMA_VERSION:
                connection.close()
                raise DatabaseUnusable(f"{self._path.name}: not brought up to date yet")
            self._database, self._inode, self._seen = Database(connection), inode, None
        return self._database

    def _close(self) -> None:
        if self._database is not None:
            self._database.conn.close()
            self._database = None
