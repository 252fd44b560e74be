"""Texts with placeholders, `/customers/{customer_id}`: checked when read, filled in and encoded for their place.

`{name}` is a value, `{{` and `}}` are braces. In a body of JSON a text that is nothing but one placeholder becomes the
value itself, with its type; `{name:number}` and `{name:text}` say which. Whoever stands behind a value (a caller, or
the CRM itself) cannot get out of the place that it was put into. Pure.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cti_bridge.settings_model import Inside

Value = str | int | list[str] | None
"""What a placeholder can stand for; None: there is none."""
Values = Mapping[str, Value]

_LONGEST_VALUE = 4_000
_LONGEST_IN_PATH = 200
_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_PLACEHOLDER = re.compile(r"([a-z][a-z0-9_]*)(?::(text|number))?")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,38}", re.ASCII)
_HEADER_SAFE = re.compile(r"[ -~]*")


class Unfit(Exception):
    """A value cannot stand where it is to stand; the message names the placeholder and never the value."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One `{name}`; `wanted` is `text`, `number`, or empty for the type that the value has."""

    name: str
    wanted: str = ""

    def value(self, values: Values) -> Value:
        """What it stands for, None without a value. Raises Unfit."""
        value = values.get(self.name)
        if isinstance(value, str):
            value = value[:_LONGEST_VALUE]
            if self.wanted == "number" and value:
                if not _WHOLE_NUMBER.fullmatch(value):
                    raise Unfit(f"{{{self.name}}} is not a whole number")
                return int(value)
        return str(value) if self.wanted == "text" and isinstance(value, int) else value

    def text(self, values: Values) -> str:
        """The same as text, empty without a value."""
        value = self.value(values)
        return "" if value is None else ",".join(value) if isinstance(value, list) else str(value)


@dataclass(frozen=True, slots=True)
class Template:
    """A text in parts; `alone` when it is nothing but one placeholder."""

    parts: tuple[str | Placeholder, ...]

    @property
    def alone(self) -> Placeholder | None:
        """The placeholder that is all of it."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, Placeholder) else None

    @property
    def names(self) -> frozenset[str]:
        """The placeholders in it."""
        return frozenset(part.name for part in self.parts if isinstance(part, Placeholder))

    def text(self, values: Values) -> str | None:
        """Filled in as it is; None when it is one placeholder without a value. Raises Unfit."""
        if self.alone is not None and self.alone.value(values) is None:
            return None
        return "".join(part if isinstance(part, str) else part.text(values) for part in self.parts)

    def in_path(self, values: Values) -> str:
        """Filled in for the path of an address: a value is part of one segment, whatever is in it. Raises Unfit."""
        path = "".join(part if isinstance(part, str) else _in_segment(part, values) for part in self.parts)
        if any(segment in {".", ".."} for segment in path.split("/")):
            raise Unfit("a part of the path would be . or ..")
        return path

    def in_header(self, values: Values) -> str | None:
        """Filled in for a header: one line of printable ASCII. Raises Unfit."""
        text = self.text(values)
        if text is not None and not _HEADER_SAFE.fullmatch(text):
            raise Unfit("a header can only have printable ASCII")
        return text

    def in_json(self, values: Values) -> Value:
        """Filled in for a member of a JSON document; None without a value. Raises Unfit."""
        return self.alone.value(values) if self.alone is not None else self.text(values)


def parse_template(text: str, known: frozenset[str]) -> Template:
    """The parts of a text whose placeholders may be any of `known`. Raises ValueError, with the place in the text."""
    parts: list[str | Placeholder] = []
    position = 0
    for found in _PART.finditer(text):
        parts.append(text[position : found.start()])
        position = found.end()
        if found[0] in {"{{", "}}"}:
            parts.append(found[0][0])
        elif found[1] is None:
            raise ValueError(f"at character {found.start() + 1}: a lone {found[0]} (write {found[0] * 2} for a brace)")
        else:
            parts.append(_placeholder(found[1], found.start() + 1, known))
    parts.append(text[position:])
    return Template(tuple(part for part in parts if part != ""))


def parse_tree(document: Any, known: frozenset[str], at: tuple[int | str, ...] = ()) -> Any:
    """The same for all texts of a JSON document, in its values and not in its keys. Raises Inside, with the path."""
    if isinstance(document, dict):
        return {str(key): parse_tree(value, known, (*at, key)) for key, value in document.items()}
    if isinstance(document, list):
        return [parse_tree(value, known, (*at, index)) for index, value in enumerate(document)]
    if not isinstance(document, str):
        return document
    try:
        return parse_template(document, known)
    except ValueError as error:
        raise Inside(at, str(error)) from None


def filled_tree(tree: Any, values: Values) -> Any:
    """The document with its placeholders filled in; members and items that have no value are left out. Raises Unfit."""
    if isinstance(tree, dict):
        pairs = ((key, _left_out(inner, values), inner) for key, inner in tree.items())
        return {key: filled_tree(inner, values) for key, out, inner in pairs if not out}
    if isinstance(tree, list):
        return [filled_tree(inner, values) for inner in tree if not _left_out(inner, values)]
    return tree.in_json(values) if isinstance(tree, Template) else tree


def names_in(tree: Any) -> frozenset[str]:
    """All placeholders of a document."""
    if isinstance(tree, Template):
        return tree.names
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return frozenset[str]().union(*(names_in(value) for value in inner))


def _left_out(inner: Any, values: Values) -> bool:
    return isinstance(inner, Template) and inner.alone is not None and inner.alone.value(values) is None


def _in_segment(part: Placeholder, values: Values) -> str:
    """Encoded; a server that decodes before it looks for `/` must not be led elsewhere either, so no `..` gets in."""
    text = part.text(values)
    leads_away = any(segment in {".", ".."} for segment in re.split(r"[/\\]", text) if segment != text)
    if not text or len(text) > _LONGEST_IN_PATH or leads_away or not text.isprintable():
        raise Unfit(f"{{{part.name}}} has no value that can be in a path")
    return quote(text, safe="", errors="replace")


def _placeholder(inner: str, at: int, known: frozenset[str]) -> Placeholder:
    found = _PLACEHOLDER.fullmatch(inner.strip())
    name = found[1] if found else inner.strip()
    if found is None or name not in known:
        close = difflib.get_close_matches(name[:80], sorted(known), n=1)
        if close:
            hint = f" (did you mean {{{close[0]}}}?)"
        else:
            hint = f" (there are {', '.join(sorted(known))})" if known else " (there is none here)"
        raise ValueError(f"at character {at}: unknown placeholder {{{name[:80]}}}{hint}")
    return Placeholder(name, found[2] or "")
