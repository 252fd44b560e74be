"""The line between the bridge and a database server: it carries everything, and can fail in the ways that lines do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from contract.place import Trouble

_SOMEBODY_ELSE = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<!doctype html><title>400</title>"


class DatabaseLine:
    """Listens on a port of its own, the same for as long as it is used, and leads to `to`, a port of 127.0.0.1."""

    def __init__(self, to: int) -> None:
        self.port = 0
        self._to = to
        self._trouble: Trouble | None = None
        self._server: asyncio.Server | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def suffer(self, trouble: Trouble) -> None:
        """STOPPED: nobody listens. HANGS: nothing comes back any more. HTML: a web server is there instead."""
        self._trouble = trouble
        if trouble is Trouble.STOPPED:
            await self.close()
        elif trouble is Trouble.HTML:
            await self._end_all()

    async def recover(self) -> None:
        """All is well again; what hung breaks off."""
        was, self._trouble = self._trouble, None
        if was is not None:
            await self._end_all()
        await self.open()

    async def open(self) -> None:
        """Listen, if it does not yet."""
        if self._server is None:
            self._server = await asyncio.start_server(self._called, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End everything and take nobody any more."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self._end_all()
        if server is not None:
            await server.wait_closed()

    async def _end_all(self) -> None:
        calls = tuple(self._calls)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = asyncio.create_task(self._answer(reader, writer), name="database line")
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                if self._trouble is Trouble.HTML:
                    writer.write(_SOMEBODY_ELSE)
                    await writer.drain()
                    await reader.read(1)
                    return
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
                try:
                    there, back = self._carry(reader, far_writer), self._carry(far_reader, writer)
                    ways = [asyncio.create_task(way) for way in (there, back)]
                    try:
                        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        for way in ways:
                            way.cancel()
                        await asyncio.gather(*ways, return_exceptions=True)
                finally:
                    far_writer.transport.abort()
        finally:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65_536):
            if self._trouble is not Trouble.HANGS:
                writer.write(piece)
                await writer.drain()


@asynccontextmanager
async def line_to(port: int) -> AsyncIterator[DatabaseLine]:
    """An open line."""
    line = DatabaseLine(port)
    await line.open()
    try:
        yield line
    finally:
        await line.close()
