"""amoCRM behind the port that every CRM has."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic

from cti_bridge.crm.amocrm.call_filing import CallFiling, FilingWishes
from cti_bridge.crm.amocrm.changes import Changes
from cti_bridge.crm.amocrm.connection import Connection, refusal
from cti_bridge.crm.amocrm.doubt import MadeThings
from cti_bridge.crm.amocrm.sent_words import changed_contact, new_contact, new_lead, new_note
from cti_bridge.crm.amocrm.words import (
    MOST_FOUND,
    Contact,
    contact,
    deal,
    identity,
    listed,
    note,
    open_pipelines,
    path_id,
    search_text,
    stages,
)
from cti_bridge.crm.links import Links
from cti_bridge.crm.mirror.source import MirrorPage
from cti_bridge.crm.port import READS_AND_WRITES, WRITES, Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.received import lines_of
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

MOST_DEALS = 100
"""Deals of one number that are looked at, the newest."""
_DEALS_AT_ONCE = 50
"""Their ids stand in the address, which must not get too long."""
_LOOKED_THROUGH = 20
"""Notes that are looked through for one that may have been written already."""
STAGES_GOOD_FOR_S = 600.0
"""amoCRM asks not to be asked for the same again and again; funnels change seldom."""


class AmocrmCrm:
    """Asks one amoCRM account over `connection`; `fields` says which of the account's own fields our words are.

    `chosen` are the stages of the settings, which go before amoCRM's. National numbers are read as in `region`.
    """

    kind = "amocrm"

    def __init__(
        self,
        connection: Connection,
        links: Links,
        *,
        region: str,
        wishes: FilingWishes,
        fields: Mapping[str, int],
        chosen: StageList | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.capabilities = READS_AND_WRITES | wishes.capabilities
        self.unproven = WRITES | wishes.capabilities
        self._connection = connection
        self._made = MadeThings(links)
        self._filing = CallFiling(connection, self._made, wishes, region=region)
        self._changes = Changes(connection, region=region, fields=fields)
        self._wishes = wishes
        self._region = region
        self._fields = dict(fields)
        self._chosen = chosen
        self._clock = clock
        self._stages: StageList | None = None
        self._stages_until = 0.0

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        """All contacts with exactly this number, the oldest first, each with his leads."""
        text = search_text(number)
        if text is None:
            return ()
        found = [one for one in await self._contacts(text) if number.key in one.spellings]
        deals = await self._deals({lead for one in found for lead in one.leads})
        return tuple(
            CustomerRecord(one.customer, tuple(deals[lead] for lead in sorted(one.leads) if lead in deals))
            for one in sorted(found, key=lambda one: int(one.customer.id))
        )

    async def stages(self) -> StageList:
        """The stages of the settings, or else the statuses of all pipelines; asked for every ten minutes at most."""
        if self._chosen is not None:
            return self._chosen
        if self._stages is None or self._clock() >= self._stages_until:
            body = await self._connection.read("/api/v4/leads/pipelines", urgent=False)
            self._stages = stages(listed(body, "pipelines"))
            self._stages_until = self._clock() + STAGES_GOOD_FOR_S
        return self._stages

    async def notes(self, customer_id: CustomerId, *, limit: int) -> tuple[Note, ...]:
        """The latest notes that somebody typed, newest first; not the calls, which amoCRM keeps as notes as well."""
        id_ = path_id(customer_id)
        if id_ is None or limit <= 0:
            return ()
        params = (("filter[note_type][]", "common"), ("order[id]", "desc"), ("limit", str(min(limit, MOST_FOUND))))
        body = await self._connection.read(f"/api/v4/contacts/{id_}/notes", params, urgent=False, may_be_gone=True)
        found = (note(thing) for thing in (listed(body, "notes") if body is not None else ()))
        return tuple(sorted((one for one in found if one is not None), key=lambda one: one.at, reverse=True)[:limit])

    async def calls(self, customer_id: CustomerId, *, limit: int) -> tuple[FinishedCall, ...]:
        """None: amoCRM shows calls in its own way and cannot be asked for them."""
        return ()

    async def create(self, new: NewCustomer, *, key: str) -> CustomerId:
        """A new contact; one that may have been made for this key already is looked for first."""
        known = await self._made.known("contact", key)
        if known.id:
            return CustomerId(known.id)
        sent = new_contact(new, fields=self._fields)
        id_ = await self._made_in_doubt(new) if known.in_doubt else None
        if id_ is None:
            await self._made.begin("contact", key)
            id_ = await self._post("/api/v4/contacts", sent, "contacts")
        await self._made.done("contact", key, id_)
        return CustomerId(id_)

    async def create_deal(self, customer_id: CustomerId, new: NewDeal, *, key: str) -> DealId:
        """A new lead of a contact; one that may have been made for this key already is looked for first."""
        known = await self._made.known("lead", key)
        if known.id:
            return DealId(known.id)
        contact_id = path_id(customer_id)
        params = (("with", "leads"),)
        thing = (
            await self._connection.read(f"/api/v4/contacts/{contact_id}", params, urgent=False, may_be_gone=True)
            if contact_id is not None
            else None
        )
        if contact_id is None or not isinstance(thing, dict):
            raise CrmRefuses("the contact is not in amoCRM any more")
        sent = new_lead(new, int(contact_id))
        found = None
        if known.in_doubt and (one := contact(thing, region=self._region, fields=self._fields)) is not None:
            deals = await self._deals(one.leads)
            found = next((id_ for id_, his in deals.items() if his.title == new.title), None)
        if found is None:
            await self._made.begin("lead", key)
            made = await self._post("/api/v4/leads", sent, "leads")
        else:
            made = str(found)
        await self._made.done("lead", key, made)
        return DealId(made)

    async def update(self, customer_id: CustomerId, changes: CustomerChanges) -> None:
        """Change what is known of a contact."""
        id_ = path_id(customer_id)
        path = f"/api/v4/contacts/{id_}"
        thing = await self._connection.read(path, urgent=False, may_be_gone=True) if id_ is not None else None
        if not isinstance(thing, dict):
            raise CrmRefuses("the contact is not in amoCRM any more")
        sent = changed_contact(changes, thing, fields=self._fields)
        if sent:
            status, body = await self._connection.write("PATCH", path, sent)
            if status >= 400:
                raise refusal(status, body)

    async def add_note(self, customer_id: CustomerId, note: Note, *, key: str) -> None:
        """Write a note of the common kind; amoCRM gives it its own time."""
        id_ = path_id(customer_id)
        if id_ is None:
            raise CrmRefuses("the contact is not in amoCRM any more")
        known = await self._made.known("note", key)
        if known.id:
            return
        made = "-"  # an earlier attempt made it without hearing of it
        if not known.in_doubt or lines_of(note.text) not in await self._note_texts(customer_id):
            await self._made.begin("note", key)
            made = await self._post(f"/api/v4/contacts/{id_}/notes", new_note(note), "notes")
        await self._made.done("note", key, made)

    async def report(self, report: CallReport) -> None:
        """File a call that is over, once."""
        await self._filing.file(report)

    async def lacking(self) -> Mapping[Capability, str]:
        """Whether there are the pipeline and the fields of the settings; whether one may write, only writing shows."""
        lacking: dict[Capability, str] = {}
        if (wanted := self._wishes.unsorted) is not None:
            body = await self._connection.read("/api/v4/leads/pipelines", urgent=False)
            if wanted not in open_pipelines(listed(body, "pipelines")):
                no_pipeline = f"amoCRM has no pipeline {wanted} (crm.unsorted), or it is archived"
                lacking[Capability.REPORT_STRANGERS] = no_pipeline
        if self._fields and (unknown := await self._unknown_fields()):
            lacking[Capability.UPDATE] = f"contacts have no field with the id of {', '.join(unknown)}"
        return lacking

    async def _unknown_fields(self) -> list[str]:
        """Which keys of the settings name a field that contacts do not have."""
        params = (("limit", str(MOST_FOUND)),)
        body = await self._connection.read("/api/v4/contacts/custom_fields", params, urgent=False)
        there = {identity(field) for field in (listed(body, "custom_fields") if body is not None else ())}
        return [f"crm.fields.{word}" for word, id_ in self._fields.items() if id_ not in there]

    @property
    def account(self) -> str:
        """The account."""
        return self._connection.address

    async def changed_since(self, position: str) -> MirrorPage:
        """The next page of changes."""
        return await self._changes.page(position)

    async def customers_gone(self, ids: Sequence[CustomerId]) -> frozenset[CustomerId]:
        """Which of these contacts are not there any more."""
        return await self._changes.contacts_gone(ids)

    async def deals_gone(self, ids: Sequence[DealId]) -> frozenset[DealId]:
        """Which of these leads are not there any more."""
        return await self._changes.leads_gone(ids)

    async def check(self) -> None:
        """Return when amoCRM answers and takes our token."""
        body = await self._connection.read("/api/v4/account")
        if not isinstance(body, dict) or identity(body) is None:
            raise CrmUnavailable("answered something else than an account")

    async def close(self) -> None:
        """Close the connections; may be called twice."""
        await self._connection.close()

    async def _contacts(self, text: str) -> list[Contact]:
        """Contacts that have this text somewhere: amoCRM looks into all their fields."""
        params = (("query", text), ("with", "leads"), ("limit", str(MOST_FOUND)))
        body = await self._connection.read("/api/v4/contacts", params)
        things = listed(body, "contacts") if body is not None else ()
        found = (contact(thing, region=self._region, fields=self._fields) for thing in things)
        return [one for one in found if one is not None]

    async def _deals(self, ids: Iterable[int]) -> dict[int, Deal]:
        newest = sorted(ids, reverse=True)[:MOST_DEALS]
        found: dict[int, Deal] = {}
        for start in range(0, len(newest), _DEALS_AT_ONCE):
            wanted = [("filter[id][]", str(id_)) for id_ in newest[start : start + _DEALS_AT_ONCE]]
            body = await self._connection.read("/api/v4/leads", (*wanted, ("limit", str(MOST_FOUND))))
            things = listed(body, "leads") if body is not None else ()
            found |= {int(one.id): one for thing in things if (one := deal(thing)) is not None}
        return found

    async def _note_texts(self, customer_id: CustomerId) -> set[str]:
        return {one.text for one in await self.notes(customer_id, limit=_LOOKED_THROUGH)}

    async def _made_in_doubt(self, new: NewCustomer) -> str | None:
        """The contact that an earlier attempt made without hearing of it."""
        for record in await self.find(parse_number(new.number, region=self._region)):
            if record.customer.name == new.name:
                return record.customer.id
        return None

    async def _post(self, path: str, sent: object, name: str) -> str:
        """Make one thing and give back its id. Raises CrmRefuses when amoCRM does not take it."""
        status, body = await self._connection.write("POST", path, [sent])
        if status >= 400:
            raise refusal(status, body)
        id_ = next((identity(thing) for thing in listed(body, name)), None)
        if id_ is None:
            raise CrmUnavailable("made something and did not say what")
        return str(id_)
