"""Where the fake of amoCRM files calls, and how calls and other notes are read there."""

import re
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from fakes.amocrm_answers import hal_list, known, within

Thing = dict[str, Any]

OVER = (142, 143)
"""Won and lost: a lead in one of these is not active."""
_COMPARED = 10
"""amoCRM looks for a number by so many of its last digits."""


def owner_of(phone: str, contacts: dict[int, Thing]) -> int | None:
    """The first contact with this number."""
    wanted = digits(phone)[-_COMPARED:]
    same = (id_ for id_, one in contacts.items() if any(typed[-_COMPARED:] == wanted for typed in _numbers(one)))
    return next(same, None)


def place_of(owner: int, leads: Iterable[Thing]) -> tuple[str, int]:
    """Where a call is filed: with the only active lead of its owner, or with himself."""
    active = [one["id"] for one in leads if one["contact"] == owner and one["status_id"] not in OVER]
    return ("leads", active[0]) if len(active) == 1 else ("contacts", owner)


def note_of(call: Thing, id_: int, entity: int) -> Thing:
    """What a call is read as: a note of a kind of its own."""
    shown = ("uniq", "duration", "source", "link", "phone", "call_result", "call_status", "call_responsible")
    return {
        "id": id_,
        "entity_id": entity,
        "created_at": call.get("created_at", 1795000000),
        "created_by": call.get("created_by", 0),
        "note_type": "call_in" if call["direction"] == "inbound" else "call_out",
        "params": {name: call[name] for name in shown if name in call},
    }


def listed_notes(request: web.Request, notes: list[Thing], *extra: str) -> web.StreamResponse:
    """Those of the kinds that are asked for."""
    known(request, "filter[note_type][]", "order[id]", "order[updated_at]", "limit", "page", *extra)
    limit = within(request, 250)
    kinds = request.query.getall("filter[note_type][]", [])
    owners = request.query.getall("filter[entity_id][]", [])
    found = [one for one in notes if not kinds or one["note_type"] in kinds]
    found = [one for one in found if not owners or str(one["entity_id"]) in owners]
    found.sort(key=lambda one: one["id"], reverse=request.query.get("order[id]") == "desc")
    return hal_list("notes", found[:limit])


def listed_incoming(request: web.Request, incoming: list[Thing]) -> web.StreamResponse:
    """Incoming leads, the latest first where that is asked for."""
    known(request, "filter[category][]", "filter[pipeline_id]", "order[created_at]", "limit", "page")
    limit = within(request, 250)
    wanted = request.query.get("filter[pipeline_id]")
    if "sip" not in request.query.getall("filter[category][]", ["sip"]):
        incoming = []
    found = [one for one in incoming if wanted in (None, str(one["pipeline_id"]))]
    found.sort(key=lambda one: one["created_at"], reverse=request.query.get("order[created_at]") == "desc")
    return hal_list("unsorted", found[:limit])


def digits(text: str) -> str:
    """The digits of a text."""
    return re.sub(r"\D", "", text)


def _numbers(one: Thing) -> set[str]:
    fields = (values for values in one["custom_fields_values"] or () if values.get("field_code") == "PHONE")
    return {digits(str(value["value"])) for values in fields for value in values["values"]}
