"""How many calls each rule file has decided: counted as their decisions are written, so that asking costs nothing.

A call counts for the file whose hash is in its decision, once, and stays counted when it is removed for its age.
"""

from dataclasses import dataclass

from sqlite_utils import Database


def _hash(row: str) -> str:
    """The hash in a row's decision; NULL where nobody decided by rules."""
    decision = f"{row}.decision"
    known = f"CASE WHEN json_valid({decision}) THEN {decision} END"
    return f"nullif(json_extract({known}, '$.rules_hash'), '')"


def _count(event: str, condition: str) -> str:
    """A trigger that counts a call when this happens to its row."""
    return f"""
    CREATE TRIGGER rules_{event} AFTER {event} ON calls WHEN {condition} BEGIN
        INSERT INTO rule_calls VALUES ({_hash("NEW")}, 1) ON CONFLICT (hash) DO UPDATE SET calls = calls + 1;
    END;
    """  # noqa: S608 - constant texts


RULE_CALLS = f"""
    CREATE TABLE rule_calls (hash TEXT PRIMARY KEY, calls INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE rule_calls_since (at REAL);
    INSERT INTO rule_calls_since
        SELECT CASE WHEN EXISTS (SELECT 1 FROM calls) THEN (julianday('now') - 2440587.5) * 86400.0 END;
    {_count("INSERT", f"{_hash('NEW')} IS NOT NULL")}
    {
    _count(
        "UPDATE",
        f"NEW.decision IS NOT OLD.decision AND {_hash('NEW')} IS NOT NULL AND {_hash('NEW')} IS NOT {_hash('OLD')}",
    )
}
"""  # noqa: S608 - constant texts
"""The migration that begins to count. Calls that are there already are not read: that would hold up a start."""


@dataclass(frozen=True, slots=True)
class RuleCalls:
    """Calls by the hash of the rules that decided them; `since` when they are counted (seconds), None for always."""

    by_hash: dict[str, int]
    since: float | None


def rule_calls(database: Database) -> RuleCalls:
    """What has been counted."""
    since = database.conn.execute("SELECT at FROM rule_calls_since").fetchone()
    rows = database.conn.execute("SELECT hash, calls FROM rule_calls").fetchall()
    return RuleCalls(dict(rows), since[0] if since else None)
