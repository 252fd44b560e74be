"""Connections to a database: what each of them can do, whichever database it is, and a bounded pool of them.

A connection on which something was given up (a time limit, a caller who is gone) is never used again: nobody can say
what the other end will still answer on it.
"""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from ssl import SSLContext, SSLError
from time import monotonic
from typing import Protocol, TypeVar

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.sql.placeholders import Statement
from cti_bridge.crm.sql.words import Answer, Row, Values

_MOST_WAITING = 64
_IDLE_S = 60.0
"""A connection that was not used for so long is not trusted any more: what lies between may have forgotten it."""
_CLOSING_LIMIT_S = 1.0
_OF_THE_LIMIT = 0.9
TAKES_NO_CHANGES = "the server takes no changes: is it a replica?"
STOPPED = "it took too long, and the database stopped it: has it an index to go by, or does somebody lock a table?"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DatabasePlace:
    """Where a database is and who we are there; `socket` goes before `host` and `port`.

    `zone` is that of times without an offset, `limit_s` how long a question may take, and `for_reading` whether the
    database is to refuse to change anything.
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

    @property
    def address(self) -> str:
        """Where it is, as an admin would look for it."""
        return str(self.socket) if self.socket else f"{self.host}:{self.port}"

    @property
    def statement_limit_s(self) -> float:
        """How long the database works on one statement: so long that its own verdict comes before we give up."""
        return self.limit_s * _OF_THE_LIMIT


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


def unreachable(address: str, error: BaseException | None) -> str:
    """What is said of a line that cannot be made, or broke (`address` is then empty)."""
    number = error.errno if isinstance(error, OSError) and not isinstance(error, SSLError) else None
    if number is not None and number in errno.errorcode:
        reason = os.strerror(number)  # how asyncio puts it depends on the loop
    else:
        reason = getattr(error, "strerror", None) or type(error).__name__
    return f"the database{f' at {address}' if address else ''} cannot be reached ({reason})"


class QueryFault(CrmUnavailable):
    """The database did not carry out this query, for a reason that lies in the query, its data or the rights to it."""


class TooManyRows(QueryFault):
    """There are more rows than anybody can have."""


class TakesNoChanges(ConnectionBroken):
    """The server only reads. Another connection may lead to one that writes: roles change when one of them fails."""


class TookTooLong(CrmUnavailable):
    """There was no answer within the limit."""


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

    async def read(self, statement: Statement, values: Values, *, most: int) -> Answer:
        """What the statement gives. Raises TooManyRows, and Unfit."""
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
    """At most `size` connections, made when they are needed; the one that was used last is used first.

    Half of them at most are for what nobody waits for, so that slow queries of that kind leave room for callers.
    """

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
        self._unhurried = asyncio.Semaphore(max(1, size // 2))
        self._leaving: set[asyncio.Task[None]] = set()
        self._limit_s = limit_s
        self._clock = clock
        self._waiting = 0
        self._idle: list[tuple[Connection, float]] = []
        self._closed = False

    async def answer(self, question: Callable[[Connection], Awaitable[T]], *, urgent: bool = True) -> T:
        """Put a question that may be put twice, again on a new connection if this one breaks.

        All that are there break when a database restarts. `urgent`: somebody waits for the answer.
        """
        try:
            async with self.borrowed(urgent=urgent) as connection:
                return await question(connection)
        except ConnectionBroken:
            self.drop_idle()
        async with self.borrowed(urgent=urgent) as connection:
            return await question(connection)

    @asynccontextmanager
    async def borrowed(self, *, urgent: bool = True) -> AsyncIterator[Connection]:
        """A connection for a moment, `limit_s` at most, waiting for one included. Raises CrmUnavailable."""
        if self._waiting >= (_MOST_WAITING if urgent else _MOST_WAITING // 2):
            raise CrmUnavailable(f"{self._waiting} questions are waiting for the database already")
        try:
            async with asyncio.timeout(self._limit_s), self._place(urgent=urgent):
                connection = await self._fetched()
                keep = False
                try:
                    yield connection
                    keep = True
                except (CrmUnavailable, CrmRefuses, Unfit) as error:
                    keep = not isinstance(error, ConnectionBroken)
                    raise
                finally:
                    if keep and connection.usable and not self._closed:
                        self._idle.append((connection, self._clock()))
                    else:
                        connection.abort()
        except TimeoutError:
            raise TookTooLong(f"no answer within {self._limit_s:g} s") from None

    def drop_idle(self) -> None:
        """Close the connections that nobody uses, behind whoever asks."""
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            self._leave(connection)

    async def close(self) -> None:
        """Close the connections; one that is in use is closed by whoever uses it."""
        self._closed = True
        self.drop_idle()
        await asyncio.gather(*self._leaving, return_exceptions=True)

    @asynccontextmanager
    async def _place(self, *, urgent: bool) -> AsyncIterator[None]:
        async with AsyncExitStack() as held:
            self._waiting += 1
            try:
                if not urgent:
                    await held.enter_async_context(self._unhurried)
                await held.enter_async_context(self._places)
            finally:
                self._waiting -= 1
            yield

    def _leave(self, connection: Connection) -> None:
        """Take leave of a connection without having anybody wait for that."""
        task = asyncio.create_task(_taken_leave(connection), name="crm-sql-leaving")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _fetched(self) -> Connection:
        if self._closed:
            raise CrmUnavailable("the connections to the database are closed")
        while self._idle:
            connection, since = self._idle.pop()
            if connection.usable and self._clock() - since <= _IDLE_S:
                return connection
            self._leave(connection)
        return await self._connect()


async def _taken_leave(connection: Connection) -> None:
    try:
        with suppress(CrmUnavailable, TimeoutError):
            async with asyncio.timeout(_CLOSING_LIMIT_S):
                await connection.close()
    finally:
        connection.abort()
