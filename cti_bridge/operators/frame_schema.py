"""The JSON Schema of the websocket protocol, made from the types by which its frames are encoded. Pure."""

from typing import Any

from pydantic import TypeAdapter

from cti_bridge.operators.protocol import PROTOCOL, Json
from cti_bridge.operators.wire import ClientFrame, ServerFrame

_REF = "#/$defs/{model}"


def frame_schema() -> Json:
    """The schema: `$defs/ServerFrame` is what the bridge sends, `$defs/ClientFrame` what a page may send.

    What the bridge sends may have more fields in later versions; what it takes may not.
    """
    parts: Json = {}
    adapters: tuple[tuple[str, TypeAdapter[Any]], ...] = (
        ("ServerFrame", TypeAdapter(ServerFrame)),
        ("ClientFrame", TypeAdapter(ClientFrame)),
    )
    for name, adapter in adapters:
        schema = adapter.json_schema(ref_template=_REF)
        parts |= schema.pop("$defs")
        parts[name] = schema
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": PROTOCOL,
        "anyOf": [{"$ref": _REF.format(model="ServerFrame")}, {"$ref": _REF.format(model="ClientFrame")}],
        "$defs": dict(sorted(parts.items())),
    }


def closed(schema: Json) -> Json:
    """The same schema, but an object may have no other fields: for whoever checks what is sent against it."""
    shut = {key: _shut(value) for key, value in schema.items()}
    return shut | {"additionalProperties": False} if "properties" in schema else shut


def _shut(value: Any) -> Any:
    if isinstance(value, dict):
        return closed(value)
    return [_shut(one) for one in value] if isinstance(value, list) else value
