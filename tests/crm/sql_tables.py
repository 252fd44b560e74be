"""A customer database as somebody might have it, and queries for it: those of the documentation, which are so tried."""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "crm" / "sql.md"
_FENCE = re.compile(r"^```(sql|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _examples() -> dict[str, tuple[str, dict[str, Any]]]:
    """Tables and queries by engine; on the page each block of tables stands before that of its settings."""
    blocks = _FENCE.findall(_PAGE.read_text("utf-8"))
    examples = {}
    for (_, tables), (_, text) in zip(blocks[::2], blocks[1::2], strict=True):
        crm = YAML(typ="safe").load(text)["crm"]
        examples[crm["engine"]] = (tables, crm["queries"])
    return examples


TABLES = {engine: tables for engine, (tables, _) in _examples().items()}
QUERIES = {engine: queries for engine, (_, queries) in _examples().items()}
