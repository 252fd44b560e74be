"""The page at 200 %, in the contrast colours of the system, without motion, with much on it: nothing is lost."""

from typing import Any

import pytest
from playwright.async_api import Locator, expect

from browser import moments, screenshots
from browser.conftest import OnStage
from browser.desk_page import DeskPage
from browser.people import ambiguous_call, call, customer, deal, moment
from browser.test_frame import NARROW, WIDE, in_sight, nothing_sideways

TWICE: dict[str, Any] = {"viewport": {"width": 683, "height": 384}, "device_scale_factor": 2}
"""A page of 1366x768 at 200 %."""
CALL = tuple(f'.now [data-field="{name}"]' for name in ("class", "state", "timer", "why", "name", "number"))


async def test_at_200_percent_it_is_seen_who_calls_and_why_without_scrolling(on_stage: OnStage) -> None:
    stage, desk = await on_stage(**TWICE)
    await stage.ring(call())
    await in_sight(desk, *CALL, '.now [data-field="verified"]', "[data-field=my-state]", "#sign-out")
    await nothing_sideways(desk)


async def test_at_200_percent_what_is_not_well_is_said_in_full(on_stage: OnStage) -> None:
    stage, desk = await on_stage(**TWICE)
    await stage.source("journal", "at_risk")
    risk = desk.page.locator("[data-source=journal][data-source-state=at_risk]")
    await expect(risk).to_contain_text("Запись событий под угрозой")
    assert await in_full(risk)
    await in_sight(desk, "[data-source=journal]", "#sign-out")
    await stage.cut()
    lost = desk.page.locator("[data-field=connection] strong")
    await expect(lost).to_have_text("Нет связи с сервером")
    assert await in_full(desk.page.locator("[data-field=connection]"))
    await nothing_sideways(desk)


async def test_at_200_percent_the_field_in_which_one_writes_is_seen_whole(on_stage: OnStage) -> None:
    stage, desk = await on_stage(**TWICE)
    await screenshots.wrap_up(stage, desk)
    await desk.page.locator("#after-note").focus()
    await in_sight(desk, "#after-note")
    await nothing_sideways(desk)


async def test_in_contrast_colours_a_switch_says_whether_it_is_on(on_stage: OnStage) -> None:
    _, desk = await on_stage(forced_colors="active")
    await desk.page.locator("#open-settings").click()
    knob = desk.page.locator("#switch-sound i")
    off = await look(knob, "backgroundImage"), await look(knob, "backgroundColor")
    await desk.page.locator("#switch-sound").click()
    await expect(desk.page.locator("#switch-sound")).to_have_attribute("aria-checked", "true")
    on = await look(knob, "backgroundImage"), await look(knob, "backgroundColor")
    assert "gradient" in off[0]
    assert off != on


async def test_in_contrast_colours_what_is_chosen_and_what_comes_next_stand_out(on_stage: OnStage) -> None:
    stage, desk = await on_stage(forced_colors="active")
    await screenshots.wrap_up(stage, desk)
    chosen, other = (desk.page.locator(f"[data-outcome-choice={one}] span") for one in ("call_back", "offer"))
    present, later = (desk.page.locator(f".stages [data-place={one}]").first for one in ("present", "ahead"))
    for one, beside in ((chosen, other), (present, later)):
        assert await look(one, "backgroundColor") != await look(beside, "backgroundColor")


async def test_in_contrast_colours_no_empty_box_stands_where_a_pencil_will_be(on_stage: OnStage) -> None:
    stage, desk = await on_stage(forced_colors="active")
    ringing = await stage.ring(call())
    await expect(desk.card_of(ringing["id"], "ringing")).to_be_visible()
    assert await desk.page.locator("i.small-button").count() > 0
    assert await desk.page.locator("i.small-button:visible").count() == 0


async def test_in_contrast_colours_the_way_back_from_hold_stands_out(on_stage: OnStage) -> None:
    stage, desk = await on_stage(forced_colors="active")
    await screenshots.held(stage, desk)
    back, other = (desk.page.locator(f".controls [data-action={one}]") for one in ("resume", "consult"))
    await expect(back).to_have_attribute("data-prominent", "true")
    assert await look(back, "backgroundColor") != await look(other, "backgroundColor")


async def test_nothing_moves_for_whoever_has_asked_for_no_motion(on_stage: OnStage) -> None:
    stage, desk = await on_stage(reduced_motion="reduce")
    await stage.ring(call(extras="pending", notes=[], history=[]))
    await expect(desk.page.locator(".waiting")).to_be_visible()
    assert await moving(desk) == []


async def test_nothing_turns_for_whoever_has_asked_for_no_motion(on_stage: OnStage) -> None:
    stage, desk = await on_stage(reduced_motion="reduce")
    stage.silent.add("call.hold")
    await moments.at_risk(stage, desk)
    await desk.page.keyboard.press("F7")
    await expect(desk.page.locator(".spin").first).to_be_visible()
    assert await moving(desk) == []


@pytest.mark.parametrize("size", [pytest.param(NARROW, id="380"), pytest.param(WIDE, id="1366x768")])
async def test_twelve_deals_and_forty_entries_can_be_read_to_the_last(on_stage: OnStage, size: dict[str, int]) -> None:
    stage, desk = await on_stage(viewport=size)
    orders = [deal(id=f"s-{n}", title=f"Заказ № {n}", main=False, amount=1000 * n) for n in range(2, 13)]
    calls = [
        {"at": moment(days=n), "direction": "inbound", "outcome": "answered", "queue": "sales", "wait_s": 9.0,
         "operator": "Ольга Ланская", "talk_s": 60.0 + n, "stage": "paid", "stage_name": "оплачено"}
        for n in range(1, 41)
    ]  # fmt: skip
    many = await stage.answer(await stage.ring(call(deals=[deal(), *orders], history=calls, notes=[])))
    await expect(desk.card_of(many["id"], "talking")).to_be_visible()
    await in_sight(desk, *CALL, ".controls [data-action=hangup]")
    await nothing_sideways(desk)
    last = desk.page.locator(".deals .more, .others .line").last
    await last.evaluate("line => line.scrollIntoView({block: 'nearest'})")
    await expect(last).to_be_visible()
    if size is NARROW:
        await desk.page.locator("[data-pane-button=story]").click()
    talks = desk.page.locator("[data-story=call]")
    await expect(talks).to_have_count(40)
    await talks.last.scroll_into_view_if_needed()
    await expect(talks.last).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("size", [pytest.param(NARROW, id="380"), pytest.param(WIDE, id="1366x768")])
async def test_each_of_five_candidates_can_be_chosen(on_stage: OnStage, size: dict[str, int]) -> None:
    stage, desk = await on_stage(viewport=size)
    names = ("Инна Полозова", "Мастерская «Еловый бор»", "Ксения Полозова", "Александр Задунайский", "ООО «Кедр»")
    people = [{"customer": customer(id=f"k-{n}", name=name), "deals": [deal()]} for n, name in enumerate(names)]
    ringing = await stage.answer(await stage.ring(ambiguous_call(candidates=people)))
    await expect(desk.card_of(ringing["id"], "talking")).to_be_visible()
    await expect(desk.page.locator("[data-candidate-id]")).to_have_count(5)
    for n in range(5):
        await desk.page.locator(f"[data-candidate-id=k-{n}] .choose button").focus()
        await in_sight(desk, f"[data-candidate-id=k-{n}] .choose button")
    await nothing_sideways(desk)


async def in_full(place: Locator) -> bool:
    """Whether nothing of this element's text is cut off."""
    fits: bool = await place.evaluate("at => at.scrollWidth <= at.clientWidth")
    return fits


async def look(place: Locator, style: str) -> str:
    """How the browser draws this."""
    drawn: str = await place.evaluate("(at, style) => getComputedStyle(at)[style]", style)
    return drawn


async def moving(desk: DeskPage) -> list[str]:
    """What is in motion."""
    names: list[str] = await desk.page.evaluate(
        "document.getAnimations().filter(one => one.playState === 'running').map(one => one.animationName ?? 'other')"
    )
    return names
