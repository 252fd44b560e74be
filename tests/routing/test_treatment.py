"""How a rule says that callers are treated in queues: who may be called for them, what they hear, when they go on."""

import textwrap

import pytest

from cti_bridge.asterisk.dialplan import variables
from cti_bridge.calls.overtaking import FIRST
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.decision import CrmAnswer, CrmSource, Decision, Penalties, Step
from cti_bridge.domain.ids import CallId
from cti_bridge.domain.number import parse_number
from cti_bridge.routing.decide import decide
from cti_bridge.routing.explain import explain_json, explain_lines
from cti_bridge.routing.facts import CallFacts, gather
from cti_bridge.routing.judgement import RuleText, judge
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.outputs import MAX_PRIORITY
from cti_bridge.routing.problems import RulesError
from cti_bridge.routing.replay import CallRef, Comparer, RecordedCall

DID = "+74950000149"
NOBODY = CrmAnswer(CrmSource.NONE)
HEAD = f"""\
version: 1
lines: {{"{DID}": {{language: ru}}}}
queues: {{desk: {{timeout: 60s}}, sales: {{timeout: 30s}}}}
default: {{queue: desk, announcement: welcome, penalties: {{min: 1}}}}
rules:
"""


def decided(rules: str, did: str = DID) -> tuple[Decision, str]:
    """The decision about a call to this number, and its whole story."""
    loaded = load_rules(HEAD + textwrap.indent(textwrap.dedent(rules), "  "))
    gathered = gather(CallFacts(parse_number("+74950000150", region="RU"), did=did), NOBODY, loaded, SHIPPED_STAGES)
    decision, trace = decide(loaded, gathered)
    return decision, "\n".join(explain_lines(loaded, gathered, decision, trace))


def told(decision: Decision) -> dict[str, str]:
    """What the dialplan gets of it."""
    return variables(decision, CallId("main-1.1"), None)


def test_who_may_be_called_what_is_heard_and_when_a_queue_is_full_reaches_the_dialplan() -> None:
    decision, story = decided("""\
        - name: praise
          queue: {queue: sales, max_waiting: 5}
          then: [desk, {queue: sales, timeout: 90s, max_waiting: 1000}]
          penalties: {min: 1, max: 4}
          language: en_GB
          announcement: cti/please-wait
    """)

    assert decision.steps == (Step("sales", 30, 5), Step("desk", 60), Step("sales", 90, 1000))
    said = told(decision)
    assert [said.get(f"CTI_STEP_{n}_MAX_WAITING", "") for n in (1, 2, 3)] == ["5", "", "1000"]
    assert (said["CTI_MIN_PENALTY"], said["CTI_MAX_PENALTY"]) == ("1", "4")
    assert (said["CTI_LANGUAGE"], said["CTI_ANNOUNCE"]) == ("en_GB", "cti/please-wait")
    for words in ("passed over when 5 or more wait there", "passed over when 1000 or more wait there"):
        assert words in story
    lines = [" ".join(line.replace(":", "").split()) for line in story.splitlines()]
    assert {"penalties 1 to 4", "language en_GB", "announcement cti/please-wait"} <= set(lines)


@pytest.mark.parametrize(
    ("penalties", "expected", "least", "greatest", "words"),
    [
        ("{max: 0}", Penalties(None, 0), None, "0", "0 or less"),
        ("{min: 3}", Penalties(3, None), "3", None, "3 or more"),
        ("{min: 2, max: 2}", Penalties(2, 2), "2", "2", "2 to 2"),
        ("{}", None, None, None, ""),
    ],
)
def test_either_limit_of_penalties_may_be_left_out(
    penalties: str, expected: Penalties | None, least: str | None, greatest: str | None, words: str
) -> None:
    decision, _ = decided(f"- {{name: a, queue: desk, penalties: {penalties}}}")

    assert decision.penalties == expected
    assert (told(decision).get("CTI_MIN_PENALTY"), told(decision).get("CTI_MAX_PENALTY")) == (least, greatest)
    assert (expected.in_words if expected else "") == words


def test_a_rule_in_a_rule_takes_over_how_callers_are_treated_and_can_take_it_back() -> None:
    outer = """\
        - name: outer
          queue: {queue: sales, timeout: 5s, max_waiting: 2}
          penalties: {max: 4}
          language: en
          announcement: welcome
          rules: [{name: inner, %s}]
    """
    same, _ = decided(outer % "when: {deal.known: false}")
    other, _ = decided(outer % "queue: desk, penalties: {}, language: '', announcement: ''")

    assert (same.steps, same.penalties, same.language, same.announcement) == (
        (Step("sales", 5, 2),), Penalties(None, 4), "en", "welcome",
    )  # fmt: skip
    assert (other.steps, other.penalties, other.language, other.announcement) == (
        (Step("desk", 60),), None, "ru", "",
    )  # fmt: skip


@pytest.mark.parametrize(("did", "language"), [(DID, "en"), ("+74950000148", "en")])
def test_the_language_of_the_rule_beats_that_of_the_line(did: str, language: str) -> None:
    assert decided("- {name: a, queue: desk, language: en}", did)[0].language == language


def test_without_a_language_of_the_rule_that_of_the_line_holds() -> None:
    assert decided("- {name: a, queue: desk}")[0].language == "ru"


def test_default_treats_callers_in_its_own_way() -> None:
    decision, _ = decided("- {name: never, when: {customer.known: true}, queue: sales}")

    assert (decision.announcement, decision.penalties) == ("welcome", Penalties(1, None))


def test_what_is_not_said_is_not_told() -> None:
    assert not {"CTI_MIN_PENALTY", "CTI_MAX_PENALTY", "CTI_ANNOUNCE", "CTI_STEP_1_MAX_WAITING"} & set(
        told(decided("- {name: a, queue: desk}")[0])
    )


def test_programs_are_told_the_same() -> None:
    loaded = load_rules(HEAD + "  - {name: a, queue: {queue: desk, max_waiting: 3}, penalties: {max: 2}}")
    call = CallFacts(parse_number("+74950000150", region="RU"), did="")
    gathered = gather(call, NOBODY, loaded, SHIPPED_STAGES)
    said = explain_json(loaded, gathered, *decide(loaded, gathered))

    assert said["steps"] == [{"queue": "desk", "timeout_s": 60, "max_waiting": 3}]
    assert (said["penalties"], said["announcement"]) == ({"min": None, "max": 2}, "")


MISTAKES = {
    "nobody would get in": (
        "queue: {queue: desk, max_waiting: 0}",
        "with `max_waiting` 0 nobody would ever get into this queue (leave the step out)",
    ),
    "too many": (
        "queue: {queue: desk, max_waiting: 1001}",
        "`max_waiting` must be a whole number from 1 to 1000, not `1001`",
    ),
    "first step with a schedule": (
        "queue: {queue: desk, open: office}",
        "unknown key `open` (known keys: queue, timeout, max_waiting)",
    ),
    "first step without a queue": ("queue: {timeout: 5s}", "the first step needs `queue`"),
    "penalty too high": (
        "queue: desk, penalties: {max: 1001}",
        "`max` must be a whole number from 0 to 1000, not `1001`",
    ),
    "penalties in the wrong order": (
        "queue: desk, penalties: {min: 5, max: 4}",
        "no member has a penalty of 5 or more and 4 or less",
    ),
    "penalties as a number": (
        "queue: desk, penalties: 3",
        "`penalties` must be a mapping of `min` and `max` (such as {max: 4})",
    ),
    "unknown limit": ("queue: desk, penalties: {least: 1}", "unknown key `least` (known keys: min, max)"),
    "language": (
        "queue: desk, language: Russian!",
        "`language` `Russian!` is not a language of Asterisk (such as ru or en_GB)",
    ),
    "sound with an ending": (
        "queue: desk, announcement: hello.wav",
        "`announcement` `hello.wav` is not the name of a sound (letters, digits, / _ -, up to 80, without the "
        "ending of the file)",
    ),
    "several sounds": (
        "queue: desk, announcement: a&b",
        "`announcement` `a&b` is not the name of a sound (letters, digits, / _ -, up to 80, without the ending of the "
        "file)",
    ),
    "no sound": ("queue: desk, announcement: [a]", "`announcement` must be a text"),
}


@pytest.mark.parametrize(("keys", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named(keys: str, message: str) -> None:
    with pytest.raises(RulesError) as found:
        load_rules(f"{HEAD}  - {{name: a, {keys}}}\n")
    assert [problem.format("r").split(": ", 1)[1] for problem in found.value.problems] == [message]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 120), ("max_overtake: 90s", 90), ("max_overtake: 24h", 86_400), ("max_overtake: never", None)],
)
def test_for_how_long_somebody_may_be_overtaken_is_said_once_for_all(text: str, seconds: int | None) -> None:
    assert load_rules(f"version: 1\nqueues: {{desk: }}\ndefault: {{queue: desk}}\n{text}\n").max_overtake_s == seconds


@pytest.mark.parametrize("text", ["0", "1500ms", "25h", "soon"])
def test_a_time_that_cannot_be_meant_is_a_mistake(text: str) -> None:
    with pytest.raises(RulesError, match="max_overtake"):
        load_rules(f"version: 1\nqueues: {{desk: }}\ndefault: {{queue: desk}}\nmax_overtake: {text}\n")


def test_no_rule_can_come_before_a_caller_who_was_put_first() -> None:
    assert FIRST > MAX_PRIORITY


RULE = "  - {name: a, queue: {queue: sales, max_waiting: 2}, then: [desk], penalties: {max: 4}, announcement: hello}\n"
EXPECTED = {
    "as it is": (
        "{steps: [{queue: sales, timeout: 30s, max_waiting: 2}, desk], penalties: {max: 4}, announcement: hello}",
        "",
    ),
    "no limit": ("{steps: [sales, {queue: desk, max_waiting: ''}]}", ""),
    "another limit": (
        "{steps: [{queue: sales, max_waiting: 3}, desk]}",
        "steps: expected `sales (max_waiting 3), desk`, got `sales (max_waiting 2), desk`",
    ),
    "a limit that is not there": (
        "{steps: [sales, {queue: desk, timeout: 60s, max_waiting: 3}]}",
        "steps: expected `sales, desk (60 s, max_waiting 3)`, got `sales, desk (60 s, max_waiting none)`",
    ),
    "penalties": ("{penalties: {min: 1}}", "penalties: expected `1 or more`, got `4 or less`"),
    "no penalties": ("{penalties: ''}", "penalties: expected `none`, got `4 or less`"),
    "language of the line": ("{language: ru}", ""),
    "language": ("{language: en}", "language: expected `en`, got `ru`"),
    "announcement": ("{announcement: ''}", "announcement: expected `none`, got `hello`"),
}


@pytest.mark.parametrize(("expect", "said"), EXPECTED.values(), ids=EXPECTED.keys())
def test_a_test_in_the_file_can_ask_for_it(expect: str, said: str) -> None:
    text = f"{HEAD}{RULE}tests:\n  - {{name: it, given: {{did: '{DID}'}}, expect: {expect}}}\n"
    judgement = judge(RuleText("r.yaml", text), None, SHIPPED_STAGES)

    assert [complaint.partition("failed: ")[2] for complaint in judgement.complaints] == ([said] if said else [])


@pytest.mark.parametrize(
    "keys",
    [
        "queue: {queue: desk, max_waiting: 3}",
        "queue: desk, penalties: {max: 4}",
        "queue: desk, language: en",
        "queue: desk, announcement: hello",
    ],
)
def test_a_caller_who_would_be_treated_otherwise_is_counted_by_rules_diff(keys: str) -> None:
    before, after = (load_rules(f"{HEAD}  - {{name: a, {said}}}\n") for said in ("queue: desk", keys))
    number = parse_number("+74950000150", region="RU")
    call = RecordedCall(CallRef("1", 0.0, "+74950000150"), CallFacts(number, did=DID), NOBODY, SHIPPED_STAGES)
    tally = Comparer(before, after, most=None)([call])

    assert (tally.calls, tally.moved_calls, tally.otherwise.calls) == (1, 0, 1)
