"""Connections to a database: what each of them can do, whichever database it is, and a bounded pool of them.

A connection on which something was given up (a time limit, a caller who is gone) is never used again: nobody can say
what the other end will still answer on it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from ssl import SSLContext
from time import monotonic
from typing import Protocol, TypeVar

from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.crm.sql.placeholders import Statement
from cti_bridge.crm.sql.words import Row, Values

_MOST_WAITING = 64
_IDLE_S = 60.0
"""A connection that was not used for so long is not trusted any more: what lies between may have forgotten it."""
_CLOSING_LIMIT_S = 1.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DatabasePlace:
    """Where a database is and who we are there; `socket` goes before `host` and `port`.

    `zone` is that of times without an offset, `limit_s` how long the database works on one statement at most, and
    `for_reading` whether it is to refuse to change anything.
    """

    host: str
    port: int
    socket: Path | None
    database: str
    user: str
    secret: str = field(repr=False)
    tls: SSLContext | None
    zone: tzinfo
    limit_s: float
    for_reading: bool


@dataclass(frozen=True, slots=True)
class Written:
    """What came of statements that change something.

    `row` is the first one that any of them gave, `made_id` the first number that the database counted up by itself (0
    where it does not say), `touched` how many rows they changed, found or gave in all.
    """

    row: Row | None
    made_id: int
    touched: int


class ConnectionBroken(CrmUnavailable):
    """A connection that was made cannot be used any more; another one may do."""


class QueryFault(CrmUnavailable):
    """The database did not carry out this query, for a reason that lies in the query, its data or the rights to it."""


class TooManyRows(QueryFault):
    """There are more rows than anybody can have."""


class Unfit(Exception):
    """A value cannot be one of this column, so nothing in it can be equal to it. The message names the parameter."""


class Connection(Protocol):
    """One connection. Every method but `abort` raises `CrmUnavailable` when it cannot, in words without any values."""

    @property
    def usable(self) -> bool:
        """Whether it can still be used, as far as one can see without asking."""
        ...

    async def columns(self, statement: Statement, sample: Values) -> Sequence[str]:
        """Have a reading statement checked: the columns that it would give; `sample` has values of the right kind."""
        ...

    async def examine(self, statement: Statement, sample: Values) -> None:
        """Have a changing statement checked, and change nothing."""
        ...

    async def read(self, statement: Statement, values: Values, *, most: int) -> list[Row]:
        """The rows. Raises TooManyRows, and Unfit."""
        ...

    async def write(self, statements: Sequence[Statement], values: Values) -> Written:
        """Carry out all statements or none. Raises CrmRefuses for what will never be taken, and Unfit."""
        ...

    async def ping(self) -> None:
        """Return when the database answers."""
        ...

    async def close(self) -> None:
        """Take leave of the database."""
        ...

    def abort(self) -> None:
        """Let go of the connection at once."""
        ...


class Pool:
    """At most `size` connections, made when they are needed; the one that was used last is used first."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        size: int,
        limit_s: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._connect = connect
        self._places = asyncio.Semaphore(size)
        self._limit_s = limit_s
        self._clock = clock
        self._waiting = 0
        self._idle: list[tuple[Connection, float]] = []
        self._closed = False

    async def answer(self, question: Callable[[Connection], Awaitable[T]]) -> T:
        """Put a question that changes nothing, again on a new connection if this one breaks.

        All that are there break when a database restarts.
        """
        try:
            async with self.borrowed() as connection:
                return await question(connection)
        except ConnectionBroken:
            await self.drop_idle()
        async with self.borrowed() as connection:
            return await question(connection)

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[Connection]:
        """A connection for a moment, `limit_s` at most, waiting for one included. Raises CrmUnavailable."""
        if self._waiting >= _MOST_WAITING:
            raise CrmUnavailable(f"{_MOST_WAITING} questions are waiting for the database already")
        try:
            async with asyncio.timeout(self._limit_s), self._place():
                connection = await self._fetched()
                keep = False
                try:
                    yield connection
                    keep = True
                except (CrmUnavailable, Unfit) as error:
                    keep = not isinstance(error, ConnectionBroken)
                    raise
                finally:
                    if keep and connection.usable and not self._closed:
                        self._idle.append((connection, self._clock()))
                    else:
                        connection.abort()
        except TimeoutError:
            raise CrmUnavailable(f"no answer within {self._limit_s:g} s") from None

    async def drop_idle(self) -> None:
        """Close the connections that nobody uses."""
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            await _taken_leave(connection)

    async def close(self) -> None:
        """Close the connections; one that is in use is closed by whoever uses it."""
        self._closed = True
        await self.drop_idle()

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()

    async def _fetched(self) -> Connection:
        if self._closed:
            raise CrmUnavailable("the connections to the database are closed")
        while self._idle:
            connection, since = self._idle.pop()
            if connection.usable and self._clock() - since <= _IDLE_S:
                return connection
            await _taken_leave(connection)
        return await self._connect()


async def _taken_leave(connection: Connection) -> None:
    with suppress(CrmUnavailable, TimeoutError):
        async with asyncio.timeout(_CLOSING_LIMIT_S):
            await connection.close()
    connection.abort()
