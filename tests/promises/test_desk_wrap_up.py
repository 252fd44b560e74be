"""After a call Asterisk leaves the operator alone until he is through, also when the bridge was killed in between."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk
from demo.sip import Behaviour, Phones
from promises.scene import PASSWORD, SALES, until
from promises.screens import WITHIN_S, bridge_with_short_times, incoming, pick_up, talking_leg

pytestmark = pytest.mark.unhurried

RINGS = Behaviour(answer_after=None)
OPERATOR, EXTENSION = "op3", "103"
PHONE = f"PJSIP/{EXTENSION}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all tests here; nobody has the time to wait for its limit."""
    folder = tmp_path_factory.mktemp("wrap-up") / "bridge"
    more = {"operators": {"wrap_up": {"limit": "30m", "required": ["note"]}}}
    async with bridge_with_short_times(shared_asterisk, prepared, folder, more=more) as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk; he is in two queues."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    await asterisk.add_member("sales", PHONE)
    await asterisk.add_member("production", PHONE)
    return running


@asynccontextmanager
async def talk(asterisk: AsteriskInstance) -> AsyncIterator[str]:
    """He talks with a customer; gives back the id of the call, which is over at the end."""
    async with Phones(asterisk, {EXTENSION: RINGS}) as phones, incoming(asterisk, SALES) as caller:
        await pick_up(phones[EXTENSION])
        await talking_leg(asterisk, caller, EXTENSION)
        yield caller.call_id


async def shows(desk: Desk, **values: Any) -> dict[str, Any]:
    """Wait until his page shows a state with these values."""

    def look() -> dict[str, Any] | None:
        told = [frame.body["state"] for frame in desk.frames if frame.type == "operator.state"]
        now: dict[str, Any] = told[-1] if told else desk.welcome["snapshot"]["state"]
        return now if now.items() >= values.items() else None

    return await until(look, WITHIN_S)


async def paused(asterisk: AsteriskInstance) -> dict[str, tuple[bool, str]]:
    """By queue, whether Asterisk has him paused, and why."""
    since = asterisk.lab.mark()
    await asterisk.lab.action("QueueStatus", Member=PHONE)
    await asterisk.lab.event("QueueStatusComplete", since=since)
    return {
        one["Queue"]: (one["Paused"] == "1", one["PausedReason"])
        for one in asterisk.lab.events("QueueMember", since=since)
        if one["Location"] == PHONE
    }


WRAPPED_UP = {"sales": (True, "wrap_up"), "production": (True, "wrap_up")}


async def test_he_is_left_alone_in_all_queues_until_what_is_required_is_written(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with Desk(OPERATOR, bridge.page_url, PASSWORD) as desk:
        async with talk(asterisk) as call_id:
            await shows(desk, state="ready")
        await shows(desk, state="wrap_up", confirmed=True, call=call_id, missing=["note"])
        assert await paused(asterisk) == WRAPPED_UP
        refused = await desk.command("wrapup.finish")
        assert refused["error"]["code"] == "not_possible"
        assert (await desk.command("after.save", call=call_id, note="Перезвонит сам"))["ok"]
        assert (await desk.command("wrapup.finish"))["ok"]
        await shows(desk, state="ready", confirmed=True)
        assert set((await paused(asterisk)).values()) == {(False, "")}


async def test_the_bridge_is_killed_after_the_call_and_he_goes_on_writing(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with Desk(OPERATOR, bridge.page_url, PASSWORD) as desk:
        async with talk(asterisk) as call_id:
            assert (await desk.command("state.set", state="lunch"))["value"]["state"]["next"] == "lunch"
        before = await shows(desk, state="wrap_up", confirmed=True, next="lunch")
        await until(lambda: "wrap_up" in states_written(bridge), WITHIN_S)
    await bridge.kill()
    await bridge.start()
    async with Desk(OPERATOR, bridge.page_url, PASSWORD) as desk:
        after = await shows(desk, state="wrap_up", confirmed=True, next="lunch", call=call_id, missing=["note"])
        assert (after["since"], after["until"]) == (before["since"], before["until"])
        await leaves(desk, call_id, "lunch")


async def test_the_bridge_is_killed_during_the_call_and_the_call_ends_meanwhile(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with talk(asterisk) as call_id:
        await until(lambda: call_id in talks_written(bridge), WITHIN_S)
        await bridge.kill()
    await bridge.start()
    async with Desk(OPERATOR, bridge.page_url, PASSWORD) as desk:
        await shows(desk, state="wrap_up", confirmed=True, call=call_id)
        assert await paused(asterisk) == WRAPPED_UP
        await leaves(desk, call_id, "ready")


async def test_the_bridge_is_killed_during_the_call_and_the_call_goes_on(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with talk(asterisk) as call_id:
        await until(lambda: call_id in talks_written(bridge), WITHIN_S)
        await bridge.kill()
        await bridge.start()
        async with Desk(OPERATOR, bridge.page_url, PASSWORD) as desk:
            state = await shows(desk, confirmed=True)
            assert state["kind"] != "wrap_up"
    async with Desk(OPERATOR, bridge.page_url, PASSWORD) as desk:
        await shows(desk, state="wrap_up", confirmed=True, call=call_id)
        await leaves(desk, call_id, "ready")


async def test_the_admin_puts_him_into_a_state_and_asterisk_does_it(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    async with Desk(OPERATOR, bridge.page_url, PASSWORD) as desk:
        code, said, complaint = await bridge.run("operators", "set", OPERATOR, "lunch")
        assert code == 0, said + complaint
        await shows(desk, state="lunch", by="@console", confirmed=True)
        assert set((await paused(asterisk)).values()) == {(True, "lunch")}
        await until(lambda: "lunch" in states_written(bridge), WITHIN_S)
        code, said, complaint = await bridge.run("operators", "states", "--json")
        assert code == 0, complaint
        listed = {one["operator"]: one["state"] for one in map(json.loads, said.splitlines())}
        assert (listed[OPERATOR]["state"], listed[OPERATOR]["by"]) == ("lunch", "@console")
        assert (await desk.command("state.set", state="ready"))["ok"]
        await shows(desk, state="ready", confirmed=True)


async def leaves(desk: Desk, call_id: str, state: str) -> None:
    """He writes what is required, goes on, and is ready in the end."""
    assert (await desk.command("after.save", call=call_id, note="Готово"))["ok"]
    assert (await desk.command("wrapup.finish"))["ok"]
    await shows(desk, state=state, confirmed=True)
    assert (await desk.command("state.set", state="ready"))["ok"]
    await shows(desk, state="ready", confirmed=True)


def states_written(bridge: Bridge) -> list[str]:
    """The states that the journal has of him."""
    return [row[0] for row in _rows(bridge, "state")]


def talks_written(bridge: Bridge) -> str:
    """The calls in which he talks now, by the journal."""
    return "".join(row[0] for row in _rows(bridge, "talks"))


def _rows(bridge: Bridge, column: str) -> list[tuple[str, ...]]:
    query = f"SELECT {column} FROM operator_states WHERE operator = ? AND ended_at IS NULL"
    with closing(sqlite3.connect(f"file:{bridge.data / 'calls.sqlite'}?mode=ro", uri=True)) as journal:
        return journal.execute(query, [OPERATOR]).fetchall()
