"""The journal forgets by age: facts first, then calls; counts stay, and a wrong clock does no harm."""

import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_room import MARIA, Kept, Run, journal_path, keeper, past_call, runner, waits_for_a_receiver

from cti_bridge.calls import journal_retention
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.journal_retention import Keep, Retention
from cti_bridge.calls.journal_trust import DAY_S, LEAP_S, PACE, Trusted, trusted_time
from cti_bridge.domain.line import Line

NOW = time.time()
NAME = "Мария Соколова"
USUAL = Keep(facts_s=30 * DAY_S, calls_s=365 * DAY_S)
IN_2040 = 2_208_988_800.0


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    return keeper(tmp_path, monkeypatch)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, capsys)


class Clocks:
    """The machine's clock, which can be set, and the one that only runs."""

    def __init__(self) -> None:
        self.wall = NOW
        self.run = 5.0

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.run += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
async def journal(kept: Kept, tmp_path: Path) -> AsyncIterator[Journal]:
    await kept(
        past_call(1, NOW - 400 * DAY_S, wait_s=2.0, name=NAME),
        past_call(2, NOW - 400 * DAY_S, wait_s=2.0, name=NAME),
        past_call(3, NOW - 366 * DAY_S, name=NAME, line=Line("+74950000148")),
        past_call(4, NOW - 40 * DAY_S, name=NAME),
        past_call(5, NOW - 29 * DAY_S, name=NAME),
        past_call(6, NOW, name=NAME),
    )
    journal = Journal(journal_path(tmp_path), on_state=lambda state, reason: None)
    await journal.open()
    in_service_until_now(journal_path(tmp_path))
    yield journal
    await journal.close(within_s=5)


def in_service_until_now(path: Path) -> None:
    """As if the journal had been cleaned every hour for a year."""
    with closing(sqlite3.connect(path)) as file:
        file.execute("INSERT INTO journal_clock (id, trusted_at) VALUES (1, ?)", [NOW])
        file.commit()


def retention(journal: Journal, clocks: Clocks, keep: Keep = USUAL) -> Retention:
    return Retention(journal, keep, now=lambda: clocks.wall, monotonic=lambda: clocks.run, pause_s=0)


def left(folder: Path) -> dict[str, bool]:
    """The calls that are still there, and whether the facts of the customer are."""
    return {
        call.id: bool(call.decision and "customer.name" in call.decision.facts)
        for call in JournalFile(journal_path(folder)).calls(limit=1000)
    }


async def test_facts_go_after_a_month_and_calls_after_a_year(journal: Journal, clocks: Clocks, tmp_path: Path) -> None:
    assert await retention(journal, clocks).once() == (1, 3)
    assert left(tmp_path) == {"main-6.1": True, "main-5.1": True, "main-4.1": False}
    kept = JournalFile(journal_path(tmp_path)).call("main-4.1")
    assert kept is not None and kept.decision is not None
    assert (kept.caller, kept.decision.class_name) == (MARIA, "sales")
    assert kept.decision.facts["line.name"] == "Радио «Кухни»"
    assert kept.decision.facts["line.known"] is True


async def test_what_was_removed_is_still_counted(journal: Journal, clocks: Clocks, run: Run) -> None:
    await retention(journal, clocks).once()
    counted = json.loads(run("stats", "--json", "--since", "3000d")[0])
    assert (counted["calls"], counted["answered"], counted["missed"]) == (6, 2, 4)
    assert [(row["name"], row["calls"]) for row in counted["lines"]] == [("Радио «Кухни»", 5), ("+74950000148", 1)]
    assert [row["calls"] for row in counted["days"]] == [2, 1, 1, 1, 1]
    assert json.loads(run("stats", "--json", "--since", "370d")[0])["calls"] == 4


async def test_a_second_round_finds_nothing_and_counts_nothing_twice(
    journal: Journal, clocks: Clocks, run: Run
) -> None:
    for _ in range(3):
        again = await retention(journal, clocks).once()
    assert again == (0, 0)
    assert json.loads(run("stats", "--json", "--since", "3000d")[0])["calls"] == 6


async def test_the_texts_are_gone_from_the_bytes_of_the_file(kept: Kept, tmp_path: Path, clocks: Clocks) -> None:
    await kept(*(past_call(number, NOW - 31 * DAY_S, name=NAME) for number in range(300)), past_call(999, NOW))
    journal = Journal(journal_path(tmp_path), on_state=lambda state, reason: None)
    await journal.open()
    in_service_until_now(journal_path(tmp_path))
    assert await retention(journal, clocks).once() == (300, 0)
    await journal.close(within_s=5)  # the last one to close empties the write-ahead log
    assert b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir()).count(NAME.encode()) == 0


async def test_the_name_that_the_network_sent_goes_with_the_facts(
    kept: Kept, journal: Journal, clocks: Clocks, tmp_path: Path
) -> None:
    old = NOW - 31 * DAY_S
    without_facts = past_call(8, old, caller_name="ИЛЬДАР")
    await kept(past_call(7, old, caller_name="ИЛЬДАР", name=NAME), replace(without_facts, decision=None))
    await retention(journal, clocks).once()
    assert await retention(journal, clocks).once() == (0, 0)
    names = {str(call.id): call.caller_name for call in JournalFile(journal_path(tmp_path)).calls(limit=99)}
    assert names["main-7.1"] == names["main-8.1"] == ""


async def test_the_name_goes_from_dead_letters_as_well(
    kept: Kept, journal: Journal, clocks: Clocks, tmp_path: Path
) -> None:
    for number, days in ((7, 31), (8, 29)):
        call = past_call(number, NOW - days * DAY_S, caller_name="ИЛЬДАР")
        await kept(call)
        waits_for_a_receiver(journal_path(tmp_path), call)
    with closing(sqlite3.connect(journal_path(tmp_path))) as file:
        body = json.dumps({"data": {"caller": {"number": MARIA, "name": "ИЛЬДАР"}}}, ensure_ascii=False)
        file.execute("UPDATE outbox SET state = 'dead', body = ?", [body])
        file.commit()
        await retention(journal, clocks).once()
        bodies = dict(file.execute("SELECT call_id, body FROM outbox"))
    assert json.loads(bodies["main-7.1"]) == {"data": {"caller": {"number": MARIA, "name": ""}}}
    assert bodies["main-8.1"] == body


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
async def test_a_fact_that_is_no_number_hides_nothing(
    kept: Kept, journal: Journal, clocks: Clocks, tmp_path: Path, number: float
) -> None:
    call = past_call(7, NOW - 31 * DAY_S, name=NAME)
    assert call.decision is not None
    decision = replace(call.decision, facts={**call.decision.facts, "deal.amount": number})
    await kept(replace(call, decision=decision))
    with closing(sqlite3.connect(journal_path(tmp_path))) as file:
        assert file.execute("SELECT json_valid(decision) FROM calls WHERE id = 'main-7.1'").fetchone() == (1,)
        # As a program wrote it that did not know better:
        file.execute('UPDATE calls SET decision = replace(decision, \'"took_ms": {\', \'"took_ms": {"crm": NaN\')')
        file.commit()
    await retention(journal, clocks).once()
    assert left(tmp_path)["main-7.1"] is False
    assert NAME not in str([call.decision for call in JournalFile(journal_path(tmp_path)).calls(limit=99)][-1])


async def test_for_ever_is_for_ever(journal: Journal, clocks: Clocks) -> None:
    assert await retention(journal, clocks, Keep(facts_s=None, calls_s=None)).once() == (0, 0)


async def test_a_call_without_an_end_stays(kept: Kept, journal: Journal, clocks: Clocks, tmp_path: Path) -> None:
    await kept(past_call(7, NOW - 500 * DAY_S, ended_at=None, outcome="", name=NAME))
    await retention(journal, clocks).once()
    assert left(tmp_path)["main-7.1"]


async def test_a_call_that_a_receiver_is_still_to_be_told_of_stays(
    journal: Journal, clocks: Clocks, tmp_path: Path
) -> None:
    waits_for_a_receiver(journal_path(tmp_path), past_call(1, NOW - 400 * DAY_S))
    assert await retention(journal, clocks).once() == (2, 2)
    assert left(tmp_path)["main-1.1"] is False
    with closing(sqlite3.connect(journal_path(tmp_path))) as other:
        other.execute("UPDATE outbox SET state = 'dead'")
        other.commit()
    assert await retention(journal, clocks).once() == (0, 1)


async def test_a_round_has_an_end_and_the_next_goes_on(
    journal: Journal, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_retention, "GROUP", 1)
    monkeypatch.setattr(journal_retention, "MOST_IN_A_RUN", 2)
    cleaning = retention(journal, clocks)
    assert [await cleaning.once() for _ in range(4)] == [(0, 2), (1, 1), (0, 0), (0, 0)]


# Clocks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "passed_s", "oldest", "trusted"),
    [
        pytest.param(None, NOW, None, None, NOW, id="a new journal"),
        pytest.param(None, IN_2040, None, NOW, NOW, id="the first time, in 2040: as late as the oldest call"),
        pytest.param(NOW, NOW + 3600, 3600.0, NOW, NOW + 3600, id="an hour later"),
        pytest.param(NOW, IN_2040, 3600.0, NOW, NOW + 3600 * PACE, id="the clock jumps to 2040"),
        pytest.param(NOW, IN_2040, None, NOW, NOW + LEAP_S, id="and the bridge is started again"),
        pytest.param(NOW, NOW - 9e8, 3600.0, NOW, NOW - 9e8, id="the clock is set back by years"),
        pytest.param(NOW, NOW + 2 * DAY_S, None, NOW, NOW + 2 * DAY_S, id="a weekend away"),
        pytest.param(NOW, NOW + 60 * DAY_S, None, NOW, NOW + LEAP_S, id="two months away: it catches up"),
        pytest.param(NOW - 9e8, NOW, 3600.0, NOW, NOW, id="nothing is older than the oldest call"),
    ],
)
def test_the_time_that_is_trusted(
    before: float | None, now: float, passed_s: float | None, oldest: float | None, trusted: float
) -> None:
    was = None if before is None else Trusted(before, before)
    assert trusted_time(was, now=now, passed_s=passed_s, oldest=oldest).at == trusted


def test_a_clock_that_is_in_1970_for_some_hours_leaves_no_trace() -> None:
    year_ago = NOW - 365 * DAY_S
    trusted = Trusted(NOW, NOW)
    for hour in range(10):
        trusted = trusted_time(trusted, now=hour * 3600.0, passed_s=3600.0, oldest=year_ago)
        assert trusted.at == hour * 3600.0
    trusted = trusted_time(trusted, now=NOW + 10 * 3600.0, passed_s=3600.0, oldest=0.0)
    assert trusted == Trusted(NOW + 10 * 3600.0, NOW + 10 * 3600.0)


def test_a_clock_that_was_in_2040_from_the_first_day_is_not_believed_again_later() -> None:
    trusted = trusted_time(None, now=IN_2040, passed_s=None, oldest=IN_2040)
    for hour in range(100):
        trusted = trusted_time(trusted, now=NOW + hour * 3600.0, passed_s=3600.0, oldest=NOW)
    assert trusted.at == NOW + 99 * 3600.0
    assert trusted_time(trusted, now=IN_2040, passed_s=3600.0, oldest=NOW).at == trusted.at + 3600.0 * PACE


@settings(max_examples=5 * settings().max_examples)
@given(st.lists(st.tuples(st.floats(0, 3.0e9), st.floats(0, 86400.0)), max_size=40))
def test_whatever_the_clock_says_it_removes_nothing_before_its_time(looks: list[tuple[float, float]]) -> None:
    """From a right start, age is never measured by a time that is later than the true one, but for the pace."""
    true = NOW
    trusted = Trusted(NOW, NOW)
    for clock, passed_s in looks:
        true += passed_s
        trusted = trusted_time(trusted, now=clock, passed_s=passed_s, oldest=NOW - 365 * DAY_S)
        assert trusted.at <= max(clock, 0.0)
        assert trusted.at <= NOW + (true - NOW) * PACE + LEAP_S


async def test_a_clock_that_jumps_to_2040_empties_no_journal(
    kept: Kept, journal: Journal, clocks: Clocks, tmp_path: Path
) -> None:
    cleaning = retention(journal, clocks)
    await cleaning.once()
    clocks.wall = IN_2040
    await kept(past_call(9, IN_2040, name=NAME))
    for _ in range(24):
        clocks.pass_(3600.0)
        await cleaning.once()
    assert left(tmp_path) == {
        "main-9.1": True,
        "main-6.1": True,
        "main-5.1": False,
        "main-4.1": False,
    }  # fmt: skip  (5 was 29 days old: a day later, or two at most, its facts are due)
    clocks.wall = NOW + 24 * 3600.0
    assert await cleaning.once() == (0, 0)


async def test_after_a_long_time_out_of_service_it_catches_up(journal: Journal, clocks: Clocks, tmp_path: Path) -> None:
    await retention(journal, clocks).once()
    clocks.wall += 400 * DAY_S
    later = retention(journal, clocks)
    await later.once()
    assert "main-6.1" in left(tmp_path)
    for _ in range(400):
        clocks.pass_(DAY_S)
        await later.once()
    assert left(tmp_path) == {}
