"""Storms of calls with a fault in the middle of each, for as long as one likes: every storm ends in what is true.

Between the storms nobody calls: then no call may be live, no screen may show one, and the journal may have none open.
The memory of a bridge that was not restarted meanwhile may not grow from storm to storm.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from promises.cable import Cable
from promises.scene import OPERATORS, PASSWORD
from promises.screens import bridge_with_short_times, is_empty, no_live_calls
from promises.storm import storm

from cti_bridge.calls.journal_file import JournalFile
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk

pytestmark = [
    pytest.mark.soak,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(0),
    pytest.mark.usefixtures("staff"),
]

MINUTES = float(os.environ.get("CTI_SOAK_MINUTES", "30"))
SEED = int(os.environ.get("CTI_SOAK_SEED", "1"))
SETTLED_S = 30.0
WARM_AFTER = 3
"""Storms after which a bridge has opened and filled what it needs for good."""
GROWTH_MIB = 40.0


@dataclass(slots=True)
class Place:
    """What a fault can be done to."""

    asterisk: AsteriskInstance
    bridge: Bridge
    cable: Cable
    chance: random.Random
    memory_mib: list[float] = field(default_factory=list)
    """After each storm since the bridge was started last."""

    async def nothing(self) -> None:
        """A storm is enough."""

    async def cut_the_line(self) -> None:
        """The line to AMI is away for a moment."""
        await self.cable.cut()
        await asyncio.sleep(self.chance.uniform(0.1, 4.0))
        await self.cable.mend()

    async def freeze_the_line(self) -> None:
        """The line to AMI is dead without a word; the bridge finds out by its pings."""
        self.cable.freeze()

    async def kill_the_bridge(self) -> None:
        """It is killed and started again."""
        await self.bridge.kill()
        await self._start_again()

    async def restart_the_bridge(self) -> None:
        """It is told to stop and started again."""
        self.bridge.signal(signal.SIGTERM)
        assert await self.bridge.ended() == 0
        await self._start_again()

    async def restart_asterisk(self) -> None:
        """As an administrator would; its members come back with it."""
        await self.asterisk.restart()
        await self.asterisk.lab.set_global("CTI_AGI", self.bridge.agi_url)

    async def reload_the_rules(self) -> None:
        """SIGHUP, several times."""
        for _ in range(5):
            self.bridge.signal(signal.SIGHUP)
            await asyncio.sleep(0.05)

    async def _start_again(self) -> None:
        self.memory_mib.clear()
        await self.bridge.start(ready=["crm", "journal", "rules"])

    def faults(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            self.nothing, self.nothing, self.cut_the_line, self.cut_the_line, self.freeze_the_line,
            self.reload_the_rules, self.kill_the_bridge, self.restart_the_bridge, self.restart_asterisk,
        ]  # fmt: skip


async def test_storms_with_faults(asterisk: AsteriskInstance, prepared: Path, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    until = time.monotonic() + MINUTES * 60
    async with (
        Cable.to(asterisk.address, asterisk.ami_port) as cable,
        bridge_with_short_times(asterisk, prepared, tmp_path / "bridge", ami_port=cable.port) as bridge,
    ):
        await asterisk.lab.set_global("CTI_AGI", bridge.agi_url)
        place = Place(asterisk, bridge, cable, chance)
        rounds = 0
        while not rounds or time.monotonic() < until:
            rounds += 1
            fault = chance.choice(place.faults())
            print(f"\nstorm {rounds}, seed {SEED}: {fault.__name__}", end="", flush=True)
            await one_storm(place, fault)
            place.memory_mib.append(memory_mib(bridge.pid))
            calls = JournalFile(bridge.data / "calls.sqlite").calls(limit=1_000_000)
            print(f", {len(calls)} calls so far, {place.memory_mib[-1]:.0f} MiB", end="", flush=True)
            assert [record.id for record in calls if record.ended_at is None] == []
            assert "Traceback" not in "".join(bridge.log)
            if len(place.memory_mib) > WARM_AFTER:
                assert place.memory_mib[-1] - place.memory_mib[WARM_AFTER - 1] < GROWTH_MIB


async def one_storm(place: Place, fault: Callable[[], Awaitable[None]]) -> None:
    """A storm, a fault at some moment of it, and quiet."""
    async with AsyncExitStack() as stack:
        for operator in OPERATORS:  # whose pages are part of the storm, as far as they survive it
            await stack.enter_async_context(Desk(operator, place.bridge.page_url, PASSWORD))
        raging = asyncio.create_task(storm(place.asterisk, random.Random(place.chance.random())))
        try:
            await asyncio.sleep(place.chance.uniform(0.5, 6.0))
            await fault()
            if fault != place.restart_asterisk:
                await raging
        finally:
            raging.cancel()
            await asyncio.gather(raging, return_exceptions=True)
    await place.asterisk.hang_up_all()
    await place.bridge.until(["asterisk", "crm", "journal", "rules"], within=SETTLED_S)
    await no_live_calls(place.bridge, within=SETTLED_S)
    async with AsyncExitStack() as stack:
        for operator in OPERATORS:
            await is_empty(await stack.enter_async_context(Desk(operator, place.bridge.page_url, PASSWORD)))


def memory_mib(pid: int) -> float:
    """What this process occupies."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024
