"""Follows a CRM: asks it for what changed, again and again, and writes that into the mirror's file.

One request at a time, and after each a pause as long as it took, so that at most half of what the CRM can do goes to
the mirror; the rate limiter of the CRM's adapter lets look-ups go first besides.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, time

import structlog

from cti_bridge.backoff import delays
from cti_bridge.crm.health import reason_of
from cti_bridge.crm.mirror.after import (
    after_changes,
    after_full_page,
    full_begun,
    full_ended,
    full_refused,
    position_refused,
)
from cti_bridge.crm.mirror.places import PlacesSeen
from cti_bridge.crm.mirror.source import FROM_THE_BEGINNING, MOST_AT_ONCE, Mirrorable, MirrorPage
from cti_bridge.crm.mirror.state import Every, MirrorCounts, MirrorState, Phase, Task
from cti_bridge.crm.mirror.store import MirrorStore
from cti_bridge.crm.mirror.writing import Kind
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.domain.ids import CustomerId, DealId

log = structlog.get_logger(__name__)

_PAGE_LIMIT_S = 60.0
_LONGEST_PAUSE_S = 5.0
_LONGEST_RETRY_S = 60.0
_STAGES_EVERY_S = 600.0
_TOLD_EVERY_S = 60.0
_MISSING_AT_LEAST = 10
"""So many customers or deals may be gone at once; more only if they are not half of all."""


class Following:
    """Keeps the mirror at `path` in step with `crm`, whose name and address are `source`.

    `wall` gives seconds since 1970, which outlive the process; it may be set back or forward. `clock` only measures how
    long a request took.
    """

    def __init__(
        self,
        crm: Mirrorable,
        path: Path,
        source: str,
        *,
        every: Every,
        wall: Callable[[], float] = time,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        after_step: Callable[[], None] = lambda: None,
    ) -> None:
        self._crm = crm
        self.after_step = after_step
        """Called after every step of `run`."""
        self._store = MirrorStore(path, source)
        self._every = every
        self._wall = wall
        self._clock = clock
        self._sleep = sleep
        self._retries = delays(1.0, _LONGEST_RETRY_S)
        self._stages_at: float | None = None
        self._told_at: float | None = None
        self._answered_at: float | None = None
        self._changes_seen = PlacesSeen()
        self._full_seen = PlacesSeen()
        self.state = MirrorState(source)
        """Where the mirror is."""
        self.problem = ""
        """Why the last step failed, without customer data; empty when it went well."""
        self.counts = MirrorCounts()

    @property
    def age_s(self) -> float | None:
        """Seconds since the CRM last had no more changes than are here; None while not everybody has been here once."""
        return None if self.state.synced_at is None else max(0.0, self._wall() - self.state.synced_at)

    @property
    def is_current(self) -> bool:
        """Whether it is about as old as it should be at most, give or take a few failures."""
        return self.age_s is not None and self.age_s <= max(5 * self._every.changes_s, 300.0)

    @property
    def answered_s_ago(self) -> float | None:
        """Seconds since the CRM gave a good answer to the mirror, or one that `heard` was told of."""
        return None if self._answered_at is None else max(0.0, self._clock() - self._answered_at)

    def heard(self) -> None:
        """The CRM gave a good answer."""
        self._answered_at = self._clock()

    async def run(self) -> None:
        """Follow until cancelled."""
        with suppress(CrmUnavailable):
            await self.recall()
        while True:
            pause_s = await self.step()
            self.after_step()
            await self._sleep(pause_s)

    async def recall(self) -> None:
        """Read where the mirror is, so that callers can be looked up at once. Raises CrmUnavailable."""
        self.state = await self._store.state()
        self.counts.customers = await self._store.customers()

    async def step(self) -> float:
        """Do the next thing, and say after how many seconds comes the one after it. Raises nothing of its own."""
        began = self._clock()
        try:
            self.state = await self._store.state()
            task = self.state.next(self._wall(), self._every)
            if task is Task.REST:
                return max(0.0, min(self.state.rest_s(self._wall(), self._every), self._every.changes_s))
            async with asyncio.timeout(_PAGE_LIMIT_S):
                await self._carry_out(task)
        except asyncio.CancelledError:
            task_now = asyncio.current_task()
            if task_now is None or task_now.cancelling():
                raise
            return self._failed("the question was broken off")  # inside the adapter; nobody stops us
        except Exception as error:
            return self._failed(str(error) if isinstance(error, CrmRefuses) else reason_of(error))
        self._went_well()
        return min(max(0.0, self._clock() - began), _LONGEST_PAUSE_S)

    async def close(self) -> None:
        """Let go of the file; may be called twice."""
        await self._store.close()

    async def _carry_out(self, task: Task) -> None:
        if task is Task.CHECK:
            await self._check()
        elif task is Task.CHANGES:
            await self._changes()
        else:
            await self._full()

    async def _changes(self) -> None:
        position = self.state.position
        assert position is not None
        asked_at = self._wall()
        try:
            page = await self._page(position, self._changes_seen)
        except CrmRefuses as error:
            log.warning("mirror.position_refused", reason=str(error))
            self._changes_seen = PlacesSeen()
            await self._go_on(position_refused(self.state))
            return
        await self._take(page, after_changes(self.state, page, asked_at))
        if not page.more:
            await self._refresh_stages()
            self.counts.customers = await self._store.customers()

    async def _full(self) -> None:
        if self.state.phase is Phase.NONE:
            await self._go_on(full_begun(self.state, self._wall()))
        await self._refresh_stages()
        position, asked_at = self.state.full_position, self._wall()
        try:
            page = await self._page(position, self._full_seen)
        except CrmRefuses as error:
            if position == FROM_THE_BEGINNING:
                raise
            log.warning("mirror.position_refused", reason=str(error))
            await self._go_on(full_refused(self.state, self._wall(), self._every))
            return
        was_filled = self.state.filled
        await self._take(page, after_full_page(self.state, page, asked_at))
        if self.state.filled and not was_filled:
            self.counts.customers = await self._store.customers()
            log.info("mirror.filled", customers=self.counts.customers)

    async def _page(self, position: str, seen: PlacesSeen) -> MirrorPage:
        page = seen.sound(await self._crm.changed_since(position), position)
        self.heard()
        return page

    async def _check(self) -> None:
        """Ask about some of those whom the full pass did not show: a page may have been left out by mistake."""
        number = self.state.pass_number
        for kind in Kind:
            missing, all_ = await self._store.missing(kind, number)
            if missing > max(_MISSING_AT_LEAST, all_ // 2):
                # Rather it shows us less than it did, after a change of rights say, than that half of them are gone.
                log.warning("mirror.full_pass_doubted", **{"of": kind.table, "missing": missing, "all": all_})
                await self._go_on(full_ended(self.state))
                return
        for kind in Kind:
            ids = await self._store.not_shown(kind, number, limit=MOST_AT_ONCE)
            if not ids:
                continue
            gone = frozenset(ids) & await self._gone(kind, ids)
            await self._store.checked(kind, number, gone=gone, there=frozenset(ids) - gone)
            self.counts.removed += len(gone)
            return
        await self._go_on(full_ended(self.state))
        self.counts.full_passes += 1
        self.counts.customers = await self._store.customers()
        log.info("mirror.full_pass", customers=self.counts.customers, pages=self.state.full_pages)

    async def _gone(self, kind: Kind, ids: list[str]) -> frozenset[str]:
        if kind is Kind.CUSTOMER:
            return frozenset(await self._crm.customers_gone([CustomerId(id_) for id_ in ids]))
        return frozenset(await self._crm.deals_gone([DealId(id_) for id_ in ids]))

    async def _take(self, page: MirrorPage, state: MirrorState) -> None:
        await self._store.page(page, state)
        self.state = state
        self.counts.pages += 1
        now = self._clock()
        if not state.filled and (self._told_at is None or now - self._told_at >= _TOLD_EVERY_S):
            self._told_at = now
            log.info("mirror.filling", customers=await self._store.customers(), total=state.total)

    async def _go_on(self, state: MirrorState) -> None:
        await self._store.go_on(state)
        self.state = state

    async def _refresh_stages(self) -> None:
        """Take the stages over now and then; where the CRM does not tell them, people and deals come all the same."""
        now = self._clock()
        if self._stages_at is None or now - self._stages_at >= _STAGES_EVERY_S:
            self._stages_at = now
            with suppress(CrmRefuses, CrmUnavailable):
                stages = await self._crm.stages()
                await self._store.stages(stages)

    def _failed(self, reason: str) -> float:
        self.counts.failures += 1
        if not self.problem:
            log.warning("mirror.failed", reason=reason)
        self.problem = reason
        return next(self._retries)

    def _went_well(self) -> None:
        if self.problem:
            log.info("mirror.goes_on")
            self.problem = ""
        self._retries = delays(1.0, _LONGEST_RETRY_S)
