"""What changed in amoCRM, page by page, for a mirror: contacts first, then leads, each by the time of its last change.

A page begins at the last time of the one before, so nothing is passed over. Where more changed in one second than fit
on a page (an import), that second is read by page numbers: forward to its end, and then backward to its beginning.
Whoever is changed meanwhile leaves the second and moves those behind him to earlier pages, which are read later then.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import time

from cti_bridge.crm.amocrm.connection import PAGE_WITHIN_S, Connection
from cti_bridge.crm.amocrm.words import Json, contact, contacts_of, deal, identity, listed
from cti_bridge.crm.mirror.source import FROM_THE_BEGINNING, MirroredDeal, MirrorPage, copy_for, original_of
from cti_bridge.crm.port import CrmRefuses
from cti_bridge.domain.customer import Customer
from cti_bridge.domain.ids import CustomerId, DealId

MOST_ON_A_PAGE = 250
SETTLED_AFTER_S = 60.0
"""Nothing more is changed in a second so long ago, give or take the clocks."""
_POSITION = re.compile(r"(contacts|leads) ([0-9]{1,12}) ([0-9]{1,12}) (-?[0-9]{1,6})")
_KINDS = ("contacts", "leads")


@dataclass(frozen=True, slots=True)
class _Position:
    """What is read next, from which seconds on, and by which page of one second (0: none, below 0: on the way back)."""

    kind: str = "contacts"
    contacts: int = 0
    leads: int = 0
    page: int = 0

    @property
    def since(self) -> int:
        return self.contacts if self.kind == "contacts" else self.leads

    def at(self, since: int, page: int = 0) -> "_Position":
        """The same kind from another second on, or by another page of one."""
        moved = replace(self, contacts=since) if self.kind == "contacts" else replace(self, leads=since)
        return replace(moved, page=page)

    def __str__(self) -> str:
        return f"{self.kind} {self.contacts} {self.leads} {self.page}"


class Changes:
    """Reads changes over `connection`; `now` gives seconds since 1970."""

    def __init__(
        self, connection: Connection, *, region: str, fields: Mapping[str, int], now: Callable[[], float] = time
    ) -> None:
        self._connection = connection
        self._region = region
        self._fields = fields
        self._now = now

    async def page(self, text: str) -> MirrorPage:
        """The page at a position, as `Mirrorable` has it. Raises CrmUnavailable and CrmRefuses."""
        position = _read(text)
        things = await self._things(position)
        after, more = self._after(position, things)
        customers = (self._customer(position, thing) for thing in things)
        deals = (deal for thing in things for deal in _deals(position, thing))
        return MirrorPage(
            str(after),
            more,
            tuple(customer for customer in customers if customer is not None),
            tuple(deals),
        )

    async def contacts_gone(self, ids: Sequence[CustomerId]) -> frozenset[CustomerId]:
        """Which of these contacts are not there any more."""
        there = {str(identity(thing)) for thing in await self._those("contacts", ids)}
        return frozenset(id_ for id_ in ids if id_ not in there)

    async def leads_gone(self, ids: Sequence[DealId]) -> frozenset[DealId]:
        """Which of these leads are not there any more, or not those of the contact for whom they are a copy."""
        leads = await self._those("leads", [original_of(id_) for id_ in ids])
        there = {mirrored.deal.id for lead in leads for mirrored in _mirrored(lead)}
        return frozenset(id_ for id_ in ids if id_ not in there)

    async def _those(self, kind: str, ids: Sequence[str]) -> list[Json]:
        asked = [id_ for id_ in dict.fromkeys(ids) if id_.isascii() and id_.isdecimal()]
        params = [("filter[id][]", id_) for id_ in asked] + [("limit", str(MOST_ON_A_PAGE))]
        if kind == "leads":
            params += [("with", "contacts")]
        body = await self._connection.read(f"/api/v4/{kind}", params, urgent=False) if asked else None
        return [
            thing for thing in (listed(body, kind) if body is not None else ()) if thing.get("is_deleted") is not True
        ]

    async def _things(self, position: _Position) -> list[Json]:
        since = str(position.since)
        params = [("filter[updated_at][from]", since), ("limit", str(MOST_ON_A_PAGE))]
        if position.page:
            params += [("filter[updated_at][to]", since), ("order[id]", "asc"), ("page", str(abs(position.page)))]
        else:
            params += [("order[updated_at]", "asc")]
        if position.kind == "leads":
            params += [("with", "contacts")]
        body = await self._connection.read(f"/api/v4/{position.kind}", params, urgent=False, within_s=PAGE_WITHIN_S)
        return listed(body, position.kind) if body is not None else []

    def _after(self, position: _Position, things: Sequence[Json]) -> tuple[_Position, bool]:
        """Where to read on, and whether there is more at once."""
        full, since = len(things) >= MOST_ON_A_PAGE, position.since
        if position.page > 0:
            return position.at(since, position.page + 1 if full else -position.page), True
        if position.page < 0:
            return position.at(since + 1) if position.page == -1 else position.at(since, position.page + 1), True
        last = max([since, *(stamp for thing in things if isinstance(stamp := thing.get("updated_at"), int))])
        if full and last > since:
            return position.at(last), True
        if full and last < self._now() - SETTLED_AFTER_S:
            return position.at(since, 1), True
        return _next_kind(position.at(last))

    def _customer(self, position: _Position, thing: Json) -> Customer | None:
        if position.kind != "contacts":
            return None
        found = contact(thing, region=self._region, fields=self._fields)
        return found.customer if found is not None else None


def _read(text: str) -> _Position:
    if text == FROM_THE_BEGINNING:
        return _Position()
    found = _POSITION.fullmatch(text)
    if found is None:
        raise CrmRefuses("not a position in the changes of amoCRM")
    return _Position(found[1], int(found[2]), int(found[3]), int(found[4]))


def _next_kind(position: _Position) -> tuple[_Position, bool]:
    """Leads come after contacts, and then it is the end for now."""
    if position.kind == _KINDS[0]:
        return replace(position, kind=_KINDS[1], page=0), True
    return replace(position, kind=_KINDS[0], page=0), False


def _deals(position: _Position, thing: Json) -> list[MirroredDeal]:
    return _mirrored(thing) if position.kind == "leads" else []


def _mirrored(lead: Json) -> list[MirroredDeal]:
    """A lead with its main contact, and a copy for each of the others; a look-up without a mirror shows it to all."""
    found = deal(lead)
    if found is None:
        return []
    owners = contacts_of(lead)
    copies = [MirroredDeal(replace(found, id=copy_for(found.id, other)), other) for other in owners[1:]]
    return [MirroredDeal(found, owners[0] if owners else None), *copies]
