"""How Bitrix24 packs requests and answers, what its errors mean, and how soon it may be asked again. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cti_bridge.crm.bitrix.words.plain import Command, whole
from cti_bridge.crm.received import text_of

MOST_COMMANDS = 50
"""Commands of one batch, which counts as one request."""
_TOO_OFTEN = "QUERY_LIMIT_EXCEEDED"
_TOO_LONG = "OPERATION_TIME_LIMIT"
_BLOCKED = "OVERLOAD_LIMIT"
_MAY_PASS = frozenset(
    {
        _TOO_OFTEN,
        _TOO_LONG,
        _BLOCKED,
        "expired_token",
        "INTERNAL_SERVER_ERROR",
        "ERROR_UNEXPECTED_ANSWER",
        "NO_AUTH_FOUND",
        "INVALID_CREDENTIALS",
        "INVALID_REQUEST",
        "ACCESS_DENIED",
        "insufficient_scope",
        "user_access_error",
        "invalid_token",
        "WRONG_AUTH_TYPE",
        "PORTAL_DELETED",
        "PAYMENT_REQUIRED",
        "ERROR_METHOD_NOT_FOUND",
    }
)
"""Errors of the moment, or such as the admin can put right; what was asked is not to blame."""
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_LONGEST_RUN_S = 86_400.0
_HELD_S = {_TOO_OFTEN: 2.0, _BLOCKED: 60.0}


@dataclass(frozen=True, slots=True)
class Problem:
    """An error that Bitrix24 answered; `description` may name somebody and is for comparing only."""

    code: str
    description: str
    status: int

    @property
    def may_pass(self) -> bool:
        """Whether the same request may go well another time; what comes with HTTP 200 or 5xx says nothing of it."""
        return self.code in _MAY_PASS or not 400 <= self.status < 500 or self.status in {401, 408, 429}

    @property
    def hold_s(self) -> float:
        """For how long nothing should be asked at all."""
        return _HELD_S.get(self.code, 0.0)

    @property
    def out_of_time(self) -> bool:
        """Whether this one method has run for so long that it is closed for some minutes."""
        return self.code == _TOO_LONG

    def __str__(self) -> str:
        named = self.code if _CODE.fullmatch(self.code) else "an error without a name"
        return f"{named} (HTTP {self.status})"


def problem(status: int, said: Any) -> Problem | None:
    """The error in an answer, None when it is a good one. An empty `error` is one as well."""
    if isinstance(said, dict) and "error" in said:
        return Problem(text_of(said["error"]), text_of(said.get("error_description")), status)
    if status == 200 and isinstance(said, dict) and "result" in said:
        return None
    return Problem("", "", status)


@dataclass(frozen=True, slots=True)
class Running:
    """For how many seconds a method ran in the last ten minutes, and when some of that is forgotten (since 1970).

    Both are 0 where it is not said, as by portals of one's own.
    """

    used_s: float = 0.0
    reset_at: float = 0.0


def running(time: Any) -> Running:
    """What the `time` of an answer says of its method."""
    if not isinstance(time, dict):
        return Running()
    used = time.get("operating")
    used_s = float(used) if isinstance(used, int | float) and 0 <= used < _LONGEST_RUN_S else 0.0
    return Running(used_s, float(whole(time.get("operating_reset_at"))))


def packed(commands: Mapping[str, Command], *, halt: bool = False) -> dict[str, Any]:
    """Many commands as one: each a line of text as it would stand in an address.

    They are done in their order, and with `halt` none behind one that fails. In a parameter `$result[NAME][…]` stands
    for what the command of that name, earlier in the same batch, has answered.
    """
    lines = {name: f"{one.method}?{query(one.params)}" for name, one in commands.items()}
    return {"halt": int(halt), "cmd": lines}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came of one command of a batch: an answer or a problem; and how long its method ran."""

    answer: Any
    problem: Problem | None
    running: Running


def unpacked(names: Sequence[str], answer: Any) -> dict[str, Unpacked]:
    """What came of each command; one of which nothing is said is a problem, and empty objects come as lists."""
    results, errors, times = (_named(answer, part) for part in ("result", "result_error", "result_time"))
    told = {}
    for name in names:
        wrong: Problem | None = None
        if name in errors:
            wrong = problem(400, errors[name])
        elif name not in results:
            wrong = Problem("", "", 200)
        told[name] = Unpacked(results.get(name), wrong, running(times.get(name)))
    return told


def _named(answer: Any, part: str) -> Mapping[str, Any]:
    inner = answer.get(part) if isinstance(answer, dict) else None
    return inner if isinstance(inner, dict) else {}


def query(params: Mapping[str, Any]) -> str:
    """Nested parameters as PHP reads them: `filter[@id][0]=7`. Everything is encoded: a bare `+` would be a blank."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in _flat(params, ""))


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}[{key}]" if name else str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{name}[{index}]")
    else:
        yield name, str(value)


def _quoted(part: str) -> str:
    return quote(part, safe="", errors="replace")
