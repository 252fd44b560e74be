"""The placeholders that each request of the generic CRM may have, and what they stand for. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime

import phonenumbers

from cti_bridge.crm.generic.templates import Values
from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.domain.call_report import CallMoment, CallReport
from cti_bridge.domain.customer import CustomerChanges, NewCustomer, Note
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import display_number

SPELLINGS = ("e164", "digits", "national10", "national", "display")
"""Ways to write a number: +74950000150, 74950000150, 4950000150, 84950000150, +7 495 000-01-50."""
NATIONAL = frozenset({"national10", "national"})
"""Those of them that mean somebody else in another country."""
NUMBER = frozenset({*SPELLINGS, "number"})
OF_CUSTOMER = frozenset({"customer_id"})
DEAL_IDS = "deal_ids"
"""What `find` found of a customer for the question for his deals."""
OF_DEALS = OF_CUSTOMER | {DEAL_IDS}
OF_NOTES = OF_CUSTOMER | {"limit"}
OF_CREATE = NUMBER - {"number"} | {"name", "email", "city", "responsible", "key"}
OF_UPDATE = OF_CUSTOMER | {"name", "email", "city", "segment", "preferred_channel", "responsible"}
OF_NOTE = OF_CUSTOMER | {"at", "author", "text", "key"}
CRM_CALL = "crm_call"
"""The CRM's own id of a call, from its answer when it was first told of it."""
OF_REPORT = (NUMBER - {"number"}) | {
    "report_id", "call", "moment", "direction", "did", "customer_id", "user", "queue", "outcome",
    "started_at", "answered_at", "ended_at", "started_unix", "answered_unix", "ended_unix",
    "talked_s", "recording", "recordings", "recording_url", "recording_urls", CRM_CALL,
}  # fmt: skip
RECORDING_URLS = frozenset({"recording_url", "recording_urls"})
"""Only where the settings say at which address recordings are."""
WORDED: Mapping[str, frozenset[str]] = {
    "direction": frozenset(Direction),
    "moment": frozenset(CallMoment),
    "outcome": frozenset({"answered", "abandoned", "missed", "overflowed", "failed"}),
}
"""What of a report can be said in the CRM's own words, and which words there are for it."""


def spelled(text: str) -> dict[str, str | None]:
    """One number in every spelling; what is not E.164 is the same in all, and empty is none."""
    if not text:
        return dict.fromkeys(SPELLINGS)
    try:
        parsed = phonenumbers.parse(text, None) if text.startswith("+") else None
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None:
        return dict.fromkeys(SPELLINGS, text)
    national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return {
        "e164": text,
        "digits": text.removeprefix("+"),
        "national10": phonenumbers.national_significant_number(parsed),
        "national": "".join(character for character in national if character in "0123456789"),
        "display": display_number(text),
    }


def of_customer(customer_id: CustomerId) -> Values:
    """What a request about one customer can say."""
    return {"customer_id": customer_id}


def of_new(new: NewCustomer, key: str) -> Values:
    """What is known of somebody new; what is not known has no value."""
    return {
        **spelled(new.number),
        "name": new.name,
        "email": new.email or None,
        "city": new.city or None,
        "responsible": new.responsible or None,
        "key": key,
    }


def of_changes(customer_id: CustomerId, changes: CustomerChanges) -> Values:
    """What is to be changed; what stays as it is has no value, what is to be emptied is empty."""
    return {
        "customer_id": customer_id,
        "name": changes.name,
        "email": changes.email,
        "city": changes.city,
        "segment": changes.segment,
        "preferred_channel": changes.preferred_channel,
        "responsible": changes.responsible,
    }


def of_note(customer_id: CustomerId, note: Note, key: str) -> Values:
    """What a note says."""
    return {
        "customer_id": customer_id,
        "at": _iso(note.at),
        "author": note.author or None,
        "text": note.text,
        "key": key,
    }


def of_report(
    report: CallReport, words: Mapping[str, Mapping[str, str]], recordings: RecordingLinks | None, crm_call: str | None
) -> Values:
    """What a moment of a call says, where it can in the CRM's own `words`."""
    worded = {"direction": report.direction, "moment": report.moment.value, "outcome": report.outcome}
    files = [recording.file for recording in report.recordings]
    urls = [recordings.link(file) for file in files] if recordings else []
    return {
        **spelled(report.number),
        **{name: words.get(name, {}).get(ours, ours) or None for name, ours in worded.items()},
        "report_id": report.id,
        "call": report.key,
        "did": report.did or None,
        "customer_id": report.customer_id,
        "user": report.user or None,
        "queue": report.queue or None,
        "started_at": _iso(report.started_at),
        "answered_at": _iso(report.answered_at),
        "ended_at": _iso(report.ended_at),
        "started_unix": _unix(report.started_at),
        "answered_unix": _unix(report.answered_at),
        "ended_unix": _unix(report.ended_at),
        "talked_s": report.talked_s if report.ended_at else None,
        "recording": files[-1] if files else None,
        "recordings": files or None,
        "recording_url": urls[-1] if urls else None,
        "recording_urls": urls or None,
        CRM_CALL: crm_call,
    }


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def _unix(at: datetime | None) -> int | None:
    return int(at.timestamp()) if at else None
