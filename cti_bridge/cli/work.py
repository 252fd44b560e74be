"""The command that shows what is left to do after calls, read from the journal."""

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.work import WorkItem
from cti_bridge.cli.terminal import printable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.after.work_views import Today, colour_of, item_view
from cti_bridge.domain.moments import iso_time
from cti_bridge.operators.directory import NOBODY
from cti_bridge.settings import DEFAULT_PATH, SettingsError, load_settings


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `work list`."""
    work = commands.add_parser("work", help="what is left to do after calls", description="Reads the journal.")
    actions = work.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="missed callers, callbacks and next steps, and who has taken them")
    listing.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
    listing.add_argument("--json", action="store_true", help="JSON on stdout, nothing else")
    listing.set_defaults(func=_list)


def _list(arguments: argparse.Namespace) -> int:
    now = time.time()
    today = Today.at(now, datetime.now().astimezone().tzinfo or UTC)  # the day ends by the machine's clock
    try:
        work = JournalFile(load_settings(arguments.config).data_dir / "calls.sqlite").work(now=now)
    except (SettingsError, DatabaseUnusable) as error:
        for problem in error.problems if isinstance(error, SettingsError) else (str(error),):
            print(f"cti-bridge: {printable(problem)}", file=sys.stderr)
        return 2
    holders = {claim.item: claim.holder(now) for claim in work.claims}
    for item in sorted(work.items, key=lambda item: item.due_at or item.since):
        holder = holders.get(item.id)
        if arguments.json:
            print(json.dumps(item_view(item, holder, NOBODY, today)))
        else:
            print(printable(_line(item, holder or "", today)))
    return 0 if work.items else 1


def _line(item: WorkItem, holder: str, today: Today) -> str:
    who = f"{item.number or 'hidden':<14}  {item.name}".rstrip()
    what = f"{item.calls} in vain{', was promised a call' if item.promised else ''}" if item.calls else item.text
    whose = f"  taken by {holder}" if holder else f"  of {item.owner}" if item.owner else ""
    when = iso_time(item.due_at if item.due_at is not None else item.since)
    return f"{when}  {colour_of(item, today):<5}  {item.kind:<8}  {who}  {what}{whose}"
