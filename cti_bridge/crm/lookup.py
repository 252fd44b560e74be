"""Who is calling? Asks the CRM under a time limit and always has an answer, at worst a kept one or `failed`."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import monotonic

from cti_bridge.crm.breaker import Breaker
from cti_bridge.crm.kept import KeptAnswer, KeptAnswers
from cti_bridge.crm.port import Crm, CrmUnavailable
from cti_bridge.domain.customer import CustomerRecord
from cti_bridge.domain.decision import CrmAnswer, CrmSource
from cti_bridge.domain.number import CallerNumber

_LATE_LIMIT_S = 2.0
"""How long a look-up may take in all; its caller is served long before, but a late answer can still be kept."""
_CHECK_LIMIT_S = 1.0


class CrmState(StrEnum):
    """Whether the CRM can be asked."""

    UP = "up"
    DOWN = "down"


@dataclass(slots=True)
class _Flight:
    """One look-up on its way; several calls may wait for it. `counted` once the breaker has heard of it being late."""

    task: asyncio.Task[tuple[CustomerRecord, ...]]
    counted: bool = False


class Lookup:
    """Finds callers in a CRM within `deadline_s` and keeps what it said.

    `fresh_s`: a kept answer younger than that is used without asking. `stale_s`: one not older than that is used when
    the CRM is late or fails. `clock` gives seconds and never goes back. At most `cache_size` answers are kept, at
    most `in_flight` look-ups are on their way. `watch()` should run beside it, so that a CRM that comes back is
    noticed without a call.
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
    ) -> None:
        self._crm = crm
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
            return CrmAnswer(CrmSource.CACHED, kept.records, age_s=kept.age_s(started))
        limit_s = max(0.0, self._deadline_s if deadline_s is None else deadline_s)
        outcome = await self._outcome(key, number, limit_s)
        if isinstance(outcome, str):
            return self._without_crm(kept, started, outcome, self._stale_s if stale_s is None else stale_s)
        took_ms = (self._clock() - started) * 1000
        return CrmAnswer(CrmSource.FRESH if outcome else CrmSource.NONE, outcome, took_ms=took_ms)

    async def watch(
        self, on_change: Callable[[CrmState, str], None], *, every_s: float = 2.0, while_down_s: float = 0.5
    ) -> None:
        """Ask the CRM again and again whether it is there, until cancelled; `on_change` hears the state and why.

        It is called once for the first state and then at each change, also for changes that look-ups found out.
        """
        told: CrmState | None = None
        while True:
            await self._probe()
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

    async def _outcome(self, key: str, number: CallerNumber, limit_s: float) -> tuple[CustomerRecord, ...] | str:
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
        return flight.task.result() if error is None else _reason(error)

    def _take_off(self, key: str, number: CallerNumber) -> _Flight | str:
        """Send a look-up on its way, or say why not."""
        if self._closed:
            return "the look-up is closed"
        if len(self._flights) >= self._flight_limit:
            return "too many look-ups are waiting for the CRM"
        if not self._breaker.allows(self._clock()):
            return f"not asked after repeated failures: {self.reason}"
        flight = _Flight(asyncio.create_task(self._ask(key, number), name="crm-lookup"))
        self._flights[key] = flight
        flight.task.add_done_callback(lambda _: self._landed(key, flight))
        return flight

    async def _ask(self, key: str, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        async with asyncio.timeout(_LATE_LIMIT_S):
            records = await self._crm.find(number)
        self._kept.keep(key, records, now=self._clock())
        return records

    def _landed(self, key: str, flight: _Flight) -> None:
        del self._flights[key]
        if flight.task.cancelled():
            return
        error = flight.task.exception()
        if error is None:
            self._answered()
        elif not flight.counted:
            self._failed(_reason(error))

    def _late(self, flight: _Flight) -> None:
        if not flight.counted:
            flight.counted = True
            self._failed("it answers too late")

    def _without_crm(self, kept: KeptAnswer | None, started: float, error: str, stale_s: float) -> CrmAnswer:
        now = self._clock()
        took_ms = (now - started) * 1000
        if kept is not None and kept.age_s(now) <= stale_s:
            return CrmAnswer(CrmSource.STALE, kept.records, age_s=kept.age_s(now), took_ms=took_ms, error=error)
        return CrmAnswer(CrmSource.FAILED, took_ms=took_ms, error=error)

    async def _probe(self) -> None:
        """Ask the CRM whether it is there. A failed check is a bad sign at once, a failed look-up only in a row."""
        try:
            async with asyncio.timeout(_CHECK_LIMIT_S):
                await self._crm.check()
        except Exception as error:
            self._breaker.failed(self._clock())
            self._turn(CrmState.DOWN, _reason(error))
        else:
            self._answered()

    def _answered(self) -> None:
        self._breaker.succeeded()
        self._turn(CrmState.UP, "")

    def _failed(self, reason: str) -> None:
        self._breaker.failed(self._clock())
        if self._breaker.is_open:
            self._turn(CrmState.DOWN, reason)

    def _turn(self, state: CrmState, reason: str) -> None:
        self.reason = reason
        if state is not self.state:
            self.state = state
            self._changed.set()


def _reason(error: BaseException) -> str:
    """Why it failed, in one line. Only `CrmUnavailable` promises a message without customer data."""
    if isinstance(error, CrmUnavailable):
        return str(error)
    if isinstance(error, TimeoutError):
        return "no answer"
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = f" in {Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at else ""
    return f"unexpected {type(error).__name__}{where}"
