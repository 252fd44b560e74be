"""Tells amoCRM of calls: each once and whole, because it can neither be asked for them nor told anything more.

A call is filed at its end; where recordings have addresses, an answered one waits for its last report, which has them.
amoCRM looks for the contact itself, by the number as it is typed there. A call of somebody whom it does not find can
become an incoming lead.
"""

from dataclasses import dataclass

from cti_bridge.crm.amocrm.call_words import call, filed_call, incoming_lead, not_found, recording_link
from cti_bridge.crm.amocrm.connection import Connection, refusal
from cti_bridge.crm.amocrm.doubt import MadeThings
from cti_bridge.crm.amocrm.words import contact, listed, path_id
from cti_bridge.crm.port import Capability, CrmRefuses
from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.domain.call_report import CallMoment, CallReport
from cti_bridge.domain.number import parse_number

_KIND = "call"


@dataclass(frozen=True, slots=True)
class FilingWishes:
    """How calls are to be filed: `source` is shown beside each, `unsorted` is the pipeline for strangers, if any."""

    source: str
    recordings: RecordingLinks | None = None
    unsorted: int | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Which reports are wanted."""
        wanted = {Capability.REPORT_ENDED}
        if self.recordings is not None:
            wanted.add(Capability.REPORT_UPDATED)
        if self.unsorted is not None:
            wanted.add(Capability.REPORT_STRANGERS)
        return frozenset(wanted)


class CallFiling:
    """Files calls; `region` reads national numbers."""

    def __init__(self, connection: Connection, made: MadeThings, wishes: FilingWishes, *, region: str) -> None:
        self._connection = connection
        self._made = made
        self._wishes = wishes
        self._region = region

    async def file(self, report: CallReport) -> None:
        """File the call if it is time and was not done. Raises CrmUnavailable and CrmRefuses."""
        moment = {CallMoment.ENDED: Capability.REPORT_ENDED, CallMoment.UPDATED: Capability.REPORT_UPDATED}
        if moment.get(report.moment) not in self._wishes.capabilities:
            raise CrmRefuses("amoCRM takes note of a call when it is over, and once")
        link = recording_link(report, self._wishes.recordings) if self._wishes.recordings is not None else ""
        if not report.number or (report.customer_id is None and not self._is_for_strangers(report)):
            return
        if self._better_later(report, link) or (known := await self._made.known(_KIND, report.key)).id:
            return
        phone = report.number if report.customer_id is None else await self._as_typed(report)
        if phone is None:
            return
        if not known.in_doubt:
            await self._made.begin(_KIND, report.key)
        if (id_ := await self._filed(report, phone, link)) is None:
            id_ = await self._stranger(report, link, repeated=known.in_doubt)
        await self._made.done(_KIND, report.key, id_)

    def _is_for_strangers(self, report: CallReport) -> bool:
        return self._wishes.unsorted is not None and report.number.startswith("+")

    def _better_later(self, report: CallReport, link: str) -> bool:
        """Whether a later report may bring the recording of what was said."""
        waits = self._wishes.recordings is not None and report.moment is CallMoment.ENDED
        return waits and report.answered_at is not None and not link

    async def _as_typed(self, report: CallReport) -> str | None:
        """The customer's number as it is typed with him, for which amoCRM looks; None when he is not there any more."""
        id_ = path_id(report.customer_id) if report.customer_id is not None else None
        if id_ is None:
            return None
        thing = await self._connection.read(f"/api/v4/contacts/{id_}", urgent=False, may_be_gone=True)
        found = contact(thing, region=self._region, fields={}) if isinstance(thing, dict) else None
        if found is None:
            return None
        key = parse_number(report.number, region=self._region).key
        return found.spellings.get(key or "", report.number)

    async def _filed(self, report: CallReport, phone: str, link: str) -> str | None:
        """The id of the call with amoCRM; None when it finds nobody with this number."""
        told = call(report, phone=phone, source=self._wishes.source, link=link)
        status, body = await self._connection.write("POST", "/api/v4/calls", [told])
        if status >= 400 and not not_found(body):
            raise refusal(status, body)
        return filed_call(body)

    async def _stranger(self, report: CallReport, link: str, *, repeated: bool) -> str:
        """The id of the incoming lead, or `-` where none is wanted. amoCRM refuses to have the same one twice."""
        if report.customer_id is not None:
            raise CrmRefuses("nobody in amoCRM has this number any more")
        if self._wishes.unsorted is None or report.direction != "inbound":
            return "-"
        lead = incoming_lead(report, pipeline=self._wishes.unsorted, source=self._wishes.source, link=link)
        status, body = await self._connection.write("POST", "/api/v4/leads/unsorted/sip", [lead])
        if status >= 400:
            if repeated:
                return "-"
            raise refusal(status, body)
        return str(next((one.get("uid") for one in listed(body, "unsorted")), None) or "-")
