"""An operator whose page is gone stays, is away or signed off, as the settings say; his phone is called by that."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect
from promises.desk_scene import together
from promises.scene import OPERATORS, PASSWORD, PHONE_OF, SALES
from promises.screens import WITHIN_S, incoming, pick_up

from browser.conftest import OpenPage
from browser.desk_page import DeskPage
from browser.talks import WITHIN_MS, phones_of
from browser.test_operator_state import COLLEAGUE, OPERATOR, PHONE, QUEUES, pauses, set_ready, shows
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk

AFTER_S = 5
Json = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def as_it_was(shared_bridge: Bridge) -> AsyncIterator[Json]:
    """The settings of the bridge, which has them again after the last story."""
    settings = shared_bridge.read_settings()
    yield settings
    await shared_bridge.stop()
    shared_bridge.write_settings(settings)
    await shared_bridge.start()
    await all_are_ready(shared_bridge)


async def all_are_ready(bridge: Bridge) -> None:
    """Whose page had been open in some story before was missed as well, where these took their time."""
    for operator in OPERATORS:
        async with Desk(operator, bridge.page_url, PASSWORD) as desk:
            if desk.welcome["snapshot"]["state"]["state"] != "ready":
                assert (await desk.command("state.set", state="ready"))["ok"]


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, shared_bridge: Bridge, as_it_was: Json, then: str) -> Bridge:
    """It misses a page after the shortest time that can be set, and does what the story says; he is in two queues."""
    await asterisk.lab.set_global("CTI_AGI", shared_bridge.agi_url)
    await asterisk.add_member("production", PHONE)
    gone = {"page_gone": {"after": f"{AFTER_S}s", "then": then}}
    await shared_bridge.stop()
    shared_bridge.write_settings(as_it_was | {"operators": as_it_was["operators"] | gone})
    await shared_bridge.start()
    return shared_bridge


async def leaves(desk: DeskPage) -> None:
    """The window shows something else."""
    await desk.page.goto("about:blank")


async def is_paused(asterisk: AsteriskInstance, state: str) -> None:
    """Wait until Asterisk has him paused in all his queues for this."""
    async with asyncio.timeout(WITHIN_S):
        while await pauses(asterisk) != dict.fromkeys(QUEUES, (True, state)):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("then", "state"), [("away", "break"), ("sign_off", "signed_off")])
async def test_without_a_page_he_is_not_called_until_he_is_back_and_says_so(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, state: str
) -> None:
    desk, colleague = await at_page(OPERATOR), await at_page(COLLEAGUE)
    await set_ready(bridge)
    await shows(desk, "ready")
    address = desk.page.url
    await leaves(desk)
    await is_paused(asterisk, state)
    mate = colleague.page.locator(f"[data-operator={OPERATOR}]")
    await expect(mate).to_have_attribute("data-mate-desk", state, timeout=WITHIN_MS)
    await asterisk.remove_member("sales", f"PJSIP/{PHONE_OF[COLLEAGUE]}")
    async with phones_of(asterisk, OPERATOR) as phones, incoming(asterisk, SALES) as caller:
        await asterisk.lab.event("QueueCallerJoin", Uniqueid=caller.channel)
        await desk.page.goto(address)
        await desk.is_at_desk()
        await shows(desk, state)
        assert await pauses(asterisk) == dict.fromkeys(QUEUES, (True, state))
        assert phones[PHONE_OF[OPERATOR]].calls == 0
        await desk.page.keyboard.press("F10")
        await expect(desk.card_of(caller.call_id, "ringing")).to_be_visible(timeout=WITHIN_MS)
        await pick_up(phones[PHONE_OF[OPERATOR]])
        await together(asterisk, caller.channel, PHONE_OF[OPERATOR])
        assert {paused for paused, _ in (await pauses(asterisk)).values()} == {False}


@pytest.mark.parametrize("then", ["stay"])
async def test_who_stays_without_a_page_is_called_and_sees_the_talk_when_he_is_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(OPERATOR)
    await set_ready(bridge)
    await shows(desk, "ready")
    address = desk.page.url
    await asterisk.remove_member("sales", f"PJSIP/{PHONE_OF[COLLEAGUE]}")
    await leaves(desk)
    await asyncio.sleep(AFTER_S + 1)  # that nothing happens can only be seen once it would have
    assert {paused for paused, _ in (await pauses(asterisk)).values()} == {False}
    async with phones_of(asterisk, OPERATOR) as phones, incoming(asterisk, SALES) as caller:
        await pick_up(phones[PHONE_OF[OPERATOR]])
        await together(asterisk, caller.channel, PHONE_OF[OPERATOR])
        await desk.page.goto(address)
        await expect(desk.card_of(caller.call_id, "talking")).to_be_visible(timeout=WITHIN_MS)
        await shows(desk, "ready")
