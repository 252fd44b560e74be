"""The journal's slim side table: of each call what is counted, and nothing that says who called.

A call's row is wide because it holds all facts of its decision; counting a million of them would read gigabytes.
Triggers keep one narrow row beside each, whoever writes the call and however. `call_totals` is what stays when calls
are removed for their age.
"""

from cti_bridge.domain.decision import Facts

KEPT_FACTS = "(key LIKE 'line.%' OR key = 'call.did')"
"""The facts of a decision that say nothing about the caller: they stay as long as the call does."""


def facts_that_stay(facts: Facts) -> Facts:
    """Of the facts of a decision, those that say nothing about the caller."""
    return {name: fact for name, fact in facts.items() if name.startswith("line.") or name == "call.did"}


def _columns(row: str, *, names_are_facts: bool, directions: bool = False) -> str:
    """The values of a side row, in the order of its columns; `row` is the name of the call's row in the statement."""
    external = f"{row}.caller_kind <> 'internal'"
    if directions:
        external += f" AND {row}.direction = 'inbound'"
    known = f"CASE WHEN json_valid({row}.decision) THEN {row}.decision END"

    def said(path: str) -> str:
        return f"coalesce(json_extract({known}, '$.{path}'), '')"

    channel, city = said('facts."line.channel"'), said('facts."line.city"')
    line = f"""coalesce(nullif({said('facts."line.name"')}, ''),
        nullif({channel} || CASE WHEN {channel} <> '' AND {city} <> '' THEN ', ' ELSE '' END || {city}, ''),
        {row}.did)"""
    told = ""
    if names_are_facts:
        told = f"OR {row}.caller_name <> '' OR ({row}.decision IS NOT NULL AND NOT json_valid({row}.decision))"
    return f"""
        {row}.offered_at,
        {row}.id,
        {said("class_name")},
        coalesce(nullif({row}.queue, ''), {said("queue")}),
        {line},
        coalesce({row}.operator, ''),
        {row}.outcome,
        {external},
        {external} AND {row}.ended_at IS NOT NULL AND {row}.outcome <> 'answered',
        max(0, {row}.answered_at - {row}.offered_at),
        EXISTS (SELECT 1 FROM json_each({known}, '$.facts') WHERE NOT {KEPT_FACTS}) {told}
        {f", {row}.direction" if directions else ""}
    """  # noqa: S608 - constant texts


FIGURES = f"""
    CREATE TABLE call_figures (
        offered_at REAL NOT NULL,
        id TEXT NOT NULL,
        class_name TEXT NOT NULL,
        queue TEXT NOT NULL,
        line TEXT NOT NULL,
        operator TEXT NOT NULL,
        outcome TEXT NOT NULL,
        external INTEGER NOT NULL,
        missed INTEGER NOT NULL,
        wait_s REAL,
        has_facts INTEGER NOT NULL,
        PRIMARY KEY (offered_at, id)
    ) WITHOUT ROWID;
    CREATE INDEX call_figures_missed ON call_figures (offered_at) WHERE missed;
    CREATE INDEX call_figures_with_facts ON call_figures (offered_at) WHERE has_facts;
    CREATE TRIGGER call_written AFTER INSERT ON calls BEGIN
        INSERT OR REPLACE INTO call_figures SELECT {_columns("NEW", names_are_facts=False)};
    END;
    CREATE TRIGGER call_changed AFTER UPDATE ON calls BEGIN
        DELETE FROM call_figures WHERE offered_at = OLD.offered_at AND id = OLD.id;
        INSERT OR REPLACE INTO call_figures SELECT {_columns("NEW", names_are_facts=False)};
    END;
    CREATE TRIGGER call_removed AFTER DELETE ON calls BEGIN
        DELETE FROM call_figures WHERE offered_at = OLD.offered_at AND id = OLD.id;
    END;
    INSERT INTO call_figures SELECT {_columns("calls", names_are_facts=False)} FROM calls;
    CREATE TABLE call_totals (
        day TEXT NOT NULL,
        class_name TEXT NOT NULL,
        queue TEXT NOT NULL,
        line TEXT NOT NULL,
        outcome TEXT NOT NULL,
        external INTEGER NOT NULL,
        calls INTEGER NOT NULL,
        PRIMARY KEY (day, class_name, queue, line, outcome, external)
    ) WITHOUT ROWID;
    CREATE TABLE journal_clock (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        trusted_at REAL NOT NULL
    );
"""  # noqa: S608 - constant texts
"""The migration that makes all of it, and fills it from the calls that are there. Days are those of UTC."""

NAMES_ARE_FACTS = f"""
    DROP TRIGGER call_written;
    DROP TRIGGER call_changed;
    CREATE TRIGGER call_written AFTER INSERT ON calls BEGIN
        INSERT OR REPLACE INTO call_figures SELECT {_columns("NEW", names_are_facts=True)};
    END;
    CREATE TRIGGER call_changed AFTER UPDATE ON calls BEGIN
        DELETE FROM call_figures WHERE offered_at = OLD.offered_at AND id = OLD.id;
        INSERT OR REPLACE INTO call_figures SELECT {_columns("NEW", names_are_facts=True)};
    END;
    UPDATE call_figures SET has_facts = 1 WHERE NOT has_facts AND EXISTS (
        SELECT 1 FROM calls c WHERE c.id = call_figures.id AND (c.caller_name <> ''
        OR (c.decision IS NOT NULL AND NOT json_valid(c.decision))));
"""  # noqa: S608 - constant texts
"""The migration by which the name that the network sent counts as a fact, as does a decision that cannot be read."""

DIRECTIONS = f"""
    ALTER TABLE calls ADD COLUMN direction TEXT NOT NULL DEFAULT 'inbound';
    ALTER TABLE calls ADD COLUMN dialler TEXT NOT NULL DEFAULT '';
    ALTER TABLE calls ADD COLUMN customer_id TEXT NOT NULL DEFAULT '';
    ALTER TABLE call_figures ADD COLUMN direction TEXT NOT NULL DEFAULT 'inbound';
    DROP TRIGGER call_written;
    DROP TRIGGER call_changed;
    CREATE TRIGGER call_written AFTER INSERT ON calls BEGIN
        INSERT OR REPLACE INTO call_figures SELECT {_columns("NEW", names_are_facts=True, directions=True)};
    END;
    CREATE TRIGGER call_changed AFTER UPDATE ON calls BEGIN
        DELETE FROM call_figures WHERE offered_at = OLD.offered_at AND id = OLD.id;
        INSERT OR REPLACE INTO call_figures SELECT {_columns("NEW", names_are_facts=True, directions=True)};
    END;
    ALTER TABLE call_totals RENAME TO inbound_totals;
    CREATE TABLE call_totals (
        day TEXT NOT NULL,
        class_name TEXT NOT NULL,
        queue TEXT NOT NULL,
        line TEXT NOT NULL,
        outcome TEXT NOT NULL,
        external INTEGER NOT NULL,
        direction TEXT NOT NULL,
        calls INTEGER NOT NULL,
        PRIMARY KEY (day, class_name, queue, line, outcome, external, direction)
    ) WITHOUT ROWID;
    INSERT INTO call_totals
        SELECT day, class_name, queue, line, outcome, external, 'inbound', calls FROM inbound_totals;
    DROP TABLE inbound_totals;
"""  # noqa: S608 - constant texts
"""The migration by which calls have a direction; all before were taken to be inbound. Only those can be missed."""
