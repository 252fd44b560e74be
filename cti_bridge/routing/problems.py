"""What is wrong in a rule file: where, what, and what to do about it; all of it at once."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

MAX_PROBLEMS = 100
"""More than this helps nobody; the rest is counted."""
MAX_COMPARED = 300
"""Names that a misspelled one is compared with: it takes time, and a hostile file could have many of both."""


MAX_WARNED = 10
"""So many names that nobody has are told one by one where calls must not wait for it; the rest is counted."""


class Located(Protocol):
    """Anything that knows its place in the file; lines and columns count from 1."""

    @property
    def line(self) -> int: ...  # noqa: D102

    @property
    def column(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the file; line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a rule file; `hint` says how to put it right and may be empty."""

    line: int
    column: int
    message: str
    hint: str = ""

    def format(self, file: str) -> str:
        """The problem as one line, `FILE:LINE:COLUMN: message (hint)`."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{file}:{self.line}:{self.column}: {self.message}{hint}"


class RulesError(ValueError):
    """The rule file cannot be used; `problems` has every mistake that was found, in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(problem.format("routing") for problem in self.problems)


class Problems:
    """Collects mistakes while a file is read, so that one run names them all."""

    def __init__(self) -> None:
        self._found: set[Problem] = set()

    def add(self, at: Located, message: str, hint: str = "") -> None:
        """Notes one mistake at this place; the same one twice counts once."""
        self._found.add(Problem(at.line, at.column, message, hint))

    @property
    def any(self) -> bool:
        """Whether anything was noted so far."""
        return bool(self._found)

    def raise_if_any(self) -> None:
        """Raises `RulesError` when anything was noted."""
        if self._found:
            raise RulesError(self.most())

    def most(self) -> tuple[Problem, ...]:
        """What was noted, in the order of the file; where it is too much, the rest is counted."""
        ordered = sorted(self._found)
        shown = ordered[:MAX_PROBLEMS]
        if rest := len(ordered) - len(shown):
            last = shown[-1]
            shown.append(Problem(last.line, last.column, f"and {rest} more problems"))
        return tuple(shown)


def quoted(text: str) -> str:
    """Text of the file inside backticks for a message, shortened to 60 characters, on one line."""
    one_line = " ".join(text.split())
    return f"`{one_line[:57]}…`" if len(one_line) > 60 else f"`{one_line}`"


def suggestion(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """`did you mean …?` when a known word is close to this one, else the other text."""
    close = difflib.get_close_matches(word[:60], islice(known, MAX_COMPARED), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else otherwise
