"""The decision about one call: walks the classes and the rule tree over the facts. Pure, bounded, never raises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cti_bridge.domain.decision import CrmSource, Decision, DecisionKind, Facts, PreferredOperator, Step
from cti_bridge.routing.conditions import Condition
from cti_bridge.routing.expressions import Expression, Workspace
from cti_bridge.routing.facts import Gathered, is_ambiguous
from cti_bridge.routing.rules import Ambiguous, ClassEntry, Outputs, Rule, RuleSet
from cti_bridge.routing.vocabulary import CLASS, CLASS_IN_CEL


class Tried(NamedTuple):
    """A class or rule that was looked at, by name or path: the condition that failed (None: all hold), a CEL error."""

    name: str
    failed: Condition | None
    error: str


@dataclass(frozen=True, slots=True)
class Trace:
    """What was looked at on the way to a decision, in order; `facts` are those that the rules saw, class included."""

    facts: Facts
    classes: tuple[Tried, ...]
    rules: tuple[Tried, ...]

    @property
    def cel_errors(self) -> tuple[Tried, ...]:
        """Every expression that ended with an error and therefore did not match."""
        return tuple(tried for tried in (*self.classes, *self.rules) if tried.error)


def decide(rules: RuleSet, gathered: Gathered) -> tuple[Decision, Trace]:
    """Where this call goes, and what was tried on the way; the words for it are made by `explain` when asked for."""
    if is_ambiguous(gathered.facts) and (gathered.choice_open or rules.ambiguous is Ambiguous.DEFAULT):
        decision = _decision(gathered, DecisionKind.DEFAULT, "default", rules.default, "")
        return decision, Trace(gathered.facts, (), ())
    walk = _Walk(rules, gathered)
    class_name = walk.classify(rules.classes)
    rule = walk.search(rules.rules)
    trace = Trace(walk.facts, tuple(walk.classes_tried), tuple(walk.rules_tried))
    if rule is not None and rule.outputs is not None:
        return _decision(gathered, DecisionKind.MATCHED, rule.path, rule.outputs, class_name), trace
    if gathered.source is CrmSource.FAILED:
        outputs = _degraded(rules, gathered.facts)
        return _decision(gathered, DecisionKind.DEGRADED, "degraded", outputs, class_name), trace
    return _decision(gathered, DecisionKind.DEFAULT, "default", rules.default, class_name), trace


class _Walk:
    """One pass over classes and rules for one call."""

    def __init__(self, rules: RuleSet, gathered: Gathered) -> None:
        self._rules = rules
        self.facts = dict(gathered.facts)
        self._failed = gathered.source is CrmSource.FAILED
        self._workspace = Workspace(rules.expression_facts, self.facts)
        self.classes_tried: list[Tried] = []
        self.rules_tried: list[Tried] = []

    def classify(self, classes: Sequence[ClassEntry]) -> str:
        """The class of the call; empty and unknown to the rules when the CRM failed."""
        if self._failed:
            return ""
        name = ""
        for entry in classes:
            if self._holds(entry.name, entry.conditions, self.classes_tried):
                name = entry.name
                break
        self.facts[CLASS] = self.facts[CLASS_IN_CEL] = name or None
        if CLASS_IN_CEL in self._rules.expression_facts:
            self._workspace = Workspace(self._rules.expression_facts, self.facts)
        return name

    def search(self, rules: Sequence[Rule]) -> Rule | None:
        """The first rule, depth first, that answers: its conditions hold, no child of it answers, it has a queue."""
        for rule in rules:
            if not self._holds(rule.path, rule.conditions, self.rules_tried):
                continue
            found = self.search(rule.children) if rule.children else None
            if found is not None:
                return found
            if rule.outputs is not None:
                return rule
        return None

    def _holds(self, name: str, conditions: Sequence[Condition], tried: list[Tried]) -> bool:
        for condition in conditions:
            error = ""
            if isinstance(condition, Expression):
                evaluated = self._workspace.evaluate(condition)
                holds, error = evaluated.holds, evaluated.error
            else:
                holds = condition.holds(self.facts)
            if not holds:
                tried.append(Tried(name, condition, error))
                return False
        tried.append(Tried(name, None, ""))
        return True


def _decision(gathered: Gathered, kind: DecisionKind, rule: str, outputs: Outputs, class_name: str) -> Decision:
    return Decision(
        kind=kind,
        crm=gathered.source,
        rule=rule,
        steps=outputs.steps,
        final=outputs.final,
        class_name=class_name,
        record=gathered.record,
        deal_id=gathered.deal_id,
        preferred=_preferred(gathered.facts, outputs),
        priority=outputs.priority,
        language=str(gathered.facts.get("line.language") or ""),
    )


def _preferred(facts: Facts, outputs: Outputs) -> PreferredOperator | None:
    """Whom to ring first: who is responsible for the deal, else for the customer."""
    if outputs.operator_timeout_s is None:
        return None
    user = facts.get("deal.responsible") or facts.get("customer.responsible")
    return PreferredOperator(user, outputs.operator_timeout_s) if isinstance(user, str) else None


def _degraded(rules: RuleSet, facts: Facts) -> Outputs:
    did = facts.get("call.did")
    queue = rules.degraded.by_did.get(did, rules.degraded.queue) if isinstance(did, str) else rules.degraded.queue
    return Outputs(steps=(Step(queue, rules.queues[queue]),), final=rules.default.final)
