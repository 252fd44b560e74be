"""`cti-bridge crm …`: the answer on stdout, all else on stderr, and the exit code says how it went."""

import argparse
import json
from pathlib import Path

import pytest
from customer_files import VERA, caller, content, import_text, write
from empty_crm import EmptyCrm

from cti_bridge.cli import crm as crm_commands
from cti_bridge.cli.crm_check import IN_WORDS, run_check
from cti_bridge.cli.terminal import printable
from cti_bridge.crm.port import Capability, CrmUnavailable
from cti_bridge.domain.customer import StageList

SETTINGS = "data_dir: .\npbxes: [{ami: {secret_file: ami.secret}}]\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write(tmp_path / "ami.secret", "тайна\n")
    return write(tmp_path / "cti-bridge.yaml", SETTINGS)


def run(config: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    crm_commands.register(parser.add_subparsers())
    arguments = parser.parse_args(["crm", *words, "--config", str(config)])
    code: int = arguments.func(arguments)
    return code


def test_import_look_up_check(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "customers.csv", VERA)
    assert run(config, "import", str(file)) == 0
    assert capsys.readouterr() == (
        "1 rows imported, 0 rejected; the CRM has 1 customers and 1 deals\n"
        "customers: 1 created, 0 updated, 0 unchanged\n",
        "customers.csv: UTF-8, delimiter ,\n",
    )
    assert run(config, "lookup", "84950000150") == 0
    out = capsys.readouterr().out.splitlines()
    assert out == ["+7 495 000-01-50 (external)", "Вера Ёлкина  c-1", "  d-1  Кухня  оплачено"]
    assert run(config, "check") == 0
    said, err = capsys.readouterr()
    assert said.startswith("the CRM (embedded) answers\nyes      find a caller")
    assert err == ""


def test_rejected_rows_are_named_and_the_good_ones_count(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "customers.csv", VERA + "c-2,Пётр,\x1b[2J,,,\nc-3,Анна,84950000152,d-3,,bought\n")
    assert run(config, "import", str(file)) == 1
    out, err = capsys.readouterr()
    assert out.startswith("1 rows imported, 2 rejected; the CRM has 1 customers and 1 deals\n")
    _, first, second, *reasons = err.splitlines()
    assert first == f'{file}:3: number "2" is no telephone number of RU or, with +, of the world'
    assert second.startswith(f'{file}:4: unknown stage "bought" (known: offer_preparing,')
    assert reasons == ["rejected: 1 no telephone number", "rejected: 1 unknown stage"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("name,telephone\n", 'customers.csv:1: the column "number" is missing'), (None, "customers.csv: No such file")],
)
def test_an_unreadable_csv_could_not_be_asked(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str], text: str | None, complaint: str
) -> None:
    file = tmp_path / "customers.csv"
    if text is not None:
        write(file, text)
    assert run(config, "import", str(file)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err
    assert ("--columns" in err) is (text is not None)
    assert not (tmp_path / "crm.sqlite").exists()


def test_a_customer_file_that_cannot_be_written_is_one_clear_line(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "crm.sqlite").write_bytes(b"no database at all " * 100)
    assert run(config, "import", str(write(tmp_path / "customers.csv", VERA))) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'crm.sqlite'}: file is not a database\n"


def test_nobody_is_a_no_and_no_file_could_not_be_asked(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, "lookup", "84950000159") == 2
    assert run(config, "check") == 2
    assert capsys.readouterr().err.count("crm.sqlite does not exist; `cti-bridge crm import` creates it") == 2
    import_text(tmp_path, VERA)
    assert run(config, "lookup", "84950000159") == 1
    assert run(config, "lookup", "anonymous") == 1
    out = capsys.readouterr().out
    assert "nobody has this number" in out
    assert "such a number is never looked up" in out


def test_json_is_json_and_nothing_else(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import_text(tmp_path, VERA)
    assert run(config, "lookup", "84950000150", "--json", "--timing") == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert err == ""
    assert (answer["number"], answer["kind"]) == ("+74950000150", "external")
    assert answer["customers"][0]["name"] == "Вера Ёлкина"
    assert answer["customers"][0]["deals"][0]["stage"] == "paid"
    assert answer["first_ms"] > 0
    assert answer["repeated"] > 0
    assert 0 < answer["repeated_p50_ms"] <= answer["repeated_p99_ms"]


def verdicts(out: str) -> dict[str, str]:
    """What `crm check` says of each thing, with its remark."""
    lines = (line.split(maxsplit=1) for line in out.splitlines()[1:])
    return {rest[:28].strip(): f"{verdict} {rest[28:].strip()}".strip() for verdict, rest in lines}


def test_check_says_what_the_crm_can_do_and_what_it_is_not_made_for(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_text(tmp_path, VERA)
    assert run(config, "check") == 0
    said = verdicts(capsys.readouterr().out)
    assert set(IN_WORDS.values()) < set(said)
    assert said["the stages of a deal"].startswith("yes offer_preparing, offer_sent")
    assert said["deals of a customer"] == "yes not tried: name a customer's number"
    assert said["make a customer"] == said["be told that it is over"] == "yes"
    assert said["be told that a call comes"] == said["be told of strangers' calls"] == "no"
    assert run(config, "check", "8 (495) 000-01-50") == 0
    said = verdicts(capsys.readouterr().out)
    assert (said["deals of a customer"], said["notes, on the card"]) == ("yes 1 found", "yes 0 found")
    assert run(config, "check", "84950000159") == 0
    assert verdicts(capsys.readouterr().out)["deals of a customer"] == "yes not tried: nobody has this number"


def test_check_changes_nothing(tmp_path: Path, config: Path) -> None:
    import_text(tmp_path, VERA)
    before = content(tmp_path)
    assert run(config, "check", "84950000150") == 0
    assert content(tmp_path) == before
    assert not (tmp_path / "links.sqlite").exists()


class Crippled(EmptyCrm):
    """A CRM that cannot do all that it is made for: its login lacks rights, its stages cannot be read."""

    capabilities = frozenset({Capability.STAGES, Capability.CREATE, Capability.REPORT_ENDED})

    async def stages(self) -> StageList:
        raise CrmUnavailable("HTTP 403 for the pipelines")

    async def lacking(self) -> dict[Capability, str]:
        return {Capability.REPORT_ENDED: "the token lacks the scope telephony"}


def test_what_is_missing_is_said_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check(Crippled(), caller("84950000150"), somebodys=False) == 1
    said = verdicts(capsys.readouterr().out)
    assert said["the stages of a deal"] == "MISSING HTTP 403 for the pipelines"
    assert said["be told that it is over"] == "MISSING the token lacks the scope telephony"
    assert said["make a customer"] == "yes"
    assert said["write a note"] == "no"


def test_what_cannot_be_found_out_without_writing_is_not_tried(capsys: pytest.CaptureFixture[str]) -> None:
    class Unprobed(EmptyCrm):
        capabilities = frozenset({Capability.ADD_NOTE})

    assert run_check(Unprobed(), caller("84950000150"), somebodys=False) == 0
    assert verdicts(capsys.readouterr().out)["write a note"] == "yes not tried: that would write into it"


def test_a_file_that_cannot_be_written_is_missing_for_what_writes(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import_text(tmp_path, VERA)
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
    assert run(config, "check") == 1
    said = verdicts(capsys.readouterr().out)
    assert said["make a customer"] == f"MISSING {tmp_path / 'crm.sqlite'} cannot be written by this user"
    assert said["deals of a customer"].startswith("yes")


def test_only_the_embedded_crm_is_filled_from_files(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "tryton.secret", "geheim")
    other = "crm: {kind: tryton, url: 'https://tryton.example', database: d, user: u, secret_file: tryton.secret}\n"
    write(config, SETTINGS + other)
    assert run(config, "import", str(write(tmp_path / "customers.csv", VERA))) == 2
    assert "the settings name `tryton`" in capsys.readouterr().err
    assert not (tmp_path / "crm.sqlite").exists()


def test_settings_that_cannot_be_used_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "nowhere.yaml", "check") == 2
    assert "nowhere.yaml" in capsys.readouterr().err


def test_a_name_cannot_steer_the_terminal(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import sqlite3

    import_text(tmp_path, VERA)
    hand = sqlite3.connect(tmp_path / "crm.sqlite")
    hand.execute("UPDATE customers SET name = ?", ("Вера\x1b]0;пыщь\x07\n\u202e",))
    hand.commit()
    hand.close()
    assert run(config, "lookup", "84950000150") == 0
    assert "Вера\\x1b]0;пыщь\\x07\\x0a\\u202e" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Вера Ёлкина — «да»", "Вера Ёлкина — «да»"),
        ("a\tb\r\n", "a\\x09b\\x0d\\x0a"),
        ("\x1b[31m\x9b", "\\x1b[31m\\x9b"),
        ("\u2066\u2028\ufeff", "\\u2066\\u2028\\ufeff"),
        ("\U000e0041\ud800", "\\U000e0041\\ud800"),
        ("1\u00a0000", "1\u00a0000"),
    ],
)
def test_what_would_steer_a_terminal_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown
