"""Tryton behind the port that every CRM has: parties found by number, their deals, notes, and calls at the party.

A look-up is one question, who has the number, and where somebody has it, one more for his opportunities and, at the
same time, one for his sales. Tryton has nothing for telephony; `telling` says how a call is written down all the same.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cti_bridge.crm.links import Links
from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.crm.tryton import rights, words
from cti_bridge.crm.tryton.call_log import CallLog
from cti_bridge.crm.tryton.desk import Desk, Unreadable
from cti_bridge.crm.tryton.funnel import Funnel
from cti_bridge.crm.tryton.leads import Leads
from cti_bridge.crm.tryton.once import Once
from cti_bridge.crm.tryton.people import People
from cti_bridge.crm.tryton.session import Session
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import (
    CustomerChanges,
    CustomerRecord,
    FinishedCall,
    NewCustomer,
    NewDeal,
    Note,
    StageList,
)
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber

CAPABILITIES = frozenset(Capability) - {Capability.CALLS, Capability.REPORT_STRANGERS}


class TrytonCrm:
    """One database of one Tryton.

    `region` reads national numbers; `stages` are those of the settings and go before the server's own. `as_typed`: the
    server stores numbers as they were typed. `with_sales`: what was sold counts as well, not only opportunities.
    `strangers_leads`: a stranger who calls becomes a lead. `missed_notes`: a call in vain is also a note. `recordings`
    is where recordings can be listened to. `account` tells this database from others in the links.
    """

    kind = "tryton"

    def __init__(
        self,
        session: Session,
        funnel: Funnel,
        links: Links,
        *,
        account: str,
        region: str,
        stages: StageList | None = None,
        as_typed: bool = False,
        with_sales: bool = True,
        strangers_leads: bool = False,
        missed_notes: bool = True,
        recordings: RecordingLinks | None = None,
    ) -> None:
        self.capabilities = CAPABILITIES | {Capability.REPORT_STRANGERS} if strangers_leads else CAPABILITIES
        self._desk = Desk(session)
        once = Once(links, account)
        self._people = People(self._desk, once)
        leads = Leads(self._desk, once, self._who_has, region=region) if strangers_leads else None
        self._log = CallLog(self._desk, once, self._people, leads, missed_notes=missed_notes, recordings=recordings)
        self._funnel = funnel
        self._region = region
        self._stages = stages
        self._as_typed = as_typed
        self._with_sales = with_sales
        self._missed_notes = missed_notes
        self._all_readable = False

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        """All parties with exactly this number that are not archived, by id, each with his deals."""
        key = number.key
        if key is None:
            return ()
        with _sense():
            found = await self._parties(number, key)
            if not found:
                return ()
            belongs = words.of_parties([int(party["id"]) for party in found])
            opportunities, sales = await asyncio.gather(self._opportunities(belongs), self._sales(belongs))
            users = await self._desk.logins(words.employees(opportunities))
            return tuple(
                words.record(party, opportunities, sales, users=users, funnel=self._funnel, region=self._region)
                for party in found
            )

    async def stages(self) -> StageList:
        """The stages of the settings, or else the server's states as the settings translate them."""
        if self._stages is not None:
            return self._stages
        opportunity = await self._desk.states(words.OPPORTUNITY)
        sale = await self._desk.states(words.SALE) if self._with_sales else None
        with _sense():
            return self._funnel.stages(words.state_names(opportunity), words.state_names(sale) if sale else {})

    async def notes(self, customer_id: CustomerId, *, limit: int) -> tuple[Note, ...]:
        """The latest notes at the party, newest first."""
        party = words.party_id(customer_id)
        if party is None or limit <= 0:
            return ()
        rows = await self._desk.rows(words.NOTE, words.at(words.resource(party)), words.NOTE_FIELDS, limit=limit)
        with _sense():
            return tuple(words.note_of(row) for row in rows)

    async def calls(self, customer_id: CustomerId, *, limit: int) -> tuple[FinishedCall, ...]:
        """None: Tryton shows them at the party itself."""
        return ()

    async def create(self, new: NewCustomer, *, key: str) -> CustomerId:
        """A new party; whoever is responsible gets a lead with it, because a party itself belongs to nobody."""
        return CustomerId(str(await self._people.create(new, key)))

    async def create_deal(self, customer_id: CustomerId, new: NewDeal, *, key: str) -> DealId:
        """A new opportunity of the party; Tryton begins each as a lead, so no other stage can be asked for."""
        if new.stage not in ("", self._funnel.stage(words.LEAD)):
            raise CrmRefuses("in Tryton an opportunity begins as a lead and is moved on there")
        return words.opportunity_id(await self._people.create_deal(_party(customer_id), new, key))

    async def update(self, customer_id: CustomerId, changes: CustomerChanges) -> None:
        """Change the party; its segment is a category, its responsible user that of its latest open opportunity."""
        with _sense():
            await self._people.update(_party(customer_id), changes)

    async def add_note(self, customer_id: CustomerId, note: Note, *, key: str) -> None:
        """Write a note at the party, once for each key."""
        present = await self._people.present(_party(customer_id))
        if present is None:
            raise CrmRefuses("the party is not in Tryton any more")
        await self._log.note(words.resource(present), words.note_message(note), f"note:{key}")

    async def report(self, report: CallReport) -> None:
        """Write the call down at the party, or at the lead of a stranger; what comes again or late changes nothing."""
        await self._log.tell(report)

    async def check(self) -> None:
        """Return when Tryton answers and, the first time, when the user may read all that a look-up needs."""
        if self._all_readable:
            await self._desk.rows(words.PARTY, words.NOBODY, ["name"], limit=1)
            return
        if not await self._desk.has_company():
            raise CrmUnavailable("the user has no company in Tryton, so he sees no deals")
        if unreadable := await self._unreadable():
            raise CrmUnavailable("; ".join(unreadable))
        self._all_readable = True

    async def lacking(self) -> Mapping[Capability, str]:
        """What the user has no right to do, as Tryton says itself."""
        access = await self._desk.access(rights.MODELS)
        staff = await self._desk.rows(words.USER, words.STAFF, ["id"], limit=1, urgent=False)
        with _sense():
            lacking = rights.lacking(access, anybody_responsible=bool(staff), missed_notes=self._missed_notes)
            return {capability: why for capability, why in lacking.items() if capability in self.capabilities}

    async def close(self) -> None:
        """Log out and close the connections; may be called twice."""
        await self._desk.close()

    async def _parties(self, number: CallerNumber, key: str, *, urgent: bool = True) -> list[words.Row]:
        asked = words.parties_with(key, as_typed=self._as_typed)
        rows = await self._desk.rows(words.PARTY, asked, words.PARTY_FIELDS, urgent=urgent)
        return words.with_number(rows, number, region=self._region)

    async def _who_has(self, number: CallerNumber) -> list[int]:
        with _sense():
            found = await self._parties(number, number.key, urgent=False) if number.key is not None else []
            return [int(party["id"]) for party in found]

    async def _opportunities(self, asked: words.Domain) -> list[words.Row]:
        return await self._desk.rows(words.OPPORTUNITY, asked, words.OPPORTUNITY_FIELDS)

    async def _sales(self, asked: words.Domain) -> list[words.Row]:
        return await self._desk.rows(words.SALE, asked, words.SALE_FIELDS) if self._with_sales else []

    async def _unreadable(self) -> list[str]:
        """Of all that a look-up reads, what the user may not read, in words."""
        asked = [(words.PARTY, words.PARTY_FIELDS), (words.OPPORTUNITY, words.OPPORTUNITY_FIELDS)]
        asked += [(words.SALE, words.SALE_FIELDS)] if self._with_sales else []
        found = []
        for model, fields in (*asked, (words.USER, words.USER_FIELDS)):
            try:
                await self._desk.rows(model, words.NOBODY, fields, limit=1)
            except Unreadable as error:
                found.append(str(error))
        return found


def _party(customer_id: CustomerId) -> int:
    party = words.party_id(customer_id)
    if party is None:
        raise CrmRefuses("no party has such an id")
    return party


@contextmanager
def _sense() -> Iterator[None]:
    """An answer that is not what was asked for is no answer."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CrmUnavailable("Tryton answered something else than it was asked") from None
