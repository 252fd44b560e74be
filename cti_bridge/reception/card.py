"""The customer card of a call, and how it looks on the wire to one operator. Pure."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from cti_bridge.calls.call import Call, CallState
from cti_bridge.calls.leg import LegState
from cti_bridge.calls.pops import Part
from cti_bridge.domain.customer import Customer, CustomerRecord, Deal, Note, StageList
from cti_bridge.domain.decision import DecisionKind
from cti_bridge.domain.ids import DealId
from cti_bridge.domain.line import Line
from cti_bridge.domain.number import CallerNumber, NumberKind, display_number
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.protocol import Json
from cti_bridge.reception.why import NO_REASON, Why, encode_why

RING_EXPIRES_AFTER_S = 330.0
"""A page takes a pop down by itself after so many seconds; the rules let no phone ring longer than 300 in one go."""
MAX_DEALS = 50
MAX_TEXT = 2_000
_LONGEST_AMOUNT = 18
"""Digits; as a whole number 1E+999999999 would not fit into any memory."""
_OURS = frozenset(kind.value for kind in DecisionKind if kind is not DecisionKind.FALLBACK)

_displayed = lru_cache(maxsize=4096)(display_number)
"""Callers call again, and whoever calls for the first time is shown anew when his notes and earlier calls are there."""


@dataclass(frozen=True, slots=True)
class PastCall:
    """An earlier call from the same number or of the same customer; durations in seconds, times since 1970."""

    at: float
    direction: str
    outcome: str
    queue: str
    operator: str
    wait_s: float | None
    talk_s: float | None
    stage: str = ""
    """The stage of the deal as it was then; empty where there was none, or nobody remembers."""


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of the person behind a call; the empty `decision` stands for a call we did not decide."""

    caller: CallerNumber
    caller_name: str = ""
    did: str = ""
    line: Line | None = None
    """What the number dialled stands for; None where the rules do not say."""
    trunk: str = ""
    verified: bool = False
    decision: str = "fallback"
    rule: str = ""
    why: Why = NO_REASON
    """Why it was decided so; counts only where the decision was carried out."""
    class_name: str = ""
    crm_source: str = ""
    crm_age_s: float | None = None
    record: CustomerRecord | None = None
    deal_id: DealId | None = None
    candidates: tuple[CustomerRecord, ...] = ()
    """Several customers who have the number; then `record` is who the rules take it for, until one is `chosen`."""
    chosen: bool = False
    notes: tuple[Note, ...] = ()
    history: tuple[PastCall, ...] = ()
    to_look_up: bool = False
    """This run of the bridge did not decide the call, so the CRM has still to be asked who it is."""
    extras: str = "pending"
    """Whether notes and history are there: pending, ready or failed."""

    @property
    def known(self) -> CustomerRecord | None:
        """The customer, where it is sure who it is: there is one, or an operator has chosen him."""
        return self.record if self.chosen or not self.candidates else None


def colleague_card(card: Card, extension: str, name: str) -> Card:
    """The card of a call that a colleague makes, who is nobody to look up: what his channel says need not be true."""
    raw = card.caller.raw if card.caller.kind is NumberKind.INTERNAL else extension
    return replace(card, caller=CallerNumber(NumberKind.INTERNAL, raw), caller_name=name, decision="")


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card as everybody sees it who has a part in the call, made once for all of them: it hardly ever changes."""

    card: Card
    stages: StageList
    directory: Directory
    fields: Json

    def is_of(self, card: Card, stages: StageList, directory: Directory) -> bool:
        """Whether it was made of these very ones, none of which can be changed."""
        return self.card is card and self.stages is stages and self.directory is directory


def show(card: Card, stages: StageList, directory: Directory) -> ShownCard:
    """The card with the names that stages and operators have in these."""
    fields = {
        "class": card.class_name,
        "rule": card.rule,
        "decision": card.decision,
        "why": encode_why(card.why if card.decision in _OURS else NO_REASON, directory),
        "crm": {"source": card.crm_source, "age_s": card.crm_age_s},
        "caller": _caller(card),
        "did": card.did or None,
        "line": _line(card.line) if card.line else None,
        "customer": encode_customer(card.record.customer, directory) if card.record else None,
        "chosen": card.chosen,
        "candidates": [
            {
                "customer": encode_customer(candidate.customer, directory),
                "deals": _deals(candidate, card.deal_id, stages, directory),
            }
            for candidate in card.candidates
        ],
        "deals": _deals(card.record, card.deal_id, stages, directory) if card.record else [],
        "notes": [_note(note, directory) for note in card.notes],
        "history": [_past(past, stages) for past in card.history],
        "extras": card.extras,
    }
    return ShownCard(card, stages, directory, fields)


def encode_call(call: Call, shown: ShownCard, part: Part | None) -> Json:
    """The whole call as an operator with this part in it may see it."""
    ringing = part is Part.RINGING
    # A phone that rings counts from its own beginning, not from that of a colleague who did not answer before.
    rang_at = min((leg.rang_at for leg in call.legs if not ringing or leg.state is LegState.RINGING), default=None)
    latest = max((leg.rang_at for leg in call.legs), default=None)
    return {
        "id": call.id,
        "direction": call.direction.value,
        "state": (call.state if call.ended_at is None else CallState.ENDED).value,
        "my_role": part.value if part else "none",
        "queue": call.queue or None,
        **shown.fields,
        "offered_at": _moment(call.offered_at),
        "rang_at": _moment(rang_at),
        "answered_at": _moment(call.answered_at),
        "ended_at": _moment(call.ended_at),
        "expires_at": _moment(latest + RING_EXPIRES_AFTER_S) if ringing and latest is not None else None,
    }


def _caller(card: Card) -> Json:
    hidden = card.caller.kind is NumberKind.ANONYMOUS
    number = None if hidden else card.caller.e164 or card.caller.raw
    return {
        "number": number,
        "display": "" if number is None else _displayed(number),
        "kind": card.caller.kind.value,
        "name": card.caller_name[:200],
        "verified": card.verified,
    }


def _line(line: Line) -> Json:
    return {
        "did": line.did,
        "name": line.name,
        "channel": line.channel,
        "city": line.city,
        "direction": line.direction,
        "zone": line.zone,
        "language": line.language,
    }


def encode_customer(customer: Customer, directory: Directory) -> Json:
    """A customer as operators see him."""
    return {
        "id": customer.id,
        "name": customer.name,
        "numbers": list(customer.numbers),
        "email": customer.email,
        "city": customer.city,
        "timezone": customer.timezone,
        "segment": customer.segment,
        "preferred_channel": customer.preferred_channel,
        "responsible": _responsible(customer.responsible, directory) if customer.responsible else None,
    }


def _responsible(crm_user: str, directory: Directory) -> Json:
    operator = directory.by_crm_user(crm_user)
    return {"crm_user": crm_user, "name": operator.name if operator else crm_user}


def _deals(record: CustomerRecord, main: DealId | None, stages: StageList, directory: Directory) -> list[Json]:
    def rank(deal: Deal) -> tuple[bool, bool, float]:
        changed = deal.changed_at.timestamp() if deal.changed_at else 0.0
        return (deal.id != main, not stages.is_open(deal), -changed)

    return [_deal(deal, main, stages, directory) for deal in sorted(record.deals, key=rank)[:MAX_DEALS]]


def _deal(deal: Deal, main: DealId | None, stages: StageList, directory: Directory) -> Json:
    stage = stages.get(deal.stage)
    return {
        "id": deal.id,
        "title": deal.title,
        "stage": deal.stage,
        "stage_name": stage.name if stage else deal.stage,
        "amount": _amount(deal.amount),
        "currency": "RUB",
        "changed_at": _time(deal.changed_at),
        "responsible": _responsible(deal.responsible, directory)["name"] if deal.responsible else "",
        "open": stages.is_open(deal),
        "main": deal.id == main,
    }


def _amount(amount: Decimal | None) -> float | int | None:
    if amount is None or not amount.is_finite() or amount.adjusted() > _LONGEST_AMOUNT:
        return None
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _note(note: Note, directory: Directory) -> Json:
    """A note; its author by name where he is one of the operators."""
    operator = directory.by_crm_user(note.author) if note.author else None
    return {"at": _time(note.at), "author": operator.name if operator else note.author, "text": note.text[:MAX_TEXT]}


def _past(past: PastCall, stages: StageList) -> Json:
    stage = stages.get(past.stage) if past.stage else None
    return {
        "at": _moment(past.at),
        "direction": past.direction,
        "outcome": past.outcome,
        "queue": past.queue,
        "operator": past.operator or None,
        "wait_s": past.wait_s,
        "talk_s": past.talk_s,
        "stage": past.stage or None,
        "stage_name": (stage.name if stage else past.stage) or None,
    }


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None


def _moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
