"""What operators see of live calls: each his own calls, in his own part, as events and as the picture of now."""

from collections.abc import Callable, Collection

from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import Call, CallState
from cti_bridge.calls.pops import OwnerOf, Part, PopChange, PopEvent, parts
from cti_bridge.domain.customer import StageList
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.protocol import Json
from cti_bridge.reception.card import encode_call
from cti_bridge.reception.dossiers import Dossier, Dossiers
from cti_bridge.reception.over_lately import Over

BesideTheCard = Callable[[Call, OperatorId, Part | None], Json]
"""Says what else is to be shown of a call to an operator with this part in it: fields and their values."""


class Screens:
    """The way of the calls of `book` to the pages of those who have a part in them."""

    def __init__(
        self,
        hub: Hub,
        book: CallBook,
        dossiers: Dossiers,
        *,
        directory: Callable[[], Directory],
        stages: Callable[[], StageList],
        owner_of: OwnerOf,
        now: Callable[[], float],
    ) -> None:
        self._hub = hub
        self._book = book
        self._dossiers = dossiers
        self._directory = directory
        self._stages = stages
        self._owner_of = owner_of
        self._now = now
        self.beside: list[BesideTheCard] = []
        """Who adds fields to each call that is shown."""
        self.notes_by_colleagues: Callable[[Call, OperatorId], list[Json]] = lambda call, operator: []
        """What others wrote down in this very call, in the form of the card's notes."""
        hub.on_sent = self._sent

    def tell(self, call: Call, dossier: Dossier, pop: PopChange) -> None:
        """Tell one operator what has changed for him."""
        part = parts(call, self._owner_of).get(pop.operator)
        self._hub.publish(
            pop.operator,
            pop.event.value,
            call=self._encoded(call, dossier, pop.operator, part),
            reason=pop.reason.value if pop.reason else None,
            by=self._by(pop.by),
        )

    def update(self, call: Call, dossier: Dossier, *, but: Collection[OperatorId] = ()) -> None:
        """Show the call as it is now to everybody who has a part in it, except to those who have just been told."""
        for operator, part in parts(call, self._owner_of).items():
            if operator not in but:
                self._hub.publish(operator, PopEvent.UPDATED.value, call=self._encoded(call, dossier, operator, part))

    def update_over(self, over: Over) -> None:
        """Show a call that has ended to those who talked in it: something of it is different."""
        for operator in over.talked:
            encoded = self._encoded(over.call, over.dossier, operator, None)
            self._hub.publish(operator, PopEvent.UPDATED.value, call=encoded)

    def team_changed(self) -> None:
        """Somebody begins to ring or to talk, or stops."""
        self._hub.team_changed()

    def calls_of(self, operator: OperatorId) -> list[Json]:
        """The calls in which this operator has a part now, as he may see them."""
        known = self._directory().get(operator)
        seen = []
        for call in self._book.at(known.phones if known else ()):
            part = parts(call, self._owner_of).get(operator)
            dossier = self._dossiers.get(call.id)
            if part is not None and dossier is not None:
                seen.append(self._encoded(call, dossier, operator, part))
        return seen

    def former(self, operator: OperatorId, call: Call, dossier: Dossier) -> Json:
        """A call in which this operator has no part any more: for him it has ended, whoever talks in it now."""
        return self._encoded(call, dossier, operator, None) | {"state": CallState.ENDED.value}

    def _encoded(self, call: Call, dossier: Dossier, operator: OperatorId, part: Part | None) -> Json:
        encoded = encode_call(call, dossier.show(self._stages(), self._directory()), part)
        noted = self.notes_by_colleagues(call, operator)
        if noted:
            encoded["notes"] = [*noted, *encoded["notes"]]
        for adds in self.beside:
            encoded |= adds(call, operator, part)
        return encoded

    def _by(self, operator: OperatorId | None) -> Json | None:
        if operator is None:
            return None
        known = self._directory().get(operator)
        return {"operator": operator, "name": known.name if known else operator}

    def _sent(self, operator: OperatorId, call_id: str, event: str, _at: float) -> None:
        dossier = self._dossiers.get(CallId(call_id))
        if dossier is not None and event == PopEvent.RINGING.value:
            dossier.note_page(operator, self._now())
