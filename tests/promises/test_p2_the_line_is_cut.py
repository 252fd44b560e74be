"""P2 while the line to Asterisk is cut: Asterisk goes on, and afterwards the right screens show what happened."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Frame
from demo.sip import Behaviour, Caller, Phones
from promises.cable import Cable
from promises.scene import PARK_MYSELF, SALES, TAKE_OUT, AtDesk, journalled, until
from promises.screens import (
    Screens,
    bridge_with_short_times,
    incoming,
    is_empty,
    pick_up,
    queues_set,
    showing,
    shows,
    source_states,
    talking_leg,
    told,
    withdrawal,
)

pytestmark = pytest.mark.unhurried

RINGS = Behaviour(answer_after=None)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cable(shared_asterisk: AsteriskInstance) -> AsyncIterator[Cable]:
    async with Cable.to(shared_asterisk.address, shared_asterisk.ami_port) as cable:
        yield cable


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory, cable: Cable
) -> AsyncIterator[Bridge]:
    """One bridge for all tests here; a phone rings long enough for all that happens meanwhile."""
    folder = tmp_path_factory.mktemp("p2") / "bridge"
    async with (
        queues_set(shared_asterisk, ring_s=60),
        bridge_with_short_times(shared_asterisk, prepared, folder, ami_port=cable.port) as bridge,
    ):
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    await asterisk.add_member("sales", "PJSIP/103")
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    return running


async def test_cut_and_nothing_happens_meanwhile(
    asterisk: AsteriskInstance, bridge: Bridge, cable: Cable, at_desk: AtDesk
) -> None:
    desk = await at_desk("op3")
    async with Phones(asterisk, {"103": RINGS}) as phones, incoming(asterisk, SALES) as caller:
        before = await shows(desk, caller.call_id, my_role="ringing")
        await cut_and_mend(cable, bridge, desk.frames)
        assert showing(desk) == {caller.call_id: before}
        await pick_up(phones["103"])
        await shows(desk, caller.call_id, my_role="talking")
    await is_empty(desk)
    assert told(desk, caller.call_id) == ["call.ringing", "call.answered", "call.ended"]
    assert not (await journalled(bridge, caller.call_id, ended=True)).recovered


async def test_cut_and_the_operator_answers_meanwhile(
    asterisk: AsteriskInstance, bridge: Bridge, cable: Cable, at_desk: AtDesk
) -> None:
    desk = await at_desk("op3")
    async with Phones(asterisk, {"103": RINGS}) as phones, incoming(asterisk, SALES) as caller:
        await shows(desk, caller.call_id, my_role="ringing")
        await phones["103"].rings()
        await cable.cut()
        await pick_up(phones["103"])
        await caller.phone.answered()
        await cable.mend()
        await bridge.until(["asterisk"])
        await shows(desk, caller.call_id, my_role="talking")
        await caller.phone.hang_up()
        await is_empty(desk)
    record = await journalled(bridge, caller.call_id, ended=True)
    assert (record.outcome, record.operator) == ("answered", "op3")
    assert record.recovered, "when he answered is only known from afterwards"


async def test_cut_and_the_caller_hangs_up_meanwhile(
    asterisk: AsteriskInstance, bridge: Bridge, cable: Cable, at_desk: AtDesk
) -> None:
    desk = await at_desk("op3")
    async with Phones(asterisk, {"103": RINGS}), incoming(asterisk, SALES) as caller:
        await shows(desk, caller.call_id, my_role="ringing")
        await cable.cut()
        await caller.phone.hang_up()
        await caller.phone.over()
        await cable.mend()
        await is_empty(desk)
    assert withdrawal(desk, caller.call_id) == ("abandoned", None)
    record = await journalled(bridge, caller.call_id, ended=True)
    assert (record.outcome, record.recovered) == ("abandoned", True)


async def test_cut_and_a_caller_arrives_meanwhile(
    asterisk: AsteriskInstance, bridge: Bridge, cable: Cable, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    await cable.cut()
    async with Phones(asterisk, {"103": RINGS}) as phones, incoming(asterisk, SALES) as caller:
        await phones["103"].rings()
        assert not showing(screens["op3"])
        await cable.mend()
        card = await shows(screens["op3"], caller.call_id, my_role="ringing", queue="sales")
        assert (card["class"], card["decision"], card["customer"]["name"]) == ("sales", "matched", "Глеб Ракитин")
        await pick_up(phones["103"])
        await shows(screens["op3"], caller.call_id, my_role="talking")
    screens.nobody_else(["4950000201"], but=["op3"])


async def test_cut_and_the_call_is_transferred_meanwhile(
    asterisk: AsteriskInstance, bridge: Bridge, cable: Cable, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, {"103": RINGS, "105": RINGS}) as phones, incoming(asterisk, SALES) as caller:
        await pick_up(phones["103"])
        await shows(screens["op3"], caller.call_id, my_role="talking")
        await cable.cut()
        leg = await talking_leg(asterisk, caller, "103")
        await asterisk.lab.action("BlindTransfer", Channel=leg, Context="phones", Exten="105")
        await pick_up(phones["105"])
        await phones["105"].answered()
        await cable.mend()
        await is_empty(screens["op3"])
        card = await shows(screens["op5"], caller.call_id, my_role="talking")
        assert card["customer"]["name"] == "Глеб Ракитин"
        await caller.phone.hang_up()
        await is_empty(screens["op5"])


async def test_cut_and_the_caller_is_parked_meanwhile_beside_an_operator_who_waits_there_himself(
    asterisk: AsteriskInstance, bridge: Bridge, cable: Cable, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, {"103": RINGS}) as phones, incoming(asterisk, SALES) as caller:
        await pick_up(phones["103"])
        await shows(screens["op3"], caller.call_id, my_role="talking")
        leg = await talking_leg(asterisk, caller, "103")
        await cable.cut()
        await asterisk.lab.action("Park", Channel=caller.channel_name, TimeoutChannel=leg)
        await asterisk.lab.event("ParkedCall", ParkeeUniqueid=caller.channel)
        async with Caller(asterisk, phone="105", did=PARK_MYSELF):
            await until(lambda: len(asterisk.lab.events("ParkedCall")) == 2)
            await cable.mend()
            await bridge.until(["asterisk"])
            await is_empty(screens["op3"])
            assert (await journalled(bridge, caller.call_id)).ended_at is None

            async with Caller(asterisk, phone="104", did=TAKE_OUT):
                card = await shows(screens["op4"], caller.call_id, my_role="talking", state="talking")
                assert card["customer"]["name"] == "Глеб Ракитин"
                await caller.phone.hang_up()
                await is_empty(screens["op4"])
    screens.nobody_else((caller.call_id, "Глеб Ракитин"), but=["op3", "op4"])


async def cut_and_mend(cable: Cable, bridge: Bridge, frames: list[Frame]) -> None:
    """Cut the line, wait until the screens say so, mend it."""
    await cable.cut()
    await until(lambda: source_states(frames)[-1:] == ["down"])
    await cable.mend()
    await until(lambda: source_states(frames)[-1:] == ["up"])
