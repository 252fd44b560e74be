"""JMESPath expressions on a CRM's answers: checked when the settings are read, harmless on nonsense. Pure.

The library finds a misspelled function, or one with too many arguments, only when an answer comes; so they are looked
for here. Its messages repeat the values that it stumbled over, which are customer data, so they are never passed on.
"""

import difflib
from collections.abc import Iterator
from typing import Any

import jmespath
from jmespath import exceptions
from jmespath.functions import Functions

_LONGEST = 2_000


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
            raise ValueError(f"at character {error.lex_position + 1}: no JMESPath expression") from None
        except RecursionError:
            raise ValueError("nested too deep") from None
        self.text = text
        for node in _nodes(self._compiled.parsed):
            if node["type"] == "function_expression":
                _check_function(node["value"], len(node["children"]), text)

    def of(self, answer: Any) -> Any:
        """What it finds in an answer; None where there is nothing. Raises Unreadable."""
        try:
            return self._compiled.search(answer)
        except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError):
            raise Unreadable from None


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
