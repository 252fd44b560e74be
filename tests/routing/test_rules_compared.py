"""Past calls decided again under two versions of the rules: what is counted, and what cannot be."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, CustomerRecord, Deal
from cti_bridge.domain.decision import CrmAnswer, CrmSource
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import parse_number
from cti_bridge.routing.facts import CallFacts
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.replay import (
    FACTS_GONE,
    NOT_DECIDED,
    UNREADABLE,
    CallRef,
    Comparer,
    KeptCall,
    PastCall,
    RecordedCall,
    Tally,
    without_rules,
)
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.vocabulary import FACTS

HEAD = """\
version: 1
queues: {desk: , sales: {timeout: 60s}, production: }
default: {queue: desk}
classes:
  - {name: sales, when: {deal.stage: [offer_sent]}}
  - {name: production, when: {deal.stage: [paid]}}
  - {name: new}
lines: {"+74950000149": {channel: radio}}
"""
OLD = load_rules(HEAD + "rules: [{name: sales, when: {class: sales}, queue: sales}]\n")
NEW = load_rules(
    HEAD
    + """\
rules:
  - {name: wrong, when: 'deal.amount > 100', queue: production}
  - {name: radio, when: {line.channel: radio}, queue: production}
  - {name: sales, when: {class: sales}, queue: sales, priority: 5}
  - {name: production, when: {class: production}, queue: production}
"""
)


def compare(calls: Iterable[PastCall], before: RuleSet, after: RuleSet, *, most: int | None) -> Tally:
    return Comparer(before, after, most)(calls)


def kept(number: int, stage: str | None = None, **facts: Any) -> KeptCall:
    told = {"call.crm": "fresh", "customer.known": True, "deal.stage": stage, "deal.amount": None, **facts}
    return KeptCall(CallRef(f"main-{number}", float(number), "+74950000150"), json.dumps(told))


def test_calls_are_counted_by_the_queues_between_which_they_move() -> None:
    calls = [kept(1, "offer_sent"), kept(2, "paid"), kept(3), kept(4, "paid"), kept(5, **{"call.did": "+74950000149"})]

    tally = compare(calls, OLD, NEW, most=2)

    assert (tally.calls, tally.moved_calls, tally.moved_share) == (5, 3, 0.6)
    assert list(tally.moved) == [("desk", "production")]
    assert [call.id for call in tally.moved["desk", "production"].first] == ["main-2", "main-4"]
    assert [call.id for call in tally.otherwise.first] == ["main-1"]
    assert tally.before.queues == {"sales": 1, "desk": 4}
    assert tally.after.queues == {"sales": 1, "desk": 1, "production": 3}
    assert tally.after.rules == {"sales": 1, "production": 2, "radio": 1, "default": 1}
    assert tally.after.class_queues["new", "production"] == 1


def test_calls_whose_history_is_not_kept_are_counted_when_the_new_rules_ask_for_it() -> None:
    asking = load_rules(HEAD + "rules: [{name: again, when: {call.missed_last_hour: {min: 1}}, queue: sales}]\n")
    known: dict[str, Any] = {"call.first_time": False, "call.missed_last_hour": 1, "customer.last_operator": None}
    hidden: dict[str, Any] = {"call.kind": "anonymous"}
    strange: dict[str, Any] = {"call.kind": 7}
    calls = [kept(1), kept(2, **known), kept(3, **hidden), kept(4, **strange)]

    tally = compare(calls, OLD, asking, most=None)

    assert (tally.without_history, tally.after.queues) == (2, {"sales": 1, "desk": 3})
    assert compare(calls, asking, OLD, most=None).without_history == 0


def test_expressions_that_cannot_be_computed_are_counted_by_rule() -> None:
    assert compare([kept(1), kept(2, None, **{"deal.amount": 200})], OLD, NEW, most=None).errors == {"wrong": 1}


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (None, NOT_DECIDED),
        ('{"call.did": "+74950000149", "line.known": true}', FACTS_GONE),
        ("", UNREADABLE),
        ("[]", FACTS_GONE),
        ("7", UNREADABLE),
        ('{"call.crm": "new kind"}', UNREADABLE),
        ('{"call.crm": "fresh", "deal.stage": {"of": 1}}', UNREADABLE),
        ("[" * 100_000, UNREADABLE),
    ],
    ids=["not decided", "removed", "empty", "a list", "a number", "unknown source", "nested", "deep"],
)
def test_a_call_that_cannot_be_decided_again_is_counted_with_the_reason(facts: str | None, reason: str) -> None:
    tally = compare([KeptCall(CallRef("main-1", 1.0, ""), facts), kept(2)], OLD, NEW, most=None)

    assert (tally.calls, tally.skipped) == (1, {reason: 1})


_PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9))
_FACT = st.one_of(
    _PLAIN, st.lists(st.one_of(_PLAIN, st.dictionaries(st.text(max_size=9), _PLAIN, max_size=2)), max_size=3)
)


@given(st.dictionaries(st.sampled_from([*FACTS, "call.at", "call.candidates"]), _FACT))
def test_whatever_the_journal_has_for_facts_a_call_is_decided_or_counted(facts: dict[str, Any]) -> None:
    told = {"call.crm": "fresh", **facts}

    tally = compare([KeptCall(CallRef("main-1", 1.0, ""), json.dumps(told)), kept(2)], OLD, NEW, most=None)

    assert tally.calls + tally.skipped.total() == 2


def test_the_same_rules_move_nobody() -> None:
    tally = compare(
        [kept(number, stage) for number, stage in enumerate(["paid", None, "offer_sent"])], NEW, NEW, most=9
    )

    assert (tally.moved, tally.otherwise.calls, tally.before) == ({}, 0, tally.after)


def test_parts_add_up_to_the_whole() -> None:
    calls: list[PastCall] = [kept(n, ("paid", "offer_sent", None)[n % 3]) for n in range(20)]
    calls.append(KeptCall(CallRef("main-99", 99.0, ""), None))
    whole = compare(calls, OLD, NEW, most=3)

    added = Tally(3)
    for begin in range(0, len(calls), 4):
        added.take(compare(calls[begin : begin + 4], OLD, NEW, most=3))

    assert added == whole


def recorded(number: str, *stages: str) -> RecordedCall:
    deals = tuple(Deal(DealId(f"d{n}"), "", stage) for n, stage in enumerate(stages))
    records = (CustomerRecord(Customer(CustomerId("k1"), "Берёзкин"), deals),) if stages else ()
    answer = CrmAnswer(CrmSource.FRESH if records else CrmSource.NONE, records)
    call = CallFacts(parse_number(number, region="RU"), did="+74950000149")
    return RecordedCall(CallRef(number, 1.0, number), call, answer, SHIPPED_STAGES)


def test_before_there_are_rules_everybody_lands_in_the_first_line() -> None:
    calls = [recorded("+74950000150", "paid"), recorded("+74950000151", "lost"), recorded("+74950000152")]

    tally = compare(calls, without_rules(OLD), OLD, most=None)
    assert tally.before.queues == {"desk": 3}
    assert tally.before.rules == {"default": 3}
    assert not tally.moved

    moved = compare([recorded("+74950000150", "offer_sent")], without_rules(OLD), OLD, most=None).moved
    assert list(moved) == [("desk", "sales")]


def test_schedules_are_judged_at_the_moment_when_the_call_arrived() -> None:
    schedule = 'timezone: Europe/Moscow\nschedules: {office: {hours: "Mo-Fr 09:00-18:00"}}\n'
    night = load_rules(HEAD + schedule + "rules: [{name: night, unless_open: office, queue: production}]\n")
    noon, evening = (datetime(2026, 11, 23, hour, tzinfo=ZoneInfo("Europe/Moscow")) for hour in (12, 20))
    old = [replace(kept(n), ref=CallRef(f"main-{n}", at.timestamp(), "")) for n, at in enumerate((noon, evening))]
    known = kept(9, **{"call.at": evening.isoformat()})
    heard = recorded("+74950000150")
    written = [replace(heard, call=replace(heard.call, at=at)) for at in (noon, evening)]

    assert compare(old, OLD, night, most=None).after.queues == {"desk": 1, "production": 1}
    assert compare([known], OLD, night, most=None).after.queues == {"production": 1}
    assert compare(written, OLD, night, most=None).after.queues == {"desk": 1, "production": 1}
