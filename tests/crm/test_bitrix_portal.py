"""Bitrix24 by its webhook and as an application: what is particular about it, told against a strict fake."""

import asyncio
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bitrix_opened import MemoryLinks, by_application, by_webhook, fake
from fakes.bitrix import Bitrix
from fakes.bitrix_portal import COMPANY, CONTACT, DEAL, LEAD

from cti_bridge.crm.bitrix.adapter import BitrixCrm
from cti_bridge.crm.bitrix.settings import BitrixModel, allowed_pace, hook_parts
from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.domain.customer import CustomerChanges, CustomerRecord, NewCustomer, Note
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import parse_number
from cti_bridge.settings_model import Misfit

VERA = "+74950000150"


async def find(crm: BitrixCrm, text: str = VERA) -> tuple[CustomerRecord, ...]:
    return await crm.find(parse_number(text, region="RU"))


async def names(crm: BitrixCrm, text: str = VERA) -> list[str]:
    return [record.customer.name for record in await find(crm, text)]


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix]:
    async with fake() as portal:
        yield portal


@pytest.fixture
async def crm(bitrix: Bitrix) -> AsyncIterator[BitrixCrm]:
    async with by_webhook(bitrix) as crm:
        yield crm


async def test_a_stranger_costs_one_request_and_a_customer_two(crm: BitrixCrm, bitrix: Bitrix) -> None:
    assert await find(crm) == ()
    assert len(bitrix.asked) == 1
    bitrix.portal.put(CONTACT, name="Вера", lastName="Ёлкина", phones=[VERA])
    assert await names(crm) == ["Вера Ёлкина"]
    assert len(bitrix.asked) == 3


async def test_whoever_has_a_number_that_is_only_alike_is_not_shown(crm: BitrixCrm, bitrix: Bitrix) -> None:
    bitrix.portal.loose = True
    bitrix.portal.put(CONTACT, name="Римма Ясенева", phones=["+49304950000150", "8 (800) 000-01-50"])
    bitrix.portal.put(CONTACT, name="Вера Ёлкина", phones=["8 800 000-01-51", "(495) 000-01-50"])
    assert await names(crm) == ["Вера Ёлкина"]


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


async def test_many_leads_do_not_hide_the_customer(crm: BitrixCrm, bitrix: Bitrix) -> None:
    for _ in range(25):
        bitrix.portal.put(LEAD, title="Заявка с сайта", phones=[VERA], stageSemanticId="P")
    bitrix.portal.put(CONTACT, name="Вера Ёлкина", phones=["8 (495) 000-01-50"])
    bitrix.portal.put(COMPANY, title="ООО «Ромашка»", phones=["84950000150 доб. 12"])
    assert await names(crm) == ["ООО «Ромашка»", "Вера Ёлкина"]


async def test_of_several_leads_the_latest_speaks_and_a_converted_one_is_somebody_else_by_now(
    crm: BitrixCrm, bitrix: Bitrix
) -> None:
    bitrix.portal.put(LEAD, title="Первая", phones=[VERA], stageSemanticId="F")
    bitrix.portal.put(LEAD, title="Вторая", name="Инга", phones=[VERA], stageSemanticId="P", assignedById=9)
    bitrix.portal.put(LEAD, title="Третья", phones=[VERA], stageSemanticId="S")
    (record,) = await find(crm)
    assert (record.customer.name, record.customer.responsible, record.deals) == ("Инга", "9", ())
    assert record.customer.id.startswith("lead-")


async def test_a_page_of_old_deals_does_not_hide_the_one_that_is_going_on(crm: BitrixCrm, bitrix: Bitrix) -> None:
    id_ = bitrix.portal.put(CONTACT, name="Вера", phones=[VERA])
    going_on = bitrix.portal.put(DEAL, title="Кухня", stageId="EXECUTING", closed="N", contactId=id_, opportunity=99.5)
    for number in range(60):
        bitrix.portal.put(DEAL, title=f"Шкаф {number}", stageId="WON", closed="Y", contactId=id_)
    (record,) = await find(crm)
    stages = await crm.stages()
    (deal,) = [deal for deal in record.deals if stages.is_open(deal)]
    assert (deal.id, deal.title, str(deal.amount)) == (str(going_on), "Кухня", "99.5")
    assert deal.changed_at is not None


async def test_funnels_follow_each_other(crm: BitrixCrm, bitrix: Bitrix) -> None:
    bitrix.portal.funnels.append({"id": 1, "name": "Производство", "sort": 400, "entityTypeId": DEAL, "isDefault": "N"})
    bitrix.portal.add_stages("DEAL_STAGE_1", "C1:")
    stages = await crm.stages()
    sales, production = stages.get("EXECUTING"), stages.get("C1:NEW")
    assert sales and production
    assert sales.order < production.order
    assert [stage.id for stage in stages.stages if stage.final] == ["WON", "LOSE", "C1:WON", "C1:LOSE"]
    asked = len(bitrix.asked)
    await crm.stages()
    assert len(bitrix.asked) == asked


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


@pytest.mark.parametrize(("enterprise", "at_once", "per_s"), [(False, 50, 2.0), (True, 250, 5.0)])
async def test_what_is_asked_at_once_leaves_room_for_others(enterprise: bool, at_once: int, per_s: float) -> None:
    pace = allowed_pace(enterprise=enterprise)
    sent = 0
    while pace.wait_s(urgent=False) == 0:
        await pace.take(urgent=False)
        sent += 1
    assert 0 < sent <= at_once / 2
    while pace.wait_s(urgent=True) == 0:
        await pace.take(urgent=True)
        sent += 1
    assert at_once / 2 < sent < at_once
    assert 0 < pace.wait_s(urgent=True) <= 1 / per_s


async def test_however_much_is_asked_nothing_is_turned_away(crm: BitrixCrm, bitrix: Bitrix) -> None:
    for _ in range(150):
        assert await find(crm) == ()
    assert len(bitrix.asked) == 150


async def test_a_portal_that_has_had_enough_of_others_is_left_alone_for_a_moment(
    crm: BitrixCrm, bitrix: Bitrix
) -> None:
    bitrix._level = 50.0
    with pytest.raises(CrmUnavailable, match="QUERY_LIMIT_EXCEEDED"):
        await find(crm)
    assert await find(crm) == ()  # after two seconds, in which it drains


async def test_a_method_that_ran_for_too_long_is_not_asked_before_its_time(crm: BitrixCrm, bitrix: Bitrix) -> None:
    bitrix.portal.put(CONTACT, name="Вера", phones=[VERA])
    assert await names(crm) == ["Вера"]
    bitrix.closed["crm.item.list"] = bitrix.now() + 590
    for _ in range(3):
        with pytest.raises(CrmUnavailable, match=r"OPERATION_TIME_LIMIT|running time"):
            await find(crm)
    assert sum("crm.item.list" in str(params) for _, params in bitrix.asked) == 2
    bitrix.ahead_s += 601
    assert await names(crm) == ["Вера"]


async def test_tokens_are_renewed_before_they_end_and_kept_for_the_owner_alone(bitrix: Bitrix, tmp_path: Path) -> None:
    async with by_application(bitrix, tmp_path, MemoryLinks()) as crm:
        assert await find(crm) == ()
        assert bitrix.renewals == 1
        bitrix.ahead_s += 3_400
        assert await find(crm) == ()  # the old one is still good; the renewal is on its way meanwhile
        async with asyncio.timeout(10):
            while bitrix.renewals < 2:
                await asyncio.sleep(0.01)
        await crm.close()
    assert stat.S_IMODE((tmp_path / "tokens.json").stat().st_mode) == 0o600
    async with by_application(bitrix, tmp_path, MemoryLinks()) as crm:
        assert await find(crm) == ()
    assert bitrix.renewals == 2


async def test_a_token_that_is_refused_is_renewed_once(bitrix: Bitrix, tmp_path: Path) -> None:
    async with by_application(bitrix, tmp_path, MemoryLinks()) as crm:
        assert await find(crm) == ()
        bitrix.ahead_s += 120
        bitrix.tokens = dict.fromkeys(bitrix.tokens, 0.0)
        assert [await one for one in [find(crm), find(crm)]] == [(), ()]
        assert bitrix.renewals == 2


async def test_a_refresh_token_that_is_worth_nothing_asks_the_admin_to_sign_in(bitrix: Bitrix, tmp_path: Path) -> None:
    async with by_application(bitrix, tmp_path, MemoryLinks(), first_refresh="long gone") as crm:
        for _ in range(2):
            with pytest.raises(CrmUnavailable, match="sign in anew"):
                await find(crm)
    assert bitrix.asked == []


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


def test_there_is_one_way_in() -> None:
    application = {
        "portal": "https://example.bitrix24.ru",
        "client_id": "local.1",
        "client": {"secret": "a"},
        "refresh": {"secret": "b"},
        "user": 1,
    }
    BitrixModel.model_validate({"application": application})
    BitrixModel.model_validate({"webhook": {"secret": "a"}})
    with pytest.raises(ValueError, match="webhook or application"):
        BitrixModel.model_validate({})
    with pytest.raises(ValueError, match="webhook or application"):
        BitrixModel.model_validate({"webhook": {"secret": "a"}, "application": application})
