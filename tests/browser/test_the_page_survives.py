"""The operator's page through reloads, restarts, a dead line and a closed lid."""

import signal
from pathlib import Path

import pytest_asyncio
from playwright.async_api import expect
from promises.cable import Cable
from promises.scene import SALES, VIP
from promises.screens import incoming, pick_up

from browser.conftest import OpenPage
from browser.desk_page import DeskPage
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Behaviour, Phones

RINGS = Behaviour(answer_after=None)
BACK_MS = 30_000
"""A restart takes the bridge a second or two, and the page comes back within five."""
SOON_MS = 15_000
"""For what is a matter of two or three seconds where nothing else runs on the machine."""


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def one_seller(asterisk: AsteriskInstance) -> None:
    """Only op3 answers sales."""
    await asterisk.remove_member("sales", "PJSIP/104")


async def test_a_reload_while_it_rings_brings_the_card_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page("op3")
    async with Phones(asterisk, {"103": RINGS}) as phones, incoming(asterisk, SALES) as caller:
        await expect(desk.card_of(caller.call_id, "ringing")).to_be_visible()
        await desk.page.reload()
        await expect(desk.card_of(caller.call_id, "ringing")).to_be_visible()
        await expect(desk.value("name")).to_have_text("Глеб Ракитин")
        await expect(desk.page.locator('[data-deal-id="s-01"][data-main=true]')).to_be_visible()
        await pick_up(phones["103"])
        await expect(desk.card_of(caller.call_id, "talking")).to_be_visible()
        await desk.page.reload()
        await expect(desk.card_of(caller.call_id, "talking")).to_be_visible()


async def test_a_restart_of_the_bridge_while_it_rings_is_shown_and_brings_the_card_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, tmp_path: Path
) -> None:
    desk, other = await at_page("op3"), await at_page("op1")
    async with Phones(asterisk, {"103": RINGS}) as phones, incoming(asterisk, SALES) as caller:
        await expect(desk.card_of(caller.call_id, "ringing")).to_be_visible()
        await expect(desk.page.locator("[data-story=note]", has_text="столешницу")).to_be_visible()
        bridge.signal(signal.SIGKILL)
        await bridge.ended()
        await expect(desk.page.locator("#desk[data-connection=lost]")).to_be_visible()
        await expect(desk.page.locator('[data-field="connection"]')).to_contain_text("Нет связи с сервером")
        await expect(desk.card_of(caller.call_id, "ringing")).to_be_visible()
        await expect(other.page.locator("article.call[data-state=idle]")).to_contain_text("Звонки сейчас не видны")
        await desk.page.screenshot(path=tmp_path / "lost.png")
        await other.page.screenshot(path=tmp_path / "blind.png")
        await bridge.start()
        for page in (desk, other):
            await expect(page.page.locator("#desk[data-connection=live]")).to_be_visible(timeout=BACK_MS)
        await expect(desk.card_of(caller.call_id, "ringing")).to_be_visible()
        await expect(desk.value("name")).to_have_text("Глеб Ракитин")
        await expect(desk.value("class")).to_have_text("Продажи")
        await expect(desk.value("rule")).to_contain_text("sales")
        await expect(desk.page.locator("[data-story=note]", has_text="столешницу")).to_be_visible()
        await pick_up(phones["103"])
        await expect(desk.card_of(caller.call_id, "talking")).to_be_visible()
    await other.shows_nothing_of("Ракитин", "4950000201")


async def test_a_stopped_bridge_is_shown_and_the_session_survives(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page("op3")
    assert await bridge.stop() == 0
    await expect(desk.page.locator("#desk[data-connection=lost]")).to_be_visible()
    await bridge.start()
    await expect(desk.page.locator("#desk[data-connection=live]")).to_be_visible(timeout=BACK_MS)
    await desk.page.reload()
    await desk.is_at_desk()
    await expect(desk.page.locator("#sign-in")).to_have_count(0)


async def test_asterisk_gone_is_said_and_nothing_is_guessed(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, tmp_path: Path
) -> None:
    desk = await at_page("op3")
    async with Phones(asterisk, {"103": RINGS}) as phones, incoming(asterisk, SALES) as caller:
        await pick_up(phones["103"])
        await expect(desk.card_of(caller.call_id, "talking")).to_be_visible()
        await asterisk.kill()
        await expect(desk.page.locator("[data-source=asterisk][data-source-state=down]")).to_be_visible()
        await desk.page.screenshot(path=tmp_path / "pbx-down.png")
        await asterisk.start()
        await expect(desk.page.locator("[data-source=asterisk][data-source-state=up]")).to_be_visible(timeout=BACK_MS)
        await expect(desk.card_of(caller.call_id, "talking")).to_have_count(0)
        await expect(desk.card_of(caller.call_id, "ended")).to_be_visible()


async def test_a_frozen_page_knows_the_truth_when_it_thaws(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page("op3")
    async with Phones(asterisk, {"103": RINGS}) as phones:
        async with incoming(asterisk, SALES) as first:
            await expect(desk.card_of(first.call_id, "ringing")).to_be_visible()
            await _lifecycle(desk, "frozen")
        await phones["103"].stopped_ringing()
        async with incoming(asterisk, SALES) as second:
            await phones["103"].rings(2)
            await _lifecycle(desk, "active")
            await expect(desk.card_of(second.call_id, "ringing")).to_be_visible()
            await expect(desk.card_of(first.call_id)).to_have_count(0)


async def test_a_closed_lid_and_a_dead_line_heal_within_seconds(
    asterisk: AsteriskInstance, bridge: Bridge, cable: Cable, at_page: OpenPage
) -> None:
    desk = await at_page("op3")
    async with Phones(asterisk, {"103": RINGS}) as phones:
        async with incoming(asterisk, SALES) as first:
            await expect(desk.card_of(first.call_id, "ringing")).to_be_visible()
            await desk.context.set_offline(True)
            await _lifecycle(desk, "frozen")
            await cable.go_dead()
        await phones["103"].stopped_ringing()
        async with incoming(asterisk, VIP, did="103") as second:
            await phones["103"].rings(2)
            await desk.context.set_offline(False)
            await _lifecycle(desk, "active")
            await expect(desk.card_of(second.call_id, "ringing")).to_be_visible(timeout=SOON_MS)
            await expect(desk.card_of(first.call_id)).to_have_count(0)
            await desk.is_at_desk()


async def test_a_line_that_dies_without_a_word_is_noticed_by_itself(
    asterisk: AsteriskInstance, bridge: Bridge, cable: Cable, at_page: OpenPage
) -> None:
    desk = await at_page("op3")
    await cable.go_dead()
    await expect(desk.page.locator("#desk[data-connection=lost]")).to_be_visible(timeout=30_000)
    await desk.page.locator("#desk[data-connection=live]").wait_for(timeout=BACK_MS)


async def test_a_call_that_came_and_went_during_a_cut_is_in_todays_list_and_never_on_the_screen(
    asterisk: AsteriskInstance, bridge: Bridge, cable: Cable, at_page: OpenPage
) -> None:
    desk = await at_page("op3")
    async with Phones(asterisk, {"103": RINGS}) as phones:
        await cable.cut()
        await expect(desk.page.locator("#desk[data-connection=lost]")).to_be_visible()
        async with incoming(asterisk, SALES) as caller:
            await phones["103"].rings(1)
        await phones["103"].stopped_ringing()
        await cable.mend()
        await desk.is_at_desk()
        await expect(desk.page.locator(f'[data-recent="{caller.call_id}"][data-outcome=abandoned]')).to_be_visible()
        assert (
            await desk.page.evaluate("id => Object.keys(window.__seen).filter(key => key.includes(id))", caller.call_id)
            == []
        )
    await desk.shows_nothing_of("Ракитин", "4950000201", but_to_do=True)


async def _lifecycle(desk: DeskPage, state: str) -> None:
    """Freeze the page as a browser does with one that nobody looks at, or thaw it."""
    devtools = await desk.context.new_cdp_session(desk.page)
    await devtools.send("Page.setWebLifecycleState", {"state": state})
