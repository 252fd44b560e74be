"""Reports to the CRM itself: the sink that speaks through the port which every CRM has."""

import asyncio
import json
from collections import OrderedDict
from datetime import datetime
from typing import Any

from cti_bridge.crm.port import Crm, CrmUnavailable
from cti_bridge.delivery.outbox import Entry
from cti_bridge.delivery.reports import ReportType
from cti_bridge.delivery.verdict import Delivered, TryAgain, Verdict
from cti_bridge.domain.customer import FinishedCall
from cti_bridge.domain.ids import CustomerId

_LIMIT_S = 5.0
_MAX_AGE_S = 86_400.0
_MOST_REMEMBERED = 1_000
"""Calls of which an `ended` was told and no `updated` yet: the latest, and only to save work."""


class CrmSink:
    """Tells the CRM of the calls of its customers when they are over; its name cannot be one of the settings'."""

    types = frozenset({ReportType.ENDED, ReportType.UPDATED})
    customers_only = True
    max_age_s = _MAX_AGE_S

    def __init__(self, crm: Crm) -> None:
        self.name = f"crm:{crm.kind}"
        self._crm = crm
        self._ended: OrderedDict[str, FinishedCall] = OrderedDict()
        """What was told of these calls at their end."""

    async def send(self, entry: Entry) -> Verdict:
        """Report one call; one without a customer is nothing to report, nor what its end has told already."""
        call = finished_call(json.loads(entry.body)["data"])
        if call is None or (entry.type is ReportType.UPDATED and self._ended.pop(call.key, None) == call):
            return Delivered()
        try:
            async with asyncio.timeout(_LIMIT_S):
                await self._crm.report(call)
        except CrmUnavailable as error:
            return TryAgain(str(error))
        except TimeoutError:
            return TryAgain(f"no answer within {_LIMIT_S:g} s")
        if entry.type is ReportType.ENDED:
            self._ended[call.key] = call
            if len(self._ended) > _MOST_REMEMBERED:
                self._ended.popitem(last=False)
        return Delivered()

    async def close(self) -> None:
        """The CRM is closed by whoever opened it."""


def finished_call(data: dict[str, Any]) -> FinishedCall | None:
    """The call in a report that tells of its end; None when it is nobody's whom the CRM knows."""
    if data["customer"] is None:
        return None
    operator, answered_at = data["operator"], data["answered_at"]
    return FinishedCall(
        key=data["call"],
        customer_id=CustomerId(data["customer"]),
        started_at=datetime.fromisoformat(data["started_at"]),
        answered_at=datetime.fromisoformat(answered_at) if answered_at else None,
        ended_at=datetime.fromisoformat(data["ended_at"]),
        queue=data["queue"],
        user=(operator["crm_user"] or "") if operator else "",
        outcome=data["outcome"],
        direction=data.get("direction", "inbound"),
    )
