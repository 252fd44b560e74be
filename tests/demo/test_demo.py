"""`make demo ARGS=--once`, as a person and as a program use it: real Asterisk, real SIP, the real bridge."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEYS = ["caller", "class", "rule", "decision", "crm", "queue", "operator", "decision_ms", "pop_ms", "ok"]
RULES = """\
version: 1
region: RU
queues: {zolotaya: {timeout: 30s}, obshchaya: }
classes: [{name: any}]
rules:
  - {name: gold, when: {customer.segment: vip}, queue: zolotaya, then: [obshchaya]}
default: {queue: obshchaya}
"""
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="an Asterisk of one's own needs root"),
    pytest.mark.timeout(180),
]


def start(*arguments: str | Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "demo", "--once", *map(str, arguments)], cwd=ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: "subprocess.Popen[str]", within_s: float = 150) -> tuple[int, str, str]:
    with process:
        out, err = process.communicate(timeout=within_s)
    return process.returncode, out, err


def answers(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "customers.csv").write_text("name;number;segment\nЛада Ёжикова;8 (495) 000-07-01;vip\n", "utf-8")
    (tmp_path / "callers.csv").write_text("caller,expect_queue\n+7 495 000-07-01,zolotaya\n84950000702,obshchaya\n")
    return tmp_path


def test_one_round_goes_as_expected_and_ends_with_a_table() -> None:
    code, out, err = finish(start())
    assert code == 0, out + err
    assert "10 of 10 calls as expected" in out
    assert all(rule in out for rule in ("vip", "sales", "production", "default"))


@pytest.mark.timeout(900)
def test_one_round_goes_by_real_deals_in_tryton_and_the_calls_are_found_there() -> None:
    code, out, err = finish(start("--crm", "tryton"), within_s=800)
    assert code == 0, out + err
    assert "10 of 10 calls as expected" in out
    assert "so Tryton has every call of the round" in err
    assert "lead Call from +7 495 000-01-99: answered by op1" in err


def test_two_runs_at_once_with_own_files_print_json_and_do_not_meet(own: Path) -> None:
    files = ("--json", "--customers", own / "customers.csv", "--rules", own / "rules.yaml", "--callers")
    runs = [start(*files, own / "callers.csv") for _ in range(2)]
    for code, out, err in [finish(run) for run in runs]:
        assert code == 0, err
        first, second = answers(out)
        assert list(first) == list(second) == KEYS
        assert (first["caller"], first["class"], first["rule"], first["queue"]) == (
            "+7 495 000-07-01", "any", "gold", "zolotaya",
        )  # fmt: skip
        assert (first["decision"], first["crm"], second["decision"], second["crm"]) == (
            "matched", "fresh", "default", "none",
        )  # fmt: skip
        for call in (first, second):
            assert call["ok"] is True
            assert call["operator"] in {f"op{n}" for n in range(1, 7)}
            assert call["decision_ms"] > 0
            assert call["pop_ms"] > 0


def test_a_wrong_expectation_and_a_rejected_row_are_no_success(own: Path) -> None:
    (own / "callers.csv").write_text("caller,expect_queue\nanonymous,zolotaya\n")
    with (own / "customers.csv").open("a") as file:
        file.write("Без номера;12x;\n")
    files = ("--json", "--customers", own / "customers.csv", "--rules", own / "rules.yaml")
    code, out, err = finish(start(*files, "--callers", own / "callers.csv"))
    assert code == 1
    [call] = answers(out)
    assert (call["caller"], call["queue"], call["crm"], call["ok"]) == ("anonymous", "obshchaya", "skipped", False)
    assert "expected queue zolotaya" in err
    assert "customers.csv:3:" in err


@pytest.mark.parametrize(
    ("option", "content", "code", "message"),
    [
        ("--rules", "version: 1\nqueues: {a: }\ndefault: {queue: b}\n", 2, r"mine:3:18: "),
        ("--rules", None, 2, "mine: No such file"),
        ("--customers", None, 2, "mine: No such file"),
        ("--callers", None, 2, "mine: No such file"),
        ("--callers", "caller\nабв\n", 1, "mine:2: caller is neither a number"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, option: str, content: str | None, code: int, message: str
) -> None:
    mine = tmp_path / "mine"
    if content is not None:
        mine.write_text(content, "utf-8")
    got, out, err = finish(start("--json", option, mine))
    assert (got, out) == (code, "")
    assert message in err
    assert "Traceback" not in err
