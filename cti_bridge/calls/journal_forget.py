"""Forgets a caller: the calls stay as numbers to count, what says who called goes, from the file's bytes as well.

Reports of these calls that no receiver has had yet are dropped: they would tell him. The calls are marked, so that the
daemon, which may still have them in memory, does not write them anew with their caller (`journal_forgotten`).

Another process may be writing the journal: everything is changed in short transactions. The program overwrites what it
deletes, so afterwards the text is usually gone; the file is searched for it all the same, and rewritten as a whole
(VACUUM, during which the daemon's rows wait in memory) if it is still somewhere.
"""

import json
import mmap
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cti_bridge.calls.journal import SCHEMA_VERSION
from cti_bridge.calls.journal_after import forget_steps, words_about
from cti_bridge.calls.journal_edits import calls_with_edits, take_out_edits
from cti_bridge.calls.journal_figures import facts_that_stay
from cti_bridge.calls.journal_forgotten import mark, take_out_beside
from cti_bridge.calls.journal_rows import read_decision
from cti_bridge.calls.journal_work import forget_callers
from cti_bridge.database import DatabaseUnusable

GROUP = 200
_BUSY_S = 5.0
_CHECKPOINTS = 50
_PAUSE_S = 0.1
_TELLING = ("customer.name", "customer.email", "call.caller", "call.name")
"""Facts whose texts are looked for in the file afterwards."""
_SHORTEST = 6
"""Bytes of a text worth searching the file for; a shorter one is found by chance."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was found and done."""

    calls: int
    """Calls that no longer say who called, or would not with `dry_run`."""
    going_on: int
    """Calls that are not over: they no longer say who called as soon as they are."""
    rewritten: bool = False
    """Whether the file had to be rewritten as a whole."""
    left: bool = False
    """Whether a text is still in the file all the same: something else is holding on to it."""


def forget(
    path: Path,
    *,
    caller: str = "",
    customer: str = "",
    dry_run: bool = False,
    elsewhere: Callable[[Sequence[str]], None] = lambda calls: None,
) -> Forgotten:
    """Forget all calls from a number (as the journal has it), or all that were decided for a customer of the CRM.

    `elsewhere` is called with the ids of calls before these are forgotten here: afterwards nobody could find them
    again. What it raises ends the forgetting. Raises DatabaseUnusable.
    """
    if not path.exists():
        raise DatabaseUnusable(f"{path}: there is no journal yet")
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA secure_delete = ON")
            if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
                raise DatabaseUnusable(f"{path}: written by another version of this program")
            found = _find(connection, caller, customer)
            return _count(found) if dry_run else _forget(connection, path, caller, customer, found, elsewhere)
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"{path}: {error}") from error


def without_caller(decision: dict[str, Any]) -> dict[str, Any]:
    """A decision that no longer says for whom it was: line and outcome of the rules stay, customer and facts go."""
    return {**decision, "facts": facts_that_stay(decision["facts"]), "customer_id": "", "crm_error": ""}


def _find(connection: sqlite3.Connection, caller: str, customer: str) -> list[sqlite3.Row]:
    known = "CASE WHEN json_valid(decision) THEN decision END"
    of_customer = f"json_extract({known}, '$.customer_id') = :value OR customer_id = :value"
    where, value = ("caller = :value", caller) if caller else (of_customer, customer)
    return connection.execute(
        f"SELECT id, ended_at FROM calls WHERE {where}",  # noqa: S608 - our own words
        {"value": value},
    ).fetchall()


def _count(found: Sequence[sqlite3.Row]) -> Forgotten:
    over = sum(row["ended_at"] is not None for row in found)
    return Forgotten(over, len(found) - over)


def _forget(
    connection: sqlite3.Connection,
    path: Path,
    caller: str,
    customer: str,
    found: Sequence[sqlite3.Row],
    elsewhere: Callable[[Sequence[str]], None],
) -> Forgotten:
    ids = [row["id"] for row in found if row["ended_at"] is not None]
    mark(connection, (row["id"] for row in found if row["ended_at"] is None))
    # Also without a call: an earlier run may have been kept from finishing.
    texts = {caller} if len(caller) >= _SHORTEST else set()
    for first in range(0, len(ids), GROUP):
        elsewhere(ids[first : first + GROUP])
        texts |= _forget_group(connection, ids[first : first + GROUP])
        time.sleep(_PAUSE_S / 10)  # whoever else wants to write has a turn
    texts |= _take_out_what_was_edited(connection, caller, customer, but={row["id"] for row in found} - set(ids))
    rewritten = False
    _into_one_file(connection)
    still = _still_there(connection, path, texts)
    if still:
        connection.execute("VACUUM")
        _into_one_file(connection)
        rewritten = True
        still = _still_there(connection, path, still)
    return replace(_count(found), rewritten=rewritten, left=bool(still))


def _take_out_what_was_edited(connection: sqlite3.Connection, caller: str, customer: str, *, but: set[str]) -> set[str]:
    """Take out what operators wrote down of him in calls that are no longer his, or gone; gives back the texts."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        calls = set(calls_with_edits(connection, number=caller, customer=customer)) - but
        texts = take_out_edits(connection, sorted(calls)) | forget_steps(connection, number=caller, customer=customer)
        forget_callers(connection, [caller])
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return _long_enough(texts)


def _long_enough(texts: Iterable[str]) -> set[str]:
    return {text for text in texts if len(text.encode("utf-8", "surrogatepass")) >= _SHORTEST}


def _forget_group(connection: sqlite3.Connection, ids: Sequence[str]) -> set[str]:
    """Forget these calls in one transaction; gives back the texts that must not be found any more."""
    texts: set[str] = set()
    connection.execute("BEGIN IMMEDIATE")
    try:
        for call_id in ids:
            row = connection.execute(
                "SELECT caller, caller_name, decision FROM calls WHERE id = ?", [call_id]
            ).fetchone()
            if row is None:
                continue
            texts |= {row["caller"], row["caller_name"]} | words_about(connection, call_id)
            forget_callers(connection, [row["caller"]])
            recorded = connection.execute("SELECT file FROM recordings WHERE call_id = ?", [call_id])
            texts |= {file or "" for (file,) in recorded}
            known = read_decision(row["decision"])
            if known:
                texts |= {str(known["facts"].get(name) or "") for name in _TELLING}
            decision = json.dumps(without_caller(known), ensure_ascii=False) if known else None
            connection.execute(
                "UPDATE calls SET caller = '', caller_name = '', customer_id = '', decision = ? WHERE id = ?",
                [decision, call_id],
            )
        texts |= take_out_edits(connection, ids)
        mark(connection, ids)
        take_out_beside(connection, ids)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return _long_enough(texts)


def _into_one_file(connection: sqlite3.Connection) -> None:
    """Bring everything from the write-ahead log into the file and empty the log, as soon as nobody reads from it."""
    for _ in range(_CHECKPOINTS):
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if not busy:
            return
        time.sleep(_PAUSE_S)
    raise DatabaseUnusable("forgotten, but still in the write-ahead log, because somebody reads the journal: ask again")


def _still_there(connection: sqlite3.Connection, path: Path, texts: Iterable[str]) -> set[str]:
    """Which of the texts are in the file although no call has them any more."""
    found = {text for text in texts if _in_file(path, text)}
    return {text for text in found if not _in_use(connection, text)}


def _in_file(path: Path, text: str) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(said.encode("utf-8", "surrogatepass")) >= 0 for said in {text, _in_json(text)})


def _in_json(text: str) -> str:
    """The text as it stands in a decision or a report: a firm's name often has quotes."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _in_use(connection: sqlite3.Connection, text: str) -> bool:
    """Whether another call rightly has this text, or a report of it: a namesake, or a number that was dialled."""
    query = (
        "SELECT 1 FROM calls WHERE caller = :t OR caller_name = :t OR did = :t OR instr(decision, :json)"
        " UNION ALL SELECT 1 FROM recordings WHERE instr(file, :t)"
        " UNION ALL SELECT 1 FROM legs WHERE instr(interface, :t)"
        " UNION ALL SELECT 1 FROM outbox WHERE instr(body, :json)"
        " UNION ALL SELECT 1 FROM crm_edits WHERE number = :t OR name = :t OR instr(content || seen || theirs, :json)"
        " UNION ALL SELECT 1 FROM after_calls WHERE instr(note, :t) OR instr(feedback, :t)"
        " UNION ALL SELECT 1 FROM next_steps WHERE number = :t OR instr(name, :t) OR instr(text, :t) LIMIT 1"
    )
    return connection.execute(query, {"t": text, "json": _in_json(text)}).fetchone() is not None
