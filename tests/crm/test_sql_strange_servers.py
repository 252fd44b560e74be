"""Who answers at the database's port may be anybody: it is told in one line, and nothing is given away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sql_people import NoLinks

from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.crm.sql.adapter import SqlCrm
from cti_bridge.crm.sql.settings import SqlModel, opened
from cti_bridge.domain.number import parse_number

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CALLER = parse_number("+74950000150", region="RU")
FIND = "SELECT id AS customer_id, name FROM customers WHERE number = :e164"


@asynccontextmanager
async def asked(engine: str, peer: Peer, **settings: Any) -> AsyncIterator[SqlCrm]:
    """An adapter whose database is `peer`."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await peer(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    model = SqlModel.model_validate(
        {
            "engine": engine, "port": port, "database": "crm", "user": "cti_bridge", "secret": "geheim",
            "timeout": "10s", "queries": {"find": FIND}, **settings,
        }
    )  # fmt: skip
    crm = opened(model, region="RU", stages=None, folder=Path("/"), data_dir=Path("/"), links=NoLinks())
    assert isinstance(crm, SqlCrm)
    try:
        yield crm
    finally:
        await crm.close()
        server.close()
        await server.wait_closed()


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Gone at once."""


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Listens until the other side is tired of it."""
    while await reader.read(1000):
        pass


async def speaks_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A web server, or somebody in front of one."""
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html><h1>Bad Request</h1></html>")
    await writer.drain()
    await says_nothing(reader, writer)


async def speaks_noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes of nothing."""
    writer.write(bytes(range(256)) * 8)
    await writer.drain()
    await says_nothing(reader, writer)


@pytest.mark.parametrize("peer", [hangs_up, says_nothing, speaks_http, speaks_noise])
@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
async def test_whoever_it_is_that_is_no_database_is_an_unavailable_one(engine: str, peer: Peer) -> None:
    async with asked(engine, peer, timeout="500ms") as crm:
        for question in (crm.check, lambda: crm.find(CALLER)):
            with pytest.raises(CrmUnavailable) as told:
                async with asyncio.timeout(30):
                    await question()
            assert str(told.value).isprintable()
            assert "geheim" not in str(told.value)


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
async def test_nobody_at_the_port_is_told_as_such(engine: str) -> None:
    nobody = await asyncio.start_server(hangs_up, "127.0.0.1", 0)
    port = nobody.sockets[0].getsockname()[1]
    nobody.close()
    await nobody.wait_closed()
    async with asked(engine, hangs_up, port=port) as crm:
        with pytest.raises(CrmUnavailable) as told:
            await crm.check()
    assert str(told.value) == f"the database at 127.0.0.1:{port} cannot be reached (Connection refused)"


def greeting(*, capabilities: int) -> bytes:
    """What a MySQL server says first; 0x0800 of the capabilities means that it can encrypt."""
    payload = b"\x0a8.0.0\x00" + (7).to_bytes(4, "little") + b"a" * 8 + b"\x00"
    low, high = (part.to_bytes(2, "little") for part in (capabilities & 0xFFFF, capabilities >> 16))
    payload += low + b"\x2d\x02\x00" + high
    payload += bytes([21]) + b"\x00" * 10 + b"b" * 12 + b"\x00" + b"mysql_clear_password\x00"
    return len(payload).to_bytes(3, "little") + b"\x00" + payload


async def test_a_server_without_encryption_is_told_no_password_where_there_has_to_be_one() -> None:
    heard = bytearray()

    async def strips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting(capabilities=0x000AF7FF & ~0x0800))
        while said := await reader.read(1000):
            heard.extend(said)

    async with asked("mysql", strips, tls=True) as crm:
        with pytest.raises(CrmUnavailable, match="offers no encryption"):
            await crm.check()
    assert heard == b""


@pytest.mark.parametrize("when", ["greeting", "afterwards"])
async def test_nobody_at_the_port_is_told_the_password_as_it_is(when: str) -> None:
    """While the database is down, any user of the machine may listen at its port."""
    heard = bytearray()

    async def wants_it(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = greeting(capabilities=0x000AF7FF & ~0x0800)
        if when == "afterwards":
            hello = hello.replace(b"mysql_clear_password", b"mysql_native_passwor")
        writer.write(hello)
        heard.extend(await reader.read(1000))
        writer.write(b"\x16\x00\x00\x02\xfemysql_clear_password\x00")
        while said := await reader.read(1000):
            heard.extend(said)

    async with asked("mysql", wants_it) as crm:
        with pytest.raises(CrmUnavailable, match="wants the password in clear"):
            await crm.check()
    assert b"geheim" not in heard


async def test_a_postgresql_without_encryption_is_told_no_password_either() -> None:
    heard = bytearray()

    async def strips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.readexactly(8))
        writer.write(b"N")
        while said := await reader.read(1000):
            heard.extend(said)

    async with asked("postgresql", strips, tls=True) as crm:
        with pytest.raises(CrmUnavailable):
            await crm.check()
    assert bytes(heard) == b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
