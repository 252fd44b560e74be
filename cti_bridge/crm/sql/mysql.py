"""A connection to MySQL or MariaDB: statements that the server has prepared.

The driver would put values into the text of a statement; here the server is given a prepared statement once, and then
its parameters as user variables, each written as a number or in hexadecimal digits: nothing in a value can be taken
for SQL.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from typing import Any

import pymysql

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.sql.connections import (
    TAKES_NO_CHANGES,
    Connection,
    DatabasePlace,
    TakesNoChanges,
    TooManyRows,
    Written,
)
from cti_bridge.crm.sql.mysql_errors import in_our_words
from cti_bridge.crm.sql.mysql_line import MysqlLine, QuietCursor
from cti_bridge.crm.sql.mysql_session import offset, session_statements
from cti_bridge.crm.sql.placeholders import Statement
from cti_bridge.crm.sql.words import Answer, Row, Value, Values

_NO_LIMIT = "SET SESSION sql_select_limit = DEFAULT"
_UNKNOWN_ZONE = 1298


async def connected(place: DatabasePlace) -> Connection:
    """A new connection. Raises CrmUnavailable."""
    line = MysqlLine(place)
    try:
        with in_our_words(connecting=place.address):
            await line.connect()
            connection = MysqlConnection(line, place)
            for text in session_statements(place, await connection.server()):
                await connection.say(text)
            await _set_zone(connection, place)
    except BaseException:
        line.close()
        raise
    return connection


async def _set_zone(connection: "MysqlConnection", place: DatabasePlace) -> None:
    """Have times without an offset be those of the zone, by its offset of today where the server has no zones."""
    try:
        await connection.say(f"SET SESSION time_zone = '{place.zone}'")
    except pymysql.MySQLError as error:
        if not error.args or error.args[0] != _UNKNOWN_ZONE:
            raise
        await connection.say(f"SET SESSION time_zone = '{offset(place.zone, datetime.now(UTC))}'")


class MysqlConnection:
    """One connection, its statements prepared when they are first used."""

    def __init__(self, line: MysqlLine, place: DatabasePlace) -> None:
        self._line = line
        self._zone = place.zone
        self._prepared: dict[Statement, str] = {}

    @property
    def usable(self) -> bool:
        """Whether the server has not closed it, as far as is known."""
        return self._line.is_open

    async def server(self) -> tuple[str, str]:
        """The server's version and its SQL mode."""
        cursor = await self._asked("SELECT @@version, @@sql_mode")
        version, mode = await cursor.fetchone()
        await cursor.close()
        return str(version), str(mode)

    async def say(self, text: str) -> None:
        """Have a statement carried out that gives nothing and holds no values from outside."""
        cursor = await self._asked(text)
        await cursor.close()

    async def columns(self, statement: Statement, sample: Values) -> Sequence[str]:
        """The columns that the server gives when it is to give no rows."""
        with in_our_words(statement):
            await self._statement(statement)
            await self.say("SET SESSION sql_select_limit = 0")
            try:
                cursor = await self._executed(statement, sample)
            except pymysql.MySQLError:
                await self.say(_NO_LIMIT)
                raise
            names = [column[0] for column in cursor.description or ()]
            await cursor.close()
            await self.say(_NO_LIMIT)
            return names

    async def examine(self, statement: Statement, sample: Values) -> None:
        """Have the statement prepared: names and rights are looked at, and whether the server only reads."""
        with in_our_words(statement):
            await self._statement(statement)
            cursor = await self._asked("SELECT @@global.read_only")
            (only_reads,) = await cursor.fetchone()
            await cursor.close()
        if only_reads:
            raise TakesNoChanges(TAKES_NO_CHANGES)

    async def read(self, statement: Statement, values: Values, *, most: int) -> Answer:
        """What the statement gives; where that is too much, the connection is not used any more."""
        with in_our_words(statement):
            await self._statement(statement)
            cursor = await self._executed(statement, values)
            rows = await cursor.fetchmany(most + 1)
            if len(rows) > most:
                self.abort()  # the rest of them is still on its way
                raise TooManyRows(f"it gives more than {most} rows: is its WHERE as it should be?")
            columns = tuple(column[0] for column in cursor.description or ())
            await cursor.close()
            return Answer(columns, tuple(rows))

    async def write(self, statements: Sequence[Statement], values: Values) -> Written:
        """Carry out the statements, several of them in one transaction."""
        if len(statements) == 1:
            return await self._carried_out(statements, values)
        for statement in statements:
            with in_our_words(statement):
                await self._statement(statement)
        with in_our_words(writing=True):
            await self.say("START TRANSACTION")
            try:
                written = await self._carried_out(statements, values)
            except (CrmUnavailable, CrmRefuses):
                with suppress(pymysql.MySQLError):
                    await self.say("ROLLBACK")
                raise
            await self.say("COMMIT")
            return written

    async def ping(self) -> None:
        """Return when the server answers."""
        with in_our_words():
            await self.say("DO 1")

    async def close(self) -> None:
        """Say goodbye; a server that does not answer is left."""
        with in_our_words():
            await self._line.say_goodbye()

    def abort(self) -> None:
        """Let go of it at once."""
        self._line.close()

    async def _carried_out(self, statements: Sequence[Statement], values: Values) -> Written:
        row: Row | None = None
        made_id = touched = 0
        for statement in statements:
            with in_our_words(statement, writing=True):
                cursor = await self._executed(statement, values)
                if cursor.description:
                    given = await cursor.fetchall()
                    row = row or (_row(cursor.description, given[0]) if given else None)
                    touched += len(given)
                else:
                    touched += max(0, cursor.rowcount)
                made_id = made_id or int(cursor.lastrowid or 0)
                await cursor.close()
        return Written(row, made_id, touched)

    async def _statement(self, statement: Statement) -> str:
        """The name under which the server has this statement prepared."""
        name = self._prepared.get(statement)
        if name is None:
            name = f"cti_{len(self._prepared)}"
            await self.say(f"SET @cti_text = {_literal(statement.text, self._zone)}")
            await self.say(f"PREPARE {name} FROM @cti_text")
            self._prepared[statement] = name
        return name

    async def _executed(self, statement: Statement, values: Values) -> Any:
        """Set the parameters and carry out; both texts hold nothing but names of ours, digits and NULL."""
        name = await self._statement(statement)
        if not statement.names:
            return await self._asked(f"EXECUTE {name}")
        variables = {parameter: f"@cti_{parameter}" for parameter in statement.names}
        given = (f"{variable} = {_literal(values[parameter], self._zone)}" for parameter, variable in variables.items())
        await self.say("SET " + ", ".join(given))
        return await self._asked(f"EXECUTE {name} USING {', '.join(variables[one] for one in statement.names)}")

    async def _asked(self, text: str) -> Any:
        """The cursor with what the server answers.

        It is closed only where all went well: closing one reads what is left, and there may be nobody to read from.
        """
        cursor = await self._line.cursor(QuietCursor)
        await cursor.execute(text)
        return cursor


def _literal(value: Value, zone: tzinfo) -> str:
    """The value in letters that can be nothing but a value."""
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, datetime):
        value = value.astimezone(zone).replace(tzinfo=None).isoformat(" ")
    return f"CONVERT(X'{value.encode('utf-8').hex()}' USING utf8mb4)"


def _row(description: Any, row: Sequence[Any]) -> Row:
    return {column[0].lower(): cell for column, cell in zip(description, row, strict=True)}
