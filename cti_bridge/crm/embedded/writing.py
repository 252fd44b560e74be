"""Bringing staged customers into the customer file, a few thousand at a time, each of them whole.

A batch is one transaction of the attached file, so who asks meanwhile sees a customer as he was or as he is now, and
an import that is stopped or killed leaves whole customers behind. Done again it goes on where it was: what is there
already is not written again. Batches also keep the write-ahead log small.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cti_bridge.crm.embedded.columns import CELL_COLUMNS
from cti_bridge.crm.embedded.merging import Changes, Known, Said, compare, note_id, said
from cti_bridge.crm.embedded.staging import Staging

_MAX_CUSTOMERS = 4_000
_MAX_ROWS = 8_000
"""Of one batch; the last customer's rows may come on top."""

_CUSTOMER = ("id", "name", *CELL_COLUMNS, "last_contact_at")
_DEAL = ("id", "customer_id", "title", "stage", "amount", "responsible", "changed_at")
_IN = "IN (SELECT value FROM json_each(?))"


def _upsert(table: str, columns: Sequence[str], key: Sequence[str]) -> str:
    updates = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in key)
    return (
        f"INSERT INTO crm.{table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own names
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {updates}"
    )


_PUT_CUSTOMER = _upsert("customers", _CUSTOMER, ("id",))
_PUT_NUMBER = _upsert("numbers", ("key", "customer_id", "raw"), ("key", "customer_id"))
_PUT_DEAL = _upsert("deals", _DEAL, ("id",))


@dataclass(slots=True)
class Outcome:
    """How many customers of the file were new, changed, as before; joined ones vanished; renamed had several names."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    joined: int = 0
    renamed: int = 0


def write(
    staging: Staging, columns: Sequence[str], *, now: str, dry_run: bool, on_batch: Callable[[int], None]
) -> Outcome:
    """Write all staged customers, or only find out what would be written. `on_batch` hears how many are done."""
    outcome = Outcome()
    connection = staging.connection
    done = 0
    for batch in _batches(staging.customers(), columns):
        connection.execute("BEGIN" if dry_run else "BEGIN IMMEDIATE")
        try:
            _write_batch(connection, batch, outcome, now, dry_run=dry_run)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        done += len(batch)
        on_batch(done)
    return outcome


def _batches(customers: Iterable[tuple[str, list[tuple[Any, ...]]]], columns: Sequence[str]) -> Iterator[list[Said]]:
    batch: list[Said] = []
    rows = 0
    for customer_id, his in customers:
        batch.append(said(customer_id, his, columns))
        rows += len(his)
        if len(batch) >= _MAX_CUSTOMERS or rows >= _MAX_ROWS:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def _write_batch(
    connection: sqlite3.Connection, batch: list[Said], outcome: Outcome, now: str, *, dry_run: bool
) -> None:
    ids = json.dumps([customer.id for customer in batch])
    joined = _join(connection, ids, dry_run=dry_run)
    known = _known(connection, ids, batch)
    changes = Changes()
    for customer in batch:
        before = len(changes)
        compare(customer, known, changes, now)
        outcome.renamed += customer.renamed
        if customer.id not in known.customers and customer.id not in joined:
            outcome.created += 1
        elif len(changes) > before or customer.id in joined:
            outcome.updated += 1
        else:
            outcome.unchanged += 1
    outcome.joined += sum(map(len, joined.values()))
    if not dry_run:
        _carry_out(connection, changes)


def _carry_out(connection: sqlite3.Connection, changes: Changes) -> None:
    many = connection.executemany
    many(_PUT_CUSTOMER, changes.customers)
    many("DELETE FROM crm.numbers WHERE key = ? AND customer_id = ?", changes.numbers_gone)
    many(_PUT_NUMBER, sorted(changes.numbers))
    many("DELETE FROM crm.deals WHERE id = ?", changes.deals_gone)
    many(_PUT_DEAL, changes.deals)
    many("INSERT OR IGNORE INTO crm.notes (id, customer_id, at, text) VALUES (?, ?, ?, ?)", changes.notes)


def _known(connection: sqlite3.Connection, ids: str, batch: list[Said]) -> Known:
    """What the CRM has of these customers, and of their deals, whoever has them now."""
    run = connection.execute
    known = Known()
    customers = f"SELECT {', '.join(_CUSTOMER)} FROM crm.customers WHERE id {_IN}"  # noqa: S608 - our own names
    known.customers = {row[0]: row for row in run(customers, (ids,))}
    numbers = f"SELECT customer_id, key, raw FROM crm.numbers WHERE customer_id {_IN}"  # noqa: S608 - our own names
    for customer_id, key, raw in run(numbers, (ids,)):
        known.numbers.setdefault(customer_id, {})[key] = raw
    deals = f"SELECT {', '.join(_DEAL)} FROM crm.deals WHERE"  # noqa: S608 - our own names
    known.deals = {row[0]: row[1:] for row in run(f"{deals} customer_id {_IN}", (ids,))}
    elsewhere = [deal for customer in batch for deal in customer.deals if deal not in known.deals]
    if elsewhere:
        known.deals |= {row[0]: row[1:] for row in run(f"{deals} id {_IN}", (json.dumps(elsewhere),))}
    for deal_id, deal in known.deals.items():
        known.own_deals.setdefault(deal[0], []).append(deal_id)
    known.notes = {row[0] for row in run(f"SELECT id FROM crm.notes WHERE customer_id {_IN}", (ids,))}  # noqa: S608 - our own names
    return known


def _join(connection: sqlite3.Connection, ids: str, *, dry_run: bool) -> dict[str, list[str]]:
    """Whom these customers take over, by the id that stays: customers so far known by name and number only."""
    query = (
        "SELECT a.becomes, a.id FROM aliases a JOIN crm.customers c ON c.id = a.id"  # noqa: S608 - our own names
        f" WHERE a.becomes {_IN} ORDER BY a.id"
    )
    joined: dict[str, list[str]] = {}
    for stays, goes in connection.execute(query, (ids,)).fetchall():
        joined.setdefault(stays, []).append(goes)
        if not dry_run:
            _take_over(connection, stays, goes)
    return joined


def _take_over(connection: sqlite3.Connection, stays: str, goes: str) -> None:
    run = connection.execute
    if run("SELECT 1 FROM crm.customers WHERE id = ?", (stays,)).fetchone() is None:
        run("UPDATE crm.customers SET id = ? WHERE id = ?", (stays, goes))
    else:
        run(
            "UPDATE crm.customers SET last_contact_at = nullif(max(coalesce(last_contact_at, ''), coalesce("
            "(SELECT last_contact_at FROM crm.customers WHERE id = ?), '')), '') WHERE id = ?",
            (goes, stays),
        )
        for table in ("deals", "notes", "calls"):
            run(f"UPDATE crm.{table} SET customer_id = ? WHERE customer_id = ?", (stays, goes))  # noqa: S608 - our own names
        run("DELETE FROM crm.customers WHERE id = ?", (goes,))
    imported = run("SELECT id, text FROM crm.notes WHERE customer_id = ? AND author = ''", (stays,)).fetchall()
    for old_id, text in imported:
        new_id = note_id(stays, text)
        if old_id == new_id:
            continue
        if run("UPDATE OR IGNORE crm.notes SET id = ? WHERE id = ?", (new_id, old_id)).rowcount == 0:
            run("DELETE FROM crm.notes WHERE id = ?", (old_id,))
