"""A YAML document as nodes that know their place in the file.

Only the plain part of YAML is let in: mappings with text keys, lists and scalars. Anchors, aliases and tags are
refused, because a few bytes of them can blow up to any size or build any object, and depth and size have limits.
Scalars stay text; what a scalar means is decided by whoever asks for it, so `no` and `+7495…` are never turned into
something else.
"""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from cti_bridge.routing.problems import Place, Problems, quoted

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 32
MAX_NODES = 50_000
"""Values and keys; a thousand rules have about 15,000. Reading takes time for each, whatever the file is worth."""


_LINE_END = re.compile("\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value; `plain` means it was written without quotes, `style` is YAML's quote or block sign, else empty."""

    line: int
    column: int
    text: str
    style: str = ""

    @property
    def plain(self) -> bool:
        """Whether it was written without quotes, so that it may be a number or a yes/no."""
        return not self.style

    @property
    def is_null(self) -> bool:
        """Whether nothing was given."""
        return self.plain and self.text in {"", "~", "null"}


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    line: int
    column: int
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; a key that was given twice is there once, as first given."""

    line: int
    column: int
    entries: tuple[tuple[Scalar, "Node"], ...]


Node = Scalar | Items | Table


class _Stop(Exception):
    """Reading cannot go on; the problem is already noted."""


def parse_document(text: str, problems: Problems) -> Node | None:
    """The one document in this text, or None when it cannot be read at all; mistakes are noted in `problems`."""
    start = Place(1, 1)
    if len(text) > MAX_CHARACTERS:
        problems.add(start, f"the file is larger than {MAX_CHARACTERS // 1_000_000} MB")
        return None
    # ruamel is untyped here; its events are read by name and go no further than this module
    events: Iterator[Any] = YAML(typ="safe", pure=True).parse(io.StringIO(text.removeprefix("\ufeff")))
    try:
        node = _Builder(events, problems).document()
    except _Stop:
        return None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else start
        said = str(error.problem or error.context)
        said = "a tab, where it wants spaces" if repr("\t") in said else said
        problems.add(place, f"this is not YAML: {said}")
        return None
    except YAMLError as error:
        problems.add(_place_of_character(text, error), "this is not YAML: a character that text must not have")
        return None
    if node is None or (isinstance(node, Scalar) and node.is_null):
        problems.add(start, "the file is empty")
        return None
    return node


def place_inside(lines: Sequence[str], node: Scalar, offset: int) -> Place:
    """Where in the file this character of a value stands; where YAML rewrote it, the start of the value.

    `lines` are those of the file by `lines_of`, `offset` counts from 0.
    """
    before = node.text[:offset]
    line, column = before.count("\n"), offset - (before.rfind("\n") + 1)
    if node.style == "|" and node.line + line < len(lines):
        written = lines[node.line + line]
        indent = len(written) - len(node.text.split("\n")[line])
        return Place(node.line + 1 + line, max(indent, 0) + column + 1)
    start = node.column - 1 + (1 if node.style in {"'", '"'} else 0)
    if lines[node.line - 1][start:].startswith(node.text):
        return Place(node.line, start + offset + 1)
    return Place(node.line, node.column)


def lines_of(text: str) -> list[str]:
    """The lines of a file as YAML counts them, without what ends them and without the mark at the beginning."""
    return _LINE_END.split(text.removeprefix("\ufeff"))


def _place_of_character(text: str, error: YAMLError) -> Place:
    position = getattr(error, "position", 0)
    before = text[:position] if isinstance(position, int) else ""
    return Place(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


class _Builder:
    """Turns the stream of YAML events into nodes."""

    def __init__(self, events: Iterator[Any], problems: Problems) -> None:
        self._events = events
        self._problems = problems
        self._nodes = 0

    def document(self) -> Node | None:
        node: Node | None = None
        for event in self._events:
            kind = type(event).__name__
            if kind in {"StreamStartEvent", "DocumentStartEvent", "DocumentEndEvent", "StreamEndEvent"}:
                continue
            if node is not None:
                self._stop(event, "a second document in the file", "one file has one document")
            node = self._node(event, 0)
        return node

    def _node(self, event: Any, depth: int, key: Scalar | None = None) -> Node:
        kind = type(event).__name__
        place = _place(event)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._stop(event, f"more than {MAX_NODES} values in the file")
        if depth > MAX_DEPTH:
            self._stop(event, f"nested deeper than {MAX_DEPTH} levels")
        if kind == "AliasEvent":
            self._stop(event, "aliases (`*name`) are not allowed", "write the value out")
        if event.anchor is not None:
            self._stop(event, "anchors (`&name`) are not allowed", "write the value out each time")
        if event.tag is not None:
            self._stop(event, f"tags ({quoted(str(event.tag))}) are not allowed")
        if kind == "MappingStartEvent":
            return Table(place.line, place.column, self._entries(depth))
        if kind == "SequenceStartEvent":
            return Items(place.line, place.column, tuple(self._items(depth)))
        if key is not None and not event.value and not event.style:
            place = Place(key.line, key.column)  # nothing was written: YAML's own place is somewhere behind
        return Scalar(place.line, place.column, event.value, event.style or "")

    def _items(self, depth: int) -> Iterator[Node]:
        for event in self._events:
            if type(event).__name__ == "SequenceEndEvent":
                return
            yield self._node(event, depth + 1)

    def _entries(self, depth: int) -> tuple[tuple[Scalar, Node], ...]:
        entries: dict[str, tuple[Scalar, Node]] = {}
        for event in self._events:
            if type(event).__name__ == "MappingEndEvent":
                break
            key = self._node(event, depth + 1)
            if not isinstance(key, Scalar):
                self._stop(event, "a key must be a word")
                raise AssertionError  # not reached; tells the type checker that key is a scalar
            value = self._node(next(self._events), depth + 1, key)
            if key.text in entries:
                first = entries[key.text][0]
                self._problems.add(key, f"key {quoted(key.text)} is given twice", f"first in line {first.line}")
            else:
                entries[key.text] = (key, value)
        return tuple(entries.values())

    def _stop(self, event: Any, message: str, hint: str = "") -> None:
        self._problems.add(_place(event), message, hint)
        raise _Stop


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)
