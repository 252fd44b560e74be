"""The number that was dialled means something: to the rules, to the operator, to whoever reads the journal."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pytest
from columns import in_words
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_bridge.asterisk.dialplan import variables
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.decision import CrmAnswer, CrmSource, Decision
from cti_bridge.domain.ids import CallId
from cti_bridge.domain.line import Line
from cti_bridge.domain.number import parse_number
from cti_bridge.routing.decide import decide
from cti_bridge.routing.explain import explain_call, explain_json, explain_lines
from cti_bridge.routing.facts import CallFacts, Gathered, flatten, gather
from cti_bridge.routing.line_facts import line_of
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import RulesError
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.vocabulary import LINE_TEXTS

HEAD = """\
version: 1
queues: {desk: , kitchens: , wardrobes: }
default: {queue: desk}
degraded: {by_did: {+74950000148: wardrobes}}
"""
LINES = """\
lines:
  8 (495) 000-01-49: {name: "Радио «Кухни»", channel: radio, city: Москва, direction: kitchens, language: en_GB}
  "+74950000148": {channel: site, city: Казань, zone: Europe/Moscow}
  "100": {name: Стойка}
"""
FULL = Line("+74950000149", "Радио «Кухни»", "radio", "Москва", "kitchens", language="en_GB")


def asked(rules: RuleSet, did: str, source: CrmSource = CrmSource.NONE) -> Gathered:
    call = CallFacts(parse_number("+74950000150", region="RU"), did)
    return gather(call, CrmAnswer(source), rules, SHIPPED_STAGES)


def route(when: str, did: str, source: CrmSource = CrmSource.NONE) -> Decision:
    rules = load_rules(f"{HEAD}{LINES}rules:\n  - {{name: it, when: {when}, queue: kitchens}}\n")
    return decide(rules, asked(rules, did, source))[0]


@pytest.mark.parametrize("did", ["84950000149", "+74950000149", "74950000149", "8 (495) 000-01-49"])
def test_a_line_is_known_however_the_trunk_spells_its_number(did: str) -> None:
    rules = load_rules(HEAD + LINES)

    assert line_of(flatten(asked(rules, did))) == rules.lines["+74950000149"] == FULL


@pytest.mark.parametrize("did", ["84950000147", "101", "", "anonymous", "'; DROP TABLE calls", "1" * 200])
def test_a_number_that_nobody_described_has_no_line(did: str) -> None:
    facts = flatten(asked(load_rules(HEAD + LINES), did))

    assert line_of(facts) is None
    assert facts["line.known"] is False
    assert {value for name, value in facts.items() if name.startswith("line.") and name != "line.known"} == {None}


def test_an_internal_number_can_be_a_line() -> None:
    assert line_of(flatten(asked(load_rules(HEAD + LINES), "100"))) == Line("100", "Стойка")


HOLDS = {
    "one of the channels": ("{line.channel: [radio, site]}", "84950000149", True),
    "another channel": ("{line.channel: site}", "84950000149", False),
    "a city with its first letters": ("{line.city: {prefix: Мос}}", "84950000149", True),
    "known": ("{line.known: true}", "100", True),
    "not known": ("{line.known: false}", "84950000147", True),
    "absent fails a test": ("{line.city: Казань}", "100", False),
    "absent passes its opposite": ("{line.city: {not: Казань}}", "100", True),
    "no line passes the opposite, too": ("{line.city: {not: Казань}}", "84950000147", True),
    "in CEL": ("'has(line.city) && line.city.startsWith(\"Каз\")'", "84950000148", True),
    "absent in CEL": ("'!has(line.city)'", "84950000147", True),
    "known in CEL": ("'line.known && line.zone == \"Europe/Moscow\"'", "84950000148", True),
}


@pytest.mark.parametrize(("when", "did", "holds"), HOLDS.values(), ids=HOLDS.keys())
@pytest.mark.parametrize("source", [CrmSource.NONE, CrmSource.FAILED])
def test_rules_ask_for_the_line_whatever_the_crm_says(when: str, did: str, holds: bool, source: CrmSource) -> None:
    assert (route(when, did, source).rule == "it") is holds


def test_classes_can_ask_for_the_line() -> None:
    rules = load_rules(f"{HEAD}{LINES}classes:\n  - {{name: kitchens, when: {{line.direction: kitchens}}}}\n")

    assert decide(rules, asked(rules, "84950000149"))[0].class_name == "kitchens"
    assert decide(rules, asked(rules, "84950000148"))[0].class_name == ""


def test_the_queue_without_the_crm_is_chosen_by_number_as_ever() -> None:
    assert route("{customer.known: true}", "84950000148", CrmSource.FAILED).queue == "wardrobes"


def test_announcements_speak_the_language_of_the_line() -> None:
    called = route("{line.known: true}", "84950000149")

    assert variables(called, CallId("main-1.1"), None)["CTI_LANGUAGE"] == "en_GB"
    assert "CTI_LANGUAGE" not in variables(route("{line.known: true}", "100"), CallId("main-1.1"), None)


def test_explain_shows_the_line_and_what_follows_from_it() -> None:
    rules = load_rules(f"{HEAD}{LINES}rules:\n  - {{name: it, when: {{line.channel: site}}, queue: wardrobes}}\n")
    gathered = asked(rules, "84950000149")
    decision, trace = decide(rules, gathered)

    lines = in_words(explain_lines(rules, gathered, decision, trace))
    assert "line.name Радио «Кухни»" in lines
    assert "line.zone" in next(line for line in lines if line.startswith("absent "))
    assert "no it line.channel is `radio`, wanted site" in lines
    assert "language en_GB" in lines
    told = explain_json(rules, gathered, decision, trace)
    assert (told["facts"]["line.city"], told["language"]) == ("Москва", "en_GB")


@pytest.mark.parametrize(
    "kept", [{}, {"line.known": False}, {"line.known": True, "line.direction": "doors"}], ids=["no", "none", "other"]
)
def test_a_kept_call_is_explained_by_the_lines_of_the_rules_that_are_asked(kept: Mapping[str, bool | str]) -> None:
    facts = {"call.crm": "none", "call.did": "+74950000149", "customer.known": False, **kept}
    rules = f"{HEAD}{LINES}rules:\n  - {{name: it, when: {{line.direction: kitchens}}, queue: kitchens}}\n"

    decision = explain_call(json.loads(json.dumps(facts)), rules)[2]
    assert (decision.rule, decision.language) == ("it", "en_GB")


def test_a_line_is_called_by_what_people_know_it_by() -> None:
    assert FULL.label == "Радио «Кухни»"
    assert Line("+74950000148", channel="site", city="Казань").label == "site, Казань"
    assert Line("+74950000148", city="Казань").label == "Казань"
    assert Line("+74950000148", language="ru").label == "+74950000148"


def test_a_line_survives_being_kept_as_facts() -> None:
    kept = json.loads(json.dumps(flatten(asked(load_rules(HEAD + LINES), "84950000148"))))
    line = line_of(kept)

    assert line is not None
    assert asdict(line) == {
        "did": "+74950000148",
        "name": "",
        "channel": "site",
        "city": "Казань",
        "direction": "",
        "zone": "Europe/Moscow",
        "language": "",
    }


SAYS = "(known keys: name, channel, city, direction, zone, language)"
MISTAKES = {
    "not a mapping": (
        "lines: [84950000149]",
        "5:8: `lines` must be a mapping of dialled numbers to what they stand for "
        '(such as `"+74950000149": {name: Реклама на радио, city: Москва}`)',
    ),
    "nothing": (
        "lines:",
        "5:1: `lines` must be a mapping of dialled numbers to what they stand for "
        '(such as `"+74950000149": {name: Реклама на радио, city: Москва}`)',
    ),
    "a line that says nothing": ("lines:\n  100: {}", f"6:8: line `100` says nothing {SAYS}"),
    "a line without a value": ("lines:\n  100:", f"6:3: line `100` says nothing {SAYS}"),
    "a line that is a text": ("lines:\n  100: Стойка", f"6:8: line `100` says nothing {SAYS}"),
    "unknown key": ("lines:\n  100: {chanel: radio}", "6:9: unknown key `chanel` (did you mean `channel`?)"),
    "empty text": ('lines:\n  100: {name: ""}', "6:15: `name` must be a text"),
    "number given twice in two spellings": (
        'lines:\n  84950000149: {name: A}\n  "+7 495 000-01-49": {name: Б}',
        "7:3: number `+7 495 000-01-49` is there twice (both mean +74950000149)",
    ),
    "number given twice in one spelling": (
        "lines:\n  84950000149: {name: A}\n  84950000149: {name: Б}",
        "7:3: key `84950000149` is given twice (first in line 6)",
    ),
    "no number": ("lines:\n  sales: {name: A}", "6:3: `sales` is not a number that can be dialled"),
    "unknown zone": (
        "lines:\n  100: {zone: Europe/Moskow}",
        "6:15: zone `Europe/Moskow` is not known (such as Europe/Moscow)",
    ),
    "zone that is a path": (
        "lines:\n  100: {zone: ../../../etc/passwd}",
        "6:15: zone `../../../etc/passwd` is not known (such as Europe/Moscow)",
    ),
    "a language by its name": (
        "lines:\n  100: {language: Русский}",
        "6:19: `language` `Русский` is not a language of Asterisk (such as ru or en_GB)",
    ),
    "language that is a path": (
        "lines:\n  100: {language: ../ru}",
        "6:19: `language` `../ru` is not a language of Asterisk (such as ru or en_GB)",
    ),
    "language with a second variable": (
        'lines:\n  100: {language: "ru,CTI_QUEUE=x"}',
        "6:19: `language` `ru,CTI_QUEUE=x` is not a language of Asterisk (such as ru or en_GB)",
    ),
    "name that steers a terminal": (
        'lines:\n  100: {name: "\\e[31mкрасный"}',
        "6:15: `name` has a character that cannot be shown (leave out U+001B)",
    ),
    "name that turns the direction of writing": (
        'lines:\n  100: {name: "abc\\u202Edef"}',
        "6:15: `name` has a character that cannot be shown (leave out U+202E)",
    ),
    "name of two lines": (
        'lines:\n  100: {city: "Москва\\nКазань"}',
        "6:15: `city` has a character that cannot be shown (leave out U+000A)",
    ),
    "name without end": (f"lines:\n  100: {{name: {'я' * 81}}}", "6:15: `name` is longer than 80 characters"),
    "condition on a channel that no line has": (
        "lines:\n  100: {channel: radio}\nrules:\n  - {name: a, queue: desk, when: {line.channel: rado}}",
        "8:49: line.channel is never `rado` (did you mean `radio`?)",
    ),
    "condition in CEL on a city that no line has": (
        "lines:\n  100: {channel: radio}\nrules:\n  - {name: a, queue: desk, when: 'line.city == \"Тверь\"'}",
        "8:48: line.city is never `Тверь` (known from `lines`: none)",
    ),
    "condition on a line where there are none": (
        "rules:\n  - {name: a, queue: desk, when: {line.name: A}}",
        "6:46: line.name is never `A` (known from `lines`: none)",
    ),
    "unknown fact about a line": (
        "rules:\n  - {name: a, queue: desk, when: {line.chanel: A}}",
        "6:35: unknown fact `line.chanel` (did you mean `line.channel`?)",
    ),
}


@pytest.mark.parametrize(("added", "expected"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_in_a_line_is_named_where_it_stands(added: str, expected: str) -> None:
    with pytest.raises(RulesError) as caught:
        load_rules(f"{HEAD}{added}\n", stages=SHIPPED_STAGES)

    assert [problem.format("r.yaml") for problem in caught.value.problems] == [f"r.yaml:{expected}"]


@settings(max_examples=2 * settings().max_examples, deadline=None)
@given(
    st.dictionaries(
        st.one_of(st.text(max_size=20), st.from_regex(r"\+?[0-9]{1,15}", fullmatch=True)),
        st.dictionaries(st.sampled_from(LINE_TEXTS), st.one_of(st.text(max_size=90), st.just("ru")), max_size=6),
        max_size=4,
    )
)
def test_whatever_lines_say_is_refused_or_harmless(lines: dict[str, dict[str, str]]) -> None:
    try:
        rules = load_rules(f"{HEAD}lines: {json.dumps(lines)}\n")
    except RulesError:
        return
    for did, line in rules.lines.items():
        assert line.did == did
        assert all(text.isprintable() and len(text) <= 80 for text in asdict(line).values() if text != did)
        decision = decide(rules, asked(rules, did))[0]
        assert variables(decision, CallId("main-1.1"), None).get("CTI_LANGUAGE", "") == line.language


def test_the_shipped_lines_are_those_that_the_demo_dials() -> None:
    repository = Path(__file__).parents[2]
    lines = load_rules((repository / "config/routing.yaml").read_text("utf-8"), stages=SHIPPED_STAGES).lines
    dialled = {row.split(",")[-2] for row in (repository / "demo/callers.csv").read_text("utf-8").splitlines()[1:]}

    assert set(lines) < dialled
