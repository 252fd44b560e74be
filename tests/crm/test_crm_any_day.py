"""Whatever a CRM does and whoever calls: in time, about the right person, never older than it says, and up again."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from empty_crm import EmptyCrm
from hypothesis import given
from hypothesis import strategies as st
from virtual_time import told

from cti_bridge.crm.breaker import Breaker
from cti_bridge.crm.condition import CrmState
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.port import CrmBusy, CrmUnavailable
from cti_bridge.domain.customer import Customer, CustomerRecord
from cti_bridge.domain.decision import CrmAnswer, CrmSource
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import CallerNumber, parse_number

CALLERS = [parse_number(f"+749500004{n:02}", region="RU") for n in range(5)]
SOMEBODY_ELSE = parse_number("+74950000499", region="RU")
DEADLINE_S, FRESH_S, STALE_S, MOST = 0.3, 4.0, 30.0, 3
A_MOMENT_S = 1e-3

TROUBLES = ["slow", "very slow", "hang", "deaf", "fail", "busy", "nonsense", "break off"]
BEHAVIOUR = st.sampled_from(["well", "well", *TROUBLES])
HAPPENINGS = st.one_of(
    st.tuples(st.just("call"), st.integers(0, 4), st.sampled_from([DEADLINE_S, DEADLINE_S, 0.05, 0.0, 3.0])),
    st.tuples(st.just("call"), st.integers(0, 4), st.just(DEADLINE_S)),
    st.tuples(st.just("hang up"), st.integers(0, 4), st.just(0.1)),
    st.tuples(st.just("wait"), st.sampled_from([0.01, 0.1, 0.31, 0.5, 1.0, 2.1, 5.0, 29.0, 40.0]), st.none()),
    st.tuples(st.just("finds"), BEHAVIOUR, st.none() | st.integers(0, 4)),
    st.tuples(st.just("checks"), BEHAVIOUR, st.none()),
)


@dataclass
class AnyCrm(EmptyCrm):
    """Says whose number it is, and when it said so."""

    kind = "any"
    finds: dict[str | None, str] = field(default_factory=dict)
    checks: str = "well"
    on_their_way: list[str | None] = field(default_factory=list)
    begun: list[tuple[float, bool]] = field(default_factory=list)
    is_left_alone: Callable[[], bool] = lambda: False
    is_over: asyncio.Event = field(default_factory=asyncio.Event)

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        loop = asyncio.get_running_loop()
        self.begun.append((loop.time(), self.is_left_alone()))
        self.on_their_way.append(number.key)
        assert len(self.on_their_way) <= MOST
        try:
            await self._behave(self.finds.get(number.key, "well"))
        finally:
            self.on_their_way.remove(number.key)
        return (CustomerRecord(Customer(CustomerId(f"{number.key}"), f"{loop.time()!r}")),)

    async def check(self) -> None:
        await self._behave(self.checks)

    async def _behave(self, how: str) -> None:
        pauses = {"slow": 0.4, "very slow": 1.9, "hang": 1e9, "fail": 0.05}
        await asyncio.sleep(pauses.get(how, 0.02))
        while how == "deaf" and not self.is_over.is_set():
            try:
                await self.is_over.wait()
            except asyncio.CancelledError:
                continue
        if how == "fail":
            raise CrmUnavailable("it answers 503")
        if how == "busy":
            raise CrmBusy("its rate limit is used up")
        if how == "nonsense":
            raise KeyError("deals")
        if how == "break off":
            raise asyncio.CancelledError


class Day:
    """One CRM, one look-up, and callers."""

    def __init__(self) -> None:
        self.crm = AnyCrm()
        self.clock = asyncio.get_running_loop().time
        breaker = Breaker()
        self.crm.is_left_alone = lambda: breaker.is_open
        self.lookup = Lookup(
            self.crm,
            deadline_s=DEADLINE_S,
            fresh_s=FRESH_S,
            stale_s=STALE_S,
            clock=self.clock,
            in_flight=MOST,
            breaker=breaker,
        )
        self.heard: list[tuple[CrmState, str]] = []
        self.watch = asyncio.create_task(self.lookup.watch(self._hear))
        self.calls: list[asyncio.Task[CrmAnswer]] = []

    def _hear(self, state: CrmState, reason: str) -> None:
        assert [(state, reason)] != self.heard[-1:]
        assert bool(reason) is (state is not CrmState.UP)
        self.heard.append((state, reason))

    async def call(self, number: CallerNumber, limit_s: float) -> CrmAnswer:
        began = self.clock()
        answer = await self.lookup.find(number, deadline_s=limit_s)
        now = self.clock()
        assert now - began <= limit_s + A_MOMENT_S
        for record in answer.records:
            assert record.customer.id == number.key
            said_s_ago = now - float(record.customer.name)
            if answer.source is CrmSource.FRESH:
                assert said_s_ago <= now - began + A_MOMENT_S
            else:
                assert answer.age_s is not None
                assert abs(said_s_ago - answer.age_s) < A_MOMENT_S
        if answer.source is CrmSource.CACHED:
            assert answer.age_s is not None and answer.age_s < FRESH_S
        elif answer.source is CrmSource.STALE:
            assert answer.age_s is not None and answer.age_s <= STALE_S
        assert bool(answer.error) is (answer.source in {CrmSource.STALE, CrmSource.FAILED})
        assert not answer.error.endswith(": ")
        return answer

    async def happens(self, what: str, one: object, other: object) -> None:
        if what in {"call", "hang up"}:
            assert isinstance(one, int) and isinstance(other, float)
            call = asyncio.create_task(self.call(CALLERS[one], DEADLINE_S if what == "hang up" else other))
            self.calls.append(call)
            if what == "hang up":
                asyncio.get_running_loop().call_later(other, call.cancel)
        elif what == "wait":
            assert isinstance(one, float)
            await asyncio.sleep(one)
        elif what == "finds":
            whose = CALLERS if other is None else [CALLERS[int(str(other))]]
            self.crm.finds.update((number.key, str(one)) for number in whose)
        else:
            self.crm.checks = str(one)
        assert bool(self.lookup.reason) is (self.lookup.state is not CrmState.UP)

    async def is_over(self) -> None:
        for answer in await asyncio.gather(*self.calls, return_exceptions=True):
            assert isinstance(answer, CrmAnswer | asyncio.CancelledError), answer
        self.left_alone_while_troubled()
        self.crm.finds, self.crm.checks = {}, "well"
        self.crm.is_over.set()
        await asyncio.sleep(10.0)
        assert self.lookup.state is CrmState.UP
        assert (await self.call(SOMEBODY_ELSE, DEADLINE_S)).source is CrmSource.FRESH
        self.watch.cancel()
        await asyncio.gather(self.watch, return_exceptions=True)
        await self.lookup.close()
        assert self.crm.on_their_way == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    def left_alone_while_troubled(self) -> None:
        """A CRM that failed repeatedly is tried by the watch twice a second at most, and once by those who call."""
        tries = [at for at, troubled in self.crm.begun if troubled]
        for first, fifth in zip(tries, tries[4:], strict=False):
            assert fifth - first >= 1.0 - A_MOMENT_S


@given(st.lists(HAPPENINGS, min_size=5, max_size=60))
def test_any_day_with_a_crm(story: list[tuple[str, object, object]]) -> None:
    async def tell() -> None:
        day = Day()
        for happening in story:
            await day.happens(*happening)
        await day.is_over()

    told(tell())
