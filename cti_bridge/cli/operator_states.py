"""`cti-bridge operators states | history | set`: who is in which state, who was, and putting somebody into one.

What is shown is read from the journal, so it can be seen without the daemon too; what Asterisk makes of it only the
daemon knows. A state that is set waits in the accounts' file until the daemon takes it, within a second or two.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.cli.terminal import printable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.moments import iso_time, parse_moment
from cti_bridge.domain.operator import OPERATOR_ID
from cti_bridge.domain.state_period import StatePeriod
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.asked_states import AskedState
from cti_bridge.operators.desk_settings import StateKind
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.store import NoSuchAccount
from cti_bridge.settings import DEFAULT_PATH, Mode, Settings, SettingsError, load_settings

TAKEN_WITHIN_S = 5.0
"""So long is waited for the daemon to take a state that was set."""
_LOOK_S = 0.1


class _Misunderstood(Exception):
    """What was typed makes no sense."""


def register(operators: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands about states to `operators`."""
    states = operators.add_parser("states", help="who is in which state, and since when")
    states.set_defaults(func=_guarded, work=_states)
    history = operators.add_parser("history", help="the states that an operator had, the latest first")
    history.add_argument("id", type=_operator_id, metavar="ID")
    history.add_argument("--since", metavar="TIME", default="1d", help="from then on: 7d, 2h or a date (1d)")
    history.set_defaults(func=_guarded, work=_history)
    setting = operators.add_parser(
        "set",
        help="put an operator into a state",
        description="A running daemon takes it within a second or two; one that does not run, when it starts.",
    )
    setting.add_argument("id", type=_operator_id, metavar="ID")
    setting.add_argument("state", metavar="STATE", help="a state of the settings, by its id")
    setting.set_defaults(func=_guarded, work=_set)
    for parser in (states, history, setting):
        parser.add_argument("--json", action="store_true", help="JSON on stdout, nothing else")
        parser.add_argument("--config", type=Path, default=DEFAULT_PATH, metavar="FILE")


def _guarded(arguments: argparse.Namespace) -> int:
    try:
        done: int = arguments.work(arguments, load_settings(arguments.config))
    except SettingsError as error:
        return _refuse(*error.problems, code=2)
    except (DatabaseUnusable, _Misunderstood) as error:
        return _refuse(str(error), code=2)
    except NoSuchAccount as error:
        return _refuse(str(error), code=1)
    return done


def _states(arguments: argparse.Namespace, settings: Settings) -> int:
    directory, now = asyncio.run(_directory(settings.data_dir)), time.time()
    kept = {one.operator: one for one in _journal(settings).operator_states_now()}
    for operator in directory.all():
        period = kept.get(operator.id)
        if arguments.json:
            state = _json(period, now) if period is not None else None
            print(json.dumps({"operator": operator.id, "name": operator.name, "state": state}))
        else:
            said = _words(period, now) if period is not None else "no state yet"
            print(printable(f"{operator.id:<12}  {operator.name:<24}  {said}"))
    return 0 if directory.all() else 1


def _history(arguments: argparse.Namespace, settings: Settings) -> int:
    now = time.time()
    try:
        since = parse_moment(arguments.since, now=now)
    except ValueError as error:
        raise _Misunderstood(f"--since: {error}") from error
    periods = _journal(settings).operator_states(OperatorId(arguments.id), since=since)
    for period in periods:
        print(json.dumps(_json(period, now)) if arguments.json else printable(_words(period, now)))
    return 0 if periods else 1


def _set(arguments: argparse.Namespace, settings: Settings) -> int:
    known = settings.desk.state(arguments.state)
    possible = ", ".join(state.id for state in settings.desk.states if state.kind is not StateKind.WRAP_UP)
    if known is None or known.kind is StateKind.WRAP_UP:
        raise _Misunderstood(f"{arguments.state} is no state that can be set: {possible}")
    if settings.mode is Mode.SHADOW:
        raise _Misunderstood("in shadow mode Asterisk is told nothing, so no state can be set")
    asked = AskedState(OperatorId(arguments.id), known.id, time.time())
    taken = asyncio.run(_ask(settings.data_dir, asked))
    if arguments.json:
        print(json.dumps({"operator": asked.operator, "state": asked.state, "taken": taken}))
    elif taken:
        print(printable(f"{asked.operator}: {asked.state}, or as soon as he does not talk any more"))
    else:
        print(printable(f"{asked.operator}: {asked.state} as soon as a daemon runs; none has taken it yet"))
    return 0


async def _ask(data_dir: Path, asked: AskedState) -> bool:
    """Leave it for the daemon; whether that has taken it."""
    accounts = Accounts(data_dir)
    try:
        await accounts.open()
        await accounts.ask_state(asked)
        until = time.monotonic() + TAKEN_WITHIN_S
        while time.monotonic() < until:
            await asyncio.sleep(_LOOK_S)
            if asked not in await accounts.asked_states():
                return True
        return False
    finally:
        await accounts.close()


async def _directory(data_dir: Path) -> Directory:
    accounts = Accounts(data_dir)
    try:
        await accounts.open()
        return accounts.directory
    finally:
        await accounts.close()


def _journal(settings: Settings) -> JournalFile:
    return JournalFile(settings.data_dir / "calls.sqlite")


def _json(period: StatePeriod, now: float) -> dict[str, object]:
    return {
        "state": period.state,
        "kind": period.kind,
        "began_at": iso_time(period.began_at),
        "ended_at": iso_time(period.ended_at) if period.ended_at is not None else None,
        "seconds": round(_lasted(period, now), 3),
        "why": period.why,
        "by": period.by or None,
        "next": period.next or None,
        "calls": list(period.calls),
    }


def _words(period: StatePeriod, now: float) -> str:
    at = iso_time(period.began_at)
    began = f"{at[:10]} {at[11:19]}{at[23:]}"  # to the second, with the offset of the machine's zone
    minutes, seconds = divmod(round(_lasted(period, now)), 60)
    hours, minutes = divmod(minutes, 60)
    by = f"by {period.by}" if period.by else ""
    then = f"then {period.next}" if period.next and period.ended_at is None else ""
    words = (began, f"{hours:>3}:{minutes:02}:{seconds:02}", f"{period.state:<12}", f"{period.why:<9}", by, then)
    return "  ".join(words).rstrip()


def _lasted(period: StatePeriod, now: float) -> float:
    return max(0.0, (period.ended_at if period.ended_at is not None else now) - period.began_at)


def _operator_id(text: str) -> str:
    if not OPERATOR_ID.fullmatch(text):
        raise argparse.ArgumentTypeError("an id has 1 to 32 of the characters a-z 0-9 . _ -")
    return text


def _refuse(*lines: str, code: int) -> int:
    for line in lines:
        print(f"cti-bridge: {printable(line)}", file=sys.stderr)
    return code
