"""The door of the operator's page."""

from pathlib import Path

from playwright.async_api import expect
from promises.scene import PASSWORD, PRODUCTION, until
from promises.screens import WITHIN_S, incoming

from browser.conftest import OnStage, OpenPage
from browser.people import call
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Behaviour, Phones


async def test_a_wrong_password_is_said_in_words_and_the_right_one_opens(open_page: OpenPage, tmp_path: Path) -> None:
    desk = await open_page()
    await desk.page.locator("#login").wait_for()
    await desk.page.screenshot(path=tmp_path / "door.png")
    await desk.sign_in("op6", "не тот пароль")
    problem = desk.page.locator("#sign-in-problem")
    await expect(problem).to_have_text("Логин или пароль не подошли.")
    await desk.page.screenshot(path=tmp_path / "wrong.png")
    await desk.sign_in("op6", PASSWORD)
    await desk.is_at_desk()
    await expect(desk.page.locator('[data-field="operator"]')).to_have_text("Эмиль Ёлкин")
    assert await desk.page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert await desk.page.evaluate("document.cookie") == ""


async def test_who_tries_too_often_has_to_wait_and_is_told_how_long(open_page: OpenPage, tmp_path: Path) -> None:
    desk = await open_page()
    problem = desk.page.locator("#sign-in-problem")
    for _ in range(6):
        await desk.sign_in("nobody", "не тот пароль")
        await expect(problem).not_to_be_empty()
        if await problem.get_attribute("data-problem") == "too_many_attempts":
            break
    await expect(problem).to_contain_text("Слишком много попыток.")
    await expect(problem).to_contain_text("Следующая попытка через")
    await expect(desk.page.locator("#sign-in button[type=submit]")).to_be_disabled()
    await desk.page.screenshot(path=tmp_path / "blocked.png")


async def test_signing_out_empties_every_page_of_the_session(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    await asterisk.remove_member("production", "PJSIP/105")
    desk = await at_page("op6")
    twin = await desk.context.new_page()
    await twin.goto(desk.page.url)
    async with (
        Phones(asterisk, {"106": Behaviour(answer_after=None)}),
        incoming(asterisk, PRODUCTION) as caller,
    ):
        for page in (desk.page, twin):
            await expect(page.locator(f'article.call[data-call-id="{caller.call_id}"]')).to_be_visible()
        await desk.page.locator("#sign-out").click()
        for page in (desk.page, twin):
            await expect(page.locator("#sign-in")).to_be_visible()
            words = await page.evaluate("document.title + document.documentElement.outerHTML")
            assert not [word for word in ("Журавина", "000-02-02", "Гардеробная", "Ёлкин") if word in words]
        await desk.page.reload()
        await expect(desk.page.locator("#sign-in")).to_be_visible()
        await desk.page.go_back()
        await desk.shows_nothing_of("Журавина", "4950000202")


async def test_who_was_writing_when_his_session_ended_sees_one_door_and_goes_on_writing_behind_it(
    on_stage: OnStage,
) -> None:
    stage, desk = await on_stage()
    talk = await stage.answer(await stage.ring(call()))
    await desk.page.locator("#after-note").fill("Просит набросок")
    stage.signed_in = False
    await stage.cut()
    await expect(desk.page.locator("#desk[data-connection=lost]")).to_be_visible()
    stage.mend()
    await expect(desk.page.locator("#sign-in")).to_be_visible(timeout=30_000)
    await expect(desk.page.locator("main")).to_have_count(1)
    await desk.shows_nothing_of("Соколова", "набросок")
    await desk.sign_in("op3", PASSWORD)
    await desk.is_at_desk()
    await expect(desk.page.locator("main")).to_have_count(1)
    await expect(desk.card_of(talk["id"], "talking")).to_be_visible()
    await expect(desk.page.locator("#after-note")).to_have_value("Просит набросок")


async def test_a_field_in_which_he_was_writing_is_open_when_he_is_back(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    await stage.answer(await stage.ring(call()))
    await desk.page.locator("[data-edit=city] .pencil").click()
    box = desk.page.locator("[data-box=city]")
    await box.fill("Обни")
    stage.signed_in = False
    await stage.cut()
    stage.mend()
    await expect(desk.page.locator("#sign-in")).to_be_visible()
    await desk.shows_nothing_of("Соколова", "Обни")
    await desk.sign_in("op3", PASSWORD)
    await desk.is_at_desk()
    await expect(box).to_be_focused()
    await desk.page.keyboard.type("нск")
    await desk.page.keyboard.press("Enter")
    await until(lambda: stage.commands, WITHIN_S)
    assert [one["args"]["changes"] for one in stage.commands] == [{"city": "Обнинск"}]
