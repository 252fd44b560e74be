"""A look-up always has an answer in time: fresh, kept, or an honest `failed`."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from empty_crm import EmptyCrm

from cti_bridge.crm.breaker import Breaker
from cti_bridge.crm.condition import CrmState
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.domain.customer import Customer, CustomerRecord
from cti_bridge.domain.decision import CrmAnswer, CrmSource
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import CallerNumber, parse_number

VERA = CustomerRecord(Customer(CustomerId("c-1"), "Вера Ёлкина", ("+74950000150",)))
CALLER = parse_number("+74950000150", region="RU")
CALLERS = [parse_number(f"+749500001{n:02}", region="RU") for n in range(60, 90)]
OTHER = parse_number("+74950000151", region="RU")


class ScriptedCrm(EmptyCrm):
    """A CRM that knows Vera and does as it is told: answers, waits for `open_gate`, or fails."""

    kind = "scripted"

    def __init__(self) -> None:
        self.asked = 0
        self.cancelled = 0
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        self.asked += 1
        await self._wait()
        return (VERA,) if number == CALLER else ()

    async def check(self) -> None:
        await self._wait()

    async def close(self) -> None:
        self.gate.set()

    async def _wait(self) -> None:
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def crm() -> AsyncIterator[ScriptedCrm]:
    scripted = ScriptedCrm()
    yield scripted
    await scripted.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


@pytest.fixture
async def lookup(crm: ScriptedCrm, clock: Clock) -> AsyncIterator[Lookup]:
    one = Lookup(crm, deadline_s=0.02, fresh_s=5.0, stale_s=3600.0, clock=clock)
    yield one
    await one.close()


async def test_a_known_caller_is_found(lookup: Lookup) -> None:
    answer = await lookup.find(CALLER)
    assert (answer.source, answer.records, answer.error) == (CrmSource.FRESH, (VERA,), "")


async def test_a_caller_whom_nobody_knows_is_none(lookup: Lookup) -> None:
    answer = await lookup.find(OTHER)
    assert (answer.source, answer.records) == (CrmSource.NONE, ())


@pytest.mark.parametrize("text", ["anonymous", "101", ""])
async def test_anonymous_and_internal_callers_are_not_asked_for(crm: ScriptedCrm, lookup: Lookup, text: str) -> None:
    assert await lookup.find(parse_number(text, region="RU")) == CrmAnswer(CrmSource.SKIPPED)
    assert crm.asked == 0


@pytest.mark.parametrize(("caller", "records"), [(CALLER, (VERA,)), (OTHER, ())])
async def test_a_young_kept_answer_is_used_without_asking(
    crm: ScriptedCrm, clock: Clock, lookup: Lookup, caller: CallerNumber, records: tuple[CustomerRecord, ...]
) -> None:
    await lookup.find(caller)
    clock.now += 4.0
    answer = await lookup.find(caller)
    assert (answer.source, answer.records, answer.age_s) == (CrmSource.CACHED, records, 4.0)
    clock.now += 1.0
    assert (await lookup.find(caller)).source in {CrmSource.FRESH, CrmSource.NONE}
    assert crm.asked == 2


async def test_without_a_fresh_time_the_crm_is_asked_every_time(crm: ScriptedCrm, clock: Clock) -> None:
    lookup = Lookup(crm, clock=clock)
    await lookup.find(CALLER)
    assert (await lookup.find(CALLER)).source is CrmSource.FRESH
    assert crm.asked == 2


async def test_a_late_crm_lets_the_caller_through_with_the_kept_answer(
    crm: ScriptedCrm, clock: Clock, lookup: Lookup
) -> None:
    await lookup.find(CALLER)
    clock.now += 3600.0
    crm.gate.clear()
    answer = await lookup.find(CALLER)
    assert (answer.source, answer.records, answer.age_s) == (CrmSource.STALE, (VERA,), 3600.0)
    clock.now += 1.0
    answer = await lookup.find(CALLER)
    assert (answer.source, answer.records) == (CrmSource.FAILED, ())


async def test_a_failing_crm_without_a_kept_answer_is_failed_and_says_why(crm: ScriptedCrm, lookup: Lookup) -> None:
    crm.error = CrmUnavailable("crm.sqlite does not exist")
    answer = await lookup.find(CALLER)
    assert (answer.source, answer.records, answer.error) == (CrmSource.FAILED, (), "crm.sqlite does not exist")


async def test_nonsense_from_a_crm_is_a_failure_that_tells_no_customer(crm: ScriptedCrm, lookup: Lookup) -> None:
    crm.error = KeyError("Вера Ёлкина +74950000150")
    answer = await lookup.find(CALLER)
    assert answer.source is CrmSource.FAILED
    assert answer.error.startswith("unexpected KeyError in test_crm_lookup.py:")
    assert "Ёлкина" not in answer.error
    assert "0150" not in answer.error


async def test_a_call_may_have_less_time_than_usual_and_that_is_not_held_against_the_crm(crm: ScriptedCrm) -> None:
    lookup = Lookup(crm, deadline_s=60.0)
    crm.gate.clear()
    for _ in range(5):
        assert (await lookup.find(CALLER, deadline_s=0.001)).error == "no answer within 1 ms"
    crm.gate.set()
    assert (await lookup.find(CALLER)).source is CrmSource.FRESH
    await lookup.close()


async def test_equal_look_ups_on_the_way_are_one(crm: ScriptedCrm) -> None:
    lookup = Lookup(crm, deadline_s=60.0)
    crm.gate.clear()
    calls = [asyncio.create_task(lookup.find(CALLER)) for _ in range(20)]
    await until(lambda: crm.asked > 0)
    crm.gate.set()
    assert {answer.source for answer in await asyncio.gather(*calls)} == {CrmSource.FRESH}
    assert crm.asked == 1


async def test_a_caller_who_hangs_up_takes_the_answer_from_nobody_else(crm: ScriptedCrm) -> None:
    lookup = Lookup(crm, deadline_s=60.0)
    crm.gate.clear()
    gone, stays = asyncio.create_task(lookup.find(CALLER)), asyncio.create_task(lookup.find(CALLER))
    await until(lambda: crm.asked > 0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    crm.gate.set()
    assert (await stays).source is CrmSource.FRESH


async def test_a_late_answer_is_kept_for_the_next_call(crm: ScriptedCrm, lookup: Lookup) -> None:
    crm.gate.clear()
    assert (await lookup.find(CALLER)).source is CrmSource.FAILED
    crm.gate.set()
    await until(lambda: lookup.state is CrmState.UP)
    crm.error = CrmUnavailable("gone")
    answer = await lookup.find(CALLER)
    assert (answer.source, answer.records) == (CrmSource.CACHED, (VERA,))


async def test_a_dead_crm_is_left_alone_and_costs_the_calls_nothing(crm: ScriptedCrm, clock: Clock) -> None:
    lookup = Lookup(crm, clock=clock, breaker=Breaker(failures=3, open_for_s=1.0))
    crm.error = CrmUnavailable("refused")
    for caller in CALLERS[:10]:
        answer = await lookup.find(caller)
    assert crm.asked == 3
    assert answer.error == "not asked after repeated failures: refused"
    assert (lookup.state, lookup.reason) == (CrmState.DOWN, "refused")
    crm.error = None
    clock.now += 1.0
    assert (await lookup.find(CALLER)).source is CrmSource.FRESH
    assert (lookup.state, lookup.reason) == (CrmState.UP, "")


async def test_a_hanging_crm_does_not_pile_up_look_ups(crm: ScriptedCrm) -> None:
    lookup = Lookup(crm, deadline_s=0.01, in_flight=4, breaker=Breaker(failures=1000))
    crm.gate.clear()
    numbers = [parse_number(f"+749500001{n:02}", region="RU") for n in range(20)]
    answers = await asyncio.gather(*(lookup.find(number) for number in numbers))
    assert {answer.source for answer in answers} == {CrmSource.FAILED}
    assert crm.asked == 4
    assert answers[-1].error == "too many look-ups are waiting for the CRM"
    await lookup.close()
    assert crm.cancelled == 4


async def test_after_close_every_look_up_still_has_an_answer(lookup: Lookup) -> None:
    await lookup.close()
    assert (await lookup.find(CALLER)).source is CrmSource.FAILED


async def test_the_watch_tells_when_the_crm_goes_and_comes_back_without_a_call(crm: ScriptedCrm) -> None:
    lookup = Lookup(crm)
    heard: list[tuple[CrmState, str]] = []
    watch = asyncio.create_task(
        lookup.watch(lambda state, reason: heard.append((state, reason)), every_s=0.01, while_down_s=0.01)
    )
    await until(lambda: len(heard) == 1)
    crm.error = CrmUnavailable("locked")
    await until(lambda: len(heard) == 2)
    crm.error = None
    await until(lambda: len(heard) == 3)
    assert heard == [(CrmState.UP, ""), (CrmState.DOWN, "locked"), (CrmState.UP, "")]
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch


async def test_a_crm_that_is_down_for_another_reason_now_says_so(crm: ScriptedCrm) -> None:
    lookup = Lookup(crm)
    heard: list[tuple[CrmState, str]] = []
    crm.error = CrmUnavailable("nobody answers at its address")
    watch = asyncio.create_task(
        lookup.watch(lambda state, reason: heard.append((state, reason)), every_s=0.01, while_down_s=0.01, within_s=30)
    )
    await until(lambda: len(heard) == 1)
    crm.error = CrmUnavailable("it does not take our password")
    await until(lambda: len(heard) == 2)
    assert heard == [
        (CrmState.DOWN, "nobody answers at its address"),
        (CrmState.DOWN, "it does not take our password"),
    ]
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch


async def test_what_look_ups_find_out_is_told_before_the_next_check(crm: ScriptedCrm) -> None:
    lookup = Lookup(crm)
    heard: list[CrmState] = []
    watch = asyncio.create_task(lookup.watch(lambda state, _: heard.append(state), every_s=3600.0))
    await until(lambda: heard == [CrmState.UP])
    crm.error = CrmUnavailable("refused")
    for caller in CALLERS[:3]:
        await lookup.find(caller)
    await until(lambda: heard == [CrmState.UP, CrmState.DOWN])
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch
