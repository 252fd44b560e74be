"""What of a call is written down, and when: its row, its legs and recordings in there, its line in the log. Pure."""

from cti_bridge.calls.book import Change
from cti_bridge.calls.call import Call
from cti_bridge.calls.leg import Leg
from cti_bridge.calls.pops import OwnerOf
from cti_bridge.calls.record import CallRecord, LegRecord, RecordingRecord
from cti_bridge.calls.recordings import Recording
from cti_bridge.domain.ids import ChannelId, OperatorId
from cti_bridge.domain.number import mask
from cti_bridge.reception.dossiers import Dossier


def worth_writing(change: Change) -> bool:
    """A row is written at the start and end, when a talk begins or ends, and when the caller goes on."""
    before, after = change.before, change.after
    if before is None or after.ended_at is not None or _recorded(before) != _recorded(after):
        return True
    return _talks(before) != _talks(after) or _course(before) != _course(after)


def _course(call: Call) -> tuple[object, ...]:
    """Which way it goes, and where the caller was sent."""
    return call.direction, call.queue, call.final


def _recorded(call: Call) -> list[Recording]:
    """The recordings of which the file is known: they should be found again after a restart."""
    return [one for one in call.recordings if one.file is not None]


def _talks(call: Call) -> tuple[object, ...]:
    """Who has answered, and whether he is still there."""
    return call.answered_at, [(leg.id, leg.ended_at) for leg in call.legs if leg.answered_at is not None]


def call_record(pbx: str, call: Call, dossier: Dossier, owner_of: OwnerOf) -> CallRecord:
    """A call of this PBX as the journal keeps it."""
    card = dossier.card
    return CallRecord(
        id=call.id,
        pbx=pbx,
        channel=call.channel,
        linkedid=call.linkedid,
        offered_at=call.offered_at,
        caller=card.caller.key or card.caller.raw,
        caller_kind=card.caller.kind.value,
        caller_name=card.caller_name,
        did=card.did,
        trunk=card.trunk,
        verified=card.verified,
        decision=dossier.decision,
        operator=dossier.answered_by,
        queue=call.queue,
        rang=tuple(dossier.rang),
        pop_ms=dossier.pop_ms,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        outcome=call.outcome.value if call.outcome else "",
        recovered=call.recovered,
        legs=tuple(leg_record(leg, owner_of(leg.interface)) for leg in call.legs),
        recordings=tuple(_recording_record(one, call) for one in call.recordings),
        direction=call.direction,
        dialler=call.dialler.interface if call.dialler else "",
        final=call.final.value if call.final else "",
        customer_id=dossier.customer_id,
    )


def leg_record(leg: Leg, owner: OperatorId | None) -> LegRecord:
    """A leg as the journal keeps it; `owner` is the operator whose phone it is."""
    return LegRecord(
        leg=leg.id,
        parent=leg.parent or ChannelId(""),
        operator=owner or OperatorId(""),
        number="" if owner else mask(leg.number),
        interface=leg.interface,
        queue=leg.queue,
        rang_at=leg.rang_at,
        answered_at=leg.answered_at,
        ended_at=leg.ended_at,
        talked_s=round(leg.talked_s, 3),
        why=leg.why.value if leg.why else "",
    )


def _recording_record(recording: Recording, call: Call) -> RecordingRecord:
    """A recording as the journal keeps it."""
    return RecordingRecord(
        channel=recording.channel,
        leg=ChannelId("") if recording.channel == call.channel else recording.channel,
        started_at=recording.started_at,
        ended_at=recording.ended_at,
        file=recording.file,
    )


def story(record: CallRecord) -> dict[str, object]:
    """The whole call in one line of the log, without names and with the number masked."""
    decision = record.decision
    ended_at = record.ended_at or record.offered_at
    wait_until = record.answered_at if record.answered_at is not None else ended_at
    return {
        "id": record.id,
        "direction": record.direction.value,
        "caller": mask(record.caller),
        "did": mask(record.did),
        "class": decision.class_name if decision else "",
        "rule": decision.rule if decision else "",
        "decision": record.decided_by,
        "crm": decision.crm if decision else "",
        "queue": decision.queue if decision and decision.delivered else record.queue,
        "decision_ms": decision.took_ms.get("whole") if decision else None,
        "delivered": decision.delivered if decision else False,
        "last_queue": record.queue,
        "rang": list(record.rang),
        "pop_ms": record.pop_ms,
        "operator": record.operator,
        "wait_s": round(wait_until - record.offered_at, 3),
        "talk_s": round(ended_at - record.answered_at, 3) if record.answered_at is not None else None,
        "outcome": record.outcome,
        "recovered": record.recovered,
    }
