"""Bringing a CSV file of customers into the customer file, while the daemon goes on reading it.

First all rows are checked and kept aside, then it is settled who is who, then customer after customer is compared
and written. Until the last step the customer file is not touched, so a file that cannot be used changes nothing.

A customer who is in the CSV becomes what the CSV says: his numbers and the columns that the CSV has. Customers and
deals that it does not mention stay. Importing the same file again changes nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from cti_bridge.crm.embedded.columns import ColumnPlan, Layout, lay_out
from cti_bridge.crm.embedded.csv_file import CsvFile, Encoding, opened, rows_at
from cti_bridge.crm.embedded.customers_csv import CustomerRow, Rejected, RowReader
from cti_bridge.crm.embedded.schema import open_for_import, open_for_reading, read_stages, set_stages
from cti_bridge.crm.embedded.staging import Staging
from cti_bridge.crm.embedded.writing import write
from cti_bridge.domain.customer import SHIPPED_STAGES, StageList
from cti_bridge.domain.staff import StaffNumbers

_CHECKPOINT_PAGES = 4_000
_DRY_RUN_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Source:
    """The file, and how it is to be read where that is not to be found out by looking at it."""

    path: Path
    plan: ColumnPlan = field(default_factory=ColumnPlan)
    encoding: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """How a file turned out to be written; `header` has its columns, `unread` those that mean nothing, with a hint."""

    encoding: Encoding
    delimiter: str
    header: tuple[str, ...]
    unread: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did, or would do.

    `rows` good rows told of the `created`, `updated` and `unchanged` customers. `joined`: so many that the CRM knew
    apart became one with another. `renamed` had several names in the file, `ambiguous` numbers of the file belong to
    several customers, `dropped` numbers were internal. `customers` and `deals` is what the CRM holds now.
    """

    rows: int
    rejected: int
    created: int
    updated: int
    unchanged: int
    joined: int
    renamed: int
    ambiguous: int
    dropped: int
    customers: int
    deals: int


@dataclass(slots=True)
class Listener:
    """Who hears of an import as it goes: how the file is written, how far it is, and in the end what was rejected.

    `progress` gets what is being done, how much of it, and of how much. With `cells`, rejected rows come with theirs.
    """

    found: Callable[[Found], None] = lambda found: None
    progress: Callable[[str, int, int], None] = lambda doing, done, whole: None
    rejected: Callable[[Rejected], None] = lambda row: None
    cells: bool = False


def import_customers(
    source: Source,
    database_path: Path,
    *,
    region: str,
    staff: StaffNumbers,
    stages: StageList | None = None,
    dry_run: bool = False,
    listener: Listener,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ImportResult:
    """Import the file; with `dry_run` only find out what that would do.

    Raises OSError or CsvUnreadable where the CSV cannot be read, sqlite3.Error, CrmUnavailable or DatabaseUnusable
    where the customer file cannot be read or written. Both leave whole customers only, and may be done again.
    """
    known_stages = stages_for(database_path, stages, dry_run=dry_run)
    with Staging() as staging:
        with _opened(source) as (file, layout):
            listener.found(Found(file.encoding, file.delimiter, file.header, layout.unread))
            reader = RowReader(
                layout, source.plan, region=region, stages=known_stages, staff=staff, encoding=file.encoding.codec
            )
            dropped = _stage(staging, file, reader, source.path.stat().st_size, listener)
        with _attached(staging, database_path, stages, dry_run=dry_run):
            listener.progress("settling", 0, 1)
            staging.settle()
            listener.progress("settling", 1, 1)
            ambiguous, customers = staging.count("ambiguous"), staging.count("customers")
            outcome = write(
                staging,
                [column for column, _ in layout.cells],
                now=now().isoformat(timespec="seconds"),
                dry_run=dry_run,
                on_batch=lambda done: listener.progress("writing", done, customers),
            )
            result = ImportResult(
                rows=staging.count("rows"),
                rejected=staging.count("rejects"),
                created=outcome.created,
                updated=outcome.updated,
                unchanged=outcome.unchanged,
                joined=outcome.joined,
                renamed=outcome.renamed,
                ambiguous=ambiguous,
                dropped=dropped,
                customers=_size(staging, "customers"),
                deals=_size(staging, "deals"),
            )
        _tell_rejected(staging, source, listener)
    return result


def stages_for(path: Path, stages: StageList | None, *, dry_run: bool = True) -> StageList:
    """The stages that count: those of the settings, else of the customer file, else the shipped ones.

    Raises like `import_customers` where the customer file cannot be read.
    """
    if stages is not None or not path.exists():
        return stages or SHIPPED_STAGES
    # what an older version wrote is brought to the newest schema, but not by a mere look at it
    database = open_for_reading(path, busy_timeout_s=_DRY_RUN_PATIENCE_S) if dry_run else open_for_import(path)
    try:
        known = read_stages(database)
        return known if known.stages else SHIPPED_STAGES
    finally:
        database.conn.close()


@contextmanager
def _opened(source: Source) -> Iterator[tuple[CsvFile, Layout]]:
    with opened(
        source.path, encoding=source.encoding, delimiter=source.delimiter, recognises=source.plan.recognises
    ) as file:
        yield file, lay_out(file.header, source.plan)


def _stage(staging: Staging, file: CsvFile, reader: RowReader, size: int, listener: Listener) -> int:
    """Keep all rows aside; says how many internal numbers were dropped."""
    dropped = 0

    def counted() -> Iterator[CustomerRow | Rejected]:
        nonlocal dropped
        for row in reader.rows(file):
            if isinstance(row, CustomerRow):
                dropped += row.dropped
            yield row

    for _ in staging.keep(counted()):
        listener.progress("reading", min(size, file.position()), size)
    return dropped


@contextmanager
def _attached(staging: Staging, path: Path, stages: StageList | None, *, dry_run: bool) -> Iterator[None]:
    """The customer file beside the staged rows: to write into, or only to look at (then it need not exist)."""
    with TemporaryDirectory() if dry_run and not path.exists() else _nothing() as folder:
        place = Path(folder) / path.name if folder else path
        if dry_run and not folder:
            open_for_reading(path, busy_timeout_s=_DRY_RUN_PATIENCE_S).conn.close()
        else:
            database = open_for_import(place)
            try:
                set_stages(database, stages)
            finally:
                database.conn.close()
        staging.attach(place, writable=not dry_run)
        staging.connection.execute("PRAGMA foreign_keys = ON")
        staging.connection.execute("PRAGMA crm.synchronous = NORMAL")
        staging.connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        yield
        if not dry_run:
            staging.connection.execute("PRAGMA crm.wal_checkpoint(TRUNCATE)").fetchall()


@contextmanager
def _nothing() -> Iterator[None]:
    yield None


def _size(staging: Staging, table: str) -> int:
    return int(staging.connection.execute(f"SELECT count(*) FROM crm.{table}").fetchone()[0])  # noqa: S608 - our own tables


def _tell_rejected(staging: Staging, source: Source, listener: Listener) -> None:
    """Name the rejected rows in the order of the file, which is read once more where their cells are wanted."""
    if not listener.cells or not staging.count("rejects"):
        for row in staging.rejects():
            listener.rejected(row)
        return
    with _opened(source) as (file, _):
        cells = rows_at(file, (row.line for row in staging.rejects()))
        for row, (_, texts) in zip(staging.rejects(), cells, strict=False):
            listener.rejected(Rejected(row.line, row.reason, row.message, tuple(texts)))
