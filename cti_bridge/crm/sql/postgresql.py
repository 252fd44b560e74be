"""A connection to PostgreSQL: prepared statements with bound parameters, and what the server says in our words.

Texts of the server are passed on only where they speak of the query and not of what is in the tables.
"""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.sql.connections import (
    Connection,
    ConnectionBroken,
    DatabasePlace,
    QueryFault,
    TooManyRows,
    Unfit,
    Written,
)
from cti_bridge.crm.sql.placeholders import Statement
from cti_bridge.crm.sql.postgresql_values import fitting
from cti_bridge.crm.sql.words import Row, Values

_CLOSING_LIMIT_S = 0.5
_IDLE_IN_TRANSACTION_S = 10
_SPEAKS_OF_THE_QUERY = ("0A", "25", "26", "28", "3D", "3F", "42", "53", "54", "55", "57", "58")
"""Classes of SQLSTATE whose messages name tables, columns and users, but no values."""
_NEVER_TAKEN = ("21", "22", "23", "44", "P0")
"""Classes that mean: these values will not be taken, however often they come."""
_GONE = ("08", "57P01", "57P02", "57P03", "57P05", "25P03")


async def connected(place: DatabasePlace) -> Connection:
    """A new connection. Raises CrmUnavailable."""
    with _in_our_words(connecting=True):
        connection = await asyncpg.connect(
            host=str(place.socket) if place.socket else place.host,
            port=place.port,
            user=place.user,
            password=place.secret,
            database=place.database,
            ssl=place.tls if place.tls and not place.socket else False,
            timeout=place.limit_s,
            statement_cache_size=0,
        )
    try:
        with _in_our_words(connecting=True):
            await connection.execute(_session(place))
    except BaseException:
        connection.terminate()
        raise
    return PostgresqlConnection(connection, place)


class PostgresqlConnection:
    """One connection, its statements prepared when they are first used."""

    def __init__(self, connection: Any, place: DatabasePlace) -> None:
        self._connection = connection
        self._for_reading = place.for_reading
        self._zone = place.zone
        self._prepared: dict[Statement, PreparedStatement] = {}

    @property
    def usable(self) -> bool:
        """Whether the server has not closed it, as far as is known."""
        return not self._connection.is_closed()

    async def columns(self, statement: Statement, sample: Values) -> Sequence[str]:
        """The columns as the server would give them; it also looks whether we may read the tables."""
        await self.examine(statement, sample)
        with _in_our_words(statement):
            prepared = await self._statement(statement)
            return [attribute.name for attribute in prepared.get_attributes()]

    async def examine(self, statement: Statement, sample: Values) -> None:
        """Have the statement planned without carrying it out: names, types and rights are looked at."""
        with _in_our_words(statement):
            prepared = await self._statement(statement)
            # What could be prepared and is a syntax error now cannot be explained at all, as CALL.
            with suppress(asyncpg.PostgresSyntaxError, Unfit):
                await prepared.explain(*self._arguments(prepared, statement, sample))

    async def read(self, statement: Statement, values: Values, *, most: int) -> list[Row]:
        """The rows, read in a transaction that cannot change anything."""
        with _in_our_words(statement):
            prepared = await self._statement(statement)
            arguments = self._arguments(prepared, statement, values)
            transaction = self._connection.transaction(readonly=True)
            await transaction.start()
            try:
                rows = await self._fetched(prepared, arguments, most)
            except (asyncpg.PostgresError, TooManyRows):
                # Only then: after a time limit nothing may be waited for.
                await transaction.rollback()
                raise
            await transaction.commit()
            return rows

    async def write(self, statements: Sequence[Statement], values: Values) -> Written:
        """Carry out the statements, several of them in one transaction."""
        with _in_our_words(statements[-1], writing=True):
            if len(statements) == 1:
                return await self._carried_out(statements, values)
            transaction = self._connection.transaction()
            await transaction.start()
            try:
                written = await self._carried_out(statements, values)
            except (asyncpg.PostgresError, Unfit):
                await transaction.rollback()
                raise
            await transaction.commit()
            return written

    async def ping(self) -> None:
        """Return when the server answers."""
        with _in_our_words():
            await self._connection.execute("SELECT 1")

    async def close(self) -> None:
        """Say goodbye; a server that does not answer is left."""
        with _in_our_words():
            await self._connection.close(timeout=_CLOSING_LIMIT_S)

    def abort(self) -> None:
        """Let go of it at once."""
        self._connection.terminate()

    async def _carried_out(self, statements: Sequence[Statement], values: Values) -> Written:
        row: Row | None = None
        touched = 0
        for statement in statements:
            prepared = await self._statement(statement)
            found = await prepared.fetch(*self._arguments(prepared, statement, values))
            row = row or (_row(found[0]) if found else None)
            touched += _counted(prepared.get_statusmsg())
        return Written(row, 0, touched)

    async def _statement(self, statement: Statement) -> PreparedStatement:
        prepared = self._prepared.get(statement)
        if prepared is None:
            prepared = await self._connection.prepare(statement.text)
            self._prepared[statement] = prepared
        return prepared

    async def _fetched(self, prepared: PreparedStatement, arguments: list[Any], most: int) -> list[Row]:
        rows: list[Row] = []
        async for record in prepared.cursor(*arguments, prefetch=most + 1):
            if len(rows) == most:
                raise TooManyRows(f"it gives more than {most} rows: is its WHERE as it should be?")
            rows.append(_row(record))
        return rows

    def _arguments(self, prepared: PreparedStatement, statement: Statement, values: Values) -> list[Any]:
        """The values as the types want them that the server found for the parameters."""
        types = prepared.get_parameters()
        return [
            fitting(values[name], type_.name, name, self._zone)
            for name, type_ in zip(statement.names, types, strict=True)
        ]


def _session(place: DatabasePlace) -> str:
    """What is said first on a connection: constants and numbers only, and a zone that Python knows."""
    return (
        f"SET application_name = 'cti-bridge'; SET standard_conforming_strings = on; "
        f"SET statement_timeout = {int(place.limit_s * 1000)}; "
        f"SET idle_in_transaction_session_timeout = {_IDLE_IN_TRANSACTION_S * 1000}; "
        f"SET default_transaction_read_only = {'on' if place.for_reading else 'off'}; "
        f"SET TimeZone = '{place.zone}'"
    )


def _row(record: Any) -> Row:
    return {name.lower(): cell for name, cell in record.items()}


def _counted(status: str) -> int:
    """How many rows a status such as `UPDATE 2` or `INSERT 0 1` tells of."""
    last = (status or "").rpartition(" ")[2]
    return int(last) if last.isdecimal() else 0


@contextmanager
def _in_our_words(
    statement: Statement | None = None, *, connecting: bool = False, writing: bool = False
) -> Iterator[None]:
    """Raise what went wrong as CrmUnavailable, ConnectionBroken or CrmRefuses, without values."""
    try:
        yield
    except (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError) as error:
        raise ConnectionBroken("a table was changed since its query was prepared") from error
    except asyncpg.PostgresError as error:
        state = error.sqlstate or ""
        words = _message(error, state, statement)
        if state.startswith(_GONE) and not connecting:
            raise ConnectionBroken(words) from error
        if writing and state.startswith(_NEVER_TAKEN):
            raise CrmRefuses(words) from error
        raise (QueryFault if statement else CrmUnavailable)(words) from error
    except ssl.SSLCertVerificationError as error:
        raise CrmUnavailable("the database's certificate is not valid") from error
    except OSError as error:
        words = f"the database cannot be reached ({error.strerror or type(error).__name__})"
        raise (CrmUnavailable if connecting else ConnectionBroken)(words) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, ValueError, TypeError, LookupError) as error:
        words = f"the database's answer is not understood ({type(error).__name__})"
        raise (CrmUnavailable if connecting else ConnectionBroken)(words) from error


def _message(error: asyncpg.PostgresError, state: str, statement: Statement | None) -> str:
    """What the server said, one printable line of it, where it can be no customer data; else its code."""
    if not state.startswith(_SPEAKS_OF_THE_QUERY):
        where = getattr(error, "constraint_name", None) or getattr(error, "column_name", None)
        return f"{type(error).__name__} (SQLSTATE {state})" + (f" at {where}" if where else "")
    said = str(getattr(error, "message", None) or type(error).__name__)[:300]
    for index, name in reversed(list(enumerate(statement.names if statement else (), start=1))):
        said = said.replace(f"${index}", f":{name}")
    return "".join(character if character.isprintable() else " " for character in said)
