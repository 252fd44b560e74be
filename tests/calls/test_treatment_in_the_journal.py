"""How a caller was to be treated in queues is kept with the call and shown; earlier versions knew nothing of it."""

import json
from dataclasses import replace

import pytest

from cti_bridge.calls.journal_rows import record_of, row_of
from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.cli.call_record import print_record
from cti_bridge.domain.ids import CallId, ChannelId

DECISION = DecisionRecord(
    kind="matched", crm="none", crm_age_s=None, rule="praise", class_name="new", queue="sales",
    steps=(("sales", 30), ("desk", 0)), final="queue:desk", customer_id="", operator="", priority=10, rules_hash="",
    facts={"call.crm": "none"}, max_waiting=(5, None), penalties=(None, 4), language="ru", announcement="welcome",
)  # fmt: skip
CALL = CallRecord(
    CallId("main-1"), "main", ChannelId("1"), "1", 0.0, "+74950000150", "external", "Ёлкин", "", "", False, DECISION
)


def stored(call: CallRecord) -> CallRecord:
    """The call after it was written down and read again."""
    return record_of({**row_of(call), "legs": (), "recordings": ()})


def shown(call: CallRecord, capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_record(call, as_json=False)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_it_is_read_as_it_was_written() -> None:
    assert stored(CALL).decision == DECISION


def test_a_call_of_an_earlier_version_was_treated_as_ever() -> None:
    row = row_of(CALL)
    decision = json.loads(row["decision"])
    for name in ("max_waiting", "penalties", "language", "announcement"):
        del decision[name]
    read = record_of({**row, "decision": json.dumps(decision), "legs": (), "recordings": ()}).decision

    assert read == replace(DECISION, max_waiting=(), penalties=None, language="", announcement="")


@pytest.mark.parametrize("penalties", ["[1]", '"1"', "[1, 2, 3]", "7"])
def test_what_is_no_pair_of_penalties_costs_the_decision_and_not_the_call(penalties: str) -> None:
    row = row_of(CALL)
    damaged = json.loads(row["decision"]) | {"penalties": json.loads(penalties)}
    read = record_of({**row, "decision": json.dumps(damaged), "legs": (), "recordings": ()})

    assert (read.id, read.decision) == (CALL.id, None)


def test_the_call_is_shown_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(stored(CALL), capsys)

    assert "steps sales (30, passed over when 5 or more wait there), then desk (no limit), then queue:desk" in lines
    assert "treated priority 10, penalties 4 or less, language ru, announcement welcome" in lines


def test_nothing_is_said_of_a_caller_who_is_treated_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    plain = replace(DECISION, priority=None, max_waiting=(), penalties=None, language="", announcement="")
    lines = shown(replace(CALL, decision=plain), capsys)

    assert "steps sales (30), then desk (no limit), then queue:desk" in lines
    assert not any(line.startswith("treated") for line in lines)
