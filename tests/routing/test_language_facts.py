"""Every fact that conditions can ask for: known, absent and unknown, in a map and in an expression."""

import json

import pytest
from small_house import DEAL, FILE, LINE, RADIO, SITE, Given

from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.run_tests import run_test
from cti_bridge.routing.vocabulary import FACTS, HISTORY_FACTS


def decided_by(when: object, given: Given) -> str:
    """Which rule decides this call: `it`, whose condition this is, or another answer."""
    tests = [{"name": "row", "given": given, "expect": {"decision": "default"}}]
    text = json.dumps({**FILE, "rules": [{"name": "it", "when": when, "queue": "works"}], "tests": tests})
    rules = load_rules(text, stages=SHIPPED_STAGES)
    return run_test(rules.tests[0], rules, SHIPPED_STAGES).decision.rule


CUSTOMER = {"customer.known": True}
FACT_ROWS: dict[str, tuple[object, Given, Given]] = {
    # fact: (the value asked for, a call that has it, one that has another)
    "call.caller": ("+74950000150", {"caller": "8 (495) 000-01-50"}, {"caller": "8 (495) 000-01-51"}),
    "call.did": (RADIO, {"did": "8 (495) 000-01-49"}, {"did": SITE}),
    "call.trunk": ("trunk-a", {"trunk": "trunk-a"}, {"trunk": "trunk-b"}),
    "call.kind": ("anonymous", {"caller": "anonymous"}, {"caller": "101"}),
    "call.verified": (True, {"trunk": "trunk-a"}, {"trunk": "trunk-b"}),
    "call.crm": ("stale", {"crm": "stale", **DEAL}, {"crm": "none"}),
    "call.language": ("ru", {"call.language": "ru"}, {"call.language": "en"}),
    "call.name": ("Ласточкина", {"call.name": "Ласточкина"}, {"call.name": "Соловьёв"}),
    "call.first_time": (True, {"call.first_time": True}, {"call.first_time": False}),
    "call.missed_last_hour": (2, {"call.missed_last_hour": 2}, {"call.missed_last_hour": 1}),
    "line.known": (True, {"did": RADIO}, {"did": "+74950000147"}),
    **{f"line.{key}": (value, {"did": RADIO}, {"did": SITE}) for key, value in LINE.items()},
    "customer.known": (True, CUSTOMER, {}),
    **{
        f"customer.{name}": ("Тверь", {f"customer.{name}": "Тверь"}, {f"customer.{name}": "Казань"})
        for name in ("id", "name", "city", "timezone", "segment", "preferred_channel", "responsible", "email")
    },
    "customer.last_operator": ("op2", {"customer.last_operator": "op2"}, {"customer.last_operator": "op3"}),
    "deal.known": (True, DEAL, CUSTOMER),
    "deal.id": ("17", {**DEAL, "deal.id": "17"}, {**DEAL, "deal.id": "18"}),
    "deal.title": ("Кухня", {**DEAL, "deal.title": "Кухня"}, {**DEAL, "deal.title": "Шкаф"}),
    "deal.stage": ("paid", DEAL, {"deal.stage": "offer_sent"}),
    "deal.amount": (900, {**DEAL, "deal.amount": 900}, {**DEAL, "deal.amount": 901}),
    "deal.responsible": ("op2", {**DEAL, "deal.responsible": "op2"}, {**DEAL, "deal.responsible": "op3"}),
    "deals": (2, {"deals": [{"stage": "paid"}, {"stage": "offer_sent"}]}, {"deals": [{"stage": "paid"}]}),
    "class": ("production", DEAL, {"deal.stage": "offer_sent"}),
}
NEVER_ABSENT = {
    "call.kind", "call.verified", "call.crm", "line.known",
    "customer.known", "deal.known", "deals", "class",
}  # fmt: skip
"""There is a value for these of every call of which nothing is given."""

TELL_OF_THE_CRM = {"call.crm", "customer.known", "deal.known"}
OURS = [
    fact for fact in FACT_ROWS if (FACTS[fact].always or fact in HISTORY_FACTS) and fact not in TELL_OF_THE_CRM
]  # fmt: skip
"""What is known without the CRM: of the call, of its line, and what the journal remembers."""


def in_cel(fact: str, value: object) -> str:
    """The same question as an expression."""
    name = {"class": "call.class", "deals": "size(deals)"}.get(fact, fact)
    return f"{name} == {json.dumps(value, ensure_ascii=False)}"


def test_the_table_has_every_fact() -> None:
    assert FACT_ROWS.keys() == FACTS.keys()


@pytest.mark.parametrize("fact", FACT_ROWS)
def test_a_fact_that_is_known_is_compared(fact: str) -> None:
    value, has_it, has_another = FACT_ROWS[fact]

    for question, opposite in (
        ({fact: value}, {fact: {"not": value}}),
        (in_cel(fact, value), f"!({in_cel(fact, value)})"),
    ):
        assert [decided_by(question, given) for given in (has_it, has_another)] == ["it", "default"]
        assert [decided_by(opposite, given) for given in (has_it, has_another)] == ["default", "it"]


@pytest.mark.parametrize("fact", [fact for fact in FACT_ROWS if fact not in NEVER_ABSENT])
def test_a_fact_that_is_absent_fails_a_question_and_passes_its_opposite(fact: str) -> None:
    value = FACT_ROWS[fact][0]

    assert decided_by({fact: value}, {}) == "default"
    assert decided_by({fact: {"not": value}}, {}) == "it"
    assert decided_by(f"has({fact})", {}) == "default"
    assert decided_by(f"!has({fact})", {}) == "it"


@pytest.mark.parametrize("fact", OURS)
def test_a_fact_that_is_not_the_crms_is_known_while_it_is_down(fact: str) -> None:
    value, has_it, has_another = FACT_ROWS[fact]

    assert decided_by({fact: value}, {**has_it, "crm": "down"}) == "it"
    assert decided_by({fact: {"not": value}}, {**has_another, "crm": "down"}) == "it"


@pytest.mark.parametrize("fact", [fact for fact in FACT_ROWS if fact not in {*OURS, *TELL_OF_THE_CRM}])
def test_a_fact_that_only_the_crm_knows_fails_both_ways_while_it_is_down(fact: str) -> None:
    value = FACT_ROWS[fact][0]

    for question in ({fact: value}, {fact: {"not": value}}, in_cel(fact, value), f"!({in_cel(fact, value)})"):
        assert decided_by(question, {"crm": "down"}) == "degraded"


@pytest.mark.parametrize(("fact", "value"), [("call.crm", "failed"), ("customer.known", False), ("deal.known", False)])
def test_what_tells_of_the_crm_itself_can_be_asked_while_it_is_down(fact: str, value: object) -> None:
    assert decided_by({fact: value}, {"crm": "down"}) == "it"
    assert decided_by({fact: {"not": value}}, {"crm": "down"}) == "degraded"
