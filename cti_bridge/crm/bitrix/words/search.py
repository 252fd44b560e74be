"""Bitrix24's words for searching somebody by his number: who could have it, and everything about them. Pure.

What was not found is an empty list where an object was promised, so nothing is taken for granted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cti_bridge.crm.bitrix.words.people import DEAL_FIELDS, Fields, customer, deal, items, owners, phones
from cti_bridge.crm.bitrix.words.plain import DEAL, ENTITY_TYPES, PAGE, Command, Kind, entries, item_list, whole
from cti_bridge.domain.customer import CustomerRecord, Deal
from cti_bridge.domain.number import parse_number

MOST_SPELLINGS = 20
"""`values` of one search; more are refused."""
_OWNERS: Mapping[Kind, str] = {Kind.CONTACT: "contactIds", Kind.COMPANY: "companyId"}
"""By which field of a deal its people are found; a deal has any number of contacts, one of whom is the main one."""
_CLOSED = ("N", "Y")
"""Deals that are going on, and those that are over."""
_ONE = "one"
_FIRST_CONTACT = "$result[contact][CONTACT][0]"
"""Put in by Bitrix24 itself: the first contact that the search in the same batch has found."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search by number found, by kind; candidates, because other spellings may be other people's numbers."""

    ids: Mapping[Kind, tuple[int, ...]]

    def __bool__(self) -> bool:
        return any(self.ids.values())

    @property
    def only_contact(self) -> bool:
        """Whether this is one contact and no company; leads do not count beside a contact."""
        return len(self.ids.get(Kind.CONTACT, ())) == 1 and not self.ids.get(Kind.COMPANY)

    @property
    def has_leads(self) -> bool:
        """Whether there are leads."""
        return bool(self.ids.get(Kind.LEAD))


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


def the_likely_one(kinds: Iterable[Kind]) -> dict[str, Command]:
    """Ask for the first contact that the search finds, and for his deals, in the same batch as the search.

    Mostly one contact has a number, and then nothing else has to be asked. Where none was found the first of these
    fails for want of an id, and the others are not to be done.
    """
    if Kind.CONTACT not in kinds:
        return {}
    he = {"entityTypeId": ENTITY_TYPES[Kind.CONTACT], "id": _FIRST_CONTACT}
    deals = {f"{_ONE}_{closed}": _deals(_OWNERS[Kind.CONTACT], [_FIRST_CONTACT], closed) for closed in _CLOSED}
    return {_ONE: Command("crm.item.get", he), **deals}


def about_the_only_one(candidates: Found, answers: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answers to `the_likely_one` as those to `about`; None where they do not say all about the candidates."""
    if not candidates.only_contact or not all(f"{_ONE}_{closed}" in answers for closed in _CLOSED):
        return None
    got = answers.get(_ONE)
    he = {"items": [got.get("item")]} if isinstance(got, dict) else {}
    if [whole(item.get("id")) for item in items(he)] != list(candidates.ids[Kind.CONTACT]):
        return None
    deals = {_deals_name(Kind.CONTACT, closed): answers[f"{_ONE}_{closed}"] for closed in _CLOSED}
    return {Kind.CONTACT.value: he, **deals}


def found(answers: Mapping[str, Any]) -> Found:
    """The candidates; nothing found is an empty list instead of an object."""
    ids: dict[Kind, tuple[int, ...]] = {}
    for kind in Kind:
        answer = answers.get(kind.value)
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
        commands[kind.value] = item_list(ENTITY_TYPES[kind], {"@id": list(ids)}, select=("*",))
        if kind in _OWNERS:
            for closed in _CLOSED:
                commands[_deals_name(kind, closed)] = _deals(_OWNERS[kind], ids, closed)
    return commands


def _deals_name(kind: Kind, closed: str) -> str:
    return f"{kind}_deals_{closed}"


def _deals(owner: str, ids: Sequence[int | str], closed: str) -> Command:
    return item_list(DEAL, {f"@{owner}": list(ids), "closed": closed}, select=DEAL_FIELDS, order={"id": "DESC"})


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


def _deals_of(answers: Mapping[str, Any], kind: Kind, number: int) -> tuple[Deal, ...]:
    deals = [item for closed in _CLOSED for item in items(answers.get(_deals_name(kind, closed)))]
    his = {whole(item.get("id")): deal(item) for item in deals if (kind, number) in owners(item)}
    return tuple(his[id_] for id_ in sorted(his))


def _converted(kind: Kind, item: Mapping[str, Any]) -> bool:
    return kind is Kind.LEAD and item.get("stageSemanticId") == "S"


def _has(item: Mapping[str, Any], key: str, region: str) -> bool:
    return any(parse_number(value, region=region).key == key for value in phones(item))
