"""Bringing customers.csv into the customer file, while the daemon goes on reading it.

A customer who is in the CSV becomes what the CSV says: his numbers and the columns that the CSV has. Customers and
deals that it does not mention stay. Importing the same file again changes nothing.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import islice
from pathlib import Path

from sqlite_utils import Database

from cti_bridge.crm.embedded.customers_csv import CustomerRow, DealCells, Rejected, read_header, read_rows
from cti_bridge.crm.embedded.schema import open_for_import, read_stages, set_stages
from cti_bridge.domain.customer import StageList

_CHUNK = 5_000
"""Rows per transaction: few enough that another import or a stop waits for a moment only."""
_DERIVED = "auto-"
"""What the ids start with that the CSV did not give."""
_MAX_LIKE_DEALS = 100

_SEEN = (
    "CREATE TEMP TABLE seen_customers (id TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TEMP TABLE seen_deals (id TEXT PRIMARY KEY, customer_id TEXT, content TEXT) WITHOUT ROWID",
)
_INSERT_DEAL = """
INSERT INTO deals (id, customer_id, title, stage, amount, responsible, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET customer_id = excluded.customer_id, title = excluded.title, stage = excluded.stage,
    amount = excluded.amount, responsible = excluded.responsible, changed_at = excluded.changed_at
"""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did: `rows` good rows taken, and what the file holds now."""

    rows: int
    rejected: int
    customers: int
    deals: int


def import_customers(
    csv_path: Path,
    database_path: Path,
    *,
    region: str,
    stages: StageList | None = None,
    on_reject: Callable[[Rejected], None],
    on_progress: Callable[[int, int], None] = lambda done, size: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ImportResult:
    """Import the file row by row. `on_progress` hears how many of how many bytes are read, from time to time.

    Raises OSError or CsvUnreadable where the CSV cannot be read (then nothing, or only what came before, is taken),
    sqlite3.Error, CrmUnavailable or DatabaseUnusable where the customer file cannot be written.
    """
    with (
        csv_path.open("rb") as binary,
        TextIOWrapper(binary, encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        size = csv_path.stat().st_size
        table = read_header(file)  # before the customer file is touched: an unusable CSV must not create it
        with _opened(database_path, stages) as database:
            rows = read_rows(table, region=region, stages=read_stages(database))
            taken = rejected = 0
            while chunk := list(islice(rows, _CHUNK)):
                outcome = _take(database, chunk, on_reject, now())
                taken += outcome
                rejected += len(chunk) - outcome
                on_progress(min(size, binary.tell()), size)
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            customers = database.execute("SELECT count(*) FROM customers").fetchone()[0]
            deals = database.execute("SELECT count(*) FROM deals").fetchone()[0]
            return ImportResult(taken, rejected, int(customers), int(deals))


@contextmanager
def _opened(path: Path, stages: StageList | None) -> Iterator[Database]:
    database = open_for_import(path)
    try:
        database.execute("PRAGMA cache_size = -65536")
        for statement in _SEEN:
            database.execute(statement)
        set_stages(database, stages)
        yield database
    finally:
        database.conn.close()


def _take(
    database: Database,
    chunk: list[CustomerRow | Rejected],
    on_reject: Callable[[Rejected], None],
    now: datetime,
) -> int:
    """Write the good rows of one chunk in one transaction; says how many there were."""
    taken = 0
    connection = database.conn
    connection.execute("BEGIN IMMEDIATE")
    with connection:  # commits, or rolls back on any error
        for row in chunk:
            outcome = row if isinstance(row, Rejected) else _write(connection, row, now)
            if outcome is None:
                taken += 1
            else:
                on_reject(outcome)
    return taken


def _write(connection: sqlite3.Connection, row: CustomerRow, now: datetime) -> Rejected | None:
    customer_id = row.customer_id or _known_as(connection, row) or _derived_customer(row)
    if row.customer_id:
        _adopt(connection, row)
    deal = row.deal
    deal_id = _deal_id(connection, row, deal, customer_id) if deal else ""
    if deal_id is None:
        return Rejected(row.line, _deal_refused(row))
    _write_customer(connection, row, customer_id)
    for key, raw in row.numbers:
        connection.execute(
            "INSERT INTO numbers (key, customer_id, raw) VALUES (?, ?, ?)"
            " ON CONFLICT (key, customer_id) DO UPDATE SET raw = excluded.raw",
            (key, customer_id, raw),
        )
    if deal and deal_id:
        cells = (deal_id, customer_id, deal.title, deal.stage, deal.amount, deal.responsible, deal.changed_at)
        connection.execute(_INSERT_DEAL, cells)
    if row.note:
        at = row.changed_at or now.isoformat(timespec="seconds")
        connection.execute(
            "INSERT OR IGNORE INTO notes (id, customer_id, at, text) VALUES (?, ?, ?, ?)",
            (_digest(customer_id, row.note), customer_id, at, row.note),
        )
    return None


def _write_customer(connection: sqlite3.Connection, row: CustomerRow, customer_id: str) -> None:
    """The first row of a customer replaces what the file knew of him, further rows add what they have."""
    columns = ("id", "name", *row.cells, "last_contact_at")
    is_new = _changed(
        connection,
        f"INSERT OR IGNORE INTO customers ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",  # noqa: S608 - our own column names
        (customer_id, row.name, *row.cells.values(), row.changed_at),
    )
    is_first = _changed(connection, "INSERT OR IGNORE INTO seen_customers (id) VALUES (?)", (customer_id,))
    if is_new:
        return
    cells = {column: text for column, text in row.cells.items() if is_first or text}
    updates = ", ".join(f"{column} = ?" for column in ("name", *cells))
    connection.execute(
        f"UPDATE customers SET {updates}, last_contact_at = nullif(max(coalesce(last_contact_at, ''), ?), '')"  # noqa: S608 - our own column names
        " WHERE id = ?",
        (row.name, *cells.values(), row.changed_at or "", customer_id),
    )
    if is_first:
        connection.execute("DELETE FROM numbers WHERE customer_id = ?", (customer_id,))
        connection.execute("DELETE FROM deals WHERE customer_id = ? AND id GLOB ?", (customer_id, _DERIVED + "*"))


def _known_as(connection: sqlite3.Connection, row: CustomerRow) -> str | None:
    """Who already has the name and one of the numbers of a row without customer_id."""
    for key, _ in row.numbers:
        found = connection.execute(
            "SELECT c.id FROM numbers n JOIN customers c ON c.id = n.customer_id WHERE n.key = ? AND c.name = ?"
            " ORDER BY c.id LIMIT 1",
            (key, row.name),
        ).fetchone()
        if found:
            return str(found[0])
    return None


def _adopt(connection: sqlite3.Connection, row: CustomerRow) -> None:
    """Give the row's customer_id to whom the file so far knew by name and number only."""
    derived = _known_as(connection, row)
    if derived is None or not derived.startswith(_DERIVED) or derived == row.customer_id:
        return
    if connection.execute("SELECT 1 FROM customers WHERE id = ?", (row.customer_id,)).fetchone() is None:
        connection.execute("UPDATE customers SET id = ? WHERE id = ?", (row.customer_id, derived))
    else:
        for table in ("numbers", "deals", "notes"):
            connection.execute(
                f"UPDATE OR IGNORE {table} SET customer_id = ? WHERE customer_id = ?",  # noqa: S608 - our own tables
                (row.customer_id, derived),
            )
        connection.execute("DELETE FROM customers WHERE id = ?", (derived,))
    connection.execute("UPDATE OR IGNORE seen_customers SET id = ? WHERE id = ?", (row.customer_id, derived))
    connection.execute("UPDATE seen_deals SET customer_id = ? WHERE customer_id = ?", (row.customer_id, derived))


def _deal_id(connection: sqlite3.Connection, row: CustomerRow, deal: DealCells, customer_id: str) -> str | None:
    """The id to keep the deal under; None when this file gave it to another customer before.

    A deal without an id is told from the others of the customer by its title, and deals of one title by their order.
    """
    content = "" if deal.id else _digest(deal.stage, deal.amount or "", deal.responsible, deal.changed_at or "")
    for nth in range(1 if deal.id else _MAX_LIKE_DEALS):
        deal_id = deal.id or _DERIVED + _digest(row.name, row.numbers[0][0], deal.title, str(nth))
        if _changed(connection, "INSERT OR IGNORE INTO seen_deals VALUES (?, ?, ?)", (deal_id, customer_id, content)):
            return deal_id
        seen = connection.execute("SELECT customer_id, content FROM seen_deals WHERE id = ?", (deal_id,)).fetchone()
        if seen == (customer_id, content):
            return deal_id
    return None


def _changed(connection: sqlite3.Connection, sql: str, values: tuple[str | None, ...]) -> bool:
    """Whether the statement put a row in."""
    return connection.execute(sql, values).rowcount == 1


def _deal_refused(row: CustomerRow) -> str:
    if row.deal and row.deal.id:
        return "its deal_id belongs to another customer in this file"
    return f"more than {_MAX_LIKE_DEALS} deals of one title, all without deal_id"


def _derived_customer(row: CustomerRow) -> str:
    return _DERIVED + _digest(row.name, row.numbers[0][0])


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
