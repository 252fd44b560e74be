"""Filling a mirror with 220,000 people from a CRM that costs nothing to ask, and look-ups in it meanwhile."""

import asyncio
import resource
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.customers import FOLDER, number
from benchmarks.figures import Row, percentile
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.mirror.following import Following
from cti_bridge.crm.mirror.source import MirroredDeal, MirrorPage
from cti_bridge.crm.mirror.state import Every
from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, Deal, StageList
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber, NumberKind

PEOPLE = 220_000
PAGE = 250
_PRIME = 104_729
_STAGES = tuple(stage.id for stage in SHIPPED_STAGES.stages)


class InventedCloud:
    """A fake of a CRM with so many people, each with a deal, in pages made on the spot; nothing changes in it."""

    account = "invented"

    async def stages(self) -> StageList:
        """The shipped ones."""
        return SHIPPED_STAGES

    async def changed_since(self, position: str) -> MirrorPage:
        """The people from this one on."""
        first = int(position or 0)
        until = min(PEOPLE, first + PAGE)
        people = range(first, until)
        return MirrorPage(
            str(until),
            more=until < PEOPLE,
            customers=tuple(_customer(n) for n in people),
            deals=tuple(_deal(n) for n in people),
            total=PEOPLE,
        )

    async def customers_gone(self, ids: Sequence[CustomerId]) -> frozenset[CustomerId]:
        """None."""
        return frozenset()

    async def deals_gone(self, ids: Sequence[DealId]) -> frozenset[DealId]:
        """None."""
        return frozenset()


async def rows() -> list[Row]:
    """Measure and return the rows."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-mirror-", dir=FOLDER))
    try:
        return await _measure(folder / "mirror.sqlite")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(path: Path) -> list[Row]:
    now = time.time()
    following = Following(InventedCloud(), path, "bench", every=Every(), wall=lambda: now)
    try:
        bare_s = await _pages_alone()
        still = await _lags(most=500)
        before_mb, over = _memory_mb(), asyncio.Event()
        waiting = asyncio.create_task(_lags(over))
        filling = await _pass(following)
        over.set()
        lags, more_mb = await waiting, _memory_mb() - before_mb
        now += Every().full_s  # the next full pass is due
        again = await _pass(following)
        quiet = await _look_ups(path, asyncio.Event(), most=2_000)
        now += Every().full_s
        over = asyncio.Event()
        asking = asyncio.create_task(_look_ups(path, over, most=50_000))
        await _pass(following)
        over.set()
        busy = await asking
    finally:
        await following.close()
    size = path.stat().st_size / 1e6
    made = f"making its pages alone {bare_s:.1f} s"
    filled = f"{filling[0]:.1f} s (CPU {filling[1]:.1f} s), {size:.0f} MB"
    return [
        Row(f"mirror of {PEOPLE:,} people with deals, filled", filled, made, filling[0] / bare_s),
        Row("mirror, a full pass without changes", f"{again[0]:.1f} s (CPU {again[1]:.1f} s)", made, again[0] / bare_s),
        Row("look-up in the mirror during a full pass", _text(busy), f"without one {_text(quiet)}",
            percentile(busy, 50) / percentile(quiet, 50)),
        Row("what the rest of the process waits while the mirror fills", _text(lags), f"without {_text(still)}", None),
        Row("memory of the process, mirror filled", f"{more_mb:.0f} MB more", f"before {before_mb:.0f} MB", None),
    ]  # fmt: skip


async def _pages_alone() -> float:
    started = time.perf_counter()
    cloud, position, more = InventedCloud(), "", True
    while more:
        page = await cloud.changed_since(position)
        position, more = page.position, page.more
    return time.perf_counter() - started


async def _pass(following: Following) -> tuple[float, float]:
    """Seconds and CPU seconds of one full pass, without the pauses that a real CRM is left alone for."""
    passes, started, cpu_s = following.counts.full_passes, time.perf_counter(), _cpu_s()
    while following.counts.full_passes == passes:
        await following.step()
        if following.problem:
            raise RuntimeError(following.problem)
    return time.perf_counter() - started, _cpu_s() - cpu_s


async def _lags(over: asyncio.Event | None = None, *, most: int = 100_000) -> list[float]:
    """Milliseconds by which short sleeps end too late, until it is over or there were enough."""
    times = list[float]()
    while len(times) < most and not (over is not None and over.is_set()):
        started = time.perf_counter()
        await asyncio.sleep(0.002)
        times.append((time.perf_counter() - started - 0.002) * 1000)
    return times


async def _look_ups(path: Path, over: asyncio.Event, *, most: int) -> list[float]:
    """Milliseconds of look-ups all over the mirror, one at a time, until it is over or there were enough."""
    crm, times = EmbeddedCrm(path), list[float]()
    try:
        for n in range(most):
            if over.is_set():
                break
            key = number(n * _PRIME % PEOPLE)
            caller = CallerNumber(NumberKind.EXTERNAL, key, key)
            started = time.perf_counter()
            found = await crm.find(caller)
            times.append((time.perf_counter() - started) * 1000)
            if len(found) != 1:
                raise RuntimeError("somebody is not in the mirror")
            await asyncio.sleep(0.002)
    finally:
        await crm.close()
    return times


def _text(times: list[float]) -> str:
    return f"{percentile(times, 50):.2f} / {percentile(times, 99):.2f} ms"


def _memory_mb() -> float:
    """What the process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _customer(n: int) -> Customer:
    return Customer(CustomerId(f"c-{n}"), f"Клиент {n}", (number(n),), city="Тверь", responsible=f"u-{n % 50}")


def _deal(n: int) -> MirroredDeal:
    deal = Deal(DealId(f"d-{n}"), f"Заказ {n}", _STAGES[n % len(_STAGES)], responsible=f"u-{n % 50}")
    return MirroredDeal(deal, CustomerId(f"c-{n}"))
