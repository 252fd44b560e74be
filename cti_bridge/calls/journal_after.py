"""What is written down after calls, and what is left to do: outcomes, next steps, and who has taken which item."""

AFTER = """
    CREATE TABLE after_calls (
        call_id TEXT NOT NULL,
        operator TEXT NOT NULL,
        outcome TEXT NOT NULL,
        note TEXT NOT NULL,
        score INTEGER,
        feedback TEXT NOT NULL,
        next_at REAL,
        next_text TEXT NOT NULL,
        saved_at REAL NOT NULL,
        finished_at REAL,
        PRIMARY KEY (call_id, operator)
    ) WITHOUT ROWID;
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
    CREATE INDEX next_steps_open ON next_steps (due_at) WHERE done_at IS NULL;
    CREATE TABLE work_claims (
        item TEXT PRIMARY KEY,
        operator TEXT NOT NULL,
        taken_at REAL,
        done_at REAL,
        done_by TEXT NOT NULL
    ) WITHOUT ROWID;
"""
"""The migration that makes the tables; times are seconds since 1970, an empty text means none."""
