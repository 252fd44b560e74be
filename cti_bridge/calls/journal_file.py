"""The journal as the commands read it: another process may be writing it at the same time."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlite_utils import Database

from cti_bridge.calls.after_call import AfterCall
from cti_bridge.calls.journal import SCHEMA_VERSION, AcceptedRules
from cti_bridge.calls.journal_after import after_calls
from cti_bridge.calls.journal_decided import DecidedCall, Span, count_decided, decided_page
from cti_bridge.calls.journal_missed import MissedCaller, missed_callers
from cti_bridge.calls.journal_rows import record_of
from cti_bridge.calls.journal_rule_calls import RuleCalls, rule_calls
from cti_bridge.calls.journal_states import states_now, states_of
from cti_bridge.calls.journal_stats import Figures, figures
from cti_bridge.calls.journal_whole import whole
from cti_bridge.calls.journal_work import read_work
from cti_bridge.calls.record import CallRecord
from cti_bridge.calls.work import Work
from cti_bridge.database import DatabaseUnusable, read_only
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.state_period import StatePeriod

T = TypeVar("T")

PAGE = 500
"""Calls read at a time: nobody holds the file, or much memory, however long the list is."""
GOING_ON = "going-on"
"""How a call without an end is asked for, in place of an outcome."""
MISSED = "missed"
"""Asked for as an outcome, every call from outside that nobody answered, whatever ended it."""
_OF_LINE = """(did = :did OR EXISTS (
    SELECT 1 FROM json_each(CASE WHEN json_valid(decision) THEN decision END, '$.facts')
    WHERE key IN ('line.name', 'line.channel', 'line.city', 'line.direction') AND value = :line))"""
_OF_OPERATOR = "(c.operator = :operator OR EXISTS (SELECT 1 FROM json_each(c.rang) WHERE value = :operator))"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls; what is empty or None does not matter.

    They arrived at `since` or later and before `until` (seconds since 1970), from the number `caller` (as the journal
    has it; outbound ones went there), and the operator answered, made it, or his phone rang. `line` is a text of its
    description and a DID.
    """

    since: float | None = None
    until: float | None = None
    caller: str = ""
    operator: str = ""
    queue: str = ""
    class_name: str = ""
    outcome: str = ""
    direction: str = ""
    line: tuple[str, str] = ("", "")


class JournalFile:
    """The journal, read only. Raises DatabaseUnusable where there is none yet."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise DatabaseUnusable(f"{path}: there is no journal yet")
        self._path = path

    def calls(self, *, limit: int, wanted: Wanted | None = None) -> list[CallRecord]:
        """The latest calls, newest first. Raises DatabaseUnusable."""
        return list(self.walk(wanted or Wanted(), limit=limit))

    def walk(self, wanted: Wanted, *, limit: int | None = None, with_legs: bool = False) -> Iterator[CallRecord]:
        """The wanted calls one after another, newest first, read page by page. Raises DatabaseUnusable."""
        tables, conditions, values = _where(wanted)
        query = f"""
            SELECT c.* FROM {tables} WHERE {conditions}
            AND (f.offered_at, f.id) < (:last_at, :last_id)
            ORDER BY {"c" if wanted.caller else "f"}.offered_at DESC, {"c" if wanted.caller else "f"}.id DESC
            LIMIT :page
        """  # noqa: S608 - our own words; what was asked for goes by parameters
        last_at, last_id, left = float("inf"), "", limit
        while left is None or left > 0:
            page = min(PAGE, PAGE if left is None else left)
            asked = {**values, "last_at": last_at, "last_id": last_id, "page": page}
            records = self._ask(partial(_records, query=query, values=asked, with_legs=with_legs))
            yield from records
            if len(records) < page:
                return
            last_at, last_id = records[-1].offered_at, records[-1].id
            left = None if left is None else left - len(records)

    def call(self, call_id: str) -> CallRecord | None:
        """One call by its id, with its legs. Raises DatabaseUnusable."""
        query = "SELECT * FROM calls WHERE id = :id"
        return next(iter(self._ask(partial(_records, query=query, values={"id": call_id}, with_legs=True))), None)

    def after(self, call_id: str) -> list[AfterCall]:
        """What operators have written down about a call. Raises DatabaseUnusable."""
        return self._ask(lambda database: after_calls(database, call_id))

    def work(self, *, now: float) -> Work:
        """What is left to do at this time (seconds since 1970). Raises DatabaseUnusable."""
        return self._ask(lambda database: read_work(database, now=now))

    def rules(self, rules_hash: str) -> str | None:
        """The text of the rule file with this hash. Raises DatabaseUnusable."""
        rows = self._rows("SELECT text FROM rule_files WHERE hash = :hash", {"hash": rules_hash})
        return str(rows[0]["text"]) if rows else None

    def rule_files(self) -> list[AcceptedRules]:
        """Every rule file that was ever in force, the one that was accepted last first. Raises DatabaseUnusable."""
        return [AcceptedRules(**row) for row in self._rows("SELECT * FROM rule_files ORDER BY accepted_at DESC", {})]

    def rule_calls(self) -> RuleCalls:
        """How many calls each rule file has decided. Raises DatabaseUnusable."""
        return self._ask(rule_calls)

    def count_decided(self, span: Span) -> int:
        """How many calls `decided` has. Raises DatabaseUnusable."""
        return self._ask(lambda database: count_decided(database, span))

    def decided(self, span: Span, *, page: int) -> Iterator[list[DecidedCall]]:
        """The inbound calls of that time with their facts, newest first, so many at a time. Raises DatabaseUnusable."""
        last: DecidedCall | None = None
        while True:
            calls = self._ask(partial(decided_page, span=span, behind=last, page=page))
            if calls:
                yield calls
            if len(calls) < page:
                return
            last = calls[-1]

    def figures(self, *, since: float, until: float) -> Figures:
        """What there is to count of the calls that arrived in this time. Raises DatabaseUnusable."""
        return self._ask(lambda database: figures(database, since=since, until=until))

    def missed(self, *, since: float, limit: int, operator: OperatorId | None = None) -> list[MissedCaller]:
        """Who was not answered and not reached since, the latest first, as `missed_callers` has it.

        Raises DatabaseUnusable.
        """
        return self._ask(lambda database: missed_callers(database, since=since, limit=limit, operator=operator))

    def operator_states_now(self) -> list[StatePeriod]:
        """The state that each operator is in. Raises DatabaseUnusable."""
        return self._ask(states_now)

    def operator_states(self, operator: OperatorId, *, since: float) -> list[StatePeriod]:
        """His states that were not over before `since`, the latest first. Raises DatabaseUnusable."""
        return self._ask(lambda database: states_of(database, operator, since=since))

    def _rows(self, query: str, values: dict[str, object]) -> list[dict[str, Any]]:
        return self._ask(lambda database: list(database.query(query, values)))

    def _ask(self, work: Callable[[Database], T]) -> T:
        def current(database: Database) -> T:
            if int(database.conn.execute("PRAGMA user_version").fetchone()[0]) < SCHEMA_VERSION:
                raise DatabaseUnusable(f"{self._path}: of an older version; `cti-bridge run` brings it up to date")
            return work(database)

        return read_only(self._path, current)


class MissedCalls:
    """The missed calls for pages: read beside the writer and on a thread of its own, one question after another."""

    def __init__(self, path: Path, *, within_s: float = 3.0) -> None:
        self._path = path
        self._within_s = within_s
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="missed")

    async def __call__(self, since: float, limit: int, operator: OperatorId | None) -> list[MissedCaller]:
        """What `JournalFile.missed` says. Raises DatabaseUnusable, also when it takes too long."""

        def ask() -> list[MissedCaller]:
            return JournalFile(self._path).missed(since=since, limit=limit, operator=operator)

        try:
            async with asyncio.timeout(self._within_s):
                return await asyncio.get_running_loop().run_in_executor(self._worker, ask)
        except TimeoutError as error:
            raise DatabaseUnusable(f"{self._path.name}: no answer within {self._within_s:g} s") from error

    async def close(self) -> None:
        """Answer nobody any more; a question that is being asked comes to its end by itself."""
        self._worker.shutdown(wait=False, cancel_futures=True)


def _records(database: Database, *, query: str, values: dict[str, object], with_legs: bool) -> list[CallRecord]:
    records = [record_of(row) for row in database.query(query, values)]
    return whole(database.conn, records) if with_legs else records


def _where(wanted: Wanted) -> tuple[str, str, dict[str, object]]:
    """Tables in the order in which they are to be read, conditions, and their values."""
    by_time = "call_figures f CROSS JOIN calls c ON c.id = f.id"
    by_caller = "calls c CROSS JOIN call_figures f ON f.offered_at = c.offered_at AND f.id = c.id"
    outcomes = {"": "1 = 1", GOING_ON: "f.outcome = ''", MISSED: "f.missed"}
    conditions = [
        (True, outcomes.get(wanted.outcome, "f.outcome = :outcome")),
        (wanted.since is not None, "f.offered_at >= :since"),
        (wanted.until is not None, "f.offered_at < :until"),
        (wanted.caller, "c.caller = :caller"),
        (wanted.operator, _OF_OPERATOR),
        (wanted.queue, "f.queue = :queue"),
        (wanted.class_name, "f.class_name = :class_name"),
        (wanted.direction, "f.direction = :direction"),
        (any(wanted.line), _OF_LINE),
    ]
    values: dict[str, object] = {
        "since": wanted.since,
        "until": wanted.until,
        "caller": wanted.caller,
        "operator": wanted.operator,
        "queue": wanted.queue,
        "class_name": wanted.class_name,
        "outcome": wanted.outcome,
        "direction": wanted.direction,
        "line": wanted.line[0],
        "did": wanted.line[1],
    }
    return (
        by_caller if wanted.caller else by_time,
        " AND ".join(condition for asked, condition in conditions if asked),
        values,
    )
