"""Asking a CRM whether it is there, one check at a time, and none can hold us up."""

import asyncio

from cti_bridge.crm.port import Crm, CrmUnavailable


class Checks:
    """Checks of one CRM."""

    def __init__(self, crm: Crm) -> None:
        self._crm = crm
        self._task: asyncio.Task[None] | None = None

    async def failure(self, within_s: float) -> BaseException | None:
        """Why the CRM cannot be asked; None when it can."""
        task = self._task
        if task is None or task.done():
            task = self._task = asyncio.ensure_future(self._crm.check())
            task.add_done_callback(_noticed)
        try:
            await asyncio.wait({task}, timeout=within_s)
        finally:
            if not task.done():
                task.cancel()  # one that goes on all the same is waited for the next time
        if not task.done():
            return TimeoutError()
        return CrmUnavailable("the check was broken off") if task.cancelled() else task.exception()


def _noticed(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()
