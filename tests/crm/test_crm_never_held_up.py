"""Whatever a CRM's adapter does, a caller waits no longer than his limit, and one bad answer blocks nobody else."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from empty_crm import EmptyCrm
from settable_clock import SettableClock, settled

from cti_bridge.crm import lookup as lookup_module
from cti_bridge.crm.breaker import Breaker
from cti_bridge.crm.condition import Condition, CrmState
from cti_bridge.crm.health import Trouble
from cti_bridge.crm.kept import KeptAnswers
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.domain.customer import Customer, CustomerRecord
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import CallerNumber, parse_number

CALLERS = [parse_number(f"+749500002{n:02}", region="RU") for n in range(100)]
SOMEBODY = (CustomerRecord(Customer(CustomerId("c-1"), "Ульяна Жемчужная")),)


class Adapter(EmptyCrm):
    """A CRM's adapter whose `find` and `check` are what the test says."""

    kind = "scripted"

    def __init__(self) -> None:
        self.asked = 0
        self.checked = 0
        self.finding: Callable[[CallerNumber], Awaitable[tuple[CustomerRecord, ...]]] = self.answer
        self.checking: Callable[[], Awaitable[None]] = self.check_well
        self.gate = asyncio.Event()

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        self.asked += 1
        return await self.finding(number)

    async def check(self) -> None:
        self.checked += 1
        await self.checking()

    async def close(self) -> None:
        self.gate.set()

    async def answer(self, _number: CallerNumber) -> tuple[CustomerRecord, ...]:
        return SOMEBODY

    async def answer_later(self, _number: CallerNumber) -> tuple[CustomerRecord, ...]:
        await self.gate.wait()
        return SOMEBODY

    async def go_on_though_cancelled(self, *_: object) -> tuple[CustomerRecord, ...]:
        while not self.gate.is_set():
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                continue
        return SOMEBODY

    async def fail(self, *_: object) -> tuple[CustomerRecord, ...]:
        raise CrmUnavailable("it answers 503")

    async def break_off(self, *_: object) -> tuple[CustomerRecord, ...]:
        raise asyncio.CancelledError

    async def check_well(self) -> None:
        pass


@pytest.fixture
async def crm() -> AsyncIterator[Adapter]:
    one = Adapter()
    yield one
    await one.close()
    await settled()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def lookup(crm: Adapter, clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lookup]:
    monkeypatch.setattr(lookup_module, "_LATE_LIMIT_S", 60.0)  # nothing is late for good because the machine is busy
    one = Lookup(crm, deadline_s=0.02, clock=clock)
    yield one
    await crm.close()
    await one.close()


class Watched:
    """A look-up that is watched, and what the watch said."""

    def __init__(self, lookup: Lookup, *, within_s: float = 0.02) -> None:
        self.heard: list[CrmState] = []
        self.task = asyncio.create_task(
            lookup.watch(lambda state, _: self.heard.append(state), every_s=0.01, while_down_s=0.01, within_s=within_s)
        )

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_look_up_that_cannot_be_cancelled_holds_up_neither_its_caller_nor_the_next(
    crm: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup_module, "_LATE_LIMIT_S", 0.05)
    lookup = Lookup(crm, deadline_s=0.02, in_flight=3, breaker=Breaker(failures=1000))
    crm.finding = crm.go_on_though_cancelled
    assert (await lookup.find(CALLERS[0])).source is CrmSource.FAILED
    answer = await lookup.find(CALLERS[0], deadline_s=30.0)
    assert (answer.source, answer.error) == (CrmSource.FAILED, "no answer")
    crm.finding = crm.answer
    assert (await lookup.find(CALLERS[0])).source is CrmSource.FRESH
    crm.finding = crm.go_on_though_cancelled
    for caller in CALLERS[1:10]:
        await lookup.find(caller)
    assert crm.asked == 4  # three go on and on, and there are never more
    async with asyncio.timeout(30):
        await lookup.close()


async def test_a_look_up_that_is_broken_off_inside_the_adapter_is_a_failure(crm: Adapter, lookup: Lookup) -> None:
    crm.finding = crm.break_off
    answer = await lookup.find(CALLERS[0])
    assert (answer.source, answer.error) == (CrmSource.FAILED, "the look-up was broken off")
    assert lookup.health.troubles[Trouble.UNAVAILABLE] == 1


@pytest.mark.parametrize("error", [KeyError("x"), RecursionError(), MemoryError(), OSError(), ValueError("\ud800")])
async def test_no_error_of_an_adapter_costs_more_than_the_answer(
    crm: Adapter, lookup: Lookup, error: Exception
) -> None:
    async def fail(_number: CallerNumber) -> tuple[CustomerRecord, ...]:
        raise error

    crm.finding = fail
    answers = await asyncio.gather(*(lookup.find(CALLERS[0]) for _ in range(5)))
    assert {answer.source for answer in answers} == {CrmSource.FAILED}
    assert crm.asked == 1
    crm.finding = crm.answer
    assert (await lookup.find(CALLERS[0])).source is CrmSource.FRESH


async def test_an_asker_with_more_time_has_the_answer_that_comes_too_late_for_another(
    crm: Adapter, lookup: Lookup
) -> None:
    crm.finding = crm.answer_later
    patient = asyncio.create_task(lookup.find(CALLERS[0], deadline_s=60.0))
    await until(lambda: crm.asked == 1)
    assert (await lookup.find(CALLERS[0])).source is CrmSource.FAILED
    crm.gate.set()
    assert (await patient).source is CrmSource.FRESH
    assert crm.asked == 1


async def test_one_customer_whose_answer_makes_no_sense_does_not_cut_the_others_off(
    crm: Adapter, lookup: Lookup
) -> None:
    async def stumble(number: CallerNumber) -> tuple[CustomerRecord, ...]:
        if number == CALLERS[0]:
            raise KeyError("deals")
        return SOMEBODY

    crm.finding = stumble
    for _ in range(10):
        assert (await lookup.find(CALLERS[0])).source is CrmSource.FAILED
    assert crm.asked == 10
    assert (await lookup.find(CALLERS[1])).source is CrmSource.FRESH


async def test_a_slow_crm_is_not_left_alone_and_its_late_answers_help_the_next_calls(
    crm: Adapter, lookup: Lookup
) -> None:
    watched = Watched(lookup)
    await until(lambda: watched.heard == [CrmState.UP])
    await lookup.find(CALLERS[50])
    crm.finding = crm.answer_later
    for caller in CALLERS[:20]:
        assert (await lookup.find(caller)).source is CrmSource.FAILED
    assert (crm.asked, lookup.state, lookup.reason) == (21, CrmState.SLOW, "it answers too late for callers")
    crm.gate.set()
    await settled()
    crm.finding = crm.fail
    assert (await lookup.find(CALLERS[7])).source is CrmSource.STALE
    crm.finding = crm.answer
    # The watch asks again for one who was late.
    await until(lambda: watched.heard == [CrmState.UP, CrmState.SLOW, CrmState.UP])
    await watched.stop()


async def test_a_crm_that_hangs_costs_a_few_callers_a_wait_and_then_nobody_not_even_to_try_it_again(
    crm: Adapter, clock: SettableClock, lookup: Lookup
) -> None:
    watched = Watched(lookup)
    await until(lambda: watched.heard == [CrmState.UP])
    await lookup.find(CALLERS[0])
    crm.finding = crm.go_on_though_cancelled
    clock.now += 1
    waited = 0
    for caller in CALLERS[1:80]:
        clock.now += 0.05
        answer = await lookup.find(caller)
        waited += answer.error.startswith("no answer within")
        await asyncio.sleep(0)
        assert answer.source is CrmSource.FAILED
    assert waited == 3
    assert lookup.health.troubles[Trouble.LEFT_ALONE] == 76
    assert 4 < crm.asked < 40  # it is tried now and then, behind
    crm.gate.set()
    crm.finding = crm.answer
    await until(lambda: lookup.state is CrmState.UP)
    assert (await lookup.find(CALLERS[90])).source is CrmSource.FRESH
    await watched.stop()


async def test_one_late_answer_among_good_ones_makes_a_crm_neither_slow_nor_down(crm: Adapter, lookup: Lookup) -> None:
    await lookup.find(CALLERS[0])
    for caller in CALLERS[1:9]:
        crm.gate.clear()
        crm.finding = crm.answer_later
        await lookup.find(caller)
        crm.gate.set()
        await settled()
        crm.finding = crm.answer
        await lookup.find(caller)
        assert lookup.state is CrmState.UP


async def test_a_crm_that_passes_checks_and_fails_look_ups_is_down_until_a_look_up_goes_well(
    crm: Adapter, clock: SettableClock, lookup: Lookup
) -> None:
    watched = Watched(lookup)
    await until(lambda: watched.heard == [CrmState.UP])
    crm.finding = crm.fail
    for caller in CALLERS[:3]:
        await lookup.find(caller)
    asked = crm.asked
    await until(lambda: crm.asked >= asked + 5)  # the watch asks again, nobody calls
    assert watched.heard == [CrmState.UP, CrmState.DOWN]
    crm.finding = crm.answer
    await until(lambda: len(watched.heard) == 3)
    assert watched.heard[-1] is CrmState.UP
    await watched.stop()


def test_a_crm_that_is_up_again_is_asked_again_whatever_brought_it_down() -> None:
    def failed() -> None:
        condition.failed(next(callers), "refused", 0.0)

    def late() -> None:
        condition.was_late(next(callers), 0.0)

    def check_failed() -> None:
        condition.check_failed("refused", 0.0)

    for story in itertools.product((failed, late, check_failed), repeat=5):
        callers = iter(CALLERS)
        condition = Condition(Breaker(failures=3, open_for_s=1.0), stalled_after_s=0.5)
        for happens in story:
            happens()
        if condition.in_doubt is None:
            condition.check_passed()
        else:
            for _ in range(3):
                condition.answered(0.0, on_time=True)
        assert condition.state is CrmState.UP
        assert [condition.may_be_asked(0.0) for _ in range(5)] == [True] * 5


async def test_checks_that_hang_for_good_are_one_and_do_not_hold_the_watch_up(crm: Adapter, lookup: Lookup) -> None:
    async def hang() -> None:
        await crm.go_on_though_cancelled()

    crm.checking = hang
    watched = Watched(lookup)
    await until(lambda: watched.heard == [CrmState.DOWN])
    for _ in range(5):
        await asyncio.sleep(0.03)
    assert crm.checked == 1
    assert lookup.reason == "no answer"
    crm.checking = crm.check_well
    crm.gate.set()
    await until(lambda: watched.heard == [CrmState.DOWN, CrmState.UP])
    await watched.stop()


async def test_a_check_that_is_broken_off_inside_the_adapter_does_not_end_the_watch(
    crm: Adapter, lookup: Lookup
) -> None:
    async def break_off() -> None:
        await crm.break_off()

    crm.checking = break_off
    watched = Watched(lookup)
    await until(lambda: watched.heard == [CrmState.DOWN])
    crm.checking = crm.check_well
    await until(lambda: watched.heard == [CrmState.DOWN, CrmState.UP])
    await watched.stop()


async def test_more_callers_than_the_crm_allows_are_decided_about_and_not_held_against_it(crm: Adapter) -> None:
    clock = SettableClock()
    pace = Pace(2.0, 5, 2, clock=clock, sleep=clock.sleep)
    sent = list[float]()

    async def paced(_number: CallerNumber) -> tuple[CustomerRecord, ...]:
        await pace.take(urgent=True, within_s=1.0)
        sent.append(clock.now)
        return SOMEBODY

    lookup = Lookup(crm, deadline_s=0.01, clock=clock)
    crm.finding = paced
    watched = Watched(lookup)
    await until(lambda: watched.heard == [CrmState.UP])
    answers = []
    for second in range(3):
        answers += await asyncio.gather(*(lookup.find(caller) for caller in CALLERS))
        await clock.forward(1.0)
        assert len(sent) <= 5 + 2 * (second + 1)
    assert len(answers) == 3 * len(CALLERS)
    assert {answer.source for answer in answers} == {CrmSource.FRESH, CrmSource.STALE, CrmSource.FAILED}
    assert "its rate limit is used up" in {answer.error for answer in answers}
    assert lookup.health.troubles[Trouble.LEFT_ALONE] == 0
    assert CrmState.DOWN not in watched.heard
    await watched.stop()
    await lookup.close()


async def test_that_nobody_has_a_number_is_not_believed_for_long(crm: Adapter, clock: SettableClock) -> None:
    lookup = Lookup(crm, deadline_s=30.0, fresh_s=600.0, stale_s=86_400.0, clock=clock)

    async def nobody(_number: CallerNumber) -> tuple[CustomerRecord, ...]:
        return ()

    crm.finding = nobody
    await lookup.find(CALLERS[0])
    crm.finding = crm.answer
    await lookup.find(CALLERS[1])
    clock.now += 29
    assert (await lookup.find(CALLERS[0])).source is CrmSource.CACHED
    clock.now += 1
    assert (await lookup.find(CALLERS[1])).source is CrmSource.CACHED
    crm.finding = crm.fail
    assert (await lookup.find(CALLERS[0])).source is CrmSource.STALE
    clock.now += 3_600
    assert (await lookup.find(CALLERS[0])).source is CrmSource.FAILED
    assert (await lookup.find(CALLERS[1])).source is CrmSource.STALE
    await lookup.close()


def test_kept_answers_are_bounded_by_their_size_as_well() -> None:
    kept = KeptAnswers(size=1_000_000, most_bytes=1_000_000)
    for n in range(2_000):
        kept.keep(str(n), (CustomerRecord(Customer(CustomerId(str(n)), "Ж" * 1_000)),), now=0.0)
    assert 100 < len(kept) < 250
    assert kept.get("1999") is not None
    kept.keep("1999", (CustomerRecord(Customer(CustomerId("x"), "Ж" * 100_000)),), now=1.0)
    assert kept.get("1999") is None  # too large to be kept, and the older one would be wrong now
    for _ in range(3_000):
        kept.keep("again", SOMEBODY, now=0.0)
    assert len(kept) > 100  # what is kept again is not counted twice
