"""`calls list` finds calls by time, caller, operator, queue, class and outcome, page by page, beside the daemon."""

import json
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from journal_room import MARIA, PETER, Kept, Run, journal_path, keeper, past_call, runner

from cti_bridge.calls import journal_file
from cti_bridge.calls.journal_file import JournalFile, Wanted
from cti_bridge.calls.record import LegRecord
from cti_bridge.domain.ids import ChannelId, OperatorId

NOW = time.time()
OP5 = OperatorId("op5")
STORY = (
    past_call(1, NOW - 3600, wait_s=4.0),
    past_call(2, NOW - 7200, caller=PETER, queue="production", class_name="production"),
    past_call(3, NOW - 86400, rang=(OperatorId("op4"), OP5), outcome="overflowed"),
    past_call(4, NOW - 9 * 86400, caller="101", caller_kind="internal", wait_s=1.0, operator=OP5, line=None),
    past_call(5, NOW - 60, ended_at=None, outcome=""),
    past_call(6, NOW - 30, caller="anonymous", caller_kind="anonymous"),
)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    return keeper(tmp_path, monkeypatch)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, capsys)


def found(rows: list[str]) -> list[int]:
    return [int(json.loads(row)["id"].removeprefix("main-").removesuffix(".1")) for row in rows]


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        ([], [6, 5, 1, 2, 3, 4]),
        (["--since", "3h"], [6, 5, 1, 2]),
        (["--since", "3d", "--until", "90m"], [2, 3]),
        (["--number", MARIA], [5, 1, 3]),
        (["--number", "8 (495) 000-01-51"], [2]),
        (["--number", "101"], [4]),
        (["--number", "anonymous"], [6]),
        (["--operator", "op5"], [3, 4]),
        (["--queue", "production"], [2]),
        (["--class", "production"], [2]),
        (["--outcome", "answered"], [1, 4]),
        (["--outcome", "abandoned"], [6, 2]),
        (["--outcome", "missed"], [6, 2, 3]),
        (["--outcome", "going-on"], [5]),
        (["--line", "Радио «Кухни»", "--operator", "op3"], [6, 5, 1, 2]),
        (["--number", MARIA, "--outcome", "missed", "--since", "2d"], [3]),
        (["--limit", "2"], [6, 5]),
        (["--limit", "0"], [6, 5, 1, 2, 3, 4]),
    ],
)
async def test_calls_are_found_by(kept: Kept, run: Run, options: list[str], calls: list[int]) -> None:
    await kept(*STORY)
    assert found(run("list", "--json", *options)) == calls


@pytest.mark.parametrize(
    "options",
    [["--number", "+7 495 000-09-99"], ["--operator", "op"], ["--queue", "' OR 1=1 --"], ["--class", "%"],
     ["--until", "2020-01-01"]],
    ids=" ".join,
)  # fmt: skip
async def test_what_nobody_has_is_not_found(kept: Kept, run: Run, options: list[str]) -> None:
    await kept(*STORY)
    assert run("list", *options, code=1) == []


@pytest.mark.parametrize("options", [["--since", "gestern"], ["--until", "7 days"]], ids=" ".join)
async def test_a_time_that_is_none_is_said_in_words(kept: Kept, run: Run, options: list[str]) -> None:
    await kept(*STORY)
    assert run("list", *options, code=2) == []


@pytest.mark.parametrize(
    ("zone", "options", "calls"),
    [
        ("Europe/Moscow", ["--since", "2026-10-25"], [2, 1]),
        ("UTC", ["--since", "2026-10-25"], [2]),
        ("America/New_York", ["--until", "2026-10-25"], [1]),
        ("Europe/Berlin", ["--since", "2026-10-25T00:30", "--until", "2026-10-26T00:30"], [1]),
        ("Europe/Berlin", ["--since", "2026-10-25T00:30", "--until", "2026-10-26T00:31"], [2, 1]),
    ],
)
async def test_a_date_begins_when_it_begins_where_the_machine_is(
    kept: Kept, run: Run, monkeypatch: pytest.MonkeyPatch, zone: str, options: list[str], calls: list[int]
) -> None:
    early, late = (datetime.fromisoformat(text).timestamp() for text in ("2026-10-24T22:30Z", "2026-10-25T23:30Z"))
    await kept(past_call(1, early), past_call(2, late))
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert found(run("list", "--json", *options)) == calls
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_pages_follow_one_another_without_gap_or_repetition(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "PAGE", 7)
    # Three calls in each moment: the border between two pages falls between calls of the same time.
    await kept(*(past_call(number, 1000.0 + number // 3) for number in range(50)))
    journal = JournalFile(journal_path(tmp_path))
    for wanted in (Wanted(), Wanted(caller=MARIA)):
        ids = [record.id for record in journal.walk(wanted)]
        assert len(ids) == len(set(ids)) == 50
        assert [record.id for record in journal.walk(wanted, limit=20)] == ids[:20]


async def test_calls_that_come_while_somebody_reads_change_nothing_for_him(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "PAGE", 2)
    await kept(*(past_call(number, 1000.0 + number) for number in range(6)))
    reading = JournalFile(journal_path(tmp_path)).walk(Wanted())
    first = next(reading)
    await kept(past_call(99, 2000.0), past_call(3, 1003.0, outcome="overflowed"))
    assert [first.id, *(record.id for record in reading)] == [f"main-{number}.1" for number in (5, 4, 3, 2, 1, 0)]


async def test_a_call_that_changes_is_counted_and_found_once(kept: Kept, run: Run) -> None:
    begun = past_call(1, NOW - 100, ended_at=None, outcome="", queue="sales")
    await kept(begun)
    await kept(replace(begun, queue="production", offered_at=NOW - 101))
    await kept(replace(begun, queue="production", offered_at=NOW - 101, ended_at=NOW - 50, outcome="abandoned"))
    assert found(run("list", "--json", "--queue", "production")) == [1]
    assert run("list", "--queue", "sales", code=1) == []
    assert json.loads(run("stats", "--json")[0])["calls"] == 1


async def test_json_has_the_phones_of_each_call(kept: Kept, run: Run) -> None:
    leg = LegRecord(
        ChannelId("1.2"), ChannelId(""), OP5, "", "PJSIP/105", "sales", NOW - 99, None, NOW - 90, 0.0, "no_answer"
    )
    await kept(past_call(1, NOW - 100, legs=(leg,)), past_call(2, NOW - 200))
    phones = [[phone["interface"] for phone in json.loads(row)["legs"]] for row in run("list", "--json")]
    assert phones == [["PJSIP/105"], []]


async def test_a_decision_that_is_no_json_for_sqlite_keeps_nothing_from_the_journal(kept: Kept, run: Run) -> None:
    call = past_call(1, NOW - 100)
    assert call.decision is not None
    await kept(replace(call, decision=replace(call.decision, crm_age_s=float("nan"))))
    assert found(run("list", "--json")) == [1]
