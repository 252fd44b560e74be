"""What operators write down about calls, and the next steps that come of it, in the journal's file.

It goes with the call. What says something about the caller (note, words of praise or blame, name and number of a next
step) goes earlier: with the facts of decisions, or when he is forgotten; that a call had an outcome stays to be
counted.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from sqlite_utils import Database

from cti_bridge.calls.after_call import AboutCall, AfterCall, NextStep, StepKind
from cti_bridge.calls.record import DeskOutcome
from cti_bridge.domain.ids import CallId, OperatorId

GROUP = 200
"""Rows that are cleaned in one transaction."""

AFTER = """
    CREATE TABLE after_calls (
        call_id TEXT NOT NULL,
        operator TEXT NOT NULL,
        outcome TEXT NOT NULL,
        note TEXT NOT NULL,
        score INTEGER,
        feedback TEXT NOT NULL,
        saved_at REAL NOT NULL,
        finished_at REAL,
        told INTEGER NOT NULL,
        PRIMARY KEY (call_id, operator)
    ) WITHOUT ROWID;
    CREATE INDEX after_calls_unfinished ON after_calls (saved_at) WHERE finished_at IS NULL;
    CREATE INDEX after_calls_by_time ON after_calls (saved_at);
    CREATE TABLE next_steps (
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        operator TEXT NOT NULL,
        call_id TEXT NOT NULL,
        number TEXT NOT NULL,
        name TEXT NOT NULL,
        customer_id TEXT NOT NULL,
        text TEXT NOT NULL,
        due_at REAL NOT NULL,
        created_at REAL NOT NULL,
        done_at REAL,
        done_by TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX next_steps_of_a_call ON next_steps (call_id, operator);
    CREATE INDEX next_steps_open ON next_steps (due_at) WHERE done_at IS NULL;
    CREATE INDEX next_steps_done ON next_steps (done_at) WHERE done_at IS NOT NULL;
    CREATE TRIGGER after_a_call_removed AFTER DELETE ON calls BEGIN
        DELETE FROM after_calls WHERE call_id = OLD.id;
    END;
    CREATE TABLE work_claims (
        item TEXT PRIMARY KEY,
        operator TEXT NOT NULL,
        taken_at REAL,
        done_at REAL,
        done_by TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE work_key (key BLOB NOT NULL);
    INSERT INTO work_key VALUES (randomblob(32));
"""
"""The migration that makes the tables; times are seconds since 1970, an empty text means none.

An open next step outlives its call: somebody was promised something.
"""

_READ = """
    SELECT a.*, s.due_at, s.text, s.kind FROM after_calls a
    LEFT JOIN next_steps s ON s.call_id = a.call_id AND s.operator = a.operator
"""
_SAVE = """
    INSERT INTO after_calls VALUES (:call, :operator, :outcome, :note, :score, :feedback, :saved_at, NULL, :told)
    ON CONFLICT DO UPDATE SET outcome = excluded.outcome, note = excluded.note, score = excluded.score,
        feedback = excluded.feedback, saved_at = excluded.saved_at, finished_at = NULL
"""
_STEP = """
    INSERT INTO next_steps VALUES
        (:id, :kind, :operator, :call, :number, :name, :customer_id, :text, :at, :now, NULL, '')
    ON CONFLICT (call_id, operator) DO UPDATE SET kind = excluded.kind, text = excluded.text, due_at = excluded.due_at,
        number = excluded.number, name = excluded.name, customer_id = excluded.customer_id,
        created_at = excluded.created_at, done_at = NULL, done_by = ''
    WHERE (kind, text, due_at) <> (excluded.kind, excluded.text, excluded.due_at)
"""
"""The same step again changes nothing, so one that was done stays done; another one is to be done anew."""


def after_call(database: Database, call: CallId, operator: OperatorId) -> AfterCall | None:
    """What this operator has written down about this call."""
    rows = database.query(f"{_READ} WHERE a.call_id = ? AND a.operator = ?", [call, operator])
    return next(map(_after, rows), None)


def after_calls(database: Database, call: str) -> list[AfterCall]:
    """What everybody has written down about this call, who did so first to the front."""
    return [_after(row) for row in database.query(f"{_READ} WHERE a.call_id = ? ORDER BY saved_at, a.operator", [call])]


def latest_after_calls(database: Database, *, since: float, limit: int) -> list[AfterCall]:
    """What was saved since then, the latest first."""
    return [
        _after(row)
        for row in database.query(f"{_READ} WHERE saved_at >= ? ORDER BY saved_at DESC LIMIT ?", [since, limit])
    ]


def unfinished(database: Database, *, limit: int) -> list[AfterCall]:
    """What has not been handed on to the CRM, the oldest first."""
    query = f"{_READ} WHERE finished_at IS NULL ORDER BY saved_at LIMIT ?"
    return [_after(row) for row in database.query(query, [limit])]


def untold(database: Database, *, since: float, limit: int, call: CallId | None = None) -> list[AfterCall]:
    """What was saved since then, of all calls or this one, is finished, and of which the CRM got no note."""
    which = "+a.saved_at >= :since AND a.call_id = :call" if call is not None else "a.saved_at >= :since"
    query = f"{_READ} WHERE a.finished_at IS NOT NULL AND a.told = 0 AND {which} ORDER BY a.saved_at LIMIT :limit"
    return [_after(row) for row in database.query(query, {"since": since, "call": call, "limit": limit})]


def mark_told(database: Database, after: AfterCall) -> None:
    """The CRM gets a note of it after all, unless something else was saved meanwhile."""
    with database.conn:
        database.conn.execute(
            "UPDATE after_calls SET told = 1 WHERE call_id = ? AND operator = ? AND saved_at = ? AND told = 0",
            [after.call, after.operator, after.saved_at],
        )


def desk_outcomes(connection: sqlite3.Connection, calls: Sequence[CallId]) -> dict[CallId, tuple[DeskOutcome, ...]]:
    """What operators who are through with these calls say came of them; a call without any is not named."""
    found: dict[CallId, tuple[DeskOutcome, ...]] = {}
    rows = connection.execute(
        "SELECT call_id, operator, outcome, score FROM after_calls WHERE finished_at IS NOT NULL"
        " AND (outcome <> '' OR score IS NOT NULL) AND call_id IN (SELECT value FROM json_each(?))"
        " ORDER BY call_id, operator",
        [json.dumps(calls)],
    )
    for call, operator, outcome, score in rows:
        found[call] = (*found.get(call, ()), DeskOutcome(OperatorId(operator), outcome, score))
    return found


def save_after(database: Database, after: AfterCall, about: AboutCall, *, now: float) -> AfterCall | None:
    """Write it down in place of what was there; None where the caller was forgotten meanwhile: nothing is kept then."""
    with database.conn:
        database.conn.execute("BEGIN IMMEDIATE")
        if database.conn.execute("SELECT 1 FROM forgotten WHERE call_id = ?", [after.call]).fetchone():
            return None
        values = {
            "call": after.call, "operator": after.operator, "outcome": after.outcome, "note": after.note,
            "score": after.score, "feedback": after.feedback, "saved_at": now, "told": after.told,
        }  # fmt: skip
        database.conn.execute(_SAVE, values)
        if after.next_step is None:
            database.conn.execute(
                "DELETE FROM next_steps WHERE call_id = ? AND operator = ? AND done_at IS NULL",
                [after.call, after.operator],
            )
        else:
            _save_step(database.conn, after, after.next_step, about, now)
    return after_call(database, after.call, after.operator)


def _save_step(connection: sqlite3.Connection, after: AfterCall, step: NextStep, about: AboutCall, now: float) -> None:
    values = {
        "id": secrets.token_hex(8), "kind": step.kind.value, "operator": after.operator, "call": after.call,
        "number": about.number, "name": about.name, "customer_id": about.customer_id, "text": step.text,
        "at": step.at, "now": now,
    }  # fmt: skip
    connection.execute(_STEP, values)


def mark_finished(connection: sqlite3.Connection, after: AfterCall, *, now: float, told: int) -> bool:
    """It is handed on; False where something else was saved meanwhile, which is then still to be handed on.

    Within a transaction.
    """
    done = connection.execute(
        "UPDATE after_calls SET finished_at = ?, told = ?"
        " WHERE call_id = ? AND operator = ? AND saved_at = ? AND finished_at IS NULL",
        [now, told, after.call, after.operator, after.saved_at],
    )
    return done.rowcount > 0


def remove_words(database: Database, before: float) -> int:
    """Take the words about callers out of a group of what was written down before then; how many there were."""
    with database.conn:
        rows = database.conn.execute(
            "SELECT call_id, operator FROM after_calls WHERE saved_at < ? AND (note <> '' OR feedback <> '')"
            " ORDER BY saved_at LIMIT ?",
            [before, GROUP],
        ).fetchall()
        database.conn.executemany(
            "UPDATE after_calls SET note = '', feedback = '' WHERE call_id = ? AND operator = ?", rows
        )
        steps = database.conn.execute(
            "DELETE FROM next_steps WHERE id IN (SELECT id FROM next_steps WHERE done_at < ? LIMIT ?)", [before, GROUP]
        )
    return max(len(rows), steps.rowcount)


def remove_steps(database: Database, before: float) -> int:
    """Remove a group of next steps that were due before then and that nobody has done; how many there were.

    What was written down before then about calls that never got into the journal goes as well.
    """
    with database.conn:
        database.conn.execute(
            "DELETE FROM after_calls WHERE saved_at < ? AND NOT EXISTS (SELECT 1 FROM calls WHERE id = call_id)",
            [before],
        )
        steps = database.conn.execute(
            "DELETE FROM next_steps WHERE id IN"
            " (SELECT id FROM next_steps WHERE done_at IS NULL AND due_at < ? ORDER BY due_at LIMIT ?)",
            [before, GROUP],
        )
    return steps.rowcount


def words_about(connection: sqlite3.Connection, call: str) -> set[str]:
    """All texts about the caller of this call that stand here."""
    rows: list[Iterable[Any]] = connection.execute(
        "SELECT note, feedback FROM after_calls WHERE call_id = ?", [call]
    ).fetchall()
    rows += connection.execute("SELECT number, name, text FROM next_steps WHERE call_id = ?", [call]).fetchall()
    return {str(text) for row in rows for text in row}


def take_out_words(connection: sqlite3.Connection, calls: Sequence[str]) -> None:
    """Take out of these calls what their callers must not be found by; within a transaction."""
    rows = [[call] for call in calls]
    connection.executemany(
        "UPDATE after_calls SET note = '', feedback = '', finished_at = coalesce(finished_at, saved_at)"
        " WHERE call_id = ?",
        rows,
    )
    connection.executemany("DELETE FROM next_steps WHERE call_id = ?", rows)


def forget_steps(connection: sqlite3.Connection, *, number: str = "", customer: str = "") -> set[str]:
    """Remove the steps for this number, or for this customer, whose calls may be gone; what they said comes back."""
    where, value = ("number = ?", number) if number else ("customer_id = ?", customer)
    if not value:
        return set()
    gone = connection.execute(f"DELETE FROM next_steps WHERE {where} RETURNING number, name, text", [value])  # noqa: S608
    return {str(text) for row in gone.fetchall() for text in row}


def _after(row: dict[str, Any]) -> AfterCall:
    step = NextStep(row["due_at"], row["text"], StepKind(row["kind"])) if row["kind"] is not None else None
    return AfterCall(
        CallId(row["call_id"]), OperatorId(row["operator"]), row["outcome"], row["note"], row["score"],
        row["feedback"], step, row["saved_at"], row["finished_at"], row["told"],
    )  # fmt: skip
