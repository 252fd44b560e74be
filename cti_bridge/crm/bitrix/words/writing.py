"""Bitrix24's words for making and changing people, and for making deals. Pure."""

from collections.abc import Sequence
from typing import Any

from cti_bridge.crm.bitrix.words.people import Fields, emails, items
from cti_bridge.crm.bitrix.words.plain import DEAL, ENTITY_TYPES, Command, Kind, item_list, whole
from cti_bridge.domain.customer import CustomerChanges, NewCustomer, NewDeal

OUR_NAME = "cti-bridge"
"""Where a contact came from, as it says itself; with the key of its making it is found again."""


def look_for(key: str, *, entity: int = ENTITY_TYPES[Kind.CONTACT]) -> Command:
    """Ask for the contact, or the deal, that was made by this key."""
    return item_list(entity, {"originatorId": OUR_NAME, "originId": key}, select=("id",))


def made_before(answer: Any) -> int:
    """The id of what was looked for, the first one if there are several; 0 when there is none."""
    return next((whole(item.get("id")) for item in items(answer)), 0)


def make(new: NewCustomer, *, key: str, fields: Fields) -> Command:
    """Make a contact. The name is one text here and stays one: taking it apart would be guessing."""
    values: dict[str, Any] = {
        "name": new.name,
        "originatorId": OUR_NAME,
        "originId": key,
        "fm": [_multi("PHONE", new.number)] + ([_multi("EMAIL", new.email)] if new.email else []),
    }
    if responsible := whole(new.responsible):
        values["assignedById"] = responsible
    if fields.city and new.city:
        values[fields.city] = new.city
    return Command("crm.item.add", {"entityTypeId": ENTITY_TYPES[Kind.CONTACT], "fields": values})


def make_deal(owner: tuple[Kind, int], new: NewDeal, *, key: str) -> Command:
    """Make a deal of a contact or a company; its funnel is that of the stage. Raises ValueError for a lead's."""
    if owner[0] is Kind.LEAD:
        raise ValueError("a lead has no deals in Bitrix24: it becomes one there")
    of = {"contactIds": [owner[1]]} if owner[0] is Kind.CONTACT else {"companyId": owner[1]}
    values: dict[str, Any] = {"title": new.title, "originatorId": OUR_NAME, "originId": key, **of}
    if new.stage:
        funnel, named, _ = new.stage.partition(":")
        values |= {"stageId": new.stage, "categoryId": whole(funnel.removeprefix("C")) if named else 0}
    if responsible := whole(new.responsible):
        values["assignedById"] = responsible
    return Command("crm.item.add", {"entityTypeId": DEAL, "fields": values})


def made(answer: Any) -> int:
    """The id of what was made; 0 when the answer has none."""
    item = answer.get("item") if isinstance(answer, dict) else None
    return whole(item.get("id")) if isinstance(item, dict) else 0


def get(owner: tuple[Kind, int]) -> Command:
    """Ask for one person with everything."""
    return Command("crm.item.get", {"entityTypeId": ENTITY_TYPES[owner[0]], "id": owner[1]})


def emails_of(answer: Any) -> list[str]:
    """The e-mail addresses in such an answer."""
    item = answer.get("item") if isinstance(answer, dict) else None
    return emails(item) if isinstance(item, dict) else []


def change(
    owner: tuple[Kind, int], changes: CustomerChanges, *, known_emails: Sequence[str], fields: Fields
) -> Command | None:
    """Change a person; None when there is nothing to change. Raises ValueError for what cannot be changed from outside.

    An address that is there already stays: these methods only add to addresses and numbers.
    """
    values: dict[str, Any] = {}
    if changes.name is not None:
        values |= {"title": changes.name} if owner[0] is Kind.COMPANY else _whole_name(changes.name)
    if changes.email is not None and changes.email not in known_emails:
        if known_emails or not changes.email:
            raise ValueError("the bridge replaces no e-mail address in Bitrix24, change it there")
        values["fm"] = [_multi("EMAIL", changes.email)]
    if changes.responsible is not None:
        if not whole(changes.responsible):
            raise ValueError("somebody is responsible for everybody in Bitrix24, by the number of a user")
        values["assignedById"] = whole(changes.responsible)
    for name, value in (
        (fields.city, changes.city),
        (fields.segment, changes.segment),
        (fields.preferred_channel, changes.preferred_channel),
    ):
        if value is not None:
            if not name:
                raise ValueError("the settings name no field of Bitrix24 for this")
            values[name] = value
    if not values:
        return None
    return Command("crm.item.update", {"entityTypeId": ENTITY_TYPES[owner[0]], "id": owner[1], "fields": values})


def _whole_name(name: str) -> dict[str, str]:
    return {"name": name, "secondName": "", "lastName": ""}


def _multi(kind: str, value: str) -> dict[str, str]:
    return {"typeId": kind, "valueType": "WORK", "value": value}
