"""From AgentCalled on the AMI socket to the frame on the operator's websocket, with a thousand operators connected."""

from benchmarks.customers import customer_file
from benchmarks.desk_room import pages, room, seen
from benchmarks.figures import Row, percentile
from benchmarks.processes import memory_mib
from benchmarks.traffic import play_calls

OPERATORS = 1000
CALLS_PER_S = 50.0
CALLS, WARM_UP_CALLS = 1000, 100
P50_MS, P99_MS = 5.0, 20.0


async def rows() -> list[Row]:
    """Measure and return the rows."""
    async with room(operators=OPERATORS, customers=customer_file()) as place:
        idle_mib = memory_mib(place.bridge.pid)
        async with pages(place, operators=range(OPERATORS)) as page:
            connected_mib = memory_mib(place.bridge.pid)
            await play_calls(place.pbx, calls=WARM_UP_CALLS, per_s=CALLS_PER_S, operators=OPERATORS)
            calls = await play_calls(place.pbx, calls=CALLS, per_s=CALLS_PER_S, operators=OPERATORS)
            loaded_mib = memory_mib(place.bridge.pid)
            result = await seen(page)
    popped_at, called_at = result["popped"], place.pbx.agent_called_at
    times = [(popped_at[call] - called_at[call]) * 1000 for call in calls if call in popped_at]
    p50, p99 = percentile(times, 50), percentile(times, 99)
    what = f"AgentCalled to frame, {CALLS_PER_S:.0f} calls/s, {OPERATORS} operators"
    return [
        Row(f"{what}: p50", f"{p50:.2f} ms", f"limit {P50_MS:.0f} ms", p50 / P50_MS, "≤ 1"),
        Row(f"{what}: p99", f"{p99:.2f} ms", f"limit {P99_MS:.0f} ms", p99 / P99_MS, "≤ 1"),
        Row(f"{what}: without a pop", f"{CALLS - len(times)}", f"{CALLS} calls", None, "0"),
        Row(f"memory with {OPERATORS} operators connected", f"{loaded_mib:.0f} MiB",
            f"{connected_mib:.0f} MiB before the calls, {idle_mib:.0f} MiB before the operators", None),
    ]  # fmt: skip
