"""What amoCRM says of a caller, and what of it is believed."""

import json
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from amocrm_scene import NUMBER, AmocrmStories, Opener, answered, found
from settable_clock import SettableClock

from cti_bridge.crm.port import CrmUnavailable
from fakes.amocrm import PIPELINES, USERS, FakeAmocrm


class TestLookUp(AmocrmStories):
    """Who calls."""

    async def test_a_number_in_another_field_is_not_his_number(self, account: FakeAmocrm, opened: Opener) -> None:
        account.add_contact("Просил набрать 4950000150", ("+74950000151",))
        assert await found(opened()) == ()

    async def test_one_who_has_no_fields_filled_in_harms_nobody(self, account: FakeAmocrm, opened: Opener) -> None:
        account.add_contact("Без полей 4950000150", ())
        ulyana = account.add_contact("Ульяна Дёмина", (NUMBER,))
        assert [record.customer.id for record in await found(opened())] == [str(ulyana)]

    async def test_two_numbers_in_one_field_are_two(self, account: FakeAmocrm, opened: Opener) -> None:
        account.add_contact("Кира Чижова", ("8 (495) 000-01-50, 8 (495) 000-01-51 доб. 12",))
        (record,) = await found(opened(), "+74950000151")
        assert record.customer.numbers == ("+74950000150", "+74950000151")

    async def test_a_stranger_costs_one_request(self, account: FakeAmocrm, opened: Opener) -> None:
        assert await found(opened()) == ()
        assert account.requests == ["GET /api/v4/contacts"]

    async def test_a_deal_has_its_funnel_price_and_owner(self, account: FakeAmocrm, opened: Opener) -> None:
        tit = account.add_contact("Тит Ручьёв", (NUMBER,))
        account.add_lead(tit, "Кухня", PIPELINES[1][0], 41, price=125_000)
        account.add_lead(tit, "Стол", PIPELINES[0][0], 142)
        (record,) = await found(opened())
        kitchen, table = record.deals
        assert (kitchen.stage, kitchen.amount) == ("3177728.41", Decimal(125_000))
        assert kitchen.responsible == str(USERS[0])
        assert (table.stage, table.amount) == ("3177727.142", None)

    async def test_of_very_many_deals_the_newest_are_looked_at(self, account: FakeAmocrm, opened: Opener) -> None:
        lavr = account.add_contact("Лавр Мостовой", (NUMBER,))
        ids = [account.add_lead(lavr, f"Заказ {one}", PIPELINES[0][0], 31) for one in range(130)]
        (record,) = await found(opened())
        assert [int(deal.id) for deal in record.deals] == ids[-100:]
        assert account.requests.count("GET /api/v4/leads") == 2

    async def test_own_fields_become_facts(self, account: FakeAmocrm, opened: Opener) -> None:
        yana = account.add_contact("Яна Кольцова", (NUMBER,))
        account.contacts[yana]["custom_fields_values"] += [{"field_id": 502, "values": [{"value": "vip"}]}]
        (record,) = await found(opened(fields={"segment": 502}))
        assert record.customer.segment == "vip"

    async def test_stages_are_of_all_funnels_and_asked_for_seldom(self, account: FakeAmocrm, opened: Opener) -> None:
        clock = SettableClock()
        crm = opened(clock=clock)
        stages = await crm.stages()
        assert len({stage.id for stage in stages.stages}) == 11
        offered, archived = stages.get("3177727.31"), stages.get("3177729.51")
        assert offered and offered.name == "Продажи: Предложение"
        assert archived and archived.final
        clock.now += 300
        await crm.stages()
        assert account.requests == ["GET /api/v4/leads/pipelines"]
        clock.now += 301
        await crm.stages()
        assert len(account.requests) == 2

    async def test_a_wrong_address_is_not_an_empty_account(self, account: FakeAmocrm, opened: Opener) -> None:
        async def not_here(_request: web.Request) -> web.StreamResponse:
            return web.Response(status=404, text="<html>", content_type="text/html")

        account.ill = not_here
        with pytest.raises(CrmUnavailable, match="404"):
            await found(opened())

    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b"{}",
            b'{"_embedded": []}',
            b'{"_embedded": {"contacts": {}}}',
            b'"\\ud800"',
            b"{" * 70 + b"}" * 70,
            b'{"_embedded": {"contacts": [' + b"[" * 70 + b"]" * 70 + b"]}}",
        ],
    )
    async def test_an_answer_of_another_shape_is_no_answer(
        self, account: FakeAmocrm, opened: Opener, body: bytes
    ) -> None:
        account.ill = lambda _request: answered(body)
        with pytest.raises(CrmUnavailable):
            await found(opened())

    async def test_nonsense_inside_a_contact_is_left_out(self, account: FakeAmocrm, opened: Opener) -> None:
        phones: list[Any] = [None, 7, {"values": [{"value": NUMBER}, None, {"value": {}}], "field_code": "PHONE"}]
        odd: list[Any] = [
            {"id": 0},
            {"id": True, "custom_fields_values": phones},
            {"id": 5, "name": 7, "custom_fields_values": phones, "_embedded": {"leads": [{"id": "x"}, 3]}},
        ]
        account.ill = lambda _request: answered(json.dumps({"_embedded": {"contacts": odd}}).encode())
        (record,) = await found(opened())
        assert (record.customer.id, record.deals) == ("5", ())
