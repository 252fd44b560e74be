"""`calls forget`: nothing in the journal's file says any more who called, and the counts stay."""

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from journal_room import MARIA, PETER, Kept, Run, journal_path, keeper, past_call, runner, waits_for_a_receiver

from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_file import JournalFile, Wanted
from cti_bridge.calls.journal_forget import forget
from cti_bridge.calls.record import CallRecord, LegRecord
from cti_bridge.cli import crm_forgetting
from cti_bridge.cli.main import main
from cti_bridge.crm.embedded.call_list import open_for_calls, write_call
from cti_bridge.crm.embedded.schema import open_for_import
from cti_bridge.domain.customer import FinishedCall
from cti_bridge.domain.ids import ChannelId, CustomerId, OperatorId

NOW = time.time()
NAME = "Мария Соколова-Ёжикова"
HERS = [past_call(number, NOW - 100 * number, name=NAME, caller_name="SOKOLOVA-EZH") for number in range(1, 40)]
HIS = [
    past_call(number, NOW - 100 * number, name="Пётр Лаптев", caller=PETER, customer_id="c-2")
    for number in range(40, 80)
]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    return keeper(tmp_path, monkeypatch)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, capsys)


def contents(folder: Path) -> bytes:
    """Every byte of the journal and of what belongs to it."""
    return b"".join(file.read_bytes() for file in sorted((folder / "data").glob("calls.sqlite*")))


def holds(folder: Path, *texts: str) -> bool:
    return any(text.encode() in contents(folder) for text in texts)


@pytest.mark.parametrize("spelling", ["+7 495 000-01-50", "8 (495) 000-01-50", "84950000150", MARIA])
async def test_a_forgotten_caller_is_gone_from_the_bytes_of_the_file(
    kept: Kept, run: Run, tmp_path: Path, spelling: str
) -> None:
    await kept(*HERS, *HIS)
    assert holds(tmp_path, MARIA) and holds(tmp_path, NAME)
    before = run("stats")[1:]

    assert run("forget", spelling) == ["39 calls forgotten"]

    assert not holds(tmp_path, MARIA, NAME, "SOKOLOVA", MARIA.removeprefix("+"))
    assert holds(tmp_path, PETER) and holds(tmp_path, "Пётр Лаптев")
    assert run("stats")[1:] == before
    assert len(JournalFile(journal_path(tmp_path)).calls(limit=1000)) == 79


async def test_what_an_older_program_left_in_gaps_of_the_file_goes_as_well(
    kept: Kept, run: Run, tmp_path: Path
) -> None:
    await kept(*HERS, *HIS)
    with closing(sqlite3.connect(journal_path(tmp_path))) as careless:
        careless.execute("PRAGMA secure_delete = OFF")
        careless.execute("DELETE FROM calls WHERE caller = ? AND id <> 'main-1.1'", [MARIA])
        careless.commit()
    assert contents(tmp_path).count(NAME.encode()) > 5

    assert run("forget", MARIA) == ["1 call forgotten"]
    assert not holds(tmp_path, MARIA, NAME)
    with closing(sqlite3.connect(journal_path(tmp_path))) as journal:
        assert journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_every_state_a_call_ever_had_is_gone(kept: Kept, run: Run, tmp_path: Path) -> None:
    """A call is written several times while it grows; the earlier rows must not survive in gaps."""
    for call in HERS[:5]:
        for queue in ("a", "b" * 900, "c"):
            await kept(replace(call, ended_at=None, outcome="", queue=queue))
        await kept(call)
    run("forget", MARIA)
    assert not holds(tmp_path, MARIA, NAME)


async def test_a_namesake_keeps_his_name_and_the_file_is_not_rewritten_for_him(kept: Kept, tmp_path: Path) -> None:
    await kept(*HERS, *(replace(call, caller_name=NAME) for call in HIS))
    done = forget(journal_path(tmp_path), caller=MARIA)
    assert (done.calls, done.left) == (39, False)
    assert not holds(tmp_path, MARIA) and holds(tmp_path, NAME)


async def test_a_customer_is_forgotten_by_his_id_and_others_at_his_number_are_not(
    kept: Kept, run: Run, tmp_path: Path
) -> None:
    wife = past_call(99, NOW - 5, name="Анна Лаптева", caller=PETER, customer_id="c-3")
    await kept(*HERS, *HIS, wife)
    assert json.loads(run("forget", "--customer", "c-2", "--json")[0])["calls"] == 40
    assert not holds(tmp_path, "Пётр Лаптев")
    assert [call.id for call in JournalFile(journal_path(tmp_path)).calls(limit=99) if call.caller == PETER] == [
        wife.id
    ]


async def test_a_name_in_quotes_is_looked_for_as_it_was_written(kept: Kept, run: Run, tmp_path: Path) -> None:
    firm = 'ООО "Тихая гавань"'
    calls = [past_call(number, NOW - number, name=firm, caller=PETER, customer_id="c-2") for number in range(1, 40)]
    at_the_same_number = past_call(99, NOW - 5, name="Анна Лаптева", caller=PETER, customer_id="c-3")
    await kept(*calls, at_the_same_number)
    with closing(sqlite3.connect(journal_path(tmp_path))) as careless:
        careless.execute("PRAGMA secure_delete = OFF")
        careless.execute("DELETE FROM calls WHERE caller_name = '' AND id NOT IN ('main-1.1', 'main-99.1')")
        careless.commit()
    assert contents(tmp_path).count("Тихая гавань".encode()) > 5
    assert run("forget", "--customer", "c-2") == ["1 call forgotten"]
    assert not holds(tmp_path, "Тихая гавань")


async def test_a_dry_run_counts_and_changes_nothing(kept: Kept, run: Run, tmp_path: Path) -> None:
    await kept(*HERS)
    before = contents(tmp_path)
    assert run("forget", MARIA, "--dry-run") == ["39 calls would be forgotten"]
    assert contents(tmp_path) == before


async def test_nobody_is_told_any_more_who_it_was(kept: Kept, run: Run, tmp_path: Path) -> None:
    await kept(HERS[0], HIS[0])
    for call in (HERS[0], HIS[0]):
        waits_for_a_receiver(journal_path(tmp_path), call)
    run("forget", MARIA)
    with closing(sqlite3.connect(journal_path(tmp_path))) as journal:
        assert journal.execute("SELECT call_id FROM outbox").fetchall() == [(HIS[0].id,)]
    assert not holds(tmp_path, MARIA)


@pytest.mark.parametrize("options", [["+7 495 000-09-99"], ["--customer", "c-99"], ["101"]], ids=" ".join)
async def test_forgetting_somebody_who_never_called_is_a_no(kept: Kept, run: Run, options: list[str]) -> None:
    await kept(*HERS)
    assert run("forget", *options, code=1) == ["0 calls forgotten"]


@pytest.mark.parametrize("nobody", ["", "anonymous"])
async def test_hidden_numbers_are_nobody(kept: Kept, run: Run, nobody: str) -> None:
    await kept(past_call(1, NOW, caller="anonymous", caller_kind="anonymous"))
    assert run("forget", nobody, code=2) == []


async def test_a_call_that_goes_on_is_forgotten_when_it_is_over_and_that_is_said(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await kept(past_call(1, NOW - 60), past_call(2, NOW - 5, ended_at=None, outcome=""))
    assert main(["calls", "forget", MARIA, "--config", str(tmp_path / "c.yaml")]) == 0
    said = capsys.readouterr()
    assert said.out == "1 call forgotten\n"
    assert "1 not over yet, and forgotten as soon as they are" in said.err
    assert JournalFile(journal_path(tmp_path)).call("main-2.1") == past_call(2, NOW - 5, ended_at=None, outcome="")
    await kept(past_call(2, NOW - 5, name=NAME, legs=(leg("main-2.1"),)))
    over = JournalFile(journal_path(tmp_path)).call("main-2.1")
    assert over is not None and (over.outcome, over.caller) == ("abandoned", "")
    assert not holds(tmp_path, MARIA, NAME)


def leg(at: str) -> LegRecord:
    """A phone that was called by its number, and so has it in its name."""
    return LegRecord(
        ChannelId(f"{at}-leg"), ChannelId(""), OperatorId(""), "+7495***0150", f"Local/{MARIA}@outside", "sales",
        NOW - 5, None, NOW, 0.0, "no_answer",
    )  # fmt: skip


async def test_what_the_daemon_still_has_in_memory_does_not_bring_him_back(
    kept: Kept, run: Run, tmp_path: Path
) -> None:
    call = replace(HERS[0], legs=(leg(HERS[0].id),))
    journal = Journal(journal_path(tmp_path), on_state=lambda state, reason: None, companion=(writer := Teller()))
    await journal.open()
    journal.keep(call)
    await journal.close(within_s=10)
    assert run("forget", MARIA) == ["1 call forgotten"]

    journal = Journal(journal_path(tmp_path), on_state=lambda state, reason: None, companion=writer)
    await journal.open()
    journal.keep(replace(call, pop_ms=12.0))
    await journal.close(within_s=10)

    again = JournalFile(journal_path(tmp_path)).call(call.id)
    assert again is not None and (again.pop_ms, again.caller, again.caller_name) == (12.0, "", "")
    assert [one.interface for one in again.legs] == [""]
    assert not holds(tmp_path, MARIA, NAME, "SOKOLOVA", MARIA.removeprefix("+"))
    assert [len(group) for group in writer.told] == [1, 0]


class Teller:
    """What goes with the journal, noting of which calls it heard."""

    def __init__(self) -> None:
        self.told: list[list[CallRecord]] = []

    def add(
        self,
        connection: sqlite3.Connection,
        calls: Sequence[CallRecord],
        *,
        to_whom_knows: bool = False,
        only: str = "",
    ) -> None:
        assert connection.in_transaction and not to_whom_knows
        self.told.append(list(calls))

    def written(self) -> None:
        pass


async def test_the_list_of_the_embedded_crm_does_not_say_whose_calls_they_were(
    kept: Kept, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data" / "crm.sqlite"
    await kept(*HERS[:3], HIS[0])
    with closing(open_for_import(path).conn) as file:
        file.execute("INSERT INTO customers (id, name) VALUES ('c-1', ?)", [NAME])
        file.commit()
    with closing(open_for_calls(path, busy_timeout_s=1.0)) as writer, closing(sqlite3.connect(path)) as file:
        for call in (*HERS[:3], HIS[0]):
            at = datetime.fromtimestamp(call.offered_at, UTC)
            told = FinishedCall(call.id, CustomerId("c-1"), at, None, at, "sales", "", "abandoned")
            write_call(writer, path, told)

        file.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(crm_forgetting, "_BUSY_S", 0.05)
        run("forget", MARIA, code=2)
        file.rollback()
        assert len(JournalFile(journal_path(tmp_path)).calls(limit=9, wanted=Wanted(caller=MARIA))) == 3, "ask again"
        assert run("forget", MARIA, "--dry-run") == ["3 calls would be forgotten"]
        assert run("forget", MARIA) == ["3 calls forgotten"]
        assert file.execute("SELECT key FROM calls").fetchall() == [(HIS[0].id,)]
        for left in path.parent.glob("crm.sqlite*"):
            assert HERS[0].id.encode() not in left.read_bytes()


async def test_a_call_that_somebody_passed_on_to_him_is_no_reason_to_rewrite_the_file(
    kept: Kept, tmp_path: Path
) -> None:
    """Somebody else's call went on to his number: that call keeps what was dialled, and nothing more is promised."""
    passed_on = replace(HIS[0], legs=(leg(HIS[0].id),))
    await kept(*HERS, passed_on)
    waits_for_a_receiver(journal_path(tmp_path), replace(HIS[0], caller=MARIA))
    done = forget(journal_path(tmp_path), caller=MARIA)
    assert (done.calls, done.rewritten, done.left) == (39, False, False)


async def test_no_digest_of_what_was_told_stays(kept: Kept, run: Run, tmp_path: Path) -> None:
    await kept(HERS[0])
    with closing(sqlite3.connect(journal_path(tmp_path))) as file:
        file.execute(
            "INSERT INTO reported (call_id, sink, seq, last, final) VALUES (?, 'crm', 4, 'call.updated', 'abcdef')",
            [HERS[0].id],
        )
        file.commit()
    run("forget", MARIA)
    assert not holds(tmp_path, "abcdef")
    with closing(sqlite3.connect(journal_path(tmp_path))) as file:
        assert file.execute("SELECT seq, final FROM reported").fetchall() == [(4, "")]


async def test_forgotten_calls_are_shown_and_nobodys_missed_calls(kept: Kept, run: Run) -> None:
    await kept(HERS[0])
    run("forget", MARIA)
    assert "  (forgotten)  " in run("list")[0]
    assert "caller       forgotten (external)" in run("show", "main-1.1")
    assert "line         name Радио «Кухни», channel radio, city Москва" in "\n".join(run("show", "main-1.1"))
    run("missed", code=1)


async def test_the_decision_of_a_forgotten_call_cannot_be_computed_again(
    kept: Kept, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await kept(HERS[0])
    run("forget", MARIA)
    assert main(["explain", "--call", "main-1.1", "--config", str(tmp_path / "c.yaml")]) == 2
    assert "the facts of this call are not kept any more" in capsys.readouterr().err


@contextlib.contextmanager
def reader(path: Path) -> Iterator[None]:
    """Somebody in the middle of reading the file, as a backup or a long list."""
    with closing(sqlite3.connect(path)) as reading:
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM calls").fetchone()
        yield


async def test_a_running_daemon_goes_on_writing_while_callers_are_forgotten(kept: Kept, tmp_path: Path) -> None:
    await kept(*HERS, *HIS)
    journal = Journal(journal_path(tmp_path), on_state=lambda state, reason: None)
    await journal.open()
    writing = asyncio.create_task(journal.run())
    try:
        forgetting = asyncio.create_task(asyncio.to_thread(forget, journal_path(tmp_path), caller=MARIA))
        number = 1000
        while not forgetting.done():
            journal.keep(past_call(number, NOW, caller=PETER))
            number += 1
            await asyncio.sleep(0.005)
        assert (await forgetting).calls == 39
        async with asyncio.timeout(30):
            while journal.waiting:
                await asyncio.sleep(0.01)
        assert journal.dropped == 0
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await journal.close(within_s=10)
    assert len(JournalFile(journal_path(tmp_path)).calls(limit=100_000)) == 79 + number - 1000
    assert not holds(tmp_path, MARIA, NAME)


async def test_what_a_reader_kept_in_the_file_goes_when_asked_again(
    kept: Kept, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti_bridge.calls.journal_forget._CHECKPOINTS", 2)
    monkeypatch.setattr("cti_bridge.calls.journal_forget._BUSY_S", 0.01)
    await kept(*HERS)
    with reader(journal_path(tmp_path)):
        run("forget", MARIA, code=2)
        assert holds(tmp_path, MARIA)
    assert run("forget", MARIA, code=1) == ["0 calls forgotten"]
    assert not holds(tmp_path, MARIA, NAME)
