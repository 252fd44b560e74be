"""Missed calls: who called from outside, was not answered, and has not been reached since. One item for each caller.

There is no list to keep: an item is open as long as the journal has no later answered call with the caller's number,
and nobody has said in the work list that it is done.
Whoever was told at the end that he will be called back is an item too, even if somebody had talked to him before.
Hidden numbers cannot be called back; they are counted, but no items.
"""

import json
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlite_utils import Database

from cti_bridge.calls.journal_rows import read_decision
from cti_bridge.calls.record import name_of
from cti_bridge.calls.work import missed_item_id
from cti_bridge.domain.ids import OperatorId

MOST_TRIES = 20
"""So many calls of one item are told one by one, the latest; the others are counted."""

_TOLD = "c.final = 'callback'"
_AFTER_A_TALK = f"{_TOLD} AND c.outcome = 'answered'"
_CALLABLE = "c.caller <> '' AND c.caller_kind <> 'anonymous'"
PROMISES = "CREATE INDEX calls_promised ON calls (offered_at) WHERE final = 'callback' AND outcome = 'answered'"
"""The migration by which the few are found to whom somebody had talked before they were told so."""

_ITEMS = f"""
    WITH in_vain AS (
        SELECT c.caller, c.offered_at, c.rang, c.outcome = 'missed' AND {_TOLD} AS promised
        FROM call_figures f CROSS JOIN calls c ON c.id = f.id
        WHERE f.missed AND f.offered_at >= :since AND {_CALLABLE}
        UNION ALL
        SELECT c.caller, c.offered_at, c.rang, 1 FROM calls c
        WHERE {_AFTER_A_TALK} AND c.offered_at >= :since AND {_CALLABLE} AND c.caller_kind <> 'internal'
    ), missed AS MATERIALIZED (
        SELECT caller, offered_at, promised FROM in_vain
        WHERE :operator IS NULL OR EXISTS (SELECT 1 FROM json_each(rang) WHERE value = :operator)
    ), reached AS MATERIALIZED (
        SELECT caller, (
            SELECT c.offered_at FROM calls c
            WHERE c.caller = m.caller AND c.answered_at IS NOT NULL AND NOT ({_AFTER_A_TALK})
            ORDER BY c.offered_at DESC LIMIT 1
        ) AS at FROM missed m GROUP BY caller
    )
    SELECT caller, count(*) AS calls, min(offered_at) AS first_at, max(offered_at) AS last_at,
        max(promised) AS promised
    FROM missed JOIN reached USING (caller) WHERE at IS NULL OR offered_at > at
    GROUP BY caller ORDER BY last_at DESC, caller LIMIT :limit
"""  # noqa: S608 - constant texts
_TRIES = f"""
    FROM calls c CROSS JOIN call_figures f
    ON f.offered_at = c.offered_at AND f.id = c.id
    WHERE c.caller = :caller AND c.offered_at >= :first_at AND c.offered_at <= :last_at
    AND (f.missed OR {_AFTER_A_TALK})
    AND (:operator IS NULL OR EXISTS (SELECT 1 FROM json_each(c.rang) WHERE value = :operator))
    AND (:done_at IS NULL OR c.ended_at > :done_at)
"""  # noqa: S608 - constant texts

_LATEST = f"SELECT c.*, f.line, f.queue AS last_queue {_TRIES} ORDER BY c.offered_at DESC LIMIT :most"
_SINCE_THEN = f"""
    SELECT count(*) AS calls, min(c.offered_at) AS first_at, max(c.offered_at) AS last_at,
        max({_TOLD} AND c.outcome IN ('missed', 'answered')) AS promised
    {_TRIES}
"""

_RANG = """
    SELECT operator, interface, sum(max(0, coalesce(answered_at, ended_at, rang_at) - rang_at)) AS rang_s,
        group_concat(DISTINCT why) AS why FROM legs
    WHERE call_id = ? AND operator <> '' GROUP BY operator, interface ORDER BY min(rang_at), interface
"""


@dataclass(frozen=True, slots=True)
class Rang:
    """A phone that rang for a call; how long in all, None and without the phone where only the operator is known."""

    operator: OperatorId
    phone: str = ""
    seconds: float | None = None
    why: str = ""
    """Why nobody answered there: refused, no_answer, or cancelled (the caller was quicker, or went on)."""


@dataclass(frozen=True, slots=True)
class MissedCall:
    """One call that nobody answered; `waited_s` until it was over."""

    id: str
    at: float
    line: str
    queue: str
    outcome: str
    """Why: `abandoned` the caller gave up, or how it ended otherwise."""
    waited_s: float
    rang: tuple[Rang, ...]
    promised: bool = False
    """He was told that he would be called back."""


@dataclass(frozen=True, slots=True)
class MissedCaller:
    """One open item; times are seconds since 1970."""

    caller: str
    name: str
    """As the CRM, or else the network, last had it; empty where neither did or it is no longer kept."""
    calls: int
    first_at: float
    last_at: float
    promised: bool
    """In one of these calls he was told that he would be called back."""
    tries: tuple[MissedCall, ...]
    """The latest first."""


def missed_callers(
    database: Database, *, since: float, limit: int, operator: OperatorId | None = None
) -> list[MissedCaller]:
    """Open items of calls that arrived since then, the latest first.

    For one `operator` only calls that his phone rang for: of them he knows the caller already. Of a caller of whom
    somebody has said in the work list that he is done with, only the calls that were over later.
    """
    key = bytes(database.conn.execute("SELECT key FROM work_key").fetchone()[0])
    done = dict(database.conn.execute("SELECT item, done_at FROM work_claims WHERE done_at IS NOT NULL"))
    asked = {"since": since, "limit": limit + len(done), "operator": operator}
    rows = list(database.query(_ITEMS, asked))
    items = (_item(database, row, operator, done.get(missed_item_id(key, row["caller"]))) for row in rows)
    return list(islice((item for item in items if item is not None), limit))


def _item(
    database: Database, row: dict[str, Any], operator: OperatorId | None, done_at: float | None
) -> MissedCaller | None:
    which = {**row, "operator": operator, "most": MOST_TRIES, "done_at": done_at}
    tries = list(database.query(_LATEST, which))
    if done_at is not None:
        row = {**row, **next(database.query(_SINCE_THEN, which))}
        if not tries:
            return None
    names = (name for call in tries for name in (_customer(call), call["caller_name"]) if name)
    told = {**row, "promised": bool(row["promised"])}
    return MissedCaller(**told, name=next(names, ""), tries=tuple(_try(database, call) for call in tries))


def _try(database: Database, call: dict[str, Any]) -> MissedCall:
    return MissedCall(
        id=call["id"],
        at=call["offered_at"],
        line=call["line"],
        queue=call["last_queue"],
        outcome=call["outcome"],
        waited_s=round(max(0.0, call["ended_at"] - call["offered_at"]), 1),
        rang=_rang(database, call["id"], json.loads(call["rang"])),
        promised=call["outcome"] in ("missed", "answered") and call["final"] == "callback",
    )


def _rang(database: Database, call_id: str, operators: list[str]) -> tuple[Rang, ...]:
    phones = tuple(
        Rang(OperatorId(row["operator"]), row["interface"], round(row["rang_s"], 1), _why(row["why"]))
        for row in database.query(_RANG, [call_id])
    )
    known = {phone.operator for phone in phones}
    return phones + tuple(Rang(OperatorId(operator)) for operator in operators if operator not in known)


def _why(why: str) -> str:
    """Of several reasons, for a phone that rang several times, the one that says most."""
    said = why.split(",")
    return next((each for each in ("refused", "no_answer", "cancelled") if each in said), "")


def _customer(call: dict[str, Any]) -> str:
    known = read_decision(call["decision"])
    return name_of(known["facts"], str(known.get("customer_id") or ""), call["customer_id"]) if known else ""
