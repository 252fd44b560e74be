"""A finished call stays finished in the journal, whatever is told of it later: it has ended as it did, and when it did.

Only an answer before its end can still be found out. The book of live calls holds to that by itself; but what it knows
of finished calls is bounded, and does not reach back before the start of the bridge for ever.
"""

import json
import sqlite3
from collections.abc import Sequence

from cti_bridge.calls.record import CallRecord

_ONCE_OVER = {
    "answered_at": "coalesce(calls.answered_at,"
    " CASE WHEN excluded.answered_at < calls.ended_at THEN excluded.answered_at END)",
    "ended_at": "calls.ended_at",
    "outcome": "CASE WHEN calls.answered_at IS NULL AND excluded.answered_at < calls.ended_at"
    " THEN excluded.outcome ELSE calls.outcome END",
    "operator": "coalesce(calls.operator, excluded.operator)",
    "recovered": "max(calls.recovered, excluded.recovered)",
}


def once_over(column: str) -> str:
    """What becomes of a column of a row of `calls` when a new state (`excluded`) of its call is written, as SQL."""
    if column not in _ONCE_OVER:
        return f"excluded.{column}"
    return f"CASE WHEN calls.ended_at IS NULL THEN excluded.{column} ELSE {_ONCE_OVER[column]} END"


def without_reopened(connection: sqlite3.Connection, group: Sequence[CallRecord]) -> list[CallRecord]:
    """The states without those that have a call going on that is over."""
    going_on = [record.id for record in group if record.ended_at is None]
    if not going_on:
        return list(group)
    over = connection.execute(
        "SELECT id FROM calls WHERE id IN (SELECT value FROM json_each(?)) AND ended_at IS NOT NULL",
        [json.dumps(going_on)],
    )
    reopened = {row[0] for row in over}
    return [record for record in group if record.ended_at is not None or record.id not in reopened]
