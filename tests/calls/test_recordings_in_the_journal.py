"""The recordings of a call in the journal: written and shown with it, closed at the next start, gone with it."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from journal_room import MARIA, journal_path, past_call

from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.journal_forget import forget
from cti_bridge.calls.journal_retention import remove_calls
from cti_bridge.calls.record import CallRecord, LegRecord, RecordingRecord
from cti_bridge.cli.call_record import print_record
from cti_bridge.domain.ids import ChannelId, OperatorId

FILE = f"/var/spool/asterisk/monitor/{MARIA}-Глеб.wav"
BEGUN = RecordingRecord(ChannelId("1.1"), ChannelId(""), 1002.0, None, None)
NAMED = replace(BEGUN, file=FILE)
DONE = replace(NAMED, ended_at=1010.0)
ON_A_LEG = RecordingRecord(ChannelId("1.2"), ChannelId("1.2"), 1003.0, 1009.0, "")
CALL = past_call(1, 1000.0, recordings=(DONE, ON_A_LEG))
LIVE = replace(CALL, ended_at=None, outcome="", recordings=(BEGUN,))


class Companion:
    """Hears what is written, as who puts reports into the outbox does."""

    def __init__(self) -> None:
        self.calls: list[CallRecord] = []

    def add(
        self,
        connection: sqlite3.Connection,
        calls: Sequence[CallRecord],
        *,
        to_whom_knows: bool = False,
        only: str = "",
    ) -> None:
        self.calls += calls

    def written(self) -> None:
        pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = journal_path(tmp_path)
    path.parent.mkdir()
    return path


def written(path: Path, *states: CallRecord, restart: bool = False) -> CallRecord:
    """The call as the companion heard of it last, after these states and perhaps the next start of the bridge."""
    heard = Companion()

    async def write() -> None:
        for state in states:
            journal = Journal(path, on_state=lambda state, reason: None, companion=heard)
            await journal.open()
            journal.keep(state)
            await journal.close(within_s=5)
        if restart:
            journal = Journal(path, on_state=lambda state, reason: None, companion=heard)
            await journal.open()
            await journal.close_older(than=0.0)
            await journal.close(within_s=5)

    asyncio.run(write())
    return heard.calls[-1] if heard.calls else states[-1]


def kept(path: Path) -> CallRecord:
    call = JournalFile(path).call(CALL.id)
    assert call is not None
    return call


def test_they_come_back_with_their_call(path: Path) -> None:
    assert written(path, CALL).recordings == kept(path).recordings == (DONE, ON_A_LEG)
    assert kept(path).closed


def test_what_a_later_run_does_not_know_stays(path: Path) -> None:
    forgetful = replace(CALL, recordings=(replace(DONE, file="", ended_at=None),))
    assert written(path, CALL, forgetful).recordings == (DONE, ON_A_LEG)
    assert written(path, replace(CALL, recordings=())).recordings == (DONE, ON_A_LEG)


def test_a_call_that_was_over_but_not_closed_when_the_bridge_stopped_is_closed_at_the_next_start(path: Path) -> None:
    open_call = replace(CALL, recordings=(NAMED, replace(ON_A_LEG, started_at=1500.0, ended_at=None, file=None)))
    assert not written(path, open_call).closed
    told = written(path, restart=True)
    assert told.closed
    assert [(one.file, one.ended_at) for one in told.recordings] == [(FILE, 1010.0), ("", 1500.0)]
    assert kept(path) == replace(told, legs=())


def test_a_call_that_goes_on_keeps_its_recording_open(path: Path) -> None:
    assert written(path, replace(LIVE, recordings=(NAMED,))).recordings == (NAMED,)

    async def at_the_next_start() -> list[CallRecord]:
        journal = Journal(path, on_state=lambda state, reason: None)
        await journal.open()
        await journal.close_older(than=0.0)
        try:
            return await journal.open_calls(since=0.0)
        finally:
            await journal.close(within_s=5)

    (call,) = asyncio.run(at_the_next_start())
    assert (call.recordings, call.closed) == ((NAMED,), False)


def test_they_go_with_their_call(path: Path) -> None:
    written(path, CALL)
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM recordings").fetchone() == (2,)
        file.execute("DELETE FROM calls")
        assert file.execute("SELECT count(*) FROM recordings").fetchone() == (0,)


async def test_they_go_when_the_call_is_too_old(path: Path) -> None:
    journal = Journal(path, on_state=lambda state, reason: None)
    await journal.open()
    journal.keep(CALL)
    await journal.close(within_s=5)
    journal = Journal(path, on_state=lambda state, reason: None)
    await journal.open()
    assert await journal.ask(lambda database: remove_calls(database, 2000.0), within_s=5) == 1
    left = await journal.ask(lambda database: database.table("recordings").count, within_s=5)
    await journal.close(within_s=5)
    assert left == 0


def test_whoever_forgets_a_caller_forgets_the_names_of_the_files_too(path: Path) -> None:
    written(path, CALL)
    assert FILE.encode() in path.read_bytes()
    forget(path, caller=MARIA)
    assert kept(path).recordings == ()
    assert FILE.encode() not in path.read_bytes()
    written(path, CALL)
    assert kept(path).recordings == (), "what turns up late does not bring them back"
    assert "Глеб".encode() not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_calls_show_has_them_and_says_whether_the_call_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    def shown(call: CallRecord) -> list[str]:
        print_record(call, as_json=False)
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith(("recording", "closed"))]

    first, second, closed = shown(CALL)
    assert f"{FILE} of the caller's channel, from 1970-01-01T" in first
    assert "file not known of leg 1.2, from" in second
    leg = LegRecord(
        ON_A_LEG.leg, ChannelId(""), OperatorId("op3"), "", "PJSIP/103", "sales", 1001.0, 1003.0, 1009.0, 6.0, "ended"
    )
    assert "file not known of op3 at PJSIP/103, from" in shown(replace(CALL, legs=(leg,)))[1]
    assert closed == "closed       yes, times and recordings are final"
    assert shown(LIVE)[-1] == "closed       no, it goes on"
    assert shown(replace(CALL, recordings=(BEGUN,)))[-1] == "closed       no, a recording is not complete"


def test_a_file_with_escape_sequences_cannot_speak_to_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_record(replace(CALL, recordings=(replace(DONE, file="/a\x1b[2J.wav"),)), as_json=False)
    assert "\x1b" not in capsys.readouterr().out


def test_a_program_gets_them_with_times(capsys: pytest.CaptureFixture[str]) -> None:
    print_record(CALL, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert shown["closed"] is True
    assert shown["recordings"][0]["file"] == FILE
    assert shown["recordings"][0]["leg"] == ""
    assert shown["recordings"][0]["started_at"].startswith("1970-01-01T")
