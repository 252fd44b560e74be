"""How long the journal remembers: after a while the facts of a decision go, after a longer while the whole call.

What goes is counted first, by day, class, queue, line and outcome, in the same transaction; so a run that is broken off
anywhere, or repeated, changes nothing twice. A call that a receiver is still to be told of stays.

A machine's clock can be wrong by years, and deleting cannot be undone. So age is not measured by that clock alone but
by a time that is trusted (`journal_trust`). The first round is an hour after the start, so that starting again and
again does not add up to much.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog
from sqlite_utils import Database

from cti_bridge.calls.journal_after import remove_steps, remove_words
from cti_bridge.calls.journal_edits import remove_edits
from cti_bridge.calls.journal_figures import facts_that_stay
from cti_bridge.calls.journal_rows import read_decision
from cti_bridge.calls.journal_states import remove_states
from cti_bridge.calls.journal_trust import DAY_S, LEAP_S, advance
from cti_bridge.database import DatabaseUnusable

log = structlog.get_logger(__name__)
T = TypeVar("T")

EVERY_S = 3600.0
GROUP = 200
"""Calls in one transaction: some milliseconds, so that whatever is to be written in between hardly waits."""
PAUSE_S = 0.2
MOST_IN_A_RUN = 100_000


@dataclass(frozen=True, slots=True)
class Keep:
    """How long facts and calls are kept, in seconds; None is for ever."""

    facts_s: float | None
    calls_s: float | None


class JournalFileThread(Protocol):
    """Who has the journal open."""

    def ask(self, work: Callable[[Database], T], *, within_s: float) -> Awaitable[T]:
        """Do this on the journal's thread. Raises DatabaseUnusable."""


class Retention:
    """Removes what is too old, a little at a time."""

    def __init__(
        self,
        journal: JournalFileThread,
        keep: Keep,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        every_s: float = EVERY_S,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._journal = journal
        self._keep = keep
        self._now = now
        self._monotonic = monotonic
        self._every_s = every_s
        self._pause_s = pause_s
        self._last: float | None = None

    async def run(self) -> None:
        """Look every hour, until cancelled; a journal that cannot be had then is asked again an hour later."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.once()
            except DatabaseUnusable as error:
                log.warning("journal.not_cleaned", reason=str(error))

    async def once(self) -> tuple[int, int]:
        """One round; gives back of how many calls the facts went, and how many calls. Raises DatabaseUnusable."""
        now, at = self._now(), self._monotonic()
        passed_s = None if self._last is None else at - self._last
        trusted = await self._journal.ask(lambda database: advance(database, now, passed_s), within_s=10.0)
        self._last = at
        if now - trusted > LEAP_S:
            log.warning("journal.clock_doubted", days_ahead=round((now - trusted) / DAY_S))
        age_from = min(now, trusted)
        await self._removed(remove_states, age_from, self._keep.calls_s, MOST_IN_A_RUN)
        calls = await self._removed(remove_calls, age_from, self._keep.calls_s, MOST_IN_A_RUN)
        facts = await self._removed(remove_facts, age_from, self._keep.facts_s, MOST_IN_A_RUN - calls)
        await self._removed(remove_steps, age_from, self._keep.calls_s, MOST_IN_A_RUN)
        await self._removed(remove_edits, age_from, self._keep.facts_s, MOST_IN_A_RUN)
        await self._removed(remove_words, age_from, self._keep.facts_s, MOST_IN_A_RUN)
        if facts or calls:
            log.info("journal.cleaned", facts=facts, calls=calls)
        return facts, calls

    async def _removed(
        self, remove: Callable[[Database, float], int], age_from: float, keep_s: float | None, most: int
    ) -> int:
        done = 0
        while keep_s is not None and done < most:
            before = age_from - keep_s
            removed = await self._journal.ask(lambda database: remove(database, before), within_s=10.0)  # noqa: B023
            done += removed
            if removed < GROUP:
                break
            await asyncio.sleep(self._pause_s)
        return done


_WITHOUT_NAME = """
    UPDATE outbox SET body = json_replace(body, '$.data.caller.name', '')
    WHERE call_id = ? AND CASE WHEN json_valid(body) THEN json_extract(body, '$.data.caller.name') <> '' END
"""
"""Of what a receiver never took, which lies there as long as the call: the name that the network sent."""


def remove_facts(database: Database, before: float) -> int:
    """Take the facts from a group of ended calls that arrived before then; what is no secret of the caller stays."""
    with database.conn:
        rows = database.conn.execute(
            "SELECT c.id, c.decision FROM call_figures f CROSS JOIN calls c ON c.id = f.id"
            " WHERE f.has_facts AND f.offered_at < ? AND f.outcome <> '' ORDER BY f.offered_at LIMIT ?",
            [before, GROUP],
        ).fetchall()
        database.conn.executemany(
            "UPDATE calls SET decision = ?, caller_name = '' WHERE id = ?",
            [(_without_facts(decision), call_id) for call_id, decision in rows],
        )
        database.conn.executemany(_WITHOUT_NAME, [(call_id,) for call_id, _ in rows])
    return len(rows)


def _without_facts(decision: str | None) -> str | None:
    """What stays of a decision; nothing of one that cannot be read, because nobody knows what is in it."""
    known = read_decision(decision)
    return json.dumps({**known, "facts": facts_that_stay(known["facts"])}, ensure_ascii=False) if known else None


def remove_calls(database: Database, before: float) -> int:
    """Count and remove a group of ended calls that arrived before then, the oldest first."""
    with database.conn:
        rows = database.conn.execute(
            "SELECT id, date(offered_at, 'unixepoch'), class_name, queue, line, outcome, external, direction FROM"
            " call_figures"
            " WHERE offered_at < ? AND outcome <> ''"
            " AND NOT EXISTS (SELECT 1 FROM outbox WHERE call_id = id AND state = 'waiting')"
            " ORDER BY offered_at LIMIT ?",
            [before, GROUP],
        ).fetchall()
        database.conn.executemany(
            "INSERT INTO call_totals VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT"
            " (day, class_name, queue, line, outcome, external, direction) DO UPDATE SET calls = calls + 1",
            [row[1:] for row in rows],
        )
        database.conn.executemany("DELETE FROM calls WHERE id = ?", [row[:1] for row in rows])
    return len(rows)
