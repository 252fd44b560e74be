"""P5 when Asterisk is restarted with calls that wait, ring and talk: they end everywhere, and the next is as before."""

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import pytest_asyncio

from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.record import CallRecord
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk
from demo.sip import Behaviour, Phones
from promises.scene import OPERATORS, PRODUCTION, SALES, UNKNOWN, AtDesk, journalled, until
from promises.screens import (
    Screens,
    incoming,
    is_empty,
    journalled_answer,
    no_live_calls,
    pick_up,
    showing,
    shows,
    source_states,
    told,
)

pytestmark = [pytest.mark.unhurried, pytest.mark.usefixtures("one_phone_each")]

RINGS = Behaviour(answer_after=None)


@pytest_asyncio.fixture(loop_scope="session")
async def one_phone_each(asterisk: AsteriskInstance) -> None:
    """op3 answers sales and op5 production; nobody answers new callers."""
    for queue, operator in (("sales", "op3"), ("production", "op5")):
        await asterisk.add_member(queue, f"PJSIP/10{operator[-1]}", name=OPERATORS[operator])


async def killed(asterisk: AsteriskInstance) -> None:
    await asterisk.kill()
    await asterisk.start()


async def stopped(asterisk: AsteriskInstance) -> None:
    await asterisk.stop()
    await asterisk.start()


async def restarted(asterisk: AsteriskInstance) -> None:
    await asterisk.restart()


@pytest.mark.parametrize("how", [killed, stopped, restarted])
async def test_whatever_a_call_was_doing_it_ends_on_every_screen_and_in_the_journal(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk, how: Callable[[AsteriskInstance], Awaitable[None]]
) -> None:
    screens = await Screens.opened(at_desk)
    async with (
        Phones(asterisk, {"103": RINGS, "105": RINGS}) as phones,
        incoming(asterisk, SALES) as talks,
        incoming(asterisk, PRODUCTION) as rings,
        incoming(asterisk, UNKNOWN, name="Ждан") as waits,
    ):
        await pick_up(phones["103"])
        await shows(screens["op3"], talks.call_id, my_role="talking")
        await shows(screens["op5"], rings.call_id, my_role="ringing")
        await journalled_answer(bridge, talks.call_id)
        await journalled(bridge, waits.call_id)
        await how(asterisk)
        for desk in screens.all():
            await until(partial(heard_of_it, desk), within=30)
            await is_empty(desk)
        await no_live_calls(bridge)
    assert told(screens["op3"], talks.call_id) == ["call.ringing", "call.answered", "call.ended"]
    assert told(screens["op5"], rings.call_id) == ["call.ringing", "call.withdrawn"]
    records = [await journalled(bridge, caller.call_id, ended=True) for caller in (talks, rings, waits)]
    assert [record.outcome for record in records] == ["answered", "abandoned", "abandoned"]
    if how is killed:
        assert all(record.recovered for record in records), "when they ended is only known from afterwards"
    assert open_calls(bridge) == []

    await asterisk.lab.set_global("CTI_AGI", bridge.agi_url)  # the lab's own, so not in Asterisk's configuration
    async with Phones(asterisk, {"103": RINGS}) as phones, incoming(asterisk, SALES) as following:
        await shows(screens["op3"], following.call_id, my_role="ringing", queue="sales")
        await pick_up(phones["103"])
        await shows(screens["op3"], following.call_id, my_role="talking")
    record = await journalled(bridge, following.call_id, ended=True)
    assert (record.outcome, record.operator, record.recovered) == ("answered", "op3", False)


async def test_bridge_and_asterisk_may_both_go_while_calls_are_live(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    async with (
        Phones(asterisk, {"103": RINGS, "105": RINGS}) as phones,
        incoming(asterisk, SALES) as talks,
        incoming(asterisk, PRODUCTION) as rings,
    ):
        await pick_up(phones["103"])
        await journalled_answer(bridge, talks.call_id)
        await journalled(bridge, rings.call_id)
        await bridge.kill()
        await asterisk.kill()
        await bridge.start(ready=["crm", "journal", "rules"])
        await asterisk.start()
        await bridge.until(["asterisk"])
        await no_live_calls(bridge)
    records = [await journalled(bridge, caller.call_id, ended=True) for caller in (talks, rings)]
    assert [(record.outcome, record.recovered) for record in records] == [("answered", True), ("abandoned", True)]
    assert [showing(desk) for desk in (await Screens.opened(at_desk)).all()] == [{}] * len(OPERATORS)
    assert open_calls(bridge) == []


def heard_of_it(desk: Desk) -> bool:
    """Whether this screen was told that Asterisk was away and is back."""
    states = source_states(desk.frames)
    return "down" in states and states[-1] == "up"


def open_calls(bridge: Bridge) -> list[CallRecord]:
    """The calls that the journal has as still going on."""
    calls = JournalFile(bridge.data / "calls.sqlite").calls(limit=1_000)
    return [record for record in calls if record.ended_at is None]
