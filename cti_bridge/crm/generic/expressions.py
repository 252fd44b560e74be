"""JMESPath expressions on a CRM's answers: checked when the settings are read, harmless on nonsense. Pure.

The library finds a misspelled function, or one with too many arguments, only when an answer comes; so they are looked
for here. Its messages repeat the values that it stumbled over, which are customer data, so they are never passed on.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jmespath
from jmespath import exceptions
from jmespath.functions import Functions
from jmespath.lexer import Lexer

_LONGEST = 2_000
_COMPARING = frozenset({"eq", "ne", "lt", "lte", "gt", "gte"})
_VALUES = frozenset({"true", "false", "null"})
_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[\W_]*")
"""A plain name, or what is no name at all (`, `)."""
_HINTS = {
    "=": " (equal is ==)",
    "$": " (begin with the name of the first field, @ is all of it)",
    "-": " (a name with such a sign is written in double quotes)",
    "or": " (or is ||)",
    "and": " (and is &&)",
    "not": " (not is !)",
}
_NO_TOKEN: Mapping[str, Any] = {"type": "", "value": ""}


class Unreadable(Exception):
    """An expression cannot be worked out on this answer."""


class Expression:
    """One expression; raises ValueError with the place in it when it is none."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise ValueError(f"longer than {_LONGEST} characters")
        try:
            self._compiled = jmespath.compile(text)
        except exceptions.EmptyExpressionError:
            raise ValueError("is empty") from None
        except exceptions.IncompleteExpressionError:
            raise ValueError(f"at character {len(text) + 1}: the JMESPath expression is not finished") from None
        except exceptions.ParseError as error:
            raise ValueError(f"at character {error.lex_position + 1}: {_odd(error)}") from None
        except RecursionError:
            raise ValueError("nested too deep") from None
        self.text = text
        _check_quotes(text)
        for node in _nodes(self._compiled.parsed):
            if node["type"] == "function_expression":
                _check_function(node["value"], len(node["children"]), text)

    def of(self, answer: Any) -> Any:
        """What it finds in an answer; None where there is nothing. Raises Unreadable."""
        try:
            return self._compiled.search(answer)
        except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError):
            raise Unreadable from None


def _odd(error: exceptions.ParseError) -> str:
    """What cannot stand there, and what was meant, where it is one of the usual slips."""
    odd = str(error.token_value)
    hint = _HINTS.get(odd, "")
    if odd.lstrip("-").isdecimal() and odd.isascii():
        hint = f" (a number is written `{odd}` in backticks)"
    elif odd[:1].isalpha() and not odd.isascii():
        hint = " (a name that is not in Latin letters is written in double quotes)"
    elif odd[:1] in {"'", '"', "`"}:
        hint = " (a quote is not closed)"
    return f"{odd!r} cannot stand there in JMESPath{hint}" if odd else "no JMESPath expression"


def _check_quotes(text: str) -> None:
    """In JMESPath double quotes are for names and backticks for values; who takes them for texts never finds a thing.

    Raises ValueError for what was hardly meant: a name in quotes behind a comparison, or where it needs none.
    """
    tokens = list(Lexer().tokenize(text))
    for before, token, after in zip([_NO_TOKEN, *tokens], tokens, [*tokens[1:], _NO_TOKEN], strict=False):
        kind, value, place = token["type"], token["value"], f"at character {token['start'] + 1}"
        compared = before["type"] in _COMPARING
        if kind == "unquoted_identifier" and value in _VALUES and (compared or after["type"] in _COMPARING):
            raise ValueError(f"{place}: {value} is a field's name here; the value is `{value}` in backticks")
        idle = before["type"] in {"lparen", "comma"} and _NEEDS_NO_QUOTES.fullmatch(value)
        if kind == "quoted_identifier" and (compared or idle):
            raise ValueError(f"{place}: \"{value}\" is a field's name here; a text is '{value}'")


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.get("children", ()))


def _check_function(name: str, given: int, text: str) -> None:
    place = f"at character {text.find(name) + 1}"
    if name not in Functions.FUNCTION_TABLE:
        close = difflib.get_close_matches(name, sorted(Functions.FUNCTION_TABLE), n=1)
        hint = f" (did you mean {close[0]}()?)" if close else ""
        raise ValueError(f"{place}: unknown function {name}(){hint}")
    signature = Functions.FUNCTION_TABLE[name]["signature"]
    many = bool(signature) and signature[-1].get("variadic", False)
    if given < len(signature) or (given > len(signature) and not many):
        raise ValueError(f"{place}: {name}() takes {len(signature)} argument(s), not {given}")
