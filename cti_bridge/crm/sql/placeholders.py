"""Named parameters of a query (`:number`) turned into the placeholders that a database has of its own.

Only the places of parameters are found here; values never become part of a statement's text. What looks like a
parameter inside of a string, a quoted name or a comment is left as it is, by the lexical rules of PostgreSQL
(standard_conforming_strings on) and of MySQL and MariaDB (neither ANSI_QUOTES nor NO_BACKSLASH_ESCAPES). Pure.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

LONGEST = 20_000
"""Characters of one statement at most."""


class Dialect(StrEnum):
    """Whose lexical rules a query follows; the words are those of the settings. MariaDB follows those of MySQL."""

    POSTGRESQL = "postgresql"
    MYSQL = "mysql"


class QueryUnreadable(ValueError):
    """A query that is not taken; the message says why and in which line of it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as a database takes it; `names` has the name of the value for each placeholder, in order."""

    text: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of a query; `kind` is `parameter`, `end` (a semicolon), `blank` (also a comment), `word` or `other`."""

    kind: str
    text: str
    at: int


_WORD = r"[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_$\u0080-\U0010ffff]*"
_BACKSLASHED = r"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'"
_SAME_FOR_ALL = r"""
    |(?P<parameter>:[A-Za-z_][A-Za-z0-9_]*)
    |(?P<colons>::|:=)
    |(?P<end>;)
    |(?P<space>\s+)
    |(?P<other>.)
"""
_POSTGRESQL = re.compile(
    rf"""
     (?P<escapes>[eE]{_BACKSLASHED})
    |(?P<unclosed>[eE]')
    |(?P<word>{_WORD}|[0-9][0-9A-Za-z_.$\u0080-\U0010ffff]*)
    |(?P<string>'[^']*(?:''[^']*)*')
    |(?P<name>"[^"]*(?:""[^"]*)*")
    |(?P<comment>--[^\n\r]*)
    |(?P<nested>/\*)
    |(?P<dollar>\$(?:[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*)?\$)
    |(?P<placeholder>\$[0-9]+)
    |(?P<open>['"])
    {_SAME_FOR_ALL}
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_MYSQL = re.compile(
    rf"""
     (?P<word>[A-Za-z0-9_$\u0080-\U0010ffff]+)
    |(?P<string>{_BACKSLASHED})
    |(?P<name>{_BACKSLASHED.replace("'", '"')}|`[^`]*(?:``[^`]*)*`)
    |(?P<executable>/\*M?!)
    |(?P<comment>--(?=[\s\x00-\x20]|\Z)[^\n]*|\#[^\n]*|/\*.*?\*/)
    |(?P<placeholder>\?)
    |(?P<open>['"`]|/\*)
    {_SAME_FOR_ALL}
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_CONTINUED = re.compile(
    rf"(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:\s|--[^\n\r]*+[\n\r])*+{_BACKSLASHED}", re.DOTALL | re.ASCII
)
"""Strings that follow each other on different lines are one for PostgreSQL, and have the escapes of the first."""
_NESTING = re.compile(r"/\*|\*/")
_SPACE = " \t\r\n\f\v"
_BLANK = frozenset({"comment", "space"})
_NOT_BEHIND = re.compile(r"[$\u0080-\U0010ffff]")
_NOT_CLOSED = "a string, a quoted name or a comment is not closed"
_REASONS = {
    "open": _NOT_CLOSED,
    "unclosed": _NOT_CLOSED,
    "executable": "comments that MySQL executes (/*! … */) are not understood",
    "placeholder": "its own placeholders cannot be used: write a name with a colon, as in :number",
}


def statement(query: str, dialect: Dialect, known: Collection[str]) -> Statement:
    """The query as the database takes it, its parameters being of `known`. Raises QueryUnreadable.

    PostgreSQL gets `$1`, `$2` … , the same name being the same number each time; MySQL gets a `?` for each.
    """
    if len(query) > LONGEST:
        raise QueryUnreadable(f"it is longer than {LONGEST} characters")
    if "\x00" in query:
        raise QueryUnreadable("a NUL character is in it")
    pieces: list[str] = []
    names: list[str] = []
    before = ended = ""
    meant = False
    for token in _tokens(query, dialect):
        if token.kind == "blank":
            pieces.append(token.text)
        elif ended:
            raise _unreadable(query, token, "it is more than one statement: where that is possible, write a list")
        elif token.kind == "end":
            ended = token.text
        elif token.kind == "parameter":
            pieces.append(_placeholder(query, token, before, dialect, known, names))
            meant = True
        else:
            pieces.append(token.text)
            meant = True
        before = token.kind
    if not meant:
        raise QueryUnreadable("it is empty")
    return Statement("".join(pieces).strip(_SPACE), tuple(names))


def _placeholder(
    query: str, token: _Token, before: str, dialect: Dialect, known: Collection[str], names: list[str]
) -> str:
    """What stands for a parameter; its name is added to `names` as the database wants it."""
    name = token.text[1:]
    if name not in known:
        known_ones = ", ".join(f":{one}" for one in sorted(known)) or "none"
        raise _unreadable(query, token, f"there is no parameter :{name} here (known: {known_ones})")
    if before in ("word", "parameter") or _NOT_BEHIND.match(query, token.at + len(token.text)):
        raise _unreadable(query, token, f"a space is missing beside :{name}")
    if dialect is Dialect.MYSQL:
        names.append(name)
        return "?"
    if name not in names:
        names.append(name)
    return f"${names.index(name) + 1}"


def _tokens(query: str, dialect: Dialect) -> Iterator[_Token]:
    pattern = _POSTGRESQL if dialect is Dialect.POSTGRESQL else _MYSQL
    at = 0
    while at < len(query):
        found = pattern.match(query, at)
        assert found is not None, "anything is at least some other character"
        kind, end = found.lastgroup or "", found.end()
        token = _Token("other", found[0], at)
        if kind in _REASONS:
            raise _unreadable(query, token, _REASONS[kind])
        if kind == "nested":
            end, kind = _end_of_comment(query, token), "comment"
        elif kind == "dollar":
            end = query.find(found[0], end) + len(found[0])
            if end < found.end():
                raise _unreadable(query, token, f"{found[0]} is not closed")
        elif kind == "escapes":
            while more := _CONTINUED.match(query, end):
                end = more.end()
        kind = "blank" if kind in _BLANK else kind if kind in ("parameter", "end", "word") else "other"
        yield _Token(kind, query[at:end], at)
        at = end


def _end_of_comment(query: str, token: _Token) -> int:
    """Where a comment of PostgreSQL ends, in which others may be nested."""
    depth = 0
    for found in _NESTING.finditer(query, token.at):
        depth += 1 if found[0] == "/*" else -1
        if depth == 0:
            return found.end()
    raise _unreadable(query, token, _NOT_CLOSED)


def _unreadable(query: str, token: _Token, reason: str) -> QueryUnreadable:
    return QueryUnreadable(f"line {query.count(chr(10), 0, token.at) + 1} of it: {reason}")
