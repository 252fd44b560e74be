"""A customer database of the tests from both sides: through the adapter, and past it."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aiomysql
import asyncpg
from databases import SECRET, Server
from sql_tables import QUERIES

from cti_bridge.crm.sql.adapter import SqlCrm
from cti_bridge.crm.sql.settings import SqlModel, opened


class NoLinks:
    """An SQL database has keys of its own."""

    async def get(self, key: str) -> str | None:
        """Not asked."""
        raise AssertionError(key)

    async def put(self, key: str, value: str) -> None:
        """Not asked."""
        raise AssertionError(key)


Opened = Callable[..., SqlCrm]
"""Opens the adapter as often as a test wants, with the arguments of `crm_of` after the server."""


def crm_of(server: Server, queries: dict[str, Any] | None = None, **settings: Any) -> SqlCrm:
    """The adapter as the bridge opens it; `queries` go over those of `sql_tables`, None leaves one out."""
    wanted = {**QUERIES[server.engine], **(queries or {})}
    model = SqlModel.model_validate(
        {
            "engine": server.engine,
            "port": server.port,
            "database": server.database,
            "user": "cti_bridge",
            "secret": SECRET,
            "queries": {name: query for name, query in wanted.items() if query is not None},
            "timeout": "10s",  # the machine may have much else to do
            **settings,
        }
    )
    crm = opened(model, region="RU", stages=None, folder=Path("/"), data_dir=Path("/"), links=NoLinks())
    assert isinstance(crm, SqlCrm)
    return crm


async def carried_out(server: Server, text: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows of a statement that is carried out past the adapter; values stand where `{}` is."""
    if server.engine == "postgresql":
        line = await asyncpg.connect(
            host="127.0.0.1", port=server.port, user="cti_bridge", password=SECRET, database=server.database, ssl=False
        )
        try:
            if text.count(";") > 1:
                await line.execute(text)
                return []
            rows = await line.fetch(text.format(*(f"${n}" for n in range(1, len(values) + 1))), *values)
            return [tuple(row) for row in rows]
        finally:
            await line.close()
    return await _by_mysql(server, text, values)


async def _by_mysql(server: Server, text: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    line = await aiomysql.connect(
        host="127.0.0.1", port=server.port, user="cti_bridge", password=SECRET, db=server.database, charset="utf8mb4",
        autocommit=True,
    )  # fmt: skip
    try:
        rows: list[tuple[Any, ...]] = []
        for statement in text.split(";\n") if not values else [text.format(*["%s"] * len(values))]:
            if statement.strip():
                cursor = await line.cursor()
                await cursor.execute(statement, values or None)
                rows = list(await cursor.fetchall()) if cursor.description else [(cursor.lastrowid,)]
                await cursor.close()
        return rows
    finally:
        await line.ensure_closed()


def carried_out_at_once(server: Server, text: str) -> None:
    """The same where no loop runs."""
    asyncio.run(carried_out(server, text))


async def added(server: Server, table: str, **columns: object) -> int:
    """A new row of a table with an id of its own."""
    names, places = ", ".join(columns), ", ".join("{}" for _ in columns)
    returning = " RETURNING id" if server.engine == "postgresql" else ""
    ((made,),) = await carried_out(
        server, f"INSERT INTO {table} ({names}) VALUES ({places}){returning}", *columns.values()
    )
    return int(made)


async def with_number(server: Server, name: str, *numbers: str, **columns: object) -> int:
    """Somebody new with these numbers."""
    customer = await added(server, "customers", name=name, **columns)
    for number in numbers:
        await carried_out(server, "INSERT INTO phones (customer_id, number) VALUES ({}, {})", customer, number)
    return customer
