"""What a CRM called the things that we made in it: which of its ids belongs to which call, across restarts.

A CRM that gives a call an id of its own must be told that id when the call ends, perhaps after a restart; and one that
cannot tell a repetition by itself must not be asked twice. One small SQLite file beside the journal, on its own thread.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import structlog
from sqlite_utils import Database

from cti_bridge.database import DatabaseThread, DatabaseUnusable

log = structlog.get_logger(__name__)
T = TypeVar("T")

KEPT_S = 90 * 86_400.0
"""How long an id is remembered; nothing is told of a call for so long."""
FOR_GOOD = "account "
"""What begins so is no id of a call and is never forgotten: a bridge may run for longer than that."""
_FORGET_EVERY_S = 3_600.0
_WITHIN_S = 5.0

_TABLES = """
CREATE TABLE links (key TEXT PRIMARY KEY, value TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX links_by_age ON links (at);
"""
_PUT = """
INSERT INTO links (key, value, at) VALUES (?, ?, ?)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, at = excluded.at
"""
_FORGET = "DELETE FROM links WHERE at < ? AND key NOT GLOB ?"


class Links(Protocol):
    """Remembers ids of a CRM by our own keys; survives restarts, forgets after 90 days."""

    async def get(self, key: str) -> str | None:
        """The CRM's id for this key, None when there is none. Raises DatabaseUnusable."""
        ...

    async def put(self, key: str, value: str) -> None:
        """Remember it, over whatever was there; it is on disk when this returns. Raises DatabaseUnusable."""
        ...


class SqliteLinks:
    """The links in the file at `path`, which is opened, or created, when one is asked for; `now` is seconds since 1970.

    Ids that were put down more than 90 days ago are forgotten, once an hour, by whoever puts down another. A file that
    is broken is put aside, and there is a new one: without it no call could be told, with it a few may be told anew.
    """

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._file = DatabaseThread(path, (_TABLES,), name="crm-links")
        self._now = now
        self._forgotten_at = float("-inf")
        self._closed = False
        self._replacing = asyncio.Lock()
        self._replaced = 0

    async def get(self, key: str) -> str | None:
        """The CRM's id for this key, None when there is none. Raises DatabaseUnusable."""
        return await self._run(lambda database: _value(database, key))

    async def put(self, key: str, value: str) -> None:
        """Remember it, over whatever was there; it is on disk when this returns. Raises DatabaseUnusable."""
        now = self._now()
        forget = not 0 <= now - self._forgotten_at < _FORGET_EVERY_S

        def write(database: Database) -> None:
            with database.conn as connection:
                connection.execute(_PUT, (key, value, now))
                if forget:
                    connection.execute(_FORGET, (now - KEPT_S, f"{FOR_GOOD}*"))

        await self._run(write)
        if forget:
            self._forgotten_at = now

    async def close(self) -> None:
        """Close the file and end its thread; may be called twice."""
        if not self._closed:
            self._closed = True
            await self._file.close()

    async def _run(self, work: Callable[[Database], T]) -> T:
        if self._closed:
            raise DatabaseUnusable("the links to the CRM are closed")
        replaced = self._replaced
        try:
            return await self._file.run(work, within_s=_WITHIN_S)
        except DatabaseUnusable as error:
            if type(error.__cause__) is not sqlite3.DatabaseError:  # its subclasses are locks, full disks, our mistakes
                raise
            reason = str(error)
        async with self._replacing:
            if self._replaced != replaced:  # several found it broken, and what the first one wrote is in the new file
                return await self._file.run(work, within_s=_WITHIN_S)
            log.error("crm.links_broken", reason=reason)
            self._replaced += 1
            return await self._file.run_anew(work, within_s=_WITHIN_S)


def _value(database: Database, key: str) -> str | None:
    row = database.execute("SELECT value FROM links WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row else None
