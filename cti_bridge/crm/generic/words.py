"""What a CRM answered, by the expressions of the settings, as customers, deals, stages and notes. Pure.

Only what must be there makes an answer useless: that there is a list at all, and the ids in it. A CRM that answers
something else than usual (an error with HTTP 200, a new version) is then out of order, and not one that knows nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from cti_bridge.crm.generic.expressions import Expression, Unreadable
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.crm.received import amount_of, id_of, lines_of, text_of, texts_of, time_of, yes_of
from cti_bridge.domain.customer import Customer, Deal, Note, Stage, StageList
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber, parse_number

MOST_CUSTOMERS = 50
"""Of one number; nobody has that many, but a broken CRM could."""
MOST_DEALS = 500
_MOST_NUMBERS = 50
"""Of one customer; each takes time to be read."""
_MOST_DEAL_IDS = 100
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
class Found:
    """Somebody in an answer, with the deals that are in it, and what others are to be asked for by."""

    customer: Customer
    deals: tuple[Deal, ...]
    deal_ids: list[str]


@dataclass(frozen=True, slots=True)
class Translation:
    """From the CRM's words to ours: its values, how its times are written, the region of its numbers.

    `zone` is that of times without an offset; `time_format` is for times that are not ISO 8601.
    """

    values: Values
    zone: tzinfo = UTC
    region: str = "RU"
    time_format: str = ""

    def people(self, items: list[Item], number: CallerNumber, deals: Reading | None) -> list[Found]:
        """Those of an answer who have this number, as far as it tells who has which: a CRM may find what is alike.

        Raises CrmUnavailable when nobody in it has any number: it was found by one, so it tells of them otherwise now.
        """
        numbers = [self._numbers(item) for item in items]
        if not items or "numbers" not in items[0].reading.fields:
            return [self._found(item, his, deals) for item, his in zip(items, numbers, strict=True)]
        if not any(numbers):
            raise CrmUnavailable("`numbers` finds nothing in any of the customers of its answer")
        return [
            self._found(item, his, deals)
            for item, his in zip(items, numbers, strict=True)
            if number.key in {one.key for one in his}
        ]

    def _found(self, item: Item, numbers: list[CallerNumber], deals: Reading | None) -> Found:
        ids = item.get("deal_ids")
        read = [id_of(one) for one in (ids if isinstance(ids, list) else [ids])[:_MOST_DEAL_IDS]]
        return Found(
            self._customer(item, numbers),
            tuple(map(self.deal, deals.all(item.said, MOST_DEALS))) if deals else (),
            [one for one in read if one is not None],
        )

    def _customer(self, item: Item, numbers: list[CallerNumber]) -> Customer:
        return Customer(
            id=CustomerId(item.id()),
            name=text_of(item.get("name")),
            numbers=tuple(sorted({number.e164 for number in numbers if number.e164})),
            email=text_of(item.get("email")),
            city=self._worded(item, "city"),
            timezone=text_of(item.get("timezone")),
            segment=self._worded(item, "segment"),
            preferred_channel=self._worded(item, "preferred_channel"),
            responsible=self._worded(item, "responsible"),
            last_contact_at=self._time(item, "last_contact_at"),
        )

    def deal(self, item: Item) -> Deal:
        """One deal; without a stage it is in none. Raises CrmUnavailable when it has no id."""
        return Deal(
            id=DealId(item.id()),
            title=text_of(item.get("title")),
            stage=self._worded(item, "stage"),
            amount=amount_of(item.get("amount")),
            responsible=self._worded(item, "responsible"),
            changed_at=self._time(item, "changed_at"),
        )

    def stages(self, items: list[Item]) -> StageList:
        """The stages; without an order of their own they are in that of the answer."""
        stages: dict[str, Stage] = {}
        for index, item in enumerate(items[:_MOST_STAGES]):
            theirs = item.id()
            ours = self.values.get("stage", {}).get(theirs, theirs)
            order = item.get("order")
            ordered = int(order) if isinstance(order, int | float) and abs(order) < 10**9 else index
            stages[ours] = Stage(ours, text_of(item.get("name")) or ours, ordered, yes_of(item.get("final")))
        if not stages:
            raise CrmUnavailable("its answer has no stages")
        return StageList(tuple(sorted(stages.values(), key=lambda stage: stage.order)))

    def note(self, item: Item) -> Note | None:
        """One note; None for one without text or time."""
        at, text = self._time(item, "at"), lines_of(item.get("text"))
        return Note(at, text_of(item.get("author")), text) if at and text else None

    def _time(self, item: Item, field: str) -> datetime | None:
        return time_of(item.get(field), self.zone, self.time_format)

    def _worded(self, item: Item, field: str) -> str:
        theirs = text_of(item.get(field))
        return self.values.get(field, {}).get(theirs, theirs)

    def _numbers(self, item: Item) -> list[CallerNumber]:
        written = [
            part for text in texts_of(item.get("numbers")) for part in text.translate(_BETWEEN_NUMBERS).split(",")
        ]
        given = [part for part in written if part.strip()]
        return [parse_number(part, region=self.region) for part in given[:_MOST_NUMBERS]]


def _found(expression: Expression, answer: Any, what: str) -> Any:
    try:
        return expression.of(answer)
    except Unreadable:
        raise CrmUnavailable(f"`{what}` cannot be worked out on its answer") from None
