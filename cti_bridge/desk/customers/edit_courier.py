"""Carries what operators change to the CRM: one edit after another for each customer, until the CRM has taken it.

Before a change is written the CRM is asked once more how it is now. While it does not answer, edits wait on disk; they
are tried again at growing intervals and at once when it is back. An edit goes with a key of its own, so a bridge that
is killed between the CRM's yes and its own note writes nothing twice. What was made for another account of the CRM
than that of the settings is never written.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import structlog
from prometheus_client.core import CounterMetricFamily
from sqlite_utils import Database

from cti_bridge.backoff import delays
from cti_bridge.calls.journal_edits import (
    NOT_MADE,
    Edit,
    EditKind,
    EditState,
    begin_edit,
    edit_on_disk,
    next_edits,
    refuse_others,
    write_edit,
    write_made,
    write_not_made,
)
from cti_bridge.crm.health import reason_of
from cti_bridge.crm.pace import NOBODY_WAITS
from cti_bridge.crm.port import Crm, CrmBusy, CrmRefuses, CrmUnavailable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.customers.edit_writer import Carried, EditWriter, forgotten
from cti_bridge.domain.ids import CustomerId, OperatorId

log = structlog.get_logger(__name__)
T = TypeVar("T")

CONCURRENT = 4
"""Customers whose edits are on their way at the same time; callers' look-ups need the CRM's places."""
WITHIN_S = 60.0
"""One edit is several requests, which stand in line where a CRM counts them."""
LOOK_EVERY_S = 30.0
LONGEST_PAUSE_S = 60.0
_BUSY_S = 1.0
_DISK_S = 10.0
_DISK_AGAIN_S = 1.0
_MOST_SURPRISES = 10
"""So often is an edit tried that ends in an error nobody expected; then it is refused."""
_ANOTHER = "the settings name another account of this CRM now"


class EditsFile(Protocol):
    """The journal, where edits are kept."""

    async def ask(self, work: Callable[[Database], T], *, within_s: float) -> T:
        """What `work` finds, or does, on the file's own thread. Raises DatabaseUnusable."""
        ...


@dataclass(frozen=True, slots=True)
class _Later:
    """It did not work now: whether that is the CRM's trouble, or only that it is busy, or this one edit's."""

    reason: str
    after_s: float | None = None
    surprise: bool = False


class EditCourier:
    """Carries the edits of one journal to `crm`, which is the CRM itself and no mirror of it.

    `account` is that of the settings; `carried` hears what became of each edit; the rest is as `EditWriter` has it.
    """

    def __init__(
        self,
        crm: Crm,
        file: EditsFile,
        *,
        account: str,
        crm_user: Callable[[OperatorId], str],
        author: Callable[[OperatorId], str],
        stage_words: Mapping[str, str],
        carried: Callable[[Carried], None],
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts: Counter[EditState] = Counter()
        """Edits by what became of them, since the start."""
        self.failures = 0
        """Attempts that did not work."""
        self._writer = EditWriter(crm, begin=self._begin, crm_user=crm_user, author=author, stage_words=stage_words)
        self._file = file
        self._account = account
        self._carried = carried
        self._now = now
        self._monotonic = monotonic
        self._wake = asyncio.Event()
        self._on_the_way: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, float] = {}
        self._surprises: Counter[str] = Counter()
        self._pauses = delays(first_s=1.0, longest_s=LONGEST_PAUSE_S)
        self._paused_until = 0.0
        self._in_trouble = False

    async def open(self) -> int:
        """Refuse what was made for another account, before anything is written; how many. Raises DatabaseUnusable."""
        number = await self._ask(
            lambda database: refuse_others(database.conn, self._account, _ANOTHER, now=self._now())
        )
        if number:
            log.warning("edits.of_another", edits=number, reason=_ANOTHER)
        return number

    def look(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def crm_is_back(self) -> None:
        """The CRM answers again, so nothing waits any longer."""
        self._paused_until = 0.0
        self._not_before.clear()
        self._pauses = delays(first_s=1.0, longest_s=LONGEST_PAUSE_S)
        self.look()

    async def run(self) -> None:
        """Carry edits until cancelled; what is on its way then stays on disk and is done again, by the same key."""
        try:
            while True:
                self._wake.clear()
                pause_s = await self._pass()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._wake.wait()
        finally:
            for task in (tasks := list(self._on_the_way.values())):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def collect(self) -> Iterable[CounterMetricFamily]:
        """The figures for /metrics."""
        done = CounterMetricFamily("cti_edits", "Edits of customers by what became of them.", labels=["state"])
        for state in (EditState.SAVED, EditState.CONFLICT, EditState.REFUSED):
            done.add_metric([state.value], self.counts[state])
        yield done
        yield CounterMetricFamily("cti_edits_failed", "Attempts to write one that failed.", value=self.failures)

    async def _pass(self) -> float:
        """Begin what is due; seconds until there is something to do again, unless somebody says so before."""
        now = self._monotonic()
        if now < self._paused_until:
            return self._paused_until - now
        room = (1 if self._in_trouble else CONCURRENT) - len(self._on_the_way)
        if room <= 0:
            return LOOK_EVERY_S
        limit = CONCURRENT + len(self._on_the_way) + len(self._not_before)
        try:
            found = await self._ask(lambda database: next_edits(database.conn, self._account, limit=limit))
        except DatabaseUnusable as error:
            log.warning("edits.trouble", reason=str(error))
            return _DISK_AGAIN_S
        wait_s = LOOK_EVERY_S
        for edit in found:
            if edit.key in self._on_the_way or any(task.get_name() == edit.chain for task in self._on_the_way.values()):
                continue
            if (later := self._not_before.get(edit.key, 0.0) - now) > 0:
                wait_s = min(wait_s, later)
            elif room > 0:
                room -= 1
                self._on_the_way[edit.key] = asyncio.create_task(self._carry(edit), name=edit.chain)
        return max(0.01, wait_s)

    async def _carry(self, edit: Edit) -> None:
        """Carry one edit, note what became of it, and tell; whatever happens, the next of its chain has its turn."""
        try:
            outcome = await self._attempt(edit)
            if isinstance(outcome, _Later):
                self._postpone(edit, outcome)
                return
            if self._in_trouble:
                self._in_trouble = False
                self._pauses = delays(first_s=1.0, longest_s=LONGEST_PAUSE_S)
            self._not_before.pop(edit.key, None)
            self._surprises.pop(edit.key, None)
            done = await self._note(outcome) or forgotten(outcome.edit)
            self.counts[done.edit.state] += 1
            log.info(
                "edit.carried",
                edit=edit.key,
                call=edit.call_id,
                operator=edit.operator,
                kind=edit.kind.value,
                state=done.edit.state.value,
                fields=sorted(done.edit.content),
                reason=done.edit.reason,
            )
            self._carried(done)
        finally:
            del self._on_the_way[edit.key]
            self.look()

    def _postpone(self, edit: Edit, later: _Later) -> None:
        self.failures += 1
        now = self._monotonic()
        if later.surprise:
            self._surprises[edit.key] += 1
            later = replace(later, after_s=min(LONGEST_PAUSE_S, 2.0 ** self._surprises[edit.key]))
        if later.after_s is not None:
            self._not_before[edit.key] = now + later.after_s
            return
        if not self._in_trouble:
            log.warning("edits.waiting", reason=later.reason)
        self._in_trouble = True
        pause_s = next(self._pauses)
        self._paused_until = now + pause_s
        # It may be this customer alone whom the CRM fails at: those behind him have their turn before he has another.
        self._not_before[edit.key] = now + 2 * pause_s

    async def _note(self, outcome: Carried) -> Carried | None:
        """Have it on disk, however long that takes; None for an edit that was forgotten meanwhile.

        One that was decided otherwise meanwhile, while the CRM was asked, stays as it was decided.
        """
        edit, now = outcome.edit, self._now()

        def work(database: Database) -> Carried | None:
            others: list[Edit] = []
            known = edit_on_disk(database.conn, edit.key)
            if known is None:
                return None
            if known.state not in (EditState.WAITING, edit.state):  # the same: we were not told in time that it is
                return Carried(known)
            if edit.kind is EditKind.CREATE and edit.state is EditState.SAVED and outcome.now is not None:
                others = write_made(database.conn, replace(edit, customer_id=CustomerId("")),
                                    outcome.now.record.customer.id, now=now)  # fmt: skip
            elif not write_edit(database.conn, edit, now=now):
                return None
            elif edit.kind is EditKind.CREATE and edit.state is EditState.REFUSED:
                others = write_not_made(database.conn, edit.call_id, NOT_MADE, now=now)
            return replace(outcome, others=tuple(one for one in others if one.key != edit.key))

        while True:
            try:
                return await self._ask(work)
            except DatabaseUnusable as error:
                log.warning("edits.trouble", reason=str(error))
                await asyncio.sleep(_DISK_AGAIN_S)

    async def _attempt(self, edit: Edit) -> Carried | _Later:
        NOBODY_WAITS.set(True)  # of this task alone: callers are looked up first
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._writer.write(edit)
        except CrmRefuses as refusal:
            return Carried(replace(edit, state=EditState.REFUSED, reason=str(refusal)))
        except (CrmUnavailable, DatabaseUnusable, TimeoutError) as error:
            busy = isinstance(error, CrmBusy)
            return _Later(str(error) or f"no answer within {WITHIN_S:g} s", _BUSY_S if busy else None)
        except Exception as error:  # the message of an error that nobody expected may name the customer
            reason = reason_of(error)
            log.error("edit.failed", edit=edit.key, kind=edit.kind.value, reason=reason)
            if self._surprises[edit.key] >= _MOST_SURPRISES:
                return Carried(replace(edit, state=EditState.REFUSED, reason=reason))
            return _Later(reason, surprise=True)

    async def _begin(self, edit: Edit) -> bool:
        return await self._ask(lambda database: begin_edit(database.conn, edit))

    async def _ask(self, work: Callable[[Database], T]) -> T:
        return await self._file.ask(work, within_s=_DISK_S)
