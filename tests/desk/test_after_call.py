"""What operators write down about their calls, with the real file: bit by bit, kept, and told to the CRM once."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlite_utils import Database

from cti_bridge.calls.after_call import AboutCall
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_forgotten import mark, take_out_beside
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.after.after_call import FORGET_EVERY_S, KEPT, OPEN_S, SETTLED_S, AfterCalls
from cti_bridge.desk.after.after_commands import AfterCommands, AfterGetArgs, AfterSaveArgs
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import CommandList, CommandRefused
from cti_bridge.operators.desk_settings import DeskSettings, WrapUpSettings
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.protocol import Json
from cti_bridge.operators.strict_json import read_object

NOON = 1_795_500_000.0
MARIA = "+74950000150"
VERA = Operator(OperatorId("op1"), "Вера Ключевская", ("PJSIP/101",))
YURI = Operator(OperatorId("op2"), "Юрий Самарин", ("PJSIP/102",), language="en")
CALL, OTHER = CallId("main-1.1"), CallId("main-2.1")
STRICT = DeskSettings(wrap_up=WrapUpSettings(30.0, frozenset({"outcome"})))


class Room:
    """A journal, the calls in which both had a part, a CRM that notes what it is told, and a clock."""

    def __init__(self, path: Path) -> None:
        self.now = NOON
        self.journal = Journal(path, on_state=lambda state, reason: None)
        self.ended_at: float | None = NOON
        self.in_call: set[OperatorId] = set()
        self.wrapping_up: set[OperatorId] = set()
        self.told: list[tuple[OperatorId, Json]] = []
        self.notes: dict[str, str] = {}
        self.crm_takes_notes = True
        self.crm_can_be_had = True
        self.saved: list[tuple[OperatorId, CallId, frozenset[str]]] = []
        self.directory = Directory.of((VERA, YURI))
        self.after = self.started()

    def started(self) -> AfterCalls:
        """The part as a new run of the bridge has it."""
        after = AfterCalls(
            STRICT, self.journal, self, self, directory=lambda: self.directory,
            zone=lambda: ZoneInfo("Europe/Moscow"), now=lambda: self.now,
        )  # fmt: skip
        after.write_note = self.write_note
        after.is_wrapping_up = lambda operator, call: operator in self.wrapping_up
        after.on_saved = lambda operator, call, missing: self.saved.append((operator, call, missing))
        self.commands = AfterCommands(after)
        return after

    def pages(self, operator: OperatorId) -> int:
        return 1

    def tell(self, operator: OperatorId, type_: str, fields: Json) -> None:
        assert type_ == "after.saved"
        self.told.append((operator, fields["after"]))

    async def about(self, operator: OperatorId, call: CallId) -> AboutCall:
        if call == OTHER and operator != YURI.id:
            raise CommandRefused("not_found", "there is no such call")
        return AboutCall(MARIA, "Мария Соколова", "c-1", self.ended_at)

    def is_in(self, operator: OperatorId, call: CallId) -> bool:
        return operator in self.in_call

    async def write_note(
        self, call: CallId, operator: OperatorId, text: str, *, key: str, customer_id: str, number: str
    ) -> bool:
        if not self.crm_can_be_had:
            raise DatabaseUnusable("database is locked")
        assert (customer_id, number) == ("c-1", MARIA)
        if self.crm_takes_notes:
            self.notes.setdefault(key, text)
        return self.crm_takes_notes

    async def save(self, who: Operator = VERA, call: CallId = CALL, **said: Any) -> Json:
        answer = await self.commands.save(who, AfterSaveArgs.model_validate({"call": call, **said}))
        return answer.after.model_dump(mode="json")

    async def settle(self, seconds: float = SETTLED_S) -> list[str]:
        """Time passes, and this is what the CRM has been told by then."""
        self.now += seconds
        await self.after.once()
        return list(self.notes.values())


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(tmp_path / "calls.sqlite")
    await room.journal.open()
    yield room
    await room.journal.close(within_s=30.0)


def forgotten_too(database: Database, call: CallId) -> None:
    with database.conn:
        mark(database.conn, [call])
        take_out_beside(database.conn, [call])


def in_an_hour(room: Room) -> str:
    return datetime.fromtimestamp(room.now + 3600, UTC).isoformat()


async def test_it_is_written_down_bit_by_bit_and_says_what_is_missing(room: Room) -> None:
    assert room.after.missing_of(VERA.id, CALL) == {"outcome"}
    assert (await room.save(note="Ждёт эскиз"))["missing"] == ["outcome"]
    saved = await room.save(outcome="call_back", feedback={"score": 5})
    assert (saved["note"], saved["outcome"], saved["missing"]) == ("Ждёт эскиз", "call_back", ["next_step"])
    step = {"at": in_an_hour(room), "kind": "callback", "text": ""}
    assert (await room.save(next_step=step))["missing"] == []
    assert (await room.save(next_step=None))["missing"] == ["next_step"]

    assert [missing for _, _, missing in room.saved] == [{"outcome"}, {"next_step"}, set(), {"next_step"}]
    assert room.after.missing_of(VERA.id, CALL) == {"next_step"}
    assert [view["saved_at"] for _, view in room.told] == sorted({view["saved_at"] for _, view in room.told})


async def test_the_same_again_changes_nothing_and_is_told_to_nobody(room: Room) -> None:
    first = await room.save(outcome="done")
    room.now += 5
    assert await room.save(outcome="done") == first
    assert (len(room.told), len(room.saved)) == (1, 1)
    assert await room.settle() == ["Итог звонка: Вопрос решён"]
    assert await room.save(outcome="done") == first
    assert len(await room.settle()) == 1


async def test_two_pages_that_save_at_the_same_time_lose_nothing(room: Room) -> None:
    await asyncio.gather(room.save(note="Ждёт эскиз"), room.save(outcome="done"), room.save(feedback={"score": 4}))
    after = (await room.commands.get(VERA, AfterGetArgs(call=CALL))).after
    assert after is not None
    assert (after.note, after.outcome, after.feedback.score) == ("Ждёт эскиз", "done", 4)


async def test_each_has_his_own_and_the_crm_is_told_in_his_language(room: Room) -> None:
    await room.save(outcome="done", note="Решили")
    await room.save(YURI, outcome="offer")
    told = await room.settle()
    assert set(told) == {"Итог звонка: Вопрос решён\nРешили", "What came of the call: Offer to be made"}


async def test_the_crm_is_told_when_the_wrap_up_is_over(room: Room) -> None:
    room.wrapping_up = {VERA.id}
    await room.save(outcome="done")
    assert await room.settle(10 * SETTLED_S) == []
    room.wrapping_up = set()
    room.after.wrapped_up(VERA.id, CALL)
    assert await room.settle(0) == ["Итог звонка: Вопрос решён"]


async def test_the_crm_is_told_when_he_says_that_he_is_through(room: Room) -> None:
    room.in_call = {VERA.id}
    await room.save(outcome="done")
    assert await room.settle(10 * SETTLED_S) == []
    await room.save(done=True)
    assert await room.settle(0) == ["Итог звонка: Вопрос решён"]


async def test_what_is_changed_afterwards_is_told_once_more_as_a_whole(room: Room) -> None:
    await room.save(outcome="done")
    await room.settle()
    await room.save(note="И ещё")
    assert await room.settle() == ["Итог звонка: Вопрос решён", "Итог звонка, дополнено: Вопрос решён\nИ ещё"]
    assert len(await room.settle()) == 2


async def test_nothing_said_is_nothing_told(room: Room) -> None:
    await room.save(outcome="done")
    await room.save(outcome=None)
    assert await room.settle() == []


async def test_what_cannot_be_told_now_is_told_later_and_once(room: Room, capsys: pytest.CaptureFixture[str]) -> None:
    room.crm_can_be_had = False
    await room.save(outcome="done")
    assert await room.settle() == await room.settle(1) == []
    assert capsys.readouterr().out.count("after.not_told") == 1
    room.crm_can_be_had = True
    assert len(await room.settle(1)) == 1
    assert len(await room.settle()) == 1


async def test_a_crm_without_notes_leaves_it_in_the_journal(room: Room) -> None:
    room.crm_takes_notes = False
    await room.save(outcome="done")
    assert await room.settle() == []
    room.crm_takes_notes = True
    assert await room.settle() == []
    after = (await room.commands.get(VERA, AfterGetArgs(call=CALL))).after
    assert after is not None and after.outcome == "done"


async def test_a_run_that_was_killed_is_made_up_for_and_tells_the_same_note_again(room: Room, tmp_path: Path) -> None:
    await room.save(outcome="done", note="Ждёт эскиз")
    await room.settle()
    with closing(sqlite3.connect(tmp_path / "calls.sqlite")) as journal:
        journal.execute("UPDATE after_calls SET finished_at = NULL, told = 0")  # killed before that was on disk
        journal.commit()
    room.after = room.started()
    await room.after.open()

    assert room.after.missing_of(VERA.id, CALL) == frozenset()
    assert [view["note"] for view in room.after.views(VERA.id)] == ["Ждёт эскиз"]
    assert await room.settle() == ["Итог звонка: Вопрос решён\nЖдёт эскиз"]
    room.after = room.started()
    await room.after.open()
    assert len(await room.settle()) == 1


async def test_what_could_not_be_taken_up_at_the_start_is_taken_up_when_the_journal_is_there(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def locked(*_: object, **__: object) -> None:
        raise DatabaseUnusable("database is locked")

    await room.save(outcome="done", note="Ждёт эскиз")
    room.after = room.started()
    with monkeypatch.context() as at_the_start:
        at_the_start.setattr(room.journal, "ask", locked)
        await room.after.open()
    assert room.after.views(VERA.id) == []
    assert len(await room.settle()) == 1
    assert [view["note"] for view in room.after.views(VERA.id)] == ["Ждёт эскиз"]


async def test_only_who_had_a_part_and_only_for_a_shift(room: Room) -> None:
    with pytest.raises(CommandRefused) as refused:
        await room.save(VERA, OTHER, outcome="done")
    assert refused.value.code == "not_found"
    with pytest.raises(CommandRefused) as refused:
        await room.commands.get(VERA, AfterGetArgs(call=OTHER))
    assert refused.value.code == "not_found"
    assert (await room.commands.get(YURI, AfterGetArgs(call=OTHER))).after is None
    room.now += OPEN_S
    await room.save(outcome="done")
    room.now += 1
    with pytest.raises(CommandRefused) as refused:
        await room.save(note="поздно")
    assert refused.value.code == "not_possible"
    room.ended_at = None
    await room.save(note="звонок ещё идёт")


async def test_who_is_removed_is_forgotten_and_what_he_wrote_is_still_told(room: Room) -> None:
    await room.save(YURI, outcome="done")
    room.directory = Directory.of((VERA,))
    assert await room.settle() == ["Итог звонка: Вопрос решён"]
    assert room.after.views(YURI.id) == []


async def test_memory_holds_the_latest_of_each_operator(room: Room) -> None:
    for number in range(KEPT + 5):
        await room.save(call=CallId(f"main-{number}.9"), outcome="done")
    views = room.after.views(VERA.id)
    assert [views[0]["call"], views[-1]["call"], len(views)] == [f"main-{KEPT + 4}.9", "main-5.9", KEPT]


async def test_of_who_was_forgotten_nothing_stays_in_memory(room: Room) -> None:
    await room.save(note="Просит позвонить после шести")
    await room.save(call=CallId("main-2.9"), note="Другой")
    await room.settle()
    await room.journal.ask(lambda database: forgotten_too(database, CALL), within_s=30.0)
    await room.settle(FORGET_EVERY_S)
    assert room.after.view(VERA.id, CALL) is None
    assert [view["note"] for view in room.after.views(VERA.id)] == ["Другой"]


@pytest.mark.parametrize(
    ("said", "places"),
    [
        pytest.param({"outcome": "победа"}, "outcome", id="an outcome that is none"),
        pytest.param({"feedback": {"score": 6}}, "feedback.score", id="six of five"),
        pytest.param({"feedback": {"score": True}}, "feedback.score", id="yes of five"),
        pytest.param({"note": "я" * 4001}, "note", id="a novel"),
        pytest.param({"note": 5}, "note", id="a number for a note"),
        pytest.param({"next_step": {"at": "завтра", "kind": "callback"}}, "next_step.at", id="tomorrow"),
        pytest.param({"next_step": {"at": "2026-11-24T12:00:00+03:00"}}, "next_step.kind", id="no kind"),
        pytest.param({"next_step": {"kind": "callback"}}, "next_step.at", id="no time"),
        pytest.param({"result": "да"}, "result", id="a field that is none"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_nothing_is_written(room: Room, said: Json, places: str) -> None:
    commands = CommandList()
    room.commands.offer_to(commands)
    frame = await commands.carry_out(VERA, "c1", "after.save", {"call": CALL, **said}, now=0.0)
    error = read_object(frame.decode())["error"]
    assert (error["code"], error["message"].find(places) >= 0) == ("bad_args", True), error
    assert room.told == []
    assert (await room.commands.get(VERA, AfterGetArgs(call=CALL))).after is None


async def test_a_journal_that_cannot_be_written_is_said(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise DatabaseUnusable("disk full")

    monkeypatch.setattr(room.journal, "ask", broken)
    with pytest.raises(CommandRefused) as refused:
        await room.save(outcome="done")
    assert refused.value.code == "unavailable"
    await room.after.open()
