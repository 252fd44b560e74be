"""Tells amoCRM of calls: each once and whole, because it can neither be asked for them nor told anything more.

A call is filed at its end; where recordings have addresses, an answered one waits for its last report, which has them.
amoCRM looks for the contact itself, by the number. A call of somebody whom it does not find can become an incoming
lead. Where an answer was lost, the call is looked for before it is filed again: it stands among the notes of the
contact, or of one of his leads.
"""

from dataclasses import dataclass
from typing import Any

from cti_bridge.crm.amocrm.call_words import (
    call,
    call_note,
    filed_call,
    incoming_lead,
    not_found,
    recording_link,
    unique_ids,
    unique_of,
)
from cti_bridge.crm.amocrm.connection import Connection, refusal
from cti_bridge.crm.amocrm.doubt import MadeThings
from cti_bridge.crm.amocrm.words import Json, contact, listed, path_id
from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.domain.call_report import CallMoment, CallReport
from cti_bridge.domain.number import parse_number

_KIND = "call"
_LEADS_LOOKED_INTO = 10
"""amoCRM files a call with his only open lead, and that is one of the newest."""
_LOOKED_THROUGH = 50
"""Calls among which one is looked for that may be there already."""


@dataclass(frozen=True, slots=True)
class _Addressee:
    """Whose call it is: the number to file it by, his contact (empty for a stranger), and the newest of his leads."""

    phone: str
    contact: str = ""
    leads: tuple[int, ...] = ()


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
        whose = await self._addressee(report)
        if known.in_doubt and await self._is_there(report, whose):
            await self._made.done(_KIND, report.key, "-")
            return
        if not known.in_doubt:
            await self._made.begin(_KIND, report.key)
        told = call(report, phone=whose.phone, source=self._wishes.source, link=link)
        id_ = await self._filed(told)
        if id_ is None:
            id_ = await self._noted(told, whose.contact) if whose.contact else await self._stranger(report, link)
        await self._made.done(_KIND, report.key, id_)

    def _is_for_strangers(self, report: CallReport) -> bool:
        return self._wishes.unsorted is not None and report.number.startswith("+")

    def _better_later(self, report: CallReport, link: str) -> bool:
        """Whether a later report may bring the recording of what was said."""
        waits = self._wishes.recordings is not None and report.moment is CallMoment.ENDED
        return waits and report.answered_at is not None and not link

    async def _addressee(self, report: CallReport) -> _Addressee:
        """Who the customer is, and his number as it is typed with him, for which amoCRM looks.

        Of somebody who is gone the number is left: whoever he was merged into has it.
        """
        id_ = path_id(report.customer_id) if report.customer_id is not None else None
        path, params = f"/api/v4/contacts/{id_}", (("with", "leads"),)
        thing = await self._connection.read(path, params, urgent=False, may_be_gone=True) if id_ is not None else None
        found = contact(thing, region=self._region, fields={}) if isinstance(thing, dict) else None
        if found is None:
            return _Addressee(report.number)
        key = parse_number(report.number, region=self._region).key
        leads = tuple(sorted(found.leads, reverse=True)[:_LEADS_LOOKED_INTO])
        return _Addressee(found.spellings.get(key or "", report.number), found.customer.id, leads)

    async def _is_there(self, report: CallReport, whose: _Addressee) -> bool:
        """Whether an earlier attempt filed the call without hearing of it."""
        wanted = unique_of(report)
        calls = [("filter[note_type][]", "call_in"), ("filter[note_type][]", "call_out")]
        newest = [("order[id]", "desc"), ("limit", str(_LOOKED_THROUGH))]
        if whose.contact and wanted in await self._unique_ids(
            f"contacts/{whose.contact}/notes", calls + newest, "notes"
        ):
            return True
        if whose.leads:
            owners = [("filter[entity_id][]", str(lead)) for lead in whose.leads]
            return wanted in await self._unique_ids("leads/notes", owners + calls + newest, "notes")
        if report.customer_id is None and self._wishes.unsorted is not None:
            kind = [("filter[category][]", "sip"), ("filter[pipeline_id]", str(self._wishes.unsorted))]
            latest = [("order[created_at]", "desc"), ("limit", str(_LOOKED_THROUGH))]
            return wanted in await self._unique_ids("leads/unsorted", kind + latest, "unsorted")
        return False

    async def _unique_ids(self, path: str, params: list[tuple[str, str]], name: str) -> frozenset[str]:
        body = await self._connection.read(f"/api/v4/{path}", params, urgent=False)
        return unique_ids(listed(body, name)) if body is not None else frozenset()

    async def _filed(self, told: Json) -> str | None:
        """The id of the call with amoCRM; None when it finds nobody with the number."""
        status, body = await self._post("/api/v4/calls", told)
        if status >= 400 and not not_found(body):
            raise refusal(status, body)
        return filed_call(body)

    async def _noted(self, told: Json, contact_id: str) -> str:
        """The id of the note that the call becomes, with a contact whom amoCRM does not find by the number.

        Somebody has changed it during the call, or two numbers stand in one field.
        """
        status, body = await self._post(f"/api/v4/contacts/{contact_id}/notes", call_note(told))
        if status >= 400:
            raise refusal(status, body)
        return str(next((one.get("id") for one in listed(body, "notes")), None) or "-")

    async def _stranger(self, report: CallReport, link: str) -> str:
        """The id of the incoming lead, or `-` where none is wanted."""
        if report.customer_id is not None or self._wishes.unsorted is None or report.direction != "inbound":
            return "-"
        lead = incoming_lead(report, pipeline=self._wishes.unsorted, source=self._wishes.source, link=link)
        status, body = await self._post("/api/v4/leads/unsorted/sip", lead)
        if status >= 400:
            raise refusal(status, body)
        return str(next((one.get("uid") for one in listed(body, "unsorted")), None) or "-")

    async def _post(self, path: str, sent: object) -> tuple[int, Any]:
        """Send one thing. Only what it says is refused for good; where a right is missing, the call waits for it."""
        try:
            status, body = await self._connection.write("POST", path, [sent])
        except CrmRefuses as refusal:
            raise CrmUnavailable(str(refusal)) from None
        if status == 404:
            raise CrmUnavailable("amoCRM does not have this address (HTTP 404)")
        return status, body
