"""Who is calling? Asks the CRM under a time limit and always has an answer, at worst a kept one or `failed`."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from cti_bridge.crm.breaker import Breaker
from cti_bridge.crm.dated import Dated, DatedAnswer
from cti_bridge.crm.health import CrmHealth, Trouble, reason_of, trouble_of
from cti_bridge.crm.kept import KeptAnswer, KeptAnswers
from cti_bridge.crm.port import Crm
from cti_bridge.domain.customer import CustomerRecord
from cti_bridge.domain.decision import CrmAnswer, CrmSource
from cti_bridge.domain.number import CallerNumber

_LATE_LIMIT_S = 2.0
"""How long a look-up may take in all; its caller is served long before, but a late answer can still be kept."""
_JUST_NOW = 0.9
"""Of the time between two checks: its own last check is not what spares a CRM the next one."""
_ASKED_BEHIND_AT_ONCE = 8
"""Look-ups that nobody waits for; callers have most of the room."""


class CrmState(StrEnum):
    """Whether the CRM can be asked."""

    UP = "up"
    DOWN = "down"


@dataclass(slots=True)
class _Flight:
    """One look-up on its way; several calls may wait for it, or, when it was sent `behind`, perhaps none.

    `counted` once the breaker has heard of it being late.
    """

    task: asyncio.Task[DatedAnswer]
    counted: bool = False
    behind: bool = False


class Lookup:
    """Finds callers in a CRM within `deadline_s` and keeps what it said.

    `fresh_s`: a kept answer younger than that is used at once; when half of that time is over the CRM is asked behind,
    for the next call. `stale_s`: one not older than that is used when the CRM is late or fails. `dated`: who is asked
    instead of `crm.find` and says how old the answer is; a mirror's is not kept a second time. `clock` gives seconds
    and never goes back. At most `cache_size` answers are kept, at most `in_flight` look-ups are on their way.
    `watch()` should run beside it, so that a CRM that comes back is noticed without a call.
    """

    def __init__(
        self,
        crm: Crm,
        *,
        deadline_s: float = 0.3,
        fresh_s: float = 0.0,
        stale_s: float = 86_400.0,
        clock: Callable[[], float] = monotonic,
        cache_size: int = 20_000,
        in_flight: int = 64,
        breaker: Breaker | None = None,
        dated: Dated | None = None,
    ) -> None:
        self._crm = crm
        self._dated = dated
        self._deadline_s = deadline_s
        self._fresh_s = fresh_s
        self._stale_s = stale_s
        self._clock = clock
        self._kept = KeptAnswers(cache_size)
        self._breaker = breaker or Breaker()
        self._flight_limit = in_flight
        self._flights: dict[str, _Flight] = {}
        self._changed = asyncio.Event()
        self._closed = False
        self.state = CrmState.DOWN
        """Whether the CRM answered last time; down until it was asked for the first time."""
        self.reason = "not asked yet"
        """Why the CRM is down, without customer data; empty while it is up."""
        self.health = CrmHealth(clock)
        """How the CRM has been doing."""

    async def find(
        self, number: CallerNumber, *, deadline_s: float | None = None, stale_s: float | None = None
    ) -> CrmAnswer:
        """All customers with this number. Raises nothing (but `CancelledError`) and takes no longer than the limit.

        `deadline_s`: another limit than usual, for a call that has less time left; `stale_s`: another greatest age of
        a kept answer, as the rules in force say.
        """
        started = self._clock()
        key = number.key
        if key is None:
            return CrmAnswer(CrmSource.SKIPPED)
        kept = self._kept.get(key)
        if kept is not None and kept.age_s(started) < self._fresh_s:
            if kept.age_s(started) >= self._fresh_s / 2:
                self._ask_behind(key, number)
            return CrmAnswer(CrmSource.CACHED, kept.records, age_s=kept.age_s(started))
        limit_s = max(0.0, self._deadline_s if deadline_s is None else deadline_s)
        oldest_s = self._stale_s if stale_s is None else stale_s
        outcome = await self._outcome(key, number, limit_s)
        if isinstance(outcome, str):
            return self._without_crm(kept, started, outcome, oldest_s)
        took_ms = (self._clock() - started) * 1000
        if outcome.age_s is not None:
            return _from_mirror(outcome.records, outcome.age_s, took_ms, outcome.is_current, oldest_s)
        return CrmAnswer(CrmSource.FRESH if outcome.records else CrmSource.NONE, outcome.records, took_ms=took_ms)

    async def watch(
        self,
        on_change: Callable[[CrmState, str], None],
        *,
        every_s: float = 2.0,
        while_down_s: float = 0.5,
        within_s: float = 1.0,
    ) -> None:
        """Ask the CRM again and again whether it is there, until cancelled; `on_change` hears the state and why.

        It is called once for the first state and then at each change, also for changes that look-ups found out. A CRM
        that has answered somebody just now is not asked; one that says nothing within `within_s` is down.
        """
        told: CrmState | None = None
        while True:
            ago_s = self.health.answered_s_ago
            if self.state is CrmState.DOWN or ago_s is None or ago_s >= every_s * _JUST_NOW:
                await self._probe(within_s)
            with suppress(TimeoutError):
                while True:
                    self._changed.clear()
                    if self.state is not told:
                        told = self.state
                        on_change(self.state, self.reason)
                    async with asyncio.timeout(every_s if self.state is CrmState.UP else while_down_s):
                        await self._changed.wait()

    async def close(self) -> None:
        """Stop the look-ups on their way; the CRM itself belongs to whoever opened it."""
        self._closed = True
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ask_behind(self, key: str, number: CallerNumber) -> None:
        """Have the kept answer renewed, unless the CRM is in trouble, is being asked, or enough others are."""
        behind = sum(flight.behind for flight in self._flights.values())
        if key in self._flights or self._breaker.is_open or behind >= _ASKED_BEHIND_AT_ONCE:
            return
        flight = self._take_off(key, number)
        if not isinstance(flight, str):
            flight.behind = True
            self.health.asked_behind += 1

    async def _outcome(self, key: str, number: CallerNumber, limit_s: float) -> DatedAnswer | str:
        """What the CRM says within the limit, or why it says nothing."""
        flight = self._flights.get(key) or self._take_off(key, number)
        if isinstance(flight, str):
            return flight
        await asyncio.wait({flight.task}, timeout=limit_s)
        if not flight.task.done():
            if limit_s >= self._deadline_s:  # with less time than usual, being late says nothing about the CRM
                self._late(flight)
            return f"no answer within {limit_s * 1000:.0f} ms"
        if flight.task.cancelled():
            return "the look-up was stopped"
        error = flight.task.exception()
        return flight.task.result() if error is None else reason_of(error)

    def _take_off(self, key: str, number: CallerNumber) -> _Flight | str:
        """Send a look-up on its way, or say why not."""
        if self._closed:
            return "the look-up is closed"
        if len(self._flights) >= self._flight_limit:
            self.health.troubles[Trouble.BUSY] += 1
            return "too many look-ups are waiting for the CRM"
        if not self._breaker.allows(self._clock()):
            self.health.troubles[Trouble.LEFT_ALONE] += 1
            return f"not asked after repeated failures: {self.reason}"
        flight = _Flight(asyncio.create_task(self._ask(key, number), name="crm-lookup"))
        self._flights[key] = flight
        flight.task.add_done_callback(lambda _: self._landed(key, flight))
        return flight

    async def _ask(self, key: str, number: CallerNumber) -> DatedAnswer:
        self.health.asked += 1
        async with asyncio.timeout(_LATE_LIMIT_S):
            if self._dated is not None:
                answer = await self._dated.find_dated(number)
            else:
                answer = DatedAnswer(await self._crm.find(number))
        if answer.age_s is None:
            self._kept.keep(key, answer.records, now=self._clock())
        return answer

    def _landed(self, key: str, flight: _Flight) -> None:
        del self._flights[key]
        if flight.task.cancelled():
            return
        error = flight.task.exception()
        if error is None:
            self._answered()
        elif not flight.counted:
            self._failed(reason_of(error), trouble_of(error))

    def _late(self, flight: _Flight) -> None:
        if not flight.counted:
            flight.counted = True
            self._failed("it answers too late", Trouble.LATE)

    def _without_crm(self, kept: KeptAnswer | None, started: float, error: str, stale_s: float) -> CrmAnswer:
        now = self._clock()
        took_ms = (now - started) * 1000
        if kept is not None and kept.age_s(now) <= stale_s:
            return CrmAnswer(CrmSource.STALE, kept.records, age_s=kept.age_s(now), took_ms=took_ms, error=error)
        return CrmAnswer(CrmSource.FAILED, took_ms=took_ms, error=error)

    async def _probe(self, within_s: float) -> None:
        """Ask the CRM whether it is there. A failed check is a bad sign at once, a failed look-up only in a row."""
        try:
            async with asyncio.timeout(within_s):
                await self._crm.check()
        except Exception as error:
            self._breaker.failed(self._clock())
            self._turn(CrmState.DOWN, reason_of(error))
        else:
            self._answered()

    def _answered(self) -> None:
        self.health.answered()
        self._breaker.succeeded()
        self._turn(CrmState.UP, "")

    def _failed(self, reason: str, trouble: Trouble) -> None:
        self.health.troubles[trouble] += 1
        self._breaker.failed(self._clock())
        if self._breaker.is_open:
            self._turn(CrmState.DOWN, reason)

    def _turn(self, state: CrmState, reason: str) -> None:
        self.reason = reason
        if state is not self.state:
            self.state = state
            self._changed.set()


def _from_mirror(
    records: tuple[CustomerRecord, ...], age_s: float, took_ms: float, is_current: bool, oldest_s: float
) -> CrmAnswer:
    """A mirror's answer is one that was kept: good while it is as young as it should be, and then until it is stale."""
    if is_current:
        return CrmAnswer(CrmSource.CACHED, records, age_s=age_s, took_ms=took_ms)
    error = f"its mirror is {age_s / 60:.0f} min old"
    if age_s <= oldest_s:
        return CrmAnswer(CrmSource.STALE, records, age_s=age_s, took_ms=took_ms, error=error)
    return CrmAnswer(CrmSource.FAILED, took_ms=took_ms, error=error)
