"""Writing into the mirror's file: a page and the place after it in one transaction, so that a kill loses neither.

The file has the tables of the embedded CRM, which is how callers are found in it, and two more: where the mirror is,
and in which full pass each customer and deal was last shown. A deal may come before its customer; foreign keys are
off for that reason, and such a deal is found as soon as he is there.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from enum import IntEnum
from pathlib import Path

from cti_bridge.crm.embedded.schema import open_for_import
from cti_bridge.crm.mirror.rows import clean, customer_row, deal_row
from cti_bridge.crm.mirror.source import MirroredDeal, MirrorPage, copies_of, original_of
from cti_bridge.crm.mirror.state import MirrorState, Phase
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.domain.customer import Customer, StageList
from cti_bridge.domain.ids import DealId

_LAYOUT = 1
"""Of the two tables; a mirror of another layout is filled anew."""

_TABLES = """
CREATE TABLE IF NOT EXISTS mirror_state (layout INTEGER NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS mirror_shown (
    kind INTEGER NOT NULL,
    id TEXT NOT NULL,
    pass INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
"""
_EMPTIED = ("mirror_state", "mirror_shown", "numbers", "deals", "notes", "calls", "customers")

_CUSTOMER = (
    "id", "name", "email", "city", "timezone", "segment", "preferred_channel", "responsible", "last_contact_at",
)  # fmt: skip
_DEAL = ("id", "customer_id", "title", "stage", "amount", "responsible", "changed_at")


def _put(table: str, columns: Sequence[str]) -> str:
    """Write a row unless it is there already, just so: a full pass then writes little."""
    others = columns[1:]
    now, said = (", ".join(f"{prefix}.{column}" for column in others) for prefix in (table, "excluded"))
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own names
        f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{column} = excluded.{column}' for column in others)}"
        f" WHERE ({now}) IS NOT ({said})"
    )


_PUT_CUSTOMER = _put("customers", _CUSTOMER)
_PUT_DEAL = _put("deals", _DEAL)
_PUT_NUMBER = "INSERT OR IGNORE INTO numbers (key, customer_id, raw) VALUES (?, ?, ?)"
_NUMBERS_GONE = "DELETE FROM numbers WHERE customer_id = ? AND key NOT IN (SELECT value FROM json_each(?))"
_SHOWN = (
    "INSERT INTO mirror_shown (kind, id, pass) VALUES (?, ?, ?)"
    " ON CONFLICT (kind, id) DO UPDATE SET pass = excluded.pass WHERE pass <> excluded.pass"
)
_COPIES = "SELECT id FROM deals WHERE id > ? AND id < ?"
_NOT_SHOWN = """
FROM {table} t LEFT JOIN mirror_shown s ON s.kind = ? AND s.id = t.id WHERE coalesce(s.pass, 0) <> ?
"""


class Kind(IntEnum):
    """What can be shown or gone."""

    CUSTOMER = 0
    DEAL = 1

    @property
    def table(self) -> str:
        """Where they are in the file."""
        return "customers" if self is Kind.CUSTOMER else "deals"


def open_mirror(path: Path, source: str) -> tuple[sqlite3.Connection, MirrorState]:
    """The mirror's file, created where there is none, and where it is; emptied if it mirrors another CRM.

    The connection belongs to the calling thread. Raises OSError, sqlite3.Error, DatabaseUnusable, CrmUnavailable.
    """
    connection = open_for_import(path).conn
    try:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA secure_delete = ON")  # who is deleted is not to be found in the file's bytes either
        with _transaction(connection):
            _make_tables(connection, path)
            state = _read_state(connection, source)
            if state is None:
                for table in _EMPTIED:
                    connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
                state = MirrorState(source)
                _write_state(connection, state)
    except BaseException:
        connection.close()
        raise
    return connection, state


def write_page(connection: sqlite3.Connection, page: MirrorPage, state: MirrorState) -> None:
    """Take a page over, and `state`, which is that after the page; both or, with sqlite3.Error, neither."""
    with _transaction(connection):
        _put_customers(connection, page.customers, state.pass_number)
        _put_deals(connection, page.deals, state.pass_number)
        _remove(connection, Kind.CUSTOMER, page.gone_customers)
        _remove(connection, Kind.DEAL, page.gone_deals)
        _write_state(connection, state)


def write_state(connection: sqlite3.Connection, state: MirrorState) -> None:
    """Only note where the mirror is. Raises sqlite3.Error."""
    with _transaction(connection):
        _write_state(connection, state)


def not_shown(connection: sqlite3.Connection, kind: Kind, pass_number: int, *, limit: int) -> list[str]:
    """Some ids of those whom this full pass has not shown, in order. Raises sqlite3.Error."""
    query = f"SELECT t.id {_NOT_SHOWN.format(table=kind.table)} ORDER BY t.id LIMIT ?"
    return [row[0] for row in connection.execute(query, (kind, pass_number, limit)).fetchall()]


def count_not_shown(connection: sqlite3.Connection, kind: Kind, pass_number: int) -> int:
    """How many this full pass has not shown. Raises sqlite3.Error."""
    query = f"SELECT count(*) {_NOT_SHOWN.format(table=kind.table)}"
    return int(connection.execute(query, (kind, pass_number)).fetchone()[0])


def write_check(
    connection: sqlite3.Connection, kind: Kind, pass_number: int, *, gone: Iterable[str], there: Iterable[str]
) -> None:
    """Remove those who are gone, and count the others as shown. Raises sqlite3.Error."""
    with _transaction(connection):
        _remove(connection, kind, gone)
        connection.executemany(_SHOWN, [(kind, id_, pass_number) for id_ in there])


def write_stages(connection: sqlite3.Connection, stages: StageList) -> None:
    """Make these the stages of the file, unless they are already. Raises sqlite3.Error."""
    rows = [(stage.id, stage.name, stage.order, int(stage.final)) for stage in stages.stages]
    if sorted(connection.execute("SELECT id, name, position, final FROM stages").fetchall()) == sorted(rows):
        return
    with _transaction(connection):
        connection.execute("DELETE FROM stages")
        connection.executemany("INSERT OR REPLACE INTO stages (id, name, position, final) VALUES (?, ?, ?, ?)", rows)


def counted(connection: sqlite3.Connection, kind: Kind = Kind.CUSTOMER) -> int:
    """How many there are. Raises sqlite3.Error."""
    return int(connection.execute(f"SELECT count(*) FROM {kind.table}").fetchone()[0])  # noqa: S608 - our own names


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk ends it by itself
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _make_tables(connection: sqlite3.Connection, path: Path) -> None:
    """The mirror's own two tables. A customer file that somebody imported is no mirror and is never emptied."""
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'mirror_state'").fetchone()
    if known is None and counted(connection):
        raise CrmUnavailable(f"{path} is a customer file and no mirror")
    for script in _TABLES.split(";\n"):
        connection.execute(script)


def _put_customers(connection: sqlite3.Connection, customers: Sequence[Customer], pass_number: int) -> None:
    for customer in customers:
        row, numbers = customer_row(customer), [clean(number) for number in customer.numbers]
        connection.execute(_PUT_CUSTOMER, row)
        connection.execute(_NUMBERS_GONE, (row[0], json.dumps(numbers)))
        connection.executemany(_PUT_NUMBER, [(number, row[0], number) for number in numbers])
        connection.execute(_SHOWN, (Kind.CUSTOMER, row[0], pass_number))


def _put_deals(connection: sqlite3.Connection, deals: Sequence[MirroredDeal], pass_number: int) -> None:
    shown = {mirrored.deal.id for mirrored in deals}
    for mirrored in deals:
        if original_of(mirrored.deal.id) == mirrored.deal.id:
            copies = connection.execute(_COPIES, copies_of(mirrored.deal.id)).fetchall()
            former = [id_ for (id_,) in copies if id_ not in shown]
            _remove(connection, Kind.DEAL, former)
        if mirrored.customer_id is None:
            _remove(connection, Kind.DEAL, [mirrored.deal.id])
        else:
            row = deal_row(mirrored)
            connection.execute(_PUT_DEAL, row)
            connection.execute(_SHOWN, (Kind.DEAL, row[0], pass_number))


def _remove(connection: sqlite3.Connection, kind: Kind, ids: Iterable[str]) -> None:
    """Take them out. The deals of a customer stay until they are gone themselves: perhaps he was only archived."""
    for id_ in ids:
        if kind is Kind.CUSTOMER:
            connection.execute("DELETE FROM numbers WHERE customer_id = ?", (id_,))
            connection.execute("DELETE FROM customers WHERE id = ?", (id_,))
        else:
            connection.execute("DELETE FROM deals WHERE id = ?", (id_,))
            connection.execute("DELETE FROM deals WHERE id > ? AND id < ?", copies_of(DealId(id_)))
        connection.execute("DELETE FROM mirror_shown WHERE kind = ? AND id = ?", (kind, id_))


def _write_state(connection: sqlite3.Connection, state: MirrorState) -> None:
    said = asdict(state) | {"phase": state.phase.value}
    connection.execute("DELETE FROM mirror_state")
    connection.execute("INSERT INTO mirror_state (layout, state) VALUES (?, ?)", (_LAYOUT, json.dumps(said)))


def _read_state(connection: sqlite3.Connection, source: str) -> MirrorState | None:
    """The state in the file; None when there is none, it is of another CRM or layout, or somebody has spoilt it."""
    row = connection.execute("SELECT layout, state FROM mirror_state").fetchone()
    if row is None or row[0] != _LAYOUT:
        return None
    try:
        said = json.loads(row[1])
        state = MirrorState(**(said | {"phase": Phase(said["phase"])}))
    except (ValueError, TypeError, KeyError):
        return None
    return state if state.source == source else None
