"""A call that is made up at the command line, in the words in which the tests of a rule file give one."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cti_bridge.domain.customer import StageList
from cti_bridge.reception.rule_file import read_with_tests
from cti_bridge.routing.document import Items, Node, Scalar, Table, parse_document
from cti_bridge.routing.problems import Problems, RulesError, quoted, suggestion
from cti_bridge.routing.read_tests import load_tests, read_given
from cti_bridge.routing.rule_tests import Given, RuleTest
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.vocabulary import DEALS

_OPTIONS = ("caller", "did", "trunk", "at", "crm")


class GivenUnusable(Exception):
    """What was given is no call; a line for each mistake."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def given_by_hand(arguments: argparse.Namespace, rules: RuleSet, stages: StageList) -> Given:
    """The call of `--given` and of the options beside it, now unless it is said when. Raises GivenUnusable."""
    entries: list[tuple[Scalar, Node]] = []
    said: list[str] = []
    for option, key, value in _all(arguments):
        said.append(option)
        if any(key == known.text for known, _ in entries):
            raise GivenUnusable(f"{option}: {quoted(key)} is given twice")
        line = len(said)
        entries.append((Scalar(line, 1, key), _value(option, key, value, line)))
    try:
        given = read_given(Table(1, 1, tuple(entries)), rules, stages)
    except RulesError as error:
        lines = (
            f"{said[problem.line - 1]}: {problem.message}" + (f" ({problem.hint})" if problem.hint else "")
            for problem in error.problems
        )
        raise GivenUnusable(*lines) from None
    return given if given.at is not None else replace(given, at=datetime.now(UTC))


def test_called(name: str, path: Path, rules: RuleSet, stages: StageList) -> RuleTest:
    """The test with this name, of the rule file or of the file beside it. Raises GivenUnusable."""
    _, beside = read_with_tests(path)
    try:
        tests = (*rules.tests, *(load_tests(beside.text, rules, stages=stages) if beside else ()))
    except RulesError as error:
        raise GivenUnusable(*(problem.format(beside.file if beside else "") for problem in error.problems)) from None
    wanted = " ".join(name.split())
    found = next((test for test in tests if test.name == wanted), None)
    if found is None:
        names = [test.name for test in tests]
        hint = suggestion(wanted, names, f"there are {len(names)}: see `cti-bridge rules test --json`")
        raise GivenUnusable(f"{path}: there is no test {quoted(name)} ({hint})")
    return found


def _all(arguments: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Each thing that is given: how it stands on the command line, its key in a test, its value."""
    for key in _OPTIONS:
        if (value := getattr(arguments, key)) is not None:
            yield f"--{key} {value}", key, str(value)
    if arguments.name is not None:
        yield f"--name {arguments.name}", "call.name", arguments.name
    if arguments.attestation == "A":
        yield "--attestation A", "call.verified", "true"
    for one in arguments.given:
        key, equals, value = one.partition("=")
        if not equals:
            raise GivenUnusable(f"--given {one}: write FACT=VALUE, such as deal.stage=paid")
        yield f"--given {one}", key.strip(), value.strip()


def _value(option: str, key: str, text: str, line: int) -> Node:
    """The value as a node of a document; only `deals` is a list, in YAML's short notation."""
    if key != DEALS:
        return Scalar(line, 1, text)
    problems = Problems()
    node = parse_document(text, problems)
    try:
        problems.raise_if_any()
    except RulesError as error:
        raise GivenUnusable(*(f"{option}: {problem.message}" for problem in error.problems)) from None
    return _in_line(node, line) if node is not None else Scalar(line, 1, text)


def _in_line(node: Node, line: int) -> Node:
    """The same nodes, all of them at the place of one option."""
    if isinstance(node, Scalar):
        return replace(node, line=line)
    if isinstance(node, Items):
        return Items(line, 1, tuple(_in_line(item, line) for item in node.items))
    return Table(line, 1, tuple((replace(key, line=line), _in_line(value, line)) for key, value in node.entries))
