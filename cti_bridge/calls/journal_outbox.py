"""The journal's tables of reports: what each receiver was told of a call, and what he is still to be told.

They lie in the journal's file because a call's state and the reports that it makes due are one transaction. What is
written into them, and who reads it, is in `delivery/`. They go with their call, whoever removes it.
"""

OUTBOX = """
    CREATE TABLE reported (
        call_id TEXT NOT NULL,
        sink TEXT NOT NULL,
        seq INTEGER NOT NULL,
        last TEXT NOT NULL,
        answered_at REAL,
        operator TEXT,
        final TEXT NOT NULL,
        delivered_seq INTEGER NOT NULL DEFAULT 0,
        delivered_at REAL,
        PRIMARY KEY (call_id, sink)
    ) WITHOUT ROWID;
    CREATE TABLE outbox (
        call_id TEXT NOT NULL,
        sink TEXT NOT NULL,
        seq INTEGER NOT NULL,
        type TEXT NOT NULL,
        body TEXT NOT NULL,
        state TEXT NOT NULL,
        since REAL NOT NULL,
        attempts INTEGER NOT NULL,
        due_at REAL,
        reason TEXT NOT NULL,
        PRIMARY KEY (call_id, sink, seq)
    );
    CREATE INDEX outbox_due ON outbox (sink, due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX outbox_by_state ON outbox (sink, state, since);
    CREATE TRIGGER reports_of_a_call_removed AFTER DELETE ON calls BEGIN
        DELETE FROM outbox WHERE call_id = OLD.id;
        DELETE FROM reported WHERE call_id = OLD.id;
    END;
"""
"""The migration that makes them."""
