"""On which calls an operator may write something about the customer: his own, going on or over a short while ago."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from cti_bridge.calls.call import Call
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.pops import Part, parts
from cti_bridge.calls.record import CallRecord
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.ids import CallId, CustomerId, OperatorId
from cti_bridge.operators.command_list import CommandRefused
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.card_fetches import Fetch
from cti_bridge.reception.dossiers import Dossier
from cti_bridge.reception.over_lately import OPEN_S, Over, left_at, talked_in
from cti_bridge.reception.restored import restored
from cti_bridge.reception.switchboard import Switchboard

_WITHIN_S = 3.0
_FETCH_S = 8.0


@dataclass(frozen=True, slots=True)
class CardCall:
    """A call and what is known of it."""

    call: Call
    dossier: Dossier


class CardCalls:
    """Looks at the live calls, at those that ended a short while ago, and for those of an earlier run in the journal.

    `fetch` completes a card.
    """

    def __init__(
        self,
        switchboard: Switchboard,
        journal: Journal,
        *,
        directory: Callable[[], Directory],
        fetch: Fetch,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._switchboard = switchboard
        self._journal = journal
        self._directory = directory
        self._fetch = fetch
        self._now = now

    async def find(self, operator: OperatorId, call_id: CallId) -> CardCall:
        """The call, if this operator talks in it, or did so lately. Raises CommandRefused, of others as of none."""
        found = self.get(call_id)
        call = found.call if found else None
        if found is None or call is None:
            over = await self._of_an_earlier_run(operator, call_id)
            if over is None:
                raise CommandRefused("not_found", "he has no such call")
            self._in_time(over.call.ended_at)
            return CardCall(over.call, over.dossier)
        part = parts(call, self._owner).get(operator)
        if part in (Part.TALKING, Part.CONSULTING):
            return found
        over = self._switchboard.over_lately.get(call_id)
        talked = operator in (over.talked if over else talked_in(call, self._owner))
        if not talked and part is Part.RINGING:
            raise CommandRefused("not_possible", "his phone rings: he has to answer first")
        if not talked:
            raise CommandRefused("not_found", "he has no such call")
        self._in_time(left_at(call, operator, self._owner))
        return found

    def get(self, call_id: CallId) -> CardCall | None:
        """The call with this id, whosever it is."""
        call, dossier = self._switchboard.book.get(call_id), self._switchboard.dossiers.get(call_id)
        if call is not None and dossier is not None:
            return CardCall(call, dossier)
        over = self._switchboard.over_lately.get(call_id)
        return CardCall(over.call, over.dossier) if over is not None else None

    def of(self, customer_id: CustomerId) -> Iterator[CardCall]:
        """The calls that may be of this customer, as long as somebody may write on their cards."""
        for call_id in tuple(self._switchboard.dossiers):
            found = self.get(call_id)
            if found is not None and _may_be_of(found.dossier, customer_id):
                yield found
        for over in self._switchboard.over_lately:
            if over.call.ended_at is not None and self._now() > over.call.ended_at + OPEN_S:
                continue  # who talked in it has nothing to do with him any more
            if self._switchboard.book.get(over.call.id) is None and _may_be_of(over.dossier, customer_id):
                yield CardCall(over.call, over.dossier)

    def _owner(self, interface: str) -> OperatorId | None:
        operator = self._directory().owner_of(interface)
        return operator.id if operator else None

    def _in_time(self, left: float | None) -> None:
        if left is not None and self._now() > left + OPEN_S:
            raise CommandRefused("not_possible", f"he was in this call more than {OPEN_S / 60:.0f} minutes ago")

    async def _of_an_earlier_run(self, operator: OperatorId, call_id: CallId) -> Over | None:
        """A call in which he talked and that was over when the bridge started: its customer is looked up once more."""
        try:
            records = await self._journal.states_of(call_id, within_s=_WITHIN_S)
        except DatabaseUnusable:
            raise CommandRefused("unavailable", "the journal cannot be read at the moment") from None
        record = next((one for one in records if one.ended_at is not None), None)
        if record is None or operator not in _talked(record) or self._now() > (record.ended_at or 0.0) + OPEN_S:
            return None
        call, card = restored(record)
        call = replace(call, ended_at=record.ended_at)
        try:
            async with asyncio.timeout(_FETCH_S):
                card = await self._fetch(call, card)
        except TimeoutError:
            raise CommandRefused("unavailable", "nobody has said yet whose call it was") from None
        dossier = Dossier(card, record.decision, list(record.rang), answered_by=record.operator, written=record)
        if record.customer_id:
            dossier.whose = CustomerId(record.customer_id)
            dossier.completed(card)
        dossier.fetched = True
        over = Over(call, dossier, _talked(record))
        self._switchboard.over_lately.put(over)
        return over


def _talked(record: CallRecord) -> frozenset[OperatorId]:
    talked = {leg.operator for leg in record.legs if leg.operator and leg.answered_at is not None}
    return frozenset(talked | ({record.operator} if record.operator else set()))


def _may_be_of(dossier: Dossier, customer_id: CustomerId) -> bool:
    card = dossier.card
    records = (*((card.record,) if card.record else ()), *card.candidates)
    return any(record.customer.id == customer_id for record in records)
