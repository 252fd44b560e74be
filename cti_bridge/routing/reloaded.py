"""What came of having the rule file loaded again: told alike to whoever asked, by signal, HTTP or command."""

from dataclasses import dataclass
from typing import Any


class NotReloaded(Exception):
    """The file was not loaded, and nothing was found wrong with it; the message is the reason, in one line."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """One loading of the rule file. It was accepted when there are no problems.

    `problems` has every mistake and every failed test, a printable FILE:LINE:COLUMN line each. `hash` is the SHA-256 of
    the rules that are in force now, and `previous` of those before; empty where there are or were none. `tests` is how
    many of its own tests the file passed, `took_ms` the time from the beginning of reading it, in milliseconds.
    """

    problems: tuple[str, ...]
    hash: str
    previous: str
    tests: int = 0
    warnings: tuple[str, ...] = ()
    took_ms: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether the rules in the file are in force from now on."""
        return not self.problems


def as_json(reloaded: Reloaded) -> dict[str, Any]:
    """The outcome as values for JSON."""
    told: dict[str, Any] = {"accepted": reloaded.accepted, "hash": reloaded.hash, "previous": reloaded.previous}
    if reloaded.accepted:
        told |= {"tests": reloaded.tests, "warnings": list(reloaded.warnings)}
    else:
        told["problems"] = list(reloaded.problems)
    return told | {"took_ms": round(reloaded.took_ms, 1)}
