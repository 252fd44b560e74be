"""What operators change in the CRM, kept until it is there: edits, notes, new customers, each written once."""

EDITS = """
    CREATE TABLE crm_edits (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        call_id TEXT NOT NULL,
        operator TEXT NOT NULL,
        customer_id TEXT NOT NULL,
        number TEXT NOT NULL,
        kind TEXT NOT NULL,
        content TEXT NOT NULL,
        seen TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        created_at REAL NOT NULL,
        tried_at REAL,
        done_at REAL
    );
    CREATE INDEX crm_edits_by_call ON crm_edits (call_id);
    CREATE INDEX crm_edits_open ON crm_edits (id) WHERE done_at IS NULL;
"""
"""The migration that makes the table; `content` and `seen` are JSON, times seconds since 1970."""
