"""The frame: all that matters in sight at every width, whatever people are called, and nothing jumps."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from browser.conftest import OnStage
from browser.desk_page import DeskPage
from browser.people import TEAM, ambiguous_call, call, caller, customer, deal, moment, production_call

NARROW = {"width": 380, "height": 768}
WIDE = {"width": 1366, "height": 768}
SIZES = [pytest.param(NARROW, id="380"), pytest.param(WIDE, id="1366x768")]

LONG = {
    "eighty letters": "Общество с ограниченной ответственностью «Мебельная мастерская Вязовых и сыновья»",
    "no spaces": "Длинноеназваниебезединогопробела" * 3,
    "right to left": "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd " * 8,
    "turned round": "\u202eанодоп ен, тёавызан\u202c и дальше как обычно, восемьдесят знаков без десяти",
}
_WATCH_SHIFTS = """
window.__shifts = [];
new PerformanceObserver(list => {
  for (const {value, sources} of list.getEntries()) for (const {node, previousRect: from, currentRect: to} of sources)
    window.__shifts.push([value, from.toJSON(), to.toJSON(), node?.outerHTML?.slice(0, 80) ?? '']);
}).observe({type: 'layout-shift', buffered: true});
"""
_PAINTED = "new Promise(then => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(then, 0))))"


async def nothing_sideways(desk: DeskPage) -> None:
    """Assert that neither the page nor the middle scrolls from side to side."""
    wider = await desk.page.evaluate(
        "[document.documentElement, document.body, ...document.querySelectorAll('main, aside, .side, .sheet')]"
        ".map(each => each.scrollWidth - each.clientWidth)"
    )
    assert max(wider) <= 0


async def in_sight(desk: DeskPage, *selectors: str) -> None:
    """Assert that these are whole on the screen without scrolling, and that nothing lies over them."""
    for selector in selectors:
        part = desk.page.locator(selector).first
        await expect(part).to_be_in_viewport(ratio=1)
        on_top = await part.evaluate(
            """part => { const box = part.getBoundingClientRect();
                 const top = document.elementFromPoint(box.left + Math.min(8, box.width / 2), box.top + box.height / 2);
                 return top !== null && (part.contains(top) || top.contains(part)); }"""
        )
        assert on_top, f"something lies over {selector}"


@pytest.mark.parametrize("size", SIZES)
async def test_name_number_reason_and_stage_are_in_sight_without_scrolling(
    on_stage: OnStage, size: dict[str, int]
) -> None:
    stage, desk = await on_stage(viewport=size)
    talk = await stage.answer(await stage.ring(production_call()))
    await stage.ring(call())
    await expect(desk.page.locator("[data-other-call]")).to_be_visible()
    await desk.page.keyboard.press("F2")
    await expect(desk.value("name")).to_have_text("Мария Соколова")
    fields = [f'.now [data-field="{name}"]' for name in ("class", "why", "timer", "name", "number", "line")]
    await in_sight(desk, *fields, ".deal.main h2", ".deal.main [data-field=stage]", ".other")
    await nothing_sideways(desk)
    await desk.page.keyboard.press("F2")
    await expect(desk.card_of(talk["id"], "talking")).to_be_visible()
    await in_sight(desk, *fields[:5], ".deal.main [data-field=stage]")


@pytest.mark.parametrize("size", SIZES)
async def test_an_ambiguous_call_and_an_open_panel_keep_the_caller_in_sight(
    on_stage: OnStage, size: dict[str, int]
) -> None:
    stage, desk = await on_stage(viewport=size)
    await stage.ring(ambiguous_call())
    await desk.page.locator("#open-settings").click()
    await in_sight(desk, *(f'.now [data-field="{name}"]' for name in ("class", "why", "name", "hint")), "#panel-title")
    await nothing_sideways(desk)
    await desk.page.keyboard.press("Escape")
    await in_sight(desk, "[data-candidate-id] h3")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
async def test_long_texts_stay_in_their_places(
    on_stage: OnStage, tmp_path: Path, size: dict[str, int], text: str
) -> None:
    stage, desk = await on_stage(viewport=size)
    stage.operator["name"] = text
    stage.team = [mate | {"name": text} for mate in TEAM]
    await desk.page.reload()
    await stage.ring(
        call(
            caller=caller(name=text),
            rule=text,
            customer=customer(
                name=text, city=text, segment=text, email=text, responsible={"crm_user": "x", "name": text}
            ),
            deals=[deal(title=text, stage_name=text, responsible=text[::-1]), deal(id="s-9", title=text, main=False)],
            line={"did": "", "name": text, "channel": text, "city": text[1:], "direction": text[2:]},
        )
    )
    await expect(desk.value("name")).to_be_visible()
    await desk.page.screenshot(path=tmp_path / "long.png")
    await nothing_sideways(desk)
    await in_sight(desk, '.now [data-field="timer"]', '.now [data-field="state"]', "#open-settings", "#sign-out")
    for name in ("name", "number", "class"):
        await expect(desk.value(name)).to_be_in_viewport()
    await expect(desk.page.locator(".deal.main .sum")).to_be_in_viewport(ratio=1)


async def test_a_call_comes_to_the_front_of_a_narrow_page_and_during_a_talk_is_said_on_its_tab(
    on_stage: OnStage,
) -> None:
    stage, desk = await on_stage(viewport=NARROW)
    team, tab = desk.page.locator("[data-pane-button=team]"), desk.page.locator("[data-pane-button=now]")
    await team.click()
    ringing = await stage.ring(call())
    await expect(desk.card_of(ringing["id"], "ringing")).to_be_visible()
    await stage.answer(ringing)
    await expect(desk.card_of(ringing["id"], "talking")).to_be_visible()
    await team.click()
    await expect(tab).to_have_attribute("data-rings", "false")
    await stage.ring(production_call())
    await expect(tab).to_have_attribute("data-rings", "true")
    await expect(desk.page.locator("#pane-team")).to_be_visible()
    await in_sight(desk, "[data-pane-button=now] .icon")


async def test_a_narrow_page_names_every_source_when_all_are_unwell(on_stage: OnStage) -> None:
    stage, desk = await on_stage(viewport=NARROW)
    for name in ("asterisk", "crm", "journal"):
        await stage.source(name, "down")
        await expect(desk.page.locator(f"[data-source={name}][data-source-state=down]")).to_be_visible()
    await in_sight(desk, *(f"[data-source={name}]" for name in ("bridge", "asterisk", "crm", "journal")))
    await nothing_sideways(desk)


@pytest.mark.parametrize("size", SIZES)
async def test_a_long_note_can_be_read_to_its_end(on_stage: OnStage, size: dict[str, int]) -> None:
    stage, desk = await on_stage(viewport=size)
    note = {"at": moment(days=1), "author": "Зоя Цветкова", "text": "Подробно и по порядку. " * 80 + "Конец"}
    await stage.ring(call(notes=[note]))
    if size is NARROW:
        await desk.page.locator("[data-pane-button=story]").click()
    text = desk.page.locator("[data-story=note] .item-text")
    await text.evaluate("each => each.scrollIntoView(false)")
    await expect(text).to_be_in_viewport()
    assert await text.evaluate("each => each.scrollHeight - each.clientHeight") <= 1
    await nothing_sideways(desk)


async def test_a_narrow_page_has_the_rest_behind_two_tabs(on_stage: OnStage) -> None:
    stage, desk = await on_stage(viewport=NARROW)
    await stage.ring(call())
    await expect(desk.page.locator("#pane-story")).to_be_hidden()
    await desk.page.locator("[data-pane-button=story]").click()
    await expect(desk.page.locator("[data-story=note]").first).to_be_visible()
    await nothing_sideways(desk)
    await desk.page.locator("[data-pane-button=team]").click()
    await expect(desk.page.locator("[data-operator=op5]")).to_be_visible()
    await nothing_sideways(desk)
    await desk.page.locator("[data-pane-button=now]").click()
    await in_sight(desk, '.now [data-field="name"]')


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_around_the_card_moves_when_a_call_comes_is_talked_and_goes(
    on_stage: OnStage, size: dict[str, int]
) -> None:
    stage, desk = await on_stage(viewport=size, init_scripts=[_WATCH_SHIFTS])
    await desk.page.evaluate(_PAINTED)
    await desk.page.evaluate("window.__shifts = []")
    ringing = await stage.ring(call(extras="pending", notes=[], history=[]))
    await expect(desk.card_of(ringing["id"], "ringing")).to_be_visible()
    card = desk.page.locator("article.call")
    place = await card.bounding_box()
    await desk.page.evaluate(_PAINTED)
    await stage.say("call.updated", call(id=ringing["id"]))
    await expect(desk.page.locator("#pane-story[data-extras=ready]")).to_be_attached()
    talk = await stage.answer(call(id=ringing["id"]))
    await expect(desk.card_of(ringing["id"], "talking")).to_be_visible()
    assert await card.bounding_box() == place
    await desk.page.evaluate(_PAINTED)
    await stage.end(talk)
    await expect(desk.card_of(ringing["id"], "ended")).to_be_visible()
    assert await card.bounding_box() == place
    await desk.page.keyboard.press("Escape")
    await expect(desk.page.locator("article.call[data-state=idle]")).to_be_visible()
    await desk.page.evaluate(_PAINTED)
    assert await desk.page.evaluate("window.__shifts") == []
