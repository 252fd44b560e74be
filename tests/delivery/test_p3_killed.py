"""P3 with the bridge as a real process: it is killed in the middle of delivering, and no report is lost or told twice.

The receiver fails a third of the time and takes some reports without the bridge hearing of it.
"""

import asyncio
import json
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from receiver import SECRET, HttpReceiver, takes

from benchmarks.desk_room import add_operators
from benchmarks.fake_pbx import FakePbx, PlayedCall
from benchmarks.processes import free_tcp_port
from demo.asterisk import AsteriskInstance
from demo.bridge import AGI_PORT, Bridge

pytestmark = pytest.mark.slow

PHONES = ["101", "102", "103", "104"]
CALLS_EACH_TIME = 12
KILLS = 3
READY = ("asterisk", "journal", "rules")


@pytest.fixture
async def receiver() -> AsyncIterator[HttpReceiver]:
    dice = random.Random(4)
    asked: Counter[str] = Counter()

    async def moody(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(dice.random() / 20)
        key = request.headers["webhook-id"]
        asked[key] += 1
        if asked[key] > 2:
            return await takes(request)  # or the test would wait for the longer pauses
        match dice.randrange(6):
            case 0 | 1:
                return web.Response(status=503)
            case 2:
                answer = await takes(request)
                assert request.transport is not None
                request.transport.close()  # taken, and nobody hears of it
                return answer
        return await takes(request)

    async with HttpReceiver(moody) as receiver:
        yield receiver


@pytest.fixture
async def bridge(tmp_path: Path, receiver: HttpReceiver) -> AsyncIterator[Bridge]:
    """A bridge that reports to the receiver, not started."""
    place = AsteriskInstance(Path("/nonexistent"), tmp_path / "pbx")  # only for its addresses
    bridge = Bridge(tmp_path, place, page_port=free_tcp_port())
    (tmp_path / "webhook.secret").write_text(SECRET)
    settings = bridge.read_settings()
    del settings["pbxes"][0]["ari"]
    webhook = {"name": "crm", "url": receiver.url, "secret_file": "webhook.secret"}
    settings["reports"] = {"crm": False, "webhooks": [webhook]}  # there is no customer file
    bridge.write_settings(settings)
    await add_operators(bridge.data, [f"PJSIP/{phone}" for phone in PHONES])
    yield bridge
    await bridge.kill()


async def play(pbx: FakePbx) -> None:
    """Several calls at the same time; the last one's end may still be on its way to the journal."""
    calls = [
        PlayedCall(pbx.new_id(), f"+749500005{number:02}", PHONES[number % len(PHONES)], ring_s=0.1, talk_s=0.2)
        for number in range(CALLS_EACH_TIME)
    ]
    await asyncio.gather(*(pbx.play(call) for call in calls))


def journalled(bridge: Bridge, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{bridge.data / 'calls.sqlite'}?mode=ro", uri=True)) as file:
        return file.execute(query).fetchall()


async def until_all_is_told(bridge: Bridge) -> None:
    async with asyncio.timeout(30):
        while journalled(bridge, "SELECT 1 FROM outbox") or journalled(
            bridge, "SELECT 1 FROM calls WHERE outcome = ''"
        ):
            await asyncio.sleep(0.05)


async def test_killed_in_the_middle_of_delivering_no_report_is_lost_or_told_differently(
    bridge: Bridge, receiver: HttpReceiver
) -> None:
    async with FakePbx(bridge.agi_url.removeprefix("agi://").partition(":")[0], AGI_PORT) as pbx:
        for _ in range(KILLS):
            await bridge.start(ready=READY)
            before = len(receiver.taken)
            await play(pbx)
            await receiver.until(before + 5)
            await bridge.kill()
        await bridge.start(ready=READY)
        await until_all_is_told(bridge)
        assert await bridge.stop() == 0

    outcomes: dict[str, str] = dict(journalled(bridge, "SELECT id, outcome FROM calls"))
    assert len(outcomes) == KILLS * CALLS_EACH_TIME
    told = receiver.distinct()
    assert told.keys() == outcomes.keys()
    bodies: dict[str, bytes] = {}
    for arrival in receiver.arrivals:
        key = arrival.headers["webhook-id"]
        assert bodies.setdefault(key, arrival.body) == arrival.body, "the same key for something else"
    for call, keys in told.items():
        assert keys == [f"{call}/{seq}" for seq in range(1, len(keys) + 1)], "in order and without a gap"
        events = [json.loads(bodies[key]) for key in keys]
        middle = ["call.answered"] if outcomes[call] == "answered" else []
        types = [event["type"] for event in events]
        assert types[: 3 + len(middle)] == ["call.started", *middle, "call.ended", "call.updated"]
        assert set(types[3 + len(middle) :]) <= {"call.updated"}
        assert events[-1]["data"]["outcome"] == outcomes[call]
    assert len(receiver.arrivals) > len(bodies), "some were sent again"


async def test_neither_address_nor_secret_nor_caller_is_in_the_log(bridge: Bridge, receiver: HttpReceiver) -> None:
    bridge.write_settings(bridge.read_settings() | {"log": {"format": "json", "level": "debug"}})
    await receiver.stop()
    async with FakePbx(bridge.agi_url.removeprefix("agi://").partition(":")[0], AGI_PORT) as pbx:
        await bridge.start(ready=READY)
        await play(pbx)
        async with asyncio.timeout(30):
            while not bridge.events("sink.down"):
                await asyncio.sleep(0.05)
        code, out, _ = await bridge.run("outbox", "list", "--json", "--state", "waiting", "--limit", "500")
        assert code == 0
        rows = [json.loads(line) for line in out.splitlines()]
        assert {row["sink"] for row in rows} == {"crm"}
        assert "cannot be reached" in {row["reason"] for row in rows}
        code, out, _ = await bridge.run("outbox", "drop", "--sink", "crm", "--json")
        assert (code, json.loads(out)["dropped"] > 0) == (0, True)
        assert await bridge.stop() == 0
    log = (bridge.folder / "bridge.log").read_text("utf-8")
    for secret in ("geheim", str(receiver.port), SECRET, "74950000500", "Ия"):
        assert secret not in log


async def test_a_receiver_that_hangs_does_not_hold_up_the_end(bridge: Bridge, receiver: HttpReceiver) -> None:
    over = asyncio.Event()

    async def hangs(request: web.Request) -> web.StreamResponse:
        await over.wait()
        return await takes(request)

    receiver.behaviour = hangs
    async with FakePbx(bridge.agi_url.removeprefix("agi://").partition(":")[0], AGI_PORT) as pbx:
        await bridge.start(ready=READY)
        await play(pbx)
        async with asyncio.timeout(20):
            while not receiver.arrivals:
                await asyncio.sleep(0.02)
        assert await bridge.stop() == 0
    over.set()
    assert not bridge.events("stop.failed")
    assert journalled(bridge, "SELECT count(*) FROM outbox WHERE state = 'waiting'")[0][0] >= 1
