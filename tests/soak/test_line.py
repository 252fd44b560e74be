"""A whole minute without Asterisk, as it is in life: cut off, or dead without a word."""

import asyncio
from pathlib import Path

import pytest
from promises.cable import Cable
from promises.scene import PRODUCTION, SALES, UNKNOWN, journalled, source_is
from promises.screens import bridge_with_short_times, incoming, no_live_calls, pick_up

from demo.asterisk import AsteriskInstance
from demo.sip import Behaviour, Phones

pytestmark = [pytest.mark.soak, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

RINGS = Behaviour(answer_after=None)
MINUTE_S = 60.0
NOTICED_S = 20.0
"""A ping every ten seconds, and five for the answer."""


@pytest.mark.parametrize("how", ["cut", "dead"])
async def test_a_minute_without_a_line_is_healed(
    asterisk: AsteriskInstance, prepared: Path, tmp_path: Path, how: str
) -> None:
    for queue, phone in (("sales", "103"), ("production", "105")):
        await asterisk.add_member(queue, f"PJSIP/{phone}")
    async with (
        Cable.to(asterisk.address, asterisk.ami_port) as cable,
        bridge_with_short_times(asterisk, prepared, tmp_path / "bridge", ami_port=cable.port) as bridge,
        Phones(asterisk, {"103": RINGS, "105": RINGS}) as phones,
    ):
        await asterisk.lab.set_global("CTI_AGI", bridge.agi_url)
        async with incoming(asterisk, SALES) as stays, incoming(asterisk, PRODUCTION) as goes:
            await pick_up(phones["103"])
            await journalled(bridge, goes.call_id)
            if how == "cut":
                await cable.cut()
            else:
                cable.freeze()
            await goes.phone.hang_up()
            await source_is(bridge, "asterisk", "down", within=NOTICED_S)
            async with incoming(asterisk, UNKNOWN) as came_and_went:
                await asyncio.sleep(MINUTE_S if how == "cut" else 1.0)
            if how == "cut":
                await cable.mend()
            await source_is(bridge, "asterisk", "up", within=NOTICED_S)
            for caller in (goes, came_and_went):
                assert (await journalled(bridge, caller.call_id, ended=True)).outcome == "abandoned"
            assert (await journalled(bridge, stays.call_id)).ended_at is None
        await no_live_calls(bridge)
        assert (await journalled(bridge, stays.call_id, ended=True)).outcome == "answered"
