"""Child processes of a benchmark that end with it, and what the kernel says of processes: CPU time and memory."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from demo.asterisk import REPOSITORY

READY = "ready"
START_S = 60.0
END_S = 30.0
_LONGEST_LINE = 16 * 1024 * 1024


class Helper:
    """A module of ours as a process that is told one thing on stdin, says `ready`, and one thing at its end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def result(self) -> str:
        """End its stdin, which is its sign to stop, and return the line that it says then."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        return (await asyncio.wait_for(self._process.stdout.readline(), END_S)).decode()

    async def ready(self, told: str) -> None:
        """Tell it what it has to know, in one line, and wait until it is ready. Raises RuntimeError when it ends."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(told.encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), START_S)
        if line.decode().strip() != READY:
            raise RuntimeError("a helper process ended instead of getting ready (see above)")


@asynccontextmanager
async def helper(module: str, told: str) -> AsyncIterator[Helper]:
    """Run `python -m module` while the context lasts; it is killed at the end, and by the kernel if we are."""
    process = await asyncio.create_subprocess_exec(
        "setpriv", "--pdeathsig", "KILL", sys.executable, "-m", module,
        cwd=REPOSITORY, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LONGEST_LINE,
    )  # fmt: skip
    try:
        running = Helper(process)
        await running.ready(told)
        yield running
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def free_tcp_port() -> int:
    """Pick a TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used so far, its own and the kernel's for it, in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    """Memory of a process that is in RAM now (VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no memory: it has ended")


def descendants(name: str) -> list[int]:
    """Ids of the processes with this name that this process or one of its children started."""
    return [pid for pid in _children(os.getpid()) if _name(pid) == name]


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, (task / "children").read_text().split()):
                yield child
                yield from _children(child)


def _name(pid: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""
