"""The story beside the card: calls in and out, answered and missed, each with the stage that the deal was in then."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from card_room import ARKADY, RADA, STRANGER, TWO, VERA, card_room

from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.crm.own_changes import OwnChanges
from cti_bridge.delivery.outbox_writer import Receiver
from cti_bridge.delivery.reports import ReportType
from cti_bridge.domain.customer import Customer, CustomerRecord, Deal
from cti_bridge.domain.decision import Facts
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, ChannelId, CustomerId, DealId

OTHER = "+74950000311"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp()


def past(number: int, *, stage: str = "", facts: Facts | None = None, customer: str = "c-1") -> CallRecord:
    decision = DecisionRecord(
        kind="matched", crm="fresh", crm_age_s=None, rule="sales", class_name="sales", queue="sales",
        steps=(("sales", 60),), final="queue:sales", customer_id=customer, operator="", priority=None, rules_hash="",
        facts=facts if facts is not None else {"deal.stage": stage or None},
    )  # fmt: skip
    at = NOON + 3_600 * number
    return CallRecord(
        CallId(f"main-{number}0.1"), "main", ChannelId(f"{number}0.1"), f"{number}0.1", at, VERA, "external", "", "",
        "", False, decision, queue="sales", ended_at=at + 30, outcome="abandoned",
    )  # fmt: skip


async def test_the_stages_of_the_deal_are_in_the_one_stream_with_calls_out_and_missed_ones(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        answered = replace(
            past(1, stage="offer_preparing"), operator=RADA.id, answered_at=NOON + 3_610, outcome="answered"
        )
        out = replace(past(3), decision=None, direction=Direction.OUTBOUND, operator=RADA.id, outcome="missed")
        forgotten_facts = past(4, facts={"call.did": "+74950000149"})
        for record in (answered, past(2, stage="offer_sent"), out, forgotten_facts):
            room.journal.keep(record)
        await room.until(lambda: not room.journal.waiting)
        call = await room.talks(VERA)
        story = room.card()["history"]
        assert [(one["direction"], one["outcome"], one["stage"], one["stage_name"]) for one in story] == [
            ("inbound", "abandoned", None, None),
            ("outbound", "missed", None, None),
            ("inbound", "abandoned", "offer_sent", "предложение отправлено"),
            ("inbound", "answered", "offer_preparing", "готовим предложение"),
        ]
        assert call == "main-1.1"


async def test_calls_of_the_customers_other_numbers_are_in_the_story_and_nobody_elses(tmp_path: Path) -> None:
    async with card_room(tmp_path) as room:
        with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as file, file:
            file.execute("INSERT INTO numbers VALUES (?, 'c-1', ?)", [OTHER, OTHER])
        for number, caller in ((1, OTHER), (2, VERA), (3, TWO)):
            room.journal.keep(replace(past(number), caller=caller, queue=f"q{number}"))
        await room.until(lambda: not room.journal.waiting)
        await room.talks(VERA)
        assert [one["queue"] for one in room.card()["history"]] == ["q2", "q1"]
        call = await room.talks(TWO, call="main-2.1", phone="102")  # several have that number
        await room.fetched()
        assert [one["queue"] for one in room.card(ARKADY, call)["history"]] == ["q3"]


def test_the_crm_hears_of_a_call_of_several_customers_when_one_is_chosen_and_others_hear_at_once() -> None:
    several = replace(past(1, facts={"call.candidates": 2, "call.crm": "fresh"}), answered_at=NOON + 3_605)
    chosen = replace(several, customer_id="c-3")
    every = frozenset(ReportType)
    for crm in (Receiver("crm:amocrm", every), Receiver("crm:embedded", every, customers_only=True)):
        assert (crm.hears_of(several, now=NOON), crm.hears_of(chosen, now=NOON)) == (False, True)
    assert Receiver("a webhook", every).hears_of(several, now=NOON)
    assert (several.customer, chosen.customer) == ("", "c-3")
    assert past(1, facts={"call.candidates": 1}).customer == "c-1"


def test_what_was_written_lies_over_older_answers_and_over_no_younger_one() -> None:
    changes = OwnChanges()
    vera = CustomerRecord(Customer(CustomerId("c-1"), "Вера", (VERA,), city="Тверь"))
    written = CustomerRecord(Customer(CustomerId("c-1"), "Вера", (VERA,), city="Клин"))
    changes.note(written, at=10.0, fields={"city": "Клин"})
    assert changes.over(VERA, (vera,), said_at=5.0)[0].customer.city == "Клин"
    assert changes.over(VERA, (vera,), said_at=11.0) == (vera,)
    deal = Deal(DealId("d-9"), "Окно", "offer_preparing")
    changes.note(CustomerRecord(written.customer, (deal,)), at=12.0, deal=deal)
    (record,) = changes.over(VERA, (vera,), said_at=11.0)
    assert (record.customer.city, record.deals) == ("Тверь", (deal,))  # somebody has changed the city back since


def test_what_the_crm_changed_since_is_not_taken_back_when_another_field_is_written() -> None:
    changes = OwnChanges()
    vera = Customer(CustomerId("c-1"), "Вера", (VERA,))
    changes.note(CustomerRecord(replace(vera, segment="vip")), at=10.0, fields={"segment": "vip"})
    since = CustomerRecord(replace(vera, segment="обычный"))
    changes.note(since, at=30.0, fields={"email": "vera@example.test"})
    (answer,) = changes.over(VERA, (since,), said_at=20.0)
    assert (answer.customer.segment, answer.customer.email) == ("обычный", "vera@example.test")


def test_somebody_new_is_known_though_a_mirror_has_not_heard_of_him_yet() -> None:
    changes = OwnChanges()
    nina = CustomerRecord(Customer(CustomerId("c-9"), "Нина", (STRANGER,)))
    changes.note(nina, at=10.0, made_for=STRANGER)
    assert changes.over(STRANGER, (), said_at=9.0) == (nina,)
    assert changes.over(STRANGER, (), said_at=11.0) == ()  # deleted in the CRM since
    assert changes.over(VERA, (), said_at=9.0) == ()
    assert changes.over(STRANGER, (nina,), said_at=9.0) == (nina,)


def test_only_the_latest_of_many_are_remembered() -> None:
    changes = OwnChanges()
    for number in range(2_100):
        record = CustomerRecord(Customer(CustomerId(f"c-{number}"), "Кто-то"))
        changes.note(record, at=float(number), fields={"city": "Клин"})
    first, last = (CustomerRecord(Customer(CustomerId(f"c-{number}"), "Кто-то")) for number in (0, 2_099))
    assert changes.over("", (first,), said_at=-1.0)[0].customer.city == ""
    assert changes.over("", (last,), said_at=-1.0)[0].customer.city == "Клин"
