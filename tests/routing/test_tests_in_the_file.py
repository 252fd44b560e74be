"""The tests of a rule file: given calls are decided as real ones are; mistakes are named where they stand."""

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
from cti_bridge.routing.read_tests import MAX_NAME, TEST_KEYS
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


MISTAKES = {
    "tests as a map": ("tests: {a: b}", "1:8: `tests` must be a list"),
    "test that is none": (
        "tests: [paid]",
        "1:9: a test must be a mapping of keys to values (known keys: name, given, expect)",
    ),
    "unknown key of a test": (
        "tests:\n  - {name: a, givn: {}, expect: {queue: desk}}",
        "2:15: unknown key `givn` (did you mean `given`?)",
    ),
    "no name": ("tests: [{expect: {queue: desk}}]", "1:9: a test needs `name`"),
    "name twice": (
        "tests:\n  - {name: a b, expect: {queue: desk}}\n  - {name: a  b, expect: {queue: desk}}",
        "3:12: test `a b` is there twice (first in line 26)",
    ),
    "name too long": (
        f"tests: [{{name: {'a' * (MAX_NAME + 1)}, expect: {{queue: desk}}}}]",
        f"1:16: the name of a test is longer than {MAX_NAME} characters",
    ),
    "nothing expected": ("tests: [{name: a}]", "1:9: a test needs `expect`"),
    "empty expect": (
        "tests: [{name: a, expect: {}}]",
        "1:27: `expect` is empty (known keys: queue, steps, final, class, rule, decision, crm, operator, priority, "
        "penalties, language, announcement)",
    ),
    "given as a list": (
        "tests: [{name: a, given: [], expect: {queue: desk}}]",
        "1:26: `given` must be a mapping of keys and facts to values",
    ),
}  # fmt: skip
GIVEN_MISTAKES = {
    "unknown fact": (
        "{customer.segmant: vip}", "1:2: unknown fact `customer.segmant` (did you mean `customer.segment`?)"
    ),
    "misspelled key": ("{caler: 100}", "1:2: unknown fact `caler` (did you mean `caller`?)"),
    "nothing like a fact": ("{xyzzy: 1}", "1:2: unknown fact `xyzzy` (see docs/rules.md)"),
    "caller as a fact": ("{call.caller: 100}", "1:2: `call.caller` cannot be given (write `caller`)"),
    "kind of the caller": ("{call.kind: internal}", "1:2: `call.kind` cannot be given (it follows from `caller`)"),
    "a class": (
        "{class: sales}", "1:2: `class` cannot be given (it follows from the facts; `expect` can ask for it)"
    ),
    "what a line says": (
        "{line.city: Тверь}", "1:2: `line.city` cannot be given (it follows from `did` and `lines`)"
    ),
    "fact without a value": (
        "{deal.stage: }", "1:2: deal.stage has no value (what is not given is absent: leave it out)"
    ),
    "fact with several values": ("{deal.stage: [paid]}", "1:14: deal.stage has one value here"),
    "unknown stage": ("{deal.stage: payed}", "1:14: stage `payed` is not in the stage list (did you mean `paid`?)"),
    "text for a number": ("{deal.amount: much}", "1:15: deal.amount is a number, not `much`"),
    "text for yes or no": ("{call.verified: yes}", "1:17: call.verified is true or false, not `yes`"),
    "unknown state of the CRM": (
        "{crm: dwn}", "1:7: `crm` must be one of answer, none, down, slow, stale, not `dwn` (did you mean `down`?)"
    ),
    "customer without a CRM": (
        "{crm: down, customer.city: Тверь}",
        "1:13: customer.city is unknown when `crm` is `down` (leave it out, or write `crm: stale`)",
    ),
    "customer whom nobody knows": (
        "{crm: none, deals: [{stage: paid}]}", "1:13: deals is absent when `crm` is `none` (leave one of them out)"
    ),
    "customer who is hidden": (
        "{caller: anonymous, customer.city: Тверь}",
        "1:21: customer.city is never known of an anonymous caller (the CRM is not asked about him)",
    ),
    "customer known and not": (
        "{customer.known: false, deal.stage: paid}", "1:2: customer.known is false, but deal.stage is given"
    ),
    "deal known and not": (
        "{deal.known: false, deal.stage: paid}", "1:2: deal.known is false, but deal.stage is given"
    ),
    "the deal said twice": (
        "{deals: [{stage: paid}], deal.stage: paid}",
        "1:26: deal.stage beside `deals` (the deal is found among `deals`)",
    ),
    "deals as a number": ("{deals: 3}", "1:9: `deals` must be a list"),
    "deal without a stage among several": ("{deals: [{amount: 3}]}", "1:10: a deal needs `stage`"),
    "unknown key of a deal": (
        "{deals: [{stage: paid, sum: 3}]}",
        "1:24: unknown key `sum` (known keys: id, title, stage, amount, responsible)",
    ),
    "no time": ('{at: noon}', "1:6: `at`: 'noon' is not a time, write it like 2026-11-23 11:00"),
    "no time at all": ("{at: }", "1:2: `at` must be a text"),
}  # fmt: skip
EXPECT_MISTAKES = {
    "unknown key": ("{quue: desk}", "1:2: unknown key `quue` (did you mean `queue`?)"),
    "unknown queue": ("{queue: slaes}", "1:9: queue `slaes` is not in `queues` (did you mean `sales`?)"),
    "unknown queue in a step": ("{steps: [slaes]}", "1:10: queue `slaes` is not in `queues` (did you mean `sales`?)"),
    "unknown key of a step": (
        "{steps: [{queue: desk, max: 3}]}", "1:24: unknown key `max` (known keys: queue, timeout, max_waiting)"
    ),
    "steps as a word": ("{steps: desk}", "1:9: `steps` must be a list"),
    "ten steps": (f"{{steps: [{', '.join(['desk'] * 10)}]}}", "1:9: 10 steps, at most 9 are possible"),
    "unknown class": ("{class: salse}", "1:9: class `salse` is not in `classes` (did you mean `sales`?)"),
    "unknown rule": ("{rule: vpi}", "1:8: rule `vpi` is not a rule that answers calls (did you mean `vip`?)"),
    "rule that is only a group": (
        "{rule: tver}", "1:8: rule `tver` is not a rule that answers calls (did you mean `tver/work`?)"
    ),
    "decision of the dialplan": (
        "{decision: fallback}", "1:12: `decision` must be one of matched, default, degraded, not `fallback`"
    ),
    "state of the CRM": (
        "{crm: down}", "1:7: `crm` must be one of fresh, cached, stale, none, skipped, failed, not `down`"
    ),
    "priority that is no number": (
        "{priority: high}", "1:12: `priority` must be a whole number from 0 to 1000, not `high`"
    ),
    "final without a queue": ('{final: "queue:desc"}', "1:9: queue `desc` is not in `queues` (did you mean `desk`?)"),
}  # fmt: skip


@pytest.mark.parametrize(("tests", "expected"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_in_a_test_is_named_where_it_stands(tests: str, expected: str) -> None:
    first = HEAD.count("\n")
    line, _, rest = expected.partition(":")

    assert judged(f"{tests}\n").problems == (f"r.yaml:{first + int(line)}:{rest}",)


@pytest.mark.parametrize(("told", "expected"), GIVEN_MISTAKES.values(), ids=GIVEN_MISTAKES.keys())
def test_a_mistake_in_given_is_named_where_it_stands(told: str, expected: str) -> None:
    assert judged(one(told, "{queue: desk}")).problems == (moved(expected, lines=3, columns=11),)


@pytest.mark.parametrize(("expect", "expected"), EXPECT_MISTAKES.values(), ids=EXPECT_MISTAKES.keys())
def test_a_mistake_in_expect_is_named_where_it_stands(expect: str, expected: str) -> None:
    assert judged(one("{}", expect)).problems == (moved(expected, lines=4, columns=12),)


def moved(expected: str, *, lines: int, columns: int) -> str:
    """The message as it is where the text stands in a whole file."""
    line, column, rest = expected.split(":", maxsplit=2)
    return f"r.yaml:{HEAD.count(chr(10)) - 1 + int(line) + lines}:{int(column) + columns}:{rest}"


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


PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
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
