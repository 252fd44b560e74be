"""A call from the journal, as the switchboard had it before a restart."""

from cti_bridge.calls.call import Call
from cti_bridge.calls.events import Final, Stop
from cti_bridge.calls.leg import Leg, LegState
from cti_bridge.calls.record import CallRecord, LegRecord
from cti_bridge.calls.recordings import Recording
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import ChannelId
from cti_bridge.domain.number import CallerNumber, NumberKind
from cti_bridge.reception.card import Card
from cti_bridge.routing.line_facts import line_of

_STOPS = {stop.value: stop for stop in Stop}
_FINALS = {final.value: final for final in Final}


def restored(record: CallRecord) -> tuple[Call, Card]:
    """A journalled call that had not ended, as the call book and the card had it; the customer is looked up again."""
    decision = record.decision
    call = Call(
        id=record.id,
        channel=record.channel,
        linkedid=record.linkedid,
        offered_at=record.offered_at,
        queue=record.queue,
        answered_at=record.answered_at,
        legs=tuple(_rang(leg) for leg in record.legs if leg.ended_at is not None and leg.answered_at is None),
        recordings=tuple(
            Recording(one.channel, one.started_at, one.file or "", one.ended_at) for one in record.recordings
        ),
        final=_FINALS.get(record.final),
        direction=record.direction,
        dialler=_dialler(record),
    )
    kind = NumberKind(record.caller_kind)
    card = Card(
        caller=CallerNumber(kind, record.caller, e164=record.caller if kind is NumberKind.EXTERNAL else None),
        caller_name=record.caller_name,
        did=record.did,
        line=line_of(decision.facts) if decision else None,
        trunk=record.trunk,
        verified=record.verified,
        decision=record.decided_by,
        rule=decision.rule if decision and decision.delivered else "",
        class_name=decision.class_name if decision else "",
        crm_source=decision.crm if decision else "",
        crm_age_s=decision.crm_age_s if decision else None,
        to_look_up=True,
    )
    return call, card


def _rang(leg: LegRecord) -> Leg:
    """A phone that rang in vain: it is over. Who talked may still be there, and is seen again."""
    return Leg(
        leg.leg, leg.interface, leg.interface, leg.queue, leg.rang_at, LegState.GONE,
        why=_STOPS.get(leg.why), parent=leg.parent or None, ended_at=leg.ended_at,
    )  # fmt: skip


def _dialler(record: CallRecord) -> Leg | None:
    """The phone from which an operator made the call, with its channel as long as that is the caller's side."""
    if not record.dialler:
        return None
    has_customer = record.direction is Direction.OUTBOUND and record.answered_at is not None
    return Leg(ChannelId("") if has_customer else record.channel, "", record.dialler, "", record.offered_at)
