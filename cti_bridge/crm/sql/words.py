"""The words between the admin's queries and us: what they are for, their parameters and their columns. Pure.

A column that is not named here is left out; the names of columns are compared in lower case.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from cti_bridge.domain.call_report import CallMoment

Value = str | int | datetime | None
"""What a parameter stands for; a time is aware."""
Values = Mapping[str, Value]
Row = Mapping[str, Any]
"""A row by its columns' names in lower case."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reading query gave: the names of its columns as the database writes them, and its rows."""

    columns: tuple[str, ...]
    rows: tuple[Sequence[Any], ...]

    def by_name(self) -> list[Row]:
        """The rows; of two columns with one name the last one counts, so `misread` goes before."""
        names = [column.lower() for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


class Purpose(StrEnum):
    """What a query is for; the words are those of the settings."""

    FIND = "find"
    STAGES = "stages"
    NOTES = "notes"
    CALLS = "calls"
    CREATE = "create"
    UPDATE = "update"
    ADD_NOTE = "add_note"
    REPORT_STARTED = "report_started"
    REPORT_ANSWERED = "report_answered"
    REPORT_ENDED = "report_ended"
    REPORT_UPDATED = "report_updated"


REPORTS = {
    CallMoment.STARTED: Purpose.REPORT_STARTED,
    CallMoment.ANSWERED: Purpose.REPORT_ANSWERED,
    CallMoment.ENDED: Purpose.REPORT_ENDED,
    CallMoment.UPDATED: Purpose.REPORT_UPDATED,
}
READING = (Purpose.FIND, Purpose.STAGES, Purpose.NOTES, Purpose.CALLS)
"""Queries that change nothing; all others do."""

_NUMBER = ("e164", "digits", "last10")
_OF_A_CALL = frozenset(
    {
        *("id", "key", "moment", "direction", "number", *_NUMBER, "did", "customer_id", "user", "queue", "outcome"),
        *("started_at", "answered_at", "ended_at", "talked_s", "recording", "recordings"),
    }
)
PARAMETERS: Mapping[Purpose, frozenset[str]] = {
    Purpose.FIND: frozenset({"number", *_NUMBER}),
    Purpose.STAGES: frozenset(),
    Purpose.NOTES: frozenset({"customer_id", "limit"}),
    Purpose.CALLS: frozenset({"customer_id", "limit"}),
    Purpose.CREATE: frozenset({"key", "name", "number", *_NUMBER, "email", "city", "responsible"}),
    Purpose.UPDATE: frozenset({"customer_id", "name", "email", "city", "segment", "preferred_channel", "responsible"}),
    Purpose.ADD_NOTE: frozenset({"key", "customer_id", "at", "author", "text"}),
    **dict.fromkeys(REPORTS.values(), _OF_A_CALL),
}

NUMBER_COLUMNS = ("number", "number2", "number3")
"""A customer's numbers, as they are stored."""
_FIND_NEEDS = frozenset({"customer_id", "name"})
_COLUMNS: Mapping[Purpose, frozenset[str]] = {
    Purpose.FIND: _FIND_NEEDS
    | {*NUMBER_COLUMNS, "email", "city", "timezone", "segment", "preferred_channel", "responsible"}
    | {"last_contact_at", "deal_id", "deal_title", "stage", "amount", "deal_responsible", "changed_at"},
    Purpose.STAGES: frozenset({"id", "name", "position", "final"}),
    Purpose.NOTES: frozenset({"at", "author", "text"}),
    Purpose.CALLS: frozenset(
        {"call_key", "started_at", "answered_at", "ended_at", "queue", "crm_user", "outcome", "direction"}
    ),
}
_NEEDED: Mapping[Purpose, frozenset[str]] = {
    Purpose.FIND: _FIND_NEEDS,
    Purpose.STAGES: frozenset({"id", "name", "position", "final"}),
    Purpose.NOTES: frozenset({"at", "text"}),
    Purpose.CALLS: frozenset({"call_key", "started_at", "ended_at"}),
}
DEAL_COLUMNS = frozenset({"deal_id", "stage"})
"""Without both of them there are no deals."""


def misread(purpose: Purpose, columns: Sequence[str]) -> str:
    """What is wrong with the columns that a reading query gives, empty when nothing is."""
    names = [column.lower() for column in columns]
    twice = sorted(name for name in _COLUMNS[purpose] if names.count(name) > 1)
    if twice:
        return f"it gives the column {twice[0]} twice"
    missing = sorted(_NEEDED[purpose] - {*names})
    if purpose is Purpose.FIND and DEAL_COLUMNS & {*names}:
        missing += sorted(DEAL_COLUMNS - {*names})
    return f"it gives no column {', '.join(missing)}" if missing else ""


_SAMPLE_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_TIMES = frozenset({"at", "started_at", "answered_at", "ended_at"})
_COUNTS = frozenset({"limit", "talked_s"})


def sample(purpose: Purpose) -> Values:
    """Values of the right kind that mean nobody and nothing, for having a query looked at."""
    return {name: _SAMPLE_TIME if name in _TIMES else 1 if name in _COUNTS else "0" for name in PARAMETERS[purpose]}


def has_deals(columns: Collection[str]) -> bool:
    """Whether `find` gives deals."""
    return {column.lower() for column in columns} >= DEAL_COLUMNS


def has_responsible(columns: Collection[str]) -> bool:
    """Whether `find` gives who is responsible."""
    return bool({column.lower() for column in columns} & {"responsible", "deal_responsible"})
