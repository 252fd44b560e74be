"""Calls that operators made, in the journal: found by direction, counted by themselves, forgotten like the others."""

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from journal_room import MARIA, PETER, Kept, Run, journal_path, keeper, past_call, runner
from prometheus_client import CollectorRegistry

from cti_bridge import metrics
from cti_bridge.calls import journal
from cti_bridge.calls.journal_figures import DIRECTIONS
from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.journal_retention import remove_calls
from cti_bridge.calls.record import CallRecord, LegRecord
from cti_bridge.database import DatabaseThread
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import ChannelId, OperatorId

NOW = time.time()
OP3, OP4 = OperatorId("op3"), OperatorId("op4")


def made(number: int, seconds_ago: float, **more: Any) -> CallRecord:
    """op3 called a number outside."""
    asked = {"direction": Direction.OUTBOUND, "operator": OP3, "dialler": "PJSIP/103", "customer_id": "c-7"} | more
    customer_id = asked.pop("customer_id")
    call = past_call(number, NOW - seconds_ago, line=None, queue="", rang=(), **asked)
    return replace(call, decision=None, customer_id=customer_id)


def inside(number: int, seconds_ago: float, **more: Any) -> CallRecord:
    """op3 called op4."""
    who = {"caller": "103", "caller_kind": "internal", "caller_name": "Вера Ключевская", "customer_id": ""}
    return made(number, seconds_ago, **who, **{"direction": Direction.INTERNAL, "operator": None, **more})


STORY = (
    past_call(1, NOW - 3600, wait_s=4.0),
    past_call(2, NOW - 3000),
    made(3, 2000, wait_s=20.0),
    made(4, 1500, caller=PETER),
    inside(5, 1000, wait_s=2.0, operator=OP4),
    inside(6, 500),
)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    return keeper(tmp_path, monkeypatch)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, capsys)


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        (["--direction", "inbound"], [2, 1]),
        (["--direction", "outbound"], [4, 3]),
        (["--direction", "internal"], [6, 5]),
        (["--direction", "outbound", "--outcome", "answered"], [3]),
        (["--direction", "outbound", "--number", PETER], [4]),
        (["--direction", "outbound", "--operator", "op3"], [4, 3]),
        (["--outcome", "missed"], [2]),
        (["--number", MARIA], [3, 2, 1]),
    ],
)
async def test_calls_are_found_by_the_way_they_went(kept: Kept, run: Run, options: list[str], calls: list[int]) -> None:
    await kept(*STORY)
    rows = run("list", *options, "--json")
    assert [json.loads(row)["id"] for row in rows] == [f"main-{number}.1" for number in calls]
    if options[0] == "--direction":
        assert {json.loads(row)["direction"] for row in rows} == {options[1]}
        assert all(f"  {options[1]:<8}  " in row for row in run("list", *options))


async def test_one_call_says_who_made_it_and_whom_he_called(kept: Kept, run: Run) -> None:
    await kept(made(3, 2000, wait_s=20.0))
    shown = [row.split(maxsplit=1) for row in run("show", "main-3.1")]
    lines = {name: text for name, *rest in shown for text in rest}
    assert lines["direction"] == "outbound"
    assert lines["called"].startswith(MARIA)
    assert lines["made"].startswith("by      op3 at PJSIP/103, ")
    assert "decision" not in lines, "nothing was decided"
    assert "arrived" not in lines


async def test_shares_and_waiting_are_those_of_inbound_calls_and_the_others_are_only_counted(
    kept: Kept, run: Run
) -> None:
    await kept(*STORY)
    counted = json.loads(run("stats", "--json")[0])
    assert (counted["calls"], counted["answered"], counted["missed"]) == (2, 1, 1)
    assert counted["directions"] == [{"direction": name, "calls": 2} for name in ("inbound", "internal", "outbound")]
    assert counted["wait_s"] == {"p50": 4.0, "p95": 4.0}
    assert counted["operators"] == [{"operator": "op3", "answered": 1}]
    assert sum(hour["calls"] for hour in counted["hours"]) == 2
    assert run("stats")[1] == "and 2 internal, 2 outbound, which are not counted below"


async def test_where_nobody_calls_in_there_are_calls_all_the_same(kept: Kept, run: Run) -> None:
    await kept(made(3, 2000, wait_s=20.0))
    assert run("stats")[1] == "and 1 outbound, which are not counted below"
    run("stats", "--since", "1m", code=1)


async def test_what_was_removed_for_its_age_is_counted_by_direction(kept: Kept, run: Run, tmp_path: Path) -> None:
    old = [replace(call, offered_at=call.offered_at - 400 * 86400) for call in STORY]
    old = [replace(call, ended_at=call.offered_at + 60) for call in old]
    await kept(*old)
    thread = DatabaseThread(journal_path(tmp_path), journal._MIGRATIONS, name="test")
    await thread.open()
    try:
        assert await thread.run(lambda database: remove_calls(database, NOW - 365 * 86400)) == len(STORY)
    finally:
        await thread.close()
    counted = json.loads(run("stats", "--since", "800d", "--json")[0])
    assert counted["directions"] == [{"direction": name, "calls": 2} for name in ("inbound", "internal", "outbound")]
    assert (counted["calls"], counted["missed"], [day["calls"] for day in counted["days"]]) == (2, 1, [2])


async def test_who_was_called_back_and_reached_is_no_missed_caller_any_more(kept: Kept, run: Run) -> None:
    await kept(past_call(1, NOW - 3600), made(2, 1800))
    (item,) = run("missed", "--json")
    assert json.loads(item)["calls"] == 1, "nobody answered there, and that is no call of his"
    await kept(made(3, 900, wait_s=10.0))
    assert run("missed", "--json", code=1) == []


async def test_the_phone_of_whoever_answered_outside_is_no_leg_any_more(kept: Kept, tmp_path: Path) -> None:
    rings = LegRecord(ChannelId("3.2"), ChannelId(""), OperatorId(""), "+7495***0150", "PJSIP/trunk", "", 1.0, None,
                      None, 0.0, "")  # fmt: skip
    talks = LegRecord(ChannelId("3.1"), ChannelId(""), OP3, "", "PJSIP/103", "", 1.0, 2.0, None, 0.0, "")
    began = replace(made(3, 60), ended_at=None, outcome="", legs=(rings,))
    await kept(began)
    await kept(replace(began, channel=ChannelId("3.2"), answered_at=NOW - 40, legs=(talks,)))
    record = JournalFile(journal_path(tmp_path)).call("main-3.1")
    assert record is not None
    assert record.legs == (talks,)


@pytest.mark.parametrize("whom", [[PETER], ["--customer", "c-8"]])
async def test_whom_an_operator_called_is_forgotten_as_well(
    kept: Kept, run: Run, tmp_path: Path, whom: list[str]
) -> None:
    await kept(made(3, 2000), made(4, 1500, caller=PETER, customer_id="c-8"))
    assert run("forget", *whom) == ["1 call forgotten"]
    record = JournalFile(journal_path(tmp_path)).call("main-4.1")
    assert record is not None
    assert (record.caller, record.customer_id, record.direction, record.operator) == ("", "", "outbound", OP3)


async def test_calls_of_an_older_version_came_in(kept: Kept, run: Run, tmp_path: Path) -> None:
    await kept(*STORY[:2])
    path = journal_path(tmp_path)
    with closing(sqlite3.connect(path)) as new:
        rows = [row[:20] for row in new.execute("SELECT * FROM calls")]
    for file in path.parent.iterdir():
        file.unlink()
    before = journal._MIGRATIONS.index(DIRECTIONS)
    with closing(sqlite3.connect(path)) as old:
        old.executescript("".join(journal._MIGRATIONS[:before]) + f"; PRAGMA user_version = {before}")
        old.executemany(f"INSERT INTO calls VALUES ({', '.join('?' * 20)})", rows)
        old.execute("INSERT INTO call_totals VALUES ('2026-01-02', 'new', '', '', 'abandoned', 1, 3)")
        old.commit()
    await kept()
    counted = json.loads(run("stats", "--json", "--since", "2026-01-01")[0])
    assert (counted["directions"], counted["missed"]) == ([{"direction": "inbound", "calls": 5}], 4)
    assert len(run("list", "--direction", "inbound")) == 2


def test_the_metrics_tell_the_directions_apart_and_wait_and_miss_only_for_callers() -> None:
    registry = CollectorRegistry()
    counting = metrics.CallMetrics(registry)
    for call in STORY:
        counting.observe(call)
    made_it = {"direction": "outbound", "class": "", "queue": "", "outcome": "answered"}
    assert registry.get_sample_value("cti_calls_total", made_it) == 1
    assert registry.get_sample_value("cti_call_wait_seconds_count", {"queue": "sales"}) == 1
    (missed,) = [family for family in registry.collect() if family.name == "cti_calls_missed"]
    assert sum(sample.value for sample in missed.samples if sample.name.endswith("_total")) == 1
