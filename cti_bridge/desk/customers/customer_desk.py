"""What operators do with the card of a call: choose who it is, change him, make somebody new, write a note.

Everything is kept on disk first and carried to the CRM behind, so nothing is lost while the CRM is down; the card shows
at once what is to be written, marked as waiting until it is.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_edits import CallerForgotten, Edit, EditKind, EditState, TooManyEdits
from cti_bridge.crm.pace import NOBODY_WAITS
from cti_bridge.crm.port import Capability, Crm
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.customers.card_calls import CardCall, CardCalls
from cti_bridge.desk.customers.edit_courier import WITHIN_S, EditCourier
from cti_bridge.desk.customers.edit_keeping import EditKeeping
from cti_bridge.desk.customers.edit_texts import Unwritable, all_checked
from cti_bridge.desk.customers.edit_writer import Written, caller_of
from cti_bridge.desk.customers.edited_cards import EditedCards
from cti_bridge.desk.customers.edits import settled
from cti_bridge.domain.customer import Customer, CustomerRecord, StageList
from cti_bridge.domain.ids import CallId, CustomerId, OperatorId
from cti_bridge.operators.command_list import CommandRefused
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.protocol import Json
from cti_bridge.reception.switchboard import Switchboard

log = structlog.get_logger(__name__)

_JOURNAL_S = 1.0


class CustomerDesk(Collector):
    """Carries the wishes out; `keeping` and `courier` have to run beside it. `wrote` is that of `EditedCards`."""

    def __init__(
        self,
        crm: Crm,
        journal: Journal,
        hub: Hub,
        switchboard: Switchboard,
        calls: CardCalls,
        *,
        account: str,
        stage_words: Mapping[str, str],
        directory: Callable[[], Directory],
        stages: Callable[[], StageList],
        wrote: Callable[[Written, str], None],
        with_deals: bool,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._crm = crm
        self._can = crm.capabilities
        self._journal = journal
        self._calls = calls
        self._account = account
        self._directory = directory
        self._with_deals = with_deals and Capability.CREATE_DEAL in self._can
        self._now = now
        self.asked_since = 0.0
        """Since when it is this CRM that is asked: earlier, an id in the journal is one of another's."""
        self._cards = EditedCards(switchboard, calls, hub, directory=directory, stages=stages, wrote=wrote)
        self._edits = self._cards.edits
        self.courier = EditCourier(
            crm,
            journal,
            account=account,
            crm_user=self._crm_user,
            author=self._cards.author,
            stage_words=stage_words,
            carried=self._cards.carried,
            now=now,
        )
        self.keeping = EditKeeping(journal, self._cards, self.courier, now=now)

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """The figures for /metrics."""
        yield from self.courier.collect()
        yield GaugeMetricFamily("cti_edits_waiting", "Edits that wait for the CRM.", value=self._edits.waiting)

    def own_edits(self, operator: OperatorId) -> list[Json]:
        """What this operator wants that is not in the CRM, whichever call it was in."""
        return self._cards.own_edits(operator)

    def can(self) -> Json:
        """What the CRM takes from operators."""
        return {
            "update": Capability.UPDATE in self._can,
            "create": Capability.CREATE in self._can,
            "note": Capability.ADD_NOTE in self._can,
            "deal": self._with_deals,
        }

    async def whose(self, number: str) -> str:
        """The id of the one customer with this number; empty for a stranger, and for several. Raises CrmUnavailable."""
        NOBODY_WAITS.set(True)  # of this task alone: callers are looked up first
        async with asyncio.timeout(WITHIN_S):
            found = await self._crm.find(caller_of(number))
        return found[0].customer.id if len(found) == 1 else ""

    def tell_whose(self, hears: Callable[[CallId], None]) -> None:
        """Have `hears` told of the calls of which an operator says whose they are."""
        self._cards.on_known = hears

    async def whose_call(self, call_id: CallId) -> str:
        """Whose an earlier call was, by the CRM's id; empty where nobody has said so, or the journal not in time."""
        try:
            records = await self._journal.states_of(call_id, within_s=_JOURNAL_S)
        except DatabaseUnusable:
            return ""
        return next((record.customer for record in records if record.offered_at >= self.asked_since), "")

    def is_meant(self, call_id: CallId, customer: str) -> None:
        """The call was begun to talk with that customer."""
        self._cards.is_meant(call_id, CustomerId(customer))

    # Commands -------------------------------------------------------------------------------------------------------

    async def choose(self, operator: OperatorId, call_id: CallId, customer: str) -> None:
        """One of the customers with this number is who calls. Raises CommandRefused."""
        found = await self._calls.find(operator, call_id)
        candidates = found.dossier.card.candidates
        if not candidates:
            raise CommandRefused("not_possible", "there is nobody to choose from")
        record = next((one for one in candidates if one.customer.id == customer), None)
        if record is None:
            raise CommandRefused("not_found", "he is none of those who have the number")
        if found.dossier.whose != record.customer.id:
            for edit in self._edits.of_call(call_id):
                if edit.kind is EditKind.CREATE and _is_open(edit):
                    await self.keeping.found(edit, record.customer.id, "one of the customers was chosen instead")
            self._cards.is_of(found, record)
            log.info("card.chosen", call=call_id, operator=operator)

    async def save(
        self,
        operator: OperatorId,
        call_id: CallId,
        changes: Mapping[str, str | None],
        seen: Mapping[str, str | None],
        *,
        meant: str | None = None,
    ) -> Edit:
        """Change what the CRM knows of the customer, who looked as in `seen`. Raises CommandRefused.

        `meant` is whom he saw: nothing of one customer is written to another whom a colleague has chosen meanwhile.
        """
        self._needs(Capability.UPDATE, "change customers")
        found = await self._calls.find(operator, call_id)
        record = self._customer_of(found)
        _is_meant(record.customer, meant)
        texts = _checked(changes)
        known = {name: text for name, text in seen.items() if text is not None}
        if not texts.keys() <= known.keys():
            raise CommandRefused("bad_args", "seen: says not what he saw in each field that he changes")
        texts = {name: text for name, text in texts.items() if text != known[name]}
        if not texts:
            raise CommandRefused("bad_args", "changes: nothing is another than before")
        edit = self._edit(found, operator, EditKind.UPDATE, texts, record.customer)
        return (await self.keeping.put(replace(edit, seen={name: known[name] for name in texts})))[0]

    async def create(
        self, operator: OperatorId, call_id: CallId, texts: Mapping[str, str | None], title: str | None
    ) -> Edit:
        """Make whoever calls a customer, and a deal with the title for him. Raises CommandRefused."""
        self._needs(Capability.CREATE, "make customers")
        found = await self._calls.find(operator, call_id)
        card = found.dossier.card
        if card.known is not None:
            raise CommandRefused("not_possible", "the caller is a customer already")
        if title is not None and not self._with_deals:
            raise CommandRefused("not_possible", "no deals are made here: see operators.create_deal")
        made = _checked(texts)
        titles = _checked({"title": title})
        person = self._edit(found, operator, EditKind.CREATE, made, None)
        person = replace(person, seen={one.customer.id: one.customer.name for one in card.candidates})
        waiting = [one for one in self._edits.of_call(call_id) if one.kind is EditKind.CREATE and _is_open(one)]
        if any(one.content != person.content or one.operator != operator for one in waiting):
            raise CommandRefused("not_possible", "somebody new is being made for this call already")
        edits = [person]
        if titles:
            edits.append(self._edit(found, operator, EditKind.DEAL, titles, None, name=made["name"]))
        return (await self.keeping.put(*edits))[0]

    async def note(self, operator: OperatorId, call_id: CallId, text: str, *, meant: str | None = None) -> Edit:
        """Write a note down in the CRM, during the call or after it; `meant` as in `save`. Raises CommandRefused."""
        self._needs(Capability.ADD_NOTE, "take notes")
        found = await self._calls.find(operator, call_id)
        being_made = any(one.kind is EditKind.CREATE and _is_open(one) for one in self._edits.of_call(call_id))
        customer = None if found.dossier.card.known is None and being_made else self._customer_of(found).customer
        if customer is not None:
            _is_meant(customer, meant)
        return (await self.keeping.put(self._edit(found, operator, EditKind.NOTE, _checked({"text": text}), customer)))[
            0
        ]

    async def settle(self, operator: OperatorId, key: str, *, keep_mine: bool) -> Edit | None:
        """What counts where the CRM was changed meanwhile, or refused; None for an edit that is given up.

        Raises CommandRefused.
        """
        edit = self._edits.get(operator, key)
        if edit is None:
            raise CommandRefused("not_found", "he has no such edit")
        if edit.state is EditState.WAITING:
            raise CommandRefused("not_possible", "there is nothing to decide: it waits for the CRM")
        if edit.state is EditState.REFUSED and not keep_mine:
            await self.keeping.drop(edit)
            return None
        if edit.account != self._account:
            raise CommandRefused("not_possible", "it was for another account of the CRM")
        decided = settled(edit, keep_mine)
        if edit.kind is EditKind.CREATE and not keep_mine:
            theirs = CustomerId(edit.theirs.get("customer", ""))
            if not await self.keeping.found(edit, theirs, decided.reason):
                raise CommandRefused("conflict", "it was decided at the same moment")
            found = self._calls.get(edit.call_id)
            if found is not None and found.dossier.card.known is None:
                them = Customer(theirs, edit.theirs.get("name", ""), (edit.number,))
                self._cards.is_of(found, CustomerRecord(them))
        else:
            decided = await self.keeping.write(decided, was=edit.state)
        return decided

    async def keep_note(
        self, call: CallId, operator: OperatorId, text: str, *, key: str, customer_id: str, number: str
    ) -> bool:
        """Keep a note until the CRM has it; the same `key` again changes nothing.

        False: it takes no notes, or nobody knows whose it is. Raises DatabaseUnusable.
        """
        being_made = any(one.kind is EditKind.CREATE and _is_open(one) for one in self._edits.of_call(call))
        if Capability.ADD_NOTE not in self._can or not (customer_id or being_made):
            return False
        edit = Edit(
            key=key,
            call_id=call,
            operator=operator,
            account=self._account,
            customer_id=CustomerId(customer_id),
            number=number,
            name="",
            kind=EditKind.NOTE,
            content={"text": text},
            created_at=self._now(),
        )
        try:
            await self.keeping.keep(edit)
        except TooManyEdits:
            raise DatabaseUnusable("too many edits wait for the CRM") from None
        except CallerForgotten:
            return False
        return True

    # How it is done -------------------------------------------------------------------------------------------------

    def _edit(
        self,
        found: CardCall,
        operator: OperatorId,
        kind: EditKind,
        content: Mapping[str, str],
        customer: Customer | None,
        *,
        name: str = "",
    ) -> Edit:
        number = found.dossier.card.caller.key
        if number is None:
            raise CommandRefused("not_possible", "the caller has no number by which the CRM could find him")
        return Edit(
            key=secrets.token_hex(12),
            call_id=found.call.id,
            operator=operator,
            account=self._account,
            customer_id=customer.id if customer else CustomerId(""),
            number=number,
            name=name or (customer.name if customer else content.get("name", "")),
            kind=kind,
            content=content,
            created_at=self._now(),
        )

    def _customer_of(self, found: CardCall) -> CustomerRecord:
        card = found.dossier.card
        if card.known is not None:
            return card.known
        if card.candidates:
            raise CommandRefused("not_possible", "several customers have the number: choose who calls first")
        raise CommandRefused("not_possible", "nobody knows who calls")

    def _needs(self, capability: Capability, what: str) -> None:
        if capability not in self._can:
            raise CommandRefused("not_possible", f"this CRM does not let the bridge {what}")

    def _crm_user(self, operator: OperatorId) -> str:
        known = self._directory().get(operator)
        return known.crm_user if known else ""


def _is_meant(customer: Customer, meant: str | None) -> None:
    if meant is not None and customer.id != meant:
        raise CommandRefused("conflict", "somebody else has been chosen for this call meanwhile")


def _checked(texts: Mapping[str, str | None]) -> dict[str, str]:
    """The texts that are there, as they are kept. Raises CommandRefused."""
    try:
        return all_checked(texts)
    except Unwritable as error:
        raise CommandRefused("bad_args", str(error)) from None


def _is_open(edit: Edit) -> bool:
    return edit.state in (EditState.WAITING, EditState.CONFLICT)
