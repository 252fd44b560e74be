"""callers.csv: who calls, and what is wrong with a file that cannot be played."""

from pathlib import Path

import pytest

from demo.callers import DEFAULT_DID, CallersRejected, CallersUnreadable, SampleCaller, read_callers


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "callers.csv"


def test_numbers_may_be_written_as_people_do(file: Path) -> None:
    file.write_text(
        "caller,name,did,expect_queue\n8 (495) 000-01-50,Ёлкина Юлия,+7 495 000-01-49,sales\n", encoding="utf-8-sig"
    )
    assert read_callers(file) == [
        SampleCaller("8 (495) 000-01-50", "84950000150", "Ёлкина Юлия", "+74950000149", "sales")
    ]


def test_only_the_caller_is_needed_and_semicolons_will_do(file: Path) -> None:
    file.write_text("caller;expect_queue\nanonymous;\n\n+74950000150;sales\n")
    hidden, known = read_callers(file)
    assert hidden.anonymous
    assert (hidden.did, hidden.expect_queue) == (DEFAULT_DID, "")
    assert not known.anonymous
    assert known.expect_queue == "sales"


def test_an_empty_did_is_sent_as_none(file: Path) -> None:
    file.write_text("caller,did\n+74950000150,\n")
    assert read_callers(file)[0].did == ""


def test_every_bad_row_is_named_with_its_line(file: Path) -> None:
    rows = ("caller,name,did,expect_queue", "абв,,,", "+74950000150,,,", ",Никто,,", "+74950000150,,12x,", "12,,,a b")
    file.write_text("\n".join(rows))
    with pytest.raises(CallersRejected) as caught:
        read_callers(file)
    assert [problem.removeprefix(f"{file}:") for problem in caught.value.problems] == [
        "2: caller is neither a number nor `anonymous`",
        "4: caller is empty",
        "5: did is not a number",
        "6: expect_queue is no name of a queue",
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"number\n1\n", "no column `caller`"),
        (b"caller,nmae\n1,2\n", "unknown column `nmae`"),
        (b"caller\n", "nobody calls"),
        (b"caller\n\xff\xfe\n", "not UTF-8"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_one_line(file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)
    with pytest.raises(CallersUnreadable, match=why):
        read_callers(file)


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(CallersUnreadable, match=r"callers\.csv: No such file"):
        read_callers(file)


def test_the_shipped_callers_cover_all_three_queues_and_a_hidden_number() -> None:
    callers = read_callers(Path(__file__).resolve().parents[2] / "demo" / "callers.csv")
    assert {caller.expect_queue for caller in callers} == {"primary-consult", "sales", "production"}
    assert any(caller.anonymous for caller in callers)
