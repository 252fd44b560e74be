"""Reads and writes records of one Tryton, model by model.

What may not be read counts as a Tryton that cannot be asked.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.tryton.session import Session
from cti_bridge.crm.tryton.words import NEWEST, STAFF, USER, USER_FIELDS, Domain, Row, logins

MOST_ROWS = 100
"""Parties, deals or notes of one question; nobody has that many, but a broken database could."""
_MOST_USERS = 1_000
_LOGINS_KEPT_S = 300.0


class Desk:
    """The records of one Tryton, as the user of `session` may see and change them."""

    def __init__(self, session: Session, *, clock: Callable[[], float] = monotonic) -> None:
        self._session = session
        self._clock = clock
        self._logins: dict[int, str] = {}
        self._logins_at = float("-inf")
        self._reading = asyncio.Lock()

    async def rows(
        self, model: str, domain: Domain, fields: Sequence[str], *, limit: int = MOST_ROWS, urgent: bool = True
    ) -> list[Row]:
        """The newest records that fit, with these fields. Raises CrmUnavailable."""
        try:
            parameters = [domain, 0, limit, NEWEST, list(fields)]
            rows = await self._session.call(f"model.{model}.search_read", *parameters, urgent=urgent)
        except CrmRefuses as refusal:
            raise CrmUnavailable(f"the user may not read {model}, or a field of it: {refusal}") from None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise CrmUnavailable("Tryton answered something else than rows")
        return rows

    async def states(self, model: str) -> Any:
        """What the server says of the field `state` of a model. Raises CrmUnavailable."""
        try:
            return await self._session.call(f"model.{model}.fields_get", ["state"], urgent=False)
        except CrmRefuses as refusal:
            raise CrmUnavailable(f"the user may not read {model}: {refusal}") from None

    async def access(self, models: Sequence[str]) -> Any:
        """What the user may do with these models. Raises CrmUnavailable."""
        try:
            return await self._session.call("model.ir.model.access.get_access", list(models), urgent=False)
        except CrmRefuses as refusal:
            raise CrmUnavailable(f"the user may not ask for his rights: {refusal}") from None

    async def create(self, model: str, values: dict[str, Any]) -> int:
        """The id of a new record. Raises CrmRefuses, CrmUnavailable."""
        match await self._session.call(f"model.{model}.create", [values], urgent=False):
            case [int(made)]:
                return made
        raise CrmUnavailable("Tryton does not say what it made")

    async def write(self, model: str, record: int, values: dict[str, Any]) -> None:
        """Change a record. Raises CrmRefuses, CrmUnavailable."""
        await self._session.call(f"model.{model}.write", [record], values, urgent=False)

    async def language(self) -> str:
        """The language of the user, such as `ru`; empty when he has none. Raises CrmUnavailable."""
        return str((await self._session.context()).get("language", ""))

    async def has_company(self) -> bool:
        """Whether the user works for a company; without one he sees no deals. Raises CrmUnavailable."""
        return "company" in await self._session.context()

    async def logins(self, wanted: set[int]) -> dict[int, str]:
        """The logins of employees, read anew when somebody is missing, but not more often than every five minutes.

        Raises CrmUnavailable.
        """
        async with self._reading:
            if not wanted <= self._logins.keys() and self._clock() - self._logins_at > _LOGINS_KEPT_S:
                self._logins = logins(await self.rows(USER, STAFF, USER_FIELDS, limit=_MOST_USERS))
                self._logins_at = self._clock()
        return self._logins

    async def employee(self, login: str) -> int | None:
        """The employee who logs in with this name, None when there is none. Raises CrmUnavailable."""
        rows = await self.rows(USER, [["login", "=", login]], USER_FIELDS, limit=1, urgent=False)
        return min(logins(rows), default=None)

    async def close(self) -> None:
        """Log out and close the connections; may be called twice."""
        await self._session.close()
