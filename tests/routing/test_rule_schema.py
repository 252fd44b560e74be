"""The JSON Schema and the loader know the same keys, and the files that are shipped and shown are good by both."""

import io
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from cti_bridge.cli.main import main
from cti_bridge.cli.rule_schema import schema_text
from cti_bridge.routing.document import Items, Node, Table, parse_document
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import Problems, RulesError
from cti_bridge.routing.schema import rule_file_schema
from cti_bridge.routing.vocabulary import FACTS, FactType

ROOT = Path(__file__).parents[2]
SCHEMA = rule_file_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
EVERYTHING = """\
version: 1
lines: {"+74950000149": {name: Радио}}
classes: [{name: new, when: {deals: {min: 1}}}]
schedules: {office: {hours: "Mo-Fr 09:00-20:00", exceptions: [{date: 2126-12-31, hours: off}]}}
queues: {desk: {timeout: 60s}}
rules:
  - name: outer
    when: {customer.city: {prefix: Т}}
    rules: [{name: inner, queue: {queue: desk}, then: [{queue: desk}], penalties: {max: 4}}]
default: {queue: desk}
degraded: {queue: desk}
tests:
  - name: it
    given: {caller: 100}
    expect: {queue: desk, steps: [{queue: desk}], penalties: {max: 4}}
  - name: deals
    given: {deals: [{stage: paid}]}
    expect: {queue: desk}
"""
"""A good file that has every kind of mapping with fixed keys."""
FREE = {("lines",), ("schedules",), ("queues",)}
"""Mappings whose keys are names of the admin's."""


def plain(text: str) -> Any:
    """A YAML text as an editor sees it; keys of JSON are texts."""
    return keys_as_texts(YAML(typ="safe", pure=True).load(io.StringIO(text)))


def keys_as_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): keys_as_texts(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [keys_as_texts(inner) for inner in value]
    return value if isinstance(value, str | int | float | None) else str(value)


def faults(text: str) -> list[str]:
    """What the schema has against this file."""
    return [error.message for error in VALIDATOR.iter_errors(plain(text))]


def mappings(node: Node, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all mappings with fixed keys."""
    if isinstance(node, Table):
        if path not in FREE:
            yield path
        for key, value in node.entries:
            yield from mappings(value, (*path, key.text))
    elif isinstance(node, Items):
        for index, item in enumerate(node.items):
            yield from mappings(item, (*path, index))


def everything() -> Node:
    node = parse_document(EVERYTHING, Problems())
    assert node is not None
    return node


def known_to_the_loader(path: tuple[str | int, ...]) -> set[str]:
    """The keys that the loader says it knows in this mapping, when it is asked for one that cannot be."""
    document = plain(EVERYTHING)
    place = document
    for step in path:
        place = place[step]
    place["zzzzzz"] = 1
    with pytest.raises(RulesError) as caught:
        load_rules(json.dumps(document, ensure_ascii=False))
    (problem,) = caught.value.problems
    if problem.message == "unknown fact `zzzzzz`":
        return set()
    assert problem.message == "unknown key `zzzzzz`"
    known = set(problem.hint.partition(": ")[2].split(", "))
    if problem.hint.startswith("known here: "):
        kind = FACTS[str(path[-1])].type
        known -= {"min", "max"} if kind is not FactType.NUMBER else {"prefix"}  # refused, as the mistakes show
    return known


def schemas_at(path: tuple[str | int, ...]) -> list[dict[str, Any]]:
    """The schemas that hold for what is at this path."""
    found = [SCHEMA]
    for step in path:
        inner = []
        for schema in alternatives(found):
            if isinstance(step, int) and "items" in schema:
                inner.append(schema["items"])
            elif isinstance(step, str) and step in schema.get("properties", {}):
                inner.append(schema["properties"][step])
            elif isinstance(step, str) and isinstance(schema.get("additionalProperties"), dict):
                inner.append(schema["additionalProperties"])
        found = inner
    return [schema for schema in alternatives(found) if "properties" in schema]


def alternatives(schemas: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for named in schemas:
        schema = SCHEMA["$defs"][named["$ref"].removeprefix("#/$defs/")] if "$ref" in named else named
        found += alternatives(schema["anyOf"]) if "anyOf" in schema else [schema]
    return found


@pytest.mark.parametrize("path", [*mappings(everything())], ids=lambda path: ".".join(map(str, path)) or "file")
def test_schema_and_loader_know_the_same_keys(path: tuple[str | int, ...]) -> None:
    (schema,) = schemas_at(path)
    known = known_to_the_loader(path)

    assert schema["additionalProperties"] is False
    if known:
        assert set(schema["properties"]) == known
    else:
        assert set(schema["properties"]) - {"caller", "did", "trunk", "at", "crm", "crm_age"} <= FACTS.keys()


@pytest.mark.parametrize("fact", FACTS)
def test_schema_and_loader_give_and_ask_for_the_same_facts(fact: str) -> None:
    assert fact in schemas_at(("rules", 0, "when"))[0]["properties"]
    value = {"number": "3", "true or false": "true"}.get(FACTS[fact].type.value, (FACTS[fact].choices or ("100",))[0])
    value = "[{stage: paid}]" if fact == "deals" else value
    text = EVERYTHING.replace("given: {caller: 100}", f"given: {{{fact}: {value}}}")
    try:
        load_rules(text)
    except RulesError:
        assert faults(text)
    else:
        assert faults(text) == []


def test_the_schema_is_a_schema_and_is_shipped_as_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Draft202012Validator.check_schema(SCHEMA)

    assert main(["rules", "schema"]) == 0
    assert capsys.readouterr().out == schema_text() == (ROOT / "config" / "routing.schema.json").read_text("utf-8")


def examples() -> Iterator[Any]:
    yield pytest.param(EVERYTHING, id="everything")
    yield pytest.param((ROOT / "config" / "routing.yaml").read_text("utf-8"), id="routing.yaml")
    page = (ROOT / "docs" / "rules-reference.md").read_text("utf-8")
    for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", page, re.MULTILINE):
        text = textwrap.dedent(block)
        if re.match(r"\n*[a-z_]+:", text) and not text.strip().startswith("when:"):
            yield pytest.param(text, id=text.split()[0])


@pytest.mark.parametrize("text", [*examples()])
def test_shipped_and_shown_files_are_good_by_the_schema(text: str) -> None:
    missing = {"version", "queues", "default"} - set(plain(text))

    assert [
        fault for fault in faults(text) if fault not in {f"'{key}' is a required property" for key in missing}
    ] == []


BAD = {
    "unknown key": ("version: 1", "version: 1\nambigous: default"),
    "version": ("version: 1", "version: 2"),
    "queue that is no name": ("desk: {timeout", "a desk: {timeout"),
    "duration": ("timeout: 60s", "timeout: soon"),
    "class without a name": ("{name: new, when", "{when"),
    "unknown fact": ("customer.city:", "customer.town:"),
    "unknown test of a fact": ("{prefix: Т}", "{prefx: Т}"),
    "limits on a text": ("{prefix: Т}", "{min: 3}"),
    "no default": ("default: {queue: desk}\n", ""),
    "test that expects nothing": ("expect: {queue: desk}\n", "expect: {}\n"),
    "test without a name": ("  - name: it\n    given", "  - given"),
}


@pytest.mark.parametrize(("old", "new"), BAD.values(), ids=BAD.keys())
def test_what_the_schema_refuses_the_loader_refuses_too(old: str, new: str) -> None:
    text = EVERYTHING.replace(old, new, 1)

    assert faults(text)
    with pytest.raises(RulesError):
        load_rules(text)
