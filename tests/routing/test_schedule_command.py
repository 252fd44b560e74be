"""`rules schedule`, `explain --at` and `check` about schedules, as the admin meets them."""

import json
from pathlib import Path

import pytest

from cti_bridge.cli.main import main

RULES = """\
version: 1
schedules:
  office:
    hours: Mo-Fr 09:00-20:00; PH off
    country: RU
    exceptions:
      - {date: 2026-12-31, hours: "09:00-13:00, 14:00-15:00", note: Короткий день}
      - {from: 2027-01-01, to: 2027-01-10, hours: off, note: Каникулы}
  night: {hours: "20:00-04:00", timezone: Europe/Berlin}
queues: {desk: {timeout: 60s}, evening: }
rules: [{name: closed, unless_open: office, queue: evening}]
default: {queue: desk}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AMI_SECRET", "x")
    (tmp_path / "c.yaml").write_text(
        'data_dir: data\nrules: routing.yaml\npbxes: [{name: main, ami: {secret: "${AMI_SECRET}"}}]\n', "utf-8"
    )
    (tmp_path / "routing.yaml").write_text(RULES, "utf-8")
    return tmp_path


def schedule(place: Path, *arguments: str) -> int:
    return main(["rules", "schedule", "--config", str(place / "c.yaml"), *arguments])


def test_each_schedule_is_told_at_a_time(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schedule(place, "--at", "2026-11-23 23:00") == 0

    assert capsys.readouterr().out.splitlines() == [
        "office  Mo 2026-11-23 23:00  Europe/Moscow  closed: Mo 20:00-Tu 09:00",
        "night   Mo 2026-11-23 21:00  Europe/Berlin  open: Mo 20:00-Tu 04:00",
    ]


def test_without_a_time_it_is_now(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schedule(place) == 0

    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["office", "night"]


def test_a_week_is_told_day_by_day(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schedule(place, "--week", "--at", "2026-12-29") == 0

    assert capsys.readouterr().out.splitlines()[:8] == [
        "office (Europe/Moscow): Mo-Fr 09:00-20:00; PH off",
        "  Tu 2026-12-29  09:00-20:00",
        "  We 2026-12-30  09:00-20:00",
        "  Th 2026-12-31  09:00-13:00, 14:00-15:00 (Короткий день)",
        "  Fr 2027-01-01  closed (Каникулы)",
        "  Sa 2027-01-02  closed (Каникулы)",
        "  Su 2027-01-03  closed (Каникулы)",
        "  Mo 2027-01-04  closed (Каникулы)",
    ]


def test_a_day_on_which_the_clocks_change_is_marked(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for day, words in (("2026-03-29", "(the clocks go forward)"), ("2026-10-25", "(the clocks go back)")):
        assert schedule(place, "--week", "--at", day) == 0
        marked = [line for line in capsys.readouterr().out.splitlines() if "clocks" in line]
        assert marked == [f"  Su {day}  00:00-04:00, 20:00-24:00 {words}"]


def test_json_is_nothing_but_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schedule(place, "--json", "--at", "2027-01-05 12:00") == 0

    told = json.loads(capsys.readouterr().out)
    assert told["at"] == "2027-01-05T12:00:00+03:00"
    assert told["schedules"][0] == {
        "schedule": "office",
        "timezone": "Europe/Moscow",
        "hours": "Mo-Fr 09:00-20:00; PH off",
        "local": "2027-01-05T12:00",
        "open": False,
        "since": "2026-12-31T15:00",
        "until": "2027-01-11T09:00",
        "note": "Каникулы",
    }
    assert schedule(place, "--json", "--week", "--at", "2026-12-31") == 0
    assert json.loads(capsys.readouterr().out)["schedules"][0]["days"][0] == {
        "date": "2026-12-31",
        "open": [["09:00", "13:00"], ["14:00", "15:00"]],
        "notes": ["Короткий день"],
    }


def test_other_rules_can_be_asked(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "new.yaml").write_text(RULES.replace("09:00-20:00", "09:00-24:00"), "utf-8")

    assert schedule(place, "--rules", str(place / "new.yaml"), "--at", "2026-11-23 23:00") == 0
    assert "open: Mo 09:00-24:00" in capsys.readouterr().out


def test_rules_without_schedules_have_no_answer(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "routing.yaml").write_text("version: 1\nqueues: {desk: }\ndefault: {queue: desk}\n", "utf-8")

    assert schedule(place) == 1
    assert "has no schedules" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--at", "soon"], "is not a time"),
        (["--at", "2027-03-28 02:30 Europe/Berlin"], "the clocks go forward"),
        (["--rules", "missing.yaml"], "No such file"),
        (["--rules", "bad.yaml"], "bad.yaml:2:24: the hours cannot be read"),
    ],
)
def test_what_cannot_be_asked_is_said(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(place)
    Path("bad.yaml").write_text(
        "version: 1\nschedules: {a: {hours: 9-5}}\nqueues: {a: }\ndefault: {queue: a}\n", "utf-8"
    )

    assert schedule(place, *arguments) == 2

    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""


def test_a_caller_is_explained_at_another_time(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for time, queue in (("2026-12-31 12:00", "desk"), ("2026-12-31 13:30", "evening")):
        arguments = ["--config", str(place / "c.yaml"), "--caller", "+74950000150", "--at", time, "--json"]
        assert main(["explain", *arguments]) == 0
        assert json.loads(capsys.readouterr().out)["queue"] == queue


@pytest.mark.parametrize("which", [["--caller", "+74950000150", "--at", "soon"], ["--call", "x", "--at", "2026-11-23"]])
def test_a_time_that_means_nothing_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], which: list[str]
) -> None:
    assert main(["explain", "--config", str(place / "c.yaml"), *which]) == 2
    assert capsys.readouterr().out == ""


def test_check_warns_of_a_schedule_that_is_never_open(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "routing.yaml").write_text(RULES.replace('"20:00-04:00"', "2020 Mo-Fr"), "utf-8")

    assert main(["check", "--offline", "--config", str(place / "c.yaml")]) == 0

    warning = "routing.yaml:9:3: warning: schedule `night` is never open within a year (are its dates over?)"
    assert capsys.readouterr().err.splitlines() == [f"{place}/{warning}"]


def test_check_warns_of_a_night_that_another_part_of_the_hours_cuts_off(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "routing.yaml").write_text(RULES.replace('"20:00-04:00"', '"Fr 22:00-06:00; Sa 10:00-16:00"'), "utf-8")

    assert main(["check", "--offline", "--config", str(place / "c.yaml")]) == 0

    assert "routing.yaml:9:3: warning: schedule `night` closes at midnight in the night from Fr 22:00 on" in (
        capsys.readouterr().err
    )
