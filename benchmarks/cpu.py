"""CPU of the bridge per queue call: with the fake PBX, and with a real Asterisk and SIPp, Asterisk's own beside it."""

import asyncio

from benchmarks import real_calls
from benchmarks.customers import customer_file
from benchmarks.desk_room import pages, room
from benchmarks.fake_pbx import EVENTS_PER_CALL
from benchmarks.figures import Row
from benchmarks.processes import cpu_s
from benchmarks.traffic import play_calls

OPERATORS = 100
CALLS, WARM_UP_CALLS = 600, 60
RATES = (20.0, 50.0)
IDLE_S = 5.0
LIMIT_MS = 1.0


async def rows() -> list[Row]:
    """Measure and return the rows."""
    found = []
    async with (
        room(operators=OPERATORS, customers=customer_file()) as place,
        pages(place.page_url, place.key, operators=range(OPERATORS)),
    ):
        pid = place.bridge.pid
        await play_calls(place.pbx, calls=WARM_UP_CALLS, per_s=RATES[0], operators=OPERATORS)
        idle = await idle_share(pid)
        for rate in RATES:
            before = cpu_s(pid)
            await play_calls(place.pbx, calls=CALLS, per_s=rate, operators=OPERATORS)
            per_call_ms = (cpu_s(pid) - before) / CALLS * 1000
            found.append(
                Row(f"bridge CPU per queue call, fake PBX ({EVENTS_PER_CALL} events), {rate:.0f} calls/s, "
                    f"{OPERATORS} pages", f"{per_call_ms:.2f} ms",
                    f"limit {LIMIT_MS:.0f} ms; idle {idle:.1%} of a core",
                    per_call_ms / LIMIT_MS, "≤ 1")
            )  # fmt: skip
    real = await real_calls.cpu_per_call()
    found.append(
        Row(f"bridge CPU per queue call, real Asterisk, {real_calls.CALLS_PER_S} calls/s, "
            f"{real.answered} of {real_calls.CALLS} answered", f"{real.bridge_ms:.2f} ms",
            f"limit {LIMIT_MS:.0f} ms; Asterisk {real.asterisk_ms:.2f} ms", real.bridge_ms / LIMIT_MS, "≤ 1")
    )  # fmt: skip
    return found


async def idle_share(pid: int) -> float:
    """The part of one core that a process uses while nothing happens."""
    before = cpu_s(pid)
    await asyncio.sleep(IDLE_S)
    return (cpu_s(pid) - before) / IDLE_S
