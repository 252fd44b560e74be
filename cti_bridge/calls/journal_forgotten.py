"""Calls whose caller was forgotten: whatever of them is written afterwards no longer says who it was.

The daemon has a call in memory for a while after its end, and writes it anew as a whole when something turns up. So
`calls forget` marks the calls, and who writes one that is over asks for the marks, in the same transaction. A call
that was going on when its caller was forgotten goes on as it is, and is written without him when it is over.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace

from cti_bridge.calls.journal_after import take_out_words
from cti_bridge.calls.journal_edits import take_out_edits
from cti_bridge.calls.journal_figures import facts_that_stay
from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.domain.ids import CallId

FORGOTTEN = """
    CREATE TABLE forgotten (call_id TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TRIGGER forgotten_call_removed AFTER DELETE ON calls BEGIN
        DELETE FROM forgotten WHERE call_id = OLD.id;
    END;
"""
"""The migration that makes the marks."""


def mark(connection: sqlite3.Connection, calls: Iterable[str]) -> None:
    """Have these calls written without their callers from now on, when they are over."""
    connection.executemany("INSERT OR IGNORE INTO forgotten VALUES (?)", [[call] for call in calls])


def take_out_beside(connection: sqlite3.Connection, calls: Sequence[str]) -> None:
    """Take the caller out of what lies beside these calls: phones called for them, names of recordings, and reports.

    What no receiver has had yet would tell him; the digest of what they had could be guessed.
    """
    rows = [[call] for call in calls]
    connection.executemany("DELETE FROM outbox WHERE call_id = ?", rows)
    connection.executemany("UPDATE reported SET final = '' WHERE call_id = ?", rows)
    connection.executemany("DELETE FROM recordings WHERE call_id = ?", rows)
    take_out_words(connection, calls)
    take_out_edits(connection, calls)
    # A phone that is no operator's is somebody's number; a Local channel has whatever was dialled in its name.
    connection.executemany(
        "UPDATE legs SET number = '', interface ="
        " CASE WHEN operator = '' THEN '' WHEN interface LIKE 'Local/%' THEN 'Local' ELSE interface END"
        " WHERE call_id = ?",
        rows,
    )


def forgotten_among(connection: sqlite3.Connection, calls: Iterable[CallId]) -> set[CallId]:
    """Which of these calls are marked."""
    query = "SELECT call_id FROM forgotten WHERE call_id IN (SELECT value FROM json_each(?))"
    return {CallId(row[0]) for row in connection.execute(query, [json.dumps(list(calls))])}


def as_forgotten(connection: sqlite3.Connection, calls: Sequence[CallRecord]) -> tuple[list[CallRecord], set[CallId]]:
    """The calls as they may be written, and which of them no longer say who called; within a transaction."""
    marked = forgotten_among(connection, [call.id for call in calls])
    over = {call.id for call in calls if call.id in marked and call.ended_at is not None}
    return [_without_caller(call) if call.id in over else call for call in calls], over


def _without_caller(call: CallRecord) -> CallRecord:
    decision = _without_customer(call.decision) if call.decision else None
    legs = tuple(replace(leg, number="", interface="") for leg in call.legs)
    return replace(call, caller="", caller_name="", customer_id="", decision=decision, legs=legs, recordings=())


def _without_customer(decision: DecisionRecord) -> DecisionRecord:
    return replace(decision, facts=facts_that_stay(decision.facts), customer_id="", crm_error="")
