"""`rules diff`, `rules history` and `rules show` as the admin meets them."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from journal_room import MARIA, PETER, Kept, journal_path, keeper, past_call
from sqlite_utils import Database

from cti_bridge.calls.journal import AcceptedRules, Journal
from cti_bridge.calls.journal_retention import remove_facts
from cti_bridge.calls.journal_rule_calls import RULE_CALLS
from cti_bridge.calls.record import CallRecord
from cti_bridge.cli import both_cores
from cti_bridge.cli.main import main
from cti_bridge.domain.ids import OperatorId

NOW = time.time()
RULES = """\
version: 1
timezone: Europe/Moscow
queues: {sales: , desk: {timeout: 30s}}
default: {queue: %s}
classes: [{name: buyer, when: {deal.stage: [offer_sent]}}, {name: new}]
rules: [%s]
"""
OLD = RULES % ("sales", "")
TO_DESK = RULES % ("sales", "{name: radio, when: {line.known: true}, queue: desk}")

Diff = Callable[..., tuple[int, str, str]]


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    keep = keeper(tmp_path, monkeypatch)
    (tmp_path / "r.yaml").write_text(OLD, "utf-8")
    (tmp_path / "new.yaml").write_text(TO_DESK.replace("line.known: true", "call.caller: '" + MARIA + "'"), "utf-8")
    return keep


@pytest.fixture
def diff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Diff:
    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        config = ["--config", str(tmp_path / "c.yaml")]
        code = main(["rules", "diff", str(tmp_path / "new.yaml"), *arguments, *config])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


async def test_past_calls_are_compared_and_those_behind_each_number_named(keep: Kept, diff: Diff) -> None:
    calls = [past_call(n, NOW - 60 * n, caller=MARIA if n < 3 else PETER) for n in range(1, 11)]
    await keep(*calls, past_call(20, NOW - 30 * 86_400.0), past_call(21, NOW - 5, direction="outbound"))

    code, out, err = diff("--limit", "1")

    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert "2 (20.0 %) would get into another queue" in lines
    assert "sales → desk: 2 (20.0 %)" in lines
    assert any(line.endswith("  +7495***0150    main-1.1") for line in lines)
    assert "  … and 1 more (--limit)" in lines
    assert MARIA not in out

    told = json.loads(diff("--json")[1])
    assert (told["calls"], told["moved"], told["moved_share"]) == (10, 2, 0.2)
    assert [call["id"] for call in told["pairs"][0]["first"]] == ["main-1.1", "main-2.1"]
    assert {"queue": "desk", "before": 0, "after": 2} in told["queues"]
    assert told["first_line"] == {"queue": "sales", "skipped_before": 0, "skipped_after": 2}


async def test_the_time_can_be_chosen(keep: Kept, diff: Diff) -> None:
    await keep(past_call(1, NOW - 60), past_call(2, NOW - 20 * 86_400.0), past_call(3, NOW - 40 * 86_400.0))

    assert json.loads(diff("--json")[1])["calls"] == 1
    assert json.loads(diff("--json", "--since", "30d")[1])["calls"] == 2
    assert json.loads(diff("--json", "--since", "30d", "--until", "2d")[1])["calls"] == 1


async def test_calls_that_cannot_be_compared_are_counted_with_the_reason(
    keep: Kept, diff: Diff, tmp_path: Path
) -> None:
    old = past_call(3, NOW - 86_400.0)
    await keep(past_call(1, NOW - 10), past_call(2, NOW - 20, decision=None), old)
    with closing(sqlite3.connect(journal_path(tmp_path))) as journal:
        assert remove_facts(Database(journal), NOW - 3_600.0) == 1

    code, out, _ = diff()

    assert code == 0
    assert "not compared: 1 calls, the dialplan decided alone" in out
    assert "not compared: 1 calls, the facts are not kept any more" in out


@pytest.mark.parametrize(
    ("arguments", "code"), [(("--max-moved", "49.9%"), 1), (("--max-moved", "50%"), 0), (("--until", "2d"), 1)]
)
async def test_too_many_moved_calls_or_none_at_all_are_a_no(
    keep: Kept, diff: Diff, arguments: tuple[str, ...], code: int
) -> None:
    await keep(past_call(1, NOW - 60, caller=MARIA), past_call(2, NOW - 70, caller=PETER))

    told = diff(*arguments)

    assert told[0] == code
    assert bool(told[2]) == bool(code)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("new.yaml", None, "new.yaml: No such file"),
        ("new.yaml", "version: 2\n", "new.yaml:1:10: `version` must be 1"),
        ("r.yaml", "version: 2\n", "r.yaml:1:10: `version` must be 1"),
        ("c.yaml", "x: 1\n", "c.yaml:1:1"),
    ],
)
async def test_what_cannot_be_compared_is_said_in_a_line(
    keep: Kept, diff: Diff, tmp_path: Path, file: str, text: str | None, words: str
) -> None:
    await keep(past_call(1, NOW - 60))
    (tmp_path / file).unlink()
    if text is not None:
        (tmp_path / file).write_text(text, "utf-8")

    code, out, err = diff()

    assert (code, out) == (2, "")
    assert words in err


async def test_without_a_journal_nothing_can_be_compared(keep: Kept, diff: Diff) -> None:
    assert diff()[0] == 2
    assert diff("--trunk", "trunk-a")[0] == 2


@pytest.mark.parametrize("typed", ["5", "101%", "x%", "-1%"])
def test_a_percentage_is_asked_for(typed: str, keep: Kept, diff: Diff) -> None:
    with pytest.raises(SystemExit) as refused:
        diff(f"--max-moved={typed}")
    assert refused.value.code == 2


async def test_many_calls_are_decided_by_several_processes_and_come_out_the_same(
    keep: Kept, diff: Diff, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(*(past_call(n, NOW - n, caller=(MARIA, PETER)[n % 2]) for n in range(40)))
    monkeypatch.setattr("cti_bridge.cli.rules_diff.PART", 3)
    monkeypatch.setattr(both_cores, "FEW_PARTS", 1_000)
    alone = diff("--json")

    monkeypatch.setattr(both_cores, "FEW_PARTS", 2)
    monkeypatch.setattr("cti_bridge.cli.rules_diff.processors", lambda: 2)

    assert diff("--json") == alone
    assert json.loads(alone[1])["moved"] == 20


async def test_a_process_that_is_lost_is_told(keep: Kept, diff: Diff, monkeypatch: pytest.MonkeyPatch) -> None:
    await keep(*(past_call(n, NOW - n) for n in range(40)))
    monkeypatch.setattr("cti_bridge.cli.rules_diff.PART", 3)
    monkeypatch.setattr(both_cores, "FEW_PARTS", 2)
    monkeypatch.setattr("cti_bridge.cli.rules_diff.processors", lambda: 2)
    tell = both_cores._Worker.tell

    def killing(worker: both_cores._Worker, what: object) -> None:
        tell(worker, what)
        worker._process.kill()

    monkeypatch.setattr(both_cores._Worker, "tell", killing)

    code, out, err = diff()

    assert (code, out) == (2, "")
    assert "too little memory" in err


def is_gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.slow
@pytest.mark.parametrize(("received", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
async def test_however_it_ends_no_process_is_left(
    keep: Kept, tmp_path: Path, received: signal.Signals, code: int
) -> None:
    await keep(*(past_call(n, NOW - n) for n in range(2_000)))
    program = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job begins deaf to it
        "from cti_bridge.cli import both_cores, rules_diff\n"
        "from cti_bridge.cli.main import main\n"
        "rules_diff.PART, both_cores.FEW_PARTS, rules_diff.processors = 1, 1, lambda: 2\n"
        "tally = both_cores._Worker.tally\n"
        "def telling(worker):\n"
        "    print(worker._process.pid, flush=True)\n"
        "    return tally(worker)\n"
        "both_cores._Worker.tally = telling\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program, "rules", "diff", "new.yaml", "--config", "c.yaml"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert running.stdout is not None
    workers = {int(running.stdout.readline()) for _ in range(4)}

    running.send_signal(received)
    _, err = running.communicate(timeout=30)

    assert (running.returncode, err) == (code, "")
    assert len(workers) == 2
    async with asyncio.timeout(20):
        while not all(map(is_gone, workers)):
            await asyncio.sleep(0.02)


# Rule files of the past ----------------------------------------------------------------------------------------------


@pytest.fixture
def rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Diff:
    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["rules", *arguments, "--config", str(tmp_path / "c.yaml")])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


async def accept(folder: Path, *files: AcceptedRules) -> None:
    journal = Journal(journal_path(folder), on_state=lambda state, reason: None)
    await journal.open()
    for file in files:
        await journal.accept_rules(file)
    await journal.close(within_s=60)


def decided_by(rules_hash: str, number: int) -> CallRecord:
    """A call that these rules decided."""
    call = past_call(number, NOW - number)
    assert call.decision is not None
    return replace(call, decision=replace(call.decision, rules_hash=rules_hash))


async def test_each_file_is_listed_with_the_calls_that_it_decided(tmp_path: Path, keep: Kept, rules: Diff) -> None:
    await accept(tmp_path, FIRST, SECOND)
    of_first = [decided_by(FIRST.hash, number) for number in range(3)]
    await keep(*of_first, decided_by(SECOND.hash, 10), replace(past_call(20, NOW), decision=None))
    await keep(*(replace(call, operator=OperatorId("op4")) for call in of_first))
    with closing(sqlite3.connect(journal_path(tmp_path))) as journal, journal:
        remove_facts(Database(journal), NOW)
        journal.execute("DELETE FROM calls WHERE id = ?", [of_first[0].id])

    told = [json.loads(line) for line in rules("history", "--json")[1].splitlines()]
    assert [(file["hash"], file["calls"], file["calls_since"]) for file in told] == [
        (SECOND.hash, 1, None), (FIRST.hash, 3, None),
    ]  # fmt: skip
    assert "          3 calls" in rules("history")[1].splitlines()[1]


async def test_calls_of_before_they_were_counted_are_not_counted_and_that_is_said(
    tmp_path: Path, keep: Kept, rules: Diff
) -> None:
    await accept(tmp_path, FIRST)
    await keep(decided_by(FIRST.hash, 1))
    with closing(sqlite3.connect(journal_path(tmp_path))) as journal:
        journal.executescript("DROP TRIGGER rules_INSERT; DROP TRIGGER rules_UPDATE;"
                              "DROP TABLE rule_calls; DROP TABLE rule_calls_since;" + RULE_CALLS)  # fmt: skip
    await keep(decided_by(FIRST.hash, 1), decided_by(FIRST.hash, 2))

    code, out, err = rules("history")
    assert (code, out.split()[4]) == (0, "1")
    assert abs(datetime.fromisoformat(err.split()[-1]).timestamp() - time.time()) < 60


FIRST = AcceptedRules("abcdef0" + "1" * 57, "version: 1\n# первая\n", 1_700_000_000.0)
SECOND = AcceptedRules("abcdef2" + "3" * 57, "version: 1\n", 1_700_000_100.0)


@pytest.mark.usefixtures("keep")
async def test_the_files_that_were_in_force_are_listed_and_shown(tmp_path: Path, rules: Diff) -> None:
    assert rules("history")[0] == 2
    await accept(tmp_path)
    assert rules("history")[:2] == (1, "")
    await accept(tmp_path, FIRST, SECOND)

    code, out, _ = rules("history")
    first, second = out.splitlines()
    assert code == 0
    assert first.startswith("abcdef233333  ") and first.endswith("1 lines          0 calls  in force")
    assert second.startswith("abcdef011111  ") and second.endswith("2 lines          0 calls")
    told = [json.loads(line) for line in rules("history", "--json")[1].splitlines()]
    assert [(file["hash"], file["in_force"]) for file in told] == [(SECOND.hash, True), (FIRST.hash, False)]

    await accept(tmp_path, replace(SECOND, accepted_at=1_700_000_900.0))
    assert rules("history")[1] == out, "loading it again changes nothing"
    await accept(tmp_path, replace(FIRST, accepted_at=1_700_000_950.0))
    assert rules("history")[1].startswith("abcdef011111  ")

    assert rules("show", FIRST.hash) == (0, FIRST.text, "")
    assert rules("show", "ABCDEF2") == (0, SECOND.text, "")


@pytest.mark.usefixtures("keep")
@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [("abcdef", 2, "the beginning of 2 hashes: abcdef233333333333, abcdef011111111111"), ("123456", 1, "no rules")],
)
async def test_a_beginning_that_does_not_tell_is_refused(
    tmp_path: Path, rules: Diff, typed: str, code: int, words: str
) -> None:
    await accept(tmp_path, FIRST, SECOND)

    told = rules("show", typed)

    assert told[:2] == (code, "")
    assert words in told[2]


@pytest.mark.usefixtures("keep")
@pytest.mark.parametrize("typed", ["abcde", "xyzxyz", "a" * 65])
def test_a_hash_is_asked_for(typed: str, rules: Diff) -> None:
    with pytest.raises(SystemExit) as refused:
        rules("show", typed)
    assert refused.value.code == 2
