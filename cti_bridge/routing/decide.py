"""The decision about one call: walks the classes and the rule tree over the facts. Pure, bounded, never raises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cti_bridge.domain.decision import CrmSource, Decision, DecisionKind, Facts, Step
from cti_bridge.routing.conditions import Condition, FactCondition, Opening
from cti_bridge.routing.expressions import Expression, Workspace
from cti_bridge.routing.facts import Gathered, is_ambiguous
from cti_bridge.routing.finals import final_for
from cti_bridge.routing.preferred import preferred
from cti_bridge.routing.rule_degraded import first_that_may
from cti_bridge.routing.rules import Ambiguous, ClassEntry, Outputs, PlannedStep, Rule, RuleSet
from cti_bridge.routing.schedule import Clock, Schedule
from cti_bridge.routing.vocabulary import CLASS, CLASS_IN_CEL


class Tried(NamedTuple):
    """A class or rule that was looked at, by name or path: the condition that failed (None: all hold), a CEL error.

    `conditions` are all that it has, in the order in which they are asked.
    """

    name: str
    failed: Condition | None
    error: str
    conditions: Sequence[Condition] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """What was looked at on the way to a decision, in order; `facts` are those that the rules saw, class included.

    `left_out` has the steps that were not taken, by queue, `schedules` those that were asked for, `planned_final`
    what the rule says is to follow them.
    """

    facts: Facts
    classes: tuple[Tried, ...]
    rules: tuple[Tried, ...]
    left_out: tuple[Tried, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    planned_final: str = ""

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
            kind, (path, outputs) = DecisionKind.DEGRADED, walk.degraded()
    steps = walk.steps(outputs.steps)
    return _decision(gathered, kind, path, outputs, steps, walk.final(outputs), class_name), walk.trace()


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
        self._planned_final = ""

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

    def degraded(self) -> tuple[str, Outputs]:
        """Where the call goes now that the CRM failed, and who says so: a rule by its path, or `degraded`."""
        rule = first_that_may(self._rules.rules, self._may_hold)
        if rule is not None and rule.degraded is not None:
            return rule.path, rule.degraded
        return "degraded", _degraded(self._rules, self.facts)

    def steps(self, planned: Sequence[PlannedStep]) -> tuple[Step, ...]:
        """Those of the steps that are taken at this moment."""
        taken = []
        for one in planned:
            failed = next((condition for condition in one.conditions if not condition.holds(self._clock)), None)
            if failed is None:
                taken.append(one.step)
            else:
                self._left_out.append(Tried(one.queue, failed, "", one.conditions))
        return tuple(taken)

    def final(self, outputs: Outputs) -> str:
        """What follows the last step for this caller."""
        self._planned_final = outputs.final
        return final_for(outputs.final, self.facts, self._rules.default.steps[0].queue)

    def trace(self) -> Trace:
        """What was looked at so far."""
        tried = (tuple(self._classes_tried), tuple(self._rules_tried), tuple(self._left_out))
        return Trace(self.facts, *tried, self._clock.judged, self._planned_final)

    def _holds(self, name: str, conditions: Sequence[Condition], tried: list[Tried]) -> bool:
        for condition in conditions:
            holds, error = self._ask(condition)
            if not holds:
                tried.append(Tried(name, condition, error, conditions))
                return False
        tried.append(Tried(name, None, "", conditions))
        return True

    def _ask(self, condition: Condition) -> tuple[bool, str]:
        """Whether a condition holds, and with what error an expression ended, else empty."""
        if isinstance(condition, Expression):
            evaluated = self._workspace.evaluate(condition)
            return evaluated.holds, evaluated.error
        if isinstance(condition, Opening):
            return condition.holds(self._clock), ""
        return condition.holds(self.facts), ""

    def _may_hold(self, condition: Condition) -> bool:
        """Whether a condition holds, or asks for something that the CRM would have to say."""
        asked = condition.facts if isinstance(condition, Expression) else ()
        asked = (condition.fact,) if isinstance(condition, FactCondition) else asked
        return any(fact not in self.facts for fact in asked) or self._ask(condition)[0]


def _decision(
    gathered: Gathered,
    kind: DecisionKind,
    rule: str,
    outputs: Outputs,
    steps: tuple[Step, ...],
    final: str,
    class_name: str,
) -> Decision:
    treatment = outputs.treatment
    return Decision(
        kind=kind,
        crm=gathered.source,
        rule=rule,
        steps=steps,
        final=final,
        class_name=class_name,
        record=gathered.record,
        deal_id=gathered.deal_id,
        preferred=preferred(outputs, gathered.facts),
        priority=outputs.priority,
        language=treatment.language or str(gathered.facts.get("line.language") or ""),
        penalties=treatment.penalties,
        announcement=treatment.announcement,
    )


def _degraded(rules: RuleSet, facts: Facts) -> Outputs:
    did = facts.get("call.did")
    queue = rules.degraded.by_did.get(did, rules.degraded.queue) if isinstance(did, str) else rules.degraded.queue
    return Outputs(steps=(PlannedStep(Step(queue, rules.queues[queue])),), final=rules.default.final)
