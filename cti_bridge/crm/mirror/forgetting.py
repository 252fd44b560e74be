"""Takes people out of a mirror at once who are gone in the CRM, instead of with the next full pass."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from cti_bridge.domain.ids import CustomerId

_WHO = "SELECT customer_id FROM numbers WHERE key = ?1 AND ?1 <> '' UNION SELECT id FROM customers WHERE id = ?2"
_GONE = (
    "DELETE FROM deals WHERE customer_id IN (SELECT value FROM json_each(?))",
    "DELETE FROM numbers WHERE customer_id IN (SELECT value FROM json_each(?))",
    "DELETE FROM mirror_shown WHERE kind = 0 AND id IN (SELECT value FROM json_each(?))",
    "DELETE FROM customers WHERE id IN (SELECT value FROM json_each(?))",
)


def mirrored(path: Path, *, caller: str, customer: str, busy_timeout_s: float) -> list[CustomerId]:
    """Who in the mirror at `path` has this number (E.164) or this id; nobody where there is no mirror.

    Raises sqlite3.Error.
    """
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=busy_timeout_s)) as reading:
        return sorted(CustomerId(row[0]) for row in reading.execute(_WHO, (caller, customer)))


def forget_mirrored(path: Path, ids: Sequence[CustomerId], *, busy_timeout_s: float) -> None:
    """Remove these customers with their numbers and deals, from the file's bytes as well. Raises sqlite3.Error."""
    asked = [json.dumps(list(ids))]
    with closing(
        sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=busy_timeout_s)
    ) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        with connection:
            for statement in _GONE:
                connection.execute(statement, asked)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()  # what waits beside the file has them, too
