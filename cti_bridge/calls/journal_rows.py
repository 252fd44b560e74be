"""A call as a row of the journal's table `calls`, and back."""

import json
from dataclasses import fields
from typing import Any

from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import OperatorId

_WHERE_THERE_IS_ANY = frozenset({"max_waiting", "penalties", "language", "announcement", "skipped"})
"""What most decisions do not have, and is not written of them."""


def row_of(record: CallRecord) -> dict[str, Any]:
    """The row of a call, by column; legs, recordings and what operators say have tables of their own."""
    row = _shallow(record)
    del row["legs"], row["recordings"], row["desk_outcomes"]
    row["decision"] = _in_json(record.decision) if record.decision else None
    row["rang"] = json.dumps(record.rang)
    row["verified"], row["recovered"] = int(record.verified), int(record.recovered)
    return row


def _shallow(record: CallRecord | DecisionRecord) -> dict[str, Any]:
    """The fields by name, uncopied: `asdict` copies all that is in them, at ten times the price."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _in_json(decision: DecisionRecord) -> str:
    text = json.dumps(decision, ensure_ascii=False, default=_plain)
    if "NaN" not in text and "Infinity" not in text:
        return text
    # JSON has no such numbers, and SQLite would not read what is beside them.
    return json.dumps(json.loads(text, parse_constant=lambda _: None), ensure_ascii=False)


def _plain(value: object) -> object:
    if not isinstance(value, DecisionRecord):
        return str(value)
    # A page holds two rows of a usual size, but not of one that says of everything that there is none of it.
    return {name: said for name, said in _shallow(value).items() if said or name not in _WHERE_THERE_IS_ANY}


def read_decision(text: str | None) -> dict[str, Any] | None:
    """A stored decision by its fields, with its facts; None for none, and for what cannot be read as one."""
    try:
        # What is no number in JSON was written as one by earlier versions.
        values = json.loads(text, parse_constant=lambda _: None) if text else None
    except ValueError:
        return None
    return values if isinstance(values, dict) and isinstance(values.get("facts"), dict) else None


def _decision(text: str | None) -> DecisionRecord | None:
    values = read_decision(text)
    try:
        return _as_record(**values) if values is not None else None
    except (TypeError, ValueError):
        return None  # a call whose decision is damaged is still a call, and must not keep the bridge from starting


def _as_record(steps: list[list[Any]], **said: Any) -> DecisionRecord:
    """The record; what earlier versions did not write down is as it was with them."""
    most, penalties = said.pop("max_waiting", ()), said.pop("penalties", None)
    if penalties is not None:
        least, greatest = penalties
        penalties = (least, greatest)
    taken = tuple((queue, timeout_s) for queue, timeout_s in steps)
    said["skipped"] = tuple((who, why) for who, why in said.get("skipped", ()))
    return DecisionRecord(steps=taken, max_waiting=tuple(most), penalties=penalties, **said)


def record_of(row: dict[str, Any]) -> CallRecord:
    """The record in a row of the table `calls`."""
    values = dict(row)
    values["decision"] = _decision(values["decision"])
    values["rang"] = tuple(OperatorId(operator) for operator in json.loads(values["rang"]))
    values["verified"], values["recovered"] = bool(values["verified"]), bool(values["recovered"])
    values["direction"] = Direction(values["direction"])
    return CallRecord(**values)
