"""The work list in the journal's file: items are read off calls and next steps, only claims on them are kept.

An item is open as long as nothing says otherwise: a missed caller until he is reached or somebody says that it is done,
a callback until somebody has talked with that number. What is taken and what is done is written by the journal's
thread, one after another, so that of two people who reach for the same item one has it.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlite_utils import Database

from cti_bridge.calls.journal_missed import MissedCaller, missed_callers
from cti_bridge.calls.work import (
    CLAIM_S,
    STEP_PREFIX,
    Claim,
    Work,
    WorkItem,
    WorkKind,
    missed_item_id,
    step_item_id,
)
from cti_bridge.domain.ids import OperatorId

LOOK_BACK_S = 7 * 86_400.0
"""Callers who were missed longer ago are no work any more."""
DONE_KEPT_S = 32 * 86_400.0
"""So long it is known that somebody was done with a caller: whoever asks for missed calls may look back a month."""
MOST_MISSED = 1_000
MOST_STEPS = 5_000
_LONGEST_CALL_S = 12 * 3600.0

_STEPS = """
    SELECT s.*, coalesce(c.queue, '') AS queue, s.kind = 'callback' AND s.number <> '' AND EXISTS (
        SELECT 1 FROM calls t WHERE t.caller = s.number AND t.offered_at >= s.created_at - :longest
        AND t.answered_at > s.created_at AND t.id <> s.call_id
    ) AS reached
    FROM next_steps s LEFT JOIN calls c ON c.id = s.call_id
    WHERE s.done_at IS NULL ORDER BY s.due_at LIMIT :limit
"""
_TAKE = """
    INSERT INTO work_claims VALUES (:item, :operator, :now, NULL, '')
    ON CONFLICT DO UPDATE SET operator = excluded.operator, taken_at = excluded.taken_at
    WHERE taken_at IS NULL OR taken_at <= :now - :lasts OR operator = excluded.operator
"""
_DONE = """
    INSERT INTO work_claims VALUES (:item, '', NULL, :now, :operator)
    ON CONFLICT DO UPDATE SET operator = '', taken_at = NULL, done_at = excluded.done_at, done_by = excluded.done_by
    WHERE taken_at IS NULL OR taken_at <= :now - :lasts OR operator = :operator OR :by_force
"""


def read_work(database: Database, *, now: float) -> Work:
    """All open items and all claims as they are at this time (seconds since 1970)."""
    key = bytes(database.conn.execute("SELECT key FROM work_key").fetchone()[0])
    claims = {row["item"]: _claim(row) for row in database.query("SELECT * FROM work_claims")}
    callers = missed_callers(database, since=now - LOOK_BACK_S, limit=MOST_MISSED)
    missed = tuple(_missed(missed_item_id(key, caller.caller), caller) for caller in callers)
    steps = list(database.query(_STEPS, {"longest": _LONGEST_CALL_S, "limit": MOST_STEPS}))
    return Work(
        items=missed + tuple(_step(row) for row in steps if not row["reached"]),
        claims=tuple(claims.values()),
        reached=tuple(row["id"] for row in steps if row["reached"]),
        whole=len(callers) < MOST_MISSED and len(steps) < MOST_STEPS,
    )


def take(database: Database, item: str, operator: OperatorId, *, now: float) -> Claim | None:
    """Have the item be this operator's from now on; None where it is a colleague's, or a step that is done."""
    with database.conn:
        database.conn.execute("BEGIN IMMEDIATE")
        if item.startswith(STEP_PREFIX) and not _step_is_open(database, item):
            return None
        values = {"item": item, "operator": operator, "now": now, "lasts": CLAIM_S}
        taken = database.conn.execute(_TAKE, values).rowcount > 0
    return claim_on(database, item) if taken else None


def tidy(database: Database, claims: Iterable[Claim], reached: Sequence[str], *, now: float) -> None:
    """Let go of claims that hold no longer, and note that steps are done whose callers somebody has talked with.

    An item that somebody has taken since a claim was read stays his.
    """
    with database.conn:
        database.conn.executemany(
            "UPDATE work_claims SET operator = '', taken_at = NULL WHERE item = ? AND operator = ? AND taken_at = ?",
            [(claim.item, claim.operator, claim.taken_at) for claim in claims],
        )
        _close(database, reached, OperatorId(""), now)
        database.conn.execute(
            "DELETE FROM work_claims WHERE taken_at IS NULL"
            " AND (done_at IS NULL OR done_at < ? OR item LIKE ?)",  # a step says itself that it is done
            [now - DONE_KEPT_S, f"{STEP_PREFIX}%"],
        )


def done(database: Database, item: str, operator: OperatorId, *, now: float, by_force: bool) -> bool:
    """Have the item be done for all; False where a colleague has taken it, unless it is done `by_force`.

    A caller who is missed again after that is a new item.
    """
    with database.conn:
        database.conn.execute("BEGIN IMMEDIATE")
        values = {"item": item, "operator": operator, "now": now, "lasts": CLAIM_S, "by_force": by_force}
        if not database.conn.execute(_DONE, values).rowcount:
            return False
        if item.startswith(STEP_PREFIX):
            _close(database, [item.removeprefix(STEP_PREFIX)], operator, now)
    return True


def claim_on(database: Database, item: str) -> Claim | None:
    """What is noted of this item."""
    return next(map(_claim, database.query("SELECT * FROM work_claims WHERE item = ?", [item])), None)


def forget_callers(connection: Any, callers: Iterable[str]) -> None:
    """Take out the claims by which it could be found that these numbers had called; within a transaction."""
    key = bytes(connection.execute("SELECT key FROM work_key").fetchone()[0])
    items = [[missed_item_id(key, caller)] for caller in callers if caller]
    connection.executemany("DELETE FROM work_claims WHERE item = ?", items)


def _close(database: Database, steps: Sequence[str], operator: OperatorId, now: float) -> None:
    database.conn.execute(
        "UPDATE next_steps SET done_at = ?, done_by = ? WHERE done_at IS NULL"
        " AND id IN (SELECT value FROM json_each(?))",
        [now, operator, json.dumps(list(steps))],
    )


def _step_is_open(database: Database, item: str) -> bool:
    query = "SELECT 1 FROM next_steps WHERE id = ? AND done_at IS NULL"
    return database.conn.execute(query, [item.removeprefix(STEP_PREFIX)]).fetchone() is not None


def _claim(row: dict[str, Any]) -> Claim:
    operator = OperatorId(row["operator"]) if row["operator"] else None
    return Claim(row["item"], operator, row["taken_at"], row["done_at"])


def _missed(item: str, caller: MissedCaller) -> WorkItem:
    latest = caller.tries[0]
    return WorkItem(
        id=item, kind=WorkKind.MISSED, number=caller.caller, name=caller.name, text="", due_at=None,
        since=caller.first_at, calls=caller.calls, queue=latest.queue, call=latest.id,
        rang=frozenset(rang.operator for one in caller.tries for rang in one.rang), promised=caller.promised,
    )  # fmt: skip


def _step(row: dict[str, Any]) -> WorkItem:
    return WorkItem(
        id=step_item_id(row["id"]), kind=WorkKind(row["kind"]), number=row["number"], name=row["name"],
        text=row["text"], due_at=row["due_at"], since=row["created_at"], calls=0, queue=row["queue"],
        call=row["call_id"], owner=OperatorId(row["operator"]),
    )  # fmt: skip
