"""What is said of a rule file before it may go live: its mistakes, else how its own tests came out.

Pure, but as long and as large as the file makes it: whoever must not be held up has it done in another process, and
gets it as JSON.
"""

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from cti_bridge.domain.customer import SHIPPED_STAGES, StageList
from cti_bridge.routing.cut_nights import cut_nights
from cti_bridge.routing.document import Node
from cti_bridge.routing.document_json import document_from_json, document_json
from cti_bridge.routing.expected import Difference, answering_rules
from cti_bridge.routing.explain import reason_lines
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.never_matching import never_matching
from cti_bridge.routing.problems import MAX_PROBLEMS, Problems, RulesError, quoted
from cti_bridge.routing.read_tests import load_tests
from cti_bridge.routing.rule_tests import RuleTest
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.run_tests import RuleTestRun, run_test
from cti_bridge.routing.schedules import never_open
from cti_bridge.routing.waiting_time import doubtful_steps, too_long

MAX_EXPLAINED = 20
"""Failed tests that come with reasons; in a large file the reasons of all would be larger than anything else."""
MAX_REASONS = 200
"""Lines of reasons of one test: the last ones, where the rule that answered is."""


@dataclass(frozen=True, slots=True)
class RuleText:
    """The text of a file, and how messages call the file."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class JudgedTest:
    """How one test came out; it passed when there are no differences.

    `reasons` say why a failed one was decided so, where that was asked for.
    """

    file: str
    line: int
    column: int
    name: str
    differences: tuple[Difference, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """`problems` are the mistakes as FILE:LINE:COLUMN lines; with any, no test was run.

    `not_reached` are the rules that no test reaches, by path; `warnings` are what looks wrong but keeps no file from
    going live.
    """

    problems: tuple[str, ...]
    tests: tuple[JudgedTest, ...] = ()
    not_reached: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    document: Node | None = field(default=None, compare=False, repr=False)
    """The rule file as it was read, without its tests, where the judge hands it on."""

    @property
    def failed(self) -> tuple[JudgedTest, ...]:
        """The tests that did not come out as expected."""
        return tuple(test for test in self.tests if test.differences)

    @property
    def complaints(self) -> tuple[str, ...]:
        """Every mistake and every failed test in a line each; none when the file may go live."""
        failed = self.failed
        lines = (*self.problems, *(_complaint(test) for test in failed[:MAX_PROBLEMS]))
        more = len(failed) - MAX_PROBLEMS
        return (*lines, f"and {more} more failed tests") if more > 0 else lines


def judge(
    rules: RuleText,
    tests: RuleText | None,
    stages: StageList | None,
    now: datetime | None = None,
    *,
    explain: bool = False,
    document: Node | None = None,
) -> Judgement:
    """Reads a rule file and the file of tests beside it, and runs all tests; never raises for what is in them.

    With a stage list, stages that it does not have are mistakes. What can never match or takes too long is one here,
    but not for `load_rules`: a file that was accepted once can always be read again. With a moment there are warnings
    for schedules that are never open from then on, or that close in the middle of a night. With `explain` failed tests
    come with reasons. `document` is the rule file as it was read, where it was.
    """
    try:
        loaded = load_rules(rules.text, stages=stages, document=document)
    except RulesError as error:
        return Judgement(tuple(problem.format(rules.file) for problem in error.problems))
    pointless = _pointless(rules.file, loaded)
    try:
        beside = load_tests(tests.text, loaded, stages=stages) if tests else ()
    except RulesError as error:
        wrong = tuple(problem.format(tests.file if tests else "") for problem in error.problems)
        return Judgement((*pointless, *wrong))
    if pointless:
        return Judgement(pointless)
    files = [(rules.file, loaded.tests), (tests.file if tests else "", beside)]
    judgement = _run(loaded, files, stages or SHIPPED_STAGES, MAX_EXPLAINED if explain else 0)
    warnings = [*doubtful_steps(loaded)]
    if now is not None:
        warnings += [*never_open(loaded.schedules, now), *cut_nights(loaded.schedules, now)]
    return replace(judgement, warnings=tuple(warning.format(rules.file) for warning in sorted(warnings)))


def _pointless(file: str, rules: RuleSet) -> tuple[str, ...]:
    """What the loader can read, but nobody can mean."""
    found = Problems()
    for problem in (*never_matching(rules), *too_long(rules)):
        found.add(problem, problem.message, problem.hint)
    return tuple(problem.format(file) for problem in found.most())


def _run(rules: RuleSet, files: list[tuple[str, tuple[RuleTest, ...]]], stages: StageList, explained: int) -> Judgement:
    reached: set[str] = set()
    judged: list[JudgedTest] = []
    for file, tests in files:
        for test in tests:
            run = run_test(test, rules, stages)  # not kept: what was tried on the way is large
            reached.add(run.decision.rule)
            with_reasons = bool(run.differences) and explained > 0
            explained -= with_reasons
            judged.append(_judged(file, run, rules, with_reasons=with_reasons))
    return Judgement((), tuple(judged), tuple(path for path in answering_rules(rules) if path not in reached))


def _judged(file: str, run: RuleTestRun, rules: RuleSet, *, with_reasons: bool) -> JudgedTest:
    reasons = reason_lines(rules, run.gathered, run.decision, run.trace)[-MAX_REASONS:] if with_reasons else []
    return JudgedTest(file, run.test.line, run.test.column, run.test.name, run.differences, tuple(reasons))


def _complaint(test: JudgedTest) -> str:
    said = "; ".join(f"{one.key}: expected {quoted(one.expected)}, got {quoted(one.got)}" for one in test.differences)
    return f"{test.file}:{test.line}:{test.column}: test {quoted(test.name)} failed: {said}"


def as_json(judgement: Judgement) -> dict[str, Any]:
    """The judgement as values for JSON."""
    told = asdict(replace(judgement, document=None))
    document = judgement.document
    return told | {"document": document_json(document) if document is not None else None}


def from_json(said: Any) -> Judgement:
    """The judgement that became these values. Raises ValueError when they are none."""
    try:
        return Judgement(
            problems=tuple(str(problem) for problem in said["problems"]),
            tests=tuple(_test(test) for test in said["tests"]),
            not_reached=tuple(str(path) for path in said["not_reached"]),
            warnings=tuple(str(warning) for warning in said["warnings"]),
            document=document_from_json(said["document"]) if said["document"] is not None else None,
        )
    except (KeyError, TypeError) as error:
        raise ValueError("this is no judgement of a rule file") from error


def _test(said: Any) -> JudgedTest:
    return JudgedTest(
        file=str(said["file"]),
        line=int(said["line"]),
        column=int(said["column"]),
        name=str(said["name"]),
        differences=tuple(
            Difference(str(one["key"]), str(one["expected"]), str(one["got"])) for one in said["differences"]
        ),
        reasons=tuple(str(line) for line in said["reasons"]),
    )
