"""Bitrix24's words for people and their deals, translated into ours. Pure.

Ids come as numbers here and as text there, what was not found is an empty list where an object was promised, and a
field that is not filled in is null, "", 0 or not there. So nothing is taken for granted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cti_bridge.crm.bitrix.words.plain import PAGE, Kind, customer_id, entries, whole
from cti_bridge.crm.received import MOST_NUMBERS, amount_of, text_of, texts_of, time_of
from cti_bridge.domain.customer import Customer, Deal
from cti_bridge.domain.ids import DealId
from cti_bridge.domain.number import parse_number

DEAL_FIELDS = (
    "id",
    "title",
    "stageId",
    "assignedById",
    "opportunity",
    "updatedTime",
    "contactId",
    "contactIds",
    "companyId",
    "categoryId",
)


@dataclass(frozen=True, slots=True)
class Fields:
    """Which fields of a person hold what has no place of its own in Bitrix24; an empty name: none does."""

    city: str = ""
    timezone: str = ""
    segment: str = "typeId"
    preferred_channel: str = ""


def items(answer: Any) -> list[Mapping[str, Any]]:
    """The entries of a list of people or deals, smallest id first; anything else has none."""
    listed = answer.get("items") if isinstance(answer, dict) else None
    good = [item for item in entries(listed)[:PAGE] if isinstance(item, dict) and whole(item.get("id"))]
    return sorted(good, key=lambda item: whole(item.get("id")))


def customer(kind: Kind, item: Mapping[str, Any], *, region: str, fields: Fields) -> Customer | None:
    """One person or firm; None for an entry without an id."""
    number = whole(item.get("id"))
    if not number:
        return None
    return Customer(
        id=customer_id(kind, number),
        name=_name(kind, item),
        numbers=tuple(dict.fromkeys(_written(value, region) for value in phones(item))),
        email=next(iter(_values(item, "EMAIL")), ""),
        city=_first(item.get(fields.city)),
        timezone=_first(item.get(fields.timezone)),
        segment=_first(item.get(fields.segment)),
        preferred_channel=_first(item.get(fields.preferred_channel)),
        responsible=str(whole(item.get("assignedById")) or ""),
        last_contact_at=time_of(item.get("lastCommunicationCallTime")),
    )


def deal(item: Mapping[str, Any]) -> Deal:
    """One deal; its stage is the CRM's own id (`C1:NEW`)."""
    return Deal(
        id=DealId(str(whole(item.get("id")))),
        title=text_of(item.get("title")),
        stage=text_of(item.get("stageId")),
        amount=amount_of(item.get("opportunity")) or None,  # 0: nobody has entered one
        responsible=str(whole(item.get("assignedById")) or ""),
        changed_at=time_of(item.get("updatedTime")),
    )


def phones(item: Mapping[str, Any]) -> list[str]:
    """The telephone numbers of a person as they were typed."""
    return _values(item, "PHONE")


def emails(item: Mapping[str, Any]) -> list[str]:
    """The e-mail addresses of a person."""
    return _values(item, "EMAIL")


def owners(item: Mapping[str, Any]) -> tuple[tuple[Kind, int], ...]:
    """Whose a deal is, its main contact first, then the others, then its company."""
    contacts = [item.get("contactId"), *entries(item.get("contactIds"))[:PAGE]]
    people = [(Kind.CONTACT, whole(one)) for one in contacts] + [(Kind.COMPANY, whole(item.get("companyId")))]
    return tuple(dict.fromkeys(one for one in people if one[1]))


def _written(value: str, region: str) -> str:
    return parse_number(value, region=region).e164 or value


def _name(kind: Kind, item: Mapping[str, Any]) -> str:
    if kind is not Kind.COMPANY:
        parts = (text_of(item.get(name)) for name in ("name", "secondName", "lastName"))
        if name := " ".join(part for part in parts if part):
            return name
    return text_of(item.get("title"))


def _first(value: Any) -> str:
    """A field's value; the first one of a field that has several."""
    return next(iter(texts_of(value)), "")


def _values(item: Mapping[str, Any], kind: str) -> list[str]:
    listed = (one for one in entries(item.get("fm")) if isinstance(one, dict) and one.get("typeId") == kind)
    return [value for one in islice(listed, MOST_NUMBERS) if (value := text_of(one.get("value")).strip())]
