"""Who is found in Bitrix24 by his number, with which deals, and what that costs, told against a strict fake."""

from collections.abc import AsyncIterator

import pytest
from bitrix_opened import by_webhook, fake

from cti_bridge.crm.bitrix.adapter import BitrixCrm
from cti_bridge.domain.customer import CustomerRecord
from cti_bridge.domain.number import parse_number
from fakes.bitrix import Bitrix
from fakes.bitrix_portal import COMPANY, CONTACT, DEAL, LEAD

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


async def test_a_stranger_costs_one_request_and_so_does_a_customer_with_his_deals(
    crm: BitrixCrm, bitrix: Bitrix
) -> None:
    assert await find(crm) == ()
    assert len(bitrix.asked) == 1
    id_ = bitrix.portal.put(CONTACT, name="Вера", lastName="Ёлкина", phones=[VERA])
    bitrix.portal.put(DEAL, title="Кухня", stageId="NEW", closed="N", contactId=id_)
    bitrix.portal.put(DEAL, title="Шкаф", stageId="WON", closed="Y", contactId=id_)
    bitrix.portal.put(LEAD, title="Заявка", phones=[VERA], stageSemanticId="P")
    (record,) = await find(crm)
    assert (record.customer.name, [deal.title for deal in record.deals]) == ("Вера Ёлкина", ["Кухня", "Шкаф"])
    assert len(bitrix.asked) == 2


async def test_nothing_is_asked_about_the_contact_of_a_stranger(crm: BitrixCrm, bitrix: Bitrix) -> None:
    bitrix.portal.put(CONTACT, name="Вера", phones=["+74950000151"])
    assert await find(crm) == ()
    assert bitrix.commands == ["crm.duplicate.findbycomm"] * 3 + ["crm.item.get"]


async def test_what_one_request_does_not_tell_is_asked_in_a_second_one(crm: BitrixCrm, bitrix: Bitrix) -> None:
    bitrix.portal.put(CONTACT, name="Вера Ёлкина", phones=[VERA])
    bitrix.portal.put(CONTACT, name="Глеб Ёлкин", phones=["8 (495) 000-01-50"])
    firm = bitrix.portal.put(COMPANY, title="ООО «Ромашка»", phones=["+74950000151"])
    bitrix.portal.put(DEAL, title="Офис", stageId="NEW", closed="N", companyId=firm)
    assert await names(crm) == ["Вера Ёлкина", "Глеб Ёлкин"]
    (record,) = await find(crm, "+74950000151")
    assert (record.customer.name, [deal.title for deal in record.deals]) == ("ООО «Ромашка»", ["Офис"])
    assert len(bitrix.asked) == 4


async def test_where_results_are_not_put_in_a_customer_is_found_by_a_second_request(
    crm: BitrixCrm, bitrix: Bitrix
) -> None:
    bitrix.puts_in = False
    bitrix.portal.put(CONTACT, name="Вера Ёлкина", phones=[VERA])
    assert await names(crm) == ["Вера Ёлкина"]
    assert len(bitrix.asked) == 2


async def test_a_contact_whose_number_is_only_alike_does_not_hide_the_lead(crm: BitrixCrm, bitrix: Bitrix) -> None:
    bitrix.portal.loose = True
    bitrix.portal.put(CONTACT, name="Римма Ясенева", phones=["8 (800) 000-01-50"])
    bitrix.portal.put(LEAD, title="Заявка", name="Инга", phones=[VERA], stageSemanticId="P")
    assert await names(crm) == ["Инга"]


async def test_a_deal_is_that_of_all_its_contacts_and_of_its_company(crm: BitrixCrm, bitrix: Bitrix) -> None:
    main = bitrix.portal.put(CONTACT, name="Вера Ёлкина", phones=[VERA])
    other = bitrix.portal.put(CONTACT, name="Глеб Ёлкин", phones=["+74950000151"])
    firm = bitrix.portal.put(COMPANY, title="ООО «Ромашка»", phones=["+74950000152"])
    bitrix.portal.put(CONTACT, name="Никто Другой", phones=["+74950000153"])
    owners = {"contactId": main, "contactIds": [main, other], "companyId": firm}
    deal = bitrix.portal.put(DEAL, title="Офис", stageId="C2:EXECUTING", categoryId=2, closed="N", **owners)
    for last, expected in ((150, [str(deal)]), (151, [str(deal)]), (152, [str(deal)]), (153, [])):
        (record,) = await find(crm, f"+74950000{last}")
        assert [one.id for one in record.deals] == expected


async def test_whoever_has_a_number_that_is_only_alike_is_not_shown(crm: BitrixCrm, bitrix: Bitrix) -> None:
    bitrix.portal.loose = True
    bitrix.portal.put(CONTACT, name="Римма Ясенева", phones=["+49304950000150", "8 (800) 000-01-50"])
    bitrix.portal.put(CONTACT, name="Вера Ёлкина", phones=["8 800 000-01-51", "(495) 000-01-50"])
    assert await names(crm) == ["Вера Ёлкина"]


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
    id_ = bitrix.portal.put(CONTACT, name="Вера", phones=[VERA])
    for stage, closed in (("C1:WON", "Y"), ("C1:NEW", "N"), ("WON", "Y")):
        bitrix.portal.put(DEAL, title=stage, stageId=stage, categoryId=1, closed=closed, contactId=id_)
    (record,) = await find(crm)
    assert [deal.stage for deal in record.deals if stages.is_open(deal)] == ["C1:NEW"]
