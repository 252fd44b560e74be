"""Until when the journal knows everything: what a start of the bridge has to find out begins there.

It is written with the states of calls, in the same transaction, so whatever the PBX told until then is on disk. Which
calls ended since is asked as well: what the PBX's records say of those is known already.
"""

import sqlite3

from sqlite_utils import Database

from cti_bridge.domain.ids import ChannelId

HEARD = """
    CREATE TABLE heard (
        pbx TEXT PRIMARY KEY,
        until REAL NOT NULL
    ) WITHOUT ROWID;
"""
"""The migration that makes the table."""
MAX_FINISHED = 20_000
"""Channels of finished calls that are given back, the latest."""
_LONGEST_S = 12 * 3600.0
"""A call that is longer is not looked for among those that ended lately: the index is by arrival."""


Heard = tuple[str, float]
"""The name of a PBX, and until when (seconds since 1970) everything is known that it told."""
Finished = tuple[ChannelId, float, bool]
"""A channel of a call that is over, when that ended, and whether it was called for the call: then it may live on."""


def note_heard(connection: sqlite3.Connection, heard: Heard) -> None:
    """All that was told until then is on disk when the transaction that is open is."""
    connection.execute("INSERT INTO heard VALUES (?, ?) ON CONFLICT DO UPDATE SET until = excluded.until", heard)


def heard_until(database: Database, pbx: str) -> float | None:
    """Until when everything was on disk; None when nothing ever was."""
    row = database.conn.execute("SELECT until FROM heard WHERE pbx = ?", [pbx]).fetchone()
    return float(row[0]) if row else None


def finished_since(database: Database, since: float) -> list[Finished]:
    """The channels of the callers and legs of all calls that ended since then.

    Without callers who talk in another one now: a colleague has connected them with his customer.
    """
    calls = "FROM calls WHERE offered_at >= ? AND ended_at >= ?"
    talking = "SELECT leg FROM legs JOIN calls ON call_id = id WHERE calls.ended_at IS NULL"
    rows = database.conn.execute(
        f"SELECT channel, ended_at, 0 {calls} AND channel NOT IN ({talking}) UNION ALL"  # noqa: S608 - our own words
        f" SELECT leg, calls_.ended_at, 1 FROM legs JOIN (SELECT id, ended_at {calls}) calls_ ON call_id = calls_.id"
        " ORDER BY 2 DESC LIMIT ?",
        [since - _LONGEST_S, since, since - _LONGEST_S, since, MAX_FINISHED],
    )
    return [(ChannelId(channel), ended_at, bool(was_called)) for channel, ended_at, was_called in rows]
