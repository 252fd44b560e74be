"""Very many pages in front of the real bridge process; the fake PBX of the benchmarks plays its calls.

A real Asterisk would have the machine to itself with what is asked for here.
"""

import asyncio
import json
import random
import resource
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.desk_room import add_operators, extension
from benchmarks.fake_pbx import FakePbx, PlayedCall
from demo.asterisk import AsteriskInstance
from demo.bridge import AGI_PORT, Bridge
from demo.desks import PROTOCOL
from promises.screens import free_port

BACK_WITHIN_S = 60.0
"""Far more than a thousand pages need on a busy machine; the page itself spreads its return over five seconds."""


@asynccontextmanager
async def crowded_room(folder: Path, *, operators: int, customers: str) -> AsyncIterator["Room"]:
    """A running bridge with so many operators `op0`, `op1` …, whose phones are `PJSIP/1000`, `PJSIP/1001` …"""
    bridge, address = bridge_without_asterisk(folder)
    (folder / "customers.csv").write_text(customers, "utf-8")
    code, _, complaint = await bridge.run("crm", "import", str(folder / "customers.csv"))
    assert code == 0, complaint
    key = await add_operators(bridge.data, [f"PJSIP/{extension(number)}" for number in range(operators)])
    async with FakePbx(address, AGI_PORT) as pbx, AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))
        )
        stack.push_async_callback(bridge.kill)
        await bridge.start()
        yield Room(bridge, pbx, key, http)


def bridge_without_asterisk(folder: Path) -> tuple[Bridge, str]:
    """A bridge for a fake PBX, not started, and the address where it expects that PBX's AMI."""
    place = AsteriskInstance(Path("/nonexistent"), folder / "pbx")  # only for its addresses, never started
    bridge = Bridge(folder, place, page_port=free_port())
    settings = bridge.read_settings()
    settings["pbxes"][0].pop("ari", None)  # there is nobody who would speak it
    bridge.write_settings(settings)
    return bridge, place.address


@dataclass(slots=True)
class Room:
    """A running bridge, the fake PBX it is connected to, and what pages need to connect."""

    bridge: Bridge
    pbx: FakePbx
    key: str
    http: aiohttp.ClientSession

    @asynccontextmanager
    async def pages(self, operators: list[str]) -> AsyncIterator[list["Visitor"]]:
        """A page for each of these operators, connected all at once."""
        visitors = [Visitor(self, operator) for operator in operators]
        try:
            async with asyncio.timeout(BACK_WITHIN_S):
                await asyncio.gather(*(visitor.come() for visitor in visitors))
            yield visitors
        finally:
            await asyncio.gather(*(visitor.leave() for visitor in visitors))

    async def call(self, operator: int, caller: str, *, ring_s: float = 1.0, talk_s: float = 0.1) -> str:
        """A whole call that this operator answers; gives back its id."""
        call = PlayedCall(self.pbx.new_id(), caller, extension(operator), ring_s, talk_s)
        await self.pbx.play(call)
        return call.id

    async def metric(self, name: str) -> float:
        """A figure that the bridge tells of itself."""
        async with self.http.get(f"{self.bridge.private_url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return float(next(line.split()[-1] for line in lines if line.startswith(f"{name} ")))

    def memory_mib(self) -> float:
        """What the bridge occupies."""
        status = Path(f"/proc/{self.bridge.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


@dataclass(slots=True)
class Visitor:
    """One page: it comes, reads and confirms what it gets, and notes what happened to calls."""

    room: Room
    operator: str
    welcomes: list[dict[str, Any]] = field(default_factory=list)
    told: dict[str, list[str]] = field(default_factory=dict)
    refusals: Counter[int] = field(default_factory=Counter)
    close_code: int | None = None
    _socket: aiohttp.ClientWebSocketResponse | None = None
    _reading: asyncio.Task[None] | None = None

    async def come(self) -> None:
        """Connect and be welcomed, however often one has to ask; whoever is told that it is busy waits a moment."""
        while not await self._tried():
            await asyncio.sleep(random.uniform(0.1, 0.5))
        self._reading = asyncio.create_task(self._read(), name=f"page {self.operator}")

    async def _tried(self) -> bool:
        room = self.room
        auth = {"Authorization": f"Bearer {room.key}"}
        try:
            async with room.http.post(
                f"{room.bridge.page_url}/api/v1/tickets", headers=auth, json={"operator": self.operator}
            ) as answer:
                ticket = (await answer.json())["ticket"]
            socket = await room.http.ws_connect(f"{room.bridge.page_url}/ws", protocols=(PROTOCOL,), max_msg_size=0)
        except aiohttp.WSServerHandshakeError as refusal:
            self.refusals[refusal.status] += 1
            return False
        except (aiohttp.ClientError, OSError):
            self.refusals[0] += 1
            return False
        await socket.send_json({"op": "hello", "ticket": ticket})
        message = await socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            self.refusals[socket.close_code or 0] += 1
            return False
        self.welcomes.append(json.loads(message.data))
        assert self.welcomes[-1]["op"] == "welcome", self.welcomes[-1]
        self._socket = socket
        return True

    async def _read(self) -> None:
        assert self._socket is not None
        async for message in self._socket:
            if '"call":{' in message.data[:200]:
                frame = json.loads(message.data)
                self.told.setdefault(frame["call"]["id"], []).append(frame["type"])
                await self._socket.send_json({"op": "ack", "seq": frame["seq"], "paint_ms": 0})
        self.close_code = self._socket.close_code

    async def sent_away(self) -> int | None:
        """Wait until the bridge has ended the connection; gives back the close code."""
        assert self._reading is not None
        await self._reading
        return self.close_code

    async def stop_reading(self) -> None:
        """Take nothing more from the line, as a page whose machine sleeps; the connection stays."""
        assert self._reading is not None
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading

    def cut(self) -> None:
        """End the connection without a word."""
        assert self._socket is not None
        transport = self._socket.get_extra_info("socket")
        assert transport is not None
        self._transport().abort()

    def _transport(self) -> asyncio.WriteTransport:
        assert self._socket is not None
        connection = self._socket._response.connection
        assert connection is not None
        assert isinstance(connection.transport, asyncio.WriteTransport)
        return connection.transport

    async def leave(self) -> None:
        """Disconnect; may be called twice."""
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError, aiohttp.ClientError):
                await self._reading
        if self._socket is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await self._socket.close()


@contextmanager
def many_files(needed: int) -> Iterator[None]:
    """This process may open so many files meanwhile; AssertionError where the machine does not let it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard >= needed, f"this test needs {needed} open files, this machine allows {hard}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
