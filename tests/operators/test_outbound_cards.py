"""What an operator sees of a call that he makes or that a colleague makes to him, and what is written of it."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from cti_bridge.calls.call import Call
from cti_bridge.calls.events import (
    CallerId,
    ChannelBridged,
    ChannelHungUp,
    LegAnswered,
    LegRinging,
    LegTransferred,
)
from cti_bridge.calls.record import CallRecord
from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, CustomerRecord
from cti_bridge.domain.ids import ChannelId, CustomerId, OperatorId
from cti_bridge.domain.number import NumberKind, parse_number
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.reception.card import Card
from cti_bridge.reception.restored import restored
from cti_bridge.reception.switchboard import Switchboard

A, X, B = ChannelId("1.1"), ChannelId("1.2"), ChannelId("1.3")
NAMES = {A: "PJSIP/101-00000001", X: "PJSIP/trunk-00000002", B: "PJSIP/102-00000003"}
RADA, ARKADY = OperatorId("op1"), OperatorId("op2")
OPERATORS = (Operator(RADA, "Рада Бирюкова", ("PJSIP/101",)), Operator(ARKADY, "Аркадий Щукин", ("PJSIP/102",)))
CUSTOMER = CustomerRecord(Customer(CustomerId("c-7"), "Нестор Ключарёв", ("+74950000277",)))


class Desks:
    """A switchboard whose CRM knows one customer, and what it published and wrote."""

    def __init__(self) -> None:
        directory = Directory.of(OPERATORS)
        hub = Hub(snapshot_for=lambda _: {}, team_now=list, registry=CollectorRegistry())
        self.published: list[tuple[str, str, dict[str, Any]]] = []
        self.written: list[CallRecord] = []
        hub.publish = self._publish  # type: ignore[method-assign]
        self.switchboard = Switchboard(
            "main", hub=hub, journal=self, directory=lambda: directory, stages=lambda: SHIPPED_STAGES,
            fetch=self._fetch, new_card=lambda caller: Card(parse_number(caller.number, region="RU"), to_look_up=True),
        )  # fmt: skip

    def _publish(self, operator: OperatorId, type_: str, **what: Any) -> None:
        self.published.append((operator, type_, what["call"]))

    async def _fetch(self, _call: Call, card: Card) -> Card:
        known = card.caller.key == "+74950000277"
        return replace(card, record=CUSTOMER if known else None, to_look_up=False, extras="ready")

    def keep(self, record: CallRecord) -> None:
        self.written.append(record)

    async def fetched(self) -> None:
        while self.switchboard.fetches.tasks:
            await asyncio.gather(*self.switchboard.fetches.tasks)

    def dials(self, to: ChannelId, number: str, *, said: str = "101", caller: ChannelId = A, at: float = 2.0) -> None:
        self.switchboard.take(
            LegRinging(
                at, to, NAMES[to], NAMES[to][:-9], caller, NAMES[caller], A, caller_id=CallerId(said),
                caller_interface=NAMES[caller][:-9], number=number,
            )
        )  # fmt: skip

    def answers(self, leg: ChannelId, caller: ChannelId, at: float) -> None:
        self.switchboard.take(LegAnswered(at, leg, NAMES[leg], NAMES[leg][:-9], caller))
        for channel in (leg, caller):
            self.switchboard.take(ChannelBridged(at, channel, NAMES[channel], NAMES[channel][:-9], f"b-{leg}"))

    def team(self) -> dict[str, str]:
        return {mate["operator"]: mate["state"] for mate in self.switchboard.team()}


@pytest.fixture
def desks() -> Desks:
    return Desks()


async def test_who_dials_out_has_the_customers_card_before_the_answer_and_nobody_else(desks: Desks) -> None:
    desks.dials(X, "84950000277", said="+74950000150")
    await desks.fetched()
    operator, type_, call = desks.published[-1]
    assert (operator, type_) == (RADA, "call.updated")
    assert (call["direction"], call["my_role"], call["state"]) == ("outbound", "talking", "ringing")
    assert (call["caller"]["number"], call["customer"]["name"]) == ("+74950000277", "Нестор Ключарёв")
    assert call["decision"] == ""
    assert [call["id"] for call in desks.switchboard.calls_of(RADA)] == [call["id"]], "also after a reload of the page"
    assert desks.switchboard.calls_of(ARKADY) == []
    assert desks.team() == {RADA: "talking", ARKADY: "idle"}
    assert desks.switchboard.unowned_rings == 0

    desks.answers(X, A, 5.0)
    desks.switchboard.take(ChannelHungUp(9.0, X))
    await desks.switchboard.close()
    assert {operator for operator, _, _ in desks.published} == {RADA}
    assert [type_ for _, type_, _ in desks.published][-2:] == ["call.answered", "call.ended"]
    assert desks.team() == {RADA: "idle", ARKADY: "idle"}


async def test_an_outbound_call_is_written_with_who_made_it_and_whom_he_reached(desks: Desks) -> None:
    desks.dials(X, "+74950000277")
    began = desks.written[-1]
    assert (began.direction, began.operator, began.dialler, began.rang) == ("outbound", RADA, "PJSIP/101", ())
    assert [(leg.leg, leg.number) for leg in began.legs] == [(X, "+7495***0277")]
    await desks.fetched()
    desks.answers(X, A, 5.0)
    desks.switchboard.take(ChannelHungUp(9.0, X))
    await desks.switchboard.close()

    record = desks.written[-1]
    assert (record.caller, record.caller_kind, record.customer_id) == ("+74950000277", "external", "c-7")
    assert (record.channel, record.operator, record.outcome, record.decided_by) == (X, RADA, "answered", "")
    (leg,) = record.legs
    assert (leg.leg, leg.operator, leg.rang_at, leg.answered_at, leg.talked_s) == (A, RADA, 2.0, 5.0, 4.0)


async def test_nobody_outside_answers(desks: Desks) -> None:
    desks.dials(X, "+74950000277")
    desks.switchboard.take(ChannelHungUp(9.0, A))
    await desks.switchboard.close()
    record = desks.written[-1]
    assert (record.outcome, record.operator, record.answered_at) == ("abandoned", RADA, None)
    assert [(operator, type_) for operator, type_, _ in desks.published] == [
        (RADA, "call.updated"),
        (RADA, "call.ended"),
    ]


async def test_the_customer_is_written_also_when_he_is_found_after_the_end(desks: Desks) -> None:
    desks.dials(X, "+74950000277")
    desks.switchboard.take(ChannelHungUp(9.0, A))
    assert desks.written[-1].customer_id == ""
    await desks.fetched()
    await desks.switchboard.close()
    record = desks.written[-1]
    assert (record.customer_id, record.ended_at, record.outcome) == ("c-7", 9.0, "abandoned")


async def test_the_customer_is_not_lost_with_a_restart_while_the_crm_is_silent(desks: Desks) -> None:
    desks.dials(X, "+74950000277")
    await desks.fetched()
    written = desks.written[-1]
    assert written.customer_id == "c-7", "written as soon as it is known"
    await desks.switchboard.close()

    again = Desks()
    again.switchboard.restore(*restored(written), written)
    again.switchboard.take(ChannelHungUp(9.0, A))
    await again.switchboard.close()
    assert (again.written[-1].customer_id, again.written[-1].ended_at) == ("c-7", 9.0)


async def test_a_colleague_to_whom_he_is_transferred_gets_the_card_of_the_customer(desks: Desks) -> None:
    desks.dials(X, "+74950000277")
    await desks.fetched()
    desks.answers(X, A, 5.0)
    desks.switchboard.take(LegTransferred(6.0, A))
    desks.switchboard.take(ChannelHungUp(6.0, A))
    desks.dials(B, "102", caller=X, at=7.0)
    await desks.fetched()
    operator, _, call = desks.published[-1]
    await desks.switchboard.close()
    assert (operator, call["my_role"], call["customer"]["name"]) == (ARKADY, "ringing", "Нестор Ключарёв")
    assert call["direction"] == "outbound"


async def test_who_is_called_by_a_colleague_sees_that_it_is_one(desks: Desks) -> None:
    desks.dials(B, "102", said="+74950000277")
    await desks.fetched()
    operator, type_, call = desks.published[0]
    assert (operator, type_, call["direction"]) == (ARKADY, "call.ringing", "internal")
    assert call["caller"] == {
        "number": "101", "display": "101", "kind": "internal", "name": "Рада Бирюкова", "verified": False,
    }  # fmt: skip
    assert all(call["customer"] is None for _, _, call in desks.published), "whatever number the channel was given"
    assert {operator for operator, _, _ in desks.published} == {ARKADY}, "who calls needs no card of himself"
    assert desks.team() == {RADA: "talking", ARKADY: "ringing"}

    desks.answers(B, A, 5.0)
    desks.switchboard.take(ChannelHungUp(9.0, A))
    await desks.switchboard.close()
    record = desks.written[-1]
    assert (record.direction, record.caller, record.caller_kind) == ("internal", "101", NumberKind.INTERNAL)
    assert (record.operator, record.dialler, record.customer_id) == (ARKADY, "PJSIP/101", "")


@pytest.mark.parametrize("answered", [False, True])
async def test_a_restarted_bridge_goes_on_where_the_call_is(desks: Desks, answered: bool) -> None:
    desks.dials(X, "+74950000277")
    if answered:
        desks.answers(X, A, 5.0)
    written = desks.written[-1]
    await desks.switchboard.close()

    again = Desks()
    call, card = restored(written)
    again.switchboard.restore(call, card, written)
    assert (call.direction, call.channel, call.dialling) == ("outbound", X if answered else A, not answered)
    if not answered:
        assert [seen["my_role"] for seen in again.switchboard.calls_of(RADA)] == ["talking"]
        again.dials(X, "+74950000277", at=6.0)
        again.answers(X, A, 7.0)
    again.switchboard.take(ChannelHungUp(9.0, X))
    await again.switchboard.close()
    record = again.written[-1]
    assert (record.outcome, record.operator, record.dialler) == ("answered", RADA, "PJSIP/101")
