"""The file of a recording: one JSON object a line, the first says where and when, each of the others what was said.

    {"recording": 1, "pbx": "main", "system": "main", "asterisk": "22.10.1", "bridge": "0.1.0",
     "at": "2026-11-22T09:15:00.000000+00:00", "region": "RU", "phones": {"PJSIP/101": "op1"}}
    {"t": 0.000211, "snapshot": "asked"}
    {"t": 3.114201, "ami": {"Event": "Newchannel", "Channel": "PJSIP/peer-a-0000002f", …}}

What every line means is in docs/recording.md. Files come from anywhere, so nothing in one is believed. Pure.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, BinaryIO

FORM = 1
"""The number of this form; a file with a higher one is not read."""
MAX_LINE = 64 * 1024
"""Bytes of a line."""
MAX_HEADER = 1024 * 1024
"""Bytes of the first line, which has every operator's phones."""
MAX_FILE = 256 * 1024 * 1024
"""Bytes of a recording, some hundred thousand calls."""
_MAX_PARTS = 200
_MAX_T = 40_000_000.0
_STAMP = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?")
_LATEST = 4_000_000_000.0


class Kind(StrEnum):
    """What a line tells; the name of its key."""

    AMI = "ami"
    """An event, or an entry of a list while a snapshot is taken."""
    AGI = "agi"
    """A question by FastAGI: its environment."""
    ARI = "ari"
    """A question through Stasis: the channel that entered, and its arguments."""
    ANSWER = "answer"
    """What the dialplan was given, and whether it took it."""
    SNAPSHOT = "snapshot"
    """All channels are being asked for: `asked`, `complete` or `failed`."""
    LOST = "lost"
    """So many lines are missing here."""
    END = "end"
    """Why the recording ended, where it did so by itself."""


class NotARecording(ValueError):
    """The file, or one line of it, cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Header:
    """Where and when: `at` in seconds since 1970, `region` reads national numbers, `phones` says whose each one is."""

    pbx: str
    system: str
    asterisk: str
    bridge: str
    at: float
    region: str
    phones: dict[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """What was said `t` seconds after the beginning; what `said` is depends on the kind."""

    t: float
    kind: Kind
    said: Any


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be read, by its number in the file."""

    number: int
    why: str


def header_line(header: Header) -> str:
    """The first line."""
    return _json(
        {
            "recording": FORM,
            "pbx": header.pbx,
            "system": header.system,
            "asterisk": header.asterisk,
            "bridge": header.bridge,
            "at": datetime.fromtimestamp(header.at, UTC).isoformat(timespec="microseconds"),
            "region": header.region,
            "phones": header.phones,
        }
    )


def line(t: float, kind: Kind, said: object) -> str:
    """Any other line."""
    return _json({"t": round(t, 6), kind.value: said})


def read_header(text: bytes) -> Header:
    """The header in the first line. Raises NotARecording."""
    found = _object(text, MAX_HEADER)
    form = found.get("recording")
    if not isinstance(form, int) or isinstance(form, bool):
        raise NotARecording("not a recording: the first line has no `recording`")
    if form != FORM:
        raise NotARecording(f"a recording of form {form!s:.20}; this version reads form {FORM}")
    texts = {name: _word(found, name) for name in ("pbx", "system", "asterisk", "bridge", "at", "region")}
    phones = found.get("phones", {})
    if not texts["pbx"] or not re.fullmatch("[A-Z]{2}", texts["region"]):
        raise NotARecording("`pbx` or `region` is missing")
    if not isinstance(phones, dict) or not all(isinstance(owner, str) for owner in phones.values()):
        raise NotARecording("`phones` is not interfaces with operators")
    try:
        at = datetime.fromisoformat(texts.pop("at")).timestamp()
    except (ValueError, OverflowError):
        raise NotARecording("`at` is no time") from None
    if not 0 <= at <= _LATEST:
        raise NotARecording("`at` is no time")
    return Header(at=at, phones=phones, **texts)


def read_lines(file: BinaryIO) -> Iterator[tuple[int, Line | BadLine]]:
    """What follows the header, each with its number in the file; a line that cannot be read costs nothing else."""
    size, number = 0, 1
    while text := file.readline(MAX_LINE + 1):
        size += len(text)
        number += 1
        if size > MAX_FILE:
            yield number, BadLine(number, f"more than {MAX_FILE // 1024 // 1024} MiB; from here on nothing is read")
            return
        if text.strip():
            try:
                yield number, _read_line(text)
            except NotARecording as error:
                yield number, BadLine(number, str(error))
        while len(text) > MAX_LINE and not text.endswith(b"\n") and size <= MAX_FILE:
            text = file.readline(MAX_LINE + 1)  # the rest of a line that is too long
            size += len(text)


def _read_line(text: bytes) -> Line:
    found = _object(text)
    t = found.pop("t", None)
    if isinstance(t, bool) or not isinstance(t, int | float) or not math.isfinite(t) or not 0 <= t <= _MAX_T:
        raise NotARecording("`t` is not the seconds since the beginning")
    if len(found) != 1:
        raise NotARecording("not `t` and one thing that was said")
    name, said = next(iter(found.items()))
    if name not in _CHECKS:
        raise NotARecording("what this line tells is not known")
    kind = Kind(name)
    if not _CHECKS[kind](said):
        raise NotARecording(f"`{kind}` does not have the form that it should")
    return Line(float(t), kind, said)


def _object(text: bytes, limit: int = MAX_LINE) -> dict[str, Any]:
    if len(text) > limit:
        raise NotARecording(f"a line of more than {limit} bytes")
    try:
        found = json.loads(text.decode("utf-8"), parse_constant=_refuse)
        json.dumps(found, ensure_ascii=False).encode()  # an escape can say half of a letter, which is no text
    except (ValueError, RecursionError):
        raise NotARecording("not JSON") from None
    if not isinstance(found, dict):
        raise NotARecording("not a JSON object")
    return found


def _refuse(_name: str) -> None:
    raise ValueError("not a number of JSON")


def _word(found: dict[str, Any], name: str) -> str:
    value = found.get(name, "")
    if not isinstance(value, str) or len(value) > 200:
        raise NotARecording(f"`{name}` is no short text")
    return value


def _is_texts(said: object) -> bool:
    return isinstance(said, dict) and len(said) <= _MAX_PARTS and all(isinstance(text, str) for text in said.values())


def _is_ami(said: object) -> bool:
    if not isinstance(said, dict) or len(said) > _MAX_PARTS:
        return False
    values = said.values()
    return (
        all(isinstance(value, str) or (isinstance(value, list) and value and _all_texts(value)) for value in values)
        and isinstance(said.get("Event"), str | list)
        and all(_STAMP.fullmatch(text) is not None for text in _texts(said.get("Timestamp", [])))
    )


def _all_texts(values: list[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def _texts(value: object) -> list[str]:
    return [value] if isinstance(value, str) else value if isinstance(value, list) else []


def _is_ari(said: object) -> bool:
    return isinstance(said, dict) and isinstance(said.get("channel"), dict) and isinstance(said.get("args"), list)


def _is_answer(said: object) -> bool:
    return (
        isinstance(said, dict)
        and isinstance(said.get("channel"), str)
        and isinstance(said.get("taken"), bool)
        and _is_texts(said.get("variables"))
    )


_CHECKS: dict[str, Callable[[Any], bool]] = {
    Kind.AMI: _is_ami,
    Kind.AGI: _is_texts,
    Kind.ARI: _is_ari,
    Kind.ANSWER: _is_answer,
    Kind.SNAPSHOT: lambda said: isinstance(said, str) and said in ("asked", "complete", "failed"),
    Kind.LOST: lambda said: isinstance(said, int) and not isinstance(said, bool) and said > 0,
    Kind.END: lambda said: isinstance(said, str),
}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"
