"""Operators' pages without a browser, many in one process: they connect, confirm what they get, and note when.

    python -m benchmarks.pages    stdin: {"url": …, "key": …, "operators": [id, …]}; then until its end

At the end, on stdout: {"popped": {call id: monotonic seconds when its `call.ringing` arrived}, "frames": N, "mib": N,
"pop_bytes": length of the longest `call.ringing`}.
The clock is the machine's, the same in every process.
"""

import asyncio
import gc
import json
import re
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import aiohttp
import uvloop

from benchmarks.processes import READY
from demo.desks import PROTOCOL

CONNECTING_AT_ONCE = 50
_HEAD = re.compile(r'\{"op":"event","seq":(\d+),"at":"[^"]*","type":"(call\.\w+)","call":\{"id":"([^"]+)"')
"""Begins every event about a call. Most of what comes are team lists; parsing those would only cost time here."""


@dataclass(slots=True)
class Seen:
    """What all pages together got."""

    popped: dict[str, float] = field(default_factory=dict)
    frames: int = 0
    size: int = 0
    pop_bytes: int = 0


async def main() -> None:
    """Connect everybody, read until stdin ends, tell what was seen."""
    told = json.loads(sys.stdin.readline())
    seen = Seen()
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=0)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        few = asyncio.Semaphore(CONNECTING_AT_ONCE)

        async def page(operator: str) -> aiohttp.ClientWebSocketResponse:
            async with few:
                return await connect(http, told["url"], told["key"], operator)

        sockets = await asyncio.gather(*(page(operator) for operator in told["operators"]))
        reading = [asyncio.create_task(read(socket, seen)) for socket in sockets]
        gc.freeze()
        print(READY, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    told = {"popped": seen.popped, "frames": seen.frames, "mib": seen.size / 2**20, "pop_bytes": seen.pop_bytes}
    print(json.dumps(told), flush=True)


async def connect(http: aiohttp.ClientSession, url: str, key: str, operator: str) -> aiohttp.ClientWebSocketResponse:
    """Get a ticket, connect, and return when the server has said welcome."""
    asking = http.post(f"{url}/api/v1/tickets", headers={"Authorization": f"Bearer {key}"}, json={"operator": operator})
    async with asking as answer:
        ticket = (await answer.json())["ticket"]
    socket = await http.ws_connect(url.replace("http", "ws", 1) + "/ws", protocols=(PROTOCOL,), max_msg_size=0)
    await socket.send_json({"op": "hello", "ticket": ticket})
    welcome = await socket.receive_json()
    if welcome.get("op") != "welcome":
        raise RuntimeError(f"no welcome for {operator}: {welcome}")
    return socket


async def read(socket: aiohttp.ClientWebSocketResponse, seen: Seen) -> None:
    """Note and confirm every event about a call."""
    async for message in socket:
        at = time.monotonic()
        seen.frames += 1
        seen.size += len(message.data)
        event = _HEAD.match(message.data)
        if event is None:
            continue
        if event[2] == "call.ringing":
            seen.popped.setdefault(event[3], at)
            seen.pop_bytes = max(seen.pop_bytes, len(message.data.encode()))
        await socket.send_str(f'{{"op":"ack","seq":{event[1]},"paint_ms":0}}')


if __name__ == "__main__":
    uvloop.run(main())
