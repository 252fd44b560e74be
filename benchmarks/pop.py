"""From AgentCalled on the AMI socket to the frame on the operator's websocket, with a thousand operators connected.

Beside the bridge: a bare broadcaster that keeps nothing and knows nothing, with the same pages, calls and frame length.
"""

from dataclasses import dataclass

from benchmarks.customers import customer_file
from benchmarks.desk_room import BareRoom, Room, bare_room, pages, room, seen
from benchmarks.figures import Row, percentile
from benchmarks.processes import memory_mib
from benchmarks.traffic import play_calls

OPERATORS = 1000
CALLS_PER_S = 50.0
CALLS, WARM_UP_CALLS = 1000, 100
P50_MS, P99_MS, LIMIT_MIB = 5.0, 20.0, 200


@dataclass(frozen=True, slots=True)
class Seen:
    """MiB with all pages, before and after the calls; ms from AgentCalled to each pop; bytes of the longest pop."""

    connected_mib: float
    loaded_mib: float
    times: tuple[float, ...]
    pop_bytes: int


async def rows() -> list[Row]:
    """Measure and return the rows."""
    async with room(operators=OPERATORS, customers=customer_file()) as place:
        idle_mib = memory_mib(place.bridge.pid)
        ours = await _measure(place, place.bridge.pid)
    async with bare_room(frame_bytes=ours.pop_bytes) as bare:
        peer = await _measure(bare, bare.process.pid)
    what = f"AgentCalled to frame, {CALLS_PER_S:.0f} calls/s, {OPERATORS} operators"
    p50, p99 = percentile(ours.times, 50), percentile(ours.times, 99)
    peer_p50, peer_p99 = percentile(peer.times, 50), percentile(peer.times, 99)
    return [
        Row(f"{what}: p50", f"{p50:.2f} ms", f"limit {P50_MS:.0f} ms", p50 / P50_MS, "≤ 1"),
        Row(f"{what}: p99", f"{p99:.2f} ms", f"limit {P99_MS:.0f} ms", p99 / P99_MS, "≤ 1"),
        Row(f"{what}: p50 / p99", f"{p50:.2f} / {p99:.2f} ms", f"bare broadcaster {peer_p50:.2f} / {peer_p99:.2f} ms",
            p50 / peer_p50, ""),
        Row(f"{what}: without a pop", f"{CALLS - len(ours.times)}", f"{CALLS} calls", None, "0"),
        Row(f"memory with {OPERATORS} operators connected", f"{ours.loaded_mib:.0f} MiB",
            f"limit {LIMIT_MIB} MiB; {ours.connected_mib:.0f} before the calls, {idle_mib:.0f} before the operators; "
            f"bare broadcaster {peer.loaded_mib:.0f}", ours.loaded_mib / LIMIT_MIB, "≤ 1"),
    ]  # fmt: skip


async def _measure(place: Room | BareRoom, pid: int) -> Seen:
    """Connect all pages and play the calls."""
    async with pages(place.page_url, place.key, operators=range(OPERATORS)) as page:
        connected_mib = memory_mib(pid)
        await play_calls(place.pbx, calls=WARM_UP_CALLS, per_s=CALLS_PER_S, operators=OPERATORS)
        calls = await play_calls(place.pbx, calls=CALLS, per_s=CALLS_PER_S, operators=OPERATORS)
        loaded_mib = memory_mib(pid)
        result = await seen(page)
    popped_at, called_at = result["popped"], place.pbx.agent_called_at
    times = tuple((popped_at[call] - called_at[call]) * 1000 for call in calls if call in popped_at)
    return Seen(connected_mib, loaded_mib, times, result["pop_bytes"])
