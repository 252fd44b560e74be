"""P1 when all is well: every caller in the queue of his class, and the operator who should have him asked first."""

import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Behaviour, Caller, Phones
from promises.scene import (
    AMBIGUOUS,
    DID,
    NO_OPEN_DEAL,
    PRODUCTION,
    PROMISE_S,
    SALES,
    UNKNOWN,
    VIP,
    calling,
    in_time,
    journalled,
)

CLASSES = {
    SALES: ("sales", "fresh", "sales"),
    PRODUCTION: ("production", "fresh", "production"),
    NO_OPEN_DEAL: ("new", "fresh", "primary-consult"),
    UNKNOWN: ("new", "none", "primary-consult"),
    AMBIGUOUS: ("production", "fresh", "production"),
}
"""Class, CRM answer and queue of each caller; of two customers with one number the delivery has come further."""


@pytest.fixture
def patient_for_two_seconds(installed: Bridge) -> Bridge:
    """The bridge, not started, with rules that let a preferred operator ring for two seconds only."""
    text = installed.rules.read_text("utf-8")
    assert "operator_timeout: 15s" in text
    installed.rules.write_text(text.replace("operator_timeout: 15s", "operator_timeout: 2s"), "utf-8")
    return installed


async def test_three_classes_into_three_queues(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    for number, (class_name, crm, queue) in CLASSES.items():
        async with in_time(asterisk, number) as caller:
            assert (caller.cti("CLASS"), caller.cti("CRM"), caller.queue) == (class_name, crm, queue)
            assert caller.cti("DECISION") == ("default" if class_name == "new" else "matched")
        record = await journalled(bridge, caller.call_id, ended=True)
        assert (record.caller, record.queue, record.outcome) == (number, queue, "abandoned")


async def test_a_number_that_is_not_shown_is_not_looked_up(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    async with in_time(asterisk, SALES, anonymous=True) as anonymous:
        assert anonymous.decided == ("default", "skipped", "primary-consult")
        assert anonymous.cti("CUSTOMER_NAME") == ""
    async with in_time(asterisk, SALES, withheld=True) as withheld:
        assert withheld.decided == ("default", "skipped", "primary-consult")
        assert withheld.cti("CUSTOMER_NAME") == ""


@pytest.mark.parametrize("running", [True, False], ids=["decided by the bridge", "without a bridge"])
async def test_a_call_without_a_called_number(asterisk: AsteriskInstance, installed: Bridge, running: bool) -> None:
    if running:
        await installed.start()
    async with in_time(asterisk, SALES, did="") as caller:
        expected = ("matched", "fresh", "sales") if running else ("fallback", "", "primary-consult")
        assert caller.decided == expected


@pytest.mark.usefixtures("staff")
async def test_the_preferred_operator_is_rung_first_and_then_the_queue(
    asterisk: AsteriskInstance, patient_for_two_seconds: Bridge
) -> None:
    bridge = patient_for_two_seconds
    await bridge.start()
    rings = Behaviour(answer_after=None)
    async with Phones(asterisk, {"103": rings, "104": rings}) as phones, calling(asterisk, VIP) as caller:
        assert caller.decided == ("matched", "fresh", "sales")
        assert (caller.cti("OPERATOR"), caller.cti("OPERATOR_DIAL")) == ("op4", "PJSIP/104")
        assert phones["104"].history == ["ringing", "cancelled"]
        assert 2.0 <= caller.seconds < 2.0 + PROMISE_S, "in the queue after the operator's two seconds"
        await phones["103"].rings()
        await phones["103"].answer()
        await caller.phone.answered()
    record = await journalled(bridge, caller.call_id, ended=True)
    assert (record.operator, record.outcome, set(record.rang)) == ("op3", "answered", {"op3", "op4"})


@pytest.mark.usefixtures("staff")
async def test_the_preferred_operator_who_answers_keeps_the_caller_out_of_the_queue(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    began = asterisk.lab.mark()
    async with Phones(asterisk, {"103": Behaviour(), "104": Behaviour(answer_after=0.3)}) as phones:
        async with Caller(asterisk, VIP, did=DID) as caller:
            assert await caller.answered() < 2.5
        assert (phones["103"].calls, phones["104"].calls) == (0, 1)
    assert not asterisk.lab.events("QueueCallerJoin", since=began)


@pytest.mark.usefixtures("staff")
async def test_a_preferred_operator_who_talks_is_passed_over(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    async with Phones(asterisk, {"104": Behaviour()}), Caller(asterisk, VIP, did=DID) as first:
        await first.answered()
        async with in_time(asterisk, VIP) as second:
            assert (second.cti("OPERATOR"), second.queue) == ("", "sales")


async def test_a_number_that_could_be_forged_is_no_vip(
    asterisk: AsteriskInstance, patient_for_two_seconds: Bridge
) -> None:
    bridge = patient_for_two_seconds
    text = bridge.rules.read_text("utf-8").partition("\ntests:\n")[0]
    bridge.rules.write_text(text.replace("trusted_trunks: [trunk-demo]", "trusted_trunks: []"), "utf-8")
    await bridge.start()
    async with in_time(asterisk, VIP) as forged:
        assert (forged.cti("RULE"), forged.queue, forged.cti("OPERATOR")) == ("sales", "sales", "")
    async with calling(asterisk, VIP, attestation="A") as attested:
        assert attested.cti("RULE") == "vip"
