"""Commands about the rules: what they would do with a call, and why."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.cli import rule_schema, rule_tests, rules_diff, rules_history, schedules
from cti_bridge.cli.terminal import printable
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.customer import SHIPPED_STAGES, StageList
from cti_bridge.domain.decision import CrmAnswer, Decision
from cti_bridge.domain.number import CallerNumber, parse_number
from cti_bridge.reception.rule_file import RulesUnreadable, read_rules
from cti_bridge.routing.decide import Trace, decide
from cti_bridge.routing.explain import explain_call, explain_json, explain_lines
from cti_bridge.routing.facts import CallFacts, Gathered, gather
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import RulesError
from cti_bridge.routing.rules import RuleSet
from cti_bridge.settings import DEFAULT_PATH, Settings, SettingsError, load_settings

_PATIENCE_S = 2.0
"""How long a person at a terminal waits for the CRM: longer than a caller would."""


class _NoSuchTime(Exception):
    """What `--at` says is no time, or has no meaning beside the other arguments; the message is one line."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `explain`, and the group `rules`."""
    group = commands.add_parser("rules", help="rule files: tested, tried on past calls, and those of the past")
    actions = group.add_subparsers(metavar="ACTION", required=True)
    for command in (rule_tests, rule_schema, rules_diff, rules_history, schedules):
        command.register(actions)
    explain = commands.add_parser(
        "explain",
        help="what the rules do with a call, and why",
        description="Decides a call with the rules and the CRM of the settings and says why. No real call is touched.",
    )
    which = explain.add_mutually_exclusive_group(required=True)
    which.add_argument("--caller", metavar="NUMBER", help="the caller's number, or `anonymous`")
    which.add_argument("--call", metavar="ID", help="a call of the past, under the rules of that day")
    explain.add_argument("--did", metavar="NUMBER", default="", help="the number that was dialled")
    explain.add_argument("--trunk", metavar="NAME", default="", help="the trunk that the call arrives on")
    explain.add_argument("--at", metavar="TIME", help="when the call arrives, such as `2026-12-31 18:00`; else now")
    explain.add_argument("--rules", metavar="FILE", type=Path, help="other rules than those of the settings or the day")
    explain.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
    explain.add_argument("--json", action="store_true", help="JSON on stdout, nothing else")
    explain.set_defaults(func=_explain)


def print_decision(rules: RuleSet, gathered: Gathered, decision: Decision, trace: Trace, *, as_json: bool) -> None:
    """Prints a decision and its reasons, safe for a terminal."""
    if as_json:
        # escaped to ASCII: what a caller sent must not reach the terminal as it is
        print(json.dumps(explain_json(rules, gathered, decision, trace)))
        return
    for line in explain_lines(rules, gathered, decision, trace):
        print(printable(line))


def _explain(arguments: argparse.Namespace) -> int:
    try:
        settings = load_settings(arguments.config)
        if arguments.call is not None:
            return _explain_call(settings, arguments)
        return _explain_caller(settings, arguments)
    except SettingsError as error:
        return _refuse(error.problems)
    except (RulesUnreadable, DatabaseUnusable, _NoSuchTime) as error:
        return _refuse([str(error)])
    except RulesError as error:
        file = arguments.rules or (settings.rules if arguments.call is None else "rules of that day")
        return _refuse(problem.format(str(file)) for problem in error.problems)


def _explain_caller(settings: Settings, arguments: argparse.Namespace) -> int:
    rules = load_rules(read_rules(arguments.rules or settings.rules), stages=settings.crm.stages or SHIPPED_STAGES)
    caller = settings.pbx.staff.seen(parse_number(arguments.caller, region=settings.region))
    try:
        at = schedules.moment_of(arguments.at, rules)
    except ValueError as error:
        raise _NoSuchTime(str(error)) from None
    answer, stages = asyncio.run(_ask(settings, caller))
    gathered = gather(CallFacts(caller, arguments.did, arguments.trunk, at=at), answer, rules, stages)
    print_decision(rules, gathered, *decide(rules, gathered), as_json=arguments.json)
    if answer.error:
        print(printable(f"CRM: {answer.error}"), file=sys.stderr)
    return 0


def _explain_call(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.at is not None:
        raise _NoSuchTime("--at goes with --caller; a call of the past has its own time")
    journal = JournalFile(settings.data_dir / "calls.sqlite")
    record = journal.call(arguments.call)
    if record is None or record.decision is None:
        why = "no such call in the journal"
        if record is not None:
            alone = "the dialplan decided this call alone"
            why = alone if record.decided_by else "an operator made this call, and nothing was decided"
        print(f"cti-bridge: {printable(arguments.call)}: {why}", file=sys.stderr)
        return 1
    if "call.crm" not in record.decision.facts:
        return _refuse([f"{arguments.call}: the facts of this call are not kept any more"])
    text = read_rules(arguments.rules) if arguments.rules else journal.rules(record.decision.rules_hash)
    if text is None:
        return _refuse(
            [f"rules {record.decision.rules_hash[:12]} are not kept any more; name others with --rules FILE"]
        )
    try:
        explained = explain_call(record.decision.facts, text)
    except RulesError:
        raise
    except ValueError as error:
        return _refuse([f"{arguments.call}: {error}"])
    print_decision(*explained, as_json=arguments.json)
    return 0


async def _ask(settings: Settings, caller: CallerNumber) -> tuple[CrmAnswer, StageList]:
    """What the CRM says about this number, and its stages; a CRM that cannot be asked is an answer, too."""
    crm = EmbeddedCrm(settings.crm.path, settings.crm.stages)
    lookup = Lookup(crm, deadline_s=_PATIENCE_S)
    try:
        answer = await lookup.find(caller)
        stages = await asyncio.wait_for(crm.stages(), _PATIENCE_S)
    except (CrmUnavailable, TimeoutError):
        stages = settings.crm.stages or SHIPPED_STAGES
    finally:
        await lookup.close()
        await crm.close()
    return answer, stages


def _refuse(lines: Iterable[str]) -> int:
    for line in lines:
        print(printable(line), file=sys.stderr)
    return 2
