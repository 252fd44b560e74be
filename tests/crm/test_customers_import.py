"""customers.csv: good rows come in, bad ones are named with their line, and a second import changes nothing."""

from pathlib import Path

import pytest
from customer_files import IMPORTED_AT, VERA, content, import_file, import_text, owners, write

from cti_bridge.crm.embedded.columns import COLUMNS
from cti_bridge.crm.embedded.csv_file import CsvUnreadable
from cti_bridge.crm.embedded.customers_csv import Reason, Rejected
from cti_bridge.crm.embedded.importing import Listener, Source


@pytest.mark.parametrize(
    "text",
    [
        VERA,
        "name,number,stage,amount,note\nВера,84950000150,paid,10,звонила\nВера,84950000150,offer_sent,20,\n",
        "name,number,deal_title,stage\nВера,84950000150,Кухня,paid\nВера,84950000150,Кухня,paid\n",
        "customer_id,name,number,number2,stage\n,Вера,84950000150,,paid\nc-1,Вера,84950000150,84950000151,lost\n",
        "customer_id,name,number,stage\nc-1,Вера,84950000150,paid\n,Вера,84950000150,lost\n",
        "name,number,changed_at,note\nВера,84950000150,2026-11-01,раз\nВера,84950000150,2026-10-01,два\n",
    ],
    ids=["plain", "no ids at all", "the same row twice", "the id comes later", "the id comes first", "notes"],
)
def test_importing_twice_changes_nothing(tmp_path: Path, text: str) -> None:
    first, rejected = import_text(tmp_path, text)
    assert rejected == []
    before = content(tmp_path)
    assert len(before["customers"]) == 1
    again, rejected = import_text(tmp_path, text)
    assert (again.rows, again.created, again.updated, again.unchanged, again.joined) == (first.rows, 0, 0, 1, 0)
    assert rejected == []
    assert content(tmp_path) == before


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(("delimiter", "end"), [(",", "\n"), (";", "\n"), (";", "\r\n"), (",", "\r\n")])
def test_excel_and_others_may_have_written_it(tmp_path: Path, mark: str, delimiter: str, end: str) -> None:
    text = f"{mark}Number;NAME ; note{end}+74950000150;Вера Ёлкина;«да»{end}{end}".replace(";", delimiter)
    result, rejected = import_text(tmp_path, text)
    assert (result.rows, result.customers, rejected) == (1, 1, [])
    assert owners(tmp_path) == {("Вера Ёлкина", "+74950000150")}


def test_a_row_per_deal_and_a_note_over_several_lines(tmp_path: Path) -> None:
    result, rejected = import_text(
        tmp_path,
        "name,number,stage,note\n"
        'Вера,84950000150,paid,"первая\nвторая"\n'
        "Вера,84950000150,offer_sent,\n"
        "Пётр,84950000151,nonsense,\n",
    )
    assert (result.rows, result.customers, result.deals) == (2, 1, 2)
    assert [row.line for row in rejected] == [5]
    assert [row[2:] for row in content(tmp_path)["notes"]] == [
        (IMPORTED_AT.isoformat(timespec="seconds"), "", "первая\nвторая")
    ]


def test_deals_without_id_or_title_are_all_kept(tmp_path: Path) -> None:
    result, _ = import_text(
        tmp_path, "name,number,stage\n" + "".join(f"Вера,84950000150,{s}\n" for s in ("paid", "lost"))
    )
    assert result.deals == 2


def test_a_deal_without_id_that_moves_on_does_not_stay_behind_in_its_old_stage(tmp_path: Path) -> None:
    text = "name,number,deal_title,stage\nВера,84950000150,Кухня,offer_sent\n"
    import_text(tmp_path, text)
    result, _ = import_text(tmp_path, text.replace("offer_sent", "paid"))
    assert result.deals == 1
    assert content(tmp_path)["deals"][0][3] == "paid"


def test_a_customer_in_the_file_becomes_what_the_file_says(tmp_path: Path) -> None:
    head = "customer_id,name,number,number2,city,stage,deal_id\n"
    import_text(tmp_path, head + "c-1,Вера Ёлкина,84950000150,84950000151,Тверь,paid,d-1\nc-2,Пётр,84950000152,,,,\n")
    import_text(tmp_path, head + "c-1,Вера Соснова,84950000153,,,delivery,d-1\n")
    assert owners(tmp_path) == {("Вера Соснова", "+74950000153"), ("Пётр", "+74950000152")}
    assert content(tmp_path)["customers"][0][3] == ""
    assert [row[:4] for row in content(tmp_path)["deals"]] == [("d-1", "c-1", "", "delivery")]


def test_columns_that_the_file_does_not_have_are_left_alone(tmp_path: Path) -> None:
    import_text(tmp_path, "customer_id,name,number,city\nc-1,Вера,84950000150,Тверь\n")
    import_text(tmp_path, "customer_id,name,number\nc-1,Вера,84950000150\n")
    assert content(tmp_path)["customers"][0][3] == "Тверь"


def test_a_deal_may_change_hands_between_imports_but_not_inside_one(tmp_path: Path) -> None:
    head = "customer_id,name,number,deal_id,stage\n"
    import_text(tmp_path, head + "c-1,Вера,84950000150,d-1,paid\n")
    import_text(tmp_path, head + "c-2,Пётр,84950000151,d-1,paid\n")
    assert [row[:2] for row in content(tmp_path)["deals"]] == [("d-1", "c-2")]
    _, rejected = import_text(tmp_path, head + "c-1,Вера,84950000150,d-1,paid\nc-2,Пётр,84950000151,d-1,lost\n")
    assert rejected == [Rejected(3, Reason.DEAL, "its deal_id belongs to another customer in this file")]


def test_equal_names_with_their_own_ids_are_two_people(tmp_path: Path) -> None:
    result, _ = import_text(tmp_path, "customer_id,name,number\nc-1,Вера,84950000150\nc-2,Вера,84950000150\n")
    assert result.customers == 2


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("name", " ", "the name is empty"),
        ("number", "", "the number is empty"),
        ("number", "12345678", 'number "1***5678" is no telephone number of RU'),
        ("number", "101", "no number but internal ones"),
        ("number", "7.495E+10", 'number "7***10" is no'),
        ("number2", "нет", 'number2 "***" is no telephone number'),
        ("stage", "bought", 'unknown stage "bought" (known: offer_preparing, offer_sent,'),
        ("stage", "", "a deal without a stage"),
        ("amount", "много", 'amount "много" is no sum of money'),
        ("amount", "-5", 'amount "-5" is no sum of money'),
        ("amount", "1,500", 'amount "1,500" is no sum of money'),
        ("amount", "NaN", 'amount "NaN" is no sum of money'),
        ("changed_at", "вчера", 'changed_at "вчера" is no time'),
        ("changed_at", "0001-01-01T00:00+14:00", "is no time"),
        ("timezone", "Moscow", 'unknown timezone "Moscow"'),
        ("timezone", "../../etc/passwd", 'unknown timezone "../../etc/passwd"'),
        ("timezone", "Europe", 'unknown timezone "Europe"'),
        ("customer_id", "x" * 129, "customer_id has more than 128 characters"),
    ],
)
def test_an_impossible_cell_rejects_its_row_and_no_other(tmp_path: Path, column: str, cell: str, message: str) -> None:
    good = dict.fromkeys(COLUMNS, "") | {"name": "Вера", "number": "84950000150", "deal_id": "d-1", "stage": "paid"}
    bad = good | {"deal_id": "d-2", column: f'"{cell}"'}
    rows = [",".join(COLUMNS), ",".join(bad.values()), ",".join(good.values())]
    result, (rejected,) = import_text(tmp_path, "\n".join(rows))
    assert (result.rows, result.deals) == (1, 1)
    assert rejected.line == 2
    assert message in rejected.message


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"\xc2\xe5\xf0\xe0,+74950000150\n", "is not UTF-8"),
        ("Вера,+74950000150,лишнее\n".encode(), "3 cells, but the header has 2 columns"),
        (b'"' + b"x" * 200_000 + b'",+74950000150\n', "is a quote left open?"),
    ],
)
def test_a_row_that_cannot_be_read_is_rejected_and_the_next_is_not(tmp_path: Path, row: bytes, message: str) -> None:
    path = tmp_path / "customers.csv"
    path.write_bytes(b"name,number\n" + row + "Пётр,84950000151\n".encode())
    rejected: list[Rejected] = []
    result = import_file(tmp_path, Source(path, encoding="utf-8"), Listener(rejected=rejected.append))
    assert result.rows == 1
    assert [entry.line for entry in rejected] == [2]
    assert message in rejected[0].message


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, 'the column "name" is missing'),
        ("name\nВера\n", 1, 'the column "number" is missing'),
        ("nmae,number\n", 1, 'the column "name" is missing (did you mean "nmae"?)'),
        ("name,number,name\n", 1, 'the column "name" is there twice'),
        ("n\0a\0m\0e\0,\0", 1, "UTF-16 without its mark"),
        ("name,number\nВера," + "1" * 1_100_000, 2, "a row of more than 1048576 characters"),
        ("name,number\n" + '"\n",' * 600_000, 262146, "a row of more than 1048576 characters"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_and_no_customer_file_comes_of_it(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    with pytest.raises(CsvUnreadable) as caught:
        import_text(tmp_path, text)
    assert caught.value.line == line
    assert message in str(caught.value)
    assert not (tmp_path / "crm.sqlite").exists()


def test_hostile_text_is_data_and_its_control_characters_are_gone(tmp_path: Path) -> None:
    name = 'Вера\x00\x1b[31m \u202eЁлкина\r\n"; DROP TABLE customers; <script>'
    cell = '"' + name.replace('"', '""') + '"'
    result, _ = import_text(tmp_path, f"name,number\n{cell},84950000150\n")
    assert result.customers == 1
    assert owners(tmp_path) == {('Вера[31m Ёлкина "; DROP TABLE customers; <script>', "+74950000150")}


def test_endless_texts_are_cut(tmp_path: Path) -> None:
    import_text(tmp_path, f"name,number,note\n{'ы' * 5000},84950000150,{'щ' * 50_000}\n")
    rows = content(tmp_path)
    assert rows["customers"][0][1] == "ы" * 200
    assert rows["notes"][0][4] == "щ" * 4000


def test_only_the_owner_may_read_the_customer_file(tmp_path: Path) -> None:
    import_text(tmp_path, VERA)
    assert (tmp_path / "crm.sqlite").stat().st_mode & 0o777 == 0o600


def test_progress_is_told_to_the_last_byte_and_the_last_customer(tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    rows = "".join(f"Вера {n},8495000{n:04}\n" for n in range(5_000))
    path = write(tmp_path / "customers.csv", "name,number\n" + rows)
    import_file(tmp_path, Source(path), Listener(progress=lambda *progress: heard.append(progress)))
    size = path.stat().st_size
    assert [doing for doing, _, _ in heard] == ["reading"] * 5 + ["settling"] * 2 + ["writing"] * 2
    assert ("reading", size, size) in heard
    assert heard[-1] == ("writing", 5_000, 5_000)
