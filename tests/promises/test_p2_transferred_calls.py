"""P2 through a transfer: whoever receives the call, or is asked about it, has the card; the first one no more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Behaviour, Caller, Phone, Phones
from promises.scene import PHONE_OF, SALES, AtDesk, journalled
from promises.screens import (
    Incoming,
    Screens,
    bridge_with_short_times,
    incoming,
    is_empty,
    no_live_calls,
    pick_up,
    shows,
    talking_leg,
    told,
)

pytestmark = pytest.mark.unhurried

RINGS = Behaviour(answer_after=None)
FIRST, SECOND = "op3", "op4"
CUSTOMER = "Глеб Ракитин"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all tests here: none of them harms it."""
    async with bridge_with_short_times(shared_asterisk, prepared, tmp_path_factory.mktemp("p2") / "bridge") as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    return running


@asynccontextmanager
async def talk(asterisk: AsteriskInstance, screens: Screens, phones: Phones) -> AsyncIterator[tuple[Incoming, Phone]]:
    """A customer with an offer talks with the first operator: his call, and the operator's phone."""
    extension = PHONE_OF[FIRST]
    await asterisk.add_member("sales", f"PJSIP/{extension}")
    async with incoming(asterisk, SALES) as caller:
        await pick_up(phones[extension])
        await shows(screens[FIRST], caller.call_id, my_role="talking", state="talking")
        await talking_leg(asterisk, caller, extension)
        yield caller, phones[extension]


def phones_of_both(asterisk: AsteriskInstance) -> Phones:
    return Phones(asterisk, dict.fromkeys((PHONE_OF[FIRST], PHONE_OF[SECOND]), RINGS))


async def test_a_colleague_who_is_sent_the_call_gets_the_card_and_the_first_one_is_done(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with phones_of_both(asterisk) as phones, talk(asterisk, screens, phones) as (caller, phone):
        await phone.transfer(PHONE_OF[SECOND])
        ringing = await shows(screens[SECOND], caller.call_id, my_role="ringing")
        assert ringing["customer"]["name"] == CUSTOMER
        await is_empty(screens[FIRST])

        await pick_up(phones[PHONE_OF[SECOND]])
        talking = await shows(screens[SECOND], caller.call_id, my_role="talking", state="talking", extras="ready")
        assert talking["customer"]["name"] == CUSTOMER
        await caller.phone.hang_up()
        await is_empty(screens[SECOND])
        record = await journalled(bridge, caller.call_id, ended=True)

    assert told(screens[FIRST], caller.call_id) == ["call.ringing", "call.answered", "call.ended"]
    assert told(screens[SECOND], caller.call_id) == ["call.ringing", "call.answered", "call.ended"]
    assert (record.outcome, record.operator, record.rang) == ("answered", FIRST, (FIRST, SECOND))
    first, second = record.legs
    assert (first.operator, first.why, second.operator, second.why) == (FIRST, "transferred", SECOND, "ended")
    assert first.answered_at is not None
    assert second.answered_at is not None
    assert first.ended_at is not None
    # Asterisk may have the next phone rung before it is through with hanging up this one.
    assert first.answered_at <= min(first.ended_at, second.rang_at)
    assert second.rang_at <= second.answered_at
    screens.nobody_else((caller.call_id, CUSTOMER), but=[FIRST, SECOND])
    await no_live_calls(bridge)


async def test_a_colleague_who_is_asked_sees_the_customer_before_he_is_handed_over(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with phones_of_both(asterisk) as phones, talk(asterisk, screens, phones) as (caller, phone):
        await phone.hold()
        await shows(screens[FIRST], caller.call_id, my_role="talking", state="held")
        async with Caller(asterisk, phone=PHONE_OF[FIRST], did=PHONE_OF[SECOND]) as second_line:
            ringing = await shows(screens[SECOND], caller.call_id, my_role="ringing")
            assert ringing["customer"]["name"] == CUSTOMER
            await pick_up(phones[PHONE_OF[SECOND]])
            asked = await shows(screens[SECOND], caller.call_id, my_role="consulting", state="held")
            assert asked["customer"]["name"] == CUSTOMER
            await second_line.answered()

            await phone.transfer(PHONE_OF[SECOND], instead_of=second_line.dialog)
            await shows(screens[SECOND], caller.call_id, my_role="talking", state="talking")
            await is_empty(screens[FIRST])
        await caller.phone.hang_up()
        await is_empty(screens[SECOND])
        record = await journalled(bridge, caller.call_id, ended=True)

    assert told(screens[SECOND], caller.call_id) == ["call.ringing", "call.answered", "call.ended"]
    first, second = record.legs
    assert (first.operator, first.why, second.operator, second.why) == (FIRST, "transferred", SECOND, "ended")
    assert second.parent == first.leg
    assert second.talked_s > 0
    screens.nobody_else((caller.call_id, CUSTOMER), but=[FIRST, SECOND])
    await no_live_calls(bridge)


async def test_a_colleague_who_was_only_asked_has_the_card_no_longer_than_that(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with phones_of_both(asterisk) as phones, talk(asterisk, screens, phones) as (caller, phone):
        await phone.hold()
        async with Caller(asterisk, phone=PHONE_OF[FIRST], did=PHONE_OF[SECOND]) as second_line:
            await pick_up(phones[PHONE_OF[SECOND]])
            await shows(screens[SECOND], caller.call_id, my_role="consulting")
            await second_line.answered()
        await is_empty(screens[SECOND])
        await phone.hold(on=False)
        await shows(screens[FIRST], caller.call_id, my_role="talking", state="talking")
        await caller.phone.hang_up()
        await is_empty(screens[FIRST])
        record = await journalled(bridge, caller.call_id, ended=True)

    asked = next(leg for leg in record.legs if leg.operator == SECOND)
    assert (asked.talked_s, asked.why, record.operator) == (0.0, "ended", FIRST)
    await no_live_calls(bridge)


async def test_a_colleague_who_was_asked_has_the_card_no_longer_when_the_caller_is_sent_elsewhere_instead(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    third = "op5"
    phones_of_three = Phones(asterisk, {PHONE_OF[op]: RINGS for op in (FIRST, SECOND, third)})
    async with phones_of_three as phones, talk(asterisk, screens, phones) as (caller, phone):
        await phone.hold()
        async with Caller(asterisk, phone=PHONE_OF[FIRST], did=PHONE_OF[SECOND]) as second_line:
            await pick_up(phones[PHONE_OF[SECOND]])
            await shows(screens[SECOND], caller.call_id, my_role="consulting")
            await second_line.answered()

            began = asterisk.lab.mark()
            await phone.transfer(PHONE_OF[third])
            await shows(screens[third], caller.call_id, my_role="ringing")
            await is_empty(screens[FIRST])
            await is_empty(screens[SECOND])
            assert not asterisk.lab.events("Hangup", since=began, Exten=PHONE_OF[SECOND]), "the two go on talking"
            await pick_up(phones[PHONE_OF[third]])
            await shows(screens[third], caller.call_id, my_role="talking", state="talking")
        await caller.phone.hang_up()
        await is_empty(screens[third])
        record = await journalled(bridge, caller.call_id, ended=True)

    assert told(screens[SECOND], caller.call_id) == ["call.ringing", "call.answered", "call.ended"]
    assert [(leg.operator, leg.why) for leg in record.legs] == [
        (FIRST, "transferred"),
        (SECOND, "ended"),
        (third, "ended"),
    ]
    await no_live_calls(bridge)
