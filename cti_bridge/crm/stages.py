"""Which stages a deal can be in: as the settings say, or as the CRM said last."""

import asyncio
import contextlib

from cti_bridge.crm.port import Crm, CrmRefuses, CrmUnavailable
from cti_bridge.domain.customer import SHIPPED_STAGES, StageList

EVERY_S = 30.0
WITHIN_S = 1.0


class Stages:
    """The stage list in force; that of the settings is `fixed`, and the CRM is then not asked for its own."""

    def __init__(self, fixed: StageList | None) -> None:
        self.current = fixed or SHIPPED_STAGES
        self._fixed = fixed is not None

    async def follow(self, crm: Crm) -> None:
        """Ask the CRM for its list now and then."""
        while not self._fixed:
            await self.ask(crm)
            await asyncio.sleep(EVERY_S)

    async def ask(self, crm: Crm) -> None:
        """Take over the CRM's list, unless the settings have one or it cannot be asked."""
        if not self._fixed:
            with contextlib.suppress(CrmUnavailable, CrmRefuses, TimeoutError):
                async with asyncio.timeout(WITHIN_S):
                    self.current = await crm.stages()
