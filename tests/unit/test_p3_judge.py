"""The judge of P3 sees every kind of mistake: each one is planted into a run that is right."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from promises.judge import Away, Noted, Received, Wrong, judged
from promises.witnesses import CallerSaw, CdrSaw, PhoneSaw, Truth, callers_saw, cdr_saw, phones_saw, truths

AT = 1_795_000_000.0
A, B = "main-1795000000.1", "main-1795000000.4"
NUMBER = "+74950000511"
ANSWERED = Truth(A, NUMBER, AT, AT + 5, queued=True, answered=AT + 2, phone="m003", decision="matched")
GIVEN_UP = Truth(B, "+74950000512", AT + 1, AT + 3, queued=True, answered=None, phone="")
Run = list[Received]


def time_of(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def told(truth: Truth, *types: str, recovered: bool = False, late_s: float = 0.0) -> Run:
    """What a receiver gets of a call that is reported as it was, its end so much too late."""
    over = False
    run = []
    answered = False
    for seq, type_ in enumerate(types, 1):
        answered = answered or type_ == "answered" or (type_ == "ended" and truth.answered is not None)
        over = over or type_ in {"ended", "updated"}
        data = {
            "call": truth.call,
            "caller": {"number": truth.number},
            "operator": {"id": "op3", "crm_user": None} if answered else None,
            "answered_at": time_of(truth.answered) if answered else None,
            "ended_at": time_of(truth.ended + late_s) if over else None,
            "outcome": ("answered" if truth.answered is not None else "abandoned") if over else None,
            "recovered": recovered,
            "decision": truth.decision,
        }
        key = f"{truth.call}/{seq}"
        event = {"id": key, "subject": truth.call, "type": f"call.{type_}", "data": data}
        run.append(Received(key, json.dumps(event).encode(), kept=True))
    return run


RIGHT = [
    *told(ANSWERED, "started", "answered", "ended", "updated"),
    *told(GIVEN_UP, "started", "ended", "updated"),
]
JOURNAL = {A: Noted("answered", "op3", AT + 2, AT + 5), B: Noted("abandoned", "", None, AT + 3)}


def operator_of(phone: str) -> str:
    return f"op{int(phone[1:])}" if phone else ""


def kinds(run: Run, *of: Truth, journal: dict[str, Noted] | None = None, **more: Any) -> list[str]:
    truths_ = of or (ANSWERED, GIVEN_UP)
    noted = journal or {truth.call: JOURNAL[truth.call] for truth in truths_ if truth.queued}
    return [one.kind for one in judged(truths_, run, noted, operator_of=operator_of, **more)]


def changed(one: Received, key: str = "", **data: Any) -> Received:
    """The same event with something else in it."""
    event = json.loads(one.body)
    event["data"] |= data
    if key:
        event["id"] = key
    return replace(one, key=key or one.key, body=json.dumps(event).encode())


def test_what_is_right_is_not_blamed() -> None:
    refused = [replace(one, kept=False) for one in RIGHT]
    assert kinds(RIGHT) == []
    assert kinds([*refused, *RIGHT, *RIGHT]) == [], "repetitions and failures do not matter"
    assert kinds([RIGHT[4], RIGHT[0], RIGHT[5], RIGHT[1], RIGHT[6], *RIGHT[2:4]]) == [], "calls are independent"


PLANTED: dict[str, tuple[Callable[[], Run], str]] = {
    "a call is lost": (lambda: RIGHT[:4], "lost"),
    "an answer is lost": (lambda: [RIGHT[0], *RIGHT[2:]], "not in order or with a gap"),
    "the latest event is lost": (lambda: RIGHT[:-1], "no legal sequence"),
    "the end never came": (lambda: [*RIGHT[:2], *RIGHT[4:]], "no legal sequence"),
    "an event only failed": (lambda: [*RIGHT[:-1], replace(RIGHT[-1], kept=False)], "no legal sequence"),
    "two change places": (lambda: [RIGHT[1], RIGHT[0], *RIGHT[2:]], "not in order or with a gap"),
    "a start is told under two keys": (
        lambda: [*told(ANSWERED, "started", "started", "answered", "ended", "updated"), *RIGHT[4:]],
        "no legal sequence",
    ),
    "a call has two ids": (
        lambda: [
            *RIGHT,
            *told(replace(ANSWERED, call="main-1795000000.77"), "started", "answered", "ended", "updated"),
        ],
        "nobody's call",
    ),
    "a key has two bodies": (lambda: [*RIGHT, changed(RIGHT[1], queue="sales")], "one key, two bodies"),
    "a key had another body that was refused": (
        lambda: [replace(changed(RIGHT[1], queue="sales"), kept=False), *RIGHT],
        "one key, two bodies",
    ),
    "an event says that it is another": (
        lambda: [replace(changed(RIGHT[0], key=f"{A}/9"), key=f"{A}/1"), *RIGHT[1:]],
        "an event that says it is another",
    ),
    "an answered call is told as given up": (
        lambda: [*told(replace(ANSWERED, answered=None), "started", "ended", "updated"), *RIGHT[4:]],
        "answered became abandoned",
    ),
    "a call given up is told as answered": (
        lambda: [*RIGHT[:4], *told(replace(GIVEN_UP, answered=AT + 2), "started", "answered", "ended", "updated")],
        "abandoned became answered",
    ),
    "another operator is told": (
        lambda: [*RIGHT[:3], changed(RIGHT[3], operator={"id": "op4"}), *RIGHT[4:]],
        "another operator",
    ),
    "another caller is told": (
        lambda: [*RIGHT[:3], changed(RIGHT[3], caller={"number": "+74950000599"}), *RIGHT[4:]],
        "another caller",
    ),
    "another decision is told": (
        lambda: [*RIGHT[:3], changed(RIGHT[3], decision="degraded"), *RIGHT[4:]],
        "another decision",
    ),
    "the end is three seconds late": (
        lambda: [*told(ANSWERED, "started", "answered", "ended", "updated", late_s=3), *RIGHT[4:]],
        "ended_at is not true",
    ),
    "the answer is early": (
        lambda: [*RIGHT[:3], changed(RIGHT[3], answered_at=time_of(AT)), *RIGHT[4:]],
        "answered_at is not true",
    ),
    "an end is taken back": (
        lambda: [*RIGHT[:3], changed(RIGHT[3], ended_at=None), *RIGHT[4:]],
        "no legal sequence",
    ),
}


@pytest.mark.parametrize("planted", PLANTED, ids=lambda text: str(text).replace(" ", "-"))
def test_a_planted_mistake_is_found(planted: str) -> None:
    run, kind = PLANTED[planted]
    assert kind in kinds(run())


def test_a_journal_that_says_something_else_is_found() -> None:
    assert kinds(RIGHT, journal={**JOURNAL, A: Noted("abandoned", "", None, AT + 5)}) == [
        "the journal says something else"
    ]
    assert kinds(RIGHT, journal={B: JOURNAL[B]}) == ["not in the journal"]
    assert kinds(RIGHT, journal={**JOURNAL, "main-1795000000.77": JOURNAL[A]}) == ["nobody's call"]


def test_only_what_was_recovered_may_be_late_and_only_by_the_outage() -> None:
    run = told(ANSWERED, "started", "answered", "ended", "updated", recovered=True, late_s=9)
    journal = {A: replace(JOURNAL[A], ended_at=AT + 14)}
    assert kinds(run, ANSWERED, journal=journal, away=(Away(AT + 4, AT + 13),)) == []
    assert kinds(run, ANSWERED, journal=journal, away=(Away(AT + 4, AT + 9),)) == ["ended_at is not true"]
    assert kinds(run, ANSWERED, journal=journal) == ["ended_at is not true"]


def test_who_gave_up_as_he_was_answered_may_count_as_either_and_must_be_told_of() -> None:
    disputed = replace(GIVEN_UP, disputed=True, phone="m003")
    as_answered = told(replace(GIVEN_UP, answered=AT + 3), "started", "answered", "ended", "updated")
    journal = {B: Noted("answered", "op3", AT + 3, AT + 3)}
    assert kinds(RIGHT[4:], disputed) == []
    assert kinds(as_answered, disputed, journal=journal) == []
    assert kinds([], disputed) == ["lost"]


def test_a_decision_made_just_before_a_kill_may_be_forgotten() -> None:
    run = [changed(one, decision="fallback") for one in RIGHT[:4]]
    assert kinds(run, ANSWERED, kills=(AT + 1,)) == []
    assert kinds(run, ANSWERED, kills=(AT - 1, AT + 60)) == ["another decision"]
    assert kinds([changed(one, decision="degraded") for one in RIGHT[:4]], ANSWERED, kills=(AT + 1,)) == [
        "another decision"
    ]


def test_who_hung_up_before_the_queue_need_not_be_told_of() -> None:
    assert kinds([], replace(GIVEN_UP, queued=False)) == []


# The witnesses --------------------------------------------------------------------------------------------------------

CALLER_LINES = [
    "invited 1-77@127.16.0.2 +74950000511 1795000000.000000 250000.000000",
    "answered 1-77@127.16.0.2 +74950000511 1795000002.000000 500000.000000",
    "hungup 1-77@127.16.0.2 +74950000511 1795000005.000000 0.000000",
]
PHONE_LINES = [
    "ringing aa m002 +74950000511 1795000000.000000 300000.000000",
    "cancelled aa m002 +74950000511 1795000001.000000 300000.000000",
    "ringing bb m003 +74950000511 1795000001.000000 400000.000000",
    "answered bb m003 +74950000511 1795000002.000000 490000.000000",
    "ended bb m003 +74950000511 1795000005.000000 10000.000000",
    "ringing cc m009 +74950000511 1795000090.000000 0.000000",
]
CDR = (
    '"main-1795000000.1","1-77@127.16.0.2",,"PJSIP/m002-0000002a",Queue,NO ANSWER,1795000000.25,0.000000,1795000001.3\n'
    '"main-1795000000.1","1-77@127.16.0.2",matched,"PJSIP/m003-0000002b",Queue,ANSWERED,1795000001.4,1795000002.49,1795000005.0\n'
)


def witnesses() -> tuple[list[CallerSaw], list[PhoneSaw], list[CdrSaw]]:
    return callers_saw(CALLER_LINES), phones_saw(PHONE_LINES), cdr_saw(CDR)


def test_caller_phones_and_cdr_are_put_together() -> None:
    found, quarrels = truths(*witnesses())
    assert quarrels == []
    assert found == [
        Truth(A, NUMBER, AT + 0.25, AT + 5, queued=True, answered=AT + 2.5, phone="m003", decision="matched")
    ]


def test_witnesses_who_do_not_agree_are_named() -> None:
    callers, phones, cdr = witnesses()
    for changed_cdr, said in (
        ([], "no CDR"),
        ([cdr[0]], "which the CDR denies"),
        ([cdr[0], replace(cdr[1], phone="m004")], "m004 by the CDR"),
        ([cdr[0], replace(cdr[1], answered=AT)], "by the CDR"),
        ([cdr[0], replace(cdr[1], ended=AT + 30)], "by the CDR"),
    ):
        _, quarrels = truths(callers, phones, changed_cdr)
        assert said in quarrels[0]


def test_a_caller_whom_nobody_hung_up_is_named() -> None:
    callers, phones, cdr = witnesses()
    by_the_other = [replace(callers[0], how="ended")]
    assert truths(by_the_other, phones, cdr)[1] == [f"{A}: its caller was hung up, and by no operator"]
    by_the_operator = [replace(leg, how="hungup") if leg.how == "ended" else leg for leg in phones]
    assert truths(by_the_other, by_the_operator, cdr)[1] == []
    assert truths([replace(callers[0], over=None, how="")], phones, cdr)[1] == [
        f"{A}: the end of it was not seen by its caller"
    ]


def test_an_answer_that_crosses_giving_up_is_disputed() -> None:
    callers = callers_saw([CALLER_LINES[0], "gaveup 1-77@127.16.0.2 +74950000511 1795000002.000000 480000.000000"])
    found, quarrels = truths(callers, phones_saw(PHONE_LINES), cdr_saw(CDR))
    assert quarrels == []
    assert [(truth.answered, truth.phone, truth.disputed) for truth in found] == [(None, "m003", True)]


def test_a_mistake_is_a_line_to_read() -> None:
    assert judged([ANSWERED], [], {}, operator_of=str) == [Wrong(A, "lost", "nothing was told of it")]
