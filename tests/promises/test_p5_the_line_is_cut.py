"""P5 while the line to Asterisk is cut and much happens: all of it is healed, and marked where it was not seen."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cti_bridge.calls.journal_file import JournalFile
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Behaviour, Phones
from promises.cable import Cable
from promises.scene import NO_OPEN_DEAL, PRODUCTION, SALES, UNKNOWN, AtDesk, journalled, source_is, until
from promises.screens import (
    DID_SHORT,
    RULES,
    Screens,
    bridge_with_short_times,
    incoming,
    is_empty,
    journalled_answer,
    no_live_calls,
    pick_up,
    queues_set,
    showing,
    shows,
    told,
)

pytestmark = pytest.mark.unhurried

RINGS = Behaviour(answer_after=None)
PATIENT_RULES = RULES.replace("timeout: 2s}", "timeout: 12s}")
"""Who is in `short` is still there when the line is cut."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cable(shared_asterisk: AsteriskInstance) -> AsyncIterator[Cable]:
    async with Cable.to(shared_asterisk.address, shared_asterisk.ami_port) as cable:
        yield cable


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, prepared: Path, tmp_path: Path, cable: Cable) -> AsyncIterator[Bridge]:
    async with bridge_with_short_times(
        asterisk, prepared, tmp_path / "bridge", ami_port=cable.port, rules_text=PATIENT_RULES
    ) as bridge:
        await asterisk.lab.set_global("CTI_AGI", bridge.agi_url)
        yield bridge


async def test_calls_that_ended_moved_were_answered_began_and_came_and_went_are_all_healed(
    asterisk: AsteriskInstance, bridge: Bridge, cable: Cable, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    for queue, phone in (("sales", "103"), ("production", "105"), ("primary-consult", "101")):
        await asterisk.add_member(queue, f"PJSIP/{phone}")
    phones = Phones(asterisk, dict.fromkeys(("101", "103", "105", "106"), RINGS))
    async with queues_set(asterisk, ring_s=60), phones:
        async with (
            incoming(asterisk, SALES) as ends,
            incoming(asterisk, PRODUCTION) as is_answered,
            incoming(asterisk, UNKNOWN, did=DID_SHORT, name="Неждана") as moves,
        ):
            await pick_up(phones["103"])
            await shows(screens["op3"], ends.call_id, my_role="talking")
            await shows(screens["op5"], is_answered.call_id, my_role="ringing")
            await journalled(bridge, moves.call_id)
            await phones["105"].rings()

            await cable.cut()
            await source_is(bridge, "asterisk", "down")
            await ends.phone.hang_up()
            await pick_up(phones["105"])
            await phones["101"].rings()  # it was enough in the short queue
            async with incoming(asterisk, NO_OPEN_DEAL) as came_and_went:
                await asterisk.lab.event("QueueCallerJoin", Uniqueid=came_and_went.channel)
            await came_and_went.phone.over()
            await asterisk.add_member("production", "PJSIP/106")
            async with incoming(asterisk, PRODUCTION) as begins:
                await phones["106"].rings()
                assert not showing(screens["op1"])
                assert not showing(screens["op6"])
                await cable.mend()

                await is_empty(screens["op3"])
                await shows(screens["op5"], is_answered.call_id, my_role="talking")
                moved = await shows(screens["op1"], moves.call_id, my_role="ringing", queue="primary-consult")
                assert (moved["rule"], moved["caller"]["name"]) == ("hasty", "Неждана")
                begun = await shows(screens["op6"], begins.call_id, my_role="ringing", queue="production")
                assert begun["customer"]["name"] == "Ульяна Журавина"
        await no_live_calls(bridge)
        for desk in screens.all():
            await is_empty(desk)
    assert told(screens["op3"], ends.call_id) == ["call.ringing", "call.answered", "call.ended"]
    assert told(screens["op1"], came_and_went.call_id) == []
    callers = (ends, is_answered, moves, came_and_went, begins)
    records = [await journalled(bridge, caller.call_id, ended=True) for caller in callers]
    assert [(record.outcome, record.recovered) for record in records] == [
        ("answered", True),
        ("answered", True),
        ("abandoned", False),
        ("abandoned", True),
        ("abandoned", False),
    ]
    screens.nobody_else(["4950000201", "4950000202", "4950000299"], but=["op1", "op3", "op5", "op6"])
    assert [
        record for record in JournalFile(bridge.data / "calls.sqlite").calls(limit=100) if not record.ended_at
    ] == []


async def test_a_bridge_that_comes_back_while_asterisk_is_out_of_reach_waits_for_it_with_the_calls_it_had(
    asterisk: AsteriskInstance, bridge: Bridge, cable: Cable, at_desk: AtDesk
) -> None:
    for queue, phone in (("sales", "103"), ("production", "105")):
        await asterisk.add_member(queue, f"PJSIP/{phone}")
    async with Phones(asterisk, {"103": RINGS, "105": RINGS}) as phones:
        async with incoming(asterisk, SALES) as stays, incoming(asterisk, PRODUCTION) as goes:
            await pick_up(phones["103"])
            await journalled_answer(bridge, stays.call_id)
            await journalled(bridge, goes.call_id)
            await cable.cut()
            await bridge.kill()
            await goes.phone.hang_up()
            await goes.phone.over()
            await bridge.start(ready=["crm", "journal", "rules"])
            desk = await at_desk("op3")
            assert (await bridge.sources())["asterisk"]["state"] == "down"
            assert (await journalled(bridge, goes.call_id)).ended_at is None, "nobody knows yet"
            await cable.mend()
            card = await shows(desk, stays.call_id, my_role="talking")
            assert card["customer"]["name"] == "Глеб Ракитин"
            gone = await journalled(bridge, goes.call_id, ended=True, within=30)
            assert (gone.outcome, gone.recovered) == ("abandoned", True)
        await is_empty(desk)
    await no_live_calls(bridge)
    record = await journalled(bridge, stays.call_id, ended=True)
    assert (record.outcome, record.recovered) == ("answered", False)


async def test_a_line_that_comes_and_goes_ends_in_what_is_true(
    asterisk: AsteriskInstance, bridge: Bridge, cable: Cable, at_desk: AtDesk
) -> None:
    await asterisk.add_member("sales", "PJSIP/103")
    desk = await at_desk("op3")
    async with (
        queues_set(asterisk, ring_s=60),
        Phones(asterisk, {"103": RINGS}) as phones,
        incoming(asterisk, SALES) as caller,
    ):
        await phones["103"].rings()
        for _ in range(3):
            await cable.cut()
            await source_is(bridge, "asterisk", "down")
            await cable.mend()
            await source_is(bridge, "asterisk", "up", within=30)
        await pick_up(phones["103"])
        await shows(desk, caller.call_id, my_role="talking")
    await is_empty(desk)
    assert told(desk, caller.call_id) == ["call.ringing", "call.answered", "call.ended"]
    await until(lambda: len(bridge.events("asterisk.connected")) == 4)
