"""What is reported of a call: two sequences and no other, whatever the order in which its states are written."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.calls.record import CallRecord, DecisionRecord, LegRecord, RecordingRecord
from cti_bridge.delivery.outbox_writer import Receiver
from cti_bridge.delivery.reports import Report, ReportType, Told, due
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.reception.crm_reports import call_report

DECISION = DecisionRecord(
    kind="matched", crm="fresh", crm_age_s=None, rule="sales", class_name="sales", queue="sales",
    steps=(("sales", 60),), final="queue:primary-consult", customer_id="c-1", operator="", priority=None,
    rules_hash="ab" * 32, facts={},
)  # fmt: skip
OFFERED = CallRecord(
    CallId("main-1.1"), "main", ChannelId("1.1"), "1.1", 1000.0, "+74950000150", "external", "Мария", "+74950000149",
    "trunk", True, DECISION,
)  # fmt: skip
ANSWERED = replace(OFFERED, queue="sales", rang=(OperatorId("op3"),), operator=OperatorId("op3"), answered_at=1007.5)
ENDED = replace(ANSWERED, ended_at=1067.25, outcome="answered")
ABANDONED = replace(OFFERED, queue="sales", ended_at=1010.0, outcome="abandoned")
LATE = replace(ABANDONED, answered_at=1004.0, operator=OperatorId("op3"), outcome="answered", recovered=True)

MADE = replace(
    OFFERED, did="", decision=None, direction=Direction.OUTBOUND, operator=OperatorId("op3"), dialler="PJSIP/103"
)
"""An operator calls outside."""
REACHED = replace(MADE, customer_id="c-7", answered_at=1007.5, ended_at=1067.25, outcome="answered")

LEG = LegRecord(
    ChannelId("1.2"), ChannelId(""), OperatorId("op3"), "", "PJSIP/103", "sales", 1001.0, 1007.5, 1067.25, 59.5, "ended"
)
REFUSED = replace(
    LEG,
    leg=ChannelId("1.3"),
    operator=OperatorId("op4"),
    answered_at=None,
    ended_at=1003.0,
    talked_s=0.0,
    why="refused",
)
RUNNING = RecordingRecord(ChannelId("1.1"), ChannelId(""), 1002.0, None, "/var/spool/a.wav")
DONE = replace(RUNNING, ended_at=1067.25)
RECORDED = replace(ENDED, legs=(LEG, REFUSED), recordings=(DONE,))
NOT_CLOSED = replace(RECORDED, recordings=(RUNNING,))

CUSTOMERS_ONLY = Receiver("crm:embedded", frozenset(ReportType), customers_only=True)

CRM_USERS = {"op3": "o.lanskaya"}
STARTED, ANSWER, END, UPDATE = ReportType
LEGAL = {(STARTED, ANSWER, END, UPDATE), (STARTED, END, UPDATE)}


def told(*states: CallRecord) -> list[Report]:
    """All reports that these states lead to, one after another."""
    known = Told()
    reports: list[Report] = []
    for state in states:
        made, known = due(known, state, now=2000.0, crm_user=lambda operator: CRM_USERS.get(operator, ""))
        reports += made
    return reports


def types(*states: CallRecord) -> list[str]:
    return [report.type.value.removeprefix("call.") for report in told(*states)]


def event(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(report.body)
    return found


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        pytest.param([OFFERED], "started", id="going on"),
        pytest.param([OFFERED, ANSWERED, ENDED], "started answered ended updated", id="answered"),
        pytest.param([OFFERED, ABANDONED], "started ended updated", id="abandoned"),
        pytest.param([ENDED], "started answered ended updated", id="all states written as one"),
        pytest.param([ANSWERED, ENDED], "started answered ended updated", id="first written when answered"),
        pytest.param([OFFERED, OFFERED, ANSWERED, ANSWERED], "started answered", id="everything twice"),
        pytest.param([ENDED, ANSWERED, OFFERED], "started answered ended updated", id="older states afterwards"),
        pytest.param([OFFERED, ABANDONED, LATE], "started ended updated updated", id="an answer found out late"),
        pytest.param([OFFERED, LATE, ABANDONED], "started answered ended updated updated", id="an older end later"),
        pytest.param([ENDED, ENDED], "started answered ended updated", id="the end twice"),
        pytest.param([NOT_CLOSED], "started answered ended", id="a recording goes on"),
        pytest.param([NOT_CLOSED, RECORDED], "started answered ended updated", id="and comes to its end"),
        pytest.param([ENDED, RECORDED], "started answered ended updated updated", id="a recording turns up late"),
    ],
)  # fmt: skip
def test_the_states_of_a_call_are_told_in_a_legal_sequence(states: list[CallRecord], expected: str) -> None:
    assert types(*states) == expected.split()


def test_the_numbers_count_up_and_are_the_idempotency_key() -> None:
    reports = told(OFFERED, ANSWERED, ENDED)

    assert [report.seq for report in reports] == [1, 2, 3, 4]
    assert [event(report)["id"] for report in reports] == [f"main-1.1/{seq}" for seq in (1, 2, 3, 4)]


def test_who_wants_to_hear_of_the_end_alone_gets_it_as_everybody_does() -> None:
    everything, known = due(Told(), ENDED, now=2000.0, crm_user=lambda operator: "")
    wanted, told_him = due(Told(), ENDED, now=2000.0, crm_user=lambda operator: "", types={END, UPDATE})

    assert wanted == everything[2:]
    assert told_him == known


def test_a_report_says_what_was_known_then_and_when_it_was() -> None:
    start, answer, end, update = map(event, told(ENDED))

    assert start["time"] == "1970-01-01T00:16:40.000+00:00"
    assert start["data"]["answered_at"] is start["data"]["outcome"] is start["data"]["operator"] is None
    assert answer["data"]["operator"] == {"id": "op3", "crm_user": "o.lanskaya"}
    assert answer["data"]["ended_at"] is answer["data"]["outcome"] is None
    assert (end["data"]["wait_s"], end["data"]["talk_s"], end["data"]["outcome"]) == (7.5, 59.75, "answered")
    assert update["data"] == end["data"]
    assert {start["specversion"], start["source"], start["subject"]} == {"1.0", "/cti-bridge/main", "main-1.1"}


def test_who_talked_to_whom_when_and_for_how_long_is_told_as_far_as_it_was_known_then() -> None:
    start, answer, end, update = map(event, told(RECORDED))

    assert start["data"]["legs"] == start["data"]["recordings"] == []
    talks, refused = answer["data"]["legs"]
    assert (talks["operator"], talks["ended_at"], talks["talk_s"], talks["why"]) == ("op3", None, 0.0, None)
    assert (refused["operator"], refused["answered_at"], refused["why"]) == ("op4", None, "refused")
    assert answer["data"]["recordings"][0]["ended_at"] is None
    assert end["data"]["legs"][0] == {
        "leg": "1.2",
        "operator": "op3",
        "number": None,
        "interface": "PJSIP/103",
        "queue": "sales",
        "rang_at": "1970-01-01T00:16:41.000+00:00",
        "answered_at": "1970-01-01T00:16:47.500+00:00",
        "ended_at": "1970-01-01T00:17:47.250+00:00",
        "talk_s": 59.5,
        "why": "ended",
    }
    assert update["data"]["recordings"] == [
        {
            "file": "/var/spool/a.wav",
            "leg": None,
            "started_at": "1970-01-01T00:16:42.000+00:00",
            "ended_at": "1970-01-01T00:17:47.250+00:00",
        }
    ]


def test_an_answered_call_is_never_told_of_as_unanswered() -> None:
    end = event(told(ANSWERED, replace(ABANDONED, recovered=True))[2])

    assert end["type"] == "call.ended"
    assert (end["data"]["outcome"], end["data"]["operator"]["id"]) == ("answered", "op3")


def test_a_call_of_which_no_decision_is_known_is_told_of_too() -> None:
    (start,) = told(replace(OFFERED, decision=None, caller="anonymous", caller_kind="anonymous"))

    assert event(start)["data"]["decision"] == "fallback"
    assert event(start)["data"]["customer"] is None


STATES = st.lists(
    st.sampled_from([OFFERED, ANSWERED, ENDED, ABANDONED, LATE, NOT_CLOSED, RECORDED]), min_size=1, max_size=12
)


@given(STATES)
def test_any_order_and_repetition_of_states_is_one_of_two_sequences(states: list[CallRecord]) -> None:
    reports = told(*states)
    first_four = tuple(report.type for report in reports[:4])

    assert [report.seq for report in reports] == list(range(1, len(reports) + 1))
    sequence = tuple(report.type for report in reports if report.seq <= 3 or report.type is not UPDATE)
    assert any(legal[: len(first_four)] == first_four[: len(legal)] for legal in LEGAL), sequence
    assert all(report.type is UPDATE for report in reports[4:])


@given(STATES)
def test_an_answer_once_told_stays(states: list[CallRecord]) -> None:
    outcomes = [event(report)["data"]["outcome"] for report in told(*states)]
    answers = [event(report)["data"]["answered_at"] is not None for report in told(*states)]

    assert answers == sorted(answers)
    assert "abandoned" not in outcomes[answers.index(True) :] if True in answers else True


@given(STATES)
def test_what_was_told_once_is_not_told_again(states: list[CallRecord]) -> None:
    assert told(*states, states[-1]) == told(*states)


def test_a_call_that_an_operator_makes_says_so_and_who_he_is_from_the_start() -> None:
    reports = told(MADE, REACHED)
    assert [report.type for report in reports] == [STARTED, ANSWER, END, UPDATE]
    for report in reports:
        data = event(report)["data"]
        assert (data["direction"], data["caller"]["number"], data["decision"]) == ("outbound", "+74950000150", "")
        assert data["operator"] == {"id": "op3", "crm_user": "o.lanskaya"}
    assert [event(report)["data"]["customer"] for report in reports] == [None, "c-7", "c-7", "c-7"]
    assert event(told(OFFERED)[0])["data"]["direction"] == "inbound"


def test_an_answered_call_to_a_customer_is_a_contact_with_him() -> None:
    (ended,) = [report for report in told(MADE, REACHED) if report.type is ReportType.ENDED]
    call = call_report("main-1.1/3", ended.type, event(ended)["data"])
    assert (call.customer_id, call.user, call.answered_at is not None) == ("c-7", "o.lanskaya", True)


@pytest.mark.parametrize(
    ("final", "outcome", "told_of"),
    [
        ("", "abandoned", None),
        ("queue", "abandoned", "queue"),
        ("callback", "missed", "callback"),
        ("message", "missed", "voicemail"),
        ("elsewhere", "overflowed", "goto"),
        ("of a later version", "abandoned", None),
    ],
)
def test_the_end_says_where_the_caller_was_sent_when_the_steps_had_run_out(
    final: str, outcome: str, told_of: str | None
) -> None:
    start, end, updated = told(OFFERED, replace(ABANDONED, final=final, outcome=outcome))
    assert event(start)["data"]["final"] is None
    for report in (end, updated):
        assert (event(report)["data"]["outcome"], event(report)["data"]["final"]) == (outcome, told_of)


def test_an_answer_does_not_say_what_only_the_end_says() -> None:
    answer = event(told(OFFERED, replace(ENDED, final="callback"))[1])
    assert (answer["type"], answer["data"]["final"]) == ("call.answered", None)


@pytest.mark.parametrize(
    ("call", "heard"),
    [
        pytest.param(OFFERED, True, id="a customer"),
        pytest.param(replace(OFFERED, decision=replace(DECISION, crm="none", customer_id="")), False, id="a stranger"),
        pytest.param(
            replace(OFFERED, decision=replace(DECISION, crm="failed", customer_id="")),
            True,
            id="the crm did not answer",
        ),
        pytest.param(MADE, False, id="nothing was decided, and nobody found yet"),
        pytest.param(REACHED, True, id="nothing was decided, and somebody was found"),
        pytest.param(replace(MADE, ended_at=1070.0), True, id="nothing was decided, and nobody found in time"),
        pytest.param(
            replace(MADE, ended_at=1070.0, caller="101", caller_kind="internal"), False, id="a call between colleagues"
        ),
        pytest.param(replace(MADE, ended_at=1070.0, caller_kind="anonymous"), False, id="a hidden number"),
    ],
)
def test_a_crm_of_customers_only_hears_of_whoever_may_be_one(call: CallRecord, heard: bool) -> None:
    assert CUSTOMERS_ONLY.hears_of(call, now=2_000.0) is heard
    assert Receiver("everybody", frozenset(ReportType)).hears_of(call, now=2_000.0)


def test_a_report_says_how_the_crm_answered() -> None:
    (report,) = told(OFFERED)
    assert event(report)["data"]["crm"] == "fresh"
    (made,) = told(MADE)
    assert event(made)["data"]["crm"] == ""
