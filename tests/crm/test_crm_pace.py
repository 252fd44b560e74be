"""A CRM is never asked faster than its vendor allows, and whoever waits for a caller goes first."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from settable_clock import SettableClock, settled

from cti_bridge.crm.pace import NOBODY_WAITS, PATIENCE, Bucket, Pace, Patience
from cti_bridge.crm.port import CrmBusy, CrmUnavailable


def pace(clock: SettableClock, per_s: float = 2.0, burst: int = 5, kept: int = 2) -> Pace:
    return Pace(per_s, burst, kept, clock=clock, sleep=clock.sleep)


class Requests:
    """Sends requests through a pace and notes when each was let through, and which."""

    def __init__(self, through: Pace, clock: SettableClock) -> None:
        self._pace = through
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self.sent: list[tuple[float, str]] = []

    def send(self, name: str, *, urgent: bool) -> asyncio.Task[None]:
        task = asyncio.create_task(self._one(name, urgent=urgent))
        self._tasks.append(task)
        return task

    async def _one(self, name: str, *, urgent: bool) -> None:
        await self._pace.take(urgent=urgent)
        self.sent.append((self._clock.now, name))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def test_a_burst_goes_through_at_once_and_then_the_rate_holds() -> None:
    clock = SettableClock()
    requests = Requests(pace(clock), clock)
    for n in range(8):
        requests.send(f"look-up {n}", urgent=True)
    await clock.forward(10)
    assert [at for at, _ in requests.sent] == [1000.0] * 5 + [1000.5, 1001.0, 1001.5]
    assert [name for _, name in requests.sent] == [f"look-up {n}" for n in range(8)]


async def test_a_look_up_for_nobody_who_waits_is_no_more_urgent_than_a_report() -> None:
    clock = SettableClock()
    requests = Requests(pace(clock), clock)
    before = NOBODY_WAITS.set(True)
    for n in range(5):
        requests.send(f"whose was it? {n}", urgent=True)
    NOBODY_WAITS.reset(before)
    requests.send("look-up", urgent=True)
    await settled()
    assert [name for _, name in requests.sent] == [*(f"whose was it? {n}" for n in range(3)), "look-up"]
    await requests.stop()


async def test_reports_leave_room_for_a_look_up() -> None:
    clock = SettableClock()
    requests = Requests(pace(clock), clock)
    for n in range(5):
        requests.send(f"report {n}", urgent=False)
    await settled()
    assert [name for _, name in requests.sent] == ["report 0", "report 1", "report 2"]
    requests.send("look-up", urgent=True)
    await settled()
    assert requests.sent[-1] == (1000.0, "look-up")
    await requests.stop()


async def test_a_look_up_overtakes_the_reports_that_wait() -> None:
    clock = SettableClock()
    requests = Requests(pace(clock, per_s=1.0, burst=1, kept=0), clock)
    requests.send("report 0", urgent=False)
    for n in range(1, 4):
        requests.send(f"report {n}", urgent=False)
    await settled()
    requests.send("look-up 1", urgent=True)
    requests.send("look-up 2", urgent=True)
    await clock.forward(20)
    assert [name for _, name in requests.sent] == [
        "report 0", "look-up 1", "look-up 2", "report 1", "report 2", "report 3",
    ]  # fmt: skip


async def test_after_too_many_requests_nobody_asks_until_the_time_is_over() -> None:
    clock = SettableClock()
    through = pace(clock)
    requests = Requests(through, clock)
    through.hold(30.0)
    requests.send("look-up", urgent=True)
    requests.send("report", urgent=False)
    await clock.forward(29.9)
    assert requests.sent == []
    await clock.forward(10)
    assert requests.sent[0] == (1030.0, "look-up")
    assert requests.sent[1][1] == "report"


@pytest.mark.parametrize(
    ("asked_s", "held_s"),
    [(86_400.0, 3_600.0), (float("inf"), 3_600.0), (-5.0, 0.0), (float("nan"), 0.0), (0.0, 0.0), (7.0, 7.0)],
)
@pytest.mark.parametrize("in_window", [False, True])
async def test_a_crm_cannot_ask_to_be_left_alone_for_ever(asked_s: float, held_s: float, in_window: bool) -> None:
    clock = SettableClock()
    through = Pace.in_window(5, 1.0, 2, clock=clock, sleep=clock.sleep) if in_window else pace(clock)
    through.hold(asked_s)
    assert through.wait_s(urgent=True) == pytest.approx(held_s)
    clock.now += held_s
    await through.take(urgent=True, within_s=0.0)


async def test_a_caller_who_would_wait_too_long_is_told_so_and_what_was_begun_is_finished() -> None:
    clock = SettableClock()
    through = pace(clock, per_s=1.0, burst=1, kept=0)
    requests = list[float]()

    async def look_up() -> None:
        PATIENCE.set(Patience(0.15))
        for _ in range(2):
            await through.take(urgent=True, within_s=5.0)
            requests.append(clock.now)

    first = asyncio.create_task(look_up())
    await settled()
    with pytest.raises(CrmBusy, match="its rate limit is used up"):
        await asyncio.create_task(look_up())
    await clock.forward(1.0)
    await first
    assert requests == [1000.0, 1001.0]


async def test_a_hold_that_comes_while_somebody_waits_holds_him_too() -> None:
    clock = SettableClock()
    through = pace(clock, per_s=1.0, burst=1, kept=0)
    requests = Requests(through, clock)
    requests.send("first", urgent=True)
    requests.send("second", urgent=True)
    await clock.forward(0.5)
    through.hold(10.0)
    await clock.forward(20)
    assert requests.sent == [(1000.0, "first"), (1011.0, "second")]  # half a permission was there already


async def test_who_hangs_up_while_waiting_takes_no_turn() -> None:
    clock = SettableClock()
    requests = Requests(pace(clock, per_s=1.0, burst=1, kept=0), clock)
    requests.send("first", urgent=True)
    gone = requests.send("gone", urgent=True)
    requests.send("stays", urgent=True)
    await clock.forward(0.5)
    gone.cancel()
    await clock.forward(5)
    assert requests.sent == [(1000.0, "first"), (1001.0, "stays")]


async def test_who_cannot_have_his_turn_in_time_is_told_so_at_once() -> None:
    clock = SettableClock()
    through = pace(clock)
    through.hold(60.0)
    with pytest.raises(CrmUnavailable, match="asked to be left alone for 60 s more"):
        await through.take(urgent=True, within_s=0.3)
    fast = pace(clock, per_s=1.0, burst=1, kept=0)
    await fast.take(urgent=True, within_s=0.3)
    with pytest.raises(CrmUnavailable, match="its rate limit is used up"):
        await fast.take(urgent=True, within_s=0.3)
    await clock.forward(1.0)
    await fast.take(urgent=True, within_s=0.3)


async def test_the_line_is_bounded() -> None:
    clock = SettableClock()
    through = pace(clock)
    through.hold(60.0)
    requests = Requests(through, clock)
    waiting = [requests.send(f"report {n}", urgent=False) for n in range(256)]
    await settled()
    with pytest.raises(CrmUnavailable, match="waiting for their turn already"):
        await through.take(urgent=False)
    assert not any(task.done() for task in waiting)
    await requests.stop()


@pytest.mark.parametrize(("per_s", "burst", "kept"), [(0, 5, 0), (-1, 5, 0), (1, 0, 0), (1, 2, 2), (1, 2, -1)])
def test_limits_that_let_nobody_through_are_refused(per_s: float, burst: int, kept: int) -> None:
    with pytest.raises(ValueError, match="a rate above 0"):
        Bucket(per_s, burst, kept, now=0.0)


@given(
    st.floats(0.1, 20),
    st.integers(1, 20),
    st.lists(st.tuples(st.floats(0, 3), st.booleans(), st.integers(0, 30).map(lambda n: n if n > 27 else 0))),
)
def test_in_no_second_are_there_more_than_the_rate_and_the_burst(
    per_s: float, burst: int, story: list[tuple[float, bool, int]]
) -> None:
    bucket = Bucket(per_s, burst, burst // 2, now=0.0)
    now, free_at, taken = 0.0, 0.0, list[float]()
    for later, urgent, hold_s in story:
        now += later
        if hold_s:
            bucket.hold(now, hold_s)
            free_at = max(free_at, now + hold_s)
        if bucket.wait_s(now, urgent=urgent) == 0:
            bucket.take()
            assert now >= free_at
            taken.append(now)
    for at in taken:
        assert len([other for other in taken if at <= other < at + 1]) <= per_s + burst + 1e-6
