"""The journal's table of recordings: which files hold what was said in a call, never what is in them.

They are written with their call, in the same transaction, and go with it.
"""

import json
import sqlite3
from collections.abc import Sequence

from cti_bridge.calls.record import CallRecord, RecordingRecord
from cti_bridge.domain.ids import CallId, ChannelId

RECORDINGS = """
    CREATE TABLE recordings (
        call_id TEXT NOT NULL,
        channel TEXT NOT NULL,
        leg TEXT NOT NULL,
        started_at REAL NOT NULL,
        ended_at REAL,
        file TEXT,
        PRIMARY KEY (call_id, channel, started_at)
    ) WITHOUT ROWID;
    CREATE INDEX recordings_open ON recordings (call_id) WHERE ended_at IS NULL OR file IS NULL;
    CREATE TRIGGER recordings_of_a_call_removed AFTER DELETE ON calls BEGIN
        DELETE FROM recordings WHERE call_id = OLD.id;
    END;
"""
"""The migration that makes it."""

_WRITE = """
    INSERT INTO recordings VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        leg = excluded.leg,
        ended_at = coalesce(excluded.ended_at, ended_at),
        file = coalesce(nullif(excluded.file, ''), file, excluded.file)
"""
_NOT_CLOSED = """
    SELECT DISTINCT r.call_id FROM recordings r CROSS JOIN calls c ON c.id = r.call_id
    WHERE (r.ended_at IS NULL OR r.file IS NULL) AND c.ended_at IS NOT NULL LIMIT ?
"""
_CLOSE = """
    UPDATE recordings SET file = coalesce(file, ''), ended_at = coalesce(
        ended_at, max(started_at, (SELECT ended_at FROM calls WHERE id = call_id)))
    WHERE call_id IN (SELECT value FROM json_each(?)) AND (ended_at IS NULL OR file IS NULL)
"""
_OF = """
    SELECT call_id, channel, leg, started_at, ended_at, file FROM recordings
    WHERE call_id IN (SELECT value FROM json_each(?)) ORDER BY call_id, started_at, channel
"""


def write_recordings(connection: sqlite3.Connection, calls: Sequence[CallRecord]) -> None:
    """Write the recordings of these calls, within the transaction that is open."""
    rows = [
        (call.id, one.channel, one.leg, one.started_at, one.ended_at, one.file)
        for call in calls
        for one in call.recordings
    ]
    connection.executemany(_WRITE, rows)


def recordings_of(connection: sqlite3.Connection, calls: Sequence[CallId]) -> dict[CallId, tuple[RecordingRecord, ...]]:
    """The recordings of these calls, the first to begin first; a call without any is not named."""
    found: dict[CallId, tuple[RecordingRecord, ...]] = {}
    for call, channel, leg, started_at, ended_at, file in connection.execute(_OF, [json.dumps(calls)]):
        one = RecordingRecord(ChannelId(channel), ChannelId(leg), started_at, ended_at, file)
        found[CallId(call)] = (*found.get(CallId(call), ()), one)
    return found


def close_recordings(connection: sqlite3.Connection, *, limit: int) -> list[str]:
    """Close the recordings of calls that were over when the bridge stopped; the calls, no more than `limit`.

    Nobody follows them any more: they were over with their call at the latest that is known.
    """
    calls = [row[0] for row in connection.execute(_NOT_CLOSED, [limit])]
    connection.execute(_CLOSE, [json.dumps(calls)])
    return calls
