"""The peer of the pop: AMI read line by line, and for each AgentCalled one frame to one websocket; nothing else.

    python -m benchmarks.bare_pop     stdin: {"ami": [host, port], "agi": [host, port], "page": [host, port],
                                              "first": extension of operator 0, "frame_bytes": N}; then until its end

It keeps no call, asks nobody, writes nothing down, and lets everybody in. Its frames are as long as the bridge's.
"""

import asyncio
import json
import re
import sys
from contextlib import suppress
from typing import Any

import uvloop
from aiohttp import WSMsgType, web

from benchmarks.processes import READY
from demo.desks import PROTOCOL

_RINGS = re.compile(rb"^Event: AgentCalled\r\n.*?^Uniqueid: (\S+)\r\n.*?^DestCallerIDNum: (\d+)\r\n", re.M | re.S)


class Broadcaster:
    """Who is connected, and what is said to them."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._seq = 0

    async def ticket(self, request: web.Request) -> web.Response:
        """Let anybody in."""
        return web.json_response({"ticket": (await request.json())["operator"]}, status=201)

    async def page(self, request: web.Request) -> web.WebSocketResponse:
        """One page."""
        socket = web.WebSocketResponse(protocols=(PROTOCOL,), compress=False)
        await socket.prepare(request)
        operator = (await socket.receive_json())["ticket"]
        self._sockets[operator] = socket
        await socket.send_str('{"op":"welcome"}')
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                json.loads(message.data)
        return socket

    async def follow(self) -> None:
        """Read AMI and pop."""
        reader, writer = await asyncio.open_connection(*self._told["ami"], limit=1 << 20)
        writer.write(b"Action: Login\r\nActionID: 1\r\nUsername: bare\r\nSecret: bare\r\n\r\n")
        while True:
            block = await reader.readuntil(b"\r\n\r\n")
            if found := _RINGS.search(block):
                await self._pop(found[1].decode(), int(found[2]) - self._told["first"])

    async def _pop(self, call: str, operator: int) -> None:
        self._seq += 1
        head = f'{{"op":"event","seq":{self._seq},"at":"","type":"call.ringing","call":{{"id":"{call}","pad":"'
        padding = "x" * (self._told["frame_bytes"] - len(head) - 3)
        await self._sockets[f"op{operator}"].send_str(f'{head}{padding}"}}}}')


async def _no_decision(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\n\n")
    writer.close()


async def main() -> None:
    """Serve until stdin ends."""
    told = json.loads(sys.stdin.readline())
    broadcaster = Broadcaster(told)
    app = web.Application()
    app.add_routes([web.post("/api/v1/tickets", broadcaster.ticket), web.get("/ws", broadcaster.page)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, *told["page"], backlog=1024).start()
    agi = await asyncio.start_server(_no_decision, *told["agi"], backlog=256)
    following = asyncio.create_task(broadcaster.follow())
    print(READY, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    agi.close()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main())
