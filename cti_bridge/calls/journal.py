"""The journal: every call with its decision, and every rule file that was ever in force, in one SQLite file.

Writing never holds up a call. What is to be written waits in memory, the latest state of each call once, and goes to
disk in groups; while the disk cannot be written it waits on, bounded, and the journal says so.
"""

import asyncio
import contextlib
import json
import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog
from sqlite_utils import Database

from cti_bridge.calls.journal_after import AFTER
from cti_bridge.calls.journal_choices import CHOICES
from cti_bridge.calls.journal_edits import EDITS
from cti_bridge.calls.journal_ended import as_they_ended
from cti_bridge.calls.journal_figures import DIRECTIONS, FIGURES, NAMES_ARE_FACTS
from cti_bridge.calls.journal_forgotten import FORGOTTEN, as_forgotten, take_out_beside
from cti_bridge.calls.journal_heard import HEARD, Heard, note_heard
from cti_bridge.calls.journal_legs import LEGS, write_legs
from cti_bridge.calls.journal_members import GIVEN_PENALTIES, OWN_PENALTIES
from cti_bridge.calls.journal_missed import PROMISES
from cti_bridge.calls.journal_outbox import OUTBOX
from cti_bridge.calls.journal_recordings import RECORDINGS, close_recordings, write_recordings
from cti_bridge.calls.journal_rows import record_of, row_of
from cti_bridge.calls.journal_rule_calls import RULE_CALLS
from cti_bridge.calls.journal_states import STATES
from cti_bridge.calls.journal_trust import TRUSTED_CLOCK
from cti_bridge.calls.journal_whole import whole
from cti_bridge.calls.record import CallRecord
from cti_bridge.calls.waiting import WaitingCalls
from cti_bridge.database import DatabaseThread, DatabaseUnusable
from cti_bridge.domain.ids import CallId

log = structlog.get_logger(__name__)
T = TypeVar("T")

MAX_WAITING = 50_000
"""Calls whose latest state may wait for the disk; about 100 MB in the worst case."""
GROUP = 500
GATHER_S = 0.1
"""Seconds between two groups: several changes of a call become one write, and several calls one transaction."""
BUSY_S = 0.5
"""Seconds to wait for another writer before the group waits in memory; at a start, callers wait for nothing longer."""
_RETRY_S = 1.0

# Calls have a rowid: without, SQLite keeps only a quarter of a page of such a wide row in its place and gives the rest
# a page of its own, and a call takes 4.9 kB instead of 2.3.
_MIGRATIONS = (
    """
    CREATE TABLE calls (
        id TEXT PRIMARY KEY,
        pbx TEXT NOT NULL,
        channel TEXT NOT NULL,
        linkedid TEXT NOT NULL,
        offered_at REAL NOT NULL,
        caller TEXT NOT NULL,
        caller_kind TEXT NOT NULL,
        caller_name TEXT NOT NULL,
        did TEXT NOT NULL,
        trunk TEXT NOT NULL,
        verified INTEGER NOT NULL,
        decision TEXT,
        operator TEXT,
        queue TEXT NOT NULL,
        rang TEXT NOT NULL,
        pop_ms REAL,
        answered_at REAL,
        ended_at REAL,
        outcome TEXT NOT NULL,
        recovered INTEGER NOT NULL
    );
    CREATE INDEX calls_by_time ON calls (offered_at);
    CREATE INDEX calls_by_caller ON calls (caller, offered_at);
    CREATE INDEX calls_open ON calls (offered_at) WHERE ended_at IS NULL;
    CREATE TABLE rule_files (
        hash TEXT PRIMARY KEY,
        text TEXT NOT NULL,
        accepted_at REAL NOT NULL
    ) WITHOUT ROWID;
    """,
    FIGURES,
    OUTBOX,
    LEGS,
    FORGOTTEN,
    NAMES_ARE_FACTS,
    TRUSTED_CLOCK,
    DIRECTIONS,
    RECORDINGS,
    HEARD,
    "ALTER TABLE calls ADD COLUMN final TEXT NOT NULL DEFAULT ''",
    RULE_CALLS,
    PROMISES,
    STATES,
    EDITS,
    AFTER,
    OWN_PENALTIES,
    CHOICES,
    GIVEN_PENALTIES,
)
SCHEMA_VERSION = len(_MIGRATIONS)


class Companion(Protocol):
    """What is written together with the states of calls, in the same transaction."""

    def add(
        self,
        connection: sqlite3.Connection,
        calls: Sequence[CallRecord],
        *,
        to_whom_knows: bool = False,
        only: str = "",
    ) -> None:
        """Write what belongs to these states; on the journal's thread, and nothing counts before it is committed.

        `to_whom_knows`: these calls were over long ago, and concern only who was told of them when they were not.
        `only`: the one receiver whom they concern, whether he was told of them or not.
        """

    def written(self) -> None:
        """A transaction is on disk; on the event loop."""


@dataclass(frozen=True, slots=True)
class AcceptedRules:
    """A rule file that was in force: its text, its SHA-256, and since when it was in force last (seconds)."""

    hash: str
    text: str
    accepted_at: float


class Journal:
    """The daemon's side of the journal. `on_state` hears up, at_risk (memory holds what the disk does not) and down."""

    def __init__(self, path: Path, *, on_state: Callable[[str, str], None], companion: Companion | None = None) -> None:
        self.written = 0
        self._refused = 0
        self._database = DatabaseThread(path, _MIGRATIONS, name="journal", busy_timeout_s=BUSY_S, secure_delete=True)
        self.heard: Callable[[], Heard | None] = lambda: None
        """Asked with every group: until when everything that the PBX told has been kept here."""
        self._on_state = on_state
        self._companion = companion
        self._waiting = WaitingCalls(MAX_WAITING)
        self._wake = asyncio.Event()
        self._state = ""

    @property
    def waiting(self) -> int:
        """How many calls have a state that is not on disk yet."""
        return len(self._waiting)

    @property
    def dropped(self) -> int:
        """How many states were lost: there was no room for them, or SQLite could not take them."""
        return self._refused + self._waiting.dropped

    async def open(self) -> None:
        """Open or create the file. Raises DatabaseUnusable, which is told as down as well."""
        try:
            await self._database.open()
        except DatabaseUnusable as error:
            self._tell("down", str(error))
            raise
        self._tell("up", "")

    def keep(self, record: CallRecord) -> None:
        """Have the latest state of a call written soon; never blocks. The oldest is dropped when memory is full."""
        self._waiting.put(record)
        self._wake.set()

    def waiting_from(self, caller: str) -> list[CallRecord]:
        """The latest states of calls with this number that may not be on disk yet, 1,000 at most, in any order."""
        return self._waiting.of_caller(caller)

    async def states_of(self, call: CallId, *, within_s: float) -> list[CallRecord]:
        """A call as it waits for the disk, and as it is there, where it is in both places. Raises DatabaseUnusable."""
        waiting = self._waiting.get(call)
        rows = await self._database.run(lambda database: _query(database, "id = ?", [call], limit=1), within_s=within_s)
        kept = await self._database.run(
            lambda database: whole(database.conn, [record_of(row) for row in rows]), within_s=within_s
        )
        return [*([waiting] if waiting is not None else ()), *kept]

    async def run(self) -> None:
        """Write what waits, in groups, until cancelled; a file that could not be opened is tried again."""
        while self._state == "down":
            await asyncio.sleep(_RETRY_S)
            with contextlib.suppress(DatabaseUnusable):
                await self.open()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                well = await self._write_group()
                await asyncio.sleep(GATHER_S if well else _RETRY_S)

    async def close(self, *, within_s: float) -> None:
        """Write what still waits, as far as the time allows, and close the file."""
        try:
            async with asyncio.timeout(within_s):
                while self._waiting and await self._write_group():
                    pass
        except TimeoutError:
            log.error("journal.unfinished", calls=len(self._waiting))
        await self._database.close()

    async def _write_group(self) -> bool:
        group = self._waiting.take(GROUP)
        # All that was heard is on disk with this group, unless there is more than it can take.
        heard = self.heard() if not self._waiting else None
        try:
            refused = await self._database.run(lambda database: _write(database, group, self._companion, heard))
        except BaseException as error:
            self._waiting.put_back()
            if not isinstance(error, DatabaseUnusable):
                raise
            self._tell("at_risk", f"{error}; {len(self._waiting)} calls wait in memory")
            return False
        self._waiting.written()
        for call_id in refused:
            log.error("journal.refused", call=call_id)
        self._refused += len(refused)
        self.written += len(group) - len(refused)
        self._tell("up", "")
        if self._companion is not None:
            self._companion.written()
        return True

    def _tell(self, state: str, reason: str) -> None:
        if state != self._state:
            if state != "up":
                log.error("journal.trouble", reason=reason)
            elif self._state:
                log.info("journal.well")
            self._state = state
            self._on_state(state, reason)

    async def open_calls(self, *, since: float) -> list[CallRecord]:
        """Calls that had not ended when they were last written, not older than `since`."""
        rows = await self._database.run(
            lambda database: _query(database, "ended_at IS NULL AND offered_at >= ?", [since], limit=20_000)
        )
        records = [record_of(row) for row in rows]
        return await self._database.run(lambda database: whole(database.conn, records))

    async def close_older(self, *, than: float) -> None:
        """End the calls that began before that and were never seen to end; when they did, nobody knows any more.

        Recordings of calls that are over are closed with them: nobody follows those from here on.
        Whoever was told that they began is told that they are over; nobody else hears of them.
        """
        while await self._database.run(lambda database: _close_older(database, than, self._companion)) == GROUP:
            pass
        if self._companion is not None:
            self._companion.written()

    async def calls_from(self, caller: str, *, limit: int, but: CallId, also: Sequence[str] = ()) -> list[CallRecord]:
        """The latest calls from and to this number and `also` these, newest first, without the one that is going on."""

        def work(database: Database) -> list[dict[str, Any]]:
            # Each by the index, and as many as are wanted: a house with one number may have called a thousand times.
            found = [_query(database, "caller = ? AND id <> ?", [one, but], limit=limit) for one in (caller, *also)]
            return sorted(chain.from_iterable(found), key=lambda row: -row["offered_at"])[:limit]

        return [record_of(row) for row in await self._database.run(work, within_s=2.0)]

    async def ask(self, work: Callable[[Database], T], *, within_s: float) -> T:
        """What `work` finds, or does in one short transaction, on the journal's thread. Raises DatabaseUnusable."""
        return await self._database.run(work, within_s=within_s)

    async def change_and_tell(
        self, call: CallId, change: Callable[[sqlite3.Connection], bool], *, within_s: float
    ) -> bool:
        """Change what lies beside a call and, where that says it did, have told of it who hears of calls.

        In one transaction: neither is on disk alone. Gives back what `change` says. Raises DatabaseUnusable.
        """
        changed = await self._database.run(
            lambda database: _change_and_tell(database, call, change, self._companion), within_s=within_s
        )
        if changed and self._companion is not None:
            self._companion.written()
        return changed

    async def tell_of(
        self, find: Callable[[sqlite3.Connection], Sequence[CallId]], *, receiver: str, within_s: float
    ) -> int:
        """Have one receiver told of the calls that `find` names, in one transaction; how many they are.

        Raises DatabaseUnusable.
        """
        number = await self._database.run(
            lambda database: _tell_of(database, find, receiver, self._companion), within_s=within_s
        )
        if number and self._companion is not None:
            self._companion.written()
        return number

    async def accept_rules(self, rules: AcceptedRules) -> None:
        """Keep a rule file that is in force from now on; one that was in force already has been since then."""
        await self._database.run(lambda database: _accept_rules(database, rules))

    async def last_accepted_rules(self) -> AcceptedRules | None:
        """The rule file that was in force last."""
        return await self._database.run(_last_accepted_rules)


def _accept_rules(database: Database, rules: AcceptedRules) -> None:
    last = _last_accepted_rules(database)
    if last is None or last.hash != rules.hash:
        # Those before came before, also when the clock was ahead then.
        not_before = math.nextafter(last.accepted_at, math.inf) if last else 0.0
        accepted = replace(rules, accepted_at=max(rules.accepted_at, not_before))
        database.table("rule_files").upsert(asdict(accepted), pk="hash")


def _last_accepted_rules(database: Database) -> AcceptedRules | None:
    rows = list(database.query("SELECT * FROM rule_files ORDER BY accepted_at DESC LIMIT 1"))
    return AcceptedRules(**rows[0]) if rows else None


def _write(
    database: Database, group: Sequence[CallRecord], companion: Companion | None, heard: Heard | None = None
) -> list[CallId]:
    """Write a group; one that SQLite cannot take does not keep the others from the disk. The refused ones come back."""
    try:
        with database.conn:
            database.conn.execute("BEGIN IMMEDIATE")  # before the question: nobody forgets a caller in between
            written, forgotten = as_forgotten(database.conn, as_they_ended(database.conn, group))
            if written:
                _upsert(database, [row_of(record) for record in written])
            write_legs(database.conn, written)
            write_recordings(database.conn, written)
            if forgotten:
                take_out_beside(database.conn, sorted(forgotten))
            if companion is not None:
                told = [record for record in written if record.id not in forgotten]
                companion.add(database.conn, whole(database.conn, told))
            if heard is not None:
                note_heard(database.conn, heard)
    except (UnicodeError, OverflowError, TypeError, ValueError, sqlite3.IntegrityError):
        if len(group) == 1:
            return [group[0].id]
        return [refused for record in group for refused in _write(database, [record], companion)]
    return []


def _upsert(database: Database, rows: Sequence[dict[str, Any]]) -> None:
    columns = list(rows[0])
    places = ", ".join("?" for _ in columns)
    # Not REPLACE, which removes the row first: what belongs to a call goes when its row is removed.
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns)
    database.conn.executemany(
        f"INSERT INTO calls ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - our column names
        f" ON CONFLICT (id) DO UPDATE SET {changes}",
        [tuple(row.values()) for row in rows],
    )


def _close_older(database: Database, than: float, companion: Companion | None) -> int:
    """Close a group of them; how many there were."""
    with database.conn:
        database.conn.execute("BEGIN IMMEDIATE")
        old = _query(database, "ended_at IS NULL AND offered_at < ?", [than], limit=GROUP)
        ids = json.dumps([row["id"] for row in old])
        database.conn.execute(
            "UPDATE calls SET ended_at = coalesce(answered_at, offered_at), recovered = 1,"
            " outcome = CASE WHEN answered_at IS NULL THEN 'abandoned' ELSE 'answered' END"
            " WHERE id IN (SELECT value FROM json_each(?))",
            [ids],
        )
        recorded = close_recordings(database.conn, limit=GROUP)
        ids = json.dumps([*(row["id"] for row in old), *recorded])
        closed = _query(database, "id IN (SELECT value FROM json_each(?))", [ids], limit=-1)
        written, forgotten = as_forgotten(database.conn, [record_of(row) for row in closed])
        if forgotten:
            _upsert(database, [row_of(record) for record in written if record.id in forgotten])
            take_out_beside(database.conn, sorted(forgotten))
        if companion is not None:
            told = [record for record in written if record.id not in forgotten]
            companion.add(database.conn, whole(database.conn, told), to_whom_knows=True)
    return max(len(old), len(recorded))


def _change_and_tell(
    database: Database, call: CallId, change: Callable[[sqlite3.Connection], bool], companion: Companion | None
) -> bool:
    with database.conn:
        database.conn.execute("BEGIN IMMEDIATE")
        changed = change(database.conn)
        if changed and companion is not None:
            records = [record_of(row) for row in _query(database, "id = ?", [call], limit=1)]
            written, forgotten = as_forgotten(database.conn, records)
            told = [record for record in written if record.id not in forgotten]
            companion.add(database.conn, whole(database.conn, told), to_whom_knows=True)
    return changed


def _tell_of(
    database: Database,
    find: Callable[[sqlite3.Connection], Sequence[CallId]],
    receiver: str,
    companion: Companion | None,
) -> int:
    with database.conn:
        database.conn.execute("BEGIN IMMEDIATE")
        ids = json.dumps(list(find(database.conn)))
        rows = _query(database, "id IN (SELECT value FROM json_each(?))", [ids], limit=-1)
        written, forgotten = as_forgotten(database.conn, [record_of(row) for row in rows])
        told = [record for record in written if record.id not in forgotten]
        if told and companion is not None:
            companion.add(database.conn, whole(database.conn, told), only=receiver)
    return len(told)


def _query(database: Database, where: str, values: Sequence[object], *, limit: int) -> list[dict[str, Any]]:
    query = f"SELECT * FROM calls WHERE {where} ORDER BY offered_at DESC LIMIT ?"  # noqa: S608 - constant conditions
    return list(database.query(query, [*values, limit]))
