"""P5: the bridge is killed during a call or after it; states, times and what was asked for go on."""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from sqlite_utils import Database
from staff_room import ARKADY, CALL, OPERATORS, RADA, A, B, StaffRoom, T, staff_room
from state_stories import LIMIT_S, MONDAY, desk

from cti_bridge.calls.events import ChannelHungUp, LegAnswered, Snapshot
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_retention import Keep, Retention
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.states.state_rows import StateRows
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.state_period import StatePeriod
from cti_bridge.operators.desk_settings import StateDefinition, WhenGone
from cti_bridge.operators.state_happenings import Asked
from cti_bridge.operators.state_table import STILL_WRITING_S
from cti_bridge.operators.states import Treatment

Found = TypeVar("Found")


def named(state: str) -> StateDefinition:
    known = desk().state(state)
    assert known is not None
    return known


async def test_the_state_is_taken_up_and_asterisk_told_again(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.staffing.ask(RADA, Asked(named("lunch"), by="irina"))
        await room.written()
        since = room.told()["since"]
        room.clocks.pass_(600)
    async with staff_room(tmp_path, after=room) as again:
        view = again.staffing.view(RADA)
        assert (view["state"], view["since"], view["by"], view["confirmed"]) == ("lunch", since, "irina", False)
        assert again.wanted == [(RADA, Treatment(True, "lunch"))]
        assert again.staffing.view(ARKADY)["state"] == "ready"
        assert again.treatment(ARKADY) is None, "of whom nothing is known nothing is wanted"


async def test_a_state_that_the_settings_no_longer_have_ends_with_the_run_that_had_it(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.staffing.ask(RADA, Asked(named("lunch")))
        await room.written()
        room.clocks.pass_(600)
    fewer = replace(desk(), states=tuple(one for one in desk().states if one.id != "lunch"))
    async with staff_room(tmp_path, fewer, after=room) as again:
        assert (again.state(), again.treatment()) == ("break", Treatment(True, "break"))
        (*_, lunch, rest) = await again.history()
        assert (lunch.state, lunch.ended_at) == ("lunch", again.clocks.wall)
        assert (rest.state, rest.began_at, rest.ended_at) == ("break", again.clocks.wall, None)
        assert "lunch" in again.staffing.reasons, "a pause that Asterisk still has so is ours, and nobody else's"


async def _talked_and_killed(folder: Path, *, next_: str = "") -> StaffRoom:
    async with staff_room(folder) as room:
        room.staffing.ask(RADA, Asked(named("ready")))
        room.rada_talks_with_maria()
        if next_:
            room.staffing.ask(RADA, Asked(named(next_)))
        await room.written()
    return room


async def test_the_call_goes_on_and_so_does_what_was_asked_for_during_it(tmp_path: Path) -> None:
    room = await _talked_and_killed(tmp_path, next_="lunch")
    room.clocks.pass_(30)
    async with staff_room(tmp_path, after=room) as again:
        again.asterisk_has((T, "b-1"), (A, "b-1"))
        assert (again.state(), again.told()["next"], again.treatment()) == ("ready", "lunch", Treatment(True, "lunch"))
        again.pass_(300)
        assert again.state() == "ready"
        again.hangs_up(T)
        assert again.state() == "wrap_up"
        again.pass_(LIMIT_S)
        assert again.state() == "lunch"


async def test_the_call_ended_meanwhile_and_the_time_after_it_begins(tmp_path: Path) -> None:
    room = await _talked_and_killed(tmp_path)
    room.clocks.pass_(20)
    async with staff_room(tmp_path, after=room) as again:
        assert again.state() == "ready"
        again.asterisk_has()
        assert (again.state(), again.told()["call"]) == ("wrap_up", CALL)
        again.pass_(LIMIT_S)
        assert again.state() == "ready"


async def test_the_call_ended_so_long_ago_that_the_time_after_it_is_over(tmp_path: Path) -> None:
    room = await _talked_and_killed(tmp_path, next_="lunch")
    ended_at = room.clocks.wall + 5
    room.clocks.pass_(3600)
    async with staff_room(tmp_path, after=room) as again:
        past = (
            LegAnswered(ended_at - 4, A, "PJSIP/101-00000002", "PJSIP/101", T),
            ChannelHungUp(ended_at, A),
            ChannelHungUp(ended_at, T),
        )
        for event in past:
            again.switchboard.look_back(event, maybe_heard=True)
        again.switchboard.resync(Snapshot(again.clocks.wall, (), past))
        assert (again.state(), again.staffing.state_of(RADA).talks) == ("lunch", ())


async def test_she_handed_the_caller_on_meanwhile(tmp_path: Path) -> None:
    room = await _talked_and_killed(tmp_path)
    room.clocks.pass_(20)
    async with staff_room(tmp_path, after=room) as again:
        again.asterisk_has((T, "b-2"), (B, "b-2"))
        assert again.state(RADA) == "wrap_up"
        assert again.staffing.state_of(ARKADY).talks == (CALL,)


async def test_killed_in_the_time_after_a_call_the_rest_of_it_remains(tmp_path: Path) -> None:
    async with staff_room(tmp_path, desk(required=("note",))) as room:
        room.staffing.ask(RADA, Asked(named("ready")))
        room.rada_talks_with_maria()
        room.hangs_up(T)
        await room.written()
        room.clocks.pass_(20)
    async with staff_room(tmp_path, desk(required=("note",)), after=room) as again:
        assert (again.state(), again.staffing.view(RADA)["missing"]) == ("wrap_up", ["note"])
        again.pass_(LIMIT_S - 20)
        assert again.staffing.view(RADA)["overdue"]
        again.staffing.after_saved(RADA, CALL, frozenset())
        again.pass_(STILL_WRITING_S)
        assert again.state() == "ready"


async def test_it_ran_out_while_nobody_looked(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.rada_talks_with_maria()
        room.hangs_up(T)
        await room.written()
        room.clocks.pass_(3600)
    async with staff_room(tmp_path, after=room) as again:
        assert (again.state(), again.treatment()) == ("ready", Treatment(False))
        assert [one.state for one in await again.history()] == ["ready", "wrap_up", "ready"]
        assert again.wrapped_up == [(RADA, CALL)]


async def test_whose_page_does_not_come_back_is_missed_after_the_restart_too(tmp_path: Path) -> None:
    settings = desk(gone=WhenGone.SIGN_OFF)
    async with staff_room(tmp_path, settings) as room:
        room.staffing.ask(RADA, Asked(named("ready")))
        room.staffing.pages(RADA, 1)
        room.staffing.ask(ARKADY, Asked(named("ready"), by="irina"))
        await room.written()
    async with staff_room(tmp_path, settings, after=room) as again:
        again.pass_(settings.gone_after_s)
        assert (again.state(RADA), again.state(ARKADY)) == ("signed_off", "ready")
        assert again.told()["why"] == "page_gone"


async def test_a_clock_that_is_wrong_at_the_start_does_not_mix_up_the_order(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.staffing.ask(RADA, Asked(named("lunch")))
        await room.written()
        room.clocks.wall -= 86400
    async with staff_room(tmp_path, after=room) as again:
        again.staffing.ask(RADA, Asked(named("break")))
        history = await again.history()
    assert [one.state for one in history] == ["ready", "lunch", "break"]
    assert all(one.ended_at is None or one.ended_at >= one.began_at for one in history)


async def test_a_disk_that_is_busy_holds_nobody_up_and_loses_nothing(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        runs = asyncio.create_task(room.staffing.rows.run())
        other = sqlite3.connect(tmp_path / "calls.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for state in ("lunch", "break", "ready"):
            room.staffing.ask(RADA, Asked(named(state)))
            room.clocks.pass_(60)
        assert not await room.staffing.rows.write()
        assert room.state() == "ready"
        assert len(room.staffing.rows) >= 3
        other.execute("ROLLBACK")
        other.close()
        async with asyncio.timeout(30):
            while len(room.staffing.rows):
                await asyncio.sleep(0.05)
        runs.cancel()
        await asyncio.gather(runs, return_exceptions=True)
        assert [one.state for one in await room.history()] == ["ready", "lunch", "break", "ready"]
        assert room.staffing.rows.dropped == 0


async def test_a_journal_that_cannot_be_read_at_the_start_is_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staff_room(tmp_path) as room:
        room.staffing.ask(RADA, Asked(named("lunch")))
        room.staffing.ask(ARKADY, Asked(named("break")))
        await room.written()
    with monkeypatch.context() as at_the_start:

        async def refuses(*_: object, **__: object) -> None:
            raise DatabaseUnusable("locked")

        at_the_start.setattr(Journal, "ask", refuses)
        opened = staff_room(tmp_path, after=room)
        again = await opened.__aenter__()
    try:
        assert again.state() == "ready"
        again.staffing.ask(ARKADY, Asked(named("ready")))
        again.staffing.pages(RADA, 1)
        runs = asyncio.create_task(again.staffing.run())
        async with asyncio.timeout(30):
            while again.state() != "lunch":
                await asyncio.sleep(0.05)
        runs.cancel()
        await asyncio.gather(runs, return_exceptions=True)
        assert again.state(ARKADY) == "ready", "what is said now counts more than what was kept"
        assert again.staffing.state_of(RADA).gone_at is None, "her page is open"
        for operator, state in ((RADA, "lunch"), (ARKADY, "ready")):
            history = await again.history(operator)
            assert [one.state for one in history if one.ended_at is None] == [state]
    finally:
        await opened.__aexit__(None, None, None)


async def test_who_was_removed_while_nobody_looked_is_in_no_state_any_more(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.staffing.ask(RADA, Asked(named("lunch")))
        await room.written()
    async with staff_room(tmp_path, after=room, operators=(OPERATORS[1],)) as again:
        assert again.wanted == []
        (*_, last) = await again.history(RADA)
        assert (last.state, last.ended_at) == ("lunch", again.clocks.wall)


async def test_old_states_are_forgotten_and_the_present_one_is_not(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        for state in ("lunch", "ready", "break"):
            room.staffing.ask(RADA, Asked(named(state)))
            room.clocks.pass_(3600)
        await room.written()
        room.clocks.pass_(2 * 86400)
        cleaning = Retention(room.journal, Keep(None, 86400.0), now=lambda: room.clocks.wall, pause_s=0.0)
        await cleaning.once()
        assert [one.state for one in await room.history()] == ["break"]


class CountingJournal:
    """The journal, and how often it was asked for something."""

    def __init__(self, journal: Journal) -> None:
        self.asked = 0
        self._journal = journal

    async def ask(self, work: Callable[[Database], Found], *, within_s: float) -> Found:
        self.asked += 1
        return await self._journal.ask(work, within_s=within_s)


async def test_all_who_begin_to_work_at_nine_are_written_in_a_few_groups(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        journal = CountingJournal(room.journal)
        rows = StateRows(journal)
        people = [OperatorId(f"op{number}") for number in range(1000)]
        for who in people:
            rows.keep(StatePeriod(who, 1, MONDAY, None, "ready", "ready", "asked"))
        await asyncio.gather(*(rows.written_soon(who, within_s=30.0) for who in people))
        assert (len(rows), rows.written, journal.asked) == (0, 1000, 2)
