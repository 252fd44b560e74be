"""`cti-bridge crm import`: notices on stderr, counts on stdout, rejected rows in a file, and nothing is carried out."""

import argparse
import csv
import json
from pathlib import Path

import pytest
from customer_files import VERA, content, owners, write

from cti_bridge.cli import crm as crm_commands
from cti_bridge.cli.spreadsheet import harmless

HOSTILE = [
    "=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "<script>alert(1)</script>", "'; DROP TABLE customers; --",
    "\x1b[2J\x1b]0;пыщь\x07", "\u202eатсаЛ", "x" * 10_000, "${IFS}", "a\x00b", "😀", "  =1+1", "\t=1+1",
]  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write(tmp_path / "ami.secret", "тайна\n")
    settings = 'data_dir: .\npbxes: [{ami: {secret_file: ami.secret}, staff_numbers: ["+74950000159"]}]\n'
    return write(tmp_path / "cti-bridge.yaml", settings)


def run(config: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    crm_commands.register(parser.add_subparsers())
    arguments = parser.parse_args(["crm", "import", *words, "--config", str(config)])
    code: int = arguments.func(arguments)
    return code


def test_what_is_said_about_a_file(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "customers.csv"
    file.write_bytes("name;number;nubmer2;фото\nВера;84950000150;;\nПётр;84950000150;;\n".encode("cp1251"))
    assert run(config, str(file)) == 0
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "customers.csv: CP1251, delimiter ;",
        'customers.csv: unknown column "nubmer2" is not read (did you mean "number2"?)',
        'customers.csv: unknown column "фото" is not read',
    ]
    assert out.splitlines() == [
        "2 rows imported, 0 rejected; the CRM has 2 customers and 0 deals",
        "customers: 2 created, 0 updated, 0 unchanged",
        "numbers that belong to several customers: 1",
    ]


def test_json_is_one_object_and_nothing_else(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "customers.csv", VERA + "c-2,Пётр,84950000159,,,\nc-3,Анна,,,,\n")
    assert run(config, str(file), "--json", "--dry-run") == 1
    assert json.loads(capsys.readouterr().out) == {
        "dry_run": True, "rows": 1, "rejected": 2, "created": 1, "updated": 0, "unchanged": 0, "joined": 0,
        "renamed": 0, "ambiguous": 0, "dropped": 0, "customers": 0, "deals": 0,
    }  # fmt: skip
    assert not (tmp_path / "crm.sqlite").exists()


def test_rejected_rows_are_written_down_put_right_and_imported_again(tmp_path: Path, config: Path) -> None:
    file = write(tmp_path / "customers.csv", "name;number;stage\n=Вера;+74950000150;payd\nПётр;84950000151;paid\n")
    rejects = tmp_path / "rejected.csv"
    assert run(config, str(file), "--rejects", str(rejects)) == 1
    assert rejects.stat().st_mode & 0o777 == 0o600
    text = rejects.read_text("utf-8-sig")
    header, row = csv.reader(text.splitlines(), delimiter=";")
    assert header == ["line", "reason", "name", "number", "stage"]
    assert row[0] == "2"
    assert row[1].startswith('unknown stage "payd"')
    assert row[2:] == ["'=Вера", "'+74950000150", "payd"]
    rejects.write_text(text.replace("payd\n", "paid\n"), "utf-8-sig")
    assert run(config, str(rejects)) == 0
    assert owners(tmp_path) == {("'=Вера", "+74950000150"), ("Пётр", "+74950000151")}


def test_rejected_rows_are_in_the_order_of_the_file_whenever_they_were_found_out(tmp_path: Path, config: Path) -> None:
    text = "customer_id,name,number,deal_id,stage\nc-1,А,84950000150,d-1,paid\nc-2,Б,84950000151,d-1,paid\nc-3,В,,,\n"
    rejects = tmp_path / "rejected.csv"
    assert run(config, str(write(tmp_path / "customers.csv", text)), "--rejects", str(rejects)) == 1
    rows = list(csv.reader(rejects.read_text("utf-8-sig").splitlines()))[1:]
    assert [(row[0], row[3]) for row in rows] == [("3", "Б"), ("4", "В")]


def test_many_rejected_rows_are_counted_by_reason_and_not_all_shown(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "customers.csv", "name,number\n" + "Вера,\n" * 30 + ",84950000150\n" * 7)
    assert run(config, str(file)) == 1
    lines = capsys.readouterr().err.splitlines()
    assert sum(f"{file}:" in line for line in lines) == 20
    assert lines[-3:] == [
        "… and 17 more; --rejects FILE.csv has them all",
        "rejected: 30 no telephone number",
        "rejected: 7 no name",
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_cells_are_data_everywhere(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    columns = ("customer_id", "name", "number", "city", "deal_id", "deal_title", "stage", "note")
    rejects = tmp_path / "rejected.csv"
    with (tmp_path / "customers.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*columns, text])
        rows.writerow(["c-1", text, "84950000150", text, "d-1", text, "paid", text, text])
        rows.writerow([text, text, text, text, text, text, text, text, text])
    assert run(config, file.name, "--rejects", str(rejects)) == 1
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "\u202e" not in out + err
    assert max(map(len, err.splitlines())) < 1_000
    assert len(content(tmp_path)["customers"]) == 1
    for row in csv.reader(rejects.read_text("utf-8-sig").splitlines(keepends=True)):
        assert not any(cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("=1", "'=1"), ("+7", "'+7"), ("-", "'-"), ("@x", "'@x"), ("\tx", "'\tx"), ("\rx", "'\rx"), ("  =1", "'  =1"),
        ("", ""), ("Вера", "Вера"), ("1-2", "1-2"), ("'", "'"),
    ],
)  # fmt: skip
def test_a_spreadsheet_computes_nothing(cell: str, kept: str) -> None:
    assert harmless(cell) == kept


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--columns", "columns.yaml"], 'columns.yaml:1:31: customers.csv has no column "Телефон"'),
        (["--columns", "nowhere.yaml"], "nowhere.yaml: No such file or directory"),
        (["--rejects", "customers.csv"], "customers.csv: is the file to import"),
        (["--rejects", "no/such/folder.csv"], "folder.csv: No such file or directory"),
        (["--encoding", "utf-16"], "customers.csv:1: is not UTF-16 from here on"),
    ],
)
def test_what_is_not_possible_leaves_everything_as_it_was(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    words: list[str], complaint: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    file = write(tmp_path / "customers.csv", VERA)
    write(tmp_path / "columns.yaml", "columns: {name: name, number: Телефон}")
    assert run(config, "customers.csv", *words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint.casefold() in err.casefold()
    assert file.read_text("utf-8") == VERA
    assert not (tmp_path / "crm.sqlite").exists()


@pytest.mark.parametrize("words", [["--encoding", "hex"], ["--encoding", "\x1b[2J"], ["--delimiter", "::"]])
def test_usage(config: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(config, "customers.csv", *words)
    assert caught.value.code == 2
    assert "\x1b" not in capsys.readouterr().err
