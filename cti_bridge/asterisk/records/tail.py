"""The end of a file that Asterisk appends to, bounded, and of those that a log rotation has put aside. Blocks.

A rotation renames the file: Asterisk numbers the old ones (`queue_log.0`, upwards or downwards, as logger.conf says),
logrotate numbers or dates them. So which of them is the latest is taken from when it was last written.
"""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FIRST_LOOK = 256 * 1024
"""Bytes that are read first; if that is not far enough back, four times as many, and so on."""
MAX_PUT_ASIDE = 3
"""Files put aside by a rotation that are looked into."""
_PACKED = (".gz", ".xz", ".bz2", ".zst")


@dataclass(frozen=True, slots=True)
class Tail:
    """The whole lines at the end of a file; `reaches` says whether nothing is missing since the time asked for."""

    text: str
    reaches: bool


def tail(path: Path, *, since: float, time_of: Callable[[str], float | None], limit: int) -> Tail:
    """The lines since a time at the latest, from the file and its rotated predecessors, `limit` bytes at most.

    `time_of` gives the seconds since 1970 of a line, or None for one that does not begin a record. Raises OSError
    where the file itself cannot be read or is no file. A line that is still being written is left out.
    """
    try:
        found = _end_of(path, since, time_of, limit)
        older_files = _put_aside(path)
        reaches = found.reaches or (not older_files and path.stat().st_size < limit)
    except FileNotFoundError:
        found, older_files, reaches = Tail("", reaches=False), _put_aside(path), False
        if not older_files:
            raise  # else it was rotated, and nothing has been written since
    texts, left = [found.text], limit - len(found.text)
    for older in older_files[:MAX_PUT_ASIDE]:
        if older.suffix in _PACKED:
            break
        if reaches or left <= 0:
            break
        try:
            found = _end_of(older, since, time_of, left)
        except OSError:
            break  # rotated away or packed in this moment
        texts.insert(0, found.text)
        left, reaches = left - len(found.text), found.reaches
    return Tail("".join(texts), reaches)


def _end_of(path: Path, since: float, time_of: Callable[[str], float | None], limit: int) -> Tail:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise OSError(f"{path} is no file")
        wanted = FIRST_LOOK
        while True:
            wanted = min(wanted, limit, about.st_size)
            text = _whole_lines(_last(descriptor, about.st_size, wanted), from_start=wanted == about.st_size)
            reaches = _begins_before(text, since, time_of)
            if reaches or wanted in (limit, about.st_size):
                return Tail(text, reaches)
            wanted *= 4
    finally:
        os.close(descriptor)


def _last(descriptor: int, size: int, count: int) -> bytes:
    os.lseek(descriptor, size - count, os.SEEK_SET)
    pieces = []
    while count > 0 and (piece := os.read(descriptor, count)):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def _whole_lines(read: bytes, *, from_start: bool) -> str:
    begin = 0 if from_start else read.find(b"\n") + 1
    return read[begin : read.rfind(b"\n") + 1].decode("utf-8", "replace")


def _begins_before(text: str, since: float, time_of: Callable[[str], float | None]) -> bool:
    """Whether the first record in it is older than `since`; a text without any is not."""
    first = next((at for line in text.splitlines() if (at := time_of(line)) is not None), None)
    return first is not None and first < since


def _put_aside(path: Path) -> list[Path]:
    """What rotations have made of the file, the latest first."""
    found: list[tuple[float, Path]] = []
    try:
        for entry in os.scandir(path.parent):
            suffix = entry.name.removeprefix(path.name)
            if suffix != entry.name and suffix[:1] in ("-", "."):
                found.append((entry.stat().st_mtime, Path(entry.path)))
    except OSError:
        return []
    return [older for _, older in sorted(found, reverse=True)]
