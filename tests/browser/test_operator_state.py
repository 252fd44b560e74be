"""An operator's state on his page is what Asterisk's queues do with him: asked for, confirmed, changed by others."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Locator, expect
from promises.cable import Cable
from promises.scene import PASSWORD, PHONE_OF, SALES
from promises.screens import incoming, pick_up

from browser.conftest import OpenPage
from browser.desk_page import DeskPage
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk
from demo.sip import Behaviour, Phones

RINGS = Behaviour(answer_after=None)
OPERATOR, COLLEAGUE = "op3", "op4"
EXTENSION = PHONE_OF[OPERATOR]
PHONE = f"PJSIP/{EXTENSION}"
QUEUES = ("sales", "production")
WITHIN_MS = 30_000


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def ready_again(asterisk: AsteriskInstance, bridge: Bridge) -> AsyncIterator[None]:
    """He is a member of two queues and ready, before and after."""
    await asterisk.add_member("production", PHONE)
    await set_ready(bridge)
    yield
    if not bridge.running:
        await bridge.start()
    await set_ready(bridge)


async def set_ready(bridge: Bridge) -> None:
    """Whatever a test left, both are ready."""
    for operator in (OPERATOR, COLLEAGUE):
        async with Desk(operator, bridge.page_url, PASSWORD) as desk:
            assert (await desk.command("state.set", state="ready"))["ok"]


async def pauses(asterisk: AsteriskInstance) -> dict[str, tuple[bool, str]]:
    """By queue: whether Asterisk has the operator paused there, and why."""
    since = asterisk.lab.mark()
    await asterisk.lab.action("QueueStatus", Member=PHONE)
    await asterisk.lab.event("QueueStatusComplete", since=since)
    members = asterisk.lab.events("QueueMember", since=since, Location=PHONE)
    return {one["Queue"]: (one["Paused"] == "1", one["PausedReason"]) for one in members}


def state(desk: DeskPage, id_: str, *, confirmed: bool = True) -> Locator:
    """The state on top of the page, when it is this one."""
    return desk.page.locator(f"[data-field=my-state][data-state={id_}][data-confirmed={str(confirmed).lower()}]")


async def shows(desk: DeskPage, id_: str) -> None:
    """Wait until the page shows this state and says that Asterisk has confirmed it."""
    await expect(state(desk, id_)).to_be_visible(timeout=WITHIN_MS)


async def test_one_key_leaves_in_all_queues_and_the_same_key_comes_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(OPERATOR)
    await shows(desk, "ready")
    await expect(desk.page.locator("#turn-state")).to_have_text("ПерерывF10")
    await desk.page.keyboard.press("F10")
    await shows(desk, "break")
    assert await pauses(asterisk) == dict.fromkeys(QUEUES, (True, "break"))
    await expect(desk.page.locator("#turn-state")).to_have_text("ГотовF10")
    await desk.page.keyboard.press("F10")
    await shows(desk, "ready")
    assert {paused for paused, _ in (await pauses(asterisk)).values()} == {False}


async def test_every_state_can_be_chosen_with_keys_alone(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(OPERATOR)
    await shows(desk, "ready")
    keyboard = desk.page.keyboard
    await keyboard.press("Alt+s")
    picker = desk.page.get_by_role("dialog", name="Моё состояние")
    await expect(picker).to_be_focused()
    await expect(picker.locator("[data-choose-state]")).to_have_count(6)
    await expect(picker.locator("[data-choose-state=wrap_up]")).to_have_count(0)
    for _ in range(5):  # closed, ready, paperwork, break, lunch
        await keyboard.press("Tab")
    await expect(picker.locator("[data-choose-state=lunch]")).to_be_focused()
    await keyboard.press("Enter")
    await shows(desk, "lunch")
    await expect(picker).to_have_count(0)
    await expect(desk.page.locator("#open-states")).to_contain_text("звонки не идут к вам")
    assert await pauses(asterisk) == dict.fromkeys(QUEUES, (True, "lunch"))


async def test_two_pages_of_one_operator_show_the_same_and_colleagues_see_it(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk, second, colleague = await at_page(OPERATOR), await at_page(OPERATOR), await at_page(COLLEAGUE)
    await shows(second, "ready")
    await desk.page.locator("#turn-state").click()
    await shows(desk, "break")
    await shows(second, "break")
    assert await pauses(asterisk) == dict.fromkeys(QUEUES, (True, "break"))
    mate = colleague.page.locator(f"[data-operator={OPERATOR}]")
    await expect(mate).to_have_attribute("data-mate-desk", "break", timeout=WITHIN_MS)
    await expect(mate).to_contain_text("Перерыв")
    await second.page.locator("#turn-state").click()
    await shows(desk, "ready")
    assert {paused for paused, _ in (await pauses(asterisk)).values()} == {False}


async def test_during_a_talk_what_is_asked_for_comes_after_it(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    await asterisk.remove_member("sales", f"PJSIP/{PHONE_OF[COLLEAGUE]}")
    desk = await at_page(OPERATOR)
    async with Phones(asterisk, {EXTENSION: RINGS}) as phones, incoming(asterisk, SALES) as caller:
        await pick_up(phones[EXTENSION])
        await expect(desk.card_of(caller.call_id, "talking")).to_be_visible(timeout=WITHIN_MS)
        await desk.page.locator("#open-states").click()
        await desk.page.locator("[data-choose-state=lunch]").click()
        await expect(desk.page.locator("#open-states")).to_contain_text("после разговора: Обед", timeout=WITHIN_MS)
        await expect(desk.card_of(caller.call_id, "talking")).to_be_visible()
    await shows(desk, "lunch")
    assert await pauses(asterisk) == dict.fromkeys(QUEUES, (True, "lunch"))


async def test_a_pause_at_the_pbx_and_a_supervisor_are_told_apart_from_his_own_doing(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(OPERATOR)
    await shows(desk, "ready")
    await asterisk.lab.action("QueuePause", Interface=PHONE, Queue="sales", Paused="true", Reason="x")
    remark = desk.page.locator("[data-field=my-state][data-remark=elsewhere_paused]")
    await expect(remark).to_be_visible(timeout=WITHIN_MS)
    await expect(remark).to_contain_text("на АТС вам поставили паузу")
    await desk.page.locator("#open-states").click()
    await desk.page.locator("[data-choose-state=ready]").click()
    await shows(desk, "ready")
    assert {paused for paused, _ in (await pauses(asterisk)).values()} == {False}


async def test_a_supervisor_sets_the_state_of_another_on_his_page_and_the_other_sees_who_did(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    supervisor = "head"
    command = ("operators", "add", supervisor, "--name", "Инга Полевая", "--phone", "PJSIP/198", "--role", "supervisor")
    code, _, complaint = await bridge.run(*command, "--password-stdin", answer=PASSWORD)
    assert code == 0, complaint
    try:
        desk, head = await at_page(OPERATOR), await at_page(supervisor)
        await shows(desk, "ready")
        mate = head.page.locator(f"[data-operator={OPERATOR}]")
        await mate.locator(".mate-open").click()
        await head.page.locator("[data-choose-state=training]").click()
        await shows(desk, "training")
        await expect(desk.page.locator("#open-states")).to_contain_text(
            "меняли за вас: Инга Полевая", timeout=WITHIN_MS
        )
        await expect(mate).to_have_attribute("data-mate-desk", "training", timeout=WITHIN_MS)
        assert await pauses(asterisk) == dict.fromkeys(QUEUES, (True, "training"))
    finally:
        await bridge.run("operators", "remove", supervisor)


async def test_a_phone_that_is_not_there_is_said_and_its_return_too(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(OPERATOR)
    await shows(desk, "ready")
    unreachable = desk.page.locator("[data-field=my-state][data-remark=unreachable]")
    file = asterisk.workdir / "etc" / "pjsip.conf"
    before = file.read_text("utf-8")
    file.write_text(before.replace(f"contact = sip:{EXTENSION}@", f";contact = sip:{EXTENSION}@"), "utf-8")
    try:
        await asterisk.lab.command("module reload res_pjsip.so")
        await expect(unreachable).to_contain_text("телефон не на связи с АТС", timeout=WITHIN_MS)
    finally:
        file.write_text(before, "utf-8")
        await asterisk.lab.command("module reload res_pjsip.so")
    await asterisk.lab.command("module reload app_queue.so")
    await expect(unreachable).to_have_count(0, timeout=WITHIN_MS)


async def test_who_is_signed_off_sees_one_button_and_begins_with_it(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(OPERATOR)
    await desk.page.locator("#open-states").click()
    await desk.page.locator("[data-choose-state=signed_off]").click()
    await shows(desk, "signed_off")
    assert await pauses(asterisk) == dict.fromkeys(QUEUES, (True, "signed_off"))
    await expect(desk.page.locator("main h1, main strong").first).to_have_text("Вы не на смене")
    await desk.page.locator("#start-work").click()
    await shows(desk, "ready")
    assert {paused for paused, _ in (await pauses(asterisk)).values()} == {False}
    await expect(desk.page.locator("article.call[data-state=idle]")).to_be_visible()


async def test_a_state_asked_for_without_a_line_is_set_once_the_line_is_back(
    asterisk: AsteriskInstance, bridge: Bridge, cable: Cable, at_page: OpenPage
) -> None:
    desk = await at_page(OPERATOR)
    await shows(desk, "ready")
    await cable.cut()
    await expect(desk.page.locator("#desk[data-connection=lost]")).to_be_visible(timeout=WITHIN_MS)
    await expect(state(desk, "ready", confirmed=False)).to_be_visible()
    await desk.page.keyboard.press("F10")
    await cable.mend()
    await shows(desk, "break")
    assert await pauses(asterisk) == dict.fromkeys(QUEUES, (True, "break"))


async def test_a_bridge_that_was_killed_knows_the_state_again(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(OPERATOR)
    await desk.page.keyboard.press("F10")
    await shows(desk, "break")
    await bridge.kill()
    await expect(desk.page.locator("#desk[data-connection=lost]")).to_be_visible(timeout=WITHIN_MS)
    await bridge.start()
    await shows(desk, "break")
    assert await pauses(asterisk) == dict.fromkeys(QUEUES, (True, "break"))
