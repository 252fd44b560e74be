"""A decision laid out for people: facts, classes, rules, schedules and what comes of them, as rows under titles."""

from collections.abc import Iterator
from typing import NamedTuple

from cti_bridge.domain.decision import CrmSource, Decision, Facts, FactValue, Step
from cti_bridge.routing.conditions import in_words
from cti_bridge.routing.decide import Trace
from cti_bridge.routing.facts import CANDIDATES, Gathered
from cti_bridge.routing.finals import final_in_words
from cti_bridge.routing.preferred import preferred_rows
from cti_bridge.routing.reasons import Asked, TriedRule, asked, outcome, reason, schedules_told, tried_rules
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.treatment import treatment_words
from cti_bridge.routing.vocabulary import CLASS, CLASS_IN_CEL, CRM_AGE, FACTS, HISTORY_FACTS, MOMENT


class Row(NamedTuple):
    """One line: `mark` says at a glance what came of it, `depth` how far it is indented."""

    name: str
    text: str
    mark: str = ""
    depth: int = 0


class Section(NamedTuple):
    """Rows of one kind under a title."""

    title: str
    rows: tuple[Row, ...]


def sections(rules: RuleSet, gathered: Gathered, decision: Decision, trace: Trace) -> list[Section]:
    """The whole story in order: what was known, what was tried, what comes of it."""
    told = [
        Section("facts", tuple(_facts(trace.facts, rules))),
        Section("classes", tuple(_classes(trace))),
        Section("rules", tuple(row for tried in tried_rules(decision, trace) for row in _rule(tried))),
        Section("schedules", tuple(Row(name, text) for name, _, text in schedules_told(trace))),
        Section("decision", tuple(_decision(rules, gathered, decision, trace))),
    ]
    return [section for section in told if section.rows]


def fact_names(facts: Facts) -> list[str]:
    """The known and the absent facts in the order of the documentation."""
    order = [MOMENT, CRM_AGE, *FACTS, CANDIDATES]
    return [name for name in order if name in facts and name != CLASS_IN_CEL]


def unknown_facts(facts: Facts, rules: RuleSet) -> list[str]:
    """The facts that could not be found out; what the journal is not asked for under these rules is none of them."""
    not_asked = () if rules.asks_history else HISTORY_FACTS
    return [name for name in FACTS if name not in facts and name != CLASS and name not in not_asked]


def _facts(facts: Facts, rules: RuleSet) -> Iterator[Row]:
    names = fact_names(facts)
    yield from (Row(name, _shown(facts[name])) for name in names if facts[name] is not None)
    absent, unknown = [name for name in names if facts[name] is None], unknown_facts(facts, rules)
    if absent:
        yield Row("absent", ", ".join(absent))
    if unknown:
        yield Row("unknown", ", ".join(unknown))


def _classes(trace: Trace) -> Iterator[Row]:
    for tried in trace.classes:
        holds = tried.failed is None
        row = Row(tried.name, reason(tried, trace.facts), "yes" if holds else "no")
        yield from _with_conditions(row, asked(tried, trace.facts))


def _rule(tried: TriedRule) -> Iterator[Row]:
    """A rule, indented below the one that it is in."""
    mark = "yes" if tried.matched else "in" if tried.holds else "no"
    return _with_conditions(Row(tried.path, tried.reason, mark, tried.path.count("/")), tried.conditions)


def _with_conditions(row: Row, conditions: tuple[Asked, ...]) -> Iterator[Row]:
    """The row and its conditions: a single one in the same line, where it has not been told as the reason."""
    if len(conditions) == 1:
        yield row if row.mark == "no" else row._replace(text=f"{row.text} ({conditions[0].text})")
        return
    yield row
    for one in conditions:
        if one.holds is not False:  # that is what the row itself says
            yield Row("", f"{'holds' if one.holds else 'not asked'}: {one.text}", depth=row.depth)


def _decision(rules: RuleSet, gathered: Gathered, decision: Decision, trace: Trace) -> Iterator[Row]:
    yield Row("decision", f"{decision.kind.value}, {outcome(rules, gathered, decision)}")
    yield Row("class", decision.class_name or "(none)")
    yield from (Row(name, text) for name, text in preferred_rows(rules.rules, decision, gathered.facts))
    for number, step in enumerate(decision.steps, start=1):
        yield Row(f"step {number}", _step(step))
    yield from (Row("left out", f"{tried.name}, {reason(tried, trace.facts)}") for tried in trace.left_out)
    yield Row("final", final_in_words(decision.final, trace.planned_final))
    treated = treatment_words(decision.priority, decision.penalties, decision.language, decision.announcement)
    yield from (Row(name, said) for name, said in treated.items())
    if decision.crm is CrmSource.FAILED:
        yield Row("crm", "failed, customer and deals are unknown")
    elif decision.crm is not None:
        yield Row("crm", decision.crm.value)
    if gathered.candidates:
        names = ", ".join(f"{record.customer.name} ({record.customer.id})" for record in gathered.candidates)
        yield Row("candidates", names)


def _step(step: Step) -> str:
    limit = f"{step.timeout_s} s" if step.timeout_s else "no limit"
    full = "" if step.max_waiting is None else f", passed over when {step.max_waiting} or more wait there"
    return f"{step.queue}, {limit}{full}"


def _shown(value: FactValue | list[dict[str, FactValue]]) -> str:
    if isinstance(value, list):
        told = (" ".join(str(deal[name]) for name in ("stage", "id") if deal.get(name) is not None) for deal in value)
        return "; ".join([f"{len(value)} open", *told])
    return in_words(value)
