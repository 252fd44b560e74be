"""The command that judges settings and rules before they go live."""

import argparse
import sys
from pathlib import Path

from cti_bridge.cli.rule_tests import judge_file
from cti_bridge.cli.terminal import printable
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.reception.rule_file import RulesUnreadable
from cti_bridge.reception.rule_judge import NotJudged
from cti_bridge.settings import DEFAULT_PATH, Mode, SettingsError, load_settings, place_of


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `check`."""
    check = commands.add_parser(
        "check",
        help="check settings and rules, and run the rules' tests",
        description="Names every mistake in settings and rules, and every test of the rules that fails, as "
        "FILE:LINE:COLUMN: message (hint).",
    )
    check.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
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
        judgement = judge_file(settings.rules, None, settings.crm.stages or SHIPPED_STAGES)
    except (RulesUnreadable, NotJudged) as error:
        print(f"cti-bridge: {printable(str(error))}", file=sys.stderr)
        return 2
    problems = list(judgement.complaints)
    for key, why in settings.pbx.records.unreadable().items():
        problems.append(f"{place_of(arguments.config, ('pbxes', 0, 'records', key))}: `{key}`: {why}")
    for warning in judgement.warnings:
        print(printable(warning), file=sys.stderr)
    if problems:
        return _no(problems)
    print(f"{printable(str(arguments.config))} and {printable(str(settings.rules))} are good")
    return 0


def _no(problems: "tuple[str, ...] | list[str]") -> int:
    for problem in problems:
        print(printable(problem))
    return 1
