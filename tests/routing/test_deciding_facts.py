"""The short reason on an operator's card: the few facts that decided, and nothing else of the rules or the customer."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, CustomerRecord, Deal
from cti_bridge.domain.decision import CrmAnswer, CrmSource
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import parse_number
from cti_bridge.routing.decide import decide
from cti_bridge.routing.deciding import MAX_TEXT, deciding_facts
from cti_bridge.routing.facts import CallFacts, gather
from cti_bridge.routing.load import load_rules

HEAD = """\
version: 1
timezone: Europe/Moscow
classes: [{name: production, when: {deal.stage: paid}}, {name: new}]
schedules: {office: {hours: "Mo-Fr 09:00-20:00"}}
queues: {desk: , sales: }
default: {queue: desk}
trusted_trunks: [main]
"""
MONDAY = datetime(2026, 11, 23, 11, tzinfo=ZoneInfo("Europe/Moscow"))


def reason(rules: str, *records: CustomerRecord, source: CrmSource = CrmSource.FRESH) -> dict[str, object]:
    loaded = load_rules(HEAD + rules)
    call = CallFacts(parse_number("+74950000150", region="RU"), trunk="main", name="М" * 300, at=MONDAY)
    decision, trace = decide(loaded, gather(call, CrmAnswer(source, records), loaded, SHIPPED_STAGES))
    return {one.fact: one.value for one in deciding_facts(decision, trace)}


def customer(stage: str = "paid", segment: str = "vip", key: str = "k1") -> CustomerRecord:
    person = Customer(CustomerId(key), "Берёзкин", city="Тверь", segment=segment)
    return CustomerRecord(person, (Deal(DealId("d1"), "Кухня", stage),))


@pytest.mark.parametrize(
    ("rules", "facts"),
    [
        ("{name: it, when: {deal.stage: [paid, delivery]}, queue: sales}", {"deal.stage": "paid"}),
        ("{name: it, when: {class: production}, queue: sales}", {"deal.stage": "paid"}),
        ("{name: it, when: 'call.class == \"production\"', queue: sales}", {"deal.stage": "paid"}),
        (
            "{name: it, when: {customer.segment: vip}, verified_number: required, open: office, queue: sales}",
            {"customer.segment": "vip", "schedule.office": "open", "call.verified": True},
        ),
        (
            "{name: it, when: 'customer.city == \"Тверь\" && size(deals) > 0', queue: sales}",
            {"customer.city": "Тверь", "deals": 1},
        ),
        ("{name: it, when: {deal.amount: {not: 5}}, queue: sales}", {"deal.amount": None}),
        (
            "{name: group, when: {customer.city: Тверь}, rules: [{name: it, when: {deals: {min: 1}}, queue: sales}]}",
            {"deals": 1, "customer.city": "Тверь"},
        ),
        (
            "{name: it, when: {customer.city: Тверь}, queue: sales, rules: [{name: no, when: {deals: 7}}]}",
            {"customer.city": "Тверь"},
        ),
        ("{name: it, queue: sales}", {}),
        ("{name: no, when: {deals: 7}, queue: sales}", {"deal.stage": "paid"}),
    ],
    ids=[
        "fact",
        "class",
        "class in an expression",
        "three",
        "expression",
        "absent",
        "parent",
        "child",
        "none",
        "default",
    ],
)
def test_the_facts_of_the_rule_that_matched(rules: str, facts: dict[str, object]) -> None:
    assert list(reason(f"rules: [{rules}]\n", customer()).items()) == list(facts.items())


def test_there_are_three_at_most_and_their_texts_are_short() -> None:
    when = "{call.name: {not: x}, customer.segment: vip, customer.city: Тверь, deal.stage: paid}"
    found = reason(f"rules: [{{name: it, when: {when}, queue: sales}}]\n", customer())

    assert list(found) == ["call.name", "customer.segment", "customer.city"]
    assert found["call.name"] == "М" * MAX_TEXT


def test_without_a_customer_the_class_has_no_reason() -> None:
    assert reason("", source=CrmSource.NONE) == {}


def test_a_silent_crm_is_the_reason_where_it_decided() -> None:
    assert reason("degraded: {queue: sales}\n", source=CrmSource.FAILED) == {"call.crm": "failed"}


def test_a_rule_that_needs_no_crm_is_the_reason_also_while_it_is_silent() -> None:
    rules = "rules: [{name: day, open: office, queue: sales}]\n"

    assert reason(rules, source=CrmSource.FAILED) == {"schedule.office": "open"}


def test_where_nobody_was_chosen_only_how_many_have_the_number_is_told() -> None:
    assert reason("ambiguous: default\n", customer(), customer(key="k2")) == {"call.candidates": 2}


@pytest.mark.parametrize(
    "when", ["{customer.segment: vip, deal.stage: paid}", "'has(deal.amount)'", "{class: production}"]
)
def test_what_nobody_could_know_while_the_crm_was_silent_is_no_reason(when: str) -> None:
    rules = f"rules: [{{name: it, when: {when}, open: office, queue: sales, degraded: {{queue: desk}}}}]\n"

    assert reason(rules, source=CrmSource.FAILED) == {"call.crm": "failed", "schedule.office": "open"}
