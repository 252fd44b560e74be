"""P1 when the bridge is not there, hangs, is stopped, or dies in the middle of its answer."""

import os
import signal

from demo.asterisk import AsteriskInstance
from demo.bridge import AGI_PORT, Bridge
from promises.faults import silent_fake, wire
from promises.scene import DID_LIMITED, LIMIT_S, PRODUCTION, SALES, in_time, journalled, source_is

FALLBACK = ("fallback", "", "primary-consult")


async def test_a_bridge_that_is_not_running(asterisk: AsteriskInstance, installed: Bridge) -> None:
    async with in_time(asterisk, SALES) as caller:
        assert caller.decided == FALLBACK
        assert caller.call_id == caller.channel


async def test_without_a_bridge_the_default_queue_is_the_admins(asterisk: AsteriskInstance, installed: Bridge) -> None:
    await asterisk.lab.set_global("CTI_DEFAULT_QUEUE", "production")
    async with in_time(asterisk, SALES) as caller:
        assert caller.decided == ("fallback", "", "production")


async def test_a_stopped_bridge_and_what_it_does_when_it_goes_on(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    bridge.signal(signal.SIGSTOP)
    try:
        async with in_time(asterisk, PRODUCTION) as caller:
            assert caller.decided == FALLBACK
            bridge.signal(signal.SIGCONT)
            async with in_time(asterisk, PRODUCTION) as later:
                assert later.decided == ("matched", "fresh", "production")
            assert not caller.hung_up
        record = await journalled(bridge, caller.call_id)
        assert (record.decided_by, record.queue) == ("fallback", "primary-consult"), "what was carried out"
        assert record.decision is not None and record.decision.queue == "production", "what had been meant"
    finally:
        bridge.signal(signal.SIGCONT)


async def test_a_fake_bridge_that_accepts_and_never_answers(asterisk: AsteriskInstance) -> None:
    async with silent_fake() as url:
        await asterisk.lab.set_global("CTI_AGI", url)
        async with in_time(asterisk, SALES) as caller:
            assert caller.decided == FALLBACK


async def test_a_bridge_killed_between_two_commands_of_its_answer(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    async def kill(answer: int) -> None:
        if answer == 1:
            os.kill(bridge.pid, signal.SIGKILL)
            await bridge.ended()

    async with wire(asterisk.address, AGI_PORT, on_answer=kill) as line:
        await asterisk.lab.set_global("CTI_AGI", line.agi_url)
        async with in_time(asterisk, PRODUCTION) as caller:
            half = asterisk.lab.events("VarSet", Uniqueid=caller.channel, Variable="CTI_RULE", Value="production")
            assert half, "the bridge was killed before it had said anything"
            assert caller.decided == FALLBACK
            assert [caller.cti(name) for name in ("RULE", "CLASS", "CUSTOMER_ID", "STEP_2_QUEUE")] == [""] * 4
            assert (caller.cti("STEPS"), caller.cti("FINAL")) == ("1", "queue:primary-consult")
    assert not bridge.running


async def test_after_a_kill_the_next_bridge_knows_the_call_that_waits(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with in_time(asterisk, PRODUCTION) as caller:
        await journalled(bridge, caller.call_id)
        await bridge.kill()
        async with in_time(asterisk, SALES) as meanwhile:
            assert meanwhile.decided == FALLBACK
        await bridge.start()
        async with in_time(asterisk, SALES) as later:
            assert later.decided == ("matched", "fresh", "sales")
        assert not caller.hung_up
    record = await journalled(bridge, caller.call_id, ended=True)
    assert (record.outcome, record.recovered) == ("abandoned", False)


async def test_the_admins_own_time_limit_holds_after_a_decision(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    async with in_time(asterisk, SALES, did=DID_LIMITED) as caller:
        assert caller.decided == ("matched", "fresh", "sales")
        assert LIMIT_S - 5 < caller.limit_s <= LIMIT_S


async def test_the_admins_own_time_limit_holds_when_the_bridge_was_too_slow(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    bridge.signal(signal.SIGSTOP)
    try:
        async with in_time(asterisk, SALES, did=DID_LIMITED) as caller:
            assert caller.decided == FALLBACK
            assert LIMIT_S - 5 < caller.limit_s <= LIMIT_S
    finally:
        bridge.signal(signal.SIGCONT)
    await source_is(bridge, "asterisk", "up")
