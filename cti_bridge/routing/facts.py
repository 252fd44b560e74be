"""What is known about one call: from Asterisk, from the CRM's answer, and which customer and deal it is about."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from cti_bridge.domain.customer import CustomerRecord, Deal, StageList
from cti_bridge.domain.decision import CrmAnswer, CrmSource, Facts, FactValue
from cti_bridge.domain.history import NO_HISTORY, CallerHistory
from cti_bridge.domain.ids import DealId
from cti_bridge.domain.number import CallerNumber, NumberKind, parse_number
from cti_bridge.routing.history import history_facts, without_number
from cti_bridge.routing.line_facts import line_facts
from cti_bridge.routing.moment import in_zone, moment_text
from cti_bridge.routing.rules import Ambiguous, RuleSet
from cti_bridge.routing.vocabulary import CRM_AGE, DEALS, MOMENT

_MAX_NUMBER = 128
MAX_DEALS = 50
"""More open deals of one customer than this are not looked at; the best ones are kept."""

CANDIDATES = "call.candidates"
"""How many customers have the caller's number: kept with the facts so that a decision can be computed again."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What Asterisk says about an arriving call; texts are as received, empty where there is none.

    `did` is the number dialled, `attestation` the network's STIR/SHAKEN level (`A`, `B`, `C`), `name` the caller id
    name, `at` when it arrived, with a zone; without it no schedule can be judged.
    """

    caller: CallerNumber
    did: str = ""
    trunk: str = ""
    attestation: str = ""
    language: str = ""
    name: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything a decision is made from.

    `facts` leaves out what is unknown and has None for what is absent. `record` is the customer, None when there is
    none or the choice is open; `deal_id` his chosen open deal; `candidates` all customers when the number has several.
    """

    facts: Facts
    source: CrmSource
    record: CustomerRecord | None = None
    deal_id: DealId | None = None
    candidates: tuple[CustomerRecord, ...] = ()

    @property
    def choice_open(self) -> bool:
        """Whether the number belongs to several customers and none was chosen."""
        return self.record is None and is_ambiguous(self.facts)


def is_ambiguous(facts: Facts) -> bool:
    """Whether the caller's number belongs to several customers."""
    count = facts.get(CANDIDATES)
    return isinstance(count, int) and count > 1


def canonical_number(text: str, region: str) -> str:
    """A number as it is compared: E.164 where it can be parsed in this region, else its digits or the text itself."""
    return _canonical(text[:_MAX_NUMBER], region)


@lru_cache(maxsize=4096)
def _canonical(text: str, region: str) -> str:
    number = parse_number(text, region=region)
    return text.strip() if number.kind is NumberKind.ANONYMOUS else number.key or number.raw


def gather(
    call: CallFacts, answer: CrmAnswer, rules: RuleSet, stages: StageList, history: CallerHistory | None = None
) -> Gathered:
    """The facts of a call after the CRM answered, or failed to; picks customer and deal by the rules' policy.

    Without a `history`, what the journal knows of the caller's number is unknown, unless he has none.
    """
    facts = _call_facts(call, answer.source, rules)
    nobodys = rules.asks_history and without_number(call.caller.kind.value)
    facts |= history_facts(NO_HISTORY if history is None and nobodys else history)
    if answer.source is CrmSource.FAILED:
        facts["customer.known"] = facts["deal.known"] = False
        return Gathered(facts, answer.source)
    if answer.source is CrmSource.STALE and answer.age_s is not None:
        facts[CRM_AGE] = round(answer.age_s)
    records = answer.records
    several = len(records) > 1
    facts[CANDIDATES] = len(records)
    if several and rules.ambiguous is Ambiguous.DEFAULT:
        facts["customer.known"], facts["deal.known"] = True, False
        return Gathered(facts, answer.source, candidates=records)
    record = _choose(records, rules.ambiguous, stages) if several else next(iter(records), None)
    deals = open_deals(record.deals, stages) if record else []
    _add_customer(facts, record)
    _add_deals(facts, deals)
    deal_id = deals[0].id if deals else None
    return Gathered(facts, answer.source, record, deal_id, records if several else ())


def open_deals(deals: Iterable[Deal], stages: StageList) -> list[Deal]:
    """The deals that are still going on, the one that the call is about first.

    Highest stage comes first, then the latest change, then the smallest id.
    """
    return sorted((deal for deal in deals if stages.is_open(deal)), key=lambda deal: _rank(deal, stages))


def flatten(gathered: Gathered) -> Facts:
    """The facts as the journal keeps them: JSON values only, an unknown one left out, an absent one None."""
    return dict(gathered.facts)


_MutableFacts = dict[str, FactValue | list[dict[str, FactValue]]]


def _call_facts(call: CallFacts, source: CrmSource, rules: RuleSet) -> _MutableFacts:
    caller = call.caller
    hidden = caller.kind is NumberKind.ANONYMOUS
    did = canonical_number(call.did, rules.region)
    moment: dict[str, FactValue] = {}
    if call.at is not None:
        moment[MOMENT] = moment_text(in_zone(call.at, rules.timezone))
    return {
        **moment,
        "call.caller": None if hidden else caller.key or caller.raw or None,
        "call.did": did or None,
        "call.trunk": call.trunk or None,
        "call.kind": caller.kind.value,
        "call.verified": call.trunk in rules.trusted_trunks or call.attestation.strip().upper() == "A",
        "call.crm": source.value,
        "call.language": call.language or None,
        "call.name": call.name or None,
        **line_facts(rules.lines.get(did)),
    }


def _add_customer(facts: _MutableFacts, record: CustomerRecord | None) -> None:
    customer = record.customer if record else None
    facts["customer.known"] = customer is not None
    facts["customer.id"] = str(customer.id) if customer else None
    facts["customer.name"] = (customer.name or None) if customer else None
    facts["customer.city"] = (customer.city or None) if customer else None
    facts["customer.timezone"] = (customer.timezone or None) if customer else None
    facts["customer.segment"] = (customer.segment or None) if customer else None
    facts["customer.preferred_channel"] = (customer.preferred_channel or None) if customer else None
    facts["customer.responsible"] = (customer.responsible or None) if customer else None
    facts["customer.email"] = (customer.email or None) if customer else None


def _add_deals(facts: _MutableFacts, deals: Sequence[Deal]) -> None:
    flat = [_deal_values(deal) for deal in deals[:MAX_DEALS]]
    best: Mapping[str, FactValue] = flat[0] if flat else {}
    facts["deal.known"] = bool(flat)
    for name in ("id", "title", "stage", "amount", "responsible"):
        facts[f"deal.{name}"] = best.get(name)
    facts[DEALS] = flat


def _deal_values(deal: Deal) -> dict[str, FactValue]:
    return {
        "id": str(deal.id),
        "title": deal.title or None,
        "stage": deal.stage,
        "amount": _amount(deal.amount),
        "responsible": deal.responsible or None,
    }


def _amount(amount: Decimal | None) -> int | float | None:
    """The amount as JSON and CEL have numbers; none when it is not a number at all."""
    if amount is None or not amount.is_finite():
        return None
    value = float(amount)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _choose(records: Sequence[CustomerRecord], policy: Ambiguous, stages: StageList) -> CustomerRecord:
    """The customer that the call is about; where nobody has an open deal, the one last spoken with."""
    if policy is Ambiguous.MOST_ADVANCED_DEAL:
        with_deal = [(deals[0], record) for record in records if (deals := open_deals(record.deals, stages))]
        if with_deal:
            return min(with_deal, key=lambda pair: (*_rank(pair[0], stages), _id_key(pair[1].customer.id)))[1]
    return min(records, key=lambda record: (-_moment(record.customer.last_contact_at), _id_key(record.customer.id)))


_Key = tuple[int, int, str, str]


def _rank(deal: Deal, stages: StageList) -> tuple[int, float, _Key]:
    stage = stages.get(deal.stage)
    return (-(stage.order if stage else 0), -_moment(deal.changed_at), _id_key(deal.id))


def _moment(at: datetime | None) -> float:
    return at.timestamp() if at else float("-inf")


def _id_key(text: str) -> _Key:
    """Orders ids so that 9 comes before 10, and numbers before other texts."""
    if re.fullmatch(r"[0-9]+", text):
        digits = text.lstrip("0")
        return (0, len(digits), digits, text)
    return (1, 0, text, text)
