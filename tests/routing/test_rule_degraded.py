"""A rule's own `degraded`: while the CRM is silent, whoever could be one of its callers goes where it says."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from columns import in_words

from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, CustomerRecord, Deal
from cti_bridge.domain.decision import CrmAnswer, CrmSource, Decision
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import parse_number
from cti_bridge.routing.decide import Trace, decide
from cti_bridge.routing.explain import explain_json, explain_lines
from cti_bridge.routing.facts import CallFacts, Gathered, flatten, gather
from cti_bridge.routing.judgement import RuleText, judge
from cti_bridge.routing.kept_facts import from_flat
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.rules import RuleSet

FILE = """\
version: 1
lines:
  "+74950000148": {channel: radio}
  "+74950000147": {channel: site}
classes:
  - {name: production, when: {deal.stage: [paid, delivery]}}
  - {name: new}
schedules:
  office: {hours: "Mo-Fr 09:00-20:00"}
queues:
  desk: {timeout: 60s}
  sales: {timeout: 60s}
  works: {timeout: 60s}
  night: {}
  elite: {}
rules:
  - {name: night, unless_open: office, queue: night}
  - name: radio
    when: {line.channel: radio}
    rules:
      - name: vip
        when: {customer.segment: vip}
        queue: elite
        degraded: {queue: sales, then: [{queue: works, timeout: 30s}], final: "queue:night", cache: 1h}
  - name: production
    when: {class: production}
    queue: works
    degraded: {cache: 2h}
  - name: city
    when: 'customer.city == "Тверь" && call.verified'
    queue: sales
  - name: site
    when: {line.channel: site}
    queue: sales
    degraded: sales
  - name: verified
    when: {customer.known: {not: true}, deal.stage: paid}
    verified_number: required
    queue: works
    degraded: works
default: {queue: desk}
trusted_trunks: [trunk-a]
degraded: {queue: desk, by_did: {"+74950000149": elite}}
"""
RULES = load_rules(FILE)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Europe/Moscow"))
NIGHT = datetime(2026, 11, 23, 23, 0, tzinfo=ZoneInfo("Europe/Moscow"))
RADIO, ELSEWHERE, NAMED = "+74950000148", "+74950000140", "+74950000149"
SILENCE = CrmAnswer(CrmSource.FAILED)


def call(did: str = RADIO, *, trunk: str = "", at: datetime = NOON) -> CallFacts:
    return CallFacts(parse_number("+74950000150", region="RU"), did, trunk, at=at)


def decided(
    arriving: CallFacts, answer: CrmAnswer = SILENCE, rules: RuleSet = RULES
) -> tuple[Gathered, Decision, Trace]:
    gathered = gather(arriving, answer, rules, SHIPPED_STAGES)
    return (gathered, *decide(rules, gathered))


def kept(age_s: float, *, segment: str = "") -> CrmAnswer:
    deal = Deal(DealId("7"), "Кухня", "paid")
    record = CustomerRecord(Customer(CustomerId("c-1"), "Жанна Вымыслова", segment=segment), (deal,))
    return CrmAnswer(CrmSource.STALE, (record,), age_s=age_s)


def test_who_could_be_one_of_the_rules_callers_goes_where_it_says() -> None:
    _, decision, _ = decided(call())

    assert (decision.kind, decision.rule, decision.crm) == ("degraded", "radio/vip", "failed")
    assert [(step.queue, step.timeout_s) for step in decision.steps] == [("sales", 60), ("works", 30)]
    assert decision.final == "queue:night"
    assert decision.class_name == ""


def test_a_rule_that_needs_nothing_from_the_crm_comes_first() -> None:
    _, decision, _ = decided(call(at=NIGHT))

    assert (decision.kind, decision.rule, decision.queue) == ("matched", "night", "night")


def test_who_cannot_be_a_caller_of_such_a_rule_goes_where_the_file_says() -> None:
    assert [decided(call(did))[1].rule for did in (ELSEWHERE, NAMED)] == ["degraded", "degraded"]
    assert [decided(call(did))[1].queue for did in (ELSEWHERE, NAMED)] == ["desk", "elite"]


def test_what_is_not_verified_is_known_and_speaks_against_a_rule() -> None:
    assert decided(call(ELSEWHERE))[1].rule == "degraded"
    assert decided(call(ELSEWHERE, trunk="trunk-a"))[1].rule == "verified"


def test_an_expression_that_asks_for_something_unknown_does_not_speak_against_its_rule() -> None:
    rules = load_rules(
        FILE.replace("    queue: sales\n  - name: site", "    queue: sales\n    degraded: night\n  - name: site")
    )

    assert decided(call(ELSEWHERE), rules=rules)[1].rule == "city"


def test_without_time_of_day_no_schedule_is_as_wanted() -> None:
    rules = load_rules(FILE.replace("channel: radio}\n    rules", "channel: radio}\n    open: office\n    rules"))
    arriving = CallFacts(parse_number("+74950000150", region="RU"), RADIO)

    assert decided(arriving, rules=rules)[1].rule == "degraded"


def test_while_the_crm_answers_it_changes_nothing() -> None:
    _, decision, _ = decided(call(), CrmAnswer(CrmSource.NONE))

    assert (decision.kind, decision.rule) == ("default", "default")


def test_an_answer_that_was_kept_too_long_for_a_rule_does_not_count_for_it() -> None:
    young = decided(call(), kept(3600, segment="vip"))[1]
    older = decided(call(), kept(3601, segment="vip"))[1]
    old = decided(call(), kept(7201, segment="vip"))[1]

    assert [(one.kind, one.rule) for one in (young, older, old)] == [
        ("matched", "radio/vip"),
        ("matched", "production"),
        ("default", "default"),
    ]


def test_it_is_told_why_an_answer_was_too_old() -> None:
    gathered, decision, trace = decided(call(ELSEWHERE), kept(7300))
    lines = in_words(explain_lines(RULES, gathered, decision, trace))

    assert "no production the kept answer of the CRM is 7300 s old, this rule wants at most 7200 s" in lines
    assert "call.crm_age 7300" in lines


def test_it_is_told_which_rule_answered_and_why() -> None:
    gathered, decision, trace = decided(call())
    lines = in_words(explain_lines(RULES, gathered, decision, trace))
    told = explain_json(RULES, gathered, decision, trace)

    why = "the CRM did not answer and no rule matched without it, so `degraded` of `radio/vip` answers"
    assert f"decision degraded, {why}" in lines
    assert "in radio/vip could match, as far as is known: its `degraded` answers" in lines
    assert (told["decision"], told["rule"], told["reason"]) == ("degraded", "radio/vip", why)


@pytest.mark.parametrize("answer", [SILENCE, kept(3000, segment="vip"), kept(5000, segment="vip")])
def test_what_the_journal_keeps_is_decided_the_same_again(answer: CrmAnswer) -> None:
    gathered, decision, trace = decided(call(), answer)
    again, retraced = decide(RULES, from_flat(json.loads(json.dumps(flatten(gathered)))))

    assert (again.kind, again.rule, again.steps, again.final) == (
        decision.kind,
        decision.rule,
        decision.steps,
        decision.final,
    )
    assert retraced == trace


def test_the_files_own_tests_can_tell_it() -> None:
    tests = """\
tests:
  - name: the CRM is silent
    given: {crm: down, did: 8 (495) 000-01-48, at: "2026-11-23 12:00"}
    expect: {rule: radio/vip, decision: degraded, steps: [sales, {queue: works, timeout: 30s}], final: "queue:night"}
  - name: known an hour ago
    given: {crm: stale, crm_age: 1h, did: 8 (495) 000-01-48, at: "2026-11-23 12:00", customer.segment: vip}
    expect: {rule: radio/vip, decision: matched, crm: stale}
  - name: known half a day ago
    given: {crm: stale, crm_age: 12h, did: 8 (495) 000-01-48, at: "2026-11-23 12:00", customer.segment: vip}
    expect: {rule: default}
"""
    judgement = judge(RuleText("r.yaml", FILE + tests), None, None)

    assert judgement.complaints == ()
    assert "radio/vip" not in judgement.not_reached
    assert "site" in judgement.not_reached
