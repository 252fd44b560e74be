"""Whom Asterisk calls follows from the states that operators choose on their pages: away, last, signed off, gone."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect
from promises.desk_scene import together
from promises.scene import OPERATORS, PHONE_OF, SALES, VIP, until
from promises.screens import WITHIN_S, Incoming, incoming, pick_up

from browser.conftest import OpenPage
from browser.desk_page import DeskPage
from browser.talks import WITHIN_MS, phones_of
from browser.test_operator_state import COLLEAGUE, OPERATOR, set_ready, shows
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge

PHONE, OTHER = PHONE_OF[OPERATOR], PHONE_OF[COLLEAGUE]
SECOND_CALLER = "+74950000266"
"""Another customer to whom an offer was sent."""
PENALTIES = {"sales": 0, "production": 2}
"""His own, by queue."""
Members = dict[str, tuple[bool, str, int]]
"""By queue: whether he is paused there, why, and his penalty."""


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def two_sellers(asterisk: AsteriskInstance, bridge: Bridge) -> AsyncIterator[None]:
    """He is a member of two queues, in one of them with a colleague; both are ready, before and after."""
    await asterisk.add_member("production", f"PJSIP/{PHONE}", penalty=PENALTIES["production"])
    await set_ready(bridge)
    yield
    await asterisk.lab.set_global("CTI_LAST_AFTER", "16")
    await set_ready(bridge)


async def member(asterisk: AsteriskInstance) -> Members:
    """What Asterisk has of him in each of his queues."""
    since = asterisk.lab.mark()
    await asterisk.lab.action("QueueStatus", Member=f"PJSIP/{PHONE}")
    await asterisk.lab.event("QueueStatusComplete", since=since)
    members = asterisk.lab.events("QueueMember", since=since, Location=f"PJSIP/{PHONE}")
    return {one["Queue"]: (one["Paused"] == "1", one["PausedReason"], int(one["Penalty"])) for one in members}


async def choose(desk: DeskPage, state: str) -> None:
    """Choose a state from the list, and wait until Asterisk has confirmed it."""
    await desk.page.locator("#open-states").click()
    await desk.page.locator(f"[data-choose-state={state}]").click()
    await shows(desk, state)


def rings(desk: DeskPage, caller: Incoming) -> Locator:
    """This caller's card while his phone rings."""
    return desk.card_of(caller.call_id, "ringing")


async def called(asterisk: AsteriskInstance, caller: Incoming, *phones: str) -> None:
    """Wait until Asterisk has called these phones for this caller, and no other."""

    def look() -> bool:
        begun = asterisk.lab.events("DialBegin", Uniqueid=caller.channel)
        return {one["DestChannel"].rpartition("-")[0].removeprefix("PJSIP/") for one in begun} == set(phones)

    await until(look, WITHIN_S)


async def test_each_state_of_the_list_is_carried_out_in_all_his_queues(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(OPERATOR)
    await shows(desk, "ready")
    for state, (paused, penalty) in _CARRIED_OUT.items():
        await choose(desk, state)
        expected = {
            queue: (paused, state if paused else "", own if penalty is None else penalty)
            for queue, own in PENALTIES.items()
        }
        assert await member(asterisk) == expected, state


_CARRIED_OUT: dict[str, tuple[bool, int | None]] = {
    "break": (True, None),
    "paperwork": (False, 10),
    "lunch": (True, None),
    "training": (True, None),
    "ready": (False, None),
    "signed_off": (True, None),
}
"""By state: whether Asterisk has him paused, and the penalty if it is not his own."""


async def test_who_is_last_has_a_caller_only_when_nobody_else_is_free(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    last, other = await at_page(OPERATOR), await at_page(COLLEAGUE)
    # However long the others let it ring: that is the next story.
    await asterisk.lab.set_global("CTI_LAST_AFTER", "120")
    await choose(last, "paperwork")
    async with phones_of(asterisk, OPERATOR, COLLEAGUE) as phones:
        async with incoming(asterisk, SALES) as first:  # in turn, the next one would be his
            await expect(rings(other, first)).to_be_visible(timeout=WITHIN_MS)
        async with incoming(asterisk, SALES) as first:
            await expect(rings(other, first)).to_be_visible(timeout=WITHIN_MS)
            await pick_up(phones[OTHER])
            await together(asterisk, first.channel, OTHER)
            await expect(other.card_of(first.call_id, "talking")).to_be_visible(timeout=WITHIN_MS)
            await called(asterisk, first, OTHER)
            await last.shows_nothing_of("Ракитин", "4950000201", but_to_do=True)
            async with incoming(asterisk, SECOND_CALLER) as second:
                await expect(rings(last, second)).to_be_visible(timeout=WITHIN_MS)
                await expect(last.value("queue")).to_have_text("очередь «Продажи»")
                await pick_up(phones[PHONE])
                await together(asterisk, second.channel, PHONE)
                await expect(last.card_of(second.call_id, "talking")).to_be_visible(timeout=WITHIN_MS)
                await called(asterisk, second, PHONE)
                await other.shows_nothing_of("Кавычкин", "4950000266", but_to_do=True)
    await choose(last, "ready")
    assert {queue: penalty for queue, (_, _, penalty) in (await member(asterisk)).items()} == PENALTIES


async def test_who_is_last_has_the_caller_whom_the_others_let_ring(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    last, other = await at_page(OPERATOR), await at_page(COLLEAGUE)
    await asterisk.lab.set_global("CTI_LAST_AFTER", "5")
    await choose(last, "paperwork")
    async with phones_of(asterisk, OPERATOR, COLLEAGUE) as phones, incoming(asterisk, SALES) as caller:
        await expect(rings(other, caller)).to_be_visible(timeout=WITHIN_MS)
        await expect(rings(last, caller)).to_be_visible(timeout=WITHIN_MS)
        await called(asterisk, caller, OTHER, PHONE)
        await pick_up(phones[PHONE])
        await together(asterisk, caller.channel, PHONE)
        await expect(last.card_of(caller.call_id, "talking")).to_be_visible(timeout=WITHIN_MS)
        await expect(rings(other, caller)).to_have_count(0)
        assert len(asterisk.lab.events("QueueCallerJoin", Uniqueid=caller.channel)) >= 2


async def test_whose_own_operator_is_away_is_called_for_by_his_queue(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    own, other = await at_page(COLLEAGUE), await at_page(OPERATOR)
    await choose(own, "lunch")
    async with phones_of(asterisk, OPERATOR, COLLEAGUE):
        async with incoming(asterisk, VIP) as caller:
            await expect(rings(other, caller)).to_be_visible(timeout=WITHIN_MS)
            await expect(other.value("queue")).to_have_text("очередь «Продажи»")
            await expect(other.value("passed-over")).to_have_text(f" · {OPERATORS[COLLEAGUE]}: телефон не свободен")
            await called(asterisk, caller, PHONE)
            await own.shows_nothing_of("Ясень", "4950000203", but_to_do=True)
        await choose(own, "ready")
        async with incoming(asterisk, VIP) as caller:
            await expect(rings(own, caller)).to_be_visible(timeout=WITHIN_MS)
            await expect(own.value("queue")).to_have_text("прямо к вам")
            await called(asterisk, caller, OTHER)


@pytest.mark.parametrize("state", ["signed_off", "break"])
async def test_nobody_is_called_who_is_not_there_and_the_caller_waits_for_whoever_comes_first(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, state: str
) -> None:
    desk, other = await at_page(OPERATOR), await at_page(COLLEAGUE)
    await choose(desk, state)
    await choose(other, state)
    async with phones_of(asterisk, OPERATOR, COLLEAGUE) as phones, incoming(asterisk, SALES) as caller:
        await asterisk.lab.event("QueueCallerJoin", Uniqueid=caller.channel)
        await desk.page.keyboard.press("F10")
        await expect(rings(desk, caller)).to_be_visible(timeout=WITHIN_MS)
        await pick_up(phones[PHONE])
        await together(asterisk, caller.channel, PHONE)
        await called(asterisk, caller, PHONE)
