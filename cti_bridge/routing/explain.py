"""A decision in words: the facts, the class, each rule that was tried and why it did not match, the steps.

Made from the trace after the fact, never on the way of a call. The texts hold whatever callers and the CRM sent;
whoever prints them makes them harmless for that place.
"""

from typing import Any

from cti_bridge.domain.decision import CrmSource, Decision, DecisionKind, Facts, FactValue, Step
from cti_bridge.routing.conditions import Condition, in_words
from cti_bridge.routing.decide import Trace, Tried, decide
from cti_bridge.routing.expressions import Expression
from cti_bridge.routing.facts import CANDIDATES, Gathered, from_flat, is_ambiguous
from cti_bridge.routing.line_facts import line_facts
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.schedule import Clock
from cti_bridge.routing.vocabulary import CLASS, CLASS_IN_CEL, FACTS, MOMENT

_OUTCOMES = {
    DecisionKind.MATCHED: "the rule `{rule}` matched",
    DecisionKind.DEFAULT: "no rule matched, so `default` answers",
    DecisionKind.DEGRADED: "the CRM did not answer and no rule matched without it, so `degraded` answers",
    DecisionKind.FALLBACK: "the dialplan decided alone",
}


Explained = tuple[RuleSet, Gathered, Decision, Trace]
"""A call computed again: what the functions below tell it from."""


def explain_lines(rules: RuleSet, gathered: Gathered, decision: Decision, trace: Trace) -> list[str]:
    """The whole story of a decision, line by line; a line may hold any character that a caller or the CRM sent."""
    lines = ["facts", *(f"  {name}: {_shown(trace.facts[name])}" for name in _names(trace.facts))]
    if unknown := _unknown(gathered.facts):
        lines.append(f"  unknown: {', '.join(unknown)}")
    return [*lines, *reason_lines(rules, gathered, decision, trace), *_output_lines(gathered, decision, trace)]


def reason_lines(rules: RuleSet, gathered: Gathered, decision: Decision, trace: Trace) -> list[str]:
    """Of that story only why: each class and rule that was tried, and what came of it."""
    lines = []
    if trace.classes:
        lines += ["classes", *(f"  class {tried.name}: {reason(tried, trace.facts)}" for tried in trace.classes)]
    lines.append(f"class: {decision.class_name or '(none)'}")
    if trace.rules:
        lines += ["rules", *(f"  rule {path}: {text}" for path, _, text in _rule_lines(decision, trace))]
    if states := _schedules(trace):
        lines += ["schedules", *(f"  schedule {name}: {text}" for name, _, text in states)]
    return [*lines, f"decision: {decision.kind.value}, {outcome(rules, gathered, decision)}"]


def explain_json(rules: RuleSet, gathered: Gathered, decision: Decision, trace: Trace) -> dict[str, Any]:
    """The same as values for JSON; an absent fact is null, an unknown one is named in `unknown`."""
    return {
        "decision": decision.kind.value,
        "reason": outcome(rules, gathered, decision),
        "rule": decision.rule,
        "crm": decision.crm.value if decision.crm else None,
        "class": decision.class_name,
        "queue": decision.queue,
        "steps": [{"queue": step.queue, "timeout_s": step.timeout_s} for step in decision.steps],
        "final": decision.final,
        "priority": decision.priority,
        "language": decision.language,
        "operator": (
            {"crm_user": decision.preferred.crm_user, "timeout_s": decision.preferred.timeout_s}
            if decision.preferred
            else None
        ),
        "customer_id": decision.customer_id,
        "deal_id": decision.deal_id,
        "candidates": [record.customer.id for record in gathered.candidates],
        "facts": {name: trace.facts[name] for name in _names(trace.facts)},
        "unknown": _unknown(gathered.facts),
        "classes": [
            {"class": tried.name, "holds": tried.failed is None, "reason": reason(tried, trace.facts)}
            for tried in trace.classes
        ],
        "rules": [
            {"rule": path, "matched": matched, "reason": text} for path, matched, text in _rule_lines(decision, trace)
        ],
        "schedules": [{"schedule": name, "open": is_open, "reason": text} for name, is_open, text in _schedules(trace)],
        "left_out": [{"queue": tried.name, "reason": reason(tried, trace.facts)} for tried in trace.left_out],
        "rules_hash": rules.hash,
    }


def explain_call(facts: Facts, rules_text: str) -> Explained:
    """Computes a kept call again under these rules: what `explain_lines` and `explain_json` want.

    `facts` are those that the journal kept (`flatten`). Raises `RulesError` for unusable rules, ValueError for facts
    that are not those of a call.
    """
    rules = load_rules(rules_text)
    gathered = taken_up(facts, rules)
    return (rules, gathered, *decide(rules, gathered))


def taken_up(facts: Facts, rules: RuleSet) -> Gathered:
    """The facts that the journal kept of a call, as these rules would have seen them. Raises ValueError.

    What a dialled number stands for is said by the rules, so other rules may say something else.
    """
    if "call.did" in facts:
        facts = {**facts, **line_facts(rules.lines.get(str(facts["call.did"] or "")))}
    return from_flat(facts)


def outcome(rules: RuleSet, gathered: Gathered, decision: Decision) -> str:
    """Why the call went where it went, in one sentence."""
    if decision.kind is DecisionKind.DEFAULT and is_ambiguous(gathered.facts) and not decision.class_name:
        count = gathered.facts[CANDIDATES]
        return f"the number belongs to {count} customers and none is chosen, so `default` answers"
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
        return f"`{_source(tried.failed)}` failed: {tried.error}"
    if isinstance(tried.failed, Expression):
        return _expression_reason(tried.failed, facts)
    return tried.failed.why_not(facts)


def _expression_reason(expression: Expression, facts: Facts) -> str:
    unknown = [name for name in expression.facts if name not in facts]
    if unknown:
        return f"{', '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} unknown"
    values = ", ".join(f"{name} {_is(facts[name])}" for name in expression.facts)
    return f"`{_source(expression)}` is false" + (f": {values}" if values else "")


def _source(condition: Condition) -> str:
    return " ".join(condition.source.split()) if isinstance(condition, Expression) else ""


def _is(value: FactValue | list[dict[str, FactValue]]) -> str:
    if value is None:
        return "is absent"
    return f"has {len(value)}" if isinstance(value, list) else f"is `{in_words(value)}`"


def _rule_lines(decision: Decision, trace: Trace) -> list[tuple[str, bool, str]]:
    """Each rule as it was tried: its path, whether it is the one that answered, and why or why not."""
    lines = [
        (tried.name, False, "holds, looking at the rules in it" if tried.failed is None else reason(tried, trace.facts))
        for tried in trace.rules
    ]
    if decision.kind is DecisionKind.MATCHED and trace.rules:
        if trace.rules[-1].failed is None and trace.rules[-1].name == decision.rule:
            lines[-1] = (decision.rule, True, "matches")
        else:
            lines.append((decision.rule, True, "matches, because none of the rules in it does"))
    return lines


def _schedules(trace: Trace) -> list[tuple[str, bool | None, str]]:
    """Each schedule that was asked for: its name, whether it was open, and in words from when until when."""
    clock = Clock(trace.facts)
    return [
        (schedule.name, clock.is_open(schedule), schedule.in_words(clock.at) if clock.at else "unknown")
        for schedule in trace.schedules
    ]


def _names(facts: Facts) -> list[str]:
    order = [MOMENT, *FACTS, CANDIDATES]
    return [name for name in order if name in facts and name != CLASS_IN_CEL]


def _unknown(facts: Facts) -> list[str]:
    return [name for name in FACTS if name not in facts and name != CLASS]


def _shown(value: FactValue | list[dict[str, FactValue]]) -> str:
    if value is None:
        return "absent"
    if isinstance(value, list):
        return f"{len(value)} open" + "".join(f"; {deal.get('stage')} {deal.get('id')}" for deal in value)
    return in_words(value)


def _output_lines(gathered: Gathered, decision: Decision, trace: Trace) -> list[str]:
    lines = []
    if decision.preferred:
        lines.append(f"first rings: {decision.preferred.crm_user} for {decision.preferred.timeout_s} s")
    lines.append("steps: " + ", then ".join(_step(step) for step in decision.steps))
    lines += [f"left out: {tried.name}, {reason(tried, trace.facts)}" for tried in trace.left_out]
    lines.append(f"final: {decision.final}")
    if decision.priority is not None:
        lines.append(f"priority: {decision.priority}")
    if decision.language:
        lines.append(f"language: {decision.language}")
    if decision.crm is CrmSource.FAILED:
        lines.append("crm: failed, customer and deals are unknown")
    elif decision.crm is not None:
        lines.append(f"crm: {decision.crm.value}")
    if gathered.candidates:
        names = ", ".join(f"{record.customer.name} ({record.customer.id})" for record in gathered.candidates)
        lines.append(f"candidates: {names}")
    return lines


def _step(step: Step) -> str:
    return f"{step.queue} ({step.timeout_s} s)" if step.timeout_s else f"{step.queue} (no limit)"
