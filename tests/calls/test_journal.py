"""The journal on a real SQLite file: what is kept, what survives, and what happens when the disk does not take it."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cti_bridge import database
from cti_bridge.calls import journal
from cti_bridge.calls.journal import AcceptedRules, Journal
from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.journal_members import GIVEN_PENALTIES, keep_own_penalties, own_penalties
from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.member import MemberKey, OwnPenalty

DECISION = DecisionRecord(
    kind="matched",
    crm="fresh",
    crm_age_s=None,
    rule="sales",
    class_name="sales",
    queue="sales",
    steps=(("sales", 60), ("primary-consult", 0)),
    final="queue:primary-consult",
    customer_id="c-1",
    operator="op3",
    priority=10,
    rules_hash="ab" * 32,
    facts={"customer.name": "Мария Соколова", "deals": [{"stage": "paid"}]},
    took_ms={"crm": 0.4},
)


def record(number: int = 1) -> CallRecord:
    return CallRecord(
        id=CallId(f"main-{number}.1"),
        pbx="main",
        channel=ChannelId(f"{number}.1"),
        linkedid=f"{number}.1",
        offered_at=1000.0 + number,
        caller="+74950000150",
        caller_kind="external",
        caller_name="Мария",
        did="+74950000149",
        trunk="trunk-demo",
        verified=True,
        decision=DECISION,
        rang=(OperatorId("op3"),),
    )


class Running:
    """A journal with its writer, and the states it told."""

    def __init__(self, path: Path) -> None:
        self.states: list[str] = []
        self.journal = Journal(path, on_state=lambda state, _: self.states.append(state))

    async def __aenter__(self) -> "Running":
        await self.journal.open()
        self.task = asyncio.create_task(self.journal.run())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.journal.close(within_s=5.0)

    async def written(self) -> None:
        async with asyncio.timeout(30):
            while self.journal.waiting or not self.journal.written:
                await asyncio.sleep(0.01)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite"


async def test_what_was_kept_is_read_back_whole(path: Path) -> None:
    ended = replace(
        record(), ended_at=1010.0, answered_at=1005.5, operator=OperatorId("op3"), outcome="answered", pop_ms=4.2
    )
    async with Running(path) as running:
        running.journal.keep(record())
        running.journal.keep(ended)
        await running.written()
        assert JournalFile(path).call("main-1.1") == ended
    assert path.stat().st_mode & 0o777 == 0o600


async def test_closing_writes_what_still_waits(path: Path) -> None:
    async with Running(path) as running:
        for number in range(1200):
            running.journal.keep(record(number))
    assert len(JournalFile(path).calls(limit=5000)) == 1200


async def test_open_calls_are_found_after_a_restart_and_old_ones_left_alone(path: Path) -> None:
    async with Running(path) as running:
        running.journal.keep(record(1))
        running.journal.keep(record(2))
        running.journal.keep(replace(record(3), ended_at=1100.0))
    async with Running(path) as running:
        assert [call.id for call in await running.journal.open_calls(since=1001.5)] == ["main-2.1"]


async def test_earlier_calls_of_a_number_come_newest_first_without_the_present_one(path: Path) -> None:
    async with Running(path) as running:
        for number in (1, 2, 3):
            running.journal.keep(record(number))
        running.journal.keep(replace(record(4), caller="+74950000151"))
        await running.written()
        found = await running.journal.calls_from("+74950000150", limit=10, but=CallId("main-3.1"))
        assert [call.id for call in found] == ["main-2.1", "main-1.1"]


async def test_a_locked_file_costs_nothing_but_time(path: Path) -> None:
    async with Running(path) as running:
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            running.journal.keep(record(1))
            async with asyncio.timeout(30):
                while running.states[-1] != "at_risk":
                    await asyncio.sleep(0.01)
            running.journal.keep(replace(record(1), outcome="answered"))
            other.rollback()
        await running.written()
        assert running.states == ["up", "at_risk", "up"]
    assert [call.outcome for call in JournalFile(path).calls(limit=5)] == ["answered"]


async def test_noise_instead_of_a_database_is_said_in_words(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(DatabaseUnusable, match="not a database"):
        await Journal(path, on_state=lambda *_: None).open()


async def test_a_file_of_a_newer_program_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(DatabaseUnusable, match="newer"):
        await Journal(path, on_state=lambda *_: None).open()


@pytest.mark.parametrize("column", ["", ", given INTEGER NOT NULL DEFAULT 50"])
async def test_a_file_of_before_it_was_known_which_penalty_was_given_goes_on(path: Path, column: str) -> None:
    before = journal._MIGRATIONS.index(GIVEN_PENALTIES)
    with closing(sqlite3.connect(path)) as older:
        older.executescript("".join(f"{script};" for script in journal._MIGRATIONS[:before]))
        older.executescript(
            "DROP TABLE own_penalties; CREATE TABLE own_penalties (pbx TEXT NOT NULL, queue TEXT NOT NULL,"
            f" interface TEXT NOT NULL, penalty INTEGER NOT NULL{column}, PRIMARY KEY (pbx, queue, interface))"
            f" WITHOUT ROWID; PRAGMA user_version = {before};"
        )
        columns = "(pbx, queue, interface, penalty)"
        older.execute(f"INSERT INTO own_penalties {columns} VALUES ('main', 'sales', 'PJSIP/1', 3)")
        older.commit()
    async with Running(path) as running:
        key = MemberKey("sales", "PJSIP/1")
        kept = await running.journal.ask(lambda database: own_penalties(database, "main"), within_s=30.0)
        assert kept == {key: OwnPenalty(3, -1)}
        changes = {key: OwnPenalty(3, 50)}
        await running.journal.ask(lambda database: keep_own_penalties(database, "main", changes), within_s=30.0)
        kept = await running.journal.ask(lambda database: own_penalties(database, "main"), within_s=30.0)
        assert kept == changes


async def test_the_rules_accepted_last_are_the_ones_found(path: Path) -> None:
    async with Running(path) as running:
        assert await running.journal.last_accepted_rules() is None
        for number, text in enumerate(("a", "b", "a")):
            await running.journal.accept_rules(AcceptedRules(text * 64, f"# {text}", float(number)))
        kept = await running.journal.last_accepted_rules()
        assert kept is not None and kept.text == "# a"
    assert JournalFile(path).rules("b" * 64) == "# b"


async def test_rules_accepted_while_the_clock_was_ahead_are_not_the_last_for_ever(path: Path) -> None:
    async with Running(path) as running:
        for text, at in (("a", 2000.0), ("b", 1000.0), ("c", 1001.0)):
            await running.journal.accept_rules(AcceptedRules(text * 64, f"# {text}", at))
        kept = await running.journal.last_accepted_rules()
        assert kept is not None and kept.text == "# c"
    assert [file.text for file in JournalFile(path).rule_files()] == ["# c", "# b", "# a"]


def test_reading_without_a_journal_says_so(path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="no journal yet"):
        JournalFile(path)


async def test_a_file_that_is_removed_while_it_is_used_is_made_anew(path: Path) -> None:
    async with Running(path) as running:
        running.journal.keep(record(1))
        await running.written()
        for file in path.parent.glob("calls.sqlite*"):
            file.unlink()
        running.journal.keep(record(2))
    assert [call.id for call in JournalFile(path).calls(limit=5)] == ["main-2.1"]


@pytest.mark.parametrize(
    "bad", [replace(record(2), caller_name="\ud800"), replace(record(2), offered_at=float("nan"))], ids=["name", "time"]
)
async def test_a_call_that_sqlite_cannot_take_keeps_no_other_from_the_disk(path: Path, bad: CallRecord) -> None:
    async with Running(path) as running:
        running.journal.keep(record(1))
        running.journal.keep(bad)
        running.journal.keep(record(3))
        await running.written()
        assert running.journal.dropped == 1
    assert [call.id for call in JournalFile(path).calls(limit=5)] == ["main-3.1", "main-1.1"]


async def test_a_call_with_its_facts_wastes_no_page(path: Path) -> None:
    calls = 400
    facts = {f"customer.field{number}": "Ясень" * 12 for number in range(10)}
    async with Running(path) as running:
        for number in range(calls):
            running.journal.keep(replace(record(number), decision=replace(DECISION, facts=facts)))
        await running.written()
    assert path.stat().st_size / calls < 3500


async def test_the_log_beside_the_file_gets_small_again_after_somebody_read_for_long(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LONGEST_LOG", 1_000_000)
    beside = path.with_name(path.name + "-wal")
    async with Running(path) as running:
        with closing(sqlite3.connect(path)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM calls").fetchone()
            for number in range(7000):
                running.journal.keep(record(number))
            async with asyncio.timeout(30):
                while running.journal.written < 7000:
                    await asyncio.sleep(0.01)
            assert beside.stat().st_size > 4_100_000, "the log cannot be emptied while somebody reads"
        for number in range(7000, 7010):  # what follows empties it, and begins it anew
            running.journal.keep(record(number))
            async with asyncio.timeout(30):
                while running.journal.written <= number:
                    await asyncio.sleep(0.01)
        assert beside.stat().st_size <= 1_000_000
