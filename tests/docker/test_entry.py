"""The entry of Asterisk's container, run for real: the same files as in the demo, and nothing else gets through."""

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from demo.asterisk import render

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "docker/asterisk/etc"
DIALPLAN = ROOT / "dialplan"
WORDS = sorted(
    {word for path in TEMPLATES.glob("*.conf") for word in re.findall(r"@([A-Z][A-Z_]*)@", path.read_text("utf-8"))}
)
VALUES = {
    word: "0123456789abcdef" * 2 if word.endswith("_SECRET") else f"v.{number}:/+=-_"
    for number, word in enumerate(WORDS)
}
"""A value for every word, with all characters that may be in one."""

Start = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    def run(values: Mapping[str, str], *command: str, templates: Path = TEMPLATES) -> subprocess.CompletedProcess[str]:
        script = ROOT / "docker/asterisk/start"
        return subprocess.run(
            [script, templates, DIALPLAN, tmp_path / "etc", *(command or ("true",))],
            env={"PATH": os.defpath, **values}, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    return run


def test_the_configuration_is_that_of_the_demo_to_the_last_byte(start: Start, tmp_path: Path) -> None:
    assert start(VALUES).returncode == 0

    made = {path.name: path.read_bytes() for path in (tmp_path / "etc").iterdir()}
    filled = {path.name: render(path.read_text("utf-8"), VALUES).encode() for path in TEMPLATES.glob("*.conf")}
    assert made == filled | {path.name: path.read_bytes() for path in DIALPLAN.glob("*.conf")}


def test_nobody_else_can_read_it(start: Start, tmp_path: Path) -> None:
    start(VALUES)

    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "etc").iterdir()} == {0o600}


def test_it_becomes_the_command_which_does_not_get_the_secrets(start: Start) -> None:
    told = start(VALUES | {"LANG": "C.UTF-8"}, "sh", "-c", 'env; echo "$@"', "sh", "a b", "c")

    assert told.stdout.splitlines()[-1] == "a b c"
    assert "SYSTEM_NAME=" in told.stdout and "LANG=C.UTF-8" in told.stdout
    assert "SECRET" not in told.stdout
    assert start(VALUES, "sh", "-c", "exit 7").returncode == 7


def test_a_restart_fills_it_in_again(start: Start, tmp_path: Path) -> None:
    start(VALUES)
    other = VALUES | {"SYSTEM_NAME": "other"}

    assert start(other).returncode == 0
    assert "systemname = other" in (tmp_path / "etc/asterisk.conf").read_text("utf-8")


@pytest.mark.parametrize("word", [word for word in WORDS if word != "MULTIARCH"])
def test_a_word_without_a_value_stops_it(start: Start, word: str) -> None:
    told = start({name: value for name, value in VALUES.items() if name != word}, "echo", "started")

    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.endswith(f": {word} is not set\n")


@pytest.mark.parametrize("word", [word for word in WORDS if word.endswith("_SECRET")])
@pytest.mark.parametrize("value", ["", "short"])
def test_a_secret_that_is_none_stops_it(start: Start, word: str, value: str) -> None:
    told = start(VALUES | {word: value}, "echo", "started")

    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.endswith(f": {word} is shorter than 16 characters\n")


@pytest.mark.parametrize(
    "value",
    [
        "x\n[admin]\nsecret = y",
        "x;y",
        "x y",
        "@ADDRESS@",
        "$(id)",
        "`id`",
        "&",
        "\\",
        "\x1b[31m",
        "яблоко-яблоко-яблоко",
    ],
)
@pytest.mark.parametrize("word", ["AMI_SECRET", "SYSTEM_NAME"])
def test_a_value_that_could_be_more_than_a_value_stops_it(start: Start, word: str, value: str) -> None:
    told = start(VALUES | {word: f"0123456789abcdef{value}"}, "echo", "started")

    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.endswith(f": {word} has a character that is not allowed\n")
    assert value not in told.stderr


def test_a_file_of_ones_own_is_filled_in_as_well(start: Start, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/pjsip.conf").write_text("@@ADDRESS@@ @ADDRESS@@SIP_PORT@ @lower@ a@b\n", "utf-8")

    assert start({"ADDRESS": "A", "SIP_PORT": "B"}, templates=tmp_path / "own").returncode == 0
    assert (tmp_path / "etc/pjsip.conf").read_text("utf-8") == "@A@ AB @lower@ a@b\n"
