"""A rule that is said never to match never does: no false alarm, whatever is asked and whoever calls."""

from typing import Any

import pytest
from any_rules import calls, files, records, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti_bridge.domain.customer import SHIPPED_STAGES, CustomerRecord
from cti_bridge.domain.decision import CrmAnswer, CrmSource, DecisionKind, FactValue
from cti_bridge.routing.conditions import AllOf, AnyOf, Between, FactCondition, Not, OneOf, StartsWith, Test
from cti_bridge.routing.decide import decide
from cti_bridge.routing.facts import CallFacts, gather
from cti_bridge.routing.implication import excluded, follows
from cti_bridge.routing.judgement import RuleText, judge
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.never_matching import never_matching

HEAD = "version: 1\nqueues: {desk: {timeout: 5s}, sales: {timeout: 5s}}\ndefault: {queue: desk}\nrules:\n"
NUMBERS: list[FactValue] = [None, *range(-1, 5), 1.5]
WORDS: list[FactValue] = [None, "", "a", "ab", "abc", "b", "ba"]
numbers = st.integers(0, 3)
words = st.sampled_from(["a", "ab", "b"])


def one_of(values: st.SearchStrategy[str | int | float | bool]) -> st.SearchStrategy[Test]:
    return st.lists(values, min_size=1, max_size=3).map(lambda some: OneOf(frozenset(some), tuple(some)))


def nested(leaves: st.SearchStrategy[Test]) -> st.SearchStrategy[Test]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, min_size=1, max_size=3).map(lambda several: AllOf(tuple(several))),
            st.lists(inner, min_size=1, max_size=3).map(lambda several: AnyOf(tuple(several))),
        ),
        max_leaves=5,
    )


ranges = st.builds(Between, st.none() | numbers, numbers) | st.builds(Between, numbers, st.none())
prefixes = st.lists(words, min_size=1, max_size=2).map(lambda some: StartsWith(tuple(some)))
of_numbers = nested(one_of(numbers) | ranges)
of_words = nested(one_of(words) | prefixes)
pairs = st.tuples(st.just(NUMBERS), of_numbers, of_numbers) | st.tuples(st.just(WORDS), of_words, of_words)


@settings(deadline=None)
@given(pairs)
def test_what_follows_holds_for_every_value_and_what_is_excluded_for_none(
    pair: tuple[list[FactValue], Test, Test],
) -> None:
    values, one, other = pair
    first, second = FactCondition("deal.amount", one), FactCondition("deal.amount", other)
    both = [(one.holds(value), other.holds(value)) for value in values]

    assert not follows([second], [first]) or all(second_holds for first_holds, second_holds in both if first_holds)
    assert not excluded(first, second) or not any(a and b for a, b in both)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files, calls, records, st.sampled_from(CrmSource))
def test_no_call_gets_a_rule_or_a_class_that_is_said_never_to_match(
    file: dict[str, Any], call: CallFacts, found: tuple[CustomerRecord, ...], source: CrmSource
) -> None:
    rules = load_rules(written(file))
    asked = source in {CrmSource.FRESH, CrmSource.CACHED, CrmSource.STALE}
    decision, _ = decide(rules, gather(call, CrmAnswer(source, found if asked else ()), rules, SHIPPED_STAGES))
    said = [problem.message for problem in never_matching(rules)]

    assert not any(message.startswith(f"class `{decision.class_name}` ") for message in said)
    if decision.kind is DecisionKind.MATCHED:
        assert not any(message.startswith(f"rule `{decision.rule}` ") for message in said)


def hidden(rules: str) -> list[str]:
    return [problem.message.partition(":")[0] for problem in never_matching(load_rules(HEAD + rules))]


def test_a_rule_inside_takes_from_those_behind_its_group() -> None:
    assert hidden("""\
  - name: radio
    when: {customer.city: Тверь}
    rules:
      - {name: vip, when: {customer.segment: vip}, queue: desk}
  - {name: vip-of-tver, when: {customer.segment: vip, customer.city: Тверь}, queue: sales}
  - {name: tver, when: {customer.city: Тверь}, queue: sales}
""") == ["rule `vip-of-tver` can never match"]


def test_a_group_that_is_never_reached_is_named_once() -> None:
    assert hidden("""\
  - {name: all, queue: desk}
  - name: group
    rules:
      - {name: one, when: {customer.segment: vip}, queue: desk}
      - {name: two, queue: sales}
""") == ["rule `group` can never match"]


def test_a_rule_that_answers_while_the_crm_is_silent_is_not_pointless() -> None:
    assert (
        hidden(
            """\
  - {name: known, when: {customer.known: {not: maybe}}, queue: desk}
""".replace("{not: maybe}", "{not: true}")
            + """\
  - {name: strangers, when: {customer.known: {not: true}, deal.stage: paid}, queue: sales, degraded: sales}
"""
        )
        == []
    )


def test_a_verified_number_can_be_asked_for_in_two_ways() -> None:
    assert hidden("""\
  - {name: sure, verified_number: required, queue: desk}
  - {name: sure-too, when: {call.verified: true, customer.segment: vip}, queue: sales}
""") == ["rule `sure-too` can never match"]


def test_a_list_that_is_covered_by_several_rules_together_is_left_alone() -> None:
    assert (
        hidden("""\
  - {name: paid, when: {deal.stage: paid}, queue: desk}
  - {name: sent, when: {deal.stage: offer_sent}, queue: desk}
  - {name: both, when: {deal.stage: [paid, offer_sent]}, queue: sales}
""")
        == []
    )


def test_what_is_pointless_was_accepted_once_and_can_be_read_again() -> None:
    text = f"{HEAD}  - {{name: all, queue: desk}}\n  - {{name: odd, when: 'deal.amount == \"1\"', queue: sales}}\n"

    assert len(load_rules(text).rules) == 2
    assert len(judge(RuleText("r", text), None, SHIPPED_STAGES).complaints) == 1


@pytest.mark.slow
def test_a_file_of_rules_that_look_alike_is_judged_in_bounds() -> None:
    many = "".join(
        f"  - {{name: r{n}, when: {{deal.amount: {{min: {n}}}}}, queue: desk}}\n" for n in range(4000, 0, -1)
    )

    assert never_matching(load_rules(HEAD + many)) == ()


def test_of_prefixes_without_end_nothing_is_said_and_of_long_lists_it_is() -> None:
    def inside(one: str, other: str) -> str:
        inner = f"{{name: inner, when: {{customer.city: {other}}}, queue: desk}}"
        return f"  - {{name: outer, when: {{customer.city: {one}}}, queue: desk, rules: [{inner}]}}\n"

    north, south = (", ".join(f"{side}{n}" for n in range(5_000)) for side in ("n", "s"))

    assert hidden(inside(f"{{prefix: [{north}]}}", f"{{prefix: [{south}]}}")) == []
    assert hidden(inside(f"[{north}]", f"[{south}]")) == ["rule `outer/inner` can never match"]
