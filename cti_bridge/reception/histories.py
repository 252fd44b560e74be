"""What the journal knows of a caller's number, for his decision: in time, or not at all."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from cti_bridge.calls.record import CallRecord
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.history import NO_HISTORY, CallerHistory
from cti_bridge.domain.ids import ChannelId
from cti_bridge.domain.number import CallerNumber

log = structlog.get_logger(__name__)

TOLD_EVERY_S = 60.0
"""Seconds from one line in the log about late answers to the next."""


class AsksJournal(Protocol):
    """Who reads the journal's file while a caller waits."""

    async def ask(
        self, caller: str, waiting: Sequence[CallRecord], *, at: float, but: ChannelId, within_s: float
    ) -> CallerHistory:
        """The history of a number. Raises DatabaseUnusable, also when it takes longer."""


class Histories:
    """Asks for the history of callers; `waiting_from` has those of a number's calls that are not on disk yet."""

    def __init__(
        self,
        journal: AsksJournal,
        waiting_from: Callable[[str], Sequence[CallRecord]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.late = 0
        """Callers whose history could not be had in time."""
        self._journal = journal
        self._waiting_from = waiting_from
        self._monotonic = monotonic
        self._told_at: float | None = None
        self._told_late = 0

    async def of(self, caller: CallerNumber, *, at: float, but: ChannelId, within_s: float) -> CallerHistory | None:
        """The history of this number at that time, without the call of this channel; None: it is unknown.

        Raises nothing and takes no longer than the limit.
        """
        key = caller.key
        if key is None:
            return NO_HISTORY
        try:
            return await self._journal.ask(key, self._waiting_from(key), at=at, but=but, within_s=within_s)
        except DatabaseUnusable as error:
            self._count(str(error))
        except Exception:
            log.exception("history.failed")
            self.late += 1
        return None

    def _count(self, reason: str) -> None:
        self.late += 1
        now = self._monotonic()
        if self._told_at is None or now - self._told_at >= TOLD_EVERY_S:
            log.warning("history.late", reason=reason, callers=self.late - self._told_late)
            self._told_at, self._told_late = now, self.late
