"""`open` and `unless_open` in rules and steps: judged once, at the moment of the call, and kept with its facts."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from columns import in_words

from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.decision import CrmAnswer, CrmSource, Decision
from cti_bridge.domain.number import parse_number
from cti_bridge.routing.decide import Trace, decide
from cti_bridge.routing.explain import explain_call, explain_json, explain_lines
from cti_bridge.routing.facts import CallFacts, Gathered, flatten, gather
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.moment import read_moment
from cti_bridge.routing.rules import RuleSet

MOSCOW = ZoneInfo("Europe/Moscow")
HEAD = """\
version: 1
schedules:
  office: {hours: "Mo-Fr 09:00-20:00; Sa 10:00-16:00"}
  kitchen: {hours: "Mo-Su 12:00-13:00"}
  kazan: {hours: "Mo-Fr 09:00-10:00", timezone: Asia/Yekaterinburg}
queues: {desk: {timeout: 60s}, night: , kitchens: }
default: {queue: desk}
"""
MONDAY, NIGHT, LUNCH, SATURDAY = "2026-11-23 11:00", "2026-11-23 23:00", "2026-11-23 12:30", "2026-11-28 17:00"


def asked(rules: RuleSet, moment: str | None, source: CrmSource = CrmSource.NONE) -> Gathered:
    at = read_moment(moment, MOSCOW) if moment else None
    return gather(CallFacts(parse_number("+74950000150", region="RU"), at=at), CrmAnswer(source), rules, SHIPPED_STAGES)


def told(
    rules: str, moment: str | None, source: CrmSource = CrmSource.NONE
) -> tuple[RuleSet, Gathered, Decision, Trace]:
    loaded = load_rules(HEAD + rules)
    gathered = asked(loaded, moment, source)
    return (loaded, gathered, *decide(loaded, gathered))


@pytest.mark.parametrize(
    ("condition", "moments"),
    [
        ("open: office", {MONDAY, LUNCH}),
        ("unless_open: office", {NIGHT, SATURDAY}),
        ("open: [office, kitchen]", {LUNCH}),
        ("unless_open: [office, kitchen]", {NIGHT, SATURDAY}),
        ("open: office, unless_open: kitchen", {MONDAY}),
        ("open: [office], when: {call.kind: internal}", set()),
        ("when: {call.kind: external}, unless_open: kitchen", {MONDAY, NIGHT, SATURDAY}),
    ],
)
def test_a_rule_holds_while_its_schedules_are_as_wanted(condition: str, moments: set[str]) -> None:
    rules = f"rules: [{{name: it, queue: night, {condition}}}]"

    assert {moment for moment in (MONDAY, NIGHT, LUNCH, SATURDAY) if told(rules, moment)[2].rule == "it"} == moments


def test_a_schedule_is_open_in_the_hours_of_its_own_zone() -> None:
    rules = "rules: [{name: it, queue: night, open: kazan}]"

    assert told(rules, "2026-11-23 07:30")[2].rule == "it"
    assert told(rules, "2026-11-23 09:30")[2].rule == "default"


def test_a_child_needs_its_parents_hours_too() -> None:
    rules = "rules: [{name: day, open: office, rules: [{name: lunch, open: kitchen, queue: kitchens}]}]"

    assert told(rules, LUNCH)[2].rule == "day/lunch"
    assert told(rules, MONDAY)[2].rule == "default"
    assert told(rules, "2026-11-29 12:30")[2].rule == "default"


@pytest.mark.parametrize(
    ("moment", "queues"),
    [(MONDAY, ["desk"]), (LUNCH, ["desk", "kitchens"]), (NIGHT, ["desk", "night"])],
)
def test_a_step_is_taken_by_the_hour_of_the_decision(moment: str, queues: list[str]) -> None:
    steps = "then: [{queue: kitchens, open: kitchen}, {queue: night, timeout: 30, unless_open: office}]"

    for rules in (
        f"rules: [{{name: it, queue: desk, {steps}}}]",
        f"rules: [{{name: p, queue: desk, {steps}, rules: [{{name: c}}]}}]",
    ):
        assert [step.queue for step in told(rules, moment)[2].steps] == queues


def test_the_steps_of_default_have_hours_too() -> None:
    rules = load_rules(HEAD.replace("{queue: desk}", "{queue: desk, then: [{queue: night, unless_open: office}]}"))

    assert [step.queue for step in decide(rules, asked(rules, NIGHT))[0].steps] == ["desk", "night"]
    assert [step.queue for step in decide(rules, asked(rules, MONDAY))[0].steps] == ["desk"]


def test_the_night_rule_works_while_the_crm_is_down() -> None:
    decision = told("rules: [{name: closed, unless_open: office, queue: night}]", NIGHT, CrmSource.FAILED)[2]

    assert (decision.kind.value, decision.rule, decision.queue) == ("matched", "closed", "night")


def test_without_a_moment_no_condition_on_a_schedule_holds() -> None:
    rules = "rules: [{name: a, open: office, queue: night}, {name: b, unless_open: office, queue: night}]"
    loaded, gathered, decision, trace = told(rules, None)

    assert decision.rule == "default"
    assert "no b the moment of the call is unknown" in in_words(explain_lines(loaded, gathered, decision, trace))


def test_explain_says_of_each_schedule_why() -> None:
    rules = (
        "rules:\n  - {name: lunch, open: [office, kitchen], queue: kitchens}\n"
        "  - {name: day, open: office, queue: desk}\n"
        "  - {name: late, unless_open: kazan, queue: night, then: [{queue: kitchens, open: kitchen}, desk]}\n"
    )
    lines = in_words(explain_lines(*told(rules, SATURDAY)))

    assert "call.at 2026-11-28T17:00:00+03:00" in lines
    assert lines[lines.index("rules") :] == [
        "rules",
        "no lunch schedule `office` is closed: Sa 16:00-Mo 09:00",
        "no day schedule `office` is closed: Sa 16:00-Mo 09:00",
        "yes late matches (schedule `kazan` is closed: Fr 10:00-Mo 09:00)",
        "",
        "schedules",
        "office closed: Sa 16:00-Mo 09:00",
        "kazan closed: Fr 10:00-Mo 09:00",
        "kitchen closed: Sa 13:00-Su 12:00",
        "",
        "decision",
        "decision matched, the rule `late` matched",
        "class (none)",
        "step 1 night, no limit",
        "step 2 desk, 60 s",
        "left out kitchens, schedule `kitchen` is closed: Sa 13:00-Su 12:00",
        "final queue:desk",
        "crm none",
    ]


def test_explain_says_why_a_closed_door_was_open() -> None:
    lines = in_words(explain_lines(*told("rules: [{name: closed, unless_open: office, queue: night}]", MONDAY)))

    assert "no closed schedule `office` is open: Mo 09:00-20:00" in lines


def test_json_has_the_schedules_and_the_steps_left_out() -> None:
    rules = "rules: [{name: it, open: office, queue: desk, then: [{queue: night, unless_open: office}]}]"
    said = json.loads(json.dumps(explain_json(*told(rules, MONDAY))))

    assert said["schedules"] == [{"schedule": "office", "open": True, "reason": "open: Mo 09:00-20:00"}]
    assert said["left_out"] == [{"queue": "night", "reason": "schedule `office` is open: Mo 09:00-20:00"}]
    assert said["facts"]["call.at"] == "2026-11-23T11:00:00+03:00"


NIGHT_RULE = "rules: [{name: closed, unless_open: office, queue: night, then: [{queue: desk, open: kitchen}]}]"


@pytest.mark.parametrize("moment", [MONDAY, NIGHT, LUNCH, SATURDAY])
def test_a_kept_call_is_decided_again_by_the_hour_it_came(moment: str) -> None:
    _, gathered, decision, trace = told(NIGHT_RULE, moment)

    _, _, again, retraced = explain_call(json.loads(json.dumps(flatten(gathered))), HEAD + NIGHT_RULE)

    assert (again.rule, again.steps, retraced) == (decision.rule, decision.steps, trace)


def test_a_kept_call_is_decided_by_the_schedules_of_other_rules() -> None:
    kept = flatten(told(NIGHT_RULE, NIGHT)[1])
    later = HEAD.replace("Mo-Fr 09:00-20:00", "Mo-Fr 09:00-24:00").replace("version: 1", "version: 1\ntimezone: UTC")

    assert explain_call(kept, later + NIGHT_RULE)[2].rule == "default"


def test_a_call_that_was_kept_without_its_moment_matches_no_hours() -> None:
    kept = flatten(told("", MONDAY)[1])

    assert (
        explain_call({name: value for name, value in kept.items() if name != "call.at"}, HEAD + NIGHT_RULE)[2].rule
        == "default"
    )


def test_the_moment_is_kept_in_the_zone_of_the_rules() -> None:
    rules = load_rules(HEAD.replace("version: 1", "version: 1\ntimezone: Asia/Novosibirsk"))

    assert asked(rules, MONDAY).facts["call.at"] == "2026-11-23T15:00:00+07:00"
    assert datetime.fromisoformat(str(asked(rules, MONDAY).facts["call.at"])) == read_moment(MONDAY, MOSCOW)


def test_a_moment_that_no_calendar_reaches_is_unknown() -> None:
    rules = load_rules(HEAD + NIGHT_RULE)
    far = CallFacts(parse_number("101", region="RU"), at=datetime.max.replace(tzinfo=UTC))

    assert decide(rules, gather(far, CrmAnswer(CrmSource.SKIPPED), rules, SHIPPED_STAGES))[0].rule == "default"


def test_no_condition_asks_for_the_moment_itself() -> None:
    with pytest.raises(ValueError, match=r"unknown fact `call\.at`"):
        load_rules(HEAD + "rules: [{name: a, queue: desk, when: {call.at: {prefix: '2026'}}}]")
