"""Bitrix24's words for people and their deals, translated into ours. Pure.

Ids come as numbers here and as text there, what was not found is an empty list where an object was promised, and a
field that is not filled in is null, "", 0 or not there. So nothing is taken for granted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cti_bridge.crm.bitrix.words.plain import (
    DEAL,
    ENTITY_TYPES,
    PAGE,
    Command,
    Kind,
    customer_id,
    entries,
    whole,
)
from cti_bridge.crm.received import amount_of, text_of, time_of
from cti_bridge.domain.customer import Customer, CustomerRecord, Deal
from cti_bridge.domain.ids import DealId
from cti_bridge.domain.number import parse_number

MOST_SPELLINGS = 20
"""`values` of one search; more are refused."""
DEAL_FIELDS = (
    "id",
    "title",
    "stageId",
    "assignedById",
    "opportunity",
    "updatedTime",
    "contactId",
    "companyId",
    "categoryId",
)
_OWNERS: Mapping[Kind, str] = {Kind.CONTACT: "contactId", Kind.COMPANY: "companyId"}


@dataclass(frozen=True, slots=True)
class Fields:
    """Which fields of a person hold what has no place of its own in Bitrix24; an empty name: none does."""

    city: str = ""
    timezone: str = ""
    segment: str = "typeId"
    preferred_channel: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search by number found, by kind; candidates, because other spellings may be other people's numbers."""

    ids: Mapping[Kind, tuple[int, ...]]

    def __bool__(self) -> bool:
        return any(self.ids.values())


def who_has(values: Sequence[str], kinds: Iterable[Kind]) -> dict[str, Command]:
    """Search for everybody with one of these numbers, each kind on its own.

    Asked for all kinds at once, a kind with twenty hits silently hides the others.
    """
    numbers = list(values[:MOST_SPELLINGS])
    return {
        kind.value: Command(
            "crm.duplicate.findbycomm", {"type": "PHONE", "values": numbers, "entity_type": kind.upper()}
        )
        for kind in kinds
    }


def found(answers: Mapping[str, Any]) -> Found:
    """The candidates; nothing found is an empty list instead of an object."""
    ids: dict[Kind, tuple[int, ...]] = {}
    for name, answer in answers.items():
        kind = Kind(name)
        listed = answer.get(kind.upper()) if isinstance(answer, dict) else None
        numbers = (whole(one) for one in entries(listed))
        ids[kind] = tuple(dict.fromkeys(one for one in numbers if one))[:PAGE]
    return Found(ids)


def about(candidates: Found) -> dict[str, Command]:
    """Ask for these people with all their numbers (which come only with every other field), and for their deals.

    Open and closed deals are asked for apart, so that a page full of old ones never hides the one that is going on.
    """
    commands: dict[str, Command] = {}
    for kind, ids in candidates.ids.items():
        if not ids:
            continue
        commands[kind.value] = Command(
            "crm.item.list", {"entityTypeId": ENTITY_TYPES[kind], "filter": {"@id": list(ids)}, "select": ["*"]}
        )
        if kind in _OWNERS:
            for closed in ("N", "Y"):
                commands[f"{kind}_deals_{closed}"] = _deals(_OWNERS[kind], ids, closed)
    return commands


def _deals(owner: str, ids: Sequence[int], closed: str) -> Command:
    return Command(
        "crm.item.list",
        {
            "entityTypeId": DEAL,
            "filter": {f"@{owner}": list(ids), "closed": closed},
            "select": list(DEAL_FIELDS),
            "order": {"id": "DESC"},
        },
    )


def records(answers: Mapping[str, Any], *, key: str, region: str, fields: Fields) -> tuple[CustomerRecord, ...]:
    """The candidates who really have the number `key`, each with his deals.

    Somebody who is a contact or a company by now is not shown a second time as the lead that he was; several leads of
    one number are several requests of one person, of which the latest speaks for all.
    """
    told: dict[Kind, list[CustomerRecord]] = {kind: [] for kind in Kind}
    for kind in Kind:
        for item in items(answers.get(kind.value)):
            person = customer(kind, item, region=region, fields=fields)
            if person is not None and _has(item, key, region) and not _converted(kind, item):
                told[kind].append(CustomerRecord(person, _deals_of(answers, kind, whole(item.get("id")))))
    known = sorted(told[Kind.CONTACT] + told[Kind.COMPANY], key=lambda record: record.customer.id)
    return tuple(known) or tuple(told[Kind.LEAD][-1:])


def items(answer: Any) -> list[Mapping[str, Any]]:
    """The entries of a list of people or deals, smallest id first; anything else has none."""
    listed = answer.get("items") if isinstance(answer, dict) else None
    good = [item for item in entries(listed) if isinstance(item, dict) and whole(item.get("id"))]
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
        city=text_of(item.get(fields.city)),
        timezone=text_of(item.get(fields.timezone)),
        segment=text_of(item.get(fields.segment)),
        preferred_channel=text_of(item.get(fields.preferred_channel)),
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


def _deals_of(answers: Mapping[str, Any], kind: Kind, number: int) -> tuple[Deal, ...]:
    owner = _OWNERS.get(kind, "")
    listed = [item for closed in ("N", "Y") for item in items(answers.get(f"{kind}_deals_{closed}"))]
    his = {whole(item.get("id")): deal(item) for item in listed if whole(item.get(owner)) == number}
    return tuple(his[id_] for id_ in sorted(his))


def _converted(kind: Kind, item: Mapping[str, Any]) -> bool:
    return kind is Kind.LEAD and item.get("stageSemanticId") == "S"


def _has(item: Mapping[str, Any], key: str, region: str) -> bool:
    return any(parse_number(value, region=region).key == key for value in phones(item))


def _written(value: str, region: str) -> str:
    return parse_number(value, region=region).e164 or value


def _name(kind: Kind, item: Mapping[str, Any]) -> str:
    if kind is not Kind.COMPANY:
        parts = (text_of(item.get(name)) for name in ("name", "secondName", "lastName"))
        if name := " ".join(part for part in parts if part):
            return name
    return text_of(item.get("title"))


def _values(item: Mapping[str, Any], kind: str) -> list[str]:
    listed = (one for one in entries(item.get("fm")) if isinstance(one, dict) and one.get("typeId") == kind)
    return [value for one in listed if (value := text_of(one.get("value")).strip())]
