"""vtiger behind the port that every CRM has: people in three modules, deals in Potentials, calls by a callback.

A caller costs one question per module of people, and one more for the deals of whoever was found. Everything that
hardly ever changes is read beforehand, by the check.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import tzinfo
from typing import Any

from cti_bridge.crm.port import MOMENTS, READS_AND_WRITES, Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.vtiger.door import Door
from cti_bridge.crm.vtiger.known import Knowledge
from cti_bridge.crm.vtiger.phone_calls import PhoneCalls
from cti_bridge.crm.vtiger.vtql import literal, one_of, select
from cti_bridge.crm.vtiger.words import (
    DEALS,
    LEADS,
    NOTES,
    Flavour,
    Module,
    customer_of,
    deal_of,
    fields_of,
    has_number,
    id_in,
    module_of_id,
    note_of,
)
from cti_bridge.crm.vtiger.writing import LATEST_NOTES, Writing
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import (
    CustomerChanges,
    CustomerRecord,
    Deal,
    FinishedCall,
    NewCustomer,
    NewDeal,
    Note,
    StageList,
)
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber, parse_number


class VtigerCrm:
    """vtiger CE, SalesPlatform or Vtiger Cloud behind its door; `calls` is None where it is told of none.

    `stages` of the settings go before vtiger's own, its times are in `zone`. The adapter closes the door with itself.
    """

    kind = "vtiger"

    def __init__(
        self,
        door: Door,
        knowledge: Knowledge,
        writing: Writing,
        calls: PhoneCalls | None,
        *,
        flavour: Flavour,
        region: str,
        zone: tzinfo,
        stages: StageList | None,
    ) -> None:
        self._door = door
        self._knowledge = knowledge
        self._writing = writing
        self._calls = calls
        self._region = region
        self._zone = zone
        self._stages = stages
        told = _reports(flavour) if calls is not None else frozenset()
        self.capabilities = READS_AND_WRITES | told
        self.unproven = told if flavour is Flavour.CLOUD else frozenset()

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        """Everybody with this number, by id, with the deals that are his or his firm's."""
        if number.key is None:
            return ()
        known = await self._knowledge.get()
        with _reading():
            people = [
                (module, row)
                for module, row in await self._door.people(number, tuple(known.modules.values()))
                if module_of_id(id_in(row), known.modules) is module
                and has_number(row, module, number, region=self._region)
            ]
            deals = await self._deals(people)
        records = (
            CustomerRecord(customer, tuple(deal_of(one, known.users, self._zone) for one in deals.get(customer.id, ())))
            for module, row in people
            for customer in (customer_of(row, module, known.users, region=self._region),)
        )
        return tuple(sorted(records, key=lambda record: record.customer.id))

    async def stages(self) -> StageList:
        """The stages of the settings, or else the values of `sales_stage`."""
        if self._stages is not None:
            return self._stages
        return (await self._knowledge.get()).stages

    async def notes(self, customer_id: CustomerId, *, limit: int) -> tuple[Note, ...]:
        """The latest comments on one customer, newest first."""
        known = await self._knowledge.get()
        if module_of_id(customer_id, known.modules) is None or limit < 1:
            return ()
        question = select(NOTES, [f"related_to = {literal(customer_id)}"], newest_by="createdtime", most=limit)
        with _reading():
            rows = await self._door.query(question)
        notes = (note_of(row, known.users, self._zone) for row in rows)
        return tuple(note for note in notes if note is not None)

    async def calls(self, customer_id: CustomerId, *, limit: int) -> tuple[FinishedCall, ...]:
        """None: vtiger shows the calls with the customer in its own way."""
        return ()

    async def create(self, new: NewCustomer, *, key: str) -> CustomerId:
        """A new record, owned by whoever is responsible or by the user of the settings."""
        known, number = await self._knowledge.get(), parse_number(new.number, region=self._region)
        return await self._writing.create(new, known, key=key, find=lambda: self.find(number))

    async def create_deal(self, customer_id: CustomerId, new: NewDeal, *, key: str) -> DealId:
        """A new record of Potentials, of the person or of the firm."""
        known = await self._knowledge.get()
        module = module_of_id(customer_id, known.modules)
        question = select(module.name, [f"id = {literal(customer_id)}"]) if module is not None else ""
        if module is None or not await self._door.query(question, urgent=False):
            raise CrmRefuses("vtiger has no such customer")  # it makes deals of anybody, whether he is there or not

        async def there() -> tuple[Deal, ...]:
            rows = (await self._deals([(module, {"id": customer_id})])).get(customer_id, [])
            return tuple(deal_of(row, known.users, self._zone) for row in rows)

        return await self._writing.create_deal(customer_id, module, new, known, key=key, there=there, zone=self._zone)

    async def update(self, customer_id: CustomerId, changes: CustomerChanges) -> None:
        """Change a record. Raises CrmRefuses when it is gone, or has no field for what is to be changed."""
        await self._writing.update(customer_id, changes, await self._knowledge.get())

    async def add_note(self, customer_id: CustomerId, note: Note, *, key: str) -> None:
        """Write a comment on a record, in the name of its author where vtiger knows him."""
        known = await self._knowledge.get()
        await self._writing.add_note(
            customer_id, note, known, key=key, latest=lambda: self.notes(customer_id, limit=LATEST_NOTES)
        )

    async def report(self, report: CallReport) -> None:
        """Tell of a moment of a call; vtiger finds the customer by the number itself."""
        if self._calls is None or MOMENTS[report.moment] not in self.capabilities:
            raise CrmRefuses("the settings do not tell vtiger of this moment of a call")
        await self._calls.tell(report, (await self._knowledge.get()).users)

    async def lacking(self) -> Mapping[Capability, str]:
        """What the user of the settings may not do in vtiger, and why it would be told of no calls."""
        users = (await self._knowledge.get()).users
        with _reading():
            people = await self._door.describe(self._writing.create_in)
            notes = await self._door.describe(NOTES)
            deals = await self._door.describe(DEALS)
        rights = (
            (Capability.CREATE, people, self._writing.create_in, "createable"),
            (Capability.UPDATE, people, self._writing.create_in, "updateable"),
            (Capability.ADD_NOTE, notes, NOTES, "createable"),
            (Capability.CREATE_DEAL, deals, DEALS, "createable"),
        )
        lacking = {
            capability: f"the user may not do that in {module}"
            for capability, described, module, right in rights
            if not described.get(right)
        }
        if unknown := await self._unknown_fields():
            lacking[Capability.UPDATE] = f"crm.own_fields names what is no field there: {', '.join(unknown)}"
        refusal = await self._calls.refusal(users) if self._calls is not None else ""
        if refusal:
            told = {*MOMENTS.values(), Capability.REPORT_STRANGERS}
            lacking |= dict.fromkeys(told & self.capabilities, refusal)
        return lacking

    async def _unknown_fields(self) -> list[str]:
        """Fields of the admin's own that a module does not have, or does not show to the user of the settings."""
        unknown: list[str] = []
        for module in (await self._knowledge.get()).modules.values():
            named = [name for name in (module.own.segment, module.own.preferred_channel, module.own.timezone) if name]
            if named:
                with _reading():
                    there = {one["name"] for one in fields_of(await self._door.describe(module.name))}
                unknown += [f"{module.name}.{name}" for name in named if name not in there]
        return unknown

    async def check(self) -> None:
        """Return when vtiger answers and shows what is needed of it; renews what hardly ever changes."""
        with _reading():
            await self._door.check()
        await self._knowledge.renew()

    async def close(self) -> None:
        """Close the connections."""
        await self._knowledge.close()
        await self._door.close()

    async def _deals(
        self, people: Iterable[tuple[Module, Mapping[str, Any]]]
    ) -> Mapping[CustomerId, list[Mapping[str, Any]]]:
        """The deals of each of these people: his own, and those of his firm that are nobody's in particular."""
        firms = {
            id_in(row): id_in(row, "account_id") or id_in(row)
            for module, row in people
            if module.name != LEADS  # a lead becomes somebody else before it has deals
        }
        if not firms:
            return {}
        theirs = sorted({*firms, *firms.values()})
        question = select(DEALS, [one_of("contact_id", theirs), one_of("related_to", theirs)], newest_by="modifiedtime")
        rows = [row for row in await self._door.query(question) if id_in(row)]
        return {
            CustomerId(person): [
                row
                for row in rows
                if person in (id_in(row, "contact_id"), id_in(row, "related_to"))
                or (not id_in(row, "contact_id") and id_in(row, "related_to") == firm)
            ]
            for person, firm in firms.items()
        }


def _reports(flavour: Flavour) -> frozenset[Capability]:
    """What can be told of calls: SalesPlatform has no place for a call before it is somebody's."""
    told = frozenset({*MOMENTS.values(), Capability.REPORT_STRANGERS})
    return told - {Capability.REPORT_STARTED} if flavour is Flavour.SALESPLATFORM else told


@contextmanager
def _reading() -> Iterator[None]:
    """What only is asked for is never refused: a right that is missing can be given, and then the answer comes."""
    try:
        yield
    except CrmRefuses as refusal:
        raise CrmUnavailable(str(refusal)) from None
