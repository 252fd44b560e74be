"""The card of a call that the operator makes: it says so, and nothing that is only true of callers."""

from pathlib import Path

from playwright.async_api import expect

from browser.conftest import OnStage
from browser.people import Json, call, caller, history, moment
from browser.test_frame import WIDE

DIALLED: Json = {
    "direction": "outbound",
    "state": "offered",
    "my_role": "talking",
    "queue": None,
    "class": "",
    "rule": "",
    "decision": "",
    "did": "",
    "line": None,
    "caller": caller(verified=False),
    "expires_at": None,
}
TRIED: Json = {
    "at": moment(hours=4), "direction": "outbound", "outcome": "abandoned", "queue": "", "operator": "Ольга Ланская",
    "wait_s": 31.0, "talk_s": None,
}  # fmt: skip


async def test_whom_an_operator_calls_he_sees_as_his_own_call_from_the_first_ring_on(
    on_stage: OnStage, tmp_path: Path
) -> None:
    stage, desk = await on_stage(viewport=WIDE)
    dialled = await stage.say("call.updated", call(**DIALLED, history=[TRIED, *history()]))
    await expect(desk.card_of(dialled["id"], "dialling")).to_be_visible()
    await expect(desk.value("class")).to_have_text("Исходящий звонок")
    await expect(desk.value("state")).to_have_text("Вызов")
    await expect(desk.value("why")).to_have_text("Сделка на стадии «ждёт оплату»")
    await expect(desk.value("name")).to_have_text("Мария Соколова")
    for doubt in ("verified", "doubt"):  # he has dialled the number himself
        await expect(desk.value(doubt)).to_have_count(0)
    tried = desk.page.locator("[data-story=call]").first
    await expect(tried).to_contain_text("Не дозвонились, 0:31")
    assert "вызов" in await desk.page.title()
    await desk.page.screenshot(path=tmp_path / "dialling.png")

    talking = dialled | {"state": "talking", "answered_at": moment(seconds=2)}
    await stage.say("call.answered", talking)
    await expect(desk.card_of(dialled["id"], "talking")).to_be_visible()
    await stage.say("call.ended", talking | {"state": "ended", "ended_at": moment()})
    await expect(desk.card_of(dialled["id"], "ended")).to_be_visible()


async def test_a_colleague_who_calls_is_no_caller_without_a_class(on_stage: OnStage) -> None:
    stage, desk = await on_stage(viewport=WIDE)
    colleague = {"number": "104", "display": "104", "kind": "internal", "name": "Артём Юдин", "verified": False}
    more: Json = {"direction": "internal", "state": "ringing", "my_role": "ringing", "customer": None, "deals": []}
    await stage.ring(call(**DIALLED | more | {"caller": colleague, "crm": {"source": "skipped", "age_s": None}}))
    await expect(desk.value("class")).to_have_text("Внутренний звонок")
    await expect(desk.value("why")).to_have_text("Внутренний номер, CRM не спрашивали → прямо к вам")
