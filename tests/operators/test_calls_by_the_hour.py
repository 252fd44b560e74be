"""A call is decided by the hour in which it arrives, and that hour is kept with its facts."""

from datetime import datetime

import pytest
from empty_crm import EmptyCrm
from prometheus_client import CollectorRegistry

from cti_bridge.asterisk.dialplan import RouteRequest
from cti_bridge.calls.record import CallRecord
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.port import Crm
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.history import CallerHistory
from cti_bridge.domain.number import parse_number
from cti_bridge.domain.staff import StaffNumbers
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.reception.arrival import Reception
from cti_bridge.reception.card import Card
from cti_bridge.reception.histories import Histories
from cti_bridge.reception.switchboard import Switchboard
from cti_bridge.routing.explain import explain_call
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.rules import RuleSet

RULES = """\
version: 1
schedules: {office: {hours: "Mo-Fr 09:00-20:00"}}
queues: {desk: , evening: }
rules: [{name: closed, unless_open: office, queue: evening}]
default: {queue: desk}
"""


class NoJournal:
    """Nobody may be asked here: these rules want no history."""

    async def ask(self, caller: str, waiting: object, *, at: float, but: object, within_s: float) -> CallerHistory:
        raise AssertionError("the journal is asked")


class Desk:
    """A reception at a moment, with what it wrote."""

    current: RuleSet = load_rules(RULES)

    def __init__(self, moment: str) -> None:
        crm: Crm = EmptyCrm()
        directory = Directory.of(())
        hub = Hub(snapshot_for=lambda _: {}, team_now=list, registry=CollectorRegistry())
        self.written: list[CallRecord] = []
        self.lookup = Lookup(crm)
        self.switchboard = Switchboard(
            "main", hub=hub, journal=self, directory=lambda: directory, stages=lambda: SHIPPED_STAGES,
            fetch=self._fetch, new_card=lambda caller: Card(parse_number(caller.number, region="RU")),
        )  # fmt: skip
        self.reception = Reception(
            region=None, staff=StaffNumbers(), rules=self, lookup=self.lookup, stages=lambda: SHIPPED_STAGES,
            histories=Histories(NoJournal(), lambda _: ()),
            directory=lambda: directory, switchboard=self.switchboard, feed=self.switchboard.take,
            observe=lambda decision, seconds: None, now=datetime.fromisoformat(moment).timestamp,
        )  # fmt: skip

    async def _fetch(self, _call: object, card: Card) -> Card:
        return card

    def keep(self, record: CallRecord) -> None:
        self.written.append(record)

    async def close(self) -> None:
        await self.switchboard.close()
        await self.lookup.close()


@pytest.mark.parametrize(
    ("moment", "queue"),
    [
        ("2026-11-23T11:00:00+03:00", "desk"),
        ("2026-11-23T19:59:59.900+03:00", "desk"),
        ("2026-11-23T20:00:00+03:00", "evening"),
        ("2026-11-28T12:00:00+03:00", "evening"),
    ],
)
async def test_the_hour_of_the_call_decides_and_is_kept(moment: str, queue: str) -> None:
    desk = Desk(moment)
    request = RouteRequest("PJSIP/trunk-1", "1.1", "1.1", "+74950000150", "", True, "", "", "", "", "")

    answer = await desk.reception.decide(request, 0.0)
    answer.sent(True)
    await desk.close()

    assert answer.variables["CTI_QUEUE"] == queue
    decision = desk.written[-1].decision
    assert decision is not None
    assert decision.facts["call.at"] == moment[:19] + "+03:00"
    assert explain_call(decision.facts, RULES)[2].queue == queue
