"""A connection to PostgreSQL: prepared statements with bound parameters, each question a transaction of its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import tzinfo
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.sql.connections import (
    TAKES_NO_CHANGES,
    Connection,
    DatabasePlace,
    QueryFault,
    TakesNoChanges,
    TooManyRows,
    Unfit,
    Written,
)
from cti_bridge.crm.sql.placeholders import Statement
from cti_bridge.crm.sql.postgresql_errors import in_our_words
from cti_bridge.crm.sql.postgresql_values import fitting
from cti_bridge.crm.sql.words import Answer, Row, Values

_CLOSING_LIMIT_S = 0.5
_IDLE_IN_TRANSACTION_S = 10
_CHANGING = frozenset({"ModifyTable", "LockRows"})
"""What stands in a plan that changes something, or keeps others from it."""


async def connected(place: DatabasePlace) -> Connection:
    """A new connection. Raises CrmUnavailable."""
    with in_our_words(connecting=place.address):
        connection = await asyncpg.connect(
            host=str(place.socket) if place.socket else place.host,
            port=place.port,
            user=place.user,
            password=place.secret,
            database=place.database,
            ssl=place.tls if place.tls and not place.socket else False,
            timeout=place.limit_s,
            statement_cache_size=0,
            server_settings={
                "application_name": "cti-bridge",
                "standard_conforming_strings": "on",
                "TimeZone": str(place.zone),
            },
        )
    return PostgresqlConnection(connection, place)


class PostgresqlConnection:
    """One connection, its statements prepared when they are first used.

    Nothing is set that stays, but what a pooler such as PgBouncer keeps for each of its clients: a limit, or a refusal
    to change anything, would be for whoever gets the server's end of the line next. So all is asked in transactions,
    and statements have no names.
    """

    def __init__(self, connection: Any, place: DatabasePlace) -> None:
        self._connection = connection
        self._begin = _beginning(place)
        self._zone = place.zone
        self._prepared: dict[Statement, PreparedStatement] = {}

    @property
    def usable(self) -> bool:
        """Whether the server has not closed it, as far as is known."""
        return not self._connection.is_closed()

    async def columns(self, statement: Statement, sample: Values) -> Sequence[str]:
        """The columns as the server would give them; it also looks whether we may read the tables."""
        plan = await self._plan(statement, sample)
        if _node_types(plan) & _CHANGING:
            raise QueryFault("it changes or locks something, which a look-up must not")
        return [attribute.name for attribute in self._prepared[statement].get_attributes()]

    async def examine(self, statement: Statement, sample: Values) -> None:
        """Have the statement planned without carrying it out: names, types and rights are looked at."""
        await self._plan(statement, sample)

    async def read(self, statement: Statement, values: Values, *, most: int) -> Answer:
        """What the statement gives, in a transaction that cannot change anything."""
        with in_our_words(statement):
            async with self._transaction():
                prepared = await self._statement(statement)
                rows = await _fetched(prepared, self._arguments(prepared, statement, values), most)
            return Answer(tuple(attribute.name for attribute in prepared.get_attributes()), rows)

    async def write(self, statements: Sequence[Statement], values: Values) -> Written:
        """Carry out the statements in one transaction."""
        row: Row | None = None
        touched = 0
        with in_our_words(writing=True):
            async with self._transaction():
                for statement in statements:
                    found, counted = await self._carried_out(statement, values)
                    row = row or found
                    touched += counted
        return Written(row, 0, touched)

    async def ping(self) -> None:
        """Return when the server answers."""
        with in_our_words():
            await self._connection.execute("SELECT 1")

    async def close(self) -> None:
        """Say goodbye; a server that does not answer is left."""
        with in_our_words():
            await self._connection.close(timeout=_CLOSING_LIMIT_S)

    def abort(self) -> None:
        """Let go of it at once."""
        self._connection.terminate()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        """What is done inside is done by the server altogether or not at all."""
        try:
            await self._begun()
            yield
            await self._connection.execute("COMMIT")
        except (asyncpg.PostgresError, CrmUnavailable, CrmRefuses, Unfit):
            # Only then: after a time limit nothing may be waited for.
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await self._connection.execute("ROLLBACK")
            raise

    async def _begun(self) -> None:
        try:
            await self._connection.execute(self._begin)
        except asyncpg.FeatureNotSupportedError as error:
            raise TakesNoChanges(TAKES_NO_CHANGES) from error

    async def _plan(self, statement: Statement, sample: Values) -> Any:
        """How the server would carry out the statement; None where it cannot tell."""
        with in_our_words(statement):
            async with self._transaction():
                prepared = await self._statement(statement)
            # What could be prepared and is a syntax error now cannot be explained at all, as CALL.
            with suppress(asyncpg.PostgresSyntaxError):
                async with self._transaction():
                    return await prepared.explain(*_tried(prepared, statement, sample, self._zone))
        return None

    async def _carried_out(self, statement: Statement, values: Values) -> tuple[Row | None, int]:
        """The first row that it gave, and how many it changed or gave."""
        with in_our_words(statement, writing=True):
            prepared = await self._statement(statement)
            found = await prepared.fetch(*self._arguments(prepared, statement, values))
            row = {name.lower(): cell for name, cell in found[0].items()} if found else None
            return row, _counted(prepared.get_statusmsg())

    async def _statement(self, statement: Statement) -> PreparedStatement:
        prepared = self._prepared.get(statement)
        if prepared is None:
            prepared = await self._connection.prepare(statement.text)
            self._prepared[statement] = prepared
        return prepared

    def _arguments(self, prepared: PreparedStatement, statement: Statement, values: Values) -> list[Any]:
        """The values as the types want them that the server found for the parameters."""
        return [
            fitting(values[name], type_.name, name, self._zone)
            for name, type_ in zip(statement.names, prepared.get_parameters(), strict=True)
        ]


def _tried(prepared: PreparedStatement, statement: Statement, sample: Values, zone: tzinfo) -> list[Any]:
    """Values to have the statement looked at with. Ids may be of any type; what else does not fit never will."""
    arguments = []
    for name, type_ in zip(statement.names, prepared.get_parameters(), strict=True):
        try:
            arguments.append(fitting(sample[name], type_.name, name, zone))
        except Unfit as error:
            if name != "customer_id":
                raise QueryFault(str(error)) from None
            arguments.append(None)
    return arguments


def _beginning(place: DatabasePlace) -> str:
    """How each transaction begins: constants and numbers only."""
    return (
        f"BEGIN READ {'ONLY' if place.for_reading else 'WRITE'}; "
        f"SET LOCAL statement_timeout = {int(place.statement_limit_s * 1000)}; "
        f"SET LOCAL idle_in_transaction_session_timeout = {_IDLE_IN_TRANSACTION_S * 1000}"
    )


async def _fetched(prepared: PreparedStatement, arguments: list[Any], most: int) -> tuple[Sequence[Any], ...]:
    rows: list[Sequence[Any]] = []
    async for record in prepared.cursor(*arguments, prefetch=most + 1):
        if len(rows) == most:
            raise TooManyRows(f"it gives more than {most} rows: is its WHERE as it should be?")
        rows.append([_cell(cell) for cell in record.values()])
    return tuple(rows)


def _cell(cell: Any) -> Any:
    """A cell as other databases give it, too: `bit(1)` is a number."""
    return cell.to_int() if isinstance(cell, asyncpg.BitString) else cell


def _node_types(plan: Any) -> frozenset[str]:
    """What the server would do, in the words of its plans."""
    if isinstance(plan, list):
        return frozenset().union(*map(_node_types, plan))
    if not isinstance(plan, dict):
        return frozenset()
    own = {str(plan["Node Type"])} if "Node Type" in plan else set()
    return frozenset(own).union(*map(_node_types, plan.values()))


def _counted(status: str) -> int:
    """How many rows a status such as `UPDATE 2` or `INSERT 0 1` tells of; one for `CALL`, which does not tell."""
    last = (status or "").rpartition(" ")[2]
    return int(last) if last.isdecimal() else 1
