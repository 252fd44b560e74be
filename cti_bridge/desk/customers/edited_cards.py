"""What operators see of edits: on the cards of the customer, and each his own that are not in the CRM."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from cti_bridge.calls.call import Call
from cti_bridge.calls.journal_edits import Edit, EditKind, EditState
from cti_bridge.calls.pops import Part
from cti_bridge.desk.customers.card_calls import CardCall, CardCalls
from cti_bridge.desk.customers.edit_writer import Carried, Written
from cti_bridge.desk.customers.edits import as_shown, edit_view, own_edit_view
from cti_bridge.desk.customers.kept_edits import SHOWN, KeptEdits
from cti_bridge.domain.customer import CustomerRecord, Note, StageList
from cti_bridge.domain.ids import CallId, CustomerId, DealId, OperatorId
from cti_bridge.domain.number import display_number
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.protocol import Json
from cti_bridge.reception.card import encode_customer
from cti_bridge.reception.switchboard import Switchboard
from cti_bridge.routing.facts import open_deals


class EditedCards:
    """Changes cards as edits are made and carried. `wrote` hears what the CRM has been told of a customer.

    With it comes the number that somebody new was made for, else an empty text.
    """

    def __init__(
        self,
        switchboard: Switchboard,
        calls: CardCalls,
        hub: Hub,
        *,
        directory: Callable[[], Directory],
        stages: Callable[[], StageList],
        wrote: Callable[[Written, str], None],
    ) -> None:
        self.edits = KeptEdits()
        self.on_known: Callable[[CallId], None] = lambda call: None
        """Hears of calls of which an operator has said whose they are."""
        self._switchboard = switchboard
        self._calls = calls
        self._hub = hub
        self._directory = directory
        self._stages = stages
        self._wrote = wrote
        switchboard.add_to_cards(self._on_card)
        switchboard.on_completed.append(self._completed)

    def put(self, *edits: Edit) -> None:
        """Edits are new, or stand otherwise than before: show them. They are of one call."""
        for edit in edits:
            self.edits.put(edit)
        self.show(edits[0])

    def drop(self, edit: Edit) -> None:
        """Nobody wants an edit any more."""
        self.edits.drop(edit)
        self.show(edit)

    def calls_over(self) -> list[CallId]:
        """The calls that are over and of which something is still in memory here."""
        over = [over.call.id for over in self._switchboard.over_lately]
        return [call for call in (*over, *self.edits.calls()) if self._switchboard.book.get(call) is None]

    def let_go(self, forgotten: Iterable[CallId], *, now: float) -> None:
        """Keep nothing in memory of calls whose callers were forgotten, nor of those that were long ago."""
        for call in forgotten:
            self._switchboard.over_lately.drop(call)
            for edit in self.edits.of_call(call):
                self.edits.drop(edit)
        self._switchboard.over_lately.drop_old(now)

    def show(self, edit: Edit) -> None:
        """Show those who have a part in its call, and whoever made it, how an edit stands."""
        self._switchboard.refresh(edit.call_id)
        self._hub.tell(edit.operator, "edits.updated", {"edits": self.own_edits(edit.operator)})

    def own_edits(self, operator: OperatorId) -> list[Json]:
        """What this operator wants that is not in the CRM, whichever call it was in."""
        return [own_edit_view(edit, display_number(edit.number)) for edit in self.edits.open_of(operator)[-SHOWN:]]

    def carried(self, done: Carried) -> None:
        """The courier says what became of an edit: shown on every card of the customer, and remembered for callers."""
        edit, now = done.edit, done.now
        for one in (edit, *done.others):
            self.edits.put(one)
        found = self._calls.get(edit.call_id)
        if now is not None:
            self._wrote(now, edit.number if edit.kind is EditKind.CREATE else "")
            self._show_record(now.record, deal_is_new=edit.kind is EditKind.DEAL)
        if edit.state is EditState.SAVED and found is not None:
            if edit.kind is EditKind.CREATE and now is not None and found.dossier.card.known is None:
                self.is_of(found, now.record)
            elif edit.kind is EditKind.NOTE:
                self._show_note(found, edit)
        self.show(edit)

    def is_of(self, found: CardCall, record: CustomerRecord) -> None:
        """An operator has said whose call it is."""
        found.dossier.is_of(record, self._main_deal(record))
        self._switchboard.card_changed(found.call, found.dossier)
        self.on_known(found.call.id)

    def is_meant(self, call_id: CallId, customer: CustomerId) -> None:
        """An operator has had a number called to talk with this customer: among several who have it that is who it is.

        Who has another number is not taken for the one who is called, whatever the operator wanted.
        """
        found = self._calls.get(call_id)
        if found is not None:
            found.dossier.meant = customer
            self._completed(call_id)

    def _completed(self, call_id: CallId) -> None:
        """It is known who has the number, perhaps."""
        found = self._calls.get(call_id)
        record = found.dossier.meant_one if found is not None else None
        if found is not None and record is not None:
            self.is_of(found, record)

    def author(self, operator: OperatorId) -> str:
        """How an operator signs notes in the CRM."""
        known = self._directory().get(operator)
        return known.name if known else operator

    def _on_card(self, call: Call, _operator: OperatorId, _part: Part | None) -> Json:
        edits = self.edits.of_call(call.id)
        shown: Json = {"edits": [edit_view(edit) for edit in edits[-SHOWN:]]}
        found = self._calls.get(call.id) if edits else None
        record = found.dossier.card.record if found is not None else None
        if record is not None:
            shown["customer"] = encode_customer(as_shown(record.customer, edits), self._directory())
        return shown

    def _show_record(self, record: CustomerRecord, *, deal_is_new: bool) -> None:
        """Every call of this customer has him as the CRM has him now."""
        for found in self._calls.of(record.customer.id):
            card = found.dossier.card
            is_his = card.record is not None and card.record.customer.id == record.customer.id
            candidates = tuple(record if one.customer.id == record.customer.id else one for one in card.candidates)
            main = self._main_deal(record) if is_his and (deal_is_new or card.deal_id is None) else card.deal_id
            shown = record if is_his else card.record
            found.dossier.card = replace(card, record=shown, candidates=candidates, deal_id=main)
            self._switchboard.card_changed(found.call, found.dossier)

    def _show_note(self, found: CardCall, edit: Edit) -> None:
        card = found.dossier.card
        if card.known is None or card.known.customer.id != edit.customer_id or card.extras == "pending":
            return  # what is being fetched brings it
        at = datetime.fromtimestamp(edit.created_at, UTC)
        note = Note(at, self.author(edit.operator), edit.content.get("text", ""))
        found.dossier.card = replace(card, notes=(note, *card.notes))

    def _main_deal(self, record: CustomerRecord) -> DealId | None:
        return next((deal.id for deal in open_deals(record.deals, self._stages())), None)
