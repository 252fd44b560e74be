"""A fake of Asterisk's side of AMI, for what a real one does not do on demand: refuse, fall silent, split letters.

It enforces what the real one does: a banner first, nothing without a login, FullyBooted only after it, answers with the
ActionID of the question, lists closed by their Complete event, and no answer at all to what it does not know.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress

BANNER = b"Asterisk Call Manager/12.0.0\r\n"


def frame(headers: dict[str, str]) -> bytes:
    """One AMI frame."""
    return ("".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode()


class FakeAsterisk:
    """Accepts AMI logins on a loopback port until it is closed."""

    def __init__(self, *, secret: str = "geheim", deaf: bool = False) -> None:
        self.secret, self.deaf = secret, deaf
        self.channels: list[dict[str, str]] = []
        self.queue_entries: list[dict[str, str]] = []
        self.bridges: list[dict[str, str]] = []
        self.queues: list[str] = []
        self.silent: set[str] = set()
        """Actions that are not answered any more, or `FullyBooted`, which is not said any more."""
        self.endless: set[str] = set()
        """Lists that never come to an end."""
        self.behind_s = 0.0
        """How far its clock is behind ours."""
        self.logins = 0
        self.actions: list[str] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "FakeAsterisk":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """End all connections as a power cut would."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def say(self, *parts: bytes) -> None:
        """Send these bytes to everybody who is logged in, each part in a segment of its own."""
        for part in parts:
            for writer in list(self._writers):
                writer.write(part)
                await writer.drain()
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BANNER)
        try:
            while True:
                block = (await reader.readuntil(b"\r\n\r\n")).decode()
                action = dict(line.split(": ", 1) for line in block.split("\r\n") if ": " in line)
                self.actions.append(action["Action"])
                for answer in self._answers(action):
                    writer.write(answer)
                if action["Action"] == "Login" and action["Secret"] == self.secret:
                    self._writers.add(writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._writers.discard(writer)
            with suppress(OSError):
                writer.close()

    def _answers(self, action: dict[str, str]) -> Iterable[bytes]:
        number = {"ActionID": action["ActionID"]}
        if action["Action"] in self.silent:
            return
        match action["Action"]:
            case "Login" if action["Secret"] == self.secret:
                self.logins += 1
                yield frame({"Response": "Success", **number, "Message": "Authentication accepted"})
                if "FullyBooted" not in self.silent:
                    yield frame({"Event": "FullyBooted", "Status": "Fully Booted"})
            case "Login":
                yield frame({"Response": "Error", **number, "Message": "Authentication failed"})
            case "Ping":
                now = f"{time.time() - self.behind_s:.6f}"
                yield frame({"Response": "Success", **number, "Ping": "Pong", "Timestamp": now})
            case "CoreShowChannels":
                yield from self._list(action, "CoreShowChannel", self.channels)
            case "QueueStatus":
                yield from self._list(action, "QueueEntry", self.queue_entries)
            case "QueueSummary":
                yield from self._list(action, "QueueSummary", [{"Queue": queue} for queue in self.queues])
            case "BridgeList":
                yield from self._list(action, "BridgeListItem", self.bridges)
            case "Originate":
                yield frame({"Response": "Success", **number, "Message": "Originate successfully queued"})
                if not self.deaf:
                    yield frame({"Event": "Hangup", "Uniqueid": action["ChannelId"], "Channel": action["Channel"]})

    def _list(self, action: dict[str, str], event: str, entries: list[dict[str, str]]) -> Iterable[bytes]:
        number, name = {"ActionID": action["ActionID"]}, action["Action"]
        yield frame({"Response": "Success", **number, "EventList": "start", "Message": f"{name} will follow"})
        for entry in entries:
            yield frame({"Event": event, **number, **entry})
        if name not in self.endless:
            yield frame({"Event": f"{name}Complete", **number, "EventList": "Complete"})
