"""The work list with the real file and a clock that the test moves: read once for all, told to whom it concerns."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cti_bridge.calls.after_call import AboutCall, AfterCall, NextStep, StepKind
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_after import save_after
from cti_bridge.calls.journal_work_reader import WorkReader
from cti_bridge.calls.record import CallRecord
from cti_bridge.calls.work import CLAIM_S
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.after.work_commands import ItemArgs, WorkCommands, WorkListArgs
from cti_bridge.desk.after.work_list import AT_ONCE, BREATH_S, WorkList
from cti_bridge.desk.after.work_views import MOST_SHOWN
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.operator import Operator, Role
from cti_bridge.operators.command_list import CommandRefused
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.protocol import Json

MARIA, PETER = "+74950000150", "+74950000151"
VERA = Operator(OperatorId("op1"), "Вера Ключевская", ("PJSIP/101",))
YURI = Operator(OperatorId("op2"), "Юрий Самарин", ("PJSIP/102",))
CHIEF = Operator(OperatorId("chief"), "Фёдор Ильинский", (), role=Role.SUPERVISOR)
NOON = 1_795_500_000.0


@dataclass
class Screens:
    """What was told to whom; who is in `open` has a page."""

    open: set[OperatorId] = field(default_factory=lambda: {VERA.id, YURI.id, CHIEF.id})
    told: list[tuple[OperatorId, Json]] = field(default_factory=list)

    def pages(self, operator: OperatorId) -> int:
        return int(operator in self.open)

    def tell(self, operator: OperatorId, type_: str, fields: Json) -> None:
        assert type_ == "work.updated"
        self.told.append((operator, fields["work"]))

    def news(self) -> dict[str, list[str]]:
        """Of each operator the ids of what he was told since the last time; of several lists an error."""
        told, self.told = self.told, []
        assert len({operator for operator, _ in told}) == len(told)
        return {operator: [item["id"] for item in work["items"]] for operator, work in told}


class Room:
    """A journal, a list, its commands, and time that passes when the test says so."""

    def __init__(self, path: Path) -> None:
        self.now = NOON
        self.journal = Journal(path, on_state=lambda state, reason: None)
        self.reader = WorkReader(path, within_s=30.0)
        self.screens = Screens()
        self.directory = Directory.of((VERA, YURI, CHIEF))
        self.slept: list[float] = []
        self.work = WorkList(
            self.journal, self.reader, self.screens, directory=lambda: self.directory,
            zone=lambda: ZoneInfo("Europe/Moscow"), now=lambda: self.now, monotonic=lambda: self.now, sleep=self._sleep,
        )  # fmt: skip
        self.commands = WorkCommands(self.work)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    async def passes(self, seconds: float = 1.0) -> dict[str, list[str]]:
        """Time passes, there is a round, and this is what everybody is told in it."""
        self.now += seconds
        await self.work.once()
        return self.screens.news()

    async def missed(self, number: int, caller: str = MARIA, *, rang: tuple[OperatorId, ...] = (VERA.id,)) -> None:
        """A call in vain, that was over a moment ago."""
        at = self.now - 30
        await self._write(CallRecord(
            CallId(f"main-{number}.1"), "main", ChannelId(f"{number}.1"), f"{number}.1", at, caller, "external", "",
            "", "", False, queue="sales", rang=rang, ended_at=at + 20, outcome="abandoned",
        ))  # fmt: skip

    async def answered(self, number: int, caller: str = MARIA) -> None:
        """A call that somebody answers."""
        at = self.now - 20
        await self._write(CallRecord(
            CallId(f"main-{number}.1"), "main", ChannelId(f"{number}.1"), f"{number}.1", at, caller, "external", "",
            "", "", False, queue="sales", rang=(VERA.id,), answered_at=at + 5, operator=VERA.id,
        ))  # fmt: skip

    async def _write(self, record: CallRecord) -> None:
        written = self.journal.written
        self.journal.keep(record)
        task = asyncio.create_task(self.journal.run())
        async with asyncio.timeout(30.0):
            while self.journal.written == written:
                await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def promised(self, number: int, *, in_s: float, kind: StepKind = StepKind.CALLBACK) -> None:
        """Vera writes down what is to be done in so many seconds, after this call."""
        after = AfterCall(CallId(f"main-{number}.1"), VERA.id, next_step=NextStep(self.now + in_s, "Эскиз", kind))
        about, now = AboutCall(MARIA, "Мария", "c-1", None), self.now
        assert await self.journal.ask(lambda database: save_after(database, after, about, now=now), within_s=30.0)

    async def take(self, who: Operator, item: str) -> Any:
        return (await self.commands.take(who, ItemArgs(item=item))).item

    async def refused(self, name: str, who: Operator, item: str) -> str:
        with pytest.raises(CommandRefused) as refusal:
            await getattr(self.commands, name)(who, ItemArgs(item=item))
        return refusal.value.code


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(tmp_path / "calls.sqlite")
    await room.journal.open()
    yield room
    await room.reader.close()
    await room.journal.close(within_s=30.0)


async def one_item(room: Room) -> str:
    """Maria was missed at both phones, and both know it."""
    await room.missed(1, rang=(VERA.id, YURI.id))
    news = await room.passes()
    assert set(news) == {"op1", "op2", "chief"}
    (item,) = news["op1"]
    return item


async def test_a_missed_caller_is_told_to_whom_it_concerns_and_gone_once_somebody_has_talked_with_him(
    room: Room,
) -> None:
    await room.missed(1)
    news = await room.passes()
    assert (len(news.pop("op1")), len(news.pop("chief")), news) == (1, 1, {"op2": []})
    assert await room.passes() == {}
    await room.answered(2)
    assert await room.passes() == {"op1": [], "chief": []}


async def test_who_opens_a_page_has_the_list_in_his_welcome_and_is_told_of_what_comes_later(room: Room) -> None:
    room.screens.open = set()
    await room.missed(1)
    assert await room.passes() == {}
    assert [item["number"] for item in room.work.view(VERA.id)["items"]] == [MARIA]
    assert room.work.view(YURI.id) == {"items": [], "more": False}
    room.screens.open = {VERA.id}
    assert await room.passes() == {}
    await room.missed(2, PETER)
    assert len((await room.passes())["op1"]) == 2


async def test_taken_by_one_and_seen_by_the_other_and_refused_to_him(room: Room) -> None:
    item = await one_item(room)
    taken = await room.take(VERA, item)
    assert taken.taken_by.name == VERA.name
    assert await room.refused("take", YURI, item) == "already_taken"
    assert await room.refused("release", YURI, item) == "not_allowed"
    assert await room.refused("done", YURI, item) == "already_taken"
    assert await room.passes() == {"op1": [item], "op2": [item], "chief": [item]}
    assert room.work.view(YURI.id)["items"][0]["taken_by"] == {"operator": "op1", "name": VERA.name}


async def test_both_reach_for_it_at_the_same_moment(room: Room) -> None:
    item = await one_item(room)
    outcomes = await asyncio.gather(room.take(VERA, item), room.take(YURI, item), return_exceptions=True)
    assert sorted(isinstance(outcome, CommandRefused) for outcome in outcomes) == [False, True]


async def test_given_back_it_is_free_again_and_giving_back_twice_is_no_error(room: Room) -> None:
    item = await one_item(room)
    await room.take(VERA, item)
    for _ in range(2):
        back = (await room.commands.release(VERA, ItemArgs(item=item))).item
        assert back is not None and back.taken_by is None
    assert (await room.take(YURI, item)).taken_by.name == YURI.name


async def test_a_supervisor_gives_back_and_finishes_what_others_have_taken(room: Room) -> None:
    item = await one_item(room)
    await room.take(VERA, item)
    assert (await room.commands.release(CHIEF, ItemArgs(item=item))).item is not None
    await room.take(VERA, item)
    assert (await room.commands.done(CHIEF, ItemArgs(item=item))).item is None
    assert await room.passes() == {"op1": [], "op2": [], "chief": []}


async def test_done_by_one_is_done_for_all_at_once(room: Room) -> None:
    item = await one_item(room)
    await room.commands.done(VERA, ItemArgs(item=item))
    assert await room.refused("take", YURI, item) == "not_found"
    assert await room.passes() == {"op1": [], "op2": [], "chief": []}
    room.now += 60
    await room.missed(2, rang=(VERA.id, YURI.id))
    again = await room.passes()
    assert again == {"op1": [item], "op2": [item], "chief": [item]}
    assert room.work.view(VERA.id)["items"][0]["calls"] == 1


@pytest.mark.parametrize("name", ["take", "release", "done"])
async def test_what_one_does_not_see_one_cannot_command(room: Room, name: str) -> None:
    await room.missed(1)
    (item,) = (await room.passes())["op1"]
    assert await room.refused(name, YURI, item) == "not_found"
    assert await room.refused(name, VERA, "missed:0") == "not_found"


async def test_an_item_is_free_again_after_half_an_hour_without_an_end(room: Room) -> None:
    item = await one_item(room)
    await room.take(VERA, item)
    await room.passes()
    assert (await room.passes(CLAIM_S - 10)).get("op2") is None
    assert (await room.passes(20))["op2"] == [item]
    assert room.work.view(YURI.id)["items"][0]["taken_by"] is None
    assert (await room.take(YURI, item)).taken_by.name == YURI.name


async def test_who_signs_off_gives_back_what_he_has_taken(room: Room) -> None:
    item = await one_item(room)
    await room.take(VERA, item)
    await room.passes()
    room.work.signed_off(VERA.id)
    await room.passes()
    assert (await room.take(YURI, item)).taken_by.name == YURI.name


async def test_who_is_removed_gives_back_what_he_has_taken(room: Room) -> None:
    item = await one_item(room)
    await room.take(VERA, item)
    await room.passes()
    room.directory = Directory.of((YURI, CHIEF))
    await room.passes()
    await room.passes()
    assert room.work.view(YURI.id)["items"][0]["taken_by"] is None


async def test_a_caller_who_was_reached_and_missed_again_is_nobodys(room: Room) -> None:
    item = await one_item(room)
    await room.take(VERA, item)
    await room.passes()
    await room.answered(2)
    assert (await room.passes())["op2"] == []
    room.now += 60
    await room.passes()
    await room.missed(3, rang=(VERA.id, YURI.id))
    await room.passes()
    assert room.work.view(YURI.id)["items"][0]["taken_by"] is None


async def test_colours_change_by_themselves_when_it_is_time_and_only_then(room: Room) -> None:
    await room.promised(1, in_s=100)
    assert set(await room.passes()) == {"op1", "op2", "chief"}
    assert room.work.view(YURI.id)["items"][0]["colour"] == "amber"
    readings = room.work.readings
    for _ in range(9):
        assert await room.passes(10) == {}
    assert set(await room.passes(10)) == {"op1", "op2", "chief"}
    assert room.work.view(YURI.id)["items"][0]["colour"] == "red"
    assert room.work.readings - readings <= 1  # tidying up wrote something


async def test_a_callback_is_for_all_and_a_task_for_its_owner(room: Room) -> None:
    await room.promised(1, in_s=100)
    await room.promised(2, in_s=100, kind=StepKind.TASK)
    news = await room.passes()
    assert {operator: len(items) for operator, items in news.items()} == {"op1": 2, "op2": 1, "chief": 2}
    room.now += 60
    await room.answered(3)
    news = await room.passes()
    assert {operator: len(items) for operator, items in news.items()} == {"op1": 1, "op2": 0, "chief": 1}


async def test_a_missed_call_that_rang_at_nobody_is_for_those_in_the_queue(room: Room) -> None:
    room.work.queues_of = lambda operator: frozenset({"sales"}) if operator == YURI.id else frozenset()
    await room.missed(1, rang=())
    news = await room.passes()
    assert {operator: len(items) for operator, items in news.items()} == {"op1": 0, "op2": 1, "chief": 1}
    room.work.queues_of = lambda operator: frozenset({"sales"}) if operator == VERA.id else frozenset()
    news = await room.passes(10)
    assert {operator: len(items) for operator, items in news.items()} == {"op1": 1, "op2": 0}


async def test_before_the_pbx_has_said_who_is_in_which_queue_nobody_else_is_told_of_its_callers(room: Room) -> None:
    room.work.queues_known = lambda: False
    await room.missed(1, rang=())
    news = await room.passes()
    assert {operator: len(items) for operator, items in news.items()} == {"op1": 0, "op2": 0, "chief": 1}
    room.work.queues_of = lambda operator: frozenset({"sales"}) if operator == YURI.id else frozenset()
    room.work.queues_known = lambda: True
    news = await room.passes(10)
    assert {operator: len(items) for operator, items in news.items()} == {"op2": 1}
    assert room.work.view(VERA.id)["items"] == []


async def test_nothing_is_read_while_nothing_is_written(room: Room) -> None:
    await one_item(room)
    await room.passes()
    readings = room.work.readings
    for _ in range(60):
        assert await room.passes() == {}
    assert room.work.readings == readings


async def test_after_a_slow_reading_there_is_a_rest(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    await one_item(room)
    await room.passes()
    quick = room.reader.read

    async def slow(*, now: float, anyway: bool) -> Any:
        room.now += 2
        return await quick(now=now, anyway=anyway)

    monkeypatch.setattr(room.reader, "read", slow)
    await room.missed(2, PETER)
    await room.passes()
    readings = room.work.readings
    await room.missed(3, PETER)
    for _ in range(4):
        await room.passes(5)
    assert room.work.readings == readings
    await room.passes(25)
    assert room.work.readings == readings + 1


async def test_a_list_is_no_longer_than_a_page_can_take(room: Room) -> None:
    for number in range(MOST_SHOWN + 1):
        room.journal.keep(CallRecord(
            CallId(f"main-{number}.1"), "main", ChannelId(f"{number}.1"), f"{number}.1", room.now - 60,
            f"+74950000{number:03d}", "external", "", "", "", False, queue="sales", rang=(VERA.id,),
            ended_at=room.now - 50, outcome="abandoned",
        ))  # fmt: skip
    await room.missed(900)
    assert len((await room.passes())["op1"]) == MOST_SHOWN
    listed = await room.commands.list(VERA, WorkListArgs())
    assert (len(listed.items), listed.more) == (MOST_SHOWN, True)


async def test_a_thousand_pages_cost_one_reading_and_let_others_have_their_turn(room: Room) -> None:
    staff = [Operator(OperatorId(f"o{number}"), f"Ольга {number}", ()) for number in range(1000)]
    room.directory = Directory.of(staff)
    room.screens.open = {operator.id for operator in staff}
    await room.promised(1, in_s=100)
    news = await room.passes()
    assert (len(news), room.work.readings) == (1000, 1)
    assert room.slept.count(BREATH_S) == 2 * 1000 // AT_ONCE


async def test_a_journal_that_cannot_be_read_is_said_once_and_the_list_stays(
    room: Room, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await room.refused("take", VERA, "missed:0") == "unavailable"
    item = await one_item(room)
    rounds = 0

    async def broken(*, now: float, anyway: bool) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 5:
            task.cancel()
        raise DatabaseUnusable("calls.sqlite: disk I/O error")

    monkeypatch.setattr(room.reader, "read", broken)
    task = asyncio.create_task(room.work.run())
    await asyncio.wait({task}, timeout=30.0)
    assert rounds == 5
    assert capsys.readouterr().out.count("work.unreadable") == 1
    assert [view["id"] for view in room.work.view(VERA.id)["items"]] == [item]


async def test_claims_are_there_after_a_restart_and_still_end(room: Room, tmp_path: Path) -> None:
    item = await one_item(room)
    await room.take(VERA, item)
    again = Room(tmp_path / "calls.sqlite")
    await again.journal.open()
    again.now = room.now
    await again.passes()
    assert again.work.view(YURI.id)["items"][0]["taken_by"] == {"operator": "op1", "name": VERA.name}
    await again.passes(CLAIM_S)
    assert again.work.view(YURI.id)["items"][0]["taken_by"] is None
    await again.reader.close()
    await again.journal.close(within_s=30.0)
