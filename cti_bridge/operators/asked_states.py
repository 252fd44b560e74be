"""States that somebody on the machine asks for: they wait in the accounts' file until the daemon takes them."""

from dataclasses import dataclass

from sqlite_utils import Database

from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators.store import NoSuchAccount

BY = "@console"
"""Who asked, where it was done on the machine; no operator can have this id."""


@dataclass(frozen=True, slots=True)
class AskedState:
    """A state that an operator is to have; `at` in seconds since 1970."""

    operator: OperatorId
    state: str
    at: float


def insert_asked_state(database: Database, asked: AskedState) -> None:
    """Ask for a state; it takes the place of what was asked for before and not taken yet. Raises NoSuchAccount."""
    with database.conn as connection:
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT 1 FROM operators WHERE id = ?", (asked.operator,)).fetchone():
            raise NoSuchAccount(f"there is no operator {asked.operator}")
        connection.execute(
            "INSERT INTO asked_states (operator, state, at) VALUES (?, ?, ?)"
            " ON CONFLICT (operator) DO UPDATE SET state = excluded.state, at = excluded.at",
            (asked.operator, asked.state, asked.at),
        )


def asked_states(database: Database) -> list[AskedState]:
    """All that wait, in the order in which they were asked for."""
    rows = database.conn.execute("SELECT operator, state, at FROM asked_states ORDER BY at").fetchall()
    return [AskedState(OperatorId(operator), state, at) for operator, state, at in rows]


def delete_asked_states(database: Database, done: list[AskedState]) -> None:
    """Forget what has been done; what was asked for since stays."""
    with database.conn as connection:
        connection.executemany(
            "DELETE FROM asked_states WHERE operator = ? AND at = ?", [(one.operator, one.at) for one in done]
        )
