"""A call in amoCRM's words: what is filed with a contact, and what becomes an incoming lead. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from cti_bridge.crm.amocrm.words import PHONE, Json, listed
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.domain.call_report import CallReport

TALKED, NOT_REACHED = 4, 6
"""The two of amoCRM's eight results of a call that a bridge can know."""
_NOT_FOUND = 263
_SERVICE = "cti-bridge"
_LONGEST_UNIQ = 250


def recording_link(report: CallReport, links: RecordingLinks) -> str:
    """The address of the first recording of a call, empty when it has none (yet)."""
    file = next((recording.file for recording in report.recordings if recording.file), "")
    return links.link(file) if file else ""


def unique_of(report: CallReport) -> str:
    """What amoCRM knows this call by, wherever it stands."""
    return report.key[:_LONGEST_UNIQ]


def unique_ids(things: Iterable[Json]) -> frozenset[str]:
    """What calls among notes (`params`) and incoming leads (`metadata`) are known by."""
    about = (thing.get(place) for thing in things for place in ("params", "metadata"))
    found = (one.get("uniq") for one in about if isinstance(one, dict))
    return frozenset(uniq for uniq in found if isinstance(uniq, str))


def call(report: CallReport, *, phone: str, source: str, link: str) -> Json:
    """A call that amoCRM is to file with whoever has `phone`; `source` is what it shows as the telephone system."""
    answered = report.answered_at is not None
    told: Json = {
        "direction": "outbound" if report.direction == "outbound" else "inbound",
        "uniq": unique_of(report),
        "duration": report.talked_s,
        "source": source,
        "phone": phone,
        "call_status": TALKED if answered else NOT_REACHED,
        "call_result": _result(report),
        "created_at": int(report.started_at.timestamp()),
    }
    if link:
        told["link"] = link
    if report.user:
        told["call_responsible"] = _responsible(report.user)
    return told


def call_note(told: Json) -> Json:
    """The same call as a note, for a contact whom amoCRM does not find by the number."""
    about = {name: value for name, value in told.items() if name not in {"direction", "created_at"}}
    return {"note_type": "call_in" if told["direction"] == "inbound" else "call_out", "params": about}


def incoming_lead(report: CallReport, *, pipeline: int, source: str, link: str) -> Json:
    """A call of a stranger, with the contact that is made of him when somebody accepts it."""
    began = int(report.started_at.timestamp())
    about: Json = {
        "from": source,
        "phone": report.number,
        "called_at": began,
        "duration": report.talked_s,
        "service_code": _SERVICE,
        "uniq": unique_of(report),
        "is_call_event_needed": True,
    }
    if link:
        about["link"] = link
    if report.user:
        about["call_responsible"] = _responsible(report.user)
    number = {"field_code": PHONE, "values": [{"value": report.number, "enum_code": "WORK"}]}
    return {
        "source_uid": _SERVICE,
        "source_name": source,
        "pipeline_id": pipeline,
        "created_at": began,
        "metadata": about,
        "_embedded": {"contacts": [{"name": report.number, "custom_fields_values": [number]}]},
    }


def filed_call(body: object) -> str | None:
    """The id of the call that amoCRM filed; None when nobody has the number. Raises CrmUnavailable for nonsense."""
    if not_found(body):
        return None
    for one in listed(body, "calls"):
        if isinstance(id_ := one.get("id"), int | str) and not isinstance(id_, bool):
            return str(id_)
    raise CrmUnavailable("filed no call and said no reason")


def not_found(body: object) -> bool:
    """Whether the answer says that nobody has the number, as it does in one of two places."""
    if not isinstance(body, dict):
        return False
    inside = body.get("_embedded")
    lists = [body.get("errors"), inside.get("errors") if isinstance(inside, dict) else None]
    return any(_says_nobody(error) for found in lists if isinstance(found, list) for error in found)


def _says_nobody(error: object) -> bool:
    if not isinstance(error, Mapping):
        return False
    texts = (error.get("title"), error.get("detail"))
    return error.get("status") == _NOT_FOUND or any(_is(text, "entity not found") for text in texts)


def _is(text: Any, wanted: str) -> bool:
    return isinstance(text, str) and text.strip().lower() == wanted


def _result(report: CallReport) -> str:
    return f"{report.outcome} ({report.queue})" if report.queue else report.outcome


def _responsible(user: str) -> int | str:
    return int(user) if user.isascii() and user.isdecimal() and len(user) < 19 else user
