"""A log that nobody reads, or whose disk is full, holds up no caller."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from by_itself import SALES, ask, install

from demo.bridge import Bridge

pytestmark = pytest.mark.slow


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def running(bridge: Bridge, stderr: int) -> AsyncIterator[None]:
    """The bridge with this file as its log."""
    process = await asyncio.create_subprocess_exec(*bridge.command("run"), stderr=stderr)
    try:
        async with asyncio.timeout(20):
            while not await bridge.sources():
                await asyncio.sleep(0.02)
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 10)


async def test_a_full_disk_behind_the_log(tmp_path: Path, free_port: int) -> None:
    bridge = install(tmp_path, free_port)
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        async with running(bridge, full):
            for number in range(20):
                assert (await ask(bridge, SALES, uniqueid=f"1.{number}"))["CTI_QUEUE"] == "sales"
    finally:
        os.close(full)


async def test_a_pipe_that_nobody_reads(tmp_path: Path, free_port: int) -> None:
    bridge = install(tmp_path, free_port)
    unread, log = os.pipe()
    try:
        async with running(bridge, log):
            # Each path that is not ours is a line in the log; a pipe holds 64 KiB of them.
            for number in range(600):
                with pytest.raises(KeyError):
                    (await ask(bridge, SALES, uniqueid=f"1.{number}", script="stranger"))["CTI_QUEUE"]
            assert (await ask(bridge, SALES, uniqueid="2.1"))["CTI_QUEUE"] == "sales"
    finally:
        os.close(unread)
        os.close(log)
