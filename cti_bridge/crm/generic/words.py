"""What a CRM answered, by the expressions of the settings, as customers, deals, stages and notes. Pure.

Only what must be there makes an answer useless: that there is a list at all, and the ids in it. A CRM that answers
something else than usual (an error with HTTP 200, a new version) is then out of order, and not one that knows nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from cti_bridge.crm.generic.expressions import Expression, Unreadable
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.crm.received import amount_of, id_of, lines_of, text_of, texts_of, time_of
from cti_bridge.domain.customer import Customer, Deal, Note, Stage, StageList
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber, parse_number

MOST_CUSTOMERS = 50
"""Of one number; nobody has that many, but a broken CRM could."""
MOST_DEALS = 500
_MOST_STAGES = 200
_BETWEEN_NUMBERS = str.maketrans(";/|\n", ",,,,")

Values = Mapping[str, Mapping[str, str]]
"""Theirs → ours, by the field that it is about."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How one kind of thing is read: where the list of them is, and which expression finds each field of one."""

    what: str
    """The key of the settings that says where the list is, for messages."""
    items: Expression
    fields: Mapping[str, Expression]

    def all(self, answer: Any, most: int) -> list["Item"]:
        """The things in an answer; one alone counts as a list. Raises CrmUnavailable when there is no list."""
        found = _found(self.items, answer, self.what)
        if isinstance(found, dict):
            found = [found]
        if not isinstance(found, list):
            kind = "nothing" if found is None else "something else"
            raise CrmUnavailable(f"`{self.what}` finds {kind} in its answer, and no list")
        return [Item(self, one) for one in found[:most]]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of an answer."""

    reading: Reading
    said: Any

    def get(self, field: str) -> Any:
        """What it says of this field; None where nothing is configured or found."""
        expression = self.reading.fields.get(field)
        return None if expression is None else _found(expression, self.said, f"{self.reading.what}: {field}")

    def id(self) -> str:
        """Its id. Raises CrmUnavailable without one."""
        found = id_of(self.get("id"))
        if found is None:
            raise CrmUnavailable(f"one of `{self.reading.what}` in its answer has no id")
        return found


@dataclass(frozen=True, slots=True)
class Translation:
    """From the CRM's words to ours: its values, the zone of its times without an offset, the region of its numbers."""

    values: Values
    zone: tzinfo = UTC
    region: str = "RU"

    def customer(self, item: Item) -> Customer:
        """One customer. Raises CrmUnavailable when he has no id."""
        return Customer(
            id=CustomerId(item.id()),
            name=text_of(item.get("name")),
            numbers=tuple(sorted({number.e164 for number in self._numbers(item) if number.e164})),
            email=text_of(item.get("email")),
            city=self._worded(item, "city"),
            timezone=text_of(item.get("timezone")),
            segment=self._worded(item, "segment"),
            preferred_channel=self._worded(item, "preferred_channel"),
            responsible=self._worded(item, "responsible"),
            last_contact_at=time_of(item.get("last_contact_at"), self.zone),
        )

    def has_number(self, item: Item, number: CallerNumber) -> bool:
        """Whether he has exactly this number, as far as it is told which he has: a CRM may find what is only alike."""
        if "numbers" not in item.reading.fields:
            return True
        return number.key in {stored.key for stored in self._numbers(item)}

    def deal(self, item: Item) -> Deal:
        """One deal; without a stage it is in none. Raises CrmUnavailable when it has no id."""
        return Deal(
            id=DealId(item.id()),
            title=text_of(item.get("title")),
            stage=self._worded(item, "stage"),
            amount=amount_of(item.get("amount")),
            responsible=self._worded(item, "responsible"),
            changed_at=time_of(item.get("changed_at"), self.zone),
        )

    def stages(self, items: list[Item]) -> StageList:
        """The stages; without an order of their own they are in that of the answer."""
        stages: dict[str, Stage] = {}
        for index, item in enumerate(items[:_MOST_STAGES]):
            theirs = item.id()
            ours = self.values.get("stage", {}).get(theirs, theirs)
            order = item.get("order")
            ordered = int(order) if isinstance(order, int | float) and abs(order) < 10**9 else index
            stages[ours] = Stage(ours, text_of(item.get("name")) or ours, ordered, item.get("final") is True)
        if not stages:
            raise CrmUnavailable("its answer has no stages")
        return StageList(tuple(sorted(stages.values(), key=lambda stage: stage.order)))

    def note(self, item: Item) -> Note | None:
        """One note; None for one without text or time."""
        at, text = time_of(item.get("at"), self.zone), lines_of(item.get("text"))
        return Note(at, text_of(item.get("author")), text) if at and text else None

    def _worded(self, item: Item, field: str) -> str:
        theirs = text_of(item.get(field))
        return self.values.get(field, {}).get(theirs, theirs)

    def _numbers(self, item: Item) -> list[CallerNumber]:
        written = [
            part for text in texts_of(item.get("numbers")) for part in text.translate(_BETWEEN_NUMBERS).split(",")
        ]
        return [parse_number(part, region=self.region) for part in written if part.strip()]


def _found(expression: Expression, answer: Any, what: str) -> Any:
    try:
        return expression.of(answer)
    except Unreadable:
        raise CrmUnavailable(f"`{what}` cannot be worked out on its answer") from None
