"""The outbox: reports that wait for their receivers, in the file of the journal.

Of each call only the first waiting report of a receiver has a time at which it is due; the next one gets its own when
that one is delivered or given up. So a call's reports never overtake one another, and asking what is due costs the same
however many wait. Here is what couriers and the admin do with them; every function works within a transaction of its
caller's.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cti_bridge.delivery.reports import ReportType
from cti_bridge.domain.ids import CallId

WAITING, DEAD = "waiting", "dead"
GROUP = 500
"""Reports changed in one transaction, so that whoever else wants to write has a turn soon."""
SET_S = 60.0
"""A clock that is set back by no more than this was not wrong, only corrected."""
# The plus keeps SQLite from reading all that waits for the sink, where the call's few rows are meant.
_HEAD = """
UPDATE outbox SET due_at = CASE
    WHEN seq = (SELECT min(seq) FROM outbox WHERE call_id = :call AND sink = :sink AND +state = 'waiting')
    THEN coalesce(due_at, :now) END
WHERE call_id = :call AND sink = :sink AND +state = 'waiting'
"""
"""Makes the first waiting report of a call and receiver the one that is due, and only that one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One report that waits or was given up; times are seconds since 1970, `due_at` is None behind another one."""

    call_id: CallId
    sink: str
    seq: int
    type: ReportType
    state: str
    since: float
    attempts: int
    due_at: float | None
    reason: str
    """Why the latest attempt failed; empty before the first."""
    body: str

    @property
    def key(self) -> str:
        """What tells repetitions apart from other reports: the id of the event."""
        return f"{self.call_id}/{self.seq}"


@dataclass(frozen=True, slots=True)
class Totals:
    """How many reports wait for one receiver and were given up, and since when the oldest waits."""

    waiting: int = 0
    dead: int = 0
    oldest: float | None = None


# What couriers do -----------------------------------------------------------------------------------------------------


def next_due(connection: sqlite3.Connection, sink: str, *, limit: int) -> list[Entry]:
    """The reports that are or will be due for a receiver, the first due first, one of each call."""
    return _entries(connection, "sink = ? AND due_at IS NOT NULL ORDER BY due_at LIMIT ?", [sink, limit])


def delivered(connection: sqlite3.Connection, entry: Entry, *, now: float) -> None:
    """The receiver took it: it leaves the outbox, and the next one of the call is due."""
    connection.execute("DELETE FROM outbox WHERE call_id = ? AND sink = ? AND seq = ?", _place(entry))
    connection.execute(
        "UPDATE reported SET delivered_seq = max(delivered_seq, ?), delivered_at = ? WHERE call_id = ? AND sink = ?",
        [entry.seq, now, entry.call_id, entry.sink],
    )
    _put_in_order(connection, [(entry.call_id, entry.sink)], now)


def postponed(connection: sqlite3.Connection, entry: Entry, *, due_at: float, reason: str) -> None:
    """It is tried again at that time; the call's later ones wait behind it."""
    connection.execute(
        "UPDATE outbox SET attempts = attempts + 1, due_at = ?, reason = ?"
        " WHERE call_id = ? AND sink = ? AND seq = ? AND state = 'waiting'",
        [due_at, reason, *_place(entry)],
    )
    # While it was under way, an earlier one may have been retried by hand: that one goes first.
    _put_in_order(connection, [(entry.call_id, entry.sink)], due_at)


def given_up(connection: sqlite3.Connection, entry: Entry, *, reason: str, now: float) -> None:
    """It becomes a dead letter; the call's next one is due."""
    connection.execute(
        "UPDATE outbox SET state = 'dead', attempts = attempts + 1, due_at = NULL, reason = ?"
        " WHERE call_id = ? AND sink = ? AND seq = ?",
        [reason, *_place(entry)],
    )
    _put_in_order(connection, [(entry.call_id, entry.sink)], now)


def give_up_older(connection: sqlite3.Connection, sink: str, *, than: float, reason: str, now: float) -> int:
    """Make dead letters of what has waited since before that, `GROUP` at most; how many there were."""
    change = "UPDATE outbox SET state = 'dead', due_at = NULL, reason = ?"
    where = "outbox WHERE sink = ? AND state = 'waiting' AND since < ?"
    return _change(connection, change, [reason], where, [sink, than], now).changed


def redate(connection: sqlite3.Connection, sink: str, *, now: float, latest_due: float) -> None:
    """Give what waits for a receiver and has a date of the future today's: a clock was ahead when it was written.

    `latest_due` is the latest time at which anything can be due. Nothing is written where nothing is wrong.
    """
    ahead = "sink = ? AND state = 'waiting' AND since > ?"
    if connection.execute(f"SELECT 1 FROM outbox WHERE {ahead} LIMIT 1", [sink, now + SET_S]).fetchone():  # noqa: S608
        connection.execute(f"UPDATE outbox SET since = ? WHERE {ahead}", [now, sink, now + SET_S])  # noqa: S608
    late = "sink = ? AND due_at > ?"
    if connection.execute(f"SELECT 1 FROM outbox WHERE {late} LIMIT 1", [sink, latest_due]).fetchone():  # noqa: S608
        connection.execute(f"UPDATE outbox SET due_at = ? WHERE {late}", [now, sink, latest_due])  # noqa: S608


def totals(connection: sqlite3.Connection) -> dict[str, Totals]:
    """What lies in the outbox, by receiver."""
    found: dict[str, dict[str, tuple[int, float]]] = {}
    for sink, state, number, oldest in connection.execute(
        "SELECT sink, state, count(*), min(since) FROM outbox GROUP BY sink, state"
    ):
        found.setdefault(sink, {})[state] = (number, oldest)
    return {
        sink: Totals(
            waiting=states.get(WAITING, (0, 0.0))[0],
            dead=states.get(DEAD, (0, 0.0))[0],
            oldest=states[WAITING][1] if WAITING in states else None,
        )
        for sink, states in found.items()
    }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one receiver has been told of one call: reports made, waiting and given up, and when one was last taken.

    `taken` counts what left the outbox otherwise, so also what this receiver does not want to hear or was dropped.
    """

    sink: str
    reports: int
    waiting: int
    dead: int
    taken_at: float | None

    @property
    def taken(self) -> int:
        """How many are settled."""
        return self.reports - self.waiting - self.dead


def progress(connection: sqlite3.Connection, call: str) -> list[Progress]:
    """How far each receiver has been told of this call."""
    rows = connection.execute(
        "SELECT r.sink, r.seq, count(*) FILTER (WHERE o.state = 'waiting'), count(*) FILTER (WHERE o.state = 'dead'),"
        " r.delivered_at FROM reported r LEFT JOIN outbox o ON o.call_id = r.call_id AND o.sink = r.sink"
        " WHERE r.call_id = ? GROUP BY r.sink ORDER BY r.sink",
        [call],
    )
    return [Progress(*row) for row in rows]


# What the admin does --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """Which reports are meant; an empty word means any."""

    sink: str = ""
    state: str = ""
    call: str = ""


def entries(connection: sqlite3.Connection, choice: Choice, *, limit: int) -> list[Entry]:
    """The chosen reports, in order of their age."""
    where, values = _where(choice)
    return _entries(connection, f"{where} ORDER BY since, call_id, seq LIMIT ?", [*values, limit])


@dataclass(frozen=True, slots=True)
class Step:
    """What one transaction of a long change did: how many reports, and the last of them, after which to go on."""

    changed: int
    last: int


def last_one(connection: sqlite3.Connection) -> int:
    """The youngest report that there is: a long change goes up to it, so that it comes to an end."""
    return int(connection.execute("SELECT coalesce(max(rowid), 0) FROM outbox").fetchone()[0])


def retry(connection: sqlite3.Connection, choice: Choice, *, after: int, until: int, now: float) -> Step:
    """Have the chosen dead letters behind `after` wait again, with their full time from `now` on: `GROUP` at most."""
    where, values = _where(Choice(choice.sink, DEAD, choice.call))
    change = "UPDATE outbox SET state = 'waiting', since = ?, attempts = 0, due_at = NULL"
    return _change(connection, change, [now], _between(choice, where), [*values, after, until], now)


def drop(connection: sqlite3.Connection, choice: Choice, *, after: int, until: int, now: float) -> Step:
    """Remove the chosen reports behind `after` for good, `GROUP` at most."""
    where, values = _where(choice)
    return _change(connection, "DELETE FROM outbox", [], _between(choice, where), [*values, after, until], now)


# How it is done -------------------------------------------------------------------------------------------------------


def _between(choice: Choice, where: str) -> str:
    """A part of the table. Of all calls it is read in its own order: no index has that, and sorting is for few."""
    read_as = "outbox" if choice.call else "outbox NOT INDEXED"
    return f"{read_as} WHERE {where} AND rowid > ? AND rowid <= ? ORDER BY rowid"


def _where(choice: Choice) -> tuple[str, list[object]]:
    pairs = [("sink = ?", choice.sink), ("state = ?", choice.state), ("call_id = ?", choice.call)]
    chosen = [(condition, value) for condition, value in pairs if value]
    return " AND ".join(condition for condition, _ in chosen) or "1 = 1", [value for _, value in chosen]


def _change(
    connection: sqlite3.Connection,
    change: str,
    changed: Sequence[object],
    where: str,
    values: Sequence[object],
    now: float,
) -> Step:
    chosen = connection.execute(
        f"SELECT rowid, call_id, sink FROM {where} LIMIT ?",  # noqa: S608 - our own conditions
        [*values, GROUP],
    ).fetchall()
    connection.executemany(f"{change} WHERE rowid = ?", [[*changed, row[0]] for row in chosen])
    _put_in_order(connection, {(row[1], row[2]) for row in chosen}, now)
    return Step(len(chosen), chosen[-1][0] if chosen else 0)


def _put_in_order(connection: sqlite3.Connection, of: Iterable[tuple[str, str]], now: float) -> None:
    connection.executemany(_HEAD, [{"call": call, "sink": sink, "now": now} for call, sink in of])


def _entries(connection: sqlite3.Connection, where: str, values: Sequence[object]) -> list[Entry]:
    rows = connection.execute(
        "SELECT call_id, sink, seq, type, state, since, attempts, due_at, reason, body"  # noqa: S608 - our conditions
        f" FROM outbox WHERE {where}",
        values,
    )
    return [Entry(CallId(row[0]), row[1], row[2], ReportType(row[3]), *row[4:]) for row in rows]


def _place(entry: Entry) -> tuple[str, str, int]:
    return entry.call_id, entry.sink, entry.seq
