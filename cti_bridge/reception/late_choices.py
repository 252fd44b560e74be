"""Tells the CRM of calls that it was not told of, because somebody might still have said whose they were."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import structlog

from cti_bridge.calls.journal_choices import never_chosen
from cti_bridge.database import DatabaseUnusable
from cti_bridge.delivery.outbox_writer import CHOICE_S, OutboxWriter
from cti_bridge.domain.ids import CallId

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 60.0
LOOK_BACK_S = 7 * 86_400.0
"""A bridge that was off for longer does not tell of calls from before."""
_WITHIN_S = 10.0


class CallsFile(Protocol):
    """The journal, as far as it is needed here."""

    async def tell_of(
        self, find: Callable[[sqlite3.Connection], Sequence[CallId]], *, receiver: str, within_s: float
    ) -> int:
        """Make due what this receiver is to be told of these calls; how many they are. Raises DatabaseUnusable."""
        ...


class LateChoices:
    """Looks for calls of which one receiver, the CRM, is to be told now that nobody can choose a customer any more."""

    def __init__(
        self, journal: CallsFile, writer: OutboxWriter, sink: str, *, now: Callable[[], float] = time.time
    ) -> None:
        self._journal = journal
        self._writer = writer
        self._sink = sink
        self._now = now

    async def run(self) -> None:
        """Look once a minute, until cancelled."""
        while True:
            try:
                if number := await self.once():
                    log.info("reports.nobody_chose", sink=self._sink, calls=number)
            except DatabaseUnusable as error:
                log.warning("reports.trouble", sink=self._sink, reason=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def once(self) -> int:
        """One look; of how many calls it is told. Raises DatabaseUnusable."""
        now = self._now()
        find = partial(
            never_chosen,
            sink=self._sink,
            since=now - LOOK_BACK_S,
            until=now - CHOICE_S,
            begun_since=self._writer.begun_since(self._sink),
        )
        return await self._journal.tell_of(find, receiver=self._sink, within_s=_WITHIN_S)
