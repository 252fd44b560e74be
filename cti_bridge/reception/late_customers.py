"""Whose a call was of which nobody was found when it arrived, for want of an answer: found out when the CRM is told."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from cti_bridge.crm.pace import NOBODY_WAITS
from cti_bridge.crm.port import Capability, Crm
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import CustomerRecord
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import CallerNumber, NumberKind

_NOT_DECIDED = ""
"""Nobody was asked for a decision; a call that goes on is looked up for the operator's card meanwhile."""
_MOST_REMEMBERED = 1_000
"""Calls whose customer is not asked for again at their next moment."""


class LateCustomers:
    """Finds the customers of such calls by their numbers, once for all moments of a call."""

    def __init__(self, crm: Crm) -> None:
        self._crm = crm
        self._found: OrderedDict[str, CustomerId | None] = OrderedDict()

    async def of(self, report: CallReport, data: Mapping[str, Any]) -> CustomerId | None:
        """The customer of a report that has none; `data` is what lies in the outbox. Raises CrmUnavailable.

        None for a stranger, for a number of several customers, and where the CRM was asked when the call arrived.
        """
        if report.customer_id is not None or not self._is_to_ask(report, data.get("crm")):
            return report.customer_id
        caller = data["caller"]
        kind = NumberKind(caller["kind"])
        number = CallerNumber(kind, caller["number"], e164=caller["number"] if kind is NumberKind.EXTERNAL else None)
        if not number.key:
            return None
        if report.key not in self._found:
            records = await self._found_by(number)
            self._found[report.key] = records[0].customer.id if len(records) == 1 else None
            if len(self._found) > _MOST_REMEMBERED:
                self._found.popitem(last=False)
        return self._found[report.key]

    def _is_to_ask(self, report: CallReport, answer: str | None) -> bool:
        """Whether nobody else has found out; who hears of customers only is not told before that is settled."""
        if answer == _NOT_DECIDED:
            return report.ended_at is not None or Capability.REPORT_STRANGERS not in self._crm.capabilities
        return answer == CrmSource.FAILED

    async def _found_by(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        """Whoever calls now is asked about first."""
        before = NOBODY_WAITS.set(True)
        try:
            return await self._crm.find(number)
        finally:
            NOBODY_WAITS.reset(before)
