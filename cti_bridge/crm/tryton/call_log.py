"""Writes calls down in Tryton, each once, at the party of the caller or at the lead of a stranger."""

from cti_bridge.crm.port import CrmRefuses
from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.crm.tryton import telling, words
from cti_bridge.crm.tryton.desk import Desk
from cti_bridge.crm.tryton.leads import Leads
from cti_bridge.crm.tryton.once import Once
from cti_bridge.crm.tryton.people import People
from cti_bridge.crm.tryton.telling import Wording
from cti_bridge.domain.call_report import CallReport


class CallLog:
    """The calls of one Tryton.

    `leads`: where calls of strangers go, None when they are not written down. `missed_notes`: a call in vain is also a
    note. `recordings` is where recordings can be listened to. Every method raises CrmRefuses and CrmUnavailable.
    """

    def __init__(
        self,
        desk: Desk,
        once: Once,
        people: People,
        leads: Leads | None,
        *,
        missed_notes: bool,
        recordings: RecordingLinks | None,
    ) -> None:
        self._desk = desk
        self._once = once
        self._people = people
        self._leads = leads
        self._missed_notes = missed_notes
        self._recordings = recordings

    async def tell(self, report: CallReport) -> None:
        """Write down how far the call is; an earlier moment that comes late changes nothing."""
        key, rank = f"call:{report.key}", telling.RANK[report.moment]
        told = await self._once.known(f"{key}/moment")
        if told is not None and int(told) > rank:
            return
        wording = await self._wording()
        attachment = await self._once.known(key)
        in_vain = self._missed_notes and telling.is_missed(report)
        place = await self._place(report, wording) if attachment is None or in_vain else None
        if attachment is not None:
            await self._rewrite(int(attachment), report, wording)
        elif place is not None:
            await self._attach(place, report, key, wording)
        else:
            return
        await self._once.remember(f"{key}/moment", str(rank))
        if place is not None and in_vain:
            await self.note(place, telling.missed_message(report, wording), f"{key}/missed")

    async def note(self, place: str, message: str, key: str) -> None:
        """Write a note at a record, once for each key."""
        values = {"resource": place, "message": message}
        there = [*words.at(place), ["message", "=", message]]
        await self._once.made(
            key, lambda: self._desk.create(words.NOTE, values), lambda: self._desk.first(words.NOTE, there)
        )

    async def _place(self, report: CallReport, wording: Wording) -> str | None:
        """The record at which the call belongs; None when there is none."""
        if report.customer_id is None:
            return await self._leads.place_of(report, wording) if self._leads is not None else None
        party = words.party_id(report.customer_id)
        present = await self._people.present(party) if party is not None else None
        return words.resource(present) if present is not None else None

    async def _attach(self, place: str, report: CallReport, key: str, wording: Wording) -> None:
        values = telling.new_attachment(report, place, wording)
        there = [*words.at(place), ["name", "=", values["name"]]]
        await self._once.made(
            key,
            lambda: self._desk.create(words.ATTACHMENT, values),
            lambda: self._desk.first(words.ATTACHMENT, there),
        )

    async def _rewrite(self, attachment: int, report: CallReport, wording: Wording) -> None:
        """Say how the call went on; what somebody has thrown away stays away."""
        try:
            await self._desk.write(words.ATTACHMENT, attachment, telling.told(report, wording))
        except CrmRefuses:
            if await self._desk.first(words.ATTACHMENT, [["id", "=", attachment]]) is not None:
                raise

    async def _wording(self) -> Wording:
        return Wording(await self._desk.language(), await self._desk.zone(), self._recordings)
