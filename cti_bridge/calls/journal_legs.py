"""The journal's table of legs: every phone that was called for a call or joined it, in the words of the PBX.

They are written with their call, in the same transaction, and go with it. A leg is told again with every state of its
call; what was seen first stays, because after a restart of the bridge a leg is seen anew, later than it really began.
"""

import json
import sqlite3
from collections.abc import Sequence

from cti_bridge.calls.record import CallRecord, LegRecord
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId

LEGS = """
    CREATE TABLE legs (
        call_id TEXT NOT NULL,
        leg TEXT NOT NULL,
        parent TEXT NOT NULL,
        operator TEXT NOT NULL,
        number TEXT NOT NULL,
        interface TEXT NOT NULL,
        queue TEXT NOT NULL,
        rang_at REAL NOT NULL,
        answered_at REAL,
        ended_at REAL,
        talked_s REAL NOT NULL,
        why TEXT NOT NULL,
        PRIMARY KEY (call_id, leg)
    ) WITHOUT ROWID;
    CREATE TRIGGER legs_of_a_call_removed AFTER DELETE ON calls BEGIN
        DELETE FROM legs WHERE call_id = OLD.id;
    END;
"""
"""The migration that makes it."""

UNSEEN = "unseen"
"""Why a leg ended whose end nobody saw: it was over with its call at the latest."""

_WRITE = """
    INSERT INTO legs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        operator = excluded.operator,
        queue = excluded.queue,
        rang_at = min(rang_at, excluded.rang_at),
        answered_at = coalesce(min(answered_at, excluded.answered_at), answered_at, excluded.answered_at),
        ended_at = excluded.ended_at,
        talked_s = max(talked_s, excluded.talked_s),
        why = excluded.why
"""
_NO_LEG = "DELETE FROM legs WHERE call_id = ? AND leg = ?"
"""Whoever was called outside is a leg until he answers; then he is the customer, and his channel the call's."""
_CLOSE = "UPDATE legs SET ended_at = ?, why = ? WHERE call_id = ? AND ended_at IS NULL"

_OF = """
    SELECT call_id, leg, parent, operator, number, interface, queue, rang_at, answered_at, ended_at, talked_s, why
    FROM legs WHERE call_id IN (SELECT value FROM json_each(?)) ORDER BY call_id, rang_at, leg
"""


def write_legs(connection: sqlite3.Connection, calls: Sequence[CallRecord]) -> None:
    """Write the legs of these calls, within the transaction that is open."""
    connection.executemany(_WRITE, [_row(call.id, leg) for call in calls for leg in call.legs])
    connection.executemany(_NO_LEG, [(call.id, call.channel) for call in calls if call.dialler])
    ended = [(call.ended_at, UNSEEN, call.id) for call in calls if call.ended_at is not None]
    connection.executemany(_CLOSE, ended)


def legs_of(connection: sqlite3.Connection, calls: Sequence[CallId]) -> dict[CallId, tuple[LegRecord, ...]]:
    """The legs of these calls, the first to ring first; a call without any is not named."""
    found: dict[CallId, list[LegRecord]] = {}
    for call, leg, parent, operator, *values in connection.execute(_OF, [json.dumps(calls)]):
        record = LegRecord(ChannelId(leg), ChannelId(parent), OperatorId(operator), *values)
        found.setdefault(CallId(call), []).append(record)
    return {call: tuple(legs) for call, legs in found.items()}


def _row(call: CallId, leg: LegRecord) -> tuple[object, ...]:
    return (
        call, leg.leg, leg.parent, leg.operator, leg.number, leg.interface, leg.queue,
        leg.rang_at, leg.answered_at, leg.ended_at, leg.talked_s, leg.why,
    )  # fmt: skip
