"""Takes from the links what belongs to calls that are to say no more who called."""

import re
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

_BETWEEN = re.compile("[/:]")
"""Stands between the parts of a key, one of which is the call, or the number of a stranger who became a lead."""
_LONGEST_GROUP = 500


def forget_links(path: Path, *, calls: Collection[str], caller: str, busy_timeout_s: float) -> None:
    """Forget how a CRM called these calls, their notes and recordings, and what it has of a stranger of this number.

    Whoever is told of such a call afterwards is told of nobody. They go from the file's bytes as well. Raises
    sqlite3.Error.
    """
    if not path.exists():
        return
    wanted = {*calls, caller} - {""}
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=busy_timeout_s)) as links:
        links.execute("PRAGMA secure_delete = ON")
        gone = [key for (key,) in links.execute("SELECT key FROM links") if _belongs(key, wanted)]
        for first in range(0, len(gone), _LONGEST_GROUP):
            with links:
                links.executemany("DELETE FROM links WHERE key = ?", [[key] for key in gone[first:][:_LONGEST_GROUP]])
        if gone:
            links.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()  # what waits beside the file has them, too


def _belongs(key: str, wanted: Collection[str]) -> bool:
    """An Originate can make a call's id any text, one that holds what stands between the parts among them."""
    if any(part in wanted for part in _BETWEEN.split(key)):
        return True
    return any(one in key for one in wanted if _BETWEEN.search(one))
