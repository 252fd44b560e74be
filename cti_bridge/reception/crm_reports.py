"""Reports to the CRM itself: the sink that speaks through the port which every CRM has."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from cti_bridge.crm.health import reason_of
from cti_bridge.crm.port import MOMENTS, Capability, Crm, CrmRefuses, CrmUnavailable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.delivery.outbox import Entry
from cti_bridge.delivery.reports import ReportType
from cti_bridge.delivery.sink import OF_THE_CRM
from cti_bridge.delivery.verdict import Delivered, Refused, TryAgain, Verdict
from cti_bridge.domain.call_report import CallMoment, CallReport, ReportedRecording
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import NumberKind
from cti_bridge.reception.late_customers import LateCustomers

_LIMIT_S = 60.0
"""One report may be several requests, each with a limit of its own, which stand in line where a CRM counts them.

A shorter limit than all of them need is reached again and again, and each time the CRM is asked in vain.
"""
_MAX_AGE_S = 86_400.0


class CrmSink:
    """Tells the CRM of calls at the moments that it wants to hear of; its name cannot be one of the settings'.

    A CRM that takes no note of strangers hears only of calls of its own customers. Who called while it did not answer
    is asked now.
    """

    max_age_s = _MAX_AGE_S

    def __init__(self, crm: Crm) -> None:
        self.name = f"{OF_THE_CRM}{crm.kind}"
        self.types = frozenset(ReportType(moment) for moment, wanted in MOMENTS.items() if wanted in crm.capabilities)
        self.customers_only = Capability.REPORT_STRANGERS not in crm.capabilities
        self._crm = crm
        self._late = LateCustomers(crm)

    async def send(self, entry: Entry) -> Verdict:
        """Report one moment; nothing to report is a stranger's where it hears of customers only.

        A moment that the CRM took when the call was written down, and takes no more, is refused and not forgotten: the
        settings, or rights, may have been changed by mistake.
        """
        if entry.type not in self.types:
            return Refused("the CRM of the settings does not hear of this moment any more")
        data = json.loads(entry.body)["data"]
        report = call_report(entry.key, entry.type, data)
        try:
            async with asyncio.timeout(_LIMIT_S):
                report = replace(report, customer_id=await self._late.of(report, data))
                if report.customer_id is not None or not self.customers_only:
                    await self._crm.report(report)
        except (CrmUnavailable, DatabaseUnusable) as error:
            return TryAgain(str(error))
        except CrmRefuses as error:
            return Refused(str(error))
        except TimeoutError:
            return TryAgain(f"no answer within {_LIMIT_S:g} s")
        except Exception as error:  # the message of an error that nobody expected may name the customer
            return TryAgain(reason_of(error))
        return Delivered()

    async def close(self) -> None:
        """The CRM is closed by whoever opened it."""


def call_report(id_: str, moment: ReportType, data: dict[str, Any]) -> CallReport:
    """The report that lies in the outbox under this id, as the port has it."""
    operator, caller = data["operator"], data["caller"]
    customer = data["customer"]
    return CallReport(
        id=id_,
        key=data["call"],
        moment=CallMoment(moment.value),
        direction=data["direction"],
        number="" if caller["kind"] == NumberKind.ANONYMOUS else caller["number"],
        did=data["did"],
        customer_id=CustomerId(customer) if customer else None,
        user=(operator["crm_user"] or "") if operator else "",
        queue=data["queue"],
        outcome=data["outcome"] or "",
        started_at=datetime.fromisoformat(data["started_at"]),
        answered_at=_time(data["answered_at"]),
        ended_at=_time(data["ended_at"]),
        recordings=tuple(_recordings(data["recordings"])),
    )


def _recordings(items: list[dict[str, Any]]) -> "list[ReportedRecording]":
    """Those with a file that the CRM could be told of."""
    return [
        ReportedRecording(item["file"], datetime.fromisoformat(item["started_at"]), _time(item["ended_at"]))
        for item in items
        if item["file"]
    ]


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
