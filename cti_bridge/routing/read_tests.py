"""Reads the tests of a rule file: from `tests` in the file itself, or from a file of their own beside it."""

from cti_bridge.domain.customer import StageList
from cti_bridge.routing.document import Node, Scalar, Table, parse_document
from cti_bridge.routing.expected import ExpectReader
from cti_bridge.routing.given import GivenReader
from cti_bridge.routing.lines import line_values
from cti_bridge.routing.problems import Problems, quoted
from cti_bridge.routing.rule_tests import Given, RuleTest
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.scalars import Fields, read_items, read_text
from cti_bridge.routing.when import WhenReader

TEST_KEYS = ("name", "given", "expect")
TESTS_FILE_KEYS = ("tests",)
MAX_NAME = 120


def read_tests(node: Node, rules: RuleSet, stages: StageList | None, problems: Problems) -> tuple[RuleTest, ...]:
    """The tests in this list, read after everything else of the file; mistakes are noted in `problems`."""
    return _TestsReader(rules, stages, problems).read(node)


def load_tests(text: str, rules: RuleSet, *, stages: StageList | None = None) -> tuple[RuleTest, ...]:
    """Reads the text of a file that has only tests. Raises `RulesError` with every problem found."""
    problems = Problems()
    document = parse_document(text, problems)
    tests: tuple[RuleTest, ...] = ()
    if document is not None:
        node = Fields(document, "the file of tests", TESTS_FILE_KEYS, problems).required("tests")
        tests = read_tests(node, rules, stages, problems) if node is not None else ()
    problems.raise_if_any()
    return tests


def read_given(node: Node, rules: RuleSet, stages: StageList | None) -> Given:
    """A call that is given as a test gives one. Raises `RulesError` with every problem, at the places of the node."""
    problems = Problems()
    given = _TestsReader(rules, stages, problems).given(node)
    problems.raise_if_any()
    return given


class _TestsReader:
    """Reads the tests of one list."""

    def __init__(self, rules: RuleSet, stages: StageList | None, problems: Problems) -> None:
        # only single values are read with it, and no expressions, so it needs no text
        when = WhenReader(
            "", problems, classes=None, stages=stages, lines=line_values(rules.lines), region=rules.region
        )
        self._given = GivenReader(rules, when, problems)
        self._expect = ExpectReader(rules, problems)
        self._problems = problems

    def read(self, node: Node) -> tuple[RuleTest, ...]:
        names: dict[str, int] = {}
        tests = (self._test(item, names) for item in read_items(node, "`tests`", self._problems))
        return tuple(test for test in tests if test)

    def given(self, node: Node) -> Given:
        return self._given.read(node)

    def _test(self, node: Node, names: dict[str, int]) -> RuleTest | None:
        fields = Fields(node, "a test", TEST_KEYS, self._problems)
        if not isinstance(node, Table):
            return None
        name = self._name(fields.required("name"), names)
        given = fields.get("given")
        expect = fields.required("expect")
        return RuleTest(
            name=name,
            line=node.line,
            column=node.column,
            given=self.given(given) if given is not None else Given(),
            expect=self._expect.read(expect) if expect is not None else {},
        )

    def _name(self, node: Node | None, names: dict[str, int]) -> str:
        name = read_text(node, "`name`", self._problems) if node is not None else None
        if node is None or name is None:
            return "?"
        name = " ".join(name.split()) if isinstance(node, Scalar) else name
        if len(name) > MAX_NAME:
            self._problems.add(node, f"the name of a test is longer than {MAX_NAME} characters")
        if name in names:
            self._problems.add(node, f"test {quoted(name)} is there twice", f"first in line {names[name]}")
        names.setdefault(name, node.line)
        return name
