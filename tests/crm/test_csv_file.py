"""A CSV file from anywhere: encoding and delimiter are found out, and no file gets more memory than a row is worth."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_bridge.crm.embedded.columns import ColumnPlan, lay_out
from cti_bridge.crm.embedded.csv_file import CsvFile, CsvUnreadable, Unsplittable, detect_encoding, opened
from cti_bridge.crm.embedded.customers_csv import CustomerRow, Rejected, RowReader
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.staff import StaffNumbers

ASCII = b"c-1,plain,84950000150\n" * 100_000
"""More than one block that the file is read in."""


@contextmanager
def opened_bytes(folder: Path, content: bytes, **wishes: str | None) -> Iterator[CsvFile]:
    path = folder / "customers.csv"
    path.write_bytes(content)
    told = {"encoding": None, "delimiter": None} | wishes
    with opened(
        path, encoding=told["encoding"], delimiter=told["delimiter"], recognises=ColumnPlan().recognises
    ) as file:
        yield file


@pytest.mark.parametrize(
    ("content", "codec", "damaged"),
    [
        (b"", "utf-8", 0),
        (b"name,number\n", "utf-8", 0),
        ("имя,Ёлкина".encode(), "utf-8", 0),
        ("\ufeffимя".encode(), "utf-8", 0),
        ("имя,Ёлкина".encode("cp1251"), "cp1251", 0),
        ("имя".encode("utf-16"), "utf-16", 0),
        (b"\xfe\xff" + "имя".encode("utf-16-be"), "utf-16", 0),
        (ASCII + "Вера".encode("cp1251"), "cp1251", 0),
        (ASCII + "Вера".encode(), "utf-8", 0),
        ("Вера Ёлкина".encode() * 50 + b"\xc2\xe5\xf0\xe0", "utf-8", 4),
        ("Вера Ёлкина".encode()[:-1], "utf-8", 1),
        ("Пётр «Ёжик» № 5 – Щёкино".encode("cp1251"), "cp1251", 0),
    ],
)
def test_the_whole_file_decides_what_its_encoding_is(content: bytes, codec: str, damaged: int) -> None:
    found = detect_encoding(BytesIO(content))
    assert (found.codec, found.damaged) == (codec, damaged)


@given(
    text=st.text("абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕЁЖЗ №«»–;,\n", min_size=1).filter(lambda t: t.strip("; ,\n"))
)
def test_russian_text_is_read_in_the_encoding_it_was_written_in(text: str) -> None:
    for codec in ("utf-8", "utf-16"):
        assert detect_encoding(BytesIO(text.encode(codec))).codec == codec


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("first_line", ["", "sep={}\r\n"])
def test_every_encoding_with_every_delimiter(tmp_path: Path, codec: str, delimiter: str, first_line: str) -> None:
    text = (
        f'{first_line.format(delimiter)}"Name"{delimiter}number\r\n"Ёлкина{delimiter} Вера"{delimiter}84950000150\r\n'
    )
    with opened_bytes(tmp_path, text.encode(codec)) as file:
        assert file.delimiter == delimiter
        assert file.header == ("Name", "number")
        assert [cells for _, cells in file.rows()] == [[f"Ёлкина{delimiter} Вера", "84950000150"]]


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ('name,"number; mobile",number', ","),
        ('"name, first";name;number', ";"),
        ('"a;b;c;d",name,number', ","),
        ("name", ","),
        ('name;"number\nsecond line";number', ";"),
    ],
)
def test_what_is_in_quotes_does_not_count_as_delimiter(tmp_path: Path, header: str, delimiter: str) -> None:
    with opened_bytes(tmp_path, header.encode() + b"\n") as file:
        assert file.delimiter == delimiter


def test_encoding_and_delimiter_may_be_told(tmp_path: Path) -> None:
    content = "name|number\nЁлкина;|84950000150\n".encode("cp866")
    with opened_bytes(tmp_path, content, encoding="cp866", delimiter="|") as file:
        assert [cells for _, cells in file.rows()] == [["Ёлкина;", "84950000150"]]


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    content = b'sep=,\r\nname,number\r\n\r\n"a\r\nb",1\r\nc,2\r\n'
    with opened_bytes(tmp_path, content) as file:
        assert [line for line, _ in file.rows()] == [4, 6]


def test_a_quote_left_open_says_which_lines_it_swallowed(tmp_path: Path) -> None:
    content = b'name,number\n"open,84950000150\n' + b"x,84950000151\n" * 12_000
    with opened_bytes(tmp_path, content) as file:
        line, lost = next(file.rows())
        assert line == 2
        assert isinstance(lost, Unsplittable)
        assert 9_000 < lost.last_line < 10_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,number\n".encode("utf-16-le"), "UTF-16 without its mark"),
        (b"\xff\xfe" + "name,number\nВера,1\n".encode("utf-16-le") + b"\x00\xd8\x41", "is not UTF-16 from here on"),
        (b"x" * 1_100_000, "a row of more than 1048576 characters"),
        (b'"' + b"x,\n" * 400_000, "a row of more than 1048576 characters"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(CsvUnreadable, match=message), opened_bytes(tmp_path, content) as file:
        for _ in file.rows():
            pass


def test_a_pipe_cannot_be_read_twice(tmp_path: Path) -> None:
    with pytest.raises(CsvUnreadable, match="no regular file"), opened_bytes_of_a_pipe():
        pass


@contextmanager
def opened_bytes_of_a_pipe() -> Iterator[CsvFile]:
    import os

    read, write = os.pipe()
    try:
        with opened(
            Path(f"/proc/self/fd/{read}"), encoding=None, delimiter=None, recognises=ColumnPlan().recognises
        ) as file:
            yield file
    finally:
        os.close(read)
        os.close(write)


@settings(deadline=None)
@given(
    body=st.binary(max_size=300) | st.text(max_size=200).map(str.encode),
    header=st.sampled_from([b"name,number,stage,note\n", b"number;name;amount;changed_at\n", b"", b"\xff\xfe"]),
)
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, body: bytes, header: bytes) -> None:
    try:
        with opened_bytes(tmp_path_factory.getbasetemp(), header + body) as file:
            plan = ColumnPlan()
            reader = RowReader(
                lay_out(file.header, plan),
                plan,
                region="RU",
                stages=SHIPPED_STAGES,
                staff=StaffNumbers(),
                encoding="utf-8",
            )
            for row in reader.rows(file):
                assert row.line >= 2
                assert isinstance(row, Rejected) or (isinstance(row, CustomerRow) and row.name and row.numbers)
    except CsvUnreadable as error:
        assert error.line >= 1
