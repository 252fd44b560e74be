"""What follows the last step: each kind of `final`, who gets it, what is wrong with one, how a change of it shows."""

import re
from pathlib import Path

import pytest

from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.decision import CrmAnswer, CrmSource, Decision
from cti_bridge.domain.number import parse_number
from cti_bridge.routing.decide import Trace, decide
from cti_bridge.routing.explain import explain_json, explain_lines
from cti_bridge.routing.facts import CallFacts, gather
from cti_bridge.routing.finals import PATTERN
from cti_bridge.routing.judgement import RuleText, judge
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import RulesError
from cti_bridge.routing.replay import CallRef, Comparer, RecordedCall
from cti_bridge.routing.rules import RuleSet

CALLER, COLLEAGUE, HIDDEN, GARBLED, CUT_SHORT = "+74950000150", "101", "anonymous", "ivanov", "0000150"
HEAD = "version: 1\nqueues: {desk: {timeout: 60s}, night: {timeout: 20s}}\n"
EVERY_KIND = (
    "queue:night",
    "callback",
    "voicemail:100",
    "voicemail:100@sales",
    "voicemail:on-duty.2@cc_1",
    "goto:night/s/1",
    "goto:from-admin/74950000149/12",
    "goto:ivr.main/+74950000149/begin",
)


def told(rules: str, caller: str = CALLER, source: CrmSource = CrmSource.NONE) -> tuple[RuleSet, Decision, Trace]:
    loaded = load_rules(HEAD + rules)
    call = CallFacts(parse_number(caller, region="RU"))
    gathered = gather(call, CrmAnswer(source), loaded, SHIPPED_STAGES)
    return (loaded, *decide(loaded, gathered))


def final_of(rules: str, caller: str = CALLER, source: CrmSource = CrmSource.NONE) -> str:
    return told(rules, caller, source)[1].final


def explained(rules: str, caller: str = CALLER) -> str:
    loaded, decision, trace = told(rules, caller)
    gathered = gather(CallFacts(parse_number(caller, region="RU")), CrmAnswer(CrmSource.NONE), loaded, SHIPPED_STAGES)
    assert explain_json(loaded, gathered, decision, trace)["final"] == decision.final
    (line,) = (line for line in explain_lines(loaded, gathered, decision, trace) if line.lstrip().startswith("final"))
    return line.strip().removeprefix("final").lstrip(": ")


@pytest.mark.parametrize("final", EVERY_KIND)
def test_each_kind_is_decided_as_it_is_written(final: str) -> None:
    assert final_of(f'rules: [{{name: it, queue: night, final: "{final}"}}]\ndefault: {{queue: desk}}') == final
    assert final_of(f'default: {{queue: desk, final: "{final}"}}') == final


@pytest.mark.parametrize("final", EVERY_KIND)
def test_each_kind_can_be_expected_by_a_test_in_the_file(final: str) -> None:
    def complaints(expected: str) -> tuple[str, ...]:
        tests = f'tests: [{{name: it, expect: {{final: "{expected}"}}}}]\n'
        text = f'{HEAD}default: {{queue: desk, final: "{final}"}}\n{tests}'
        return judge(RuleText("r.yaml", text), None, SHIPPED_STAGES, explain=True).complaints

    assert complaints(final) == ()
    assert any(f"final: expected `queue:desk`, got `{final}`" in line for line in complaints("queue:desk"))


INHERITED = """\
rules:
  - name: outer
    queue: night
    final: callback
    rules:
      - {name: own, when: {call.did: "+74950000149"}, final: "voicemail:100"}
      - {name: as-outer, when: {call.kind: external}}
default: {queue: desk, final: "goto:after/s/1"}
"""


def test_a_rule_takes_over_the_final_of_its_parent_and_else_that_of_the_default() -> None:
    assert told(INHERITED)[1].rule == "outer/as-outer"
    assert final_of(INHERITED) == "callback"
    rule = "rules: [{name: it, queue: night}]\ndefault: {queue: desk"
    assert final_of(f'{rule}, final: "voicemail:100"}}') == "voicemail:100"
    assert final_of(f"{rule}}}") == "queue:desk"
    assert final_of("default: {queue: desk, final: callback}", source=CrmSource.FAILED) == "callback"


@pytest.mark.parametrize(
    ("caller", "final"),
    [
        (CALLER, "callback"),
        (CUT_SHORT, "callback"),
        (GARBLED, "queue:desk"),
        ("*67", "queue:desk"),
        ("+7495000015000000000", "queue:desk"),
        (COLLEAGUE, "queue:desk"),
        (HIDDEN, "queue:desk"),
        ("", "queue:desk"),
    ],
)
def test_nobody_is_promised_a_call_who_cannot_be_called_back(caller: str, final: str) -> None:
    rules = "rules: [{name: it, queue: night, final: callback}]\ndefault: {queue: desk}"
    assert final_of(rules, caller) == final
    assert final_of(rules.replace("callback", '"voicemail:100"'), caller) == "voicemail:100"


@pytest.mark.parametrize(
    ("final", "caller", "words"),
    [
        ("queue:night", CALLER, "queue:night"),
        (
            "callback",
            CALLER,
            "callback (he is told that he will be called back, and is in the list of missed calls)",
        ),
        ("callback", HIDDEN, "queue:desk (nobody can be called back there, so not callback)"),
        ("voicemail:100@cc", CALLER, "voicemail:100@cc (he may leave a message in the box 100@cc)"),
        ("goto:a/s/1", CALLER, "goto:a/s/1 (the admin's own dialplan goes on with him at a/s/1)"),
    ],
)
def test_explain_says_what_becomes_of_the_caller(final: str, caller: str, words: str) -> None:
    rules = f'rules: [{{name: it, queue: night, final: "{final}"}}]\ndefault: {{queue: desk}}'
    assert explained(rules, caller) == words


_PLACE = "write `goto:CONTEXT/EXTEN/PRIORITY`, such as `goto:night/s/1`"
_BOX = "a box is `100` or `100@CONTEXT`, of letters, digits and _ . + -"
_WAYS = "write `queue:NAME`, `callback`, `voicemail:BOX`, `goto:CONTEXT/EXTEN/PRIORITY`"
MISTAKES = {
    "callbak": "`final` `callbak` is not possible (did you mean `callback`?)",
    "call back": "`final` `call back` is not possible (did you mean `callback`?)",
    "callback:now": "`final` `callback:now` is not possible (write `callback`)",
    "voicmail:100": "`final` `voicmail:100` is not possible (did you mean `voicemail:BOX`?)",
    "voicemail": "`final` `voicemail` is not possible (write `voicemail:BOX`)",
    "voicemail:1,2": f"`final` `voicemail:1,2` is not possible ({_BOX})",
    "voicemail:1&2": f"`final` `voicemail:1&2` is not possible ({_BOX})",
    "voicemail:@sales": f"`final` `voicemail:@sales` is not possible ({_BOX})",
    "voicemail:касса": f"`final` `voicemail:касса` is not possible ({_BOX})",
    "goto": "`final` `goto` is not possible (write `goto:CONTEXT/EXTEN/PRIORITY`)",
    "goto:night": f"`final` `goto:night` is not possible ({_PLACE})",
    "goto:night,s,1": f"`final` `goto:night,s,1` is not possible ({_PLACE})",
    "goto:night/s/0": f"`final` `goto:night/s/0` is not possible ({_PLACE})",
    "goto:night/s/1/2": f"`final` `goto:night/s/1/2` is not possible ({_PLACE})",
    "goto:night/${EXTEN}/1": f"`final` `goto:night/${{EXTEN}}/1` is not possible ({_PLACE})",
    "goto:cti-inbound/s/1": (
        "`final` `goto:cti-inbound/s/1` leads back into cti-bridge (name a context of your own dialplan)"
    ),
    "gto:night/s/1": "`final` `gto:night/s/1` is not possible (did you mean `goto:CONTEXT/EXTEN/PRIORITY`?)",
    "night": "`final` `night` is not possible (did you mean `queue:night`?)",
    "queue:": "`final` `queue:` is not possible (write `queue:NAME`)",
    "queue:nigth": "queue `nigth` is not in `queues` (did you mean `night`?)",
    "hangup": f"`final` `hangup` is not possible ({_WAYS})",
    "goto:" + "n" * 130 + "/s/1": f"`final` `goto:{'n' * 52}…` is longer than 128 characters",
}


@pytest.mark.parametrize(("final", "message"), MISTAKES.items(), ids=[final[:20] for final in MISTAKES])
def test_what_is_no_final_is_named_with_what_was_meant(final: str, message: str) -> None:
    def complaints(text: str) -> list[str]:
        with pytest.raises(RulesError) as caught:
            load_rules(HEAD + text)
        return [problem.format("r.yaml") for problem in caught.value.problems]

    place = "r.yaml:3:43: "
    assert complaints(f'rules: [{{name: it, queue: night, final:   "{final}"}}]\ndefault: {{queue: desk}}') == [
        place + message
    ]
    expected = f'tests: [{{name: it, expect: {{final: "{final}"}}}}]'
    assert complaints(f"default: {{queue: desk}}\n{expected}") == [f"r.yaml:4:36: {message}"]


def test_another_final_is_another_fate_in_a_comparison() -> None:
    before, after = (
        load_rules(f"{HEAD}rules: [{{name: it, queue: night, final: {final}}}]\ndefault: {{queue: desk}}")
        for final in ('"queue:night"', "callback")
    )
    calls = [
        RecordedCall(
            CallRef(str(number), float(number), caller), CallFacts(parse_number(caller, region="RU")),
            CrmAnswer(CrmSource.NONE), SHIPPED_STAGES,
        )
        for number, caller in enumerate((CALLER, HIDDEN, CALLER))
    ]  # fmt: skip
    tally = Comparer(before, after, most=None)(calls)
    assert (tally.calls, tally.moved_calls, tally.otherwise.calls) == (3, 0, 3)
    assert Comparer(after, after, most=None)(calls).otherwise.calls == 0


def test_the_shipped_night_rule_does_what_its_tests_say_once_its_comments_are_taken_off() -> None:
    shipped = (Path(__file__).parents[2] / "config" / "routing.yaml").read_text("utf-8")
    by_night = re.sub(r"^  # (- name: |  [a-z_]+: )", r"  \1", shipped, flags=re.MULTILINE)
    more = by_night.count("\n  - name: ") - shipped.count("\n  - name: ")
    judgement = judge(RuleText("routing.yaml", by_night), None, SHIPPED_STAGES)

    assert (judgement.complaints, judgement.not_reached) == ((), ())
    assert more == 5, "a rule and four tests"
    assert "night" in [rule.path for rule in load_rules(by_night, stages=SHIPPED_STAGES).rules]


def test_the_schema_of_the_file_knows_the_kinds_and_their_forms() -> None:
    assert all(re.search(PATTERN, final) for final in EVERY_KIND)
    known_without_the_queues = {final for final in MISTAKES if re.search(PATTERN, final)}
    assert known_without_the_queues == {"queue:nigth", "goto:cti-inbound/s/1", "goto:" + "n" * 130 + "/s/1"}
