"""The settings file as it was written: its plain values, and at which line and column a mistake is."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from cti_bridge.routing.document import Items, Node, Scalar, Table
from cti_bridge.routing.problems import Place, Problems, quoted, suggestion
from cti_bridge.settings_schema import FileModel

At = tuple[int | str, ...]
"""Where something is in the file: the keys and positions that lead to it."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_IN_WORDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "model_type": "must be keys with values",
    "path_type": "must be a path",
    "string_too_short": "must not be empty",
    "string_type": "must be a text",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
}
"""What an admin is told of pydantic's kinds of errors whose own words speak of Python."""


def plain(node: Node, problems: Problems, environment: Mapping[str, str], key: str = "") -> Any:
    """The document as plain data, environment variables filled in; numbers and yes/no are left to the model."""
    match node:
        case Table():
            return {name.text: plain(value, problems, environment, name.text) for name, value in node.entries}
        case Items():
            return [plain(item, problems, environment) for item in node.items]
        case Scalar():
            if key == "secret" and not _VARIABLE.fullmatch(node.text):
                problems.add(node, "a secret must not stand in this file", "use secret_file, or ${NAME}")
            return None if node.is_null else _filled(node, problems, environment)


def _filled(node: Scalar, problems: Problems, environment: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] not in environment:
            problems.add(node, f"environment variable {quoted(found[1])} is not set")
        return environment.get(found[1], "?")  # something, so that it is not reported as missing as well

    return _VARIABLE.sub(value, node.text)


def note(problems: Problems, document: Table, error: Any) -> None:
    """One pydantic error in words, at the place in the file it is about."""
    place, known = find(document, error["loc"])
    key = next((part for part in reversed(error["loc"]) if isinstance(part, str)), "")
    match error["type"]:
        case "extra_forbidden":
            problems.add(place, f"unknown key {quoted(key)}", suggestion(key, _fields_beside(error["loc"])))
        case "missing":
            problems.add(place, f"key {quoted(key)} is missing")
        case "too_long" if key == "pbxes":
            problems.add(place, "only one PBX is possible in this version")
        case "value_error":
            problems.add(place, f"{quoted(key)}: {error['ctx']['error']}" if known else str(error["ctx"]["error"]))
        case kind if kind in _IN_WORDS:
            problems.add(place, f"{quoted(key)} {_IN_WORDS[kind]}")
        case _:
            problems.add(place, f"{quoted(key)}: {error['msg'][0].lower()}{error['msg'][1:]}")


def find(document: Node, path: At) -> tuple[Place, bool]:
    """The place of the deepest part of `path` that is in the file, and whether that is all of it."""
    node, place = document, Place(document.line, document.column)
    for part in path:
        if isinstance(node, Table):
            entry = next(((name, value) for name, value in node.entries if name.text == part), None)
            if entry is None:
                return place, False
            place, node = Place(entry[0].line, entry[0].column), entry[1]
        elif isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            place = Place(node.line, node.column)
        else:
            return place, False
    return place, True


def _fields_beside(path: At) -> list[str]:
    """The keys that exist where an unknown one was written."""
    model: Any = FileModel
    for part in path[:-1]:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), model)
    return list(model.model_fields)
