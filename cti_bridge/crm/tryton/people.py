"""Makes and changes parties."""

from typing import Any

from cti_bridge.crm.port import CrmRefuses
from cti_bridge.crm.tryton import words
from cti_bridge.crm.tryton.desk import Desk
from cti_bridge.crm.tryton.once import Once
from cti_bridge.domain.customer import CustomerChanges, NewCustomer, NewDeal

_FIELDS = ["contact_mechanisms.type", "addresses.city", "categories"]
_MOST_REPLACED = 5
"""Parties that one after another went into the next; more would be a circle."""


class People:
    """The parties of one Tryton, to be made and changed."""

    def __init__(self, desk: Desk, once: Once) -> None:
        self._desk = desk
        self._once = once

    async def present(self, party: int) -> int | None:
        """The party, archived or not, or the one that has replaced it; None when it is gone. Raises CrmUnavailable."""
        for _ in range(_MOST_REPLACED):
            rows = await self._desk.rows(words.PARTY, words.anybody(party), ["replaced_by"], limit=1, urgent=False)
            if not rows:
                return None
            if not isinstance(replaced_by := rows[0].get("replaced_by"), int):
                return party
            party = replaced_by
        return None

    async def create(self, new: NewCustomer, key: str) -> int:
        """The party that was made for this key, made now if it is the first time. Raises CrmRefuses, CrmUnavailable."""
        employee = await self._employee(new.responsible) if new.responsible else None
        values: dict[str, Any] = {"name": new.name}
        if new.city:  # before the number: Tryton reads it by the country of the addresses that are there
            values["addresses"] = [["create", [{"city": new.city}]]]
        mechanisms = [{"type": "phone", "value": new.number}]
        mechanisms += [{"type": "email", "value": new.email}] if new.email else []
        values["contact_mechanisms"] = [["create", mechanisms]]

        asked = [["name", "=", new.name], *words.parties_with(new.number, as_typed=False)]
        party = await self._once.made(
            f"party:{key}",
            lambda: self._desk.create(words.PARTY, values),
            lambda: self._desk.first(words.PARTY, asked),
        )
        if employee is not None:
            await self._give_lead(party, employee, new.name, f"party:{key}/lead")
        return party

    async def create_deal(self, party: int, new: NewDeal, key: str) -> int:
        """The opportunity that was made for this key, made now if it is the first time.

        Raises CrmRefuses, CrmUnavailable.
        """
        present = await self.present(party)
        if present is None:
            raise CrmRefuses("the party is not in Tryton any more")
        values: dict[str, Any] = {"party": present, "description": new.title}
        if new.responsible:
            values["employee"] = await self._employee(new.responsible)
        asked = [["party", "=", present], ["description", "=", new.title]]
        return await self._once.made(
            f"deal:{key}",
            lambda: self._desk.create(words.OPPORTUNITY, values),
            lambda: self._desk.first(words.OPPORTUNITY, asked),
        )

    async def update(self, party: int, changes: CustomerChanges) -> None:
        """Change what the party has a place for. Raises CrmRefuses, CrmUnavailable."""
        present = await self.present(party)
        rows = await self._desk.rows(words.PARTY, words.anybody(present or party), _FIELDS, limit=1, urgent=False)
        if present is None or not rows:
            raise CrmRefuses("the party is not in Tryton any more")
        if changes.preferred_channel is not None:
            raise CrmRefuses("Tryton has no place for the preferred channel of a party")
        values: dict[str, Any] = {} if changes.name is None else {"name": changes.name}
        if changes.city is not None:
            values["addresses"] = _set(_shown(rows[0]["addresses."]), {"city": changes.city})
        if changes.email is not None:
            emails = [int(one["id"]) for one in rows[0]["contact_mechanisms."] if one["type"] == "email"]
            values["contact_mechanisms"] = _email(emails, changes.email)
        if changes.segment is not None:
            values["categories"] = await self._category(rows[0]["categories"], changes.segment)
        # What may be refused is found out before anything is written: a change is made as a whole or not at all.
        given = await self._given(present, changes.responsible) if changes.responsible is not None else None
        if values:
            await self._desk.write(words.PARTY, present, values)
        if given is not None:
            opportunity, employee = given
            await self._desk.write(words.OPPORTUNITY, opportunity, {"employee": employee})

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

    async def _given(self, party: int, user: str) -> tuple[int, int | None]:
        """The latest opportunity of the party that is still open, and the employee who is to look after it."""
        asked = [["party", "=", party], ["state", "in", words.LOOKED_AFTER]]
        rows = await self._desk.rows(words.OPPORTUNITY, asked, ["state"], limit=1, urgent=False)
        if not rows:
            raise CrmRefuses("in Tryton an opportunity has somebody responsible, and the party has none that is open")
        if not user and rows[0]["state"] != words.LEAD:
            raise CrmRefuses("in Tryton only a lead may be without somebody responsible")
        return int(rows[0]["id"]), await self._employee(user) if user else None

    async def _give_lead(self, party: int, employee: int, name: str, key: str) -> None:
        values = {"party": party, "employee": employee, "description": name}
        asked = [["party", "=", party], ["employee", "=", employee]]
        await self._once.made(
            key,
            lambda: self._desk.create(words.OPPORTUNITY, values),
            lambda: self._desk.first(words.OPPORTUNITY, asked),
        )

    async def _employee(self, user: str) -> int:
        employee = await self._desk.employee(user)
        if employee is None:
            raise CrmRefuses("Tryton has no such user, or he is no employee")
        return employee


def _shown(addresses: list[dict[str, Any]]) -> list[int]:
    """These addresses, that of the city which is shown first."""
    return [int(one["id"]) for one in sorted(addresses, key=lambda one: not one["city"])]


def _email(present: list[int], email: str) -> list[Any]:
    """Change the first e-mail address, or make one. Raises CrmRefuses where another would be shown instead."""
    if email:
        return _set(present, {"type": "email", "value": email})
    if len(present) > 1:
        raise CrmRefuses("the party has several e-mail addresses in Tryton, and none is removed")
    return [["delete", present]] if present else []


def _set(present: list[int], values: dict[str, Any]) -> list[Any]:
    """Change the first of these records, or make one."""
    return [["write", [int(present[0])], values]] if present else [["create", [values]]]
