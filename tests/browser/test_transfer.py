"""Handing a caller over from the page: at once, after a word with a colleague, and back when nobody is there."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import expect
from promises.desk_scene import BUSY, FIRST, SECOND, to_the_trunk, together, where
from promises.scene import OPERATORS, OUTSIDE, PHONE_OF, until
from promises.screens import WITHIN_S, pick_up

from browser.conftest import LINE, OnStage, OpenPage
from browser.desk_page import DeskPage
from browser.people import call
from browser.talks import RINGS, WITHIN_MS, able, control, leg_id, phones_of, said, talk, waits
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Phones

EXTENSION, OTHER = PHONE_OF[FIRST], PHONE_OF[SECOND]
COLLEAGUE = OPERATORS[SECOND]
WRITTEN = "Хочет дуб вместо ясеня, спросить про срок"
"""What the first operator writes down while he talks."""


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def one_seller(asterisk: AsteriskInstance) -> AsyncIterator[None]:
    """Only the first operator answers sales."""
    await asterisk.remove_member("sales", f"PJSIP/{OTHER}")
    yield


async def opened(desk: DeskPage, key: str) -> None:
    """Open the list with this key."""
    await expect(able(desk, "transfer")).to_be_visible(timeout=WITHIN_MS)
    await desk.page.keyboard.press(key)
    await expect(desk.page.locator("#chooser-field")).to_be_focused()


async def choose(desk: DeskPage, key: str, typed: str) -> None:
    """Open the list with this key, and take what is found for these letters, all without the mouse."""
    await opened(desk, key)
    await desk.page.keyboard.type(typed)
    await expect(desk.page.locator(".target")).to_have_count(1)
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("#chooser")).to_have_count(0)


async def test_a_caller_is_handed_to_a_colleague_and_his_card_goes_with_him(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk, other = await at_page(FIRST), await at_page(SECOND)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        await opened(desk, "F4")
        free = desk.page.locator(f"[data-to=operator][data-to-id={SECOND}][data-free=true]")
        await expect(free).to_contain_text(COLLEAGUE, timeout=WITHIN_MS)
        await desk.page.keyboard.press("Escape")
        await choose(desk, "F4", COLLEAGUE[:4])
        await expect(other.card_of(talking.call_id, "ringing")).to_be_visible(timeout=WITHIN_MS)
        await expect(other.value("name")).to_have_text("Глеб Ракитин")
        await expect(said(other, "handed_to_you")).to_have_text(f"Звонок вам передаёт {OPERATORS[FIRST]}")
        await talking.is_("ended")
        await expect(said(desk, "handed_on")).to_contain_text(f"Передано: {COLLEAGUE}")
        await pick_up(phones[OTHER])
        await together(asterisk, talking.caller.channel, OTHER)
        await expect(other.card_of(talking.call_id, "talking")).to_be_visible(timeout=WITHIN_MS)
        await expect(other.page.locator("[data-story=note]", has_text="столешницу")).to_be_visible()
        await talking.is_("ended")


async def test_whom_a_busy_colleague_does_not_take_is_back_with_who_sent_him(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with Phones(asterisk, {EXTENSION: RINGS, OTHER: BUSY}) as phones, talk(asterisk, desk, phones) as talking:
        await choose(desk, "F4", COLLEAGUE[:4])
        await expect(desk.card_of(talking.call_id, "ringing")).to_be_visible(timeout=WITHIN_MS)
        back = desk.page.locator("[data-field=said] :is([data-said=came_back], [data-said=refused])")
        await expect(back).to_contain_text("занято", timeout=WITHIN_MS)
        await pick_up(phones[EXTENSION])
        await together(asterisk, talking.caller.channel, EXTENSION)
        await talking.is_("talking")


async def test_a_caller_is_handed_to_a_queue(asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage) -> None:
    desk, other = await at_page(FIRST), await at_page("op1")
    await asterisk.remove_member("primary-consult", f"PJSIP/{PHONE_OF['op2']}")
    async with phones_of(asterisk, FIRST, "op1") as phones, talk(asterisk, desk, phones) as talking:
        await choose(desk, "F4", "первичная")
        await asterisk.lab.event("QueueCallerJoin", Uniqueid=talking.caller.channel, Queue="primary-consult")
        await expect(other.card_of(talking.call_id, "ringing")).to_be_visible(timeout=WITHIN_MS)
        await talking.is_("ended")
        await pick_up(phones[PHONE_OF["op1"]])
        await together(asterisk, talking.caller.channel, PHONE_OF["op1"])
        await expect(other.card_of(talking.call_id, "talking")).to_be_visible(timeout=WITHIN_MS)


async def test_a_caller_is_handed_to_a_number_outside_which_sees_the_line(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        outside, began = await phones.change(OUTSIDE, RINGS), asterisk.lab.mark()
        await choose(desk, "F4", "8 (495) 000-03-33")
        dialled = await until(lambda: to_the_trunk(asterisk, began), WITHIN_S)
        assert (dialled["DestCallerIDNum"], dialled["CallerIDNum"]) == ("+74950000333", LINE)
        await talking.is_("ended")
        await asterisk.lab.event("Hangup", Channel=talking.leg)
        await pick_up(outside)
        await asterisk.lab.event("DialEnd", since=began, Uniqueid=talking.caller.channel, DialStatus="ANSWER")
        assert not asterisk.lab.events("Hangup", Uniqueid=talking.caller.channel)


async def test_a_number_outside_that_does_not_answer_brings_the_caller_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        await phones.change(OUTSIDE, BUSY)
        await choose(desk, "F4", "8 (495) 000-03-33")
        await expect(desk.card_of(talking.call_id, "ringing")).to_be_visible(timeout=WITHIN_MS)
        back = desk.page.locator("[data-field=said] :is([data-said=came_back], [data-said=refused])")
        await expect(back).to_be_visible(timeout=WITHIN_MS)
        await pick_up(phones[EXTENSION])
        await together(asterisk, talking.caller.channel, EXTENSION)
        await talking.is_("talking")


async def test_a_colleague_is_asked_while_the_caller_waits_and_then_takes_him_over(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk, other = await at_page(FIRST), await at_page(SECOND)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        await desk.page.locator("#after-note").fill(WRITTEN)
        await choose(desk, "F6", COLLEAGUE[:4])
        band = desk.value("consult")
        await expect(band).to_have_text(f"Вызываем: {COLLEAGUE} · Звонящий ждёт и слышит музыку", timeout=WITHIN_MS)
        await expect(able(desk, "complete")).to_have_count(0)
        # Before he lifts the receiver the colleague can read who it is, and what the first has just written.
        await expect(other.value("name")).to_have_text("Глеб Ракитин", timeout=WITHIN_MS)
        notes = other.page.locator("[data-story=note]")
        await expect(notes.filter(has_text=WRITTEN)).to_be_visible(timeout=WITHIN_MS)
        await expect(notes.filter(has_text="столешницу")).to_be_visible(timeout=WITHIN_MS)
        await pick_up(phones[OTHER])
        await expect(band).to_contain_text(f"На связи {COLLEAGUE}", timeout=WITHIN_MS)
        await together(asterisk, await leg_id(asterisk, talking.leg), OTHER)
        await waits(asterisk, talking.caller.channel)
        await expect(other.card_of(talking.call_id)).to_be_visible(timeout=WITHIN_MS)
        await expect(able(desk, "complete")).to_be_visible(timeout=WITHIN_MS)
        await desk.page.keyboard.press("F4")
        await together(asterisk, talking.caller.channel, OTHER)
        await asterisk.lab.event("Hangup", Channel=talking.leg)
        await expect(other.card_of(talking.call_id, "talking")).to_be_visible(timeout=WITHIN_MS)
        await expect(other.value("name")).to_have_text("Глеб Ракитин")
        await expect(notes.filter(has_text=WRITTEN)).to_be_visible()
        await talking.is_("ended")


async def test_who_has_asked_a_colleague_goes_back_to_the_caller(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        await choose(desk, "F6", COLLEAGUE[:4])
        await pick_up(phones[OTHER])
        await expect(desk.value("consult")).to_contain_text("На связи", timeout=WITHIN_MS)
        await expect(able(desk, "consult_cancel")).to_be_visible(timeout=WITHIN_MS)
        await desk.page.keyboard.press("F6")
        await together(asterisk, talking.caller.channel, EXTENSION)
        await talking.is_("talking")
        await expect(control(desk, "transfer")).to_be_visible()


async def test_a_colleague_who_refuses_leaves_the_caller_waiting_for_who_asked(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with Phones(asterisk, {EXTENSION: RINGS, OTHER: BUSY}) as phones, talk(asterisk, desk, phones) as talking:
        await choose(desk, "F6", COLLEAGUE[:4])
        told = desk.page.locator("[data-field=said] :is([data-said=not_asked], [data-said=refused])")
        await expect(told).to_be_visible(timeout=WITHIN_MS)
        await where(asterisk, lambda seen: any(one["Uniqueid"] == talking.caller.channel for one in seen))
        await expect(able(desk, "resume").or_(able(desk, "hold"))).to_be_visible(timeout=WITHIN_MS)
        await desk.page.keyboard.press("F7")
        await together(asterisk, talking.caller.channel, EXTENSION)


async def test_what_is_no_number_is_said_and_not_sent(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    await stage.answer(await stage.ring(call()))
    await opened(desk, "F4")
    words = desk.page.locator("#chooser-said")
    for typed, said_there in (("12", "Это не номер: от 3 до 15 цифр"), ("абвгд", "Никого не нашлось")):
        await desk.page.locator("#chooser-field").fill(typed)
        await expect(words).to_have_text(said_there)
        await desk.page.keyboard.press("Enter")
    await desk.page.locator("#chooser-field").fill("8 (495) 000-01-49")
    await expect(desk.page.locator(".target[aria-selected=true]")).to_contain_text("84950000149")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("#chooser")).to_have_count(0)
    given = await until(lambda: [one for one in stage.commands if one["name"] != "call.targets"], WITHIN_S)
    assert [(one["name"], one["args"]["to"]) for one in given] == [("call.transfer", {"number": "84950000149"})]


async def test_nobody_is_chosen_by_enter_alone_and_the_list_stays_while_it_is_told_anew(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    await stage.answer(await stage.ring(call()))
    await opened(desk, "F4")
    await expect(desk.page.locator(".target")).to_have_count(8)
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("#chooser")).to_be_visible()
    for _ in range(2):
        await desk.page.keyboard.press("ArrowDown")
    marked = desk.page.locator(".target[aria-selected=true]")
    await expect(marked).to_have_attribute("data-to-id", "op2")
    first = stage.targets["operators"][0]
    stage.targets["operators"][0] = first | {"state": "talking", "free": False}
    await expect(desk.page.locator(".target").first).to_have_attribute("data-to-id", "op2", timeout=WITHIN_MS)
    await expect(marked).to_have_attribute("data-to-id", "op2")
    await expect(desk.page.locator("#chooser-field")).to_be_focused()


async def test_a_refusal_is_said_beside_the_row_and_leaves_when_it_was_read(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    stage.refusals["call.transfer"] = ("not_possible", "Тимур Ахметов is on the phone")
    await stage.answer(await stage.ring(call()))
    await choose(desk, "F4", "тимур")
    await expect(said(desk, "refused")).to_contain_text("Тимур Ахметов разговаривает")
    await said(desk, "refused").get_by_role("button").click()
    await expect(said(desk, "refused")).to_have_count(0)
