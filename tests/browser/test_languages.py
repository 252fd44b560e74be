"""The page speaks the language of whoever sits there."""

import re

import pytest
from playwright.async_api import expect

from browser.conftest import OnStage
from browser.desk_page import DeskPage
from browser.people import ambiguous_call, call, unknown_call

CYRILLIC = re.compile(r"[\u0400-\u04ff]+")
DATA = re.compile(
    "Мария|Соколова|Ольга|Ланская|Елена|Крылова|Тимур|Ахметов|Артём|Юдин|Зоя|Цветкова|Денис|Рябинин|Калуга|Тула|Инна|"
    "Ксения|Полозова|Мастерская|Еловый|бор|Реклама|в|поиске|кухни|РУ|Русский"
)
"""What people and the CRM are called is nobody's to translate."""


async def language_of(desk: DeskPage) -> str:
    code: str = await desk.page.evaluate("document.documentElement.lang")
    return code


async def test_an_operator_whose_account_is_english_sees_nothing_russian_but_names(on_stage: OnStage) -> None:
    stage, desk = await on_stage(language="en")
    seen = []
    ringing = await stage.ring(ambiguous_call())
    await expect(desk.page.locator("[data-candidate-id]")).to_have_count(3)
    seen.append(await words(desk))
    await stage.withdraw(ringing)
    await expect(desk.value("gone")).to_have_text("Артём Юдин answers it")
    seen.append(await words(desk))
    talk = await stage.answer(await stage.ring(unknown_call()))
    await expect(desk.value("why")).to_have_text("This number is not in the CRM → queue “First consultation”")
    seen.append(await words(desk))
    await stage.end(talk)
    await desk.page.locator("#open-settings").click()
    seen.append(await words(desk))
    await desk.page.keyboard.press("?")
    seen.append(await words(desk))
    for text in seen:
        said = re.sub("Детская комната|Стеллажи для склада|Верстак", "", text)
        assert [word for word in CYRILLIC.findall(said) if not DATA.fullmatch(word)] == []
    assert await language_of(desk) == "en"


async def words(desk: DeskPage) -> str:
    """All that people can read or hear on the page."""
    text: str = await desk.page.evaluate(
        """() => [document.title, document.body.innerText,
                  ...[...document.querySelectorAll('[aria-label], [title]')]
                     .flatMap(each => [each.getAttribute('aria-label'), each.getAttribute('title')]),
                  ...[...document.querySelectorAll('.unseen')].map(each => each.textContent)].join('\\n')"""
    )
    return text


async def test_the_card_in_english_has_english_figures(on_stage: OnStage) -> None:
    stage, desk = await on_stage(language="en")
    await stage.ring(call())
    await expect(desk.value("class")).to_have_text("Sales")
    await expect(desk.value("state")).to_have_text("Rings for you")
    await expect(desk.value("why")).to_contain_text("The deal is at “awaiting payment” → queue “Sales” · rule sales")
    await expect(desk.page.locator(".deal.main [data-field=amount]")).to_have_text("RUB\u00a0186,400")
    await expect(desk.page.locator(".deal.main [data-field=stage]")).to_have_text("awaiting payment · 3 days")
    assert await desk.page.title() == "☎ Мария Соколова is calling"


@pytest.mark.parametrize(
    ("locale", "language", "button"), [("ru-RU", "ru", "Войти"), ("en-US", "en", "Sign in"), ("de-DE", "ru", "Войти")]
)
async def test_before_the_sign_in_the_browser_decides(
    on_stage: OnStage, locale: str, language: str, button: str
) -> None:
    _, desk = await on_stage(signed_in=False, locale=locale)
    await expect(desk.page.locator("#sign-in button[type=submit]")).to_have_text(button)
    assert await language_of(desk) == language


async def test_the_account_decides_after_the_sign_in_until_somebody_switches(on_stage: OnStage) -> None:
    _, desk = await on_stage(signed_in=False, locale="en-GB", language="ru")
    await desk.sign_in("op3", "пароль")
    await desk.is_at_desk()
    assert await language_of(desk) == "ru"
    await desk.page.get_by_role("button", name="English").click()
    await expect(desk.page.locator("#sign-out")).to_have_text("Sign out")
    await desk.page.reload()
    await expect(desk.page.locator("#sign-out")).to_have_text("Sign out")
    await desk.page.get_by_role("button", name="Русский").click()
    await expect(desk.page.locator("#sign-out")).to_have_text("Выйти")


async def test_the_language_is_chosen_at_the_door_and_in_all_tabs(on_stage: OnStage) -> None:
    stage, desk = await on_stage(signed_in=False)
    twin = await desk.context.new_page()
    await twin.goto(stage.url)
    await desk.page.get_by_role("button", name="English").click()
    for page in (desk.page, twin):
        await expect(page.locator("#sign-in button[type=submit]")).to_have_text("Sign in")
    await expect(desk.page.locator("html")).to_have_attribute("lang", "en")


async def test_the_line_that_was_dialled_is_on_the_card(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    ringing = await stage.ring(call())
    await expect(desk.value("line")).to_have_text("Реклама в поиске · Калуга · кухни")
    await stage.withdraw(ringing)
    without = call()
    del without["line"]
    await stage.ring(without)
    await expect(desk.value("did")).to_have_text("+7 495 000-01-49")
