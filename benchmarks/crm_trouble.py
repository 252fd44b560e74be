"""What a CRM in trouble costs callers: look-ups at 20 calls a second while it is well, hangs, limits and refuses."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from benchmarks.customers import number
from benchmarks.figures import Row, percentile
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.domain.customer import Customer, CustomerRecord
from cti_bridge.domain.decision import CrmAnswer
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import CallerNumber, NumberKind

CALLS_PER_S, CALLS = 20.0, 200
ANSWERS_AFTER_S = 0.02
_CALLERS = 10_000
Find = Callable[[CallerNumber], Awaitable[tuple[CustomerRecord, ...]]]


class InventedCrm:
    """A fake of a CRM that is well at first and then does as `find` says; it has what a look-up needs."""

    kind = "invented"

    def __init__(self, find: Find) -> None:
        self._find = find
        self.is_well = True

    async def find(self, caller: CallerNumber) -> tuple[CustomerRecord, ...]:
        """What it says about a caller."""
        return await (_answer(caller) if self.is_well else self._find(caller))

    async def check(self) -> None:
        """As a look-up of somebody else."""
        await self.find(_caller(0))


async def rows() -> list[Row]:
    """Measure and return the rows."""
    well = await _calls(_answer)
    found = [Row(_name("is well"), _text(well), _beside(well), None)]
    for name, find in (("hangs", _hang), ("allows 2 requests a second", _limited()), ("answers 503", _refuse)):
        calls = await _calls(find)
        found.append(Row(_name(name), _text(calls), _beside(calls), None, "≤ 300 ms each"))
    return found


async def _calls(find: Find) -> list[tuple[float, CrmAnswer]]:
    """How long each caller's look-up took in milliseconds, and what it brought; each caller calls once."""
    crm = InventedCrm(find)
    lookup = Lookup(crm)  # type: ignore[arg-type]
    up = asyncio.Event()
    watch = asyncio.create_task(lookup.watch(lambda _state, _reason: up.set()))
    try:
        async with asyncio.timeout(30):
            await up.wait()
        await lookup.find(_caller(_CALLERS))
        crm.is_well = False
        began = time.perf_counter()
        calls = []
        for n in range(CALLS):
            await asyncio.sleep(max(0.0, began + n / CALLS_PER_S - time.perf_counter()))
            calls.append(asyncio.create_task(_one(lookup, n)))
        return list(await asyncio.gather(*calls))
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await lookup.close()


async def _one(lookup: Lookup, n: int) -> tuple[float, CrmAnswer]:
    started = time.perf_counter()
    answer = await lookup.find(_caller(n + 1))
    return (time.perf_counter() - started) * 1000, answer


async def _answer(caller: CallerNumber) -> tuple[CustomerRecord, ...]:
    await asyncio.sleep(ANSWERS_AFTER_S)
    return (CustomerRecord(Customer(CustomerId("c-1"), "Клиент", (caller.raw,))),)


async def _hang(_caller: CallerNumber) -> tuple[CustomerRecord, ...]:
    await asyncio.sleep(3_600)
    return ()


async def _refuse(_caller: CallerNumber) -> tuple[CustomerRecord, ...]:
    raise CrmUnavailable("it answers 503")


def _limited() -> Find:
    """A CRM behind a pace, as the adapters of cloud CRMs have it."""
    pace = Pace(2.0, 20, 10)

    async def find(caller: CallerNumber) -> tuple[CustomerRecord, ...]:
        await pace.take(urgent=True, within_s=5.0)
        return await _answer(caller)

    return find


def _caller(n: int) -> CallerNumber:
    key = number(n)
    return CallerNumber(NumberKind.EXTERNAL, key, key)


def _name(what: str) -> str:
    return f"look-ups of {CALLS} callers, {CALLS_PER_S:.0f} a second, while the CRM {what}: p50 / p99 / longest"


def _text(calls: list[tuple[float, CrmAnswer]]) -> str:
    times = [took_ms for took_ms, _ in calls]
    return f"{percentile(times, 50):.1f} / {percentile(times, 99):.1f} / {max(times):.1f} ms"


def _beside(calls: list[tuple[float, CrmAnswer]]) -> str:
    waited = sum(took_ms > 250 for took_ms, _ in calls)
    said = Counter(answer.source.value for _, answer in calls)
    return f"{', '.join(f'{count} {source}' for source, count in said.most_common())}; {waited} waited to the end"
