"""The card is changed during the call: written when it is kept, in conflict when the CRM changed, never lost."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from card_room import ARKADY, RADA, STRANGER, TWO, VERA, WITHIN_S, MoodyCrm, card_room, changed_by_somebody, notes_in

from cti_bridge.calls.journal_forget import forget
from cti_bridge.crm.dated import DatedAnswer
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.customer import CustomerRecord, NewCustomer
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import CallerNumber, parse_number


async def test_what_is_saved_is_in_the_crm_and_on_every_card_of_the_call(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.rings(VERA, phones=("101", "102"))
        room.answers(call, "101")
        room.answers(call, "102")
        changes, seen = (
            {"city": "Клин", "email": " vera@new.example.test "},
            {"city": "Тверь", "email": "vera@example.test"},
        )
        edit = await room.done("card.save", call=call, changes=changes, seen=seen)
        assert edit["changes"] == {"city": "Клин", "email": "vera@new.example.test"}
        assert (edit["kind"], edit["state"]) == ("update", "waiting")
        assert room.card()["customer"]["city"] == "Клин"  # at once, and marked
        await room.edit_is("saved")
        for operator in room.directory.all():
            shown = room.card(operator)["customer"]
            assert (shown["city"], shown["email"]) == ("Клин", "vera@new.example.test")
        record = await room.record_of(VERA, "c-1")
        assert (record.customer.city, record.customer.email) == ("Клин", "vera@new.example.test")
        assert record.customer.name == "Вера Ёлкина"


async def test_a_kept_answer_does_not_bring_the_old_values_back(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(VERA)
        await room.done("card.save", call=call, changes={"city": "Клин"}, seen={"city": "Тверь"})
        await room.edit_is("saved")
        answer = await room.lookup.find(parse_number(VERA, region="RU"))
        assert answer.source is CrmSource.CACHED
        assert [record.customer.city for record in answer.records] == ["Клин"]


async def test_a_change_in_another_field_is_no_conflict_and_stays(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(VERA)
        changed_by_somebody(tmp_path, email="other@example.test")
        await room.done("card.save", call=call, changes={"city": "Клин"}, seen={"city": "Тверь"})
        await room.edit_is("saved")
        assert room.card()["customer"]["email"] == "other@example.test"
        record = await room.record_of(VERA, "c-1")
        assert (record.customer.city, record.customer.email) == ("Клин", "other@example.test")


async def test_a_change_in_the_same_field_is_a_conflict_and_mine_is_written_when_i_say_so(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(VERA)
        changed_by_somebody(tmp_path, city="Ржев")
        await room.done(
            "card.save", call=call, changes={"city": "Клин", "segment": "vip"}, seen={"city": "Тверь", "segment": ""}
        )
        edit = await room.edit_is("conflict")
        assert (edit["changes"], edit["theirs"]) == ({"city": "Клин", "segment": "vip"}, {"city": "Ржев"})
        assert room.card()["customer"]["city"] == "Ржев"
        record = await room.record_of(VERA, "c-1")
        assert (record.customer.city, record.customer.segment) == ("Ржев", "")  # as a whole or not at all
        assert (await room.refused("card.settle", by=ARKADY, edit=edit["id"], keep="mine"))[0] == "not_found"
        await room.done("card.settle", edit=edit["id"], keep="mine")
        await room.edit_is("saved")
        record = await room.record_of(VERA, "c-1")
        assert (record.customer.city, record.customer.segment) == ("Клин", "vip")
        assert room.own["op1"] == []


async def test_of_a_conflict_theirs_stays_and_the_rest_of_mine_is_written(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(VERA)
        changed_by_somebody(tmp_path, city="Ржев")
        await room.done(
            "card.save", call=call, changes={"city": "Клин", "segment": "vip"}, seen={"city": "Тверь", "segment": ""}
        )
        edit = await room.edit_is("conflict")
        await room.done("card.settle", edit=edit["id"], keep="theirs")
        await room.edit_is("saved")
        record = await room.record_of(VERA, "c-1")
        assert (record.customer.city, record.customer.segment) == ("Ржев", "vip")


async def test_while_the_crm_is_down_changes_wait_marked_in_order_and_are_written_when_it_is_back(
    tmp_path: Path,
) -> None:
    async with card_room(tmp_path) as room:
        assert isinstance(room.crm, MoodyCrm)
        call = await room.talks(VERA)
        room.crm.down = True
        await room.done("card.save", call=call, changes={"city": "Клин"}, seen={"city": "Тверь"})
        await room.done("card.save", call=call, changes={"city": "Ржев"}, seen={"city": "Клин"})
        await room.done("card.note", call=call, text="Просила перезвонить")
        await room.until(lambda: room.desk.courier.failures)
        assert [one["state"] for one in room.card()["edits"]] == ["waiting"] * 3
        assert room.card()["customer"]["city"] == "Ржев"
        assert [one["state"] for one in room.own["op1"]] == ["waiting"] * 3
        room.hangs_up(call, at=time.time())
        room.crm.down = False
        room.desk.courier.crm_is_back()
        await room.until(lambda: not room.own["op1"])
        assert (await room.record_of(VERA, "c-1")).customer.city == "Ржев"
        assert notes_in(tmp_path) == ["Просила перезвонить"]


async def test_what_waits_survives_a_restart_and_is_written_after_it(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        assert isinstance(room.crm, MoodyCrm)
        call = await room.talks(VERA)
        room.crm.down = True
        await room.done("card.save", call=call, changes={"city": "Клин"}, seen={"city": "Тверь"})
        assert room.on_disk() == [("update", "waiting")]
    async with card_room(tmp_path) as room:
        await room.until(lambda: room.on_disk() == [("update", "saved")])
        assert (await room.record_of(VERA, "c-1")).customer.city == "Клин"


CITY = {"changes": {"city": "Клин"}, "seen": {"city": "Тверь"}}
PERSON = {"name": "Пётр Новый", "deal": {"title": "Окно"}}


@pytest.mark.parametrize(
    ("method", "command", "args"),
    [
        ("add_note", "card.note", {"text": "Ждёт замерщика"}),
        ("update", "card.save", CITY),
        ("create", "card.create", PERSON),
        ("create_deal", "card.create", PERSON),
    ],
)
async def test_killed_between_the_yes_of_the_crm_and_our_note_everything_is_there_once(
    method: str, command: str, args: dict[str, Any], tmp_path: Path
) -> None:
    caller = STRANGER if command == "card.create" else VERA
    async with card_room(tmp_path) as room:
        assert isinstance(room.crm, MoodyCrm)
        room.crm.cut_after = method
        call = await room.talks(caller)
        await room.done(command, call=call, **args)
        async with asyncio.timeout(WITHIN_S):
            await room.crm.cut.wait()
    async with card_room(tmp_path) as room:
        await room.until(lambda: {state for _, state in room.on_disk()} == {"saved"})
        (record,) = await room.all_with(caller)
        assert [deal.title for deal in record.deals] == (["Окно"] if command == "card.create" else ["Кухня"])
        assert record.customer.city == ("Клин" if method == "update" else "Тверь" if caller == VERA else "")
        assert notes_in(tmp_path) == (["Ждёт замерщика"] if method == "add_note" else [])


async def test_what_the_crm_refuses_is_shown_with_the_reason_and_can_be_given_up(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(VERA)
        changed_by_somebody(tmp_path, id="c-9")  # merged into another one, say
        await room.done("card.save", call=call, changes={"city": "Клин"}, seen={"city": "Тверь"})
        edit = await room.edit_is("refused")
        assert "does not find the customer" in edit["reason"]
        assert room.card()["customer"]["city"] == "Тверь"
        result = await room.command("card.settle", edit=edit["id"], keep="theirs")
        assert result["value"] == {"edit": None}
        assert room.card()["edits"] == []
        assert (room.own["op1"], room.on_disk()) == ([], [])


async def test_another_account_of_the_crm_never_gets_what_was_meant_for_the_one_before(tmp_path: Path) -> None:
    async with card_room(tmp_path, account="bitrix24 one.example") as room:
        assert isinstance(room.crm, MoodyCrm)
        call = await room.talks(VERA)
        room.crm.down = True
        await room.done("card.save", call=call, changes={"city": "Клин"}, seen={"city": "Тверь"})
    async with card_room(tmp_path, account="bitrix24 two.example") as room:
        assert isinstance(room.crm, MoodyCrm)
        (edit,) = room.desk.own_edits(ARKADY.id) or room.desk.own_edits(room.directory.all()[0].id)
        assert (edit["state"], edit["reason"]) == ("refused", "the settings name another account of this CRM now")
        assert (await room.refused("card.settle", edit=edit["id"], keep="mine"))[0] == "not_possible"
        assert "update" not in room.crm.asked
        assert (await room.record_of(VERA, "c-1")).customer.city == "Тверь"


async def test_several_candidates_nothing_is_written_to_any_before_one_is_chosen(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(TWO)
        assert not room.card()["chosen"]
        for name, args in (
            ("card.note", {"text": "да"}),
            ("card.save", {"changes": {"city": "Дно"}, "seen": {"city": "Клин"}}),
        ):
            code, why = await room.refused(name, call=call, **args)
            assert (code, "choose" in why) == ("not_possible", True)
        assert (await room.refused("card.choose", call=call, customer="c-1"))[0] == "not_found"
        await room.done("card.choose", call=call, customer="c-3")
        await room.fetched()
        card = room.card()
        assert (card["chosen"], card["customer"]["id"], len(card["candidates"])) == (True, "c-3", 2)
        assert [deal["id"] for deal in card["deals"]] == ["d-3"]
        assert card["deals"][0]["main"]
        await room.done("card.note", call=call, text="Это Зоя")
        await room.edit_is("saved")
        assert [note["text"] for note in room.card()["notes"]] == ["Это Зоя"]
        assert room.card()["notes"][0]["author"] == "Рада Бирюкова"
        room.hangs_up(call, at=time.time())
        records = await room.journal.states_of(call, within_s=30.0)
        assert records[0].customer == "c-3"
        assert records[0].decision is not None
        assert records[0].decision.customer_id == "c-2"  # as it was decided


async def test_what_was_meant_for_one_customer_is_not_written_to_another_whom_a_colleague_has_chosen(
    tmp_path: Path,
) -> None:
    async with card_room(tmp_path) as room:
        call = await room.rings(TWO, phones=("101", "102"))
        room.answers(call, "101")
        room.answers(call, "102")
        await room.done("card.choose", call=call, customer="c-2")
        await room.done("card.choose", by=ARKADY, call=call, customer="c-3")
        said = {"changes": {"email": "zahar@example.test"}, "seen": {"email": ""}}
        note: dict[str, Any] = {"call": call, "text": "Просит перезвонить"}
        for name, args in (("card.save", {"call": call, **said}), ("card.note", note)):
            refused = await room.refused(name, customer="c-2", **args)
            assert refused == ("conflict", "somebody else has been chosen for this call meanwhile")
        assert room.on_disk() == []
        await room.done("card.save", by=ARKADY, call=call, customer="c-3", **said)
        await room.edit_is("saved")
        assert (await room.record_of(TWO, "c-2")).customer.email == ""


async def test_a_note_that_was_for_another_is_written_again_for_whom_it_is(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(TWO)
        for customer in ("c-2", "c-3", "c-3"):
            await room.done("card.choose", call=call, customer=customer)
            await room.done("card.note", call=call, text="Ждёт замера", customer=customer)
        await room.until(lambda: room.on_disk() == [("note", "saved"), ("note", "saved")])
        for customer in ("c-2", "c-3"):
            notes = await room.crm.notes(CustomerId(customer), limit=5)
            assert [note.text for note in notes] == ["Ждёт замера"], customer


async def test_an_unknown_caller_becomes_a_customer_with_a_deal_and_is_known_when_he_calls_again(
    tmp_path: Path,
) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(STRANGER)
        assert (await room.refused("card.note", call=call, text="кто это?"))[0] == "not_possible"
        person = {"name": "Нина «Нова» <b>", "email": "nina@example.test", "deal": {"title": "Балкон"}}
        edit = await room.done("card.create", call=call, **person)
        assert edit["kind"] == "create"
        again = await room.done("card.create", call=call, **person)
        assert again["id"] == edit["id"]
        await room.done("card.note", call=call, text="Первый звонок")
        await room.edit_is("saved", kind="note")
        await room.edit_is("saved", kind="deal")
        card = room.card()
        assert (card["customer"]["name"], card["customer"]["email"]) == ("Нина «Нова» <b>", "nina@example.test")
        assert [(deal["title"], deal["open"], deal["main"]) for deal in card["deals"]] == [("Балкон", True, True)]
        answer = await room.lookup.find(parse_number(STRANGER, region="RU"))
        assert [record.customer.name for record in answer.records] == ["Нина «Нова» <b>"]
        assert notes_in(tmp_path) == ["Первый звонок"]
        records = await room.journal.states_of(call, within_s=30.0)
        assert records[0].customer == card["customer"]["id"]


async def test_somebody_who_was_entered_meanwhile_is_not_made_twice(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        assert isinstance(room.crm, MoodyCrm)
        call = await room.talks(STRANGER)
        room.crm.down = True
        await room.done("card.create", call=call, name="Нина Новая")
        await room.done("card.note", call=call, text="Первый звонок")
        colleague = EmbeddedCrm(tmp_path / "crm.sqlite")
        other = await colleague.create(NewCustomer("Нина Петровна Новая", STRANGER), key="x")
        await colleague.close()
        room.crm.down = False
        room.desk.courier.crm_is_back()
        edit = await room.edit_is("conflict", kind="create")
        assert edit["theirs"] == {"customer": other, "name": "Нина Петровна Новая"}
        await room.done("card.settle", edit=edit["id"], keep="theirs")
        await room.edit_is("saved", kind="note")
        assert room.card()["customer"]["name"] == "Нина Петровна Новая"
        assert len(await room.all_with(STRANGER)) == 1


async def test_only_who_talks_or_has_just_talked_may_write_on_the_card(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.rings(VERA)
        note = {"call": call, "text": "нет"}
        assert (await room.refused("card.note", **note))[0] == "not_possible"  # it rings
        assert (await room.refused("card.note", by=ARKADY, **note))[0] == "not_found"
        assert (await room.refused("card.note", call="main-9.9", text="нет"))[0] == "not_found"
        room.answers(call, "101")
        room.hangs_up(call, at=time.time())
        assert (await room.refused("card.note", by=ARKADY, **note))[0] == "not_found"
        await room.done("card.note", call=call, text="После звонка")
        await room.edit_is("saved")
        assert notes_in(tmp_path) == ["После звонка"]


async def test_a_call_that_ended_before_a_restart_can_still_be_written_about_for_an_hour(tmp_path: Path) -> None:
    now = time.time()
    async with card_room(tmp_path) as room:
        for number, ended_at in ((1, now), (2, now - 7_200)):
            call = await room.talks(VERA, call=f"main-{number}.1")
            room.hangs_up(call, at=ended_at)
        await room.until(lambda: room.is_over_on_disk(call))
    async with card_room(tmp_path) as room:
        await room.done("card.save", call="main-1.1", changes={"city": "Клин"}, seen={"city": "Тверь"})
        await room.until(lambda: room.on_disk() == [("update", "saved")])
        assert (await room.refused("card.note", by=ARKADY, call="main-1.1", text="нет"))[0] == "not_found"
        assert (await room.refused("card.note", call="main-2.1", text="нет"))[0] == "not_found"


async def test_for_who_had_no_part_in_a_call_of_an_earlier_run_nobody_is_looked_up(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(VERA)
        room.hangs_up(call, at=time.time() - 60)
        await room.until(lambda: room.is_over_on_disk(call))
    async with card_room(tmp_path) as room:
        assert isinstance(room.crm, MoodyCrm)
        assert (await room.refused("card.note", by=ARKADY, call=call, text="Чужой"))[0] == "not_found"
        assert room.crm.asked == []
        assert room.switchboard.over_lately.get(call) is None


async def test_what_cannot_be_kept_is_refused_and_says_where(tmp_path: Path) -> None:
    async with card_room(tmp_path, with_deals=False) as room:
        call = await room.talks(VERA)
        for field, text in (
            ("name", ""), ("name", " "), ("name", "x" * 201),
            ("name", "a\x00b"), ("name", "a\nb"), ("name", "a\u202eb"),
            ("name", "\u200b\u2060"), ("name", "\u3164"), ("name", "\u0301"), ("name", "\u2800 \u00ad"),
            ("email", "vera"), ("email", "vera@example"), ("email", "a b@example.test"), ("city", "\ud800"),
        ):  # fmt: skip
            code, why = await room.refused("card.save", call=call, changes={field: text}, seen={field: "?"})
            assert (code, field in why) == ("bad_args", True), (field, text)
        assert (await room.refused("card.save", call=call, changes={"city": "Дно"}, seen={}))[0] == "bad_args"
        assert (await room.refused("card.save", call=call, changes={}, seen={}))[0] == "bad_args"
        assert (await room.refused("card.save", call=call, changes={"id": "c-2"}, seen={}))[0] == "bad_args"
        assert (await room.refused("card.create", call=call, name="Ещё Одна"))[0] == "not_possible"
        other = await room.talks(STRANGER, call="main-2.1")
        code, why = await room.refused("card.create", call=other, name="Нина", deal={"title": "Окно"})
        assert (code, "create_deal" in why) == ("not_possible", True)
        assert room.on_disk() == []


async def test_what_the_journal_cannot_take_is_refused_and_not_half_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(VERA)

        async def unusable(*_: object, **__: object) -> None:
            raise DatabaseUnusable("disk full")

        with monkeypatch.context() as broken:
            broken.setattr(room.journal, "ask", unusable)
            assert (await room.refused("card.note", call=call, text="нет"))[0] == "unavailable"
        assert room.card()["edits"] == []
        assert "нет" not in notes_in(tmp_path)


async def test_what_could_not_be_taken_up_at_the_start_can_be_decided_about_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(VERA)
        changed_by_somebody(tmp_path, city="Ржев")
        await room.done("card.save", call=call, changes={"city": "Клин"}, seen={"city": "Тверь"})
        edit = await room.edit_is("conflict")

    async def locked(*_: object, **__: object) -> None:
        raise DatabaseUnusable("database is locked")

    async with card_room(tmp_path) as room:
        room.desk.keeping._cards.edits.drop(room.desk.keeping._cards.edits.every_open()[0])
        with monkeypatch.context() as at_the_start:
            at_the_start.setattr(room.desk.keeping, "_restored", False)
            at_the_start.setattr(room.desk.keeping, "_ask", locked)
            await room.desk.keeping.open()
            assert (await room.refused("card.settle", edit=edit["id"], keep="mine"))[0] == "not_found"
        room.desk.keeping._restored = False
        await room.desk.keeping.sync()
        await room.done("card.settle", edit=edit["id"], keep="mine")
        await room.until(lambda: room.on_disk() == [("update", "saved")])


async def test_what_is_carried_while_the_disk_is_full_is_noted_when_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with card_room(tmp_path) as room:
        assert isinstance(room.crm, MoodyCrm)
        call = await room.talks(VERA)
        ask, refused = room.journal.ask, asyncio.Event()

        async def full_when_it_is_written(work: Any, *, within_s: float) -> Any:
            if "add_note" in room.crm.asked and not refused.is_set():  # type: ignore[attr-defined]
                refused.set()
                raise DatabaseUnusable("disk full")
            return await ask(work, within_s=within_s)

        monkeypatch.setattr(room.journal, "ask", full_when_it_is_written)
        await room.done("card.note", call=call, text="Ждёт замерщика")
        await room.edit_is("saved")
        assert refused.is_set()
        assert notes_in(tmp_path) == ["Ждёт замерщика"]
        assert room.on_disk() == [("note", "saved")]


async def test_what_the_disk_has_taken_although_it_did_not_say_so_in_time_is_shown_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with card_room(tmp_path) as room:
        assert isinstance(room.crm, MoodyCrm)
        crm, call = room.crm, await room.talks(STRANGER)
        ask, late = room.journal.ask, asyncio.Event()

        async def too_late_when_it_is_written(work: Any, *, within_s: float) -> Any:
            done = await ask(work, within_s=within_s)
            if "create" in crm.asked and not late.is_set():
                late.set()
                raise DatabaseUnusable("no answer in time")
            return done

        monkeypatch.setattr(room.journal, "ask", too_late_when_it_is_written)
        await room.done("card.create", call=call, name="Нина Новая")
        await room.edit_is("saved", kind="create")
        assert late.is_set()
        assert room.card()["customer"]["name"] == "Нина Новая"


async def test_a_fault_of_the_adapter_is_tried_again_and_does_not_hold_up_other_customers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with card_room(tmp_path) as room:
        assert isinstance(room.crm, MoodyCrm)
        add_note, faults = room.crm.add_note, iter([KeyError("Вера Ёлкина"), TypeError("x")])

        async def faulty(customer_id: Any, note: Any, *, key: str) -> None:
            if customer_id == "c-1" and (fault := next(faults, None)) is not None:
                raise fault
            await add_note(customer_id, note, key=key)

        monkeypatch.setattr(room.crm, "add_note", faulty)
        first, other = await room.talks(VERA), await room.talks(TWO, call="main-2.1", phone="102")
        await room.done("card.choose", by=ARKADY, call=other, customer="c-2")
        await room.done("card.note", call=first, text="первая")
        await room.done("card.note", by=ARKADY, call=other, text="вторая")
        await room.until(lambda: "вторая" in notes_in(tmp_path))
        await room.until(lambda: room.on_disk() == [("note", "saved")] * 2)
        assert sorted(notes_in(tmp_path)) == ["вторая", "первая"]


async def test_a_customer_at_whom_the_crm_fails_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with card_room(tmp_path) as room:
        assert isinstance(room.crm, MoodyCrm)
        find = room.crm.find

        async def fails_at_vera(number: CallerNumber) -> Any:
            if number.key == VERA:
                raise CrmUnavailable("HTTP 500")
            return await find(number)

        first, other = await room.talks(VERA), await room.talks(TWO, call="main-2.1", phone="102")
        await room.done("card.choose", by=ARKADY, call=other, customer="c-2")
        monkeypatch.setattr(room.crm, "find", fails_at_vera)
        await room.done("card.save", call=first, changes={"city": "Клин"}, seen={"city": "Тверь"})
        await room.until(lambda: room.desk.courier.failures)
        await room.done("card.note", by=ARKADY, call=other, text="Ждёт замерщика")
        await room.until(lambda: room.on_disk() == [("update", "waiting"), ("note", "saved")])
        assert notes_in(tmp_path) == ["Ждёт замерщика"]


async def test_what_was_for_somebody_who_is_not_made_does_not_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(new: NewCustomer, *, key: str) -> CustomerId:
        raise CrmRefuses("нет")

    async with card_room(tmp_path) as room:
        monkeypatch.setattr(room.crm, "create", refuses)
        call = await room.talks(STRANGER)
        person = await room.done("card.create", call=call, name="Нина Новая", deal={"title": "Кухня"})
        await room.edit_is("refused", kind="create")
        deal = await room.edit_is("refused", kind="deal")
        await room.done("card.settle", edit=person["id"], keep="theirs")
        again = await room.done("card.settle", edit=deal["id"], keep="mine")
        assert (again["state"], again["reason"]) == ("refused", "the customer was not made")


async def test_of_who_was_forgotten_nothing_is_written_down_any_more(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(VERA)
        room.hangs_up(call, at=time.time())
        await room.until(lambda: room.is_over_on_disk(call))
        await asyncio.to_thread(forget, room.path, caller=VERA)
        refused = await room.refused("card.note", call=call, text="Ждёт замерщика")
        assert refused == ("not_found", "the caller was forgotten")
        assert not await room.desk.keep_note(call, RADA.id, "Итог", key="k-1", customer_id="c-1", number=VERA)
        assert room.on_disk() == []


async def test_of_who_was_forgotten_nothing_stays_in_memory(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(VERA)
        await room.done("card.save", call=call, changes={"city": "Клин"}, seen={"city": "Тверь"})
        await room.edit_is("saved")
        room.hangs_up(call, at=time.time())
        await room.until(lambda: room.is_over_on_disk(call))
        await room.desk.keeping.sync()
        assert room.switchboard.card_of_former(RADA.id, call) is not None
        await asyncio.to_thread(forget, room.path, caller=VERA)
        await room.desk.keeping.sync()
        assert room.switchboard.card_of_former(RADA.id, call) is None
        assert room.desk.keeping._cards.edits.of_call(call) == ()


async def test_who_talked_with_a_customer_hours_ago_is_told_nothing_more_of_him(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        before = await room.talks(VERA)
        room.hangs_up(before, at=time.time() - 3_700)
        call = await room.talks(VERA, call="main-2.1", phone="102")
        await room.done("card.save", by=ARKADY, call=call, changes={"city": "Клин"}, seen={"city": "Тверь"})
        told = len(room.published)
        await room.until(lambda: room.on_disk() == [("update", "saved")])
        await room.until(lambda: room.card(ARKADY, call)["edits"][0]["state"] == "saved")
        assert {operator for operator, _, _ in room.published[told:]} == {ARKADY.id}
        assert room.switchboard.over_lately.get(before) is not None
        room.hangs_up(call, at=time.time() - 7_300)
        await room.desk.keeping.sync()
        assert [over.call.id for over in room.switchboard.over_lately] == [before]


async def test_a_look_up_in_a_mirror_that_is_behind_has_what_was_just_written(tmp_path: Path) -> None:
    class Behind:
        """A mirror that is a minute old."""

        async def find_dated(self, number: CallerNumber) -> DatedAnswer:
            return DatedAnswer(old, 60.0, is_current=True)

    async with card_room(tmp_path) as room:
        old = await room.all_with(VERA)
        lookup = Lookup(room.crm, deadline_s=WITHIN_S, dated=Behind())
        room.lookup.wrote = lookup.wrote  # type: ignore[method-assign]
        call = await room.talks(VERA)
        await room.done("card.save", call=call, changes={"city": "Клин"}, seen={"city": "Тверь"})
        await room.edit_is("saved")
        answer = await lookup.find(parse_number(VERA, region="RU"))
        await lookup.close()
        assert [record.customer.city for record in answer.records] == ["Клин"]


async def test_who_is_forgotten_while_his_change_waits_is_not_written_about_and_leaves_the_screen(
    tmp_path: Path,
) -> None:
    async with card_room(tmp_path) as room:
        assert isinstance(room.crm, MoodyCrm)
        call = await room.talks(VERA)
        room.crm.down = True
        await room.done("card.save", call=call, changes={"city": "Клин"}, seen={"city": "Тверь"})
        room.hangs_up(call, at=time.time())
        await room.until(lambda: room.is_over_on_disk(call) and room.desk.courier.failures)
        await asyncio.to_thread(forget, room.path, caller=VERA)
        assert room.on_disk() == []
        room.crm.down = False
        room.desk.courier.crm_is_back()
        await room.desk.keeping.sync()
        assert (room.own["op1"], room.card()["edits"]) == ([], [])
        assert (await room.record_of(VERA, "c-1")).customer.city == "Тверь"
        assert "update" not in room.crm.asked


async def test_nobody_new_is_made_when_one_of_the_candidates_is_chosen_while_the_crm_is_down(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        assert isinstance(room.crm, MoodyCrm)
        call = await room.talks(TWO)
        room.crm.down = True
        await room.done("card.create", call=call, name="Нина Новая")
        await room.done("card.note", call=call, text="Ждёт замера")
        await room.done("card.choose", call=call, customer="c-3")
        assert room.own[RADA.id][0]["kind"] == "note"
        room.crm.down = False
        room.desk.courier.crm_is_back()
        await room.edit_is("saved", kind="note")
        assert room.on_disk() == [("create", "saved"), ("note", "saved")]
        assert "create" not in room.crm.asked
        assert {record.customer.id for record in await room.all_with(TWO)} == {"c-2", "c-3"}
        assert [note.text for note in await room.crm.notes(CustomerId("c-3"), limit=5)] == ["Ждёт замера"]


async def test_a_candidate_chosen_while_somebody_new_is_on_his_way_stops_him_before_the_crm_hears_of_him(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with card_room(tmp_path) as room:
        assert isinstance(room.crm, MoodyCrm)
        call = await room.talks(TWO)
        looks, goes_on = asyncio.Event(), asyncio.Event()
        find = room.crm.find

        async def slow(number: CallerNumber) -> tuple[CustomerRecord, ...]:
            looks.set()
            await goes_on.wait()
            return await find(number)

        monkeypatch.setattr(room.crm, "find", slow)
        await room.done("card.create", call=call, name="Нина Новая")
        await asyncio.wait_for(looks.wait(), 30)
        await room.done("card.choose", call=call, customer="c-3")
        goes_on.set()
        await room.done("card.note", call=call, text="Это Зоя")
        await room.edit_is("saved", kind="note")
        await room.until(lambda: room.on_disk() == [("create", "saved"), ("note", "saved")])
        assert "create" not in room.crm.asked
        assert room.card()["customer"]["id"] == "c-3"


async def test_somebody_new_whom_the_crm_may_know_already_stays_also_when_a_candidate_is_chosen(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        assert isinstance(room.crm, MoodyCrm)
        call = await room.talks(TWO)
        room.crm.cut_after = "create"
        await room.done("card.create", call=call, name="Нина Новая")
        await asyncio.wait_for(room.crm.cut.wait(), 30)
        await room.done("card.choose", call=call, customer="c-3")
        assert room.card()["customer"]["id"] == "c-3"
        assert room.own[RADA.id][0]["kind"] == "create"
    async with card_room(tmp_path) as room:
        await room.until(lambda: room.on_disk() == [("create", "saved")])
        assert len(await room.all_with(TWO)) == 3


async def test_of_two_decisions_about_one_conflict_at_the_same_moment_one_counts(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(VERA)
        changed_by_somebody(tmp_path, city="Елец")
        edit = await room.done("card.save", call=call, changes={"city": "Клин"}, seen={"city": "Тверь"})
        await room.edit_is("conflict")
        settle = {"edit": edit["id"]}
        mine, theirs = await asyncio.gather(
            room.command("card.settle", id_="a", keep="mine", **settle),
            room.command("card.settle", id_="b", keep="theirs", **settle),
        )
        assert (mine["ok"], theirs["ok"]) == (True, False)
        assert theirs["error"]["code"] == "conflict"
        await room.edit_is("saved")
        assert (await room.record_of(VERA, "c-1")).customer.city == "Клин"


async def test_a_refused_edit_that_is_tried_again_and_given_up_at_the_same_moment_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with card_room(tmp_path) as room:
        call = await room.talks(VERA)

        async def refuses(*_: object) -> None:
            raise CrmRefuses("no right to do this")

        with monkeypatch.context() as patch:
            patch.setattr(room.crm, "update", refuses)
            edit = await room.done("card.save", call=call, changes={"city": "Клин"}, seen={"city": "Тверь"})
            await room.edit_is("refused")
        mine, theirs = await asyncio.gather(
            room.command("card.settle", id_="a", keep="mine", edit=edit["id"]),
            room.command("card.settle", id_="b", keep="theirs", edit=edit["id"]),
        )
        assert (mine["ok"], theirs["ok"]) == (True, False)
        await room.edit_is("saved")
        assert (await room.record_of(VERA, "c-1")).customer.city == "Клин"
