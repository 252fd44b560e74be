"""Light and dark: as the system or as chosen, and never the wrong one, not even for a moment."""

import asyncio

import pytest
from playwright.async_api import Page, Route, expect

from browser.conftest import OnStage

LIGHT, DARK = "rgb(242, 244, 247)", "rgb(13, 19, 28)"
_WHEN_THE_BODY_COMES = """
new MutationObserver((_, observer) => {
  if (!document.body) return;
  window.__themeAtFirst = document.documentElement.dataset.theme;
  observer.disconnect();
}).observe(document, {subtree: true, childList: true});
"""


async def ground(page: Page) -> str:
    """The colour behind everything."""
    colour: str = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour


async def test_the_page_follows_the_system(on_stage: OnStage) -> None:
    _, desk = await on_stage(color_scheme="dark")
    assert await ground(desk.page) == DARK
    await desk.page.emulate_media(color_scheme="light")
    await expect(desk.page.locator("html")).to_have_attribute("data-theme", "light")
    assert await ground(desk.page) == LIGHT
    assert await desk.page.evaluate("localStorage.length") == 0


@pytest.mark.parametrize(("system", "chosen", "colour"), [("dark", "light", LIGHT), ("light", "dark", DARK)])
async def test_a_choice_holds_against_the_system_and_is_never_seen_late(
    on_stage: OnStage, system: str, chosen: str, colour: str
) -> None:
    _, desk = await on_stage(color_scheme=system, init_scripts=[_WHEN_THE_BODY_COMES])
    await desk.page.locator("#open-settings").click()
    await desk.page.locator(f"input[name=theme][value={chosen}]").check()
    assert await ground(desk.page) == colour

    held = asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await desk.page.route("**/assets/index-*.js", hold)
    await desk.page.reload(wait_until="commit")
    await desk.page.locator("#root").wait_for(state="attached")
    assert await desk.page.evaluate("window.__themeAtFirst") == chosen
    await desk.page.wait_for_function("getComputedStyle(document.body).backgroundColor !== 'rgba(0, 0, 0, 0)'")
    assert await ground(desk.page) == colour
    assert await desk.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == chosen
    held.set()
    await desk.is_at_desk()
    assert await ground(desk.page) == colour


async def test_a_choice_reaches_the_other_tabs(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    twin = await desk.context.new_page()
    await twin.goto(stage.url)
    await desk.page.locator("#open-settings").click()
    await desk.page.locator("input[name=theme][value=dark]").check()
    await expect(twin.locator("html")).to_have_attribute("data-theme", "dark")
