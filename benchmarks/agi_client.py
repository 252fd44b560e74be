"""Asterisk's side of FastAGI: ask as `[cti-route]` does, take every command, wait for the end of the connection.

`question.agi` is what a real Asterisk 22 sent from that dialplan.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from demo.asterisk import render

LIMIT_S = 30.0
DID = "74950000300"
_QUESTION = (Path(__file__).parent / "question.agi").read_text("utf-8").rstrip("\n") + "\n\n"


@dataclass(slots=True)
class Conversation(asyncio.Protocol):
    """One connection; `over` ends with it, and then `commands` are those that the server sent."""

    question: bytes
    over: asyncio.Future[None]
    commands: list[bytes] = field(default_factory=list)
    _transport: asyncio.Transport | None = None
    _rest: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are no subclass
        self._transport.write(self.question)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self.commands.append(line)
            self._transport.write(b"200 result=0\n" if line.startswith(b"EXEC ") else b"200 result=1\n")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)


def question(address: str, call: str, caller: str) -> bytes:
    """What Asterisk says first about a call with this Uniqueid from this number."""
    values = {"ADDRESS": address, "CALL": call, "NUMBER": caller, "NAME": "Ия", "DID": DID}
    return render(_QUESTION, {**values, "CHANNEL": f"PJSIP/trunk-{hash(call) & 0xFFFFFFFF:08x}"}).encode()


async def ask(place: tuple[str, int], asked: bytes) -> tuple[float, list[bytes]]:
    """Milliseconds from connecting to the end of the connection, and the commands. Raises TimeoutError or OSError."""
    loop = asyncio.get_running_loop()
    conversation = Conversation(asked, loop.create_future())
    started = time.perf_counter()
    async with asyncio.timeout(LIMIT_S):
        await loop.create_connection(lambda: conversation, *place)
        await conversation.over
    return (time.perf_counter() - started) * 1000, conversation.commands


Ask = Callable[[int], Awaitable[float]]
"""Holds conversation number N and returns how many milliseconds it took."""


async def at_once(ask_number: Ask, conversations: range, *, width: int) -> tuple[float, ...]:
    """Hold the conversations, always `width` at the same time."""
    waiting = iter(conversations)
    times: list[float] = []

    async def one_after_another() -> None:
        for number in waiting:
            times.append(await ask_number(number))

    async with asyncio.TaskGroup() as group:
        for _ in range(width):
            group.create_task(one_after_another())
    return tuple(times)


async def at_rate(ask_number: Ask, conversations: range, *, per_s: float) -> tuple[float, ...]:
    """Begin a conversation every 1/`per_s` seconds, however long they take."""
    began = time.monotonic()
    running = []
    async with asyncio.TaskGroup() as group:
        for position, number in enumerate(conversations):
            await asyncio.sleep(max(0.0, began + position / per_s - time.monotonic()))
            running.append(group.create_task(_held(ask_number, number)))
    return tuple(task.result() for task in running)


async def _held(ask_number: Ask, number: int) -> float:
    return await ask_number(number)
