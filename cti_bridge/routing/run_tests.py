"""Runs the tests of a rule file: each given call is decided as a real one would be, and compared."""

from collections.abc import Mapping
from dataclasses import dataclass

from cti_bridge.domain.customer import Deal, StageList
from cti_bridge.domain.decision import CrmAnswer, CrmSource, Decision, FactValue
from cti_bridge.domain.history import NO_HISTORY
from cti_bridge.domain.ids import DealId
from cti_bridge.domain.number import CallerNumber, NumberKind
from cti_bridge.routing.decide import Trace, decide
from cti_bridge.routing.expected import Difference, differences
from cti_bridge.routing.facts import CallFacts, Gathered, gather, open_deals
from cti_bridge.routing.history import history_facts
from cti_bridge.routing.rule_tests import Given, GivenCrm, RuleTest
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.vocabulary import DEAL_FIELDS, DEALS, LAST_OPERATOR

_SOMEBODY = CallerNumber(NumberKind.EXTERNAL, "")
"""Who calls in a test that does not say: somebody from outside, whose number is absent."""


@dataclass(frozen=True, slots=True)
class RuleTestRun:
    """How one test came out: what was decided and why, and what of it is not as expected (nothing: it passed)."""

    test: RuleTest
    gathered: Gathered
    decision: Decision
    trace: Trace
    differences: tuple[Difference, ...]


def run_test(test: RuleTest, rules: RuleSet, stages: StageList) -> RuleTestRun:
    """Decides the call that this test gives."""
    gathered = given_call(test.given, rules, stages)
    decision, trace = decide(rules, gathered)
    return RuleTestRun(test, gathered, decision, trace, differences(test.expect, decision))


def given_call(given: Given, rules: RuleSet, stages: StageList) -> Gathered:
    """Everything a decision is made from; what was not given is absent, or unknown where the CRM did not answer."""
    caller = given.caller or _SOMEBODY
    source = _source(given, caller)
    call = CallFacts(caller, given.did, given.trunk, at=given.at)
    facts = dict(gather(call, CrmAnswer(source, age_s=given.crm_age_s), rules, stages).facts)
    facts |= history_facts(NO_HISTORY)
    facts |= {name: fact for name, fact in given.facts.items() if name.startswith("call.") or name == LAST_OPERATOR}
    if source is CrmSource.FAILED:
        return Gathered(facts, source)
    facts |= {name: value for name, value in given.facts.items() if name.startswith("customer.")}
    deals = _open(given.deals, stages)
    facts |= {f"deal.{name}": deals[0].get(name) for name in DEAL_FIELDS} if deals else {}
    facts["deal.known"] = bool(deals) or given.facts.get("deal.known") is True
    facts[DEALS] = deals or ([_whole({})] if facts["deal.known"] else [])
    facts["customer.known"] = _customer_given(given)
    return Gathered(facts, source)


def _customer_given(given: Given) -> bool:
    """Whether anything is given that only somebody who is known can have."""
    if "customer.known" in given.facts:
        return given.facts["customer.known"] is True
    of_somebody = [
        name
        for name, value in given.facts.items()
        if not name.startswith("call.") and name != LAST_OPERATOR and value is not False
    ]
    return bool(of_somebody or given.deals)


def _source(given: Given, caller: CallerNumber) -> CrmSource:
    if caller.kind in {NumberKind.ANONYMOUS, NumberKind.INTERNAL}:
        return CrmSource.SKIPPED
    if given.crm in {GivenCrm.DOWN, GivenCrm.SLOW}:
        return CrmSource.FAILED
    if given.crm is GivenCrm.STALE:
        return CrmSource.STALE
    return CrmSource.FRESH if given.crm is GivenCrm.ANSWER and _customer_given(given) else CrmSource.NONE


def _open(given: tuple[Mapping[str, FactValue], ...], stages: StageList) -> list[dict[str, FactValue]]:
    """The deals that are still going on, the one that the call is about first; one without a stage counts as open."""
    staged = [Deal(DealId(str(number)), "", str(deal["stage"])) for number, deal in enumerate(given) if "stage" in deal]
    without = [_whole(deal) for deal in given if "stage" not in deal]
    return [*(_whole(given[int(deal.id)]) for deal in open_deals(staged, stages)), *without]


def _whole(deal: Mapping[str, FactValue]) -> dict[str, FactValue]:
    return {name: deal.get(name) for name in DEAL_FIELDS}
