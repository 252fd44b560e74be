"""The SQLite file of the embedded CRM: its tables, and how it is opened for reading and for importing.

Texts are kept as the CSV had them, times as UTC in ISO 8601 (so that they sort), amounts as decimal text (so that
no kopeck is lost). `numbers.key` is E.164. Only an import creates the file; beside it only finished calls are written.
"""

import errno
import os
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.database import migrate
from cti_bridge.domain.customer import SHIPPED_STAGES, Stage, StageList

_APPLICATION_ID = 0x43544943
"""Marks the file as ours, so that some other SQLite file is not taken for an empty customer list."""

_TABLES = f"""
PRAGMA application_id = {_APPLICATION_ID};
CREATE TABLE customers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL DEFAULT '',
    city TEXT NOT NULL DEFAULT '',
    timezone TEXT NOT NULL DEFAULT '',
    segment TEXT NOT NULL DEFAULT '',
    preferred_channel TEXT NOT NULL DEFAULT '',
    responsible TEXT NOT NULL DEFAULT '',
    last_contact_at TEXT
) WITHOUT ROWID;
CREATE TABLE numbers (
    key TEXT NOT NULL,
    customer_id TEXT NOT NULL REFERENCES customers(id) ON UPDATE CASCADE ON DELETE CASCADE,
    raw TEXT NOT NULL,
    PRIMARY KEY (key, customer_id)
) WITHOUT ROWID;
CREATE INDEX numbers_by_customer ON numbers (customer_id);
CREATE TABLE deals (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers(id) ON UPDATE CASCADE ON DELETE CASCADE,
    title TEXT NOT NULL DEFAULT '',
    stage TEXT NOT NULL,
    amount TEXT,
    responsible TEXT NOT NULL DEFAULT '',
    changed_at TEXT
) WITHOUT ROWID;
CREATE INDEX deals_by_customer ON deals (customer_id);
CREATE TABLE notes (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers(id) ON UPDATE CASCADE ON DELETE CASCADE,
    at TEXT NOT NULL,
    author TEXT NOT NULL DEFAULT '',
    text TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX notes_by_customer ON notes (customer_id, at);
CREATE TABLE stages (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    final INTEGER NOT NULL
) WITHOUT ROWID;
"""
_CALLS = """
CREATE TABLE calls (
    key TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers(id) ON UPDATE CASCADE ON DELETE CASCADE,
    started_at TEXT NOT NULL,
    answered_at TEXT,
    ended_at TEXT NOT NULL,
    queue TEXT NOT NULL,
    user TEXT NOT NULL,
    outcome TEXT NOT NULL,
    direction TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX calls_by_customer ON calls (customer_id, started_at);
"""
MIGRATIONS = (_TABLES, _CALLS)
"""One script per schema version, each run once and in a transaction; a script that was released never changes."""
_READABLE = 1
"""The oldest version in which customers can be looked up as now; whoever writes next brings the file up to date."""


def open_for_reading(path: Path, *, busy_timeout_s: float) -> Database:
    """The existing customer file, read-only; it belongs to the calling thread.

    SQLite alone opens it: closing any other descriptor of the file would drop the locks of whoever in this process has
    it open, and the next program that looks into it would take the log away from under him. Raises CrmUnavailable with
    the reason.
    """
    connection: sqlite3.Connection | None = None
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if path.stat().st_size == 0:
            raise CrmUnavailable(f"{path} is not an SQLite file")
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=busy_timeout_s)
        database = Database(connection, execute_plugins=False)
        _check_schema(database, path)
    except (sqlite3.Error, OSError, CrmUnavailable) as error:
        if connection is not None:
            connection.close()
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CANTOPEN and not os.access(path, os.R_OK):
            raise CrmUnavailable(f"{path}: {os.strerror(errno.EACCES)}") from error
        raise unavailable(path, error) from error
    return database


def open_for_import(path: Path) -> Database:
    """The customer file for writing, created (mode 0600) where there is none and brought to the newest schema.

    It waits up to 5 s for another import to finish a step. Raises OSError, sqlite3.Error or, for a file of a newer
    program, DatabaseUnusable; CrmUnavailable for an SQLite file that is something else.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    connection = sqlite3.connect(path, timeout=5.0)
    try:
        database = Database(connection, execute_plugins=False)
        found = _number(database, "PRAGMA application_id"), _number(database, "SELECT count(*) FROM sqlite_master")
        if found not in ((_APPLICATION_ID, found[1]), (0, 0)):
            raise CrmUnavailable(f"{path} is an SQLite file of some other program")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA foreign_keys = ON")
        migrate(database, MIGRATIONS)
    except BaseException:
        connection.close()
        raise
    return database


def set_stages(database: Database, stages: StageList | None) -> None:
    """Make `stages` the file's stage list; None leaves the one it has, a new file gets the shipped one."""
    if stages is None and _number(database, "SELECT count(*) FROM stages"):
        return
    rows = [(stage.id, stage.name, stage.order, stage.final) for stage in (stages or SHIPPED_STAGES).stages]
    with database.conn:
        database.conn.execute("DELETE FROM stages")
        database.conn.executemany("INSERT INTO stages (id, name, position, final) VALUES (?, ?, ?, ?)", rows)


def read_stages(database: Database) -> StageList:
    """The file's stage list, in order."""
    rows = database.execute("SELECT id, name, position, final FROM stages ORDER BY position, id").fetchall()
    return StageList(tuple(Stage(row[0], row[1], int(row[2]), final=bool(row[3])) for row in rows))


def stored_time(text: Any) -> datetime | None:
    """A stored time; None for none and for what somebody else wrote into the file by hand."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def unavailable(path: Path, error: Exception) -> CrmUnavailable:
    """The same error in words for the admin; SQLite's own messages name tables at most, never their content."""
    if isinstance(error, CrmUnavailable):
        return error
    if isinstance(error, FileNotFoundError):
        return CrmUnavailable(f"{path} does not exist; `cti-bridge crm import` creates it")
    if isinstance(error, OSError):
        return CrmUnavailable(f"{path}: {error.strerror or type(error).__name__}")
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return CrmUnavailable(f"{path} is not an SQLite file")
    return CrmUnavailable(f"{path}: {error}")


def _check_schema(database: Database, path: Path) -> None:
    if _number(database, "PRAGMA application_id") != _APPLICATION_ID:
        raise CrmUnavailable(f"{path} is an SQLite file of some other program")
    version = _number(database, "PRAGMA user_version")
    if version > len(MIGRATIONS):
        raise CrmUnavailable(f"{path} has schema version {version}, newer than this program knows ({len(MIGRATIONS)})")
    if version < _READABLE:
        raise CrmUnavailable(f"{path} has the older schema version {version}: run `cti-bridge crm import` once")


def _number(database: Database, sql: str) -> int:
    return int(database.execute(sql).fetchone()[0])
