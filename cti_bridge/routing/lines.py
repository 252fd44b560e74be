"""Reads `lines`: what the numbers that callers dial stand for."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import replace

from cti_bridge.domain.line import Line
from cti_bridge.routing.document import Node, Scalar, Table
from cti_bridge.routing.facts import canonical_number
from cti_bridge.routing.problems import Problems, quoted
from cti_bridge.routing.scalars import Fields, read_text, read_zone
from cti_bridge.routing.vocabulary import LINE_TEXTS

MAX_TEXT = 80
LANGUAGE = re.compile(r"[a-z]{2,3}(?:[_-][A-Za-z0-9]{1,10}){0,3}")
"""It becomes part of the path of Asterisk's sound files, so it is a code and nothing else."""


def read_lines(node: Node, region: str, problems: Problems) -> dict[str, Line]:
    """The lines by the number dialled, in E.164 where it can be read as one of this region."""
    lines: dict[str, Line] = {}
    if not isinstance(node, Table) or not node.entries:
        hint = 'such as `"+74950000149": {name: Реклама на радио, city: Москва}`'
        problems.add(node, "`lines` must be a mapping of dialled numbers to what they stand for", hint)
        return lines
    for key, value in node.entries:
        did = read_did(key, region, lines, problems)
        lines.setdefault(did, _line(did, key, value, problems))
    return lines


def read_did(key: Scalar, region: str, others: Collection[str], problems: Problems) -> str:
    """A dialled number as a key of a mapping, in any spelling; one that the mapping has already is a mistake."""
    did = canonical_number(key.text, region)
    if not any(character.isdigit() for character in did):
        problems.add(key, f"{quoted(key.text)} is not a number that can be dialled")
    if did in others:
        problems.add(key, f"number {quoted(key.text)} is there twice", f"both mean {did}")
    return did


def _line(did: str, key: Scalar, node: Node, problems: Problems) -> Line:
    line = Line(did)
    if isinstance(node, Table) and node.entries:
        fields = Fields(node, f"line {quoted(key.text)}", LINE_TEXTS, problems)
        read = {name: _read(name, value, problems) for name in LINE_TEXTS if (value := fields.get(name)) is not None}
        return replace(line, **read)
    problems.add(node, f"line {quoted(key.text)} says nothing", f"known keys: {', '.join(LINE_TEXTS)}")
    return line


def _read(name: str, node: Node, problems: Problems) -> str:
    if name == "zone":
        return read_zone(node, "`zone`", "zone", problems) or ""
    if name == "language":
        return read_language(node, problems)
    text = (read_text(node, f"`{name}`", problems) or "").strip()
    if len(text) > MAX_TEXT:
        problems.add(node, f"`{name}` is longer than {MAX_TEXT} characters")
    elif hidden := [f"U+{ord(character):04X}" for character in text if _steers(character)]:
        problems.add(node, f"`{name}` has a character that cannot be shown", f"leave out {hidden[0]}")
    return text


def read_language(node: Node, problems: Problems) -> str:
    """The code of a language of Asterisk; another text is a mistake."""
    text = (read_text(node, "`language`", problems) or "").strip()
    if text and not LANGUAGE.fullmatch(text):
        problems.add(node, f"`language` {quoted(text)} is not a language of Asterisk", "such as ru or en_GB")
    return text


def _steers(character: str) -> bool:
    """Whether it would break a line, steer a terminal or turn the direction of writing."""
    category = unicodedata.category(character)
    return category[0] == "C" or category in {"Zl", "Zp"}


def line_values(lines: Mapping[str, Line]) -> dict[str, tuple[str, ...]]:
    """All values that each fact about a line can have with these lines, by the fact's name."""
    return {
        f"line.{name}": tuple(dict.fromkeys(text for line in lines.values() if (text := getattr(line, name))))
        for name in LINE_TEXTS
    }
