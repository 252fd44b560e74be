"""Whose a call was that nobody could be asked about when it arrived: found out when the CRM is told of it."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from cti_bridge.crm.pace import NOBODY_WAITS
from cti_bridge.crm.port import Crm
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import CustomerRecord
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import CallerNumber, NumberKind

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
        if report.customer_id is not None or data.get("crm") != CrmSource.FAILED:
            return report.customer_id
        caller = data["caller"]
        kind = NumberKind(caller["kind"])
        number = CallerNumber(kind, caller["number"], e164=caller["number"] if kind is NumberKind.EXTERNAL else None)
        if number.key is None:
            return None
        if report.key not in self._found:
            records = await self._found_by(number)
            self._found[report.key] = records[0].customer.id if len(records) == 1 else None
            if len(self._found) > _MOST_REMEMBERED:
                self._found.popitem(last=False)
        return self._found[report.key]

    async def _found_by(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        """Whoever calls now is asked about first."""
        before = NOBODY_WAITS.set(True)
        try:
            return await self._crm.find(number)
        finally:
            NOBODY_WAITS.reset(before)
