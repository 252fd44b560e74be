"""Who is calling? Asks the CRM under a time limit and always has an answer, at worst a kept one or `failed`."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from math import inf
from time import monotonic
from types import MappingProxyType

from cti_bridge.crm.breaker import Breaker
from cti_bridge.crm.checking import Checks
from cti_bridge.crm.condition import Condition, CrmState
from cti_bridge.crm.dated import Dated, DatedAnswer, as_answer
from cti_bridge.crm.flights import Flight, Flights
from cti_bridge.crm.health import CrmHealth, Trouble, reason_of, trouble_of
from cti_bridge.crm.kept import KeptAnswer, KeptAnswers
from cti_bridge.crm.own_changes import OwnChanges
from cti_bridge.crm.pace import NOBODY_WAITS, PATIENCE, Patience
from cti_bridge.crm.port import Crm, CrmBusy
from cti_bridge.crm.stage_words import in_our_words
from cti_bridge.domain.customer import CustomerRecord, Deal
from cti_bridge.domain.decision import CrmAnswer, CrmSource
from cti_bridge.domain.number import CallerNumber

_LATE_LIMIT_S = 2.0
"""How long a look-up may take in all; its caller is served long before, but a late answer can still be kept."""
_JUST_NOW = 0.9
"""Of the time between two checks: its own last check is not what spares a CRM the next one."""
_ASKED_BEHIND_AT_ONCE = 8
"""Look-ups that nobody waits for; callers have most of the room."""


class Lookup:
    """Finds callers in a CRM within `deadline_s` and keeps what it said.

    `fresh_s`: a kept answer younger than that is used at once; when half of that time is over the CRM is asked behind,
    for the next call. `stale_s`: one not older than that is used when the CRM is late or fails. That nobody has a
    number is believed for 30 s and for an hour at most. `dated`: who is asked
    instead of `crm.find` and says how old the answer is; a mirror's is not kept a second time. `stage_words`: from
    the CRM's stages to ours, where they differ. `clock` gives seconds and never goes back. At most `cache_size` answers
    are kept, at most `in_flight` look-ups are on their way. `watch()` should run beside it, so that a CRM that comes
    back is noticed without a call.
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
        stage_words: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._crm = crm
        self._dated = dated
        self._stage_words = stage_words
        self._deadline_s = deadline_s
        self._fresh_s = fresh_s
        self._stale_s = stale_s
        self._clock = clock
        self._kept = KeptAnswers(cache_size)
        self._own_changes = OwnChanges()
        self._condition = Condition(breaker or Breaker(), stalled_after_s=2 * deadline_s)
        self._flights = Flights(self._ask, self._landed, most=in_flight, limit_s=_LATE_LIMIT_S, clock=clock)
        self._checks = Checks(crm)
        self._changed = asyncio.Event()
        self._closed = self._watched = False
        self.health = CrmHealth(clock)
        """How the CRM has been doing."""

    @property
    def state(self) -> CrmState:
        """Whether the CRM answered last time; down until it was asked for the first time."""
        return self._condition.state

    @property
    def reason(self) -> str:
        """Why the CRM is not up, without customer data; empty while it is."""
        return self._condition.reason

    async def find(
        self,
        number: CallerNumber,
        *,
        deadline_s: float | None = None,
        stale_s: float | None = None,
        usual_s: float | None = None,
    ) -> CrmAnswer:
        """All customers with this number. Raises nothing (but `CancelledError`) and takes no longer than the limit.

        `deadline_s`: another limit than usual, for a call that has less time left; `stale_s`: another greatest age of
        a kept answer, and `usual_s`: what is usual from now on, both as the rules in force say.
        """
        started = self._clock()
        self._deadline_s = self._deadline_s if usual_s is None else usual_s
        key = number.key
        if key is None:
            return CrmAnswer(CrmSource.SKIPPED)
        kept = self._kept_for(key)
        if kept is not None and kept.is_fresh(started, self._fresh_s):
            if kept.age_s(started) >= self._fresh_s / 2:
                self._ask_behind(key, number)
            return CrmAnswer(CrmSource.CACHED, kept.records, age_s=kept.age_s(started))
        limit_s = max(0.0, self._deadline_s if deadline_s is None else deadline_s)
        oldest_s = self._stale_s if stale_s is None else stale_s
        outcome = await self._outcome(key, number, limit_s)
        if isinstance(outcome, str):
            return self._without_crm(kept, started, outcome, oldest_s)
        answer = as_answer(outcome, took_ms=(self._clock() - started) * 1000, oldest_s=oldest_s)
        if answer.error and kept is not None:  # what it said itself to an earlier call may be younger than its mirror
            said_itself = self._without_crm(kept, started, answer.error, oldest_s)
            return min(answer, said_itself, key=lambda one: inf if one.age_s is None else one.age_s)
        return answer

    def wrote(
        self,
        record: CustomerRecord,
        *,
        fields: Mapping[str, str] = MappingProxyType({}),
        deal: Deal | None = None,
        made_for: str = "",
    ) -> None:
        """The CRM has just been told this of a customer, who is as `record` says: no older answer counts against it.

        `fields` of him were changed, `deal` was made, or he himself was, `made_for` the key of a number.
        """
        self._own_changes.note(record, at=self._clock(), fields=dict(fields), deal=deal, made_for=made_for)

    async def watch(
        self,
        on_change: Callable[[CrmState, str], None],
        *,
        every_s: float = 2.0,
        while_down_s: float = 0.5,
        within_s: float = 1.0,
    ) -> None:
        """Ask the CRM again and again whether it is there, until cancelled; `on_change` hears the state and why.

        It is called once for the first state and then at each change, also for changes that look-ups found out; one of
        the reason alone may be told of a little later. A CRM that has answered somebody just now is not asked; one that
        says nothing within `within_s` is down.
        """
        told: tuple[CrmState, str] | None = None
        self._watched = True
        while True:
            ago_s = self.health.answered_s_ago
            if self.state is not CrmState.UP or ago_s is None or ago_s >= every_s * _JUST_NOW:
                await self._probe(within_s)
            with suppress(TimeoutError):
                while True:
                    self._changed.clear()
                    if (self.state, self.reason) != told:
                        told = self.state, self.reason
                        on_change(*told)
                    async with asyncio.timeout(every_s if self.state is CrmState.UP else while_down_s):
                        await self._changed.wait()

    async def close(self) -> None:
        """Stop the look-ups on their way; the CRM itself belongs to whoever opened it."""
        self._closed = True
        await self._flights.close()

    def _ask_behind(self, key: str, number: CallerNumber) -> None:
        """Have the kept answer renewed, unless the CRM is in trouble, is being asked, or enough others are."""
        if self._closed or self._flights.of(key) is not None or self._condition.is_troubled:
            return
        if self._flights.behind < _ASKED_BEHIND_AT_ONCE and not self._flights.are_full:
            self._flights.take_off(key, number, behind=True, urgent=False)
            self.health.asked_behind += 1

    async def _outcome(self, key: str, number: CallerNumber, limit_s: float) -> DatedAnswer | str:
        """What the CRM says within the limit, or why it says nothing."""
        flight = self._flights.of(key) or self._take_off(key, number)
        if isinstance(flight, str):
            return flight
        await asyncio.wait({flight.outcome}, timeout=limit_s)
        if not flight.outcome.done():
            if limit_s >= self._deadline_s:  # with less time than usual, being late says nothing about the CRM
                self._late(flight)
            return f"no answer within {limit_s * 1000:.0f} ms"
        error = flight.outcome.exception()
        return flight.outcome.result() if error is None else reason_of(error)

    def _take_off(self, key: str, number: CallerNumber) -> Flight | str:
        """Send a look-up on its way, or say why not."""
        if self._closed:
            return "the look-up is closed"
        if self._flights.are_full:
            self.health.troubles[Trouble.BUSY] += 1
            return "too many look-ups are waiting for the CRM"
        troubled = self._condition.is_troubled
        flight = None
        if self._condition.may_be_asked(self._clock()):
            # Whether it is well again is tried without anybody who waits, if the watch goes on trying; and before the
            # reports that have piled up meanwhile, or no caller would be looked up until they are told.
            flight = self._flights.take_off(key, number, behind=troubled and self._watched)
        if flight is None or flight.behind:
            self.health.troubles[Trouble.LEFT_ALONE] += 1
            return f"not asked after repeated failures: {self.reason}"
        return flight

    async def _ask(self, flight: Flight) -> DatedAnswer:
        self.health.asked += 1
        PATIENCE.set(Patience(self._deadline_s * 2 / 3))  # the rest is for the answer
        NOBODY_WAITS.set(not flight.urgent)
        if self._dated is not None:
            answer = await self._dated.find_dated(flight.number)
        else:
            answer = DatedAnswer(await self._crm.find(flight.number))
        records = in_our_words(answer.records, self._stage_words)
        said_at = flight.began - (answer.age_s or 0.0)
        return replace(answer, records=self._own_changes.over(flight.number.key or "", records, said_at=said_at))

    def _kept_for(self, key: str) -> KeptAnswer | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        records = self._own_changes.over(key, kept.records, said_at=kept.at)
        return kept if records == kept.records else replace(kept, records=records)

    def _landed(self, flight: Flight) -> None:
        """Hear what became of a look-up, in time or too late."""
        if self._closed:
            return
        error, now = flight.outcome.exception(), self._clock()
        if error is None:
            answer, key = flight.outcome.result(), flight.number.key
            if answer.age_s is None and key is not None:
                self._kept.keep(key, answer.records, now=now)
            on_time = not flight.late and now - flight.began <= self._deadline_s
            if not on_time:
                self._late(flight, waited_for=False)
            self.health.answered()
            self._tell(lambda: self._condition.answered(now, on_time=on_time))
            return
        trouble = trouble_of(error)
        if not flight.late:
            self.health.troubles[trouble] += 1
        if not isinstance(error, CrmBusy):
            self._tell(lambda: self._condition.failed(flight.number, reason_of(error), now))

    def _late(self, flight: Flight, *, waited_for: bool = True) -> None:
        if not flight.late:
            flight.late = True
            self.health.troubles[Trouble.LATE] += waited_for
            self._tell(lambda: self._condition.was_late(flight.number, self._clock()))

    def _without_crm(self, kept: KeptAnswer | None, started: float, error: str, stale_s: float) -> CrmAnswer:
        now = self._clock()
        took_ms = (now - started) * 1000
        if kept is not None and kept.is_usable(now, stale_s):
            return CrmAnswer(CrmSource.STALE, kept.records, age_s=kept.age_s(now), took_ms=took_ms, error=error)
        return CrmAnswer(CrmSource.FAILED, took_ms=took_ms, error=error)

    async def _probe(self, within_s: float) -> None:
        """Ask the CRM whether it is there, and once more what it had no answer to."""
        error = await self._checks.failure(within_s)
        if error is not None:
            if not isinstance(error, CrmBusy):
                self._tell(lambda: self._condition.check_failed(reason_of(error), self._clock()))
            return
        doubt = self._condition.in_doubt
        if doubt is None or doubt.key is None:
            self.health.answered()
            self._tell(self._condition.check_passed)
            return
        if (flight := self._flights.of(doubt.key)) is None and not self._flights.are_full:
            flight = self._flights.take_off(doubt.key, doubt, behind=True)
        if flight is not None:
            await asyncio.wait({flight.outcome}, timeout=within_s)

    def _tell(self, what: Callable[[], None]) -> None:
        """Have something happen to the condition, and wake the watch if it is another then."""
        before = self.state
        what()
        if self.state is not before:
            self._changed.set()
