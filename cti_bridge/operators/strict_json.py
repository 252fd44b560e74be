"""JSON to the letter, as strangers have to write it: one object, nothing twice, nothing endless. Pure."""

import json
import math
from typing import Any

MAX_DEPTH = 32
"""Levels of objects and lists inside one another."""

_Object = dict[str, Any]


def read_object(text: str) -> _Object:
    """The object that this text is.

    Raises ValueError, whose text repeats nothing of what was sent, for anything else: other values, NaN and infinity,
    a key that comes twice, half of a surrogate pair, numbers of thousands of digits, and more than `MAX_DEPTH` levels.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_each_key_once)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    _check(value)
    return value


def _each_key_once(pairs: list[tuple[str, Any]]) -> _Object:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _refuse_constant(_name: str) -> None:
    raise ValueError("not a number of JSON")


def _check(value: _Object) -> None:
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        inner, depth = waiting.pop()
        if isinstance(inner, float):
            if math.isinf(inner):
                raise ValueError("not a number of JSON")  # 1e999 is more than a number can hold
        elif isinstance(inner, str):
            inner.encode()  # an escape can say half of a pair, which is no text; the error is a ValueError
        elif isinstance(inner, dict | list):
            if depth > MAX_DEPTH:
                raise ValueError("too deep")
            parts = [*inner, *inner.values()] if isinstance(inner, dict) else inner
            waiting.extend((part, depth + 1) for part in parts)
