"""Whoever is not let in, and whoever does not keep to the protocol, is sent away and harms nobody."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
from front_desk import ANNA, front_desk

from cti_bridge.web.site import SocketLimits

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:1", "null", "http://127.0.0.1.evil.example"]
)
async def test_a_page_of_somebody_else_may_neither_connect_nor_change_anything(tmp_path: Path, origin: str) -> None:
    async with front_desk(tmp_path) as desk:
        cookie = await desk.sign_in("anna")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await desk.connect(cookie, Origin=origin)
        assert refused.value.status == 403
        headers = {"Origin": origin, "Cookie": f"cti_session={cookie}"}
        async with desk.http.delete(f"{desk.url}/api/v1/session", headers=headers) as answer:
            assert answer.status == 403
            assert (await answer.json())["error"]["code"] == "origin_refused"
        async with desk.http.get(f"{desk.url}/api/v1/session", headers=headers) as answer:
            assert answer.status == 200
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_our_own_page_a_configured_one_and_a_program_may_connect(tmp_path: Path) -> None:
    async with front_desk(tmp_path, origins=("https://CRM.example/",)) as desk:
        cookie = await desk.sign_in("anna")
        for headers in ({"Origin": desk.url}, {"Origin": "https://crm.example"}, {}):
            await (await desk.connect(cookie, **headers)).hello()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8088", "127.0.0.1.evil.example", "[::1", "", "a@b"])
async def test_a_name_that_was_made_to_point_here_is_not_ours(tmp_path: Path, host: str) -> None:
    async with front_desk(tmp_path) as desk, desk.http.get(f"{desk.url}/", headers={"Host": host}) as answer:
        assert answer.status == 421
        assert (await answer.json())["error"]["code"] == "unknown_host"


@pytest.mark.parametrize(
    "host", ["127.0.0.1:9", "localhost", "localhost:8088", "[::1]:8088", "10.1.2.3", "cti.example"]
)
async def test_addresses_localhost_and_configured_names_are_ours(tmp_path: Path, host: str) -> None:
    async with front_desk(tmp_path, origins=("https://cti.example",)) as desk:
        answer = await desk.http.get(f"{desk.url}/api/v1/session", headers={"Host": host})
        assert answer.status == 401


async def test_who_says_no_hello_is_sent_away(tmp_path: Path) -> None:
    async with front_desk(tmp_path, limits=SocketLimits(hello_s=0.05)) as desk:
        page = await desk.connect(await desk.sign_in("anna"))
        assert await page.sent_away() == ({"op": "bye", "code": 4001, "reason": "no hello came"}, 4001)


async def test_who_says_something_else_first_is_sent_away(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.connect(await desk.sign_in("anna"))
        await page.send(op="ping")
        assert (await page.sent_away())[1] == 4001


@pytest.mark.parametrize("cookie", [None, "", "made-up"])
async def test_without_session_or_ticket_hello_is_refused(tmp_path: Path, cookie: str | None) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.connect(cookie)
        await page.send(op="hello")
        assert (await page.sent_away())[1] == 4002


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("{", "not_json: a frame is one JSON object"),
        ('{"op":"hello"}', "second_hello: hello is said once"),
        ('{"op":"ack","seq":-1,"paint_ms":1}', "bad_field: seq must be a whole number, not negative"),
    ],
)
async def test_a_malformed_frame_ends_the_connection_with_its_reason(tmp_path: Path, frame: str, reason: str) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.page(ANNA)
        await page.socket.send_str(frame)
        assert await page.sent_away() == ({"op": "bye", "code": 4004, "reason": reason}, 4004)
        await desk.page(ANNA)


async def test_binary_frames_are_not_understood(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.page(ANNA)
        await page.socket.send_bytes(b'{"op":"ping"}')
        assert (await page.sent_away())[1] == 4004


SECRET = "Тайный-Абонент-495"


@pytest.mark.parametrize(
    "frame",
    [
        f"{SECRET}",
        f'{{"op":"{SECRET}"}}',
        f'{{"op":"ping","{SECRET}":1}}',
        f'{{"op":"ping","op":"{SECRET}"}}',
        f'{{"op":"command","id":"{SECRET * 20}","name":"x"}}',
        f'{{"op":"command","id":"1","name":"{SECRET}\\ud83d"}}',
        f'{{"op":"renew","ticket":"{SECRET}"}}',
        f'{{"op":"command","id":"1","name":"x","args":{"[" * 9_000}"{SECRET}"{"]" * 9_000}}}',
        f'{{"op":"ack","seq":{"9" * 10_000},"paint_ms":"{SECRET}"}}',
        b"\xff" + SECRET.encode(),
    ],
    ids=lambda frame: str(frame[:24]),
)
async def test_nothing_of_a_hostile_frame_gets_into_the_log_or_back_out(
    tmp_path: Path, frame: str | bytes, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.page(ANNA)
        text = frame if isinstance(frame, bytes) else frame.encode()
        await page.socket.send_frame(text, aiohttp.WSMsgType.TEXT)
        bye, code = await page.sent_away()
        assert code in {4002, 4004, 1007}
        await desk.counted("cti_pages", 0)
        written = "".join(capsys.readouterr()) + caplog.text
        for word in (SECRET, "Traceback"):
            assert word not in written + str(bye)


async def test_an_oversized_frame_ends_the_connection(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.page(ANNA)
        await page.send(op="command", id="1", name="x", args={"x": "y" * 70_000})
        assert (await page.sent_away())[1] == 1009
        await desk.counted("cti_pages", 0)


@pytest.mark.parametrize("kind", ["frames", "pings"])
async def test_a_flood_ends_the_connection(tmp_path: Path, kind: str) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.page(ANNA)
        for _ in range(60):
            await (page.send(op="ping") if kind == "frames" else page.socket.ping())
        bye, code = await page.sent_away()
        assert (bye["reason"], code) == ("too_fast: more than 20 frames per second", 4004)


async def test_twenty_frames_a_second_are_fine(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.page(ANNA)
        for _ in range(100):
            desk.clock.now += 1 / 20
            await page.send(op="ping")
            await page.receive("pong")


async def test_strangers_at_the_door_are_bounded(tmp_path: Path) -> None:
    async with front_desk(tmp_path, limits=SocketLimits(strangers=2)) as desk:
        cookie = await desk.sign_in("anna")
        first, second = await desk.connect(cookie), await desk.connect(cookie)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await desk.connect(cookie)
        assert refused.value.status == 503
        await first.hello()
        third = await desk.connect(cookie)
        await third.hello()
        await second.hello()


async def test_an_operator_cannot_open_pages_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti_bridge.operators.hub.PAGES_PER_OPERATOR", 2)
    async with front_desk(tmp_path) as desk:
        cookie = await desk.sign_in("anna")
        pages = [await desk.connect(cookie) for _ in range(3)]
        for page in pages[:2]:
            await page.hello()
        await pages[2].send(op="hello")
        assert (await pages[2].sent_away())[1] == 4002


async def test_another_protocol_is_not_spoken(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        for protocols in ((), ("cti-bridge.v2",)):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await desk.http.ws_connect(f"{desk.url}/ws", protocols=protocols)
            assert refused.value.status == 400
        async with desk.http.get(f"{desk.url}/ws") as answer:
            assert answer.status == 400


async def test_answers_are_not_compressed(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        socket = await desk.http.ws_connect(f"{desk.url}/ws", protocols=("cti-bridge.v1",), compress=15)
        assert socket.compress == 0
        await socket.close()


async def test_a_peer_that_vanishes_in_the_middle_of_a_frame_leaves_nothing_behind(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        cookie = await desk.sign_in("anna")
        reader, writer = await asyncio.open_connection("127.0.0.1", desk.listener.port)
        writer.write(
            f"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"Sec-WebSocket-Protocol: cti-bridge.v1\r\nCookie: cti_session={cookie}\r\n\r\n".encode()
        )
        hello = b'{"op":"hello"}'
        writer.write(bytes([0x81, 0x80 | len(hello)]) + b"\0\0\0\0" + hello)
        await desk.counted("cti_pages", 1)
        assert b" 101 " in await reader.readline()
        writer.write(b"\x81\xfe\x10")
        writer.transport.abort()
        await desk.counted("cti_pages", 0)
        await desk.page(ANNA)
