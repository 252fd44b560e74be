"""Commands about past and present calls, read from the journal."""

import argparse
import json
import re
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from cti_bridge.calls.journal import JournalFile
from cti_bridge.calls.record import CallRecord
from cti_bridge.cli.terminal import printable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.line import Line
from cti_bridge.routing.facts import canonical_number
from cti_bridge.routing.line_facts import line_of
from cti_bridge.settings import DEFAULT_PATH, Settings, SettingsError, load_settings

_Work = Callable[[argparse.Namespace], int]


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `calls list` and `calls show`."""
    calls = commands.add_parser("calls", help="past and present calls", description="Reads the journal.")
    actions = calls.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the latest calls, newest first")
    listing.add_argument("--limit", type=_count, default=50, metavar="N", help="how many at most (50)")
    listing.add_argument(
        "--line", metavar="TEXT", default="", help="only calls on lines with this name, channel, city, direction or DID"
    )
    show = actions.add_parser("show", help="one call with its decision")
    show.add_argument("id", metavar="ID", help="a call id, as `calls list` shows it")
    for action, work in ((listing, _list), (show, _show)):
        action.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
        action.add_argument("--json", action="store_true", help="JSON on stdout, nothing else")
        action.set_defaults(func=_guarded(work))


def _count(text: str) -> int:
    number = int(text) if re.fullmatch(r"[0-9]{1,7}", text) else 0
    if not number:
        raise argparse.ArgumentTypeError("a whole number from 1 to 9999999, please")
    return number


def _journal(settings: Settings) -> JournalFile:
    return JournalFile(settings.data_dir / "calls.sqlite")


def _guarded(work: _Work) -> _Work:
    def run(arguments: argparse.Namespace) -> int:
        try:
            return work(arguments)
        except SettingsError as error:
            problems = error.problems
        except DatabaseUnusable as error:
            problems = (str(error),)
        for problem in problems:
            print(f"cti-bridge: {printable(problem)}", file=sys.stderr)
        return 2

    return run


def _list(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments.config)
    did = canonical_number(arguments.line, settings.region)
    records = _journal(settings).calls(limit=arguments.limit, line=(arguments.line, did))
    for record in records:
        print(json.dumps(_json(record)) if arguments.json else _row(record))
    return 0 if records else 1


def _show(arguments: argparse.Namespace) -> int:
    record = _journal(load_settings(arguments.config)).call(arguments.id)
    if record is None:
        print(f"cti-bridge: no call {printable(arguments.id)} in the journal", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(_json(record)))
        return 0
    for name, value in _story(record):
        print(f"{name:<12} {printable(value)}")
    return 0


def _json(record: CallRecord) -> dict[str, object]:
    """The record for a program: times in ISO 8601, the line by itself, all else as it is kept."""
    line = _line_dialled(record)
    values: dict[str, object] = asdict(record) | {"line": asdict(line) if line else None}
    for name in ("offered_at", "answered_at", "ended_at"):
        values[name] = _time(getattr(record, name)) or None
    return values


def _line_dialled(record: CallRecord) -> Line | None:
    """The line as it was described when the call was decided."""
    return line_of(record.decision.facts) if record.decision else None


def _row(record: CallRecord) -> str:
    decision, line = record.decision, _line_dialled(record)
    return printable(
        "  ".join(
            (
                _time(record.offered_at),
                f"{record.caller:<14}",
                f"{line.label if line else record.did or '-':<20}",
                f"{decision.class_name if decision else '':<12}",
                f"{decision.rule if decision and decision.delivered else 'fallback':<16}",
                f"{record.queue or (decision.queue if decision else ''):<16}",
                f"{record.operator or '-':<10}",
                f"{record.outcome or 'going on':<10}",
                record.id,
            )
        )
    )


def _story(record: CallRecord) -> list[tuple[str, str]]:
    """What happened to a call, as lines of name and value."""
    decision = record.decision
    lines = [
        ("call", record.id + (" (end found out afterwards)" if record.recovered else "")),
        ("caller", f"{record.caller} ({record.caller_kind}) {record.caller_name}".rstrip()),
        ("dialled", f"{record.did or 'unknown'} on trunk {record.trunk or 'unknown'}"),
        ("arrived", _time(record.offered_at)),
    ]
    if line := _line_dialled(record):
        said = asdict(line)
        lines.insert(3, ("line", ", ".join(f"{name} {text}" for name, text in said.items() if text and name != "did")))
    if decision is None:
        lines.append(("decision", "fallback: the dialplan had no answer of the bridge"))
    else:
        steps = ", then ".join(f"{queue} ({timeout_s or 'no limit'})" for queue, timeout_s in decision.steps)
        age = f", {decision.crm_age_s:.0f} s old" if decision.crm_age_s is not None else ""
        if not decision.delivered:
            lines.append(("decision", "fallback: the dialplan had gone its own way before the decision below arrived"))
        lines += [
            (
                "decision" if decision.delivered else "too late",
                f"{decision.kind}, rule {decision.rule or '-'}, class {decision.class_name or '-'}",
            ),
            ("crm", f"{decision.crm}{age}{f' ({decision.crm_error})' if decision.crm_error else ''}"),
            ("steps", f"{steps}, then {decision.final}"),
            ("rules", decision.rules_hash[:12]),
            ("took", ", ".join(f"{name} {value} ms" for name, value in decision.took_ms.items())),
        ]
        if decision.operator:
            lines.append(("first rings", decision.operator))
        lines += [("fact", f"{name} = {value}") for name, value in sorted(decision.facts.items())]
    lines += [
        ("rang", ", ".join(record.rang) or "nobody"),
        ("answered", f"{_time(record.answered_at) or 'no'} {record.operator or ''}".rstrip()),
        ("ended", f"{_time(record.ended_at) or 'no'} {record.outcome}".rstrip()),
    ]
    return lines


def _time(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).astimezone().isoformat(timespec="milliseconds")
