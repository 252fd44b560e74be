"""Tryton's words for people, deals and notes, and ours: what to ask for, and what the answers mean. Pure.

An answer is whatever a server sends: a row that lacks what was asked for, or has it in another type, raises KeyError,
TypeError, ValueError or AttributeError, which the adapter takes for nonsense.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cti_bridge.crm.received import MOST_NUMBERS, amount_of, lines_of, text_of
from cti_bridge.crm.tryton.funnel import SALE_STATE, Funnel
from cti_bridge.domain.customer import Customer, CustomerRecord, Deal, Note
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber, parse_number

Row = Mapping[str, Any]
Domain = list[Any]

PARTY = "party.party"
OPPORTUNITY = "sale.opportunity"
SALE = "sale.sale"
NOTE = "ir.note"
ATTACHMENT = "ir.attachment"
USER = "res.user"
CATEGORY = "party.category"
COMPANY = "company.company"

PARTY_FIELDS = [
    "name", "contact_mechanisms.type", "contact_mechanisms.value", "addresses.city", "categories.name",
]  # fmt: skip
OPPORTUNITY_FIELDS = [
    "party", "number", "description", "state", "amount", "employee", "employee.rec_name", "create_date", "write_date",
]  # fmt: skip
SALE_FIELDS = ["party", "number", "description", "state", "total_amount", "origin", "create_date", "write_date"]
NOTE_FIELDS = ["message", "create_date", "create_uid.name"]
USER_FIELDS = ["login", "employees"]
NEWEST = [["id", "DESC"]]
STAFF: Domain = [["employees", "!=", None]]
"""Users who are employees."""
NOBODY: Domain = [["id", "=", -1]]
"""Finds nothing, but only where it is allowed to look and all that is asked for is there."""

LEAD = "lead"
LOOKED_AFTER = [LEAD, "opportunity"]
"""States in which an opportunity may still be given to somebody else."""
_PHONES = ("phone", "mobile")
_EMAIL = "email"
_COUNTRY_CODE = 3
"""Digits of a country's code at most; what follows them is part of every way of typing a number."""
_LEAST = 7
"""Fewer digits say too little to look through all numbers for them."""
_SIGNED = "\n— "
"""What stands between the text of a note and the name of who wrote it: Tryton's own author is always the bridge."""


def party_id(customer_id: CustomerId) -> int | None:
    """The party that a customer is; None for an id that no party has."""
    return int(customer_id) if customer_id.isascii() and customer_id.isdecimal() and len(customer_id) < 16 else None


def opportunity_id(opportunity: int) -> DealId:
    """Our id of an opportunity: `opportunity-7`."""
    return DealId(f"opportunity-{opportunity}")


def parties_with(key: str, *, as_typed: bool) -> Domain:
    """Who has this number.

    `as_typed`: the server stores what was typed, so the digits are looked for with anything between them.
    """
    digits = "".join(character for character in key if character in "0123456789")
    asked: Domain = ["value_compact", "=", key]
    if as_typed and len(digits) >= _LEAST:
        tail = digits[min(_COUNTRY_CODE, len(digits) - _LEAST) :]
        asked = ["OR", asked, ["value_compact", "like", f"%{'%'.join(tail)}%"]]
    return [["active", "=", True], ["contact_mechanisms", "where", [["type", "in", list(_PHONES)], asked]]]


def anybody(party: int) -> Domain:
    """One party, archived or not."""
    return [["id", "=", party], ["active", "in", [True, False]]]


def who_is(employees: Sequence[int]) -> Domain:
    """The users who are these employees."""
    return [["employees", "in", list(employees)]]


def of_parties(parties: Sequence[int]) -> Domain:
    """Whatever belongs to these parties."""
    return [["party", "in", list(parties)]]


def strangers_lead(description: str) -> Domain:
    """The open lead of this name that belongs to no party yet."""
    return [["party", "=", None], ["state", "=", LEAD], ["description", "=", description]]


def open_opportunity(opportunity: int) -> Domain:
    """One opportunity, while it can still be won."""
    return [["id", "=", opportunity], ["state", "in", LOOKED_AFTER]]


def at(place: str) -> Domain:
    """What hangs at a record: notes and attachments."""
    return [["resource", "=", place]]


def resource(record: int, model: str = PARTY) -> str:
    """A record, a party unless it is said otherwise, as notes and attachments name it."""
    return f"{model},{record}"


def with_number(rows: Sequence[Row], number: CallerNumber, *, region: str) -> list[Row]:
    """Those of the parties that really have this number, each once, by id."""
    found = {int(row["id"]): row for row in rows if number.key in _numbers(row, region)}
    return [found[party] for party in sorted(found)]


def record(
    party: Row,
    opportunities: Sequence[Row],
    sales: Sequence[Row],
    *,
    users: Mapping[int, str],
    funnel: Funnel,
    region: str,
) -> CustomerRecord:
    """A party with what is sold to it; `users` are the logins of employees."""
    number = int(party["id"])
    own = [row for row in opportunities if row["party"] == number]
    rest = {int(row["id"]): row for row in sales if row["party"] == number}
    deals, looked_after_by = [], ""
    for row in own:
        origin = f"{OPPORTUNITY},{row['id']}"
        its_sales = [rest.pop(sale) for sale in list(rest) if rest[sale]["origin"] == origin]
        responsible = _responsible(row, users)
        deals.append(_deal_of_opportunity(row, its_sales, funnel, responsible))
        looked_after_by = looked_after_by or responsible
    deals.extend(_deal_of_sale(row, funnel) for row in rest.values())
    customer = Customer(
        id=CustomerId(str(number)),
        name=text_of(party["name"]),
        numbers=_numbers(party, region),
        email=next((text_of(one["value"]) for one in party["contact_mechanisms."] if one["type"] == _EMAIL), ""),
        city=next((city for one in party["addresses."] if (city := text_of(one["city"]))), ""),
        segment=next((name for one in party["categories."] if (name := text_of(one["name"]))), ""),
        responsible=looked_after_by,
    )
    return CustomerRecord(customer, tuple(deals))


def logins(rows: Sequence[Row]) -> dict[int, str]:
    """The login of each employee that has one; of several users the first."""
    found: dict[int, str] = {}
    for row in sorted(rows, key=lambda row: int(row["id"]), reverse=True):
        found.update({int(employee): text_of(row["login"]) for employee in row["employees"]})
    return found


def zone_of(companies: Sequence[Row]) -> tzinfo:
    """The time zone of the first of these companies; UTC where it has none that is known here."""
    name = companies[0].get("timezone") if companies else None
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def employees(opportunities: Sequence[Row]) -> set[int]:
    """Who looks after these opportunities."""
    return {int(row["employee"]) for row in opportunities if row["employee"] is not None}


def state_names(answer: Mapping[str, Any]) -> dict[str, str]:
    """The states of a model with their names, as the server lists them."""
    return {text_of(state): text_of(name) for state, name in answer["state"]["selection"] if state}


def note_message(note: Note) -> str:
    """The text of a note with who wrote it."""
    return f"{note.text}{_SIGNED}{note.author}" if note.author else note.text


def note_of(row: Row) -> Note:
    """A note of Tryton's; one of ours is by whoever signed it."""
    text, signed, author = lines_of(row["message"]).rpartition(_SIGNED)
    if not signed or "\n" in author:
        text, author = lines_of(row["message"]), text_of((row["create_uid."] or {}).get("name"))
    return Note(_moment(row["create_date"]), author, text)


def _deal_of_opportunity(row: Row, sales: Sequence[Row], funnel: Funnel, responsible: str) -> Deal:
    state = funnel.state_of(text_of(row["state"]), [text_of(sale["state"]) for sale in sales])
    amount = row["amount"] if row["amount"] is not None else next((sale["total_amount"] for sale in sales), None)
    return Deal(
        id=opportunity_id(int(row["id"])),
        title=text_of(row["description"]) or text_of(row["number"]),
        stage=funnel.stage(state),
        amount=_amount(amount),
        responsible=responsible,
        changed_at=max(_changed_at(one) for one in (row, *sales)),
    )


def _deal_of_sale(row: Row, funnel: Funnel) -> Deal:
    return Deal(
        id=DealId(f"sale-{row['id']}"),
        title=text_of(row["description"]) or text_of(row["number"]),
        stage=funnel.stage(f"{SALE_STATE}{text_of(row['state'])}"),
        amount=_amount(row["total_amount"]),
        changed_at=_changed_at(row),
    )


def _responsible(row: Row, users: Mapping[int, str]) -> str:
    """The login of the employee, or his name while he has none."""
    if row["employee"] is None:
        return ""
    return users.get(int(row["employee"])) or text_of((row["employee."] or {}).get("rec_name"))


def _numbers(party: Row, region: str) -> tuple[str, ...]:
    typed = (text_of(one["value"]) for one in party["contact_mechanisms."] if one["type"] in _PHONES)
    keys = (parse_number(text, region=region).key for text in islice(typed, MOST_NUMBERS))
    return tuple(dict.fromkeys(key for key in keys if key))


def _changed_at(row: Row) -> datetime:
    return _moment(row["write_date"] or row["create_date"])


def _moment(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError("no moment")
    return value


def _amount(value: Any) -> Decimal | None:
    return amount_of(value) if isinstance(value, Decimal) else None
