"""The websocket protocol `cti-bridge.v1`: one JSON object per text frame, named by `op`. Pure.

Frames of the client are checked to the letter; the server's are built here and nowhere else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from cti_bridge.domain.operator import Operator
from cti_bridge.operators.strict_json import read_object

PROTOCOL = "cti-bridge.v1"
FRAME_LIMIT = 64 * 1024
"""Largest frame of a client, in bytes."""

FRAMES_PER_S = 20.0
MAX_COUNT = 2**53 - 1
MAX_PAINT_MS = 1e9

Json = dict[str, Any]


class CloseCode(IntEnum):
    """Why the server ends a connection."""

    RESTART = 1012
    NO_HELLO = 4001
    REFUSED = 4002
    SESSION_OVER = 4003
    PROTOCOL_ERROR = 4004
    TOO_SLOW = 4008


class ProtocolError(Exception):
    """A frame that the protocol does not allow; `code` is for programs, the text for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Resume:
    """What the client has seen already: up to `seq` of `stream`."""

    stream: str
    seq: int


NOWHERE = Resume("", 0)
"""A position that is none: no stream has an empty id."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame; with a ticket where there is no session cookie."""

    ticket: str | None = None
    resume: Resume | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    """Event `seq` is on the screen, `paint_ms` milliseconds after its frame arrived."""

    seq: int
    paint_ms: float


@dataclass(frozen=True, slots=True)
class Command:
    """Something to be done, once per `id`."""

    id: str
    name: str
    args: Json


@dataclass(frozen=True, slots=True)
class Renew:
    """A fresh ticket, so that a connection made with a ticket may stay."""

    ticket: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Is the line alive?"""


ClientFrame = Hello | Ack | Command | Renew | Ping


def decode(text: str) -> ClientFrame:
    """The frame that this text is. Raises ProtocolError for everything else."""
    try:
        frame = read_object(text)
    except ValueError:
        raise ProtocolError("not_json", "a frame is one JSON object") from None
    match frame.get("op"):
        case "hello":
            return _hello(frame)
        case "ack":
            _only(frame, {"op", "seq", "paint_ms"})
            return Ack(_count(frame, "seq"), _milliseconds(frame, "paint_ms"))
        case "command":
            _only(frame, {"op", "id", "name", "args"})
            args = frame.get("args", {})
            if not isinstance(args, dict):
                raise ProtocolError("bad_field", "args must be an object")
            return Command(_text(frame, "id", 64), _text(frame, "name", 64), args)
        case "renew":
            _only(frame, {"op", "ticket"})
            return Renew(_text(frame, "ticket", 128))
        case "ping":
            _only(frame, {"op"})
            return Ping()
    raise ProtocolError("unknown_op", "op must be one of hello, ack, command, renew, ping")


def encode(frame: Json | list[Json]) -> bytes:
    """The JSON text of a frame or of a part of it. Raises ValueError for numbers that JSON lacks (NaN, infinity)."""
    try:
        return json.dumps(frame, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, as a hostile caller name may have one: only its escape can be written down.
        return json.dumps(frame, separators=(",", ":"), allow_nan=False).encode()


def operator_view(operator: Operator) -> Json:
    """An operator as pages see him."""
    return {
        "id": operator.id,
        "name": operator.name,
        "role": operator.role.value,
        "phones": list(operator.phones),
        "language": operator.language,
    }


def welcome(
    stream: str, seq: int, operator: Operator, snapshot: Json, heartbeat_s: float, *, resumed: bool = False
) -> bytes:
    """The beginning of the answer to `hello`, all but the team list, which is the same for everybody: `team_tail`.

    The snapshot is everything that the operator may see now, and `seq` the number of the latest event in it. With
    `resumed` the missed events follow, up to and with that number.
    """
    frame = {
        "op": "welcome",
        "protocol": PROTOCOL,
        "stream": stream,
        "seq": seq,
        "resumed": resumed,
        "operator": operator_view(operator),
        "heartbeat_s": heartbeat_s,
        "snapshot": {**snapshot, "team": []},
    }
    return encode(frame).removesuffix(b"[]}}")


def team_tail(team: list[Json]) -> bytes:
    """The end of every `welcome`: who of the team rings or talks."""
    return encode(team) + b"}}"


def event_head(seq: int) -> bytes:
    """The beginning of an event frame, which differs between operators; `event_body` is the rest."""
    return b'{"op":"event","seq":%d,' % seq


UNNUMBERED = b'{"op":"event",'
"""The beginning of an event frame without a number: what it says is replaced by the next one, and never replayed."""


def event_body(at: str, type_: str, fields: Mapping[str, Any]) -> bytes:
    """The rest of an event frame, the same for everybody it goes to; fields that are None are left out."""
    present = {name: value for name, value in fields.items() if value is not None}
    return encode({"at": at, "type": type_, **present})[1:]


def success(id_: str, value: bytes) -> bytes:
    """The result of a command that was carried out; `value` is its answer in JSON."""
    return encode({"op": "result", "id": id_, "ok": True})[:-1] + b',"value":' + value + b"}"


def failure(id_: str, code: str, message: str) -> bytes:
    """The result of a command that was not carried out."""
    return encode({"op": "result", "id": id_, "ok": False, "error": {"code": code, "message": message}})


def bye(code: int, reason: str) -> bytes:
    """The last frame before the close with the same code."""
    return encode({"op": "bye", "code": code, "reason": reason})


PONG = encode({"op": "pong"})
"""The answer to a client's `ping`."""


def _hello(frame: Json) -> Hello:
    _only(frame, {"op", "ticket", "resume"})
    ticket = _text(frame, "ticket", 128) if frame.get("ticket") is not None else None
    resume = frame.get("resume")
    if resume is None:
        return Hello(ticket)
    if not isinstance(resume, dict):
        raise ProtocolError("bad_field", "resume must be an object")
    _only(resume, {"stream", "seq"})
    if len(resume) < 2:
        raise ProtocolError("bad_field", "resume needs stream and seq")
    try:
        return Hello(ticket, Resume(_text(resume, "stream", 64), _count(resume, "seq")))
    except ProtocolError:
        # A page that lost count must get out of it: sent away, it would come back with the same position for ever.
        return Hello(ticket, NOWHERE)


def _only(frame: Json, allowed: set[str]) -> None:
    if not frame.keys() <= allowed:
        raise ProtocolError("unknown_field", f"only these fields are known here: {', '.join(sorted(allowed))}")


def _text(frame: Json, name: str, longest: int) -> str:
    value = frame.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise ProtocolError("bad_field", f"{name} must be a text of 1 to {longest} characters")
    return value


def _count(frame: Json, name: str) -> int:
    value = frame.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_COUNT:
        raise ProtocolError("bad_field", f"{name} must be a whole number, not negative")
    return value


def _milliseconds(frame: Json, name: str) -> float:
    value = frame.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MAX_PAINT_MS:
        raise ProtocolError("bad_field", f"{name} must be a number of milliseconds, not negative")
    return float(value)
