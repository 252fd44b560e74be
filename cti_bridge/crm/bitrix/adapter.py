"""Bitrix24 behind the port that every CRM has.

A look-up is one request where one contact has the number, or nobody, and two where it is somebody else or several.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cti_bridge.crm.bitrix.rest import PROBE, Declined, Rest
from cti_bridge.crm.bitrix.telling import CallTeller
from cti_bridge.crm.bitrix.words import changes, funnels, notes, search, writing
from cti_bridge.crm.bitrix.words.people import Fields
from cti_bridge.crm.bitrix.words.plain import DEAL, Command, Kind, customer_id, entries, owner_of
from cti_bridge.crm.links import Links
from cti_bridge.crm.memory import Memory
from cti_bridge.crm.mirror.source import MirrorPage
from cti_bridge.crm.port import MOMENTS, READS_AND_WRITES, WRITES, Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.spellings import spellings
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import (
    CustomerChanges,
    CustomerRecord,
    FinishedCall,
    NewCustomer,
    NewDeal,
    Note,
    StageList,
)
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber

FIND_WITHIN_S = 5.0
"""One request for somebody who waits; whoever asks has a shorter limit of his own."""
WITHIN_S = 10.0
_STAGES_KEPT_S = 300.0
_PROVEN_S = 15.0
_MOST_NOTES = 50
_CRM, _TELEPHONY = "crm", "telephony"

TELLS = frozenset({Capability.REPORT_STARTED, Capability.REPORT_ENDED, Capability.REPORT_STRANGERS})
"""What an application can do beyond a webhook; recordings as well where it is told where they are."""


class BitrixCrm:
    """A Bitrix24 portal. `teller` is None for a webhook, which cannot tell of calls.

    `kinds` are searched for callers; `stages` from the settings go before the portal's own. `clock` gives seconds
    since 1970.
    """

    kind = "bitrix24"

    def __init__(
        self,
        rest: Rest,
        links: Links,
        *,
        region: str,
        teller: CallTeller | None,
        capabilities: frozenset[Capability],
        kinds: Iterable[Kind] = tuple(Kind),
        fields: Fields = Fields(),
        stages: StageList | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.capabilities = capabilities
        self.unproven = WRITES
        self._rest = rest
        self._memory = Memory(links)
        self._region = region
        self._teller = teller
        self._kinds = tuple(kinds)
        self._fields = fields
        self._fixed = stages
        self._clock = clock
        self._stages: tuple[float, StageList] | None = None

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        """All contacts and companies with exactly this number, else the latest lead; deals of a lead there are none."""
        values, key = spellings(number, region=self._region), number.key
        if not values or key is None:
            return ()
        answers = await self._asked(search.who_has(values, self._kinds), then=search.the_likely_one(self._kinds))
        candidates = search.found(answers)
        if not candidates:
            return ()
        about = search.about_the_only_one(candidates, answers)
        if about is not None:
            known = search.records(about, key=key, region=self._region, fields=self._fields)
            if known or not candidates.has_leads:
                return known
        answers = await self._asked(search.about(candidates))
        return search.records(answers, key=key, region=self._region, fields=self._fields)

    async def stages(self) -> StageList:
        """The stages of the settings, or those of all funnels, kept for five minutes; callers are routed by them."""
        if self._fixed is not None:
            return self._fixed
        now = self._clock()
        if self._stages is None or now - self._stages[0] > _STAGES_KEPT_S:
            there = await self._asked({"funnels": funnels.funnels()})
            answers = await self._asked(funnels.stages_of(there["funnels"]))
            self._stages = (now, StageList(funnels.stages(answers)))
        return self._stages[1]

    async def notes(self, customer_id: CustomerId, *, limit: int) -> tuple[Note, ...]:
        """The latest comments in somebody's timeline, newest first."""
        owner = owner_of(customer_id)
        if owner is None:
            return ()
        try:
            answer = await self._rest.call(notes.notes_on(owner), within_s=WITHIN_S, urgent=False)
        except Declined:
            return ()  # somebody who is gone, or whom we may not see
        return tuple(notes.notes(answer))[: max(0, min(limit, _MOST_NOTES))]

    async def calls(self, customer_id: CustomerId, *, limit: int) -> tuple[FinishedCall, ...]:
        """Bitrix24 shows calls in its own way."""
        return ()

    async def create(self, new: NewCustomer, *, key: str) -> CustomerId:
        """A new contact; one that was made by the same key is found by it, in Bitrix24 itself."""
        made = writing.made_before(await self._read(writing.look_for(key)))
        if not made:
            made = writing.made(await self._written(writing.make(new, key=key, fields=self._fields)))
        if not made:
            raise CrmUnavailable("crm.item.add: it gave the contact no id")
        return customer_id(Kind.CONTACT, made)

    async def create_deal(self, customer_id: CustomerId, new: NewDeal, *, key: str) -> DealId:
        """A new deal of a contact or a company; one that was made by the same key is found by it, as a contact is."""
        owner = self._owner(customer_id)
        try:
            command = writing.make_deal(owner, new, key=key)
        except ValueError as error:
            raise CrmRefuses(str(error)) from None
        if new.stage and (await self.stages()).get(new.stage) is None:
            raise CrmRefuses("Bitrix24 has no such stage")
        made = writing.made_before(await self._read(writing.look_for(key, entity=DEAL)))
        if not made:
            await self._written(writing.get(owner))  # of somebody who is gone it would be made all the same
            made = writing.made(await self._written(command))
        if not made:
            raise CrmUnavailable("crm.item.add: it gave the deal no id")
        return DealId(str(made))

    async def update(self, customer_id: CustomerId, changes: CustomerChanges) -> None:
        """Change what is named. Raises CrmRefuses for somebody who is gone and for an e-mail that is there already."""
        owner = self._owner(customer_id)
        known: tuple[str, ...] = ()
        if changes.email is not None:
            known = tuple(writing.emails_of(await self._written(writing.get(owner))))
        try:
            command = writing.change(owner, changes, known_emails=known, fields=self._fields)
        except ValueError as error:
            raise CrmRefuses(str(error)) from None
        if command is not None:
            await self._written(command)

    async def add_note(self, customer_id: CustomerId, note: Note, *, key: str) -> None:
        """Put a comment into somebody's timeline, once: what may have got through is looked for first."""
        owner, text, link = self._owner(customer_id), notes.note_text(note), f"bitrix24/note/{key}"
        kept = await self._memory.get(link)
        if kept == "done":
            return
        if kept is None or text not in notes.texts(await self._written(notes.notes_on(owner))):
            await self._memory.put(link, "begun")
            await self._written(notes.add_note(owner, text))
        await self._memory.put(link, "done")

    async def report(self, report: CallReport) -> None:
        """Tell of a call. Raises CrmRefuses by a webhook, which may not, and for a moment that means nothing to it."""
        if self._teller is None:
            raise CrmRefuses("an incoming webhook cannot tell Bitrix24 of calls: that needs a local application")
        if MOMENTS[report.moment] not in self.capabilities:
            raise CrmRefuses(f"Bitrix24 has no place for {report.moment}")
        await self._teller.tell(report)

    async def check(self) -> None:
        """Return when the portal answers and lets us look into its people.

        Each request counts, so it is not asked while it answers callers anyway.
        """
        if self._rest.has_just_answered(_PROVEN_S):
            return
        if _CRM not in await self._granted():
            raise CrmUnavailable(f"it gives us no right to {_CRM}")

    async def lacking(self) -> Mapping[Capability, str]:
        """What does not work for want of rights: without the one for telephony no call can be told."""
        if self._teller is None or _TELEPHONY in await self._granted():
            return {}
        return dict.fromkeys(self.capabilities - READS_AND_WRITES, f"the application has no right to {_TELEPHONY}")

    @property
    def account(self) -> str:
        """The portal."""
        return self._rest.address

    async def changed_since(self, position: str) -> MirrorPage:
        """What changed among contacts, companies and deals, 50 of each; a deal is its contact's first of all."""
        try:
            at = changes.position_of(position, now=self._clock())
        except ValueError as error:
            raise CrmRefuses(str(error)) from None
        answers = await self._asked(changes.following(at), urgent=False)
        return changes.page(answers, at, region=self._region, fields=self._fields)

    async def customers_gone(self, ids: Sequence[CustomerId]) -> frozenset[CustomerId]:
        """Those whom the portal shows no more, deleted or out of our sight."""
        answers = await self._asked(changes.still_there(ids), urgent=False)
        return frozenset(ids) - changes.people_there(answers)

    async def deals_gone(self, ids: Sequence[DealId]) -> frozenset[DealId]:
        """Those that the portal shows no more."""
        if not ids:
            return frozenset()
        return frozenset(ids) - changes.deals_there(await self._read(changes.deals_still_there(ids)))

    async def close(self) -> None:
        """Let what is on its way arrive, and close the lines to the portal."""
        if self._teller is not None:
            await self._teller.close()
        await self._rest.close()

    async def _asked(
        self, commands: Mapping[str, Command], *, then: Mapping[str, Command] = {}, urgent: bool = True
    ) -> dict[str, Any]:
        try:
            return await self._rest.batch(commands, then=then, within_s=FIND_WITHIN_S, urgent=urgent)
        except Declined as declined:
            raise CrmUnavailable(str(declined)) from None

    async def _read(self, command: Command) -> Any:
        try:
            return await self._rest.call(command, within_s=WITHIN_S, urgent=False)
        except Declined as declined:
            raise CrmUnavailable(str(declined)) from None

    async def _written(self, command: Command) -> Any:
        try:
            return await self._rest.call(command, within_s=WITHIN_S, urgent=False)
        except Declined as declined:
            raise CrmRefuses(str(declined)) from None

    async def _granted(self) -> set[str]:
        return {one for one in entries(await self._read(Command(PROBE))) if isinstance(one, str)}

    @staticmethod
    def _owner(id_: CustomerId) -> tuple[Kind, int]:
        owner = owner_of(id_)
        if owner is None:
            raise CrmRefuses("nobody in Bitrix24 has such an id")
        return owner
