"""The embedded CRM on a real SQLite file: who has a number, and what happens to the calls when the file suffers."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic

import pytest
from customer_files import VERA, caller, import_text, locked_by_another_program

from cti_bridge.crm.condition import CrmState
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, CustomerRecord, Deal, Note, Stage, StageList
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.ids import CustomerId, DealId

COLUMNS = (
    "customer_id,name,number,number2,email,city,timezone,segment,preferred_channel,responsible,"
    "deal_id,deal_title,stage,amount,changed_at,note\n"
)


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[EmbeddedCrm]:
    one = EmbeddedCrm(tmp_path / "crm.sqlite")
    yield one
    await one.close()


async def names(crm: EmbeddedCrm, number: str = "+74950000150") -> list[str]:
    return [record.customer.name for record in await crm.find(caller(number))]


async def test_a_customer_comes_with_all_he_is_and_all_his_deals(tmp_path: Path, crm: EmbeddedCrm) -> None:
    import_text(
        tmp_path,
        COLUMNS
        + "c-1,Вера Ёлкина,8 (495) 000-01-50,+74950000151,vera@example.test,Тверь,Europe/Moscow,vip,phone,op1,"
        + 'd-1,Кухня,paid,"1 250 000,50",2026-11-01T12:00+03:00,\n'
        + "c-1,Вера Ёлкина,8 (495) 000-01-50,,,,,,,op2,d-2,Шкаф,lost,,2026-10-01,перезвонить\n",
    )
    number = await crm.find(caller("84950000151"))
    assert number == (
        CustomerRecord(
            Customer(
                id=CustomerId("c-1"),
                name="Вера Ёлкина",
                numbers=("+74950000150", "+74950000151"),
                email="vera@example.test",
                city="Тверь",
                timezone="Europe/Moscow",
                segment="vip",
                preferred_channel="phone",
                responsible="op2",
                last_contact_at=datetime(2026, 11, 1, 9, 0, tzinfo=UTC),
            ),
            (
                Deal(
                    id=DealId("d-1"),
                    title="Кухня",
                    stage="paid",
                    amount=Decimal("1250000.50"),
                    responsible="op1",
                    changed_at=datetime(2026, 11, 1, 9, 0, tzinfo=UTC),
                ),
                Deal(
                    id=DealId("d-2"),
                    title="Шкаф",
                    stage="lost",
                    responsible="op2",
                    changed_at=datetime(2026, 10, 1, tzinfo=UTC),
                ),
            ),
        ),
    )
    assert await crm.notes(CustomerId("c-1"), limit=5) == (Note(datetime(2026, 10, 1, tzinfo=UTC), "", "перезвонить"),)


async def test_one_number_on_several_customers_finds_them_all(tmp_path: Path, crm: EmbeddedCrm) -> None:
    import_text(tmp_path, "name,number\nООО «Ромашка»,+74950000150\nВера Ёлкина,84950000150\nПётр,+74950000152\n")
    assert sorted(await names(crm)) == ["Вера Ёлкина", "ООО «Ромашка»"]
    assert await names(crm, "+74950000159") == []


@pytest.mark.parametrize("text", ["101", "anonymous", "*43", "4950000150'; DROP TABLE customers; --"])
async def test_what_is_no_telephone_number_finds_nobody(tmp_path: Path, crm: EmbeddedCrm, text: str) -> None:
    import_text(tmp_path, VERA)
    assert await crm.find(caller(text)) == ()
    assert await names(crm) == ["Вера Ёлкина"]


async def test_notes_are_the_newest_first_and_not_more_than_asked_for(tmp_path: Path, crm: EmbeddedCrm) -> None:
    rows = "".join(f"c-1,Вера,+74950000150,2026-11-{day:02},запись {day}\n" for day in (3, 9, 1, 5))
    import_text(tmp_path, "customer_id,name,number,changed_at,note\n" + rows)
    assert [note.text for note in await crm.notes(CustomerId("c-1"), limit=2)] == ["запись 9", "запись 5"]
    assert await crm.notes(CustomerId("nobody"), limit=2) == ()


async def test_the_stage_list_is_that_of_the_settings_or_of_the_file(tmp_path: Path, crm: EmbeddedCrm) -> None:
    import_text(tmp_path, VERA)
    assert await crm.stages() == SHIPPED_STAGES
    own = StageList((Stage("ask", "спросил", 1), Stage("won", "купил", 2, final=True)))
    import_text(tmp_path, "name,number,stage\nПётр,+74950000152,won\n", stages=own)
    assert await crm.stages() == own
    other = EmbeddedCrm(tmp_path / "crm.sqlite", SHIPPED_STAGES)
    assert await other.stages() == SHIPPED_STAGES
    await other.close()


async def test_an_import_is_seen_at_once_by_a_running_daemon(tmp_path: Path, crm: EmbeddedCrm) -> None:
    import_text(tmp_path, VERA)
    assert await names(crm) == ["Вера Ёлкина"]
    import_text(tmp_path, VERA.replace("Ёлкина", "Соснова"))
    assert await names(crm) == ["Вера Соснова"]


async def test_reading_does_not_wait_for_an_import(tmp_path: Path, crm: EmbeddedCrm) -> None:
    import_text(tmp_path, VERA)
    writer = sqlite3.connect(tmp_path / "crm.sqlite", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE customers SET name = 'halfway'")
    assert await names(crm) == ["Вера Ёлкина"]
    writer.execute("COMMIT")
    assert await names(crm) == ["halfway"]
    writer.close()


async def test_a_file_that_does_not_exist_is_not_created(tmp_path: Path, crm: EmbeddedCrm) -> None:
    with pytest.raises(CrmUnavailable, match=r"does not exist; `cti-bridge crm import` creates it"):
        await crm.check()
    assert list(tmp_path.iterdir()) == []
    import_text(tmp_path, VERA)
    assert await names(crm) == ["Вера Ёлкина"]


async def test_a_file_removed_while_running_is_noticed_and_a_new_one_heals(tmp_path: Path, crm: EmbeddedCrm) -> None:
    import_text(tmp_path, VERA)
    assert await names(crm) == ["Вера Ёлкина"]
    for file in tmp_path.glob("crm.sqlite*"):
        file.unlink()
    with pytest.raises(CrmUnavailable, match="does not exist"):
        await crm.find(caller("+74950000150"))
    with pytest.raises(CrmUnavailable, match="does not exist"):
        await crm.check()
    import_text(tmp_path, VERA)
    assert await names(crm) == ["Вера Ёлкина"]


@pytest.mark.parametrize("noise", [b"", b"\0" * 40_000, os.urandom(40_000), b"SQLite format 3\0" + os.urandom(40_000)])
async def test_a_file_overwritten_while_running_fails_and_heals_when_a_good_one_comes_back(
    tmp_path: Path, crm: EmbeddedCrm, noise: bytes
) -> None:
    import_text(tmp_path, VERA)
    path = tmp_path / "crm.sqlite"
    good = path.read_bytes()
    assert await names(crm) == ["Вера Ёлкина"]
    path.write_bytes(noise)
    for _ in range(3):
        with pytest.raises(CrmUnavailable, match=r"crm\.sqlite"):
            await crm.find(caller("+74950000150"))
    with pytest.raises(CrmUnavailable):
        await crm.check()
    path.write_bytes(good)
    assert await names(crm) == ["Вера Ёлкина"]


async def test_noise_behind_a_good_beginning_is_no_answer_either(tmp_path: Path, crm: EmbeddedCrm) -> None:
    import_text(tmp_path, VERA)
    path = tmp_path / "crm.sqlite"
    good = path.read_bytes()
    assert await names(crm) == ["Вера Ёлкина"]
    path.write_bytes(good[:4096] + b"\xa5" * (len(good) - 4096))
    with pytest.raises(CrmUnavailable):
        await crm.find(caller("+74950000150"))


async def test_a_folder_in_the_place_of_the_file_is_an_error_in_words(tmp_path: Path, crm: EmbeddedCrm) -> None:
    (tmp_path / "crm.sqlite").mkdir()
    with pytest.raises(CrmUnavailable, match="Is a directory"):
        await crm.check()


async def test_another_programs_database_is_not_taken_for_customers(tmp_path: Path, crm: EmbeddedCrm) -> None:
    other = sqlite3.connect(tmp_path / "crm.sqlite")
    other.execute("CREATE TABLE customers (id, name)")
    other.commit()
    other.close()
    with pytest.raises(CrmUnavailable, match="of some other program"):
        await crm.check()
    with pytest.raises(CrmUnavailable, match="of some other program"):
        import_text(tmp_path, VERA)


async def test_a_file_of_a_newer_program_is_refused_in_words(tmp_path: Path, crm: EmbeddedCrm) -> None:
    import_text(tmp_path, VERA)
    newer = sqlite3.connect(tmp_path / "crm.sqlite")
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(CrmUnavailable, match="schema version 99, newer than this program knows"):
        await crm.check()
    with pytest.raises(DatabaseUnusable, match="99 is newer than this program knows"):
        import_text(tmp_path, VERA)


async def test_a_locked_file_holds_up_no_call_and_heals(tmp_path: Path, crm: EmbeddedCrm) -> None:
    import_text(tmp_path, VERA)
    lookup = Lookup(crm, deadline_s=0.3)
    with locked_by_another_program(tmp_path / "crm.sqlite"):
        started = monotonic()
        answers = await asyncio.gather(*(lookup.find(caller(f"+749500001{n:02}")) for n in range(50)))
        assert {answer.source for answer in answers} == {CrmSource.FAILED}
        assert monotonic() - started < 15  # one after another they would take that long
        assert lookup.state is CrmState.DOWN
        assert (await lookup.find(caller("+74950000150"))).source is CrmSource.FAILED
    watch = asyncio.create_task(lookup.watch(lambda state, reason: None))
    async with asyncio.timeout(30):
        while lookup.state is CrmState.DOWN:
            await asyncio.sleep(0.01)
    assert (await lookup.find(caller("+74950000150"), deadline_s=30.0)).source is CrmSource.FRESH
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    await lookup.close()


async def test_too_many_waiting_questions_are_refused_and_cancelled_ones_skipped(
    tmp_path: Path, crm: EmbeddedCrm
) -> None:
    import_text(tmp_path, VERA)
    with locked_by_another_program(tmp_path / "crm.sqlite"):
        waiting = [asyncio.create_task(names(crm)) for _ in range(70)]
        done, pending = await asyncio.wait(waiting, timeout=0.2)
        assert any("waiting for crm.sqlite already" in str(task.exception()) for task in done)
        assert pending
        for task in pending:
            task.cancel()
        await asyncio.wait(pending)
    started = monotonic()
    assert await names(crm) == ["Вера Ёлкина"]
    assert monotonic() - started < 1.0


async def test_after_close_nothing_is_asked_any_more(tmp_path: Path) -> None:
    import_text(tmp_path, VERA)
    crm = EmbeddedCrm(tmp_path / "crm.sqlite")
    await crm.check()
    await crm.close()
    await crm.close()
    with pytest.raises(CrmUnavailable, match="closed"):
        await crm.check()


async def test_what_somebody_wrote_into_the_file_by_hand_breaks_no_call(tmp_path: Path, crm: EmbeddedCrm) -> None:
    import_text(tmp_path, VERA)
    hand = sqlite3.connect(tmp_path / "crm.sqlite")
    hand.execute("UPDATE deals SET amount = 'много', changed_at = 'вчера'")
    hand.execute("UPDATE customers SET last_contact_at = 12")
    hand.commit()
    hand.close()
    (record,) = await crm.find(caller("+74950000150"))
    assert (record.deals[0].amount, record.deals[0].changed_at, record.customer.last_contact_at) == (None, None, None)
