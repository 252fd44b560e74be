"""A decision in words: the facts, the class, each rule that was tried and why it did not match, the steps.

Made from the trace after the fact, never on the way of a call. The texts hold whatever callers and the CRM sent;
whoever prints them makes them harmless for that place.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from cti_bridge.domain.decision import Decision, Facts
from cti_bridge.domain.history import NO_HISTORY
from cti_bridge.routing.decide import Trace, decide
from cti_bridge.routing.facts import Gathered
from cti_bridge.routing.history import history_facts, without_number
from cti_bridge.routing.kept_facts import from_flat
from cti_bridge.routing.line_facts import line_facts
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.preferred import preferred_json
from cti_bridge.routing.reasons import Asked, asked, outcome, reason, schedules_told, tried_rules
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.sections import Section, fact_names, sections, unknown_facts

Explained = tuple[RuleSet, Gathered, Decision, Trace]
"""A call computed again: what the functions below tell it from."""


def explain_lines(rules: RuleSet, gathered: Gathered, decision: Decision, trace: Trace, *more: Section) -> list[str]:
    """The whole story of a decision, line by line; a line may hold any character that a caller or the CRM sent."""
    lines = [headline(rules, gathered, decision, trace)]
    for section in (*sections(rules, gathered, decision, trace), *more):
        lines += ["", section.title, *(f"  {line}" for line in _columns(section))]
    return lines


def headline(rules: RuleSet, gathered: Gathered, decision: Decision, trace: Trace) -> str:
    """Who goes where and why, in one line."""
    caller = trace.facts.get("call.caller") or f"the {trace.facts.get('call.kind') or ''} caller".replace("  ", " ")
    return f"{caller} goes to {decision.queue}: {outcome(rules, gathered, decision)}"


def reason_lines(rules: RuleSet, gathered: Gathered, decision: Decision, trace: Trace) -> list[str]:
    """Of that story only why, without columns: each class and rule that was tried, and what came of it."""
    lines = []
    if trace.classes:
        lines += ["classes", *(f"  class {tried.name}: {reason(tried, trace.facts)}" for tried in trace.classes)]
    lines.append(f"class: {decision.class_name or '(none)'}")
    if trace.rules:
        lines += ["rules", *(f"  rule {tried.path}: {tried.reason}" for tried in tried_rules(decision, trace))]
    if states := schedules_told(trace):
        lines += ["schedules", *(f"  schedule {name}: {text}" for name, _, text in states)]
    return [*lines, f"decision: {decision.kind.value}, {outcome(rules, gathered, decision)}"]


def explain_json(rules: RuleSet, gathered: Gathered, decision: Decision, trace: Trace) -> dict[str, Any]:
    """The same as values for JSON; an absent fact is null, an unknown one is named in `unknown`."""
    facts = trace.facts
    return {
        "decision": decision.kind.value,
        "reason": outcome(rules, gathered, decision),
        "rule": decision.rule,
        "crm": decision.crm.value if decision.crm else None,
        "class": decision.class_name,
        "queue": decision.queue,
        "steps": [asdict(step) for step in decision.steps],
        "final": decision.final,
        "priority": decision.priority,
        "language": decision.language,
        "operator": preferred_json(decision.preferred),
        "announcement": decision.announcement,
        "penalties": asdict(decision.penalties) if decision.penalties else None,
        "customer_id": decision.customer_id,
        "deal_id": decision.deal_id,
        "candidates": [record.customer.id for record in gathered.candidates],
        "facts": {name: facts[name] for name in fact_names(facts)},
        "unknown": unknown_facts(gathered.facts, rules),
        "classes": [
            {
                "class": tried.name,
                "holds": tried.failed is None,
                "reason": reason(tried, facts),
                "conditions": _conditions(asked(tried, facts)),
            }
            for tried in trace.classes
        ],
        "rules": [
            {
                "rule": tried.path,
                "matched": tried.matched,
                "reason": tried.reason,
                "conditions": _conditions(tried.conditions),
            }
            for tried in tried_rules(decision, trace)
        ],
        "schedules": [
            {"schedule": name, "open": is_open, "reason": text} for name, is_open, text in schedules_told(trace)
        ],
        "left_out": [{"queue": tried.name, "reason": reason(tried, facts)} for tried in trace.left_out],
        "rules_hash": rules.hash,
    }


def explain_call(facts: Facts, rules_text: str) -> Explained:
    """Computes a kept call again under these rules: what the functions above tell it from.

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
    if rules.asks_history and without_number(facts.get("call.kind")):
        facts = {**facts, **history_facts(NO_HISTORY)}
    return from_flat(facts)


def _columns(section: Section) -> list[str]:
    """The rows of a section with marks, names and texts below one another."""
    marks = max(len(row.mark) for row in section.rows)
    names = max(len(row.name) + 2 * row.depth for row in section.rows)
    return [
        "".join(
            (
                f"{row.mark:<{marks}}  " if marks else "",
                f"{'  ' * row.depth}{row.name}".ljust(names),
                f"  {row.text}",
            )
        )
        for row in section.rows
    ]


def _conditions(told: Iterable[Asked]) -> list[dict[str, Any]]:
    return [{"condition": one.text, "holds": one.holds} for one in told]
