"""The card of a call that an earlier run of the bridge had written down."""

from dataclasses import replace

import pytest

from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.first_rung import NOBODY
from cti_bridge.reception.restored import restored
from cti_bridge.reception.why import NO_REASON, Why, encode_why
from cti_bridge.reception.why_again import why_again
from cti_bridge.routing.deciding import DecidingFact
from cti_bridge.routing.load import load_rules

DECISION = DecisionRecord(
    kind="matched", crm="fresh", crm_age_s=None, rule="sales", class_name="sales", queue="sales",
    steps=(("sales", 60),), final="queue:sales", customer_id="", operator="", priority=None, rules_hash="", facts={},
)  # fmt: skip
CALL = CallRecord(
    CallId("main-1"), "main", ChannelId("1"), "1", 1.0, "+74950000150", "external", "", "", "", False, DECISION
)  # fmt: skip

RULES = load_rules(
    "version: 1\nqueues: {sales: , desk: }\ndefault: {queue: desk}\n"
    "rules: [{name: sales, when: {customer.segment: vip}, queue: sales}]\n"
)
KEPT = replace(
    DECISION,
    rules_hash=RULES.hash,
    facts={"call.crm": "fresh", "customer.segment": "vip"},
    operator="op2",
    skipped=(("u9", NOBODY), ("op1", "is on the phone")),
)
STAFF = Directory.of(
    Operator(OperatorId(name), shown, (f"PJSIP/{name}",))
    for name, shown in (("op1", "Вера Лунёва"), ("op2", "Юрий Громов"))
)


def test_after_a_restart_the_card_says_why_as_before() -> None:
    found = why_again(KEPT, RULES, STAFF)

    assert found.reason == (DecidingFact("customer.segment", "vip"),)
    assert [(one.name, one.wish.value) for one in found.operators] == [
        ("u9", "nobody"),
        ("Вера Лунёва", "not_free"),
        ("Юрий Громов", "called"),
    ]


def test_an_operator_who_decided_is_told_by_his_name() -> None:
    staff = Directory.of([Operator(OperatorId("op1"), "Вера Лунёва", (), crm_user="u1")])
    facts = (("customer.last_operator", "op1"), ("deal.responsible", "u1"), ("customer.responsible", "u9"))

    told = encode_why(Why(tuple(DecidingFact(fact, value) for fact, value in facts)), staff)

    assert [one["value"] for one in told["reason"]] == ["Вера Лунёва", "Вера Лунёва", "u9"]


@pytest.mark.parametrize(
    "kept",
    [replace(KEPT, rules_hash="other"), replace(KEPT, facts={}), replace(KEPT, rule="vip")],
    ids=["rules", "facts", "another release decides otherwise"],
)
def test_without_the_rules_or_the_facts_of_before_no_reason_is_made_up(kept: DecisionRecord) -> None:
    assert why_again(kept, RULES, STAFF) == NO_REASON


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        (DECISION, ("matched", "sales", "sales")),
        (replace(DECISION, delivered=False), ("fallback", "", "sales")),
        (replace(DECISION, delivered=False, shadow=True), ("fallback", "", "sales")),
        (None, ("fallback", "", "")),
    ],
    ids=["carried out", "too late", "in shadow mode", "not decided"],
)
def test_after_a_restart_the_card_says_who_decided(decision: DecisionRecord | None, told: tuple[str, ...]) -> None:
    _, card = restored(replace(CALL, decision=decision))

    assert (card.decision, card.rule, card.class_name) == told
