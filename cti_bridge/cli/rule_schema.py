"""`cti-bridge rules schema`: what a rule file may hold, for editors."""

import argparse
import json

from cti_bridge.routing.schema import rule_file_schema


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `schema` to `rules`."""
    schema = actions.add_parser(
        "schema",
        help="the JSON Schema of the rule file",
        description="Prints the JSON Schema of the rule file, by which editors complete keys and mark mistakes.",
    )
    schema.set_defaults(func=_schema)


def _schema(_: argparse.Namespace) -> int:
    print(schema_text(), end="")
    return 0


def schema_text() -> str:
    """The schema as it is shipped in `config/routing.schema.json`."""
    return json.dumps(rule_file_schema(), indent=2, ensure_ascii=False) + "\n"
