"""P7 in customers' files: any bytes are imported or refused with words, and a rejected cell is no formula."""

import csv
import io
from pathlib import Path

import pytest
from hostile_texts import TEXTS, half_a_character
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti_bridge.cli.main import main

pytestmark = pytest.mark.slow

texts = st.one_of(st.text(max_size=60), st.sampled_from(sorted(TEXTS.values())))
columns = st.sampled_from(
    ["customer_id", "name", "number", "email", "deal_id", "stage", "amount", "changed_at", "note"]
)
tables = st.lists(columns, min_size=1, max_size=6).flatmap(
    lambda header: st.lists(st.lists(texts, max_size=7), max_size=5).map(lambda rows: as_csv([header, *rows]))
)
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1251"])


def as_csv(rows: list[list[str]]) -> str:
    lines = io.StringIO(newline="")
    csv.writer(lines).writerows(rows)
    return lines.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("customers")
    (folder / "ami.secret").write_text("x")
    (folder / "c.yaml").write_text("data_dir: data\npbxes: [{region: RU, ami: {secret_file: ami.secret}}]\n")
    return folder


def imported(place: Path, content: bytes, *options: str) -> int:
    file = place / "customers.csv"
    file.write_bytes(content)
    return main(["crm", "import", str(file), "--config", str(place / "c.yaml"), *options])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=300), st.tuples(tables, encodings).map(lambda t: t[0].encode(t[1], "replace"))))
def test_any_file_is_imported_or_refused_with_words(
    place: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    capsys.readouterr()
    code = imported(place, content, "--dry-run")
    said = capsys.readouterr()
    assert code in (0, 1, 2)
    assert code == 0 or said.err
    assert "Traceback" not in said.err
    assert all(line.isprintable() for line in (said.out + said.err).splitlines())


def test_hostile_texts_are_a_customers_texts_and_nothing_else(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        [f"k{number}", text or "x", f"+7495000{number:04d}", text, text, text, f"d{number}", text, "paid", text]
        for number, text in enumerate(TEXTS.values())
    ]
    header = "customer_id name number email city segment deal_id deal_title stage note".split()  # noqa: SIM905
    code = imported(place, as_csv([header, *rows]).encode())
    said = capsys.readouterr()
    assert code in (0, 1)
    assert "Traceback" not in said.err
    taken = 0
    for number in range(len(rows)):
        found = main(["crm", "lookup", f"+7495000{number:04d}", "--config", str(place / "c.yaml")])
        taken += found == 0
        lines = capsys.readouterr().out.splitlines()
        assert all(line.isprintable() for line in lines)
        assert len(lines) == (3 if found == 0 else 2)
    assert taken >= len(rows) - 5, "only what is no name at all is rejected"


def test_a_rejected_cell_is_no_formula_in_a_spreadsheet(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [[f"r{number}", text, "no number", text, text] for number, text in enumerate(TEXTS.values())]
    content = as_csv([["customer_id", "name", "number", "city", "note"], *rows]).encode()
    rejects = place / "rejects.csv"
    assert imported(place, content, "--rejects", str(rejects)) == 1
    shown = capsys.readouterr()
    assert all(line.isprintable() for line in (shown.out + shown.err).splitlines())
    assert rejects.stat().st_mode & 0o777 == 0o600
    with rejects.open(encoding="utf-8-sig", newline="") as file:
        written = list(csv.reader(file))
    assert len(written) == 1 + len(rows)
    for row in written[1:]:
        assert not [cell for cell in row if cell.lstrip().startswith(("=", "@", "+", "-")) and not cell[1:].isdigit()]


def test_bytes_that_are_no_text_are_named_with_their_line(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = "name,number,city\nЁж,+74950000150,Тверь\n".encode() + half_a_character("Ёж,+74950000151,Тверь") + b"\n"
    assert imported(place, content + "Уж,+74950000152,Тверь\n".encode()) == 1
    assert "customers.csv:3:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        b"name,number\n" + b'"' + b"x" * 3_000_000,
        b"," * 2_000_000,
        b"name,number\n" + b"x,+7\0" * 100_000,
        b"\0" * 5_000_000,
    ],
    ids=["an open quote", "a wide header", "noughts", "only noughts"],
)
def test_a_file_without_end_is_refused(place: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    assert imported(place, content, "--dry-run") in (1, 2)
    assert "Traceback" not in capsys.readouterr().err
