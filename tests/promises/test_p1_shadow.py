"""P1 in shadow mode: every caller where he would be without a bridge, by either door, and all of it written down."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Behaviour, Phones
from promises.scene import PRODUCTION, SALES, UNKNOWN, VIP, AtDesk, in_time, journalled
from promises.screens import shows

WOULD = {SALES: ("sales", "sales"), PRODUCTION: ("production", "production"), UNKNOWN: ("default", "primary-consult")}
"""Rule and queue of each caller, if the bridge were live."""


@pytest.fixture
def installed(installed: Bridge) -> Bridge:
    """The bridge in shadow mode, not started."""
    installed.write_settings(installed.read_settings() | {"mode": "shadow"})
    return installed


@pytest_asyncio.fixture(loop_scope="session", params=["agi", "ari"])
async def door(asterisk: AsteriskInstance, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """How the trunk asks."""
    await asterisk.lab.set_global("ENTRY", "ari" if request.param == "ari" else "")
    yield request.param
    await asterisk.lab.set_global("ENTRY", "")


@pytest.mark.usefixtures("door")
async def test_every_caller_is_in_the_default_queue_in_time_and_his_decision_is_kept(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    for number, (rule, queue) in WOULD.items():
        async with in_time(asterisk, number) as caller:
            assert caller.decided == ("fallback", "", "primary-consult")
            set_by_the_bridge = ("RULE", "CLASS", "CUSTOMER_ID", "CUSTOMER_NAME", "OPERATOR", "PRIORITY")
            assert not any(caller.cti(name) for name in set_by_the_bridge)
        record = await journalled(bridge, caller.call_id, ended=True)
        assert record.decision is not None
        assert (record.decision.rule, record.decision.queue) == (rule, queue)
        assert (record.decision.shadow, record.decision.delivered, record.decided_by) == (True, False, "fallback")
        assert (record.queue, record.outcome) == ("primary-consult", "abandoned")


@pytest.mark.usefixtures("staff")
async def test_whose_phone_rings_has_the_card_and_it_says_fallback(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk("op1")
    rings = Behaviour(answer_after=None)
    async with Phones(asterisk, {"101": rings}) as phones, in_time(asterisk, VIP) as caller:
        await phones["101"].rings()
        card = await shows(desk, caller.call_id, queue="primary-consult")
        assert (card["decision"], card["rule"], card["class"]) == ("fallback", "", "sales")
        assert card["customer"] is not None
