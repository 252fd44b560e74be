"""Why a call is here: one line in the band, and all of it when it is opened."""

import pytest
from hostile_texts import OWNED, TEXTS
from playwright.async_api import expect

from browser.conftest import OnStage
from browser.people import because, call, unknown_call
from browser.test_frame import NARROW, WIDE

VIP = because(
    {"customer.segment": "vip", "call.verified": True, "schedule.office": "open"}, **{"Ольга Ланская": "not_free"}
)


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_the_line_opens_to_the_whole_reason(on_stage: OnStage, viewport: dict[str, int]) -> None:
    stage, desk = await on_stage(viewport=viewport)
    await stage.ring(call(rule="vip", why=VIP))

    await expect(desk.value("why")).to_contain_text("Сегмент: vip, номер проверен, расписание «office»: открыто")
    await expect(desk.value("passed-over")).to_have_text(" · Ольга Ланская: телефон не свободен")
    more, because_ = desk.page.get_by_role("button", name="Почему звонок здесь"), desk.value("because")
    await expect(because_).to_have_count(0)
    await more.focus()
    await desk.page.keyboard.press("Enter")

    await expect(more).to_have_attribute("aria-expanded", "true")
    await expect(because_.locator("[data-because=how]")).to_have_text("подошло правило «vip»")
    await expect(because_.locator("[data-because=crm]")).to_have_text("ответила")
    await expect(because_.locator("[data-because=first]")).to_have_text("Ольга Ланская: телефон не свободен")
    await expect(because_.locator("[data-because=decided] bdi")).to_have_count(3)
    box = await because_.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= viewport["width"]


async def test_a_call_without_a_rule_says_how_it_came(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    for made, words in (
        (unknown_call(), "ни одно правило не подошло, общий путь"),
        (
            unknown_call(rule="degraded", decision="degraded", crm={"source": "failed"}),
            "CRM не ответила, запасной путь",
        ),
        (unknown_call(rule="", decision="fallback", crm={"source": ""}), "решение не успело прийти, путь выбрала АТС"),
    ):
        await stage.ring(made)
        await expect(desk.card_of(made["id"], "ringing")).to_be_visible()
        await desk.page.locator("#more-why").click()
        await expect(desk.page.locator("[data-because=how]")).to_have_text(words)
        await stage.withdraw(made)
        await expect(desk.card_of(made["id"])).to_have_count(0)


async def test_a_call_that_an_operator_makes_has_no_reason(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    made = call(direction="outbound", my_role="talking", queue=None, rule="", decision="", why=because({}))
    await stage.say("call.updated", made | {"class": ""})
    await expect(desk.value("name")).to_be_visible()
    await expect(desk.page.locator("#more-why")).to_have_count(0)


async def test_hostile_words_in_a_reason_are_only_shown(on_stage: OnStage) -> None:
    stage, desk = await on_stage(viewport=NARROW)
    for text in TEXTS.values():
        hostile = because({text: text, f"schedule.{text}": text}, **{text: "nobody"})
        ringing = call(why=hostile)
        await stage.ring(ringing)
        await expect(desk.card_of(ringing["id"], "ringing")).to_be_visible()
        await desk.page.locator("#more-why").click()
        await expect(desk.value("because")).to_be_visible()
        assert await desk.page.evaluate(f"window.{OWNED} === undefined")
        assert await desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await desk.value("because").locator("img, script, iframe, a").count() == 0
        await stage.withdraw(ringing)
        await expect(desk.card_of(ringing["id"])).to_have_count(0)
