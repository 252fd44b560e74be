"""amoCRM's words and ours: contacts, leads, funnels and notes that it sends, translated. Pure.

A contact is our customer, a lead our deal, a pipeline a funnel, a status a stage. Statuses have the same ids in every
pipeline where they mean the end (142 won, 143 lost), so a stage is `PIPELINE.STATUS`. Nothing that amoCRM sends is
taken on trust: what is not of the right shape is left out.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import phonenumbers

from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.crm.received import MOST_NUMBERS, amount_of, lines_of, numbers_in, text_of, time_of
from cti_bridge.domain.customer import Customer, Deal, Note, Stage, StageList
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber, parse_number

Json = dict[str, Any]

CLOSED_STATUSES = frozenset({142, 143})
"""Won and lost, in every pipeline."""
SHORTEST_SEARCH = 7
"""Fewer digits than these would be found in half of all fields."""
MOST_FOUND = 250
"""amoCRM gives no more on one page."""
PHONE, EMAIL = "PHONE", "EMAIL"
OWN_FIELDS = ("city", "timezone", "segment", "preferred_channel")
"""What a customer has in our words and amoCRM only in fields that the account has made itself."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact; `spellings` are its numbers by our key as somebody typed them, `leads` the ids of its leads."""

    customer: Customer
    spellings: Mapping[str, str]
    leads: tuple[int, ...]


def search_text(number: CallerNumber) -> str | None:
    """What to look for: the digits without country code or trunk prefix, because both are written in many ways.

    With the country code where too few are left without it. None for what cannot be looked for.
    """
    if number.e164 is not None:
        national = phonenumbers.national_significant_number(phonenumbers.parse(number.e164))
        return national if len(national) >= SHORTEST_SEARCH else number.e164.removeprefix("+")
    digits = number.key or ""
    return digits if len(digits) >= SHORTEST_SEARCH and digits.isascii() and digits.isdecimal() else None


def listed(body: object, name: str) -> list[Json]:
    """The things called `name` in a HAL list, a page of them at most. Raises CrmUnavailable for what is none."""
    things = _embedded(body, name)
    if things is None:
        raise CrmUnavailable(f"answered something else than a list of {name}")
    return things[:MOST_FOUND]


def identity(thing: Mapping[str, object]) -> int | None:
    """The id of a thing; None for what could not be one."""
    found = thing.get("id")
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None


def contact(thing: Json, *, region: str, fields: Mapping[str, int]) -> Contact | None:
    """A contact in our words, its national numbers read as in `region`; None for a deleted one and for nonsense.

    `fields` says in which of the account's own fields the rest of our words are.
    """
    id_ = identity(thing)
    if id_ is None or thing.get("is_deleted") is True:
        return None
    spellings = {key: text for text in _numbers(thing) if (key := parse_number(text, region=region).key) is not None}
    own = {word: next(_values(thing, field_id=fields[word]), "") for word in OWN_FIELDS if word in fields}
    customer = Customer(
        id=CustomerId(str(id_)),
        name=text_of(thing.get("name")),
        numbers=tuple(sorted(spellings)),
        email=next(_values(thing, code=EMAIL), ""),
        city=own.get("city", ""),
        timezone=own.get("timezone", ""),
        segment=own.get("segment", ""),
        preferred_channel=own.get("preferred_channel", ""),
        responsible=_user(thing),
    )
    leads = (identity(lead) for lead in _embedded(thing, "leads") or ())
    return Contact(customer, spellings, tuple(lead for lead in leads if lead is not None))


def deal(thing: Json) -> Deal | None:
    """A lead in our words; None for a deleted one and for nonsense. A price of 0 means that nobody gave one."""
    id_, pipeline, status = identity(thing), thing.get("pipeline_id"), thing.get("status_id")
    if id_ is None or not isinstance(pipeline, int) or not isinstance(status, int) or thing.get("is_deleted") is True:
        return None
    return Deal(
        id=DealId(str(id_)),
        title=text_of(thing.get("name")),
        stage=stage_id(pipeline, status),
        amount=amount_of(thing.get("price")) or None,
        responsible=_user(thing),
        changed_at=time_of(thing.get("updated_at")),
    )


def contacts_of(lead: Json) -> list[CustomerId]:
    """The contacts of a lead, the main one first; a husband and a wife, say, for one kitchen."""
    contacts = sorted(_embedded(lead, "contacts") or (), key=lambda one: one.get("is_main") is not True)
    return [CustomerId(str(id_)) for one in contacts if (id_ := identity(one)) is not None]


def open_pipelines(pipelines: Iterable[Json]) -> frozenset[int]:
    """The pipelines that leads can come into."""
    living = (pipeline for pipeline in pipelines if pipeline.get("is_archive") is not True)
    return frozenset(id_ for pipeline in living if (id_ := identity(pipeline)) is not None)


def stage_id(pipeline: int, status: int) -> str:
    """How a status of a pipeline is called among our stages."""
    return f"{pipeline}.{status}"


def stages(pipelines: Iterable[Json]) -> StageList:
    """The statuses of all pipelines as stages, in their own order; in an archived pipeline all deals are over.

    The order of two pipelines among each other says nothing about how far a deal is, so equal places stay equal.
    """
    whole = [(pipeline, id_) for pipeline in pipelines if (id_ := identity(pipeline)) is not None]
    found: dict[str, Stage] = {}
    for pipeline, pipeline_id in whole:
        funnel = f"{text_of(pipeline.get('name'))}: " if len(whole) > 1 else ""
        for status in _embedded(pipeline, "statuses") or ():
            status_id, place = identity(status), status.get("sort")
            if status_id is None or not isinstance(place, int):
                continue
            final = status_id in CLOSED_STATUSES or pipeline.get("is_archive") is True
            stage = stage_id(pipeline_id, status_id)
            found[stage] = Stage(stage, funnel + (text_of(status.get("name")) or stage), place, final)
    return StageList(tuple(sorted(found.values(), key=lambda stage: stage.order)))


def note(thing: Json) -> Note | None:
    """A common note in our words, its author a user of amoCRM or nobody; None for any other."""
    params, at = thing.get("params"), time_of(thing.get("created_at"))
    text = lines_of(params.get("text")) if isinstance(params, dict) else ""
    if thing.get("note_type") != "common" or not text or at is None:
        return None
    return Note(at, _user(thing, "created_by"), text)


def path_id(customer_id: CustomerId) -> str | None:
    """The id as it may stand in an address; None for what cannot be a contact's."""
    return customer_id if customer_id.isascii() and customer_id.isdecimal() and len(customer_id) < 19 else None


def complaint(body: object) -> str:
    """What a problem report says is wrong, by fields and codes alone: its sentences may repeat what was sent."""
    said = [f"{error.get('path')} {error.get('code')}" for error in _errors(body)]
    safe = [text for text in said if re.fullmatch(r"[A-Za-z0-9_. -]{1,120}", text)]
    return "; ".join(safe[:3])


def _errors(body: object) -> Iterator[Json]:
    for group in dicts(body.get("validation-errors") if isinstance(body, dict) else None):
        yield from dicts(group.get("errors"))


def _embedded(body: object, name: str) -> list[Json] | None:
    inside = body.get("_embedded") if isinstance(body, dict) else None
    things = inside.get(name) if isinstance(inside, dict) else None
    return dicts(things) if isinstance(things, list) else None


def dicts(things: object) -> list[Json]:
    """The objects of a list; nothing for anything else."""
    return [thing for thing in things if isinstance(thing, dict)] if isinstance(things, list) else []


def _values(thing: Json, *, code: str = "", field_id: int = 0) -> Iterator[str]:
    """The texts in one field of a contact; `custom_fields_values` is null where nothing is filled in."""
    for field in dicts(thing.get("custom_fields_values")):
        if (code and field.get("field_code") == code) or (field_id and field.get("field_id") == field_id):
            for one in dicts(field.get("values"))[:MOST_NUMBERS]:
                if text := text_of(one.get("value")):
                    yield text


def _numbers(thing: Json) -> Iterator[str]:
    """Telephone numbers as they were typed."""
    for typed in islice(_values(thing, code=PHONE), MOST_NUMBERS):
        yield from numbers_in(typed)


def _user(thing: Json, role: str = "responsible_user_id") -> str:
    user = thing.get(role)
    return str(user) if isinstance(user, int) and not isinstance(user, bool) and user > 0 else ""
