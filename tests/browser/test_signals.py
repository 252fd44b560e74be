"""Tone and desktop notification: only when wanted and allowed, for as long as it rings, in one tab."""

import asyncio

import pytest
from playwright.async_api import Page, Route, expect

from browser.conftest import OnStage
from browser.desk_page import DeskPage
from browser.people import ambiguous_call, call, production_call
from browser.stage import Stage

_WATCH_TONES = """
window.__tones = [];
window.AudioContext = class extends AudioContext {
  constructor() { super(); window.__tones.push(this); }
  createBufferSource() { return this.__source = super.createBufferSource(); }
};
"""
_WATCH_NOTICES = """
window.__notices = [];
window.__asked = 0;
{
  const Real = Notification;
  window.Notification = class {
    static get permission() { return Real.permission; }
    static requestPermission() { window.__asked += 1; return Real.requestPermission(); }
    constructor(title, options) { Object.assign(this, {title, closed: false}, options); window.__notices.push(this); }
    close() { this.closed = true; this.onclose?.(); }
  };
}
"""
"""Chromium's own permissions, but what is shown is only noted."""
_UNTOUCHED = """
let touched = false;
addEventListener('pointerdown', () => { touched = true; }, true);
Object.defineProperty(navigator, 'userActivation', {value: {get hasBeenActive() { return touched; }}});
"""
"""A script of the test counts as a touch for Chromium; here only a real one does."""
_PLAYING = "window.__tones.filter(each => each.state !== 'closed').map(each => each.__source.loop ? 'ring' : 'once')"


async def switch_on(desk: DeskPage, name: str) -> None:
    """Flip a switch of the settings."""
    await desk.page.locator("#open-settings").click()
    await desk.page.locator(f"#switch-{name}").click()
    await expect(desk.page.locator(f"#switch-{name}")).to_have_attribute("aria-checked", "true")
    await desk.page.keyboard.press("Escape")


async def plays(page: Page, *tones: str) -> None:
    """Wait until exactly these tones sound: `ring` again and again, or `once`."""
    await page.wait_for_function(f"wanted => JSON.stringify({_PLAYING}) === JSON.stringify(wanted)", arg=list(tones))


async def notices(page: Page, *, closed: bool = False) -> list[tuple[str, str]]:
    """Title and text of the notifications that stand, or of those that were taken down."""
    found = await page.evaluate(
        "closed => window.__notices.filter(each => each.closed === closed).map(each => [each.title, each.body])", closed
    )
    return [(title, body) for title, body in found]


async def notice_stands(page: Page, count: int = 1) -> None:
    """Wait until so many notifications stand."""
    await page.wait_for_function("n => window.__notices.filter(each => !each.closed).length === n", arg=count)


async def test_nothing_sounds_and_nothing_is_asked_unless_somebody_wants_it(on_stage: OnStage) -> None:
    stage, desk = await on_stage(init_scripts=[_WATCH_TONES, _WATCH_NOTICES], permissions=["notifications"])
    ringing = await stage.ring(call())
    await expect(desk.card_of(ringing["id"], "ringing")).to_be_visible()
    assert await desk.page.evaluate("[window.__tones.length, window.__notices.length, window.__asked]") == [0, 0, 0]


@pytest.mark.parametrize("ending", ["answer", "withdraw", "cut"])
async def test_the_tone_sounds_while_the_phone_rings(on_stage: OnStage, ending: str) -> None:
    stage, desk = await on_stage(init_scripts=[_WATCH_TONES])
    await switch_on(desk, "sound")
    await plays(desk.page)
    ringing = await stage.ring(call())
    await plays(desk.page, "ring")
    assert await desk.page.evaluate("window.__tones[0].state") == "running"
    if ending == "answer":
        await stage.answer(ringing)
    elif ending == "withdraw":
        await stage.withdraw(ringing)
    else:
        await stage.cut()
    await plays(desk.page)


async def test_a_machine_that_cannot_sound_shows_the_card_all_the_same(on_stage: OnStage) -> None:
    dumb = "window.AudioContext = class { constructor() { throw new DOMException('no device', 'NotSupportedError'); } }"
    stage, desk = await on_stage(init_scripts=[dumb])
    await switch_on(desk, "sound")
    ringing = await stage.ring(call())
    await expect(desk.card_of(ringing["id"], "ringing")).to_be_visible()
    await desk.page.locator("#open-settings").click()
    await expect(desk.page.locator("#about-sound")).to_have_text("Этот браузер не умеет подавать звук.")
    await expect(desk.page.locator("#switch-sound")).to_be_disabled()


async def test_during_a_talk_another_call_only_knocks(on_stage: OnStage) -> None:
    stage, desk = await on_stage(init_scripts=[_WATCH_TONES])
    await switch_on(desk, "sound")
    await stage.answer(await stage.ring(production_call()))
    await plays(desk.page)
    before = await desk.page.evaluate("window.__tones.length")
    await stage.ring(call())
    await desk.page.wait_for_function("n => window.__tones.length === n", arg=before + 1)
    assert await desk.page.evaluate("window.__tones.at(-1).__source.loop") is False
    await plays(desk.page)


async def test_the_sound_can_be_tried_and_is_remembered(on_stage: OnStage) -> None:
    stage, desk = await on_stage(init_scripts=[_WATCH_TONES])
    await desk.page.locator("#open-settings").click()
    await desk.page.locator("#test-sound").click()
    await desk.page.wait_for_function("window.__tones.length === 1")
    await plays(desk.page)  # it ends by itself
    await desk.page.locator("#switch-sound").click()
    await desk.page.reload()
    await desk.is_at_desk()
    await stage.ring(call())
    await plays(desk.page, "ring")


async def test_sound_that_the_browser_still_holds_back_is_said_and_comes_with_the_first_click(
    on_stage: OnStage,
) -> None:
    kept = """localStorage['cti-bridge.page'] = '{"sound": true}'"""
    stage, desk = await on_stage(init_scripts=[kept, _UNTOUCHED, _WATCH_TONES])
    await stage.ring(call())
    waits = desk.page.get_by_role("button", name="Звук ждёт щелчка")
    await expect(waits).to_be_visible()
    assert await desk.page.evaluate("window.__tones.length") == 0
    await waits.click()
    await plays(desk.page, "ring")
    await expect(waits).to_have_count(0)


async def test_permission_is_asked_on_a_click_and_a_refusal_is_explained(on_stage: OnStage) -> None:
    stage, desk = await on_stage(init_scripts=[_WATCH_NOTICES])
    devtools = await desk.context.new_cdp_session(desk.page)
    refuse = {"permission": {"name": "notifications"}, "setting": "denied", "origin": stage.url.rstrip("/")}
    await devtools.send("Browser.setPermission", refuse)
    await desk.page.locator("#open-settings").click()
    assert await desk.page.evaluate("window.__asked") == 0
    switch = desk.page.locator("#switch-notices")
    await switch.click()
    await desk.page.wait_for_function("window.__asked === 1")
    await expect(switch).to_have_attribute("aria-checked", "false")
    await expect(desk.page.locator("#about-notices")).to_contain_text("Браузер запретил уведомления")
    await stage.ring(call())
    await expect(desk.value("name")).to_be_visible()
    assert await notices(desk.page) == []


@pytest.mark.parametrize("problem", ["silent", "refuses"])
async def test_signing_out_is_seen_and_heard_at_once_and_unheard_by_the_bridge_it_is_said(
    on_stage: OnStage, problem: str
) -> None:
    stage, desk = await on_stage(init_scripts=[_WATCH_TONES])
    asked, answer = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        asked.set()
        await answer.wait()
        await (route.abort() if problem == "silent" else route.fulfill(status=503, json={}))

    await switch_on(desk, "sound")
    await stage.ring(call())
    await plays(desk.page, "ring")
    await desk.page.route("**/api/v1/session", late)
    await desk.page.locator("#sign-out").click()
    await asked.wait()
    await expect(desk.page.locator("#sign-in button[type=submit]")).to_be_disabled()
    await plays(desk.page)
    await desk.shows_nothing_of("Соколова", "Ланская")
    answer.set()
    await expect(desk.page.locator("#sign-in-problem")).to_contain_text("выход не засчитан")
    await expect(desk.page.locator("#sign-in button[type=submit]")).to_be_enabled()


async def on_with_notices(on_stage: OnStage) -> tuple[Stage, DeskPage]:
    stage, desk = await on_stage(init_scripts=[_WATCH_NOTICES], permissions=["notifications"])
    await switch_on(desk, "notices")
    return stage, desk


@pytest.mark.parametrize("ending", ["answer", "withdraw", "sign out"])
async def test_the_notification_says_what_the_card_says_and_goes_with_the_ringing(
    on_stage: OnStage, ending: str
) -> None:
    stage, desk = await on_with_notices(on_stage)
    ringing = await stage.ring(call())
    await notice_stands(desk.page)
    assert await notices(desk.page) == [("Звонит Мария Соколова", "Продажи. Сделка на стадии «ждёт оплату»")]
    if ending == "answer":
        await stage.answer(ringing)
    elif ending == "withdraw":
        await stage.withdraw(ringing)
    else:
        await desk.page.locator("#sign-out").click()
    await notice_stands(desk.page, 0)
    assert len(await notices(desk.page, closed=True)) == 1


async def test_an_ambiguous_number_names_nobody_in_the_notification(on_stage: OnStage) -> None:
    stage, desk = await on_with_notices(on_stage)
    await stage.ring(ambiguous_call())
    await notice_stands(desk.page)
    [(title, body)] = await notices(desk.page)
    assert title == "Звонит +7 495 000-02-04"
    assert "Полозова" not in body


async def test_who_wishes_has_only_incoming_call_in_it(on_stage: OnStage) -> None:
    stage, desk = await on_with_notices(on_stage)
    await desk.page.locator("#open-settings").click()
    await desk.page.locator("input[name=named][value=false]").check()
    await stage.ring(call())
    await notice_stands(desk.page)
    assert await notices(desk.page) == [("Входящий звонок", "Карточка — на странице оператора")]


async def test_a_click_leads_to_the_call_and_what_was_waved_away_stays_away(on_stage: OnStage) -> None:
    stage, desk = await on_with_notices(on_stage)
    await stage.answer(await stage.ring(production_call()))
    second = await stage.ring(call())
    await notice_stands(desk.page)
    await expect(desk.value("name")).to_have_text("Ильдар Хасанов")
    await desk.page.evaluate("window.__notices.find(each => !each.closed).onclick()")
    await expect(desk.value("name")).to_have_text("Мария Соколова")
    await notice_stands(desk.page, 0)
    shown_so_far = len(await notices(desk.page, closed=True))
    await stage.say("call.updated", second | {"notes": []})
    await expect(desk.page.locator("[data-story=note]")).to_have_count(0)
    assert len(await notices(desk.page, closed=True)) == shown_so_far


async def test_of_several_tabs_one_signals_and_the_next_takes_over_when_it_is_closed(on_stage: OnStage) -> None:
    stage, desk = await on_stage(init_scripts=[_WATCH_NOTICES, _WATCH_TONES], permissions=["notifications"])
    await switch_on(desk, "notices")
    await switch_on(desk, "sound")
    twin = await desk.context.new_page()
    await twin.goto(stage.url)
    await expect(twin.locator("#desk[data-connection=live]")).to_be_visible()
    await twin.locator("#open-settings").click()
    ringing = await stage.ring(call())
    await notice_stands(desk.page)
    await plays(desk.page, "ring")
    await expect(twin.locator(f'[data-call-id="{ringing["id"]}"]')).to_be_visible()
    assert await notices(twin) == []
    assert await twin.evaluate("window.__tones.length") == 0
    await stage.withdraw(ringing)
    await notice_stands(desk.page, 0)
    await expect(twin.locator('[data-field="gone"]')).to_be_visible()
    assert await twin.evaluate("window.__notices.length + window.__tones.length") == 0
    await desk.page.goto("about:blank")
    await stage.ring(call())
    await notice_stands(twin)
    await plays(twin, "ring")


async def test_switching_off_silences_at_once(on_stage: OnStage) -> None:
    stage, desk = await on_stage(init_scripts=[_WATCH_NOTICES, _WATCH_TONES], permissions=["notifications"])
    await switch_on(desk, "notices")
    await switch_on(desk, "sound")
    await stage.ring(call())
    await notice_stands(desk.page)
    await plays(desk.page, "ring")
    await desk.page.locator("#open-settings").click()
    await desk.page.locator("#switch-sound").click()
    await plays(desk.page)
    await desk.page.locator("#switch-notices").click()
    await notice_stands(desk.page, 0)
