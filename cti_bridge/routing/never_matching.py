"""Rules and classes that can never match: an earlier one takes every call that they could take, or they ask too much.

Only what is certain is told. A rule takes a call whose conditions all hold, those of the rules around it included; it
hides a later one of which more, or the same, is asked.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cti_bridge.routing.conditions import AllOf, AnyOf, Condition, FactCondition, OneOf, Test
from cti_bridge.routing.expressions import Expression
from cti_bridge.routing.implication import excluded, follows, plain, weight
from cti_bridge.routing.problems import Place, Problem, quoted
from cti_bridge.routing.rules import ClassEntry, Rule, RuleSet

MAX_WORK = 1_000_000
"""Pairs of lists, ranges and prefixes that are compared at most: a file of nothing but rules that look alike, or of
prefixes without end, is not looked through for ever; what is not looked at is not told."""
MAX_AT_ONCE = 250_000
"""Of two rules with more pairs than that nothing is said."""

_Key = tuple[str, object]


@dataclass(slots=True)
class _Taker:
    """Somebody who takes calls, and what has to hold for that."""

    name: str
    place: Place
    conditions: tuple[Condition, ...]
    weight: int


@dataclass(slots=True)
class _Takers:
    """Those who come earlier, filed under something that they ask for, so that few have to be compared."""

    filed: dict[_Key, list[_Taker]] = field(default_factory=lambda: defaultdict(list))
    everything: _Taker | None = None
    work: int = 0

    def add(self, name: str, place: Place, conditions: tuple[Condition, ...]) -> None:
        """One more."""
        taker = _Taker(name, place, conditions, weight(conditions))
        if not taker.conditions:
            self.everything = self.everything or taker
            return
        keys = min(([*_keys(plain(condition))] for condition in taker.conditions), key=lambda keys: keys[0][1] is None)
        for key in keys:
            self.filed[key].append(taker)

    def before(self, conditions: Sequence[Condition]) -> _Taker | None:
        """The first that takes every call for which these conditions hold."""
        if self.everything is not None:
            return self.everything
        own = weight(conditions)
        for key in dict.fromkeys(key for condition in conditions for key in _asked(plain(condition))):
            for taker in self.filed.get(key, ()):
                if (pairs := own * taker.weight) > MAX_AT_ONCE:
                    continue
                self.work += pairs
                if self.work > MAX_WORK:
                    return None
                if follows(taker.conditions, conditions):
                    return taker
        return None


def never_matching(rules: RuleSet) -> tuple[Problem, ...]:
    """A problem for each class and each rule that no call can ever get."""
    return (*_classes(rules.classes), *_Rules().walk(rules.rules, ()))


def _classes(classes: Sequence[ClassEntry]) -> Iterator[Problem]:
    earlier = _Takers()
    for entry in classes:
        taker = earlier.before(entry.conditions)
        if taker is not None:
            yield _hidden("class", entry.name, entry.place, taker)
        else:
            earlier.add(entry.name, entry.place, entry.conditions)


class _Rules:
    """Goes through a tree in the order in which a call does."""

    def __init__(self) -> None:
        self._earlier = _Takers()

    def walk(self, rules: Sequence[Rule], around: tuple[Condition, ...]) -> Iterator[Problem]:
        """The problems of these rules; of a rule that is never reached not those of the rules in it, too."""
        for rule in rules:
            conditions = (*around, *rule.conditions)
            if weight(rule.conditions) * weight(around) <= MAX_AT_ONCE and _contradicts(rule.conditions, around):
                message = f"rule {quoted(rule.path)} can never match: it contradicts the rules around it"
                yield Problem(rule.place.line, rule.place.column, message, "their conditions have to hold, too")
                continue
            taker = self._earlier.before(conditions)
            if taker is None:
                yield from self.walk(rule.children, conditions)
                if rule.outputs is not None:
                    self._earlier.add(rule.path, rule.place, conditions)
            elif not _answers_degraded(rule):
                yield _hidden("rule", rule.path, rule.place, taker)


def _contradicts(conditions: Sequence[Condition], around: Sequence[Condition]) -> bool:
    return any(excluded(own, other) for own in conditions for other in around)


def _answers_degraded(rule: Rule) -> bool:
    """Whether it has something to say while the CRM is silent, which needs no match."""
    return rule.degraded is not None or any(_answers_degraded(child) for child in rule.children)


def _hidden(kind: str, name: str, place: Place, taker: _Taker) -> Problem:
    message = f"{kind} {quoted(name)} can never match: {quoted(taker.name)} takes every call that it could"
    return Problem(
        place.line, place.column, message, f"put it before that one, line {taker.place.line}, or take it out"
    )


def _keys(condition: Condition) -> Iterator[_Key]:
    """Under what somebody with this condition is filed: single values where there are some, else what it asks for."""
    if isinstance(condition, FactCondition) and isinstance(condition.test, OneOf):
        yield from ((condition.fact, value) for value in condition.test.values)
    else:
        yield _subject(condition), None


def _asked(condition: Condition) -> Iterator[_Key]:
    """Where those are filed that could follow from this condition."""
    yield _subject(condition), None
    if isinstance(condition, FactCondition):
        value = _some_value(condition.test)
        if value is not None:
            yield condition.fact, value


def _some_value(test: Test) -> str | int | float | bool | None:
    """One of the values that pass, where single values do."""
    if isinstance(test, OneOf):
        return test.order[0]
    if isinstance(test, AnyOf | AllOf):
        return next((value for inner in test.tests if (value := _some_value(inner)) is not None), None)
    return None


def _subject(condition: Condition) -> str:
    if isinstance(condition, FactCondition):
        return condition.fact
    return condition.source if isinstance(condition, Expression) else type(condition).__name__
