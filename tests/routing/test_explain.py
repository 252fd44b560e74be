"""A decision in words, for a person and for a program, also for a call of long ago."""

import json
from pathlib import Path

import pytest
from columns import in_words

from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, CustomerRecord, Deal
from cti_bridge.domain.decision import CrmAnswer, CrmSource, Decision
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import parse_number
from cti_bridge.routing.decide import Trace, decide
from cti_bridge.routing.explain import explain_call, explain_json, explain_lines
from cti_bridge.routing.facts import CallFacts, Gathered, flatten, gather
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import RulesError
from cti_bridge.routing.rules import RuleSet

RULES = """\
version: 1
classes: [{name: sales, when: {deal.stage: [offer_sent, awaiting_payment]}}, {name: new}]
queues: {desk: {timeout: 120s}, sales: }
rules:
  - {name: vip, when: {customer.segment: vip}, queue: sales}
  - {name: sure, verified_number: required, queue: sales}
  - {name: rich, when: 'has(deal.amount) && deal.amount > 100000', queue: sales}
  - {name: wrong, when: 'customer.email == "x"', queue: sales}
  - name: tver
    when: {customer.city: Тверь}
    queue: sales
    then: [desk]
    operator: responsible
    rules:
      - {name: paid, when: {deal.stage: awaiting_payment}, priority: 3}
      - {name: many, when: {deals: {min: 2}}}
default: {queue: desk}
degraded: {by_did: {+74950000149: sales}}
"""
Told = tuple[RuleSet, Gathered, Decision, Trace]


def tell(*records: CustomerRecord, source: CrmSource = CrmSource.FRESH, more: str = "", name: str = "") -> Told:
    rules = load_rules(RULES + more)
    call = CallFacts(parse_number("+74950000150", region="RU"), "84950000149", "trunk-b", name=name)
    gathered = gather(call, CrmAnswer(source, records), rules, SHIPPED_STAGES)
    return (rules, gathered, *decide(rules, gathered))


def customer(stage: str = "offer_sent", city: str = "Тверь", key: str = "k1") -> CustomerRecord:
    person = Customer(CustomerId(key), "Берёзкин", city=city, responsible="op2")
    return CustomerRecord(person, (Deal(DealId("d1"), "Кухня", stage),))


def test_each_rule_that_was_tried_says_why_it_did_not_match() -> None:
    lines = in_words(explain_lines(*tell(customer())))

    start = lines.index("rules")
    assert lines[start:] == [
        "rules",
        "no vip customer.segment is absent, wanted vip",
        "no sure the number is not verified: trunk `trunk-b` is not trusted, attestation is not A",
        "no rich `has(deal.amount) && deal.amount > 100000` is false: deal.amount is absent",
        'no wrong `customer.email == "x"` failed: customer.email is absent; ask has(customer.email) first',
        "in tver holds, looking at the rules in it (customer.city is `Тверь`)",
        "no tver/paid deal.stage is `offer_sent`, wanted awaiting_payment",
        "no tver/many deals is 1, wanted at least 2",
        "yes tver matches, because none of the rules in it does",
        "",
        "decision",
        "decision matched, the rule `tver` matched",
        "class sales",
        "rings first op2 (responsible), if free, for 15 s",
        "step 1 sales, no limit",
        "step 2 desk, 120 s",
        "final queue:desk",
        "crm fresh",
    ]


def test_who_goes_where_and_why_stands_first() -> None:
    assert explain_lines(*tell(customer()))[0] == "+74950000150 goes to sales: the rule `tver` matched"


def test_rules_inside_a_rule_stand_further_in_and_all_texts_begin_in_one_column() -> None:
    lines = explain_lines(*tell(customer()))
    rules = lines[lines.index("rules") + 1 : lines.index("decision") - 1]

    starts = [next(line.index(word) for word in ("customer.segment", "holds,", "deal.stage") if word in line)
              for line in (rules[0], rules[4], rules[5])]  # fmt: skip
    assert len(set(starts)) == 1
    assert rules[5].index("tver/paid") == rules[4].index("tver") + 2


def test_of_several_conditions_it_is_told_which_held_and_which_was_not_asked() -> None:
    rules = (
        "version: 1\nqueues: {desk: }\ndefault: {queue: desk}\nrules:\n"
        "  - {name: it, when: {deal.stage: offer_sent, customer.segment: vip, customer.city: Тверь}, queue: desk}\n"
        "  - {name: two, when: {customer.city: Тверь, deals: {min: 1}}, queue: desk}\n"
    )
    explained = explain_call(flatten(tell(customer())[1]), rules)

    lines = in_words(explain_lines(*explained))
    start = lines.index("rules")
    assert lines[start + 1 : start + 7] == [
        "no it customer.segment is absent, wanted vip",
        "holds: deal.stage is `offer_sent`",
        "not asked: customer.city: Тверь",
        "yes two matches",
        "holds: customer.city is `Тверь`",
        "holds: deals has 1",
    ]
    assert explain_json(*explained)["rules"][0]["conditions"] == [
        {"condition": "deal.stage is `offer_sent`", "holds": True},
        {"condition": "customer.segment is absent, wanted vip", "holds": False},
        {"condition": "customer.city: Тверь", "holds": None},
    ]


def test_facts_and_class_come_first() -> None:
    lines = in_words(explain_lines(*tell(customer())))

    assert lines[1:3] == ["", "facts"]
    assert "call.caller +74950000150" in lines
    assert "customer.city Тверь" in lines
    assert "customer.segment" in next(line for line in lines if line.startswith("absent "))
    assert "deals 1 open; offer_sent d1" in lines
    told = lines[lines.index("classes") : lines.index("rules")]
    assert told == ["classes", "yes sales holds (deal.stage is `offer_sent`)", ""]


def test_a_failed_crm_is_told_as_unknown_facts() -> None:
    lines = in_words(explain_lines(*tell(source=CrmSource.FAILED)))

    assert "no vip customer.segment is unknown" in lines
    assert "no rich deal.amount is unknown" in lines
    assert lines[-5:] == [
        "decision degraded, the CRM did not answer and no rule matched without it, so `degraded` answers for "
        "+74950000149",
        "class (none)",
        "step 1 sales, no limit",
        "final queue:desk",
        "crm failed, customer and deals are unknown",
    ]


def test_an_open_choice_is_told_with_its_candidates() -> None:
    lines = in_words(explain_lines(*tell(customer(), customer(key="k2"), more="ambiguous: default\n")))

    assert "decision default, the number belongs to 2 customers and none is chosen, so `default` answers" in lines
    assert lines[-1] == "candidates Берёзкин (k1), Берёзкин (k2)"


def test_json_has_the_same_and_is_json() -> None:
    told = json.loads(json.dumps(explain_json(*tell(customer("awaiting_payment")))))

    assert {name: told[name] for name in ("decision", "rule", "crm", "class", "queue", "final", "priority")} == {
        "decision": "matched",
        "rule": "tver/paid",
        "crm": "fresh",
        "class": "sales",
        "queue": "sales",
        "final": "queue:desk",
        "priority": 3,
    }
    assert [(step["queue"], step["timeout_s"]) for step in told["steps"]] == [("sales", 0), ("desk", 120)]
    assert told["operator"] == {
        "timeout_s": 15,
        "wanted": [{"source": "responsible", "crm_user": "op2", "operator": None}],
    }
    assert (told["customer_id"], told["deal_id"]) == ("k1", "d1")
    assert told["facts"]["customer.segment"] is None
    assert told["rules"][-1] == {
        "rule": "tver/paid",
        "matched": True,
        "reason": "matches",
        "conditions": [{"condition": "deal.stage is `awaiting_payment`", "holds": True}],
    }


def test_a_hostile_caller_name_stays_in_its_line() -> None:
    lines = in_words(explain_lines(*tell(customer(), name="x\ndecision: matched, the rule `vip` matched")))

    assert "call.name x\ndecision: matched, the rule `vip` matched" in lines


@pytest.mark.parametrize("source", [CrmSource.FRESH, CrmSource.STALE])
def test_a_kept_call_is_explained_again_as_it_was(source: CrmSource) -> None:
    _, gathered, decision, trace = tell(customer("awaiting_payment"), source=source)
    kept = json.loads(json.dumps(flatten(gathered)))

    _, again, decided, retraced = explain_call(kept, RULES)

    assert retraced == trace
    assert (decided.rule, decided.steps, decided.preferred) == (decision.rule, decision.steps, decision.preferred)
    assert (decided.customer_id, decided.deal_id, decided.crm) == ("k1", "d1", source)
    assert not again.candidates


def test_a_kept_call_is_explained_under_other_rules() -> None:
    _, gathered, _, _ = tell(customer())

    decided = explain_call(flatten(gathered), RULES.replace("segment: vip", "city: Тверь"))[2]

    assert decided.rule == "vip"


def test_a_kept_call_with_an_open_choice_stays_with_default() -> None:
    _, gathered, _, _ = tell(customer(), customer(key="k2"), more="ambiguous: default\n")

    decided = explain_call(flatten(gathered), RULES)[2]

    assert (decided.rule, decided.class_name) == ("default", "")


def test_unusable_rules_are_no_explanation() -> None:
    with pytest.raises(RulesError):
        explain_call({"call.crm": "none"}, "version: 2\n")


SHIPPED = (Path(__file__).parents[2] / "config" / "routing.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("stage", "segment", "trunk", "expected"),
    [
        (None, "", "trunk-demo", ("default", "new", "primary-consult", None)),
        ("offer_preparing", "", "trunk-demo", ("sales", "sales", "sales", None)),
        ("awaiting_payment", "", "trunk-demo", ("sales", "sales", "sales", None)),
        ("paid", "", "trunk-demo", ("production", "production", "production", None)),
        ("installation", "", "trunk-demo", ("production", "production", "production", None)),
        ("closed", "", "trunk-demo", ("default", "new", "primary-consult", None)),
        ("offer_sent", "vip", "trunk-demo", ("vip", "sales", "sales", "op2")),
        ("paid", "vip", "trunk-of-strangers", ("production", "production", "production", None)),
    ],
)
def test_the_shipped_rules(stage: str | None, segment: str, trunk: str, expected: tuple[str, str, str, str]) -> None:
    rules = load_rules(SHIPPED, stages=SHIPPED_STAGES)
    deals = (Deal(DealId("d1"), "Кухня", stage, responsible="op2"),) if stage else ()
    record = CustomerRecord(Customer(CustomerId("k1"), "Берёзкин", segment=segment), deals)
    call = CallFacts(parse_number("+74950000150", region=rules.region), trunk=trunk)

    decision, trace = decide(rules, gather(call, CrmAnswer(CrmSource.FRESH, (record,)), rules, SHIPPED_STAGES))

    rings = decision.preferred.wanted[0].id if decision.preferred else None
    assert (decision.rule, decision.class_name, decision.queue, rings) == expected
    assert not trace.cel_errors
