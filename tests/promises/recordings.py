"""`cti-bridge record` beside a running bridge, as an admin has it in a second terminal."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from demo.asterisk import REPOSITORY
from demo.bridge import Bridge


@asynccontextmanager
async def recorded(bridge: Bridge, file: Path) -> AsyncIterator[None]:
    """What happens in the block is recorded into `file`; Ctrl-C ends it."""
    process = await asyncio.create_subprocess_exec(
        *bridge.command("record", "--mask", str(file)), cwd=REPOSITORY, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(20):
            said = (await process.stderr.readline()).decode()
            assert said.startswith("recording to "), said
            while '"snapshot":"complete"' not in file.read_text("utf-8"):
                await asyncio.sleep(0.02)
        yield
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 10) == 130
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def replayed(bridge: Bridge, file: Path) -> dict[str, dict[str, Any]]:
    """The record of each call that the recording leads to, by its id, as `record --replay --json` says."""
    code, out, complaint = await bridge.run("record", "--replay", str(file), "--json")
    assert code == 0, complaint
    return {record["id"]: record for record in map(json.loads, out.splitlines())}
