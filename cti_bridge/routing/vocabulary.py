"""The facts that conditions can ask about, and what kind of value each one has."""

from dataclasses import dataclass
from enum import StrEnum

from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.number import NumberKind


class FactType(StrEnum):
    """What values a fact takes and so which tests make sense for it."""

    TEXT = "text"
    PHONE = "phone number"
    """Compared in E.164, however the rule file spells it."""
    NUMBER = "number"
    FLAG = "true or false"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact; `choices` are its only values where they are fixed, `always` means it is never unknown."""

    type: FactType = FactType.TEXT
    choices: tuple[str, ...] = ()
    always: bool = False


_TEXT = Fact()
_ALWAYS = Fact(always=True)

CALL_FACTS = {
    "caller": Fact(FactType.PHONE, always=True),
    "did": Fact(FactType.PHONE, always=True),
    "trunk": _ALWAYS,
    "kind": Fact(choices=tuple(NumberKind), always=True),
    "verified": Fact(FactType.FLAG, always=True),
    "crm": Fact(choices=tuple(CrmSource), always=True),
    "language": _ALWAYS,
    "name": _ALWAYS,
    "first_time": Fact(FactType.FLAG),
    "missed_last_hour": Fact(FactType.NUMBER),
}
CUSTOMER_FACTS = {
    "known": Fact(FactType.FLAG, always=True),
    "id": _TEXT,
    "name": _TEXT,
    "city": _TEXT,
    "timezone": _TEXT,
    "segment": _TEXT,
    "preferred_channel": _TEXT,
    "responsible": _TEXT,
    "email": _TEXT,
    "last_operator": _TEXT,
}
LINE_TEXTS = ("name", "channel", "city", "direction", "zone", "language")
"""What the rule file says of a dialled number; a fact each, and a key of its entry in `lines`."""
LINE_FACTS = {"known": Fact(FactType.FLAG, always=True), **dict.fromkeys(LINE_TEXTS, _ALWAYS)}
DEAL_FIELDS = {
    "id": _TEXT,
    "title": _TEXT,
    "stage": _TEXT,
    "amount": Fact(FactType.NUMBER),
    "responsible": _TEXT,
}
"""What an element of `deals` has in an expression."""

CLASS = "class"
"""The class as a key of a `when` map; an expression says `call.class`, because `class` is reserved there."""

CLASS_IN_CEL = "call.class"
FIRST_TIME = "call.first_time"
MISSED_LAST_HOUR = "call.missed_last_hour"
LAST_OPERATOR = "customer.last_operator"
HISTORY_FACTS = (FIRST_TIME, MISSED_LAST_HOUR, LAST_OPERATOR)
"""What the journal says of the caller's number, and not the CRM; asked only where the rules want it."""
DEALS = "deals"
MOMENT = "call.at"
"""When the call arrived: kept with the facts, so that its schedules can be judged again; no condition asks for it."""

CRM_AGE = "call.crm_age"
"""How old a stale answer of the CRM was, in seconds: kept with the facts like the moment."""

FACTS: dict[str, Fact] = {
    **{f"call.{name}": fact for name, fact in CALL_FACTS.items()},
    **{f"line.{name}": fact for name, fact in LINE_FACTS.items()},
    **{f"customer.{name}": fact for name, fact in CUSTOMER_FACTS.items()},
    "deal.known": Fact(FactType.FLAG, always=True),
    **{f"deal.{name}": fact for name, fact in DEAL_FIELDS.items()},
    DEALS: Fact(FactType.NUMBER),
    CLASS: _TEXT,
}
"""Every fact by the key that a `when` map uses."""

ROOTS = ("call", "line", "customer", "deal")
"""First words of facts in expressions; each must be followed by a field."""
