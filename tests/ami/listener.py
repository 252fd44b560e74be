"""What a test hears of an AMI connection: events, snapshots, states; and the connection it hears them from."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from cti_bridge.asterisk.ami.connection import AmiAddress, AmiConnection
from cti_bridge.calls.events import CallEvent, Snapshot


class Heard:
    """Keeps what a connection says, and lets a test wait for it."""

    def __init__(self) -> None:
        self.events: list[CallEvent] = []
        self.snapshots: list[Snapshot] = []
        self.order: list[str] = []
        self.states: list[tuple[str, str]] = []
        self._news = asyncio.Condition()

    def take(self, event: CallEvent) -> None:
        self.events.append(event)
        self.order.append(type(event).__name__)
        self._tell()

    def look_back(self, event: CallEvent, *, maybe_heard: bool) -> None:
        self.events.append(event)
        self.order.append(f"past {type(event).__name__}")

    def resync(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)
        self.order.append("Snapshot")
        self._tell()

    def state(self, state: str, reason: str) -> None:
        self.states.append((state, reason))
        self._tell()

    def _tell(self) -> None:
        self._task = asyncio.ensure_future(self._notify())

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def until(self, what: Callable[[], object]) -> None:
        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(what)


@asynccontextmanager
async def connected(
    port: int, heard: Heard, *, secret: str = "geheim", ping_every_s: float = 10.0
) -> AsyncIterator[AmiConnection]:
    async with running(AmiConnection(at(port, secret=secret, ping_every_s=ping_every_s), heard, heard.state)) as ami:
        yield ami


def at(port: int, *, secret: str = "geheim", ping_every_s: float = 10.0, within_s: float = 1.5) -> AmiAddress:
    """Asterisk on this port; nobody waits longer for it than `within_s` seconds."""
    return AmiAddress(
        "127.0.0.1", port, "cti", secret,
        connect_within_s=within_s, answer_within_s=within_s, boot_within_s=within_s,
        ping_every_s=ping_every_s, probe_within_s=0.3,
    )  # fmt: skip


@asynccontextmanager
async def running(connection: AmiConnection) -> AsyncIterator[AmiConnection]:
    """Let it run until the end of the block."""
    task = asyncio.create_task(connection.run())
    try:
        yield connection
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
