"""P5: a decision in the journal that cannot be read takes nothing with it: no start, no list, and nobody's right."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from journal_room import MARIA, PETER, Kept, Run, journal_path, keeper, past_call, runner

from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_file import JournalFile

NOW = time.time()
GOES_ON = past_call(1, NOW - 60, ended_at=None, outcome="")
OVER = past_call(2, NOW - 50, caller=PETER, customer_id="c-2")
DAMAGED = {
    "cut off": '{"facts": {"customer.name": "Мар',
    "a list": "[]",
    "null": "null",
    "without facts": '{"customer_id": "c-1"}',
    "facts of another kind": '{"facts": 1}',
    "of another shape": '{"facts": {}, "steps": [[1]]}',
    "no number": '{"facts": {"deal.amount": NaN}}',
}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    return keeper(tmp_path, monkeypatch)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, capsys)


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED)
async def test_the_call_is_still_a_call(kept: Kept, run: Run, tmp_path: Path, damaged: str) -> None:
    await kept(GOES_ON, OVER)
    path = journal_path(tmp_path)
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE calls SET decision = ? WHERE id = ?", [damaged, GOES_ON.id])
        file.commit()

    journal = Journal(path, on_state=lambda state, reason: None)
    await journal.open()
    (restored,) = await journal.open_calls(since=0.0)
    await journal.close(within_s=5)
    assert (restored.id, restored.decision, restored.caller) == (GOES_ON.id, None, MARIA)
    assert len(run("list")) == 2 and run("show", GOES_ON.id) and run("stats")

    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE calls SET ended_at = ?, outcome = 'abandoned' WHERE id = ?", [NOW, GOES_ON.id])
        file.commit()
    assert len(run("missed")) == 2
    assert run("forget", "--customer", "c-2") == ["1 call forgotten"]
    assert run("forget", MARIA) == ["1 call forgotten"]
    assert [call.caller for call in JournalFile(path).calls(limit=9)] == ["", ""]
