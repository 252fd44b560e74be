"""The embedded CRM: one SQLite file on a thread of its own, behind the port that every CRM has.

An sqlite-utils connection belongs to the thread that opened it, so one worker thread does all the reading, and the
little writing that there is. Nothing may hold it up: a locked file is given up after 50 ms, look-ups whose callers are
gone are skipped, and more than a few waiting ones are refused. The file is looked at before each question, because
SQLite goes on reading a file that was removed, and answers from memory when one was overwritten.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

from sqlite_utils import Database

from cti_bridge.crm.embedded.call_list import finished_call, open_for_calls, read_calls, write_call
from cti_bridge.crm.embedded.editing import add_customer, add_deal, change_customer, write_note
from cti_bridge.crm.embedded.schema import open_for_reading, read_stages, stored_time, unavailable
from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.call_report import CallMoment, CallReport
from cti_bridge.domain.customer import (
    Customer,
    CustomerChanges,
    CustomerRecord,
    Deal,
    FinishedCall,
    NewCustomer,
    NewDeal,
    Note,
    StageList,
)
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber

_BUSY_TIMEOUT_S = 0.05
"""Readers of a WAL file wait for nobody, except for moments while it is opened or recovered."""
_MAX_WAITING = 64
_MAX_ROWS = 500
"""Deals of all customers of one number; nobody has that many, but a broken file could."""

_FIND = """
SELECT c.id, c.name, c.email, c.city, c.timezone, c.segment, c.preferred_channel, c.responsible, c.last_contact_at,
       (SELECT group_concat(m.key, ' ') FROM numbers m WHERE m.customer_id = c.id),
       d.id, d.title, d.stage, d.amount, d.responsible, d.changed_at
FROM numbers n JOIN customers c ON c.id = n.customer_id LEFT JOIN deals d ON d.customer_id = c.id
WHERE n.key = ? ORDER BY c.id, d.id LIMIT ?
"""
_NOTES = "SELECT at, author, text FROM notes WHERE customer_id = ? ORDER BY at DESC, id LIMIT ?"

_WRITING = (
    Capability.ADD_NOTE,
    Capability.CREATE,
    Capability.UPDATE,
    Capability.CREATE_DEAL,
    Capability.REPORT_ENDED,
    Capability.REPORT_UPDATED,
)

A = TypeVar("A")
T = TypeVar("T")
_Identity = tuple[int, int, int, int]


class EmbeddedCrm:
    """Reads the customer file at `path`; `stages` from the settings go before the file's own.

    The file is opened at the first question and again whenever it changed. It is never created here.
    """

    kind = "embedded"
    capabilities = frozenset(Capability) - {
        Capability.REPORT_STARTED,
        Capability.REPORT_ANSWERED,
        Capability.REPORT_STRANGERS,
    }

    def __init__(self, path: Path, stages: StageList | None = None) -> None:
        self._path = path
        self._stages = stages
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="crm-embedded")
        self._waiting = 0
        self._writing = asyncio.Semaphore(1)
        """A caller waits behind one change at most: each may take as long as a locked file is waited for."""
        self._closed = False
        # Only the worker thread touches these three.
        self._database: Database | None = None
        self._writer: sqlite3.Connection | None = None
        self._identity: _Identity | None = None

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        """All customers with exactly this number, by id, each with his deals, by id."""
        key = number.key
        if key is None:
            return ()
        return _records(await self._ask(lambda database: database.execute(_FIND, (key, _MAX_ROWS)).fetchall()))

    async def stages(self) -> StageList:
        """The stages of the settings, or else those in the file."""
        if self._stages is not None:
            return self._stages
        return await self._ask(read_stages)

    async def notes(self, customer_id: CustomerId, *, limit: int) -> tuple[Note, ...]:
        """The latest notes on one customer, newest first."""
        rows = await self._ask(lambda database: database.execute(_NOTES, (customer_id, max(0, limit))).fetchall())
        return tuple(Note(at, row[1], row[2]) for row in rows if (at := stored_time(row[0])) is not None)

    async def create(self, new: NewCustomer, *, key: str) -> CustomerId:
        """Somebody new; the same name and number again, whatever the key, are the same customer."""
        return await self._change(lambda connection: add_customer(connection, new))

    async def create_deal(self, customer_id: CustomerId, new: NewDeal, *, key: str) -> DealId:
        """A new deal, once for each key; without a stage it is in the first one that is open."""
        stages = await self.stages()
        return await self._change(lambda connection: add_deal(connection, customer_id, new, key, stages))

    async def update(self, customer_id: CustomerId, changes: CustomerChanges) -> None:
        """Change what is known of a customer, until the next import says otherwise."""
        await self._change(lambda connection: change_customer(connection, customer_id, changes))

    async def add_note(self, customer_id: CustomerId, note: Note, *, key: str) -> None:
        """Write a note down, once for each key."""
        await self._change(lambda connection: write_note(connection, customer_id, note, key))

    async def report(self, report: CallReport) -> None:
        """Note a call that is over with its customer, and when he was last spoken with; again, it changes nothing."""
        if report.moment not in (CallMoment.ENDED, CallMoment.UPDATED):
            raise CrmRefuses(f"the embedded CRM is told of calls that are over, not of {report.moment}")
        call = finished_call(report)
        if call is not None:
            await self._change(lambda connection: write_call(connection, self._path, call))

    async def calls(self, customer_id: CustomerId, *, limit: int) -> tuple[FinishedCall, ...]:
        """The latest calls that were reported of one customer, newest first."""
        return await self._ask(lambda database: read_calls(database, customer_id, limit=limit))

    async def check(self) -> None:
        """Return when the file is there, can be read and has tables that can be searched."""
        await self._ask(lambda database: database.execute(_FIND, ("+", 1)).fetchall())

    async def lacking(self) -> dict[Capability, str]:
        """What is written, where the file cannot be written to."""
        await self.check()
        if os.access(self._path, os.W_OK) and os.access(self._path.parent, os.W_OK):
            return {}
        return dict.fromkeys(_WRITING, f"{self._path} cannot be written by this user")

    async def close(self) -> None:
        """Close the file and end the thread, after the question that is being asked."""
        if self._closed:
            return
        self._closed = True
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._worker, self._shut))
        self._worker.shutdown(wait=False)

    async def _ask(self, question: Callable[[Database], T]) -> T:
        """Put the question on the worker thread; one whose asker is gone before its turn is skipped."""
        return await self._on_the_thread(self._answer, question)

    async def _on_the_thread(self, work: Callable[[A], T], about: A) -> T:
        if self._closed:
            raise CrmUnavailable("the embedded CRM is closed")
        if self._waiting >= _MAX_WAITING:
            raise CrmUnavailable(f"{_MAX_WAITING} look-ups are waiting for {self._path.name} already")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work, about)
        finally:
            self._waiting -= 1

    def _answer(self, question: Callable[[Database], T]) -> T:
        try:
            return question(self._current())
        except (sqlite3.Error, OSError) as error:
            # A broken file leaves a connection that cannot be trusted; the next question opens it anew.
            self._shut()
            raise unavailable(self._path, error) from error

    async def _change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Have `work` write with a connection of its own, beside the one that reads."""
        async with self._writing:
            return await self._on_the_thread(self._write, work)

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._current()  # makes sure of the file
            if self._writer is None:
                self._writer = open_for_calls(self._path, busy_timeout_s=_BUSY_TIMEOUT_S)
            return work(self._writer)
        except (sqlite3.Error, OSError, DatabaseUnusable) as error:
            self._shut()
            raise unavailable(self._path, error) from error

    def _current(self) -> Database:
        """The database, opened anew if the file at this path is another or was written to since.

        In WAL mode an import changes the main file a few times a second at most, so this costs next to nothing.
        """
        status = self._path.stat()
        identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if self._database is None or identity != self._identity:
            self._shut()
            self._database = open_for_reading(self._path, busy_timeout_s=_BUSY_TIMEOUT_S)
            self._identity = identity
        return self._database

    def _shut(self) -> None:
        """Close both, the writer first: were it the last, SQLite would remove the log of whatever file is there now."""
        writer, self._writer = self._writer, None
        database, self._database, self._identity = self._database, None, None
        if writer is not None:
            writer.close()
        if database is not None:
            database.conn.close()


def _records(rows: list[tuple[Any, ...]]) -> tuple[CustomerRecord, ...]:
    """One record per customer from rows that repeat him for each of his deals."""
    customers: dict[str, Customer] = {}
    deals: dict[str, list[Deal]] = {}
    for row in rows:
        customer_id = row[0]
        if customer_id not in customers:
            customers[customer_id] = _customer(row)
            deals[customer_id] = []
        if row[10] is not None:
            deals[customer_id].append(_deal(row))
    return tuple(CustomerRecord(customer, tuple(deals[id_])) for id_, customer in customers.items())


def _customer(row: tuple[Any, ...]) -> Customer:
    return Customer(
        id=CustomerId(row[0]),
        name=row[1],
        numbers=tuple(sorted((row[9] or "").split())),
        email=row[2],
        city=row[3],
        timezone=row[4],
        segment=row[5],
        preferred_channel=row[6],
        responsible=row[7],
        last_contact_at=stored_time(row[8]),
    )


def _deal(row: tuple[Any, ...]) -> Deal:
    return Deal(
        id=DealId(row[10]),
        title=row[11],
        stage=row[12],
        amount=_amount(row[13]),
        responsible=row[14],
        changed_at=stored_time(row[15]),
    )


def _amount(text: Any) -> Decimal | None:
    try:
        amount = Decimal(str(text)) if text is not None else None
    except InvalidOperation:
        return None
    return amount if amount is not None and amount.is_finite() else None
