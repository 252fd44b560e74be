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
from cti_bridge.crm.tryton import rights, telling, words
from cti_bridge.crm.tryton.desk import Desk
from cti_bridge.crm.tryton.funnel import Funnel
from cti_bridge.crm.tryton.once import Once
from cti_bridge.crm.tryton.people import People
from cti_bridge.crm.tryton.session import Session
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import CustomerChanges, CustomerRecord, FinishedCall, NewCustomer, Note, StageList
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import CallerNumber

CAPABILITIES = frozenset(Capability) - {Capability.CALLS, Capability.REPORT_STRANGERS}


class TrytonCrm:
    """One database of one Tryton.

    `region` reads national numbers; `stages` are those of the settings and go before the server's own. `as_typed`: the
    server stores numbers as they were typed. `with_sales`: what was sold counts as well, not only opportunities.
    `missed_notes`: a call in vain is also a note. `recordings` is where recordings can be listened to.
    """

    kind = "tryton"
    capabilities = CAPABILITIES

    def __init__(
        self,
        session: Session,
        funnel: Funnel,
        links: Links,
        *,
        region: str,
        stages: StageList | None = None,
        as_typed: bool = False,
        with_sales: bool = True,
        missed_notes: bool = True,
        recordings: RecordingLinks | None = None,
    ) -> None:
        self._desk = Desk(session)
        self._once = Once(links)
        self._people = People(self._desk, self._once)
        self._funnel = funnel
        self._region = region
        self._stages = stages
        self._as_typed = as_typed
        self._with_sales = with_sales
        self._missed_notes = missed_notes
        self._recordings = recordings
        self._all_readable = False

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        """All parties with exactly this number that are not archived, by id, each with his deals."""
        key = number.key
        if key is None:
            return ()
        asked = words.parties_with(key, as_typed=self._as_typed)
        with _sense():
            found = words.with_number(
                await self._desk.rows(words.PARTY, asked, words.PARTY_FIELDS), number, region=self._region
            )
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
        rows = await self._desk.rows(words.NOTE, words.at_party(party), words.NOTE_FIELDS, limit=limit)
        with _sense():
            return tuple(words.note_of(row) for row in rows)

    async def calls(self, customer_id: CustomerId, *, limit: int) -> tuple[FinishedCall, ...]:
        """None: Tryton shows them at the party itself."""
        return ()

    async def create(self, new: NewCustomer, *, key: str) -> CustomerId:
        """A new party; whoever is responsible gets a lead with it, because a party itself belongs to nobody."""
        return CustomerId(str(await self._people.create(new, key)))

    async def update(self, customer_id: CustomerId, changes: CustomerChanges) -> None:
        """Change the party; its segment is a category, its responsible user that of its latest open opportunity."""
        with _sense():
            await self._people.update(_party(customer_id), changes)

    async def add_note(self, customer_id: CustomerId, note: Note, *, key: str) -> None:
        """Write a note at the party, once for each key."""
        party = _party(customer_id)
        if not await self._people.are_there(party):
            raise CrmRefuses("the party is not in Tryton any more")
        await self._note(party, words.note_message(note), f"note:{key}")

    async def report(self, report: CallReport) -> None:
        """Write the call down at the party; an earlier moment that comes late changes nothing."""
        party = words.party_id(report.customer_id) if report.customer_id is not None else None
        if party is None:
            return
        key, rank = f"call:{report.key}", telling.RANK[report.moment]
        told = await self._once.known(f"{key}/moment")
        if told is not None and int(told) > rank:
            return
        attachment = await self._once.known(key)
        if attachment is None and not await self._people.are_there(party):
            return
        if attachment is None:
            await self._attach(party, report, key)
        else:
            await self._rewrite(int(attachment), report)
        await self._once.remember(f"{key}/moment", str(rank))
        if self._missed_notes and telling.is_missed(report):
            message = telling.missed_message(report, language=await self._desk.language())
            await self._note(party, message, f"{key}/missed")

    async def check(self) -> None:
        """Return when Tryton answers and, the first time, when the user may read all that a look-up needs."""
        if self._all_readable:
            await self._desk.rows(words.PARTY, words.NOBODY, ["name"], limit=1)
            return
        if not await self._desk.has_company():
            raise CrmUnavailable("the user has no company in Tryton, so he sees no deals")
        await self._desk.rows(words.PARTY, words.NOBODY, words.PARTY_FIELDS, limit=1)
        await self._opportunities(words.NOBODY)
        await self._sales(words.NOBODY)
        await self._desk.rows(words.USER, words.NOBODY, words.USER_FIELDS, limit=1)
        self._all_readable = True

    async def lacking(self) -> Mapping[Capability, str]:
        """What the user has no right to do, as Tryton says itself."""
        access = await self._desk.access(rights.MODELS)
        staff = await self._desk.rows(words.USER, words.STAFF, ["id"], limit=1, urgent=False)
        with _sense():
            return rights.lacking(access, anybody_responsible=bool(staff))

    async def close(self) -> None:
        """Log out and close the connections; may be called twice."""
        await self._desk.close()

    async def _opportunities(self, asked: words.Domain) -> list[words.Row]:
        return await self._desk.rows(words.OPPORTUNITY, asked, words.OPPORTUNITY_FIELDS)

    async def _sales(self, asked: words.Domain) -> list[words.Row]:
        return await self._desk.rows(words.SALE, asked, words.SALE_FIELDS) if self._with_sales else []

    async def _attach(self, party: int, report: CallReport, key: str) -> None:
        language = await self._desk.language()
        values = telling.new_attachment(report, party, language=language, recordings=self._recordings)
        there = [*words.at_party(party), ["name", "=", values["name"]]]
        await self._once.made(
            key, lambda: self._desk.create(words.ATTACHMENT, values), lambda: self._first(words.ATTACHMENT, there)
        )

    async def _rewrite(self, attachment: int, report: CallReport) -> None:
        """Say at the party how the call went on; what somebody has thrown away there stays away."""
        values = telling.told(report, language=await self._desk.language(), recordings=self._recordings)
        try:
            await self._desk.write(words.ATTACHMENT, attachment, values)
        except CrmRefuses:
            if await self._first(words.ATTACHMENT, [["id", "=", attachment]]) is not None:
                raise

    async def _note(self, party: int, message: str, key: str) -> None:
        values = {"resource": words.resource(party), "message": message}
        there = [*words.at_party(party), ["message", "=", message]]
        await self._once.made(
            key, lambda: self._desk.create(words.NOTE, values), lambda: self._first(words.NOTE, there)
        )

    async def _first(self, model: str, asked: words.Domain) -> int | None:
        rows = await self._desk.rows(model, asked, ["id"], limit=1, urgent=False)
        with _sense():
            return int(rows[0]["id"]) if rows else None


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
