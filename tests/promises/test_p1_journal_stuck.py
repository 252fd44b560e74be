"""P1 when the journal cannot be written: calls are decided all the same, and what was seen is written later."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk, DeskError
from promises.faults import being_written, fill, opened_alone, small_disk
from promises.scene import PASSWORD, PRODUCTION, SALES, Arrival, in_time, journalled, source_is, until

DISK_KB = 1024


@pytest_asyncio.fixture(loop_scope="session")
async def on_a_small_disk(installed: Bridge, tmp_path: Path) -> AsyncIterator[Bridge]:
    """A bridge, not started, whose data folder is on a disk of one megabyte."""
    disk = tmp_path / "disk"
    with small_disk(disk, kilobytes=DISK_KB):
        for file in installed.data.iterdir():
            (disk / file.name).write_bytes(file.read_bytes())
        installed.data = disk
        installed.write_settings(installed.read_settings() | {"data_dir": str(disk)})
        yield installed
        await installed.kill()


async def test_a_journal_that_somebody_else_writes_to(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    async with being_written(bridge.data / "calls.sqlite"):
        first = await _a_call_of_sales(asterisk)
        await source_is(bridge, "journal", "at_risk", why="locked")
        second = await _a_call_of_sales(asterisk)
    await source_is(bridge, "journal", "up")
    for call in (first, second):
        assert (await journalled(bridge, call.call_id, ended=True)).outcome == "abandoned"


async def test_a_journal_that_somebody_else_has_for_himself_at_the_start(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    assert await bridge.stop() == 0
    async with opened_alone(bridge.data / "calls.sqlite"):
        await bridge.start(ready=("asterisk", "crm", "rules"), within=30)
        call = await _a_call_of_sales(asterisk)
        await source_is(bridge, "journal", "down", why="locked")
    await source_is(bridge, "journal", "up", within=30)
    assert (await journalled(bridge, call.call_id, ended=True)).outcome == "abandoned"


async def test_a_disk_that_becomes_full(asterisk: AsteriskInstance, on_a_small_disk: Bridge) -> None:
    bridge = on_a_small_disk
    await bridge.start()
    filler = fill(bridge.data)
    calls = [await _a_call_of_sales(asterisk)]
    await source_is(bridge, "journal", "at_risk", why="full")
    calls.append(await _a_call_of_sales(asterisk))
    async with in_time(asterisk, PRODUCTION) as caller:
        assert caller.decided == ("matched", "fresh", "production")
    filler.unlink()
    await source_is(bridge, "journal", "up")
    for call in calls:
        assert (await journalled(bridge, call.call_id, ended=True)).outcome == "abandoned"


async def test_a_disk_that_is_full_at_the_start(asterisk: AsteriskInstance, on_a_small_disk: Bridge) -> None:
    bridge = on_a_small_disk
    filler = fill(bridge.data)
    await bridge.start(ready=("asterisk", "rules"))
    async with in_time(asterisk, SALES) as caller:
        assert caller.decided == ("degraded", "failed", "primary-consult")
    filler.unlink()
    await bridge.until(("crm", "journal"), within=30)
    assert (await journalled(bridge, caller.call_id, ended=True)).outcome == "abandoned"
    await _a_call_of_sales(asterisk)
    await until((bridge.data / "operators.sqlite-shm").exists)
    assert await _can_sign_in(bridge)


async def _a_call_of_sales(asterisk: AsteriskInstance) -> Arrival:
    async with in_time(asterisk, SALES) as caller:
        assert caller.decided == ("matched", "fresh", "sales")
        return caller


async def _can_sign_in(bridge: Bridge) -> bool:
    """Whether op3 can sign in, at the fourth attempt at the latest: one more failure would lock him out."""
    for _ in range(4):
        try:
            async with Desk("op3", bridge.page_url, PASSWORD):
                return True
        except DeskError:
            await asyncio.sleep(0.5)
    return False
