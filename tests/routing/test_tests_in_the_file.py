"""The tests of a rule file: given calls are decided as real ones are, and what came out otherwise is told."""

import json
import re
import textwrap
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.decision import CrmSource
from cti_bridge.routing.expected import EXPECT_KEYS
from cti_bridge.routing.given import FOLLOWS, GIVEN_FACTS, GIVEN_KEYS
from cti_bridge.routing.judgement import MAX_EXPLAINED, Judgement, RuleText, as_json, from_json, judge
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import MAX_PROBLEMS
from cti_bridge.routing.read_tests import TEST_KEYS
from cti_bridge.routing.rule_tests import GivenCrm
from cti_bridge.routing.run_tests import run_test

HEAD = """\
version: 1
lines: {"+74950000149": {channel: radio}}
classes:
  - {name: production, when: {deal.stage: [paid, delivery]}}
  - {name: sales, when: {deal.known: true}}
  - {name: new}
schedules: {office: {hours: "Mo-Fr 09:00-20:00"}}
queues: {desk: {timeout: 60s}, sales: {timeout: 30s}, radio: }
trusted_trunks: [trunk-a]
rules:
  - {name: night, unless_open: office, queue: desk, priority: 1}
  - {name: vip, when: 'has(customer.segment) && customer.segment == "vip"', verified_number: required,
     operator: responsible, priority: 10, queue: sales}
  - {name: rich, when: {deal.amount: {min: 100000}}, queue: sales, then: [desk]}
  - {name: busy, when: {deals: {min: 3}}, queue: sales}
  - {name: waits, when: 'deals.exists(d, d.stage == "awaiting_payment")', queue: sales,
     then: [{queue: desk, timeout: 5s}]}
  - {name: radio, when: {line.channel: radio}, queue: radio}
  - {name: named, when: {call.name: Ласточкина, call.language: ru}, queue: radio}
  - name: tver
    when: {customer.city: Тверь}
    rules: [{name: work, when: {class: production}, queue: sales, final: "queue:radio"}]
default: {queue: desk}
degraded: {by_did: {"+74950000148": sales}}
"""


def judged(tests: str, *, head: str = HEAD, beside: str | None = None) -> Judgement:
    """What is said of a file with these tests, with reasons."""
    other = RuleText("r.tests.yaml", beside) if beside else None
    return judge(RuleText("r.yaml", head + tests), other, SHIPPED_STAGES, explain=True)


def one(told: str, expect: str) -> str:
    return f"tests:\n  - name: it\n    given: {told}\n    expect: {expect}\n"


PASSING = {
    "somebody unknown": ("{caller: 8 (495) 000-01-50}", "{rule: default, decision: default, crm: none, class: new}"),
    "nothing is given": ("{}", "{rule: default, crm: none, class: new, operator: '', priority: ''}"),
    "any spelling of the number dialled": ("{did: 8 (495) 000-01-49}", "{queue: radio, rule: radio}"),
    "a stage": ("{deal.stage: paid}", "{class: production, crm: fresh}"),
    "a deal that is closed does not count": ("{deal.stage: closed}", "{class: new, crm: fresh}"),
    "a deal without a stage": ("{deal.amount: 100000}", "{rule: rich, class: sales, steps: [sales, desk]}"),
    "a known deal and nothing else": ("{deal.known: true}", "{class: sales, rule: default}"),
    "a known customer and nothing else": ("{customer.known: true}", "{class: new, crm: fresh}"),
    "several deals": ("{deals: [{stage: offer_sent}, {stage: paid}, {stage: closed}]}", "{class: production}"),
    "the number of open deals": ("{deals: [{stage: paid}, {stage: paid}, {stage: paid}]}", "{rule: busy}"),
    "a deal that is not the deal": (
        "{deals: [{stage: awaiting_payment}, {stage: paid, title: Шкаф-купе}]}",
        "{rule: waits, class: production, steps: [sales, {queue: desk, timeout: 5s}]}",
    ),
    "a verified number": (
        "{trunk: trunk-a, customer.segment: vip, customer.responsible: ann}",
        "{rule: vip, operator: ann, priority: 10}",
    ),
    "verified, whatever the trunk": ("{call.verified: true, customer.segment: vip}", '{rule: vip, operator: ""}'),
    "a number that can be forged": ("{customer.segment: vip}", "{rule: default}"),
    "a rule in a rule": (
        "{customer.city: Тверь, deal.stage: delivery}",
        '{rule: tver/work, final: "queue:radio", steps: [{queue: sales, timeout: 30s}]}',
    ),
    "facts of the call": ("{call.name: Ласточкина, call.language: ru}", "{rule: named}"),
    "hidden": ("{caller: anonymous}", "{crm: skipped, class: new}"),
    "internal": ("{caller: 101}", "{crm: skipped}"),
    "the CRM is down": ("{crm: down}", '{decision: degraded, rule: degraded, class: "", crm: failed, queue: desk}'),
    "the CRM is slow": ("{crm: slow, did: 84950000148}", "{decision: degraded, queue: sales}"),
    "the CRM is down and a rule needs none": ("{crm: down, did: 84950000149}", "{decision: matched, class: ''}"),
    "a kept answer": ("{crm: stale, deal.stage: paid}", "{class: production, crm: stale}"),
    "nobody has the number": ("{crm: none, caller: +74950000151}", "{class: new, crm: none}"),
    "at night": ('{at: "2026-11-23 08:59"}', "{rule: night, priority: 1}"),
    "by day": ('{at: "2026-11-23 09:00"}', "{rule: default}"),
    "at a moment of another zone": ('{at: "2026-11-23T06:00+00:00"}', "{rule: default}"),
    "no moment": ("{}", "{rule: default}"),
}


@pytest.mark.parametrize(("told", "expect"), PASSING.values(), ids=PASSING.keys())
def test_a_given_call_is_decided_as_a_real_one_would_be(told: str, expect: str) -> None:
    judgement = judged(one(told, expect))

    assert judgement.complaints == ()
    assert len(judgement.tests) == 1


DIFFERENT = {
    "queue": ("{}", "{queue: sales}", "queue: expected `sales`, got `desk`"),
    "steps": ("{}", "{steps: [desk, sales]}", "steps: expected `desk, sales`, got `desk`"),
    "time-out of a step": (
        "{deal.amount: 200000}",
        "{steps: [sales, {queue: desk, timeout: 5s}]}",
        "steps: expected `sales, desk (5 s)`, got `sales, desk (60 s)`",
    ),
    "final": ("{}", '{final: "queue:sales"}', "final: expected `queue:sales`, got `queue:desk`"),
    "class": ("{deal.stage: paid}", "{class: sales}", "class: expected `sales`, got `production`"),
    "no class": ("{deal.stage: paid}", '{class: ""}', "class: expected `none`, got `production`"),
    "rule": ("{}", "{rule: tver/work}", "rule: expected `tver/work`, got `default`"),
    "decision": ("{}", "{decision: matched}", "decision: expected `matched`, got `default`"),
    "crm": ("{customer.known: true}", "{crm: none}", "crm: expected `none`, got `fresh`"),
    "operator": ("{}", "{operator: ann}", "operator: expected `ann`, got `none`"),
    "priority": ("{}", "{priority: 1}", "priority: expected `1`, got `none`"),
    "several at once": (
        "{did: 84950000149}",
        "{rule: vip, queue: sales}",
        "queue: expected `sales`, got `radio`; rule: expected `vip`, got `radio`",
    ),
}


@pytest.mark.parametrize(("told", "expect", "said"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_what_came_out_otherwise_is_said_key_by_key(told: str, expect: str, said: str) -> None:
    judgement = judged(one(told, expect))
    line = HEAD.count("\n") + 2

    assert judgement.complaints == (f"r.yaml:{line}:5: test `it` failed: {said}",)


def test_a_failed_test_says_why_the_call_was_decided_so() -> None:
    (failed,) = judged(one("{did: 84950000149}", "{rule: vip}")).failed

    assert failed.reasons[-1] == "decision: matched, the rule `radio` matched"
    assert '  rule vip: `has(customer.segment) && customer.segment == "vip"` is false: customer.segment is absent' in (
        failed.reasons
    )


def test_the_rules_that_no_test_reaches_are_named() -> None:
    reached = judged(one("{did: 84950000149}", "{rule: radio}")).not_reached

    assert reached == ("night", "vip", "rich", "busy", "waits", "named", "tver/work", "default", "degraded")


def test_tests_can_have_a_file_of_their_own() -> None:
    judgement = judged("", beside=one("{}", "{queue: sales}"))

    assert judgement.complaints == ("r.tests.yaml:2:5: test `it` failed: queue: expected `sales`, got `desk`",)


BESIDE = {
    "unknown key": ("test: []\n", ("unknown key `test` (did you mean `tests`?)", "the file of tests needs `tests`")),
    "unknown queue": (one("{}", "{queue: dekc}"), ("queue `dekc` is not in `queues` (did you mean `desk`?)",)),
    "no YAML": ("tests: [", ("this is not YAML: expected the node content, but found '<stream end>'",)),
}


@pytest.mark.parametrize(("beside", "expected"), BESIDE.values(), ids=BESIDE.keys())
def test_a_mistake_in_the_file_of_tests_is_named_there(beside: str, expected: tuple[str, ...]) -> None:
    problems = judged("", beside=beside).problems

    assert all(problem.startswith("r.tests.yaml:") for problem in problems)
    assert sorted(problem.split(": ", maxsplit=1)[1] for problem in problems) == sorted(expected)


def test_mistakes_in_tests_and_rules_are_named_together() -> None:
    problems = judged(one("{caler: 1}", "{queue: desk}"), head=HEAD.replace("priority: 10", "priority: ten")).problems

    assert len(problems) == 2


def test_of_many_failed_tests_the_first_are_told_and_explained() -> None:
    many = "tests:\n" + "".join(f"  - {{name: t{number}, expect: {{queue: sales}}}}\n" for number in range(150))
    judgement = judged(many)

    assert len(judgement.complaints) == MAX_PROBLEMS + 1
    assert judgement.complaints[-1] == "and 50 more failed tests"
    assert [bool(test.reasons) for test in judgement.tests] == [True] * MAX_EXPLAINED + [False] * (150 - MAX_EXPLAINED)


def test_a_judgement_survives_the_way_between_processes() -> None:
    judgement = judged(one("{did: 84950000149}", "{rule: vip, steps: [desk, {queue: sales, timeout: 1s}]}"))

    assert from_json(as_json(judgement)) == judgement
    strange: list[object] = [None, [], {}, {"problems": 1}]
    for nonsense in (*strange, {"problems": [], "tests": [1], "not_reached": [], "warnings": []}):
        with pytest.raises(ValueError):
            from_json(nonsense)


def test_the_shipped_rules_pass_their_own_tests_and_no_rule_is_without_one() -> None:
    text = (Path(__file__).parents[2] / "config" / "routing.yaml").read_text("utf-8")
    judgement = judge(RuleText("routing.yaml", text), None, SHIPPED_STAGES)

    assert judgement.complaints == ()
    assert judgement.not_reached == ()


def test_a_test_is_decided_with_the_stages_in_use() -> None:
    rules = load_rules(HEAD + one("{deal.stage: paid}", "{class: production}"))
    closed = replace(
        SHIPPED_STAGES, stages=tuple(replace(stage, final=stage.id == "paid") for stage in SHIPPED_STAGES.stages)
    )

    run = run_test(rules.tests[0], rules, closed)

    assert (run.decision.class_name, run.decision.crm) == ("new", CrmSource.FRESH)


PAGE = (Path(__file__).parents[2] / "docs" / "rules-reference.md").read_text("utf-8")
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE, re.MULTILINE)]


def test_the_example_on_the_page_passes() -> None:
    (file,) = (block for block in BLOCKS if block.strip().startswith("version: 1"))
    (tests,) = (block for block in BLOCKS if block.strip().startswith("tests:"))

    judgement = judge(RuleText("r.yaml", file), RuleText("r.tests.yaml", tests), SHIPPED_STAGES)

    assert judgement.complaints == ()
    assert len(judgement.tests) == 3


@pytest.mark.parametrize("word", [*TEST_KEYS, *GIVEN_KEYS, *GivenCrm, *EXPECT_KEYS])
def test_every_word_of_tests_is_on_the_page(word: str) -> None:
    assert re.search(rf"`{re.escape(word)}[`:]", PAGE)


values = st.recursive(
    st.one_of(
        st.text(max_size=12), st.integers(), st.booleans(), st.none(), st.sampled_from([*GivenCrm, "paid", "sales"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["stage", "queue"]), inner)),
    max_leaves=6,
)
WORDS = st.sampled_from([*GIVEN_KEYS, *GIVEN_FACTS, *FOLLOWS, "xyzzy"])
some_tests = st.lists(
    st.fixed_dictionaries(
        {
            "name": values,
            "expect": st.one_of(values, st.dictionaries(st.sampled_from(EXPECT_KEYS), values, max_size=3)),
        },
        optional={"given": st.one_of(values, st.dictionaries(WORDS, values, max_size=4))},
    ),
    max_size=3,
)


@given(some_tests)
def test_any_test_is_run_or_its_mistakes_are_named(tests: object) -> None:
    judgement = judged("", beside=json.dumps({"tests": tests}, ensure_ascii=False))

    assert from_json(json.loads(json.dumps(as_json(judgement)))) == judgement
    assert all(problem.startswith("r.tests.yaml:") for problem in judgement.problems)


good_facts = st.fixed_dictionaries(
    {},
    optional={
        "caller": st.one_of(
            st.text(min_size=1, max_size=20), st.sampled_from(["8 (495) 000-01-50", "anonymous", "101"])
        ),
        "did": st.text(alphabet="0123456789+ ", min_size=1).filter(str.strip),
        "at": st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.isoformat(" ", "minutes")),  # noqa: DTZ001
        "crm": st.sampled_from([crm.value for crm in GivenCrm]),
        "deals": st.lists(
            st.fixed_dictionaries({"stage": st.sampled_from(["paid", "closed", "offer_sent"])}), max_size=4
        ),
        "customer.segment": st.sampled_from(["vip", "retail"]),
        "customer.known": st.booleans(),
    },
)


@given(good_facts)
def test_whatever_is_given_has_a_decision_with_a_step_and_a_final(told: dict[str, object]) -> None:
    expect = {"decision": "matched", "queue": "radio"}
    judgement = judged("", beside=json.dumps({"tests": [{"name": "it", "given": told, "expect": expect}]}))

    if not judgement.problems:
        (test,) = judgement.tests
        assert {one.key for one in test.differences} <= expect.keys()
        assert all(one.got for one in test.differences)
