"""What the admin's queries give: rows become customers with deals, stages, notes and calls. Pure."""

from collections.abc import Sequence
from datetime import tzinfo
from itertools import islice
from typing import Any

from cti_bridge.crm.received import lines_of, numbers_in, text_of
from cti_bridge.crm.sql import cells
from cti_bridge.crm.sql.words import NUMBER_COLUMNS, Row
from cti_bridge.domain.customer import Customer, CustomerRecord, Deal, FinishedCall, Note, Stage, StageList
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber, parse_number

_MOST_NUMBERS = 200
"""Of one customer; each takes time to be read."""


def records(rows: Sequence[Row], number: CallerNumber, *, region: str, zone: tzinfo) -> tuple[CustomerRecord, ...]:
    """One record for each customer, whose rows repeat him for each of his deals and numbers.

    Where the rows have numbers, only customers are kept of whom one is the caller's: a query may compare endings.
    """
    by_customer: dict[str, list[Row]] = {}
    for row in rows:
        if customer_id := cells.text(row.get("customer_id")):
            by_customer.setdefault(customer_id, []).append(row)
    found = []
    for customer_id, own in by_customer.items():
        numbers = _numbers(own, number, region)
        if number.key in numbers:
            found.append(CustomerRecord(_customer(customer_id, own[0], numbers, zone), _deals(own, zone)))
    return tuple(found)


def stage_list(rows: Sequence[Row]) -> StageList:
    """The stages in order. Raises ValueError where it is not said whether a stage is final."""
    stages = []
    for row in rows:
        final = cells.yes(row["final"])
        if final is None:
            raise ValueError(
                "the column final says neither yes nor no, as true and false or 1 and 0 do; "
                "a comparison does, too: column = 'value' AS final"
            )
        stages.append(Stage(_shown(row["id"]), _shown(row["name"]), cells.whole(row["position"]), final))
    return StageList(tuple(sorted(stages, key=lambda stage: (stage.order, stage.id))))


def note_list(rows: Sequence[Row], zone: tzinfo) -> tuple[Note, ...]:
    """The notes as they came, without those that have no time."""
    return tuple(
        Note(at, _shown(row.get("author")), lines_of(cells.text(row["text"])))
        for row in rows
        if (at := cells.instant(row["at"], zone)) is not None
    )


def call_list(rows: Sequence[Row], customer_id: CustomerId, zone: tzinfo) -> tuple[FinishedCall, ...]:
    """The calls as they came, without those that are not over."""
    calls = []
    for row in rows:
        started_at, ended_at = cells.instant(row["started_at"], zone), cells.instant(row["ended_at"], zone)
        if started_at is None or ended_at is None:
            continue
        calls.append(
            FinishedCall(
                key=cells.text(row["call_key"]),
                customer_id=customer_id,
                started_at=started_at,
                answered_at=cells.instant(row.get("answered_at"), zone),
                ended_at=ended_at,
                queue=_shown(row.get("queue")),
                user=_shown(row.get("crm_user")),
                outcome=_shown(row.get("outcome")),
                direction=cells.text(row.get("direction")) or "inbound",
            )
        )
    return tuple(calls)


def _numbers(rows: Sequence[Row], caller: CallerNumber, region: str) -> tuple[str, ...]:
    """A customer's numbers in the form in which they are compared; the caller's where the rows have none at all.

    But not what holds letters: compared with a column of numbers, MySQL takes that for what it begins with, or for 0.
    """
    key = caller.key or ""
    typed = [cells.text(row[column]) for row in rows for column in NUMBER_COLUMNS if column in row]
    if not any(column in rows[0] for column in NUMBER_COLUMNS):
        return (key,) if key.removeprefix("+").isdecimal() else ()
    told = islice((one for text in dict.fromkeys(typed) for one in numbers_in(text)), _MOST_NUMBERS)
    keys = (parse_number(text, region=region).key for text in told)
    return tuple(dict.fromkeys(key for key in keys if key))


def _customer(customer_id: str, row: Row, numbers: tuple[str, ...], zone: tzinfo) -> Customer:
    return Customer(
        id=CustomerId(customer_id),
        name=_shown(row.get("name")),
        numbers=numbers,
        email=_shown(row.get("email")),
        city=_shown(row.get("city")),
        timezone=_shown(row.get("timezone")),
        segment=_shown(row.get("segment")),
        preferred_channel=_shown(row.get("preferred_channel")),
        responsible=_shown(row.get("responsible")),
        last_contact_at=cells.instant(row.get("last_contact_at"), zone),
    )


def _deals(rows: Sequence[Row], zone: tzinfo) -> tuple[Deal, ...]:
    deals: dict[str, Deal] = {}
    for row in rows:
        deal_id = cells.text(row.get("deal_id"))
        if deal_id and deal_id not in deals:
            deals[deal_id] = Deal(
                id=DealId(deal_id),
                title=_shown(row.get("deal_title")),
                stage=_shown(row.get("stage")),
                amount=cells.amount(row.get("amount")),
                responsible=_shown(row.get("deal_responsible", row.get("responsible"))),
                changed_at=cells.instant(row.get("changed_at"), zone),
            )
    return tuple(deals.values())


def _shown(cell: Any) -> str:
    """A cell as one line of bounded length, without what cannot be seen."""
    return text_of(cells.text(cell))
