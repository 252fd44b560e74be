"""customers.csv: its columns, and one row of it as values that were checked.

UTF-8 with or without a byte order mark, `,` or `;` between the cells (the header shows which), columns in any order,
a row per deal. A row that says something impossible is rejected with its line number; the others count.
"""

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TextIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cti_bridge.domain.customer import StageList
from cti_bridge.domain.number import NumberKind, mask, parse_number

COLUMNS = (
    "customer_id", "name", "number", "number2", "number3", "email", "city", "timezone", "segment",
    "preferred_channel", "responsible", "deal_id", "deal_title", "stage", "amount", "changed_at", "note",
)  # fmt: skip
"""Every column there is."""
REQUIRED = ("name", "number")
_DEAL_COLUMNS = ("deal_id", "deal_title", "stage", "amount")
_NUMBER_COLUMNS = ("number", "number2", "number3")

_MAX_LINE = 1024 * 1024
_MAX_ID = 128
_MAX_TEXT = 200
_MAX_NOTE = 4000
_UNDECODABLE = re.compile("[\udc80-\udcff]")
_AMOUNT = re.compile(r"\d{1,15}(?:[.,]\d{1,2})?")


class CsvUnreadable(Exception):
    """The file as a whole cannot be used; `line` is where, 0 for nowhere in particular."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken: the line it starts in and why, without names and whole numbers."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class DealCells:
    """The deal of a row; `id` is empty where the file has none."""

    id: str
    title: str
    stage: str
    amount: str | None
    responsible: str
    changed_at: str | None


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One good row. `numbers` are pairs of E.164 and the text of the file, `changed_at` is UTC in ISO 8601.

    `cells` has the customer's own texts by column, only of columns that the file has.
    """

    line: int
    customer_id: str
    name: str
    numbers: tuple[tuple[str, str], ...]
    cells: Mapping[str, str]
    deal: DealCells | None
    changed_at: str | None
    note: str


class _Bad(Exception):
    """A cell that makes its row impossible."""


@dataclass(frozen=True, slots=True)
class Table:
    """An open customers.csv whose header was understood; `lines` are those below it."""

    columns: tuple[str, ...]
    delimiter: str
    lines: Iterator[str]


def read_header(file: TextIO) -> Table:
    """The columns of a file opened with `newline=""`, `errors="surrogateescape"`. Raises CsvUnreadable."""
    lines = _bounded_lines(file)
    header = next(lines, "").removeprefix("\ufeff")
    delimiter = ";" if ";" in header else ","
    return Table(_columns(header, delimiter), delimiter, lines)


def read_rows(table: Table, *, region: str, stages: StageList) -> Iterator[CustomerRow | Rejected]:
    """The rows, good and bad, in order; national numbers are from `region`. Raises CsvUnreadable on the way."""
    reader = csv.reader(table.lines, delimiter=table.delimiter)
    while True:
        line = reader.line_num + 2  # the header is a line too, and a row starts behind the last line read
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Rejected(line, f"cannot be split into cells ({error}); is a quote left open?")
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield _row(line, cells, table.columns, region, stages)


def _bounded_lines(file: TextIO) -> Iterator[str]:
    number = 0
    while line := file.readline(_MAX_LINE):
        number += 1
        if len(line) == _MAX_LINE and not line.endswith("\n"):
            raise CsvUnreadable(number, f"line of more than {_MAX_LINE} characters")
        yield line


def _columns(header: str, delimiter: str) -> tuple[str, ...]:
    try:
        cells = next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error as error:
        raise CsvUnreadable(1, f"the header cannot be split into columns ({error})") from error
    columns = tuple(cell.strip().lower() for cell in cells)
    for column in columns:
        if column not in COLUMNS:
            raise CsvUnreadable(1, f'unknown column "{_excerpt(column)}" (known: {", ".join(COLUMNS)})')
        if columns.count(column) > 1:
            raise CsvUnreadable(1, f'the column "{column}" is there twice')
    for column in REQUIRED:
        if column not in columns:
            raise CsvUnreadable(1, f'the column "{column}" is missing')
    return columns


def _row(
    line: int, cells: list[str], columns: tuple[str, ...], region: str, stages: StageList
) -> CustomerRow | Rejected:
    try:
        if any(cell.strip() for cell in cells[len(columns) :]):
            raise _Bad(f"{len(cells)} cells, but the header has {len(columns)} columns")
        if _UNDECODABLE.search("".join(cells)):
            raise _Bad("is not UTF-8")
        return _checked(line, dict(zip(columns, cells, strict=False)), columns, region, stages)
    except _Bad as bad:
        return Rejected(line, str(bad))


def _checked(line: int, raw: dict[str, str], columns: tuple[str, ...], region: str, stages: StageList) -> CustomerRow:
    texts = {column: _text(raw.get(column, "")) for column in columns if column != "note"}
    name = texts["name"][:_MAX_TEXT]
    if not name:
        raise _Bad("the name is empty")
    if not texts["number"]:
        raise _Bad("the number is empty")
    for column in ("customer_id", "deal_id"):
        if len(texts.get(column, "")) > _MAX_ID:
            raise _Bad(f"{column} has more than {_MAX_ID} characters")
    zone = texts.get("timezone", "")
    if zone and not _is_timezone(zone):
        raise _Bad(f'unknown timezone "{_excerpt(zone)}" (an IANA name such as Europe/Moscow is expected)')
    changed_at = _instant(texts.get("changed_at", ""))
    numbers = {_e164(column, texts[column], region): texts[column] for column in _NUMBER_COLUMNS if texts.get(column)}
    return CustomerRow(
        line=line,
        customer_id=texts.get("customer_id", ""),
        name=name,
        numbers=tuple(numbers.items()),
        cells={
            column: texts[column][:_MAX_TEXT]
            for column in ("email", "city", "timezone", "segment", "preferred_channel", "responsible")
            if column in texts
        },
        deal=_deal(texts, changed_at, stages),
        changed_at=changed_at,
        note=_text(raw.get("note", ""), keep_lines=True)[:_MAX_NOTE],
    )


def _deal(texts: dict[str, str], changed_at: str | None, stages: StageList) -> DealCells | None:
    if not any(texts.get(column) for column in _DEAL_COLUMNS):
        return None
    stage = texts.get("stage", "")
    if not stage:
        raise _Bad("a deal without a stage")
    if stages.get(stage) is None:
        known = ", ".join(entry.id for entry in stages.stages)
        raise _Bad(f'unknown stage "{_excerpt(stage)}" (known: {known})')
    return DealCells(
        id=texts.get("deal_id", ""),
        title=texts.get("deal_title", "")[:_MAX_TEXT],
        stage=stage,
        amount=_amount(texts.get("amount", "")),
        responsible=texts.get("responsible", "")[:_MAX_TEXT],
        changed_at=changed_at,
    )


def _text(cell: str, *, keep_lines: bool = False) -> str:
    """The cell on one line (or its own lines), without what cannot be seen or would turn the text around it."""
    if keep_lines and "\n" in cell:
        lines = (_text(line) for line in cell.splitlines())
        return "\n".join(line for line in lines if line)
    if not cell.isprintable():
        cell = "".join(
            " " if character.isspace() else character
            for character in cell
            if character.isspace() or unicodedata.category(character)[0] != "C"
        )
    return " ".join(cell.split())


def _e164(column: str, text: str, region: str) -> str:
    number = parse_number(text, region=region)
    if number.kind is not NumberKind.EXTERNAL or number.e164 is None:
        raise _Bad(f'{column} "{mask(text)}" is no telephone number of {region} or, with +, of the world')
    return number.e164


def _amount(text: str) -> str | None:
    """The amount as plain decimal text: `1 250 000,50` is `1250000.50`."""
    if not text:
        return None
    compact = text.replace(" ", "")
    if not (compact.isascii() and _AMOUNT.fullmatch(compact)):
        raise _Bad(f'amount "{_excerpt(text)}" is no sum of money (such as 125000 or 125000.50)')
    return str(Decimal(compact.replace(",", ".")))


def _instant(text: str) -> str | None:
    """The time in UTC; without an offset it is taken for UTC."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
        instant = instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise _Bad(f'changed_at "{_excerpt(text)}" is no time (such as 2026-11-20 or 2026-11-20T14:05+03:00)') from None
    return instant.isoformat(timespec="seconds")


@lru_cache(maxsize=1024)
def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _excerpt(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
