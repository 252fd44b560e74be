"""The guide is true: every file that it shows loads and passes its tests, every command prints what the page says."""

import asyncio
import io
import shlex
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

import pytest
from guide_page import PAGE, RULES, Lesson, Shown, Typed, lessons, put_in, says

from cti_bridge.calls.journal import AcceptedRules, Journal
from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.cli.main import main
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.lookup import Lookup
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.decision import Decision
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.number import parse_number
from cti_bridge.reception.rule_file import RuleFile
from cti_bridge.routing.decide import decide
from cti_bridge.routing.facts import CallFacts, Gathered, flatten, gather
from cti_bridge.routing.judgement import RuleText, judge
from cti_bridge.routing.load import load_rules

LESSONS = lessons(PAGE.read_text("utf-8"))
SETTINGS = "cti-bridge.yaml"
FRIDAY = datetime(2026, 11, 20, tzinfo=UTC)
RADIO, SITE = "84950000149", "84950000148"
PAST = [("+74950000150", RADIO, 7), ("+74950000159", RADIO, 8), ("+74950000151", SITE, 9),
        ("+74950000152", RADIO, 10), ("+74950000153", RADIO, 14), ("+74950000150", SITE, 19)]  # fmt: skip
"""Who called on the Friday that the page looks back at: the caller, the number dialled, the hour of UTC."""


def present_rules(until: int) -> str:
    """The rules as they stand when a lesson begins."""
    rules = ""
    for part in (part for lesson in LESSONS[:until] for part in lesson.parts):
        if isinstance(part, Shown) and part.name == RULES:
            rules = part.text if part.whole else put_in(rules, part.text)
    return rules


def whole_text(part: Shown, rules: str) -> str:
    return part.text if part.whole else put_in(rules, part.text)


def files_shown() -> list[tuple[str, str, str]]:
    """Every rule file of the page, completed: its lesson, its name and its text."""
    found = []
    for number, lesson in enumerate(LESSONS):
        rules = present_rules(number)
        for part in lesson.parts:
            if isinstance(part, Shown) and part.name.startswith(("routing", "new")):
                text = whole_text(part, rules)
                found.append((lesson.title, part.name, text))
                rules = text if part.name == RULES else rules
    return found


@pytest.mark.parametrize(("title", "name", "text"), [pytest.param(*one, id=one[0]) for one in files_shown()])
def test_the_rules_of_a_lesson_load_and_pass_their_tests(title: str, name: str, text: str) -> None:
    judgement = judge(RuleText(name, text), None, SHIPPED_STAGES)

    assert judgement.complaints == ()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the page, as its first lesson leaves it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AMI_SECRET", "practice")
    for part in LESSONS[0].parts:
        if isinstance(part, Shown):
            (tmp_path / part.name).write_text(part.text, "utf-8")
        elif part.command.startswith("cat "):
            (tmp_path / part.command.removeprefix("cat ")).write_text(part.printed, "utf-8")
    return tmp_path


def carry_out(place: Path, part: Typed) -> str:
    """What a command prints, on both streams as on a terminal; `systemctl` and files are played."""
    command, asks_code, _ = part.command.partition("; echo $?")
    command, _, file = command.partition(" > ")
    words = shlex.split(command)
    if words[0] == "cat":
        (place / words[1]).write_text(part.printed, "utf-8")
        return part.printed
    if words[0] == "export":
        return ""
    if words[:2] == ["systemctl", "reload"]:
        asyncio.run(reload_rules(place))
        return ""
    assert words[0] == "cti-bridge", f"nobody knows how to play {part.command}"
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        code = main([*words[1:], "--config", str(place / "cti-bridge.yaml")])
    assert asks_code or code == 0, printed.getvalue()
    if file:
        (place / file).write_text(printed.getvalue(), "utf-8")
        return ""
    return printed.getvalue().replace(str(place), "/etc/cti-bridge") + (f"{code}\n" if asks_code else "")


async def reload_rules(place: Path) -> None:
    """What the daemon does when it is told to reload."""
    journal = Journal(place / "data" / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    rules = RuleFile(place / RULES, journal, stages=SHIPPED_STAGES, on_state=lambda state, reason: None)
    assert (await rules.reload()).accepted
    await journal.close(within_s=60)


async def keep_past_calls(place: Path, text: str) -> None:
    """Puts the calls of the page's past into the journal, decided by these rules."""
    rules = load_rules(text, stages=SHIPPED_STAGES)
    journal = Journal(place / "data" / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    await journal.accept_rules(AcceptedRules(rules.hash, text, FRIDAY.timestamp()))
    crm = EmbeddedCrm(place / "data" / "crm.sqlite", None)
    lookup = Lookup(crm, deadline_s=30)
    for number, (caller, did, hour) in enumerate(PAST, 1):
        at = FRIDAY.replace(hour=hour)
        call = CallFacts(parse_number(caller, region="RU"), did, "trunk-a", at=at)
        gathered = gather(call, await lookup.find(call.caller), rules, SHIPPED_STAGES)
        journal.keep(past_call(number, call, gathered, decide(rules, gathered)[0], rules.hash))
    await lookup.close()
    await crm.close()
    await journal.close(within_s=60)


def past_call(number: int, call: CallFacts, gathered: Gathered, decision: Decision, rules_hash: str) -> CallRecord:
    """A call of the page's past, which the first operator answered after ten seconds."""
    assert call.at is not None
    assert decision.crm is not None
    at, channel = call.at.timestamp(), f"{call.at.timestamp():.0f}.{number}"
    decided = DecisionRecord(
        kind=decision.kind.value, crm=decision.crm.value, crm_age_s=None, rule=decision.rule,
        class_name=decision.class_name, queue=decision.queue,
        steps=tuple((step.queue, step.timeout_s) for step in decision.steps), final=decision.final,
        customer_id=decision.customer_id or "", operator="", priority=decision.priority, rules_hash=rules_hash,
        facts=flatten(gathered),
    )  # fmt: skip
    return CallRecord(
        CallId(f"main-{channel}"), "main", ChannelId(channel), channel, at, call.caller.e164 or "",
        call.caller.kind.value, "", str(gathered.facts.get("call.did") or ""), call.trunk, True, decided,
        operator=OperatorId("op1"), queue=decision.queue, rang=(OperatorId("op1"),), answered_at=at + 10,
        ended_at=at + 130, outcome="answered",
    )  # fmt: skip


def play(lesson: Lesson, rules: str, place: Path) -> list[tuple[Typed, str]]:
    """Everything of one lesson in its order: what each command printed."""
    if not any(part.command.startswith("cti-bridge crm import") for part in lesson.parts if isinstance(part, Typed)):
        carry_out(place, Typed("cti-bridge crm import customers.csv", ""))
    if rules:
        (place / RULES).write_text(rules, "utf-8")
        asyncio.run(keep_past_calls(place, rules))
    printed = []
    for part in lesson.parts:
        if isinstance(part, Typed):
            printed.append((part, carry_out(place, part)))
            continue
        text = part.text if part.name == SETTINGS else whole_text(part, rules)
        rules = text if part.name == RULES else rules
        (place / part.name).write_text(text, "utf-8")
    return printed


@pytest.mark.parametrize("number", [pytest.param(at, id=lesson.title) for at, lesson in enumerate(LESSONS)])
def test_every_command_of_a_lesson_prints_what_the_page_says(number: int, place: Path) -> None:
    for part, printed in play(LESSONS[number], present_rules(number), place):
        assert says(part.printed, printed), f"$ {part.command}\n{printed}"


def test_the_page_is_read_as_it_is_written() -> None:
    before, first = lessons(
        "# Rules\n\nSee:\n\n    $ cat a.csv\n    x\n\n    y\n    $ true\n\n## 1. One\n\n    # new.yaml\n    rules: []\n"
    )

    assert before.parts == (Typed("cat a.csv", "x\n\ny\n"), Typed("true", ""))
    assert first == Lesson("1. One", (Shown("new.yaml", "# new.yaml\nrules: []\n"),))
    assert (
        put_in("version: 1\nrules: [a]\ntests: []\n", "# new.yaml\nrules:\n  - b\n")
        == "version: 1\nrules:\n  - b\ntests: []\n"
    )


@pytest.mark.parametrize(
    ("page", "printed", "true"),
    [
        ("rule sales: matches\n", "rule sales: matches\n", True),
        ("rule sales: matches\n", "rule vip: matches\n", False),
        ("…\nclass: new\n", "facts\n  call.kind\nclass: new\n", True),
        ("…\nclass: new\n", "facts\n  call.kind\nclass: sales\n", False),
        ("class: new\n", "class: new\ncrm: none\n", False),
        ("", "a warning\n", False),
        ("at 2026-11-20T07:00:00.000+00:00  3 calls\n", "at 2026-11-22T07:14:09+03:00  3 calls\n", True),
        ("at 2026-11-20T07:00:00.000+00:00  3 calls\n", "at 2026-11-22T07:14:09+03:00  4 calls\n", False),
        ("sales, 60 s\n", "sales, 90 s\n", False),
    ],
)
def test_a_wrong_word_on_the_page_is_found(page: str, printed: str, true: bool) -> None:
    assert says(page, printed) is true
