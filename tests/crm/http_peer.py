"""A peer on loopback that reads the head of each request and then writes what it likes, HTTP or not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Writing = Callable[[asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\n"


@dataclass
class Peer:
    """Where it is, and the heads of what it was asked."""

    port: int = 0
    heads: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def peer(write: Writing) -> AsyncIterator[Peer]:
    """The peer, until the end of the block; every conversation is over then."""
    conversations: set[asyncio.Task[None]] = set()
    here = Peer()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            here.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
            await write(writer)
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    here.port = listening.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        listening.close()
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


def says(*pieces: bytes, every_s: float = 0.0, for_ever: bytes = b"") -> Writing:
    """Writes these pieces, and then `for_ever` again and again."""

    async def write(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        while for_ever:
            writer.write(for_ever)
            await writer.drain()
            await asyncio.sleep(every_s)

    return write


def answers(body: bytes, *headers: str, status: str = "200 OK") -> Writing:
    """One whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return says("\r\n".join([*lines, "", ""]).encode() + body)
