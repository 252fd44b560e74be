"""Reads what a test expects of the decision, and compares."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from cti_bridge.domain.decision import CrmSource, Decision, DecisionKind, Step
from cti_bridge.routing.document import Node, Scalar, Table
from cti_bridge.routing.outputs import MAX_PRIORITY, MAX_STEPS, MAX_TIMEOUT_S, OutputReader, read_queue
from cti_bridge.routing.problems import Problems, quoted, suggestion
from cti_bridge.routing.rule_tests import Expected, ExpectedStep
from cti_bridge.routing.rules import Rule, RuleSet
from cti_bridge.routing.scalars import Fields, read_choice, read_integer, read_items, read_seconds, read_text
from cti_bridge.routing.tree import RESERVED

EXPECT_KEYS = ("queue", "steps", "final", "class", "rule", "decision", "crm", "operator", "priority")
DECISIONS = tuple(kind.value for kind in DecisionKind if kind is not DecisionKind.FALLBACK)
EXPECTED_STEP_KEYS = ("queue", "timeout")


@dataclass(frozen=True, slots=True)
class Difference:
    """One key of `expect` that came out otherwise, both sides in words."""

    key: str
    expected: str
    got: str


def answering_rules(rules: RuleSet) -> tuple[str, ...]:
    """What a decision's `rule` can be: the path of each rule that answers calls, then `default` and `degraded`."""

    def below(rule: Rule) -> list[str]:
        own = [rule.path] if rule.outputs is not None else []
        return [*own, *(path for child in rule.children for path in below(child))]

    return (*(path for rule in rules.rules for path in below(rule)), *RESERVED)


class ExpectReader:
    """Reads `expect` of each test against the names of these rules."""

    def __init__(self, rules: RuleSet, problems: Problems) -> None:
        self._rules = rules
        self._problems = problems
        self._outputs = OutputReader(rules.queues, problems)
        # a rule with a mistake in it may look like one that is not there: one mistake, not two
        self._paths = None if problems.any else answering_rules(rules)
        self._classes = tuple(entry.name for entry in rules.classes)
        self._readers: dict[str, Callable[[Node], Expected]] = {
            "queue": lambda node: read_queue(node, "`queue`", rules.queues, problems),
            "steps": self._steps,
            "final": self._outputs.final,
            "class": lambda node: self._named(node, "class", self._classes, "in `classes`"),
            "rule": self._rule,
            "decision": lambda node: read_choice(node, "`decision`", DECISIONS, problems),
            "crm": lambda node: read_choice(node, "`crm`", tuple(CrmSource), problems),
            "operator": lambda node: read_text(node, "`operator`", problems),
            "priority": lambda node: read_integer(node, "`priority`", 0, MAX_PRIORITY, problems),
        }

    def read(self, node: Node) -> dict[str, Expected]:
        """What one test expects by key; to expect nothing is a mistake."""
        fields = Fields(node, "`expect`", EXPECT_KEYS, self._problems)
        if isinstance(node, Table) and not node.entries:
            self._problems.add(node, "`expect` is empty", f"known keys: {', '.join(EXPECT_KEYS)}")
        return {key: self._value(key, value) for key in EXPECT_KEYS if (value := fields.get(key)) is not None}

    def _value(self, key: str, node: Node) -> Expected:
        if key in {"class", "operator", "priority"} and isinstance(node, Scalar) and node.style and not node.text:
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

    def _steps(self, node: Node) -> tuple[ExpectedStep, ...]:
        items = read_items(node, "`steps`", self._problems)
        if len(items) > MAX_STEPS:
            self._problems.add(node, f"{len(items)} steps, at most {MAX_STEPS} are possible")
        return tuple(step for item in items if (step := self._step(item)))

    def _step(self, node: Node) -> ExpectedStep | None:
        if isinstance(node, Scalar):
            queue = read_queue(node, "a step", self._rules.queues, self._problems)
            return ExpectedStep(queue) if queue else None
        fields = Fields(node, "a step", EXPECTED_STEP_KEYS, self._problems)
        name = fields.required("queue") if isinstance(node, Table) else None
        queue = read_queue(name, "`queue`", self._rules.queues, self._problems) if name is not None else None
        timeout = fields.get("timeout")
        timeout_s = None
        if timeout is not None:
            timeout_s = read_seconds(timeout, "`timeout`", 0, MAX_TIMEOUT_S, self._problems)
        return ExpectedStep(queue, timeout_s) if queue else None


def differences(expect: Mapping[str, Expected], decision: Decision) -> tuple[Difference, ...]:
    """What of the decision is not as expected, in the order of `EXPECT_KEYS`."""
    came_out: dict[str, Expected] = {
        "queue": decision.queue,
        "steps": _steps_seen(expect.get("steps"), decision.steps),
        "final": decision.final,
        "class": decision.class_name or None,
        "rule": decision.rule,
        "decision": decision.kind.value,
        "crm": decision.crm.value if decision.crm else None,
        "operator": decision.preferred.crm_user if decision.preferred else None,
        "priority": decision.priority,
    }
    return tuple(
        Difference(key, _in_words(expect[key]), _in_words(came_out[key]))
        for key in EXPECT_KEYS
        if key in expect and came_out[key] != expect[key]
    )


def _steps_seen(expected: Expected, steps: Sequence[Step]) -> tuple[ExpectedStep, ...]:
    """The decision's steps as exactly as the test speaks of them: with time-outs only where it names one."""
    wanted = expected if isinstance(expected, tuple) else ()
    exact = any(step.timeout_s is not None for step in wanted)
    asked = [wanted[number].timeout_s is not None if number < len(wanted) else exact for number in range(len(steps))]
    return tuple(
        ExpectedStep(step.queue, step.timeout_s if told else None) for step, told in zip(steps, asked, strict=True)
    )


def _in_words(value: Expected) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ", ".join(
            step.queue if step.timeout_s is None else f"{step.queue} ({step.timeout_s} s)" for step in value
        )
    return str(value)
