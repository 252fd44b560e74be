"""The work list read off the real file: what is open, who has taken it, and what is done for all."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest
from journal_room import MARIA, PETER, Kept, Run, journal_path, keeper, past_call, runner
from sqlite_utils import Database

from cti_bridge.calls.after_call import AboutCall, AfterCall, NextStep, StepKind
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_after import save_after
from cti_bridge.calls.journal_file import MissedCalls
from cti_bridge.calls.journal_work import DONE_KEPT_S, done, read_work, take, tidy
from cti_bridge.calls.journal_work_reader import WorkReader
from cti_bridge.calls.record import CallRecord
from cti_bridge.calls.work import CLAIM_S, Claim, Work, WorkItem, WorkKind, void
from cti_bridge.cli.main import main
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, OperatorId

T = TypeVar("T")

NOW = time.time()
OP3, OP4 = OperatorId("op3"), OperatorId("op4")
PROMISED: dict[str, Any] = {"outcome": "missed", "final": "callback", "rang": ()}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    return keeper(tmp_path, monkeypatch)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, capsys)


@pytest.fixture
async def journal(kept: Kept, tmp_path: Path) -> AsyncIterator[Journal]:
    """The file as the daemon has it open."""
    journal = Journal(journal_path(tmp_path), on_state=lambda state, reason: None)
    await journal.open()
    yield journal
    await journal.close(within_s=30.0)


def at(number: int, seconds_ago: float, **more: Any) -> CallRecord:
    return past_call(number, NOW - seconds_ago, **more)


async def ask(journal: Journal, work: Callable[[Database], T]) -> T:
    return await journal.ask(work, within_s=30.0)


async def read(journal: Journal, now: float = NOW) -> Work:
    return await ask(journal, lambda database: read_work(database, now=now))


async def promise(journal: Journal, number: int, *, kind: StepKind = StepKind.CALLBACK, caller: str = MARIA) -> None:
    """Some time ago op3 wrote down after this call what is to be done in an hour."""
    after = AfterCall(CallId(f"main-{number}.1"), OP3, next_step=NextStep(NOW + 3600, "Эскиз", kind))
    about = AboutCall(caller, "Мария Соколова", "c-1", NOW - 100)
    assert await ask(journal, lambda database: save_after(database, after, about, now=NOW - 100))


def told(work: Work) -> list[tuple[WorkKind, str, int]]:
    return [(item.kind, item.number, item.calls) for item in work.items]


async def test_an_item_says_who_and_since_when_but_its_name_does_not(kept: Kept, journal: Journal) -> None:
    await kept(at(1, 600, name="Мария Соколова"), at(2, 300, rang=(OP4,), queue="production"))
    (item,) = (await read(journal)).items

    assert (item.kind, item.number, item.name, item.calls) == (WorkKind.MISSED, MARIA, "Мария Соколова", 2)
    assert (item.since, item.queue, item.call, set(item.rang)) == (NOW - 600, "production", "main-2.1", {OP3, OP4})
    assert item.id.startswith("missed:") and MARIA[2:] not in item.id
    assert (await read(journal)).items[0].id == item.id


async def test_the_same_number_has_another_name_in_another_house(kept: Kept, journal: Journal) -> None:
    await kept(at(1, 600))
    (before,) = (await read(journal)).items
    await ask(journal, lambda database: database.conn.execute("UPDATE work_key SET key = randomblob(32)").rowcount)
    (after,) = (await read(journal)).items
    assert before.id != after.id


async def test_of_two_who_reach_for_it_at_the_same_moment_one_has_it(kept: Kept, journal: Journal) -> None:
    await kept(at(1, 600))
    (item,) = (await read(journal)).items
    both = [OP3, OP4]
    taken = await asyncio.gather(
        *(ask(journal, lambda database, who=who: take(database, item.id, who, now=NOW)) for who in both)  # type: ignore[misc]
    )

    assert [claim.operator if claim else None for claim in taken] == [OP3, None]
    (claim,) = (await read(journal)).claims
    assert (claim.holder(NOW), claim.holder(NOW + CLAIM_S - 1), claim.holder(NOW + CLAIM_S)) == (OP3, OP3, None)
    assert await ask(journal, lambda database: take(database, item.id, OP4, now=NOW + 60)) is None
    late = await ask(journal, lambda database: take(database, item.id, OP4, now=NOW + CLAIM_S))
    assert late is not None and late.operator == OP4


async def test_two_processes_cannot_take_the_same(kept: Kept, journal: Journal, tmp_path: Path) -> None:
    await kept(at(1, 600))
    (item,) = (await read(journal)).items
    second = Journal(journal_path(tmp_path), on_state=lambda state, reason: None)
    await second.open()
    pairs = ((journal, OP3), (second, OP4))
    taken = await asyncio.gather(
        *(ask(where, lambda database, who=who: take(database, item.id, who, now=NOW)) for where, who in pairs)  # type: ignore[misc]
    )
    await second.close(within_s=30.0)
    assert sum(claim is not None for claim in taken) == 1


async def test_what_is_done_is_done_for_all_and_a_later_call_in_vain_is_a_new_item(
    kept: Kept, journal: Journal
) -> None:
    await kept(at(1, 600), at(2, 500, **PROMISED))
    (item,) = (await read(journal)).items
    assert item.promised
    assert await ask(journal, lambda database: done(database, item.id, OP3, now=NOW - 60, by_force=False))
    assert (await read(journal)).items == ()

    await kept(at(3, 30))
    (again,) = (await read(journal)).items
    assert (again.id, again.calls, again.since, again.call) == (item.id, 1, NOW - 30, "main-3.1")
    assert not again.promised


async def test_who_still_waited_when_it_was_done_is_a_new_item_when_he_gives_up(kept: Kept, journal: Journal) -> None:
    await kept(at(1, 600), at(2, 90, ended_at=None, outcome=""))
    (item,) = (await read(journal)).items
    await ask(journal, lambda database: done(database, item.id, OP3, now=NOW - 60, by_force=False))
    assert (await read(journal)).items == ()

    await kept(at(2, 90, ended_at=NOW - 30))
    assert [one.calls for one in (await read(journal)).items] == [1]


async def test_who_was_ticked_off_is_missed_no_longer_anywhere_until_he_calls_in_vain_again(
    kept: Kept, journal: Journal, run: Run, tmp_path: Path
) -> None:
    await kept(at(1, 600), at(2, 500, caller=PETER))
    hers = next(item for item in (await read(journal)).items if item.number == MARIA)
    await ask(journal, lambda database: done(database, hers.id, OP3, now=NOW - 60, by_force=False))
    reader = MissedCalls(journal_path(tmp_path))
    for operator, limit in ((None, 50), (None, 1), (OP3, 50)):
        found = await reader(NOW - 7_200, limit, operator)
        assert [caller.caller for caller in found] == [PETER], (operator, limit)
    assert [json.loads(line)["caller"]["number"] for line in run("missed", "--json")] == [PETER]

    await kept(*(at(number, 50 - number) for number in range(10, 35)))
    (again,) = await reader(NOW - 7_200, 1, None)
    assert (again.caller, again.calls, again.first_at, len(again.tries)) == (MARIA, 25, NOW - 40, 20)
    assert [item.calls for item in (await read(journal)).items if item.number == MARIA] == [25]
    await reader.close()


async def test_what_a_colleague_has_taken_only_he_or_a_supervisor_says_to_be_done(kept: Kept, journal: Journal) -> None:
    await kept(at(1, 600))
    (item,) = (await read(journal)).items
    await ask(journal, lambda database: take(database, item.id, OP3, now=NOW))
    assert not await ask(journal, lambda database: done(database, item.id, OP4, now=NOW, by_force=False))
    assert len((await read(journal)).items) == 1
    assert await ask(journal, lambda database: done(database, item.id, OP4, now=NOW, by_force=True))
    assert (await read(journal)).items == ()


@pytest.mark.parametrize(
    ("talk", "is_open"),
    [
        pytest.param(None, True, id="nobody talked with her"),
        pytest.param(at(9, 50, wait_s=2.0), False, id="she called and got through"),
        pytest.param(at(9, 50, wait_s=2.0, direction=Direction.OUTBOUND), False, id="somebody called her"),
        pytest.param(at(9, 50), True, id="she called in vain"),
        pytest.param(at(9, 200, wait_s=2.0), True, id="that was before"),
        pytest.param(at(9, 50, wait_s=2.0, caller=PETER), True, id="somebody else"),
    ],
)
async def test_a_callback_is_done_when_somebody_has_talked_with_her(
    kept: Kept, journal: Journal, talk: CallRecord | None, is_open: bool
) -> None:
    await kept(at(1, 150, wait_s=10.0), *([talk] if talk else []))
    await promise(journal, 1)
    work = await read(journal)
    callbacks = [item for item in work.items if item.kind is WorkKind.CALLBACK]

    assert bool(callbacks) == is_open
    assert bool(work.reached) != is_open
    await ask(journal, lambda database: tidy(database, (), work.reached, now=NOW))
    assert bool([item for item in (await read(journal)).items if item.kind is WorkKind.CALLBACK]) == is_open
    assert (await read(journal)).reached == ()


async def test_a_task_is_done_when_its_owner_says_so_whoever_calls(kept: Kept, journal: Journal) -> None:
    await kept(at(1, 150, wait_s=10.0), at(2, 50, wait_s=2.0))
    await promise(journal, 1, kind=StepKind.TASK)
    (item,) = (await read(journal)).items
    assert (item.kind, item.owner, item.text, item.due_at) == (WorkKind.TASK, OP3, "Эскиз", NOW + 3600)

    await ask(journal, lambda database: done(database, item.id, OP3, now=NOW, by_force=False))
    assert (await read(journal)).items == ()
    assert await ask(journal, lambda database: take(database, item.id, OP4, now=NOW)) is None


async def test_a_claim_that_holds_no_longer_is_let_go_but_not_a_newer_one(kept: Kept, journal: Journal) -> None:
    await kept(at(1, 600), at(2, 500, caller=PETER))
    hers, his = sorted((await read(journal)).items, key=lambda item: item.number)
    first = await ask(journal, lambda database: take(database, hers.id, OP3, now=NOW - 60))
    await ask(journal, lambda database: take(database, his.id, OP3, now=NOW - 60))
    assert first is not None
    newer = await ask(journal, lambda database: take(database, hers.id, OP3, now=NOW))

    await ask(journal, lambda database: tidy(database, [first], (), now=NOW))
    held = {claim.item: claim.taken_at for claim in (await read(journal)).claims}
    assert newer is not None and held == {hers.id: newer.taken_at, his.id: NOW - 60}
    await ask(journal, lambda database: tidy(database, [newer], (), now=NOW))
    assert [claim.item for claim in (await read(journal)).claims] == [his.id]


@pytest.mark.parametrize(
    ("claim", "is_void"),
    [
        pytest.param(Claim("missed:1", OP3, NOW - 60, None), False, id="holds"),
        pytest.param(Claim("missed:1", OP3, NOW - CLAIM_S, None), True, id="too old"),
        pytest.param(Claim("missed:2", OP3, NOW - 60, None), True, id="the item is gone"),
        pytest.param(Claim("missed:1", OperatorId("gone"), NOW - 60, None), True, id="he is no operator any more"),
        pytest.param(Claim("missed:2", None, None, NOW - 60), False, id="only says that it was done"),
    ],
)
def test_when_a_claim_holds_no_longer(claim: Claim, is_void: bool) -> None:
    assert void(claim, frozenset({"missed:1"}), frozenset({OP3, OP4}), NOW) == is_void


async def test_claims_and_what_is_done_survive_a_restart_and_old_ones_go(
    kept: Kept, journal: Journal, tmp_path: Path
) -> None:
    await kept(at(1, 600), at(2, 500, caller=PETER))
    hers, his = sorted((await read(journal)).items, key=lambda item: item.number)
    await ask(journal, lambda database: take(database, hers.id, OP3, now=NOW))
    await ask(journal, lambda database: done(database, his.id, OP3, now=NOW, by_force=False))
    again = Journal(journal_path(tmp_path), on_state=lambda state, reason: None)
    await again.open()

    work = await read(again)
    assert [item.number for item in work.items] == [MARIA]
    assert {claim.item: claim.operator for claim in work.claims} == {hers.id: OP3, his.id: None}
    await ask(again, lambda database: tidy(database, (), (), now=NOW + DONE_KEPT_S))
    assert {claim.item for claim in (await read(again)).claims} == {hers.id, his.id}
    await ask(again, lambda database: tidy(database, (), (), now=NOW + DONE_KEPT_S + 86_400))
    assert {claim.item for claim in (await read(again)).claims} == {hers.id}
    await again.close(within_s=30.0)


async def test_a_forgotten_caller_is_no_item_and_leaves_no_claim(kept: Kept, journal: Journal, run: Run) -> None:
    await kept(at(1, 600), at(2, 500, caller=PETER), at(3, 150, wait_s=10.0))
    await kept(at(4, 90))
    items = (await read(journal)).items
    for item in items:
        await ask(journal, lambda database, item=item: take(database, item.id, OP3, now=NOW))  # type: ignore[misc]
    await promise(journal, 3)
    run("forget", MARIA)

    work = await read(journal)
    assert told(work) == [(WorkKind.MISSED, PETER, 1)]
    assert [claim.item for claim in work.claims] == [item.id for item in items if item.number == PETER]


async def test_the_reader_reads_only_when_something_was_written(kept: Kept, journal: Journal, tmp_path: Path) -> None:
    await kept(at(1, 600))
    reader = WorkReader(journal_path(tmp_path), within_s=30.0)
    first = await reader.read(now=NOW, anyway=False)
    assert first is not None and len(first.items) == 1
    assert await reader.read(now=NOW, anyway=False) is None
    assert await reader.read(now=NOW, anyway=True) == first

    await kept(at(2, 500, caller=PETER))
    second = await reader.read(now=NOW, anyway=False)
    assert second is not None and len(second.items) == 2
    await reader.close()


async def test_a_journal_that_is_not_there_cannot_be_read_until_it_is(kept: Kept, tmp_path: Path) -> None:
    reader = WorkReader(journal_path(tmp_path), within_s=30.0)
    with pytest.raises(DatabaseUnusable):
        await reader.read(now=NOW, anyway=False)
    with closing(sqlite3.connect(journal_path(tmp_path))) as older:
        older.execute("PRAGMA user_version = 3")
    with pytest.raises(DatabaseUnusable, match="up to date"):
        await reader.read(now=NOW, anyway=False)
    journal_path(tmp_path).unlink()
    await kept(at(1, 600))
    work = await reader.read(now=NOW, anyway=False)
    await reader.close()
    assert work is not None and len(work.items) == 1


def on_the_list(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[str]:
    capsys.readouterr()
    assert main(["work", "list", *arguments, "--config", str(folder / "c.yaml")]) == code
    return capsys.readouterr().out.splitlines()


async def test_the_command_lists_what_is_left_to_do(
    kept: Kept, journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert on_the_list(tmp_path, capsys, code=1) == []
    await kept(at(1, 150, wait_s=10.0), at(2, 4000, caller=PETER, name="Пётр Лаптев\x1b[31m"))
    await promise(journal, 1)
    items: tuple[WorkItem, ...] = (await read(journal)).items
    missed = next(item for item in items if item.kind is WorkKind.MISSED)
    await ask(journal, lambda database: take(database, missed.id, OP4, now=time.time()))

    lines = on_the_list(tmp_path, capsys)
    assert [line.split()[1:4] for line in lines] == [["red", "missed", PETER], ["amber", "callback", MARIA]] or [
        line.split()[1:4] for line in lines
    ] == [["red", "missed", PETER], ["green", "callback", MARIA]]  # an hour ahead may be tomorrow
    assert lines[0].endswith("taken by op4") and "\x1b" not in lines[0]
    first, second = [json.loads(line) for line in on_the_list(tmp_path, capsys, "--json")]
    assert (first["number"], first["taken_by"]["operator"], first["calls"]) == (PETER, "op4", 1)
    assert (second["kind"], second["text"], second["taken_by"]) == ("callback", "Эскиз", None)
