"""What the journal knows of the caller's number, as facts, and whether rules ask for any of it."""

from collections.abc import Iterable, Iterator

from cti_bridge.domain.decision import FactValue, OperatorSource
from cti_bridge.domain.history import CallerHistory
from cti_bridge.domain.number import NumberKind
from cti_bridge.routing.conditions import Condition, FactCondition
from cti_bridge.routing.expressions import Expression
from cti_bridge.routing.rules import ClassEntry, Outputs, Rule
from cti_bridge.routing.vocabulary import FIRST_TIME, HISTORY_FACTS, LAST_OPERATOR, MISSED_LAST_HOUR


def history_facts(history: CallerHistory | None) -> dict[str, FactValue]:
    """These facts; none of them where the journal did not say, so that they are unknown."""
    if history is None:
        return {}
    return {
        FIRST_TIME: history.first_time,
        MISSED_LAST_HOUR: history.missed_last_hour,
        LAST_OPERATOR: history.last_operator,
    }


def without_number(kind: object) -> bool:
    """Whether a caller of this kind (`call.kind`) has no number of his own, so that there is no history of him."""
    return isinstance(kind, str) and kind in {NumberKind.ANONYMOUS.value, NumberKind.INTERNAL.value}


def asks_history(classes: Iterable[ClassEntry], rules: Iterable[Rule]) -> bool:
    """Whether a condition of a class or a rule asks for such a fact, or a rule wants whoever spoke with him last."""
    every = [*_with_children(rules)]
    conditions = (*(entry.conditions for entry in classes), *(rule.conditions for rule in every))
    return any(_asks(condition) for each in conditions for condition in each) or any(
        _wants_last(outputs) for rule in every for outputs in (rule.outputs, rule.degraded)
    )


def _with_children(rules: Iterable[Rule]) -> Iterator[Rule]:
    for rule in rules:
        yield rule
        yield from _with_children(rule.children)


def _asks(condition: Condition) -> bool:
    if isinstance(condition, Expression):
        return any(fact in HISTORY_FACTS for fact in condition.facts)
    return isinstance(condition, FactCondition) and condition.fact in HISTORY_FACTS


def _wants_last(outputs: Outputs | None) -> bool:
    return outputs is not None and any(wish.source is OperatorSource.LAST for wish in outputs.operators)
