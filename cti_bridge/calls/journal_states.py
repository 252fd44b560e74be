"""The states of operators in the journal: each from when to when, and why it began; the one without an end is now."""

import json
from collections.abc import Sequence
from typing import Any

from sqlite_utils import Database

from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.domain.state_period import StatePeriod

STATES = """
    CREATE TABLE operator_states (
        operator TEXT NOT NULL,
        number INTEGER NOT NULL,
        began_at REAL NOT NULL,
        ended_at REAL,
        state TEXT NOT NULL,
        kind TEXT NOT NULL,
        why TEXT NOT NULL,
        by TEXT NOT NULL,
        until REAL,
        calls TEXT NOT NULL,
        talks TEXT NOT NULL,
        back TEXT NOT NULL,
        next TEXT NOT NULL,
        next_why TEXT NOT NULL,
        next_by TEXT NOT NULL,
        steered INTEGER NOT NULL,
        paged INTEGER NOT NULL,
        PRIMARY KEY (operator, number)
    ) WITHOUT ROWID;
    CREATE INDEX operator_states_now ON operator_states (operator) WHERE ended_at IS NULL;
    CREATE INDEX operator_states_by_end ON operator_states (ended_at);
"""
"""The migration that makes the table; times are seconds since 1970, an empty text means none."""

GROUP = 500
"""Rows in one transaction."""
MOST_READ = 10_000
_COLUMNS = tuple(StatePeriod.__dataclass_fields__)
_WRITE = (
    f"INSERT INTO operator_states ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' for _ in _COLUMNS)})"  # noqa: S608
    f" ON CONFLICT (operator, number) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[2:])}"
)


def write_states(database: Database, periods: Sequence[StatePeriod]) -> None:
    """Write these states; one that is there already is replaced."""
    with database.conn:
        database.conn.execute("BEGIN IMMEDIATE")
        database.conn.executemany(_WRITE, [_row(one) for one in periods])


def states_now(database: Database) -> list[StatePeriod]:
    """The states that operators are in; of several that have no end the latest one."""
    rows = database.query("SELECT * FROM operator_states WHERE ended_at IS NULL ORDER BY operator, number")
    return [*{row["operator"]: _period(row) for row in rows}.values()]


def states_of(
    database: Database, operator: OperatorId, *, since: float | None = None, limit: int = MOST_READ
) -> list[StatePeriod]:
    """His latest states, the newest first; those that were over before `since` (seconds since 1970) are left out."""
    rows = database.query(
        "SELECT * FROM operator_states WHERE operator = :operator AND (ended_at IS NULL OR ended_at >= :since)"
        " ORDER BY number DESC LIMIT :limit",
        {"operator": operator, "since": since if since is not None else 0.0, "limit": min(limit, MOST_READ)},
    )
    return [_period(row) for row in rows]


def remove_states(database: Database, before: float) -> int:
    """Remove a group of states that were over before then; the latest one of each operator stays."""
    with database.conn:
        removed = database.conn.execute(
            "DELETE FROM operator_states WHERE (operator, number) IN ("
            " SELECT operator, number FROM operator_states s WHERE ended_at < ?"
            " AND number < (SELECT max(number) FROM operator_states l WHERE l.operator = s.operator) LIMIT ?)",
            [before, GROUP],
        )
        return int(removed.rowcount)


def _row(one: StatePeriod) -> list[Any]:
    values = {name: getattr(one, name) for name in _COLUMNS}
    lists = {"calls": json.dumps(list(one.calls)), "talks": json.dumps(list(one.talks))}
    return [*{**values, **lists}.values()]


def _period(row: dict[str, Any]) -> StatePeriod:
    return StatePeriod(
        **{
            **row,
            "operator": OperatorId(row["operator"]),
            "calls": _calls(row["calls"]),
            "talks": _calls(row["talks"]),
            "steered": bool(row["steered"]),
            "paged": bool(row["paged"]),
        }
    )


def _calls(text: str) -> tuple[CallId, ...]:
    try:
        known = json.loads(text)
    except ValueError:
        return ()
    return tuple(CallId(str(call)) for call in known) if isinstance(known, list) else ()
