"""Which column of somebody's CSV file means what to us."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from cti_bridge.crm.embedded.csv_file import CsvUnreadable

NUMBER_COLUMNS = ("number", "number2", "number3")
CELL_COLUMNS = ("email", "city", "timezone", "segment", "preferred_channel", "responsible")
"""What is kept of a customer as it is."""
DEAL_COLUMNS = ("deal_id", "deal_title", "stage", "amount")
COLUMNS = ("customer_id", "name", *NUMBER_COLUMNS, *CELL_COLUMNS, *DEAL_COLUMNS, "changed_at", "note")
"""Every column there is."""
REQUIRED = ("name", "number")
SEVERAL = ("name", "number")
"""Ours that may be made of several of theirs: a name is put together, each number counts."""
NAMED_VALUES = ("stage", "segment", "preferred_channel", "responsible", "timezone", "city")
"""Ours whose values may have other names in their file."""


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """How a file is read. `headers` are theirs for each of ours; where there are none, they have our own names.

    `values` are ours for theirs, by column (theirs folded). `dates` are formats as of `strptime`; without any, ISO
    8601 is expected. `zone` is that of times without an offset. `decimal` is the decimal sign, empty for either.
    """

    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dates: tuple[str, ...] = ()
    zone: tzinfo = UTC
    decimal: str = ""

    def recognises(self, header: str) -> bool:
        """Whether a header of the file is one that is looked for."""
        return folded(header) in self._wanted()

    def _wanted(self) -> set[str]:
        return {folded(theirs) for headers in (self.headers or _OWN_NAMES).values() for theirs in headers}


_OWN_NAMES = {column: (column,) for column in COLUMNS}


class MissingColumns(CsvUnreadable):
    """The file lacks columns: pairs of ours and their header, with a hint each."""

    def __init__(self, missing: Sequence[tuple[str, str, str]]) -> None:
        super().__init__(1, "; ".join(f'the column "{theirs}" is missing{hint}' for _, theirs, hint in missing))
        self.missing = tuple(missing)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where in a row everything is. `numbers` and `cells` go with the names of our columns, in our order."""

    width: int
    place: Mapping[str, int]
    name: tuple[int, ...]
    numbers: tuple[tuple[str, int], ...]
    cells: tuple[tuple[str, int], ...]
    unread: tuple[tuple[str, str], ...]
    """Headers that mean nothing to us, each with a hint."""


def folded(text: str) -> str:
    """A header or value as it is compared: letters of any size, spaces of any number."""
    return " ".join(text.split()).casefold()


def lay_out(header: Sequence[str], plan: ColumnPlan) -> Layout:
    """Find the planned columns in a header. Raises MissingColumns or CsvUnreadable."""
    theirs = [folded(cell) for cell in header]
    headers = plan.headers or {ours: (ours,) for ours in COLUMNS if ours in theirs or ours in REQUIRED}
    wanted = {folded(name) for names in headers.values() for name in names}
    for name in wanted:
        if theirs.count(name) > 1:
            raise CsvUnreadable(1, f'the column "{name}" is there twice')
    strange = [cell for cell, name in zip(header, theirs, strict=True) if name not in wanted]
    missing = [
        (ours, name, did_you_mean(name, strange)) for ours, names in headers.items() for name in names
        if folded(name) not in theirs
    ]  # fmt: skip
    if missing:
        raise MissingColumns(missing)
    places = {ours: tuple(theirs.index(folded(name)) for name in names) for ours, names in headers.items()}
    return Layout(
        width=len(header),
        place={ours: found[0] for ours, found in places.items() if ours not in SEVERAL},
        name=places["name"],
        numbers=tuple((ours, index) for ours in NUMBER_COLUMNS for index in places.get(ours, ())),
        cells=tuple((ours, places[ours][0]) for ours in CELL_COLUMNS if ours in places),
        unread=tuple(
            (cell, "" if plan.headers else did_you_mean(cell, set(COLUMNS) - wanted))
            for cell, name in zip(header, theirs, strict=True)
            if name and name not in wanted
        ),
    )


def did_you_mean(word: str, known: "Sequence[str] | set[str]") -> str:
    """` (did you mean "…"?)` where a known word is close to this one, else nothing."""
    by_folded = {folded(name): name for name in known}
    close = difflib.get_close_matches(folded(word)[:60], sorted(by_folded), n=1, cutoff=0.6)
    return f' (did you mean "{by_folded[close[0]]}"?)' if close else ""
