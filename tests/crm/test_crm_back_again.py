"""A CRM that is well is asked, whatever else goes to it and whoever it cannot answer; what is said of it is true."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from empty_crm import EmptyCrm
from virtual_time import told

from cti_bridge.crm.breaker import Breaker
from cti_bridge.crm.condition import Condition, CrmState
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.pace import PATIENCE, Pace, Patience
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.domain.customer import Customer, CustomerRecord
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import CallerNumber, parse_number

CALLERS = [parse_number(f"+749500003{n:02}", region="RU") for n in range(20)]
SOMEBODY = (CustomerRecord(Customer(CustomerId("c-1"), "Аглая Вишнякова")),)


class Adapter(EmptyCrm):
    """Finds as the test says."""

    kind = "scripted"

    def __init__(self, finding: Callable[[CallerNumber], Awaitable[tuple[CustomerRecord, ...]]]) -> None:
        self._finding = finding

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        return await self._finding(number)


def state_of(lookup: Lookup) -> CrmState:
    """As it is now; it changes behind the test's back."""
    return lookup.state


@asynccontextmanager
async def looked_up_through(crm: EmptyCrm, *, every_s: float) -> AsyncIterator[Lookup]:
    """A look-up that is watched, in virtual time, in which the first check has gone well."""
    lookup = Lookup(crm, clock=asyncio.get_running_loop().time)
    watch = asyncio.create_task(lookup.watch(lambda *_: None, every_s=every_s))
    await asyncio.sleep(0.1)
    assert state_of(lookup) is CrmState.UP
    yield lookup
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    await lookup.close()


@pytest.mark.parametrize("calls_come", [False, True])
def test_the_reports_that_waited_for_a_crm_do_not_keep_callers_from_it(calls_come: bool) -> None:
    async def tell() -> None:
        pace = Pace(2.0, 10, 5, clock=asyncio.get_running_loop().time)
        is_well = False

        async def find(_number: CallerNumber) -> tuple[CustomerRecord, ...]:
            await pace.take(urgent=True, within_s=1.0)
            if not is_well:
                raise CrmUnavailable("it answers 503")
            return SOMEBODY

        async def report() -> None:
            while True:
                await pace.take(urgent=False)

        async with looked_up_through(Adapter(find), every_s=60.0) as lookup:
            for caller in CALLERS[:3]:
                await lookup.find(caller)
            assert state_of(lookup) is CrmState.DOWN
            is_well = True
            telling = [asyncio.create_task(report()) for _ in range(8)]
            for _ in range(10):
                if calls_come:
                    await lookup.find(CALLERS[5])
                await asyncio.sleep(0.5)
            assert state_of(lookup) is CrmState.UP
            assert (await lookup.find(CALLERS[6])).source is CrmSource.FRESH
            for task in telling:
                task.cancel()
            await asyncio.gather(*telling, return_exceptions=True)

    told(tell())


@pytest.mark.parametrize("hangs", [False, True])
def test_one_customer_of_whom_nothing_can_be_said_cuts_nobody_else_off(hangs: bool) -> None:
    async def find(number: CallerNumber) -> tuple[CustomerRecord, ...]:
        if number == CALLERS[0]:
            await asyncio.sleep(3_600 if hangs else 0)
            raise CrmUnavailable("an answer of more than 100 customers")
        return SOMEBODY

    async def tell() -> None:
        async with looked_up_through(Adapter(find), every_s=3_600.0) as lookup:
            for _ in range(5):
                assert (await lookup.find(CALLERS[0])).source is CrmSource.FAILED
                await asyncio.sleep(3.0)
            assert (await lookup.find(CALLERS[1])).source is CrmSource.FRESH

    told(tell())


def test_a_crm_that_was_slow_is_up_again_a_moment_after_it_is_quick() -> None:
    is_slow = True

    async def find(_number: CallerNumber) -> tuple[CustomerRecord, ...]:
        await asyncio.sleep(0.5 if is_slow else 0.01)
        return SOMEBODY

    async def tell() -> None:
        nonlocal is_slow
        async with looked_up_through(Adapter(find), every_s=60.0) as lookup:
            for caller in CALLERS[:3]:
                await lookup.find(caller)
            assert state_of(lookup) is CrmState.SLOW
            is_slow = False
            await asyncio.sleep(3.0)
            assert state_of(lookup) is CrmState.UP

    told(tell())


def test_a_crm_that_is_left_alone_is_never_called_up() -> None:
    condition = Condition(Breaker(failures=3), stalled_after_s=0.6)
    condition.check_passed()
    condition.failed(CALLERS[0], "it answers 503", now=10.3)
    condition.failed(CALLERS[1], "it answers 503", now=12.0)
    condition.was_late(CALLERS[2], now=20.3)
    assert condition.is_troubled
    assert condition.state is not CrmState.UP
    assert condition.reason


@pytest.mark.parametrize(
    ("usual_s", "source", "state"),
    [
        (0.1, CrmSource.FAILED, CrmState.SLOW),
        (0.3, CrmSource.FAILED, CrmState.SLOW),
        (0.9, CrmSource.FRESH, CrmState.UP),
    ],
)
def test_too_late_is_what_is_too_late_for_callers_by_the_rules_in_force(
    usual_s: float, source: CrmSource, state: CrmState
) -> None:
    patience: list[Patience | None] = []

    async def find(_number: CallerNumber) -> tuple[CustomerRecord, ...]:
        patience.append(PATIENCE.get())
        await asyncio.sleep(0.5)
        return SOMEBODY

    async def tell() -> None:
        async with looked_up_through(Adapter(find), every_s=60.0) as lookup:
            for caller in CALLERS[:4]:
                assert (await lookup.find(caller, deadline_s=usual_s, usual_s=usual_s)).source is source
                await asyncio.sleep(1.0)
            assert lookup.state is state
        assert len(patience) >= 4
        assert all(one is not None and one.longest_s == pytest.approx(usual_s * 2 / 3) for one in patience)

    told(tell())
