"""P2, who refuses a call is not offered the same call again for a while, and loses no other; nobody loses a caller."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Behaviour, Phones
from promises.scene import PHONE_OF, SALES, VIP, AtDesk, journalled, until
from promises.screens import (
    DID_ALL_HANDS,
    Screens,
    bridge_with_short_times,
    incoming,
    pick_up,
    queues_set,
    showing,
    shows,
    told,
    withdrawal,
)

REJECTED_FOR_S = 4
RINGS = Behaviour(answer_after=None)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all tests here, with a short `calls.rejected_for`."""
    folder = tmp_path_factory.mktemp("refused") / "bridge"
    more = {"calls": {"rejected_for": f"{REJECTED_FOR_S}s"}}
    async with bridge_with_short_times(shared_asterisk, prepared, folder, more=more) as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    return running


async def rang_at(asterisk: AsteriskInstance, caller: str, phone: str, *, times: int = 1) -> list[float]:
    """When this phone was called for this caller, by Asterisk's clock, waiting until it was called so often."""

    def called() -> list[float] | None:
        events = asterisk.lab.events("AgentCalled", Uniqueid=caller, Interface=f"PJSIP/{phone}")
        return [float(event["Timestamp"]) for event in events] if len(events) >= times else None

    return await until(called)


@pytest.mark.usefixtures("staff")
async def test_who_refuses_a_call_is_not_rung_for_it_again_but_is_for_the_next_caller(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with (
        queues_set(asterisk, ring_s=2),
        Phones(asterisk, dict.fromkeys(("103", "104"), RINGS)) as phones,
        incoming(asterisk, SALES) as caller,
    ):
        first = await screens.popped(caller.call_id)
        (second,) = {"op3", "op4"} - {first}
        refuser, other = PHONE_OF[first], PHONE_OF[second]
        await phones[refuser].rings()
        await phones[refuser].refuse()
        await shows(screens[second], caller.call_id, my_role="ringing")
        assert withdrawal(screens[first], caller.call_id) == ("no_answer", None)
        refused_at = (await rang_at(asterisk, caller.channel, other))[0]
        async with incoming(asterisk, VIP, did="74950000149") as another:
            await shows(screens[first], another.call_id, my_role="ringing")
            await phones[refuser].rings(2)
            assert caller.call_id not in showing(screens[first])
        await phones[other].rings(2)
        assert len(await rang_at(asterisk, caller.channel, refuser)) == 1, "his colleague has been rung twice"
        await screens.popped(caller.call_id, among=[first], after=1)
        assert (await rang_at(asterisk, caller.channel, refuser, times=2))[1] - refused_at > REJECTED_FOR_S - 1
        await pick_up(phones[refuser])
        await shows(screens[first], caller.call_id, my_role="talking")
        await caller.phone.hang_up()
    record = await journalled(bridge, caller.call_id, ended=True)
    assert record.outcome == "answered"
    assert {leg.interface for leg in record.legs if leg.why == "refused"} == {f"PJSIP/{refuser}"}


async def test_the_only_member_is_rung_again_when_the_time_is_over(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk("op3")
    await asterisk.add_member("sales", "PJSIP/103")
    async with Phones(asterisk, {"103": RINGS}) as phones, incoming(asterisk, SALES) as caller:
        await phones["103"].rings()
        await phones["103"].refuse()
        await phones["103"].rings(2, within=30)
        first, second = await rang_at(asterisk, caller.channel, "103", times=2)
        assert second - first > REJECTED_FOR_S - 1
        assert caller.phone.history == ["invited", "ringing"], "he was neither hung up on nor told anything"
        tries = asterisk.lab.events("Newchannel", Linkedid=caller.channel)
        assert len(tries) < 10, "the queue tries once a second, no more"
        await pick_up(phones["103"])
        await shows(desk, caller.call_id, my_role="talking")
        assert told(desk, caller.call_id) == ["call.ringing", "call.withdrawn", "call.ringing", "call.answered"]


async def test_where_all_phones_ring_at_once_only_the_one_that_refused_falls_silent(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    async with queues_set(asterisk), AsyncExitStack() as stack:
        for phone in ("101", "102"):
            await asterisk.add_member("all-hands", f"PJSIP/{phone}")
        phones = await stack.enter_async_context(Phones(asterisk, dict.fromkeys(("101", "102"), RINGS)))
        caller = await stack.enter_async_context(incoming(asterisk, SALES, did=DID_ALL_HANDS))
        await asyncio.gather(phones["101"].rings(), phones["102"].rings())
        await phones["101"].refuse()
        await asterisk.lab.event("AgentRingNoAnswer", Uniqueid=caller.channel)
        assert phones["102"].history == ["ringing"]
        await phones["102"].refuse()
        await asyncio.gather(phones["101"].rings(2, within=30), phones["102"].rings(2, within=10))
        for phone in ("101", "102"):
            first, second = await rang_at(asterisk, caller.channel, phone, times=2)
            assert second - first > REJECTED_FOR_S - 1


@pytest.mark.usefixtures("staff")
async def test_the_operator_whose_customer_it_is_and_who_refuses_is_not_rung_by_the_queue_at_once(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, dict.fromkeys(("103", "104"), RINGS)) as phones, incoming(asterisk, VIP) as caller:
        await shows(screens["op4"], caller.call_id, my_role="ringing", queue=None)
        await phones["104"].rings()
        await phones["104"].refuse()
        await shows(screens["op3"], caller.call_id, my_role="ringing", queue="sales")
        assert withdrawal(screens["op4"], caller.call_id) == ("no_answer", None)
        assert phones["104"].calls == 1
        assert not showing(screens["op4"])
