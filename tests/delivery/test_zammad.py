"""What Zammad is pushed, field by field as the documentation of its generic CTI interface has them."""

import json
from typing import Any

import pytest
from receiver import HttpReceiver, answers

from cti_bridge.delivery.outbox import Entry
from cti_bridge.delivery.reports import ReportType
from cti_bridge.delivery.verdict import Delivered, Refused
from cti_bridge.delivery.zammad import ZammadSink, cti_event
from cti_bridge.domain.ids import CallId

CALL: dict[str, Any] = {
    "call": "main-1.1",
    "direction": "inbound",
    "caller": {"number": "+74950000150", "kind": "external", "name": "Марфа", "verified": False},
    "did": "+74950000149",
    "queue": "",
    "operator": None,
    "outcome": None,
}
ANSWERED = {**CALL, "queue": "sales", "operator": {"id": "op3", "crm_user": "o.lanskaya"}}


def test_a_new_call_has_numbers_without_a_sign() -> None:
    assert cti_event(ReportType.STARTED, CALL) == {
        "event": "newCall", "direction": "in", "callId": "main-1.1", "from": "74950000150", "to": "74950000149",
    }  # fmt: skip


def test_what_waits_since_a_version_that_had_no_directions_goes_in() -> None:
    before = {name: value for name, value in CALL.items() if name != "direction"}
    assert cti_event(ReportType.STARTED, before) == cti_event(ReportType.STARTED, CALL)


def test_a_call_that_an_operator_makes_goes_out_to_the_customer_and_names_who_made_it() -> None:
    made = {**CALL, "direction": "outbound", "did": "", "operator": {"id": "op3", "crm_user": "o.lanskaya"}}
    assert cti_event(ReportType.STARTED, made) == {
        "event": "newCall", "direction": "out", "callId": "main-1.1", "from": "", "to": "74950000150",
        "user": "o.lanskaya", "answeringNumber": "o.lanskaya",
    }  # fmt: skip


def test_an_answer_names_who_answered_as_zammad_knows_him() -> None:
    assert cti_event(ReportType.ANSWERED, ANSWERED) == {
        "event": "answer", "direction": "in", "callId": "main-1.1", "from": "74950000150", "to": "74950000149",
        "queue": "sales", "user": "o.lanskaya", "answeringNumber": "o.lanskaya",
    }  # fmt: skip
    unknown_to_it = {**ANSWERED, "operator": {"id": "op3", "crm_user": None}}
    assert cti_event(ReportType.ANSWERED, unknown_to_it)["answeringNumber"] == "op3"


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [
        ("answered", "normalClearing"),
        ("abandoned", "cancel"),
        ("missed", "noAnswer"),
        ("overflowed", "forwarded"),
        ("failed", "congestion"),
    ],
)
def test_a_hangup_says_why(outcome: str, cause: str) -> None:
    event = cti_event(ReportType.ENDED, {**ANSWERED, "outcome": outcome})

    assert (event["event"], event["cause"]) == ("hangup", cause)


def test_a_hidden_number_is_anonymous() -> None:
    hidden = {"number": "anonymous", "kind": "anonymous", "name": "", "verified": False}

    assert cti_event(ReportType.STARTED, {**CALL, "caller": hidden})["from"] == "anonymous"


async def test_it_goes_to_the_address_with_the_token_as_json() -> None:
    entry = Entry(
        CallId("main-1.1"), "desk", 1, ReportType.STARTED, "waiting", 0.0, 0, 0.0, "", json.dumps({"data": CALL})
    )
    async with HttpReceiver() as receiver:
        sink = ZammadSink("desk", f"http://127.0.0.1:{receiver.port}/", "tok-en_1", timeout_s=5, max_age_s=60)
        try:
            assert await sink.send(entry) == Delivered()
            receiver.behaviour = answers(422)
            assert await sink.send(entry) == Refused("HTTP 422")
        finally:
            await sink.close()
    assert receiver.arrivals[0].path == "/api/v1/cti/tok-en_1"
    assert receiver.arrivals[0].headers["Content-Type"].startswith("application/json")
    assert receiver.arrivals[0].event == cti_event(ReportType.STARTED, CALL)


def test_updates_are_nothing_it_knows() -> None:
    assert ReportType.UPDATED not in ZammadSink.types
