"""Whom a rule wants rung first: who is responsible, who spoke with the caller last, somebody by name, or several.

Who of them is free is not known here: a decision names all who are known, in the rule's order.
"""

from collections.abc import Collection, Iterable, Iterator

from cti_bridge.domain.decision import (
    Decision,
    DecisionKind,
    Facts,
    FactValue,
    OperatorSource,
    PreferredOperator,
    WantedOperator,
)
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import OPERATOR_ID
from cti_bridge.routing.document import Items, Node, Table
from cti_bridge.routing.problems import MAX_WARNED, Problem, Problems, quoted, suggestion
from cti_bridge.routing.rules import OperatorWish, Outputs, Rule
from cti_bridge.routing.scalars import Fields, read_text
from cti_bridge.routing.vocabulary import LAST_OPERATOR

MAX_WISHES = 5
WORDS = (OperatorSource.RESPONSIBLE.value, OperatorSource.LAST.value)
_RESPONSIBLE = ("deal.responsible", "customer.responsible")


def read_wishes(node: Node, problems: Problems) -> tuple[OperatorWish, ...]:
    """What `operator` of a rule says: one wish, or a list of up to five different ones."""
    items = node.items if isinstance(node, Items) else (node,)
    if not items or len(items) > MAX_WISHES:
        problems.add(node, f"`operator` names 1 to {MAX_WISHES} operators, not {len(items)}")
    wishes: list[OperatorWish] = []
    for item in items[:MAX_WISHES]:
        wish = _wish(item, problems)
        if wish is not None and wish in wishes:
            problems.add(item, f"{quoted(wish.operator or wish.source.value)} is there twice in `operator`")
        elif wish is not None:
            wishes.append(wish)
    return tuple(wishes)


def _wish(node: Node, problems: Problems) -> OperatorWish | None:
    if isinstance(node, Table):
        return _named(node, problems)
    text = read_text(node, "`operator`", problems)
    if text is None or text in WORDS:
        return OperatorWish(OperatorSource(text), line=node.line, column=node.column) if text else None
    by_name = f"somebody by name is `{{id: {text}}}`" if OPERATOR_ID.fullmatch(text) else "or `{id: NAME}`"
    problems.add(
        node, f"`operator` must be one of {', '.join(WORDS)}, not {quoted(text)}", suggestion(text, WORDS, by_name)
    )
    return None


def _named(node: Table, problems: Problems) -> OperatorWish | None:
    name = Fields(node, "`operator`", ("id",), problems).required("id")
    text = read_text(name, "`id`", problems) if name is not None else None
    if name is None or text is None:
        return None
    if OPERATOR_ID.fullmatch(text) is None:
        problems.add(name, f"{quoted(text)} is no id of an operator", f"allowed: {OPERATOR_ID.pattern}")
        return None
    return OperatorWish(OperatorSource.NAMED, OperatorId(text), name.line, name.column)


def preferred(outputs: Outputs, facts: Facts) -> PreferredOperator | None:
    """Those of the wishes that are known of this caller; None where nobody is wanted, or nobody is known."""
    wanted = tuple(one for wish in outputs.operators if (one := _wanted(wish, facts)) is not None)
    return PreferredOperator(wanted, outputs.operator_timeout_s) if wanted else None


def _wanted(wish: OperatorWish, facts: Facts) -> WantedOperator | None:
    if wish.source is OperatorSource.NAMED:
        return WantedOperator(wish.source, operator=wish.operator)
    if wish.source is OperatorSource.LAST:
        operator = _text(facts.get(LAST_OPERATOR))
        return WantedOperator(wish.source, operator=OperatorId(operator)) if operator else None
    user = next((text for name in _RESPONSIBLE if (text := _text(facts.get(name)))), "")
    return WantedOperator(wish.source, crm_user=user) if user else None


def _text(value: FactValue | list[dict[str, FactValue]]) -> str:
    return value if isinstance(value, str) else ""


def in_words(wanted: WantedOperator) -> str:
    """Such as `op2 (spoke with the caller last)`."""
    why = {
        OperatorSource.RESPONSIBLE: f"{wanted.crm_user} (responsible)",
        OperatorSource.LAST: f"{wanted.operator} (spoke with the caller last)",
        OperatorSource.NAMED: f"{wanted.operator} (named by the rule)",
    }
    return why[wanted.source]


def preferred_rows(rules: Iterable[Rule], decision: Decision, facts: Facts) -> Iterator[tuple[str, str]]:
    """Who rings first, and why others of the rule's wishes do not count, as names and texts for `explain`."""
    if found := decision.preferred:
        named = ", else ".join(in_words(wanted) for wanted in found.wanted)
        yield "rings first", f"{named}, if free, for {found.timeout_s} s"
    wishes = _wishes(rules, decision.rule) if decision.kind is DecisionKind.MATCHED else ()
    for wish in wishes:
        if _wanted(wish, facts) is None:
            yield "rings not", f"{wish.source.value}: {_why_not(wish, facts)}"


def _why_not(wish: OperatorWish, facts: Facts) -> str:
    if wish.source is OperatorSource.LAST:
        return "nobody has spoken with this number" if LAST_OPERATOR in facts else f"{LAST_OPERATOR} is unknown"
    unknown = all(name not in facts for name in _RESPONSIBLE)
    return "who that is, is unknown" if unknown else "nobody is responsible"


def preferred_json(found: PreferredOperator | None) -> dict[str, object] | None:
    """The same as values for JSON: of each who is wanted the CRM user or the operator, whichever the wish names."""
    if found is None:
        return None
    wanted = [
        {"source": one.source.value, "crm_user": one.crm_user or None, "operator": one.operator or None}
        for one in found.wanted
    ]
    return {"timeout_s": found.timeout_s, "wanted": wanted}


def unknown_operators(rules: Iterable[Rule], known: Collection[str]) -> tuple[Problem, ...]:
    """A warning for each place at which a rule names an operator who is not there; none while nobody has been added."""
    if not known:
        return ()
    there = frozenset(known)
    named = {
        (wish.line, wish.column): wish.operator
        for rule in _every(rules)
        for wish in (rule.outputs.operators if rule.outputs else ())
        if wish.operator is not None and wish.operator not in there
    }
    missing = sorted(named.items())
    found = [
        Problem(
            *place,
            f"warning: there is no operator {quoted(operator)}, so nobody is rung first for it",
            suggestion(operator, known, "see `cti-bridge operators list`"),
        )
        for place, operator in missing[:MAX_WARNED]
    ]
    if rest := len(missing) - len(found):
        place, _ = missing[MAX_WARNED]
        found.append(Problem(*place, f"warning: {rest} more operators are named who are not there"))
    return tuple(found)


def _wishes(rules: Iterable[Rule], path: str) -> tuple[OperatorWish, ...]:
    """Whom the rule with this path wants rung first."""
    found = (rule.outputs for rule in _every(rules) if rule.path == path)
    return next((outputs.operators for outputs in found if outputs is not None), ())


def _every(rules: Iterable[Rule]) -> Iterator[Rule]:
    for rule in rules:
        yield rule
        yield from _every(rule.children)
