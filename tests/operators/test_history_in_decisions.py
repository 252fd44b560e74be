"""A decision asks the journal beside the CRM, within the same limit; a journal that is late costs it the facts only."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
import structlog
from prometheus_client import CollectorRegistry

from cti_bridge.asterisk.dialplan import RouteAnswer, RouteRequest
from cti_bridge.calls.events import ChannelCreated
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_history import JournalHistory
from cti_bridge.calls.record import CallRecord
from cti_bridge.crm.lookup import Lookup
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.customer import SHIPPED_STAGES, CustomerRecord
from cti_bridge.domain.history import NO_HISTORY, CallerHistory
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.number import CallerNumber, parse_number
from cti_bridge.domain.operator import Operator
from cti_bridge.domain.staff import StaffNumbers
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.reception import histories as histories_module
from cti_bridge.reception.arrival import Reception
from cti_bridge.reception.card import Card
from cti_bridge.reception.histories import TOLD_EVERY_S, Histories
from cti_bridge.reception.switchboard import Switchboard
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.rules import RuleSet

ASKING = """\
version: 1
queues: {desk: , sales: , regulars: }
rules:
  - {name: again, when: {call.missed_last_hour: {min: 1}}, queue: sales, operator: [last, {id: op2}]}
  - {name: regular, when: {call.first_time: false}, queue: regulars}
  - {name: stranger, when: {call.first_time: true}, queue: sales}
default: {queue: desk}
degraded: {deadline: 200ms}
"""
SILENT = "version: 1\nqueues: {desk: }\ndefault: {queue: desk}\n"
VERA = Operator(OperatorId("op1"), "Вера Ключевская", ("PJSIP/101",))
YURI = Operator(OperatorId("op2"), "Юрий Самарин", ("PJSIP/102",))
NOW = 1_800_000_000.0
CALLER = "+74950000150"
MISSED = CallRecord(
    CallId("main-2.1"), "main", ChannelId("2.1"), "2.1", NOW - 12, CALLER, "external", "", "", "", False,
    ended_at=NOW - 2, outcome="abandoned",
)  # fmt: skip


class Crm:
    """Knows nobody, or never answers."""

    def __init__(self) -> None:
        self.silent = False
        self.asked = asyncio.Event()

    async def find(self, number: CallerNumber) -> Sequence[CustomerRecord]:
        self.asked.set()
        if self.silent:
            await asyncio.sleep(60)
        return ()


class Asked:
    """The journal as a decision asks it: answers when it is let, and remembers how it was asked."""

    def __init__(self, answer: CallerHistory) -> None:
        self.answer: CallerHistory | DatabaseUnusable = answer
        self.before: Callable[[], object] = lambda: None
        self.asked: list[tuple[str, ChannelId, float]] = []

    async def ask(
        self, caller: str, waiting: Sequence[CallRecord], *, at: float, but: ChannelId, within_s: float
    ) -> CallerHistory:
        self.asked.append((caller, but, within_s))
        if asyncio.iscoroutine(before := self.before()):
            await before
        if isinstance(self.answer, DatabaseUnusable):
            raise self.answer
        return self.answer


class Office:
    """A reception with its parts; the CRM and the journal do as a test says."""

    def __init__(self, histories: Histories) -> None:
        self.current: RuleSet = load_rules(ASKING)
        self.crm = Crm()
        self.lookup = Lookup(self.crm)  # type: ignore[arg-type]
        self.written: list[CallRecord] = []
        directory = Directory.of((VERA, YURI))
        hub = Hub(snapshot_for=lambda _: {}, team_now=list, registry=CollectorRegistry())
        self.switchboard = Switchboard(
            "main", hub=hub, journal=self, directory=lambda: directory, stages=lambda: SHIPPED_STAGES,
            fetch=self._fetch, new_card=lambda caller: Card(parse_number(caller.number, region="RU")),
        )  # fmt: skip
        self.reception = Reception(
            region=None, staff=StaffNumbers(), rules=self, lookup=self.lookup, histories=histories,
            stages=lambda: SHIPPED_STAGES, directory=lambda: directory, switchboard=self.switchboard,
            feed=self.switchboard.take, observe=lambda decision, seconds: None, now=lambda: NOW, monotonic=lambda: 0.0,
        )  # fmt: skip

    async def _fetch(self, _call: object, card: Card) -> Card:
        return card

    def keep(self, record: CallRecord) -> None:
        self.written.append(record)

    async def arrives(self, number: str = CALLER, *, shown: bool = True) -> RouteAnswer:
        request = RouteRequest("PJSIP/trunk-1", "1.1", "1.1", number, "", shown, "", "", "", "", "")
        answer = await self.reception.decide(request, 0.0)
        answer.sent(True)
        return answer

    async def close(self) -> None:
        await self.switchboard.close()
        await self.lookup.close()


@pytest.fixture
def journal() -> Asked:
    return Asked(CallerHistory(False, 2, OperatorId("op1")))


@pytest.fixture
async def office(journal: Asked) -> AsyncIterator[Office]:
    office = Office(Histories(journal, lambda _: ()))
    yield office
    await office.close()


async def test_what_the_journal_says_decides_and_is_kept(office: Office, journal: Asked) -> None:
    answer = await office.arrives()

    assert (answer.variables["CTI_RULE"], answer.variables["CTI_OPERATOR"]) == ("again", "op1")
    assert journal.asked == [(CALLER, "1.1", 0.2)]
    decision = office.written[-1].decision
    assert decision is not None
    assert decision.facts["customer.last_operator"] == "op1"
    assert (decision.operator, decision.skipped) == ("op1", ())
    assert [*decision.took_ms] == ["crm", "journal", "rules", "whole"]


async def test_crm_and_journal_are_asked_at_the_same_time(office: Office, journal: Asked) -> None:
    journal.before = office.crm.asked.wait  # a journal that answers once the CRM has been asked
    async with asyncio.timeout(30):
        answer = await office.arrives()

    assert answer.variables["CTI_RULE"] == "again"


async def test_a_crm_that_is_silent_does_not_take_the_history_with_it(office: Office) -> None:
    office.crm.silent = True
    answer = await office.arrives()

    assert (answer.variables["CTI_RULE"], answer.variables["CTI_CRM"]) == ("again", "failed")


async def test_a_journal_that_cannot_be_asked_leaves_its_facts_unknown(office: Office, journal: Asked) -> None:
    journal.answer = DatabaseUnusable("calls.sqlite: disk I/O error")
    answer = await office.arrives()

    assert (answer.variables["CTI_RULE"], answer.decision) == ("default", "default")
    decision = office.written[-1].decision
    assert decision is not None
    assert "call.first_time" not in decision.facts


async def test_rules_that_want_no_history_ask_for_none(office: Office, journal: Asked) -> None:
    office.current = load_rules(SILENT)
    await office.arrives()

    assert journal.asked == []
    decision = office.written[-1].decision
    assert decision is not None
    assert "journal" not in decision.took_ms


@pytest.mark.parametrize(("number", "shown"), [(CALLER, False), ("101", True)], ids=["hidden", "internal"])
async def test_who_has_no_number_of_his_own_has_no_history(
    office: Office, journal: Asked, number: str, *, shown: bool
) -> None:
    answer = await office.arrives(number, shown=shown)

    assert (answer.variables["CTI_RULE"], journal.asked) == ("default", [])
    decision = office.written[-1].decision
    assert decision is not None
    assert decision.facts["call.first_time"] is None


async def test_who_is_on_the_phone_is_passed_over_and_that_is_kept(office: Office) -> None:
    office.switchboard.take(ChannelCreated(NOW, ChannelId("7.1"), "PJSIP/101"))
    answer = await office.arrives()

    assert answer.variables["CTI_OPERATOR"] == "op2"
    decision = office.written[-1].decision
    assert decision is not None
    assert (decision.operator, decision.skipped) == ("op2", (("op1", "is on the phone"),))


async def test_late_answers_are_counted_and_told_once_a_minute(journal: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    said, now = structlog.testing.LogCapture(), 0.0
    logger = structlog.wrap_logger(None, [said], structlog.make_filtering_bound_logger(0))
    monkeypatch.setattr(histories_module, "log", logger)
    histories = Histories(journal, lambda _: (), monotonic=lambda: now)
    caller = parse_number(CALLER, region="RU")
    journal.answer = DatabaseUnusable("calls.sqlite: no answer within 200 ms")

    async def ask() -> CallerHistory | None:
        return await histories.of(caller, at=NOW, but=ChannelId("1.1"), within_s=0.2)

    assert [await ask() for _ in range(3)] == [None, None, None]
    now = TOLD_EVERY_S
    await ask()

    assert histories.late == 4
    assert [(line["event"], line["callers"]) for line in said.entries] == [("history.late", 1), ("history.late", 3)]
    assert CALLER not in str(said.entries)
    assert await histories.of(parse_number("", region="RU"), at=NOW, but=ChannelId("1.1"), within_s=0.2) == NO_HISTORY


async def test_a_call_that_the_disk_does_not_have_yet_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    reader = JournalHistory(tmp_path / "calls.sqlite")
    office = Office(Histories(reader, journal.waiting_from))
    try:
        assert (await office.arrives()).variables["CTI_RULE"] == "stranger"
        journal.keep(MISSED)
        assert journal.waiting == 1
        assert (await office.arrives()).variables["CTI_RULE"] == "again"
    finally:
        await office.close()
        await reader.close()
        await journal.close(within_s=5)
