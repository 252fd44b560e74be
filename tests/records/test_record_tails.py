"""Reading the end of a file that grows, is rotated, is huge, or is no file at all."""

import os
from pathlib import Path

import pytest

from cti_bridge.asterisk.records.queue_log import time_of
from cti_bridge.asterisk.records.tail import tail

MUCH = 10_000_000


def lines(first: int, last: int) -> str:
    return "".join(f"{1795310000 + n}|main-1.{n}|sales|NONE|ENTERQUEUE||+74950000150|1\n" for n in range(first, last))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queue_log"


def aside(file: Path, suffix: str, text: str, *, age: int) -> None:
    older = file.with_name(file.name + suffix)
    older.write_text(text)
    os.utime(older, (1795310000 - age, 1795310000 - age))


def test_enough_is_read_to_reach_back(file: Path) -> None:
    file.write_text(lines(0, 20_000))
    found = tail(file, since=1795310000 + 19_000, time_of=time_of, limit=MUCH)
    assert found.reaches
    assert len(found.text) < file.stat().st_size
    assert found.text.endswith(lines(18_999, 20_000))
    assert found.text.startswith("17953")


def test_a_line_that_is_being_written_is_left_for_later(file: Path) -> None:
    file.write_text(lines(0, 3) + "1795310003|main-1.3|sal")
    assert tail(file, since=1795310001, time_of=time_of, limit=MUCH).text == lines(0, 3)


@pytest.mark.parametrize("suffix", [".0", ".7", "-20261121", ".1"])
def test_what_a_rotation_put_aside_is_read_first(file: Path, suffix: str) -> None:
    aside(file, suffix, lines(0, 50), age=10)
    aside(file, suffix + "9", lines(0, 0), age=5_000)
    aside(file, ".2.gz", "packed", age=20_000)
    file.write_text(lines(50, 60))
    found = tail(file, since=1795310040, time_of=time_of, limit=MUCH)
    assert (found.text, found.reaches) == (lines(0, 60), True)


def test_between_a_rotation_and_the_next_line_there_is_only_what_was_put_aside(file: Path) -> None:
    aside(file, ".1", lines(0, 50), age=10)
    found = tail(file, since=1795310040, time_of=time_of, limit=MUCH)
    assert (found.text, found.reaches) == (lines(0, 50), True)


def test_of_too_much_the_end_is_read_and_told_to_be_not_all(file: Path) -> None:
    file.write_text(lines(0, 20_000))
    found = tail(file, since=1795310000, time_of=time_of, limit=10_000)
    assert not found.reaches
    assert lines(0, 20_000).endswith(found.text)
    assert 9_900 < len(found.text) <= 10_000


def test_a_file_that_has_only_begun_is_all_unless_there_was_one_before(file: Path) -> None:
    file.write_text(lines(5, 6))
    assert tail(file, since=1795310000, time_of=time_of, limit=MUCH).reaches
    aside(file, "-20261121.gz", "packed", age=5)
    assert not tail(file, since=1795310000, time_of=time_of, limit=MUCH).reaches
    file.write_text("")
    assert tail(file, since=1795310000, time_of=time_of, limit=MUCH).text == ""


def test_no_file_a_folder_or_a_pipe_that_nobody_writes_to_is_an_error_at_once(file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tail(file, since=0, time_of=time_of, limit=MUCH)
    os.mkfifo(file)
    with pytest.raises(OSError, match="no file"):
        tail(file, since=0, time_of=time_of, limit=MUCH)
    with pytest.raises(OSError):
        tail(file.parent, since=0, time_of=time_of, limit=MUCH)


def test_bytes_that_are_no_text_harm_nobody(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00\n" + lines(0, 2).encode() + b"\xc3\n")
    assert tail(file, since=1795310001, time_of=time_of, limit=MUCH).reaches
