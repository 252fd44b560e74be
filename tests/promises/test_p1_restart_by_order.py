"""P1 and P5 when the bridge is told to stop: what it has begun is finished, and the pages are told to come back."""

import asyncio
import signal
import time

import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import AGI_PORT, Bridge
from promises.faults import wire
from promises.scene import PRODUCTION, SALES, AtDesk, in_time, journalled, until

LEFT_S = 5.0


async def test_a_decision_in_flight_is_finished_and_the_bridge_leaves_in_time(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    told_at = 0.0

    async def stop(answer: int) -> None:
        nonlocal told_at
        if answer == 1:
            told_at = time.monotonic()
            bridge.signal(signal.SIGTERM)
            await until(lambda: bridge.events("stopping"))

    async with wire(asterisk.address, AGI_PORT, on_answer=stop) as line:
        await asterisk.lab.set_global("CTI_AGI", line.agi_url)
        async with in_time(asterisk, PRODUCTION) as caller:
            assert caller.decided == ("matched", "fresh", "production")
            assert await bridge.ended(within=LEFT_S) == 0
            assert time.monotonic() - told_at < LEFT_S
    decision = (await journalled(bridge, caller.call_id)).decision
    assert decision is not None and decision.delivered


async def test_a_peer_that_never_takes_its_answer_does_not_hold_the_bridge_back(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async def for_ever(answer: int) -> None:
        bridge.signal(signal.SIGTERM)
        await asyncio.Event().wait()

    async with wire(asterisk.address, AGI_PORT, on_answer=for_ever) as line:
        await asterisk.lab.set_global("CTI_AGI", line.agi_url)
        async with in_time(asterisk, PRODUCTION) as caller:
            assert caller.decided == ("fallback", "", "primary-consult")
            assert await bridge.ended(within=LEFT_S) == 0


@pytest.mark.parametrize(
    ("number", "code"), [pytest.param(signal.SIGTERM, 0, id="SIGTERM"), pytest.param(signal.SIGINT, 130, id="Ctrl-C")]
)
async def test_pages_are_told_to_come_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk, number: signal.Signals, code: int
) -> None:
    desk = await at_desk("op3")
    async with in_time(asterisk, SALES) as caller:
        began = time.monotonic()
        bridge.signal(number)
        assert await bridge.ended(within=LEFT_S) == code
        assert time.monotonic() - began < LEFT_S
        await until(lambda: desk.closed)
        assert desk._socket is not None and desk._socket.close_code == 1012
        assert [frame.body["code"] for frame in desk.frames if frame.body.get("op") == "bye"] == [1012]
        assert bridge.events("stopped") and "Traceback" not in "".join(bridge.log)
        assert not caller.hung_up
