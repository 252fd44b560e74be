"""The admin's queries made ready for a database, and what a CRM can do that has them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from cti_bridge.crm.port import Capability
from cti_bridge.crm.sql.placeholders import Dialect, QueryUnreadable, Statement, statement
from cti_bridge.crm.sql.words import PARAMETERS, READING, Purpose

_MOST_STATEMENTS = 10


@dataclass(frozen=True, slots=True)
class Query:
    """What is carried out for a purpose: one statement, or several in one transaction; `name` is its settings' key."""

    purpose: Purpose
    name: str
    statements: tuple[Statement, ...]


Queries = Mapping[Purpose, Query]


def read_queries(texts: Mapping[Purpose, tuple[str, tuple[str, ...]]], dialect: Dialect) -> Queries:
    """The queries by their purposes, given their names and statements.

    Raises QueryUnreadable, whose message begins with the name of the query.
    """
    return {purpose: _read(purpose, name, parts, dialect) for purpose, (name, parts) in texts.items()}


def capabilities_of(queries: Queries, *, report_strangers: bool) -> frozenset[Capability]:
    """What can be done with these queries; whether `find` has deals and who is responsible is taken for granted."""
    named = {Capability(purpose) for purpose in queries if purpose is not Purpose.FIND}
    strangers = {Capability.REPORT_STRANGERS} if report_strangers else set()
    return frozenset({Capability.DEALS, Capability.RESPONSIBLE} | named | strangers)


def _read(purpose: Purpose, name: str, parts: tuple[str, ...], dialect: Dialect) -> Query:
    if not 1 <= len(parts) <= _MOST_STATEMENTS:
        raise QueryUnreadable(f"{name}: 1 to {_MOST_STATEMENTS} statements are possible")
    if purpose in READING and len(parts) > 1:
        raise QueryUnreadable(f"{name}: only queries that change something can be a list")
    try:
        return Query(purpose, name, tuple(statement(part, dialect, PARAMETERS[purpose]) for part in parts))
    except QueryUnreadable as error:
        raise QueryUnreadable(f"{name}: {error}") from None
