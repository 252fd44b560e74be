"""Reads and writes records of one Tryton, model by model.

What may not be read counts as a Tryton that cannot be asked.
"""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from time import monotonic
from typing import Any

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.tryton.session import Session
from cti_bridge.crm.tryton.words import COMPANY, NEWEST, USER, USER_FIELDS, Domain, Row, logins, who_is, zone_of

MOST_ROWS = 100
"""Parties, deals or notes of one question; nobody has that many, but a broken database could."""
_LOGINS_KEPT_S = 300.0
_ZONE_KEPT_S = 3_600.0
_MOST_EMPLOYEES = 10_000


class Unreadable(CrmUnavailable):
    """The user may not read something."""


class Desk:
    """The records of one Tryton, as the user of `session` may see and change them."""

    def __init__(self, session: Session, *, clock: Callable[[], float] = monotonic) -> None:
        self._session = session
        self._clock = clock
        self._logins: dict[int, tuple[str, float]] = {}
        """The login of each employee who was asked about, and until when it is taken for granted."""
        self._zone: tzinfo | None = None
        self._zone_until = 0.0

    async def rows(
        self, model: str, domain: Domain, fields: Sequence[str], *, limit: int = MOST_ROWS, urgent: bool = True
    ) -> list[Row]:
        """The newest records that fit, with these fields. Raises CrmUnavailable."""
        try:
            parameters = [domain, 0, limit, NEWEST, list(fields)]
            rows = await self._session.call(f"model.{model}.search_read", *parameters, urgent=urgent)
        except CrmRefuses as refusal:
            raise Unreadable(f"the user may not read {model}, or a field of it: {refusal}") from None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise CrmUnavailable("Tryton answered something else than rows")
        return rows[:limit]

    async def first(self, model: str, domain: Domain) -> int | None:
        """The id of the newest record that fits, None when there is none. Raises CrmUnavailable."""
        for row in await self.rows(model, domain, ["id"], limit=1, urgent=False):
            if isinstance(found := row.get("id"), int):
                return found
        return None

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

    async def zone(self) -> tzinfo:
        """The time zone of the user's company, UTC where it has none or he may not see it. Raises CrmUnavailable."""
        if self._zone is None or self._clock() > self._zone_until:
            company = (await self._session.context()).get("company")
            try:
                rows = await self.rows(COMPANY, [["id", "=", company]], ["timezone"], limit=1, urgent=False)
            except Unreadable:
                rows = []
            self._zone = zone_of(rows)
            self._zone_until = self._clock() + _ZONE_KEPT_S
        return self._zone

    async def logins(self, wanted: set[int]) -> dict[int, str]:
        """The logins of those of these employees who have one, each read anew after five minutes.

        Raises CrmUnavailable.
        """
        now = self._clock()
        if len(self._logins) > _MOST_EMPLOYEES:
            self._logins.clear()
        asked = sorted(one for one in wanted if one not in self._logins or self._logins[one][1] <= now)
        if asked:
            found = logins(await self.rows(USER, who_is(asked), USER_FIELDS))
            self._logins |= {one: (found.get(one, ""), now + _LOGINS_KEPT_S) for one in asked}
        return {one: login for one in wanted if (login := self._logins[one][0])}

    async def employee(self, login: str) -> int | None:
        """The employee who logs in with this name, None when there is none. Raises CrmUnavailable."""
        rows = await self.rows(USER, [["login", "=", login]], USER_FIELDS, limit=1, urgent=False)
        return min(logins(rows), default=None)

    async def close(self) -> None:
        """Log out and close the connections; may be called twice."""
        await self._session.close()
