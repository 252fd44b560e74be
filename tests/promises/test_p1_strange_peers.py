"""P1 and P7 at the FastAGI port: whoever comes and whatever he says, the next real call is decided as ever."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from demo.asterisk import AsteriskInstance
from demo.bridge import AGI_PORT, Bridge
from promises.scene import PRODUCTION, SALES, in_time

CROWD = 100
"""How many peers of a kind come before each call."""
DECIDED = ("matched", "fresh", "production")
QUESTION = (
    "agi_network: yes\nagi_network_script: {script}\nagi_uniqueid: {uniqueid}\nagi_callerid: {caller}\n"
    "agi_calleridname: unknown\nagi_callingpres: 0\nagi_dnid: 74950000248\nagi_threadid: 1\nagi_arg_1: 74950000248\n\n"
)
Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def closes_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Connects and closes."""


async def resets_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def stops_in_the_middle_of_the_question(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"agi_network: yes\nagi_network_script: route\nagi_uniq")
    await reader.read()


async def sends_a_megabyte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"agi_callerid: " + b"7" * 1_000_000 + b"\n\n")
    await reader.read()


async def sends_a_megabyte_of_short_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"agi_arg_1: 7\n" * 80_000)
    await reader.read()


async def sends_noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(os.urandom(20_000) + b"\n\n")
    await reader.read()


async def speaks_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET /route HTTP/1.1\r\nHost: localhost\r\n\r\n\n\n")
    await reader.read()


async def asks_for_another_script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION.format(script="../../etc/passwd", uniqueid="x-1.1", caller=SALES).encode())
    await reader.read()


async def asks_and_never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION.format(script="route", uniqueid=f"x-{os.urandom(4).hex()}.1", caller=SALES).encode())
    await reader.read()


async def asks_and_answers_noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION.format(script="route", uniqueid=f"x-{os.urandom(4).hex()}.1", caller=SALES).encode())
    while await reader.readline():
        writer.write(os.urandom(200).replace(b"\n", b" ") + b"\n")


PEERS = [
    closes_at_once,
    resets_at_once,
    says_nothing,
    stops_in_the_middle_of_the_question,
    sends_a_megabyte,
    sends_a_megabyte_of_short_lines,
    sends_noise,
    speaks_http,
    asks_for_another_script,
    asks_and_never_answers,
    asks_and_answers_noise,
]


async def test_strange_peers_neither_stop_the_bridge_nor_delay_a_call(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    for peer in PEERS:
        async with _many(peer, asterisk.address, CROWD), in_time(asterisk, PRODUCTION) as caller:
            assert caller.decided == DECIDED, peer.__name__
    assert bridge.running
    assert not [line for line in bridge.log if "Traceback" in line or '"level": "error"' in line]


async def test_a_crowd_at_the_door_is_sent_away_and_the_calls_behind_it_are_in_time(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with _many(says_nothing, asterisk.address, 600), in_time(asterisk, PRODUCTION) as caller:
        assert caller.cti("DECISION") in {"matched", "fallback"}
    async with asyncio.timeout(30), in_time(asterisk, PRODUCTION) as caller:
        assert caller.decided == DECIDED


@asynccontextmanager
async def _many(peer: Peer, host: str, count: int) -> AsyncIterator[None]:
    """That many peers of one kind, all connected and begun; they are gone afterwards."""

    async def visit() -> None:
        with suppress(OSError, asyncio.LimitOverrunError):
            try:
                reader, writer = await asyncio.open_connection(host, AGI_PORT)
            finally:
                begun.release()
            try:
                await peer(reader, writer)
            finally:
                writer.close()

    begun = asyncio.Semaphore(0)
    visits = [asyncio.create_task(visit()) for _ in range(count)]
    try:
        for _ in range(count):
            await begun.acquire()
        yield
    finally:
        for task in visits:
            task.cancel()
        await asyncio.gather(*visits, return_exceptions=True)
