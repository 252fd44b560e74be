"""What is known of calls beside the book's picture of them: the card, the decision, who was rung and who answered."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from cti_bridge.calls.book import MAX_LIVE_CALLS, Change
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import CallerId
from cti_bridge.calls.leg import LegState
from cti_bridge.calls.pops import OwnerOf, who_talks
from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.domain.customer import CustomerRecord, StageList
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, CustomerId, DealId, OperatorId
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.card import Card, ShownCard, show

MAX_DOSSIERS = 2 * MAX_LIVE_CALLS
"""Cards and decisions kept at the same time, for live calls and for callers of whom nothing has been heard since."""


@dataclass(slots=True)
class Dossier:
    """What is known of one call beside the book's picture of it."""

    card: Card
    decision: DecisionRecord | None = None
    rang: list[OperatorId] = field(default_factory=list)
    popped_at: dict[OperatorId, float] = field(default_factory=dict)
    pop_ms: float | None = None
    answered_by: OperatorId | None = None
    fetched: bool = False
    """Whether what takes longer than a caller may wait has been asked for."""
    written: CallRecord | None = None
    """The latest state that the journal was given."""
    whose: CustomerId | None = None
    """The customer that an operator has chosen among several, or has made."""
    meant: CustomerId | None = None
    """The customer whom an operator wanted when he had the number called."""
    shown: ShownCard | None = None
    """How the card was shown last, as long as the call goes on."""

    @property
    def customer_id(self) -> str:
        """Whose call it is where the decision does not say so: as an operator said, or as it was looked up."""
        if self.whose is not None or self.decision:
            return self.whose or ""
        if self.card.known:
            return self.card.known.customer.id
        return self.written.customer_id if self.written else ""

    @property
    def meant_one(self) -> CustomerRecord | None:
        """Whom he wanted, if that is one of several who have the number, and nobody has said who it is."""
        candidates = self.card.candidates if self.whose is None and self.meant is not None else ()
        return next((one for one in candidates if one.customer.id == self.meant), None)

    def is_of(self, record: CustomerRecord, deal: DealId | None) -> None:
        """An operator has said whose call it is: one of the candidates, or somebody whom he has made."""
        card = self.card
        chosen = any(one.customer.id == record.customer.id for one in card.candidates)
        candidates = card.candidates if chosen else ()
        self.whose = record.customer.id
        self.card = replace(
            card, record=record, deal_id=deal, candidates=candidates, chosen=chosen, notes=(), extras="pending"
        )
        self.fetched = False

    def completed(self, card: Card) -> None:
        """The card is complete, as far as it can be; whose call it is stays as it was said."""
        mine = [one for one in card.candidates if one.customer.id == self.whose]
        self.card = replace(card, record=mine[0], chosen=True) if mine else card

    def decide(self, card: Card, decision: DecisionRecord) -> None:
        """The caller was decided, perhaps not for the first time."""
        self.card, self.decision, self.fetched, self.whose = card, decision, False, None

    def deliver(self, decision: DecisionRecord) -> None:
        """It is known whether the PBX took the decision."""
        self.decision = decision
        if not decision.delivered:
            # Too late: the dialplan has gone its own way, and that is what the card has to say.
            self.card = replace(self.card, decision="fallback", rule="")

    def show(self, stages: StageList, directory: Directory) -> ShownCard:
        """The card as it is shown now."""
        if self.shown is None or not self.shown.is_of(self.card, stages, directory):
            self.shown = show(self.card, stages, directory)
        return self.shown

    def note_ring(self, operator: OperatorId) -> None:
        """A phone of this operator rings or rang."""
        if operator not in self.rang:
            self.rang.append(operator)

    def note_pop(self, call: Call, operator: OperatorId, owner_of: OwnerOf) -> None:
        """A phone of this operator has just begun to ring, and his page is to show it."""
        self.note_ring(operator)
        self.popped_at[operator] = min(
            leg.rang_at for leg in call.legs if leg.state is LegState.RINGING and owner_of(leg.interface) == operator
        )
        if call.answered_at is not None:
            self.fetched = False  # whoever talked to the caller first may have written something down since

    def note_page(self, operator: OperatorId, at: float) -> None:
        """A page of this operator has been sent the pop; the first one counts. `at` is in seconds since 1970."""
        rang_at = self.popped_at.get(operator)
        if self.pop_ms is None and rang_at is not None:
            self.pop_ms = round(max(0.0, at - rang_at) * 1000, 1)

    def note_answer(self, call: Call, owner_of: OwnerOf) -> None:
        """The first operator who talks has answered; a call that one of them makes outside is his own."""
        if self.answered_by is None:
            made_by = call.dialler.interface if call.dialler and call.direction is Direction.OUTBOUND else ""
            self.answered_by = owner_of(made_by) if made_by else who_talks(call, owner_of)


class Dossiers:
    """The dossiers of live calls and of decided callers.

    `is_known` says whether the book has a call; `first_card` makes the card of one that we did not decide, from who
    calls, or whom an operator calls outside.
    """

    def __init__(self, *, is_known: Callable[[CallId], bool], first_card: Callable[[Call, CallerId], Card]) -> None:
        self.dropped = 0
        """Decided callers who were forgotten because nothing more was heard of them and there were too many."""
        self._is_known = is_known
        self._first_card = first_card
        self._dossiers: dict[CallId, Dossier] = {}

    def __len__(self) -> int:
        return len(self._dossiers)

    def __iter__(self) -> Iterator[CallId]:
        return iter(self._dossiers)

    def __getitem__(self, call_id: CallId) -> Dossier:
        return self._dossiers[call_id]

    def get(self, call_id: CallId) -> Dossier | None:
        """The dossier of a call, if there is one."""
        return self._dossiers.get(call_id)

    def add(self, call_id: CallId, dossier: Dossier) -> None:
        """Begin the dossier of a call that was decided, or of one that was going on before a restart."""
        self._dossiers[call_id] = dossier
        if len(self._dossiers) > MAX_DOSSIERS:
            self._forget()

    def of(self, change: Change) -> Dossier:
        """The dossier of a call to which something happened; begun now if there is none, or anew if it turned round."""
        call = change.after
        dossier = self._dossiers.get(call.id)
        if dossier is None:
            dossier = self._dossiers[call.id] = Dossier(self._first_card(call, change.adopted or CallerId()))
        elif change.before is not None and change.before.direction is not call.direction:
            dossier.card, dossier.answered_by, dossier.fetched = self._first_card(call, CallerId()), None, False
        return dossier

    def close(self, call_id: CallId) -> None:
        """The call is over, and nothing more is to come of it."""
        del self._dossiers[call_id]

    def _forget(self) -> None:
        """Keep those of live calls and of callers who have only just been decided; the others were never heard of."""
        before = len(self._dossiers)
        recent = set(islice(reversed(self._dossiers), MAX_DOSSIERS // 4))
        self._dossiers = {
            each: dossier for each, dossier in self._dossiers.items() if each in recent or self._is_known(each)
        }
        self.dropped += before - len(self._dossiers)
