"""`calls list` and `calls show` as the admin meets them: lines of the terminal, JSON, and hostile texts."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from journal_room import Kept, Run, keeper, runner

from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.cli.main import main
from cti_bridge.domain.ids import CallId, ChannelId
from cti_bridge.domain.line import Line
from cti_bridge.routing.line_facts import line_facts

RADIO = Line("+74950000149", "Радио «Кухни»", "radio", "Москва", "kitchens", "Europe/Moscow", "ru")
SITE = Line("+74950000148", channel="site", city="Казань")
DECISION = DecisionRecord(
    kind="matched", crm="none", crm_age_s=None, rule="sales", class_name="sales", queue="sales",
    steps=(("sales", 60),), final="queue:sales", customer_id="", operator="", priority=None, rules_hash="ab" * 32,
    facts={},
)  # fmt: skip


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    return keeper(tmp_path, monkeypatch)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, capsys)


def call(number: int, did: str, line: Line | None = None, **more: str) -> CallRecord:
    facts = {"call.crm": "none", "call.did": did, "customer.city": "Тверь", **line_facts(line)}
    record = CallRecord(
        CallId(f"main-{number}.1"), "main", ChannelId(f"{number}.1"), f"{number}.1", 1000.0 + number,
        "+74950000150", "external", "", did, "", False, replace(DECISION, facts=facts),
    )  # fmt: skip
    return replace(record, **more)  # type: ignore[arg-type]


async def test_the_list_names_the_line_of_each_call(kept: Kept, run: Run) -> None:
    await kept(
        call(1, RADIO.did, RADIO), call(2, SITE.did, SITE), call(3, "+74950000147"), replace(call(4, ""), decision=None)
    )

    nothing, unknown, site, radio = run("list")
    assert "  Радио «Кухни»  " in radio
    assert "  site, Казань  " in site
    assert "  +74950000147  " in unknown
    assert nothing.split()[1:4] == ["inbound", "+74950000150", "-"]


async def test_json_has_the_whole_line(kept: Kept, run: Run) -> None:
    await kept(call(1, RADIO.did, RADIO), call(2, "+74950000147"))

    unknown, radio = (json.loads(row)["line"] for row in run("list", "--json"))
    assert unknown is None
    assert radio == {
        "did": "+74950000149",
        "name": "Радио «Кухни»",
        "channel": "radio",
        "city": "Москва",
        "direction": "kitchens",
        "zone": "Europe/Moscow",
        "language": "ru",
    }


@pytest.mark.parametrize(
    "wanted", ["Радио «Кухни»", "radio", "Москва", "kitchens", "+74950000149", "8 (495) 000-01-49"]
)
async def test_calls_of_one_line_are_found_by_what_it_is(kept: Kept, run: Run, wanted: str) -> None:
    await kept(call(1, RADIO.did, RADIO), call(2, SITE.did, SITE), replace(call(3, ""), decision=None))

    (found,) = run("list", "--line", wanted, "--json")
    assert json.loads(found)["id"] == "main-1.1"


@pytest.mark.parametrize("wanted", ["Тверь", "none", "ru", "radi", "' OR 1=1 --", "%"])
async def test_nothing_else_of_a_call_is_taken_for_its_line(kept: Kept, run: Run, wanted: str) -> None:
    await kept(call(1, RADIO.did, RADIO))

    assert run("list", "--line", wanted, code=1) == []


@pytest.mark.parametrize(
    ("final", "told"),
    [
        ("", []),
        ("queue", ["he stayed in a queue"]),
        ("elsewhere", ["the dialplan went on with him elsewhere"]),
        ("message", ["he could leave a message"]),
        ("callback", ["he was told that he will be called back"]),
        ("of a later version", []),
    ],
)
async def test_one_call_is_shown_with_what_followed_the_last_step(
    kept: Kept, run: Run, final: str, told: list[str]
) -> None:
    await kept(call(1, SITE.did, final=final))
    assert [line[13:] for line in run("show", "main-1.1") if line.startswith("after all ")] == told


async def test_one_call_is_shown_with_its_line(kept: Kept, run: Run) -> None:
    await kept(call(1, SITE.did, SITE), call(2, "+74950000147"))

    assert "line         channel site, city Казань" in run("show", "main-1.1")
    assert not [row for row in run("show", "main-2.1") if row.startswith("line ")]
    assert json.loads(run("show", "main-1.1", "--json")[0])["line"]["channel"] == "site"


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--limit", "-5"],
        ["list", "--limit", "9" * 20],
        ["list", "--limit", "many"],
        ["list", "--line", "\udcff"],
        ["show", "\udcff"],
    ],
    ids=repr,
)
async def test_what_cannot_be_meant_is_a_mistake_of_use(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    await kept(call(1, RADIO.did, RADIO))

    with pytest.raises(SystemExit) as stopped:
        main(["calls", *arguments, "--config", str(tmp_path / "c.yaml")])
    assert stopped.value.code == 2
    assert "usage: cti-bridge" in capsys.readouterr().err


async def test_texts_of_strangers_do_not_steer_the_terminal(kept: Kept, run: Run) -> None:
    nasty = "\x1b]0;x\x07\r\n\u202e<script>"
    await kept(call(1, nasty, replace(SITE, did=nasty, name=nasty), caller_name=nasty))

    shown = [*run("list"), *run("show", "main-1.1"), *run("list", "--json")]
    assert len(run("list")) == 1
    assert all(character.isprintable() for row in shown for character in row)
