"""Reads the tree of rules: names and paths, conditions, inheritance."""

from cti_bridge.routing.conditions import Condition, NumberVerified
from cti_bridge.routing.document import Node, Table
from cti_bridge.routing.outputs import OUTPUT_KEYS, Draft, OutputReader
from cti_bridge.routing.problems import Place, Problems, quoted
from cti_bridge.routing.rule_degraded import RuleDegradedReader
from cti_bridge.routing.rules import Rule
from cti_bridge.routing.scalars import Fields, read_choice, read_items, read_name
from cti_bridge.routing.schedules import OPENING_KEYS
from cti_bridge.routing.when import WhenReader

RULE_KEYS = ("name", "when", *OPENING_KEYS, "verified_number", *OUTPUT_KEYS, "degraded", "rules")
RESERVED = ("default", "degraded")
"""A decision's rule says these when no rule matched; a rule of that name could not be told from it."""
MAX_PATH = 128


class TreeReader:
    """Reads `rules` and what is nested in them; `default_final` is what a rule without `final` ends with."""

    def __init__(self, outputs: OutputReader, when: WhenReader, default_final: str, problems: Problems) -> None:
        self._outputs = outputs
        self._when = when
        self._default_final = default_final
        self._degraded = RuleDegradedReader(outputs, default_final, problems)
        self._problems = problems

    def read(self, node: Node) -> tuple[Rule, ...]:
        """The rules of the file in their order."""
        return self._siblings(node, "", Draft())

    def _siblings(self, node: Node, parent: str, inherited: Draft) -> tuple[Rule, ...]:
        names: set[str] = set()
        rules = []
        for item in read_items(node, "`rules`", self._problems):
            rule = self._rule(item, parent, inherited, names)
            if rule is not None:
                rules.append(rule)
        return tuple(rules)

    def _rule(self, node: Node, parent: str, inherited: Draft, names: set[str]) -> Rule | None:
        fields = Fields(node, "a rule", RULE_KEYS, self._problems)
        if not isinstance(node, Table):
            return None
        name = self._name(fields, parent, names)
        path = f"{parent}/{name}" if parent else name
        if len(path) > MAX_PATH:
            self._problems.add(node, f"the path {quoted(path)} is longer than {MAX_PATH} characters", "shorter names")
        draft = self._outputs.read(fields, inherited)
        conditions = self._conditions(fields)
        degraded, kept = self._degraded.read(own) if (own := fields.get("degraded")) is not None else (None, ())
        conditions = (*conditions, *kept)
        nested = fields.get("rules")
        children = self._siblings(nested, path, draft) if nested is not None else ()
        if draft.queue is None and nested is None:
            self._problems.add(node, f"rule {quoted(path)} has neither a queue nor rules of its own", "add `queue`")
        outputs = self._outputs.finish(draft, self._default_final)
        named = fields.get("name") or node
        return Rule(path, conditions, outputs, children, degraded, Place(named.line, named.column))

    def _name(self, fields: Fields, parent: str, names: set[str]) -> str:
        node = fields.required("name")
        name = read_name(node, "rule", self._problems) if node is not None else None
        if node is None or name is None:
            return "?"
        if name in names:
            self._problems.add(node, f"rule {quoted(name)} is there twice", "names are unique among neighbours")
        if not parent and name in RESERVED:
            self._problems.add(node, f"a rule cannot be called {quoted(name)}", "the word has a meaning of its own")
        names.add(name)
        return name

    def _conditions(self, fields: Fields) -> tuple[Condition, ...]:
        conditions: tuple[Condition, ...] = self._outputs.openings(fields)
        if (node := fields.get("verified_number")) is not None:
            read_choice(node, "`verified_number`", ("required",), self._problems)
            conditions = (*conditions, NumberVerified())
        if (node := fields.get("when")) is not None:
            conditions = (*self._when.read(node), *conditions)
        return conditions
