"""Where calls go: the decision table, the tree, the choice of customer and deal, verified numbers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, CustomerRecord, Deal
from cti_bridge.domain.decision import (
    CrmAnswer,
    CrmSource,
    Decision,
    DecisionKind,
    OperatorSource,
    PreferredOperator,
    Step,
    WantedOperator,
)
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import parse_number
from cti_bridge.routing.decide import decide
from cti_bridge.routing.facts import CallFacts, gather
from cti_bridge.routing.load import load_rules

HEAD = """\
version: 1
classes:
  - {name: production, when: {deal.stage: [paid, in_production, delivery, installation]}}
  - {name: sales, when: {deal.stage: [offer_preparing, offer_sent, awaiting_payment]}}
  - {name: new}
queues:
  desk: {timeout: 120s}
  sales: {timeout: 1m}
  works:
  duty: {timeout: 45}
default: {queue: desk}
trusted_trunks: [trunk-a]
degraded: {queue: duty, by_did: {+74950000149: sales}}
"""
MONDAY = datetime(2026, 11, 23, 11, tzinfo=UTC)


def deal(key: str, stage: str, *, amount: str | None = None, responsible: str = "", days: int | None = None) -> Deal:
    changed_at = None if days is None else MONDAY + timedelta(days=days)
    return Deal(DealId(key), f"Кухня {key}", stage, Decimal(amount) if amount else None, responsible, changed_at)


def customer(
    key: str = "k1", *deals: Deal, days: int | None = None, city: str = "", segment: str = "", responsible: str = ""
) -> CustomerRecord:
    contact = None if days is None else MONDAY + timedelta(days=days)
    person = Customer(
        CustomerId(key),
        f"Берёзкин {key}",
        city=city,
        segment=segment,
        responsible=responsible,
        last_contact_at=contact,
    )
    return CustomerRecord(person, deals)


def route(
    rules: str,
    *records: CustomerRecord,
    source: CrmSource | None = None,
    caller: str = "8 (495) 000-01-50",
    did: str = "",
    trunk: str = "",
    attestation: str = "",
) -> Decision:
    ruleset = load_rules(HEAD + rules, stages=SHIPPED_STAGES)
    source = source or (CrmSource.FRESH if records else CrmSource.NONE)
    call = CallFacts(parse_number(caller, region="RU"), did, trunk, attestation)
    gathered = gather(call, CrmAnswer(source, records), ruleset, SHIPPED_STAGES)
    return decide(ruleset, gathered)[0]


BY_CLASS = """\
rules:
  - {name: works, when: {class: production}, queue: works, then: [sales, desk]}
  - {name: night, when: {call.did: 84950000199}, queue: duty}
"""
PAID = customer("k1", deal("d1", "paid"))
OFFER = customer("k1", deal("d1", "offer_sent"))
NIGHT = "+74950000199"

TABLE = {
    "fresh, a rule matches": (PAID, CrmSource.FRESH, "", ("matched", "works", "works", "production")),
    "cached, a rule matches": (PAID, CrmSource.CACHED, "", ("matched", "works", "works", "production")),
    "stale, a rule matches": (PAID, CrmSource.STALE, "", ("matched", "works", "works", "production")),
    "fresh, no rule matches": (OFFER, CrmSource.FRESH, "", ("default", "default", "desk", "sales")),
    "cached, no rule matches": (OFFER, CrmSource.CACHED, "", ("default", "default", "desk", "sales")),
    "stale, no rule matches": (OFFER, CrmSource.STALE, "", ("default", "default", "desk", "sales")),
    "kept: nobody has this number": (None, CrmSource.CACHED, "", ("default", "default", "desk", "new")),
    "nobody has this number, a rule matches": (None, CrmSource.NONE, NIGHT, ("matched", "night", "duty", "new")),
    "nobody has this number, no rule matches": (None, CrmSource.NONE, "", ("default", "default", "desk", "new")),
    "not asked, a rule matches": (None, CrmSource.SKIPPED, NIGHT, ("matched", "night", "duty", "new")),
    "not asked, no rule matches": (None, CrmSource.SKIPPED, "", ("default", "default", "desk", "new")),
    "failed, a rule without CRM facts matches": (None, CrmSource.FAILED, NIGHT, ("matched", "night", "duty", "")),
    "failed, no rule matches": (None, CrmSource.FAILED, "", ("degraded", "degraded", "duty", "")),
    "failed, by the number dialled": (None, CrmSource.FAILED, "74950000149", ("degraded", "degraded", "sales", "")),
}


@pytest.mark.parametrize(("record", "source", "did", "expected"), TABLE.values(), ids=TABLE.keys())
def test_the_decision_table(
    record: CustomerRecord | None, source: CrmSource, did: str, expected: tuple[str, str, str, str]
) -> None:
    decision = route(BY_CLASS, *([record] if record else []), source=source, did=did)

    assert (decision.kind.value, decision.rule, decision.queue, decision.class_name) == expected
    assert decision.crm is source
    assert decision.final == "queue:desk"


def test_a_failed_crm_without_a_degraded_queue_sends_the_call_to_the_default_queue() -> None:
    ruleset = load_rules("version: 1\nqueues: {desk: {timeout: 30s}}\ndefault: {queue: desk}\n")
    call = CallFacts(parse_number("+74950000150", region="RU"))

    decision, _ = decide(ruleset, gather(call, CrmAnswer(CrmSource.FAILED), ruleset, SHIPPED_STAGES))

    assert (decision.kind, decision.steps) == (DecisionKind.DEGRADED, (Step("desk", 30),))


@pytest.mark.parametrize("did", ["+74950000149", "74950000149", "84950000149", "8 (495) 000-01-49"])
def test_a_dialled_number_matches_however_the_trunk_spells_it(did: str) -> None:
    rules = 'rules: [{name: line, when: {call.did: "8 (495) 000-01-49"}, queue: works}]\n'

    assert route(rules, did=did).rule == "line"
    assert route("", did=did, source=CrmSource.FAILED).queue == "sales"


NESTED = """\
rules:
  - name: group
    when: {customer.known: true}
    rules:
      - {name: vip, when: {customer.segment: vip}, queue: works}
  - name: city
    when: {customer.city: Тверь}
    queue: sales
    then: [{queue: works, timeout: 20s}]
    priority: 5
    operator: responsible
    operator_timeout: 20s
    final: queue:duty
    rules:
      - {name: paid, when: {class: production}, queue: works}
      - {name: big, when: {deal.amount: {min: 1000}}, then: [], priority: 0, final: queue:sales}
      - name: offer
        when: {class: sales}
        rules:
          - {name: gold, when: {customer.segment: gold}, queue: duty, operator_timeout: 5}
"""
SALES_THEN_WORKS = (Step("sales", 60), Step("works", 20))
TREE = {
    "a child answers": (
        customer("k1", segment="vip"),
        ("group/vip", (Step("works", 0),), "queue:desk", None, None),
    ),
    "a group without a queue is passed": (
        customer("k1", city="Тверь"),
        ("city", SALES_THEN_WORKS, "queue:duty", 5, 20),
    ),
    "a parent with a queue answers when no child does": (
        customer("k1", deal("d", "closed"), city="Тверь"),
        ("city", SALES_THEN_WORKS, "queue:duty", 5, 20),
    ),
    "a child inherits what it does not name": (
        customer("k1", deal("d", "paid"), city="Тверь"),
        ("city/paid", (Step("works", 0), Step("works", 20)), "queue:duty", 5, 20),
    ),
    "a named key replaces the whole value": (
        customer("k1", deal("d", "offer_sent", amount="1000"), city="Тверь"),
        ("city/big", (Step("sales", 60),), "queue:sales", 0, 20),
    ),
    "a grandchild needs all conditions above it": (
        customer("k1", deal("d", "offer_sent"), city="Тверь", segment="gold"),
        ("city/offer/gold", (Step("duty", 45), Step("works", 20)), "queue:duty", 5, 5),
    ),
    "the inner parent with an inherited queue answers": (
        customer("k1", deal("d", "offer_sent"), city="Тверь"),
        ("city/offer", SALES_THEN_WORKS, "queue:duty", 5, 20),
    ),
    "nothing holds": (customer("k1", city="Псков"), ("default", (Step("desk", 120),), "queue:desk", None, None)),
}


@pytest.mark.parametrize(("record", "expected"), TREE.values(), ids=TREE.keys())
def test_the_first_rule_of_the_tree_wins(record: CustomerRecord, expected: tuple[object, ...]) -> None:
    decision = route(NESTED, CustomerRecord(replace(record.customer, responsible="op2"), record.deals))

    operator_s = decision.preferred.timeout_s if decision.preferred else None
    assert (decision.rule, decision.steps, decision.final, decision.priority, operator_s) == expected


def responsible(user: str) -> PreferredOperator:
    return PreferredOperator((WantedOperator(OperatorSource.RESPONSIBLE, crm_user=user),), 15)


FIRST_RINGS = "rules: [{name: own, queue: sales, operator: responsible}]\n"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (customer("k1", deal("d1", "paid", responsible="op3"), responsible="op1"), responsible("op3")),
        (customer("k1", deal("d1", "paid"), responsible="op1"), responsible("op1")),
        (customer("k1", deal("d1", "paid")), None),
        (customer("k1", deal("d1", "lost", responsible="op3")), None),
    ],
    ids=["of the deal", "else of the customer", "nobody is", "not of a closed deal"],
)
def test_the_responsible_operator_is_rung_first(record: CustomerRecord, expected: PreferredOperator | None) -> None:
    assert route(FIRST_RINGS, record).preferred == expected


def test_nobody_is_rung_first_when_the_crm_failed() -> None:
    decision = route(FIRST_RINGS, source=CrmSource.FAILED)

    assert (decision.kind, decision.preferred) == (DecisionKind.MATCHED, None)


CHOSEN = {
    "highest stage": ([deal("a", "paid"), deal("b", "delivery"), deal("c", "offer_sent")], "b"),
    "closed deals do not count": ([deal("a", "closed"), deal("b", "paid"), deal("c", "lost")], "b"),
    "unknown stages do not count": ([deal("a", "bewitched"), deal("b", "paid")], "b"),
    "latest change": ([deal("a", "paid", days=1), deal("b", "paid", days=2), deal("c", "paid")], "b"),
    "smallest id": ([deal("10", "paid", days=1), deal("9", "paid", days=1), deal("x", "paid", days=1)], "9"),
    "none open": ([deal("a", "closed")], None),
}


@pytest.mark.parametrize(("deals", "expected"), CHOSEN.values(), ids=CHOSEN.keys())
def test_the_call_is_about_the_deal_that_came_furthest(deals: list[Deal], expected: str | None) -> None:
    assert route("", customer("k1", *deals)).deal_id == expected
    assert route("", customer("k1", *reversed(deals))).deal_id == expected


WITH_OFFER = customer("k1", deal("d1", "offer_sent"), days=3)
WITH_WORKS = customer("k2", deal("d2", "in_production"), days=1)
WITHOUT_DEAL = customer("k3", days=2)
NEVER_SPOKEN = customer("k4")
AMBIGUOUS = {
    "most advanced deal": ("most_advanced_deal", [WITH_OFFER, WITH_WORKS], ("k2", "d2", "production", "works")),
    "latest contact": ("latest_contact", [WITH_OFFER, WITH_WORKS], ("k1", "d1", "sales", "desk")),
    "latest contact has no deal": ("latest_contact", [WITHOUT_DEAL, WITH_WORKS], ("k3", None, "new", "desk")),
    "nobody has a deal": ("most_advanced_deal", [NEVER_SPOKEN, WITHOUT_DEAL], ("k3", None, "new", "desk")),
    "nobody was spoken with": ("latest_contact", [customer("10"), customer("9")], ("9", None, "new", "desk")),
    "same stage, same time": (
        "most_advanced_deal",
        [customer("k2", deal("d9", "paid")), customer("k1", deal("d10", "paid"))],
        ("k1", "d10", "production", "works"),
    ),
    "default answers": ("default", [WITH_OFFER, WITH_WORKS], (None, None, "", "desk")),
}


@pytest.mark.parametrize(("policy", "records", "expected"), AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_a_number_of_several_customers(
    policy: str, records: list[CustomerRecord], expected: tuple[str | None, str | None, str, str]
) -> None:
    rules = BY_CLASS + f"ambiguous: {policy}\n"
    for order in (records, records[::-1]):
        decision = route(rules, *order)
        assert (decision.customer_id, decision.deal_id, decision.class_name, decision.queue) == expected


@pytest.mark.parametrize("policy", ["latest_contact", "most_advanced_deal", "default"])
def test_all_customers_of_a_number_are_candidates_whatever_the_policy(policy: str) -> None:
    ruleset = load_rules(HEAD + f"ambiguous: {policy}\n")
    call = CallFacts(parse_number("+74950000150", region="RU"))

    gathered = gather(call, CrmAnswer(CrmSource.FRESH, (WITH_OFFER, WITH_WORKS)), ruleset, SHIPPED_STAGES)

    assert gathered.candidates == (WITH_OFFER, WITH_WORKS)


def test_the_default_policy_answers_with_default_whatever_rule_would_match() -> None:
    decision = route(
        "rules: [{name: all, queue: works}]\nambiguous: default\n", WITH_OFFER, WITH_WORKS, source=CrmSource.STALE
    )

    assert (decision.kind, decision.rule, decision.crm) == (DecisionKind.DEFAULT, "default", CrmSource.STALE)


VERIFIED = "rules: [{name: vip, verified_number: required, queue: sales}]\n"


@pytest.mark.parametrize(
    ("trunk", "attestation", "rule"),
    [
        ("trunk-a", "", "vip"),
        ("trunk-b", "A", "vip"),
        ("trunk-b", "a", "vip"),
        ("trunk-a", "C", "vip"),
        ("trunk-b", "B", "default"),
        ("trunk-b", "", "default"),
        ("", "", "default"),
        ("", "AA", "default"),
    ],
)
def test_a_number_is_verified_by_its_trunk_or_by_attestation_a(trunk: str, attestation: str, rule: str) -> None:
    assert route(VERIFIED, trunk=trunk, attestation=attestation).rule == rule


def test_a_class_is_empty_when_no_entry_holds() -> None:
    rules = (
        "version: 1\nqueues: {desk: }\ndefault: {queue: desk}\nclasses: [{name: vip, when: {customer.segment: vip}}]\n"
    )
    ruleset = load_rules(rules + "rules: [{name: other, when: {class: {not: vip}}, queue: desk}]\n")
    gathered = gather(
        CallFacts(parse_number("101", region="RU")), CrmAnswer(CrmSource.SKIPPED), ruleset, SHIPPED_STAGES
    )

    decision, _ = decide(ruleset, gathered)

    assert (decision.class_name, decision.rule) == ("", "other")


def test_nine_steps_are_possible() -> None:
    rules = f"rules: [{{name: long, queue: desk, then: [{', '.join(['sales'] * 8)}]}}]\n"

    assert len(route(rules).steps) == 9


def test_the_hash_names_the_text() -> None:
    assert load_rules(HEAD).hash == load_rules(HEAD).hash != load_rules(HEAD + "\n").hash
