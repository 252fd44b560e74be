"""What the journal knows of a number in conditions: known, absent, or unknown; asked only by rules that want it."""

import json

import pytest

from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.decision import CrmAnswer, CrmSource
from cti_bridge.domain.history import NO_HISTORY, CallerHistory
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.number import parse_number
from cti_bridge.routing.decide import decide
from cti_bridge.routing.explain import explain_call, explain_json
from cti_bridge.routing.facts import CallFacts, Gathered, flatten, gather
from cti_bridge.routing.judgement import RuleText, judge
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.rules import RuleSet

HEAD = "version: 1\nqueues: {desk: , sales: }\ndefault: {queue: desk}\n"
STRANGER = CallerHistory(True, 0, None)
REGULAR = CallerHistory(False, 2, OperatorId("op1"))


def rules_with(when: str) -> RuleSet:
    return load_rules(f"{HEAD}rules:\n  - {{name: it, when: {when}, queue: sales}}\n")


def known(rules: RuleSet, history: CallerHistory | None, source: CrmSource = CrmSource.NONE) -> Gathered:
    call = CallFacts(parse_number("+74950000150", region="RU"))
    return gather(call, CrmAnswer(source), rules, SHIPPED_STAGES, history)


CONDITIONS = {
    "the first time": ("{call.first_time: true}", {"stranger"}),
    "not the first time": ("{call.first_time: false}", {"regular"}),
    "anything but the first time": ("{call.first_time: {not: true}}", {"regular", "no number"}),
    "missed twice": ("{call.missed_last_hour: {min: 2}}", {"regular"}),
    "not missed": ("{call.missed_last_hour: {max: 0}}", {"stranger"}),
    "spoke with one": ("{customer.last_operator: [op1, op2]}", {"regular"}),
    "spoke with anybody else or nobody": ("{customer.last_operator: {not: op2}}", {"stranger", "regular", "no number"}),
    "in CEL": ("'call.missed_last_hour > 0 && customer.last_operator == \"op1\"'", {"regular"}),
    "has in CEL": ("'has(customer.last_operator)'", {"regular"}),
    "has not in CEL": ("'!has(customer.last_operator)'", {"stranger", "no number"}),
    "not in CEL": ("'!(has(call.first_time) && call.first_time)'", {"regular", "no number"}),
}


@pytest.mark.parametrize(("when", "expected"), CONDITIONS.values(), ids=CONDITIONS.keys())
def test_a_condition_holds_for_whom_it_says_and_never_where_nothing_is_known(when: str, expected: set[str]) -> None:
    rules = rules_with(when)
    callers = {"stranger": STRANGER, "regular": REGULAR, "no number": NO_HISTORY, "unknown": None}

    assert {who for who, history in callers.items() if decide(rules, known(rules, history))[0].rule == "it"} == expected


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("", False),
        ("classes: [{name: again, when: {call.missed_last_hour: {min: 1}}}]\n", True),
        ("rules: [{name: a, when: {customer.known: true}, queue: sales, operator: responsible}]\n", False),
        ("rules: [{name: a, queue: sales, operator: {id: op1}}]\n", False),
        ("rules: [{name: a, queue: sales, operator: [responsible, last]}]\n", True),
        ("rules: [{name: a, rules: [{name: b, when: 'has(customer.last_operator)', queue: sales}]}]\n", True),
    ],
    ids=["no rules", "a class", "the CRM alone", "by name", "the last operator", "an expression far down"],
)
def test_the_journal_is_asked_only_if_the_rules_want_to_know(text: str, *, asks: bool) -> None:
    assert load_rules(HEAD + text).asks_history is asks


def test_the_crm_may_fail_and_the_journal_still_know() -> None:
    rules = rules_with("{customer.last_operator: op1}")

    assert decide(rules, known(rules, REGULAR, CrmSource.FAILED))[0].rule == "it"


def test_what_was_known_is_kept_so_that_the_call_can_be_explained_later() -> None:
    rules = rules_with("{call.missed_last_hour: {min: 1}}")
    kept = json.loads(json.dumps(flatten(known(rules, REGULAR))))
    _, gathered, decision, trace = explain_call(kept, HEAD + "rules: [{name: b, queue: sales, operator: last}]\n")

    assert (kept["call.first_time"], kept["call.missed_last_hour"]) == (False, 2)
    assert decision.preferred is not None
    assert decision.preferred.wanted[0].operator == "op1"
    assert gathered.facts["customer.last_operator"] == trace.facts["customer.last_operator"] == "op1"


def test_what_rules_did_not_ask_for_is_not_told_as_unknown() -> None:
    asking, silent = rules_with("{call.first_time: true}"), rules_with("{customer.known: true}")

    def unknown(rules: RuleSet) -> set[str]:
        gathered = known(rules, None)
        return {*explain_json(rules, gathered, *decide(rules, gathered))["unknown"]}

    assert unknown(asking) == {"call.first_time", "call.missed_last_hour", "customer.last_operator"}
    assert unknown(silent) == set()


TESTED = f"""\
{HEAD}rules:
  - name: again
    when: {{call.missed_last_hour: {{min: 1}}}}
    queue: sales
    operator: [last, responsible, {{id: op9}}]
  - {{name: stranger, when: {{call.first_time: true}}, queue: sales}}
tests:
"""
GOOD_TESTS = {
    "missed": ("{call.missed_last_hour: 2}", "{rule: again, operator: op9}"),
    "missed, spoke with op1": (
        "{call.missed_last_hour: 2, customer.last_operator: op1, deal.responsible: op7, deal.stage: paid}",
        "{operator: op1}",
    ),
    "missed, of a customer": (
        "{call.missed_last_hour: 1, deal.stage: paid, deal.responsible: op7}",
        "{rule: again, operator: op7, crm: fresh}",
    ),
    "a stranger": ("{call.first_time: true}", '{rule: stranger, crm: none, operator: ""}'),
    "not given": ("{caller: +74950000150}", "{rule: default}"),
    "the CRM is down": ("{crm: down, call.missed_last_hour: 1, customer.last_operator: op1}", "{operator: op1}"),
    "no customer": ("{crm: none, customer.last_operator: op1, call.first_time: false}", "{crm: none, rule: default}"),
}


@pytest.mark.parametrize(("given", "expect"), GOOD_TESTS.values(), ids=GOOD_TESTS.keys())
def test_tests_in_the_file_give_it(given: str, expect: str) -> None:
    judgement = judge(
        RuleText("r.yaml", f"{TESTED}  - {{name: it, given: {given}, expect: {expect}}}\n"), None, SHIPPED_STAGES
    )

    assert judgement.complaints == ()


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (
            "{caller: anonymous, call.first_time: true}",
            "r.yaml:11:43: call.first_time is never known of an anonymous caller"
            " (the journal is asked about numbers from outside only)",
        ),
        ("{call.missed_last_hour: many}", "r.yaml:11:47: call.missed_last_hour is a number, not `many`"),
    ],
)
def test_what_cannot_be_is_a_mistake(given: str, complaint: str) -> None:
    judgement = judge(
        RuleText("r.yaml", f"{TESTED}  - {{name: it, given: {given}, expect: {{queue: desk}}}}\n"), None, None
    )

    assert judgement.complaints == (complaint,)
