"""Pieces that the JSON Schema of the rule file is made of; whatever YAML takes for a number may be a text of ours."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from cti_bridge.routing.document import MAX_NODES
from cti_bridge.routing.scalars import NAME, QUEUE_NAME
from cti_bridge.routing.vocabulary import FACTS, FactType

Schema = dict[str, Any]

DURATION = r"^\s*[0-9]{1,9}\s*(ms|s|m|h|d)?\s*$"


def text(description: str = "", **more: Any) -> Schema:
    """A text; without quotes YAML may read it as a number or a yes/no."""
    return _described({"type": ["string", "number", "boolean"], **more}, description)


def choice(values: Collection[str], description: str = "") -> Schema:
    """One of these words."""
    return _described({"enum": [*values]}, description)


def integer(low: int, high: int, description: str = "") -> Schema:
    """A whole number within these limits, both included."""
    return _described({"type": "integer", "minimum": low, "maximum": high}, description)


def name(description: str = "") -> Schema:
    """The name of a class, a rule or a schedule."""
    return text(description, pattern=f"^(?:{NAME.pattern})$")


def queue(description: str = "") -> Schema:
    """The name of a queue."""
    return text(description, pattern=f"^(?:{QUEUE_NAME.pattern})$")


def duration(description: str = "") -> Schema:
    """Such as `60s`, or a plain number of seconds."""
    return _described({"type": ["string", "integer"], "pattern": DURATION}, description)


def items(of: Schema, description: str = "", *, most: int = MAX_NODES, least: int = 0) -> Schema:
    """A list."""
    return _described({"type": "array", "items": of, "minItems": least, "maxItems": most}, description)


def table(entries: Mapping[str, Schema], description: str = "", *, required: Iterable[str] = ()) -> Schema:
    """A mapping with these keys and no others."""
    schema: Schema = {"type": "object", "properties": dict(entries), "additionalProperties": False}
    needed = [*required]
    return _described(schema | ({"required": needed} if needed else {}), description)


def by_name(of: Schema, names: Schema, description: str = "", *, least: int = 1) -> Schema:
    """A mapping whose keys are names of the admin's."""
    schema = {"type": "object", "propertyNames": names, "additionalProperties": of, "minProperties": least}
    return _described(schema, description)


def one_or_more(of: Schema, description: str = "") -> Schema:
    """One of these, or a list of them."""
    return _described({"anyOf": [of, items(of, least=1)]}, description)


def fact_value(fact: str) -> Schema:
    """One value that this fact can have."""
    known = FACTS[fact]
    if known.choices:
        return choice(known.choices)
    if known.type is FactType.FLAG:
        return {"type": "boolean"}
    return {"type": "number"} if known.type is FactType.NUMBER else text()


def fact_test(fact: str) -> Schema:
    """What a map can ask of this fact: a value, a list of which one is enough, or tests by name."""
    kind = FACTS[fact].type
    inner = {"$ref": f"#/$defs/test-{fact}"}
    tests: dict[str, Schema] = {"not": inner}
    if kind is FactType.NUMBER:
        tests |= {"min": {"type": "number"}, "max": {"type": "number"}}
    if kind in {FactType.TEXT, FactType.PHONE}:
        tests["prefix"] = one_or_more(text())
    return {"anyOf": [fact_value(fact), items(inner, least=1), table(tests) | {"minProperties": 1}]}


def _described(schema: Schema, description: str) -> Schema:
    return {"description": description, **schema} if description else schema
