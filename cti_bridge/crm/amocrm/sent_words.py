"""Customers and notes in the words in which amoCRM wants them. Pure."""

from collections.abc import Mapping

from cti_bridge.crm.amocrm.words import EMAIL, OWN_FIELDS, PHONE, Json, dicts
from cti_bridge.crm.port import CrmRefuses
from cti_bridge.crm.received import MOST_NUMBERS
from cti_bridge.domain.customer import CustomerChanges, NewCustomer, NewDeal, Note


def new_contact(new: NewCustomer, *, fields: Mapping[str, int]) -> Json:
    """What makes this customer; where the account has no field for his city, it is left out."""
    values = [_field(code=PHONE, values=[{"value": new.number, "enum_code": "WORK"}])]
    if new.email:
        values.append(_field(code=EMAIL, values=[{"value": new.email, "enum_code": "WORK"}]))
    if new.city and "city" in fields:
        values.append(_field(field_id=fields["city"], values=[{"value": new.city}]))
    made: Json = {"name": new.name, "custom_fields_values": values}
    if new.responsible:
        made["responsible_user_id"] = user_id(new.responsible)
    return made


def changed_contact(changes: CustomerChanges, thing: Json, *, fields: Mapping[str, int]) -> Json:
    """What makes these changes to the contact `thing`; it keeps its further e-mail addresses.

    Raises CrmRefuses for something that the account has no field for.
    """
    made: Json = {}
    values: list[Json] = []
    if changes.name is not None:
        made["name"] = changes.name
    if changes.responsible is not None:
        made["responsible_user_id"] = user_id(changes.responsible)
    if changes.email is not None:
        kept = [{"value": changes.email, "enum_code": "WORK"}] if changes.email else []
        values.append(_field(code=EMAIL, values=[*kept, *_further_addresses(thing)] or None))
    for word in OWN_FIELDS:
        wanted = getattr(changes, word, None)
        if wanted is None:
            continue
        if word not in fields:
            raise CrmRefuses(f"the settings name no field of amoCRM for {word} (crm.fields.{word})")
        values.append(_field(field_id=fields[word], values=[{"value": wanted}] if wanted else None))
    if values:
        made["custom_fields_values"] = values
    return made


def new_lead(new: NewDeal, contact: int) -> Json:
    """What makes this deal of a contact; without a stage amoCRM takes the first of its main pipeline."""
    made: Json = {"name": new.title, "_embedded": {"contacts": [{"id": contact}]}}
    if new.stage:
        pipeline, _, status = new.stage.partition(".")
        if not (pipeline.isascii() and pipeline.isdecimal() and status.isascii() and status.isdecimal()):
            raise CrmRefuses("a stage of amoCRM is PIPELINE.STATUS, both of them numbers")
        made |= {"pipeline_id": int(pipeline), "status_id": int(status)}
    if new.responsible:
        made["responsible_user_id"] = user_id(new.responsible)
    return made


def new_note(wanted: Note) -> Json:
    """What makes this note; who wrote it is told where he is a user of amoCRM."""
    made: Json = {"note_type": "common", "params": {"text": wanted.text}}
    user = wanted.user or wanted.author
    if user.isascii() and user.isdecimal():
        made["created_by"] = int(user)
    return made


def user_id(user: str) -> int:
    """The user of amoCRM with this id. Raises CrmRefuses for what is none."""
    if not (user.isascii() and user.isdecimal() and len(user) < 19):
        raise CrmRefuses("the responsible is no user of amoCRM, whose ids are numbers")
    return int(user)


def _field(*, code: str = "", field_id: int = 0, values: list[Json] | None) -> Json:
    return ({"field_code": code} if code else {"field_id": field_id}) | {"values": values}


def _further_addresses(thing: Json) -> list[Json]:
    """The e-mail addresses behind the first, which alone is a customer's in our words."""
    fields = (field for field in dicts(thing.get("custom_fields_values")) if field.get("field_code") == EMAIL)
    typed = [one for field in fields for one in dicts(field.get("values")) if isinstance(one.get("value"), str)]
    return [{name: one[name] for name in ("value", "enum_code") if one.get(name)} for one in typed[1:MOST_NUMBERS]]
