"""`cti-bridge rules history` and `rules show`: the rule files that were in force."""

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.cli.terminal import printable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.moments import iso_time
from cti_bridge.settings import DEFAULT_PATH, SettingsError, load_settings

_SHOWN = 12
_Work = Callable[[argparse.Namespace, JournalFile], int]


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `history` and `show` to the `rules` commands."""
    history = actions.add_parser(
        "history",
        help="the rule files that were in force",
        description="Every rule file that was in force: its hash, since when, and how many calls it has decided. The"
        " first one still is.",
    )
    history.add_argument("--json", action="store_true", help="JSON on stdout, nothing else")
    show = actions.add_parser(
        "show",
        help="a rule file of the past",
        description="Prints a rule file that was in force, byte for byte unless on a terminal.",
    )
    show.add_argument("hash", metavar="HASH", type=_hash, help="its hash, or at least the first six characters of it")
    for action, work in ((history, _history), (show, _show)):
        action.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
        action.set_defaults(func=_with_journal(work))


def _hash(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{6,64}", text.lower()):
        raise argparse.ArgumentTypeError("a hash has six to 64 of the characters 0-9 a-f")
    return text.lower()


def _with_journal(work: _Work) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        try:
            settings = load_settings(arguments.config)
            return work(arguments, JournalFile(settings.data_dir / "calls.sqlite"))
        except SettingsError as error:
            problems = error.problems
        except DatabaseUnusable as error:
            problems = (str(error),)
        for problem in problems:
            print(f"cti-bridge: {printable(problem)}", file=sys.stderr)
        return 2

    return run


def _history(arguments: argparse.Namespace, journal: JournalFile) -> int:
    files, counted = journal.rule_files(), journal.rule_calls()
    since = iso_time(counted.since) if counted.since is not None else None
    for number, file in enumerate(files):
        in_force, lines, calls = number == 0, len(file.text.splitlines()), counted.by_hash.get(file.hash, 0)
        if arguments.json:
            values = {"hash": file.hash, "accepted_at": iso_time(file.accepted_at), "lines": lines}
            print(json.dumps({**values, "in_force": in_force, "calls": calls, "calls_since": since}))
            continue
        text = f"{file.hash[:_SHOWN]}  {iso_time(file.accepted_at)}  {lines:>5} lines  {calls:>9} calls"
        print(f"{text}  in force" if in_force else text)
    if since is not None and files and not arguments.json:
        print(f"calls are counted since {since}", file=sys.stderr)
    return 0 if files else 1


def _show(arguments: argparse.Namespace, journal: JournalFile) -> int:
    found = [file for file in journal.rule_files() if file.hash.startswith(arguments.hash)]
    if len(found) != 1:
        if found:
            names = ", ".join(file.hash[: len(arguments.hash) + _SHOWN] for file in found[:5])
            print(f"cti-bridge: {arguments.hash} is the beginning of {len(found)} hashes: {names}", file=sys.stderr)
            return 2
        print(f"cti-bridge: no rules {arguments.hash} were in force", file=sys.stderr)
        return 1
    if not sys.stdout.isatty():
        sys.stdout.write(found[0].text)
        return 0
    for line in found[0].text.splitlines():
        print(printable(line))
    return 0
