"""SIPp as a managed child process that is listened to and told what to do.

SIPp runs in the foreground, without a terminal, tied to the thread that started it. Its scenario
logs words into a pipe, so that they are heard at once; orders go to it as SIP requests with the
Call-ID of the call that is meant, for which the scenario waits.
"""

import asyncio
import os
import socket
import tempfile
import time
from contextlib import suppress
from pathlib import Path

FOREVER = 24 * 3600.0
"""Seconds that stand for "no limit"; SIPp wants a number, and no demo runs longer."""


class SipError(RuntimeError):
    """SIPp could not be started, or a call did not go as ordered; the text says what happened."""


class Sipp:
    """One SIPp process with its scenario.

    `history` is what the scenario logged: seconds of the monotonic clock, a word, the Call-ID.
    """

    def __init__(self, name: str, scenario: str, workdir: Path, address: str, port: int, to: str = "") -> None:
        """Describe the process.

        Its files live in a folder of their own below `workdir` while it runs. It is bound to
        `address` and `port`, and calls `to` (HOST:PORT) or waits to be called.
        """
        self.name = name
        self._workdir = workdir
        self.history: list[tuple[float, str, str]] = []
        self._scenario, self._place, self._to = scenario, (address, port), to
        self._news = asyncio.Condition()
        self._process: asyncio.subprocess.Process | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._watching: asyncio.Task[None] | None = None
        self.ended = False

    async def start(self, *options: str) -> None:
        """Start the process; `options` go to SIPp as they are. Raises SipError if it is missing."""
        self._folder = tempfile.TemporaryDirectory(prefix="sipp-", dir=self._workdir)
        folder = Path(self._folder.name)
        (folder / "scenario.xml").write_text(self._scenario, "utf-8")
        reading, writing = os.pipe()
        address, port = self._place
        try:
            with (folder / "stderr").open("wb") as stderr:
                self._process = await asyncio.create_subprocess_exec(
                    "setpriv", "--pdeathsig", "KILL", "sipp", *([self._to] if self._to else []),
                    "-sf", "scenario.xml", "-i", address, "-p", str(port), "-nostdin",
                    "-timeout", str(int(FOREVER)), "-trace_logs",
                    "-log_file", f"/proc/self/fd/{writing}", *options,
                    cwd=folder, stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL, stderr=stderr, pass_fds=(writing,),
                )  # fmt: skip
        except BaseException:
            os.close(reading)
            self._folder.cleanup()
            raise
        finally:
            os.close(writing)
        self._watching = asyncio.create_task(self._watch(reading), name=f"sipp {self.name}")

    async def stop(self) -> None:
        """End the process at once and remove its files; may be called twice."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._watching is not None:
            await self._watching
        if self._folder is not None:
            self._folder.cleanup()

    async def until(self, *words: str, after: int = 0, within: float) -> tuple[float, str, str]:
        """Return the first such entry of the history from index `after` on, waiting for it.

        Raises TimeoutError after `within` seconds, SipError when SIPp ended without it.
        """
        try:
            async with asyncio.timeout(within), self._news:
                while True:
                    for entry in self.history[after:]:
                        if entry[1] in words:
                            return entry
                    if self.ended:
                        missing = "/".join(words)
                        raise SipError(f"{self.name}: ended without {missing}: {self.last_words()}")
                    await self._news.wait()
        except TimeoutError:
            heard = f"only {self.words}" if self.words else "nothing happened"
            message = f"{self.name}: no {'/'.join(words)} within {within} s, {heard}"
            raise TimeoutError(message) from None

    async def finished(self, within: float) -> int:
        """Wait until the process has ended by itself; return its exit code."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), within)

    @property
    def words(self) -> list[str]:
        """The history without times and ids."""
        return [word for _, word, _ in self.history]

    def last_words(self) -> str:
        """What it did and what it complained about, for an error message."""
        complaint = Path(self._folder.name) / "stderr" if self._folder else Path()
        text = complaint.read_text("utf-8", "replace")[-500:] if complaint.is_file() else ""
        return f"{self.words} {text}".strip()

    def order(self, method: str, call_id: str, **headers: str | int) -> None:
        """Send the scenario an order for one call (see the scenario); `_` in the name of a header stands for `-`."""
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        address, port = self._place
        order = (
            f"{method} sip:order@{address}:{port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {address}:9;branch=z9hG4bK-order-{time.monotonic_ns()}\r\n"
            f"From: <sip:order@{address}>;tag=order\r\nTo: <sip:order@{address}>;tag=order\r\n"
            f"Call-ID: {call_id}\r\nCSeq: 1 {method}\r\n{more}Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(order.encode(), (address, port))

    async def _watch(self, reading: int) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb")
        )
        try:
            while line := await reader.readline():
                word, _, call_id = line.decode("utf-8", "replace").strip().partition(" ")
                async with self._news:
                    self.history.append((time.monotonic(), word, call_id))
                    self._news.notify_all()
        finally:
            transport.close()
            self.ended = True
            async with self._news:
                self._news.notify_all()


def free_port(address: str) -> int:
    """Pick a UDP port of this address that nobody uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def bound(address: str, port: int) -> bool:
    """Whether somebody listens on this UDP port already. Only looks: to try and bind it would take it from SIPp."""
    place = f" {socket.inet_aton(address)[::-1].hex().upper()}:{port:04X} "
    return place in Path("/proc/net/udp").read_text("ascii")
