"""The network between two programs, which a test can cut, let go dead, and mend."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress


class Cable:
    """A TCP relay that stands for the network on the way to a server; it can be cut, go dead, and be mended."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self._lines: set[_Line] = set()
        self._words = b""
        self._tripped = asyncio.Event()
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def to(cls, host: str, port: int) -> AsyncIterator["Cable"]:
        """Lay a cable to this address; it ends on 127.0.0.1 at `port`."""
        cable = cls(host, port)
        await cable.mend()
        try:
            yield cable
        finally:
            await cable.cut()

    async def mend(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """End all connections and take no new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await asyncio.gather(*(line.end() for line in self._lines))

    async def go_dead(self) -> None:
        """Let nothing more through on the present websockets, and end neither side; new connections work.

        All other connections are ended: a browser closes the idle ones when its machine goes to sleep.
        """
        others = [line for line in self._lines if not line.is_websocket]
        for line in self._lines:
            line.dead = True
        await asyncio.gather(*(line.end() for line in others))

    def dead_after(self, words: bytes) -> asyncio.Event:
        """Let these words through once, and nothing more on their connection; the event says that they are."""
        self._words, self._tripped = words, asyncio.Event()
        return self._tripped

    def freeze(self) -> None:
        """Let nothing through any more on the present connections, and end neither side; new connections work."""
        for line in self._lines:
            line.dead = True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._to)
        except OSError:
            writer.close()
            return
        line = _Line(self._passed)
        self._lines.add(line)
        await line.carry((reader, far_writer), (far_reader, writer))
        self._lines.discard(line)

    def _passed(self, piece: bytes) -> bool:
        """Whether these were the last words that may pass."""
        if not self._words or self._words not in piece:
            return False
        self._words = b""
        self._tripped.set()
        return True


class _Line:
    """One connection through a cable, until either side ends it. `passed` is asked after each piece."""

    def __init__(self, passed: Callable[[bytes], bool]) -> None:
        self.dead = False
        self._passed = passed
        self.is_websocket = False
        self._pumps: list[asyncio.Task[None]] = []

    async def carry(self, *ways: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self._pumps = [asyncio.create_task(self._pump(source, sink)) for source, sink in ways]
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def end(self) -> None:
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while piece := await source.read(65536):
                self.is_websocket = self.is_websocket or b"Upgrade: websocket" in piece
                if not self.dead:
                    sink.write(piece)
                    self.dead = self._passed(piece)
                    await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()
            with suppress(ConnectionError):
                await sink.wait_closed()
