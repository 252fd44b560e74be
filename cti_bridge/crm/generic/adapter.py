"""The generic CRM behind the port: what is asked and told is in the settings, what came of it in the links."""

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from cti_bridge.crm.generic import placeholders
from cti_bridge.crm.generic.conversation import Conversation, is_empty
from cti_bridge.crm.generic.expressions import Expression, Unreadable
from cti_bridge.crm.generic.login import Login
from cti_bridge.crm.generic.plan import ListPlan, Plan, ReportPlan
from cti_bridge.crm.generic.requests import Request
from cti_bridge.crm.generic.templates import Unfit, Values
from cti_bridge.crm.generic.words import MOST_CUSTOMERS, MOST_DEALS, Item
from cti_bridge.crm.links import Links
from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.received import id_of
from cti_bridge.crm.web_client import Answer, WebClient, json_of
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import (
    CustomerChanges,
    CustomerRecord,
    Deal,
    FinishedCall,
    NewCustomer,
    Note,
    StageList,
)
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import CallerNumber, NumberKind

MOST_ASKED_FOR_DEALS = 10
"""Customers of one number whose deals are asked for one by one; more with one number are no people."""
_NOBODYS = CallerNumber(NumberKind.UNPARSED, "0")
"""Asked for to see whether the CRM answers, where the settings have no `check`."""

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
        self._links = links

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        """All customers with exactly this number, in the order of the answer."""
        key = number.key
        if key is None:
            return ()
        spelled = placeholders.spelled(key)
        asked = dict.fromkeys(spelled[one] for one in self._plan.find.spellings) or {key: None}
        try:
            answers = await _together(self._found({**spelled, "number": text}) for text in asked)
        except (Unfit, CrmRefuses) as error:
            if number.kind is NumberKind.UNPARSED:
                return ()  # whoever calls chose a text that the CRM cannot be asked for, or does not want to hear
            raise CrmUnavailable(f"{error}: it does not take the question") from error
        people: dict[str, Item] = {}
        for item in (item for answer in answers for item in answer):
            if self._words.has_number(item, number):
                people.setdefault(item.id(), item)
        return await self._with_deals(list(people.values()))

    async def stages(self) -> StageList:
        """The stages of the settings, or else the CRM's own. Raises CrmRefuses when there are none."""
        if self._stages is not None:
            return self._stages
        if self._plan.stage_list is None:
            raise CrmRefuses("neither stages nor stage_list is in the settings")
        return self._words.stages(await self._listed(self._plan.stage_list, {}, MOST_DEALS))

    async def notes(self, customer_id: CustomerId, *, limit: int) -> tuple[Note, ...]:
        """The latest notes on one customer, newest first."""
        if self._plan.notes is None or limit < 1:
            return ()
        values = {**placeholders.of_customer(customer_id), "limit": limit}
        items = await self._listed(self._plan.notes, values, MOST_DEALS)
        notes = [note for note in map(self._words.note, items) if note is not None]
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
        if (made := await self._remembered(link)) is not None:
            return CustomerId(made)
        answer = await self._told(plan.request, placeholders.of_new(new, key), urgent=True)
        found = None if answer is None else _id_in(answer, plan.id)
        if found is None:
            raise CrmRefuses("its answer to `create` has no id where `id` looks")
        await self._remember(link, found)
        return CustomerId(found)

    async def update(self, customer_id: CustomerId, changes: CustomerChanges) -> None:
        """Change what is known of a customer."""
        if self._plan.update is None:
            raise CrmRefuses("update is not in the settings")
        await self._told(self._plan.update, placeholders.of_changes(customer_id, changes), urgent=True)

    async def add_note(self, customer_id: CustomerId, note: Note, *, key: str) -> None:
        """Write down something about a customer, once for each `key` that the links remember."""
        if self._plan.add_note is None:
            raise CrmRefuses("add_note is not in the settings")
        link = f"generic:note:{key}"
        if await self._remembered(link) is None:
            await self._told(self._plan.add_note, placeholders.of_note(customer_id, note, key), urgent=False)
            await self._remember(link, "told")

    async def report(self, report: CallReport) -> None:
        """Tell it of a moment of a call, each once as far as the links remember."""
        plan = self._plan.report
        request = plan.moments.get(report.moment) if plan else None
        if plan is None or request is None:
            raise CrmRefuses(f"report has nothing for {report.moment} in the settings")
        if report.customer_id is None and not plan.strangers:
            return
        link = f"generic:report:{report.id}"
        if await self._remembered(link) is not None:
            return
        await self._tell(plan, request, report)
        await self._remember(link, "told")

    async def check(self) -> None:
        """Return when the CRM answers: to `check` where the settings have it, else to a question for nobody."""
        if self._plan.check is None:
            await self.find(_NOBODYS)
            return
        try:
            await self._crm.ask(self._plan.check, {})
        except CrmRefuses as error:
            raise CrmUnavailable(f"{error}: it does not take the question of `check`") from error

    async def lacking(self) -> dict[Capability, str]:
        """Of what is only read: what the CRM does not let us have, asked for a customer who is nobody."""
        await self.check()
        lacking: dict[Capability, str] = {}
        if self._plan.stage_list is not None:
            try:
                await self.stages()
            except CrmUnavailable as error:
                lacking[Capability.STAGES] = str(error)
        nobody = {**placeholders.of_customer(CustomerId("0")), "limit": 1}
        for capability, plan in {Capability.DEALS: self._plan.deals, Capability.NOTES: self._plan.notes}.items():
            try:
                with suppress(CrmRefuses):  # it understood the question, and there is no such customer
                    answer = None if plan is None else await self._crm.ask(plan.request, nobody)
                    if plan is not None and answer is not None and not is_empty(answer):
                        plan.reading.all(json_of(answer), 1)
            except CrmUnavailable as error:
                lacking[capability] = str(error)
        return lacking

    async def close(self) -> None:
        """Close the connections; the links belong to whoever opened them."""
        await self._crm.close()

    async def _found(self, values: Values) -> list[Item]:
        plan = self._plan.find
        answer = await self._crm.ask(plan.request, values)
        if answer is None or is_empty(answer):
            return []
        return plan.customers.all(json_of(answer), MOST_CUSTOMERS)

    async def _with_deals(self, people: list[Item]) -> tuple[CustomerRecord, ...]:
        customers = [self._words.customer(item) for item in people]
        if self._plan.deals is not None:
            asked = self._plan.deals
            found = await _together(
                self._listed(asked, placeholders.of_customer(customer.id), MOST_DEALS)
                for customer in customers[:MOST_ASKED_FOR_DEALS]
            )
        else:
            inside = self._plan.find.deals
            found = [inside.all(item.said, MOST_DEALS) if inside else [] for item in people]
        deals: list[tuple[Deal, ...]] = [tuple(map(self._words.deal, items)) for items in found]
        return tuple(map(CustomerRecord, customers[: len(deals)], deals))

    async def _listed(self, plan: ListPlan, values: Values, most: int) -> list[Item]:
        """The list in the answer to a request for reading. Raises CrmUnavailable, for whatever reason."""
        try:
            answer = await self._crm.ask(plan.request, values)
        except (CrmRefuses, Unfit) as error:
            raise CrmUnavailable(f"{error}: it does not take the question of `{plan.request.what}`") from error
        return [] if answer is None or is_empty(answer) else plan.reading.all(json_of(answer), most)

    async def _told(self, request: Request, values: Values, *, urgent: bool) -> Answer | None:
        try:
            return await self._crm.ask(request, values, urgent=urgent)
        except Unfit as error:
            raise CrmRefuses(f"`{request.what}` cannot be made: {error}") from error

    async def _tell(self, plan: ReportPlan, request: Request, report: CallReport) -> None:
        """One moment; before a later one the CRM is told of the call, if it has not given us its id yet."""
        link = f"generic:call:{report.key}"
        made = await self._remembered(link) if plan.id else None
        if plan.id is not None and made is None and (report.moment is plan.first or _names_call(request)):
            assert plan.first is not None, "an id belongs to a first moment"
            answer = await self._told(plan.moments[plan.first], plan.values_of(report, None), urgent=False)
            if answer is None:
                return  # its customer is gone, or the call is there already: nothing more can be told
            made = _id_in(answer, plan.id)
            if made is None:
                raise CrmRefuses(f"its answer to `{plan.moments[plan.first].what}` has no id where `id` looks")
            await self._remember(link, made)
            if report.moment is plan.first:
                return
        elif report.moment is plan.first and made is not None:
            return
        await self._told(request, plan.values_of(report, made), urgent=False)

    async def _remembered(self, link: str) -> str | None:
        try:
            return await self._links.get(link)
        except DatabaseUnusable as error:
            raise CrmUnavailable(str(error)) from error

    async def _remember(self, link: str, value: str) -> None:
        try:
            await self._links.put(link, value)
        except DatabaseUnusable as error:
            raise CrmUnavailable(str(error)) from error


def _names_call(request: Request) -> bool:
    return placeholders.CRM_CALL in request.names


def _id_in(answer: Answer, expression: Expression) -> str | None:
    try:
        return None if is_empty(answer) else id_of(expression.of(json_of(answer)))
    except Unreadable:
        return None


async def _together(asking: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All of them at the same time; whoever fails first, or is cancelled, ends them all."""
    tasks = [asyncio.ensure_future(one) for one in asking]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
