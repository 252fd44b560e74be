"""The penalties that members of queues have of their own, while they are called last, in the journal's file.

They are written before the PBX is told another penalty: whoever was killed in between, or finds that the PBX has
forgotten nothing, knows what to give back.
"""

from collections.abc import Mapping

from sqlite_utils import Database

from cti_bridge.domain.member import MemberKey, OwnPenalty

OWN_PENALTIES = """
    CREATE TABLE own_penalties (
        pbx TEXT NOT NULL,
        queue TEXT NOT NULL,
        interface TEXT NOT NULL,
        penalty INTEGER NOT NULL,
        PRIMARY KEY (pbx, queue, interface)
    ) WITHOUT ROWID;
"""
"""The migration that makes the table."""
GIVEN_PENALTIES = """
    CREATE TABLE penalties_with_given (
        pbx TEXT NOT NULL,
        queue TEXT NOT NULL,
        interface TEXT NOT NULL,
        penalty INTEGER NOT NULL,
        given INTEGER NOT NULL,
        PRIMARY KEY (pbx, queue, interface)
    ) WITHOUT ROWID;
    INSERT INTO penalties_with_given SELECT pbx, queue, interface, penalty, -1 FROM own_penalties;
    DROP TABLE own_penalties;
    ALTER TABLE penalties_with_given RENAME TO own_penalties;
"""
"""The migration that adds which penalty was given; of those from before nobody knows it, and no member has -1.

The table is made anew, because some had the column before there was this migration.
"""


def own_penalties(database: Database, pbx: str) -> dict[MemberKey, OwnPenalty]:
    """All that are kept of this PBX."""
    rows = database.execute("SELECT queue, interface, penalty, given FROM own_penalties WHERE pbx = ?", (pbx,))
    return {MemberKey(queue, interface): OwnPenalty(penalty, given) for queue, interface, penalty, given in rows}


def keep_own_penalties(database: Database, pbx: str, changes: Mapping[MemberKey, OwnPenalty | None]) -> None:
    """Keep these, and forget those that are None."""
    with database.conn:
        for key, own in changes.items():
            if own is None:
                database.conn.execute(
                    "DELETE FROM own_penalties WHERE pbx = ? AND queue = ? AND interface = ?", (pbx, *key)
                )
            else:
                database.conn.execute(
                    "INSERT OR REPLACE INTO own_penalties (pbx, queue, interface, penalty, given)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (pbx, *key, *own),
                )
