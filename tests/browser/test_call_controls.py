"""What an operator does with a call from his page happens in Asterisk, and the page says what happened there."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import expect
from promises.desk_scene import FIRST, SECOND, to_the_trunk, together
from promises.scene import OUTSIDE, PHONE_OF, SALES, until
from promises.screens import WITHIN_S, incoming, pick_up

from browser.conftest import LINE, OnStage, OpenPage
from browser.desk_page import DeskPage
from browser.people import call
from browser.talks import RINGS, WITHIN_MS, able, control, phones_of, said, talk, waits
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Phones

EXTENSION = PHONE_OF[FIRST]


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def one_seller(asterisk: AsteriskInstance) -> AsyncIterator[None]:
    """Only the first operator answers sales."""
    await asterisk.remove_member("sales", f"PJSIP/{PHONE_OF[SECOND]}")
    yield


async def test_one_key_puts_the_caller_on_hold_and_the_same_key_takes_him_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        place = await control(desk, "hold").bounding_box()
        await desk.page.keyboard.press("F7")
        await talking.is_("held")
        await waits(asterisk, talking.caller.channel)
        await asterisk.lab.event("MusicOnHoldStart", Uniqueid=talking.caller.channel)
        await expect(said(desk, "held")).to_have_text("Звонящий слышит музыку")
        await expect(able(desk, "resume")).to_be_visible(timeout=WITHIN_MS)
        assert await control(desk, "resume").bounding_box() == place
        await desk.page.keyboard.press("F7")
        await talking.is_("talking")
        await together(asterisk, talking.caller.channel, EXTENSION)
        await expect(said(desk, "held")).to_have_count(0)


async def test_what_the_phone_holds_only_the_phone_takes_back_and_the_page_says_so(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        await phones[EXTENSION].hold(within=WITHIN_S)
        await talking.is_("held")
        await expect(said(desk, "held")).to_contain_text("Удерживает ваш телефон")
        await desk.page.keyboard.press("F7")
        words = desk.page.locator("[data-field=said] .warned")
        await expect(words).to_have_text("Звонящего удерживает телефон: верните его на телефоне")
        await expect(control(desk, "resume")).to_have_attribute("title", await words.inner_text())
        await phones[EXTENSION].hold(on=False, within=WITHIN_S)
        await talking.is_("talking")
        await expect(able(desk, "hold")).to_be_visible(timeout=WITHIN_MS)


async def test_hanging_up_needs_two_fingers_and_no_question(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        await desk.page.keyboard.press("F8")
        await together(asterisk, talking.caller.channel, EXTENSION)
        await expect(able(desk, "hangup")).to_be_visible()
        await desk.page.wait_for_function(_SETTLED, arg=talking.call_id)
        await desk.page.keyboard.press("Shift+F8")
        await talking.is_("ended")
        await asterisk.lab.event("Hangup", Channel=talking.leg)
        await expect(desk.value("name")).to_have_text("Глеб Ракитин")


async def test_a_ringing_call_is_rejected_and_rings_at_the_next(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST, SECOND), incoming(asterisk, SALES) as caller:
        await expect(desk.card_of(caller.call_id, "ringing")).to_be_visible(timeout=WITHIN_MS)
        await expect(able(desk, "reject")).to_be_visible(timeout=WITHIN_MS)
        await expect(able(desk, "transfer")).to_have_count(0)
        await asterisk.add_member("sales", f"PJSIP/{PHONE_OF[SECOND]}")
        await desk.page.wait_for_function(_SETTLED, arg=caller.call_id)
        await control(desk, "reject").click()
        await asterisk.lab.event("AgentRingNoAnswer", Uniqueid=caller.channel)
        await asterisk.lab.event("AgentCalled", Uniqueid=caller.channel, Interface=f"PJSIP/{PHONE_OF[SECOND]}")
        assert not asterisk.lab.events("Hangup", Uniqueid=caller.channel)


async def test_a_number_is_called_from_the_idle_page_his_own_phone_first(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with Phones(asterisk, {EXTENSION: RINGS, OUTSIDE: RINGS}) as phones:
        began = asterisk.lab.mark()
        await expect(desk.page.locator("#dial-number")).to_be_visible(timeout=WITHIN_MS)
        await desk.page.keyboard.press("F3")
        await desk.page.keyboard.type("8 (495) 00")
        await desk.page.keyboard.press("Enter")
        await expect(desk.page.locator("[data-field=sure]")).to_have_text("Позвонить: 849500?")
        await desk.page.keyboard.press("Escape")
        await expect(desk.page.locator("#dial-number")).to_be_focused()
        await expect(desk.page.locator("#dial-number")).to_have_value("8 (495) 00")
        await desk.page.keyboard.type("0-02-01")
        await desk.page.keyboard.press("Enter")
        await expect(desk.page.locator("[data-action=dial_yes]")).to_be_focused()
        await desk.page.keyboard.press("Enter")
        await pick_up(phones[EXTENSION])
        dialled = await until(lambda: to_the_trunk(asterisk, began), WITHIN_S)
        assert (dialled["DestCallerIDNum"], dialled["CallerIDNum"]) == (SALES, LINE)
        await expect(desk.page.locator("article.call[data-state=dialling]")).to_be_visible(timeout=WITHIN_MS)
        await expect(desk.value("name")).to_have_text("Глеб Ракитин")
        await pick_up(phones[OUTSIDE])
        await expect(desk.page.locator("article.call[data-state=talking]")).to_be_visible(timeout=WITHIN_MS)
        await together(asterisk, dialled["DestUniqueid"], EXTENSION)
        await phones[OUTSIDE].hang_up()
        await expect(desk.page.locator("article.call[data-state=ended]")).to_be_visible(timeout=WITHIN_MS)
        await desk.page.keyboard.press("F3")
        await expect(desk.page.locator("[data-field=sure]")).to_have_text("Позвонить: +7 495 000-02-01, Глеб Ракитин?")


async def test_a_colleagues_ringing_call_is_picked_up_with_one_key(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(SECOND)
    await asterisk.add_member("sales", f"PJSIP/{PHONE_OF[SECOND]}")
    await asterisk.lab.action("QueuePause", Interface=f"PJSIP/{PHONE_OF[SECOND]}", Paused="true")
    async with phones_of(asterisk, FIRST, SECOND) as phones, incoming(asterisk, SALES) as caller:
        mate = desk.page.locator(f"[data-operator={FIRST}][data-mate-state=ringing]")
        await expect(mate.locator("[data-action=pickup]")).to_be_visible(timeout=WITHIN_MS)
        await desk.page.keyboard.press("F9")
        await pick_up(phones[PHONE_OF[SECOND]])
        await together(asterisk, caller.channel, PHONE_OF[SECOND])
        await expect(desk.card_of(caller.call_id, "talking")).to_be_visible(timeout=WITHIN_MS)
        await expect(desk.value("name")).to_have_text("Глеб Ракитин")


async def test_who_picks_up_too_late_is_told_so(asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage) -> None:
    desk = await at_page(SECOND)
    await asterisk.add_member("sales", f"PJSIP/{PHONE_OF[SECOND]}")
    await asterisk.lab.action("QueuePause", Interface=f"PJSIP/{PHONE_OF[SECOND]}", Paused="true")
    async with phones_of(asterisk, FIRST, SECOND) as phones, incoming(asterisk, SALES) as caller:
        await desk.page.locator(f"[data-operator={FIRST}] [data-action=pickup]").click()
        await phones[PHONE_OF[SECOND]].rings(within=WITHIN_S)
        await pick_up(phones[EXTENSION])
        told = desk.page.locator(".pick-said [data-said=refused]")
        await expect(told).to_contain_text("Не успели: коллега уже ответил", timeout=WITHIN_MS)
        await together(asterisk, caller.channel, EXTENSION)
        await desk.shows_nothing_of("Ракитин", "4950000201")


async def test_nobody_commands_the_call_of_another(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk, other = await at_page(FIRST), await at_page("op5")
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        for name, more in _COMMANDS.items():
            answered = await commanded(other, name, call=talking.call_id, **more)
            assert answered in {(404, "not_found"), (403, "not_allowed")}, name
        await together(asterisk, talking.caller.channel, EXTENSION)
        await other.shows_nothing_of("Ракитин", "4950000201")


async def test_a_session_past_its_end_commands_nothing_and_ends_no_call(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        # Signed out by another page of this browser, which this one has not heard of yet.
        session = next(one for one in await desk.context.cookies() if one["name"] == "cti_session")
        await desk.page.evaluate("fetch('/api/v1/session', {method: 'DELETE'}).then(() => true)")
        await desk.page.keyboard.press("F7")
        await expect(desk.page.locator("#sign-in")).to_be_visible(timeout=WITHIN_MS)
        await desk.context.add_cookies([{"name": "cti_session", "value": session["value"], "url": desk.page.url}])
        assert await commanded(desk, "call.hangup", call=talking.call_id) == (401, "not_signed_in")
        await together(asterisk, talking.caller.channel, EXTENSION)
        await desk.shows_nothing_of("Ракитин", "4950000201")


async def test_a_card_that_has_just_come_is_not_hung_up_by_the_click_before(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    await stage.answer(await stage.ring(call()))
    await control(desk, "hangup").evaluate("button => button.click()")
    await desk.page.wait_for_function(_SETTLED, arg="")
    stage.silent.add("call.hangup")
    await control(desk, "hangup").dblclick()
    await expect(said(desk, "under_way")).to_have_text("Завершаем разговор…")
    await until(lambda: stage.commands, WITHIN_S)
    assert [one["name"] for one in stage.commands] == ["call.hangup"]


_SETTLED = """
id => {
  const seen = Object.entries(window.__seen).filter(([key]) => key.startsWith(id)).map(([, at]) => at);
  return seen.length > 0 && Date.now() - Math.min(...seen) > 1000;
}
"""
"""A card is not hung up in the first moment after it has come."""
_COMMANDS: dict[str, dict[str, object]] = {
    "call.hangup": {},
    "call.hold": {},
    "call.resume": {},
    "call.consult": {"to": {"operator": "op5"}},
    "call.transfer": {"to": {"operator": "op5"}},
    "call.complete": {},
    "call.consult_cancel": {},
    "card.save": {"changes": {"city": "Тула"}, "seen": {"city": "Рязань"}},
    "card.note": {"text": "чужая заметка"},
    "card.choose": {"customer": "k-01"},
}


async def commanded(desk: DeskPage, name: str, **args: object) -> tuple[int, str]:
    """Give a command with the cookies of this page, past what it shows: the status and the code of the refusal."""
    answer = await desk.context.request.post(f"{desk.page.url}api/v1/commands/{name}", data={"args": args})
    return answer.status, (await answer.json()).get("error", {}).get("code", "")
