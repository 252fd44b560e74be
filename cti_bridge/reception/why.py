"""Why a call is here, in short: what the card of an operator says of the decision. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from cti_bridge.domain.decision import Decision, FactValue
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.protocol import Json
from cti_bridge.routing.decide import Trace
from cti_bridge.routing.deciding import DecidingFact, deciding_facts
from cti_bridge.routing.vocabulary import LAST_OPERATOR

_RESPONSIBLE = frozenset({"customer.responsible", "deal.responsible"})


class Wish(StrEnum):
    """What became of an operator whom the rule wanted to ring first."""

    CALLED = "called"
    NOT_FREE = "not_free"
    NOBODY = "nobody"
    """No operator has that user of the CRM, or that id."""


@dataclass(frozen=True, slots=True)
class FirstOperator:
    """Somebody whom the rule wanted to ring first, by his name, and what became of it."""

    name: str
    wish: Wish


@dataclass(frozen=True, slots=True)
class Why:
    """The facts that decided, three at most, and whom the rule wanted first, as far down its list as was looked."""

    reason: tuple[DecidingFact, ...] = ()
    operators: tuple[FirstOperator, ...] = ()


NO_REASON = Why()
"""Of a call that was not decided here, or of which nothing is known any more."""


def why(decision: Decision, trace: Trace, operators: tuple[FirstOperator, ...]) -> Why:
    """The reason of a decision; `operators` are those whom the rule wanted first."""
    return Why(deciding_facts(decision, trace), operators)


def encode_why(known: Why, directory: Directory) -> Json:
    """The reason as pages get it; which words it has, they know. An operator is told by name."""
    return {
        "reason": [{"fact": one.fact, "value": _by_name(one, directory)} for one in known.reason],
        "operators": [{"name": one.name, "state": one.wish.value} for one in known.operators],
    }


def _by_name(one: DecidingFact, directory: Directory) -> FactValue:
    if not isinstance(one.value, str):
        return one.value
    operator = None
    if one.fact == LAST_OPERATOR:
        operator = directory.get(one.value)
    elif one.fact in _RESPONSIBLE:
        operator = directory.by_crm_user(one.value)
    return operator.name if operator else one.value
