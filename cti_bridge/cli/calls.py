"""Commands about past and present calls, read from the journal, and the one that forgets a caller."""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from cti_bridge.calls.call import Outcome
from cti_bridge.calls.journal_file import GOING_ON, MISSED, JournalFile, Wanted
from cti_bridge.calls.journal_forget import forget
from cti_bridge.calls.record import CallRecord
from cti_bridge.cli.call_figures import figures_json, figures_lines, missed_line
from cti_bridge.cli.call_record import print_record, record_json, record_line
from cti_bridge.cli.crm_forgetting import forget_in_crm, forget_in_links
from cti_bridge.cli.mirror_forgetting import forget_in_mirror
from cti_bridge.cli.terminal import printable
from cti_bridge.database import DatabaseUnusable, read_only
from cti_bridge.delivery.outbox import progress
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.moments import parse_moment
from cti_bridge.domain.number import ANONYMOUS, parse_number
from cti_bridge.routing.explain import Explained, explain_call
from cti_bridge.routing.facts import canonical_number
from cti_bridge.routing.problems import RulesError
from cti_bridge.settings import DEFAULT_PATH, Settings, SettingsError, load_settings
from cti_bridge.web.missed import missed_view

_OUTCOMES = tuple(outcome.value for outcome in Outcome if outcome.value != MISSED)
_DIRECTIONS = tuple(direction.value for direction in Direction)
_AHEAD_S = 86400.0
"""Asterisk's clock may be a little ahead of ours: its latest calls count as well."""
_Work = Callable[[argparse.Namespace], int]


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `calls list`, `show`, `stats`, `missed` and `forget`."""
    calls = commands.add_parser("calls", help="past and present calls", description="Reads the journal.")
    actions = calls.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the latest calls, newest first")
    _add_filters(listing)
    show = actions.add_parser("show", help="one call with its decision")
    show.add_argument("id", metavar="ID", help="a call id, as `calls list` shows it")
    stats = actions.add_parser("stats", help="shares of classes, queues and lines, waiting, missed, who answered")
    _add_since(stats, default="7d")
    missed = actions.add_parser("missed", help="who called from outside and was neither answered nor reached since")
    _add_since(missed, default="7d")
    missed.add_argument("--limit", type=_count, default=50, metavar="N", help="how many callers at most (50)")
    forgetting = actions.add_parser(
        "forget", help="take from all calls of a caller what says who he is", description="The calls stay as counts."
    )
    whom = forgetting.add_mutually_exclusive_group(required=True)
    whom.add_argument("number", metavar="N", nargs="?", help="his number, in any spelling")
    whom.add_argument("--customer", metavar="ID", help="a customer id of the CRM: all calls decided for this customer")
    forgetting.add_argument("--dry-run", action="store_true", help="only say how many calls it would be")
    works = ((listing, _list), (show, _show), (stats, _stats), (missed, _missed), (forgetting, _forget))
    for action, work in works:
        action.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
        action.add_argument("--json", action="store_true", help="JSON on stdout, nothing else")
        action.set_defaults(func=_guarded(work))


def _limit(text: str) -> int:
    number = _whole(text)
    if number is None:
        raise argparse.ArgumentTypeError("a whole number up to 9999999, please; 0 for all")
    return number


def _count(text: str) -> int:
    number = _whole(text)
    if not number:
        raise argparse.ArgumentTypeError("a whole number from 1 to 9999999, please")
    return number


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,7}", text) else None


def _add_since(action: argparse.ArgumentParser, *, default: str | None = None) -> None:
    said = f" ({default})" if default else ""
    action.add_argument("--since", metavar="TIME", default=default, help=f"from then on: 7d, 2h or a date{said}")


def _add_filters(listing: argparse.ArgumentParser) -> None:
    _add_since(listing)
    listing.add_argument("--until", metavar="TIME", help="only calls that arrived before then")
    listing.add_argument("--number", metavar="N", default="", help="only calls from or to this number, in any spelling")
    listing.add_argument(
        "--operator", metavar="ID", default="", help="only calls that he answered or made, or that rang for him"
    )
    listing.add_argument("--queue", metavar="NAME", default="", help="only calls whose last queue was this one")
    listing.add_argument("--class", metavar="NAME", default="", dest="class_name", help="only calls of this class")
    listing.add_argument(
        "--outcome",
        choices=(*_OUTCOMES, MISSED, GOING_ON),
        default="",
        help="only calls that ended so; missed is every call from outside that nobody answered",
    )
    listing.add_argument(
        "--direction", choices=_DIRECTIONS, default="", help="only calls that go this way, seen from the house"
    )
    listing.add_argument(
        "--line", metavar="TEXT", default="", help="only calls on lines with this name, channel, city, direction or DID"
    )
    listing.add_argument("--limit", type=_limit, default=50, metavar="N", help="how many at most (50); 0 for all")


class _Misunderstood(Exception):
    """What was typed makes no sense."""


def _journal_path(settings: Settings) -> Path:
    return settings.data_dir / "calls.sqlite"


def _journal(settings: Settings) -> JournalFile:
    return JournalFile(_journal_path(settings))


def _guarded(work: _Work) -> _Work:
    def run(arguments: argparse.Namespace) -> int:
        try:
            return work(arguments)
        except SettingsError as error:
            problems = error.problems
        except (DatabaseUnusable, _Misunderstood) as error:
            problems = (str(error),)
        for problem in problems:
            print(f"cti-bridge: {printable(problem)}", file=sys.stderr)
        return 2

    return run


def _list(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments.config)
    now = time.time()
    wanted = Wanted(
        since=_moment(arguments, "since", now),
        until=_moment(arguments, "until", now),
        caller=_caller(arguments.number, settings),
        operator=arguments.operator,
        queue=arguments.queue,
        class_name=arguments.class_name,
        outcome=arguments.outcome,
        direction=arguments.direction,
        line=(arguments.line, canonical_number(arguments.line, settings.region)),
    )
    found = False
    for record in _journal(settings).walk(wanted, limit=arguments.limit or None, with_legs=arguments.json):
        found = True
        print(json.dumps(record_json(record)) if arguments.json else record_line(record))
    return 0 if found else 1


def _moment(arguments: argparse.Namespace, option: str, now: float) -> float | None:
    text = getattr(arguments, option)
    try:
        return None if text is None else parse_moment(text, now=now)
    except ValueError as error:
        raise _Misunderstood(f"--{option}: {error}") from error


def _caller(text: str, settings: Settings) -> str:
    """A number in any spelling as the journal has it; empty for none."""
    if not text:
        return ""
    number = parse_number(text, region=settings.region)
    return number.key or number.raw


def _stats(arguments: argparse.Namespace) -> int:
    settings, now = load_settings(arguments.config), time.time()
    since = _moment(arguments, "since", now) or 0.0
    figures = _journal(settings).figures(since=since, until=now + _AHEAD_S)
    if arguments.json:
        print(json.dumps(figures_json(figures, since)))
    else:
        for line in figures_lines(figures, since):
            print(printable(line))
    return 0 if figures.directions else 1


def _missed(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments.config)
    since = _moment(arguments, "since", time.time()) or 0.0
    items = _journal(settings).missed(since=since, limit=arguments.limit)
    for item in items:
        print(json.dumps(missed_view(item)) if arguments.json else printable(missed_line(item)))
    return 0 if items else 1


def _forget(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments.config)
    caller = _caller(arguments.number or "", settings)
    if not caller and not arguments.customer:
        raise _Misunderstood("forget: whom?")
    if caller == ANONYMOUS:
        raise _Misunderstood("forget: a hidden number says nothing about anybody")
    done = forget(
        _journal_path(settings),
        caller=caller,
        customer=arguments.customer or "",
        dry_run=arguments.dry_run,
        elsewhere=partial(forget_in_crm, settings),
    )
    if not arguments.dry_run:
        forget_in_links(settings, (), caller)  # a stranger who became a lead may have no call here any more
    customer = arguments.customer or ""
    mirrored = 0 if arguments.dry_run else forget_in_mirror(settings, caller=caller, customer=customer)
    if arguments.json:
        print(json.dumps({"dry_run": arguments.dry_run, **asdict(done), "mirrored": mirrored}))
    else:
        calls = "1 call" if done.calls == 1 else f"{done.calls} calls"
        print(f"{calls} would be forgotten" if arguments.dry_run else f"{calls} forgotten")
    if done.going_on:
        print(f"cti-bridge: {done.going_on} not over yet, and forgotten as soon as they are", file=sys.stderr)
    if done.left:
        print("cti-bridge: the text is still somewhere in the file; stop the daemon and try again", file=sys.stderr)
    return 0 if done.calls or mirrored else 1


def _show(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments.config)
    journal = _journal(settings)
    record = journal.call(arguments.id)
    if record is None:
        print(f"cti-bridge: no call {printable(arguments.id)} in the journal", file=sys.stderr)
        return 1
    told = read_only(_journal_path(settings), lambda database: progress(database.conn, arguments.id))
    after = journal.after(arguments.id)
    print_record(record, as_json=arguments.json, told=told, why=_why(record, journal), after=after)
    return 0


def _why(record: CallRecord, journal: JournalFile) -> Explained | None:
    """Why the call was sent where it was, computed again; None when nothing was decided or too little is kept."""
    decision = record.decision
    text = journal.rules(decision.rules_hash) if decision is not None else None
    if decision is None or text is None:
        return None
    try:
        return explain_call(decision.facts, text)
    except (RulesError, ValueError):  # rules or facts of an older release: `explain --call` says what is wrong
        return None
