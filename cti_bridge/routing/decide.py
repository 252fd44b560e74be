"""The decision about one call: walks the classes and the rule tree over the facts. Pure, bounded, never raises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cti_bridge.domain.decision import CrmSource, Decision, DecisionKind, Facts, PreferredOperator, Step
from cti_bridge.routing.conditions import Condition, Opening
from cti_bridge.routing.expressions import Expression, Workspace
from cti_bridge.routing.facts import Gathered, is_ambiguous
from cti_bridge.routing.rules import Ambiguous, ClassEntry, Outputs, PlannedStep, Rule, RuleSet
from cti_bridge.routing.schedule import Clock, Schedule
from cti_bridge.routing.vocabulary import CLASS, CLASS_IN_CEL


class Tried(NamedTuple):
    """A class or rule that was looked at, by name or path: the condition that failed (None: all hold), a CEL error."""

    name: str
    failed: Condition | None
    error: str


@dataclass(frozen=True, slots=True)
class Trace:
    """What was looked at on the way to a decision, in order; `facts` are those that the rules saw, class included.

    `left_out` has the steps that were not taken, by queue, `schedules` those that were asked for.
    """

    facts: Facts
    classes: tuple[Tried, ...]
    rules: tuple[Tried, ...]
    left_out: tuple[Tried, ...] = ()
    schedules: tuple[Schedule, ...] = ()

    @property
    def cel_errors(self) -> tuple[Tried, ...]:
        """Every expression that ended with an error and therefore did not match."""
        return tuple(tried for tried in (*self.classes, *self.rules) if tried.error)


def decide(rules: RuleSet, gathered: Gathered) -> tuple[Decision, Trace]:
    """Where this call goes, and what was tried on the way; the words for it are made by `explain` when asked for."""
    walk = _Walk(rules, gathered)
    kind, path, outputs, class_name = DecisionKind.DEFAULT, "default", rules.default, ""
    if not is_ambiguous(gathered.facts) or not (gathered.choice_open or rules.ambiguous is Ambiguous.DEFAULT):
        class_name = walk.classify(rules.classes)
        rule = walk.search(rules.rules)
        if rule is not None and rule.outputs is not None:
            kind, path, outputs = DecisionKind.MATCHED, rule.path, rule.outputs
        elif gathered.source is CrmSource.FAILED:
            kind, path, outputs = DecisionKind.DEGRADED, "degraded", _degraded(rules, gathered.facts)
    steps = walk.steps(outputs.steps)
    return _decision(gathered, kind, path, outputs, steps, class_name), walk.trace()


class _Walk:
    """One pass over classes and rules for one call."""

    def __init__(self, rules: RuleSet, gathered: Gathered) -> None:
        self._rules = rules
        self.facts = dict(gathered.facts)
        self._failed = gathered.source is CrmSource.FAILED
        self._workspace = Workspace(rules.expression_facts, self.facts)
        self._clock = Clock(gathered.facts)
        self._classes_tried: list[Tried] = []
        self._rules_tried: list[Tried] = []
        self._left_out: list[Tried] = []

    def classify(self, classes: Sequence[ClassEntry]) -> str:
        """The class of the call; empty and unknown to the rules when the CRM failed."""
        if self._failed:
            return ""
        name = ""
        for entry in classes:
            if self._holds(entry.name, entry.conditions, self._classes_tried):
                name = entry.name
                break
        self.facts[CLASS] = self.facts[CLASS_IN_CEL] = name or None
        if CLASS_IN_CEL in self._rules.expression_facts:
            self._workspace = Workspace(self._rules.expression_facts, self.facts)
        return name

    def search(self, rules: Sequence[Rule]) -> Rule | None:
        """The first rule, depth first, that answers: its conditions hold, no child of it answers, it has a queue."""
        for rule in rules:
            if not self._holds(rule.path, rule.conditions, self._rules_tried):
                continue
            found = self.search(rule.children) if rule.children else None
            if found is not None:
                return found
            if rule.outputs is not None:
                return rule
        return None

    def steps(self, planned: Sequence[PlannedStep]) -> tuple[Step, ...]:
        """Those of the steps that are taken at this moment."""
        taken = []
        for one in planned:
            failed = next((condition for condition in one.conditions if not condition.holds(self._clock)), None)
            if failed is None:
                taken.append(one.step)
            else:
                self._left_out.append(Tried(one.queue, failed, ""))
        return tuple(taken)

    def trace(self) -> Trace:
        """What was looked at so far."""
        tried = (tuple(self._classes_tried), tuple(self._rules_tried), tuple(self._left_out))
        return Trace(self.facts, *tried, self._clock.judged)

    def _holds(self, name: str, conditions: Sequence[Condition], tried: list[Tried]) -> bool:
        for condition in conditions:
            error = ""
            if isinstance(condition, Expression):
                evaluated = self._workspace.evaluate(condition)
                holds, error = evaluated.holds, evaluated.error
            elif isinstance(condition, Opening):
                holds = condition.holds(self._clock)
            else:
                holds = condition.holds(self.facts)
            if not holds:
                tried.append(Tried(name, condition, error))
                return False
        tried.append(Tried(name, None, ""))
        return True


def _decision(
    gathered: Gathered, kind: DecisionKind, rule: str, outputs: Outputs, steps: tuple[Step, ...], class_name: str
) -> Decision:
    return Decision(
        kind=kind,
        crm=gathered.source,
        rule=rule,
        steps=steps,
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
    return Outputs(steps=(PlannedStep(Step(queue, rules.queues[queue])),), final=rules.default.final)
