"""`operators` and `keys`: what the admin types, and what he is told."""

import argparse
import io
import json
import sys
from pathlib import Path

import pytest

from cti_bridge.cli import keys, operators

SETTINGS = """
data_dir: data
pbxes:
  - name: main
    ami: {username: cti, secret_file: ami.secret}
"""


class CommandLine:
    """Runs commands as the program would, with one settings file."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str]) -> None:
        self.config = folder / "cti-bridge.yaml"
        self.config.write_text(SETTINGS, encoding="utf-8")
        (folder / "ami.secret").write_text("not used here", encoding="utf-8")
        self._monkeypatch = monkeypatch
        self._output = output

    def run(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        parser = argparse.ArgumentParser()
        commands = parser.add_subparsers(required=True)
        operators.register(commands)
        keys.register(commands)
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            parsed = parser.parse_args([*arguments, "--config", str(self.config)])
            code = int(parsed.func(parsed))
        except SystemExit as usage:
            code = int(str(usage.code))
        return code, *self._output.readouterr()

    def add(self, id_: str, phone: str, *more: str) -> tuple[int, str, str]:
        name = f"Оператор {id_}"
        arguments = ("operators", "add", id_, "--name", name, "--phone", phone, "--password-stdin", *more)
        return self.run(*arguments, stdin="тихий омут 7\n")


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path, monkeypatch, capsys)


def test_an_operator_who_was_added_is_listed(line: CommandLine) -> None:
    assert line.add("anna", "PJSIP/101", "--phone", "PJSIP/201", "--crm-user", "a.ezh", "--role", "supervisor") == (
        0,
        "",
        "",
    )
    assert line.run("operators", "list") == (
        0,
        "anna  Оператор anna  supervisor  PJSIP/101 PJSIP/201  a.ezh  ru\n",
        "",
    )
    code, listed, _ = line.run("operators", "list", "--json")
    assert (code, json.loads(listed)) == (
        0,
        [
            {
                "id": "anna",
                "name": "Оператор anna",
                "role": "supervisor",
                "phones": ["PJSIP/101", "PJSIP/201"],
                "crm_user": "a.ezh",
                "language": "ru",
            }
        ],
    )


def test_a_phone_that_is_taken_is_refused_with_its_owner(line: CommandLine) -> None:
    line.add("anna", "PJSIP/101")
    assert line.add("boris", "PJSIP/101") == (1, "", "phone PJSIP/101 belongs to operator anna\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("operators", "add", "Anna", "--name", "N", "--phone", "PJSIP/101", "--password-stdin"),
        ("operators", "add", "anna", "--name", "N", "--phone", "101", "--password-stdin"),
        ("operators", "add", "anna", "--name", "N\x1b[2J", "--phone", "PJSIP/101", "--password-stdin"),
        ("operators", "add", "anna", "--name", "N", "--password-stdin"),
        ("operators", "add", "anna", "--name", "N", "--phone", "PJSIP/101", "--role", "boss", "--password-stdin"),
        ("operators", "add", "anna", "--name", "N", "--phone", "PJSIP/101"),
        ("operators", "fire", "anna"),
        ("keys", "add", "two words"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error_and_changes_nothing(
    line: CommandLine, arguments: tuple[str, ...]
) -> None:
    code, answer, complaint = line.run(*arguments, stdin="тихий омут 7\n")
    assert (code, answer) == (2, "")
    assert complaint and "Traceback" not in complaint and "\x1b" not in complaint
    assert not (line.config.parent / "data").exists()


@pytest.mark.parametrize(
    ("password", "complaint"),
    [
        ("short\n", "a password has at least 8 characters\n"),
        ("", "a password has at least 8 characters\n"),
        ("x" * 257, "a password has at most 256 characters\n"),
        ("with\x07 a bell\n", "a password has no control characters\n"),
    ],
)
def test_a_password_that_cannot_be_used_is_refused(line: CommandLine, password: str, complaint: str) -> None:
    line.add("anna", "PJSIP/101")
    assert line.run("operators", "passwd", "anna", "--password-stdin", stdin=password) == (2, "", complaint)


def test_what_is_not_there_cannot_be_changed(line: CommandLine) -> None:
    line.add("anna", "PJSIP/101")
    assert line.run("operators", "remove", "boris") == (1, "", "there is no operator boris\n")
    assert line.run("keys", "remove", "crm") == (1, "", "there is no key crm\n")
    assert line.run("operators", "passwd", "boris", "--password-stdin", stdin="новый пароль 8") == (
        1,
        "",
        "there is no operator boris\n",
    )


def test_a_removed_operator_is_gone_and_his_phone_is_free(line: CommandLine) -> None:
    line.add("anna", "PJSIP/101")
    assert line.run("operators", "remove", "anna") == (0, "", "")
    code, answer, complaint = line.run("operators", "list")
    assert (code, answer) == (0, "")
    assert complaint.startswith("no operators yet")
    assert line.add("boris", "PJSIP/101")[0] == 0


def test_a_key_is_shown_once_and_then_only_its_name(line: CommandLine) -> None:
    code, key, _ = line.run("keys", "add", "crm")
    assert code == 0 and key.startswith("cti_") and len(key.strip()) == 47
    code, listed, _ = line.run("keys", "list")
    assert code == 0 and listed.startswith("crm  20") and key.strip() not in listed
    _, listed, _ = line.run("keys", "list", "--json")
    assert [(entry["name"], entry["for"]) for entry in json.loads(listed)] == [("crm", "tickets")]
    assert line.run("keys", "remove", "crm") == (0, "", "")
    assert line.run("keys", "list") == (0, "", "")


def test_a_key_is_for_one_thing(line: CommandLine) -> None:
    assert line.run("keys", "add", "pipeline", "--for", "reload")[0] == 0
    assert line.run("keys", "add", "crm", "--for", "tickets")[0] == 0
    listed = line.run("keys", "list")[1].splitlines()
    assert [shown.split()[-1] for shown in listed] == ["tickets", "reload"]
    assert line.run("keys", "add", "all", "--for", "everything")[0] == 2


def test_settings_or_a_file_that_cannot_be_read_are_named_in_one_line(line: CommandLine) -> None:
    line.add("anna", "PJSIP/101")
    (line.config.parent / "data" / "operators.sqlite").write_bytes(b"noise " * 4000)
    code, answer, complaint = line.run("operators", "list")
    assert (code, answer, complaint.count("\n")) == (2, "", 1)
    assert "operators.sqlite" in complaint
    line.config.unlink()
    code, answer, complaint = line.run("operators", "list")
    assert (code, answer, complaint.count("\n")) == (2, "", 1)
    assert str(line.config) in complaint
