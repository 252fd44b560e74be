"""P3 when the disk is full or the journal is locked: calls go on, everybody is told, nothing is lost or told twice."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from receiver import SECRET, HttpReceiver

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk
from demo.sip import Behaviour, Phones
from promises.faults import fill, small_disk, written_by_one_alone
from promises.scene import OPERATORS, PASSWORD, PHONE_OF, SALES, source_is, until
from promises.screens import incoming

pytestmark = pytest.mark.unhurried
DISK_KB = 6144
LOCKED_S = 4.0
PICKS_UP = {PHONE_OF["op3"]: Behaviour(answer_after=0.1)}


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[HttpReceiver]:
    async with HttpReceiver() as receiver:
        yield receiver


@pytest_asyncio.fixture(loop_scope="session")
async def reporting(
    asterisk: AsteriskInstance, installed: Bridge, receiver: HttpReceiver, tmp_path: Path
) -> AsyncIterator[Bridge]:
    """A bridge, not started, whose data is on a disk of six megabytes, and which tells a receiver of calls.

    Only op3 answers sales.
    """
    await asterisk.add_member("sales", f"PJSIP/{PHONE_OF['op3']}", name=OPERATORS["op3"])
    disk = tmp_path / "disk"
    with small_disk(disk, kilobytes=DISK_KB):
        for file in installed.data.iterdir():
            (disk / file.name).write_bytes(file.read_bytes())
        installed.data = disk
        (installed.folder / "webhook.secret").write_text(SECRET)
        webhook = {"name": "crm", "url": receiver.url, "secret_file": "webhook.secret"}
        installed.write_settings(
            installed.read_settings() | {"data_dir": str(disk), "reports": {"webhooks": [webhook]}}
        )
        yield installed
        await installed.kill()


async def test_on_a_full_disk_calls_are_answered_and_every_report_comes_when_there_is_space_again(
    asterisk: AsteriskInstance, reporting: Bridge, receiver: HttpReceiver
) -> None:
    bridge = reporting
    await bridge.start()
    async with Desk("op3", bridge.page_url, PASSWORD) as desk, Phones(asterisk, PICKS_UP):
        calls = [await answered(asterisk, desk)]
        await receiver.until(4)
        filler = fill(bridge.data)
        calls += [await answered(asterisk, desk)]
        await source_is(bridge, "journal", "at_risk", why="full")
        await desk_hears(desk, "at_risk")
        calls += [await answered(asterisk, desk) for _ in range(2)]
        assert len(receiver.arrivals) == 4, "nothing is told that is not on disk"
        assert written(bridge) == {calls[0]: "answered"}
        filler.unlink()
        await source_is(bridge, "journal", "up", within=30)
        await desk_hears(desk, "up")
    await all_is_told(bridge, receiver, calls)
    assert await bridge.stop() == 0
    assert not bridge.events("journal.refused")


async def test_while_somebody_has_the_journal_for_himself_calls_are_answered_and_told_afterwards(
    asterisk: AsteriskInstance, reporting: Bridge, receiver: HttpReceiver
) -> None:
    bridge = reporting
    await bridge.start()
    async with Desk("op3", bridge.page_url, PASSWORD) as desk, Phones(asterisk, PICKS_UP):
        calls = [await answered(asterisk, desk)]
        await receiver.until(4)
        async with written_by_one_alone(bridge.data / "calls.sqlite"):
            began = time.monotonic()
            calls += [await answered(asterisk, desk)]
            await source_is(bridge, "journal", "at_risk", why="locked")
            await desk_hears(desk, "at_risk")
            while time.monotonic() < began + LOCKED_S:
                calls += [await answered(asterisk, desk)]
            assert len(receiver.arrivals) == 4
        await source_is(bridge, "journal", "up", within=30)
    await all_is_told(bridge, receiver, calls)


async def test_a_bridge_that_starts_on_a_full_disk_decides_and_keeps_what_it_has_seen(
    asterisk: AsteriskInstance, reporting: Bridge, receiver: HttpReceiver
) -> None:
    bridge = reporting
    filler = fill(bridge.data)
    await bridge.start(ready=("asterisk", "rules"))
    async with incoming(asterisk, SALES) as caller:
        await asterisk.lab.event("QueueCallerJoin", Uniqueid=caller.channel)
    async with asyncio.timeout(30):
        while (await bridge.sources())["journal"]["state"] == "up":
            await asyncio.sleep(0.05)
    filler.unlink()
    await source_is(bridge, "journal", "up", within=30)
    await all_is_told(bridge, receiver, [caller.call_id], outcome="abandoned")


async def answered(asterisk: AsteriskInstance, desk: Desk) -> str:
    """A call that is in the right queue, on the right page, and answered; its id when it is over."""
    async with incoming(asterisk, SALES) as caller:
        joined = await asterisk.lab.event("QueueCallerJoin", Uniqueid=caller.channel)
        assert joined["Queue"] == "sales"
        await desk.sees(caller.call_id, "call.answered", within=30)
    await desk.sees(caller.call_id, "call.ended", within=30)
    return caller.call_id


async def desk_hears(desk: Desk, state: str) -> None:
    """Wait until the operator's page has been told so of the journal."""

    def news() -> list[Any]:
        sources = (frame.body["source"] for frame in desk.frames if frame.type == "source.state")
        return [source for source in sources if (source["name"], source["state"]) == ("journal", state)]

    await until(news, within=30)


def written(bridge: Bridge) -> dict[str, str]:
    """The calls on disk, and how they ended."""
    with closing(sqlite3.connect(f"file:{bridge.data / 'calls.sqlite'}?mode=ro", uri=True)) as file:
        return dict(file.execute("SELECT id, outcome FROM calls WHERE ended_at IS NOT NULL").fetchall())


async def all_is_told(bridge: Bridge, receiver: HttpReceiver, calls: list[str], *, outcome: str = "answered") -> None:
    """Every call is on disk, and the receiver has had each of its reports once and in order."""
    kinds = ["started", *(["answered"] if outcome == "answered" else []), "ended", "updated"]
    await receiver.until(len(kinds) * len(calls), within_s=60)
    assert written(bridge) == dict.fromkeys(calls, outcome)
    told: dict[str, list[str]] = {}
    for arrival in receiver.arrivals:
        told.setdefault(arrival.event["subject"], []).append(arrival.event["type"])
    assert told == {call: [f"call.{kind}" for kind in kinds] for call in calls}
    assert len({arrival.event["id"] for arrival in receiver.arrivals}) == len(receiver.arrivals)
