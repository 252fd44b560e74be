"""The card of a call that an earlier run of the bridge had written down."""

from dataclasses import replace

import pytest

from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.domain.ids import CallId, ChannelId
from cti_bridge.reception.restored import restored

DECISION = DecisionRecord(
    kind="matched", crm="fresh", crm_age_s=None, rule="sales", class_name="sales", queue="sales",
    steps=(("sales", 60),), final="queue:sales", customer_id="", operator="", priority=None, rules_hash="", facts={},
)  # fmt: skip
CALL = CallRecord(
    CallId("main-1"), "main", ChannelId("1"), "1", 1.0, "+74950000150", "external", "", "", "", False, DECISION
)  # fmt: skip


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        (DECISION, ("matched", "sales", "sales")),
        (replace(DECISION, delivered=False), ("fallback", "", "sales")),
        (replace(DECISION, delivered=False, shadow=True), ("fallback", "", "sales")),
        (None, ("fallback", "", "")),
    ],
    ids=["carried out", "too late", "in shadow mode", "not decided"],
)
def test_after_a_restart_the_card_says_who_decided(decision: DecisionRecord | None, told: tuple[str, ...]) -> None:
    _, card = restored(replace(CALL, decision=decision))

    assert (card.decision, card.rule, card.class_name) == told
