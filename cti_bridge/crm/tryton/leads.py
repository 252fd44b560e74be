"""Strangers who call, as leads without a party: what Tryton has for somebody of whom only the call is known."""

from collections.abc import Awaitable, Callable

from cti_bridge.crm.tryton import telling, words
from cti_bridge.crm.tryton.desk import Desk
from cti_bridge.crm.tryton.once import Once
from cti_bridge.crm.tryton.telling import Wording
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.number import CallerNumber, NumberKind, parse_number


class Leads:
    """The leads of strangers, one for each number while it is open.

    `region` reads national numbers; `who_has` gives the parties with a number.
    """

    def __init__(
        self, desk: Desk, once: Once, who_has: Callable[[CallerNumber], Awaitable[list[int]]], *, region: str
    ) -> None:
        self._desk = desk
        self._once = once
        self._who_has = who_has
        self._region = region

    async def place_of(self, report: CallReport, wording: Wording) -> str | None:
        """The record at which this call of a stranger belongs: his lead, made if it is his first call.

        Somebody who has become a party meanwhile is no stranger any more. None while it is not known which of several
        parties called, and where nobody can be called back: calls that operators make, hidden and internal numbers.
        Raises CrmRefuses, CrmUnavailable.
        """
        number = parse_number(report.number, region=self._region)
        if not telling.has_come_in(report) or number.kind is not NumberKind.EXTERNAL:
            return None
        parties = await self._who_has(number)
        if parties:
            return words.resource(parties[0]) if len(parties) == 1 else None
        key, description = f"lead:{number.key}", telling.lead_description(report, wording)
        known = await self._once.known(key)
        if known is None or not await self._is_open(int(known)):
            await self._once.forget(key)
        values = {"description": description}
        lead = await self._once.made(
            key,
            lambda: self._desk.create(words.OPPORTUNITY, values),
            lambda: self._desk.first(words.OPPORTUNITY, words.strangers_lead(description)),
        )
        return words.resource(lead, words.OPPORTUNITY)

    async def _is_open(self, lead: int) -> bool:
        return await self._desk.first(words.OPPORTUNITY, words.open_opportunity(lead)) is not None
