"""The states of operators in the journal: each from when to when, and why it began; the one without an end is now."""

STATES = """
    CREATE TABLE operator_states (
        operator TEXT NOT NULL,
        began_at REAL NOT NULL,
        ended_at REAL,
        state TEXT NOT NULL,
        kind TEXT NOT NULL,
        why TEXT NOT NULL,
        by TEXT NOT NULL,
        call_id TEXT NOT NULL,
        until REAL,
        next TEXT NOT NULL
    );
    CREATE INDEX operator_states_by_operator ON operator_states (operator, began_at);
    CREATE INDEX operator_states_now ON operator_states (operator) WHERE ended_at IS NULL;
"""
"""The migration that makes the table; times are seconds since 1970, an empty text means none."""
