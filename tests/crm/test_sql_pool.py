"""Connections are few, used again while they are good, and never after something was given up on them."""

import asyncio
from collections.abc import Sequence

import pytest

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.sql.connections import Connection, ConnectionBroken, Pool, QueryFault, Unfit, Written
from cti_bridge.crm.sql.placeholders import Statement
from cti_bridge.crm.sql.words import Answer, Values


class Line:
    """A connection to nowhere."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.usable = True
        self.left = False

    async def columns(self, statement: Statement, sample: Values) -> Sequence[str]:
        """None."""
        return ()

    async def examine(self, statement: Statement, sample: Values) -> None:
        """All is well."""

    async def read(self, statement: Statement, values: Values, *, most: int) -> Answer:
        """No rows."""
        return Answer((), ())

    async def write(self, statements: Sequence[Statement], values: Values) -> Written:
        """Nothing."""
        return Written(None, 0, 0)

    async def ping(self) -> None:
        """It is there."""

    async def close(self) -> None:
        """Gone."""
        self.left = True

    def abort(self) -> None:
        """Gone."""
        self.usable, self.left = False, True


class Lines:
    """All that were made."""

    def __init__(self) -> None:
        self.made: list[Line] = []
        self.now = 0.0

    async def connect(self) -> Connection:
        """One more."""
        self.made.append(Line(len(self.made)))
        return self.made[-1]

    def pool(self, size: int = 2, limit_s: float = 5.0) -> Pool:
        """A pool of them."""
        return Pool(self.connect, size=size, limit_s=limit_s, clock=lambda: self.now)


@pytest.fixture
def lines() -> Lines:
    return Lines()


async def test_a_connection_is_used_again(lines: Lines) -> None:
    pool = lines.pool()
    for _ in range(3):
        async with pool.borrowed():
            pass
    assert len(lines.made) == 1
    await pool.close()
    assert lines.made[0].left


async def test_no_more_than_its_size_are_made_and_the_others_wait(lines: Lines) -> None:
    pool = lines.pool(size=2)
    go = asyncio.Event()

    async def use() -> None:
        async with pool.borrowed():
            await go.wait()

    users = [asyncio.create_task(use()) for _ in range(10)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(*users)
    assert len(lines.made) == 2
    await pool.close()


async def test_whoever_is_too_many_is_told_so(lines: Lines) -> None:
    pool = lines.pool(size=1)
    go = asyncio.Event()

    async def use() -> None:
        async with pool.borrowed():
            await go.wait()

    users = [asyncio.create_task(use()) for _ in range(65)]
    await asyncio.sleep(0)
    with pytest.raises(CrmUnavailable, match="are waiting for the database already"):
        async with pool.borrowed():
            pass
    go.set()
    await asyncio.gather(*users)
    await pool.close()


async def test_a_connection_that_was_given_up_is_never_used_again(lines: Lines) -> None:
    pool = lines.pool(limit_s=0.01)
    with pytest.raises(CrmUnavailable, match="no answer within"):
        async with pool.borrowed():
            await asyncio.Event().wait()
    assert lines.made[0].left
    async with pool.borrowed() as connection:
        assert connection is lines.made[1]
    await pool.close()


async def test_a_caller_who_is_gone_takes_his_connection_with_him_and_gives_his_place_back(lines: Lines) -> None:
    pool = lines.pool(size=1)

    async def use() -> None:
        async with pool.borrowed():
            await asyncio.Event().wait()

    user = asyncio.create_task(use())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    user.cancel()
    await asyncio.gather(user, return_exceptions=True)
    assert lines.made[0].left
    async with pool.borrowed() as connection:
        assert connection is lines.made[1]
    await pool.close()


@pytest.mark.parametrize("error", [QueryFault("x"), Unfit("x"), CrmUnavailable("x"), CrmRefuses("x")])
async def test_a_query_that_fails_costs_no_connection(lines: Lines, error: Exception) -> None:
    pool = lines.pool()
    with pytest.raises(type(error)):
        async with pool.borrowed():
            raise error
    assert not lines.made[0].left
    await pool.close()


async def test_a_question_on_a_broken_connection_is_asked_again_on_a_new_one(lines: Lines) -> None:
    pool = lines.pool()

    async def question(connection: Connection) -> int:
        assert isinstance(connection, Line)
        if connection.number < 2:
            raise ConnectionBroken("x")
        return connection.number

    both = [pool.borrowed(), pool.borrowed()]
    for one in both:
        await one.__aenter__()
    for one in both:
        await one.__aexit__(None, None, None)
    assert await pool.answer(question) == 2
    while not lines.made[0].left:
        await asyncio.sleep(0)
    assert [line.left for line in lines.made] == [True, True, False]
    await pool.close()


async def test_one_that_lay_idle_for_long_is_left(lines: Lines) -> None:
    pool = lines.pool()
    async with pool.borrowed():
        pass
    lines.now = 61.0
    async with pool.borrowed() as connection:
        assert connection is lines.made[1]
    while not lines.made[0].left:
        await asyncio.sleep(0)
    await pool.close()


async def test_nobody_waits_until_an_old_one_is_left(lines: Lines) -> None:
    pool = lines.pool()
    async with pool.borrowed():
        pass
    silent = asyncio.Event()
    lines.made[0].close = silent.wait  # type: ignore[method-assign,assignment]  # what is at its other end says nothing
    lines.now = 61.0
    async with pool.borrowed() as connection:
        assert connection is lines.made[1]
    assert not lines.made[0].left
    silent.set()
    await pool.close()
    assert lines.made[0].left


async def test_what_nobody_waits_for_leaves_room_for_callers(lines: Lines) -> None:
    pool = lines.pool(size=4, limit_s=30.0)
    go = asyncio.Event()
    busy = 0

    async def slow(connection: Connection) -> None:
        nonlocal busy
        busy += 1
        await go.wait()

    notes = [asyncio.create_task(pool.answer(slow, urgent=False)) for _ in range(40)]
    while busy < 2:
        await asyncio.sleep(0)
    with pytest.raises(CrmUnavailable, match="are waiting for the database already"):
        await pool.answer(slow, urgent=False)
    async with pool.borrowed(), pool.borrowed():
        assert busy == 2
    go.set()
    await asyncio.gather(*notes, return_exceptions=True)
    await pool.close()


async def test_once_closed_it_gives_none_and_takes_none_back(lines: Lines) -> None:
    pool = lines.pool()
    async with pool.borrowed():
        await pool.close()
    assert lines.made[0].left
    with pytest.raises(CrmUnavailable, match="closed"):
        async with pool.borrowed():
            pass
