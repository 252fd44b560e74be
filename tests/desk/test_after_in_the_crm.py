"""What came of a call reaches the CRM by the way of all edits: once, and also for somebody who is still being made."""

import time
from pathlib import Path

from card_room import RADA, STRANGER, VERA, MoodyCrm, card_room, notes_in

from cti_bridge.desk.after.call_parts import CallParts
from cti_bridge.domain.ids import CallId

SAID = "Итог звонка: Вопрос решён"


async def test_the_same_note_again_is_written_once(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(VERA)
        for _ in range(2):
            assert await room.desk.keep_note(call, RADA.id, SAID, key="k-1", customer_id="c-1", number=VERA)
        await room.edit_is("saved", kind="note")
        assert room.on_disk() == [("note", "saved")]
        assert notes_in(tmp_path) == [SAID]


async def test_a_stranger_who_is_still_to_be_made_gets_it_when_the_crm_has_him(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        assert isinstance(room.crm, MoodyCrm)
        call = await room.talks(STRANGER)
        assert not await room.desk.keep_note(call, RADA.id, SAID, key="k-0", customer_id="", number=STRANGER)
        room.crm.down = True
        await room.done("card.create", call=call, name="Нина Новая")
        assert await room.desk.keep_note(call, RADA.id, SAID, key="k-1", customer_id="", number=STRANGER)
        await room.until(lambda: room.desk.courier.failures)
        assert notes_in(tmp_path) == []
        room.crm.down = False
        room.desk.courier.crm_is_back()
        await room.until(lambda: notes_in(tmp_path) == [SAID])


async def test_nobody_known_is_nobody_told(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        kept = await room.desk.keep_note(CallId("main-9.9"), RADA.id, SAID, key="k-1", customer_id="", number="")
        assert not kept
        assert room.on_disk() == []


async def test_a_customer_of_another_account_of_the_crm_is_nobody_in_this_one(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(VERA)
        room.hangs_up(call, at=time.time())
        await room.until(lambda: not room.journal.waiting)
    async with card_room(tmp_path) as room:
        parts = CallParts(room.switchboard, room.journal, directory=lambda: room.directory)
        assert (await parts.about(RADA.id, call)).customer_id == "c-1"
        parts.asked_since = time.time()  # the settings name another account since the restart
        about = await parts.about(RADA.id, call)
        assert (about.number, about.customer_id) == (VERA, "")
