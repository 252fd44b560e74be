"""Writing customers.csv and customer files for the stories in this folder."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cti_bridge.crm.embedded.customers_csv import Rejected
from cti_bridge.crm.embedded.importing import ImportResult, import_customers
from cti_bridge.domain.customer import StageList
from cti_bridge.domain.number import CallerNumber, parse_number

IMPORTED_AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

VERA = "customer_id,name,number,deal_id,deal_title,stage\nc-1,Вера Ёлкина,8 (495) 000-01-50,d-1,Кухня,paid\n"


def caller(text: str) -> CallerNumber:
    return parse_number(text, region="RU")


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def import_text(folder: Path, text: str, *, stages: StageList | None = None) -> tuple[ImportResult, list[Rejected]]:
    """Import this customers.csv into `crm.sqlite` of the folder; the second part is what was rejected."""
    rejected: list[Rejected] = []
    result = import_customers(
        write(folder / "customers.csv", text),
        folder / "crm.sqlite",
        region="RU",
        stages=stages,
        on_reject=rejected.append,
        now=lambda: IMPORTED_AT,
    )
    return result, rejected


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
