"""Bitrix24 by its webhook and as an application: what is particular about it, told against a strict fake."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bitrix_opened import MemoryLinks, by_application, by_webhook, fake

from cti_bridge.crm.bitrix.adapter import BitrixCrm
from cti_bridge.crm.bitrix.settings import BitrixModel, hook_parts
from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.domain.customer import CustomerChanges, CustomerRecord, NewCustomer, Note
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import parse_number
from cti_bridge.settings_model import Misfit
from fakes.bitrix import Bitrix
from fakes.bitrix_portal import CONTACT

VERA = "+74950000150"


async def find(crm: BitrixCrm, text: str = VERA) -> tuple[CustomerRecord, ...]:
    return await crm.find(parse_number(text, region="RU"))


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix]:
    async with fake() as portal:
        yield portal


@pytest.fixture
async def crm(bitrix: Bitrix) -> AsyncIterator[BitrixCrm]:
    async with by_webhook(bitrix) as crm:
        yield crm


async def test_a_note_whose_answer_was_lost_is_not_written_twice(crm: BitrixCrm, bitrix: Bitrix) -> None:
    id_ = CustomerId(f"contact-{bitrix.portal.put(CONTACT, name='Вера', phones=[VERA])}")
    note = Note(datetime(2026, 11, 20, 12, 0, tzinfo=UTC), "Ольга", "Просила  перезвонить\nпосле шести")
    bitrix.loses_answers_of = "crm.timeline.comment.add"
    with pytest.raises(CrmUnavailable):
        await crm.add_note(id_, note, key="note/1")
    bitrix.loses_answers_of = ""
    await crm.add_note(id_, note, key="note/1")
    (comment,) = bitrix.portal.comments
    assert comment["COMMENT"].endswith("\n— Ольга")
    (shown,) = await crm.notes(id_, limit=5)
    assert (shown.author, shown.text.partition("\n")[2]) == ("Ольга", "после шести")


async def test_a_note_that_was_changed_there_is_not_written_again(crm: BitrixCrm, bitrix: Bitrix) -> None:
    id_ = CustomerId(f"contact-{bitrix.portal.put(CONTACT, name='Вера', phones=[VERA])}")
    note = Note(datetime(2026, 11, 20, 12, 0, tzinfo=UTC), "", "Просила перезвонить")
    await crm.add_note(id_, note, key="note/1")
    bitrix.portal.comments[0]["COMMENT"] = "Уже перезвонили"
    await crm.add_note(id_, note, key="note/1")
    assert [one.text for one in await crm.notes(id_, limit=5)] == ["Уже перезвонили"]


async def test_an_own_field_of_the_portal_is_read_and_written(crm: BitrixCrm, bitrix: Bitrix) -> None:
    made = await crm.create(NewCustomer("Злата Ужова", VERA, "zlata@example.test", "Тверь"), key="new/1")
    (record,) = await find(crm)
    assert (record.customer.id, record.customer.city, record.customer.email) == (made, "Тверь", "zlata@example.test")
    await crm.update(made, CustomerChanges(city="Клин", segment="vip"))
    (record,) = await find(crm)
    assert (record.customer.city, record.customer.segment) == ("Клин", "vip")


async def test_what_bitrix_does_not_let_us_change_is_refused(crm: BitrixCrm, bitrix: Bitrix) -> None:
    id_ = CustomerId(f"contact-{bitrix.portal.put(CONTACT, name='Вера', phones=[VERA])}")
    await crm.update(id_, CustomerChanges(email="vera@example.test"))
    await crm.update(id_, CustomerChanges(email="vera@example.test"))
    for changes in (
        CustomerChanges(email="other@example.test"),
        CustomerChanges(email=""),
        CustomerChanges(preferred_channel="sms"),
        CustomerChanges(responsible="olga"),
    ):
        with pytest.raises(CrmRefuses):
            await crm.update(id_, changes)
    (record,) = await find(crm)
    assert record.customer.email == "vera@example.test"


async def test_without_the_right_to_its_people_the_check_says_so(crm: BitrixCrm, bitrix: Bitrix) -> None:
    bitrix.scopes = ["telephony"]
    with pytest.raises(CrmUnavailable, match="no right to crm"):
        await crm.check()
    with pytest.raises(CrmUnavailable, match="insufficient_scope"):
        await find(crm)


async def test_what_an_application_may_not_is_known_without_a_call(bitrix: Bitrix, tmp_path: Path) -> None:
    async with by_application(bitrix, tmp_path, MemoryLinks()) as crm:
        assert await crm.lacking() == {}
        bitrix.scopes = ["crm"]
        await crm.check()
        assert set(await crm.lacking()) == {one for one in Capability if one.startswith("report")} - {
            Capability.REPORT_ANSWERED
        }


async def test_it_is_not_asked_whether_it_is_there_while_it_answers_callers(crm: BitrixCrm, bitrix: Bitrix) -> None:
    await crm.check()
    await crm.check()
    assert len(bitrix.asked) == 2
    await find(crm)
    await crm.check()
    assert len(bitrix.asked) == 3
    bitrix.ahead_s += 16
    await crm.check()
    assert len(bitrix.asked) == 4


async def test_a_webhook_that_was_deleted_says_so(bitrix: Bitrix) -> None:
    async with by_webhook(bitrix, f"{bitrix.url}/rest/1/deleted/") as crm:
        with pytest.raises(CrmUnavailable, match="NO_AUTH_FOUND"):
            await crm.check()


@pytest.mark.parametrize(
    "address",
    [
        "geheim",
        "http://example.bitrix24.ru/rest/1/abc/",
        "https://example.bitrix24.ru/",
        "https://example.bitrix24.ru/rest/abc/",
        "https://example.bitrix24.ru/rest/1/abc/crm.contact.get?ID=1",
        "https://u:p@example.bitrix24.ru/rest/1/abc/",
    ],
)
def test_what_is_no_webhook_is_a_mistake_that_does_not_repeat_it(address: str) -> None:
    with pytest.raises(Misfit) as caught:
        hook_parts(address)
    assert "abc" not in str(caught.value)


def test_the_address_is_taken_as_bitrix_shows_it() -> None:
    assert hook_parts("https://example.bitrix24.ru/rest/1/abc/") == ("https://example.bitrix24.ru", "/rest/1/abc")


def test_a_field_is_named_as_it_is_listed() -> None:
    BitrixModel.model_validate({"webhook": {"secret": "a"}, "fields": {"city": "ufCrm_1700000000"}})
    with pytest.raises(ValueError, match="city"):
        BitrixModel.model_validate({"webhook": {"secret": "a"}, "fields": {"city": "UF_CRM_1700000000"}})


def test_there_is_one_way_in() -> None:
    application = {
        "portal": "https://example.bitrix24.ru",
        "client_id": "local.1",
        "client": {"secret": "a"},
        "code": {"secret": "b"},
        "user": 1,
    }
    BitrixModel.model_validate({"application": application})
    BitrixModel.model_validate({"webhook": {"secret": "a"}})
    with pytest.raises(ValueError, match="webhook or application"):
        BitrixModel.model_validate({})
    with pytest.raises(ValueError, match="webhook or application"):
        BitrixModel.model_validate({"webhook": {"secret": "a"}, "application": application})
