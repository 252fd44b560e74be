"""`rules test` and `check` as the admin meets them: what failed and why on stdout, trouble on stderr, exit codes."""

import json
from pathlib import Path

import pytest

from cti_bridge.cli.main import main
from cti_bridge.reception import rule_judge

SHIPPED = (Path(__file__).parents[2] / "config" / "routing.yaml").read_text("utf-8")
BROKEN = SHIPPED.replace("{class: sales}\n    queue: sales", "{class: sales}\n    queue: production")
"""The shipped rules after a slip of the hand."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AMI_SECRET", "x")
    (tmp_path / "c.yaml").write_text(
        'data_dir: data\nrules: routing.yaml\npbxes: [{name: main, ami: {secret: "${AMI_SECRET}"}}]\n', "utf-8"
    )
    (tmp_path / "routing.yaml").write_text(SHIPPED, "utf-8")
    return tmp_path


def rules_test(place: Path, *arguments: str) -> int:
    return main(["rules", "test", "--config", str(place / "c.yaml"), *arguments])


def test_when_all_pass_that_is_the_whole_answer(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rules_test(place) == 0
    assert capsys.readouterr().out == "9 tests: 9 passed, 0 failed\n"


def test_a_failed_test_is_shown_as_a_difference_with_its_reasons(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "routing.yaml").write_text(BROKEN, "utf-8")

    assert rules_test(place) == 1

    lines = capsys.readouterr().out.splitlines()
    line = BROKEN.splitlines().index("  - name: offer made, not paid") + 1
    assert lines[:3] == [
        f"{place / 'routing.yaml'}:{line}:5: FAILED offer made, not paid",
        "  steps: expected sales, primary-consult (90 s)",
        "              got production, primary-consult (90 s)",
    ]
    assert "      rule sales: matches" in lines
    assert lines[-2:] == ["    decision: matched, the rule `sales` matched", "9 tests: 8 passed, 1 failed"]


def test_rules_that_no_test_reaches_are_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "routing.yaml").write_text(SHIPPED.partition("\ntests:\n")[0], "utf-8")
    (place / "some.yaml").write_text(
        "tests: [{name: Осинкина, given: {deal.stage: paid}, expect: {class: production}}]\n"
    )

    assert rules_test(place, "--tests", str(place / "some.yaml")) == 0
    assert capsys.readouterr().out == ("1 test: 1 passed, 0 failed\nno test reaches: vip, sales, default, degraded\n")


def test_json_is_nothing_but_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "routing.yaml").write_text(BROKEN, "utf-8")

    assert rules_test(place, "--json") == 1

    told = json.loads(capsys.readouterr().out)
    assert (told["passed"], told["failed"], told["not_reached"]) == (8, 1, [])
    (failed,) = [test for test in told["tests"] if not test["passed"]]
    assert failed["differences"] == [
        {
            "key": "steps",
            "expected": "sales, primary-consult (90 s)",
            "got": "production, primary-consult (90 s)",
        }
    ]
    assert failed["reasons"][-1] == "decision: matched, the rule `sales` matched"


def test_a_rule_file_that_is_named_needs_no_settings(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti_bridge.cli.rule_tests.DEFAULT_PATH", place / "none.yaml")
    arguments = ["--rules", str(place / "routing.yaml"), "--config", str(place / "none.yaml")]

    assert main(["rules", "test", *arguments]) == 0
    assert main(["rules", "test", *arguments[2:]]) == 2
    assert "none.yaml" in capsys.readouterr().err


UNUSABLE = {
    "missing": (None, [], "No such file or directory"),
    "a mistake": ("version: 2\n", [], "routing.yaml:1:10: `version` must be 1"),
    "no file of tests": (SHIPPED, ["--tests", "nowhere.yaml"], "nowhere.yaml: No such file or directory"),
    "not text": ("\udcff", [], ":1:1: not UTF-8 (save it as UTF-8)"),
}


@pytest.mark.parametrize(("text", "more", "said"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_what_cannot_be_run_is_no_answer(
    place: Path, capsys: pytest.CaptureFixture[str], text: str | None, more: list[str], said: str
) -> None:
    (place / "routing.yaml").unlink()
    if text is not None:
        (place / "routing.yaml").write_text(text, "utf-8", errors="surrogateescape")

    assert rules_test(place, *more) == 2

    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def test_what_a_test_is_called_cannot_steer_the_terminal(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SHIPPED.replace("name: offer made, not paid", 'name: "\\e[31mred"').replace(
        "rule: sales, steps", "rule: vip, steps"
    )
    (place / "routing.yaml").write_text(text, "utf-8")

    assert rules_test(place) == 1
    assert main(["check", "--config", str(place / "c.yaml")]) == 1
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err
    assert "\\x1b[31mred" in told.out


def test_check_runs_the_tests(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(place / "c.yaml")]) == 0
    capsys.readouterr()
    (place / "routing.yaml").write_text(BROKEN, "utf-8")

    assert main(["check", "--config", str(place / "c.yaml")]) == 1

    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(
        "test `offer made, not paid` failed: steps: expected `sales, primary-consult (90 s)`, "
        "got `production, primary-consult (90 s)`"
    )


def test_check_says_when_there_is_nobody_to_judge(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_judge, "_PROGRAM", "cti_bridge.no_such_program")

    assert main(["check", "--config", str(place / "c.yaml")]) == 2
    assert "routing.yaml: the process that checked it failed with 1" in capsys.readouterr().err
