"""The card on the operator's page: right, in time, on the right page alone, and gone when it should be."""

from pathlib import Path

import pytest_asyncio
from playwright.async_api import expect
from promises.desk_scene import together
from promises.scene import AMBIGUOUS, SALES, UNKNOWN, VIP
from promises.screens import (
    DID_ALL_HANDS,
    WITHIN_S,
    answered_on_the_pbx,
    incoming,
    pick_up,
    queues_set,
    talking_leg,
)

from browser.conftest import OpenPage
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Behaviour, Phones

RINGS = Behaviour(answer_after=None)


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def one_seller(asterisk: AsteriskInstance) -> None:
    """Only op3 answers sales."""
    await asterisk.remove_member("sales", "PJSIP/104")


async def test_the_card_is_there_before_the_answer_and_on_nobody_elses_page(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, tmp_path: Path
) -> None:
    mine, other = await at_page("op3"), await at_page("op1")
    async with (
        Phones(asterisk, {"103": Behaviour(answer_after=1.5)}),
        incoming(asterisk, SALES, name="GLEB R") as caller,
    ):
        await expect(mine.card_of(caller.call_id, "ringing")).to_be_visible()
        await expect(mine.value("name")).to_have_text("Глеб Ракитин")
        await expect(mine.value("number")).to_have_text("+7 495 000-02-01")
        await expect(mine.value("class")).to_have_text("Продажи")
        await expect(mine.value("why")).to_contain_text("Сделка на стадии «предложение отправлено»")
        await expect(mine.value("queue")).to_have_text("очередь «Продажи»")
        deal = mine.page.locator('[data-deal-id="s-01"][data-main=true]')
        await expect(deal).to_contain_text("Кухня угловая")
        await expect(deal.locator('[data-field="amount"]')).to_have_text("284\u00a0000\u00a0₽")
        await expect(mine.page.locator('[data-deal-id="s-07"]')).to_contain_text("Полка в ванную")
        await expect(mine.page.locator("[data-story=note]", has_text="Ждёт скидку")).to_be_visible()
        await mine.page.screenshot(path=tmp_path / "ringing.png")
        await other.page.screenshot(path=tmp_path / "other.png")
        assert "Глеб Ракитин" in await mine.page.title()

        mate = other.page.locator("[data-operator=op3][data-mate-state=ringing]")
        await expect(mate).to_contain_text("Продажи")
        await other.shows_nothing_of("Ракитин", "000-02-01", "4950000201", "GLEB", "Кухня", caller.call_id)
        await expect(other.card).to_have_count(0)

        await expect(mine.card_of(caller.call_id, "talking")).to_be_visible()
        assert await mine.first_seen(caller.call_id, "ringing") < await answered_on_the_pbx(asterisk, caller)
        await mine.page.screenshot(path=tmp_path / "talking.png")
        await caller.phone.hang_up()
        await expect(mine.card_of(caller.call_id, "ended")).to_be_visible()
        await expect(mine.value("name")).to_have_text("Глеб Ракитин")
        await mine.page.screenshot(path=tmp_path / "ended.png")


async def test_a_talk_that_the_operator_ends_stays_as_ended_with_its_card(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page("op3")
    for _ in range(3):  # who is told first that it is over, caller or operator, is chance
        async with Phones(asterisk, {"103": RINGS}) as phones, incoming(asterisk, SALES) as caller:
            await pick_up(phones["103"])
            await expect(desk.card_of(caller.call_id, "talking")).to_be_visible()
            await phones["103"].answered()
            await phones["103"].hang_up()
            await expect(desk.card_of(caller.call_id, "ended")).to_be_visible()
            await expect(desk.value("name")).to_have_text("Глеб Ракитин")


async def test_a_call_that_was_handed_on_stays_as_ended_and_pops_anew_when_it_comes_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    first, second = await at_page("op3"), await at_page("op5")
    async with Phones(asterisk, {"103": RINGS, "105": RINGS}) as phones, incoming(asterisk, SALES) as caller:
        await pick_up(phones["103"])
        await expect(first.card_of(caller.call_id, "talking")).to_be_visible()
        await _transfer(asterisk, await talking_leg(asterisk, caller, "103"), "105")
        await expect(second.card_of(caller.call_id, "ringing")).to_be_visible()
        await expect(second.value("name")).to_have_text("Глеб Ракитин")
        await expect(first.card_of(caller.call_id, "ended")).to_be_visible()
        await pick_up(phones["105"])
        await expect(second.card_of(caller.call_id, "talking")).to_be_visible()
        await _transfer(asterisk, await talking_leg(asterisk, caller, "105"), "103")
        await expect(first.card_of(caller.call_id, "ringing")).to_be_visible()
        await pick_up(phones["103"])
        await expect(first.card_of(caller.call_id, "talking")).to_be_visible()


async def test_a_withdrawn_pop_leaves_a_word_why_and_nothing_of_the_caller(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, tmp_path: Path
) -> None:
    desk = await at_page("op3")
    async with Phones(asterisk, {"103": RINGS}), incoming(asterisk, SALES, name="GLEB R") as caller:
        await expect(desk.card_of(caller.call_id, "ringing")).to_be_visible()
        await caller.phone.hang_up()
        await expect(desk.page.locator("article.call[data-state=withdrawn][data-reason=abandoned]")).to_be_visible()
        await expect(desk.value("gone")).to_have_text("Звонящий положил трубку")
        await desk.page.screenshot(path=tmp_path / "withdrawn.png")
        await desk.shows_nothing_of("Ракитин", "000-02-01", "4950000201", "GLEB", "Кухня", "столешницу", but_to_do=True)


async def test_ring_all_tells_the_losers_who_took_the_call(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, tmp_path: Path
) -> None:
    losers, winner = [await at_page("op1"), await at_page("op2")], await at_page("op5")
    async with queues_set(asterisk), Phones(asterisk, dict.fromkeys(("101", "102", "105"), RINGS)) as phones:
        for phone in ("101", "102", "105"):
            await asterisk.add_member("all-hands", f"PJSIP/{phone}")
        async with incoming(asterisk, SALES, did=DID_ALL_HANDS) as caller:
            for desk in (*losers, winner):
                await expect(desk.card_of(caller.call_id, "ringing")).to_be_visible()
                await expect(desk.value("name")).to_have_text("Глеб Ракитин")
            await pick_up(phones["105"])
            await together(asterisk, caller.channel, "105")
            await expect(winner.card_of(caller.call_id, "talking")).to_be_visible()
            for desk in losers:
                await expect(desk.value("gone")).to_have_text("Отвечает Лейла Сафина")
                await expect(desk.card_of(caller.call_id)).to_have_count(0)
                await desk.shows_nothing_of("Ракитин", "000-02-01", "4950000201")
            await losers[0].page.screenshot(path=tmp_path / "loser.png")
            for phone in ("101", "102"):
                await phones[phone].stopped_ringing(within=WITHIN_S)
            await expect(winner.value("name")).to_have_text("Глеб Ракитин")


async def test_an_ambiguous_number_shows_the_candidates_and_chooses_none(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, tmp_path: Path
) -> None:
    await asterisk.remove_member("production", "PJSIP/106")
    desk = await at_page("op5")
    async with Phones(asterisk, {"105": RINGS}), incoming(asterisk, AMBIGUOUS) as caller:
        card = desk.card_of(caller.call_id, "ringing")
        await expect(card).to_have_attribute("data-customer", "ambiguous")
        candidates = desk.page.locator("[data-candidate-id]")
        await expect(candidates).to_have_count(2)
        await expect(desk.page.locator('[data-candidate-id="k-04"]')).to_contain_text("Инна Полозова")
        await expect(desk.page.locator('[data-candidate-id="k-04"]')).to_contain_text("Детская комната")
        await expect(desk.page.locator('[data-candidate-id="k-05"]')).to_contain_text("Мастерская «Еловый бор»")
        await expect(desk.page.locator('[data-candidate-id="k-05"]')).to_contain_text("Стеллажи для склада")
        await expect(desk.value("name")).to_have_text("+7 495 000-02-04")
        marked = "[aria-selected=true], [aria-checked=true], [aria-pressed=true], :checked, [data-main=true]"
        assert await desk.page.locator(f".candidates :is({marked})").count() == 0
        assert len({await one.get_attribute("class") for one in await candidates.all()}) == 1
        await expect(desk.page.locator("#pane-story[data-extras=ready]")).to_be_visible()
        await expect(desk.page.locator("[data-story=note]")).to_have_count(0)
        assert "Полозова" not in await desk.page.title()
        await desk.page.screenshot(path=tmp_path / "ambiguous.png")


async def test_a_caller_whom_nobody_knows(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, tmp_path: Path
) -> None:
    await asterisk.remove_member("primary-consult", "PJSIP/102")
    desk = await at_page("op1")
    async with Phones(asterisk, {"101": RINGS}):
        async with incoming(asterisk, UNKNOWN) as caller:
            await expect(desk.card_of(caller.call_id, "ringing")).to_have_attribute("data-customer", "unknown")
            await expect(desk.value("name")).to_have_text("+7 495 000-02-99")
            await expect(desk.value("class")).to_have_text("Новый клиент")
            await expect(desk.value("why")).to_contain_text("Этого номера в CRM нет")
            await desk.page.screenshot(path=tmp_path / "unknown.png")
        async with incoming(asterisk, SALES, withheld=True) as hidden:
            await expect(desk.card_of(hidden.call_id, "ringing")).to_be_visible()
            await expect(desk.value("name")).to_have_text("Номер скрыт")
            await desk.shows_nothing_of("4950000201", "000-02-01", "Ракитин")
            await desk.page.screenshot(path=tmp_path / "anonymous.png")


async def test_a_good_customer_rings_at_his_own_operator_first(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, tmp_path: Path
) -> None:
    desk = await at_page("op4")
    async with Phones(asterisk, {"103": RINGS, "104": RINGS}), incoming(asterisk, VIP) as caller:
        await expect(desk.card_of(caller.call_id, "ringing")).to_be_visible()
        await expect(desk.value("segment")).to_have_text("VIP")
        await expect(desk.value("queue")).to_have_text("прямо к вам")
        await desk.page.screenshot(path=tmp_path / "vip.png")
        await expect(desk.value("gone")).to_have_text("Трубку не сняли — звонок пошёл дальше")


async def test_a_second_call_waits_beside_the_one_that_is_talked(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, tmp_path: Path
) -> None:
    desk = await at_page("op3")
    async with Phones(asterisk, {"103": RINGS}) as phones, incoming(asterisk, SALES) as talk:
        await pick_up(phones["103"])
        await expect(desk.card_of(talk.call_id, "talking")).to_be_visible()
        async with incoming(asterisk, VIP, did="103") as direct:
            other = desk.page.locator(f'[data-other-call="{direct.call_id}"][data-state=ringing]')
            await expect(other).to_contain_text("Торговый дом «Ясень и Клён»")
            await expect(desk.value("name")).to_have_text("Глеб Ракитин")
            await desk.page.screenshot(path=tmp_path / "two.png")
            await desk.page.keyboard.press("F2")
            await expect(desk.value("name")).to_have_text("Торговый дом «Ясень и Клён»")
        await expect(desk.card_of(talk.call_id, "talking")).to_be_visible()


async def _transfer(asterisk: AsteriskInstance, leg: str, extension: str) -> None:
    await asterisk.lab.action("BlindTransfer", Channel=leg, Context="phones", Exten=extension)
