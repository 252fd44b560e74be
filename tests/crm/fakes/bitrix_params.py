"""What the fake of Bitrix24 lets into its methods: names, types, what is required; and parameters as PHP reads them.

Bitrix24 itself lets much pass without a word. The fake refuses every name that is not documented, so that a mistake of
the adapter shows.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl


class Wrong(Exception):
    """An error as Bitrix24 answers it."""

    def __init__(self, status: int, code: str, description: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.description = status, code, description

    def said(self) -> dict[str, Any]:
        return {"error": self.code, "error_description": self.description}


@dataclass(frozen=True, slots=True)
class Signature:
    """Which parameters a method has, and which of them it needs."""

    required: Mapping[str, type]
    optional: Mapping[str, type]


_USER = {"USER_ID": int, "USER_PHONE_INNER": str}
SIGNATURES: Mapping[str, Signature] = {
    "scope": Signature({}, {"full": bool}),
    "batch": Signature({"cmd": dict}, {"halt": int}),
    "crm.duplicate.findbycomm": Signature({"type": str, "values": list}, {"entity_type": str}),
    "crm.item.list": Signature(
        {"entityTypeId": int},
        {"select": list, "filter": dict, "order": dict, "start": int, "useOriginalUfNames": str},
    ),
    "crm.item.get": Signature({"entityTypeId": int, "id": int}, {"useOriginalUfNames": str}),
    "crm.item.add": Signature({"entityTypeId": int, "fields": dict}, {"useOriginalUfNames": str}),
    "crm.item.update": Signature({"entityTypeId": int, "id": int, "fields": dict}, {"useOriginalUfNames": str}),
    "crm.category.list": Signature({"entityTypeId": int}, {}),
    "crm.status.list": Signature({}, {"order": dict, "filter": dict}),
    "crm.timeline.comment.add": Signature({"fields": dict}, {}),
    "crm.timeline.comment.list": Signature({"filter": dict}, {"select": list, "order": dict, "start": int}),
    "telephony.externalCall.register": Signature(
        {"PHONE_NUMBER": str, "TYPE": int},
        {
            **_USER,
            "CALL_START_DATE": str,
            "CRM_CREATE": int,
            "CRM_SOURCE": str,
            "CRM_ENTITY_TYPE": str,
            "CRM_ENTITY_ID": int,
            "SHOW": int,
            "ADD_TO_CHAT": int,
            "CALL_LIST_ID": int,
            "LINE_NUMBER": str,
            "EXTERNAL_CALL_ID": str,
        },
    ),
    "telephony.externalCall.finish": Signature(
        {"CALL_ID": str},
        {
            **_USER,
            "DURATION": int,
            "COST": float,
            "COST_CURRENCY": str,
            "STATUS_CODE": str,
            "FAILED_REASON": str,
            "RECORD_URL": str,
            "VOTE": int,
            "ADD_TO_CHAT": int,
        },
    ),
    "telephony.externalCall.attachRecord": Signature(
        {"CALL_ID": str}, {"RECORD_URL": str, "FILENAME": str, "FILE_CONTENT": str}
    ),
}
_MISSING = {
    ("crm.duplicate.findbycomm", "type"): "Communication type is not defined",
    ("crm.duplicate.findbycomm", "values"): "Communication values is not defined",
}


def checked(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, numbers in texts made numbers as PHP does. Raises Wrong for what the method does not have."""
    signature = SIGNATURES.get(method)
    if signature is None:
        raise Wrong(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
    known = {**signature.required, **signature.optional}
    for name in params:
        if name not in known:
            raise Wrong(400, "FAKE_UNKNOWN_PARAMETER", f"{method} has no {name}")
    for name in signature.required:
        if name not in params:
            said = _MISSING.get((method, name))
            raise Wrong(400, said or "100", f"Parameter '{name}' is required.")
    return {name: _typed(method, name, value, known[name]) for name, value in params.items()}


def _typed(method: str, name: str, value: Any, wanted: type) -> Any:
    if wanted is int and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    if wanted is dict and value == []:
        return {}
    if not isinstance(value, wanted) or isinstance(value, bool):
        if (method, name) == ("crm.duplicate.findbycomm", "values"):
            raise Wrong(400, "Communication values is not defined")
        if name == "CALL_ID":
            raise Wrong(400, "INVALID_ARGUMENT", "CALL_ID must be a string")
        raise Wrong(
            400, "100", f"Invalid value to match with parameter {{{name}}}. Should be value of type {wanted.__name__}."
        )
    return value


def php(query: str) -> dict[str, Any]:
    """`filter[@id][0]=7&b=1` as PHP reads it: nested, with lists where all names are numbers. A bare `+` is a blank."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        outer, *inner = name.replace("]", "").split("[")
        at: Any = found
        path = [outer, *inner]
        for part in path[:-1]:
            at = at.setdefault(part, {})
        at[path[-1] or str(len(at))] = value
    return {name: _listed(value) for name, value in found.items()}


def put_in(params: Any, results: Mapping[str, Any]) -> Any:
    """The parameters of a command with what earlier ones of its batch answered in the place of `$result[NAME][…]`.

    As Bitrix24 does it: the path is followed for as long as it leads anywhere, so that what is missing becomes the last
    thing that was there (of an empty answer the empty list, of a command that failed all results), not nothing. A text
    that is more than such a name takes in texts and numbers only.
    """
    if isinstance(params, dict):
        return {name: put_in(one, results) for name, one in params.items()}
    if isinstance(params, list):
        return [put_in(one, results) for one in params]
    for found in re.finditer(r"\$result(\S*)", params) if isinstance(params, str) else ():
        value = _followed(results, re.findall(r"\[([^\]]+)\]", found[1]))
        if found[0] == params:
            return value
        if isinstance(value, str | int):
            params = params.replace(found[0], str(value))
    return params


def _followed(value: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(value, dict) and value.get(part) is not None:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            break
    return value


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(one) for name, one in value.items()}
    return list(inner.values()) if all(name.isdecimal() for name in inner) else inner
