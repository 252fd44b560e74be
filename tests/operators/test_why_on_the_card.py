"""Why a call is here, as the card of the operator says it: the facts that decided, and who was wanted first."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry

from cti_bridge.asterisk.dialplan import RouteRequest
from cti_bridge.calls.events import ChannelCreated, LegRinging
from cti_bridge.calls.record import CallRecord
from cti_bridge.crm.lookup import Lookup
from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, CustomerRecord, Deal
from cti_bridge.domain.ids import ChannelId, CustomerId, DealId, OperatorId
from cti_bridge.domain.number import CallerNumber, parse_number
from cti_bridge.domain.operator import Operator
from cti_bridge.domain.staff import StaffNumbers
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.reception.arrival import Reception
from cti_bridge.reception.card import Card
from cti_bridge.reception.histories import Histories
from cti_bridge.reception.switchboard import Switchboard
from cti_bridge.routing.load import load_rules

NOW = 1_795_000_000.0
RULES = """\
version: 1
queues: {desk: , sales: }
rules:
  - {name: paid, when: {deal.stage: paid}, queue: sales, operator: [responsible, {id: nadia}, {id: vera}]}
  - {name: offers, when: {deal.stage: offer_sent}, queue: sales}
default: {queue: desk}
"""
VERA = Operator(OperatorId("vera"), "Вера Лунёва", ("PJSIP/101",), crm_user="u1")
YURI = Operator(OperatorId("yuri"), "Юрий Громов", ("PJSIP/102",), crm_user="u2")


class Office:
    """A reception; its CRM knows one customer with a deal at the stage that a test says."""

    def __init__(self, *, shadow: bool = False) -> None:
        self.current = load_rules(RULES)
        self.stage = "paid"
        directory = Directory.of((VERA, YURI))
        self.lookup = Lookup(self)  # type: ignore[arg-type]
        self.switchboard = Switchboard(
            "main", hub=Hub(snapshot_for=lambda _: {}, team_now=list, registry=CollectorRegistry()), journal=self,
            directory=lambda: directory, stages=lambda: SHIPPED_STAGES, fetch=self._fetch,
            new_card=lambda caller: Card(parse_number(caller.number, region="RU")),
        )  # fmt: skip
        self.reception = Reception(
            region="RU", staff=StaffNumbers(), rules=self, lookup=self.lookup, histories=Histories(self, lambda _: ()),
            stages=lambda: SHIPPED_STAGES, directory=lambda: directory, switchboard=self.switchboard,
            feed=self.switchboard.take, observe=lambda decision, seconds: None, now=lambda: NOW, monotonic=lambda: 0.0,
            shadow=shadow,
        )  # fmt: skip

    async def find(self, number: CallerNumber) -> Sequence[CustomerRecord]:
        person = Customer(CustomerId("k1"), "Глеб Ракитин", responsible="u2")
        return [CustomerRecord(person, (Deal(DealId("d1"), "Кухня", self.stage),))]

    async def ask(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("these rules ask for no history")

    async def _fetch(self, _call: object, card: Card) -> Card:
        return card

    def keep(self, record: CallRecord) -> None:
        """The journal is not looked at."""

    async def pop(self, channel: str = "1.1", *, taken: bool = True, at: str = "PJSIP/101") -> dict[str, Any]:
        """What the operator at this phone sees of a call that has just been decided and rings there."""
        request = RouteRequest("PJSIP/t-1", channel, channel, "+74950000150", "", True, "", "", "", "", "")
        answer = await self.reception.decide(request, 0.0)
        answer.sent(taken)
        leg = ChannelId(f"{channel}9")
        rings = LegRinging(NOW + 1, leg, f"{at}-{channel}", at, ChannelId(channel), "PJSIP/t-1", channel)
        self.switchboard.take(rings)
        owner = VERA if at in VERA.phones else YURI
        return next(call for call in self.switchboard.calls_of(owner.id) if call["id"].endswith(channel))

    async def close(self) -> None:
        await self.switchboard.close()
        await self.lookup.close()


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    office = Office()
    yield office
    await office.close()


async def test_the_card_says_what_decided_and_who_rings_first(office: Office) -> None:
    call = await office.pop(at="PJSIP/102")

    assert (call["rule"], call["why"]["reason"]) == ("paid", [{"fact": "deal.stage", "value": "paid"}])
    assert call["why"]["operators"] == [{"name": "Юрий Громов", "state": "called"}]


async def test_who_was_passed_over_is_named_up_to_the_one_who_rings(office: Office) -> None:
    office.switchboard.take(ChannelCreated(NOW, ChannelId("7.1"), "PJSIP/102"))
    call = await office.pop()

    assert call["why"]["operators"] == [
        {"name": "Юрий Громов", "state": "not_free"},
        {"name": "nadia", "state": "nobody"},
        {"name": "Вера Лунёва", "state": "called"},
    ]


async def test_a_rule_that_wants_nobody_names_nobody(office: Office) -> None:
    office.stage = "offer_sent"
    assert (await office.pop())["why"]["operators"] == []


async def test_a_decision_that_came_too_late_is_no_reason(office: Office) -> None:
    call = await office.pop(taken=False)

    assert (call["decision"], call["why"]) == ("fallback", {"reason": [], "operators": []})


async def test_in_shadow_mode_nothing_was_decided_that_could_be_a_reason() -> None:
    office = Office(shadow=True)
    call = await office.pop()
    await office.close()

    assert (call["decision"], call["why"]) == ("fallback", {"reason": [], "operators": []})


async def test_a_deal_in_a_stage_that_nobody_listed_is_told_of_once_and_by_no_word_of_the_crm(office: Office) -> None:
    office.stage = "Глебу позвонить +74950000150"
    with structlog.testing.capture_logs() as lines:
        for channel in ("1.1", "1.2"):
            call = await office.pop(channel)
            assert call["rule"] == "default"
        office.stage = "paid"
        await office.pop("1.3", at="PJSIP/102")
    (told,) = [line for line in lines if line["event"] == "crm.unknown_stage"]
    assert told["log_level"] == "warning"
    assert "Глеб" not in str(lines) and "0150" not in str(told)
