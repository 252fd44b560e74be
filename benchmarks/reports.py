"""What it costs to keep the record of a call and to tell others of it, and how soon they hear it.

The journal alone runs in this process: four states of each call (offered, rang, answered, ended) as they come at a
steady rate, with and without a receiver that takes all at once. Then the whole bridge in front of the fake PBX, with
and without a webhook receiver, which runs in this process and notes when each event arrived.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from aiohttp import web

from benchmarks.customers import FOLDER, customer_file
from benchmarks.desk_room import room
from benchmarks.figures import Row, percentile
from benchmarks.journal import sample_call
from benchmarks.processes import cpu_s, free_tcp_port
from benchmarks.traffic import play_calls
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.record import CallRecord
from cti_bridge.delivery.dispatch import Dispatch
from cti_bridge.delivery.outbox import Entry
from cti_bridge.delivery.reports import ReportType
from cti_bridge.delivery.sink import Sink
from cti_bridge.delivery.verdict import Delivered, Verdict
from cti_bridge.domain.ids import CallId, OperatorId

PER_S = 20.0
CALLS, WARM_UP_CALLS = 600, 60
OPERATORS = 100
LAG_LIMIT_MS = 1000.0
SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


async def rows() -> list[Row]:
    """Measure and return the rows."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    alone, told = await journal_alone(sinks=()), await journal_alone(sinks=(_TakesAll(),))
    without, with_one = await whole_bridge(receivers=0), await whole_bridge(receivers=1)
    rate = f"{PER_S:.0f} calls/s"
    return [
        Row(f"journal: CPU per call, 4 states, {rate}", f"{alone.cpu_ms:.2f} ms",
            f"with one receiver's outbox {told.cpu_ms:.2f} ms", told.cpu_ms / alone.cpu_ms),
        Row(f"journal: written to the disk per call, 4 states, {rate}", f"{alone.written_kb:.0f} kB",
            f"with one receiver's outbox {told.written_kb:.0f} kB", told.written_kb / alone.written_kb),
        Row(f"bridge CPU per queue call with one webhook receiver, {rate}", f"{with_one.cpu_ms:.2f} ms",
            f"without {without.cpu_ms:.2f} ms", with_one.cpu_ms / without.cpu_ms),
        Row(f"bridge: written to the disk per call with one webhook receiver, {rate}", f"{with_one.written_kb:.0f} kB",
            f"without {without.written_kb:.0f} kB", with_one.written_kb / without.written_kb),
        Row(f"event to webhook, {rate}, {len(with_one.lags_ms)} events: p50 / p99",
            f"{percentile(with_one.lags_ms, 50):.0f} / {percentile(with_one.lags_ms, 99):.0f} ms",
            f"limit {LAG_LIMIT_MS:.0f} ms", percentile(with_one.lags_ms, 99) / LAG_LIMIT_MS, "p99 ≤ 1"),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one call: CPU time, and what was given to the disk; and how late each event was."""

    cpu_ms: float
    written_kb: float
    lags_ms: list[float] = field(default_factory=list)


class _TakesAll:
    """A receiver at no distance."""

    name = "all"
    max_age_s = 86_400.0
    types = frozenset(ReportType)
    customers_only = False

    async def send(self, entry: Entry) -> Verdict:
        """Take it."""
        return Delivered()

    async def close(self) -> None:
        """Nothing to let go of."""


async def journal_alone(*, sinks: tuple[Sink, ...]) -> Cost:
    """The journal in this process, and the couriers of these receivers."""
    with tempfile.TemporaryDirectory(prefix="run-reports-", dir=FOLDER) as folder:
        dispatch = Dispatch(sinks, crm_user=lambda operator: operator)
        journal = Journal(Path(folder) / "calls.sqlite", on_state=lambda *_: None, companion=dispatch.writer)
        dispatch.connect(journal)
        await journal.open()
        tasks = [asyncio.create_task(run()) for run in (journal.run, *(courier.run for courier in dispatch.couriers))]
        try:
            await _keep_calls(journal, WARM_UP_CALLS)
            began, written = time.process_time(), written_bytes(os.getpid())
            await _keep_calls(journal, CALLS)
            return Cost((time.process_time() - began) / CALLS * 1000, _kb_per_call(os.getpid(), written))
        finally:
            await dispatch.stop(within_s=5.0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await journal.close(within_s=5.0)


async def _keep_calls(journal: Journal, calls: int) -> None:
    """Begin a call every 1/PER_S seconds, its further states half a second apart. Returns when all are on disk."""
    async with asyncio.TaskGroup() as group:
        began = time.monotonic()
        for position in range(calls):
            await asyncio.sleep(max(0.0, began + position / PER_S - time.monotonic()))
            group.create_task(_grow(journal, CallId(f"main-{time.time_ns()}.{position}")))
    async with asyncio.timeout(60):
        while journal.waiting:
            await asyncio.sleep(0.05)


async def _grow(journal: Journal, call_id: CallId) -> None:
    for state in _states(replace(sample_call(1), id=call_id, offered_at=time.time())):
        journal.keep(state)
        await asyncio.sleep(0.5)


def _states(call: CallRecord) -> Iterator[CallRecord]:
    at = call.offered_at
    begun = replace(call, rang=(), operator=None, answered_at=None, ended_at=None, outcome="", pop_ms=None)
    yield begun
    yield (rang := replace(begun, rang=(OperatorId("op3"),), pop_ms=3.0))
    yield (taken := replace(rang, operator=OperatorId("op3"), answered_at=at + 1.0))
    yield replace(taken, ended_at=at + 1.5, outcome="answered")


async def whole_bridge(*, receivers: int) -> Cost:
    """The bridge in front of the fake PBX, with so many webhook receivers."""
    async with (
        webhook_receiver() as (url, lags_ms),
        room(operators=OPERATORS, customers=customer_file(), webhooks=[url] * receivers, secret=SECRET) as place,
    ):
        pid = place.bridge.pid
        await play_calls(place.pbx, calls=WARM_UP_CALLS, per_s=PER_S, operators=OPERATORS)
        lags_ms.clear()
        began, written = cpu_s(pid), written_bytes(pid)
        await play_calls(place.pbx, calls=CALLS, per_s=PER_S, operators=OPERATORS)
        await asyncio.sleep(2.0)  # the last reports, and what the journal still has to write
        return Cost((cpu_s(pid) - began) / CALLS * 1000, _kb_per_call(pid, written), list(lags_ms))


@asynccontextmanager
async def webhook_receiver() -> AsyncIterator[tuple[str, list[float]]]:
    """A receiver that takes all; its address, and by how much each event came after what it tells.

    An `updated` tells that all is known, which nobody waits for: it is left out.
    """
    lags_ms: list[float] = []

    async def take(request: web.Request) -> web.Response:
        event, now = await request.json(), time.time()
        if event["type"] != ReportType.UPDATED:
            lags_ms.append((now - datetime.fromisoformat(event["time"]).timestamp()) * 1000)
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_tcp_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/", lags_ms
    finally:
        await runner.cleanup()


def written_bytes(pid: int) -> int:
    """What a process has given to disks so far, page by page (`write_bytes` of /proc/PID/io)."""
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise RuntimeError(f"process {pid} does not say what it wrote")


def _kb_per_call(pid: int, before: int) -> float:
    return (written_bytes(pid) - before) / CALLS / 1000
