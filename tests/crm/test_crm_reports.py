"""The CRM is told of a call that is over: once, as late as it likes, and nothing gets worse by telling it twice."""

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from customer_files import caller, import_text
from sqlite_utils import Database

from cti_bridge.crm.embedded import call_list, store
from cti_bridge.crm.embedded.schema import open_for_reading
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.pace import NOBODY_WAITS
from cti_bridge.crm.port import MOMENTS, Capability, Crm, CrmRefuses, CrmUnavailable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.delivery.outbox import Entry
from cti_bridge.delivery.reports import ReportType
from cti_bridge.delivery.verdict import Delivered, Refused, TryAgain, Verdict
from cti_bridge.domain.call_report import CallMoment, CallReport, ReportedRecording
from cti_bridge.domain.customer import CustomerRecord, FinishedCall
from cti_bridge.domain.ids import CallId, CustomerId
from cti_bridge.domain.number import CallerNumber
from cti_bridge.reception.crm_reports import CrmSink

END = datetime(2026, 11, 21, 21, 46, 37, tzinfo=UTC)
CALL = FinishedCall(
    "main-1.1", CustomerId("c-1"), END - timedelta(minutes=2), END - timedelta(minutes=1), END, "sales", "o.lanskaya",
    "answered",
)  # fmt: skip
DATA: dict[str, Any] = {
    "call": "main-1.1", "customer": "c-1", "queue": "sales", "outcome": "answered",
    "operator": {"id": "op3", "crm_user": "o.lanskaya"}, "started_at": (END - timedelta(minutes=2)).isoformat(),
    "answered_at": (END - timedelta(minutes=1)).isoformat(), "ended_at": END.isoformat(), "direction": "inbound",
    "caller": {"number": "+74950000150", "kind": "external"}, "did": "+74950000149", "recordings": [],
}  # fmt: skip


def told(call: FinishedCall, moment: CallMoment = CallMoment.ENDED) -> CallReport:
    """The call as the CRM is told of it."""
    return CallReport(
        "main-1.1/3", call.key, moment, call.direction, "+74950000150", "+74950000149", call.customer_id, call.user,
        call.queue, call.outcome, call.started_at, call.answered_at, call.ended_at,
    )  # fmt: skip


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[EmbeddedCrm]:
    import_text(tmp_path, "customer_id,name,number\nc-1,Аглая Снегирёва,+7 495 000-01-50\n")
    crm = EmbeddedCrm(tmp_path / "crm.sqlite")
    yield crm
    await crm.close()


async def last_contact(crm: EmbeddedCrm) -> datetime | None:
    (record,) = await crm.find(caller("+74950000150"))
    return record.customer.last_contact_at


async def test_it_remembers_when_the_customer_was_last_spoken_with(crm: EmbeddedCrm) -> None:
    assert await last_contact(crm) is None
    await crm.report(told(CALL))
    assert await last_contact(crm) == END


async def test_told_twice_or_of_an_earlier_call_it_stays_what_it_is(crm: EmbeddedCrm) -> None:
    for call in (CALL, CALL, replace(CALL, key="main-0.1", ended_at=END - timedelta(days=1))):
        await crm.report(told(call))
        assert await last_contact(crm) == END


async def test_a_call_that_nobody_answered_was_no_talk(crm: EmbeddedCrm) -> None:
    await crm.report(told(replace(CALL, answered_at=None, outcome="abandoned")))
    assert await last_contact(crm) is None


async def test_the_call_is_in_the_customers_list_once_as_it_was_told_last(crm: EmbeddedCrm) -> None:
    missed = replace(CALL, answered_at=None, user="", outcome="abandoned")
    for call in (missed, CALL, CALL, missed):
        await crm.report(told(call))
    assert await crm.calls(CALL.customer_id, limit=20) == (CALL,)
    assert await crm.calls(CustomerId("c-9"), limit=20) == ()


async def test_the_latest_calls_are_kept(crm: EmbeddedCrm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_list, "MOST_CALLS", 3)
    calls = [
        replace(CALL, key=f"main-{number}.1", started_at=CALL.started_at + timedelta(days=number))
        for number in range(5)
    ]
    for call in calls:
        await crm.report(told(call))
    assert await crm.calls(CALL.customer_id, limit=20) == tuple(reversed(calls[2:]))
    assert await crm.calls(CALL.customer_id, limit=2) == (calls[4], calls[3])


async def test_a_file_of_an_older_version_is_read_and_gets_its_list_with_the_first_call(
    crm: EmbeddedCrm, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as file:
        file.executescript("DROP TABLE calls; PRAGMA user_version = 1;")
    assert await last_contact(crm) is None
    assert await crm.calls(CALL.customer_id, limit=20) == ()
    await crm.report(told(CALL))
    assert await crm.calls(CALL.customer_id, limit=20) == (CALL,)


async def test_calls_survive_an_import_and_go_with_a_customer_who_gets_another_id(
    crm: EmbeddedCrm, tmp_path: Path
) -> None:
    await crm.report(told(CALL))
    import_text(tmp_path, "customer_id,name,number\nc-1,Аглая Снегирёва,+7 495 000-01-50\n")
    assert await crm.calls(CALL.customer_id, limit=20) == (CALL,)
    with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as file:
        file.execute("PRAGMA foreign_keys = ON")
        file.execute("UPDATE customers SET id = 'c-2'")
        file.commit()
    assert await crm.calls(CustomerId("c-2"), limit=20) == (replace(CALL, customer_id=CustomerId("c-2")),)


@pytest.mark.parametrize("moment", [CallMoment.STARTED, CallMoment.ANSWERED])
async def test_it_does_not_want_to_hear_of_calls_that_go_on(crm: EmbeddedCrm, moment: CallMoment) -> None:
    with pytest.raises(CrmRefuses):
        await crm.report(told(CALL, moment))


async def test_a_customer_who_is_gone_is_nobody_to_take_note_for(crm: EmbeddedCrm) -> None:
    await crm.report(told(replace(CALL, customer_id=CustomerId("c-9"))))
    assert await last_contact(crm) is None


async def test_look_ups_and_reports_do_not_disturb_each_other(crm: EmbeddedCrm, tmp_path: Path) -> None:
    calls = [replace(CALL, key=f"main-{number}.1", ended_at=END + timedelta(seconds=number)) for number in range(30)]
    await asyncio.gather(*(work for call in calls for work in (crm.report(told(call)), crm.check())))
    assert await last_contact(crm) == calls[-1].ended_at
    with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_however_many_calls_are_told_the_file_is_seldom_opened_anew(
    crm: EmbeddedCrm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time costs a caller who is looked up meanwhile; it was every time once a thousand pages were waiting."""
    opened: list[Path] = []

    def counted(path: Path, *, busy_timeout_s: float) -> Database:
        opened.append(path)
        return open_for_reading(path, busy_timeout_s=busy_timeout_s)

    monkeypatch.setattr("cti_bridge.crm.embedded.store.open_for_reading", counted)
    for number in range(600):
        await crm.report(told(replace(CALL, key=f"main-{number}.1")))
        await last_contact(crm)
    assert len(opened) < 30
    assert (tmp_path / "crm.sqlite-wal").stat().st_size < 2 * call_list.WAL_KEPT


def test_whoever_reads_the_file_for_long_holds_up_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup, say: what waits beside the file can be moved into it when he is done."""
    monkeypatch.setattr(call_list, "WAL_KEPT", 1)
    import_text(tmp_path, "customer_id,name,number\nc-1,Аглая Снегирёва,+7 495 000-01-50\n")
    path = tmp_path / "crm.sqlite"
    log = tmp_path / "crm.sqlite-wal"
    with closing(call_list.open_for_calls(path, busy_timeout_s=20.0)) as writer:
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.executescript("BEGIN; SELECT count(*) FROM customers;")
            began = time.monotonic()
            call_list.write_call(writer, path, CALL)
            assert time.monotonic() - began < 10.0, "he was not waited for"
            assert log.stat().st_size > 0
        call_list.write_call(writer, path, replace(CALL, key="main-2.1"))
        assert log.stat().st_size == 0
        assert writer.execute("PRAGMA busy_timeout").fetchone() == (20_000,), "for a lock, it waits as before"


async def test_a_locked_file_is_said_and_holds_up_nobody(crm: EmbeddedCrm, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CrmUnavailable, match="locked"):
            await crm.report(told(CALL))
        assert await last_contact(crm) is None
        other.rollback()
    await crm.report(told(CALL))
    assert await last_contact(crm) == END


async def test_a_caller_who_is_looked_up_waits_behind_one_report_at_most(
    crm: EmbeddedCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While something else holds the file, each report takes as long as it may wait for it; callers cannot."""
    begun, gate = [], threading.Semaphore(0)

    def slow(connection: sqlite3.Connection, path: Path, call: FinishedCall) -> None:
        begun.append(call.key)
        assert gate.acquire(timeout=30)

    monkeypatch.setattr(store, "write_call", slow)
    reports = [asyncio.create_task(crm.report(told(replace(CALL, key=f"main-{number}.1")))) for number in range(8)]
    await asyncio.sleep(0)
    look_up = asyncio.create_task(crm.check())
    gate.release()
    await look_up
    assert len(begun) <= 2
    for _ in reports:
        gate.release()
    await asyncio.gather(*reports)
    assert len(begun) == 8


async def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    crm = EmbeddedCrm(tmp_path / "none.sqlite")
    with pytest.raises(CrmUnavailable, match="does not exist"):
        await crm.report(told(CALL))
    await crm.close()
    assert not (tmp_path / "none.sqlite").exists()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(DATA, END, id="a customer's call"),
        pytest.param({**DATA, "customer": None}, None, id="nobody's call"),
        pytest.param({**DATA, "operator": None, "answered_at": None, "outcome": "abandoned"}, None, id="no answer"),
    ],
)
async def test_what_lies_in_the_outbox_reaches_it(crm: EmbeddedCrm, data: dict[str, Any], expected: datetime) -> None:
    sink = CrmSink(crm)
    assert await sink.send(entry_of(sink, ReportType.ENDED, data)) == Delivered()
    assert await last_contact(crm) == expected


async def test_while_it_cannot_be_asked_the_report_waits(tmp_path: Path) -> None:
    crm = EmbeddedCrm(tmp_path / "none.sqlite")
    sink = CrmSink(crm)
    assert isinstance(await sink.send(entry_of(sink, ReportType.ENDED, DATA)), TryAgain)
    await sink.close()
    await crm.close()


async def test_an_update_that_says_what_the_end_said_is_not_written_again(crm: EmbeddedCrm, tmp_path: Path) -> None:
    sink = CrmSink(crm)
    abandoned = {**DATA, "answered_at": None, "outcome": "abandoned"}
    assert await sink.send(entry_of(sink, ReportType.ENDED, abandoned)) == Delivered()
    with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as watching:

        def version() -> int:
            return int(watching.execute("PRAGMA data_version").fetchone()[0])

        before = version()
        assert await sink.send(entry_of(sink, ReportType.UPDATED, abandoned)) == Delivered()
        assert version() == before
        assert await sink.send(entry_of(sink, ReportType.UPDATED, DATA)) == Delivered(), "it was answered after all"
        assert version() != before
    assert await last_contact(crm) == END


async def test_a_crm_that_waits_for_the_last_report_gets_it_though_it_says_nothing_new() -> None:
    listening = Listening(Capability.REPORT_ENDED, Capability.REPORT_UPDATED)
    sink = CrmSink(cast(Crm, listening))
    for moment in (ReportType.ENDED, ReportType.UPDATED):
        assert await sink.send(entry_of(sink, moment, DATA)) == Delivered()
    assert [report.moment for report in listening.heard] == [CallMoment.ENDED, CallMoment.UPDATED]


class Listening:
    """A CRM that takes note of `capabilities` and writes down what it hears, or raises `trouble`."""

    kind = "listening"

    def __init__(self, *capabilities: Capability, trouble: Exception | None = None) -> None:
        self.capabilities = frozenset(capabilities)
        self.heard: list[CallReport] = []
        self._trouble = trouble

    async def report(self, report: CallReport) -> None:
        if self._trouble is not None:
            raise self._trouble
        self.heard.append(report)


STARTED = {**DATA, "operator": None, "answered_at": None, "ended_at": None, "outcome": None}


def test_a_crm_is_told_of_the_moments_and_the_people_that_it_names() -> None:
    some = CrmSink(cast(Crm, Listening(Capability.REPORT_STARTED, Capability.REPORT_ENDED)))
    assert (some.types, some.customers_only) == (frozenset({ReportType.STARTED, ReportType.ENDED}), True)
    every = CrmSink(cast(Crm, Listening(*Capability)))
    assert (every.types, every.customers_only) == (frozenset(ReportType), False)
    assert CrmSink(cast(Crm, Listening(Capability.NOTES))).types == frozenset()


async def test_what_the_journal_says_of_a_call_is_what_the_crm_hears() -> None:
    crm = Listening(*Capability)
    recording = {"file": "1.wav", "leg": None, "started_at": END.isoformat(), "ended_at": None}
    nameless = {**recording, "file": None}
    sink = CrmSink(cast(Crm, crm))
    hidden = {**STARTED, "customer": None, "caller": {"number": "anonymous", "kind": "anonymous"}}
    assert await sink.send(entry_of(sink, ReportType.STARTED, hidden)) == Delivered()
    assert (
        await sink.send(entry_of(sink, ReportType.ENDED, {**DATA, "recordings": [recording, nameless]})) == Delivered()
    )
    began, ended = crm.heard
    assert (began.moment, began.number, began.customer_id, began.user) == (CallMoment.STARTED, "", None, "")
    assert (began.ended_at, began.outcome, began.talked_s) == (None, "", 0)
    assert ended == replace(told(CALL), recordings=(ReportedRecording("1.wav", END),))
    assert ended.talked_s == 60


async def test_a_late_recording_is_news() -> None:
    crm = Listening(*Capability)
    sink = CrmSink(cast(Crm, crm))
    recording = {"file": "1.wav", "leg": None, "started_at": END.isoformat(), "ended_at": None}
    assert await sink.send(entry_of(sink, ReportType.ENDED, DATA)) == Delivered()
    assert await sink.send(entry_of(sink, ReportType.UPDATED, {**DATA, "recordings": [recording]})) == Delivered()
    assert [report.moment for report in crm.heard] == [CallMoment.ENDED, CallMoment.UPDATED]


async def test_what_it_has_stopped_wanting_to_hear_is_not_lost_for_that() -> None:
    """A webhook in the place of an application, for an hour, must not cost the reports that waited."""
    crm = Listening(Capability.REPORT_ENDED)
    sink = CrmSink(cast(Crm, crm))
    assert isinstance(await sink.send(entry_of(sink, ReportType.STARTED, STARTED)), Refused)
    assert await sink.send(entry_of(sink, ReportType.ENDED, {**DATA, "customer": None})) == Delivered()
    assert crm.heard == []


@pytest.mark.parametrize("answer", ["failed", ""], ids=["it did not answer", "the bridge was not there to ask"])
async def test_whoever_called_while_nobody_answered_for_it_is_looked_up_when_his_call_is_told(
    crm: EmbeddedCrm, answer: str
) -> None:
    sink = CrmSink(crm)
    unknown = {**DATA, "customer": None, "crm": answer}
    assert await sink.send(entry_of(sink, ReportType.ENDED, unknown)) == Delivered()
    assert await crm.calls(CALL.customer_id, limit=20) == (CALL,)


async def test_he_is_asked_about_once_and_after_those_who_call_now(
    crm: EmbeddedCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, find, behind = CrmSink(crm), crm.find, []

    async def noted(number: CallerNumber) -> tuple[CustomerRecord, ...]:
        behind.append(NOBODY_WAITS.get())
        return await find(number)

    monkeypatch.setattr(crm, "find", noted)
    for moment in (ReportType.ENDED, ReportType.UPDATED):
        unknown = {**DATA, "customer": None, "crm": "failed"}
        assert await sink.send(entry_of(sink, moment, unknown)) == Delivered()
    assert behind == [True]
    assert not NOBODY_WAITS.get()


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"crm": "none"}, id="a stranger"),
        pytest.param(
            {"crm": "failed", "caller": {"number": "+74950000151", "kind": "external"}}, id="still a stranger"
        ),
        pytest.param({"crm": "failed", "caller": {"number": "anonymous", "kind": "anonymous"}}, id="a hidden number"),
        pytest.param({"crm": "failed", "caller": {"number": "101", "kind": "internal"}}, id="a colleague"),
        pytest.param({}, id="written by an older version"),
    ],
)
async def test_of_nobody_it_hears_nothing(crm: EmbeddedCrm, more: dict[str, Any]) -> None:
    sink = CrmSink(crm)
    assert await sink.send(entry_of(sink, ReportType.ENDED, {**DATA, "customer": None, **more})) == Delivered()
    assert await crm.calls(CALL.customer_id, limit=20) == ()


@pytest.mark.parametrize("strangers", [True, False], ids=["hears of everybody", "hears of customers"])
async def test_of_a_call_that_an_operator_makes_the_crm_is_asked_at_its_end_if_nobody_has_asked_by_then(
    crm: EmbeddedCrm, monkeypatch: pytest.MonkeyPatch, strangers: bool
) -> None:
    """Each question counts with some, and his card asks the same while he calls."""
    wanted = frozenset({*MOMENTS.values(), *([Capability.REPORT_STRANGERS] if strangers else [])})
    heard: list[CallReport] = []

    async def hear(report: CallReport) -> None:
        heard.append(report)

    monkeypatch.setattr(crm, "capabilities", wanted)
    monkeypatch.setattr(crm, "report", hear)
    sink = CrmSink(crm)
    made = {"customer": None, "crm": "", "direction": "outbound"}
    for moment, data in ((ReportType.STARTED, STARTED), (ReportType.ENDED, DATA)):
        assert await sink.send(entry_of(sink, moment, {**data, **made})) == Delivered()
    assert [report.customer_id for report in heard] == [None if strangers else CALL.customer_id, CALL.customer_id]


async def test_a_number_of_several_customers_is_nobodys_call(crm: EmbeddedCrm, tmp_path: Path) -> None:
    import_text(tmp_path, "customer_id,name,number\nc-2,Фирма «Снегирь»,+7 495 000-01-50\n")
    sink = CrmSink(crm)
    unknown = {**DATA, "customer": None, "crm": "failed"}
    assert await sink.send(entry_of(sink, ReportType.ENDED, unknown)) == Delivered()
    assert await crm.calls(CALL.customer_id, limit=20) == ()


async def test_while_nobody_can_be_asked_whose_the_call_was_its_report_waits(tmp_path: Path) -> None:
    crm = EmbeddedCrm(tmp_path / "crm.sqlite")
    sink = CrmSink(crm)
    unknown = {**DATA, "customer": None, "crm": "failed"}
    assert isinstance(await sink.send(entry_of(sink, ReportType.ENDED, unknown)), TryAgain)
    import_text(tmp_path, "customer_id,name,number\nc-1,Аглая Снегирёва,+7 495 000-01-50\n")
    assert await sink.send(entry_of(sink, ReportType.ENDED, unknown)) == Delivered()
    assert await crm.calls(CALL.customer_id, limit=20) == (CALL,)
    await crm.close()


@pytest.mark.parametrize(
    ("trouble", "verdict"),
    [
        (CrmRefuses("no such user"), Refused("no such user")),
        (CrmUnavailable("HTTP 503"), TryAgain("HTTP 503")),
        (DatabaseUnusable("links.sqlite: disk full"), TryAgain("links.sqlite: disk full")),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_what_it_will_never_take_is_a_dead_letter_and_the_rest_is_tried_again(
    trouble: Exception, verdict: Verdict
) -> None:
    sink = CrmSink(cast(Crm, Listening(*Capability, trouble=trouble)))
    assert await sink.send(entry_of(sink, ReportType.ENDED, DATA)) == verdict


async def test_an_update_is_written_when_the_end_was_not_taken(tmp_path: Path) -> None:
    crm = EmbeddedCrm(tmp_path / "crm.sqlite")
    sink = CrmSink(crm)
    assert isinstance(await sink.send(entry_of(sink, ReportType.ENDED, DATA)), TryAgain)
    import_text(tmp_path, "customer_id,name,number\nc-1,Аглая Снегирёва,+7 495 000-01-50\n")
    assert await sink.send(entry_of(sink, ReportType.UPDATED, DATA)) == Delivered()
    assert await last_contact(crm) == END
    await crm.close()


def entry_of(sink: CrmSink, kind: ReportType, data: dict[str, Any]) -> Entry:
    return Entry(CallId("main-1.1"), sink.name, 3, kind, "waiting", 0.0, 0, 0.0, "", json.dumps({"data": data}))
