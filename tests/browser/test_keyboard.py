"""Hands on the keyboard: everything can be reached and seen to be reached, and a call takes no key from anybody."""

import pytest
from playwright.async_api import expect

from browser.conftest import OnStage
from browser.people import call, production_call
from browser.test_frame import NARROW, WIDE

_REACHABLE = """
() => [...document.querySelectorAll('a[href], button:enabled, input:enabled, [tabindex="0"]')]
  .filter(each => each.checkVisibility() && !(each.type === 'radio' && !each.checked))
  .map((each, index) => each.dataset.stop = String(index))
"""
_STOP = """
() => {
  const here = document.activeElement;
  const shown = here.type === 'radio' ? here.nextElementSibling : here;
  const {outlineStyle, outlineWidth, clipPath} = getComputedStyle(shown);
  const seen = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && clipPath === 'none';
  return {stop: here.dataset.stop ?? null, seen, what: shown.outerHTML.slice(0, 90)};
}
"""


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["380", "1366"])
async def test_everything_is_reached_with_tab_and_seen_to_be_reached(on_stage: OnStage, size: dict[str, int]) -> None:
    stage, desk = await on_stage(viewport=size)
    await stage.answer(await stage.ring(production_call()))
    await stage.ring(call())
    await desk.page.locator("[data-other-call]").wait_for()
    await desk.page.locator("#open-settings").click()
    to_reach = set(await desk.page.evaluate(_REACHABLE))
    assert len(to_reach) > 10
    reached = set()
    for _ in range(len(to_reach) + 3):
        await desk.page.keyboard.press("Tab")
        stop = await desk.page.evaluate(_STOP)
        reached.add(stop["stop"])
        assert stop["seen"] or stop["stop"] is None, stop["what"]
    assert reached >= to_reach


async def test_the_first_stop_leads_to_the_call(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    await stage.ring(call())
    await desk.page.keyboard.press("Tab")
    skip = desk.page.get_by_role("link", name="К звонку")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("#pane-now")).to_be_focused()
    assert "#" not in desk.page.url


async def test_a_question_mark_shows_the_keys_and_escape_closes_one_thing_at_a_time(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    talk = await stage.answer(await stage.ring(call()))
    await stage.end(talk)
    await expect(desk.card_of(talk["id"], "ended")).to_be_visible()
    await desk.page.locator("#open-settings").focus()
    await desk.page.keyboard.press("?")
    panel = desk.page.get_by_role("dialog", name="Клавиши")
    await expect(panel).to_be_focused()
    for key in ("F2", "Esc", "?"):
        await expect(panel.locator("dt", has_text=key)).to_be_visible()
    await desk.page.keyboard.press("Escape")
    await expect(panel).to_have_count(0)
    await expect(desk.page.locator("#open-settings")).to_be_focused()
    await expect(desk.card_of(talk["id"], "ended")).to_be_visible()
    await desk.page.keyboard.press("Escape")
    await expect(desk.page.locator("article.call[data-state=idle]")).to_be_visible()


async def test_escape_never_closes_a_living_call(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    ringing = await stage.ring(call())
    await desk.page.keyboard.press("Escape")
    await expect(desk.card_of(ringing["id"], "ringing")).to_be_visible()


async def test_a_call_leaves_the_focus_where_it_was(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    for name in ("#open-settings", "#switch-sound", "#pane-story"):
        place = desk.page.locator(name)
        if name == "#pane-story":
            await desk.page.keyboard.press("Escape")
            place = desk.page.locator(".mates")
            await place.focus()
        else:
            await place.click()
        ringing = await stage.ring(call())
        await expect(desk.card_of(ringing["id"], "ringing")).to_be_visible()
        if name == "#open-settings":
            await expect(desk.page.get_by_role("dialog")).to_be_focused()
        else:
            await expect(place).to_be_focused()
        await stage.withdraw(ringing)
        await expect(desk.value("gone")).to_be_visible()


async def test_what_goes_with_its_own_button_leaves_the_focus_at_the_call(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    await stage.end(await stage.answer(await stage.ring(call())))
    await desk.page.locator("#close-card").press("Enter")
    await expect(desk.page.locator("article.call[data-state=idle]")).to_be_visible()
    await expect(desk.page.locator("#pane-now")).to_be_focused()
    await stage.answer(await stage.ring(production_call()))
    await stage.ring(call())
    await desk.page.locator("[data-other-call]").press("Enter")
    await expect(desk.value("name")).to_have_text("Мария Соколова")
    await expect(desk.page.locator("#pane-now")).to_be_focused()


async def test_what_is_typed_at_the_door_is_only_text(on_stage: OnStage) -> None:
    _, desk = await on_stage(signed_in=False)
    await desk.page.locator("#login").press_sequentially("op?3")
    await expect(desk.page.locator("#login")).to_have_value("op?3")
    await desk.page.keyboard.press("F2")
    await expect(desk.page.get_by_role("dialog")).to_have_count(0)


async def test_less_motion_means_none(on_stage: OnStage) -> None:
    stage, desk = await on_stage(reduced_motion="reduce")
    await stage.ring(call(extras="pending", notes=[], history=[]))
    await expect(desk.page.locator(".waiting")).to_be_visible()
    assert await desk.page.evaluate("document.getAnimations().length") == 0
