"""The command that judges settings and rules before they go live."""

import argparse
import sys
from pathlib import Path

from cti_bridge.cli.check_live import open_once, queues_that_are_not_there, stages_to_check
from cti_bridge.cli.rule_tests import judge_file
from cti_bridge.cli.terminal import printable
from cti_bridge.crm.kinds import EMBEDDED
from cti_bridge.crm.port import Capability
from cti_bridge.database import DatabaseUnusable, read_only
from cti_bridge.operators.accounts import FILE_NAME
from cti_bridge.operators.store import load
from cti_bridge.reception.rule_file import RulesUnreadable, read_rules
from cti_bridge.reception.rule_judge import NotJudged
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.preferred import unknown_operators
from cti_bridge.routing.problems import RulesError
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.when import about_a_stage
from cti_bridge.settings import DEFAULT_PATH, Mode, Settings, SettingsError, load_settings, place_of

_STAGES_HINT = (
    "`cti-bridge crm check --stages` prints them as `crm.stages` of the settings, where `in_crm` leads them to the"
    " words of the rules"
)


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `check`."""
    check = commands.add_parser(
        "check",
        help="check settings and rules, and run the rules' tests",
        description="Names every mistake in settings and rules, and every test of the rules that fails, as "
        "FILE:LINE:COLUMN: message (hint).",
    )
    check.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
    check.add_argument(
        "--offline", action="store_true", help="do not ask the CRM for its stages, nor Asterisk for its queues"
    )
    check.set_defaults(func=_check)


def _check(arguments: argparse.Namespace) -> int:
    if not arguments.config.is_file():
        print(f"cti-bridge: {printable(str(arguments.config))}: no such file", file=sys.stderr)
        return 2
    try:
        settings = load_settings(arguments.config)
    except SettingsError as error:
        return _no(error.problems)
    if settings.mode is Mode.SHADOW:
        print("mode: shadow: calls are decided and written down, and no decision is carried out", file=sys.stderr)
    try:
        can = open_once(settings)
        offline = (settings.crm.stages_unasked, "")
        stages, not_asked = offline if arguments.offline else stages_to_check(settings)
        judgement = judge_file(settings.rules, None, stages)
    except SettingsError as error:
        return _no(error.problems)
    except (RulesUnreadable, NotJudged) as error:
        print(f"cti-bridge: {printable(str(error))}", file=sys.stderr)
        return 2
    problems = list(judgement.complaints)
    for key, why in settings.pbx.records.unreadable().items():
        problems.append(f"{place_of(arguments.config, ('pbxes', 0, 'records', key))}: `{key}`: {why}")
    if settings.desk.create_deal and Capability.CREATE_DEAL not in can:
        place = place_of(arguments.config, ("operators", "create_deal"))
        problems.append(f"{place}: `create_deal`: the bridge cannot make deals in this CRM ({settings.crm.kind})")
    rules = _rules(settings)
    named = _named_operators(settings, rules) if rules else ()
    notes = [not_asked]
    if settings.crm.stages is None and settings.crm.kind != EMBEDDED and any(map(about_a_stage, problems)):
        notes.append(f"the stages are those of the CRM ({settings.crm.kind}): {_STAGES_HINT}")
    if rules is not None and not arguments.offline:
        missing, note = queues_that_are_not_there(settings, rules)
        problems += [problem.format(str(settings.rules)) for problem in missing]
        notes.append(note)
    for warning in (*judgement.warnings, *named, *filter(None, notes)):
        print(printable(warning), file=sys.stderr)
    if problems:
        return _no(problems)
    print(f"{printable(str(arguments.config))} and {printable(str(settings.rules))} are good")
    return 0


def _rules(settings: Settings) -> RuleSet | None:
    """The rules, also with mistakes that only the judge names, so that everything is told at once; else None."""
    try:
        return load_rules(read_rules(settings.rules))
    except (RulesUnreadable, RulesError):
        return None


def _named_operators(settings: Settings, rules: RuleSet) -> tuple[str, ...]:
    """Warnings about operators whom the rules name and who are not there; none where nobody can tell."""
    try:
        operators = read_only(settings.data_dir / FILE_NAME, load).operators
    except DatabaseUnusable:
        return ()
    warnings = unknown_operators(rules.rules, [operator.id for operator in operators])
    return tuple(warning.format(str(settings.rules)) for warning in warnings)


def _no(problems: "tuple[str, ...] | list[str]") -> int:
    for problem in problems:
        print(printable(problem))
    return 1
