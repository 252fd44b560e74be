"""The group of commands about rule files."""

import argparse

from cti_bridge.cli import explain, rule_schema, rule_tests, rules_diff, rules_history, rules_reload, schedules


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `explain`, and the group `rules`."""
    group = commands.add_parser("rules", help="rule files: tested, tried on past calls, and those of the past")
    actions = group.add_subparsers(metavar="ACTION", required=True)
    for command in (rule_tests, rule_schema, rules_reload, rules_diff, rules_history, schedules):
        command.register(actions)
    explain.register(commands)
