"""When a condition holds: known, absent and unknown facts; maps and CEL; what goes wrong in an expression."""

import json
from typing import Any

import pytest

from cti_bridge.domain.decision import CrmSource, Facts, FactValue
from cti_bridge.routing.decide import Trace, decide
from cti_bridge.routing.expression_check import check_expression
from cti_bridge.routing.facts import MAX_DEALS
from cti_bridge.routing.kept_facts import from_flat
from cti_bridge.routing.load import load_rules

KNOWN: dict[str, Any] = {
    "call.caller": "+74950000150",
    "call.did": None,
    "call.trunk": "trunk-a",
    "call.kind": "external",
    "call.verified": False,
    "call.crm": "fresh",
    "call.language": None,
    "call.name": "Берёзкин",
    "customer.known": True,
    "customer.id": "k1",
    "customer.name": "Берёзкин",
    "customer.city": "Тверь",
    "customer.segment": None,
    "deal.known": True,
    "deal.id": "17",
    "deal.stage": "paid",
    "deal.amount": 1500.5,
    "deals": [{"id": "17", "stage": "paid", "amount": 1500.5}, {"id": "18", "stage": "offer_sent", "amount": None}],
}
FAILED = {name: value for name, value in KNOWN.items() if name.startswith("call.")} | {
    "call.crm": "failed",
    "customer.known": False,
    "deal.known": False,
}


def outcome(when: str, facts: Facts) -> tuple[bool, Trace]:
    """Whether a rule with this `when` (YAML) matches these facts."""
    text = (
        "version: 1\nclasses: [{name: big, when: {deal.amount: {min: 1000}}}, {name: small}]\nqueues: {desk: }\n"
        f"default: {{queue: desk}}\nrules:\n  - {{name: it, queue: desk, when: {when}}}\n"
    )
    decision, trace = decide(rules := load_rules(text), from_flat(facts))
    assert decision.queue in rules.queues
    return decision.rule == "it", trace


MAPS = {
    # condition: (known, CRM failed)
    "{customer.city: Тверь}": (True, False),
    "{customer.city: {not: Тверь}}": (False, False),
    "{customer.city: Псков}": (False, False),
    "{customer.city: {not: Псков}}": (True, False),
    "{customer.city: [Псков, Тверь]}": (True, False),
    "{customer.city: {not: [Псков, Тверь]}}": (False, False),
    "{customer.city: {prefix: Тв}}": (True, False),
    "{customer.city: {prefix: [Пс, Тв], not: Тверца}}": (True, False),
    "{customer.city: [Псков, {prefix: Тве}]}": (True, False),
    # absent when known
    "{customer.segment: vip}": (False, False),
    "{customer.segment: {not: vip}}": (True, False),
    "{customer.segment: {prefix: v}}": (False, False),
    "{customer.segment: {not: {prefix: v}}}": (True, False),
    # left out: unknown in both
    "{customer.email: x}": (False, False),
    "{customer.email: {not: x}}": (False, False),
    "{deal.amount: 1500.5}": (True, False),
    "{deal.amount: {min: 1500.5, max: 1500.5}}": (True, False),
    "{deal.amount: {min: 1501}}": (False, False),
    "{deal.amount: {not: {min: 1501}}}": (True, False),
    "{deal.amount: {max: 1000}}": (False, False),
    "{deal.amount: [{max: 1000}, {min: 1500}]}": (True, False),
    "{deal.id: 17}": (True, False),
    "{deals: 2}": (True, False),
    "{deals: {min: 1, not: 2}}": (False, False),
    "{deals: {max: 1}}": (False, False),
    "{class: big}": (True, False),
    "{class: {not: small}}": (True, False),
    # these can always be asked
    "{customer.known: true}": (True, False),
    "{customer.known: false}": (False, True),
    "{customer.known: {not: true}}": (False, True),
    "{deal.known: false}": (False, True),
    "{call.crm: failed}": (False, True),
    "{call.crm: {not: [failed, stale]}}": (True, False),
    "{call.kind: external, call.trunk: trunk-a, call.verified: false}": (True, True),
    "{call.kind: external, call.trunk: trunk-b}": (False, False),
    "{call.did: +74950000149}": (False, False),
    "{call.did: {not: +74950000149}}": (True, True),
    "{call.caller: 8 (495) 000-01-50}": (True, True),
    "{call.caller: {prefix: +7495}}": (True, True),
    # CEL
    "'customer.city == \"Тверь\"'": (True, False),
    "'!(customer.city == \"Тверь\")'": (False, False),
    "'customer.city != \"Псков\"'": (True, False),
    "'has(customer.segment)'": (False, False),
    "'!has(customer.segment)'": (True, False),
    "'!has(customer.segment) || customer.segment == \"vip\"'": (True, False),
    "'!has(customer.email)'": (False, False),
    '\'call.trunk == "trunk-a" || customer.city == "Псков"\'': (True, False),
    '\'call.name == "customer.city" || call.kind == "external"\'': (True, True),
    "'customer.known && deal.known'": (True, False),
    "'!customer.known'": (False, True),
    "'call.crm == \"failed\"'": (False, True),
    "'call.class == \"big\"'": (True, False),
    "'call.class != \"small\"'": (True, False),
    "'deal.amount > 1500'": (True, False),
    "'deal.amount in [1500.5, 7]'": (True, False),
    "'size(deals) == 2'": (True, False),
    "'deals.size() >= 2'": (True, False),
    "'deals.exists(d, d.stage == \"offer_sent\")'": (True, False),
    "'deals.all(d, has(d.amount))'": (False, False),
    "'deals.filter(d, has(d.amount)).exists(d, d.amount > 1000)'": (True, False),
    '\'customer.name.startsWith("Бер") && customer.city.matches("^Т.*ь$")\'': (True, False),
    "'has(call.did) ? false : true'": (True, True),
}


@pytest.mark.parametrize(("when", "known", "failed"), [(w, *expected) for w, expected in MAPS.items()], ids=MAPS)
def test_a_condition_on_an_unknown_fact_fails_and_so_does_its_negation(when: str, known: bool, failed: bool) -> None:
    assert outcome(when, KNOWN)[0] is known
    assert outcome(when, FAILED)[0] is failed
    assert not outcome(when, FAILED)[1].cel_errors


ERRORS = {
    "'customer.segment == \"vip\"'": "customer.segment is absent; ask has(customer.segment) first",
    "'deals.all(d, d.amount > 0)'": "there is no amount; ask has(…) first",
    "'deal.amount'": "the result is float, not true or false",
    "'size(deals)'": "the result is int, not true or false",
    "'customer.city > 5'": "",
    "'1 / 0 == 1'": "division by zero in CEL expression",
    "'int(customer.city) == 1'": "",
    "'customer.city.matches(\"(\")'": "",
    "'deals[5].id == \"1\"'": "index out of bounds: 5",
}


@pytest.mark.parametrize(("when", "words"), ERRORS.items(), ids=ERRORS)
def test_an_error_in_an_expression_means_no_match_and_is_named(when: str, words: str) -> None:
    matched, trace = outcome(when, KNOWN)

    (error,) = trace.cel_errors
    assert not matched
    assert error.name == "it"
    assert error.error == words or (not words and error.error)


REFUSED = [
    "customer",
    "customer == {}",
    "size(customer) > 1",
    'customer["segment"] == "vip"',
    '"segment" in customer',
    "{'customer': customer}.size() > 0",
    ".customer.segment == 'vip'",
    "customer.segment.all(x, x == 'v')",
    "deals.map(d, deals.map(e, e)).size() > 0",
    "deals.exists(customer, customer.segment == 'x')",
    "deals.exists(d, d.title.matches('a+'))",
    "deals.exists(d, true) && deals.exists(e, true) && deals.exists(f, true) && deals.exists(g, true)",
    "deals.map(d, d.nothing).size() > 0",
    "timestamp('2026-01-01T00:00:00Z') > timestamp('2025-01-01T00:00:00Z')",
    "x.y == 1",
    "",
    "(" * 300 + "true" + ")" * 300,
]


@pytest.mark.parametrize("source", REFUSED)
def test_what_cannot_be_judged_or_bounded_is_refused(source: str) -> None:
    assert check_expression(source).complaints


@pytest.mark.parametrize(
    ("source", "facts"),
    [
        ('"customer.segment" == call.name', ("call.name",)),
        ("'''customer.city \" ' ''' == call.name", ("call.name",)),
        ('"\\" + customer.city + \\"" == call.name', ("call.name",)),
        ("r'\\' == call.name", ("call.name",)),
        ("call.name == 'x' // customer.city\n", ("call.name",)),
        ("call . name == customer\n.city", ("call.name", "customer.city")),
        ("deals.exists(d, d.id == deal.id)", ("deals", "deal.id")),
        ("!has(customer.segment)", ("customer.segment",)),
    ],
)
def test_the_facts_of_an_expression_are_found_outside_its_texts(source: str, facts: tuple[str, ...]) -> None:
    checked = check_expression(source)

    assert checked.expression is not None
    assert checked.expression.facts == facts


def test_the_worst_expression_that_is_let_in_is_bounded_by_the_number_of_deals() -> None:
    deals: list[dict[str, FactValue]] = [{"id": str(number), "stage": "paid"} for number in range(MAX_DEALS)]
    loop = 'deals.all(d, d.id != "x" && d.stage != "y")'

    matched, trace = outcome(f"'{loop} && {loop} && {loop}'", {**KNOWN, "deals": deals})

    assert matched
    assert not trace.cel_errors


def test_facts_travel_through_json_and_give_the_same_decision() -> None:
    kept = json.loads(json.dumps(KNOWN))

    assert outcome("{customer.city: Тверь}", kept)[0]
    assert from_flat(kept).source is CrmSource.FRESH


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"call.crm": "perhaps"},
        {"call.crm": "fresh", "customer.city": {"a": 1}},
        {"call.crm": "fresh", "call.did": ["+74950000149"]},
        {"call.crm": "fresh", "deals": "d1"},
        {"call.crm": "fresh", "deals": ["d1"]},
        {"call.crm": "fresh", "deals": [{"stage": ["paid"]}]},
    ],
)
def test_what_is_no_record_of_a_call_is_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not the facts of a call"):
        from_flat(facts)
