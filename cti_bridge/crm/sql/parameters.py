"""What the admin's queries are given: ours in the words that they may use. Pure."""

import json

from cti_bridge.crm.sql.cells import storable
from cti_bridge.crm.sql.words import Value, Values
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import CustomerChanges, NewCustomer, Note
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import CallerNumber


def of_caller(number: CallerNumber) -> Values:
    """The parameters of `find`; the number must be one to ask for."""
    return {"number": number.key, **_spelt(number.e164, number.key or "")}


def of_customer(customer_id: CustomerId, limit: int) -> Values:
    """The parameters of `notes` and `calls`."""
    return {"customer_id": storable(customer_id), "limit": max(0, limit)}


def of_new(new: NewCustomer, key: str) -> Values:
    """The parameters of `create`; what is not known is NULL."""
    return {
        "key": storable(key),
        "name": storable(new.name),
        "number": _known(new.number),
        **_spelt(new.number if new.number.startswith("+") else None, new.number),
        "email": _known(new.email),
        "city": _known(new.city),
        "responsible": _known(new.responsible),
    }


def of_changes(customer_id: CustomerId, changes: CustomerChanges) -> Values:
    """The parameters of `update`; NULL is what stays as it is."""
    values = {
        "name": changes.name,
        "email": changes.email,
        "city": changes.city,
        "segment": changes.segment,
        "preferred_channel": changes.preferred_channel,
        "responsible": changes.responsible,
    }
    given = {name: None if text is None else storable(text) for name, text in values.items()}
    return {"customer_id": storable(customer_id), **given}


def of_note(customer_id: CustomerId, note: Note, key: str) -> Values:
    """The parameters of `add_note`."""
    return {
        "key": storable(key),
        "customer_id": storable(customer_id),
        "at": note.at,
        "author": _known(note.author),
        "text": storable(note.text),
    }


def of_report(report: CallReport) -> Values:
    """The parameters of the reports; what there is not (yet) is NULL."""
    recordings = [
        {
            "file": one.file,
            "started_at": one.started_at.isoformat(),
            "ended_at": one.ended_at.isoformat() if one.ended_at else None,
        }
        for one in report.recordings
    ]
    return {
        "id": storable(report.id),
        "key": storable(report.key),
        "moment": report.moment.removeprefix("call."),
        "direction": storable(report.direction),
        "number": _known(report.number),
        **_spelt(report.number if report.number.startswith("+") else None, report.number),
        "did": _known(report.did),
        "customer_id": _known(report.customer_id or ""),
        "user": _known(report.user),
        "queue": _known(report.queue),
        "outcome": _known(report.outcome),
        "started_at": report.started_at,
        "answered_at": report.answered_at,
        "ended_at": report.ended_at,
        "talked_s": report.talked_s,
        "recording": _known(report.recordings[0].file) if report.recordings else None,
        "recordings": storable(json.dumps(recordings, ensure_ascii=False)),
    }


def _spelt(e164: str | None, text: str) -> dict[str, Value]:
    """A number as tables have it: with the plus, its digits, the last ten of them; NULL for what there is not."""
    digits = "".join(character for character in text if character in "0123456789")
    return {"e164": e164, "digits": digits or None, "last10": digits[-10:] or None}


def _known(text: str) -> str | None:
    return storable(text) or None
