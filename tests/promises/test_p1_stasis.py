"""P1 through Stasis: the same decision as by FastAGI, and a queue in time whatever becomes of bridge and ARI."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
import pytest_asyncio

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Caller
from promises.scene import (
    AMBIGUOUS,
    DID,
    DID_LIMITED,
    LIMIT_S,
    NO_OPEN_DEAL,
    PRODUCTION,
    SALES,
    UNKNOWN,
    VIP,
    in_time,
    journalled,
    source_is,
)
from promises.stasis import ari_wire

FALLBACK = ("fallback", "", "primary-consult")
WITHOUT_ASTERISK = ("crm", "journal", "rules")
NAMES = ['Ёлкина "Лена"', "back\\slash", "${EPOCH} $[1+1]", "a,route,b", "%2e%2e/%0d%0a&value=x", "😀 <script>"]


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def by_stasis(asterisk: AsteriskInstance) -> AsyncIterator[None]:
    """The trunk asks by ARI."""
    await asterisk.lab.set_global("ENTRY", "ari")
    yield
    if not asterisk.running:
        await asterisk.start()
    for name in ("ENTRY", "CTI_ARI_APP"):
        await asterisk.lab.set_global(name, "")


async def counted(bridge: Bridge, metric: str) -> float:
    """What a counter of the bridge stands at."""
    async with aiohttp.ClientSession() as http, http.get(f"{bridge.private_url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{metric}_total "))


@pytest.mark.parametrize("number", [SALES, PRODUCTION, UNKNOWN, NO_OPEN_DEAL, AMBIGUOUS, VIP])
async def test_every_class_gets_the_same_variables_as_by_fastagi(
    asterisk: AsteriskInstance, installed: Bridge, number: str
) -> None:
    bridge = installed
    bridge.rules.write_text(bridge.rules.read_text("utf-8").replace("operator_timeout: 15s", "operator_timeout: 1s"))
    await bridge.start()
    async with in_time(asterisk, number) as caller:
        assert caller.cti("DECISION") in ("matched", "default")
        assert caller.call_id.endswith(caller.channel)
    assert await counted(bridge, "cti_ari_requests") == 1
    assert await counted(bridge, "cti_agi_requests") == 0
    await asterisk.lab.set_global("ENTRY", "")
    async with in_time(asterisk, number) as by_fastagi:
        assert by_fastagi.queue == caller.queue
    assert await counted(bridge, "cti_agi_requests") == 1
    of_one, of_other = ({**call.variables, "CTI_CALL_ID": ""} for call in (caller, by_fastagi))
    assert of_one == of_other
    record = await journalled(bridge, caller.call_id, ended=True)
    assert (record.caller, record.queue, record.outcome) == (number, caller.queue, "abandoned")
    assert record.decision is not None and record.decision.delivered


async def test_three_classes_into_three_queues(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    for number, queue in {SALES: "sales", PRODUCTION: "production", UNKNOWN: "primary-consult"}.items():
        async with in_time(asterisk, number) as caller:
            assert caller.queue == queue


async def test_a_number_that_is_not_shown_is_not_looked_up(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    async with in_time(asterisk, SALES, anonymous=True) as anonymous:
        assert anonymous.decided == ("default", "skipped", "primary-consult")
    async with in_time(asterisk, SALES, withheld=True) as withheld:
        assert withheld.decided == ("default", "skipped", "primary-consult")
        assert withheld.cti("CUSTOMER_NAME") == ""


async def test_a_callers_name_is_only_text(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    for name in NAMES:
        async with in_time(asterisk, SALES, name=name) as caller:
            assert caller.decided == ("matched", "fresh", "sales"), name
        # Asterisk keeps the backslashes with which SIP quotes a quotation mark or a backslash.
        text = name.replace("\\", "\\\\").replace('"', '\\"')
        assert (await journalled(bridge, caller.call_id, ended=True)).caller_name == text
    assert await counted(bridge, "cti_ari_broken") == 0


async def test_the_admins_own_time_limit_comes_back(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    async with in_time(asterisk, SALES, did=DID_LIMITED) as caller:
        assert caller.decided == ("matched", "fresh", "sales")
        assert LIMIT_S - 5 < caller.limit_s <= LIMIT_S
    bridge.signal(signal.SIGSTOP)
    try:
        async with in_time(asterisk, SALES, did=DID_LIMITED) as caller:
            assert caller.decided == FALLBACK
            assert LIMIT_S - 5 < caller.limit_s <= LIMIT_S
    finally:
        bridge.signal(signal.SIGCONT)


async def test_a_bridge_that_is_not_running(asterisk: AsteriskInstance, installed: Bridge) -> None:
    async with in_time(asterisk, SALES) as caller:
        assert caller.decided == FALLBACK
        assert caller.seconds < 1.0, "an application that nobody registered comes back at once"


async def test_another_application_than_the_bridges(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    await asterisk.lab.set_global("CTI_ARI_APP", "somebody-else")
    async with in_time(asterisk, SALES) as caller:
        assert caller.decided == FALLBACK


async def test_a_hung_bridge_and_what_it_does_when_it_goes_on(asterisk: AsteriskInstance, bridge: Bridge) -> None:
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
        assert await counted(bridge, "cti_ari_late") == 1
        assert await counted(bridge, "cti_ari_broken") == 0
    finally:
        bridge.signal(signal.SIGCONT)


async def test_a_bridge_killed_between_two_variables(asterisk: AsteriskInstance, installed: Bridge) -> None:
    async def kill(variable: str) -> None:
        if variable == "CTI_DECISION":
            os.kill(installed.pid, signal.SIGKILL)
            await installed.ended()
            await asyncio.Event().wait()

    async with ari_wire(asterisk, installed, kill):
        await installed.start()
        async with in_time(asterisk, PRODUCTION) as caller:
            half = asterisk.lab.events("VarSet", Uniqueid=caller.channel, Variable="CTI_RULE", Value="production")
            assert half, "the bridge was killed before it had said anything"
            assert caller.decided == FALLBACK
            assert [caller.cti(name) for name in ("RULE", "CLASS", "CUSTOMER_ID", "STEP_2_QUEUE")] == [""] * 4
            assert (caller.cti("STEPS"), caller.cti("FINAL")) == ("1", "queue:primary-consult")
    assert not installed.running


async def test_the_next_bridge_answers_who_is_still_waiting(asterisk: AsteriskInstance, installed: Bridge) -> None:
    """Killed after it had set everything but the decision; the operator it had named is not free any more."""

    async def kill(variable: str) -> None:
        if variable == "CTI_DECISION" and installed.running:
            os.kill(installed.pid, signal.SIGKILL)
            await installed.ended()
            await asyncio.Event().wait()

    settings = installed.read_settings()
    async with ari_wire(asterisk, installed, kill):
        await installed.start()
        await asterisk.lab.set_global("CTI_DEADLINE", "30")
        began = asterisk.lab.mark()
        async with Caller(asterisk, VIP, did=DID):
            await installed.ended(within=30)
            half = await asterisk.lab.event("VarSet", since=began, Variable="CTI_OPERATOR", Value="op4")
            _forget_the_operators(installed)
            installed.write_settings(settings)
            await installed.start()
            joined = await asterisk.lab.event("QueueCallerJoin", since=began, Uniqueid=half["Uniqueid"])
            assert joined["Queue"] == "sales"
            for name, value in {"CTI_OPERATOR": "", "CTI_OPERATOR_DIAL": "", "CTI_DECISION": "matched"}.items():
                last = asterisk.lab.events("VarSet", Uniqueid=half["Uniqueid"], Variable=name)[-1]
                assert last["Value"] == value, name


def _forget_the_operators(bridge: Bridge) -> None:
    for file in bridge.data.glob("operators.sqlite*"):
        file.unlink()


async def test_ari_that_is_cut_under_a_waiting_caller_and_comes_back(
    asterisk: AsteriskInstance, installed: Bridge
) -> None:
    stopped = asyncio.Event()

    async def hold(variable: str) -> None:
        stopped.set()
        await asyncio.Event().wait()

    async with ari_wire(asterisk, installed, hold) as line:
        await installed.start()
        await asterisk.lab.set_global("CTI_DEADLINE", "30")
        began = asterisk.lab.mark()
        async with Caller(asterisk, SALES, did=DID):
            await asyncio.wait_for(stopped.wait(), 30)
            await line.cut()
            reason = await source_is(installed, "asterisk", "at_risk", why=f"127.0.0.1:{line.port}")
            assert reason.startswith("ARI")
            async with in_time(asterisk, SALES) as meanwhile:
                assert meanwhile.decided == FALLBACK
            line.on_variable = _pass
            await line.open()
            await source_is(installed, "asterisk", "up", within=30)
            joined = await asterisk.lab.event("QueueCallerJoin", since=began, Queue="sales")
            assert joined["Uniqueid"] != meanwhile.channel
        async with in_time(asterisk, PRODUCTION) as later:
            assert later.decided == ("matched", "fresh", "production")
    assert [line["event"] for line in installed.events("ari.lost")]


async def _pass(_: str) -> None:
    return


async def test_a_wrong_password_is_told_without_the_password_and_healed(
    asterisk: AsteriskInstance, installed: Bridge
) -> None:
    wrong = "falsch-und-geheim"
    (installed.folder / "ari.secret").write_text(wrong)
    await installed.start(ready=WITHOUT_ASTERISK)
    reason = await source_is(installed, "asterisk", "at_risk", why="refused the login")
    assert "'cti'" in reason and wrong not in reason
    async with in_time(asterisk, SALES) as caller:
        assert caller.decided == FALLBACK
    assert await counted(installed, "cti_ari_sessions") == 0
    async with _password_of_ari(asterisk, wrong):
        await source_is(installed, "asterisk", "up", within=30)
        async with in_time(asterisk, SALES) as caller:
            assert caller.decided == ("matched", "fresh", "sales")
    assert len(installed.events("ari.lost")) == 1
    assert not [line for line in installed.log if wrong in line]


async def test_asterisk_restarted_under_a_running_bridge(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    async with in_time(asterisk, SALES):
        pass
    await asterisk.kill()
    await source_is(bridge, "asterisk", "down")
    await asterisk.start()
    await asterisk.lab.set_global("ENTRY", "ari")
    await source_is(bridge, "asterisk", "up", within=30)
    async with in_time(asterisk, PRODUCTION) as after:
        assert after.decided == ("matched", "fresh", "production")
    assert await counted(bridge, "cti_ari_sessions") == 2


async def test_a_caller_who_hangs_up_during_the_decision(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    bridge.signal(signal.SIGSTOP)
    try:
        began = asterisk.lab.mark()
        async with Caller(asterisk, SALES, did=DID) as phone:
            inside = await asterisk.lab.event("Newexten", since=began, Application="TryExec")
            await phone.hang_up()
            await asterisk.lab.event("Hangup", since=began, Uniqueid=inside["Uniqueid"])
    finally:
        bridge.signal(signal.SIGCONT)

    async def late() -> bool:
        return await counted(bridge, "cti_ari_late") == 1

    async with asyncio.timeout(30):
        while not await late():
            await asyncio.sleep(0.02)
    assert await counted(bridge, "cti_ari_broken") == 0
    assert await asterisk.channels() == 0
    record = await journalled(bridge, inside["Uniqueid"], ended=True)
    assert (record.caller, record.outcome) == (SALES, "abandoned")
    async with in_time(asterisk, SALES) as next_one:
        assert next_one.decided == ("matched", "fresh", "sales")


async def test_a_bridge_that_is_stopped_lets_the_callers_it_has_go_on(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with in_time(asterisk, SALES) as caller:
        assert await bridge.stop() == 0
        async with in_time(asterisk, SALES) as without:
            assert without.decided == FALLBACK
        assert not caller.hung_up
    assert not bridge.events("stop.failed")


async def test_two_bridges_with_one_application_do_not_chase_each_other(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    socket = f"ws://{asterisk.address}:{asterisk.ari_port}/ari/events"
    user = {"Authorization": aiohttp.encode_basic_auth(asterisk.ari_username, asterisk.ari_secret)}
    async with aiohttp.ClientSession(headers=user) as http:
        async with http.ws_connect(socket, params={"app": "cti-bridge"}):
            await source_is(bridge, "asterisk", "at_risk", why="another program has taken")
        await source_is(bridge, "asterisk", "up", within=30)
    async with in_time(asterisk, SALES) as caller:
        assert caller.decided == ("matched", "fresh", "sales")


@asynccontextmanager
async def _password_of_ari(asterisk: AsteriskInstance, password: str) -> AsyncIterator[None]:
    """The admin gives the bridge's ARI user this password, and at the end the old one again."""
    file = asterisk.workdir / "etc" / "ari.conf"
    text = file.read_text("utf-8")
    try:
        file.write_text(text.replace(asterisk.ari_secret, password), "utf-8")
        await asterisk.lab.command("module reload res_ari.so")
        yield
    finally:
        file.write_text(text, "utf-8")
        await asterisk.lab.command("module reload res_ari.so")
