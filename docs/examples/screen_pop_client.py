"""Prints who calls an operator: screen_pop_client.py http://127.0.0.1:8088 OPERATOR, the integration key in CTI_KEY."""

import asyncio
import os
import random
import sys
from contextlib import suppress
from typing import Any

import aiohttp


async def listen(http: aiohttp.ClientSession, operator: str, place: dict[str, Any]) -> None:
    """Follow the calls over one connection, from its ticket to its end; `place` is how far we are, in which stream."""
    key = {"Authorization": f"Bearer {os.environ['CTI_KEY']}"}
    ticket = await (await http.post("/api/v1/tickets", json={"operator": operator}, headers=key)).json()
    async with http.ws_connect("/ws", protocols=["cti-bridge.v1"], heartbeat=20) as socket:
        await socket.send_json({"op": "hello", **ticket, "resume": place or None})
        async for message in socket:
            frame = message.json()
            if frame["op"] == "welcome" and not frame["resumed"]:
                place.update(stream=frame["stream"], seq=frame["seq"])
                print("calls now:", [call["id"] for call in frame["snapshot"]["calls"]], flush=True)
            if frame["op"] == "event" and "seq" in frame:
                if frame["type"] in {"call.ringing", "call.withdrawn"} and frame["seq"] > place["seq"]:
                    caller, customer = frame["call"]["caller"], frame["call"]["customer"] or {"name": "unknown"}
                    print(frame["type"], caller["display"], repr(customer["name"]), frame.get("reason", ""), flush=True)
                place["seq"] = max(place["seq"], frame["seq"])
                await socket.send_json({"op": "ack", "seq": frame["seq"], "paint_ms": 0})


async def main(url: str, operator: str, place: dict[str, Any]) -> None:
    async with aiohttp.ClientSession(url, raise_for_status=True) as http:
        while True:  # a wrong key or operator ends it; a line that is cut does not
            with suppress(aiohttp.ClientConnectionError, TimeoutError):
                await listen(http, operator, place)
            await asyncio.sleep(random.uniform(0.5, 5))


asyncio.run(main(sys.argv[1], sys.argv[2], {}))
