"""P7: whatever a receiver answers, the bridge is not held up, follows nobody, and repeats no secret."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from receiver import SECRET

from cti_bridge.delivery.outbox import Entry
from cti_bridge.delivery.reports import ReportType
from cti_bridge.delivery.verdict import Delivered, Refused, TryAgain, Verdict
from cti_bridge.delivery.webhook import WebhookSink
from cti_bridge.domain.ids import CallId

pytestmark = pytest.mark.slow

ENTRY = Entry(CallId("main-1.1"), "crm", 1, ReportType.STARTED, "waiting", 0.0, 0, 0.0, "", "{}")
Writing = Callable[[asyncio.StreamWriter], Awaitable[None]]
LIMIT_S = 1.5


@asynccontextmanager
async def server(write: Writing) -> AsyncIterator[int]:
    """A peer that reads a request and then does what it likes."""
    conversations: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await reader.readuntil(b"{}")
            await write(writer)
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


async def sent_to(port: int) -> tuple[Verdict, float]:
    """What became of one report, and how many seconds it took."""
    sink = WebhookSink("crm", f"http://127.0.0.1:{port}/?key=geheim", SECRET, timeout_s=LIMIT_S, max_age_s=60)
    began = time.monotonic()
    try:
        return await sink.send(ENTRY), time.monotonic() - began
    finally:
        await sink.close()


def says(*pieces: bytes, every_s: float = 0.0, for_ever: bytes = b"") -> Writing:
    async def write(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every_s)
        while for_ever:
            writer.write(for_ever)
            await writer.drain()
            await asyncio.sleep(every_s)

    return write


OK = b"HTTP/1.1 200 OK\r\n"
CASES = {
    "an answer without an end": (says(OK + b"\r\n", for_ever=b"x" * 65536), Delivered()),
    "an answer of a terabyte": (says(OK + b"Content-Length: 999999999999\r\n\r\n", for_ever=b"x" * 65536), Delivered()),
    "an answer that trickles": (says(OK + b"Content-Length: 1000\r\n\r\n", every_s=0.05, for_ever=b"x"), Delivered()),
    "headers that trickle": (
        says(b"HTTP/1.1 200 OK\r\nX: ", every_s=0.05, for_ever=b"x"), TryAgain(f"no answer within {LIMIT_S:g} s"),
    ),
    "headers without an end": (
        says(OK, for_ever=b"X-Header: " + b"x" * 60_000 + b"\r\n"), TryAgain("its answer is not HTTP"),
    ),
    "a packed bomb": (
        says(OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"), Delivered(),
    ),
    "a redirect to a file": (
        says(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
        TryAgain("HTTP 302, redirects are not followed"),
    ),
    "no HTTP": (says(b"220 mail.example ESMTP\r\n\r\n"), TryAgain("its answer is not HTTP")),
    "a status that is none": (says(b"HTTP/1.1 999999 x\r\n\r\n"), TryAgain("its answer is not HTTP")),
    "a cut line": (says(b""), TryAgain("the connection broke")),
    "a refusal with a novel": (
        says(b"HTTP/1.1 400 Bad\r\nContent-Length: 5\r\n\r\n<img>"), Refused("HTTP 400"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_a_strange_answer_costs_no_more_than_the_time_limit(name: str) -> None:
    write, expected = CASES[name]
    async with server(write) as port:
        verdict, took_s = await sent_to(port)
    assert verdict == expected
    assert took_s < LIMIT_S + 5


async def test_an_answer_that_came_just_in_time_counts_although_the_rest_of_it_does_not_come() -> None:
    async def write(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(LIMIT_S - 0.5)
        writer.write(OK + b"Content-Length: 1000\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(60)

    async with server(write) as port:
        verdict, _ = await sent_to(port)
    assert verdict == Delivered()


async def test_nobody_there_is_said_without_the_address() -> None:
    async with server(says(b"")) as port:
        pass
    verdict, _ = await sent_to(port)
    assert verdict == TryAgain("cannot be reached")
    assert "geheim" not in repr(verdict) and str(port) not in repr(verdict)


async def test_a_certificate_that_nobody_signed_is_no_reason_to_go_on_in_the_clear() -> None:
    async with server(says(OK + b"\r\n")) as port:
        sink = WebhookSink("crm", f"https://127.0.0.1:{port}/", SECRET, timeout_s=LIMIT_S, max_age_s=60)
        try:
            verdict = await sink.send(ENTRY)
        finally:
            await sink.close()
    assert isinstance(verdict, TryAgain)
