"""A call of a number that several customers share, on which nobody ever chooses: the CRM is told of it all the same."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

from test_reports import ABANDONED, ENDED, LATE, OFFERED

from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_choices import never_chosen
from cti_bridge.calls.journal_forget import forget
from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.delivery.outbox_writer import CHOICE_S, OutboxWriter, Receiver
from cti_bridge.delivery.reports import ReportType
from cti_bridge.domain.ids import CallId
from cti_bridge.reception.late_choices import LateChoices

CRM = "crm:amocrm"
EVERY = frozenset(ReportType)
SEVERAL = DecisionRecord(
    kind="matched", crm="fresh", crm_age_s=None, rule="sales", class_name="sales", queue="sales",
    steps=(("sales", 60),), final="queue:sales", customer_id="c-4", operator="", priority=None, rules_hash="",
    facts={"call.candidates": 2},
)  # fmt: skip
assert ENDED.ended_at is not None
OVER = replace(ENDED, decision=SEVERAL)
UNANSWERED = replace(ABANDONED, decision=SEVERAL)
LATER = ENDED.ended_at + CHOICE_S


class Office:
    """A journal that writes for receivers, and a clock of its own."""

    def __init__(self, path: Path, *, customers_only: bool = False, also: tuple[str, ...] = ()) -> None:
        self.path, self.now = path, ENDED.ended_at or 0.0
        self.writer = OutboxWriter(
            [Receiver(CRM, EVERY, customers_only), *(Receiver(name, EVERY) for name in ("a webhook", *also))],
            crm_user=lambda _: "", on_written=lambda: None, now=lambda: self.now,
        )  # fmt: skip
        self.journal = Journal(path, on_state=lambda *_: None, companion=self.writer)
        self.choices = LateChoices(self.journal, self.writer, CRM, now=lambda: self.now)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Office"]:
        await self.journal.open()
        task = asyncio.create_task(self.journal.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.journal.close(within_s=30.0)

    async def keep(self, *states: CallRecord) -> None:
        for state in states:
            self.journal.keep(state)
            async with asyncio.timeout(30):
                while self.journal.waiting:
                    await asyncio.sleep(0.005)
            await self.journal.ask(lambda _: None, within_s=30.0)  # what was under way is on disk then

    def told(self, sink: str = CRM) -> list[tuple[str, str | None]]:
        query = "SELECT type, json_extract(body, '$.data.customer') FROM outbox WHERE sink = ? ORDER BY call_id, seq"
        with closing(sqlite3.connect(self.path)) as file:
            return [(kind.removeprefix("call."), whose) for kind, whose in file.execute(query, [sink])]


WHOLE = [(kind, None) for kind in ("started", "answered", "ended", "updated")]


async def test_when_nobody_can_choose_any_more_the_crm_hears_of_the_call_as_of_a_strangers(tmp_path: Path) -> None:
    async with Office(tmp_path / "calls.sqlite").open() as office:
        await office.keep(OVER)
        office.now = LATER - 1
        assert await office.choices.once() == 0
        assert (office.told(), office.told("a webhook")) == ([], WHOLE)
        office.now = LATER
        assert await office.choices.once() == 1
        assert office.told() == WHOLE
        assert (await office.choices.once(), office.told(), office.told("a webhook")) == (0, WHOLE, WHOLE)


async def test_whose_call_it_was_is_told_as_well_when_it_turns_out_still_later(tmp_path: Path) -> None:
    async with Office(tmp_path / "calls.sqlite").open() as office:
        await office.keep(OVER)
        office.now = LATER
        await office.choices.once()
        await office.keep(replace(OVER, customer_id="c-9"))
        assert office.told() == [*WHOLE, ("updated", "c-9")]


async def test_a_call_on_which_somebody_chose_is_told_once(tmp_path: Path) -> None:
    async with Office(tmp_path / "calls.sqlite").open() as office:
        await office.keep(OVER, replace(OVER, customer_id="c-9"))
        office.now = LATER
        assert await office.choices.once() == 0
        assert office.told() == [(kind, "c-9") for kind, _ in WHOLE]


async def test_a_call_in_which_nobody_talked_is_told_when_it_is_over_as_nobody_can_choose(tmp_path: Path) -> None:
    async with Office(tmp_path / "calls.sqlite").open() as office:
        await office.keep(replace(OFFERED, decision=SEVERAL))
        assert office.told() == []
        await office.keep(UNANSWERED)
        assert office.told() == [("started", None), ("ended", None), ("updated", None)]


async def test_who_was_told_that_nobody_answered_is_told_when_it_turns_out_that_somebody_did(tmp_path: Path) -> None:
    async with Office(tmp_path / "calls.sqlite").open() as office:
        await office.keep(UNANSWERED, replace(LATE, decision=SEVERAL))
        assert office.told() == [("started", None), ("ended", None), ("updated", None), ("updated", None)]
        await office.keep(replace(LATE, decision=SEVERAL, customer_id="c-9"))
        assert office.told()[4:] == [("updated", "c-9")]


async def test_a_bridge_that_was_off_for_days_tells_of_them_when_it_is_back_and_of_nothing_older(
    tmp_path: Path,
) -> None:
    path = tmp_path / "calls.sqlite"
    async with Office(path).open() as office:
        weeks_ago = replace(OVER, id=CallId("main-0.1"), offered_at=OVER.offered_at - 14 * 86_400)
        ended = (weeks_ago.offered_at + 1, weeks_ago.offered_at + 9)
        office.now = ended[1]
        await office.keep(replace(weeks_ago, answered_at=ended[0], ended_at=ended[1], legs=(), recordings=()))
        office.now = LATER - 1
        await office.keep(OVER)
        assert office.told() == []
    async with Office(path).open() as office:
        office.now = LATER + 3 * 86_400
        assert await office.choices.once() == 1
        assert office.told() == WHOLE


async def test_another_crm_in_the_settings_hears_nothing_of_calls_from_before(tmp_path: Path) -> None:
    async with Office(tmp_path / "calls.sqlite").open() as office:
        await office.keep(OVER)
        office.writer.put_aside(CRM, begun_before=LATER - 10, reason="another account")
        office.now = LATER
        assert (await office.choices.once(), office.told()) == (0, [])


async def test_a_crm_that_hears_of_customers_only_is_not_told_whose_call_nobody_knows(tmp_path: Path) -> None:
    async with Office(tmp_path / "calls.sqlite", customers_only=True).open() as office:
        await office.keep(OVER, replace(UNANSWERED, id=CallId("main-7.7")))
        office.now = LATER
        await office.choices.once()
        assert office.told() == []


async def test_who_hears_of_calls_only_since_today_is_not_told_of_yesterdays(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    async with Office(path).open() as office:
        await office.keep(OVER)
    async with Office(path, also=("a new one",)).open() as office:
        office.now = LATER
        assert await office.choices.once() == 1
        assert (office.told(), office.told("a webhook"), office.told("a new one")) == (WHOLE, WHOLE, [])


async def test_for_the_few_not_all_calls_are_read(tmp_path: Path) -> None:
    async with Office(tmp_path / "calls.sqlite").open() as office:
        asked: list[str] = []
        with closing(sqlite3.connect(office.path)) as file:
            file.set_trace_callback(asked.append)
            assert never_chosen(file, CRM, since=0.0, until=LATER, begun_since=0.0) == []
            file.set_trace_callback(None)
            plan = [row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {asked[0]}")]
        assert any("calls_of_several (ended_at>? AND ended_at<?)" in step for step in plan), plan


async def test_of_whom_somebody_forgot_meanwhile_nothing_is_told(tmp_path: Path) -> None:
    async with Office(tmp_path / "calls.sqlite").open() as office:
        await office.keep(OVER)
        await asyncio.to_thread(forget, office.path, caller=OVER.caller)
        office.now = LATER
        assert (await office.choices.once(), office.told()) == (0, [])
