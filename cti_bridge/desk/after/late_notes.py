"""What operators wrote down about calls of which nobody knew whose they were, told to the CRM when that is known.

Somebody chooses among several customers, or makes one, after he was through with the call; or the CRM did not answer
while it went on, and is asked again as soon as it does.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import structlog

from cti_bridge.calls import journal_after
from cti_bridge.calls.after_call import AboutCall, AfterCall
from cti_bridge.calls.journal import Journal
from cti_bridge.crm.health import reason_of
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.after.after_ports import Parts
from cti_bridge.domain.ids import CallId
from cti_bridge.operators.command_list import CommandRefused

log = structlog.get_logger(__name__)

PATIENCE_S = 86_400.0
"""So long after it was written down is it found out whose it was: as long as calls are told to a CRM that is down."""
LOOK_EVERY_S = 60.0
MOST = 10_000
WITHIN_S = 5.0

Tell = Callable[[AfterCall, AboutCall], Awaitable[bool]]
"""Hands one on to the CRM; False where that is not possible."""
LookUp = Callable[[str], Awaitable[str]]
"""The one customer with a number, or an empty text. Raises CrmUnavailable."""


async def nobody_is_looked_up(number: str) -> str:
    """What happens where there is no CRM to ask."""
    return ""


class LateNotes:
    """Remembers of which calls there is something to be told. `run` has to run as long as it is used."""

    def __init__(self, journal: Journal, parts: Parts, tell: Tell, *, now: Callable[[], float] = time.time) -> None:
        self.look_up: LookUp = nobody_is_looked_up
        """Who is asked about a caller whom the CRM could not be asked about."""
        self._journal = journal
        self._parts = parts
        self._tell = tell
        self._now = now
        self._calls: dict[CallId, None] = {}
        self._wake = asyncio.Event()
        self._away = False
        """Whether the CRM has not answered in this round: then it is asked no more."""

    async def open(self) -> None:
        """Take up what an earlier run left. Raises DatabaseUnusable."""
        since = self._now() - PATIENCE_S
        for after in await self._journal.ask(
            lambda database: journal_after.untold(database, since=since, limit=MOST), within_s=WITHIN_S
        ):
            self.look_at(after.call)

    def look_at(self, call: CallId) -> None:
        """Something about this call was not told, or it is known now whose call it is."""
        if len(self._calls) < MOST:
            self._calls[call] = None
            self._wake.set()

    async def run(self) -> None:
        """Tell what can be told, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            await self.once()

    async def once(self) -> None:
        """One round; what cannot be told now is tried again in the next one."""
        self._wake.clear()
        calls, self._calls, self._away = self._calls, {}, False
        later: dict[CallId, None] = {}
        for call in calls:
            try:
                if not await self._is_settled(call):
                    later[call] = None
            except DatabaseUnusable as error:
                later[call] = None
                log.info("after.not_told", call=call, reason=str(error))
        self._calls = later | self._calls

    async def _is_settled(self, call: CallId) -> bool:
        """Tell what there is; False where the CRM cannot say now whose it is. Raises DatabaseUnusable."""
        for after in await self._journal.ask(
            lambda database: journal_after.untold(database, since=self._now() - PATIENCE_S, limit=MOST, call=call),
            within_s=WITHIN_S,
        ):
            try:
                about = await self._parts.about(after.operator, call)
            except CommandRefused:  # the journal has forgotten the call
                continue
            told = await self._tell(after, about)  # also to somebody new, whoever else has the number
            if not told and about.unasked and about.number and not about.customer_id:
                if self._away:
                    return False
                try:
                    about = replace(about, customer_id=await self.look_up(about.number))
                except (CrmUnavailable, TimeoutError):
                    self._away = True
                    return False
                except Exception as error:  # the message of one that nobody expected may name the customer
                    log.info("after.not_told", call=call, reason=reason_of(error))
                    return False
                told = bool(about.customer_id) and await self._tell(after, about)
            if told:
                await self._journal.ask(partial(journal_after.mark_told, after=after), within_s=WITHIN_S)
        return True
