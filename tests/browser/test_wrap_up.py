"""The time after a call on the page: what has to be written down holds it, and nothing that was typed is lost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from hostile_texts import OWNED, TEXTS
from playwright.async_api import Locator, expect
from promises.scene import PASSWORD, PHONE_OF, SALES
from promises.screens import Incoming, bridge_with_short_times, incoming, pick_up

from browser.conftest import OpenPage
from browser.desk_page import DeskPage
from browser.test_operator_state import WITHIN_MS, pauses, shows, state
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk
from demo.sip import Behaviour, Phones

RINGS = Behaviour(answer_after=None)
OPERATOR = "op3"
EXTENSION = PHONE_OF[OPERATOR]
REQUIRED = ["outcome", "note"]
STRICT = {"operators": {"wrap_up": {"limit": "10m", "required": REQUIRED}}}
NOTE = "Просит рассрочку на два платежа"
WRAPS_UP = {"sales": (True, "wrap_up")}
"""Asterisk leaves him alone."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def strict_bridge(
    shared_asterisk: AsteriskInstance,
    shared_bridge: Bridge,
    prepared: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Bridge]:
    """The only bridge meanwhile: it wants outcome and note after a call."""
    await shared_bridge.stop()
    folder = tmp_path_factory.mktemp("strict") / "bridge"
    async with bridge_with_short_times(shared_asterisk, prepared, folder, more=STRICT) as bridge:
        yield bridge
    await shared_bridge.start()


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, strict_bridge: Bridge) -> Bridge:
    """That bridge, asked by Asterisk; the operator alone answers sales, and is ready."""
    await asterisk.lab.set_global("CTI_AGI", strict_bridge.agi_url)
    if not strict_bridge.running:
        await strict_bridge.start()
    await asterisk.remove_member("sales", f"PJSIP/{PHONE_OF['op4']}")
    async with Desk(OPERATOR, strict_bridge.page_url, PASSWORD) as desk:
        state = desk.welcome["snapshot"]["state"]
        if state["kind"] == "wrap_up":
            saved = await desk.command("after.save", call=state["call"], outcome="done", note="иначе не кончится")
            assert saved["ok"], saved
        ready = await desk.command("state.set", state="ready")
        assert ready["ok"], ready
    return strict_bridge


@asynccontextmanager
async def after_a_talk(asterisk: AsteriskInstance, desk: DeskPage) -> AsyncIterator[Incoming]:
    """A customer has been talked to and has hung up; the wrap-up goes on."""
    async with Phones(asterisk, {EXTENSION: RINGS}) as phones:
        async with incoming(asterisk, SALES) as caller:
            await pick_up(phones[EXTENSION])
            await expect(desk.card_of(caller.call_id, "talking")).to_be_visible(timeout=WITHIN_MS)
        await expect(form(desk)).to_have_attribute("data-after", caller.call_id, timeout=WITHIN_MS)
        yield caller


def form(desk: DeskPage, *, wraps: bool = True) -> Locator:
    """The form below the card, in the wrap-up or outside it."""
    return desk.page.locator(f".after[data-wraps={str(wraps).lower()}]")


def note(desk: DeskPage) -> Locator:
    """Where the note is written."""
    return desk.page.locator("#after-note")


async def is_saved(desk: DeskPage) -> None:
    """Wait until the page says that all is saved."""
    await expect(desk.page.locator(".keeping[data-keeping=saved]")).to_be_visible(timeout=WITHIN_MS)


async def written(bridge: Bridge, call_id: str) -> dict[str, object]:
    """What the bridge has of the call, asked by another connection of the same operator."""
    async with Desk(OPERATOR, bridge.page_url, PASSWORD) as desk:
        result = await desk.command("after.get", call=call_id)
        assert result["ok"], result
        after: dict[str, object] = result["value"]["after"]
        return after


async def test_what_is_required_holds_the_wrap_up_and_the_card_stays_until_it_is_written(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(OPERATOR)
    async with after_a_talk(asterisk, desk) as caller:
        await shows(desk, "wrap_up")
        assert {paused for paused, _ in (await pauses(asterisk)).values()} == {True}
        await expect(desk.card_of(caller.call_id, "ended")).to_have_attribute("data-wraps", "true")
        await expect(desk.value("name")).to_have_text("Глеб Ракитин")
        await expect(desk.value("state")).to_have_text("Обработка")
        await expect(desk.value("why")).to_have_text("Ещё нужно: итог, заметка")
        await expect(desk.page.locator(".band [data-clock=left]")).to_contain_text("осталось")
        await desk.page.keyboard.press("F10")
        refused = desk.page.locator(".after [data-refused='wrapup.finish']")
        await expect(refused).to_contain_text("Ещё нужно записать: заметка, итог", timeout=WITHIN_MS)
        await desk.page.keyboard.press("Escape")
        await expect(desk.card_of(caller.call_id, "ended")).to_be_visible()
        await desk.page.keyboard.press("1")
        await expect(desk.page.locator("[data-outcome-choice=done] input")).to_be_checked()
        await expect(desk.value("why")).to_have_text("Ещё нужно: заметка")
        await note(desk).press_sequentially(NOTE)
        await is_saved(desk)
        assert (await written(bridge, caller.call_id))["note"] == NOTE
        await shows(desk, "wrap_up")
        await desk.page.keyboard.press("F10")
        await shows(desk, "ready")
        await expect(desk.card_of(caller.call_id)).to_have_count(0)
        await expect(form(desk)).to_have_count(0)
    assert {paused for paused, _ in (await pauses(asterisk)).values()} == {False}


async def test_a_wrap_up_past_its_limit_goes_on_until_what_is_required_is_there(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    settings = bridge.read_settings()
    short = {"operators": {"wrap_up": {"limit": "1s", "required": REQUIRED}}}
    await bridge.stop()
    bridge.write_settings(settings | short)
    try:
        await bridge.start()
        desk = await at_page(OPERATOR)
        async with after_a_talk(asterisk, desk) as caller:
            await expect(desk.page.locator(".band [data-clock=over]")).to_contain_text("просрочено", timeout=WITHIN_MS)
            overdue = desk.page.locator("[data-field=my-state][data-remark=overdue]")
            await expect(overdue).to_contain_text("время обработки вышло", timeout=WITHIN_MS)
            await note(desk).press_sequentially(NOTE)
            await is_saved(desk)
            await shows(desk, "wrap_up")
            await desk.page.locator("[data-outcome-choice=done]").click()
            # It ends by itself when nothing has been written for a while; what was written stays until he closes it.
            await expect(state(desk, "ready")).to_be_visible(timeout=2 * WITHIN_MS)
            await expect(desk.card_of(caller.call_id, "ended")).to_be_visible()
            await expect(note(desk)).to_have_value(NOTE)
    finally:
        await bridge.stop()
        bridge.write_settings(settings)
        await bridge.start()


async def test_a_killed_bridge_loses_nothing_of_what_was_typed_before_and_while_it_was_gone(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(OPERATOR)
    async with after_a_talk(asterisk, desk) as caller:
        await desk.page.locator("[data-outcome-choice=offer]").click()
        await note(desk).press_sequentially("Просит рассрочку")
        await is_saved(desk)
        await bridge.kill()
        assert await pauses(asterisk) == WRAPS_UP
        await expect(desk.page.locator("#desk[data-connection=lost]")).to_be_visible(timeout=WITHIN_MS)
        await note(desk).press_sequentially(" на два платежа")
        await expect(desk.page.locator(".keeping")).not_to_have_attribute("data-keeping", "saved")
        await bridge.start()
        await shows(desk, "wrap_up")
        assert await pauses(asterisk) == WRAPS_UP
        await expect(desk.card_of(caller.call_id, "ended")).to_be_visible()
        await expect(note(desk)).to_have_value(NOTE)
        await expect(note(desk)).to_be_focused()
        await is_saved(desk)
        after = await written(bridge, caller.call_id)
        assert (after["note"], after["outcome"]) == (NOTE, "offer")
        # A page that knows nothing of before has the card as well: the bridge has found it in its journal.
        await desk.page.reload()
        await expect(desk.card_of(caller.call_id, "ended")).to_be_visible(timeout=WITHIN_MS)
        await expect(desk.value("name")).to_have_text("Глеб Ракитин", timeout=WITHIN_MS)
        await expect(note(desk)).to_have_value(NOTE)
        await desk.page.locator("#finish").click()
        await shows(desk, "ready")
    assert {paused for paused, _ in (await pauses(asterisk)).values()} == {False}


async def test_a_reload_in_the_wrap_up_brings_card_and_text_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(OPERATOR)
    async with after_a_talk(asterisk, desk) as caller:
        await note(desk).press_sequentially(NOTE)
        await desk.page.locator("[data-score='5']").click()
        await is_saved(desk)
        await desk.page.reload()
        await desk.is_at_desk()
        await expect(form(desk)).to_have_attribute("data-after", caller.call_id)
        await expect(note(desk)).to_have_value(NOTE)
        await expect(desk.page.locator("[data-score='5'] input")).to_be_checked()
        await expect(desk.card_of(caller.call_id, "ended")).to_be_visible()
        await expect(desk.value("name")).to_have_text("Глеб Ракитин")


async def test_two_pages_write_down_one_call_and_show_the_same(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk, second = await at_page(OPERATOR), await at_page(OPERATOR)
    async with after_a_talk(asterisk, desk) as caller:
        await expect(form(second)).to_have_attribute("data-after", caller.call_id, timeout=WITHIN_MS)
        await note(desk).press_sequentially(NOTE)
        await expect(note(second)).to_have_value(NOTE, timeout=WITHIN_MS)
        await second.page.locator("[data-outcome-choice=done]").click()
        await expect(desk.page.locator("[data-outcome-choice=done] input")).to_be_checked(timeout=WITHIN_MS)
        await is_saved(desk)
        await second.page.locator("#finish").click()
        await shows(desk, "ready")
        await shows(second, "ready")
    await expect(desk.card_of(caller.call_id)).to_have_count(0)


async def test_a_call_back_needs_its_time_and_is_then_on_the_work_list(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(OPERATOR)
    async with after_a_talk(asterisk, desk):
        await note(desk).fill(NOTE)
        await desk.page.locator("[data-outcome-choice=call_back]").click()
        await expect(desk.value("why")).to_have_text("Ещё нужно: следующий шаг")
        await desk.page.locator("#after-step-text").fill("Расчёт по фасадам")
        await expect(desk.value("why")).to_have_text("Ещё нужно: следующий шаг")
        await desk.page.locator("#after-in-an-hour").click()
        await expect(desk.value("why")).to_have_text("Всё заполнено, можно закончить")
        await desk.page.locator("#finish").click()
        await shows(desk, "ready")
        item = desk.page.locator("[data-item-kind=callback]", has_text="Расчёт по фасадам")
        await expect(item).to_contain_text("Глеб Ракитин", timeout=WITHIN_MS)


async def test_hostile_texts_in_every_field_come_back_as_texts(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(OPERATOR)
    hostile = [TEXTS[name] for name in ("script", "end of script", "attribute", "right to left", "SQL", "four bytes")]
    async with after_a_talk(asterisk, desk):
        await desk.page.locator("[data-outcome-choice=done]").click()
        for text in hostile:
            for field in ("#after-note", "#after-feedback", "#after-step-text"):
                await desk.page.locator(field).fill(text)
            await desk.page.locator("#after-tomorrow").click()
            await is_saved(desk)
        await desk.page.reload()
        await desk.is_at_desk()
        for field in ("#after-note", "#after-feedback", "#after-step-text"):
            await expect(desk.page.locator(field)).to_have_value(hostile[-1])
        await expect(desk.page.locator("[data-item-kind=callback]").first).to_be_visible()
        assert await desk.page.evaluate(f"window.{OWNED} === undefined")
        assert await desk.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
