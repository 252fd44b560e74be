"""The legs of a call in the journal: written with it, what was seen first stays, shown with it, gone with it."""

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.record import CallRecord, LegRecord
from cti_bridge.cli.call_record import print_record
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId

LEG = LegRecord(
    leg=ChannelId("1.2"),
    parent=ChannelId(""),
    operator=OperatorId("op3"),
    number="",
    interface="PJSIP/103",
    queue="sales",
    rang_at=1001.0,
    answered_at=None,
    ended_at=None,
    talked_s=0.0,
    why="",
)
CALL = CallRecord(
    id=CallId("main-1.1"),
    pbx="main",
    channel=ChannelId("1.1"),
    linkedid="1.1",
    offered_at=1000.0,
    caller="+74950000150",
    caller_kind="external",
    caller_name="Мария",
    did="+74950000149",
    trunk="",
    verified=True,
    legs=(LEG,),
)
ANSWERED = replace(LEG, answered_at=1005.0)
OVER = replace(ANSWERED, ended_at=1010.0, talked_s=4.5, why="transferred")
OUTSIDE = replace(
    LEG, leg=ChannelId("1.3"), parent=ChannelId("1.2"), operator=OperatorId(""), number="+7495***0277",
    interface="PJSIP/trunk", queue="", rang_at=1006.0,
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite"


def written(path: Path, *states: CallRecord) -> tuple[LegRecord, ...]:
    """The legs in the file after these states of a call, each written in a transaction of its own."""

    async def write() -> None:
        for state in states:
            journal = Journal(path, on_state=lambda *_: None)
            await journal.open()
            journal.keep(state)
            await journal.close(within_s=5.0)

    asyncio.run(write())
    record = JournalFile(path).call(CALL.id)
    assert record is not None
    return record.legs


def test_every_leg_is_read_back_as_it_was_in_the_order_of_ringing(path: Path) -> None:
    assert written(path, replace(CALL, legs=(OUTSIDE, OVER))) == (OVER, OUTSIDE)


def test_a_leg_grows_with_its_call(path: Path) -> None:
    states = (CALL, replace(CALL, legs=(ANSWERED,)), replace(CALL, legs=(OVER,)))
    assert written(path, *states) == (OVER,)


def test_after_a_restart_the_times_that_were_seen_first_stay(path: Path) -> None:
    seen_anew = replace(LEG, rang_at=1007.0, answered_at=1007.0, ended_at=1012.0, talked_s=2.0, why="ended")
    (leg,) = written(path, replace(CALL, legs=(ANSWERED,)), replace(CALL, legs=(seen_anew,)))
    assert (leg.rang_at, leg.answered_at, leg.ended_at) == (1001.0, 1005.0, 1012.0)


def test_a_leg_whose_end_nobody_saw_is_over_with_its_call(path: Path) -> None:
    (leg,) = written(path, CALL, replace(CALL, legs=(), ended_at=1020.0, outcome="abandoned"))
    assert (leg.ended_at, leg.why) == (1020.0, "unseen")


def test_legs_go_with_their_call(path: Path) -> None:
    written(path, CALL)
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("DELETE FROM calls")
        assert file.execute("SELECT count(*) FROM legs").fetchone() == (0,)


def test_a_call_is_shown_with_its_legs(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = replace(CALL, legs=(OVER, OUTSIDE))
    print_record(record, as_json=False)
    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith("leg ")]
    assert len(shown) == 2
    assert "op3 at PJSIP/103" in shown[0]
    assert "4.5 s with the caller, transferred" in shown[0]
    assert "+7495***0277 at PJSIP/trunk (called by op3 at PJSIP/103)" in shown[1]

    print_record(replace(CALL, legs=(ANSWERED,)), as_json=False)
    assert "with the caller" not in capsys.readouterr().out, "nobody has added up yet how long he talks"

    print_record(record, as_json=True)
    first, second = json.loads(capsys.readouterr().out)["legs"]
    assert (first["operator"], first["talked_s"], first["why"]) == ("op3", 4.5, "transferred")
    assert first["answered_at"].startswith("1970-01-01T")
    assert (second["parent"], second["answered_at"]) == ("1.2", None)
