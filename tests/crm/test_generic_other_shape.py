"""The second example of the generic CRM's page, against a CRM of that shape: found, told, and its errors seen."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from generic_page import VERA, MemoryLinks, ended, opened_from, second_example

from cti_bridge.crm.generic.adapter import GenericCrm
from cti_bridge.crm.port import Capability, CrmUnavailable
from cti_bridge.domain.number import parse_number
from fakes.rest_by_ids import TOKEN, FakeRestByIds


@pytest.fixture
async def fake() -> AsyncIterator[FakeRestByIds]:
    fake = FakeRestByIds()
    fake.add("c-1", "Ёлкина", "Вера", ("84950000150", "+74950000151"), {11: "WORK", 12: "LOST", 13: "PAID"})
    fake.add("c-2", "Лунин", "Савва", ("4950000152",), {})
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def crm(fake: FakeRestByIds, tmp_path: Path) -> AsyncIterator[GenericCrm]:
    crm = opened_from(second_example(fake.url), tmp_path, MemoryLinks(), secret=TOKEN)
    yield crm
    await crm.close()


async def test_people_are_found_however_their_number_was_typed_with_deals_by_their_ids(
    fake: FakeRestByIds, crm: GenericCrm
) -> None:
    (record,) = await crm.find(VERA)
    customer = record.customer
    assert (customer.id, customer.name, customer.responsible) == ("c-1", "Ёлкина Вера", "olga")
    assert customer.email == "vera@example.com"
    assert [(deal.id, deal.stage, str(deal.amount)) for deal in record.deals] == [
        ("11", "WORK", "1250000.5"),
        ("13", "PAID", "1250000.5"),
    ]
    changed = record.deals[0].changed_at
    assert changed is not None
    assert changed.isoformat() == "2026-11-20T11:11:00+00:00"
    (without,) = await crm.find(parse_number("+74950000152", region="RU"))
    assert (without.customer.name, without.deals) == ("Лунин Савва", ())
    assert await crm.find(parse_number("+74950000153", region="RU")) == ()
    assert not fake.failures


async def test_it_declares_what_its_settings_have(crm: GenericCrm) -> None:
    can = {Capability.DEALS, Capability.STAGES, Capability.RESPONSIBLE, Capability.REPORT_ENDED}
    assert crm.capabilities == can
    assert [stage.id for stage in (await crm.stages()).stages] == ["WORK", "PAID", "LOST"]
    await crm.check()


async def test_a_call_is_told_in_its_words_and_a_failure_with_status_200_is_one(
    fake: FakeRestByIds, crm: GenericCrm
) -> None:
    await crm.report(ended(customer="c-1"))
    (event,) = fake.events.values()
    assert event == {"key": "main-1.1/3", "contact": "c-1", "talked": "120", "ok": "1", "user": "olga"}
    with pytest.raises(CrmUnavailable, match="its answer says that it failed"):
        await crm.report(ended(customer="c-9", key="main-1.2"))
    assert len(fake.events) == 1


async def test_what_does_not_let_us_in_with_status_200_makes_nobody_a_stranger(
    fake: FakeRestByIds, tmp_path: Path
) -> None:
    crm = opened_from(second_example(fake.url), tmp_path, MemoryLinks(), secret="falsch")
    for asking in (crm.find(VERA), crm.check()):
        with pytest.raises(CrmUnavailable, match="its answer says that it failed"):
            await asking
    await crm.close()
