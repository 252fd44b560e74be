"""Queue calls at a steady rate, from invented customers to all operators in turn, played by the fake PBX."""

import asyncio
import time

from benchmarks.customers import CUSTOMERS, number
from benchmarks.desk_room import extension
from benchmarks.fake_pbx import FakePbx, PlayedCall

RING_S, TALK_S = 1.0, 1.0
_PRIME = 104_729
"""Steps through all customers, so that no row was read just before."""


async def play_calls(pbx: FakePbx, *, calls: int, per_s: float, operators: int) -> list[str]:
    """Begin a call every 1/`per_s` seconds; returns their ids when all are over."""
    began = time.monotonic()
    played = []
    async with asyncio.TaskGroup() as group:
        for position in range(calls):
            await asyncio.sleep(max(0.0, began + position / per_s - time.monotonic()))
            caller = number(position * _PRIME % CUSTOMERS)
            call = PlayedCall(pbx.new_id(), caller, extension(position % operators), RING_S, TALK_S)
            played.append(call.id)
            group.create_task(pbx.play(call))
    return played
