"""P2 through interruptions: page, bridge, Asterisk and the line between them may go at any moment of a call."""

import asyncio
import signal
from functools import partial

import aiohttp
import pytest
import pytest_asyncio

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import PROTOCOL, Desk
from demo.sip import Behaviour, Phones
from promises.scene import (
    AMBIGUOUS,
    DID_OF_SALES,
    OPERATORS,
    PASSWORD,
    PRODUCTION,
    SALES,
    VIP,
    AtDesk,
    journalled,
    until,
)
from promises.screens import (
    WITHIN_S,
    Json,
    Screens,
    incoming,
    is_empty,
    journalled_answer,
    pick_up,
    showing,
    shows,
    source_states,
    told,
)

pytestmark = [pytest.mark.unhurried, pytest.mark.usefixtures("staff")]

RINGS = Behaviour(answer_after=None)
DECIDED = (
    "id",
    "class",
    "rule",
    "decision",
    "why",
    "queue",
    "did",
    "line",
    "caller",
    "customer",
    "candidates",
    "deals",
    "notes",
)
"""What must not change on a card, whatever is restarted."""


@pytest_asyncio.fixture(loop_scope="session")
async def op3_alone(asterisk: AsteriskInstance, staff: None) -> None:
    """Only op3 answers sales."""
    await asterisk.remove_member("sales", "PJSIP/104")


def decided(card: Json) -> Json:
    return {key: card[key] for key in DECIDED} | {"crm": card["crm"]["source"]}


@pytest.mark.usefixtures("op3_alone")
async def test_a_page_that_is_opened_anew_finds_the_card_where_the_call_stands(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk("op3")
    async with Phones(asterisk, {"103": RINGS}) as phones, incoming(asterisk, SALES) as caller:
        before = await shows(desk, caller.call_id, my_role="ringing")
        await desk.close()
        ringing = await at_desk("op3")
        assert ringing.welcome["snapshot"]["calls"] == [before]
        await pick_up(phones["103"])
        talking = await shows(ringing, caller.call_id, my_role="talking")
        again = await at_desk("op3")
        assert again.welcome["snapshot"]["calls"] == [talking]
        for stranger in ("op1", "op4"):
            assert (await at_desk(stranger)).welcome["snapshot"]["calls"] == []
        await caller.phone.hang_up()
        await is_empty(again)
        assert (await at_desk("op3")).welcome["snapshot"]["calls"] == []


@pytest.mark.usefixtures("op3_alone")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
@pytest.mark.parametrize("moment", ["ringing", "talking"])
async def test_a_restart_of_the_bridge_brings_the_card_back_with_customer_and_decision(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk, moment: str, how: signal.Signals
) -> None:
    screens = await Screens.opened(at_desk)
    async with (
        Phones(asterisk, {"103": RINGS}) as phones,
        incoming(asterisk, SALES, name="Глеб с работы", did=DID_OF_SALES) as caller,
    ):
        await phones["103"].rings()
        if moment == "talking":
            await pick_up(phones["103"])
        before = await shows(screens["op3"], caller.call_id, my_role=moment, extras="ready")
        assert before["line"]["channel"] == "radio"
        await (journalled_answer if moment == "talking" else journalled)(bridge, caller.call_id)
        await restart(bridge, how)
        await until(lambda: all(desk.closed for desk in screens.all()))
        if how is signal.SIGTERM:
            assert [(f.body["op"], f.body["code"]) for f in screens["op3"].frames[-1:]] == [("bye", 1012)]

        screens = await Screens.opened(at_desk)
        after = await shows(screens["op3"], caller.call_id, my_role=moment, extras="ready")
        assert decided(after) == decided(before)
        assert after["answered_at"] == before["answered_at"]
        if moment == "ringing":
            await pick_up(phones["103"])
            await shows(screens["op3"], caller.call_id, my_role="talking")
        await caller.phone.hang_up()
        await is_empty(screens["op3"])
    record = await journalled(bridge, caller.call_id, ended=True)
    assert (record.outcome, record.operator, record.recovered) == ("answered", "op3", False)
    screens.nobody_else(["4950000201", "Ракитин", "Глеб"], but=["op3"])


async def test_a_call_that_waited_or_rang_at_its_own_operator_is_known_after_a_restart(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    for phone in ("103", "104"):
        await asterisk.remove_member("sales", f"PJSIP/{phone}")
    async with (
        Phones(asterisk, {"103": RINGS, "104": RINGS}),
        incoming(asterisk, SALES) as waiting,
        incoming(asterisk, VIP) as preferred,
    ):
        before = await shows(await at_desk("op4"), preferred.call_id, my_role="ringing", queue=None)
        for caller in (waiting, preferred):
            await journalled(bridge, caller.call_id)
        await asterisk.lab.event("QueueCallerJoin", Uniqueid=waiting.channel)
        await restart(bridge, signal.SIGKILL)
        after = await shows(await at_desk("op4"), preferred.call_id, my_role="ringing", queue=None)
        assert decided(after) == decided(before)
        await asterisk.add_member("sales", "PJSIP/103")
        card = await shows(await at_desk("op3"), waiting.call_id, my_role="ringing", queue="sales")
        assert (card["class"], card["rule"], card["decision"]) == ("sales", "sales", "matched")
        assert (card["customer"]["name"], card["crm"]["source"]) == ("Глеб Ракитин", "fresh")


async def test_a_caller_who_came_while_the_bridge_was_away_has_a_card_as_soon_as_it_is_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    await asterisk.remove_member("primary-consult", "PJSIP/102")
    await bridge.kill()
    async with Phones(asterisk, {"101": RINGS}) as phones, incoming(asterisk, PRODUCTION, name="Ульяна") as caller:
        await phones["101"].rings()
        await bridge.start()
        desk = await at_desk("op1")
        card = await shows(desk, caller.call_id, my_role="ringing", queue="primary-consult")
        assert (card["decision"], card["class"]) == ("fallback", "")
        assert (card["customer"]["name"], card["caller"]["name"]) == ("Ульяна Журавина", "Ульяна")
        await pick_up(phones["101"])
        await shows(desk, caller.call_id, my_role="talking")
    record = await journalled(bridge, caller.call_id, ended=True)
    assert (record.outcome, record.operator, record.decision) == ("answered", "op1", None)
    assert record.recovered, "when he arrived is not known"


async def test_an_ambiguous_number_is_still_ambiguous_after_a_restart(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    await asterisk.remove_member("production", "PJSIP/106")
    async with Phones(asterisk, {"105": RINGS}), incoming(asterisk, AMBIGUOUS) as caller:
        before = await shows(await at_desk("op5"), caller.call_id, my_role="ringing")
        assert len(before["candidates"]) == 2
        await journalled(bridge, caller.call_id)
        await restart(bridge, signal.SIGKILL)
        after = await shows(await at_desk("op5"), caller.call_id, my_role="ringing")
        assert decided(after) == decided(before)


@pytest.mark.usefixtures("op3_alone")
async def test_what_ended_while_the_bridge_was_away_is_on_no_screen_and_marked_as_recovered(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, {"103": RINGS, "105": RINGS, "106": RINGS}) as phones:
        async with incoming(asterisk, SALES) as talked, incoming(asterisk, PRODUCTION) as waited:
            await pick_up(phones["103"])
            await shows(screens["op3"], talked.call_id, my_role="talking")
            await screens.popped(waited.call_id)
            await journalled_answer(bridge, talked.call_id)
            await journalled(bridge, waited.call_id)
            await bridge.kill()
        await asterisk.hang_up_all()
        await bridge.start()
        screens = await Screens.opened(at_desk)
        records = [await journalled(bridge, caller.call_id, ended=True) for caller in (talked, waited)]
    assert [(record.outcome, record.recovered) for record in records] == [("answered", True), ("abandoned", True)]
    assert [showing(desk) for desk in screens.all()] == [{}] * len(OPERATORS)


@pytest.mark.usefixtures("op3_alone")
async def test_when_asterisk_dies_its_calls_end_and_nothing_stays_on_any_screen(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    phones = Phones(asterisk, {"103": RINGS, "105": RINGS, "106": RINGS})
    async with phones, incoming(asterisk, SALES) as talked, incoming(asterisk, PRODUCTION) as waited:
        await pick_up(phones["103"])
        await shows(screens["op3"], talked.call_id, my_role="talking")
        ringing = await screens.popped(waited.call_id)
        await asterisk.kill()
        await until(lambda: [source_states(desk.frames)[-1:] for desk in screens.all()] == [["down"]] * len(OPERATORS))
        await asterisk.start()
        await bridge.until(["asterisk"])
        for desk in screens.all():
            await is_empty(desk)
            await until(partial(hears_up, desk))
    assert told(screens["op3"], talked.call_id) == ["call.ringing", "call.answered", "call.ended"]
    assert told(screens[ringing], waited.call_id) == ["call.ringing", "call.withdrawn"]
    records = [await journalled(bridge, caller.call_id, ended=True) for caller in (talked, waited)]
    assert [(record.outcome, record.recovered) for record in records] == [("answered", True), ("abandoned", True)]


@pytest.mark.usefixtures("op3_alone")
async def test_a_pop_that_no_page_confirms_is_sent_once_more_with_the_same_number(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        login = {"login": "op3", "password": PASSWORD}
        async with http.post(f"{bridge.page_url}/api/v1/session", json=login) as answer:
            assert answer.status == 200
        async with http.ws_connect(f"{bridge.page_url}/ws", protocols=(PROTOCOL,)) as page:
            await page.send_json({"op": "hello"})
            async with Phones(asterisk, {"103": RINGS}), incoming(asterisk, SALES) as caller:
                async with asyncio.timeout(WITHIN_S):
                    first, second = [await _pop(page) for _ in range(2)]
                assert first == second
                assert first["call"]["id"] == caller.call_id
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(3):  # longer than the two seconds in which a pop is to be confirmed
                        await _pop(page)


async def _pop(page: aiohttp.ClientWebSocketResponse) -> Json:
    """The next pop on this line."""
    while True:
        frame: Json = await page.receive_json()
        if frame.get("type") == "call.ringing":
            return frame


def hears_up(desk: Desk) -> bool:
    """Whether the last this screen was told about Asterisk is that it is up."""
    return source_states(desk.frames)[-1:] == ["up"]


async def restart(bridge: Bridge, how: signal.Signals) -> None:
    """End the bridge in this way and start it again."""
    bridge.signal(how)
    code = await bridge.ended(within=WITHIN_S)
    assert code == (0 if how is signal.SIGTERM else -how)
    await bridge.start()
