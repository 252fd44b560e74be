"""Writing customers.csv and customer files for the stories in this folder."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cti_bridge.crm.embedded.columns import ColumnPlan
from cti_bridge.crm.embedded.customers_csv import Rejected
from cti_bridge.crm.embedded.importing import ImportResult, Listener, Source, import_customers
from cti_bridge.domain.customer import StageList
from cti_bridge.domain.number import CallerNumber, parse_number
from cti_bridge.domain.staff import StaffNumbers, staff_numbers

IMPORTED_AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

VERA = "customer_id,name,number,deal_id,deal_title,stage\nc-1,Вера Ёлкина,8 (495) 000-01-50,d-1,Кухня,paid\n"


def caller(text: str) -> CallerNumber:
    return parse_number(text, region="RU")


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def import_text(
    folder: Path,
    text: str,
    *,
    stages: StageList | None = None,
    plan: ColumnPlan | None = None,
    staff: tuple[str, ...] = (),
    dry_run: bool = False,
) -> tuple[ImportResult, list[Rejected]]:
    """Import this customers.csv into `crm.sqlite` of the folder; the second part is what was rejected."""
    file = write(folder / "customers.csv", text)
    rejected: list[Rejected] = []
    result = import_file(
        folder,
        Source(file, plan or ColumnPlan()),
        Listener(rejected=rejected.append),
        stages=stages,
        staff=staff_numbers(staff, region="RU"),
        dry_run=dry_run,
    )
    return result, rejected


def import_file(
    folder: Path,
    source: Source,
    listener: Listener | None = None,
    *,
    stages: StageList | None = None,
    staff: StaffNumbers | None = None,
    dry_run: bool = False,
) -> ImportResult:
    """Import a file into `crm.sqlite` of the folder."""
    return import_customers(
        source,
        folder / "crm.sqlite",
        region="RU",
        staff=staff or StaffNumbers(),
        stages=stages,
        dry_run=dry_run,
        listener=listener or Listener(),
        now=lambda: IMPORTED_AT,
    )


def content(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything in the customer file, table by table."""
    database = sqlite3.connect(folder / "crm.sqlite")
    tables = ("customers", "numbers", "deals", "notes", "stages")
    rows = {table: sorted(database.execute(f"SELECT * FROM {table}").fetchall(), key=str) for table in tables}
    database.close()
    return rows


def owners(folder: Path) -> set[tuple[object, ...]]:
    """Who has which number, by name."""
    database = sqlite3.connect(folder / "crm.sqlite")
    pairs = set(database.execute("SELECT c.name, n.key FROM numbers n JOIN customers c ON c.id = n.customer_id"))
    database.close()
    return pairs


@contextmanager
def locked_by_another_program(path: Path) -> Iterator[None]:
    """Another process holds the file so that nobody can even read it."""
    script = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('PRAGMA locking_mode = EXCLUSIVE')\n"
        "connection.execute('BEGIN EXCLUSIVE')\n"
        "connection.execute('CREATE TABLE theirs (x)')\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
        "connection.execute('ROLLBACK')\n"
        "connection.close()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdin
        assert holder.stdout
        try:
            assert holder.stdout.readline() == b"locked\n"
            yield
        finally:
            holder.stdin.close()
            holder.wait(10)
