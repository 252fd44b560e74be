"""What goes wrong around a bridge: wires that can be cut, files locked by another process, disks that are full.

Everything here belongs to the test that asked for it and is gone with its `with`.
"""

import asyncio
import ctypes
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

_CLONE_FS, _CLONE_NEWNS = 0x00000200, 0x00020000
"""Flags for a working folder and for a mount namespace of one's own (linux/sched.h)."""
ON_WIRE = Callable[[int], Awaitable[None]]
"""Called when Asterisk has answered the n-th command of the bridge (from 1), before the bridge hears of it."""


class Wire:
    """A TCP line to `host:port` that can be watched and cut; who calls `address` gets there.

    With `on_answer` it understands FastAGI: the callback runs between two commands of a conversation.
    """

    def __init__(self, host: str, port: int, *, listen_port: int = 0, on_answer: ON_WIRE | None = None) -> None:
        """Describe it; nobody listens before `open`."""
        self.port = listen_port
        self._target = host, port
        self._on_answer = on_answer
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()

    @property
    def agi_url(self) -> str:
        """The line as a value of CTI_AGI."""
        return f"agi://127.0.0.1:{self.port}/route"

    async def open(self) -> None:
        """Listen; the port stays the same when it was cut before."""
        self._server = await asyncio.start_server(self._called, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """End all conversations and refuse new ones."""
        if self._server is not None:
            self._server.close()
        for line in tuple(self._lines):
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.create_task(self._connect(reader, writer), name="wire")
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                far_reader, far_writer = await asyncio.open_connection(*self._target)
                try:
                    forth = self._lines_forth if self._on_answer else _bytes
                    async with asyncio.TaskGroup() as group:
                        back = group.create_task(_bytes(far_reader, writer))
                        there = group.create_task(forth(reader, far_writer))
                        await asyncio.wait({back, there}, return_when=asyncio.FIRST_COMPLETED)
                        back.cancel()
                        there.cancel()
                finally:
                    far_writer.transport.abort()
        finally:
            writer.transport.abort()

    async def _lines_forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What Asterisk says: lines up to a blank one, then one answer after another."""
        answers, asked = 0, False
        while line := await reader.readline():
            if asked:
                answers += 1
                assert self._on_answer is not None
                await self._on_answer(answers)
            asked = asked or line == b"\n"
            writer.write(line)
            await writer.drain()


async def _bytes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()


@asynccontextmanager
async def wire(host: str, port: int, *, on_answer: ON_WIRE | None = None) -> AsyncIterator[Wire]:
    """An open line to `host:port`."""
    line = Wire(host, port, on_answer=on_answer)
    await line.open()
    try:
        yield line
    finally:
        await line.cut()


@asynccontextmanager
async def silent_fake() -> AsyncIterator[str]:
    """A fake bridge that accepts and never says a word; its value for CTI_AGI."""
    listeners: set[asyncio.StreamWriter] = set()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listeners.add(writer)
        await reader.read()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    try:
        yield f"agi://127.0.0.1:{server.sockets[0].getsockname()[1]}/route"
    finally:
        server.close()
        for writer in listeners:
            writer.transport.abort()
        await server.wait_closed()


@asynccontextmanager
async def another_process(script: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python process that runs `script`, says a line when it is so far, and ends when its stdin is closed."""
    process = await asyncio.create_subprocess_exec(
        "setpriv", "--pdeathsig", "KILL", sys.executable, "-c", script, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    try:
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
            await process.wait()


_OPENED_ALONE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute("BEGIN EXCLUSIVE")
print("ready", flush=True)
sys.stdin.read()
"""
_EVERY_READER_SHUT_OUT = """
import fcntl, sys
file = open(sys.argv[1] + "-shm", "r+b")
fcntl.lockf(file, fcntl.LOCK_EX, 8, 120)
print("ready", flush=True)
sys.stdin.read()
"""
_WRITING_ALONE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("ready", flush=True)
sys.stdin.read()
"""
_WRITING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("ready", flush=True)
sys.stdin.read()
"""


@asynccontextmanager
async def opened_alone(database: Path) -> AsyncIterator[None]:
    """Another process has this SQLite file, which nobody else has open yet, for itself alone."""
    async with another_process(_OPENED_ALONE, str(database)):
        yield


@asynccontextmanager
async def readers_shut_out(database: Path) -> AsyncIterator[None]:
    """Another process holds the locks by which SQLite keeps all readers and writers of a file in use out.

    They are the eight lock bytes behind the header of the WAL index (SQLite file format, section 4.3), which SQLite
    itself takes all together while it recovers a file.
    """
    async with another_process(_EVERY_READER_SHUT_OUT, str(database)):
        yield


@asynccontextmanager
async def written_by_one_alone(database: Path) -> AsyncIterator[None]:
    """Another process has begun an exclusive transaction on this SQLite file, which others have open."""
    async with another_process(_WRITING_ALONE, str(database)):
        yield


@asynccontextmanager
async def being_written(database: Path) -> AsyncIterator[None]:
    """Another process is in the middle of writing to this SQLite file."""
    async with another_process(_WRITING, str(database)):
        yield


@contextmanager
def small_disk(mount_point: Path, *, kilobytes: int) -> Iterator[None]:
    """A file system of this size, which exists only for the calling thread and the processes it starts meanwhile.

    The thread enters a mount namespace of its own and comes back at the end; the kernel then removes the mount, and it
    does so too when this process is killed.
    """
    mount_point.mkdir()
    with Path("/proc/thread-self/ns/mnt").open("rb") as before:
        _system_call("unshare", _CLONE_NEWNS)
        try:
            subprocess.run(["mount", "--make-rprivate", "/"], check=True)
            options = f"size={kilobytes}k,mode=0700"
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(mount_point)], check=True)
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(mount_point)], check=False)
            # Threads that were born meanwhile share their working folder with this one, and that forbids setns.
            _system_call("unshare", _CLONE_FS)
            _system_call("setns", before.fileno(), _CLONE_NEWNS)


def _system_call(name: str, *arguments: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments):
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def fill(folder: Path) -> Path:
    """Use up all space that is left on the disk of this folder; removing the file that comes back frees it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return filler
