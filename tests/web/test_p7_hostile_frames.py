"""P7 on the websocket: what is not the protocol ends its own connection with the documented code, and no other."""

import asyncio
import base64
import json
import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError
from front_desk import ANNA, BORIS, FrontDesk, PageClient, front_desk
from hostile_texts import TEXTS, half_a_character
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.operators.protocol import Ack, Command, Hello, Ping, ProtocolError, Renew, decode
from cti_bridge.web.site import SocketLimits

pytestmark = pytest.mark.slow

WITHIN_S = 30.0
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK = b"\x11\x22\x33\x44"
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def frame(opcode: int, content: bytes = b"", *, last: bool = True, reserved: int = 0, masked: bool = True) -> bytes:
    """One frame as it goes over the line, also one that no client may send."""
    first = bytes([(0x80 if last else 0) | reserved | opcode])
    flag = 0x80 if masked else 0
    if len(content) < 126:
        length = bytes([flag | len(content)])
    elif len(content) < 65_536:
        length = bytes([flag | 126]) + len(content).to_bytes(2)
    else:
        length = bytes([flag | 127]) + len(content).to_bytes(8)
    if not masked:
        return first + length + content
    return first + length + MASK + bytes(byte ^ MASK[place % 4] for place, byte in enumerate(content))


HELLO = frame(TEXT, b'{"op":"hello"}')
SAY_PING = frame(TEXT, b'{"op":"ping"}')


@asynccontextmanager
async def line(desk: FrontDesk, cookie: str = "", *headers: str) -> AsyncIterator[Line]:
    """A websocket after its handshake, or after what was answered instead."""
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.listener.port)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        "GET /ws HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Protocol: cti-bridge.v1", f"Cookie: cti_session={cookie}", *headers,
    )  # fmt: skip
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def status(reader: asyncio.StreamReader) -> int:
    """What the handshake was answered with, without its headers."""
    async with asyncio.timeout(WITHIN_S):
        head = await reader.readuntil(b"\r\n\r\n")
    return int(head.split()[1])


async def close_code(reader: asyncio.StreamReader) -> int:
    """The code of the server's close frame; 1006 where the line ended without one, as in a browser."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        async with asyncio.timeout(WITHIN_S):
            while True:
                first, second = await reader.readexactly(2)
                length = second & 0x7F
                if length >= 126:
                    length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8))
                content = await reader.readexactly(length)
                if first & 0x0F == CLOSE:
                    return int.from_bytes(content[:2]) if content else 1005
    return 1006


BROKEN = {
    "an unmasked frame": (frame(TEXT, b"{}", masked=False), {1002, 4004}),
    "reserved bits": (frame(TEXT, b"{}", reserved=0x20), {1002}),
    "compression that was not agreed": (frame(TEXT, b"\x78\x9c", reserved=0x40), {1002, 1007}),
    "an unknown opcode": (frame(0x3, b"x"), {1002}),
    "an unknown control frame": (frame(0xB, b"x"), {1002}),
    "a long ping": (frame(PING, b"x" * 126), {1002}),
    "a ping in pieces": (frame(PING, b"x", last=False), {1002}),
    "the end of nothing": (frame(CONTINUATION, b"x"), {1002}),
    "text in text": (frame(TEXT, b'{"op":', last=False) + frame(TEXT, b'"ping"}'), {1002}),
    "bytes that are no text": (frame(TEXT, b'{"op":"\xff\xfe"}'), {1007}),
    "half a letter": (frame(TEXT, half_a_character('{"op":"п')), {1007}),
    "half a letter, twice": (frame(TEXT, b"\xd0", last=False) + frame(CONTINUATION, b"\xff"), {1007}),
    "bytes": (frame(BINARY, b'{"op":"ping"}'), {4004}),
    "too much": (frame(TEXT, b" " * 70_000), {1009}),
    "too much announced": (bytes([0x81, 0xFF]) + (2**62).to_bytes(8) + MASK, {1009, 1002}),
    "too much in pieces": (
        frame(TEXT, b" " * 30_000, last=False) + frame(CONTINUATION, b" " * 30_000, last=False) * 3, {1009},
    ),
    "too much in crumbs": (frame(TEXT, b" ", last=False) + frame(CONTINUATION, b" ", last=False) * 70_000, {1009}),
    "pings without end": (frame(PING) * 500, {4004}),
    "pongs without end": (frame(PONG) * 500, {4004}),
    "frames without end": (SAY_PING * 500, {4004}),
    "a close code that does not exist": (frame(CLOSE, (999).to_bytes(2)), {1002}),
    "a close reason that is no text": (frame(CLOSE, (1000).to_bytes(2) + b"\xff\xfe"), {1007, 1002}),
    "half a close code": (frame(CLOSE, b"\x03"), {1002}),
    "bytes that are no frame": (os.urandom(4) + b"\xff" * 300, {1002, 1009}),
}  # fmt: skip


async def test_a_broken_frame_ends_its_own_connection_with_a_code_that_says_why(tmp_path: Path) -> None:
    async with front_desk(tmp_path, limits=SocketLimits(close_s=0.1)) as desk:
        cookie = await desk.sign_in("anna")
        colleague = await desk.page(BORIS)
        for name, (sent, codes) in BROKEN.items():
            async with line(desk, cookie) as (reader, writer):
                assert await status(reader) == 101
                writer.write(HELLO)
                await desk.counted("cti_pages", 2)
                writer.write(sent)
                assert await close_code(reader) in codes | {1006} if "without end" in name else codes, name
                await desk.counted("cti_pages", 1)
            await colleague.silence()


async def test_empty_pieces_of_a_frame_without_end_slow_nobody_down(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        cookie = await desk.sign_in("anna")
        colleague = await desk.page(BORIS)
        async with line(desk, cookie) as (reader, writer):
            assert await status(reader) == 101
            writer.write(HELLO + frame(TEXT, last=False) + frame(CONTINUATION, last=False) * 100_000)
            await desk.counted("cti_pages", 2)
            for _ in range(5):
                await colleague.silence()
                desk.clock.now += 1
        await desk.counted("cti_pages", 1)


REFUSED = {
    "another origin": (("Origin: https://evil.example",), 403),
    "no page at all": (("Origin: null",), 403),
    "an origin that begins like ours": (("Origin: http://localhost.evil.example",), 403),
    "two origins": (("Origin: http://localhost", "Origin: https://evil.example"), 403),
    "two origins in one": (("Origin: http://localhost https://evil.example",), 403),
    "an origin of 5 kB": (("Origin: http://" + "x" * 5_000,), 403),
    "bytes": (("Origin: \x01",), 400),
    "another host": (("Host: evil.example",), 400),
}


async def test_a_handshake_from_elsewhere_is_refused_and_no_place_is_kept_for_it(tmp_path: Path) -> None:
    async with front_desk(tmp_path, limits=SocketLimits(strangers=1)) as desk:
        cookie = await desk.sign_in("anna")
        for name, (headers, code) in REFUSED.items():
            async with line(desk, cookie, *headers) as (reader, _):
                assert await status(reader) in (code, 400), name
        page = await desk.connect(cookie)
        await page.hello()


FORGED = [
    "x",
    "0" * 43,
    "null",
    "anna",
    "../../operators.sqlite",
    "%00",
    "' OR 1=1 --",
    "a" * 3_000,
    '"',
    "\u202e",
    "🦊",
]


async def test_a_made_up_session_or_ticket_opens_nothing(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        good = await desk.sign_in("anna")
        for cookie in [*FORGED, good[:-1], good + "x", good.swapcase(), f" {good[1:]}"]:
            async with line(desk, cookie) as (reader, writer):
                if (answer := await status(reader)) == 101:
                    writer.write(HELLO)
                    assert await close_code(reader) == 4002, cookie
                else:
                    assert answer == 400, cookie
        for ticket in [*FORGED, good]:
            page = await desk.connect(good)
            await page.send(op="hello", ticket=ticket)
            assert (await page.sent_away())[1] in (4002, 4004), ticket
        assert desk.count("cti_pages") == 0


@pytest.fixture
def room_for_both_ends() -> Iterator[None]:
    """A thousand connections have two thousand ends, all of them in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 16_384), hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("room_for_both_ends")
async def test_a_thousand_who_say_no_hello_neither_get_in_nor_keep_anybody_out(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(front_desk(tmp_path, limits=SocketLimits(hello_s=6.0, close_s=1.0)))
        cookie = await desk.sign_in("anna")
        inside = await desk.page(BORIS)
        lines = [await stack.enter_async_context(line(desk, cookie)) for _ in range(1_000)]
        answers = await asyncio.gather(*(status(reader) for reader, _ in lines))
        assert set(answers) <= {101, 503}
        assert answers.count(503) >= 700, "no more than two hundred wait at a time"
        await inside.silence()
        at_the_door = [reader for (reader, _), answer in zip(lines, answers, strict=True) if answer == 101]
        assert set(await asyncio.gather(*map(close_code, at_the_door))) == {4001}
        for _, writer in lines:
            writer.close()
        await _gets_in(desk)


async def _gets_in(desk: FrontDesk) -> None:
    """As soon as the server has stopped waiting for the others' goodbyes."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                await (await desk.page(ANNA)).silence()
            except WSServerHandshakeError as refused:
                assert refused.status == 503
                await asyncio.sleep(0.05)
            else:
                return


async def test_hostile_texts_in_frames_come_back_in_no_answer_but_their_own(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        cookie = await desk.sign_in("anna")
        for text in (text[:2_000] for text in TEXTS.values()):
            for sent in ({"op": text}, {"op": "command", "id": text, "name": text}, {"op": "renew", "ticket": text}):
                page: PageClient = await desk.connect(cookie)
                await page.hello()
                desk.clock.now += 60
                await page.send(**sent)
                message = await page.socket.receive(WITHIN_S)
                answer = json.loads(message.data)
                assert answer["op"] in ("bye", "result"), text
                if answer["op"] == "bye":
                    assert answer["code"] in (4002, 4004)
                await page.socket.close()


values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=80), st.sampled_from([*TEXTS.values()])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=12,
)
fields = ("ticket", "resume", "seq", "stream", "id", "name", "args", "paint_ms")
almost = st.fixed_dictionaries(
    {"op": st.sampled_from(["hello", "ack", "command", "renew", "ping"])},
    optional={name: st.one_of(values, st.integers(0, 2**60), st.just("x")) for name in fields},
)


@given(st.one_of(values, almost).map(json.dumps) | st.text() | st.sampled_from([*TEXTS.values()]))
def test_any_text_is_a_frame_of_the_protocol_or_an_error_of_the_protocol(text: str) -> None:
    try:
        understood = decode(text)
    except ProtocolError as error:
        assert error.code.isidentifier()
        assert str(error).isprintable()
        assert len(str(error)) < 200
    else:
        assert isinstance(understood, Hello | Ack | Command | Renew | Ping)
        assert json.loads(text)["op"] == type(understood).__name__.lower()
