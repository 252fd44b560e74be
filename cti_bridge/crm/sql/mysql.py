"""A connection to MySQL or MariaDB: statements that the server has prepared, and its words in ours.

The driver would put values into the text of a statement; here the server is given a prepared statement once, and then
its parameters as user variables, each written as a number or in hexadecimal digits: nothing in a value can be taken
for SQL. Texts of the server are passed on only where they speak of the query and not of what is in the tables.
"""

import ssl
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, tzinfo
from typing import Any

import pymysql

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.sql.connections import Connection, ConnectionBroken, DatabasePlace, QueryFault, TooManyRows, Written
from cti_bridge.crm.sql.mysql_line import MysqlLine, QuietCursor
from cti_bridge.crm.sql.mysql_session import offset, session_statements
from cti_bridge.crm.sql.placeholders import Statement
from cti_bridge.crm.sql.words import Row, Value, Values

_SPEAKS_OF_THE_QUERY = frozenset(
    {
        *(1040, 1044, 1045, 1046, 1049, 1052, 1054, 1060, 1064, 1065, 1099, 1109, 1115, 1129, 1130, 1141, 1142, 1143),
        *(1146, 1147, 1203, 1205, 1210, 1213, 1226, 1227, 1235, 1242, 1243, 1267, 1290, 1295, 1305, 1318, 1356, 1370),
        *(1698, 1792, 1836, 1969, 2026, 3024),
    }
)
"""Errors whose messages name tables, columns, users and pieces of the query, but no values."""
_NEVER_TAKEN = frozenset(
    {
        *(1022, 1048, 1062, 1169, 1216, 1217, 1264, 1265, 1292, 1364, 1366, 1406, 1411, 1451, 1452, 1557, 1586),
        *(1267, 1644, 3140, 3819, 4025),
    }
)
"""Errors that mean: these values will not be taken, however often they come."""
_NO_LIMIT = "SET SESSION sql_select_limit = DEFAULT"
_UNKNOWN_ZONE = 1298
_GONE = frozenset({1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2014, 2027, 2055, 4031})


async def connected(place: DatabasePlace) -> Connection:
    """A new connection. Raises CrmUnavailable."""
    line = MysqlLine(place)
    try:
        with _in_our_words(connecting=True):
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
        with _in_our_words(statement):
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
        """Have the statement prepared: names and rights are looked at."""
        with _in_our_words(statement):
            await self._statement(statement)

    async def read(self, statement: Statement, values: Values, *, most: int) -> list[Row]:
        """The rows; where there are too many of them, the connection is not used any more."""
        with _in_our_words(statement):
            await self._statement(statement)
            cursor = await self._executed(statement, values)
            rows = await cursor.fetchmany(most + 1)
            if len(rows) > most:
                self.abort()  # the rest of them is still on its way
                raise TooManyRows(f"it gives more than {most} rows: is its WHERE as it should be?")
            await cursor.close()
            return [_row(cursor.description, row) for row in rows]

    async def write(self, statements: Sequence[Statement], values: Values) -> Written:
        """Carry out the statements, several of them in one transaction."""
        with _in_our_words(statements[-1], writing=True):
            for statement in statements:
                await self._statement(statement)
            if len(statements) == 1:
                return await self._carried_out(statements, values)
            await self.say("START TRANSACTION")
            try:
                written = await self._carried_out(statements, values)
            except pymysql.MySQLError:
                with suppress(pymysql.MySQLError):
                    await self.say("ROLLBACK")
                raise
            await self.say("COMMIT")
            return written

    async def ping(self) -> None:
        """Return when the server answers."""
        with _in_our_words():
            await self.say("DO 1")

    async def close(self) -> None:
        """Say goodbye; a server that does not answer is left."""
        with _in_our_words():
            await self._line.say_goodbye()

    def abort(self) -> None:
        """Let go of it at once."""
        self._line.close()

    async def _carried_out(self, statements: Sequence[Statement], values: Values) -> Written:
        row: Row | None = None
        made_id = touched = 0
        for statement in statements:
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


@contextmanager
def _in_our_words(
    statement: Statement | None = None, *, connecting: bool = False, writing: bool = False
) -> Iterator[None]:
    """Raise what went wrong as CrmUnavailable, ConnectionBroken or CrmRefuses, without values."""
    broken = CrmUnavailable if connecting else ConnectionBroken
    try:
        yield
    except (pymysql.InternalError, pymysql.InterfaceError) as error:
        raise broken(f"the database's answer is not understood ({type(error).__name__})") from error
    except pymysql.MySQLError as error:
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        words = _message(error, code)
        if code in _GONE:
            raise broken(words) from error
        if writing and code in _NEVER_TAKEN:
            raise CrmRefuses(words) from error
        raise (QueryFault if statement else CrmUnavailable)(words) from error
    except OSError as error:
        raise broken(f"the database cannot be reached ({error.strerror or type(error).__name__})") from error
    except (EOFError, struct.error, ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
        raise broken(f"the database's answer is not understood ({type(error).__name__})") from error


def _message(error: pymysql.MySQLError, code: int) -> str:
    """What the server said, one printable line of it, where it can be no customer data; else its number."""
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return "the database's certificate is not valid"
    if code == 2003:
        return "the database cannot be reached"
    if code not in _SPEAKS_OF_THE_QUERY:
        return f"{type(error).__name__} {code}"
    said = str(error.args[1] if len(error.args) > 1 else code)[:300]
    return "".join(character if character.isprintable() else " " for character in said)
