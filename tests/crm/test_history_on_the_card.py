"""What an operator reads of earlier calls: from this number and of this customer, each once, the latest first."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from customer_files import caller, import_text

from cti_bridge.calls.call import Call
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.record import CallRecord
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.domain.call_report import CallMoment, CallReport
from cti_bridge.domain.ids import CallId, ChannelId, CustomerId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.beside import AT_ONCE, BesideTheCall
from cti_bridge.reception.card import Card

NUMBER = "+74950000150"
OLGA = Operator(OperatorId("op3"), "Ольга Ланская", ("PJSIP/103",), crm_user="o.lanskaya")
JOURNALLED = CallRecord(
    CallId("main-2.1"), "main", ChannelId("2.1"), "2.1", 2000.0, NUMBER, "external", "", "", "", False,
    queue="sales", operator=OLGA.id, answered_at=2010.0, ended_at=2143.0, outcome="answered",
)  # fmt: skip
CUSTOMER = CustomerId("c-1")


def reported(key: str, at: float) -> CallReport:
    def moment(second: float) -> datetime:
        return datetime.fromtimestamp(second, UTC)

    return CallReport(
        f"{key}/3", key, CallMoment.ENDED, "inbound", NUMBER, "", CUSTOMER, OLGA.crm_user, "sales", "answered",
        moment(at), moment(at + 10), moment(at + 143),
    )  # fmt: skip


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[EmbeddedCrm]:
    import_text(tmp_path, "customer_id,name,number\nc-1,Аглая Снегирёва,+7 495 000-01-50\n")
    crm = EmbeddedCrm(tmp_path / "crm.sqlite")
    yield crm
    await crm.close()


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal(tmp_path / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    yield journal
    await journal.close(within_s=30)


async def test_a_call_that_journal_and_crm_have_is_shown_once(crm: EmbeddedCrm, journal: Journal) -> None:
    journal.keep(JOURNALLED)
    await journal._write_group()
    for told in (reported(JOURNALLED.id, 2000.0), reported("main-1.1", 1000.0), reported("main-9.1", 9000.0)):
        await crm.report(told)

    async def as_it_is(card: Card) -> Card:
        return card

    beside = BesideTheCall(crm, journal, look_up_late=as_it_is, directory=lambda: Directory.of([OLGA]))
    (record,) = await crm.find(caller(NUMBER))
    card = Card(caller(NUMBER), record=record)
    call = Call(CallId("main-9.1"), ChannelId("9.1"), "9.1", 9000.0)

    complete = await beside.complete(call, card)
    assert [(past.at, past.outcome, past.operator, past.wait_s, past.talk_s) for past in complete.history] == [
        (2000.0, "answered", "Ольга Ланская", 10.0, 133.0),
        (1000.0, "answered", "Ольга Ланская", 10.0, 133.0),
    ]
    assert (await beside.complete(call, replace(card, candidates=(record, record)))).history == complete.history[:1]


async def test_a_clock_that_was_set_back_during_a_call_makes_no_negative_talk(
    crm: EmbeddedCrm, journal: Journal
) -> None:
    journal.keep(replace(JOURNALLED, ended_at=1500.0))
    await journal._write_group()

    async def as_it_is(card: Card) -> Card:
        return card

    beside = BesideTheCall(crm, journal, look_up_late=as_it_is, directory=lambda: Directory.of([OLGA]))
    call = Call(CallId("main-9.1"), ChannelId("9.1"), "9.1", 9000.0)
    (past,) = (await beside.complete(call, Card(caller(NUMBER)))).history
    assert (past.wait_s, past.talk_s) == (10.0, 0.0)


async def test_cards_of_many_calls_leave_the_crm_to_those_who_are_decided_about(
    crm: EmbeddedCrm, journal: Journal
) -> None:
    """After an interruption every live call wants its card at once."""
    (record,) = await crm.find(caller(NUMBER))
    asked = most = 0

    async def looked_up(card: Card) -> Card:
        nonlocal asked, most
        asked += 1
        most = max(most, asked)
        await crm.find(caller(NUMBER))
        asked -= 1
        return replace(card, record=record, to_look_up=False)

    beside = BesideTheCall(crm, journal, look_up_late=looked_up, directory=lambda: Directory.of([OLGA]))
    calls = [Call(CallId(f"main-9.{place}"), ChannelId(f"9.{place}"), f"9.{place}", 9000.0) for place in range(200)]
    cards = asyncio.gather(*(beside.complete(call, Card(caller(NUMBER), to_look_up=True)) for call in calls))
    while not cards.done():
        assert await crm.find(caller(NUMBER)) == (record,), "a decision finds room"
    assert {card.extras for card in await cards} == {"ready"}
    assert most == AT_ONCE
