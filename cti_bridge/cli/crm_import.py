"""`cti-bridge crm import`: a CSV file of customers into the embedded CRM, and what became of each row."""

import argparse
import codecs
import csv
import json
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from cti_bridge.cli.columns_file import ColumnsFile, ColumnsFileError, at, read_columns_file
from cti_bridge.cli.progress import progress
from cti_bridge.cli.spreadsheet import harmless
from cti_bridge.cli.terminal import printable
from cti_bridge.crm.embedded.columns import ColumnPlan, MissingColumns
from cti_bridge.crm.embedded.csv_file import CsvUnreadable
from cti_bridge.crm.embedded.customers_csv import Rejected
from cti_bridge.crm.embedded.importing import Found, ImportResult, Listener, Source, import_customers, stages_for
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.settings import Settings

_SHOWN_REJECTS = 20
"""More lines on a terminal help nobody; `--rejects` has them all."""
_SHOWN_COLUMNS = 30
_DELIMITERS = {"tab": "\t", "\\t": "\t", "\t": "\t", ",": ",", ";": ";", "|": "|"}
_DESCRIPTION = """\
Bring customers and deals from a CSV file into the embedded CRM. Encoding and delimiter are found out by looking at
the whole file. The daemon goes on answering meanwhile; importing the same file again changes nothing."""
_EPILOG = """\
Exit codes: 0 all rows taken; 1 rows rejected, all others taken; 2 not possible (file, columns, customer file);
130 Ctrl-C: whole customers are in, doing it again brings the rest."""


def register(crm: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add `import` to the `crm` commands."""
    parser = crm.add_parser(
        "import",
        help="bring a CSV file of customers into the embedded CRM",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("file", type=Path, metavar="FILE.csv")
    parser.add_argument("--columns", type=Path, metavar="FILE.yaml", help="which columns mean what (docs/import.md)")
    parser.add_argument("--rejects", type=Path, metavar="FILE.csv", help="write the rejected rows and why here")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")
    parser.add_argument("--encoding", type=_encoding, help="of the file, such as utf-8 or cp1251, instead of looking")
    parser.add_argument("--delimiter", type=_delimiter, help="between the cells: , ; | or tab, instead of looking")
    parser.add_argument("--json", action="store_true", help="print one JSON object of counts")
    return parser


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for."""

    file: Path
    columns: Path | None = None
    rejects: Path | None = None
    dry_run: bool = False
    encoding: str | None = None
    delimiter: str | None = None
    json: bool = False


def wishes(arguments: argparse.Namespace) -> Wishes:
    """The parsed command line."""
    return Wishes(
        arguments.file, arguments.columns, arguments.rejects, arguments.dry_run, arguments.encoding,
        arguments.delimiter, arguments.json,
    )  # fmt: skip


def run_import(asked: Wishes, settings: Settings) -> int:
    """Import a file. 0: all rows taken, 1: rows rejected, 2: not possible."""
    database = settings.crm.path
    columns: ColumnsFile | None = None
    try:
        if asked.columns:
            columns = read_columns_file(
                asked.columns, stages_for(database, settings.crm.stages_in_crm, dry_run=asked.dry_run)
            )
        source = Source(asked.file, columns.plan if columns else ColumnPlan(), asked.encoding, asked.delimiter)
        with _rejects_file(asked) as file, progress(asked.file.name) as told:
            report = _Report(asked, columns, file)
            result = import_customers(
                source,
                database,
                region=settings.region,
                staff=settings.pbx.staff,
                stages=settings.crm.stages_in_crm,
                dry_run=asked.dry_run,
                listener=Listener(report.found, told, report.rejected, cells=file is not None),
            )
    except ColumnsFileError as error:
        return _not_possible(*error.problems)
    except MissingColumns as error:
        return _not_possible(*_missing(error, asked.file, columns))
    except CsvUnreadable as error:
        return _not_possible(f"{asked.file}:{error.line}: {error}")
    except (sqlite3.Error, DatabaseUnusable, CrmUnavailable) as error:
        return _not_possible(str(error) if isinstance(error, CrmUnavailable) else f"{database}: {error}")
    except OSError as error:
        return _not_possible(f"{error.filename or asked.file}: {error.strerror or error}")
    report.end(result)
    return 1 if result.rejected else 0


@dataclass(slots=True)
class _Report:
    """What is said about an import: notices on stderr as it goes, the answer on stdout at its end."""

    asked: Wishes
    columns: ColumnsFile | None
    file: TextIO | None
    reasons: Counter[str] = field(default_factory=Counter)
    _rows: Any = None

    def found(self, found: Found) -> None:
        """How the file is written, and which of its columns are not read."""
        name = self.asked.file.name
        delimiter = {"\t": "tab"}.get(found.delimiter, found.delimiter)
        complain(f"{name}: {found.encoding.codec.upper()}, delimiter {delimiter}")
        if found.encoding.damaged:
            complain(f"{name}: {found.encoding.damaged} bytes are not UTF-8; rows with them are rejected")
        if self.columns and found.unread:
            complain(f"{name}: not read: {', '.join(header for header, _ in found.unread[:_SHOWN_COLUMNS])}")
        for header, hint in () if self.columns else found.unread[:_SHOWN_COLUMNS]:
            complain(f'{name}: unknown column "{header[:60]}" is not read{hint}')
        if self.file is not None:
            self._rows = csv.writer(self.file, delimiter=found.delimiter)
            self._rows.writerow(["line", "reason", *map(harmless, found.header)])

    def rejected(self, row: Rejected) -> None:
        """One row that was not taken."""
        self.reasons[row.reason.value] += 1
        if sum(self.reasons.values()) <= _SHOWN_REJECTS:
            complain(f"{self.asked.file}:{row.line}: {row.message}")
        if self._rows is not None:
            self._rows.writerow([row.line, *map(harmless, (row.message, *row.cells))])

    def end(self, result: ImportResult) -> None:
        """The counts."""
        if result.rejected > _SHOWN_REJECTS:
            where = f"{self.asked.rejects} has them all" if self.asked.rejects else "--rejects FILE.csv has them all"
            complain(f"… and {result.rejected - _SHOWN_REJECTS} more; {where}")
        for reason, count in self.reasons.most_common():
            complain(f"rejected: {count} {reason}")
        if self.asked.json:
            print(json.dumps({"dry_run": self.asked.dry_run} | asdict(result)))
            return
        for line in _in_words(result, dry_run=self.asked.dry_run):
            print(line)


def _in_words(result: ImportResult, *, dry_run: bool) -> Iterator[str]:
    verb = "would be imported" if dry_run else "imported"
    yield (
        f"{result.rows} rows {verb}, {result.rejected} rejected;"
        f" the CRM has {result.customers} customers and {result.deals} deals"
    )
    joined = f", {result.joined} joined with another" if result.joined else ""
    yield f"customers: {result.created} created, {result.updated} updated, {result.unchanged} unchanged{joined}"
    if result.renamed:
        yield f"{result.renamed} customers have several names in the file; the last one counts"
    if result.ambiguous:
        yield f"numbers that belong to several customers: {result.ambiguous}"
    if result.dropped:
        yield f"{result.dropped} internal numbers left out"


def _missing(error: MissingColumns, file: Path, columns: ColumnsFile | None) -> Iterator[str]:
    for ours, theirs, hint in error.missing:
        if columns is None:
            yield f'{file}:1: the column "{theirs}" is missing{hint}'
        else:
            place = at(columns, ours, theirs)
            yield f'{columns.path}:{place.line}:{place.column}: {file.name} has no column "{theirs}"{hint}'
    if columns is None:
        yield "a file that calls its columns otherwise needs --columns FILE.yaml, which says how"


@contextmanager
def _rejects_file(asked: Wishes) -> Iterator[TextIO | None]:
    """The file for rejected rows, for its owner's eyes only; with the mark that tells spreadsheets it is UTF-8."""
    if asked.rejects is None:
        yield None
        return
    if asked.rejects.exists() and asked.file.exists() and asked.rejects.samefile(asked.file):
        raise OSError(0, "is the file to import", str(asked.rejects))
    descriptor = os.open(asked.rejects, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8-sig", errors="backslashreplace", newline="") as file:
        yield file


def _encoding(text: str) -> str:
    try:
        codec = codecs.lookup(text)
    except (LookupError, ValueError):
        codec = None
    # bytes to bytes and text to text codecs are codecs, too
    if codec is None or not getattr(codec, "_is_text_encoding", True):
        raise argparse.ArgumentTypeError(f"{printable(text)!r} is no encoding that is known here")
    return codec.name


def _delimiter(text: str) -> str:
    if text not in _DELIMITERS:
        raise argparse.ArgumentTypeError("one of , ; | tab")
    return _DELIMITERS[text]


def _not_possible(*lines: str) -> int:
    for line in lines:
        complain(line)
    return 2


def complain(message: str) -> None:
    """One line on stderr that cannot steer the terminal."""
    print(printable(message), file=sys.stderr)
