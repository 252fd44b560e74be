"""Reads the conditions of a rule or a class: a map of facts to tests, or a CEL expression."""

from collections.abc import Collection, Mapping

from cti_bridge.domain.customer import StageList
from cti_bridge.routing.conditions import AllOf, AnyOf, Between, Condition, FactCondition, Not, OneOf, StartsWith, Test
from cti_bridge.routing.document import Items, Node, Scalar, Table, lines_of, place_inside
from cti_bridge.routing.expression_check import check_expression
from cti_bridge.routing.expression_comparisons import Comparison, a
from cti_bridge.routing.facts import canonical_number
from cti_bridge.routing.problems import Place, Problems, quoted, suggestion
from cti_bridge.routing.scalars import DECIMAL, INTEGER
from cti_bridge.routing.vocabulary import CLASS, CLASS_IN_CEL, FACTS, FactType

_NAMED_STAGES = 12
_NO_STAGE = "is not in the stage list"
_OPERATORS = ("not", "min", "max", "prefix")


def about_a_stage(complaint: str) -> bool:
    """Whether a line that was said of a rule file is about a stage that the stage list does not have."""
    return _NO_STAGE in complaint


class WhenReader:
    """Reads `when`.

    Without `stages` the file is one that was accepted once: what can never hold is let pass.
    `classes` are the names that a condition may ask for, None where the class is not known yet; `lines` has for each
    fact `line.*` the values that the file's lines give it.
    """

    def __init__(
        self,
        text: str,
        problems: Problems,
        *,
        classes: Collection[str] | None,
        stages: StageList | None,
        lines: Mapping[str, Collection[str]],
        region: str,
    ) -> None:
        self._lines = lines_of(text)
        self._problems = problems
        self._classes = classes
        self._stages = stages
        self._line_values = lines
        self._region = region
        self.expression_facts: list[str] = []

    def read(self, node: Node) -> tuple[Condition, ...]:
        """The conditions of one `when`, all of which must hold."""
        if isinstance(node, Table):
            if not node.entries:
                self._problems.add(node, "`when` is empty", "leave it out: then it always holds")
            conditions = (self._entry(key, value) for key, value in node.entries)
            return tuple(condition for condition in conditions if condition)
        if isinstance(node, Scalar) and not node.is_null:
            return self._expression(node)
        self._problems.add(node, "`when` must be a map of facts or a CEL expression")
        return ()

    def _entry(self, key: Scalar, value: Node) -> FactCondition | None:
        name = key.text
        if name == CLASS_IN_CEL:
            self._problems.add(key, f"unknown fact {quoted(name)}", "in a map the class is `class`")
        elif name not in FACTS:
            self._problems.add(
                key, f"unknown fact {quoted(name)}", suggestion(name, FACTS, "see docs/rules-reference.md")
            )
        elif name == CLASS and self._classes is None:
            self._problems.add(key, "a class cannot depend on the class")
        else:
            test = self._test(name, value)
            return FactCondition(name, test) if test else None
        return None

    def _test(self, fact: str, node: Node) -> Test | None:
        if isinstance(node, Scalar):
            value = self.value(fact, node)
            return None if value is None else OneOf(frozenset({value}), (value,))
        if isinstance(node, Items):
            return self._any_of(fact, node)
        tests = [test for key, value in node.entries if (test := self._operator(fact, key, value))]
        low = next((test.low for test in tests if isinstance(test, Between) and test.low is not None), None)
        high = next((test.high for test in tests if isinstance(test, Between) and test.high is not None), None)
        if low is not None and high is not None and low > high:
            self._problems.add(node, f"{fact} can never be at least {low:g} and at most {high:g}")
        if not node.entries:
            self._problems.add(node, f"{fact} is compared with nothing", f"known here: {', '.join(_OPERATORS)}")
        return (tests[0] if len(tests) == 1 else AllOf(tuple(tests))) if tests else None

    def _any_of(self, fact: str, node: Items) -> Test | None:
        if not node.items:
            self._problems.add(node, f"the list of values for {fact} is empty, so this never holds")
        values = tuple(
            v for item in node.items if isinstance(item, Scalar) and (v := self.value(fact, item)) is not None
        )
        nested = [test for item in node.items if not isinstance(item, Scalar) and (test := self._test(fact, item))]
        tests: list[Test] = [OneOf(frozenset(values), values)] if values else []
        tests += nested
        return (tests[0] if len(tests) == 1 else AnyOf(tuple(tests))) if tests else None

    def _operator(self, fact: str, key: Scalar, value: Node) -> Test | None:
        kind = FACTS[fact].type
        if key.text == "not":
            test = self._test(fact, value)
            return Not(test) if test else None
        if key.text in {"min", "max"}:
            if kind is not FactType.NUMBER:
                self._problems.add(key, f"`{key.text}` is for numbers, {fact} is {a(kind)}")
                return None
            limit = self._number(fact, value)
            if limit is None:
                return None
            return Between(limit, None) if key.text == "min" else Between(None, limit)
        if key.text == "prefix":
            return self._prefix(fact, key, value)
        hint = suggestion(key.text, _OPERATORS, f"known here: {', '.join(_OPERATORS)}")
        self._problems.add(key, f"unknown key {quoted(key.text)}", hint)
        return None

    def _prefix(self, fact: str, key: Scalar, node: Node) -> Test | None:
        if FACTS[fact].type not in {FactType.TEXT, FactType.PHONE}:
            self._problems.add(key, f"`prefix` is for texts, {fact} is {a(FACTS[fact].type)}")
            return None
        items = node.items if isinstance(node, Items) else (node,)
        prefixes = [item.text for item in items if isinstance(item, Scalar) and not item.is_null and item.text]
        if len(prefixes) != len(items) or not prefixes:
            self._problems.add(node, "`prefix` needs one text or a list of texts")
            return None
        return StartsWith(tuple(prefixes))

    def value(self, fact: str, node: Scalar) -> str | int | float | bool | None:
        """The value to compare this fact with, in the fact's own type; None when it has no such value."""
        known = FACTS[fact]
        if node.is_null:
            self._problems.add(
                node, f"{fact} has no value to compare with", "to ask whether it is there use CEL: has(…)"
            )
            return None
        if known.type is FactType.FLAG:
            if node.plain and node.text in {"true", "false"}:
                return node.text == "true"
            self._problems.add(node, f"{fact} is true or false, not {quoted(node.text)}")
            return None
        if known.type is FactType.NUMBER:
            return self._number(fact, node)
        if known.type is FactType.PHONE:
            if not any(character.isdigit() for character in node.text):
                self._problems.add(node, f"{fact} is a phone number, not {quoted(node.text)}")
            return canonical_number(node.text, self._region)
        self._check_choice(fact, node.text, Place(node.line, node.column), known.choices)
        return node.text

    def _number(self, fact: str, node: Node) -> int | float | None:
        if isinstance(node, Scalar) and node.plain and DECIMAL.fullmatch(node.text):
            return int(node.text) if INTEGER.fullmatch(node.text) else float(node.text)
        shown = f", not {quoted(node.text)}" if isinstance(node, Scalar) else ""
        self._problems.add(node, f"{fact} is a number{shown}")
        return None

    def _check_choice(self, fact: str, text: str, place: Place, choices: tuple[str, ...]) -> None:
        if choices and text not in choices:
            hint = suggestion(text, choices, f"known: {', '.join(choices)}")
            self._problems.add(place, f"{fact} is never {quoted(text)}", hint)
        elif fact in {CLASS, CLASS_IN_CEL} and self._classes is not None and text not in self._classes:
            hint = suggestion(text, self._classes, f"known: {', '.join(self._classes) or 'none'}")
            self._problems.add(place, f"class {quoted(text)} is not in `classes`", hint)
        elif fact == "deal.stage" and self._stages is not None and self._stages.get(text) is None:
            known = [stage.id for stage in self._stages.stages]
            more = f" and {len(known) - _NAMED_STAGES} more" if len(known) > _NAMED_STAGES else ""
            hint = suggestion(text, known, f"known: {', '.join(known[:_NAMED_STAGES])}{more}")
            self._problems.add(place, f"stage {quoted(text)} {_NO_STAGE}", hint)
        elif fact in self._line_values and text not in self._line_values[fact]:
            known = [*self._line_values[fact]]
            hint = suggestion(text, known, f"known from `lines`: {', '.join(known) or 'none'}")
            self._problems.add(place, f"{fact} is never {quoted(text)}", hint)

    def _expression(self, node: Scalar) -> tuple[Condition, ...]:
        checked = check_expression(node.text)
        for complaint in checked.complaints:
            self._problems.add(place_inside(self._lines, node, complaint.offset), complaint.message, complaint.hint)
        for pointless in checked.pointless if self._stages is not None else ():
            self._problems.add(place_inside(self._lines, node, pointless.offset), pointless.message, pointless.hint)
        for comparison in checked.comparisons if self._stages is not None else ():
            self._comparison(comparison, place_inside(self._lines, node, comparison.offset))
        if checked.expression is None:
            return ()
        if self._classes is None and CLASS_IN_CEL in checked.expression.facts:
            self._problems.add(node, "a class cannot depend on the class")
        self.expression_facts += checked.expression.facts
        return (checked.expression,)

    def _comparison(self, comparison: Comparison, place: Place) -> None:
        """What a map would have put right or refused is refused in an expression, where nothing can be put right."""
        fact = FACTS.get(comparison.fact)
        if fact is not None and fact.type is FactType.PHONE:
            spelled = canonical_number(comparison.value, self._region)
            if spelled != comparison.value:
                message = f"{comparison.fact} is never {quoted(comparison.value)}"
                self._problems.add(place, message, f"write `{spelled}`")
        else:
            self._check_choice(comparison.fact, comparison.value, place, fact.choices if fact else ())
