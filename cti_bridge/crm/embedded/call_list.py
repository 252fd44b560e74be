"""The calls of a customer in the embedded CRM: written when they are over, the latest of them kept for the card."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from cti_bridge.crm.embedded.schema import MIGRATIONS, stored_time
from cti_bridge.database import migrate
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import FinishedCall
from cti_bridge.domain.ids import CustomerId

MOST_CALLS = 100
"""So many calls of one customer are kept, the latest."""

WAL_KEPT = 1_000_000
"""Bytes that may wait beside the file before they are moved into it; some sixty calls."""

_LAST_CONTACT = "UPDATE customers SET last_contact_at = max(coalesce(last_contact_at, ''), ?) WHERE id = ?"
_WRITE = """
INSERT INTO calls (key, customer_id, started_at, answered_at, ended_at, queue, user, outcome, direction)
SELECT ?, id, ?, ?, ?, ?, ?, ?, ? FROM customers WHERE id = ?
ON CONFLICT (key) DO UPDATE SET
    started_at = excluded.started_at, answered_at = excluded.answered_at, ended_at = excluded.ended_at,
    queue = excluded.queue, user = excluded.user, outcome = excluded.outcome
WHERE excluded.answered_at IS NOT NULL OR calls.answered_at IS NULL
"""
"""A dead letter that somebody retries comes after what was told later; an answered call stays answered."""
_AS_TOLD = """
SELECT 1 FROM calls WHERE key = ?
AND (started_at, answered_at, ended_at, queue, user, outcome, direction, customer_id) IS (?, ?, ?, ?, ?, ?, ?, ?)
"""
"""The last report of a call says nearly always what the one before said; looking costs less than writing."""
_TRIM = """
DELETE FROM calls WHERE customer_id = ? AND key IN (
    SELECT key FROM calls WHERE customer_id = ? ORDER BY started_at DESC, key LIMIT -1 OFFSET ?)
"""
_READ = """
SELECT key, started_at, answered_at, ended_at, queue, user, outcome, direction FROM calls
WHERE customer_id = ? ORDER BY started_at DESC, key LIMIT ?
"""
_ANY_OF = "SELECT 1 FROM calls WHERE key IN (SELECT value FROM json_each(?)) LIMIT 1"
_FORGET = "DELETE FROM calls WHERE key IN (SELECT value FROM json_each(?))"


def finished_call(report: CallReport) -> FinishedCall | None:
    """What the list keeps of a report; None of a stranger's call, and of one that is not over."""
    if report.customer_id is None or report.ended_at is None:
        return None
    return FinishedCall(
        key=report.key,
        customer_id=report.customer_id,
        started_at=report.started_at,
        answered_at=report.answered_at,
        ended_at=report.ended_at,
        queue=report.queue,
        user=report.user,
        outcome=report.outcome,
        direction=report.direction,
    )


def open_for_calls(path: Path, *, busy_timeout_s: float) -> sqlite3.Connection:
    """The customer file for `write_call`; one of an older version is brought up to date.

    Raises sqlite3.Error and DatabaseUnusable.
    """
    address = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(address, uri=True, timeout=busy_timeout_s)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        migrate(Database(connection, execute_plugins=False), MIGRATIONS)
    except BaseException:
        connection.close()
        raise
    return connection


def write_call(connection: sqlite3.Connection, path: Path, call: FinishedCall) -> None:
    """Note a call with its customer, if he is there, and when he was last spoken with. Repeated, it changes nothing.

    The connection is one of `open_for_calls` to the file at `path`. Raises sqlite3.Error.
    """
    started_at, ended_at = _text(call.started_at), _text(call.ended_at)
    answered_at = _text(call.answered_at) if call.answered_at else None
    said = (call.queue, call.user, call.outcome, call.direction)
    told = (call.key, started_at, answered_at, ended_at, *said, call.customer_id)
    if connection.execute(_AS_TOLD, told).fetchone() is not None:
        return
    with connection:
        if answered_at is not None:
            connection.execute(_LAST_CONTACT, (ended_at, call.customer_id))
        connection.execute(_WRITE, told)
        connection.execute(_TRIM, (call.customer_id, call.customer_id, MOST_CALLS))
    _move_in(connection, path)


def _move_in(connection: sqlite3.Connection, path: Path) -> None:
    """Move what waits beside the file into it, all at once and seldom: each time whoever reads opens the file anew.

    SQLite by itself would do so after every write as soon as a thousand pages wait, because the reader that opens the
    file anew forgets how far it had come. Somebody else who reads for long, a backup say, is not waited for: callers
    who are looked up would wait with us, after every call.
    """
    wal = path.with_name(f"{path.name}-wal")
    try:
        waiting = wal.stat().st_size
    except OSError:
        return
    if waiting > WAL_KEPT:
        (busy_timeout_ms,) = connection.execute("PRAGMA busy_timeout").fetchone()
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {busy_timeout_ms}")


def forget_calls(path: Path, keys: Sequence[str], *, busy_timeout_s: float) -> None:
    """Take these calls from the lists of whichever customers have them; a file without any of them is only read.

    Raises sqlite3.Error.
    """
    if not path.exists():
        return
    address, asked = path.absolute().as_uri(), [json.dumps(list(keys))]
    with closing(sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=busy_timeout_s)) as reading:
        if not _has_list(reading) or reading.execute(_ANY_OF, asked).fetchone() is None:
            return
    with closing(sqlite3.connect(f"{address}?mode=rw", uri=True, timeout=busy_timeout_s)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        with connection:
            connection.execute(_FORGET, asked)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()  # what waits beside the file has them, too


def read_calls(database: Database, customer_id: CustomerId, *, limit: int) -> tuple[FinishedCall, ...]:
    """The latest calls of a customer, newest first; none in a file of a version that knew no calls."""
    try:
        rows = database.execute(_READ, (customer_id, max(0, limit))).fetchall()
    except sqlite3.OperationalError:
        if _has_list(database.conn):
            raise
        return ()
    return tuple(call for row in rows if (call := _call(customer_id, row)) is not None)


def _has_list(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'calls'")
    return found.fetchone() is not None


def _call(customer_id: CustomerId, row: tuple[Any, ...]) -> FinishedCall | None:
    started_at, ended_at = stored_time(row[1]), stored_time(row[3])
    if started_at is None or ended_at is None:
        return None
    return FinishedCall(row[0], customer_id, started_at, stored_time(row[2]), ended_at, *row[4:])


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
