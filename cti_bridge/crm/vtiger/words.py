"""vtiger's words for people, deals, users and notes, and what they become here. Pure translation both ways.

A record's id is `PREFIXxNUMBER`, the prefix being the module's. People are in three modules that name the same things
differently; which fields a module has, and which of them hold telephone numbers, vtiger says itself (`describe`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from enum import StrEnum
from typing import Any

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.received import amount_of, lines_of, numbers_in, text_of, time_of
from cti_bridge.domain.customer import Customer, CustomerChanges, Deal, NewCustomer, NewDeal, Note, Stage, StageList
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber, parse_number

Row = Mapping[str, Any]
CONTACTS, LEADS, ACCOUNTS = "Contacts", "Leads", "Accounts"
DEALS, NOTES, USERS = "Potentials", "ModComments", "Users"

_WORD = re.compile(r"\w{1,64}", re.ASCII)
_ID = re.compile(r"([0-9]{1,9})x([0-9]{1,12})")
_LONGEST_FIRST_NAME, _LONGEST_NAME, _LONGEST_FIELD = 40, 80, 100
"""Characters that the columns hold; MySQL as vtiger sets it up cuts the rest off without a word."""
_STAGE_STEP = 10


class Flavour(StrEnum):
    """Which vtiger it is; they differ in how they are asked and in how they take calls."""

    VTIGER = "vtiger"
    SALESPLATFORM = "salesplatform"
    CLOUD = "cloud"

    @property
    def extension_field(self) -> str:
        """The field of a user that holds the extension by which calls are his."""
        return "phone_work" if self is Flavour.CLOUD else "phone_crm_extension"


@dataclass(frozen=True, slots=True)
class Columns:
    """What a module of people calls a name, an e-mail address and a city; `first` is empty where a name is one text."""

    first: str
    last: str
    email: str
    city: str


COLUMNS: Mapping[str, Columns] = {
    CONTACTS: Columns("firstname", "lastname", "email", "mailingcity"),
    LEADS: Columns("firstname", "lastname", "email", "city"),
    ACCOUNTS: Columns("", "accountname", "email1", "bill_city"),
}


@dataclass(frozen=True, slots=True)
class OwnFields:
    """The admin's own fields of a module that hold what vtiger has no field for; empty where there is none."""

    segment: str = ""
    preferred_channel: str = ""
    timezone: str = ""


@dataclass(frozen=True, slots=True)
class Module:
    """A module of people as `describe` shows it: the prefix of its ids, and its fields that hold numbers."""

    name: str
    prefix: str
    phones: tuple[str, ...]
    own: OwnFields = OwnFields()


@dataclass(frozen=True, slots=True)
class Users:
    """Who works with the CRM: extension and name by id. Owners that are groups are not among them."""

    extensions: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def extension_of(self, owner: Any) -> str:
        """The extension of an owner; empty for a group and for a user without one."""
        return self.extensions.get(str(owner), "")

    def with_extension(self, extension: str) -> str | None:
        """The id of the user who has this extension."""
        return next((user for user, his in self.extensions.items() if his == extension), None)


def module_of(described: Row, name: str, own: OwnFields) -> Module:
    """A module of people from its description. Raises CrmUnavailable for one that cannot be searched."""
    phones = tuple(one["name"] for one in fields_of(described) if _type_of(one).get("name") == "phone")
    prefix = str(described.get("idPrefix", ""))
    if not phones or not prefix.isdecimal():
        raise CrmUnavailable(f"vtiger shows no telephone numbers in {name} to this user")
    return Module(name, prefix, phones, own)


def fields_of(described: Row) -> list[dict[str, Any]]:
    """The fields in a module's description, those with a name that can stand in a question."""
    fields = described.get("fields")
    if not isinstance(fields, list):
        raise CrmUnavailable("describes its fields in another way than vtiger does")
    return [one for one in fields if isinstance(one, dict) and _WORD.fullmatch(str(one.get("name", "")))]


def stage_list(described: Row, closed: frozenset[str]) -> StageList:
    """The funnel: the values of `sales_stage` in their order; those in `closed` are over."""
    stage = next((one for one in fields_of(described) if one["name"] == "sales_stage"), {})
    values = _type_of(stage).get("picklistValues")
    if not isinstance(values, list) or not values:
        raise CrmUnavailable("vtiger shows no stages of Potentials to this user")
    told = [(value, one) for one in values if isinstance(one, dict) and (value := text_of(one.get("value")))]
    return StageList(
        tuple(
            Stage(value, text_of(one.get("label")) or value, order * _STAGE_STEP, final=value in closed)
            for order, (value, one) in enumerate(told, start=1)
        )
    )


def users_of(rows: list[dict[str, Any]], flavour: Flavour) -> Users:
    """The users in the rows of their module."""
    extensions = {_text(row, "id"): _text(row, flavour.extension_field) for row in rows}
    names = {_text(row, "id"): _full_name(row, "first_name", "last_name") or _text(row, "user_name") for row in rows}
    return Users({user: his for user, his in extensions.items() if his}, names)


def has_number(row: Row, module: Module, number: CallerNumber, *, region: str) -> bool:
    """Whether one of the numbers of a record is this one, and does not only contain its digits."""
    return any(parse_number(text, region=region).key == number.key for text in _numbers(row, module))


def customer_of(row: Row, module: Module, users: Users, *, region: str) -> Customer:
    """A record of a module of people."""
    columns, own = COLUMNS[module.name], module.own
    parsed = (parse_number(text, region=region) for text in _numbers(row, module))
    return Customer(
        id=CustomerId(id_in(row)),
        name=_full_name(row, columns.first, columns.last),
        numbers=tuple(dict.fromkeys(number.e164 or number.raw for number in parsed)),
        email=_text(row, columns.email),
        city=_text(row, columns.city),
        timezone=_text(row, own.timezone),
        segment=_text(row, own.segment),
        preferred_channel=_text(row, own.preferred_channel),
        responsible=users.extension_of(row.get("assigned_user_id")),
    )


def deal_of(row: Row, users: Users, zone: tzinfo) -> Deal:
    """A record of Potentials."""
    return Deal(
        id=DealId(id_in(row)),
        title=_text(row, "potentialname"),
        stage=_text(row, "sales_stage"),
        amount=amount_of(row.get("amount")),
        responsible=users.extension_of(row.get("assigned_user_id")),
        changed_at=time_of(row.get("modifiedtime"), zone),
    )


def note_of(row: Row, users: Users, zone: tzinfo) -> Note | None:
    """A record of ModComments; None for one without a time."""
    at = time_of(row.get("createdtime"), zone)
    writer = _text(row, "assigned_user_id") or _text(row, "creator")
    return Note(at, users.names.get(writer, ""), lines_of(row.get("commentcontent"))) if at is not None else None


def element_of(new: NewCustomer, module: Module, owner: str) -> dict[str, str]:
    """Somebody new as a record of a module; `owner` is the id of a user."""
    columns = COLUMNS[module.name]
    phone = "phone" if "phone" in module.phones else module.phones[0]
    told = {phone: new.number, columns.email: cut(new.email), columns.city: cut(new.city), "assigned_user_id": owner}
    return _named(new.name, columns) | {name: text for name, text in told.items() if text}


def deal_element(
    new: NewDeal, module: Module, customer_id: str, *, owner: str, closes: date, stages: StageList
) -> dict[str, str]:
    """A new deal as a record of Potentials; without a stage it is in the first one that is open.

    Raises CrmRefuses for a lead's, which vtiger has only when it is somebody, and for an unknown stage.
    """
    if module.name == LEADS:
        raise CrmRefuses("a lead has no deals in vtiger: it becomes a contact there first")
    stage = new.stage or next((one.id for one in stages.stages if not one.final), "")
    title = " ".join(cut(new.title).split())
    if not title or stages.get(stage) is None:
        raise CrmRefuses("vtiger wants a title for a deal, and a stage that it has")
    return {
        "potentialname": title,
        "sales_stage": stage,
        "closingdate": closes.isoformat(),
        "assigned_user_id": owner,
        "related_to" if module.name == ACCOUNTS else "contact_id": customer_id,
    }


def changes_of(changes: CustomerChanges, module: Module, users: Users) -> dict[str, str]:
    """Changes as fields of a module. Raises CrmRefuses for what it has no place for."""
    columns, own = COLUMNS[module.name], module.own
    fields = {} if changes.name is None else _named(changes.name, columns)
    places = (
        ("email", columns.email, changes.email),
        ("city", columns.city, changes.city),
        ("segment", own.segment, changes.segment),
        ("preferred_channel", own.preferred_channel, changes.preferred_channel),
    )
    for meaning, place, text in places:
        if text is not None:
            if not place:
                raise CrmRefuses(f"the settings name no field of {module.name} for {meaning}")
            fields[place] = cut(text)
    if changes.responsible is not None:
        fields["assigned_user_id"] = owner_of(changes.responsible, users)
    return fields


def owner_of(extension: str, users: Users) -> str:
    """The id of the user with this extension. Raises CrmRefuses when there is none."""
    user = users.with_extension(extension)
    if user is None:
        raise CrmRefuses("no user of vtiger has the extension of who is to be responsible")
    return user


def id_in(row: Row, name: str = "id") -> str:
    """The id of a record in a field; empty where there is none."""
    text = _text(row, name)
    return text if _ID.fullmatch(text) else ""


def module_of_id(customer_id: str, modules: Mapping[str, Module]) -> Module | None:
    """The module that a customer's id is of; None for an id that is none of ours."""
    found = _ID.fullmatch(customer_id)
    return next((module for module in modules.values() if found and module.prefix == found[1]), None)


def storable(text: str) -> str:
    """The text without characters that cost four bytes: vtiger's tables lose everything from the first of them on."""
    return "".join(one for one in text if ord(one) < 0x10000)


def cut(text: str, longest: int = _LONGEST_FIELD) -> str:
    """The text as a column of `longest` characters can hold it."""
    return storable(text)[:longest]


def _named(name: str, columns: Columns) -> dict[str, str]:
    """A name in the fields of a module; the last name must not be empty, and both are shown one behind the other."""
    plain = " ".join(storable(name).split())
    if not plain:
        raise CrmRefuses("vtiger wants a name")
    first, _, last = plain.partition(" ")
    if columns.first and last and len(first) <= _LONGEST_FIRST_NAME:
        return {columns.first: first, columns.last: last[:_LONGEST_NAME]}
    return ({columns.first: ""} if columns.first else {}) | {columns.last: plain[:_LONGEST_NAME]}


def _full_name(row: Row, first: str, last: str) -> str:
    return " ".join(text for text in (_text(row, first), _text(row, last)) if text)


def _numbers(row: Row, module: Module) -> Iterator[str]:
    """The telephone numbers of a record as they were typed."""
    for phone in module.phones:
        yield from numbers_in(_text(row, phone))


def _text(row: Row, name: str) -> str:
    return text_of(row.get(name)) if name else ""


def _type_of(one: Row) -> dict[str, Any]:
    kind = one.get("type")
    return kind if isinstance(kind, dict) else {}
