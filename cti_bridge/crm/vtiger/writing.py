"""Writes people, deals and notes into vtiger, each once, although vtiger itself cannot tell a repetition."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, tzinfo

from cti_bridge.crm.memory import Memory
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.received import lines_of
from cti_bridge.crm.vtiger.door import Door
from cti_bridge.crm.vtiger.known import Known
from cti_bridge.crm.vtiger.words import (
    DEALS,
    NOTES,
    Module,
    changes_of,
    deal_element,
    element_of,
    module_of_id,
    owner_of,
    storable,
)
from cti_bridge.domain.customer import CustomerChanges, CustomerRecord, Deal, NewCustomer, NewDeal, Note
from cti_bridge.domain.ids import CustomerId, DealId

LATEST_NOTES = 20
"""So many are looked at for a note that may have been written down."""
_LONGEST_NOTE = 60_000
_CLOSES_IN = timedelta(days=30)
"""vtiger wants to know when a deal is expected to be closed."""
_DOUBT = "?"
"""Remembered while it is not known whether something was made."""


class Writing:
    """Makes and changes records by the door; `made` remembers what was made, somebody new gets into `create_in`."""

    def __init__(self, door: Door, made: Memory, *, create_in: str) -> None:
        self._door = door
        self._made = made
        self.create_in = create_in

    async def create(
        self,
        new: NewCustomer,
        known: Known,
        *,
        key: str,
        find: Callable[[], Awaitable[tuple[CustomerRecord, ...]]],
    ) -> CustomerId:
        """A new record; where one may have been made under this key, it is looked for with `find` first."""
        made = await self._made.get(f"person/{key}")
        if made is not None and made != _DOUBT:
            return CustomerId(made)
        module = known.modules[self.create_in]
        owner = owner_of(new.responsible, known.users) if new.responsible else await self._door.user()
        element = element_of(new, module, owner)
        there = ""
        if made == _DOUBT:
            name = " ".join(storable(new.name).split())
            alike = (one.customer for one in await find() if one.customer.name == name)
            there = next((one.id for one in alike if module_of_id(one.id, known.modules) is module), "")
        await self._made.put(f"person/{key}", _DOUBT)
        made = there or await self._door.create(module.name, element)
        if not made:
            raise CrmUnavailable("vtiger does not say which record it has made")
        await self._made.put(f"person/{key}", made)
        return CustomerId(made)

    async def create_deal(
        self,
        customer_id: CustomerId,
        module: Module,
        new: NewDeal,
        known: Known,
        *,
        key: str,
        there: Callable[[], Awaitable[tuple[Deal, ...]]],
        zone: tzinfo,
    ) -> DealId:
        """A new deal of somebody of this module.

        Where one may have been made under this key, it is looked for among those that are `there`.
        """
        made = await self._made.get(f"deal/{key}")
        if made is not None and made != _DOUBT:
            return DealId(made)
        owner = owner_of(new.responsible, known.users) if new.responsible else await self._door.user()
        closes = (datetime.now(zone) + _CLOSES_IN).date()
        element = deal_element(new, module, customer_id, owner=owner, closes=closes, stages=known.stages)
        found = ""
        if made == _DOUBT:
            found = next((one.id for one in await there() if one.title == element["potentialname"]), "")
        await self._made.put(f"deal/{key}", _DOUBT)
        made = found or await self._door.create(DEALS, element)
        if not made:
            raise CrmUnavailable("vtiger does not say which record it has made")
        await self._made.put(f"deal/{key}", made)
        return DealId(made)

    async def update(self, customer_id: CustomerId, changes: CustomerChanges, known: Known) -> None:
        """Change a record. Raises CrmRefuses when it is gone, or has no field for what is to be changed."""
        module = module_of_id(customer_id, known.modules)
        if module is None:
            raise CrmRefuses("vtiger has no such customer")
        fields = changes_of(changes, module, known.users)
        if fields:
            await self._door.revise({"id": customer_id, **fields})

    async def add_note(
        self,
        customer_id: CustomerId,
        note: Note,
        known: Known,
        *,
        key: str,
        latest: Callable[[], Awaitable[tuple[Note, ...]]],
    ) -> None:
        """A comment on a record, owned by its author where vtiger knows him; `latest` are those that are there."""
        made = await self._made.get(f"note/{key}")
        if made is not None and made != _DOUBT:
            return
        text = storable(note.text).strip()[:_LONGEST_NOTE]
        if module_of_id(customer_id, known.modules) is None or not text:
            raise CrmRefuses("vtiger has no such customer, or there is nothing to write down")
        owner = known.users.with_extension(note.user or note.author) or await self._door.user()
        there = made == _DOUBT and any(one.text == lines_of(text) for one in await latest())
        await self._made.put(f"note/{key}", _DOUBT)
        if not there:
            told = {"commentcontent": text, "related_to": customer_id, "assigned_user_id": owner}
            await self._door.create(NOTES, told)
        await self._made.put(f"note/{key}", "made")
