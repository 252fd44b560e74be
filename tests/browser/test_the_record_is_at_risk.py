"""When calls cannot be written down, the page says so in words that anybody understands, in his own language."""

from pathlib import Path

from playwright.async_api import Locator, expect
from promises.faults import being_written
from promises.scene import SALES
from promises.screens import incoming

from browser.conftest import OpenPage
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge

PANEL = {"width": 380, "height": 700}


async def test_a_locked_journal_is_on_the_page_until_it_can_be_written_again(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, tmp_path: Path
) -> None:
    russian, english = await at_page("op3"), await at_page("op1", viewport=PANEL)
    await english.page.locator("[data-language=en]").click()
    said = "[data-source=journal][data-source-state=at_risk]"
    async with being_written(bridge.data / "calls.sqlite"):
        async with incoming(asterisk, SALES) as caller:
            await expect(russian.card_of(caller.call_id, "ringing")).to_be_visible()
            await expect(russian.page.locator(said)).to_contain_text("Запись событий под угрозой")
            await expect(english.page.locator(said)).to_contain_text("Event recording at risk")
            assert await in_full(english.page.locator(said)), "cut off in the panel"
        await russian.page.screenshot(path=tmp_path / "russian.png")
        await english.page.screenshot(path=tmp_path / "english.png")
    for desk in (russian, english):
        await expect(desk.page.locator("[data-source=journal][data-source-state=up]")).to_be_visible()


async def in_full(place: Locator) -> bool:
    """Whether nothing of this element's text is cut off."""
    fits: bool = await place.evaluate("at => at.scrollWidth <= at.clientWidth")
    return fits
