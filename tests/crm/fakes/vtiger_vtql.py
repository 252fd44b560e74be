"""A fake of vtiger's query language, as strict as its lexer and its parser are; what MySQL would do with it included.

Written after the published source of vtiger 6 and 7. It knows no parentheses but those of IN, no empty texts, no fields
that a module does not have, and gives a hundred rows at most.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_TOKEN = re.compile(r"\s+|(\w+|'(?:[^']|'')+'|<=|>=|!=|[()*,=<>;]|[+-]\d+)")
_LONGEST_PAGE = 100
Fields = Mapping[str, str]
Condition = Callable[[Fields], bool]


class Refused(Exception):
    """An error as vtiger names it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Shape:
    """The fields of a module: name to kind, which is `phone`, `reference`, `owner`, `text` or a list to choose from."""

    fields: Mapping[str, str]


@dataclass(frozen=True)
class Question:
    """A question that was understood."""

    module: str
    columns: tuple[str, ...] | None
    holds: Condition
    newest_by: str
    skipping: int
    most: int


def module_of(text: str) -> str:
    """The module that a question is about."""
    found = re.match(r"select\s+[\w\s,*()]+\s+from\s+(\w+)", text, re.IGNORECASE)
    if found is None:
        raise Refused("QUERY_SYNTAX_ERROR")
    return found[1]


def understood(text: str, shape: Shape) -> Question:
    """The question, or Refused."""
    tokens = _tokens(text)
    expect(tokens, "select")
    columns: list[str] = []
    while tokens and tokens[0].lower() != "from":
        columns.append(tokens.pop(0))
    expect(tokens, "from")
    module = tokens.pop(0)
    names = tuple(one for one in columns if one not in {",", "*"})
    for name in names:
        known(name, shape)
    holds = _where(tokens, shape)
    newest_by, skipping, most = "", 0, _LONGEST_PAGE
    if _next(tokens, "order"):
        expect(tokens, "by")
        newest_by = known(tokens.pop(0), shape)
        if not _next(tokens, "desc"):
            raise Refused("QUERY_SYNTAX_ERROR")
    if _next(tokens, "limit"):
        most = _number(tokens)
        if _next(tokens, ","):
            skipping, most = most, _number(tokens)
    expect(tokens, ";")
    if tokens:
        raise Refused("QUERY_SYNTAX_ERROR")
    return Question(module, names or None, holds, newest_by, skipping, min(most, _LONGEST_PAGE))


def known(name: str, shape: Shape) -> str:
    """A field that the module has."""
    if name != "id" and name not in shape.fields:
        raise Refused("ACCESS_DENIED")
    return name


def expect(tokens: list[str], word: str) -> None:
    """Take a word that has to be there."""
    if not _next(tokens, word):
        raise Refused("QUERY_SYNTAX_ERROR")


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Refused("QUERY_SYNTAX_ERROR")
        at = found.end()
        if found[1]:
            tokens.append(found[1])
    return tokens


def _next(tokens: list[str], word: str) -> bool:
    if tokens and tokens[0].lower() == word:
        tokens.pop(0)
        return True
    return False


def _number(tokens: list[str]) -> int:
    if not tokens or not tokens[0].isdecimal():
        raise Refused("QUERY_SYNTAX_ERROR")
    return int(tokens.pop(0))


def _where(tokens: list[str], shape: Shape) -> Condition:
    if not _next(tokens, "where"):
        return lambda _row: True
    conditions = [_condition(tokens, shape)]
    while _next(tokens, "or"):
        conditions.append(_condition(tokens, shape))
    return lambda row: any(holds(row) for holds in conditions)


def _condition(tokens: list[str], shape: Shape) -> Condition:
    if len(tokens) < 3:
        raise Refused("QUERY_SYNTAX_ERROR")
    field = known(tokens.pop(0), shape)
    operator = tokens.pop(0).lower()
    refers = shape.fields.get(field) in {"reference", "owner"}
    if operator == "in":
        expect(tokens, "(")
        values = [_value(tokens, refers=refers)]
        while _next(tokens, ","):
            values.append(_value(tokens, refers=refers))
        expect(tokens, ")")
        return lambda row: _seen(row, field, refers=refers) in values
    value = _value(tokens, refers=refers)
    if operator == "=":
        return lambda row: _seen(row, field, refers=refers).casefold() == value.casefold()
    if operator == "like":
        pattern = _like(value)
        return lambda row: pattern.fullmatch(row.get(field, "")) is not None
    raise Refused("QUERY_SYNTAX_ERROR")


def _seen(row: Fields, field: str, *, refers: bool) -> str:
    """What is compared: of a reference only the number, without the module's prefix."""
    text = row.get(field, "")
    return text.partition("x")[2] if refers else text


def _value(tokens: list[str], *, refers: bool) -> str:
    token = tokens.pop(0) if tokens else ""
    if not token.startswith("'"):
        raise Refused("QUERY_SYNTAX_ERROR")
    text = _as_mysql_reads(token)
    if refers:
        if "x" not in text:
            raise Refused("INVALID_ID_ATTRIBUTE")
        return text.partition("x")[2]
    return text


def _as_mysql_reads(token: str) -> str:
    """What MySQL makes of a text that vtiger hands on as it is."""
    text, inside, at = "", token[1:-1], 0
    while at < len(inside):
        one, two = inside[at], inside[at : at + 2]
        if one == "\\" and len(two) < 2:
            raise Refused("DATABASE_QUERY_ERROR")  # the closing quote would be a part of the text
        if one == "\\":
            text += two if two in {"\\%", "\\_"} else two[1]
            at += 2
        elif one == "'":
            if two != "''":
                raise Refused("DATABASE_QUERY_ERROR")
            text += "'"
            at += 2
        else:
            text += one
            at += 1
    return text


def _like(pattern: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    meaning = {"%": ".*", "_": "."}
    return re.compile("".join(meaning.get(one) or re.escape(one.removeprefix("\\")) for one in parts), re.DOTALL)
