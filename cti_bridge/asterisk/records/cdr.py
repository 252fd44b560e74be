"""Asterisk's call detail records (CDR) in CSV, as whoever has no bridge yet has them: one line for each record.

Three shapes are understood. cdr_csv's, without a header, 16 to 21 columns:

    "","+74950000150","600","ext-queues","<+74950000150>","PJSIP/trunk-00000001",…,"2026-11-20 10:11:12",…

The one that the sample of cdr_custom.conf has, which begins with the caller id; and any with a header that names the
columns, as exports of a database do. A line is taken apart by itself, so what is wrong in one costs no other.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

MAX_LINE = 64 * 1024
"""Bytes of a line; Asterisk itself writes 1,024 at most."""
MAX_BLOCKS = 64
"""So many times that a line may go on before the file is no text at all."""
MAX_TEXT = 256
_DATE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?")
_UNIQUEID = re.compile(r"([A-Za-z0-9_.-]{1,64}-)?\d{6,11}\.\d{1,12}")
_CHANNEL = re.compile(r"[A-Za-z0-9]+/(.+)-[0-9a-f]{8}")
_NAME = re.compile(r'"(.*)" ?<[^<>]*>', re.DOTALL)
_YEARS = range(1990, 2100)
"""Other moments are a broken clock; calendars need not be asked about them."""
_DELIMITERS = (",", ";", "\t")
_PLAIN = ("accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start")
_CUSTOM = ("clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start")
_LEAST_COLUMNS = 16
_NEW_COLUMNS = 19
"""With so many, cdr_csv writes peer account, linkedid and sequence as the last three."""


@dataclass(frozen=True, slots=True)
class CdrLine:
    """One record: the call it belongs to, when it began by the PBX's clock, who called, what was dialled.

    `call` is the linkedid where there is one, else the channel's id, else its name, which a restart gives away again.
    `did` is empty where the record does not have it, `dst` and `context` are where the dialplan was last. `trunk` is
    the channel's endpoint. `inner` records are of the half of a Local channel: nobody called from there.
    """

    call: str
    start: datetime
    src: str
    name: str
    dst: str
    did: str
    context: str
    trunk: str
    inner: bool


class CdrUnreadable(Exception):
    """The file is none of the three shapes; the message says so without anything that stands in it."""


def read(file: BinaryIO) -> Iterator[CdrLine | None]:
    """Every record, None for one that cannot be read. Raises CdrUnreadable when the beginning is none at all.

    Bytes that are not UTF-8 are replaced: only the name can have some.
    """
    names: Sequence[str] | None = None
    delimiter, read = ",", 0
    for number, text in enumerate(_lines(file)):
        if number == 0 and text is not None:
            names, delimiter = _header(text)
            if names is not None:
                continue
        line = None if text is None else _line(text, names, delimiter)
        read += line is not None
        if number >= 100 and not read:
            raise CdrUnreadable("no CDR in CSV: of its first 100 lines none is a record")
        yield line


def _lines(file: BinaryIO) -> Iterator[str | None]:
    """The lines that are not empty, None for one that is too long. Raises CdrUnreadable."""
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            _skip_line(file)
            yield None
        elif line.strip():
            yield line.decode("utf-8", "replace").removeprefix("\ufeff").rstrip("\r\n")


def _skip_line(file: BinaryIO) -> None:
    """Read what is left of a line. Raises CdrUnreadable when it has no end."""
    for _ in range(MAX_BLOCKS):
        rest = file.readline(MAX_LINE)
        if not rest or rest.endswith(b"\n"):
            return
    raise CdrUnreadable(f"a line of more than {MAX_BLOCKS * MAX_LINE // 2**20} MB")


def _cells(text: str, delimiter: str) -> list[str] | None:
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _header(text: str) -> tuple[Sequence[str] | None, str]:
    """The columns that the first line names, if it does, and what is between them."""
    for delimiter in _DELIMITERS:
        names = [cell.strip().lower() for cell in _cells(text, delimiter) or ()]
        if "src" in names and {"start", "calldate"} & set(names):
            return names, delimiter
    return None, ","


def _line(text: str, names: Sequence[str] | None, delimiter: str) -> CdrLine | None:
    cells = _cells(text, delimiter)
    if cells is None or (names is not None and len(cells) != len(names)):
        return None
    cells = [cell.strip()[:MAX_TEXT] for cell in cells]
    return _record(_without_header(cells) if names is None else dict(zip(names, cells, strict=True)))


def _without_header(cells: list[str]) -> Mapping[str, str]:
    """The cells by name; which shape it is shows where the first date stands."""
    if len(cells) < _LEAST_COLUMNS:
        return {}
    if _DATE.fullmatch(cells[len(_CUSTOM) - 1]):
        columns = dict(zip(_CUSTOM, cells, strict=False))
    else:
        columns = dict(zip(_PLAIN, cells, strict=False))
        if len(cells) >= _NEW_COLUMNS:
            columns["linkedid"] = cells[-2]
    # the user field may stand in its place, or nothing
    if len(cells) > _LEAST_COLUMNS and _UNIQUEID.fullmatch(cells[_LEAST_COLUMNS]):
        columns["uniqueid"] = cells[_LEAST_COLUMNS]
    return columns


def _record(columns: Mapping[str, str]) -> CdrLine | None:
    at = columns.get("start") or columns.get("calldate", "")
    if not _DATE.fullmatch(at):
        return None
    try:
        start = datetime.fromisoformat(at).replace(tzinfo=None)
    except ValueError:
        return None
    if start.year not in _YEARS:
        return None
    channel = columns.get("channel", "")
    linkedid = columns.get("linkedid", "")
    call = linkedid if _UNIQUEID.fullmatch(linkedid) else columns.get("uniqueid") or channel
    endpoint = _CHANNEL.fullmatch(channel)
    name = _NAME.fullmatch(columns.get("clid", ""))
    return CdrLine(
        call=call,
        start=start,
        src=columns.get("src", ""),
        name=name[1].replace('\\"', '"') if name else "",
        dst=columns.get("dst", ""),
        did=columns.get("did", ""),
        context=columns.get("dcontext", ""),
        trunk=endpoint[1] if endpoint else "",
        inner=channel.startswith("Local/"),
    )
