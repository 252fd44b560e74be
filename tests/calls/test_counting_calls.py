"""`calls stats` counts what arrived: shares, waiting, missed, who answered, when; and so do the metrics."""

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from journal_room import PETER, RADIO, Kept, Run, journal_path, keeper, past_call, runner
from prometheus_client import CollectorRegistry

from cti_bridge import metrics
from cti_bridge.calls import journal, journal_stats
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import CallOffered, ChannelHungUp
from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.record import CallRecord
from cti_bridge.cli.main import main
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.line import Line
from cti_bridge.domain.number import parse_number
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.reception.card import Card
from cti_bridge.reception.switchboard import Switchboard

NOW = time.time()
SITE = Line("+74950000148", channel="site", city="Казань")
NEW: dict[str, Any] = {"class_name": "new", "queue": "primary-consult", "line": SITE}
DAY = (
    past_call(1, NOW - 4000, wait_s=4.0),
    past_call(2, NOW - 3000, wait_s=8.0),
    past_call(3, NOW - 2000, outcome="overflowed"),
    past_call(4, NOW - 2000, wait_s=30.04, operator=OperatorId("op5"), **NEW),
    past_call(5, NOW - 1000, caller=PETER, **NEW),
    past_call(6, NOW - 900, caller="101", caller_kind="internal", line=None, class_name=""),
    past_call(7, NOW - 100, ended_at=None, outcome="", wait_s=None, line=None),
    past_call(8, NOW - 9 * 86400),
)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    return keeper(tmp_path, monkeypatch)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, capsys)


async def test_a_day_is_counted_by_class_queue_line_outcome_and_operator(kept: Kept, run: Run) -> None:
    await kept(*DAY)
    counted = json.loads(run("stats", "--json")[0])

    assert {name: counted[name] for name in ("calls", "answered", "missed", "wait_s")} == {
        "calls": 7, "answered": 3, "missed": 2, "wait_s": {"p50": 8.0, "p95": 30.0},
    }  # fmt: skip
    assert {row["outcome"]: row["calls"] for row in counted["outcomes"]} == {
        "answered": 3, "abandoned": 2, "overflowed": 1, None: 1,
    }  # fmt: skip
    sales = {
        "name": "sales", "calls": 4, "answered": 2, "missed": 1, "share": 0.5714, "wait_s": {"p50": 4.0, "p95": 8.0}
    }  # fmt: skip
    assert counted["classes"][0] == sales
    assert [(row["name"], row["calls"], row["missed"]) for row in counted["classes"][1:]] == [("new", 2, 1), ("", 1, 0)]
    assert [(row["name"], row["calls"]) for row in counted["queues"]] == [("sales", 5), ("primary-consult", 2)]
    assert [(row["name"], row["calls"]) for row in counted["lines"]] == [
        ("Радио «Кухни»", 3), ("", 2), ("site, Казань", 2),
    ]  # fmt: skip
    assert counted["operators"] == [{"operator": "op3", "answered": 2}, {"operator": "op5", "answered": 1}]
    assert sum(row["calls"] for row in counted["days"]) == sum(row["calls"] for row in counted["hours"]) == 7


async def test_a_person_reads_the_same_in_a_table(kept: Kept, run: Run) -> None:
    await kept(*DAY)
    shown = run("stats", "--since", "30d")

    assert shown[0].endswith(": 8 inbound calls")
    assert "answered 3 (37.5 %), waited for (p50, p95) 8.0 s, 30.0 s" in shown
    assert [row for row in shown if row.startswith("Радио «Кухни» ") and "50.0 %" in row]


async def test_nothing_to_count_is_a_no(kept: Kept, run: Run) -> None:
    await kept(past_call(1, NOW - 9 * 86400))
    run("stats", "--since", "1h", code=1)
    assert json.loads(run("stats", "--since", "1h", "--json", code=1)[0])["calls"] == 0


@pytest.mark.parametrize(("zone", "days"), [("UTC", ["2026-10-24", "2026-10-25"]), ("Europe/Moscow", ["2026-10-25"])])
async def test_days_and_hours_are_those_of_the_machine(
    kept: Kept, run: Run, monkeypatch: pytest.MonkeyPatch, zone: str, days: list[str]
) -> None:
    early, late = (datetime.fromisoformat(text).timestamp() for text in ("2026-10-24T22:30Z", "2026-10-25T02:30Z"))
    await kept(past_call(1, early), past_call(2, late))
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        counted = json.loads(run("stats", "--json", "--since", "2026-10-24")[0])
    finally:
        monkeypatch.undo()
        time.tzset()
    assert [row["day"] for row in counted["days"]] == days


async def test_calls_of_an_older_version_are_counted_as_soon_as_the_bridge_has_started(
    kept: Kept, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await kept(*DAY)
    path = journal_path(tmp_path)
    with closing(sqlite3.connect(path)) as new:
        rows = [row[:20] for row in new.execute("SELECT * FROM calls")]  # a direction came later
    for file in path.parent.iterdir():
        file.unlink()
    with closing(sqlite3.connect(path)) as old:
        old.executescript(f"{journal._MIGRATIONS[0]}; PRAGMA user_version = 1")
        old.executemany(f"INSERT INTO calls VALUES ({', '.join('?' * len(rows[0]))})", rows)
        old.commit()

    assert main(["calls", "stats", "--config", str(tmp_path / "c.yaml")]) == 2
    assert "of an older version; `cti-bridge run` brings it up to date" in capsys.readouterr().err
    await kept()
    counted = json.loads(run("stats", "--json")[0])
    assert (counted["calls"], counted["answered"], counted["missed"]) == (7, 3, 2)


async def test_many_names_are_counted_together_beyond_the_first_ones(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_stats, "MOST_NAMES", 2)
    calls = [
        past_call(number, 1000.0 + number, wait_s=1.0, line=replace(RADIO, name=name), operator=OperatorId(name))
        for number, name in enumerate(["a", "a", "b", "b", "в", "г"])
    ]
    await kept(*calls)
    counted = JournalFile(journal_path(tmp_path)).figures(since=0.0, until=1e10)

    assert [(share.name, share.calls, share.answered) for share in counted.lines] == [
        ("a", 2, 2), ("b", 2, 2), ("other", 2, 2),
    ]  # fmt: skip
    assert counted.operators == (("a", 2), ("b", 2), ("other", 2))


@pytest.mark.parametrize(
    ("waits", "p50", "p95"),
    [([3.0], 3.0, 3.0), ([1.0, 2.0], 1.0, 2.0), ([float(wait) for wait in range(1, 101)], 50.0, 95.0),
     ([-5.0], 0.0, 0.0), ([1e7], 86400.0, 86400.0)],
    ids=["one", "two", "a hundred", "clock set back", "for ages"],
)  # fmt: skip
async def test_percentiles_of_waiting(kept: Kept, tmp_path: Path, waits: list[float], p50: float, p95: float) -> None:
    await kept(*(past_call(number, 1e6 + number, wait_s=wait) for number, wait in enumerate(waits)))
    waiting = JournalFile(journal_path(tmp_path)).figures(since=0.0, until=1e10).waiting
    assert (waiting.p50_s, waiting.p95_s) == (p50, p95)


def test_the_metrics_count_each_ended_call_once() -> None:
    registry = CollectorRegistry()
    counting = metrics.CallMetrics(registry)
    for call in DAY:
        counting.observe(call)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    sales = {"direction": "inbound", "class": "sales", "queue": "sales"}
    assert value("cti_calls_total", **sales, outcome="answered") == 2
    assert value("cti_calls_total", **sales, outcome="overflowed") == 1
    assert value("cti_calls_missed_total", queue="primary-consult") == 1
    assert value("cti_call_wait_seconds_count", queue="sales") == 2
    assert value("cti_call_wait_seconds_sum", queue="primary-consult") == pytest.approx(30.04)


def test_labels_do_not_grow_with_what_a_pbx_calls_its_queues() -> None:
    registry = CollectorRegistry()
    counting = metrics.CallMetrics(registry)
    for number in range(3 * metrics.MOST_NAMES):
        counting.observe(past_call(number, NOW, queue=f"очередь-{number}"))

    calls = {"direction": "inbound", "class": "sales", "queue": metrics.OTHER, "outcome": "abandoned"}
    assert registry.get_sample_value("cti_calls_total", calls) == 2 * metrics.MOST_NAMES
    (family,) = [family for family in registry.collect() if family.name == "cti_calls_missed"]
    assert len({sample.labels["queue"] for sample in family.samples}) == metrics.MOST_NAMES + 1


class Records:
    """A journal that takes everything and keeps nothing."""

    def keep(self, record: CallRecord) -> None:
        assert record.id


async def test_a_call_that_hangs_up_twice_has_ended_once() -> None:
    registry = CollectorRegistry()

    async def nothing_to_fetch(_: Call, card: Card) -> Card:
        return card

    switchboard = Switchboard(
        "main", hub=Hub(snapshot_for=lambda _: {}, team_now=list, registry=CollectorRegistry()), journal=Records(),
        directory=lambda: Directory.of([]), stages=lambda: SHIPPED_STAGES, fetch=nothing_to_fetch,
        new_card=lambda caller: Card(parse_number(PETER, region="RU")), observe=metrics.CallMetrics(registry).observe,
    )  # fmt: skip
    channel = ChannelId("main-1.1")
    try:
        switchboard.take(CallOffered(1.0, CallId(channel), channel, channel))
        assert registry.get_sample_value("cti_calls_missed_total", {"queue": ""}) is None
        switchboard.take(ChannelHungUp(9.0, channel))
        switchboard.take(ChannelHungUp(9.5, channel))
    finally:
        await switchboard.close()
    assert registry.get_sample_value("cti_calls_missed_total", {"queue": ""}) == 1
