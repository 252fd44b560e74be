"""One row of a customers' file as values that were checked.

A row that says something impossible is rejected with its line number and the reason; the others count.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from cti_bridge.crm.embedded.cells import amount, excerpt, instant, is_timezone, lines, text
from cti_bridge.crm.embedded.columns import ColumnPlan, Layout, folded
from cti_bridge.crm.embedded.csv_file import UNDECODABLE, CsvFile, Unsplittable
from cti_bridge.domain.customer import StageList
from cti_bridge.domain.number import CallerNumber, NumberKind, mask, parse_number
from cti_bridge.domain.staff import StaffNumbers

_MAX_ID = 128
_MAX_TEXT = 200
_MAX_NOTE = 4000
_SEVERAL_NUMBERS = re.compile(r"[,;/|\n]")


class Reason(StrEnum):
    """Why a row was not taken, in few words."""

    UNSPLITTABLE = "cannot be split into cells"
    ENCODING = "bytes that are no text"
    NAME = "no name"
    NUMBER = "no telephone number"
    STAFF = "only internal numbers"
    STAGE = "unknown stage"
    DEAL = "deal of another customer"
    CELL = "impossible cell"
    TOO_MANY = "too many rows of one customer"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken: the line it begins in and why, without names and whole numbers.

    `cells` are those of the file, where they were asked for.
    """

    line: int
    reason: Reason
    message: str
    cells: tuple[str, ...] = ()


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

    `cells` has the customer's own texts, in the order of the layout; `dropped` is how many numbers were internal.
    """

    line: int
    customer_id: str
    name: str
    numbers: tuple[tuple[str, str], ...]
    dropped: int
    cells: tuple[str, ...]
    deal: DealCells | None
    changed_at: str | None
    note: str


class _Bad(Exception):
    """A cell that makes its row impossible."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class RowReader:
    """Reads the rows of one file; national numbers are from `region`, those of `staff` are no customer's."""

    def __init__(
        self, layout: Layout, plan: ColumnPlan, *, region: str, stages: StageList, staff: StaffNumbers, encoding: str
    ) -> None:
        self._layout = layout
        self._plan = plan
        self._region = region
        self._stages = stages
        self._staff = staff
        self._encoding = encoding
        place = layout.place

        def index(column: str) -> int:
            """Where the column is; one that the file does not have is the last cell of all, which is always empty."""
            return place.get(column, -1)

        self._customer_id, self._zone, self._at, self._note = map(
            index, ("customer_id", "timezone", "changed_at", "note")
        )
        self._deal_id, self._title, self._stage, self._money, self._by = map(
            index, ("deal_id", "deal_title", "stage", "amount", "responsible")
        )
        self._cells = tuple(index for _, index in layout.cells)
        self._renamed = tuple((place[column], names) for column, names in plan.values.items() if column in place)
        # most cells repeat from row to row
        self._number: Callable[[str], CallerNumber] = lru_cache(maxsize=8192)(self._parsed)
        self._instant: Callable[[str], str] = lru_cache(maxsize=8192)(self._read_instant)
        self._amount: Callable[[str], str] = lru_cache(maxsize=8192)(self._read_amount)

    def rows(self, file: CsvFile) -> Iterator[CustomerRow | Rejected]:
        """The rows, good and bad, in order. Raises CsvUnreadable on the way."""
        for line, cells in file.rows():
            if isinstance(cells, Unsplittable):
                lost = f" (lines {line} to {cells.last_line} are lost)" if cells.last_line > line else ""
                message = f"cannot be split into cells ({cells.reason}); is a quote left open?{lost}"
                yield Rejected(line, Reason.UNSPLITTABLE, message)
                continue
            try:
                yield self._row(line, cells)
            except _Bad as bad:
                yield Rejected(line, bad.reason, str(bad))

    def _row(self, line: int, cells: list[str]) -> CustomerRow:
        texts = self._texts(cells)
        names = self._layout.name
        name = (texts[names[0]] if len(names) == 1 else text(" ".join(texts[index] for index in names)))[:_MAX_TEXT]
        if not name:
            raise _Bad(Reason.NAME, "the name is empty")
        customer_id = texts[self._customer_id]
        if len(customer_id) > _MAX_ID:
            raise _Bad(Reason.CELL, f"customer_id has more than {_MAX_ID} characters")
        zone = texts[self._zone]
        if zone and not is_timezone(zone):
            expected = "an IANA name such as Europe/Moscow is expected"
            raise _Bad(Reason.CELL, f'unknown timezone "{excerpt(zone)}" ({expected})')
        at = texts[self._at]
        changed_at = self._instant(at) if at else None
        numbers, dropped = self._numbers(cells, texts)
        return CustomerRow(
            line,
            customer_id,
            name,
            numbers,
            dropped,
            tuple([texts[index][:_MAX_TEXT] for index in self._cells]),
            self._deal(texts, changed_at),
            changed_at,
            lines(cells[self._note])[:_MAX_NOTE] if texts[self._note] else "",
        )

    def _texts(self, cells: list[str]) -> list[str]:
        """The cells as texts, and one more that is empty."""
        width = self._layout.width
        if len(cells) > width:
            if any(cell.strip() for cell in cells[width:]):
                raise _Bad(Reason.UNSPLITTABLE, f"{len(cells)} cells, but the header has {width} columns")
            del cells[width:]
        cells += [""] * (width + 1 - len(cells))
        joined = "".join(cells)
        if joined.isprintable():
            texts = [" ".join(cell.split()) if " " in cell else cell for cell in cells]
        else:
            if UNDECODABLE.search(joined):
                raise _Bad(Reason.ENCODING, f"is not {self._encoding.upper()}")
            texts = [text(cell) for cell in cells]
        for index, names in self._renamed:
            texts[index] = names.get(folded(texts[index]), texts[index])
        return texts

    def _numbers(self, cells: list[str], texts: list[str]) -> tuple[tuple[tuple[str, str], ...], int]:
        """The numbers of a row, each once, and how many there were of the house itself."""
        numbers: dict[str, str] = {}
        dropped = 0
        for column, index in self._layout.numbers:
            if not texts[index]:
                continue
            for one in self._each_number(cells[index], texts[index]):
                number = self._number(one)
                if number.e164 is not None and not self._staff.has(number):
                    numbers[number.e164] = one
                elif number.e164 is not None or number.kind is NumberKind.INTERNAL:
                    dropped += 1
                else:
                    where = f"{self._region} or, with +, of the world"
                    raise _Bad(Reason.NUMBER, f'{column} "{mask(one)}" is no telephone number of {where}')
        if not numbers and dropped:
            raise _Bad(Reason.STAFF, "no number but internal ones")
        if not numbers:
            raise _Bad(Reason.NUMBER, "the number is empty")
        return tuple(numbers.items()), dropped

    def _each_number(self, cell: str, whole: str) -> list[str]:
        """The numbers of one cell: several where each part is one by itself, so that `…, доб. 12` stays whole."""
        if _SEVERAL_NUMBERS.search(cell):
            parts = [part for part in map(text, _SEVERAL_NUMBERS.split(cell)) if part]
            if len(parts) > 1 and all(self._number(part).e164 is not None for part in parts):
                return parts
        return [whole]

    def _deal(self, texts: list[str], changed_at: str | None) -> DealCells | None:
        deal_id, title, stage, money = texts[self._deal_id], texts[self._title], texts[self._stage], texts[self._money]
        if not (deal_id or title or stage or money):
            return None
        if not stage:
            raise _Bad(Reason.STAGE, "a deal without a stage")
        if self._stages.get(stage) is None:
            known = ", ".join(entry.id for entry in self._stages.stages)
            raise _Bad(Reason.STAGE, f'unknown stage "{excerpt(stage)}" (known: {known})')
        if len(deal_id) > _MAX_ID:
            raise _Bad(Reason.CELL, f"deal_id has more than {_MAX_ID} characters")
        return DealCells(
            deal_id,
            title[:_MAX_TEXT],
            stage,
            self._amount(money) if money else None,
            texts[self._by][:_MAX_TEXT],
            changed_at,
        )

    def _parsed(self, number: str) -> CallerNumber:
        return parse_number(number, region=self._region)

    def _read_amount(self, cell: str) -> str:
        try:
            return amount(cell, self._plan.decimal)
        except ValueError:
            message = f'amount "{excerpt(cell)}" is no sum of money (such as 125000 or 125000.50)'
            raise _Bad(Reason.CELL, message) from None

    def _read_instant(self, cell: str) -> str:
        try:
            return instant(cell, self._plan.dates, self._plan.zone)
        except ValueError:
            known = " or ".join(self._plan.dates) or "such as 2026-11-20 or 2026-11-20T14:05+03:00"
            raise _Bad(Reason.CELL, f'changed_at "{excerpt(cell)}" is no time ({known})') from None
