"""Reports from the journal's transaction to a receiver on a real socket: once each, in order, until they are taken."""

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from receiver import SECRET, HttpReceiver, answers, takes
from sqlite_utils import Database
from standardwebhooks import Webhook, WebhookVerificationError
from structlog.testing import capture_logs

from cti_bridge.calls import journal as journal_module
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.record import CallRecord
from cti_bridge.delivery import courier, outbox, verdict
from cti_bridge.delivery.dispatch import Dispatch
from cti_bridge.delivery.http_post import CONCURRENT
from cti_bridge.delivery.outbox import Choice, Entry
from cti_bridge.delivery.sink import Sink
from cti_bridge.delivery.webhook import WebhookSink
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId


def offered(number: int = 1) -> CallRecord:
    return CallRecord(
        CallId(f"main-{number}.1"), "main", ChannelId(f"{number}.1"), f"{number}.1", 1000.0 + number, "+74950000150",
        "external", "Прасковья", "+74950000149", "trunk", verified=True, queue="sales",
    )  # fmt: skip


def answered(number: int = 1) -> CallRecord:
    return replace(offered(number), answered_at=1010.0 + number, operator=OperatorId("op3"), rang=(OperatorId("op3"),))


def ended(number: int = 1) -> CallRecord:
    return replace(answered(number), ended_at=1030.0 + number, outcome="answered")


class Office:
    """A journal with couriers, as the daemon has them."""

    def __init__(self, path: Path, *sinks: Sink, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self.dispatch = Dispatch(sinks, crm_user=lambda operator: f"user-{operator}", now=now)
        self.states: list[str] = []
        self.journal = Journal(
            path, on_state=lambda state, _: self.states.append(state), companion=self.dispatch.writer
        )
        self.dispatch.connect(self.journal)

    @asynccontextmanager
    async def open(self, *, deliver: bool = True) -> AsyncIterator["Office"]:
        await self.journal.open()
        runs = [self.journal.run(), *(courier.run() for courier in self.dispatch.couriers if deliver)]
        tasks = [asyncio.create_task(run) for run in runs]
        try:
            yield self
        finally:
            await self.dispatch.stop(within_s=2.0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.journal.close(within_s=5.0)

    async def keep(self, *states: CallRecord) -> None:
        """Have these states written, each on its own."""
        for state in states:
            self.journal.keep(state)
            async with asyncio.timeout(30):
                while self.journal.waiting:
                    await asyncio.sleep(0.005)

    async def entries(self, choice: Choice = Choice()) -> list[Entry]:
        return await self.journal.ask(
            lambda database: outbox.entries(database.conn, choice, limit=10_000), within_s=10.0
        )

    async def until(self, holds: Callable[[list[Entry]], bool], *, within_s: float = 20.0) -> list[Entry]:
        async with asyncio.timeout(within_s):
            while not holds(entries := await self.entries()):
                await asyncio.sleep(0.02)
        return entries


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting times of milliseconds, so that a test need not wait for real ones."""
    monkeypatch.setattr(verdict, "FIRST_S", 0.02)
    monkeypatch.setattr(verdict, "LONGEST_S", 0.1)
    monkeypatch.setattr(courier, "LONGEST_PAUSE_S", 0.1)
    monkeypatch.setattr(courier, "LOOK_EVERY_S", 0.05)


@pytest.fixture
async def receiver() -> AsyncIterator[HttpReceiver]:
    async with HttpReceiver() as receiver:
        yield receiver


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite"


def webhook(
    receiver: HttpReceiver, name: str = "crm", *, max_age_s: float = 60.0, timeout_s: float = 5.0
) -> WebhookSink:
    return WebhookSink(name, receiver.url, SECRET, timeout_s=timeout_s, max_age_s=max_age_s)


async def test_a_call_is_told_in_order_signed_and_leaves_nothing_behind(path: Path, receiver: HttpReceiver) -> None:
    async with Office(path, webhook(receiver)).open() as office:
        await office.keep(offered(), answered(), ended())
        await receiver.until(4)
        await office.until(lambda entries: not entries)
    assert [arrival.event["type"] for arrival in receiver.arrivals] == [
        "call.started", "call.answered", "call.ended", "call.updated",
    ]  # fmt: skip
    for number, arrival in enumerate(receiver.arrivals, start=1):
        event = Webhook(SECRET).verify(arrival.body, arrival.headers)
        assert event["id"] == arrival.headers["webhook-id"] == f"main-1.1/{number}"
        assert arrival.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert receiver.arrivals[1].event["data"]["operator"] == {"id": "op3", "crm_user": "user-op3"}
    assert receiver.arrivals[0].event["data"]["caller"]["name"] == "Прасковья"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(arrival.body.replace(b"sales", b"sauce"), arrival.headers)


async def test_a_receiver_that_fails_a_third_of_the_time_gets_each_report_once_and_in_order(
    path: Path, receiver: HttpReceiver
) -> None:
    dice = random.Random(7)

    async def moody(request: web.Request) -> web.StreamResponse:
        match dice.randrange(6):
            case 0:
                return web.Response(status=503)
            case 1:
                request.transport and request.transport.close()  # type: ignore[func-returns-value]
                return web.Response(status=500)
        return await takes(request)

    receiver.behaviour = moody
    calls = range(1, 41)
    async with Office(path, webhook(receiver)).open() as office:
        for state in (offered, answered, ended):
            for number in calls:
                office.journal.keep(state(number))
            await asyncio.sleep(0)
        await office.until(lambda entries: not entries and not office.journal.waiting)
    assert receiver.distinct() == {
        f"main-{number}.1": [f"main-{number}.1/{seq}" for seq in (1, 2, 3, 4)] for number in calls
    }
    assert receiver.most_busy <= 8


async def test_a_receiver_that_took_it_but_answered_late_gets_the_same_key_again(
    path: Path, receiver: HttpReceiver
) -> None:
    async def late_once(request: web.Request) -> web.StreamResponse:
        if len(receiver.arrivals) == 1:
            await asyncio.sleep(0.5)
        return await takes(request)

    receiver.behaviour = late_once
    async with Office(path, webhook(receiver, timeout_s=0.2)).open() as office:
        await office.keep(offered())
        await office.until(lambda entries: not entries)
    assert len({arrival.body for arrival in receiver.arrivals}) == 1
    assert [arrival.headers["webhook-id"] for arrival in receiver.arrivals] == ["main-1.1/1"] * len(receiver.arrivals)
    assert len(receiver.arrivals) >= 2


async def test_a_receiver_that_is_down_for_a_while_misses_nothing(path: Path, receiver: HttpReceiver) -> None:
    async with Office(path, webhook(receiver)).open() as office:
        await receiver.stop()
        for number in range(1, 11):
            await office.keep(offered(number), ended(number))
        (courier,) = office.dispatch.couriers
        async with asyncio.timeout(30):
            while not courier.down:
                await asyncio.sleep(0.01)
        await receiver.start()
        await office.until(lambda entries: not entries)
    assert all(len(keys) == 4 for keys in receiver.distinct().values())
    assert len(receiver.distinct()) == 10


async def test_a_call_that_is_refused_holds_up_no_other_and_no_other_sink(path: Path, receiver: HttpReceiver) -> None:
    async with HttpReceiver() as second:

        async def not_this_one(request: web.Request) -> web.StreamResponse:
            event = (receiver.arrivals[-1]).event
            return web.Response(status=500) if event["subject"] == "main-1.1" else await takes(request)

        receiver.behaviour = not_this_one
        async with Office(path, webhook(receiver), webhook(second, "desk")).open() as office:
            await office.keep(ended(1), ended(2), ended(3))
            await receiver.until(8)
            await second.until(12)
            left = await office.until(lambda entries: len(entries) == 4)
    assert {entry.call_id for entry in left} == {"main-1.1"}
    assert [entry.due_at is not None for entry in left] == [True, False, False, False]


@pytest.mark.parametrize("status", [410, 404, 422])
async def test_a_permanent_refusal_is_a_dead_letter_at_once_with_its_reason(
    path: Path, receiver: HttpReceiver, status: int
) -> None:
    receiver.behaviour = answers(status)
    async with Office(path, webhook(receiver)).open() as office:
        await office.keep(offered())
        (entry,) = await office.until(lambda entries: [entry.state for entry in entries] == ["dead"])
        assert (entry.reason, entry.attempts, len(receiver.arrivals)) == (f"HTTP {status}", 1, 1)
        receiver.behaviour = takes
        await office.journal.ask(
            lambda database: outbox.retry(database.conn, Choice(), after=0, until=99, now=time.time()), within_s=5.0
        )
        await receiver.until(1)
        await office.until(lambda entries: not entries)


async def test_what_is_too_old_is_given_up_with_the_last_reason(path: Path, receiver: HttpReceiver) -> None:
    receiver.behaviour = answers(503)
    async with Office(path, webhook(receiver, max_age_s=0.3)).open() as office:
        await office.keep(offered())
        (entry,) = await office.until(lambda entries: [entry.state for entry in entries] == ["dead"])
    assert entry.reason in {"HTTP 503", "the receiver was down for too long"}
    assert len(receiver.arrivals) > 1


async def test_the_receivers_wish_to_be_left_alone_is_honoured(path: Path, receiver: HttpReceiver) -> None:
    receiver.behaviour = answers(429, Retry_After="600")
    async with Office(path, webhook(receiver, max_age_s=86_400.0)).open() as office:
        await office.keep(offered())
        (entry,) = await office.until(lambda entries: [entry.attempts for entry in entries] == [1])
    assert entry.due_at is not None
    assert entry.due_at - entry.since > 595
    assert len(receiver.arrivals) == 1


async def test_what_was_not_delivered_is_delivered_by_the_next_run(path: Path, receiver: HttpReceiver) -> None:
    async with Office(path, webhook(receiver)).open(deliver=False) as office:
        await office.keep(offered(), ended())
    async with Office(path, webhook(receiver)).open():
        await receiver.until(4)
    assert receiver.distinct() == {"main-1.1": [f"main-1.1/{seq}" for seq in (1, 2, 3, 4)]}


async def test_a_clock_that_was_ahead_and_is_set_right_holds_no_report_back(path: Path, receiver: HttpReceiver) -> None:
    async with Office(path, webhook(receiver)).open(deliver=False) as office:
        await office.keep(offered())
        ahead = time.time() + 3 * 3600.0
        (entry,) = await office.entries()

        def postpone(database: Database) -> None:
            with database.conn:
                outbox.postponed(database.conn, entry, due_at=ahead, reason="HTTP 503")

        await office.journal.ask(postpone, within_s=10.0)
    async with Office(path, webhook(receiver)).open():
        await receiver.until(1)
    assert receiver.distinct() == {"main-1.1": ["main-1.1/1"]}


class Clock:
    """The machine's clock, which can be set."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


async def test_a_clock_that_is_set_back_in_between_stalls_no_report(path: Path, receiver: HttpReceiver) -> None:
    clock = Clock()
    receiver.behaviour = answers(503)
    async with Office(path, webhook(receiver), now=clock).open() as office:
        await office.keep(offered(1))
        await office.until(lambda entries: [entry.attempts > 0 for entry in entries] == [True])
        clock.ahead_s = -1800.0
        await office.keep(offered(2))
        receiver.behaviour = takes
        await receiver.until(2)


async def test_a_clock_that_leaps_ahead_gives_nothing_up(path: Path, receiver: HttpReceiver) -> None:
    clock = Clock()
    receiver.behaviour = answers(503)
    async with Office(path, webhook(receiver, max_age_s=3600.0), now=clock).open() as office:
        for number in range(1, 8):
            await office.keep(offered(number))
        (courier,) = office.dispatch.couriers
        async with asyncio.timeout(30):
            while not courier.down:
                await asyncio.sleep(0.01)
        clock.ahead_s = 14 * 365 * 86_400.0
        seen = len(receiver.arrivals)
        async with asyncio.timeout(30):
            while len(receiver.arrivals) < seen + 3:
                await asyncio.sleep(0.01)
        assert {entry.state for entry in await office.entries()} == {"waiting"}
        clock.ahead_s = 0.0  # and what was written meanwhile has no date of the future
        await office.until(lambda entries: all(entry.since < time.time() + 1 for entry in entries))
        receiver.behaviour = takes
        await receiver.until(7)


async def test_one_report_that_breaks_the_receiver_does_not_make_it_down(path: Path, receiver: HttpReceiver) -> None:
    async def breaks_at_one(request: web.Request) -> web.StreamResponse:
        poison = receiver.arrivals[-1].event["subject"] == "main-1.1"
        return web.Response(status=500) if poison else await takes(request)

    receiver.behaviour = breaks_at_one
    async with Office(path, webhook(receiver)).open() as office:
        await office.keep(offered(1))
        await office.until(lambda entries: bool(entries) and entries[0].attempts > courier.DOWN_AFTER + 2)
        assert not office.dispatch.couriers[0].down
        await office.keep(offered(2))
        await receiver.until(1)


async def test_reports_for_somebody_who_is_not_in_the_settings_any_more_are_given_up_and_said(
    path: Path, receiver: HttpReceiver
) -> None:
    async with Office(path, webhook(receiver, "gone")).open(deliver=False) as office:
        await office.keep(ended(1))
    clock = Clock()
    clock.ahead_s = 86_400.0 + 60
    with capture_logs() as said:
        async with Office(path, webhook(receiver), now=clock).open() as office, asyncio.timeout(20):
            watching = asyncio.create_task(office.dispatch.watch())
            while not said:
                await asyncio.sleep(0.01)
            watching.cancel()
            given_up = await office.entries()
    assert {(entry.sink, entry.state, entry.reason) for entry in given_up} == {
        ("gone", "dead", "the receiver is not in the settings any more")
    }
    assert [(line["event"], line["sink"], line["reports"]) for line in said] == [("reports.expired", "gone", 4)]


async def test_a_new_receiver_hears_nothing_of_calls_that_were_over_before_it_was_there(
    path: Path, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "GROUP", 3)
    async with HttpReceiver() as second:
        async with Office(path, webhook(receiver)).open() as office:
            for number in range(1, 8):
                await office.keep(offered(number))
            await receiver.until(7)
        async with Office(path, webhook(receiver), webhook(second, "desk")).open() as office:
            await office.journal.close_older(than=2000.0)
            await receiver.until(21)
            await office.until(lambda entries: not entries)
    assert all(len(keys) == 3 for keys in receiver.distinct().values())
    assert not second.arrivals
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM calls WHERE ended_at IS NULL").fetchone() == (0,)


async def test_a_receiver_that_is_new_in_mid_call_hears_it_from_the_start(path: Path, receiver: HttpReceiver) -> None:
    async with HttpReceiver() as second:
        async with Office(path, webhook(receiver)).open() as office:
            await office.keep(answered())
            await receiver.until(2)
        async with Office(path, webhook(receiver), webhook(second, "desk")).open() as office:
            await office.keep(ended())
            await receiver.until(4)
            await second.until(4)
    assert receiver.distinct() == second.distinct()


async def test_nothing_is_reported_of_a_state_that_is_not_on_disk(path: Path, receiver: HttpReceiver) -> None:
    async with Office(path, webhook(receiver)).open() as office:
        await office.keep(offered())
        await receiver.until(1)
        await office.until(lambda entries: not entries)
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            office.journal.keep(ended())
            await asyncio.sleep(0.7)
            assert len(receiver.arrivals) == 1
            other.rollback()
        await receiver.until(4)


async def test_a_receipt_that_cannot_be_written_down_does_not_make_it_sent_again(
    path: Path, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "_DISK_AGAIN_S", 0.05)
    lock = sqlite3.connect(path, check_same_thread=False)

    async def locks_the_file(request: web.Request) -> web.StreamResponse:
        lock.execute("BEGIN IMMEDIATE")
        return await takes(request)

    receiver.behaviour = locks_the_file
    with closing(lock):
        async with Office(path, webhook(receiver)).open() as office:
            await office.keep(offered())
            await receiver.until(1)
            await asyncio.sleep(1.2)  # longer than the journal waits for the lock
            assert len(receiver.arrivals) == 1
            receiver.behaviour = takes
            lock.rollback()
            await office.until(lambda entries: not entries)
        assert len(receiver.arrivals) == 1


async def test_reports_go_with_their_call(path: Path, receiver: HttpReceiver) -> None:
    async with Office(path, webhook(receiver)).open(deliver=False) as office:
        await office.keep(ended(1), ended(2))

        def forget(database: object) -> None:
            connection: sqlite3.Connection = database.conn  # type: ignore[attr-defined]
            with connection:
                connection.execute("DELETE FROM calls WHERE id = 'main-1.1'")

        await office.journal.ask(forget, within_s=5.0)
        assert {entry.call_id for entry in await office.entries()} == {"main-2.1"}


async def test_calls_whose_end_nobody_saw_are_told_to_have_ended(path: Path, receiver: HttpReceiver) -> None:
    async with Office(path, webhook(receiver)).open() as office:
        await office.keep(offered())
        await receiver.until(1)
        await office.journal.close_older(than=2000.0)
        await receiver.until(3)
    assert [arrival.event["type"] for arrival in receiver.taken][1:] == ["call.ended", "call.updated"]
    assert receiver.taken[-1].event["data"]["recovered"] is True
    assert receiver.taken[-1].event["data"]["outcome"] == "abandoned"


async def test_stopping_lets_a_report_under_way_arrive(path: Path, receiver: HttpReceiver) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return await takes(request)

    receiver.behaviour = slow
    async with Office(path, webhook(receiver)).open() as office:
        await office.keep(offered(), ended())
        async with asyncio.timeout(30):
            while not receiver.arrivals:
                await asyncio.sleep(0.01)
    assert len(receiver.arrivals) == 1
    with closing(sqlite3.connect(path)) as file:
        assert [row[0] for row in file.execute("SELECT seq FROM outbox ORDER BY seq")] == [2, 3, 4]


async def test_stopping_waits_no_longer_than_for_what_is_under_way(
    path: Path, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken a moment ago is written down, and that is all."""
    monkeypatch.setattr(courier, "GATHER_S", 3600.0)
    monkeypatch.setattr(courier, "LOOK_EVERY_S", 3600.0)
    async with Office(path, webhook(receiver)).open() as office:
        await office.keep(offered())
        await receiver.until(1)
        async with asyncio.timeout(30):
            await office.dispatch.stop(within_s=3600.0)
        assert await office.entries() == []


async def test_a_receiver_that_asks_for_patience_is_left_alone_with_every_report(
    path: Path, receiver: HttpReceiver
) -> None:
    receiver.behaviour = answers(429, Retry_After="2")
    async with Office(path, webhook(receiver)).open() as office:
        await office.keep(offered(1))
        await office.until(lambda entries: [entry.attempts for entry in entries] == [1])
        receiver.behaviour = takes
        began = time.monotonic()
        await office.keep(offered(2), offered(3))
        await receiver.until(3)
        assert time.monotonic() - began > 1.0
    assert len(receiver.arrivals) == 4


async def test_a_receiver_that_is_down_is_asked_with_one_report_at_a_time(path: Path, receiver: HttpReceiver) -> None:
    async def fails(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.05)
        return web.Response(status=500)

    receiver.behaviour = fails
    async with Office(path, webhook(receiver)).open() as office:
        for number in range(1, 21):
            await office.keep(offered(number))
        (courier,) = office.dispatch.couriers
        async with asyncio.timeout(30):
            while not courier.down or receiver.busy > 1:
                await asyncio.sleep(0.01)
        receiver.most_busy, seen = 0, len(receiver.arrivals)
        async with asyncio.timeout(30):
            while len(receiver.arrivals) < seen + 3:
                await asyncio.sleep(0.01)
        assert receiver.most_busy == 1
        receiver.behaviour = takes
        await office.until(lambda entries: not entries)
    assert len(receiver.distinct()) == 20


async def test_what_was_taken_about_the_same_time_is_written_down_at_once(
    path: Path, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each report costs one transaction more."""
    monkeypatch.setattr(courier, "GATHER_S", 0.5)
    monkeypatch.setattr(courier, "LOOK_EVERY_S", 60.0)
    passes = []
    settle = courier.Courier._settle

    async def noted(self: courier.Courier, *, slots: int) -> list[Entry]:
        passes.append(slots)
        return await settle(self, slots=slots)

    monkeypatch.setattr(courier.Courier, "_settle", noted)
    async with Office(path, webhook(receiver)).open() as office:
        for number in range(1, CONCURRENT + 1):
            office.journal.keep(offered(number))
        await receiver.until(CONCURRENT)
        await office.until(lambda entries: not entries)
        assert len(passes) <= 3, "one that found nothing, one that sent all, one that wrote down all"


async def test_a_courier_who_is_behind_waits_for_nothing(
    path: Path, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Office(path, webhook(receiver)).open(deliver=False) as office:
        for number in range(1, 40):
            office.journal.keep(offered(number))
        await office.keep(offered(40))
    monkeypatch.setattr(courier, "GATHER_S", 3600.0)
    monkeypatch.setattr(courier, "LOOK_EVERY_S", 3600.0)
    async with Office(path, webhook(receiver)).open():
        await receiver.until(40)


async def test_the_figures_say_what_waits_and_what_was_sent(path: Path, receiver: HttpReceiver) -> None:
    async with Office(path, webhook(receiver)).open() as office:
        await office.keep(offered())
        await receiver.until(1)
        await office.until(lambda entries: not entries)
        receiver.behaviour = answers(404)
        await office.keep(offered(2), replace(offered(2), ended_at=1030.0, outcome="abandoned"))
        await office.until(lambda entries: [entry.state for entry in entries] == ["dead"] * 3)
        watching = asyncio.create_task(office.dispatch.watch())
        async with asyncio.timeout(30):
            while figures(office)["cti_outbox_dead"] != 3:
                await asyncio.sleep(0.01)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert figures(office) == {
        "cti_outbox_sent": 1, "cti_outbox_failed": 3, "cti_outbox_given_up": 3,
        "cti_outbox_waiting": 0, "cti_outbox_dead": 3, "cti_outbox_oldest_seconds": 0,
    }  # fmt: skip


def figures(office: Office) -> dict[str, float]:
    found = {}
    for family in office.dispatch.collect():
        (sample,) = family.samples
        assert sample.labels == {"sink": "crm"}
        found[family.name] = sample.value
    return found


async def test_a_full_disk_loses_no_report(path: Path, receiver: HttpReceiver) -> None:
    def pages_at_most(number: int) -> Callable[[Database], None]:
        return lambda database: database.conn.execute(f"PRAGMA max_page_count = {number}").close()

    async with Office(path, webhook(receiver)).open() as office:
        await office.keep(offered())
        await receiver.until(1)
        await office.until(lambda entries: not entries)
        await office.journal.ask(pages_at_most(1), within_s=5.0)  # no page more than there are
        for number in range(1, 100):
            office.journal.keep(ended(number))
        async with asyncio.timeout(30):
            while office.states[-1] != "at_risk":
                await asyncio.sleep(0.01)
        assert {arrival.event["subject"] for arrival in receiver.arrivals} == {"main-1.1"}
        await office.journal.ask(pages_at_most(1_000_000), within_s=5.0)
        async with asyncio.timeout(30):
            while office.journal.waiting or await office.entries():
                await asyncio.sleep(0.05)
        assert office.journal.dropped == 0
    assert receiver.distinct() == {
        f"main-{number}.1": [f"main-{number}.1/{seq}" for seq in (1, 2, 3, 4)] for number in range(1, 100)
    }


async def test_where_nobody_is_to_be_told_nothing_is_kept_for_it(path: Path) -> None:
    async with Office(path).open() as office:
        await office.keep(offered(), ended())
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
        assert file.execute("SELECT count(*) FROM reported").fetchone() == (0,)
