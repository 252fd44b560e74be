"""Writes one edit into the CRM: asks how the customer is now, compares, and writes what is still to be written."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cti_bridge.calls.journal_edits import Edit, EditKind, EditState
from cti_bridge.crm.port import Crm, CrmRefuses, CrmUnavailable
from cti_bridge.crm.stage_words import in_our_words
from cti_bridge.desk.customers.edits import Apply, Conflict, changes_of, compared, customer_of, strangers, theirs_of
from cti_bridge.domain.customer import Customer, CustomerRecord, Deal, NewCustomer, NewDeal, Note, with_fields
from cti_bridge.domain.ids import CustomerId, OperatorId
from cti_bridge.domain.number import CallerNumber, NumberKind

_GONE = "the CRM does not find the customer by the number of this call any more"
_FORGOTTEN = "the caller was forgotten"


@dataclass(frozen=True, slots=True)
class Written:
    """What the CRM has of a customer now, and what of it this edit wrote."""

    record: CustomerRecord
    fields: Mapping[str, str]
    deal: Deal | None = None


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of an edit: how it stands, others that changed with it, and the customer as the CRM has him now."""

    edit: Edit
    others: tuple[Edit, ...] = ()
    now: Written | None = None


class EditWriter:
    """Writes into `crm`, which is the CRM itself and no mirror of it.

    `begin` notes that the CRM may hear of somebody new from now on, and says whether the edit is still wanted;
    `crm_user` gives the CRM's user of an operator, `author` who signs his notes, `stage_words` lead from the CRM's
    stages to ours.
    """

    def __init__(
        self,
        crm: Crm,
        *,
        begin: Callable[[Edit], Awaitable[bool]],
        crm_user: Callable[[OperatorId], str],
        author: Callable[[OperatorId], str],
        stage_words: Mapping[str, str],
    ) -> None:
        self._crm = crm
        self._begin = begin
        self._crm_user = crm_user
        self._author = author
        self._stage_words = stage_words

    async def write(self, edit: Edit) -> Carried:
        """What became of it. Raises CrmRefuses, CrmUnavailable, DatabaseUnusable."""
        match edit.kind:
            case EditKind.UPDATE:
                return await self._update(edit)
            case EditKind.CREATE:
                return await self._create(edit)
            case EditKind.DEAL:
                return await self._make_deal(edit)
            case EditKind.NOTE:
                at = datetime.fromtimestamp(edit.created_at, UTC)
                author, user = self._author(edit.operator), self._crm_user(edit.operator)
                note = Note(at, author, edit.content["text"], user)
                await self._crm.add_note(edit.customer_id, note, key=f"edit/{edit.key}")
                return Carried(replace(edit, state=EditState.SAVED))

    async def _update(self, edit: Edit) -> Carried:
        record = await self._record(edit.number, edit.customer_id)
        if record is None:
            raise CrmRefuses(_GONE)
        todo = compared(record.customer, edit.content, edit.seen)
        if isinstance(todo, Conflict):
            conflict = replace(edit, state=EditState.CONFLICT, theirs=todo.theirs)
            return Carried(conflict, now=Written(record, {}))
        fields = dict(todo.changes) if isinstance(todo, Apply) else {}
        if fields:
            await self._crm.update(edit.customer_id, changes_of(fields))
        now = CustomerRecord(with_fields(record.customer, fields), record.deals)
        return Carried(replace(edit, state=EditState.SAVED), now=Written(now, fields))

    async def _create(self, edit: Edit) -> Carried:
        if not edit.begun:
            found = [record.customer for record in await self._crm.find(caller_of(edit.number))]
            other = strangers(found, edit)
            if other is not None:
                return Carried(replace(edit, state=EditState.CONFLICT, theirs=theirs_of(other)))
            edit = replace(edit, begun=True)
            if not await self._begin(edit):
                return forgotten(edit)
        name, email, city = (edit.content.get(one, "") for one in ("name", "email", "city"))
        new = NewCustomer(name, edit.number, email, city, self._crm_user(edit.operator))
        key = f"edit/{edit.key}"
        try:
            made = await self._crm.create(new, key=key)
        except CrmRefuses:
            if not new.responsible:
                raise
            # Better somebody for whom nobody is responsible yet than nobody.
            made = await self._crm.create(replace(new, responsible=""), key=key)
        record = await self._as_it_is(edit.number, made, CustomerRecord(customer_of(edit, made)))
        saved = replace(edit, state=EditState.SAVED, customer_id=made)
        return Carried(saved, now=Written(record, {}))

    async def _make_deal(self, edit: Edit) -> Carried:
        new, key = NewDeal(edit.content["title"], responsible=self._crm_user(edit.operator)), f"edit/{edit.key}"
        try:
            made = await self._crm.create_deal(edit.customer_id, new, key=key)
        except CrmRefuses:
            if not new.responsible:
                raise
            new = replace(new, responsible="")
            made = await self._crm.create_deal(edit.customer_id, new, key=key)
        nothing = CustomerRecord(Customer(edit.customer_id, edit.name, (edit.number,)))
        record = await self._as_it_is(edit.number, edit.customer_id, nothing)
        deal = next((deal for deal in record.deals if deal.id == made), None)
        if deal is None:
            deal = Deal(made, new.title, "", responsible=new.responsible)
            record = replace(record, deals=(*record.deals, deal))
        return Carried(replace(edit, state=EditState.SAVED), now=Written(record, {}, deal))

    async def _as_it_is(self, number: str, customer_id: CustomerId, known: CustomerRecord) -> CustomerRecord:
        """The customer as the CRM shows him; as he is `known` where its search does not find him at once."""
        with contextlib.suppress(CrmUnavailable):
            return await self._record(number, customer_id) or known
        return known

    async def _record(self, number: str, customer_id: CustomerId) -> CustomerRecord | None:
        records = in_our_words(await self._crm.find(caller_of(number)), self._stage_words)
        return next((record for record in records if record.customer.id == customer_id), None)


def forgotten(edit: Edit) -> Carried:
    """The caller was forgotten while his edit was on its way: nothing of it is left."""
    gone = replace(edit, state=EditState.REFUSED, content={}, seen={}, theirs={}, name="", number="")
    return Carried(replace(gone, reason=_FORGOTTEN))


def caller_of(number: str) -> CallerNumber:
    """The number as it is looked up; one that is not E.164 is one of the house."""
    if number.startswith("+"):
        return CallerNumber(NumberKind.EXTERNAL, number, e164=number)
    return CallerNumber(NumberKind.UNPARSED, number)
