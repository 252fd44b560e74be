"""The bridge is killed in the middle of a talk: talk, card and words go on, and so does what the operator can do."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import expect
from promises.desk_scene import FIRST, SECOND, together
from promises.scene import OPERATORS, PHONE_OF
from promises.screens import pick_up

from browser.conftest import OpenPage
from browser.desk_page import DeskPage
from browser.talks import WITHIN_MS, PageTalk, able, leg_id, phones_of, talk, waits
from browser.test_transfer import choose
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge

EXTENSION, OTHER = PHONE_OF[FIRST], PHONE_OF[SECOND]
COLLEAGUE = OPERATORS[SECOND]
NOTE = "Замер в четверг, ключи у консьержа"


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def one_seller(asterisk: AsteriskInstance, bridge: Bridge) -> AsyncIterator[None]:
    """Only the first operator answers sales; the bridge runs again at the end."""
    await asterisk.remove_member("sales", f"PJSIP/{OTHER}")
    yield
    if not bridge.running:
        await bridge.start()


async def killed(bridge: Bridge, desk: DeskPage) -> None:
    """The bridge is gone without a word, and the page has noticed."""
    await bridge.kill()
    await expect(desk.page.locator("#desk[data-connection=lost]")).to_be_visible(timeout=WITHIN_MS)


async def back(bridge: Bridge, *desks: DeskPage) -> None:
    """It runs again, and the pages are connected."""
    await bridge.start()
    for desk in desks:
        await expect(desk.page.locator("#desk[data-connection=live]")).to_be_visible(timeout=WITHIN_MS)


def undisturbed(asterisk: AsteriskInstance, talking: PageTalk) -> None:
    """The two have talked on all the time."""
    for event in ("BridgeLeave", "Hangup"):
        assert not asterisk.lab.events(event, Uniqueid=talking.caller.channel)
        assert not asterisk.lab.events(event, Channel=talking.leg)


async def test_talk_card_and_words_survive_and_everything_can_be_done_again(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk, other = await at_page(FIRST), await at_page(SECOND)
    note = desk.page.locator("#after-note")
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        await note.press_sequentially("Замер в четверг")
        await expect(desk.page.locator(".keeping[data-keeping=saved]")).to_be_visible(timeout=WITHIN_MS)
        await killed(bridge, desk)
        await talking.is_("talking")
        await expect(desk.value("name")).to_have_text("Глеб Ракитин")
        await note.press_sequentially(", ключи у консьержа")
        await back(bridge, desk, other)
        await talking.is_("talking")
        await expect(desk.value("name")).to_have_text("Глеб Ракитин")
        await expect(desk.page.locator('[data-deal-id="s-01"][data-main=true]')).to_contain_text("Кухня угловая")
        await expect(desk.page.locator("[data-story=note]", has_text="столешницу")).to_be_visible()
        await expect(note).to_have_value(NOTE)
        await expect(desk.page.locator(".keeping[data-keeping=saved]")).to_be_visible(timeout=WITHIN_MS)
        undisturbed(asterisk, talking)
        await together(asterisk, talking.caller.channel, EXTENSION)

        await expect(able(desk, "hold")).to_be_visible(timeout=WITHIN_MS)
        await desk.page.keyboard.press("F7")
        await talking.is_("held")
        await waits(asterisk, talking.caller.channel)
        await expect(able(desk, "resume")).to_be_visible(timeout=WITHIN_MS)
        await desk.page.keyboard.press("F7")
        await talking.is_("talking")
        await together(asterisk, talking.caller.channel, EXTENSION)
        await choose(desk, "F4", COLLEAGUE[:4])
        await expect(other.card_of(talking.call_id, "ringing")).to_be_visible(timeout=WITHIN_MS)
        await expect(other.page.locator("[data-story=note]").filter(has_text=NOTE)).to_be_visible(timeout=WITHIN_MS)
        await pick_up(phones[OTHER])
        await together(asterisk, talking.caller.channel, OTHER)
        await talking.is_("ended")


async def test_who_was_on_hold_is_still_and_is_taken_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        await desk.page.keyboard.press("F7")
        await talking.is_("held")
        await killed(bridge, desk)
        await waits(asterisk, talking.caller.channel)
        await back(bridge, desk)
        await talking.is_("held")
        await expect(able(desk, "resume")).to_be_visible(timeout=WITHIN_MS)
        await desk.page.keyboard.press("F7")
        await together(asterisk, talking.caller.channel, EXTENSION)
        await talking.is_("talking")


async def test_who_was_asked_is_still_there_and_takes_the_caller_over(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk, other = await at_page(FIRST), await at_page(SECOND)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        await choose(desk, "F6", COLLEAGUE[:4])
        await pick_up(phones[OTHER])
        await expect(desk.value("consult")).to_contain_text("На связи", timeout=WITHIN_MS)
        await killed(bridge, desk)
        await together(asterisk, await leg_id(asterisk, talking.leg), OTHER)
        await waits(asterisk, talking.caller.channel)
        await back(bridge, desk, other)
        await expect(desk.value("consult")).to_contain_text(f"На связи {COLLEAGUE}", timeout=WITHIN_MS)
        await expect(able(desk, "complete")).to_be_visible(timeout=WITHIN_MS)
        await desk.page.keyboard.press("F4")
        await together(asterisk, talking.caller.channel, OTHER)
        await expect(other.card_of(talking.call_id, "talking")).to_be_visible(timeout=WITHIN_MS)
        await expect(other.value("name")).to_have_text("Глеб Ракитин")
        await talking.is_("ended")


async def test_a_talk_that_ends_while_there_is_no_bridge_is_over_when_there_is_one(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        await desk.page.locator("#after-note").fill(NOTE)
        await killed(bridge, desk)
        await phones[EXTENSION].hang_up()
        await asterisk.lab.event("Hangup", Uniqueid=talking.caller.channel)
        await back(bridge, desk)
        await talking.is_("ended")
        await expect(desk.value("name")).to_have_text("Глеб Ракитин")
        await expect(desk.page.locator("#after-note")).to_have_value(NOTE)
        await expect(desk.page.locator(".keeping[data-keeping=saved]")).to_be_visible(timeout=WITHIN_MS)
