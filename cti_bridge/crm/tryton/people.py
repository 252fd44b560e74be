"""Makes and changes parties."""

from typing import Any

from cti_bridge.crm.port import CrmRefuses
from cti_bridge.crm.tryton import words
from cti_bridge.crm.tryton.desk import Desk
from cti_bridge.crm.tryton.once import Once
from cti_bridge.domain.customer import CustomerChanges, NewCustomer

_FIELDS = ["contact_mechanisms.type", "addresses", "categories"]
_LOOKED_AFTER = ["lead", "opportunity"]
"""States in which an opportunity may still be given to somebody else."""


class People:
    """The parties of one Tryton, to be made and changed."""

    def __init__(self, desk: Desk, once: Once) -> None:
        self._desk = desk
        self._once = once

    async def are_there(self, party: int) -> bool:
        """Whether there is this party, archived or not. Raises CrmUnavailable."""
        return bool(await self._desk.rows(words.PARTY, words.anybody(party), ["id"], limit=1, urgent=False))

    async def create(self, new: NewCustomer, key: str) -> int:
        """The party that was made for this key, made now if it is the first time. Raises CrmRefuses, CrmUnavailable."""
        employee = await self._employee(new.responsible) if new.responsible else None
        values: dict[str, Any] = {"name": new.name}
        if new.city:  # before the number: Tryton reads it by the country of the addresses that are there
            values["addresses"] = [["create", [{"city": new.city}]]]
        mechanisms = [{"type": "phone", "value": new.number}]
        mechanisms += [{"type": "email", "value": new.email}] if new.email else []
        values["contact_mechanisms"] = [["create", mechanisms]]

        async def look() -> int | None:
            asked = [["name", "=", new.name], *words.parties_with(new.number, as_typed=False)]
            rows = await self._desk.rows(words.PARTY, asked, ["id"], limit=1, urgent=False)
            return int(rows[0]["id"]) if rows else None

        party = await self._once.made(f"party:{key}", lambda: self._desk.create(words.PARTY, values), look)
        if employee is not None:
            await self._give_lead(party, employee, new.name, f"party:{key}/lead")
        return party

    async def update(self, party: int, changes: CustomerChanges) -> None:
        """Change what the party has a place for. Raises CrmRefuses, CrmUnavailable."""
        rows = await self._desk.rows(words.PARTY, words.anybody(party), _FIELDS, limit=1, urgent=False)
        if not rows:
            raise CrmRefuses("the party is not in Tryton any more")
        if changes.preferred_channel is not None:
            raise CrmRefuses("Tryton has no place for the preferred channel of a party")
        values: dict[str, Any] = {} if changes.name is None else {"name": changes.name}
        if changes.city is not None:
            values["addresses"] = _set(rows[0]["addresses"], {"city": changes.city})
        if changes.email is not None:
            emails = [int(one["id"]) for one in rows[0]["contact_mechanisms."] if one["type"] == "email"]
            new = {"type": "email", "value": changes.email}
            values["contact_mechanisms"] = _set(emails, new) if changes.email else [["delete", emails]]
        if changes.segment is not None:
            values["categories"] = await self._category(rows[0]["categories"], changes.segment)
        if values:
            await self._desk.write(words.PARTY, party, values)
        if changes.responsible is not None:
            await self._give(party, changes.responsible)

    async def _category(self, present: list[int], name: str) -> list[Any]:
        """What replaces the first category of a party, which is its segment."""
        change: list[Any] = [["remove", present[:1]]] if present else []
        if not name:
            return change
        found = await self._desk.rows(words.CATEGORY, [["name", "=", name]], ["id"], limit=1, urgent=False)
        if not found:
            raise CrmRefuses("Tryton has no such category of parties")
        wanted = int(found[0]["id"])
        if present[:1] == [wanted]:
            return []  # removing and adding one in the same breath would remove it
        return [*change, ["add", [wanted]]]

    async def _give(self, party: int, user: str) -> None:
        """Have somebody look after the latest opportunity of the party that is still open."""
        asked = [["party", "=", party], ["state", "in", _LOOKED_AFTER]]
        rows = await self._desk.rows(words.OPPORTUNITY, asked, ["id"], limit=1, urgent=False)
        if not rows:
            raise CrmRefuses("in Tryton an opportunity has somebody responsible, and the party has none that is open")
        employee = await self._employee(user) if user else None
        await self._desk.write(words.OPPORTUNITY, int(rows[0]["id"]), {"employee": employee})

    async def _give_lead(self, party: int, employee: int, name: str, key: str) -> None:
        values = {"party": party, "employee": employee, "description": name}
        asked = [["party", "=", party], ["employee", "=", employee]]

        async def look() -> int | None:
            rows = await self._desk.rows(words.OPPORTUNITY, asked, ["id"], limit=1, urgent=False)
            return int(rows[0]["id"]) if rows else None

        await self._once.made(key, lambda: self._desk.create(words.OPPORTUNITY, values), look)

    async def _employee(self, user: str) -> int:
        employee = await self._desk.employee(user)
        if employee is None:
            raise CrmRefuses("Tryton has no such user, or he is no employee")
        return employee


def _set(present: list[int], values: dict[str, Any]) -> list[Any]:
    """Change the first of these records, or make one."""
    return [["write", [int(present[0])], values]] if present else [["create", [values]]]
