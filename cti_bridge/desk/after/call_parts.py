"""Which calls an operator had a part in, going on or over, and whom they were with."""

from collections.abc import Callable

from cti_bridge.calls.after_call import AboutCall
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.pops import Part, parts
from cti_bridge.calls.record import CallRecord
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.domain.number import NumberKind
from cti_bridge.operators.command_list import CommandRefused
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.switchboard import Switchboard

_WITHIN_S = 3.0


class CallParts:
    """Looks at calls that go on or are only just over, then at those that wait for the disk, then at the journal."""

    def __init__(self, switchboard: Switchboard, journal: Journal, *, directory: Callable[[], Directory]) -> None:
        self._switchboard = switchboard
        self._journal = journal
        self._directory = directory
        self.asked_since = 0.0
        """Since when it is the CRM of the settings that is asked: earlier, an id in the journal is one of another's."""

    async def about(self, operator: OperatorId, call: CallId) -> AboutCall:
        """Whom a call was with in which this operator talked, or that he made.

        Raises CommandRefused (`not_found`, of anybody else's call as of none), and DatabaseUnusable.
        """
        over = self._switchboard.over_lately.get(call)
        dossier = self._switchboard.dossiers.get(call) or (over.dossier if over is not None else None)
        if dossier is not None and dossier.written is not None and _has_part(dossier.written, operator):
            known = dossier.card.known
            return self._about(
                dossier.written, known.customer.name if known else "", known.customer.id if known else ""
            )
        records = await self._journal.states_of(call, within_s=_WITHIN_S)
        for record in records:
            if _has_part(record, operator):
                return self._about(record, "", "")
        raise CommandRefused("not_found", "there is no such call")

    def is_in(self, operator: OperatorId, call: CallId) -> bool:
        """Whether this operator has a part in this call now."""
        live = self._switchboard.book.get(call)
        return parts(live, self._owner).get(operator) in (Part.TALKING, Part.CONSULTING)

    def _about(self, record: CallRecord, name: str, customer_id: str) -> AboutCall:
        return AboutCall(
            number="" if record.caller_kind == NumberKind.ANONYMOUS else record.caller,
            name=name or record.customer_name or record.caller_name,
            customer_id=customer_id or (record.customer if record.offered_at >= self.asked_since else ""),
            ended_at=record.ended_at,
            unasked=_unasked(record) and record.offered_at >= self.asked_since,
        )

    def _owner(self, interface: str) -> OperatorId | None:
        operator = self._directory().owner_of(interface)
        return operator.id if operator else None


def _unasked(record: CallRecord) -> bool:
    """Whether the CRM did not say who it was: nobody was decided about, or it did not answer in time."""
    if record.caller_kind not in (NumberKind.EXTERNAL, NumberKind.UNPARSED):
        return False
    return record.decision is None or record.decision.crm == CrmSource.FAILED


def _has_part(record: CallRecord, operator: OperatorId) -> bool:
    return record.operator == operator or any(
        leg.operator == operator and leg.answered_at is not None for leg in record.legs
    )
