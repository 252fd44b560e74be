"""Calls of numbers that several customers share, on which nobody said who of them it was, in the journal's file."""

import sqlite3

from cti_bridge.domain.ids import CallId

GROUP = 200
"""Calls that are told of in one transaction."""

_OPEN = (
    "customer_id = '' AND json_extract(CASE WHEN json_valid(decision) THEN decision END,"
    " '$.facts.\"call.candidates\"') > 1"
)
CHOICES = f"CREATE INDEX calls_of_several ON calls (ended_at) WHERE {_OPEN}"
"""The migration that makes the few found among all calls: those of which no customer was chosen."""


def never_chosen(
    connection: sqlite3.Connection, sink: str, *, since: float, until: float, begun_since: float
) -> list[CallId]:
    """Such calls that ended between these times and of which this receiver was told nothing; the oldest first.

    Only those that arrived at `begun_since` or later. Times are seconds since 1970.
    """
    rows = connection.execute(
        # By itself SQLite reads all calls since `begun_since`.
        "SELECT id FROM calls c INDEXED BY calls_of_several"  # noqa: S608
        f" WHERE {_OPEN} AND ended_at >= ? AND ended_at <= ? AND offered_at >= ?"
        " AND NOT EXISTS (SELECT 1 FROM reported r WHERE r.call_id = c.id AND r.sink = ?)"
        " ORDER BY ended_at LIMIT ?",
        [since, until, begun_since, sink, GROUP],
    )
    return [CallId(row[0]) for row in rows]
