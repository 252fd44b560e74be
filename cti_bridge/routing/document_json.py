"""A document on its way from the process that judged it to the one that runs by it: as JSON, places and all.

Reading YAML is nine tenths of the work of loading a rule file, and callers would wait meanwhile; it is done once.
"""

from typing import Any

from cti_bridge.routing.document import MAX_DEPTH, Items, Node, Scalar, Table, parse_document
from cti_bridge.routing.problems import Problems

_ONLY_JUDGED = "tests"
"""The key of a rule file that nobody needs once it has passed."""


def faultless_document(text: str) -> Node | None:
    """The document in this text; None where there is anything wrong with how it is written."""
    problems = Problems()
    document = parse_document(text, problems)
    return document if not problems.any else None


def document_json(document: Node) -> list[Any]:
    """The document of a rule file, without its tests, as values for JSON."""
    if isinstance(document, Table):
        kept = tuple(entry for entry in document.entries if entry[0].text != _ONLY_JUDGED)
        return _json(Table(document.line, document.column, kept))
    return _json(document)


def _json(node: Node) -> list[Any]:
    match node:
        case Scalar():
            return [node.line, node.column, node.text, node.style]
        case Items():
            return [node.line, node.column, [_json(item) for item in node.items]]
        case Table():
            return [node.line, node.column, {}, [[_json(key), _json(value)] for key, value in node.entries]]


def document_from_json(said: Any) -> Node:
    """The document that became these values. Raises ValueError when they are none."""
    return _node(said, 0)


def _node(said: Any, depth: int) -> Node:
    # Plain tests, for there are tens of thousands: patterns of `match` take three times as long.
    if not isinstance(said, list) or len(said) < 3 or depth > MAX_DEPTH + 1:
        raise ValueError("this is no document")
    line, column, content, *rest = said
    if not (isinstance(line, int) and isinstance(column, int)):
        raise ValueError("this is no document: no place")
    if isinstance(content, str) and len(rest) == 1 and isinstance(rest[0], str):
        return Scalar(line, column, content, rest[0])
    if isinstance(content, list) and not rest:
        return Items(line, column, tuple([_node(item, depth + 1) for item in content]))
    if isinstance(content, dict) and len(rest) == 1 and isinstance(rest[0], list):
        return Table(line, column, tuple([_entry(entry, depth + 1) for entry in rest[0]]))
    raise ValueError("this is no document: neither value nor list nor mapping")


def _entry(said: Any, depth: int) -> tuple[Scalar, Node]:
    if not isinstance(said, list) or len(said) != 2 or not isinstance(key := _node(said[0], depth), Scalar):
        raise ValueError("this is no document: a key without a value")
    return key, _node(said[1], depth)
