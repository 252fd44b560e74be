"""Calls told to the generic CRM, moment by moment: each once as far as the links remember, all of a call as one."""

from dataclasses import replace

from cti_bridge.crm.generic import placeholders
from cti_bridge.crm.generic.conversation import Conversation, is_empty
from cti_bridge.crm.generic.expressions import Expression, Unreadable
from cti_bridge.crm.generic.plan import ReportPlan
from cti_bridge.crm.generic.requests import Request
from cti_bridge.crm.memory import Memory
from cti_bridge.crm.port import CrmRefuses
from cti_bridge.crm.received import id_of
from cti_bridge.crm.web_client import Answer
from cti_bridge.domain.call_report import CallMoment, CallReport


class Telling:
    """Tells one CRM of calls as `plan` says."""

    def __init__(self, plan: ReportPlan, crm: Conversation, memory: Memory) -> None:
        self._plan = plan
        self._crm = crm
        self._memory = memory

    async def tell(self, report: CallReport) -> None:
        """One moment of a call, unless it was told before. Raises CrmRefuses, CrmUnavailable."""
        request = self._plan.moments.get(report.moment)
        if request is None:
            raise CrmRefuses(f"report has nothing for {report.moment} in the settings")
        if report.customer_id is None and not self._plan.strangers:
            return
        link = f"generic:report:{report.id}"
        if await self._memory.get(link) is None:
            await self._tell(request, report)
            await self._memory.put(link, "told")

    async def _tell(self, request: Request, report: CallReport) -> None:
        if self._plan.id is None:
            await self._crm.tell(request, self._plan.values_of(report, None), urgent=False)
            return
        is_first = report.moment is self._plan.first
        made = await self._memory.get(f"generic:call:{report.key}")
        if made is None and (is_first or placeholders.CRM_CALL in request.names):
            made = await self._make(report if is_first else _as_it_began(report, self._plan.first), self._plan.id)
            if made is None:
                return  # its customer is gone, or the call is there already: nothing more can be told
        if not is_first:
            await self._crm.tell(request, self._plan.values_of(report, made), urgent=False)

    async def _make(self, report: CallReport, id_: Expression) -> str | None:
        """The CRM's id of a call that it is told of for the first time; None when it wants to hear nothing of it."""
        request = self._plan.moments[report.moment]
        answer = await self._crm.tell(request, self._plan.values_of(report, None), urgent=False)
        if answer is None:
            return None
        made = await id_in(self._crm, answer, id_)
        if made is None:
            raise CrmRefuses(f"its answer to `{request.what}` has no id where `id` looks")
        await self._memory.put(f"generic:call:{report.key}", made)
        return made


async def id_in(crm: Conversation, answer: Answer, expression: Expression) -> str | None:
    """The id that an answer gives; None when there is none."""

    def found(document: object) -> str | None:
        try:
            return id_of(expression.of(document))
        except Unreadable:
            return None

    return None if is_empty(answer) else await crm.understood(answer, found)


def _as_it_began(report: CallReport, first: CallMoment | None) -> CallReport:
    """The first moment, made up from a later one, under a key of its own: that of the later one is still to come.

    `started` is always the first report of a call; the number of a missing `ended` is not known, and 0 is nobody's.
    """
    assert first is not None, "an id belongs to a first moment"
    if first is not CallMoment.STARTED:
        return replace(report, id=f"{report.key}/0", moment=first, recordings=())
    user = report.user if report.direction == "outbound" else ""
    began = replace(report, id=f"{report.key}/1", moment=first, user=user, outcome="", recordings=())
    return replace(began, answered_at=None, ended_at=None)
