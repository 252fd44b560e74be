"""An operator in a hurry: keys pressed twice, digits meant for what is gone, a page reloaded by mistake."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import expect

from browser import at_work
from browser.conftest import OnStage
from browser.desk_page import DeskPage
from browser.in_hand import TIMUR
from browser.people import ambiguous_call, call, unknown_call
from browser.stage import Stage
from browser.test_frame import WIDE, in_sight

CUT = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"


async def wrapping_up(stage: Stage, desk: DeskPage) -> str:
    """A talk is over and is to be written down; the id of its call."""
    ended = await stage.end(await stage.answer(await stage.ring(call())))
    await stage.put(at_work.wrap_up(ended["id"]))
    await expect(desk.page.locator("#finish")).to_be_visible()
    return str(ended["id"])


async def time_stands_still(desk: DeskPage) -> None:
    """For the page no time goes by: what the operator does next he does in one breath, however busy the machine is."""
    await desk.page.evaluate("() => { const at = performance.now(); performance.now = () => at; }")


async def some_time_later(desk: DeskPage) -> None:
    """Two seconds have gone by."""
    await desk.page.evaluate("() => { const at = performance.now() + 2000; performance.now = () => at; }")


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.02)


def given(stage: Stage, name: str) -> list[dict[str, Any]]:
    """The arguments of the commands of this name."""
    return [one["args"] for one in stage.commands if one["name"] == name]


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_no_word_of_the_row_of_controls_is_cut(on_stage: OnStage, language: str) -> None:
    stage, desk = await on_stage(viewport=WIDE, language=language)
    names = desk.page.locator(".controls .control-name")
    talk = await stage.ring(call())
    await expect(names).to_have_count(4)
    assert await names.evaluate_all(CUT) == []
    talk = await stage.answer(talk)
    for state, more in (
        ("talking", {}),
        ("held", {"state": "held"}),
        ("consulting", {"consult": {"to": TIMUR, "state": "talking"}}),
    ):
        await stage.say("call.updated", talk | more)
        await expect(desk.card_of(talk["id"], state)).to_be_visible()
        assert await names.evaluate_all(CUT) == []


async def test_whoever_has_to_choose_who_calls_sees_all_of_them_and_the_note_when_he_wants_it(
    on_stage: OnStage,
) -> None:
    stage, desk = await on_stage(viewport=WIDE)
    await stage.answer(await stage.ring(ambiguous_call()))
    await expect(desk.page.locator("[data-action=choose][aria-disabled=false]")).to_have_count(3)
    for candidate in stage.calls.values():
        for one in candidate["candidates"]:
            await in_sight(desk, f"[data-candidate-id={one['customer']['id']}] [data-action=choose]")
    await desk.page.locator("#after-unfold").click()
    await desk.page.locator("#after-note").fill("Говорит бухгалтер")
    await expect(desk.page.locator(".keeping[data-keeping=saved]")).to_be_visible()


async def test_a_colleague_whose_phone_rings_is_in_sight(on_stage: OnStage) -> None:
    _, desk = await on_stage(viewport=WIDE)
    await in_sight(desk, "[data-action=pickup]")
    await expect(desk.page.locator("[data-mate-state]").first).to_have_attribute("data-mate-state", "ringing")


async def test_digits_that_were_meant_for_a_number_become_no_outcome_when_the_caller_hangs_up(
    on_stage: OnStage,
) -> None:
    stage, desk = await on_stage()
    talk = await stage.answer(await stage.ring(call()))
    await expect(desk.page.locator(".controls [data-action=transfer][aria-disabled=false]")).to_be_visible()
    await time_stands_still(desk)
    await desk.page.keyboard.press("F4")
    await expect(desk.page.locator("#chooser-field")).to_be_focused()
    await desk.page.keyboard.type("8495")
    await stage.end(talk)
    await stage.put(at_work.wrap_up(talk["id"]))
    await expect(desk.page.locator("#finish")).to_be_visible()
    await desk.page.keyboard.press("2")
    await desk.page.keyboard.press("1")
    await expect(desk.page.locator("[data-outcome-choice] input:checked")).to_have_count(0)
    await some_time_later(desk)
    await desk.page.keyboard.press("1")
    await expect(desk.page.locator("[data-outcome-choice] input").first).to_be_checked()
    await expect(desk.page.locator(".keeping[data-keeping=saved]")).to_be_visible()
    assert len(given(stage, "after.save")) == 1


async def test_a_digit_at_the_score_is_no_outcome(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    await wrapping_up(stage, desk)
    await desk.page.locator("[data-score='4']").click()
    await desk.page.keyboard.press("1")
    await expect(desk.page.locator(".keeping[data-keeping=saved]")).to_be_visible()
    assert [one.get("outcome") for one in given(stage, "after.save")] == [None]


async def test_finishing_twice_in_a_row_does_not_begin_a_break(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    await wrapping_up(stage, desk)
    await time_stands_still(desk)
    ready = desk.page.locator("[data-field=my-state][data-kind=ready]")
    await desk.page.keyboard.press("F10")
    await stage.put(at_work.state("ready"))
    await expect(ready).to_be_visible()
    await desk.page.keyboard.press("F10")
    await some_time_later(desk)
    await desk.page.keyboard.press("F10")
    await stage.put(at_work.state("break"))
    await expect(desk.page.locator("[data-field=my-state][data-kind=away]")).to_be_visible()
    await eventually(lambda: bool(given(stage, "state.set")))
    assert given(stage, "state.set") == [{"state": "break"}]
    assert len(given(stage, "wrapup.finish")) == 1


async def test_a_page_with_words_that_are_nowhere_else_asks_before_it_is_left(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    await desk.page.reload()
    await desk.is_at_desk()
    assert desk.asked_to_stay == 0
    await stage.answer(await stage.ring(unknown_call()))
    await desk.page.locator("[data-part=name] input").click()
    await desk.page.keyboard.type("Арсений Вьюгин")
    await desk.page.reload()
    await desk.is_at_desk()
    assert desk.asked_to_stay == 1
    await desk.page.locator("#after-note").click()
    await desk.page.keyboard.type("Перезвонить после обеда")
    await desk.page.reload()
    await desk.is_at_desk()
    await expect(desk.page.locator("#after-note")).to_have_value("Перезвонить после обеда")  # saved on the way out
    assert given(stage, "after.save")[-1]["note"] == "Перезвонить после обеда"


async def test_an_enter_that_is_held_down_does_not_answer_the_question_that_it_asked(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    await desk.page.keyboard.press("F3")
    await desk.page.keyboard.type("84950000150")
    await desk.page.keyboard.down("Enter")
    await expect(desk.page.locator("[data-action=dial_yes]")).to_be_focused()
    await desk.page.keyboard.down("Enter")
    await desk.page.keyboard.up("Enter")
    await expect(desk.page.locator("[data-action=dial_yes]")).to_be_visible()
    assert given(stage, "call.dial") == []
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("[data-action=dial_yes]")).to_have_count(0)
    await eventually(lambda: bool(given(stage, "call.dial")))
    assert given(stage, "call.dial") == [{"number": "84950000150"}]


async def test_a_word_that_is_not_finished_is_not_saved_because_another_window_was_looked_at(
    on_stage: OnStage,
) -> None:
    stage, desk = await on_stage()
    await stage.answer(await stage.ring(call()))
    await desk.page.locator("[data-edit=email] .pencil").click()
    box = desk.page.locator("[data-box=email]")
    await box.fill("sokolova@")
    # What a browser tells the page when its window loses the focus: the box keeps its own.
    await box.evaluate("box => box.dispatchEvent(new FocusEvent('blur'))")
    await expect(box).to_have_value("sokolova@")
    assert given(stage, "card.save") == []
    await box.fill("sokolova@example.org")
    await desk.page.keyboard.press("Enter")
    await expect(box).to_have_count(0)
    await eventually(lambda: bool(given(stage, "card.save")))
    assert [one["changes"] for one in given(stage, "card.save")] == [{"email": "sokolova@example.org"}]
