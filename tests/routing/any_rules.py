"""Hypothesis strategies: rule files with every key there is, calls, and what CRM and journal say of them."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from cti_bridge.domain.customer import Customer, CustomerRecord, Deal
from cti_bridge.domain.history import CallerHistory
from cti_bridge.domain.ids import CustomerId, DealId, OperatorId
from cti_bridge.domain.number import parse_number
from cti_bridge.routing.facts import CallFacts
from cti_bridge.routing.vocabulary import FACTS, Fact, FactType

QUEUES = ["desk", "sales", "works"]
WORDS = ["vip", "Тверь", "paid", "offer_sent", "closed", "x"]
queue = st.sampled_from(QUEUES)
word = st.sampled_from(WORDS)
text_test = st.one_of(
    word, st.lists(word, min_size=1, max_size=3), word.map(lambda w: {"not": w}), word.map(lambda w: {"prefix": w})
)
number_test = st.one_of(st.integers(0, 5), st.integers(0, 5).map(lambda n: {"min": n}), st.just({"not": {"max": 1}}))
LINES = {"84950000149": {"channel": "vip", "city": "Тверь", "language": "ru"}, "100": {"name": "x", "zone": "UTC"}}
phones = st.sampled_from(["8 (495) 000-01-49", "+74950000150", "100"])
said_of_lines = {f"line.{key}": value for line in LINES.values() for key, value in line.items()}


def asked_about(name: str, fact: Fact) -> st.SearchStrategy[Any]:
    """What a map can ask about this fact."""
    if fact.choices:
        return st.sampled_from(fact.choices) | st.sampled_from(fact.choices).map(lambda choice: {"not": choice})
    if name == "class":
        return st.sampled_from(["a", "b", {"not": "a"}])
    if name.startswith("line.") and fact.type is FactType.TEXT:
        return st.just({"not": said_of_lines[name]}) if name in said_of_lines else st.just({"prefix": "x"})
    of_type = {FactType.TEXT: text_test, FactType.PHONE: phones, FactType.NUMBER: number_test}
    return of_type.get(fact.type, st.booleans())


every_fact = {name: asked_about(name, fact) for name, fact in FACTS.items()}
facts = st.lists(st.sampled_from(sorted(every_fact)), min_size=1, max_size=3, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: every_fact[name] for name in names})
)
expressions = st.sampled_from(
    [
        'customer.segment == "vip"',
        "!has(customer.city)",
        "has(deal.amount) && deal.amount > 2",
        'call.class == "a" || call.verified',
        "deals.exists(d, d.amount > 1)",
        "call.missed_last_hour > 0 || call.first_time",
        'has(customer.last_operator) && customer.last_operator == "op2"',
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
limits = {"timeout": st.integers(0, 90), "max_waiting": st.integers(1, 9)}
first_step = queue | st.fixed_dictionaries({"queue": queue}, optional=limits)
steps = queue | st.fixed_dictionaries(
    {"queue": queue}, optional={**limits, "open": opening, "unless_open": st.just("closed-days")}
)
FINALS = ["callback", "voicemail:100@sales", "goto:night/s/1"]
final = queue.map(lambda name: f"queue:{name}") | st.sampled_from(FINALS)
wish = st.sampled_from(["responsible", "last", {"id": "op1"}])
operator = wish | st.lists(wish, min_size=1, max_size=3, unique_by=str)
treatment = {
    "priority": st.integers(0, 9),
    "penalties": st.sampled_from([{"max": 4}, {"min": 1, "max": 1}, {}]),
    "language": st.sampled_from(["ru", "en_GB", ""]),
    "announcement": st.sampled_from(["cti/hello", ""]),
}
arrivals = st.none() | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-12))]))


rule_keys: dict[str, st.SearchStrategy[Any]] = {
    "when": when,
    "open": opening,
    "unless_open": st.just("closed-days"),
    "verified_number": st.just("required"),
    "queue": first_step,
    "then": st.lists(steps, max_size=3),
    "final": final,
    "operator": operator,
    "degraded": queue
    | st.fixed_dictionaries(
        {"queue": queue}, optional={"then": st.lists(queue, max_size=2), "final": final, "cache": st.just("1h")}
    ),
    **treatment,
}


def rule_dicts(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    optional = {key: strategy for key, strategy in rule_keys.items() if key not in {"queue", "operator"}}
    with_queue = st.fixed_dictionaries({"queue": first_step}, optional={**optional, "rules": children})
    ringing = st.fixed_dictionaries(
        {"queue": first_step, "operator": operator}, optional={**optional, "operator_timeout": st.integers(1, 300)}
    )
    return with_queue | ringing


rule_lists = st.recursive(
    st.lists(rule_dicts(st.just([])), max_size=3), lambda c: st.lists(rule_dicts(c), max_size=3), max_leaves=8
)
always_there: dict[str, st.SearchStrategy[Any]] = {
    "rules": rule_lists,
    "default": st.fixed_dictionaries(
        {"queue": first_step}, optional={"then": st.lists(steps, max_size=2), "final": final, **treatment}
    ),
    "schedules": st.fixed_dictionaries(dict.fromkeys(SCHEDULES, schedules)),
}
sometimes: dict[str, st.SearchStrategy[Any]] = {
    "ambiguous": st.sampled_from(["latest_contact", "most_advanced_deal", "default"]),
    "trusted_trunks": st.just(["t"]),
    "region": st.sampled_from(["RU", "DE"]),
    "timezone": st.sampled_from(["Asia/Novosibirsk", "America/St_Johns"]),
    "max_overtake": st.sampled_from(["30s", "never"]),
    "patience": st.sampled_from([0, "1h"]),
    "degraded": st.fixed_dictionaries(
        {}, optional={"queue": queue, "by_did": st.just({"84950000149": "works"}), "cache": st.just("2h")}
    ),
    "classes": st.lists(st.fixed_dictionaries({}, optional={"when": st.just({"deal.stage": "paid"})}), max_size=2),
}
file_keys = always_there | sometimes
files = st.fixed_dictionaries(always_there, optional=sometimes)
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


histories = st.none() | st.builds(
    CallerHistory,
    first_time=st.none() | st.booleans(),
    missed_last_hour=st.none() | st.integers(0, 3),
    last_operator=st.none() | st.sampled_from(["op1", "op2"]).map(OperatorId),
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
    return json.dumps(
        {"version": 1, **file, "lines": LINES, "queues": queues, "classes": classes, "rules": named(file["rules"])}
    )
