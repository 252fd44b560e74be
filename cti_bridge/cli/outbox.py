"""`cti-bridge outbox list | retry | drop`: reports that wait for their receivers, and those that were given up."""

import argparse
import json
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database

from cti_bridge.calls.journal import SCHEMA_VERSION
from cti_bridge.cli.terminal import printable
from cti_bridge.database import DatabaseUnusable, read_only
from cti_bridge.delivery import outbox
from cti_bridge.delivery.outbox import DEAD, WAITING, Choice, Entry, Step
from cti_bridge.settings import DEFAULT_PATH, SettingsError, load_settings

_MOST_LISTED = 1_000_000
_BUSY_S = 5.0
"""How long a change waits for the daemon, which holds the file for moments only."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `outbox` and what belongs to it to the command line."""
    group = commands.add_parser("outbox", help="reports of calls that wait for their receivers, or were given up")
    actions = group.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what waits and what was given up, the oldest first")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (50)")
    again = actions.add_parser("retry", help="deliver dead letters after all")
    gone = actions.add_parser("drop", help="remove reports for good; at least one of the filters must be given")
    for action, work in ((listing, _list), (again, _retry), (gone, _drop)):
        action.add_argument("--sink", metavar="NAME", default="", help="only those for this receiver")
        action.add_argument("--call", metavar="ID", default="", help="only those of this call")
        if action is not again:
            action.add_argument("--state", choices=(WAITING, DEAD), default="", help="only those in this state")
        action.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
        action.add_argument("--json", action="store_true", help="JSON on stdout, nothing else")
        action.set_defaults(func=_guarded(work), state="")


def _guarded(work: Callable[[argparse.Namespace, Path], int]) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        try:
            path = load_settings(arguments.config).data_dir / "calls.sqlite"
            if not path.exists():
                raise DatabaseUnusable(f"{path}: there is no journal yet")
            return work(arguments, path)
        except SettingsError as error:
            problems = error.problems
        except DatabaseUnusable as error:
            problems = (str(error),)
        for problem in problems:
            print(f"cti-bridge: {printable(problem)}", file=sys.stderr)
        return 2

    return run


def _list(arguments: argparse.Namespace, path: Path) -> int:
    choice, limit = _choice(arguments), min(max(1, arguments.limit), _MOST_LISTED)

    def entries(database: Database) -> list[Entry]:
        _check_version(database.conn, path)
        return outbox.entries(database.conn, choice, limit=limit)

    found = read_only(path, entries)
    for entry in found:
        print(json.dumps(_json(entry)) if arguments.json else printable(_row(entry)))
    return 0 if found else 1


def _retry(arguments: argparse.Namespace, path: Path) -> int:
    return _done(arguments, _change(path, outbox.retry, _choice(arguments)), "retried", "wait again")


def _drop(arguments: argparse.Namespace, path: Path) -> int:
    choice = _choice(arguments)
    if choice == Choice():
        print("cti-bridge: say which: --sink, --call or --state", file=sys.stderr)
        return 2
    return _done(arguments, _change(path, outbox.drop, choice), "dropped", "removed")


def _change(path: Path, work: Callable[..., Step], choice: Choice) -> int:
    """Do it group by group, each a transaction, beside the daemon, which looks into the outbox every second.

    Each report that is there at the beginning has one turn, whatever date it has and whatever becomes of it meanwhile.
    """
    number = after = 0
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_S)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            _check_version(connection, path)
            until = outbox.last_one(connection)
            while True:
                with connection:
                    connection.execute("BEGIN IMMEDIATE")
                    step = work(connection, choice, after=after, until=until, now=time.time())
                number, after = number + step.changed, step.last
                if step.changed < outbox.GROUP:
                    return number
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"{path}: {error}") from error


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
        raise DatabaseUnusable(f"{path}: of another version; `cti-bridge run` brings an older one up to date")


def _done(arguments: argparse.Namespace, number: int, key: str, words: str) -> int:
    print(json.dumps({key: number}) if arguments.json else f"{number} {words}")
    return 0 if number else 1


def _choice(arguments: argparse.Namespace) -> Choice:
    return Choice(arguments.sink, arguments.state, arguments.call)


def _json(entry: Entry) -> dict[str, object]:
    """All but what is said of the call."""
    return {
        "id": entry.key,
        "call": entry.call_id,
        "sink": entry.sink,
        "type": entry.type.value,
        "state": entry.state,
        "since": _time(entry.since),
        "attempts": entry.attempts,
        "due_at": _time(entry.due_at) if entry.due_at is not None else None,
        "reason": entry.reason,
    }


def _row(entry: Entry) -> str:
    tries = f"{entry.attempts} attempt{'' if entry.attempts == 1 else 's'}"
    words = (_time(entry.since), f"{entry.sink:<16}", f"{entry.state:<7}", f"{entry.type.value:<13}", f"{tries:<12}")
    return "  ".join((*words, entry.key, entry.reason)).rstrip()


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone().isoformat(timespec="seconds")
