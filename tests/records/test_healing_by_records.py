"""What is made of an interruption: what is read, since when, for how long, and whether Asterisk was restarted."""

import asyncio
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from heard import PHONES, STORIES, told
from structlog.testing import capture_logs

from cti_bridge.asterisk.ami.hearing import Interruption
from cti_bridge.asterisk.records.reading import RecordFiles
from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import Outcome
from cti_bridge.calls.events import CallerQueued, CallEvent, PbxRestarted, SeenChannel, Snapshot
from cti_bridge.calls.record import CallRecord, LegRecord
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.healing import Healing
from cti_bridge.reception.restored import restored

NAME = "operator_hangs_up"
BEGAN, ENDED = told(NAME)[0].at, told(NAME)[-1].at
ZOYA = Operator(OperatorId("zoya"), "Зоя Лебедь", ("PJSIP/103",))


def healing(files: RecordFiles, *, within_s: float = 30.0) -> Healing:
    book = CallBook("main", is_operator_phone=PHONES.__contains__)
    directory = Directory.of([ZOYA])
    return Healing(files, book=book, directory=lambda: directory, within_s=within_s)


def files(folder: Path, *, cel: bool = True) -> RecordFiles:
    for kind in ("cel", "queue_log"):
        (folder / kind).write_bytes((STORIES / f"{NAME}.{kind}").read_bytes())
    return RecordFiles(folder / "queue_log", folder / "cel" if cel else None)


def cut(heard_until: float | None = BEGAN - 1, *, at: float = ENDED + 5.0) -> Interruption:
    return Interruption(
        Snapshot(at, ()),
        heard_until,
        back_at=at - 0.1,
        up_for_s=100_000.0,
        last_there=0.0,
        earlier_start=None,
        later_s=0.0,
    )


async def taken_in(healer: Healing, interruption: Interruption) -> list[Outcome | None]:
    """How the calls end that the past has."""
    book = CallBook("main", is_operator_phone=PHONES.__contains__)
    past = (await healer.look_back(interruption)).past
    changes = [change for event in past for change in book.look_back(event, maybe_heard=False)]
    return list({change.after.id: change.after.outcome for change in changes}.values())


@pytest.mark.parametrize("cel", [True, False])
async def test_a_call_that_came_and_went_unheard_is_found(tmp_path: Path, cel: bool) -> None:
    healer = healing(files(tmp_path, cel=cel))
    assert await taken_in(healer, cut()) == [Outcome.ANSWERED]
    assert healer.found > 0


async def test_cel_that_is_not_written_any_more_leaves_it_to_queue_log(tmp_path: Path) -> None:
    records = files(tmp_path)
    (tmp_path / "cel").write_text("")
    assert await taken_in(healing(records), cut()) == [Outcome.ANSWERED]
    (tmp_path / "cel").unlink()
    assert await taken_in(healing(records), cut()) == [Outcome.ANSWERED]


SOME = '"CHAN_START","1795318647.581517"'
FOREIGN = {
    "as Asterisk ships it": SOME + ',"x"' * 16,
    "as many columns": SOME + ',"x"' * 9,
    "dateformat is set": '"CHAN_START","2026-11-22 04:37:27","main-1.1","main-1.1","PJSIP/a-1","","","","","",""',
}


@pytest.mark.parametrize("line", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("queue_log", [True, False])
async def test_cel_that_somebody_else_has_set_up_is_not_misread_and_the_log_says_so(
    tmp_path: Path, line: str, queue_log: bool
) -> None:
    records = files(tmp_path)
    (tmp_path / "cel").write_text(f"{line}\n" * 3)
    with capture_logs() as logged:
        outcomes = await taken_in(healing(records if queue_log else replace(records, queue_log=None)), cut())
    assert outcomes == ([Outcome.ANSWERED] if queue_log else [])
    (warning,) = [entry for entry in logged if entry["event"] == "records.unread"]
    assert "cel_custom.conf" in warning["reason"] and str(tmp_path / "cel") in warning["reason"]


async def test_cel_that_cannot_be_opened_is_named_though_queue_log_serves(tmp_path: Path) -> None:
    records = files(tmp_path)
    (tmp_path / "cel").unlink()
    with capture_logs() as logged:
        assert await taken_in(healing(records), cut()) == [Outcome.ANSWERED]
    (warning,) = [entry for entry in logged if entry["event"] == "records.unread"]
    assert str(tmp_path / "cel") in warning["reason"]


async def test_a_phone_that_an_earlier_run_heard_ringing_in_vain_did_not_ring_twice(tmp_path: Path) -> None:
    caller, leg = ChannelId("main-1.1"), ChannelId("main-1.7")
    known = LegRecord(
        leg, ChannelId(""), ZOYA.id, "", "PJSIP/103", "sales", BEGAN, None, BEGAN + 15.2, 0.0, "no_answer"
    )
    record = CallRecord(
        CallId("main:main-1.1"), "main", caller, caller, BEGAN, "", "anonymous", "", "", "", False, legs=(known,)
    )
    (tmp_path / "queue_log").write_text(
        f"{BEGAN:.0f}|{caller}|sales|NONE|ENTERQUEUE|||1\n"
        f"{BEGAN + 15:.0f}|{caller}|sales|Зоя Лебедь|RINGNOANSWER|15000\n"
        f"{BEGAN + 35:.0f}|{caller}|sales|Зоя Лебедь|RINGNOANSWER|15000\n"
    )
    book = CallBook("main", is_operator_phone=PHONES.__contains__)
    book.restore(restored(record)[0])
    directory = Directory.of([ZOYA])
    healer = Healing(RecordFiles(tmp_path / "queue_log"), book=book, directory=lambda: directory)
    healer.known_until = BEGAN - 2
    there = SeenChannel(caller, "PJSIP/trunk-1", "PJSIP/trunk", caller, False, False)
    asked = replace(cut(None, at=BEGAN + 60), snapshot=Snapshot(BEGAN + 60, (there,)))
    for event in (await healer.look_back(asked)).past:
        book.look_back(event, maybe_heard=False)
    (call,) = book.live()
    assert [(rang.interface, rang.why, rang.id == leg) for rang in call.legs] == [
        ("PJSIP/103", "no_answer", True),
        ("PJSIP/103", "no_answer", False),
    ]


async def test_what_was_heard_is_not_looked_for(tmp_path: Path) -> None:
    assert await taken_in(healing(files(tmp_path)), cut(ENDED + 1)) == []


async def test_a_new_run_looks_from_where_the_last_one_knew_everything_and_without_that_not_at_all(
    tmp_path: Path,
) -> None:
    healer = healing(files(tmp_path))
    assert (await healer.look_back(cut(None))).past == ()
    healer.known_until = BEGAN - 1
    found = await healer.look_back(cut(None))
    assert any(isinstance(event, CallerQueued) for event in found.past)
    assert found.heard_until == 0.0, "nothing of it is in the book of this run"


async def test_without_records_the_snapshot_alone_has_to_do(tmp_path: Path) -> None:
    for records in (RecordFiles(), RecordFiles(tmp_path / "none"), RecordFiles(None, tmp_path / "none")):
        assert (await healing(records).look_back(cut())).past == ()


async def test_a_disk_that_hangs_is_not_waited_for_and_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, asked = threading.Event(), 0
    open_file = os.open

    def hangs(path: str, flags: int, mode: int = 0o777) -> int:
        nonlocal asked
        asked += 1
        let_go.wait(20)
        return open_file(path, flags, mode)

    healer = healing(files(tmp_path), within_s=0.05)
    monkeypatch.setattr("cti_bridge.asterisk.records.tail.os.open", hangs)
    try:
        assert (await healer.look_back(cut())).past == ()
        assert (await healer.look_back(cut())).past == ()
        assert asked == 1
    finally:
        let_go.set()
    async with asyncio.timeout(30):
        while any(thread.name == "records" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)


async def test_a_line_that_is_cut_again_while_the_records_are_read_loses_nothing_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, open_file = threading.Event(), os.open

    def is_slow(path: str, flags: int, mode: int = 0o777) -> int:
        let_go.wait(20)
        return open_file(path, flags, mode)

    healer = healing(files(tmp_path))
    monkeypatch.setattr("cti_bridge.asterisk.records.tail.os.open", is_slow)
    first = asyncio.create_task(healer.look_back(cut()))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    asyncio.get_running_loop().call_later(0.05, let_go.set)
    assert await taken_in(healer, cut()) == [Outcome.ANSWERED]


def restarts(past: tuple[CallEvent, ...]) -> list[PbxRestarted]:
    return [event for event in past if isinstance(event, PbxRestarted)]


@pytest.mark.parametrize(
    ("up_for_s", "last_there", "earlier_start", "at"),
    [
        (100_000.0, 0.0, None, None),
        (0.0, 0.0, None, BEGAN),
        (0.0, BEGAN + 3, None, BEGAN + 3),
        (None, 0.0, None, None),
        (10.0, 0.0, BEGAN + 0.4, None),
        (5.0, 0.0, BEGAN - 50_000, BEGAN),
        (9.0, 0.0, BEGAN - 50_000, BEGAN),
    ],
)
async def test_a_restart_is_known_by_the_age_of_asterisk(
    up_for_s: float | None, last_there: float, earlier_start: float | None, at: float | None
) -> None:
    interruption = replace(
        cut(BEGAN, at=BEGAN + 10), up_for_s=up_for_s, last_there=last_there, earlier_start=earlier_start
    )
    past = (await healing(RecordFiles()).look_back(interruption)).past
    assert [event.at for event in restarts(past)] == ([] if at is None else [at])


@pytest.mark.parametrize("set_back_s", [3.0, 3600.0])
async def test_a_clock_of_the_pbx_that_is_set_back_makes_it_younger_but_is_no_restart(set_back_s: float) -> None:
    interruption = replace(
        cut(BEGAN, at=BEGAN + 10), up_for_s=100_000.0 - set_back_s, earlier_start=BEGAN + 10 - 100_000.0
    )
    assert not restarts((await healing(RecordFiles()).look_back(interruption)).past)


async def test_calls_of_before_a_restart_end_when_it_was_there_last_and_those_after_go_on() -> None:
    book = CallBook("main", is_operator_phone=PHONES.__contains__)
    old, new = ChannelId("main-1.1"), ChannelId("main-60.1")
    book.apply(CallerQueued(10.0, old, old, "sales"))
    book.look_back(CallerQueued(61.0, new, new, "sales"), maybe_heard=False)
    (change,) = book.look_back(PbxRestarted(42.0, 55.0), maybe_heard=False)
    assert (change.after.channel, change.after.ended_at, change.after.recovered) == (old, 42.0, True)
    assert book.look_back(PbxRestarted(42.0, 55.0), maybe_heard=False) == []
    assert book.resync(Snapshot(62.0, (SeenChannel(new, "PJSIP/trunk-1", "PJSIP/trunk", new, False, False),)))
    assert [call.channel for call in book.live()] == [new]
