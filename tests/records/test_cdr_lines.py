"""Asterisk's call detail records in CSV: each shape that there is, and what is none."""

from datetime import datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.asterisk.records.cdr import MAX_LINE, CdrLine, CdrUnreadable, read

PLAIN = (
    '"","+74950000150","74950000149","from-trunk","""Мария"" <+74950000150>","PJSIP/trunk-demo-0000001a",'
    '"PJSIP/101-0000001b","Queue","primary-consult,t","2026-11-20 10:11:12","2026-11-20 10:11:20",'
    '"2026-11-20 10:12:00",48,40,"ANSWERED","DOCUMENTATION"'
)
CUSTOM = (
    '"""Мария"" <+74950000150>","+74950000150","74950000149","from-trunk","PJSIP/trunk-demo-0000001a","","Queue","x",'
    '"2026-11-20 10:11:12","","2026-11-20 10:12:00","48","0","NO ANSWER","DOCUMENTATION","","1795000000.1","",7'
)
HEADER = "calldate;clid;src;dst;dcontext;channel;did;uniqueid;linkedid"
EXPORTED = (
    '2026-11-20 10:11:12;"""Мария"" <+74950000150>";+74950000150;600;from-trunk;PJSIP/trunk-demo-0000001a;'
    "74950000149;main-1795000000.2;main-1795000000.1"
)


def lines(*texts: str) -> list[CdrLine | None]:
    return list(read(BytesIO("\n".join(texts).encode() + b"\n")))


def test_a_record_says_who_called_what_and_when() -> None:
    (line,) = lines(PLAIN)

    assert line == CdrLine(
        call="PJSIP/trunk-demo-0000001a",
        start=datetime(2026, 11, 20, 10, 11, 12),  # noqa: DTZ001 - as the record has it
        src="+74950000150",
        name="Мария",
        dst="74950000149",
        did="",
        context="from-trunk",
        trunk="trunk-demo",
        inner=False,
    )


@pytest.mark.parametrize(
    ("more", "call"),
    [
        (',"main-1795000000.2"', "main-1795000000.2"),
        (',"a note"', "PJSIP/trunk-demo-0000001a"),
        (',"1795000000.2","a note"', "1795000000.2"),
        (',"","1795000000.1",3', "1795000000.1"),
        (',"1795000000.2","note","","1795000000.1",3', "1795000000.1"),
    ],
    ids=["uniqueid", "user field", "both", "new columns", "all"],
)
def test_a_record_is_known_by_the_best_id_that_it_has(more: str, call: str) -> None:
    (line,) = lines(PLAIN + more)

    assert line is not None
    assert line.call == call


@pytest.mark.parametrize("texts", [(CUSTOM,), (HEADER, EXPORTED), ("\ufeff" + HEADER.upper(), EXPORTED)])
def test_other_shapes_say_the_same(texts: tuple[str, ...]) -> None:
    (line,) = lines(*texts)

    assert line is not None
    assert (line.src, line.name, line.context, line.trunk) == ("+74950000150", "Мария", "from-trunk", "trunk-demo")
    assert line.call == ("main-1795000000.1" if len(texts) == 2 else "1795000000.1")
    assert (line.dst, line.did) == (("600", "74950000149") if len(texts) == 2 else ("74950000149", ""))


@pytest.mark.parametrize(
    "broken",
    [
        "x",
        '"' + "a" * 50,
        PLAIN.replace("2026-11-20 10:11:12", "2026-13-20 10:11:12"),
        PLAIN.replace("2026-11-20 10:11:12", "yesterday"),
        PLAIN.replace("2026-11-20 10:11:12", "0001-01-01 00:00:00"),
        PLAIN[: len(PLAIN) // 2],
        "\0" * 40,
        "x" * (3 * MAX_LINE),
        "," * 40_000,
    ],
    ids=["word", "open quote", "no such month", "no date", "no such time", "cut", "zeros", "endless", "commas"],
)
def test_a_broken_line_costs_itself_only(broken: str) -> None:
    first, second, third = lines(PLAIN, broken, PLAIN)

    assert second is None
    assert first == third
    assert first is not None


def test_bytes_that_are_no_text_cost_no_record() -> None:
    (line,) = read(BytesIO(PLAIN.encode().replace("Мария".encode(), b"\xff\xfe")))

    assert line is not None
    assert line.src == "+74950000150"


@given(st.lists(st.one_of(st.binary(max_size=200), st.sampled_from([PLAIN, CUSTOM, HEADER, EXPORTED]).map(str.encode))))
def test_whatever_stands_in_a_file_each_line_is_a_record_or_none(texts: list[bytes]) -> None:
    for line in read(BytesIO(b"\n".join(texts))):
        assert line is None or line.start.year == 2026


@pytest.mark.parametrize("file", ["Master.csv", "Sample.csv"])
def test_records_of_a_real_asterisk_are_read_whole(file: str) -> None:
    with (Path(__file__).parent / "cdr" / file).open("rb") as records:
        found = [line for line in read(records) if line is not None]

    assert [(line.call, line.src, line.trunk) for line in found] == [
        ("main-1795324793.0", "+74950000299", "trunk"),
        ("main-1795324796.2", "+74950000201", "trunk"),
        ("main-1795324796.4", "anonymous", "trunk"),
    ]
    assert found[1].name == "Ключ «от» сети"


def test_halves_of_local_channels_are_marked() -> None:
    (line,) = lines(PLAIN.replace("PJSIP/trunk-demo-0000001a", "Local/101@agents-00000001;2"))

    assert line is not None
    assert (line.inner, line.trunk) == (True, "")


def test_a_line_without_end_is_given_up() -> None:
    with Path("/dev/zero").open("rb") as endless, pytest.raises(CdrUnreadable, match="a line of more than 4 MB"):
        list(read(endless))


def test_a_file_of_something_else_is_refused_before_it_is_read_through() -> None:
    with pytest.raises(CdrUnreadable, match="none is a record"):
        list(read(BytesIO(b"name,number\n" + b"a,b\n" * 1000)))
