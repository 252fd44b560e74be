"""What an expression compares facts with, as its tokens show: checked against known names and kinds of values."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cti_bridge.routing.problems import quoted
from cti_bridge.routing.vocabulary import CLASS, CLASS_IN_CEL, DEALS, FACTS, FactType

TEXT_METHODS = ("contains", "startsWith", "endsWith", "matches")
_EQUAL = ("==", "!=")
_ORDER = ("<", "<=", ">", ">=")
_RELATIONS = (*_EQUAL, *_ORDER, "in")
_SUMS = ("+", "-", "*", "/", "%")
_PART_BEFORE = (*_SUMS, *_RELATIONS)
_PART_AFTER = (*_SUMS, ".", "[", "(")
"""Beside one of these a value is part of something larger, and it is that which is compared.

Of relations that follow one another the left one comes first: `1 < a == true` is `(1 < a) == true`.
"""
_NULL = "null"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression; `kind` is `string`, `number`, `word` or `sign`, `offset` counts from 0."""

    kind: str
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something wrong at this offset of the expression, in characters from 0."""

    offset: int
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A fact compared with a literal, such as `deal.stage == "paid"`; `kind` is the literal's, None for `null`.

    `equal` says that it is asked whether they are the same, and not which one is greater.
    """

    offset: int
    fact: str
    value: str
    kind: FactType | None
    equal: bool = True


def comparisons(tokens: Sequence[Token], start: int, end: int, fact: str) -> Iterator[Comparison]:
    """With what the fact is compared that the tokens from `start` to `end` (included) name."""

    def text(index: int) -> str:
        return tokens[index].text if 0 <= index < len(tokens) and tokens[index].kind != "string" else ""

    before, after = text(start - 1), text(end + 1)
    places: list[tuple[int, bool]] = []
    if after in (*_EQUAL, *_ORDER) and before not in _PART_BEFORE and text(end + 3) not in _PART_AFTER:
        places.append((end + 2, after in _EQUAL))
    if before in (*_EQUAL, *_ORDER) and after not in _PART_AFTER and text(start - 3) not in _PART_BEFORE:
        places.append((start - 2, before in _EQUAL))
    if after == "in" and text(end + 2) == "[" and before not in _PART_BEFORE:
        places += [(place, True) for place in _elements(tokens, end + 3)]
    for place, equal in places:
        if 0 <= place < len(tokens) and (found := _literal(tokens[place], fact)) is not None:
            yield replace(found, equal=equal)


def _elements(tokens: Sequence[Token], first: int) -> list[int]:
    """The places of a list's elements, as long as they are nothing but literals."""
    found = []
    for place in range(first, len(tokens), 2):
        after = tokens[place + 1].text if place + 1 < len(tokens) else ""
        if after not in {",", "]"}:
            break
        found.append(place)
        if after == "]":
            break
    return found


def _literal(token: Token, fact: str) -> Comparison | None:
    if token.kind == "string" and re.fullmatch(r"([\"'])[^\\]*?\1", token.text):
        return Comparison(token.offset, fact, token.text.strip(token.text[0]), FactType.TEXT)
    if token.kind == "number":
        return Comparison(token.offset, fact, token.text, FactType.NUMBER)
    if token.kind == "word" and token.text in {"true", "false"}:
        return Comparison(token.offset, fact, token.text, FactType.FLAG)
    return Comparison(token.offset, fact, _NULL, None) if token.kind == "word" and token.text == _NULL else None


def mismatch(compared: Comparison) -> Complaint | None:
    """What is wrong when a fact is compared with something that it never is; None when nothing is."""
    fact = compared.fact
    if fact == DEALS:
        return Complaint(compared.offset, f"`{DEALS}` is a list, not {quoted(compared.value)}", f"write size({DEALS})")
    if compared.kind is None:
        return Complaint(compared.offset, f"{fact} is never null", f"to ask whether it is there write has({fact})")
    kind = kind_of(fact)
    if kind is compared.kind:
        return None
    hint = f'write "{compared.value}"' if kind is FactType.TEXT else ""
    if kind is FactType.NUMBER and compared.value.isdigit():
        hint = f"write {compared.value} without quotes"
    return Complaint(compared.offset, f"{fact} is {a(kind)}, not {a(compared.kind)}", hint)


def method_on(tokens: Sequence[Token], end: int, fact: str) -> Complaint | None:
    """What is wrong when a method for texts is asked of something else; `end` is the last token of the fact."""
    if end + 2 >= len(tokens) or tokens[end + 1].text != "." or tokens[end + 2].text not in TEXT_METHODS:
        return None
    method, kind = tokens[end + 2], kind_of(fact)
    if fact == DEALS:
        return Complaint(method.offset, f"`{method.text}` is for texts, `{DEALS}` is a list")
    if kind is FactType.TEXT:
        return None
    return Complaint(method.offset, f"`{method.text}` is for texts, {fact} is {a(kind)}")


def kind_of(fact: str) -> FactType:
    """What the fact is in an expression, where a phone number is a text."""
    kind = FACTS[CLASS if fact == CLASS_IN_CEL else fact].type
    return FactType.TEXT if kind is FactType.PHONE else kind


def a(kind: FactType) -> str:
    """The kind of value in a sentence."""
    return kind.value if kind is FactType.FLAG else f"a {kind.value}"
