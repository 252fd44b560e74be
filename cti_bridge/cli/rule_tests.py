"""`cti-bridge rules test`: the tests of the rule file, what came out otherwise, and why; and the judge for `check`."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from cti_bridge.cli.terminal import printable
from cti_bridge.domain.customer import SHIPPED_STAGES, StageList
from cti_bridge.reception.rule_file import RulesUnreadable, read_with_tests
from cti_bridge.reception.rule_judge import NotJudged, judge_apart
from cti_bridge.routing.judgement import JudgedTest, Judgement
from cti_bridge.settings import DEFAULT_PATH, SettingsError, load_settings


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `test` to `rules`."""
    test = actions.add_parser(
        "test",
        help="run the tests of the rule file",
        description="Decides the calls that the file's tests give, and says what came out otherwise than expected.",
    )
    test.add_argument("--rules", metavar="FILE", type=Path, help="another rule file than that of the settings")
    test.add_argument("--tests", metavar="FILE", type=Path, help="another file of tests than the one beside the rules")
    test.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
    test.add_argument("--json", action="store_true", help="JSON on stdout, nothing else")
    test.set_defaults(func=_test)


def judge_file(rules: Path, tests: Path | None, stages: StageList, *, explain: bool = False) -> Judgement:
    """What a reload would say of this file, by the same judge. Raises RulesUnreadable and NotJudged, which name it."""
    text, beside = read_with_tests(rules, tests)
    try:
        return asyncio.run(judge_apart(text, beside, stages, explain=explain, hand_on=False))
    except NotJudged as error:
        raise NotJudged(f"{rules}: {error}") from error


def _test(arguments: argparse.Namespace) -> int:
    try:
        rules, stages = _asked_for(arguments)
        judgement = judge_file(rules, arguments.tests, stages, explain=True)
    except SettingsError as error:
        return _refuse(error.problems)
    except (RulesUnreadable, NotJudged) as error:
        return _refuse([str(error)])
    if judgement.problems:
        return _refuse(judgement.problems)
    if arguments.json:
        print(json.dumps(_json(judgement)))
    else:
        _print(judgement)
    return 1 if judgement.failed else 0


def _asked_for(arguments: argparse.Namespace) -> tuple[Path, StageList]:
    """The rule file and the stage list; a rule file that is named needs no settings where there are none."""
    if arguments.rules is not None and arguments.config == DEFAULT_PATH and not DEFAULT_PATH.exists():
        return arguments.rules, SHIPPED_STAGES
    settings = load_settings(arguments.config)
    return arguments.rules or settings.rules, settings.crm.stages_unasked


def _print(judgement: Judgement) -> None:
    for test in judgement.failed:
        print(printable(f"{test.file}:{test.line}:{test.column}: FAILED {test.name}"))
        for one in test.differences:
            print(printable(f"  {one.key}: expected {one.expected}"))
            print(printable(f"  {' ' * len(one.key)}       got {one.got}"))
        for line in test.reasons:
            print(printable(f"    {line}"))
    count, failed = len(judgement.tests), len(judgement.failed)
    print(f"{count} {'test' if count == 1 else 'tests'}: {count - failed} passed, {failed} failed")
    if judgement.not_reached:
        print(f"no test reaches: {', '.join(judgement.not_reached)}")


def _json(judgement: Judgement) -> dict[str, object]:
    return {
        "passed": len(judgement.tests) - len(judgement.failed),
        "failed": len(judgement.failed),
        "not_reached": list(judgement.not_reached),
        "tests": [_test_json(test) for test in judgement.tests],
    }


def _test_json(test: JudgedTest) -> dict[str, object]:
    return {
        "name": test.name,
        "file": test.file,
        "line": test.line,
        "column": test.column,
        "passed": not test.differences,
        "differences": [{"key": one.key, "expected": one.expected, "got": one.got} for one in test.differences],
        "reasons": list(test.reasons),
    }


def _refuse(lines: Iterable[str]) -> int:
    for line in lines:
        print(printable(line), file=sys.stderr)
    return 2
