"""What is to be reported about a call, and in which words. Pure.

A call is told of in one of two sequences and no other: started, answered, ended, updated; or started, ended, updated.
`updated` may come again when something turns up late. The journal's row of a call grows from its beginning to its end,
so what is due follows from what was told so far and the row as it is now: states may be written together, twice, or
after a newer one, and the receiver hears the same.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from cti_bridge.calls.events import Final
from cti_bridge.calls.record import CallRecord, DeskOutcome, LegRecord, RecordingRecord
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, OperatorId

CrmUser = Callable[[OperatorId], str]
"""The id that an operator has as a user of the CRM; empty when he has none."""


class ReportType(StrEnum):
    """What a report says happened."""

    STARTED = "call.started"
    ANSWERED = "call.answered"
    ENDED = "call.ended"
    UPDATED = "call.updated"


_ALL = frozenset(ReportType)
_FINALS: Mapping[str, str] = {
    Final.QUEUE: "queue",
    Final.ELSEWHERE: "goto",
    Final.MESSAGE: "voicemail",
    Final.CALLBACK: "callback",
}
"""Where the dialplan sent the caller, in the words of the rules."""
_AFTER_THE_END = frozenset({ReportType.ENDED, ReportType.UPDATED})


@dataclass(frozen=True, slots=True)
class Told:
    """What one receiver has been told of one call: the last number and type, the answer, a digest of the end."""

    seq: int = 0
    last: ReportType | None = None
    answered_at: float | None = None
    operator: OperatorId | None = None
    final: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """One report; `body` is a CloudEvents 1.0 event in JSON, which is the same however often it is sent."""

    call_id: CallId
    seq: int
    type: ReportType
    body: str


def due(
    told: Told, record: CallRecord, *, now: float, crm_user: CrmUser, types: Collection[ReportType] = _ALL
) -> tuple[tuple[Report, ...], Told]:
    """The reports that a receiver is still to get, in order, and what he has been told then.

    `now` (seconds since 1970) is the time of an `updated`; the others have the time of what they tell. Those of other
    types than `types`, which he does not want to hear, are counted but not made.
    """
    reports: list[Report] = []
    record = _never_unanswered(told, record)

    def tell(kind: ReportType, at: float) -> None:
        nonlocal told
        told = replace(told, seq=told.seq + 1, last=kind)
        if kind in types:
            known = _as_known(record, kind, at)
            reports.append(Report(record.id, told.seq, kind, _event(kind, told.seq, at, known, crm_user)))

    if told.last is None:
        tell(ReportType.STARTED, record.offered_at)
    if record.answered_at is not None:
        if told.last is ReportType.STARTED:
            tell(ReportType.ANSWERED, record.answered_at)
        told = replace(told, answered_at=record.answered_at, operator=record.operator)
    if record.ended_at is None:
        return tuple(reports), told
    if told.last not in _AFTER_THE_END:
        tell(ReportType.ENDED, record.ended_at)
    if not record.closed:
        return tuple(reports), told  # what is still to come is told with the rest
    final = _digest(_facts(record, crm_user))
    if final != told.final:
        tell(ReportType.UPDATED, max(now, record.ended_at))
        told = replace(told, final=final)
    return tuple(reports), told


def _never_unanswered(told: Told, record: CallRecord) -> CallRecord:
    """An answer that was told stays: a row that does not know of it is older than what was told."""
    if told.answered_at is None or record.answered_at is not None:
        return record
    outcome = "answered" if record.ended_at is not None else ""
    return replace(record, answered_at=told.answered_at, operator=told.operator, outcome=outcome)


def _as_known(record: CallRecord, kind: ReportType, at: float) -> CallRecord:
    """The call as it was when this happened, at that time."""
    if kind is ReportType.STARTED:
        return _at_the_start(record)
    return _at_the_answer(record, at) if kind is ReportType.ANSWERED else record


def _at_the_start(record: CallRecord) -> CallRecord:
    """The call as it began, when more is known already because several states were written as one."""
    made_by = record.operator if record.direction is Direction.OUTBOUND else None
    return replace(
        record, rang=(), operator=made_by, answered_at=None, ended_at=None, outcome="", final="", legs=(),
        recordings=(), desk_outcomes=(),
    )  # fmt: skip


def _at_the_answer(record: CallRecord, at: float) -> CallRecord:
    """The call as it was when it was answered, when more is known already."""
    legs = (_leg_at(leg, at) for leg in record.legs if leg.rang_at <= at)
    recordings = (
        replace(one, ended_at=one.ended_at if one.ended_at is not None and one.ended_at <= at else None)
        for one in record.recordings
        if one.started_at <= at
    )
    return replace(
        record, ended_at=None, outcome="", final="", legs=tuple(legs), recordings=tuple(recordings), desk_outcomes=()
    )


def _leg_at(leg: LegRecord, at: float) -> LegRecord:
    if leg.ended_at is not None and leg.ended_at <= at:
        return leg
    answered_at = leg.answered_at if leg.answered_at is not None and leg.answered_at <= at else None
    return replace(leg, answered_at=answered_at, ended_at=None, talked_s=0.0, why="")


def _event(kind: ReportType, seq: int, at: float, record: CallRecord, crm_user: CrmUser) -> str:
    return _json(
        {
            "specversion": "1.0",
            "id": f"{record.id}/{seq}",
            "source": f"/cti-bridge/{record.pbx}",
            "type": kind.value,
            "subject": record.id,
            "time": _time(at),
            "datacontenttype": "application/json",
            "data": _facts(record, crm_user),
        }
    )


def _facts(record: CallRecord, crm_user: CrmUser) -> dict[str, Any]:
    """The call in the words that a receiver reads; every report has all that was known when it was made."""
    decision = record.decision
    ended_at, answered_at = record.ended_at, record.answered_at
    waited_until = answered_at if answered_at is not None else ended_at
    return {
        "call": record.id,
        "direction": record.direction.value,
        "caller": {
            "number": record.caller,
            "kind": record.caller_kind,
            "name": record.caller_name,
            "verified": record.verified,
        },
        "did": record.did,
        "trunk": record.trunk,
        "customer": record.customer or None,
        "crm": decision.crm if decision else "",
        "class": decision.class_name if decision else "",
        "rule": decision.rule if decision else "",
        "decision": record.decided_by,
        "queue": record.queue,
        "rang": list(record.rang),
        "operator": _operator(record.operator, crm_user),
        "started_at": _time(record.offered_at),
        "answered_at": _time(answered_at) if answered_at is not None else None,
        "ended_at": _time(ended_at) if ended_at is not None else None,
        "wait_s": _seconds(record.offered_at, waited_until),
        "talk_s": _seconds(answered_at, ended_at),
        "outcome": record.outcome or None,
        "final": _FINALS.get(record.final),
        "recovered": record.recovered,
        "legs": [_leg(leg) for leg in record.legs],
        "recordings": [_recording(recording) for recording in record.recordings],
        # Only where there is one: to a receiver who was told all without, nothing is new.
        **({"desk": [_said(one, crm_user) for one in record.desk_outcomes]} if record.desk_outcomes else {}),
    }


def _said(said: DeskOutcome, crm_user: CrmUser) -> dict[str, Any]:
    """What an operator says came of the call."""
    return {"operator": _operator(said.operator, crm_user), "outcome": said.outcome or None, "score": said.score}


def _leg(leg: LegRecord) -> dict[str, Any]:
    """One phone that was called for the call or joined it: who talked with the caller, when, and for how long."""
    return {
        "leg": leg.leg,
        "operator": leg.operator or None,
        "number": leg.number or None,
        "interface": leg.interface,
        "queue": leg.queue or None,
        "rang_at": _time(leg.rang_at),
        "answered_at": _time(leg.answered_at) if leg.answered_at is not None else None,
        "ended_at": _time(leg.ended_at) if leg.ended_at is not None else None,
        "talk_s": leg.talked_s,
        "why": leg.why or None,
    }


def _recording(recording: RecordingRecord) -> dict[str, Any]:
    return {
        "file": recording.file or None,
        "leg": recording.leg or None,
        "started_at": _time(recording.started_at),
        "ended_at": _time(recording.ended_at) if recording.ended_at is not None else None,
    }


def _operator(operator: OperatorId | None, crm_user: CrmUser) -> dict[str, str | None] | None:
    return None if operator is None else {"id": operator, "crm_user": crm_user(operator) or None}


def _seconds(begin: float | None, end: float | None) -> float | None:
    return None if begin is None or end is None else round(max(0.0, end - begin), 3)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(_json(facts).encode()).hexdigest()[:16]
