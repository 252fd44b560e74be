"""The settings file as it was written: its plain values, and at which line and column a mistake is."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from cti_bridge.crm.kinds import EMBEDDED, KINDS
from cti_bridge.routing.document import Items, Node, Scalar, Table
from cti_bridge.routing.problems import Place, Problems, quoted, suggestion
from cti_bridge.settings_model import Inside

At = tuple[int | str, ...]
"""Where something is in the file: the keys and positions that lead to it."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,9})?")
_IN_WORDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be keys with values",
    "int_parsing": "must be a whole number",
    "model_type": "must be keys with values",
    "path_type": "must be a path",
    "string_too_short": "must not be empty",
    "string_type": "must be a text",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
}
"""What an admin is told of pydantic's kinds of errors whose own words speak of Python."""
_MOST_NAMED = 12
"""Keys that are all named where none is like an unknown one."""


def plain(node: Node, problems: Problems, environment: Mapping[str, str], key: str = "") -> Any:
    """The document as plain data, environment variables filled in; numbers and yes/no are left to the model."""
    match node:
        case Table():
            return {
                name.text: (_document if name.text == "body" else plain)(value, problems, environment, name.text)
                for name, value in node.entries
            }
        case Items():
            return [plain(item, problems, environment) for item in node.items]
        case Scalar():
            if key == "secret" and not _VARIABLE.fullmatch(node.text):
                problems.add(node, "a secret must not stand in this file", "use secret_file, or ${NAME}")
            return None if node.is_null else _filled(node, problems, environment)


def _document(node: Node, problems: Problems, environment: Mapping[str, str], key: str = "") -> Any:
    """What becomes a JSON document (`body`) has its numbers and its true and false where they were written unquoted."""
    match node:
        case Table():
            return {name.text: _document(value, problems, environment, name.text) for name, value in node.entries}
        case Items():
            return [_document(item, problems, environment) for item in node.items]
        case Scalar() if node.plain and node.text in {"true", "false"}:
            return node.text == "true"
        case Scalar() if node.plain and _NUMBER.fullmatch(node.text):
            return float(node.text) if "." in node.text else int(node.text)
        case _:
            return plain(node, problems, environment, key)


def _filled(node: Scalar, problems: Problems, environment: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] not in environment:
            problems.add(node, f"environment variable {quoted(found[1])} is not set")
        return environment.get(found[1], "?")  # something, so that it is not reported as missing as well

    return _VARIABLE.sub(value, node.text)


def kind_of_crm(written: Any, problems: Problems, document: Table) -> str:
    """The kind of CRM that the plain data name, empty for one that there is not, which is said."""
    part = written.get("crm")
    kind = part.get("kind", EMBEDDED) if isinstance(part, dict) else EMBEDDED
    if isinstance(kind, str) and kind in KINDS:
        return kind
    hint = suggestion(str(kind), list(KINDS)) or f"known: {', '.join(map(quoted, KINDS))}"
    problems.add(find(document, ("crm", "kind"))[0], f"there is no CRM of the kind {quoted(str(kind))}", hint)
    return ""


def note(problems: Problems, document: Table, error: Any, model: type[BaseModel]) -> None:
    """One pydantic error of this model in words, at the place in the file it is about."""
    path = _in_file(error["loc"])
    reason = error.get("ctx", {}).get("error")
    path = (*path, *reason.at) if isinstance(reason, Inside) else path
    place, known = find(document, path)
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    match error["type"]:
        case "extra_forbidden":
            there_are = _fields_beside(error["loc"], model)
            named = f"there are {', '.join(map(quoted, there_are))}" if len(there_are) <= _MOST_NAMED else ""
            hint = suggestion(key, there_are, _of_other_kinds(path, document) or named)
            problems.add(place, f"unknown key {quoted(key)}", hint)
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


def _in_file(path: At) -> At:
    """The keys that lead there; pydantic has a mark behind a key that is wrong."""
    return path[:-1] if path[-1:] == ("[key]",) else path


def _of_other_kinds(path: At, document: Table) -> str:
    """A key of `crm` that other kinds know says that `kind` is missing, or another was copied."""
    if len(path) != 2 or path[0] != "crm":
        return ""
    known = [quoted(name) for name, kind in KINDS.items() if path[1] in kind.model.model_fields]
    named = find(document, ("crm", "kind"))[1]
    return f"a key of {', '.join(known)}{'' if named else '; which one it is, `kind` says'}" if known else ""


def _fields_beside(path: At, whole: type[BaseModel]) -> list[str]:
    """The keys that exist where an unknown one was written; `path` as pydantic has it."""
    model: Any = whole
    for part in path[:-1]:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        if field is None:
            return []
        annotation = field.annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), model)
    return list(model.model_fields)
