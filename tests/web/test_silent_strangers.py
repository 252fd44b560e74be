"""Connections that say nothing do not use up what calls need."""

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import pytest
from aiohttp import web

from cti_bridge.web import server
from cti_bridge.web.server import Listener


async def hello(_: web.Request) -> web.Response:
    await asyncio.sleep(0)
    return web.Response(text="здравствуйте")


@pytest.fixture
def app() -> web.Application:
    app = web.Application()
    app.router.add_get("/", hello)
    return app


async def test_a_stranger_who_says_nothing_is_shown_out_and_who_has_asked_may_stay(
    app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FIRST_REQUEST_S", 0.3)
    listener = Listener(app, "127.0.0.1", 0)
    await listener.start()
    try:
        async with aiohttp.ClientSession() as http:
            async with http.get(f"http://127.0.0.1:{listener.port}/") as answer:
                assert answer.status == 200
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(b"GET / HT")
            assert await asyncio.wait_for(reader.read(), 30) == b""
            writer.close()
            async with http.get(f"http://127.0.0.1:{listener.port}/") as answer:
                assert await answer.text() == "здравствуйте"
        assert listener.turned_away == 1
    finally:
        await listener.stop()


async def test_more_connections_than_there_may_be_are_closed_at_once(
    app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "connection_limit", lambda: 5)
    listener = Listener(app, "127.0.0.1", 0)
    await listener.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(listener.stop)
        for _ in range(5):
            _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            stack.callback(writer.close)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        stack.callback(writer.close)
        assert await asyncio.wait_for(reader.read(), 30) == b""
        assert listener.turned_away == 1
