"""What is to be done, on the pages: who missed a call sees it, one person takes it, and it is done for all."""

import pytest_asyncio
from hostile_texts import OWNED, TEXTS
from playwright.async_api import Locator, expect
from promises.scene import PASSWORD, PHONE_OF, SALES
from promises.screens import incoming, no_live_calls, pick_up

from browser.conftest import OpenPage
from browser.desk_page import DeskPage
from browser.test_frame import NARROW, nothing_sideways
from browser.test_operator_state import RINGS, WITHIN_MS
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk
from demo.sip import Phones

FIRST, SECOND, OTHER = "op3", "op4", "op5"
CUSTOMER, NUMBER = "Глеб Ракитин", "+7 495 000-02-01"


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def nothing_to_do(bridge: Bridge) -> None:
    """All that earlier tests left is done."""
    for operator in (FIRST, SECOND, OTHER):
        async with Desk(operator, bridge.page_url, PASSWORD) as desk:
            for item in desk.welcome["snapshot"]["work"]["items"]:
                await desk.command("work.take", item=item["id"])
                done = await desk.command("work.done", item=item["id"])
                assert done["ok"] or done["error"]["code"] in ("not_found", "already_taken"), done


async def miss_a_call(asterisk: AsteriskInstance, bridge: Bridge, desk: DeskPage) -> Locator:
    """A customer waits while both sellers have a break, and hangs up; the item that appears on the page."""
    await go(bridge, "break")
    async with incoming(asterisk, SALES) as caller:
        await asterisk.lab.event("QueueCallerJoin", Uniqueid=caller.channel)
    await go(bridge, "ready")
    item = items(desk).filter(has_text=CUSTOMER)
    await expect(item).to_be_visible(timeout=WITHIN_MS)
    return item


async def go(bridge: Bridge, state: str) -> None:
    """Both sellers are in this state."""
    for operator in (FIRST, SECOND):
        async with Desk(operator, bridge.page_url, PASSWORD) as desk:
            set_ = await desk.command("state.set", state=state)
            assert set_["ok"], set_


def items(desk: DeskPage) -> Locator:
    """All that is on the list of this page."""
    return desk.page.locator("[data-item]")


async def test_a_missed_call_is_taken_by_one_given_back_and_done_for_all(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk, second = await at_page(FIRST), await at_page(SECOND)
    item = await miss_a_call(asterisk, bridge, desk)
    await expect(item).to_have_attribute("data-item-kind", "missed")
    await expect(item).to_contain_text(NUMBER)
    await expect(item).to_contain_text("Продажи")
    theirs = items(second).filter(has_text=CUSTOMER)
    await expect(theirs).to_be_visible(timeout=WITHIN_MS)
    await item.locator("[data-work=take]").click()
    await expect(item).to_have_attribute("data-taken", "mine", timeout=WITHIN_MS)
    await expect(theirs).to_contain_text("занимается Галина Осокина", timeout=WITHIN_MS)
    await expect(theirs.locator("button")).to_have_count(0)
    await item.locator("[data-work=release]").click()
    await expect(theirs).to_have_attribute("data-taken", "no", timeout=WITHIN_MS)
    await theirs.locator("[data-work=take]").click()
    await expect(theirs).to_have_attribute("data-taken", "mine", timeout=WITHIN_MS)
    await theirs.locator("[data-work=done]").click()
    await expect(items(second)).to_have_count(0, timeout=WITHIN_MS)
    await expect(items(desk)).to_have_count(0, timeout=WITHIN_MS)
    await expect(desk.page.locator(".work")).to_contain_text("Ничего не ждёт")


async def test_two_who_take_at_the_same_moment_are_told_who_was_first(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    item = await miss_a_call(asterisk, bridge, desk)
    button = item.locator("[data-work=take]")
    async with Desk(SECOND, bridge.page_url, PASSWORD) as quicker:
        id_ = await item.get_attribute("data-item")
        taken = await quicker.command("work.take", item=id_)
        assert taken["ok"], taken
    await expect(item).to_have_attribute("data-taken", "other", timeout=WITHIN_MS)
    await expect(button).to_have_count(0)


async def test_calling_back_takes_the_item_and_rings_at_his_own_phone_first(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    item = await miss_a_call(asterisk, bridge, desk)
    await no_live_calls(bridge)
    async with Phones(asterisk, {PHONE_OF[FIRST]: RINGS}) as phones:
        await item.locator("[data-work=call]").click()
        await expect(item).to_have_attribute("data-taken", "mine", timeout=WITHIN_MS)
        await expect(desk.page.locator("[data-action=dial_yes]")).to_be_focused()
        await desk.page.keyboard.press("Enter")
        await pick_up(phones[PHONE_OF[FIRST]])
        await expect(desk.value("name")).to_have_text(CUSTOMER, timeout=WITHIN_MS)
        await asterisk.hang_up_all()


async def test_hostile_words_of_a_next_step_are_words_and_fit_a_narrow_page(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST, viewport=NARROW)
    tab = desk.page.locator("[data-pane-button=team]")
    async with Phones(asterisk, {PHONE_OF[FIRST]: RINGS, PHONE_OF[SECOND]: RINGS}) as phones:
        await asterisk.remove_member("sales", f"PJSIP/{PHONE_OF[SECOND]}")
        async with incoming(asterisk, SALES) as caller:
            await pick_up(phones[PHONE_OF[FIRST]])
            await expect(desk.card_of(caller.call_id, "talking")).to_be_visible(timeout=WITHIN_MS)
            await desk.page.locator("#after-more").click()
            text = TEXTS["attribute"] + "Ы" * 300
            await desk.page.locator("#after-step-text").fill(text)
            await desk.page.locator("#after-step-kind").select_option("task")
            await desk.page.locator("#after-in-an-hour").click()
            await expect(tab.locator(".pane-count")).to_have_text("1", timeout=WITHIN_MS)
            await tab.click()
            step = items(desk).filter(has_text="onmouseover")
            await expect(step).to_be_visible()
            await expect(step).to_have_attribute("data-item-kind", "task")
            await nothing_sideways(desk)
            assert await desk.page.evaluate(f"window.{OWNED} === undefined")
