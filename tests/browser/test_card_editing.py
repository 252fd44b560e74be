"""What an operator writes on the card reaches the CRM, and nothing of it is lost on the way."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect
from promises.desk_scene import FIRST, SECOND
from promises.faults import readers_shut_out
from promises.scene import PHONE_OF, until
from promises.screens import WITHIN_S

from browser.conftest import OnStage, OpenPage
from browser.desk_page import DeskPage
from browser.in_hand import edit
from browser.people import ambiguous_call, call, customer, unknown_call
from browser.talks import WITHIN_MS, phones_of, talk
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge

CUSTOMER, NEWCOMER = "+74950000270", "+74950000277"
ID, SCRIPT = "k-70", "<script>alert(1)</script><img src=x onerror=alert(2)>"
TRICKS = {
    "name": f'{SCRIPT} О\'Нил "Кавычкин"',
    "email": "a@b.example\u202e; DROP TABLE customers; --",
    "city": "${SHELL(id)}, ,&|`нет`\\",
    "segment": "🦊 \u2067עברית\u2069 %s {{7*7}}",
}


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def one_seller(asterisk: AsteriskInstance) -> AsyncIterator[None]:
    """Only the first operator answers sales and new customers."""
    await asterisk.remove_member("sales", f"PJSIP/{PHONE_OF[SECOND]}")
    for operator in ("op1", "op2"):
        await asterisk.remove_member("primary-consult", f"PJSIP/{PHONE_OF[operator]}")
    await asterisk.add_member("primary-consult", f"PJSIP/{PHONE_OF[FIRST]}")
    yield


def field(desk: DeskPage, name: str, mark: str = "") -> Locator:
    """A field of the customer on the card, with this mark if one is given."""
    return desk.page.locator(f"[data-edit={name}]" + (f"[data-mark={mark}]" if mark else ""))


async def write(desk: DeskPage, name: str, value: str, key: str = "Enter") -> None:
    """Open a field with its pencil, write, and leave it with this key."""
    await field(desk, name).locator(".pencil").click()
    box = desk.page.locator(f"[data-box={name}]")
    await expect(box).to_be_focused()
    await box.fill(value)
    await box.press(key)


def of_crm(bridge: Bridge, column: str) -> Any:
    """What the CRM has in this column of the customer."""
    with closing(sqlite3.connect(bridge.data / "crm.sqlite")) as database:
        return database.execute(f"SELECT {column} FROM customers WHERE id = ?", (ID,)).fetchone()[0]


def changed_in_the_crm(bridge: Bridge, column: str, value: str) -> None:
    """Somebody else changes the customer in the CRM."""
    with closing(sqlite3.connect(bridge.data / "crm.sqlite")) as database, database:
        database.execute(f"UPDATE customers SET {column} = ? WHERE id = ?", (value, ID))


async def test_a_field_is_written_in_its_place_and_the_crm_has_it(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones, CUSTOMER):
        place = await desk.value("city").bounding_box()
        await write(desk, "city", "Череповец")
        await expect(desk.value("city")).to_have_text("Череповец")
        await expect(field(desk, "city", "saved")).to_be_visible(timeout=WITHIN_MS)
        assert of_crm(bridge, "city") == "Череповец"
        after = await desk.value("city").bounding_box()
        assert place and after and abs(place["y"] - after["y"]) < 3
        await expect(field(desk, "city").locator(".pencil")).to_be_focused()
        await write(desk, "city", "ненужное", "Escape")
        await expect(desk.value("city")).to_have_text("Череповец")
        await field(desk, "preferred_channel").locator(".pencil").click()
        await desk.page.locator("[data-box=preferred_channel]").select_option("messenger")
        await desk.page.locator("#pane-now").click(position={"x": 5, "y": 5})
        await expect(field(desk, "preferred_channel", "saved")).to_contain_text("мессенджер", timeout=WITHIN_MS)
        assert of_crm(bridge, "preferred_channel") == "messenger"
        await expect(desk.page.locator("[data-field=numbers]")).to_contain_text("+7 495 000-02-71")


@pytest.mark.parametrize("keep", ["mine", "theirs"])
async def test_what_somebody_else_changed_meanwhile_is_shown_beside_it_and_he_chooses(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, keep: str
) -> None:
    mine, theirs = f"Моя Вологда {keep}", f"Чужая Вологда {keep}"
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones, CUSTOMER):
        changed_in_the_crm(bridge, "city", theirs)
        await write(desk, "city", mine)
        conflict = desk.page.locator("[data-conflict=city]")
        await expect(conflict.locator("[data-side=mine]")).to_contain_text(mine, timeout=WITHIN_MS)
        await expect(conflict.locator("[data-side=theirs]")).to_contain_text(theirs)
        assert of_crm(bridge, "city") == theirs
        await conflict.locator(f"[data-side={keep}]").get_by_role("button").click()
        await expect(conflict).to_have_count(0, timeout=WITHIN_MS)
        expected = mine if keep == "mine" else theirs
        await expect(desk.value("city")).to_have_text(expected, timeout=WITHIN_MS)
        await until(lambda: of_crm(bridge, "city") == expected, WITHIN_S)


async def test_with_the_crm_away_it_waits_and_is_there_when_the_crm_is_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones, CUSTOMER):
        async with readers_shut_out(bridge.data / "crm.sqlite"):
            await write(desk, "email", "veronika@example.com")
            await expect(field(desk, "email", "waiting")).to_contain_text("ждёт CRM", timeout=WITHIN_MS)
            await expect(desk.value("email")).to_have_text("veronika@example.com")
            await desk.page.reload()
            await expect(field(desk, "email", "waiting")).to_contain_text("veronika@example.com", timeout=WITHIN_MS)
        await expect(field(desk, "email", "saved")).to_be_visible(timeout=90_000)
        assert of_crm(bridge, "email") == "veronika@example.com"


async def test_what_he_writes_outlives_a_cut_line_and_news_of_the_call(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, cable: Any
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones, CUSTOMER):
        await field(desk, "segment").locator(".pencil").click()
        await desk.page.locator("[data-box=segment]").fill("дизайн")
        await cable.cut()
        await expect(desk.page.locator("#desk[data-connection=lost]")).to_be_visible(timeout=WITHIN_MS)
        await desk.page.keyboard.type("ер")
        await desk.page.keyboard.press("Enter")
        await expect(field(desk, "segment", "saving")).to_contain_text("дизайнер")
        await cable.mend()
        await expect(field(desk, "segment", "saved")).to_contain_text("дизайнер", timeout=WITHIN_MS)
        assert of_crm(bridge, "segment") == "дизайнер"


async def test_somebody_new_is_written_down_with_what_he_wants(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones, NEWCOMER):
        form = desk.page.locator("[data-field=newcomer]")
        save = form.locator("[data-action=create]")
        await expect(save).to_be_disabled()
        await form.locator("[name=name]").fill("Арсений Вьюгин")
        await form.locator("[name=deal]").fill("Стол на террасу")
        await form.locator("[name=deal]").press("Enter")
        await expect(desk.value("name")).to_have_text("Арсений Вьюгин", timeout=WITHIN_MS)
        await expect(desk.page.locator(".deals")).to_contain_text("Стол на террасу", timeout=WITHIN_MS)
        code, answer, complaint = await bridge.run("crm", "lookup", NEWCOMER)
        assert code == 0, complaint
        assert "Арсений Вьюгин" in answer


async def test_hostile_texts_in_every_field_are_text_here_and_in_the_crm(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones, CUSTOMER):
        for name, text in TRICKS.items():
            await write(desk, name, text)
            await expect(field(desk, name).locator("[data-mark=saved], [data-mark=refused]")).to_be_visible(
                timeout=WITHIN_MS
            )
            assert await field(desk, name).locator("script, img").count() == 0
        assert of_crm(bridge, "name") == TRICKS["name"]
        assert "\u202e" not in await desk.page.title()
    changed_in_the_crm(bridge, "name", "Вероника Снегирёва")


async def test_which_of_several_customers_it_is_he_says_once_he_has_picked_up(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    ringing = await stage.ring(ambiguous_call())
    choose = desk.page.locator("[data-candidate-id=k-05] [data-action=choose]")
    await expect(choose).to_have_attribute("aria-disabled", "true")
    await expect(choose).to_have_attribute("title", "Телефон ещё звонит: сначала снимите трубку")
    await choose.dispatch_event("click")
    await stage.answer(ringing)
    await expect(choose).to_have_attribute("aria-disabled", "false")
    stage.silent.add("card.choose")
    await choose.click()
    await expect(choose).to_contain_text("Выбираем…")
    await until(lambda: stage.commands, WITHIN_S)
    assert [(one["name"], one["args"]["customer"]) for one in stage.commands] == [("card.choose", "k-05")]
    other = desk.page.locator("[data-candidate-id=k-04] [data-action=choose]")
    await expect(other).to_have_attribute("aria-disabled", "true")
    await stage.say("call.updated", stage.calls[ringing["id"]] | {"chosen": True, "customer": customer(name="Лесная")})
    await expect(desk.value("name")).to_have_text("Лесная")
    await expect(desk.page.locator("[data-candidate-id]")).to_have_count(0)


async def test_what_he_writes_wins_over_news_and_a_refusal_gives_it_back(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    talking = await stage.answer(await stage.ring(call()))
    stage.refusals["card.save"] = ("not_possible", "this CRM does not let the bridge change a customer")
    await field(desk, "name").locator(".pencil").click()
    box = desk.page.locator("[data-box=name]")
    await box.fill("Мария Ветр")
    await stage.say("call.updated", talking | {"customer": customer(name="Марья")})
    await expect(desk.page.locator("article.call")).to_have_attribute("data-customer", "known")
    await expect(box).to_have_value("Мария Ветр")
    await box.press("Enter")
    refused = desk.page.locator("[data-refused=name]")
    await expect(refused).to_contain_text("Имя — не сохранено: Эта CRM такого не позволяет")
    await expect(desk.value("name")).to_have_text("Мария Ветр")
    given = [one["args"] for one in stage.commands if one["name"] == "card.save"]
    assert given[0]["seen"] == {"name": "Мария Соколова"}
    await refused.get_by_role("button", name="Как было").click()
    await expect(desk.value("name")).to_have_text("Марья")
    await expect(refused).to_have_count(0)


async def test_a_form_for_somebody_new_waits_for_the_answer_of_the_phone_and_then_for_the_crm(
    on_stage: OnStage,
) -> None:
    stage, desk = await on_stage()
    ringing = await stage.ring(unknown_call())
    name = desk.page.locator("[data-field=newcomer] [name=name]")
    await expect(name).to_be_disabled()
    talking = await stage.answer(ringing)
    await name.fill("Пётр Лугов")
    await name.press("Enter")
    made = edit("waiting", {"name": "Пётр Лугов"}, kind="create")
    await stage.say("call.updated", talking | {"edits": [made]})
    await expect(desk.page.locator("[data-field=newcomer-waiting]")).to_contain_text("Пётр Лугов")
    await stage.say("call.updated", talking | {"edits": [made | {"state": "refused", "reason": "нет прав"}]})
    await expect(desk.page.locator("[data-field=newcomer-refused]")).to_contain_text("нет прав")
    await expect(name).to_have_value("Пётр Лугов")
    found = made | {"state": "conflict", "theirs": {"customer": "k-9", "name": "Пётр Петрович"}}
    await stage.say("call.updated", talking | {"edits": [found]})
    both = desk.page.locator("[data-field=newcomer-conflict]")
    await expect(both).to_contain_text("В CRM уже кто-то есть с этим номером")
    await both.locator("[data-side=theirs]").get_by_role("button").click()
    await expect(both.locator("[data-side=theirs]")).to_contain_text("Пётр Петрович")
    settled = await until(lambda: [one for one in stage.commands if one["name"] == "card.settle"], WITHIN_S)
    assert settled[0]["args"] == {"edit": "e-1", "keep": "theirs"}


async def test_what_the_crm_did_not_get_of_earlier_calls_is_listed_until_it_is_settled(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    about = {"call": "main-1.1", "name": "Инна Полозова", "number": "+74950000204", "display": "+7 495 000-02-04"}
    open_edit = edit("refused", {"city": "Тула"}, reason="нет прав", customer="k-04", **about)
    await stage.tell_edits([open_edit])
    line = desk.page.locator("[data-open-edit=e-1]")
    for words in ("Инна Полозова", "CRM не приняла", "Тула", "нет прав"):
        await expect(line).to_contain_text(words)
    await line.get_by_role("button", name="Повторить").click()
    await expect(line.get_by_role("button", name="Повторить")).to_be_visible()
    assert (await until(lambda: stage.commands, WITHIN_S))[0]["args"] == {"edit": "e-1", "keep": "mine"}
    await stage.tell_edits([])
    await expect(line).to_have_count(0)


async def test_a_conflict_is_heard_and_chosen_with_keys(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    talking = await stage.answer(await stage.ring(call()))
    theirs = edit("conflict", {"city": "Тула"}, theirs={"city": "Орёл"})
    await stage.say("call.updated", talking | {"edits": [theirs]})
    conflict = desk.page.get_by_role("group", name="Город: в CRM тем временем изменили")
    await conflict.get_by_role("button", name="Оставить: В CRM, Орёл").focus()
    await desk.page.keyboard.press("Enter")
    await expect(conflict).to_be_visible()
    await until(lambda: stage.commands, WITHIN_S)
    assert json.dumps(stage.commands[0]["args"], sort_keys=True) == '{"edit": "e-1", "keep": "theirs"}'
