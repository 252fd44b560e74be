"""A CSV file of unknown origin as rows of cells: which encoding, which delimiter, and never more of it than fits.

The encoding is decided on the whole file, read through once without keeping it: an export of 200,000 customers may
well have its first Cyrillic letter in the last row.
"""

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO

MAX_ROW = 1024 * 1024
"""Characters of one row with all its line breaks; more is a quote left open, or an attack."""
DELIMITERS = (",", ";", "\t")
UNDECODABLE = re.compile("[\udc80-\udcff]")
"""What a byte that is no text of the file's encoding became."""
_BLOCK = 1024 * 1024
_FALLBACK = "cp1251"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)


class CsvUnreadable(Exception):
    """The file as a whole cannot be used; `line` is where, 0 for nowhere in particular."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes are to be read; `damaged` bytes are no text, which only a whole look at UTF-8 can tell."""

    codec: str
    damaged: int = 0


@dataclass(frozen=True, slots=True)
class Unsplittable:
    """Lines that cannot be split into cells, and the csv module's reason."""

    last_line: int
    reason: str


@dataclass(frozen=True, slots=True)
class CsvFile:
    """An open file whose header was read. `position` is how many bytes of it were read so far."""

    encoding: Encoding
    delimiter: str
    header: tuple[str, ...]
    _lines: "_Lines"
    position: Callable[[], int]

    def rows(self) -> Iterator[tuple[int, list[str] | Unsplittable]]:
        """Each row with the line it begins in; empty ones are left out. Raises CsvUnreadable."""
        reader = csv.reader(self._lines, delimiter=self.delimiter)
        while True:
            line = self._lines.begin_row()
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield line, Unsplittable(self._lines.number, str(error))
                continue
            if cells is None:
                return
            if any(map(str.strip, cells)):
                yield line, cells


def detect_encoding(file: BinaryIO) -> Encoding:
    """The encoding of a whole file, from its beginning: by its mark, else UTF-8 if it can be that, else CP1251.

    UTF-8 with some spoilt bytes is still UTF-8 as long as more of it is right than wrong: CP1251 is nearly all wrong.
    """
    block = file.read(_BLOCK)
    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding("utf-16")
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    right = wrong = 0
    while block:
        text = decoder.decode(block)
        right += max(0, len(block) - len(text))
        wrong += len(UNDECODABLE.findall(text))
        block = file.read(_BLOCK)
    wrong += len(decoder.decode(b"", final=True))
    return Encoding(_FALLBACK) if wrong > right else Encoding("utf-8", wrong)


@contextmanager
def opened(
    path: Path, *, encoding: str | None, delimiter: str | None, recognises: Callable[[str], bool]
) -> Iterator[CsvFile]:
    """The file with its header read; `recognises` says whether a header is a known one, which shows the delimiter.

    Raises OSError or CsvUnreadable.
    """
    with path.open("rb") as binary:
        if not binary.seekable():
            raise CsvUnreadable(0, "is no regular file; it has to be read twice")
        found = Encoding(encoding) if encoding else detect_encoding(binary)
        binary.seek(0)
        with TextIOWrapper(binary, encoding=found.codec, errors="surrogateescape", newline="") as text:
            lines = _Lines(text, found.codec)
            line = lines.begin_row()
            record = _record(lines).removeprefix("\ufeff")
            named = _SEPARATOR_LINE.fullmatch(record)
            if named:
                line = lines.begin_row()
                record = _record(lines)
                delimiter = delimiter or named[1]
            header = _header(line, record, delimiter, recognises)
            yield CsvFile(found, header[0], header[1], lines, binary.tell)


class _Lines:
    """The lines of a file, counted, and never more than MAX_ROW characters of one row."""

    def __init__(self, file: TextIO, codec: str) -> None:
        self.number = 0
        self._codec = codec
        self._read = file.readline
        self._left = MAX_ROW

    def begin_row(self) -> int:
        """The line in which the next row begins."""
        self._left = MAX_ROW
        return self.number + 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        try:
            line = self._read(self._left + 1)
        except UnicodeError as error:
            raise CsvUnreadable(self.number + 1, f"is not {self._codec.upper()} from here on") from error
        if not line:
            raise StopIteration
        self.number += 1
        self._left -= len(line)
        if self._left < 0:
            raise CsvUnreadable(self.number, f"a row of more than {MAX_ROW} characters")
        return line


def _record(lines: _Lines) -> str:
    """The text of one row; it goes on over line breaks inside quotes."""
    parts: list[str] = []
    quotes = 0
    for part in lines:
        parts.append(part)
        quotes += part.count('"')
        if quotes % 2 == 0:
            break
    return "".join(parts)


def _header(
    line: int, record: str, delimiter: str | None, recognises: Callable[[str], bool]
) -> tuple[str, tuple[str, ...]]:
    """Delimiter and columns: that of the known ones by which the most columns are recognised, or are there at all."""
    if record.count("\0") * 4 > len(record):
        raise CsvUnreadable(line, "the header has NUL bytes: UTF-16 without its mark, or no text at all")

    def split(by: str) -> tuple[str, ...]:
        try:
            return tuple(cell.strip() for cell in next(csv.reader(record.splitlines(keepends=True), delimiter=by), []))
        except csv.Error as error:
            raise CsvUnreadable(line, f"the header cannot be split into columns ({error})") from error

    def rank(by: str) -> tuple[int, int]:
        columns = split(by)
        return sum(map(recognises, columns)), len(columns)

    chosen = delimiter or max(DELIMITERS, key=rank)
    return chosen, split(chosen)


def rows_at(file: CsvFile, wanted: Iterator[int]) -> Iterator[tuple[int, Sequence[str]]]:
    """The cells of the rows that begin in these lines, which come in order; none where they cannot be split."""
    line = next(wanted, None)
    for number, cells in file.rows():
        if line is None:
            return
        if number == line:
            yield line, () if isinstance(cells, Unsplittable) else cells
            line = next(wanted, None)
