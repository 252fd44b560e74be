"""The FastAGI server against peers of every kind; Asterisk's side is a fake that answers as the real one does."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import ClassVar

import pytest

from cti_bridge.asterisk.agi.server import AgiLimits, AgiServer
from cti_bridge.asterisk.dialplan import RouteAnswer, RouteRequest

ENVIRONMENT = (
    "agi_network: yes\nagi_network_script: {script}\nagi_channel: PJSIP/trunk-1\nagi_uniqueid: 1.1\n"
    "agi_callerid: +74950000150\nagi_calleridname: Мария\nagi_dnid: 74950000149\nagi_threadid: 7\nagi_arg_2: 1.1\n\n"
)


class Desk:
    """Answers every question the same way and remembers what was asked."""

    commands: ClassVar = ['EXEC MSet "A=1,B=2"', 'SET VARIABLE CTI_DECISION "matched"']

    def __init__(self, decision: str = "matched") -> None:
        self.asked: list[RouteRequest] = []
        self.outcomes: list[bool] = []
        self.decision = decision
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def decide(self, request: RouteRequest, accepted_at: float) -> RouteAnswer:
        self.asked.append(request)
        await self.may_answer.wait()
        return RouteAnswer({"A": "1", "B": "2"}, "", self.decision, self.outcomes.append)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def server(desk: Desk) -> AsyncIterator[AgiServer]:
    limits = AgiLimits(environment_s=0.2, whole_s=1.0)
    server = AgiServer(desk.decide, host="127.0.0.1", port=0, limits=limits)
    await server.start()
    yield server
    await server.stop(within_s=1.0)


async def ask(server: AgiServer, script: str = "route") -> list[str]:
    """One whole conversation; the commands that the server sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(ENVIRONMENT.format(script=script).encode())
    commands = []
    async with asyncio.timeout(30):
        while line := await reader.readline():
            commands.append(line.decode().rstrip())
            writer.write(b"200 result=1\n")
    writer.close()
    await writer.wait_closed()
    return commands


async def test_a_question_gets_its_commands_in_order(server: AgiServer, desk: Desk) -> None:
    assert await ask(server) == desk.commands
    assert desk.asked[0].caller_name == "Мария"
    assert desk.outcomes == [True]


async def test_a_question_that_is_not_answered_is_over_at_once(server: AgiServer, desk: Desk) -> None:
    desk.decision = ""

    assert await ask(server) == []
    assert (desk.outcomes, server.broken) == ([True], 0)


async def test_peers_that_connect_and_close_disturb_nobody(server: AgiServer, desk: Desk) -> None:
    for _ in range(50):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.close()
    assert await ask(server) == desk.commands


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\xff" * 100,
        b"agi_network_script: route\n\n",
        b"agi_threadid: 1\nagi_network_script: route\n\n",
        b"x" * 1_000_000,
        b"a: b\n" * 20_000,
    ],
)
async def test_a_peer_that_talks_nonsense_is_dropped_and_the_next_is_served(
    server: AgiServer, desk: Desk, noise: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    async with asyncio.timeout(30):
        try:
            writer.write(noise)
            await writer.drain()
            assert await reader.read() == b""
        except ConnectionError:
            pass  # closed while we were still talking: dropped all the same
    writer.close()
    assert await ask(server) == desk.commands


async def test_random_noise_never_stops_the_server(server: AgiServer, desk: Desk) -> None:
    chance = random.Random(20261121)
    for _ in range(100):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(chance.randbytes(chance.randrange(400)) + b"\n\n")
        writer.close()
    assert await ask(server) == desk.commands


@pytest.mark.parametrize("script", ["", "other", "route/guess", "ROUTE"])
async def test_a_path_that_is_not_ours_learns_nothing(server: AgiServer, desk: Desk, script: str) -> None:
    assert await ask(server, script) == []
    assert desk.asked == []
    assert server.refused == 1


async def test_with_a_secret_only_its_bearer_is_answered(desk: Desk) -> None:
    server = AgiServer(desk.decide, host="127.0.0.1", port=0, secret="s3cret")
    await server.start()
    try:
        assert await ask(server) == []
        assert await ask(server, "route/s3cret") == desk.commands
    finally:
        await server.stop(within_s=1.0)


async def test_a_caller_who_hangs_up_in_between_is_noticed(server: AgiServer, desk: Desk) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(ENVIRONMENT.format(script="route").encode())
    await reader.readline()
    writer.write(b"HANGUP\n")
    assert await asyncio.wait_for(reader.read(), 30) == b""
    writer.close()
    assert desk.outcomes == [False]


async def test_a_peer_that_dies_in_the_middle_of_a_command_is_noticed(server: AgiServer, desk: Desk) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(ENVIRONMENT.format(script="route").encode())
    await reader.readline()
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(30):
        while not desk.outcomes:
            await asyncio.sleep(0.01)
    assert desk.outcomes == [False]


async def test_a_decision_in_flight_is_finished_when_the_server_stops(desk: Desk) -> None:
    server = AgiServer(desk.decide, host="127.0.0.1", port=0)
    await server.start()
    desk.may_answer.clear()
    asking = asyncio.create_task(ask(server))
    async with asyncio.timeout(30):
        while not desk.asked:
            await asyncio.sleep(0.01)
    stopping = asyncio.create_task(server.stop(within_s=5.0))
    await asyncio.sleep(0)
    desk.may_answer.set()
    assert await asking == desk.commands
    await stopping


async def test_a_value_with_a_line_break_never_becomes_a_command() -> None:
    desk = Desk('matched"\nEXEC System "rm')
    server = AgiServer(desk.decide, host="127.0.0.1", port=0)
    await server.start()
    try:
        assert await ask(server) == ['EXEC MSet "A=1,B=2"']
        assert desk.outcomes == [False]
    finally:
        await server.stop(within_s=1.0)
