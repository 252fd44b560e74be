"""The journal keeps a finished call finished, and knows until when it knows everything."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.journal_heard import finished_since, heard_until
from cti_bridge.calls.record import CallRecord, LegRecord
from cti_bridge.delivery.outbox_writer import OutboxWriter, Receiver
from cti_bridge.delivery.reports import ReportType
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId

CALL = CallId("main-1.1")
LEG = LegRecord(
    ChannelId("main-1.2"), ChannelId(""), OperatorId("op3"), "", "PJSIP/103", "sales", 1010.0, None, 1025.0, 0.0,
    "cancelled",
)  # fmt: skip
GOES_ON = CallRecord(
    CALL, "main", ChannelId("main-1.1"), "main-1.1", 1000.0, "+74950000150", "external", "", "", "", False,
    queue="sales", legs=(LEG,),
)  # fmt: skip
ABANDONED = replace(GOES_ON, ended_at=1030.0, outcome="abandoned", recovered=True)
ANSWERED = replace(
    GOES_ON, answered_at=1012.0, operator=OperatorId("op3"), ended_at=1040.0, outcome="answered", recovered=True
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite"


async def kept(path: Path, *states: CallRecord) -> CallRecord:
    """What the journal has after these states, each of a run of its own."""
    for state in states:
        journal = Journal(path, on_state=lambda state, reason: None)
        await journal.open()
        journal.keep(state)
        await journal.close(within_s=5.0)
    found = JournalFile(path).call(CALL)
    assert found is not None
    return found


async def test_a_call_that_is_over_does_not_go_on(path: Path) -> None:
    found = await kept(path, ABANDONED, replace(GOES_ON, queue="production", legs=()))
    assert (found.ended_at, found.outcome, found.queue) == (1030.0, "abandoned", "sales")


async def test_an_answered_call_is_never_missed(path: Path) -> None:
    found = await kept(path, ANSWERED, replace(ABANDONED, ended_at=1041.0))
    assert (found.outcome, found.operator, found.answered_at, found.ended_at) == ("answered", "op3", 1012.0, 1040.0)


async def test_an_answer_before_the_end_may_still_be_found_out(path: Path) -> None:
    found = await kept(path, replace(ABANDONED, recovered=False), ANSWERED)
    assert (found.outcome, found.operator, found.answered_at, found.ended_at) == ("answered", "op3", 1012.0, 1030.0)
    assert found.recovered


async def test_an_answer_after_the_end_is_none(path: Path) -> None:
    found = await kept(path, ABANDONED, replace(ANSWERED, answered_at=1031.0))
    assert (found.outcome, found.answered_at, found.ended_at) == ("abandoned", None, 1030.0)


@pytest.mark.parametrize(
    ("first", "later"),
    [
        pytest.param(ANSWERED, replace(ANSWERED, ended_at=1300.0), id="another end"),
        pytest.param(ANSWERED, replace(ABANDONED, ended_at=1041.0), id="no answer"),
        pytest.param(ABANDONED, replace(ANSWERED, answered_at=1031.0), id="an answer after the end"),
    ],
)
async def test_who_was_told_of_the_end_is_not_told_of_another_one(
    path: Path, first: CallRecord, later: CallRecord
) -> None:
    """What is told is what the journal has: a late state of a finished call tells nobody something else."""
    writer = OutboxWriter(
        [Receiver("crm", frozenset(ReportType))], crm_user=lambda operator: "", on_written=lambda: None
    )
    for state in (first, later, replace(later, pop_ms=1.0)):
        journal = Journal(path, on_state=lambda state, reason: None, companion=writer)
        await journal.open()
        journal.keep(state)
        await journal.close(within_s=5.0)
    with closing(sqlite3.connect(path)) as file:
        told = [json.loads(body)["data"] for (body,) in file.execute("SELECT body FROM outbox ORDER BY seq")]
    ends = [(data["ended_at"], data["outcome"], data["operator"]) for data in told if data["outcome"]]
    assert len(ends) == 2 and len(set(map(str, ends))) == 1


async def test_until_when_all_is_known_is_written_with_what_is_known(path: Path) -> None:
    journal = Journal(path, on_state=lambda state, reason: None)
    journal.heard = lambda: ("main", 1050.0)
    await journal.open()
    assert await journal.ask(lambda database: heard_until(database, "main"), within_s=5.0) is None
    journal.keep(ABANDONED)
    await journal.close(within_s=5.0)
    journal = Journal(path, on_state=lambda state, reason: None)
    await journal.open()
    try:
        assert await journal.ask(lambda database: heard_until(database, "main"), within_s=5.0) == 1050.0
        assert await journal.ask(lambda database: finished_since(database, 1029.0), within_s=5.0) == [
            ("main-1.1", 1030.0, False),
            ("main-1.2", 1030.0, True),
        ]
        assert await journal.ask(lambda database: finished_since(database, 1031.0), within_s=5.0) == []
    finally:
        await journal.close(within_s=5.0)


async def test_whose_own_call_is_over_and_who_talks_in_another_one_is_not_gone(path: Path) -> None:
    talks = replace(LEG, leg=ABANDONED.channel, answered_at=1028.0, ended_at=None, why="")
    other = replace(GOES_ON, id=CallId("main-2.1"), channel=ChannelId("main-2.1"), legs=(talks,))
    await kept(path, ABANDONED, other)
    journal = Journal(path, on_state=lambda state, reason: None)
    await journal.open()
    try:
        assert await journal.ask(lambda database: finished_since(database, 1029.0), within_s=5.0) == [
            ("main-1.2", 1030.0, True)
        ]
    finally:
        await journal.close(within_s=5.0)
