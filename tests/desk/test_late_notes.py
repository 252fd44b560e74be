"""What was written down about a call of nobody known reaches the CRM when it is known whose call it was."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from card_room import RADA, STRANGER, TWO, VERA, CardRoom, MoodyCrm, card_room, notes_in

from cti_bridge.calls.journal_forget import forget
from cti_bridge.desk.after.after_call import AfterCalls
from cti_bridge.desk.after.after_commands import AfterCommands
from cti_bridge.desk.after.call_parts import CallParts
from cti_bridge.desk.after.late_notes import PATIENCE_S
from cti_bridge.domain.ids import CallId
from cti_bridge.operators.desk_settings import DeskSettings


class Pages:
    """Nobody looks."""

    def pages(self, operator: str) -> int:
        return 0

    def tell(self, operator: str, type_: str, fields: Any) -> None:
        return None


class Office:
    """A card room in which operators write down what came of their calls."""

    def __init__(self, room: CardRoom) -> None:
        self.room, self.now = room, time.time
        self.after = AfterCalls(
            DeskSettings(), room.journal, Pages(), CallParts(room.switchboard, room.journal, directory=self.directory),
            directory=self.directory, zone=lambda: ZoneInfo("Europe/Moscow"), now=lambda: self.now(),
        )  # fmt: skip
        self.after.write_note = room.desk.keep_note
        self.after.late.look_up = room.desk.whose
        room.desk.tell_whose(self.after.late.look_at)
        AfterCommands(self.after).offer_to(room.commands)

    def directory(self) -> Any:
        return self.room.directory

    async def is_through(self, call: CallId, note: str) -> None:
        """He writes it down, says that it is all, and the call is over and on disk."""
        self.room.hangs_up(call, at=time.time())
        await self.room.done("after.save", call=call, note=note, done=True)
        await self.after.once()
        await self.after.late.once()
        await self.room.until(lambda: not self.room.journal.waiting)
        await self.room.journal.ask(lambda _: None, within_s=30.0)


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    async with card_room(folder) as room:
        yield Office(room)


async def test_who_is_chosen_after_the_wrap_up_gets_what_was_written_down(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        call = await desk.room.talks(TWO)
        await desk.is_through(call, "Ждёт замера")
        assert notes_in(tmp_path) == []
        await desk.room.done("card.choose", call=call, customer="c-3")
        for _ in range(2):
            await desk.after.late.once()
        await desk.room.until(lambda: desk.room.on_disk() == [("note", "saved")])
        assert notes_in(tmp_path) == ["Итог звонка\nЖдёт замера"]


async def test_who_is_made_after_the_wrap_up_gets_it(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        call = await desk.room.talks(STRANGER)
        await desk.is_through(call, "Ждёт замера")
        await desk.room.done("card.create", call=call, name="Нина Новая")
        await desk.room.edit_is("saved", kind="create")
        await desk.after.late.once()
        await desk.room.until(lambda: notes_in(tmp_path) == ["Итог звонка\nЖдёт замера"])


async def test_a_restart_in_between_loses_nothing_and_writes_nothing_twice(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        call = await desk.room.talks(TWO)
        await desk.is_through(call, "Ждёт замера")
        await desk.room.done("card.choose", call=call, customer="c-3")
    for _ in range(2):
        async with office(tmp_path) as desk:
            await desk.after.open()
            await desk.after.late.once()
            await desk.room.until(lambda: notes_in(tmp_path) == ["Итог звонка\nЖдёт замера"])
            await desk.room.until(lambda: desk.room.on_disk() == [("note", "saved")])


async def test_a_customer_whom_the_crm_could_not_name_gets_it_when_it_answers(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        room = desk.room
        assert isinstance(room.crm, MoodyCrm)
        room.crm.down = True
        call = await room.rings(VERA)
        decision = room.switchboard.dossiers[call].decision
        assert decision is not None
        room.switchboard.dossiers[call].decision = replace(decision, crm="failed", facts={})
        room.answers(call, "101")
        await desk.is_through(call, "Ждёт замера")
        assert notes_in(tmp_path) == []
        room.crm.down = False
        await desk.after.late.once()
        await room.until(lambda: notes_in(tmp_path) == ["Итог звонка\nЖдёт замера"])


async def test_whom_an_operator_says_to_be_somebody_new_is_not_taken_for_who_has_the_number(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        room = desk.room
        assert isinstance(room.crm, MoodyCrm)
        room.crm.down = True
        call = await room.rings(VERA)
        dossier = room.switchboard.dossiers[call]
        assert dossier.decision is not None
        dossier.decision = replace(dossier.decision, crm="failed", facts={})
        dossier.card = replace(dossier.card, record=None)
        room.answers(call, "101")
        await desk.is_through(call, "Ждёт замера")
        await room.done("card.create", call=call, name="Нина Новая")
        room.crm.down = False
        room.desk.courier.crm_is_back()
        edit = await room.edit_is("conflict", kind="create")
        await desk.after.late.once()
        assert notes_in(tmp_path) == []
        await room.done("card.settle", edit=edit["id"], keep="mine")
        await room.until(lambda: room.on_disk() == [("create", "saved"), ("note", "saved")])
        new = next(one for one in await room.all_with(VERA) if one.customer.name == "Нина Новая")
        assert [note.text for note in await room.crm.notes(new.customer.id, limit=5)] == ["Итог звонка\nЖдёт замера"]


async def test_an_answer_that_nobody_expected_keeps_the_note_and_no_others_from_the_crm(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        room = desk.room

        async def nonsense(number: str) -> str:
            raise KeyError(number)

        assert isinstance(room.crm, MoodyCrm)
        room.crm.down = True
        desk.after.late.look_up = nonsense
        call = await room.rings(VERA)
        decision = room.switchboard.dossiers[call].decision
        assert decision is not None
        room.switchboard.dossiers[call].decision = replace(decision, crm="failed", facts={})
        room.answers(call, "101")
        await desk.is_through(call, "Ждёт замера")
        assert notes_in(tmp_path) == []
        room.crm.down = False
        desk.after.late.look_up = room.desk.whose
        await desk.after.late.once()
        await room.until(lambda: notes_in(tmp_path) == ["Итог звонка\nЖдёт замера"])


async def test_a_stranger_is_asked_about_no_more_and_who_waits_too_long_is_given_up(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        room = desk.room
        assert isinstance(room.crm, MoodyCrm)
        call = await room.talks(STRANGER)
        await desk.is_through(call, "Ошиблась номером")
        asked = list(room.crm.asked)
        await desk.after.late.once()
        assert room.crm.asked == asked
        desk.now = lambda: time.time() + PATIENCE_S + 60
        desk.after.late.look_at(call)
        await desk.after.late.once()
        assert notes_in(tmp_path) == []


async def test_of_a_caller_who_was_forgotten_nothing_is_told(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        call = await desk.room.talks(TWO)
        await desk.is_through(call, "Ждёт замера")
        forget(tmp_path / "calls.sqlite", caller=TWO)
        desk.room.switchboard.over_lately.drop(call)
        desk.after.late.look_at(call)
        await desk.after.late.once()
        assert (notes_in(tmp_path), desk.room.on_disk()) == ([], [])
        assert json.dumps(desk.room.own.get(RADA.id, [])) == "[]"


async def test_a_callback_names_nobody_whom_the_rules_had_only_guessed(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        room = desk.room
        call = await room.talks(TWO)
        decision = room.switchboard.dossiers[call].decision
        assert decision is not None
        guessed = {**decision.facts, "customer.name": "Захар Ильин"}
        room.switchboard.dossiers[call].decision = replace(decision, facts=guessed)
        room.switchboard.card_changed(room.switchboard.book.live()[0], room.switchboard.dossiers[call])
        room.hangs_up(call, at=time.time())
        parts = CallParts(room.switchboard, room.journal, directory=desk.directory)
        assert (await parts.about(RADA.id, call)).name == ""
        await room.done("card.choose", call=call, customer="c-3")
        assert (await parts.about(RADA.id, call)).name == "Зоя Ильина"
        await room.until(lambda: room.is_over_on_disk(call))
    async with office(tmp_path) as desk:
        parts = CallParts(desk.room.switchboard, desk.room.journal, directory=desk.directory)
        about = await parts.about(RADA.id, call)
        assert (about.customer_id, about.name) == ("c-3", "")


async def test_whose_an_earlier_call_was_is_what_this_crm_knows_and_not_the_one_before(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        room = desk.room
        call = await room.talks(TWO)
        await room.done("card.choose", call=call, customer="c-3")
        room.hangs_up(call, at=time.time())
        await room.until(lambda: room.is_over_on_disk(call))
        assert await room.desk.whose_call(call) == "c-3"
        room.desk.asked_since = time.time()
        assert await room.desk.whose_call(call) == ""
