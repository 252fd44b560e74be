"""The few facts that a call went where it went for: what the operator's card says of the reason.

Taken from the conditions that held, so that nothing else of the rules or of the customer comes along: the values are
those of this call, and an expression gives away what it looked at, not what it compared with.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from cti_bridge.domain.decision import CrmSource, Decision, DecisionKind, Facts, FactValue
from cti_bridge.routing.conditions import Condition, FactCondition, NumberVerified, Opening
from cti_bridge.routing.decide import Trace, Tried
from cti_bridge.routing.expressions import Expression
from cti_bridge.routing.facts import CANDIDATES, is_ambiguous
from cti_bridge.routing.vocabulary import CLASS, CLASS_IN_CEL

MAX_DECIDING = 3
"""More facts than these are no short reason."""
MAX_TEXT = 80
"""A longer value is cut."""
SCHEDULE = "schedule."
"""Begins the name of a schedule that decided; its value is `open` or `closed`."""


@dataclass(frozen=True, slots=True)
class DecidingFact:
    """One fact that the decision hung on, by name as in the rules; None: it is absent, and had to be."""

    fact: str
    value: FactValue


def deciding_facts(decision: Decision, trace: Trace) -> tuple[DecidingFact, ...]:
    """What decided, the most telling first: of a matched rule its own conditions, then those of its parents.

    Where a rule asks for the class, what made the class counts. Without a rule it is what made the class, too, or that
    the CRM did not answer, or that several customers have the number.
    """
    found: dict[str, FactValue] = {}
    for name, value in _all(decision, trace):
        found.setdefault(name, value[:MAX_TEXT] if isinstance(value, str) else value)
        if len(found) == MAX_DECIDING:
            break
    return tuple(DecidingFact(name, value) for name, value in found.items())


_Found = Iterator[tuple[str, FactValue]]


def _all(decision: Decision, trace: Trace) -> _Found:
    if decision.crm is CrmSource.FAILED and decision.kind is DecisionKind.DEGRADED:
        yield "call.crm", CrmSource.FAILED.value
    if decision.kind is DecisionKind.DEFAULT:
        if is_ambiguous(trace.facts) and not trace.classes:
            yield CANDIDATES, _plain(trace.facts, CANDIDATES)
        yield from _class(trace)
        return
    for tried in _matched(decision.rule, trace.rules):
        yield from _of(tried.conditions, trace)


def _matched(path: str, tried: Sequence[Tried]) -> list[Tried]:
    """The rule that answered and its parents, itself first: the last ones of these names that were tried."""
    names = path.split("/")
    line = {"/".join(names[:length]) for length in range(1, len(names) + 1)}
    found = (one for one in reversed(tried) if one.name in line)
    return list(islice(found, len(line)))


def _class(trace: Trace) -> _Found:
    held = trace.classes[-1] if trace.classes and trace.classes[-1].failed is None else None
    if held is not None:
        yield from _of(held.conditions, trace)


def _of(conditions: Iterable[Condition], trace: Trace) -> _Found:
    for condition in conditions:
        if isinstance(condition, FactCondition):
            yield from _fact(condition.fact, trace)
        elif isinstance(condition, NumberVerified):
            yield "call.verified", True
        elif isinstance(condition, Opening):
            for schedule in condition.schedules:
                yield f"{SCHEDULE}{schedule.name}", "open" if condition.wanted else "closed"
        elif isinstance(condition, Expression):
            for name in condition.facts:
                yield from _fact(name, trace)


def _fact(name: str, trace: Trace) -> _Found:
    if name in {CLASS, CLASS_IN_CEL}:
        name = CLASS
        if made_of := dict(_class(trace)):
            yield from made_of.items()
            return
    if name in trace.facts:  # what is unknown keeps a rule's own `degraded` possible, but decides nothing
        yield name, _plain(trace.facts, name)


def _plain(facts: Facts, name: str) -> FactValue:
    """The value of a fact; of a list, how many there are."""
    value = facts.get(name)
    return len(value) if isinstance(value, list) else value
