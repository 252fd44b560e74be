"""How the CRM has been doing is known: when it answered last, what went wrong how often; and it is spared questions."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest
from settable_clock import SettableClock, settled

from cti_bridge.crm.breaker import Breaker
from cti_bridge.crm.condition import CrmState
from cti_bridge.crm.health import Trouble
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.port import Crm, CrmUnavailable
from cti_bridge.domain.customer import Customer, CustomerRecord
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import CallerNumber, parse_number

CALLERS = [parse_number(f"+749500001{n:02}", region="RU") for n in range(40)]


class CountingCrm:
    """A CRM that says by the customer's name how often it was asked, or fails, or waits for `gate`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.checked = 0
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        self.asked.append(number.key or "")
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return (CustomerRecord(Customer(CustomerId("c-1"), f"ответ {len(self.asked)}")),)

    async def check(self) -> None:
        self.checked += 1
        if self.error is not None:
            raise self.error


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


@pytest.fixture
def crm() -> CountingCrm:
    return CountingCrm()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def lookup(crm: CountingCrm, clock: SettableClock) -> AsyncIterator[Lookup]:
    one = Lookup(cast(Crm, crm), deadline_s=0.02, fresh_s=60.0, clock=clock)
    yield one
    crm.gate.set()
    await one.close()


async def test_a_kept_answer_that_ages_is_served_at_once_and_renewed_behind(
    crm: CountingCrm, clock: SettableClock, lookup: Lookup
) -> None:
    await lookup.find(CALLERS[0])
    clock.now += 29
    await lookup.find(CALLERS[0])
    await settled()
    assert len(crm.asked) == 1
    clock.now += 2
    crm.gate.clear()
    answer = await lookup.find(CALLERS[0])
    assert (answer.source, answer.age_s, answer.records[0].customer.name) == (CrmSource.CACHED, 31.0, "ответ 1")
    await until(lambda: len(crm.asked) == 2)
    crm.gate.set()
    await settled()
    answer = await lookup.find(CALLERS[0])
    assert (answer.source, answer.age_s, answer.records[0].customer.name) == (CrmSource.CACHED, 0.0, "ответ 2")
    assert lookup.health.asked_behind == 1


async def test_few_are_asked_behind_at_once_and_each_once(
    crm: CountingCrm, clock: SettableClock, lookup: Lookup
) -> None:
    for caller in CALLERS:
        await lookup.find(caller)
    clock.now += 40
    crm.gate.clear()
    for caller in CALLERS * 2:
        await lookup.find(caller)
    await settled()
    assert len(crm.asked) == len(CALLERS) + 8
    assert len(set(crm.asked[len(CALLERS) :])) == 8


async def test_a_crm_in_trouble_is_not_asked_behind(crm: CountingCrm, clock: SettableClock, lookup: Lookup) -> None:
    await lookup.find(CALLERS[0])
    crm.error = CrmUnavailable("it answers 503")
    for caller in CALLERS[1:4]:
        await lookup.find(caller)
    asked = len(crm.asked)
    clock.now += 40
    assert (await lookup.find(CALLERS[0])).source is CrmSource.CACHED
    await settled()
    assert len(crm.asked) == asked


async def test_the_last_good_answer_has_an_age(crm: CountingCrm, clock: SettableClock, lookup: Lookup) -> None:
    assert lookup.health.answered_s_ago is None
    await lookup.find(CALLERS[0])
    clock.now += 12
    assert lookup.health.answered_s_ago == 12
    crm.error = CrmUnavailable("it answers 503")
    await lookup.find(CALLERS[1])
    assert lookup.health.answered_s_ago == 12


async def test_what_goes_wrong_is_counted_by_kind(crm: CountingCrm, clock: SettableClock) -> None:
    lookup = Lookup(cast(Crm, crm), deadline_s=0.01, in_flight=1, clock=clock, breaker=Breaker(failures=3))
    crm.error = CrmUnavailable("it answers 503")
    await lookup.find(CALLERS[0])
    crm.error = KeyError("deals")
    await lookup.find(CALLERS[2])
    crm.gate.clear()
    crm.error = CrmUnavailable("it answers 503")
    await lookup.find(CALLERS[3])  # late, and on its way still
    await lookup.find(CALLERS[1])
    crm.gate.set()
    await settled()
    await lookup.find(CALLERS[1])
    assert dict(lookup.health.troubles) == {
        Trouble.UNAVAILABLE: 1,
        Trouble.UNEXPECTED: 1,
        Trouble.LATE: 1,
        Trouble.BUSY: 1,
        Trouble.LEFT_ALONE: 1,
    }
    await lookup.close()


async def test_a_crm_that_answers_callers_is_not_checked_besides(crm: CountingCrm) -> None:
    clock = SettableClock()
    lookup = Lookup(cast(Crm, crm), clock=clock)
    heard: list[CrmState] = []
    watch = asyncio.create_task(lookup.watch(lambda state, _: heard.append(state), every_s=0.01))
    await until(lambda: heard == [CrmState.UP])
    checked = crm.checked
    for _ in range(5):
        await asyncio.sleep(0.011)  # the watch wakes by the loop's clock; by the CRM's no time has passed
    assert crm.checked == checked
    clock.now += 1
    await until(lambda: crm.checked > checked)
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch
