"""Whatever rules, caller and CRM say: a decision names queues of the file, and the same call gets the same one."""

import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, CustomerRecord, Deal
from cti_bridge.domain.decision import CrmAnswer, CrmSource
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import parse_number
from cti_bridge.routing.decide import decide
from cti_bridge.routing.explain import explain_json, explain_lines
from cti_bridge.routing.expression_check import check_expression
from cti_bridge.routing.facts import CallFacts, flatten, from_flat, gather
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import RulesError

QUEUES = ["desk", "sales", "works"]
WORDS = ["vip", "Тверь", "paid", "offer_sent", "closed", "x"]
queue = st.sampled_from(QUEUES)
word = st.sampled_from(WORDS)
text_test = st.one_of(
    word, st.lists(word, min_size=1, max_size=3), word.map(lambda w: {"not": w}), word.map(lambda w: {"prefix": w})
)
number_test = st.one_of(st.integers(0, 5), st.integers(0, 5).map(lambda n: {"min": n}), st.just({"not": {"max": 1}}))
facts = st.fixed_dictionaries(
    {},
    optional={
        "customer.segment": text_test,
        "customer.city": text_test,
        "deal.stage": text_test,
        "deals": number_test,
        "deal.amount": number_test,
        "customer.known": st.booleans(),
        "class": st.sampled_from(["a", "b", {"not": "a"}]),
    },
).filter(bool)
expressions = st.sampled_from(
    [
        'customer.segment == "vip"',
        "!has(customer.city)",
        "has(deal.amount) && deal.amount > 2",
        'call.class == "a" || call.verified',
        "deals.exists(d, d.amount > 1)",
        "deal.amount",
        "1 / size(deals) == 1",
    ]
)
when = st.one_of(facts, expressions)
SCHEDULES = ["office", "night", "holidays"]
opening = st.sampled_from(SCHEDULES) | st.lists(st.sampled_from(SCHEDULES), min_size=1, max_size=3)
hours = st.sampled_from(
    [
        "Mo-Fr 09:00-20:00; Sa 10:00-16:00; PH off",
        "20:00-04:00",
        "Mo-Fr 22:00-06:00, Sa 10:00-16:00, 12:00-13:00",
        "24/7",
        "off",
        "easter -2 days 10:00-12:00",
        "2026-2030/2 week 1-53/3 Mo[-1] 00:00-24:00/00:30",
        "PH 10:00-26:00",
    ]
)
schedules = st.fixed_dictionaries(
    {"hours": hours, "country": st.sampled_from(["RU", "DE", "US"])},
    optional={
        "timezone": st.sampled_from(["Europe/Berlin", "America/New_York", "Pacific/Apia", "UTC"]),
        "exceptions": st.lists(
            st.dates(datetime(2025, 1, 1, tzinfo=UTC).date(), datetime(2028, 12, 31, tzinfo=UTC).date()),
            max_size=4,
            unique=True,
        ).map(lambda days: [{"date": day.isoformat(), "hours": "10:00-12:00,23:00-24:00"} for day in days]),
    },
)
steps = queue | st.fixed_dictionaries({"queue": queue}, optional={"open": opening, "timeout": st.integers(0, 90)})
arrivals = st.none() | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-12))]))


def rule_dicts(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"queue": queue},
        optional={
            "when": when,
            "then": st.lists(steps, max_size=3),
            "open": opening,
            "priority": st.integers(0, 9),
            "operator": st.just("responsible"),
            "verified_number": st.just("required"),
            "unless_open": st.just("closed-days"),
            "final": queue.map(lambda name: f"queue:{name}"),
            "rules": children,
        },
    )


rule_lists = st.recursive(
    st.lists(rule_dicts(st.just([])), max_size=3), lambda c: st.lists(rule_dicts(c), max_size=3), max_leaves=8
)
files = st.fixed_dictionaries(
    {
        "rules": rule_lists,
        "default": st.fixed_dictionaries({"queue": queue}, optional={"then": st.lists(steps, max_size=2)}),
        "schedules": st.fixed_dictionaries(dict.fromkeys(SCHEDULES, schedules)),
    },
    optional={
        "ambiguous": st.sampled_from(["latest_contact", "most_advanced_deal", "default"]),
        "trusted_trunks": st.just(["t"]),
        "degraded": st.fixed_dictionaries({}, optional={"queue": queue, "by_did": st.just({"84950000149": "works"})}),
        "classes": st.lists(st.fixed_dictionaries({}, optional={"when": st.just({"deal.stage": "paid"})}), max_size=2),
    },
)
moments = st.none() | st.integers(0, 2**31).map(lambda s: datetime.fromtimestamp(s, UTC))
deals = st.builds(
    Deal,
    id=st.sampled_from(["1", "2", "10", "x"]).map(DealId),
    title=st.text(max_size=5),
    stage=st.sampled_from([*WORDS, "delivery"]),
    amount=st.none() | st.decimals(allow_nan=True, allow_infinity=True) | st.integers(0, 9).map(Decimal),
    responsible=st.sampled_from(["", "op1"]),
    changed_at=moments,
)
customers = st.builds(
    Customer,
    id=st.text(min_size=1, max_size=4).map(CustomerId),
    name=st.text(max_size=20),
    city=st.sampled_from(["", *WORDS]),
    segment=st.sampled_from(["", *WORDS]),
    responsible=st.sampled_from(["", "op2"]),
    last_contact_at=moments,
)
records = st.lists(st.builds(CustomerRecord, customers, st.lists(deals, max_size=4).map(tuple)), max_size=3).map(tuple)
calls = st.builds(
    CallFacts,
    caller=st.text(max_size=20).map(lambda text: parse_number(text, region="RU")),
    did=st.sampled_from(["", "+74950000149", "s"]) | st.text(max_size=20),
    trunk=st.sampled_from(["t", "", "u"]),
    attestation=st.sampled_from(["A", "", "C"]),
    language=st.text(max_size=3),
    name=st.text(max_size=20),
    at=arrivals,
)


def written(file: dict[str, Any]) -> str:
    """The file as YAML (JSON is YAML), rules and classes named."""

    def named(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {**rule, "name": f"r{index}", "rules": named(rule.get("rules", []))} for index, rule in enumerate(rules)
        ]

    classes = [{"name": name, **entry} for name, entry in zip("ab", file.get("classes", [{}, {}]), strict=False)]
    classes += [{"name": name} for name in "ab"[len(classes) :]]
    queues = {name: {"timeout": 30} for name in QUEUES}
    file["schedules"]["closed-days"] = {"hours": "Sa-Su 00:00-24:00; Mo[1] 22:00-26:00"}
    return json.dumps({"version": 1, **file, "queues": queues, "classes": classes, "rules": named(file["rules"])})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files, calls, records, st.sampled_from(CrmSource))
def test_every_decision_names_queues_of_the_file(
    file: dict[str, Any], call: CallFacts, found: tuple[CustomerRecord, ...], source: CrmSource
) -> None:
    rules = load_rules(written(file))
    asked = source in {CrmSource.FRESH, CrmSource.CACHED, CrmSource.STALE}
    gathered = gather(call, CrmAnswer(source, found if asked else ()), rules, SHIPPED_STAGES)

    decision, trace = decide(rules, gathered)

    assert {step.queue for step in decision.steps} <= set(QUEUES)
    assert 1 <= len(decision.steps) <= 9
    assert decision.final.removeprefix("queue:") in QUEUES
    assert (source is CrmSource.FAILED) or decision.kind.value != "degraded"
    json.dumps(explain_json(rules, gathered, decision, trace), allow_nan=False)
    assert explain_lines(rules, gathered, decision, trace)
    kept = from_flat(json.loads(json.dumps(flatten(gathered))))
    again, retraced = decide(rules, kept)
    assert (again.rule, again.steps, again.final, again.class_name, again.deal_id, again.preferred) == (
        decision.rule,
        decision.steps,
        decision.final,
        decision.class_name,
        decision.deal_id,
        decision.preferred,
    )
    assert retraced == trace


PIECES = ["version: 1\n", "queues:\n", "  desk: {timeout: 5}\n", "rules:\n", "  - name: a\n", "    when: {", "}", "[",
          "default: {queue: desk}\n", "deal.stage", ": ", "not", "'", '"', "|\n", "  ", "- ", "&a", "*a",
          "!!x", "{", "]", "customer.known", "true", "~", "\t", "\x85", "\ufeff", "degraded:\n",
          "  by_did: ", ","]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=25).map("".join))
def test_any_text_is_a_rule_file_or_a_list_of_mistakes(text: str) -> None:
    with contextlib.suppress(RulesError):
        load_rules(text, stages=SHIPPED_STAGES)


CEL = ["customer", ".", "segment", "deals", "exists", "(", ")", "d", ",", "==", '"', "'", "\\", "r", "&&", "!", "has",
       "call", "class", "[", "]", "{", "}", " ", "//", "\n", "1", "?", ":", "matches", "in", "deal",
       "amount", "'''"]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(CEL) | st.text(max_size=2), max_size=20).map("".join))
def test_any_text_is_an_expression_or_a_complaint(source: str) -> None:
    checked = check_expression(source)

    assert (checked.expression is None) == bool(checked.complaints)
