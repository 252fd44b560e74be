"""P2 for calls that operators make: the customer who is called is on the screen of who calls him, and on no other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from cti_bridge.domain.ids import call_id_for
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.lab import Message
from demo.sip import Behaviour, Caller, Phones
from promises.scene import OPERATORS, OUTSIDE, PHONE_OF, SALES, AtDesk, journalled, until
from promises.screens import (
    Screens,
    bridge_with_short_times,
    is_empty,
    no_live_calls,
    pick_up,
    shows,
    team_says,
    told,
)

pytestmark = pytest.mark.unhurried

RINGS = Behaviour(answer_after=None)
FIRST, SECOND = "op3", "op4"
CUSTOMER, DIALLED = "Глеб Ракитин", f"8{SALES[2:]}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all tests here: none of them harms it."""
    async with bridge_with_short_times(shared_asterisk, prepared, tmp_path_factory.mktemp("p2") / "bridge") as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk; it is not asked about these calls."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    return running


def born_at(asterisk: AsteriskInstance, phone: str, since: int) -> list[Message]:
    """The channels of this phone that are new; the bridge may be making some of its own."""
    born = asterisk.lab.events("Newchannel", since=since)
    return [each for each in born if each["Channel"].startswith(f"PJSIP/{phone}-")]


@asynccontextmanager
async def dialled(asterisk: AsteriskInstance, number: str = DIALLED) -> AsyncIterator[tuple[Caller, str, str]]:
    """The first operator dials, the customer or somebody else: his line, his channel's name, and the id of the call."""
    began = asterisk.lab.mark()
    async with Caller(asterisk, phone=PHONE_OF[FIRST], did=number) as line:
        born = await until(lambda: next(iter(born_at(asterisk, PHONE_OF[FIRST], began)), None))
        yield line, born["Channel"], call_id_for(asterisk.system_name, born["Linkedid"])


def phones(asterisk: AsteriskInstance) -> Phones:
    return Phones(asterisk, dict.fromkeys((PHONE_OF[SECOND], OUTSIDE), RINGS))


async def test_who_calls_a_customer_has_his_card_and_a_colleague_who_is_sent_the_call_has_it_then(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with phones(asterisk) as phone, dialled(asterisk) as (line, channel, call_id):
        before = await shows(screens[FIRST], call_id, my_role="talking", state="ringing", direction="outbound")
        assert (before["customer"]["name"], before["caller"]["number"]) == (CUSTOMER, SALES)
        await team_says(screens[SECOND], FIRST, "talking", None)
        await pick_up(phone[OUTSIDE])
        await line.answered()
        talking = await shows(screens[FIRST], call_id, my_role="talking", state="talking")
        assert talking["customer"]["name"] == CUSTOMER

        await asterisk.lab.event("BridgeEnter", Channel=channel)
        await asterisk.lab.action("BlindTransfer", Channel=channel, Context="phones", Exten=PHONE_OF[SECOND])
        ringing = await shows(screens[SECOND], call_id, my_role="ringing")
        assert (ringing["customer"]["name"], ringing["direction"]) == (CUSTOMER, "outbound")
        await is_empty(screens[FIRST])
        await pick_up(phone[PHONE_OF[SECOND]])
        await shows(screens[SECOND], call_id, my_role="talking", state="talking")
        await phone[OUTSIDE].hang_up()
        await is_empty(screens[SECOND])
        record = await journalled(bridge, call_id, ended=True)

    assert told(screens[FIRST], call_id) == ["call.answered", "call.ended"]
    assert told(screens[SECOND], call_id) == ["call.ringing", "call.answered", "call.ended"]
    assert (record.direction, record.operator, record.rang) == ("outbound", FIRST, (SECOND,))
    assert (record.caller, record.outcome, record.decision) == (SALES, "answered", None)
    first, second = record.legs
    assert (first.operator, first.why, second.operator, second.why) == (FIRST, "transferred", SECOND, "ended")
    screens.nobody_else((call_id, CUSTOMER), but=[FIRST, SECOND])
    await no_live_calls(bridge)


async def test_a_customer_who_does_not_answer_is_on_no_screen_any_more(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with phones(asterisk) as phone, dialled(asterisk) as (line, _, call_id):
        await shows(screens[FIRST], call_id, my_role="talking", state="ringing")
        await phone[OUTSIDE].rings()
        await line.hang_up()
        await is_empty(screens[FIRST])
        record = await journalled(bridge, call_id, ended=True)

    assert told(screens[FIRST], call_id) == ["call.ended"]
    assert (record.direction, record.operator, record.outcome) == ("outbound", FIRST, "abandoned")
    screens.nobody_else((call_id, CUSTOMER), but=[FIRST])
    await no_live_calls(bridge)


async def test_who_is_called_by_a_colleague_sees_which_one_and_no_customer(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with phones(asterisk) as phone, dialled(asterisk, PHONE_OF[SECOND]) as (line, _, call_id):
        ringing = await shows(screens[SECOND], call_id, my_role="ringing", direction="internal")
        caller = ringing["caller"]
        assert (caller["kind"], caller["number"], caller["name"]) == ("internal", PHONE_OF[FIRST], OPERATORS[FIRST])
        assert (ringing["customer"], ringing["candidates"]) == (None, [])
        await pick_up(phone[PHONE_OF[SECOND]])
        await line.answered()
        await shows(screens[SECOND], call_id, my_role="talking", state="talking")
        await line.hang_up()
        await is_empty(screens[SECOND])
        record = await journalled(bridge, call_id, ended=True)

    assert (record.direction, record.operator, record.caller, record.outcome) == (
        "internal", SECOND, PHONE_OF[FIRST], "answered",
    )  # fmt: skip
    screens.nobody_else((call_id,), but=[SECOND])
    await no_live_calls(bridge)
