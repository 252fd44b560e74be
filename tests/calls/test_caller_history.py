"""What the journal knows of a number: who is new, who could not get through, who spoke with him last."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from journal_room import MARIA, PETER, past_call

from cti_bridge.calls import journal_history
from cti_bridge.calls.caller_history import MOST_CALLS, earlier, history_of
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_history import AT_ONCE, EARLIER_CALLS, JournalHistory, history_in
from cti_bridge.calls.record import CallRecord, LegRecord
from cti_bridge.calls.waiting import WaitingCalls
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.history import CallerHistory
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId

NOW = 1_800_000_000.0
NOBODYS = ChannelId("none")


def leg(number: int, operator: str, ended_s: float | None, *, talked_s: float = 30.0) -> LegRecord:
    return LegRecord(
        ChannelId(f"leg-{number}"), ChannelId(""), OperatorId(operator), "", f"PJSIP/10{number}", "sales",
        NOW - 500, NOW - 490, NOW - ended_s if ended_s is not None else None, talked_s, "ended",
    )  # fmt: skip


def outbound(number: int, at: float, **more: Any) -> CallRecord:
    call = replace(past_call(number, at), direction=Direction.OUTBOUND, operator=OperatorId("op4"), decision=None)
    return replace(call, **more)


MISSED = past_call(1, NOW - 1200)
STORIES: dict[str, tuple[list[CallRecord], CallerHistory]] = {
    "never called": ([], CallerHistory(True, 0, None)),
    "somebody else called": ([replace(MISSED, caller=PETER)], CallerHistory(True, 0, None)),
    "nobody answered twenty minutes ago": ([MISSED], CallerHistory(False, 1, None)),
    "nobody answered, and two hours ago neither": (
        [past_call(2, NOW - 7200), MISSED],
        CallerHistory(False, 1, None),
    ),
    "exactly an hour ago": ([past_call(2, NOW - 3600)], CallerHistory(False, 1, None)),
    "still waiting on another line": (
        [replace(MISSED, ended_at=None, outcome="")],
        CallerHistory(False, 0, None),
    ),
    "from a phone of the house": ([replace(MISSED, caller_kind="internal")], CallerHistory(False, 0, None)),
    "answered yesterday": ([past_call(1, NOW - 86_400, wait_s=5)], CallerHistory(False, 0, OperatorId("op3"))),
    "who answered passed him on": (
        [replace(past_call(1, NOW - 600, wait_s=5), legs=(leg(1, "op3", 300), leg(2, "op5", 100)))],
        CallerHistory(False, 0, OperatorId("op5")),
    ),
    "who was only asked for advice does not count": (
        [replace(past_call(1, NOW - 600, wait_s=5), legs=(leg(1, "op3", 300), leg(2, "op5", 100, talked_s=0.0)))],
        CallerHistory(False, 0, OperatorId("op3")),
    ),
    "a stranger's phone does not count": (
        [replace(past_call(1, NOW - 600, wait_s=5), legs=(leg(1, "op3", 300), leg(2, "", 100)))],
        CallerHistory(False, 0, OperatorId("op3")),
    ),
    "an operator reached him": (
        [outbound(1, NOW - 600, answered_at=NOW - 590, outcome="answered")],
        CallerHistory(True, 0, OperatorId("op4")),
    ),
    "an operator tried in vain": ([outbound(1, NOW - 600)], CallerHistory(True, 0, None)),
    "the latest talk counts": (
        [
            past_call(1, NOW - 9000, wait_s=5),
            outbound(2, NOW - 8000, answered_at=NOW - 7990, outcome="answered"),
            past_call(3, NOW - 60),
        ],
        CallerHistory(False, 1, OperatorId("op4")),
    ),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite"


async def written(path: Path, *calls: CallRecord) -> None:
    journal = Journal(path, on_state=lambda state, reason: None)
    await journal.open()
    for call in calls:
        journal.keep(call)
    await journal.close(within_s=60)


def asked(path: Path, *waiting: CallRecord, but: ChannelId = NOBODYS) -> CallerHistory:
    with closing(sqlite3.connect(path)) as connection:
        return history_in(connection, MARIA, waiting, at=NOW, but=but)


@pytest.mark.parametrize(("calls", "expected"), STORIES.values(), ids=STORIES.keys())
async def test_the_journal_tells_the_history_from_disk(
    path: Path, calls: list[CallRecord], expected: CallerHistory
) -> None:
    await written(path, *calls)

    assert asked(path) == expected


@pytest.mark.parametrize(("calls", "expected"), STORIES.values(), ids=STORIES.keys())
def test_calls_that_wait_for_the_disk_tell_the_same(calls: list[CallRecord], expected: CallerHistory) -> None:
    waiting = [earlier(call) for call in calls if call.caller == MARIA]

    assert history_of([], waiting, at=NOW, but=NOBODYS) == expected


async def test_what_is_in_memory_is_newer_than_what_is_on_disk(path: Path) -> None:
    await written(path, replace(MISSED, ended_at=None, outcome=""), past_call(2, NOW - 9000, wait_s=3))

    assert asked(path).missed_last_hour == 0
    assert asked(path, MISSED) == CallerHistory(False, 1, OperatorId("op3"))


async def test_the_call_that_is_decided_does_not_count_as_an_earlier_one(path: Path) -> None:
    again = replace(MISSED, ended_at=None, outcome="")
    await written(path, again)

    assert asked(path, again, but=again.channel).first_time is True


async def test_a_caller_with_endless_calls_costs_no_more_than_a_thousand_of_them() -> None:
    taken = 0

    def endless() -> Iterator[Any]:
        nonlocal taken
        while True:
            taken += 1
            yield earlier(outbound(taken, NOW - taken))

    history = history_of(endless(), [], at=NOW, but=NOBODYS)

    assert history == CallerHistory(False, 0, None)
    assert taken <= MOST_CALLS + 1


async def test_the_question_goes_by_the_index_and_sorts_nothing(path: Path) -> None:
    await written(path, MISSED)
    with closing(sqlite3.connect(path)) as connection:
        plan = [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {EARLIER_CALLS}", [MARIA, NOW])]

    assert plan[0] == "SEARCH c USING INDEX calls_by_caller (caller=? AND offered_at<?)"
    assert "SEARCH l USING PRIMARY KEY (call_id=?)" in plan
    assert [step for step in plan if step.startswith("SCAN")] == []


async def test_the_daemon_asks_beside_a_writer_that_holds_the_file(path: Path) -> None:
    await written(path, MISSED)
    history = JournalHistory(path)
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            writer.execute("BEGIN EXCLUSIVE")
            found = await history.ask(MARIA, [], at=NOW, but=NOBODYS, within_s=5.0)
            writer.execute("ROLLBACK")
    finally:
        await history.close()
    assert found == CallerHistory(False, 1, None)


async def test_a_file_that_was_replaced_is_read_anew(path: Path) -> None:
    await written(path, MISSED)
    history = JournalHistory(path)
    try:
        assert (await history.ask(MARIA, [], at=NOW, but=NOBODYS, within_s=5.0)).first_time is False
        for file in path.parent.glob("calls.sqlite*"):
            file.unlink()
        with pytest.raises(DatabaseUnusable):
            await history.ask(MARIA, [], at=NOW, but=NOBODYS, within_s=5.0)
        await written(path, replace(MISSED, caller=PETER))
        assert (await history.ask(MARIA, [], at=NOW, but=NOBODYS, within_s=5.0)).first_time is True
    finally:
        await history.close()


async def test_a_file_that_was_broken_and_put_right_in_its_place_is_read_again(path: Path) -> None:
    await written(path, MISSED)
    well = path.read_bytes()
    history = JournalHistory(path)
    try:
        assert (await history.ask(MARIA, [], at=NOW, but=NOBODYS, within_s=5.0)).first_time is False
        path.write_bytes(b"nonsense" * 4096)
        with pytest.raises(DatabaseUnusable, match=r"calls\.sqlite: "):
            await history.ask(MARIA, [], at=NOW, but=NOBODYS, within_s=5.0)
        path.write_bytes(well)
        assert (await history.ask(MARIA, [], at=NOW, but=NOBODYS, within_s=5.0)).first_time is False
    finally:
        await history.close()


@dataclass(slots=True)
class StuckDisk:
    """Lets nobody read the file until it is told to go on."""

    read: list[str] = field(default_factory=list)
    """The callers whose calls were looked for."""
    reached: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def history_in(self, connection: sqlite3.Connection, caller: str, *_: Any, **more: Any) -> CallerHistory:
        """In place of what reads the file."""
        self.read.append(caller)
        self.reached.set()
        assert self.go_on.wait(20)
        return history_in(connection, caller, [], **more)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> StuckDisk:
    disk = StuckDisk()
    monkeypatch.setattr(journal_history, "history_in", disk.history_in)
    return disk


async def test_a_disk_that_does_not_answer_holds_up_nobody_and_is_not_asked_without_end(
    path: Path, disk: StuckDisk
) -> None:
    await written(path, MISSED)
    history = JournalHistory(path)
    first = asyncio.create_task(history.ask(PETER, [], at=NOW, but=NOBODYS, within_s=20.0))
    try:
        assert await asyncio.to_thread(disk.reached.wait, 20)
        for _ in range(AT_ONCE - 1):
            with pytest.raises(DatabaseUnusable, match="no answer within 0 ms"):
                await history.ask(MARIA, [], at=NOW, but=NOBODYS, within_s=0.0)
        with pytest.raises(DatabaseUnusable, match="64 questions have no answer yet"):
            await history.ask(MARIA, [], at=NOW, but=NOBODYS, within_s=5.0)
        disk.go_on.set()
        assert (await first).first_time is True
        # Those who gave up are not in the way of whoever comes next: the file was not read for them.
        assert (await history.ask(MARIA, [], at=NOW, but=NOBODYS, within_s=20.0)).first_time is False
        assert disk.read == [PETER, MARIA]
    finally:
        disk.go_on.set()
        await history.close()


async def test_a_caller_who_hangs_up_leaves_no_question_behind(path: Path, disk: StuckDisk) -> None:
    await written(path, MISSED)
    history = JournalHistory(path)
    first = asyncio.create_task(history.ask(MARIA, [], at=NOW, but=NOBODYS, within_s=20.0))
    try:
        assert await asyncio.to_thread(disk.reached.wait, 20)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        disk.go_on.set()
        assert (await history.ask(PETER, [], at=NOW, but=NOBODYS, within_s=20.0)).first_time is True
    finally:
        disk.go_on.set()
        await history.close()


def state(number: int, caller: str = MARIA, **more: Any) -> CallRecord:
    return replace(past_call(number, NOW), caller=caller, **more)


def test_a_group_on_its_way_to_the_disk_is_still_found() -> None:
    waiting = WaitingCalls(10)
    waiting.put(state(1))
    waiting.put(state(2, PETER))
    assert waiting.of_caller(MARIA) == [state(1)]

    assert waiting.take(1) == [state(1)]
    assert (len(waiting), waiting.of_caller(MARIA)) == (1, [state(1)])
    waiting.written()
    assert (waiting.of_caller(MARIA), waiting.of_caller(PETER)) == ([], [state(2, PETER)])


def test_a_group_that_could_not_be_written_comes_back_without_what_is_older_than_the_newest() -> None:
    waiting = WaitingCalls(10)
    waiting.put(state(1))
    waiting.put(state(2))
    waiting.put(state(3))
    waiting.take(2)
    waiting.put(state(1, PETER))
    waiting.put_back()

    assert waiting.of_caller(PETER) == [state(1, PETER)]
    assert {call.id for call in waiting.of_caller(MARIA)} == {state(2).id, state(3).id}
    assert [call.id for call in waiting.take(10)] == [CallId(f"main-{n}.1") for n in (2, 3, 1)]


def test_of_a_number_that_never_stops_only_the_latest_calls_are_handed_to_whoever_decides() -> None:
    waiting = WaitingCalls(2 * MOST_CALLS)
    for number in range(MOST_CALLS + 2):
        waiting.put(state(number))

    found = {call.id for call in waiting.of_caller(MARIA)}
    assert found == {state(number).id for number in range(2, MOST_CALLS + 2)}


def test_what_there_is_no_room_for_is_counted_and_found_no_longer() -> None:
    waiting = WaitingCalls(2)
    for number in (1, 2, 3):
        waiting.put(state(number))

    assert waiting.dropped == 1
    assert {call.id for call in waiting.of_caller(MARIA)} == {state(2).id, state(3).id}
