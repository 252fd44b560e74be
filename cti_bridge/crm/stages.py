"""Which stages a deal can be in: as the settings say, or as the CRM said last."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from cti_bridge.crm.port import Capability, Crm, CrmRefuses, CrmUnavailable
from cti_bridge.domain.customer import SHIPPED_STAGES, StageList

EVERY_S = 30.0
WITHIN_S = 10.0
"""A CRM in the cloud is asked two or three questions for it, and may want to be asked slowly."""
WITHIN_AT_START_S = 1.0
"""So long is a start held up at most; until the CRM has answered, any stage may be one."""


class Stages:
    """The stage list in force; that of the settings is `fixed`, and the CRM is then not asked for its own.

    `before` holds until the CRM has answered.
    """

    def __init__(self, fixed: StageList | None, before: StageList) -> None:
        self.current = fixed or before
        self._fixed = fixed is not None
        self._asked_for = asyncio.Event()

    async def follow(self, crm: Crm, *, changed: Callable[[], Awaitable[None]]) -> None:
        """Ask the CRM for its list now and then, and when it is there again; `changed`: it gave another one."""
        while not self._fixed:
            self._asked_for.clear()
            before = self.current
            await self.ask(crm, within_s=WITHIN_S)
            if self.current != before:
                await changed()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._asked_for.wait()

    def crm_is_there(self) -> None:
        """Its list is asked for now: deals are judged by it from the next call on."""
        self._asked_for.set()

    async def ask(self, crm: Crm, *, within_s: float) -> None:
        """Take over the CRM's list, unless the settings have one or it cannot be asked."""
        if self._fixed:
            return
        with suppress(CrmUnavailable, CrmRefuses, TimeoutError):
            async with asyncio.timeout(within_s):
                self.current = await stages_of(crm)


async def stages_of(crm: Crm) -> StageList:
    """The CRM's stages; the shipped ones where it is not made to name any. Raises what the port says."""
    return await crm.stages() if Capability.STAGES in crm.capabilities else SHIPPED_STAGES
