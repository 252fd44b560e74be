"""Queue calls on a real Asterisk at a steady rate: one SIPp for the callers, the demo's phones for the operators."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from benchmarks.agi_client import DID
from benchmarks.customers import number
from benchmarks.processes import cpu_s, descendants
from benchmarks.real_place import OPERATORS, real_place
from demo.asterisk import PHONES, AsteriskInstance, render
from demo.desks import Desks
from demo.sip import Behaviour, Phones
from demo.sip_process import Sipp, free_port

CALLS_PER_S = 20
CALLS, WARM_UP_CALLS = 300, 40
RING_S, TALK_MS, PATIENCE_MS = 0.05, 100, 30_000
QUEUES = ("primary-consult", "sales", "production")
_PRIME = 7_919
"""Steps through the customers, so that all kinds call."""


@dataclass(frozen=True, slots=True)
class PerCall:
    """Milliseconds of CPU for one call, and how many calls were answered."""

    bridge_ms: float
    asterisk_ms: float
    answered: int


async def cpu_per_call() -> PerCall:
    """Play calls to six operators who sit in every queue, with their pages connected."""
    async with (
        real_place() as (asterisk, bridge),
        Phones(asterisk, dict.fromkeys(PHONES, Behaviour(answer_after=RING_S))),
        Desks(bridge.page_url, OPERATORS),
    ):
        for queue in QUEUES:
            for phone in PHONES:
                await asterisk.add_member(queue, f"PJSIP/{phone}")
        (pbx,) = descendants("asterisk")
        await _call(asterisk, WARM_UP_CALLS)
        before = cpu_s(bridge.pid), cpu_s(pbx)
        answered = await _call(asterisk, CALLS)
        after = cpu_s(bridge.pid), cpu_s(pbx)
    return PerCall((after[0] - before[0]) / CALLS * 1000, (after[1] - before[1]) / CALLS * 1000, answered)


async def _call(asterisk: AsteriskInstance, calls: int) -> int:
    """Place so many calls and return how many were answered, when all are over."""
    scenario = render(
        (Path(__file__).parent / "callers.xml").read_text("utf-8"),
        {"TALK_MS": TALK_MS, "PATIENCE_MS": PATIENCE_MS},
    )
    callers = asterisk.workdir / "callers.csv"
    callers.write_text("SEQUENTIAL\n" + "".join(f"{number(position * _PRIME)};{DID};\n" for position in range(calls)))
    sipp = Sipp("callers", scenario, asterisk.workdir, asterisk.trunk_address, free_port(asterisk.trunk_address),
                to=f"{asterisk.address}:{asterisk.sip_port}")  # fmt: skip
    await sipp.start("-inf", str(callers), "-m", str(calls), "-r", str(CALLS_PER_S), "-l", str(calls))
    try:
        await sipp.finished(calls / CALLS_PER_S + PATIENCE_MS / 1000)
        await asyncio.sleep(0.5)  # Asterisk's last events are on their way to the bridge
    finally:
        await sipp.stop()
    return sipp.words.count("answered")
