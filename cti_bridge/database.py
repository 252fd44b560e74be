"""An SQLite file that lives on a thread of its own, brought to the newest schema when it is opened.

An sqlite-utils connection belongs to the thread that opened it, so every access goes through one worker; the event
loop never waits for a disk or a lock.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from sqlite_utils import Database

T = TypeVar("T")

LONGEST_LOG = 16 * 1024 * 1024
"""Bytes that the write-ahead log keeps for itself; what it needed beyond that while somebody read is given back."""


class DatabaseUnusable(Exception):
    """The file cannot be opened, is no SQLite database, is newer than this program, or did not answer in time."""


def migrate(database: Database, migrations: Sequence[str]) -> None:
    """Run the scripts that this file has not had yet, each in a transaction of its own with its version number.

    Raises DatabaseUnusable when the file was written by a newer program.
    """
    connection = database.conn
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(migrations):
        raise DatabaseUnusable(f"schema version {version} is newer than this program knows ({len(migrations)})")
    for number, script in enumerate(migrations[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\n;PRAGMA user_version = {number};\nCOMMIT;")


class DatabaseThread:
    """One SQLite file in WAL mode, used only by its own worker thread; the file is created with mode 0600.

    With `secure_delete`, what is deleted or replaced is overwritten in the file, and not only given up.
    """

    def __init__(
        self,
        path: Path,
        migrations: Sequence[str],
        *,
        name: str,
        busy_timeout_s: float = 2.0,
        secure_delete: bool = False,
    ) -> None:
        self.path = path
        self._migrations = migrations
        self._busy_timeout_s = busy_timeout_s
        self._secure_delete = secure_delete
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._database: Database | None = None
        self._opened_inode: int | None = None

    async def open(self, *, within_s: float = 30.0) -> None:
        """Open or create the file and migrate it. Raises DatabaseUnusable with a reason a person can read."""
        await self._submit(self._open, within_s)

    async def run(self, work: Callable[[Database], T], *, within_s: float = 10.0) -> T:
        """Run `work` with the database on its thread and give back what it returns.

        Raises DatabaseUnusable when the file is broken, locked or full, or when there was no answer in `within_s`
        seconds; the work may then still be carried out later.
        """

        def call() -> T:
            if self._database is not None and self._inode() != self._opened_inode:
                # Removed or replaced under us: what is written to the old file nobody would ever read.
                self._close()
            if self._database is None:
                self._open()
            assert self._database is not None
            return work(self._database)

        return await self._submit(call, within_s)

    async def run_anew(self, work: Callable[[Database], T], *, within_s: float = 10.0) -> T:
        """Put a broken file aside, as `NAME.broken` in place of an earlier one, and run `work` with a new one.

        Raises DatabaseUnusable.
        """

        def call() -> T:
            self._close()
            for ending in ("-wal", "-shm"):  # they belong to what was broken, and would break the new one
                self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
            if self.path.exists():
                self.path.rename(self.path.with_name(self.path.name + ".broken"))
            self._open()
            assert self._database is not None
            return work(self._database)

        return await self._submit(call, within_s)

    async def close(self) -> None:
        """Finish what was submitted, close the file and end the thread."""
        loop = asyncio.get_running_loop()
        await asyncio.shield(loop.run_in_executor(self._worker, self._close))
        self._worker.shutdown(wait=False)

    async def _submit(self, call: Callable[[], T], within_s: float) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(within_s):
                return await loop.run_in_executor(self._worker, call)
        except TimeoutError as error:
            raise DatabaseUnusable(f"{self.path.name}: no answer within {within_s:g} s") from error
        except (sqlite3.Error, OSError) as error:
            raise DatabaseUnusable(f"{self.path.name}: {error}") from error

    def _open(self) -> None:
        if self._database is not None:
            return
        self.path.touch(mode=0o600, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=self._busy_timeout_s)
        try:
            database = Database(connection)
            database.conn.execute("PRAGMA journal_mode = WAL")
            database.conn.execute("PRAGMA synchronous = FULL")
            database.conn.execute(f"PRAGMA journal_size_limit = {LONGEST_LOG}")
            database.conn.execute("PRAGMA foreign_keys = ON")
            if self._secure_delete:
                database.conn.execute("PRAGMA secure_delete = ON")
            migrate(database, self._migrations)
        except BaseException:
            connection.close()
            raise
        self._database = database
        self._opened_inode = self._inode()

    def _inode(self) -> int | None:
        try:
            return self.path.stat().st_ino
        except FileNotFoundError:
            return None

    def _close(self) -> None:
        if self._database is not None:
            self._database.conn.close()
            self._database = None


def read_only(path: Path, work: Callable[[Database], T]) -> T:
    """Run `work` on a file that another process may be writing. Raises DatabaseUnusable with a reason."""
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, timeout=5.0)
        return work(Database(connection))
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"{path}: {error}") from error
    finally:
        if connection is not None:
            connection.close()
