"""A CRM with a mirror: callers are looked up in the mirror, everything else is said to the CRM itself."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic

from cti_bridge.crm.breaker import Breaker
from cti_bridge.crm.dated import DatedAnswer
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.mirror.following import Following
from cti_bridge.crm.mirror.source import original_of
from cti_bridge.crm.pace import PATIENCE
from cti_bridge.crm.port import Capability, Crm, CrmBusy, CrmUnavailable
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import (
    CustomerChanges,
    CustomerRecord,
    FinishedCall,
    NewCustomer,
    NewDeal,
    Note,
    StageList,
)
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber

_CRM_FIRST_S = 0.2
"""So long the CRM is given at most while the mirror is behind; then there is still time for the mirror."""
_LEFT_ALONE_S = 10.0
"""After three callers whom it did not answer in that time, the next ones are spared the wait for so long."""


class MirroredCrm:
    """`crm` with the mirror in the file at `path`, which `following` keeps in step.

    Until everybody has been in the mirror once, and when its file cannot be read, the CRM itself is asked; first of
    all also while the mirror is behind, whether it catches up after a stop or something is wrong with it. `clock`
    gives seconds and never goes back.
    """

    def __init__(self, crm: Crm, path: Path, following: Following, *, clock: Callable[[], float] = monotonic) -> None:
        self._crm = crm
        self._clock = clock
        self._breaker = Breaker(open_for_s=_LEFT_ALONE_S)
        self._near = EmbeddedCrm(path)
        self._following = following
        self.kind = crm.kind
        self.capabilities: frozenset[Capability] = crm.capabilities

    async def find_dated(self, number: CallerNumber) -> DatedAnswer:
        """All customers with exactly this number, with the mirror's age when they are from there."""
        age_s, is_current = self._following.age_s, self._following.is_current
        if age_s is not None and not is_current and (records := await self._at_first(number)) is not None:
            return DatedAnswer(records)
        if age_s is not None:
            with suppress(CrmUnavailable):  # removed or broken; it is filled anew meanwhile
                return DatedAnswer(_with_their_own_ids(await self._near.find(number)), age_s, is_current)
        records = await self._crm.find(number)
        self._following.heard()
        return DatedAnswer(records)

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        """All customers with exactly this number."""
        return (await self.find_dated(number)).records

    async def stages(self) -> StageList:
        """The stages in the mirror, which are renewed every few minutes; those of the CRM while there are none."""
        if self._following.age_s is not None:
            with suppress(CrmUnavailable):
                stages = await self._near.stages()
                if stages.stages:
                    return stages
        return await self._crm.stages()

    async def notes(self, customer_id: CustomerId, *, limit: int) -> tuple[Note, ...]:
        """The CRM's own."""
        return await self._crm.notes(customer_id, limit=limit)

    async def calls(self, customer_id: CustomerId, *, limit: int) -> tuple[FinishedCall, ...]:
        """The CRM's own."""
        return await self._crm.calls(customer_id, limit=limit)

    async def create(self, new: NewCustomer, *, key: str) -> CustomerId:
        """Made in the CRM; the mirror has him as soon as it looks for changes."""
        return await self._crm.create(new, key=key)

    async def create_deal(self, customer_id: CustomerId, new: NewDeal, *, key: str) -> DealId:
        """Made in the CRM; the mirror has it as soon as it looks for changes."""
        return await self._crm.create_deal(customer_id, new, key=key)

    async def update(self, customer_id: CustomerId, changes: CustomerChanges) -> None:
        """Changed in the CRM; the mirror knows as soon as it looks for changes."""
        await self._crm.update(customer_id, changes)

    async def add_note(self, customer_id: CustomerId, note: Note, *, key: str) -> None:
        """Written down in the CRM."""
        await self._crm.add_note(customer_id, note, key=key)

    async def report(self, report: CallReport) -> None:
        """Told to the CRM."""
        await self._crm.report(report)

    async def check(self) -> None:
        """Return when callers can be looked up; a CRM that is down takes nothing from a mirror that is there."""
        if self._following.age_s is not None:
            with suppress(CrmUnavailable):
                await self._near.check()
                return
        await self._crm.check()
        self._following.heard()

    async def _at_first(self, number: CallerNumber) -> tuple[CustomerRecord, ...] | None:
        """What the CRM itself says at once; None when it says nothing, or did not a moment ago."""
        if not self._breaker.allows(self._clock()):
            return None
        patience = PATIENCE.get()
        within_s = _CRM_FIRST_S if patience is None else min(_CRM_FIRST_S, patience.longest_s)
        asking = asyncio.ensure_future(self._crm.find(number))
        asking.add_done_callback(lambda _: None if asking.cancelled() else asking.exception() and None)
        try:
            await asyncio.wait({asking}, timeout=within_s)
        finally:
            if not asking.done():
                asking.cancel()
        if asking.done() and not asking.cancelled() and asking.exception() is None:
            self._breaker.succeeded()
            self._following.heard()
            return asking.result()
        if not (asking.done() and not asking.cancelled() and isinstance(asking.exception(), CrmBusy)):
            self._breaker.failed(self._clock())
        return None

    async def close(self) -> None:
        """Let go of the mirror's file and of the CRM; may be called twice."""
        # A disk that hangs does not keep the CRM from being left in order.
        await asyncio.gather(self._near.close(), self._following.close(), self._crm.close())


def _with_their_own_ids(records: tuple[CustomerRecord, ...]) -> tuple[CustomerRecord, ...]:
    """The records, each deal under the CRM's own id, whichever of its customers it is kept for."""
    return tuple(
        replace(record, deals=tuple(replace(deal, id=original_of(deal.id)) for deal in record.deals))
        for record in records
    )
