"""P7 at the FastAGI port, peer by peer: crowds of any kind keep nobody else waiting and leave nothing."""

import asyncio
import os
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from hostile_texts import TEXTS
from hypothesis import given
from hypothesis import strategies as st
from test_server import ENVIRONMENT, Desk, ask

from cti_bridge.asterisk.agi.contract import read_request
from cti_bridge.asterisk.agi.server import MAX_ENVIRONMENT, AgiLimits, AgiServer, _whole_question

CROWD, MANY = 500, 40
QUESTION = ENVIRONMENT.format(script="route").encode()
WITHIN_S = 30.0

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def stops_in_the_middle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION[:50])
    await reader.read()


async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION)
    await reader.read()


async def stops_after_the_first_command(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION)
    await reader.readline()
    writer.write(b"200 result=1\n")
    await reader.read()


async def is_always_just_trying(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION)
    while await reader.read(1000):
        writer.write(b"100 result=0 Trying...\n" * 10)
        await writer.drain()


async def announces_help_that_never_comes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION)
    await reader.readline()
    writer.write(b"520-Invalid command syntax.  Proper usage follows:\n")
    await reader.read()


async def answers_with_a_megabyte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION)
    await reader.readline()
    writer.write(b"2" * 1_000_000)
    await reader.read()


async def answers_in_no_language(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION)
    await reader.readline()
    writer.write(b"\xff\xfe\x00200 result=\xc3\n")
    await reader.read()


async def sends_a_megabyte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"agi_callerid: " + b"7" * 1_000_000 + b"\n\n")
    await reader.read()


async def sends_bytes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(os.urandom(2_000) + b"\n\n")
    await reader.read()


async def closes_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Nothing is said."""


async def resets_in_the_middle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION[:50])
    writer.transport.abort()


async def asks_and_closes_its_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION)
    writer.write_eof()
    await reader.read()


async def closes_its_half_in_the_middle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION[:50])
    writer.write_eof()
    await reader.read()


async def has_forged_a_second_channel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION.replace(b"agi_dnid: ", b"agi_dnid: 7\nagi_uniqueid: main-9.9\nx: "))
    await reader.read()


async def has_forged_the_end_of_the_question(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    forged = b"agi_dnid: 7\nagi_arg_5: trunk\nagi_arg_6: A\n\n" + b"200 result=1\n" * 3
    writer.write(QUESTION.replace(b"agi_dnid: ", forged))
    await reader.read()


PEERS = [
    says_nothing,
    stops_in_the_middle,
    never_answers,
    stops_after_the_first_command,
    is_always_just_trying,
    announces_help_that_never_comes,
    answers_with_a_megabyte,
    answers_in_no_language,
    sends_a_megabyte,
    sends_bytes,
    closes_at_once,
    resets_in_the_middle,
    asks_and_closes_its_half,
    closes_its_half_in_the_middle,
    has_forged_a_second_channel,
    has_forged_the_end_of_the_question,
]
NOT_ASKED = {
    says_nothing, stops_in_the_middle, sends_a_megabyte, sends_bytes, closes_at_once, resets_in_the_middle,
    closes_its_half_in_the_middle, has_forged_a_second_channel, has_forged_the_end_of_the_question,
}  # fmt: skip
"""Peers for whom nothing is decided and nobody is looked up."""


@pytest.fixture(autouse=True)
def room_for_both_ends() -> Iterator[None]:
    """Five hundred connections have a thousand ends, all of them in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4096), hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def serving(desk: Desk, limits: AgiLimits) -> AsyncIterator[AgiServer]:
    server = AgiServer(desk.decide, host="127.0.0.1", port=0, limits=limits)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(within_s=WITHIN_S)


@asynccontextmanager
async def crowd(server: AgiServer, peers: Sequence[Peer]) -> AsyncIterator[None]:
    """These peers, all connected and begun; gone afterwards."""

    async def visit(peer: Peer) -> None:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            begun.release()
            try:
                await peer(reader, writer)
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    begun = asyncio.Semaphore(0)
    visits = [asyncio.create_task(visit(peer)) for peer in peers]
    try:
        async with asyncio.timeout(WITHIN_S):
            for _ in peers:
                await begun.acquire()
        yield
    finally:
        for task in visits:
            task.cancel()
        await asyncio.gather(*visits, return_exceptions=True)


@pytest.mark.parametrize("peer", PEERS)
async def test_whoever_behaves_is_answered_between_many_who_do_not(peer: Peer) -> None:
    """All the time while the others are there, which the server allows them for a minute here."""
    desk = Desk()
    async with serving(desk, AgiLimits(environment_s=60.0, whole_s=60.0)) as server:
        async with crowd(server, [peer] * MANY):
            for _ in range(3):
                assert await ask(server) == desk.commands
        assert len(desk.asked) == 3 if peer in NOT_ASKED else len(desk.asked) >= 3


async def test_whoever_behaves_is_answered_between_five_hundred_of_all_kinds() -> None:
    desk = Desk()
    async with serving(desk, AgiLimits(environment_s=60.0, whole_s=60.0)) as server:
        kinds = len(PEERS)
        async with crowd(server, [PEERS[number % kinds] for number in range(CROWD)]):
            for _ in range(3):
                assert await ask(server) == desk.commands
        assert server.requests >= 3
    assert server._conversations == set()


@pytest.mark.parametrize("peer", PEERS)
async def test_a_strange_peer_is_let_go_when_its_time_is_over_and_nothing_of_it_is_kept(peer: Peer) -> None:
    desk = Desk()
    async with serving(desk, AgiLimits(environment_s=0.1, whole_s=0.3)) as server:
        began = time.monotonic()
        async with crowd(server, [peer] * 5), asyncio.timeout(WITHIN_S):
            while server.broken + server.refused + len(desk.outcomes) < 5 or server._conversations:
                await asyncio.sleep(0.01)
        assert time.monotonic() - began < WITHIN_S
        assert not any(desk.outcomes), "none of them was told everything"
        assert await ask(server) == desk.commands


async def test_an_environment_without_end_is_not_read_to_its_end() -> None:
    desk = Desk()
    async with serving(desk, AgiLimits(environment_s=60.0, whole_s=60.0)) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        lines, sent = b"".join(b"agi_arg_%d: 7\n" % number for number in range(1_000)), 0
        with suppress(OSError):
            async with asyncio.timeout(WITHIN_S):
                while True:
                    writer.write(lines)
                    await writer.drain()
                    sent += len(lines)
        assert MAX_ENVIRONMENT < sent < 50_000_000, "what the two kernels hold, and no more"
        assert server.broken == 1
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        assert await ask(server) == desk.commands


keys = st.sampled_from([line.split(": ")[0] for line in QUESTION.decode().splitlines() if line] + ["agi_arg_1", "x"])
texts = st.one_of(st.text(max_size=40), st.sampled_from(sorted(TEXTS.values())))


@given(st.lists(st.tuples(keys, texts), max_size=15))
def test_any_environment_is_a_question_or_refused(lines: list[tuple[str, str]]) -> None:
    try:
        request = read_request(_whole_question("\n".join(f"{key}: {value}" for key, value in lines)))
    except ValueError:
        return
    assert [key for key, _ in lines].count("agi_uniqueid") == 1
    assert request.uniqueid == dict(lines)["agi_uniqueid"].split("\n")[0][:256]
    assert all(len(text) <= 256 for text in (request.caller_name, request.caller_number, request.did, request.trunk))


@given(st.text(max_size=2_000))
def test_any_text_is_a_question_or_refused(text: str) -> None:
    try:
        read_request(_whole_question(text))
    except ValueError:
        return
    assert "agi_threadid" in text


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in TEXTS.items()])
@pytest.mark.parametrize("place", ["agi_callerid", "agi_calleridname", "agi_dnid"])
def test_a_hostile_text_is_the_value_of_its_own_line_or_the_question_is_refused(place: str, text: str) -> None:
    lines = ENVIRONMENT.format(script="route").removesuffix("\n\n").split("\n")
    environment = "\n".join(f"{place}: {text}" if line.startswith(f"{place}: ") else line for line in lines)
    try:
        request = read_request(_whole_question(environment.partition("\n\n")[0]))
    except ValueError:
        assert "\n" in text
        return
    assert (request.uniqueid, request.linkedid, request.trunk, request.attestation) == ("1.1", "1.1", "", "")
