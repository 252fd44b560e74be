"""What hardly ever changes in vtiger and is needed for every caller: modules, stages and users, read now and then."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.vtiger.door import Door
from cti_bridge.crm.vtiger.vtql import MOST_ROWS, select
from cti_bridge.crm.vtiger.words import DEALS, USERS, Flavour, Module, OwnFields, Users, module_of, stage_list, users_of
from cti_bridge.domain.customer import StageList

_KEPT_S = 900.0
_KEPT_IN_THE_CLOUD_S = 3_600.0
"""Vtiger Cloud counts every question against a number per day."""
_MOST_USERS = 5_000
_AGAIN_S = 60.0
"""A reading behind a question that failed is tried again after so long."""


@dataclass(frozen=True, slots=True)
class Known:
    """Modules of people by name, the funnel, and who works with the CRM."""

    modules: Mapping[str, Module]
    stages: StageList
    users: Users


class Knowledge:
    """Reads what is known and keeps it; `modules` names those of people, each with the admin's own fields."""

    def __init__(
        self,
        door: Door,
        flavour: Flavour,
        modules: Mapping[str, OwnFields],
        closed: frozenset[str],
        *,
        clock: Callable[[], float],
    ) -> None:
        self._door = door
        self._flavour = flavour
        self._modules = modules
        self._closed = closed
        self._clock = clock
        self._kept_s = _KEPT_IN_THE_CLOUD_S if flavour is Flavour.CLOUD else _KEPT_S
        self._known: Known | None = None
        self._due_at = 0.0
        self._behind: asyncio.Task[None] | None = None
        self._reading = asyncio.Lock()

    async def get(self) -> Known:
        """What is known, however old; read where nothing is. Raises CrmUnavailable.

        What is old is read again behind the question: a CRM that answers callers all day long is hardly ever checked.
        """
        if self._known is None:
            await self._read()
        elif self._clock() >= self._due_at and self._behind is None:
            self._behind = asyncio.create_task(self._read_behind(), name="vtiger-known", context=Context())
        if self._known is None:
            raise CrmUnavailable("nothing is known of vtiger's modules yet")
        return self._known

    async def renew(self) -> None:
        """Read it again when it is old. Raises CrmUnavailable; what was known stays."""
        if self._known is None or self._clock() >= self._due_at:
            await self._read()

    async def close(self) -> None:
        """Give up a reading that is on its way."""
        behind, self._behind = self._behind, None
        if behind is not None:
            behind.cancel()
            await asyncio.gather(behind, return_exceptions=True)

    async def _read_behind(self) -> None:
        self._due_at = self._clock() + _AGAIN_S
        try:
            with suppress(CrmUnavailable):
                await self._read()
        finally:
            self._behind = None

    async def _read(self) -> None:
        """One reading for all who want it at the same time."""
        before = self._known
        async with self._reading:
            if self._known is not before:
                return
            try:
                self._known = await self._all()
            except CrmRefuses as refusal:  # a right can be given, and then it answers
                raise CrmUnavailable(f"{refusal}, where modules, stages and users are read") from None
            self._due_at = self._clock() + self._kept_s

    async def _all(self) -> Known:
        modules = {name: module_of(await self._door.describe(name), name, own) for name, own in self._modules.items()}
        return Known(modules, stage_list(await self._door.describe(DEALS), self._closed), await self._users())

    async def _users(self) -> Users:
        rows: list[dict[str, Any]] = []
        while len(rows) < _MOST_USERS:
            page = await self._door.query(select(USERS, newest_by="id", skipping=len(rows)), urgent=False)
            rows += page
            if len(page) < MOST_ROWS:
                break
        return users_of(rows, self._flavour)
