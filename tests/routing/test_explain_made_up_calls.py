"""`explain --given`, `--crm` and `--test`: a call that is made up is decided as a real one, and nobody is asked."""

import json
import shlex
import sys
from pathlib import Path

import pytest
from columns import in_words

from cti_bridge.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
RULES = """\
version: 1
timezone: Europe/Moscow
classes: [{name: sales, when: {deal.stage: offer_sent}}, {name: new}]
schedules: {office: {hours: "Mo-Fr 09:00-20:00"}}
queues: {desk: , sales: {timeout: 60s}, night: }
rules:
  - {name: night, unless_open: office, queue: night}
  - {name: vip, verified_number: required, when: {customer.segment: vip}, queue: sales}
  - {name: named, when: {call.name: Ярослав}, queue: sales}
  - {name: offers, when: {class: sales}, queue: sales}
default: {queue: desk}
degraded: {queue: desk, by_did: {+74950000149: sales}}
trusted_trunks: [main]
tests:
  - name: an offer
    given: {deal.stage: offer_sent, at: "2026-11-23 11:00"}
    expect: {rule: offers}
  - name: a wrong hope
    given: {at: "2026-11-23 11:00"}
    expect: {rule: offers, queue: sales}
"""
MONDAY = ("--at", "2026-11-23 11:00")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "routing.yaml"
    path.write_text(RULES, "utf-8")
    return path


def explained(rules: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main(["explain", "--rules", str(rules), "--json", *arguments]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    told: dict[str, object] = json.loads(said.out)
    return told


@pytest.mark.parametrize(
    ("arguments", "rule", "queue"),
    [
        (("--given", "deal.stage=offer_sent"), "offers", "sales"),
        (("--given", "deals=[{stage: paid}, {stage: offer_sent}]"), "default", "desk"),
        (("--given", "customer.segment=vip", "--trunk", "main"), "vip", "sales"),
        (("--given", "customer.segment=vip", "--attestation", "A"), "vip", "sales"),
        (("--given", "customer.segment=vip", "--attestation", "B"), "default", "desk"),
        (("--crm", "none", "--name", "Ярослав"), "named", "sales"),
        (("--crm", "down", "--did", "84950000149"), "degraded", "sales"),
        (("--crm", "slow"), "degraded", "desk"),
        (("--crm", "stale", "--given", "deal.stage=offer_sent"), "offers", "sales"),
        (("--caller", "8 (495) 000-01-50", "--crm", "answer"), "default", "desk"),
    ],
    ids=" ".join,
)
def test_a_call_is_made_up_of_what_is_given(
    rules: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], rule: str, queue: str
) -> None:
    told = explained(rules, capsys, *MONDAY, *arguments)

    assert (told["rule"], told["queue"]) == (rule, queue)


def test_it_arrives_when_it_is_said_to(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = explained(rules, capsys, "--crm", "none", "--at", "2026-11-22 11:00")

    assert told["rule"] == "night"
    assert told["schedules"] == [{"schedule": "office", "open": False, "reason": "closed: Fr 20:00-Mo 09:00"}]


def test_without_a_time_it_arrives_now(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = explained(rules, capsys, "--crm", "none")["facts"]

    assert isinstance(facts, dict)
    assert "call.at" in facts


@pytest.mark.parametrize(
    ("name", "differences", "words"),
    [
        ("an offer", [], "yes an offer passes"),
        (
            "a  wrong hope",
            [
                {"key": "queue", "expected": "sales", "got": "desk"},
                {"key": "rule", "expected": "offers", "got": "default"},
            ],
            "no queue expected sales, got desk",
        ),
    ],
)
def test_a_test_of_the_file_is_explained(
    rules: Path, capsys: pytest.CaptureFixture[str], name: str, differences: list[dict[str, str]], words: str
) -> None:
    test = explained(rules, capsys, "--test", name)["test"]
    assert test == {"name": " ".join(name.split()), "passed": not differences, "differences": differences}

    assert main(["explain", "--rules", str(rules), "--test", name]) == 0
    assert words in in_words(capsys.readouterr().out.splitlines())


def test_a_test_of_the_file_beside_it_is_found_too(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside = "tests: [{name: at night, given: {at: 2026-11-22 11:00}, expect: {rule: night}}]\n"
    rules.with_name("routing.tests.yaml").write_text(beside, "utf-8")

    assert explained(rules, capsys, "--test", "at night")["rule"] == "night"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("--given", "deal.stage=pad"),
            "--given deal.stage=pad: stage `pad` is not in the stage list (did you mean `paid`?)",
        ),
        (("--given", "deals=[{stage: pad}]"), "--given deals=[{stage: pad}]: stage `pad` is not in the stage list"),
        (("--given", "deals=[{"), "--given deals=[{: this is not YAML"),
        (("--given", "deal.satge=paid"), "unknown fact `deal.satge` (did you mean `deal.stage`?)"),
        (("--given", "deal.stage"), "--given deal.stage: write FACT=VALUE, such as deal.stage=paid"),
        (("--given", "deal.stage=paid", "--given", "deal.stage=paid"), "`deal.stage` is given twice"),
        (("--given", "deal.stage=paid", "--crm", "down"), "deal.stage is unknown when `crm` is `down`"),
        (("--given", "deal.stage=\x1b[31m"), "--given deal.stage=\\x1b[31m: "),
        (("--crm", "none", "--at", "noon"), "--at noon: `at`: "),
        (("--test", "an ofer"), "there is no test `an ofer` (did you mean `an offer`?)"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_what_cannot_be_given_is_said_with_its_option(
    rules: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert main(["explain", "--rules", str(rules), *arguments]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name the call: --caller, --given, --test or --call"),
        (("--call", "main-1.1", "--given", "deal.stage=paid"), "--given does not go with it"),
        (("--call", "main-1.1", "--test", "an offer"), "--test does not go with it"),
        (("--test", "an offer", "--at", "2026-11-22 11:00"), "--at does not go with it"),
    ],
)
def test_what_does_not_go_together_is_refused(
    rules: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert main(["explain", "--rules", str(rules), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_on_a_terminal_it_has_colours_and_a_hostile_name_is_only_shown(
    rules: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    hostile = "\x1b[2J[bold red]Ярослав[/]\u202e\n"

    assert main(["explain", "--rules", str(rules), *MONDAY, "--crm", "none", "--name", hostile]) == 0

    said = capsys.readouterr().out
    assert "\x1b[1m" in said
    assert "\\x1b[2J[bold red]Ярослав[/]\\u202e\\x0a" in said
    assert "\x1b[2J" not in said
    assert "\u202e" not in said


def test_every_field_for_programs_is_on_the_page(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    section = (
        (ROOT / "docs" / "rules-reference.md").read_text("utf-8").split("\n## Explain\n", 1)[1].split("\n## ", 1)[0]
    )

    told = explained(rules, capsys, "--test", "an offer")
    named = {*told, *(key for rule in told["rules"] for key in rule)}  # type: ignore[attr-defined]
    assert {name for name in named if f"`{name}`" not in section} == set()


def test_the_example_on_the_page_is_what_the_shipped_rules_say(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "rules-reference.md").read_text("utf-8")
    command, *shown = page.split("    $ cti-bridge ", 1)[1].split("\n\nFirst comes", 1)[0].splitlines()

    assert main([*shlex.split(command), "--rules", str(ROOT / "config" / "routing.yaml")]) == 0

    said = in_words(capsys.readouterr().out.splitlines())
    assert [line for line in in_words(line.strip() for line in shown) if line != "…" and line not in said] == []
