"""Reads what a test expects of the decision, and compares."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from cti_bridge.domain.decision import CrmSource, Decision, DecisionKind, Penalties
from cti_bridge.routing.document import Node, Table
from cti_bridge.routing.expected_steps import read_expected_steps, steps_in_words, steps_seen
from cti_bridge.routing.finals import read_final
from cti_bridge.routing.lines import read_language
from cti_bridge.routing.outputs import MAX_PRIORITY, read_queue
from cti_bridge.routing.problems import Problems, quoted, suggestion
from cti_bridge.routing.rule_tests import Expected
from cti_bridge.routing.rules import Rule, RuleSet
from cti_bridge.routing.scalars import Fields, read_choice, read_integer, read_text
from cti_bridge.routing.treatment import TREATMENT_KEYS, is_empty, read_announcement, read_penalties
from cti_bridge.routing.tree import RESERVED

EXPECT_KEYS = ("queue", "steps", "final", "class", "rule", "decision", "crm", "operator", "priority", *TREATMENT_KEYS)
DECISIONS = tuple(kind.value for kind in DecisionKind if kind is not DecisionKind.FALLBACK)


@dataclass(frozen=True, slots=True)
class Difference:
    """One key of `expect` that came out otherwise, both sides in words."""

    key: str
    expected: str
    got: str


def answering_rules(rules: RuleSet) -> tuple[str, ...]:
    """What a decision's `rule` can be: the path of each rule that answers calls, then `default` and `degraded`."""

    def below(rule: Rule) -> list[str]:
        own = [rule.path] if rule.outputs is not None or rule.degraded is not None else []
        return [*own, *(path for child in rule.children for path in below(child))]

    return (*(path for rule in rules.rules for path in below(rule)), *RESERVED)


class ExpectReader:
    """Reads `expect` of each test against the names of these rules."""

    def __init__(self, rules: RuleSet, problems: Problems) -> None:
        self._rules = rules
        self._problems = problems
        # a rule with a mistake in it may look like one that is not there: one mistake, not two
        self._paths = None if problems.any else answering_rules(rules)
        self._classes = tuple(entry.name for entry in rules.classes)
        self._readers: dict[str, Callable[[Node], Expected]] = {
            "queue": lambda node: read_queue(node, "`queue`", rules.queues, problems),
            "steps": lambda node: read_expected_steps(node, rules.queues, problems),
            "final": lambda node: read_final(node, rules.queues, problems),
            "class": lambda node: self._named(node, "class", self._classes, "in `classes`"),
            "rule": self._rule,
            "decision": lambda node: read_choice(node, "`decision`", DECISIONS, problems),
            "crm": lambda node: read_choice(node, "`crm`", tuple(CrmSource), problems),
            "operator": lambda node: read_text(node, "`operator`", problems),
            "priority": lambda node: read_integer(node, "`priority`", 0, MAX_PRIORITY, problems),
            "penalties": lambda node: read_penalties(node, problems),
            "language": lambda node: read_language(node, problems),
            "announcement": lambda node: read_announcement(node, problems),
        }

    def read(self, node: Node) -> dict[str, Expected]:
        """What one test expects by key; to expect nothing is a mistake."""
        fields = Fields(node, "`expect`", EXPECT_KEYS, self._problems)
        if isinstance(node, Table) and not node.entries:
            self._problems.add(node, "`expect` is empty", f"known keys: {', '.join(EXPECT_KEYS)}")
        return {key: self._value(key, value) for key in EXPECT_KEYS if (value := fields.get(key)) is not None}

    def _value(self, key: str, node: Node) -> Expected:
        if key in {"class", "operator", "priority", *TREATMENT_KEYS} and is_empty(node):
            return None  # "" in quotes: there is none
        return self._readers[key](node)

    def _rule(self, node: Node) -> str | None:
        if self._paths is None:
            return read_text(node, "`rule`", self._problems)
        return self._named(node, "rule", self._paths, "a rule that answers calls")

    def _named(self, node: Node, what: str, names: Collection[str], place: str) -> str | None:
        text = read_text(node, f"`{what}`", self._problems)
        if text is not None and text not in names:
            hint = suggestion(text, names, f"known: {', '.join(names) or 'none'}")
            self._problems.add(node, f"{what} {quoted(text)} is not {place}", hint)
        return text


def differences(expect: Mapping[str, Expected], decision: Decision) -> tuple[Difference, ...]:
    """What of the decision is not as expected, in the order of `EXPECT_KEYS`."""
    came_out: dict[str, Expected] = {
        "queue": decision.queue,
        "steps": steps_seen(expect.get("steps"), decision.steps),
        "final": decision.final,
        "class": decision.class_name or None,
        "rule": decision.rule,
        "decision": decision.kind.value,
        "crm": decision.crm.value if decision.crm else None,
        "operator": decision.preferred.wanted[0].id if decision.preferred else None,
        "priority": decision.priority,
        "penalties": decision.penalties,
        "language": decision.language or None,
        "announcement": decision.announcement or None,
    }
    return tuple(
        Difference(key, _in_words(expect[key]), _in_words(came_out[key]))
        for key in EXPECT_KEYS
        if key in expect and came_out[key] != expect[key]
    )


def _in_words(value: Expected) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return steps_in_words(value)
    if isinstance(value, Penalties):
        return value.in_words
    return str(value)
