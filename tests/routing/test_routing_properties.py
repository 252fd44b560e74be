"""Whatever rules, caller and CRM say: a decision names queues of the file, and the same call gets the same one."""

import contextlib
import json
from dataclasses import replace
from typing import Any

from any_rules import FINALS, QUEUES, calls, file_keys, files, histories, records, rule_keys, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti_bridge.domain.customer import SHIPPED_STAGES, CustomerRecord
from cti_bridge.domain.decision import CrmAnswer, CrmSource
from cti_bridge.domain.history import CallerHistory
from cti_bridge.routing.decide import decide
from cti_bridge.routing.explain import explain_json, explain_lines
from cti_bridge.routing.expression_check import check_expression
from cti_bridge.routing.facts import CallFacts, flatten, gather
from cti_bridge.routing.kept_facts import from_flat
from cti_bridge.routing.load import KEYS, load_rules
from cti_bridge.routing.problems import RulesError
from cti_bridge.routing.tree import RULE_KEYS


def test_every_key_of_a_rule_and_of_the_file_is_tried() -> None:
    assert rule_keys.keys() | {"name", "operator_timeout", "rules"} == set(RULE_KEYS)
    assert file_keys.keys() | {"version", "lines", "queues", "tests"} == set(KEYS)


@settings(max_examples=2 * settings().max_examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files, calls, records, histories, st.sampled_from(CrmSource), st.none() | st.floats(0, 86_400))
def test_every_decision_names_queues_of_the_file(
    file: dict[str, Any],
    call: CallFacts,
    found: tuple[CustomerRecord, ...],
    history: CallerHistory | None,
    source: CrmSource,
    age_s: float | None,
) -> None:
    rules = load_rules(written(file))
    asked = source in {CrmSource.FRESH, CrmSource.CACHED, CrmSource.STALE}
    answer = CrmAnswer(source, found if asked else (), age_s=age_s)
    gathered = gather(call, answer, rules, SHIPPED_STAGES, history)

    decision, trace = decide(rules, gathered)

    assert {step.queue for step in decision.steps} <= set(QUEUES)
    assert 1 <= len(decision.steps) <= 9
    assert decision.final.removeprefix("queue:") in QUEUES or decision.final in FINALS
    assert (source is CrmSource.FAILED) or decision.kind.value != "degraded"
    json.dumps(explain_json(rules, gathered, decision, trace), allow_nan=False)
    assert explain_lines(rules, gathered, decision, trace)
    kept = from_flat(json.loads(json.dumps(flatten(gathered))))
    again, retraced = decide(rules, kept)
    # what is kept of a call has neither names nor customers, but decides alike
    assert replace(again, record=None) == replace(decision, record=None)
    assert retraced == trace


PIECES = ["version: 1\n", "queues:\n", "  desk: {timeout: 5}\n", "rules:\n", "  - name: a\n", "    when: {", "}", "[",
          "default: {queue: desk}\n", "deal.stage", ": ", "not", "'", '"', "|\n", "  ", "- ", "&a", "*a",
          "!!x", "{", "]", "customer.known", "true", "~", "\t", "\x85", "\ufeff", "degraded:\n",
          "  by_did: ", ","]  # fmt: skip


@settings(max_examples=5 * settings().max_examples, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=25).map("".join))
def test_any_text_is_a_rule_file_or_a_list_of_mistakes(text: str) -> None:
    with contextlib.suppress(RulesError):
        load_rules(text, stages=SHIPPED_STAGES)


CEL = ["customer", ".", "segment", "deals", "exists", "(", ")", "d", ",", "==", '"', "'", "\\", "r", "&&", "!", "has",
       "call", "class", "[", "]", "{", "}", " ", "//", "\n", "1", "?", ":", "matches", "in", "deal",
       "amount", "'''"]  # fmt: skip


@settings(max_examples=8 * settings().max_examples, deadline=None)
@given(st.lists(st.sampled_from(CEL) | st.text(max_size=2), max_size=20).map("".join))
def test_any_text_is_an_expression_or_a_complaint(source: str) -> None:
    checked = check_expression(source)

    assert (checked.expression is None) == bool(checked.complaints)
