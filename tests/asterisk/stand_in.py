"""Stand-ins for the bridge: FastAGI servers that answer well, badly, or not at all.

They are fakes, made to put the dialplan to the test; they look nothing up.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing, suppress

Environment = dict[str, str]
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class StandIn:
    """A FastAGI server: `url` for CTI_AGI, and what it was asked, one environment per call."""

    def __init__(self, port: int) -> None:
        self.url = f"agi://127.0.0.1:{port}/route"
        self.asked: list[Environment] = []


@asynccontextmanager
async def bridge(script: Script) -> AsyncIterator[StandIn]:
    """Run a server that reads each call's environment and then follows the script."""
    talks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        environment: Environment = {}
        while line := (await reader.readline()).decode().rstrip("\n"):
            key, _, value = line.partition(": ")
            environment[key.rstrip(":")] = value
        stand_in.asked.append(environment)
        with suppress(ConnectionError):
            await script(reader, writer)
        writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        task = asyncio.create_task(talk(reader, writer))
        talks.add(task)
        task.add_done_callback(talks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    stand_in = StandIn(server.sockets[0].getsockname()[1])
    try:
        yield stand_in
    finally:
        server.close()
        for task in tuple(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        for writer in writers:  # also of a talk that was cancelled before it began
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        await server.wait_closed()


async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: str) -> None:
    """Send one AGI command and wait for its answer."""
    writer.write(f"{command}\n".encode())
    await writer.drain()
    await reader.readline()


def deciding(values: Mapping[str, str]) -> Script:
    """A bridge that sets these variables, and the decision last and alone, as the real one does."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rest = {name: value for name, value in values.items() if name != "CTI_DECISION"}
        for name, value in rest.items():
            await say(reader, writer, f'SET VARIABLE {name} "{value}"')
        await say(reader, writer, f'SET VARIABLE CTI_DECISION "{values["CTI_DECISION"]}"')

    return script


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A bridge that accepts, listens, and never says a word."""
    await reader.read()


async def dying(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A bridge that is killed in the middle of its answer."""
    for name, value in {
        "CTI_CALL_ID": "main-half",
        "CTI_RULE": "half",
        "CTI_CUSTOMER_NAME": "Половина",
        "CTI_STEPS": "2",
        "CTI_STEP_1_QUEUE": "sales",
        "CTI_STEP_2_QUEUE": "production",
        "CTI_STEP_9_MAX_WAITING": "3",
        "CTI_OPERATOR_DIAL": "PJSIP/106",
        "CTI_MAX_PENALTY": "1",
        "CTI_FINAL": "goto:lab-final/s/1",
    }.items():
        await say(reader, writer, f'SET VARIABLE {name} "{value}"')
    writer.transport.abort()


def nobody() -> str:
    """URL of a bridge that is not running: connections are refused."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"agi://127.0.0.1:{probe.getsockname()[1]}/route"
