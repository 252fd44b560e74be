"""Why a class, a rule or a step held or did not, in words, condition by condition. Made after the fact, from the trace.

The texts hold whatever callers and the CRM sent; whoever prints them makes them harmless for that place.
"""

from typing import NamedTuple

from cti_bridge.domain.decision import Decision, DecisionKind, Facts, FactValue
from cti_bridge.routing.conditions import Condition, FactCondition, NumberVerified, Opening, in_words
from cti_bridge.routing.decide import Trace, Tried
from cti_bridge.routing.expressions import Expression
from cti_bridge.routing.facts import CANDIDATES, Gathered, is_ambiguous
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.schedule import Clock
from cti_bridge.routing.tree import RESERVED

_OUTCOMES = {
    DecisionKind.MATCHED: "the rule `{rule}` matched",
    DecisionKind.DEFAULT: "no rule matched, so `default` answers",
    DecisionKind.DEGRADED: "the CRM did not answer and no rule matched without it, so `degraded` answers",
    DecisionKind.FALLBACK: "the dialplan decided alone",
}


class Asked(NamedTuple):
    """One condition: what came of it in words, and whether it held; None: an earlier one failed, it was not asked."""

    text: str
    holds: bool | None


class TriedRule(NamedTuple):
    """One rule as it was tried: its path, whether it is the one that answered, why or why not, its conditions,
    and whether all of them hold.
    """

    path: str
    matched: bool
    reason: str
    conditions: tuple[Asked, ...]
    holds: bool


def outcome(rules: RuleSet, gathered: Gathered, decision: Decision) -> str:
    """Why the call went where it went, in one sentence."""
    if decision.kind is DecisionKind.DEFAULT and is_ambiguous(gathered.facts) and not decision.class_name:
        count = gathered.facts[CANDIDATES]
        return f"the number belongs to {count} customers and none is chosen, so `default` answers"
    if _by_its_own_degraded(decision):
        return f"the CRM did not answer and no rule matched without it, so `degraded` of `{decision.rule}` answers"
    text = _OUTCOMES[decision.kind].format(rule=decision.rule)
    did = gathered.facts.get("call.did")
    if decision.kind is DecisionKind.DEGRADED and did in rules.degraded.by_did:
        return f"{text} for {did}"
    return text


def reason(tried: Tried, facts: Facts) -> str:
    """Why this rule or class did not hold, or that it did."""
    if tried.failed is None:
        return "holds"
    if tried.error:
        return f"{_source(tried.failed)} failed: {tried.error}"
    if isinstance(tried.failed, Expression):
        return _expression(tried.failed, facts, "false")
    return tried.failed.why_not(facts)


def asked(tried: Tried, facts: Facts) -> tuple[Asked, ...]:
    """Every condition that it has, in the order in which they are asked."""
    told: list[Asked] = []
    failed = False
    for condition in tried.conditions:
        if failed:
            told.append(Asked(_subject(condition), None))
        elif condition is tried.failed:
            failed = True
            told.append(Asked(reason(tried, facts), False))
        else:
            told.append(Asked(_held(condition, facts), True))
    return tuple(told)


def tried_rules(decision: Decision, trace: Trace) -> list[TriedRule]:
    """Each rule as it was tried; one that answers because none of the rules in it does comes twice."""
    told = []
    for tried in trace.rules:
        text = "holds, looking at the rules in it" if tried.failed is None else reason(tried, trace.facts)
        told.append(TriedRule(tried.name, False, text, asked(tried, trace.facts), tried.failed is None))
    if _by_its_own_degraded(decision):
        text = "could match, as far as is known: its `degraded` answers"
        return [*told, TriedRule(decision.rule, False, text, (), True)]
    if decision.kind is not DecisionKind.MATCHED or not trace.rules:
        return told
    if trace.rules[-1].failed is None and trace.rules[-1].name == decision.rule:
        told[-1] = told[-1]._replace(matched=True, reason="matches")
    else:
        told.append(TriedRule(decision.rule, True, "matches, because none of the rules in it does", (), True))
    return told


def schedules_told(trace: Trace) -> list[tuple[str, bool | None, str]]:
    """Each schedule that was asked for: its name, whether it was open, and in words from when until when."""
    clock = Clock(trace.facts)
    return [
        (schedule.name, clock.is_open(schedule), schedule.in_words(clock.at) if clock.at else "unknown")
        for schedule in trace.schedules
    ]


def _by_its_own_degraded(decision: Decision) -> bool:
    """Whether a rule answers for a silent CRM in its own way."""
    return decision.kind is DecisionKind.DEGRADED and decision.rule not in RESERVED


def _held(condition: Condition, facts: Facts) -> str:
    """What a condition found that holds."""
    if isinstance(condition, FactCondition):
        return f"{condition.fact} {_is(facts.get(condition.fact))}"
    if isinstance(condition, NumberVerified):
        return "the number is verified"
    if isinstance(condition, Opening):
        clock = Clock(facts)
        moment = clock.at
        return ", ".join(
            f"schedule `{schedule.name}` is {schedule.in_words(moment) if moment else 'unknown'}"
            for schedule in condition.schedules
        )
    if isinstance(condition, Expression):
        return _expression(condition, facts, "true")
    return _subject(condition)


def _subject(condition: Condition) -> str:
    """What a condition asks about."""
    if isinstance(condition, FactCondition):
        return f"{condition.fact}: {condition.test.wanted()}"
    if isinstance(condition, NumberVerified):
        return "a verified number"
    if isinstance(condition, Opening):
        names = ", ".join(f"`{schedule.name}`" for schedule in condition.schedules)
        return f"{names} {'open' if condition.wanted else 'not open'}"
    if isinstance(condition, Expression):
        return _source(condition)
    return f"an answer of the CRM not older than {condition.seconds:g} s"


def _expression(expression: Expression, facts: Facts, came_out: str) -> str:
    unknown = [name for name in expression.facts if name not in facts]
    if unknown:
        return f"{', '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} unknown"
    values = ", ".join(f"{name} {_is(facts[name])}" for name in expression.facts)
    return f"{_source(expression)} is {came_out}" + (f": {values}" if values else "")


def _source(condition: Condition) -> str:
    return f"`{' '.join(condition.source.split())}`" if isinstance(condition, Expression) else ""


def _is(value: FactValue | list[dict[str, FactValue]]) -> str:
    if value is None:
        return "is absent"
    return f"has {len(value)}" if isinstance(value, list) else f"is `{in_words(value)}`"
