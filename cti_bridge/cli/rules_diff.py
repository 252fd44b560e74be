"""`cti-bridge rules diff`: what a new rule file would have done with past calls, before it goes live."""

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cti_bridge.asterisk.records.cdr import CdrUnreadable
from cti_bridge.calls.journal_decided import Span
from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.cli.both_cores import WorkerLost, processors, tallies
from cti_bridge.cli.compare_process import Versions
from cti_bridge.cli.diff_figures import Compared, diff_json, diff_lines
from cti_bridge.cli.progress import progress
from cti_bridge.cli.recorded_calls import Arrivals, Asked, CustomersToday, House, recorded_parts
from cti_bridge.cli.terminal import printable
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.crm_opening import crm_of
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.moments import parse_moment
from cti_bridge.reception.rule_file import RulesUnreadable, read_rules
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import RulesError
from cti_bridge.routing.replay import CallRef, KeptCall, PastCall, Tally
from cti_bridge.routing.rules import RuleSet
from cti_bridge.settings import DEFAULT_PATH, Settings, SettingsError, load_settings

PART = 500
"""Calls that a process gets at a time; about half a megabyte of facts."""
_AHEAD_S = 86_400.0
"""Asterisk's clock may be a little ahead of ours: its latest calls count as well."""
_DESCRIPTION = """\
Decides past calls once more, under the rules of now and under a new file: how many would get into another queue, and
which ones. Nothing is changed. The facts are those that the journal kept; with --calls the calls are Asterisk's own
records (CDR), the customers are looked up in today's CRM, and without --rules it is compared with no rules at all."""
_EPILOG = """\
Exit codes: 0 compared, whatever came out; 1 more than --max-moved would move, or there was no call; 2 not possible
(rules, journal, file, CRM); 130 Ctrl-C."""


class _NotPossible(Exception):
    """It cannot be compared; every argument is a line for a person."""


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `diff` to the `rules` commands."""
    diff = actions.add_parser(
        "diff",
        help="what a new rule file would have done with past calls",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    diff.add_argument("new", metavar="NEW", type=Path, help="the new rule file")
    diff.add_argument(
        "--rules", metavar="OLD", type=Path, help="compare with this file and not with that of the settings"
    )
    diff.add_argument("--since", metavar="TIME", help="calls from then on: 7d, 2h or a date (7d; of CDR all)")
    diff.add_argument("--until", metavar="TIME", help="only calls that arrived before then")
    diff.add_argument("--calls", metavar="FILE.csv", type=Path, help="calls of Asterisk's CDR, such as Master.csv")
    diff.add_argument(
        "--trunk", metavar="NAME", action="append", default=[], help="of the CDR only those of this trunk"
    )
    diff.add_argument("--context", metavar="NAME", default="", help="only those that ended in this context")
    diff.add_argument("--did", metavar="NUMBER", default="", help="the number dialled, where the CDR do not have it")
    diff.add_argument("--max-moved", metavar="N%", type=_percent, help="exit 1 when more calls change queue: 5%%")
    diff.add_argument("--limit", metavar="N", type=_limit, default=5, help="calls shown behind a number (5); 0 for all")
    diff.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
    diff.add_argument("--json", action="store_true", help="JSON on stdout, nothing else")
    diff.set_defaults(func=_diff)


def _percent(text: str) -> float:
    found = re.fullmatch(r"(\d{1,3}(?:\.\d{1,3})?) ?%", text.strip())
    if found is None or float(found[1]) > 100:
        raise argparse.ArgumentTypeError("a percentage, please, such as 5%")
    return float(found[1]) / 100


def _limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,7}", text):
        raise argparse.ArgumentTypeError("a whole number up to 9999999, please; 0 for all")
    return int(text)


def _diff(arguments: argparse.Namespace) -> int:
    try:
        return _compare(arguments, load_settings(arguments.config))
    except SettingsError as error:
        problems: Sequence[str] = error.problems
    except _NotPossible as error:
        problems = [str(problem) for problem in error.args]
    except (RulesUnreadable, DatabaseUnusable, CrmUnavailable, WorkerLost) as error:
        problems = [str(error)]
    except CdrUnreadable as error:
        problems = [f"{arguments.calls}: {error}"]
    except OSError as error:
        problems = [
            ": ".join(str(part) for part in (error.filename or arguments.calls, error.strerror or error) if part)
        ]
    for problem in problems:
        print(f"cti-bridge: {printable(problem)}", file=sys.stderr)
    return 2


@dataclass(frozen=True, slots=True)
class _File:
    """A rule file that was read and is good."""

    text: str
    rules: RuleSet


def _compare(arguments: argparse.Namespace, settings: Settings) -> int:
    new = _load(arguments.new, settings)
    old = None
    if arguments.rules is not None or arguments.calls is None:
        old = _load(arguments.rules or settings.rules, settings)
    versions = Versions(old.text if old else None, new.text, arguments.limit or None)
    whole = Tally(versions.most)
    left_out: Counter[str] = Counter()
    with ExitStack() as closing:
        parts = _parts(arguments, settings, new.rules, left_out, closing)
        for tally in tallies(versions, parts, processes=processors()):
            whole.take(tally)
    compared = Compared(whole, left_out, old.rules if old else None, new.rules)
    if arguments.json:
        print(json.dumps(diff_json(compared)))
    else:
        for line in diff_lines(compared):
            print(printable(line))
    return _verdict(whole, arguments.max_moved)


def _verdict(tally: Tally, most: float | None) -> int:
    if not tally.calls:
        print("cti-bridge: there is no call to compare", file=sys.stderr)
        return 1
    if most is not None and tally.moved_share > most:
        text = f"{100 * tally.moved_share:.1f} % of the calls would change queue, more than {100 * most:g} %"
        print(f"cti-bridge: {text}", file=sys.stderr)
        return 1
    return 0


def _load(path: Path, settings: Settings) -> _File:
    text = read_rules(path)
    try:
        return _File(text, load_rules(text, stages=settings.crm.stages_unasked))
    except RulesError as error:
        raise _NotPossible(*(problem.format(str(path)) for problem in error.problems)) from error


def _parts(
    arguments: argparse.Namespace, settings: Settings, rules: RuleSet, left_out: Counter[str], closing: ExitStack
) -> Iterator[Sequence[PastCall]]:
    """The calls, some at a time; what is opened for them is closed by `closing`, `left_out` counts what is none."""
    now = time.time()
    since, until = _moment(arguments, "since", now), _moment(arguments, "until", now)
    if arguments.calls is None:
        if arguments.trunk or arguments.context or arguments.did:
            raise _NotPossible("--trunk, --context and --did are about CDR: name the file with --calls")
        week = parse_moment("7d", now=now)
        span = Span(week if since is None else since, now + _AHEAD_S if until is None else until)
        return _journalled(JournalFile(settings.data_dir / "calls.sqlite"), span, closing)
    asked = Asked(
        frozenset(arguments.trunk),
        arguments.context,
        arguments.did,
        float("-inf") if since is None else since,
        float("inf") if until is None else until,
    )
    arrivals = Arrivals(asked, House(settings.region, settings.pbx.staff), rules, left_out)
    customers = closing.enter_context(CustomersToday(crm_of(settings), settings))
    show = closing.enter_context(progress(arguments.calls.name))
    return recorded_parts(arguments.calls, arrivals, customers, lambda done, of: show("deciding", done, of))


def _moment(arguments: argparse.Namespace, option: str, now: float) -> float | None:
    text = getattr(arguments, option)
    try:
        return None if text is None else parse_moment(text, now=now)
    except ValueError as error:
        raise _NotPossible(f"--{option}: {error}") from error


def _journalled(journal: JournalFile, span: Span, closing: ExitStack) -> Iterator[Sequence[PastCall]]:
    """The calls that the journal has of this time."""
    of = journal.count_decided(span)
    show = closing.enter_context(progress("journal"))
    done = 0
    for page in journal.decided(span, page=PART):
        yield [KeptCall(CallRef(call.id, call.at, call.caller), call.facts) for call in page]
        done += len(page)
        show("deciding", done, of)
