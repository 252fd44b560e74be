"""Single changes of the embedded CRM: they go with the files that are imported, and never make half a customer."""

from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from customer_files import caller, content, import_text

from cti_bridge.crm.embedded.call_list import open_for_calls
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.domain.customer import CustomerChanges, NewCustomer, Note
from cti_bridge.domain.ids import CustomerId

ZLATA = NewCustomer("Злата Ужова", "+74950000140", email="zlata@example.test", city="Тверь", responsible="olga")
NOTE = Note(datetime(2026, 11, 20, 12, 0, tzinfo=UTC), "olga", "Просила перезвонить")


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[EmbeddedCrm]:
    import_text(tmp_path, "customer_id,name,number\nc-1,Аглая Снегирёва,+74950000150\n")
    crm = EmbeddedCrm(tmp_path / "crm.sqlite")
    yield crm
    await crm.close()


async def test_somebody_new_is_found_with_all_that_was_said_of_him(crm: EmbeddedCrm) -> None:
    made = await crm.create(ZLATA, key="a")
    (record,) = await crm.find(caller(ZLATA.number))
    customer = record.customer
    assert (customer.id, customer.name, customer.numbers) == (made, ZLATA.name, (ZLATA.number,))
    assert (customer.email, customer.city, customer.responsible) == (ZLATA.email, ZLATA.city, ZLATA.responsible)


async def test_a_file_that_has_him_without_an_id_knows_him_again(crm: EmbeddedCrm, tmp_path: Path) -> None:
    made = await crm.create(ZLATA, key="a")
    result, _ = import_text(tmp_path, "name,number,city\nЗлата Ужова,8 (495) 000-01-40,Псков\n")
    assert (result.created, result.updated) == (0, 1)
    (record,) = await crm.find(caller(ZLATA.number))
    assert (record.customer.id, record.customer.city, record.customer.email) == (made, "Псков", ZLATA.email)


async def test_a_file_that_has_him_with_an_id_takes_over_his_notes(crm: EmbeddedCrm, tmp_path: Path) -> None:
    await crm.add_note(await crm.create(ZLATA, key="a"), NOTE, key="note/1")
    import_text(tmp_path, "customer_id,name,number\nc-7,Злата Ужова,+74950000140\n")
    (record,) = await crm.find(caller(ZLATA.number))
    assert record.customer.id == "c-7"
    assert await crm.notes(CustomerId("c-7"), limit=5) == (NOTE,)


@pytest.mark.parametrize("new", [NewCustomer(" ", "+74950000140"), NewCustomer("Злата Ужова", "")])
async def test_without_a_name_or_a_number_nobody_is_made(crm: EmbeddedCrm, tmp_path: Path, new: NewCustomer) -> None:
    before = content(tmp_path)
    with pytest.raises(CrmRefuses, match="a name and a number"):
        await crm.create(new, key="a")
    assert content(tmp_path) == before


async def test_only_what_is_named_is_changed_and_empty_text_empties(crm: EmbeddedCrm) -> None:
    made = await crm.create(ZLATA, key="a")
    await crm.update(made, CustomerChanges(city="", segment="vip", preferred_channel="phone"))
    (record,) = await crm.find(caller(ZLATA.number))
    customer = record.customer
    assert (customer.name, customer.email, customer.responsible) == (ZLATA.name, ZLATA.email, ZLATA.responsible)
    assert (customer.city, customer.segment, customer.preferred_channel) == ("", "vip", "phone")


async def test_nobody_loses_his_name(crm: EmbeddedCrm) -> None:
    with pytest.raises(CrmRefuses, match="a name"):
        await crm.update(CustomerId("c-1"), CustomerChanges(name=" "))
    (record,) = await crm.find(caller("+74950000150"))
    assert record.customer.name == "Аглая Снегирёва"


async def test_a_note_on_nobody_is_refused(crm: EmbeddedCrm) -> None:
    with pytest.raises(CrmRefuses, match="no such customer"):
        await crm.add_note(CustomerId("c-9"), NOTE, key="note/1")


async def test_a_locked_file_is_said_and_nothing_is_half_done(crm: EmbeddedCrm, tmp_path: Path) -> None:
    with closing(open_for_calls(tmp_path / "crm.sqlite", busy_timeout_s=0.05)) as other:
        other.execute("BEGIN IMMEDIATE")
        for change in (
            crm.create(ZLATA, key="a"),
            crm.update(CustomerId("c-1"), CustomerChanges(city="Псков")),
            crm.add_note(CustomerId("c-1"), NOTE, key="note/1"),
        ):
            with pytest.raises(CrmUnavailable, match="locked"):
                await change
        other.rollback()
    assert await crm.find(caller(ZLATA.number)) == ()
    await crm.add_note(CustomerId("c-1"), NOTE, key="note/1")
    assert await crm.notes(CustomerId("c-1"), limit=5) == (NOTE,)
