"""What operators write down about calls, in the real file: kept, shown by the commands, forgotten, and grown old."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest
from journal_room import MARIA, PETER, Kept, Run, journal_path, keeper, past_call, runner
from sqlite_utils import Database

from cti_bridge.calls.after_call import AboutCall, AfterCall, NextStep, StepKind
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_after import after_call, mark_finished, save_after, unfinished
from cti_bridge.calls.journal_retention import Keep, Retention
from cti_bridge.domain.ids import CallId, OperatorId

T = TypeVar("T")

NOW = time.time()
DAY_S = 86_400.0
OP3, OP4 = OperatorId("op3"), OperatorId("op4")
NOTE, PRAISE = "Мария ждёт эскиз до пятницы", "Спасибо, что перезвонили сами"
STEP = NextStep(NOW + 3600, "Обещали эскиз", StepKind.CALLBACK)
ABOUT = AboutCall(MARIA, "Мария Соколова", "c-1", NOW)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    return keeper(tmp_path, monkeypatch)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, capsys)


def call(number: int) -> CallId:
    return CallId(f"main-{number}.1")


def after(number: int, operator: OperatorId = OP3, **more: object) -> AfterCall:
    said: dict[str, object] = {"outcome": "done", "note": NOTE, "score": 5, "feedback": PRAISE, "next_step": STEP}
    return AfterCall(call(number), operator, **(said | more))  # type: ignore[arg-type]


async def within(folder: Path, work: Callable[[Database], T]) -> T:
    """Does something on the thread of a journal that is opened for it."""
    journal = Journal(journal_path(folder), on_state=lambda state, reason: None)
    await journal.open()
    try:
        return await journal.ask(work, within_s=30.0)
    finally:
        await journal.close(within_s=30.0)


async def write(folder: Path, *said: AfterCall, now: float = NOW, about: AboutCall = ABOUT) -> None:
    for one in said:
        assert await within(folder, lambda database, one=one: save_after(database, one, about, now=now))  # type: ignore[misc]


async def finish(folder: Path, said: AfterCall) -> None:
    """He is through with it."""

    def work(database: Database) -> bool:
        with database.conn:
            return mark_finished(database.conn, said, now=NOW + 3, told=1)

    assert await within(folder, work)


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(journal_path(folder))) as journal:
        return journal.execute(query).fetchall()


async def grow_old(folder: Path) -> None:
    """Clean once, in a journal that was cleaned all the time: facts after a month, calls after a year."""
    with closing(sqlite3.connect(journal_path(folder))) as file:
        file.execute("INSERT INTO journal_clock (id, trusted_at) VALUES (1, ?)", [NOW])
        file.commit()
    journal = Journal(journal_path(folder), on_state=lambda state, reason: None)
    await journal.open()
    keep = Keep(facts_s=30 * DAY_S, calls_s=365 * DAY_S)
    await Retention(journal, keep, now=lambda: NOW, pause_s=0.0).once()
    await journal.close(within_s=30.0)


async def test_what_was_written_down_is_there_after_a_restart(kept: Kept, tmp_path: Path) -> None:
    await kept(past_call(1, NOW - 60, wait_s=2.0))
    await write(tmp_path, after(1), after(1, OP4, outcome="", next_step=None))

    hers = await within(tmp_path, lambda database: after_call(database, call(1), OP3))
    assert hers is not None
    assert (hers.outcome, hers.note, hers.score, hers.feedback, hers.next_step) == ("done", NOTE, 5, PRAISE, STEP)
    assert hers.finished_at is None
    assert [one.operator for one in await within(tmp_path, lambda database: unfinished(database, limit=9))] == [
        OP3, OP4,
    ]  # fmt: skip


async def test_what_is_saved_while_it_is_handed_on_is_handed_on_as_well(kept: Kept, tmp_path: Path) -> None:
    await kept(past_call(1, NOW - 60, wait_s=2.0))
    await write(tmp_path, after(1, note="первая мысль"))
    first = await within(tmp_path, lambda database: after_call(database, call(1), OP3))
    await write(tmp_path, after(1, note="вторая мысль"), now=NOW + 1)
    assert first is not None

    assert not await within(tmp_path, lambda database: mark_finished(database.conn, first, now=NOW + 2, told=1))
    (waiting,) = await within(tmp_path, lambda database: unfinished(database, limit=9))
    assert waiting.note == "вторая мысль"
    await finish(tmp_path, waiting)
    assert await within(tmp_path, lambda database: unfinished(database, limit=9)) == []


async def test_a_step_that_was_done_stays_done_until_it_is_another_one(kept: Kept, tmp_path: Path) -> None:
    await kept(past_call(1, NOW - 60, wait_s=2.0))
    await write(tmp_path, after(1))
    with closing(sqlite3.connect(journal_path(tmp_path))) as journal:
        journal.execute("UPDATE next_steps SET done_at = 1, done_by = 'op4'")
        journal.commit()

    await write(tmp_path, after(1, note="ещё слово"), now=NOW + 1)
    assert rows(tmp_path, "SELECT done_by FROM next_steps") == [("op4",)]
    another = NextStep(NOW + 7200, "Ещё раз", StepKind.CALLBACK)
    await write(tmp_path, after(1, next_step=another), now=NOW + 2)
    assert rows(tmp_path, "SELECT text, done_at, done_by FROM next_steps") == [("Ещё раз", None, "")]
    await write(tmp_path, after(1, next_step=None), now=NOW + 3)
    assert rows(tmp_path, "SELECT * FROM next_steps") == []


async def test_the_commands_show_it_apart_from_the_outcome_of_the_call(kept: Kept, run: Run, tmp_path: Path) -> None:
    await kept(past_call(1, NOW - 60, wait_s=2.0), past_call(2, NOW - 30))
    await write(tmp_path, after(1))
    (shown,) = json.loads(run("show", call(1), "--json")[0])["after"]
    assert (shown["note"], shown["feedback"], shown["finished_at"]) == (NOTE, {"score": 5, "text": PRAISE}, None)
    assert [json.loads(line)["desk_outcomes"] for line in run("list", "--json")] == [[], []]
    (written,) = await within(tmp_path, lambda database: unfinished(database, limit=9))
    await finish(tmp_path, written)

    second, first = [json.loads(line) for line in run("list", "--json")]
    said = {"operator": "op3", "outcome": "done", "score": 5}
    assert (first["outcome"], first["desk_outcomes"]) == ("answered", [said])
    assert (second["outcome"], second["desk_outcomes"]) == ("abandoned", [])
    assert shown["next_step"]["kind"] == "callback"
    lines = [line for line in run("show", call(1)) if line.startswith("written down ")]
    assert [line.split("op3: ")[1].split()[0] for line in lines] == ["outcome", "note", "rating", "feedback", "next"]


async def test_a_forgotten_caller_is_forgotten_here_as_well(kept: Kept, run: Run, tmp_path: Path) -> None:
    await kept(past_call(1, NOW - 60, wait_s=2.0), past_call(2, NOW - 50, wait_s=2.0, caller=PETER))
    await write(tmp_path, after(1))
    await write(
        tmp_path, after(2, note="Пётр доволен", feedback="", next_step=None), about=AboutCall(PETER, "Пётр", "c-2", NOW)
    )

    assert run("forget", MARIA) == ["1 call forgotten"]

    content = b"".join(file.read_bytes() for file in sorted((tmp_path / "data").glob("calls.sqlite*")))
    for text in (MARIA, NOTE, PRAISE, STEP.text):
        assert text.encode() not in content, text
    assert "Пётр доволен".encode() in content
    shown, other = rows(tmp_path, "SELECT outcome, note, score FROM after_calls ORDER BY call_id")
    assert (shown, other) == (("done", "", 5), ("done", "Пётр доволен", 5))
    assert await within(tmp_path, lambda database: save_after(database, after(1), ABOUT, now=NOW)) is None
    assert [one.call for one in await within(tmp_path, lambda database: unfinished(database, limit=9))] == [call(2)]


@pytest.mark.parametrize("whom", [[MARIA], ["--customer", "c-1"]])
async def test_a_step_that_has_outlived_its_call_is_forgotten_as_well(
    kept: Kept, run: Run, tmp_path: Path, whom: list[str]
) -> None:
    await kept(past_call(2, NOW - 50, wait_s=2.0, caller=PETER))
    await write(tmp_path, after(1))
    await write(tmp_path, after(2), about=AboutCall(PETER, "Пётр", "c-2", NOW))
    run("forget", *whom, code=1)  # no call of hers is there any more

    assert rows(tmp_path, "SELECT call_id FROM next_steps") == [(call(2),)]


async def test_words_go_with_the_facts_and_the_rest_with_the_call(kept: Kept, tmp_path: Path) -> None:
    old, late = NOW - 40 * DAY_S, NOW - 5 * DAY_S
    await kept(past_call(1, NOW - 400 * DAY_S, wait_s=2.0), past_call(2, old, wait_s=2.0), past_call(3, late, wait_s=2))
    await write(tmp_path, after(1), now=NOW - 400 * DAY_S)
    await write(tmp_path, after(2), now=old)
    await write(tmp_path, after(3), now=late)
    await grow_old(tmp_path)

    left = rows(tmp_path, "SELECT call_id, outcome, note, feedback FROM after_calls ORDER BY call_id")
    assert left == [(call(2), "done", "", ""), (call(3), "done", NOTE, PRAISE)]
    # Somebody was promised something, however long ago that was written down.
    assert rows(tmp_path, "SELECT count(*) FROM next_steps") == [(3,)]


async def test_steps_that_are_done_go_with_the_facts_and_those_that_nobody_did_with_the_calls(
    kept: Kept, tmp_path: Path
) -> None:
    await kept(*(past_call(number, NOW - 60, wait_s=2.0) for number in (1, 2, 3)))
    await write(tmp_path, after(1), after(2), after(3, next_step=NextStep(NOW - 400 * DAY_S, "", StepKind.CALLBACK)))
    with closing(sqlite3.connect(journal_path(tmp_path))) as journal:
        journal.execute("UPDATE next_steps SET done_at = ? WHERE call_id = ?", [NOW - 31 * DAY_S, call(1)])
        journal.execute("UPDATE next_steps SET done_at = ? WHERE call_id = ?", [NOW - 3 * DAY_S, call(2)])
        journal.commit()
    await grow_old(tmp_path)

    assert rows(tmp_path, "SELECT call_id FROM next_steps") == [(call(2),)]
