"""The generic CRM behind the port: what is asked and told is in the settings, what came of it in the links."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from cti_bridge.crm.generic import placeholders
from cti_bridge.crm.generic.conversation import Conversation
from cti_bridge.crm.generic.login import Login
from cti_bridge.crm.generic.plan import ListPlan, Plan
from cti_bridge.crm.generic.requests import Request
from cti_bridge.crm.generic.telling import Telling, id_in
from cti_bridge.crm.generic.templates import Unfit, Values
from cti_bridge.crm.generic.words import MOST_CUSTOMERS, MOST_DEALS, Found, Item
from cti_bridge.crm.links import Links
from cti_bridge.crm.memory import Memory
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.web_client import WebClient
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import (
    CustomerChanges,
    CustomerRecord,
    Deal,
    FinishedCall,
    NewCustomer,
    NewDeal,
    Note,
    StageList,
)
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber, NumberKind

MOST_ASKED_FOR_DEALS = 10
"""Customers of one number whose deals are asked for one by one; more with one number are no people."""
_NOBODYS = CallerNumber(NumberKind.EXTERNAL, "+74950000000", "+74950000000")
"""Could be anybody's number and is nobody's: asked for to see whether the CRM answers, without `check`."""

T = TypeVar("T")


class GenericCrm:
    """A CRM that `plan` describes; `stages` from the settings go before the CRM's own."""

    kind = "generic"

    def __init__(
        self, plan: Plan, client: WebClient, login: Login, links: Links, *, stages: StageList | None, within_s: float
    ) -> None:
        self.capabilities = plan.capabilities(stages_are_known=stages is not None)
        self._plan = plan
        self._words = plan.translation
        self._stages = stages
        self._crm = Conversation(plan, client, login, within_s=within_s)
        self._memory = Memory(links)
        self._telling = None if plan.report is None else Telling(plan.report, self._crm, self._memory)

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        """All customers with exactly this number, in the order of the answer.

        A text that is no number is asked for only where the answer tells who has it: `%` finds anybody in some CRMs.
        """
        key, plan = number.key, self._plan.find
        if key is None or (number.e164 is None and not plan.tells_numbers):
            return ()
        spelled = placeholders.spelled(key)
        asked = dict.fromkeys(spelled[one] for one in plan.spellings) or {key: None}

        def people(document: Any) -> list[Found]:
            return self._words.people(plan.customers.all(document, MOST_CUSTOMERS), number, plan.deals)

        try:
            answers = await _together(
                self._crm.read(plan.request, {**spelled, "number": text}, people) for text in asked
            )
        except (Unfit, CrmRefuses) as error:
            if number.kind is NumberKind.UNPARSED:
                return ()  # whoever calls chose a text that the CRM cannot be asked for, or does not want to hear
            raise CrmUnavailable(_not_taken(error, plan.request)) from error
        found: dict[CustomerId, Found] = {}
        for one in (one for answer in answers for one in answer or []):
            found.setdefault(one.customer.id, one)
        return await self._with_deals(list(found.values()))

    async def stages(self) -> StageList:
        """The stages of the settings, or else the CRM's own. Raises CrmRefuses when there are none."""
        if self._stages is not None:
            return self._stages
        if self._plan.stage_list is None:
            raise CrmRefuses("neither stages nor stage_list is in the settings")
        return self._words.stages(await self._listed(self._plan.stage_list, {}, MOST_DEALS, lambda item: item))

    async def notes(self, customer_id: CustomerId, *, limit: int) -> tuple[Note, ...]:
        """The latest notes on one customer, newest first."""
        if self._plan.notes is None or limit < 1:
            return ()
        values = {**placeholders.of_customer(customer_id), "limit": limit}
        read = await self._listed(self._plan.notes, values, MOST_DEALS, self._words.note)
        notes = [note for note in read if note is not None]
        return tuple(sorted(notes, key=lambda note: note.at, reverse=True)[:limit])

    async def calls(self, customer_id: CustomerId, *, limit: int) -> tuple[FinishedCall, ...]:
        """None: such a CRM shows calls in its own way."""
        return ()

    async def create(self, new: NewCustomer, *, key: str) -> CustomerId:
        """Somebody new, once for each `key` that the links remember."""
        plan = self._plan.create
        if plan is None:
            raise CrmRefuses("create is not in the settings")
        link = f"generic:customer:{key}"
        if (made := await self._memory.get(link)) is not None:
            return CustomerId(made)
        answer = await self._crm.tell(plan.request, placeholders.of_new(new, key), urgent=True)
        found = None if answer is None else await id_in(self._crm, answer, plan.id)
        if found is None:
            raise CrmRefuses("its answer to `create` has no id where `id` looks")
        await self._memory.put(link, found)
        return CustomerId(found)

    async def create_deal(self, customer_id: CustomerId, new: NewDeal, *, key: str) -> DealId:
        """Refused: the settings have no request for it."""
        raise CrmRefuses("no request in the settings makes deals")

    async def update(self, customer_id: CustomerId, changes: CustomerChanges) -> None:
        """Change what is known of a customer."""
        if self._plan.update is None:
            raise CrmRefuses("update is not in the settings")
        await self._crm.tell(self._plan.update, placeholders.of_changes(customer_id, changes), urgent=True)

    async def add_note(self, customer_id: CustomerId, note: Note, *, key: str) -> None:
        """Write down something about a customer, once for each `key` that the links remember."""
        if self._plan.add_note is None:
            raise CrmRefuses("add_note is not in the settings")
        link = f"generic:note:{key}"
        if await self._memory.get(link) is None:
            await self._crm.tell(self._plan.add_note, placeholders.of_note(customer_id, note, key), urgent=False)
            await self._memory.put(link, "told")

    async def report(self, report: CallReport) -> None:
        """Tell it of a moment of a call, each once as far as the links remember."""
        if self._telling is None:
            raise CrmRefuses("report is not in the settings")
        await self._telling.tell(report)

    async def check(self) -> None:
        """Return when the CRM answers: to `check` where the settings have it, else to a question for nobody."""
        if self._plan.check is None:
            await self.find(_NOBODYS)
            return
        try:
            await self._crm.ask(self._plan.check, {})
        except CrmRefuses as error:
            raise CrmUnavailable(_not_taken(error, self._plan.check)) from error

    async def close(self) -> None:
        """Close the connections; the links belong to whoever opened them."""
        await self._crm.close()

    async def _with_deals(self, people: list[Found]) -> tuple[CustomerRecord, ...]:
        asked = self._plan.deals
        if asked is None:
            return tuple(CustomerRecord(one.customer, one.deals) for one in people)
        people = people[:MOST_ASKED_FOR_DEALS]
        deals = await _together(self._deals_of(asked, one) for one in people)
        return tuple(CustomerRecord(one.customer, tuple(his)) for one, his in zip(people, deals, strict=True))

    async def _deals_of(self, plan: ListPlan, one: Found) -> list[Deal]:
        if placeholders.DEAL_IDS in plan.request.names and not one.deal_ids:
            return []
        values = {**placeholders.of_customer(one.customer.id), placeholders.DEAL_IDS: one.deal_ids}
        return await self._listed(plan, values, MOST_DEALS, self._words.deal)

    async def _listed(self, plan: ListPlan, values: Values, most: int, read: Callable[[Item], T]) -> list[T]:
        """The list in the answer to a request for reading. Raises CrmUnavailable, for whatever reason."""

        def items(document: Any) -> list[T]:
            return [read(item) for item in plan.reading.all(document, most)]

        try:
            return await self._crm.read(plan.request, values, items) or []
        except (CrmRefuses, Unfit) as error:
            raise CrmUnavailable(_not_taken(error, plan.request)) from error


def _not_taken(error: Exception, request: Request) -> str:
    hint = "; where that means that there is nobody or nothing, say nobody: [404]" if str(error) == "HTTP 404" else ""
    return f"{error}: it does not take the question of `{request.what}`{hint}"


async def _together(asking: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All of them at the same time; whoever fails first, or is cancelled, ends them all."""
    tasks = [asyncio.ensure_future(one) for one in asking]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
