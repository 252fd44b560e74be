"""A thousand operators signed in on one bridge: memory, CPU while nothing happens, and what a new state costs.

The PBX is a fake: every operator is a member of one queue, and each pause is confirmed by the event that follows it.
"""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benchmarks.customers import customer_file
from benchmarks.desk_room import Room, extension, room
from benchmarks.figures import Row, percentile
from benchmarks.pages import CONNECTING_AT_ONCE, connect
from benchmarks.processes import cpu_s, memory_mib

OPERATORS = 1000
CHANGES_PER_S = 50.0
LIMIT_MIB = 200
LIMIT_MS = 100.0
"""What people take for at once."""
IDLE_S = 10.0
WITHIN_S = 60.0


@dataclass(slots=True)
class Desk:
    """One operator's page without a browser: when it asked for a state, and when it was told that Asterisk has it."""

    operator: str
    socket: aiohttp.ClientWebSocketResponse
    asked_at: dict[str, float] = field(default_factory=dict)
    confirmed_at: dict[str, float] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        """Take what comes until the line ends."""
        async for message in self.socket:
            if '"operator.state"' not in message.data[:120]:
                continue
            state = json.loads(message.data)["state"]
            if state["confirmed"] and state["state"] in self.asked_at:
                self.confirmed_at.setdefault(state["state"], time.monotonic())
                self.news.set()

    async def ask(self, state: str) -> None:
        """Ask for a state."""
        self.asked_at[state] = time.monotonic()
        frame = {"op": "command", "id": f"{self.operator}-{state}", "name": "state.set", "args": {"state": state}}
        await self.socket.send_str(json.dumps(frame))

    async def has(self, state: str) -> float:
        """Milliseconds from the command to the event that confirms it."""
        while state not in self.confirmed_at:
            self.news.clear()
            await self.news.wait()
        return (self.confirmed_at[state] - self.asked_at[state]) * 1000


async def rows() -> list[Row]:
    """Measure and return the rows."""
    async with room(operators=OPERATORS, customers=customer_file()) as place:
        place.pbx.members = [f"PJSIP/{extension(number)}" for number in range(OPERATORS)]
        found = await _measure(place)
    return found


async def _measure(place: Room) -> list[Row]:
    pid = place.bridge.pid
    empty_mib = memory_mib(pid)
    async with AsyncExitStack() as stack:
        desks = await _desks(stack, place)
        connected_mib = memory_mib(pid)
        idle = await _idle_share(pid)
        before, began = cpu_s(pid), time.monotonic()
        for position, desk in enumerate([*desks, *desks]):
            await asyncio.sleep(max(0.0, began + position / CHANGES_PER_S - time.monotonic()))
            await desk.ask("lunch" if position < OPERATORS else "ready")
        async with asyncio.timeout(WITHIN_S):
            times = [await desk.has(state) for state in ("lunch", "ready") for desk in desks]
        cpu_ms = (cpu_s(pid) - before) / len(times) * 1000
        loaded_mib = memory_mib(pid)
    what = f"{OPERATORS} operators signed in"
    p50, p95 = percentile(times, 50), percentile(times, 95)
    return [
        Row(f"{what}: memory", f"{loaded_mib:.0f} MiB",
            f"limit {LIMIT_MIB} MiB; {connected_mib:.0f} before the changes of state, {empty_mib:.0f} without pages",
            loaded_mib / LIMIT_MIB, "≤ 1"),
        Row(f"{what}: CPU while nothing happens", f"{idle:.1%} of a core", "", None, ""),
        Row(f"{what}: command to confirmed state, {CHANGES_PER_S:.0f} a second: p50 / p95", f"{p50:.1f} / {p95:.1f} ms",
            f"limit {LIMIT_MS:.0f} ms", p95 / LIMIT_MS, "≤ 1"),
        Row(f"{what}: CPU per change of state", f"{cpu_ms:.1f} ms", "", None, ""),
    ]  # fmt: skip


async def _desks(stack: AsyncExitStack, place: Room) -> list[Desk]:
    http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
    few = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def one(operator: str) -> Desk:
        async with few:
            return Desk(operator, await connect(http, place.page_url, place.key, operator))

    desks = await asyncio.gather(*(one(f"op{number}") for number in range(OPERATORS)))
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(desk.read()) for desk in desks]

    async def leave() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    stack.push_async_callback(leave)
    return list(desks)


async def _idle_share(pid: int) -> float:
    before = cpu_s(pid)
    await asyncio.sleep(IDLE_S)
    return (cpu_s(pid) - before) / IDLE_S
