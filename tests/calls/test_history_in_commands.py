"""What a number did before, and who was passed over for whom, as `explain` and `calls show` tell it."""

import asyncio
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from journal_room import MARIA, Kept, Run, journal_path, keeper, past_call, runner

from cti_bridge.cli.caller_history import first_rung_section
from cti_bridge.cli.main import main
from cti_bridge.routing.load import load_rules

RULES = """\
version: 1
queues: {sales: , desk: }
rules: [{name: again, when: {call.missed_last_hour: {min: 1}}, queue: desk, operator: last}]
default: {queue: sales}
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    keep = keeper(tmp_path, monkeypatch)
    (tmp_path / "r.yaml").write_text(RULES, "utf-8")
    return keep


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, capsys)


def explained(
    folder: Path, capsys: pytest.CaptureFixture[str], caller: str, *more: str
) -> tuple[dict[str, object], str]:
    """What `explain` says of this caller, now if it is not told when, and what it complains of."""
    capsys.readouterr()
    assert main(["explain", "--caller", caller, "--json", "--config", str(folder / "c.yaml"), *more]) == 0
    said = capsys.readouterr()
    return json.loads(said.out), said.err


async def test_a_caller_is_explained_with_what_the_journal_knows_of_him(
    tmp_path: Path, kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    now = time.time()
    await kept(past_call(1, now - 600), past_call(2, now - 90_000, wait_s=4))

    # in a thread, because a command runs a loop of its own
    told, _ = await asyncio.to_thread(explained, tmp_path, capsys, MARIA)
    assert (told["rule"], told["operator"]) == (
        "again",
        {"timeout_s": 15, "wanted": [{"source": "last", "crm_user": None, "operator": "op3"}]},
    )
    hidden, _ = await asyncio.to_thread(explained, tmp_path, capsys, "anonymous")
    assert hidden["rule"] == "default"
    assert hidden["facts"]["call.first_time"] is None  # type: ignore[index]


async def test_a_caller_of_another_moment_has_only_the_history_that_he_had_then(
    tmp_path: Path, kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    arrived = datetime(2026, 11, 20, 9, 0, tzinfo=UTC).timestamp()
    await kept(past_call(1, arrived))

    async def first_time(at: str) -> object:
        told, _ = await asyncio.to_thread(explained, tmp_path, capsys, MARIA, "--at", at)
        return told["facts"]["call.first_time"], told["facts"]["call.missed_last_hour"]  # type: ignore[index]

    assert await first_time("2026-11-20 11:59") == (True, 0)
    assert await first_time("2026-11-20 12:30") == (False, 1)
    assert await first_time("2026-11-20 13:30") == (False, 0)


def test_a_journal_that_is_not_there_makes_it_unknown_and_is_named(
    tmp_path: Path, kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    told, complaint = explained(tmp_path, capsys, MARIA)

    assert told["rule"] == "degraded"
    assert "call.first_time" in told["unknown"]  # type: ignore[operator]
    assert f"journal: {journal_path(tmp_path)}" in complaint


@pytest.mark.parametrize(("delivered", "title"), [(True, "rung first"), (False, "would have been rung first")])
def test_who_was_only_meant_to_ring_is_not_said_to_have_rung(*, delivered: bool, title: str) -> None:
    rules = load_rules(RULES)
    decided = past_call(1, 1000.0).decision
    assert decided is not None
    decided = replace(
        decided, operator="op5", skipped=(("op2", "is on the phone"),), delivered=delivered, rules_hash=rules.hash
    )
    (section,) = first_rung_section(decided, rules)

    assert section.title == title
    assert [(row.name, row.text) for row in section.rows] == [("skipped", "op2 is on the phone"), ("operator", "op5")]


async def test_a_call_is_shown_with_who_was_passed_over(kept: Kept, run: Run) -> None:
    call = past_call(1, 1000.0)
    assert call.decision is not None
    decision = replace(call.decision, operator="op5", skipped=(("op2", "is on the phone"), ("d.k", "is no operator")))
    await kept(replace(call, decision=decision))

    shown = run("show", "main-1.1")
    assert [line.split(maxsplit=1)[1] for line in shown if line.startswith("skipped ")] == [
        "op2 is on the phone",
        "d.k is no operator",
    ]
    assert [line for line in shown if line.startswith("first rings ")] == ["first rings  op5"]
    told = json.loads(run("show", "main-1.1", "--json")[0])["decision"]["skipped"]
    assert told == [["op2", "is on the phone"], ["d.k", "is no operator"]]
