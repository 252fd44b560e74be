"""What the switchboard does with the card when a call goes from one operator to another, and what it writes of it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry

from cti_bridge.asterisk.dialplan import RouteRequest
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import (
    CallerId,
    CallerQueued,
    CallOffered,
    ChannelBridged,
    ChannelHungUp,
    LegAnswered,
    LegRinging,
    LegTransferred,
)
from cti_bridge.calls.record import CallRecord
from cti_bridge.domain.customer import SHIPPED_STAGES, Note
from cti_bridge.domain.ids import ChannelId, OperatorId
from cti_bridge.domain.number import parse_number
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.reception.arrival import Reception as Arrivals
from cti_bridge.reception.card import Card
from cti_bridge.reception.switchboard import Switchboard

T, A, B = ChannelId("1.1"), ChannelId("1.2"), ChannelId("1.3")
OPERATORS = (
    Operator(OperatorId("op1"), "Рада Бирюкова", ("PJSIP/101",)),
    Operator(OperatorId("op2"), "Аркадий Щукин", ("PJSIP/102",)),
)


class Reception:
    """A switchboard whose notes come from `notes`, and what it published and wrote."""

    def __init__(self) -> None:
        directory = Directory.of(OPERATORS)
        hub = Hub(snapshot_for=lambda _: {}, team_now=list, registry=CollectorRegistry())
        self.published: list[tuple[str, str, dict[str, Any]]] = []
        self.written: list[CallRecord] = []
        self.notes: tuple[Note, ...] = ()
        hub.publish = self._publish  # type: ignore[method-assign]
        self.switchboard = Switchboard(
            "main", hub=hub, journal=self, directory=lambda: directory, stages=lambda: SHIPPED_STAGES,
            fetch=self._fetch, new_card=lambda caller: Card(parse_number(caller.number, region="RU")),
        )  # fmt: skip

    def _publish(self, operator: OperatorId, type_: str, **what: Any) -> None:
        self.published.append((operator, type_, what["call"]))

    async def _fetch(self, _call: Call, card: Card) -> Card:
        return replace(card, notes=self.notes, extras="ready")

    def keep(self, record: CallRecord) -> None:
        self.written.append(record)

    async def fetched(self) -> None:
        """Let everything that is being fetched arrive."""
        while self.switchboard.fetches.tasks:
            await asyncio.gather(*self.switchboard.fetches.tasks)

    def rings(self, leg: ChannelId, phone: str, at: float) -> None:
        name = f"PJSIP/{phone}-00000001"
        self.switchboard.take(LegRinging(at, leg, name, f"PJSIP/{phone}", T, "PJSIP/trunk-00000001", T, number=phone))

    def answers(self, leg: ChannelId, phone: str, at: float) -> None:
        name, interface = f"PJSIP/{phone}-00000001", f"PJSIP/{phone}"
        self.switchboard.take(LegAnswered(at, leg, name, interface, T))
        self.switchboard.take(ChannelBridged(at, leg, name, interface, f"b-{phone}"))
        self.switchboard.take(ChannelBridged(at, T, "PJSIP/trunk-00000001", "PJSIP/trunk", f"b-{phone}"))


async def test_the_second_operator_reads_what_the_first_one_noted_meanwhile() -> None:
    reception = Reception()
    reception.switchboard.take(CallerQueued(1.0, T, T, "sales", CallerId("+74950000150")))
    reception.rings(A, "101", 2.0)
    await reception.fetched()
    reception.answers(A, "101", 3.0)

    reception.notes = (Note(datetime(2026, 11, 22, 10, tzinfo=UTC), "Рада Бирюкова", "просит перенести доставку"),)
    reception.switchboard.take(LegTransferred(9.0, A))
    reception.switchboard.take(ChannelHungUp(9.0, A))
    reception.rings(B, "102", 9.1)
    await reception.fetched()
    await reception.switchboard.close()

    operator, _, call = reception.published[-1]
    assert operator == "op2"
    assert [note["text"] for note in call["notes"]] == ["просит перенести доставку"]


async def test_another_channel_of_a_call_that_asks_for_a_decision_gets_no_hand_on_its_card() -> None:
    """An operator asks by feature code in a queue behind our own entry: his Local channel has his caller's linkedid."""
    reception = Reception()
    unused: Any = None
    arrivals = Arrivals(
        region="RU", staff=unused, rules=unused, lookup=unused, histories=unused, stages=unused, directory=unused,
        switchboard=reception.switchboard, feed=unused, observe=unused,
    )  # fmt: skip
    asked_by = RouteRequest("PJSIP/trunk-00000001", T, T, "+74950000150", "", True, "", "", "", "ru", "")
    theirs = arrivals._call_id(asked_by)
    reception.switchboard.take(CallOffered(1.0, theirs, T, T))
    assert arrivals._call_id(asked_by) == arrivals._call_id(replace(asked_by, call_id=theirs)) == theirs
    assert arrivals._call_id(replace(asked_by, uniqueid=B)) != theirs
    reception.switchboard.take(ChannelHungUp(2.0, T))
    assert arrivals._call_id(replace(asked_by, uniqueid=B)) != theirs, "nor on a call that is over"
    await reception.switchboard.close()


async def test_every_leg_is_written_with_its_owner_and_how_long_he_talked() -> None:
    reception = Reception()
    reception.switchboard.take(CallerQueued(1.0, T, T, "sales", CallerId("+74950000150")))
    reception.rings(A, "101", 2.0)
    reception.answers(A, "101", 3.0)
    reception.switchboard.take(LegTransferred(9.0, A))
    reception.switchboard.take(ChannelHungUp(9.0, A))
    assert reception.written[-1].legs[0].why == "transferred", "written as soon as a talk is over"
    reception.switchboard.take(
        LegRinging(10.0, B, "PJSIP/trunk-2", "PJSIP/trunk", T, "PJSIP/trunk-1", T, number="+74950000277")
    )
    reception.switchboard.take(ChannelHungUp(20.0, T))
    await reception.switchboard.close()

    inside, outside = reception.written[-1].legs
    assert (inside.operator, inside.number, inside.talked_s) == ("op1", "", 6.0)
    assert (outside.operator, outside.number, outside.why) == ("", "+7495***0277", "cancelled")
