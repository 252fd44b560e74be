"""What is made of an interruption: what is read, since when, for how long, and whether Asterisk was restarted."""

import asyncio
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from heard import PHONES, STORIES, told

from cti_bridge.asterisk.ami.hearing import Interruption
from cti_bridge.asterisk.records.reading import RecordFiles
from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import Outcome
from cti_bridge.calls.events import CallerQueued, CallEvent, PbxRestarted, SeenChannel, Snapshot
from cti_bridge.domain.ids import ChannelId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.healing import Healing

NAME = "operator_hangs_up"
BEGAN, ENDED = told(NAME)[0].at, told(NAME)[-1].at
ZOYA = Operator(OperatorId("zoya"), "Зоя Лебедь", ("PJSIP/103",))


def healing(files: RecordFiles, *, within_s: float = 5.0) -> Healing:
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
    async with asyncio.timeout(5):
        while any(thread.name == "records" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)


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
