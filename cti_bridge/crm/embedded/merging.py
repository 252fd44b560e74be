"""What a customer is according to the rows of a file, and what has to be written so that the CRM says the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cti_bridge.crm.embedded.columns import CELL_COLUMNS
from cti_bridge.crm.embedded.staging import CELL_END, DERIVED, digest

Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """One customer as the file has him. `cells` are only those that the file has; deals are by id."""

    id: str
    name: str
    cells: Mapping[str, str]
    last_contact_at: str
    numbers: Mapping[str, str]
    deals: Mapping[str, Values]
    notes: Mapping[str, tuple[str, str]]
    renamed: bool


@dataclass(slots=True)
class Known:
    """What the CRM has of the customers of one batch, and of the deals that the file names."""

    customers: dict[str, Values] = field(default_factory=dict)
    numbers: dict[str, dict[str, str]] = field(default_factory=dict)
    deals: dict[str, Values] = field(default_factory=dict)
    own_deals: dict[str, list[str]] = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Changes:
    """Values for the statements of one batch."""

    customers: list[Values] = field(default_factory=list)
    numbers_gone: list[Values] = field(default_factory=list)
    numbers: list[Values] = field(default_factory=list)
    deals_gone: list[Values] = field(default_factory=list)
    deals: list[Values] = field(default_factory=list)
    notes: list[Values] = field(default_factory=list)

    def __len__(self) -> int:
        return (
            len(self.customers) + len(self.numbers_gone) + len(self.numbers) + len(self.deals_gone) + len(self.deals)
            + len(self.notes)
        )  # fmt: skip


def said(customer_id: str, rows: Sequence[Values], columns: Sequence[str]) -> Said:
    """The customer from his rows: the last name, of each column the last text that is not empty, all the rest."""
    cells = dict.fromkeys(columns, "")
    numbers: dict[str, str] = {}
    deals: dict[str, Values] = {}
    notes: dict[str, tuple[str, str]] = {}
    last_contact_at = ""
    titles: dict[str, dict[Values, int]] = {}
    for _, _, keys, texts, deal_id, deal, changed_at, note in rows:
        parts = keys.split(CELL_END)
        numbers.update(zip(parts[::2], parts[1::2], strict=True))
        for column, text in zip(columns, texts.split(CELL_END), strict=False):
            if text:
                cells[column] = text
        if deal is not None:
            title, stage, amount, responsible, at = deal.split(CELL_END)
            values = (customer_id, title, stage, amount or None, responsible, at or None)
            if not deal_id:  # told from the others by its title, and those of one title by their order
                alike = titles.setdefault(title, {})
                deal_id = DERIVED + digest(customer_id, title, str(alike.setdefault(values, len(alike))))  # noqa: PLW2901
            deals[deal_id] = values
        if note:
            notes[note_id(customer_id, note)] = (changed_at or "", note)
        if changed_at and changed_at > last_contact_at:
            last_contact_at = changed_at
    name = rows[-1][1]
    renamed = len(rows) > 1 and any(row[1] != name for row in rows)
    return Said(customer_id, name, cells, last_contact_at, numbers, deals, notes, renamed)


def note_id(customer_id: str, text: str) -> str:
    """The id of a note from a file: the same text on the same customer is the same note."""
    return digest(customer_id, text)


def compare(file: Said, known: Known, changes: Changes, now: str) -> None:
    """Add to `changes` what has to be written so that the CRM has this customer as the file has him."""
    before = known.customers.get(file.id)
    cells = [file.cells.get(column, before[2 + n] if before else "") for n, column in enumerate(CELL_COLUMNS)]
    last_contact_at = max(file.last_contact_at, (before[-1] or "") if before else "") or None
    customer = (file.id, file.name, *cells, last_contact_at)
    if customer != before:
        changes.customers.append(customer)
    numbers = known.numbers.get(file.id, {})
    if numbers != file.numbers:
        changes.numbers_gone += [(key, file.id) for key in numbers if key not in file.numbers]
        changes.numbers += [(key, file.id, raw) for key, raw in file.numbers.items() if numbers.get(key) != raw]
    changes.deals_gone += [
        (deal,) for deal in known.own_deals.get(file.id, ()) if deal.startswith(DERIVED) and deal not in file.deals
    ]
    changes.deals += [(id_, *deal) for id_, deal in file.deals.items() if known.deals.get(id_) != deal]
    changes.notes += [
        (id_, file.id, at or now, text) for id_, (at, text) in file.notes.items() if id_ not in known.notes
    ]
