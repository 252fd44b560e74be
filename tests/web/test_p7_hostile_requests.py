"""P7 on HTTP: a request that is none, too large, too slow or for somebody else is refused, and only its sender."""

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from front_desk import PASSWORD, FrontDesk, front_desk
from hostile_texts import TEXTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti_bridge.web import answers, server

pytestmark = pytest.mark.slow

WITHIN_S = 30.0
SESSION = b"/api/v1/session"
HIDDEN_WORDS = "nobody reads this"


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FrontDesk]:
    """A front desk without operators, with a page, and with files beside it that are nobody's business."""
    assets = tmp_path / "static" / "assets"
    assets.mkdir(parents=True)
    (tmp_path / "static" / "index.html").write_text("<!doctype html>")
    (assets / "app-1.js").write_text("'page'")
    (assets / "notes.txt").write_text(HIDDEN_WORDS)
    (assets / "folder.js").mkdir()
    for place in (tmp_path, tmp_path / "static"):
        (place / "secret.js").write_text(HIDDEN_WORDS)
    monkeypatch.setattr(server, "LINGER_S", 0.1)
    async with front_desk(tmp_path, with_operators=False) as desk:
        yield desk


async def say(desk: FrontDesk, request: bytes) -> bytes:
    """What the server answers until it closes; the request ends the connection, or what is wrong with it does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.listener.port, limit=1 << 24)
    heard = b""
    try:
        with suppress(ConnectionError):
            async with asyncio.timeout(WITHIN_S):
                writer.write(request)
                with suppress(ConnectionError):
                    await writer.drain()
                while part := await reader.read(1 << 16):
                    heard += part
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    return heard


def statuses(heard: bytes) -> list[int]:
    return [int(line.split()[1]) for line in heard.split(b"\r\n") if line.startswith(b"HTTP/1.")]


def get(path: bytes, *headers: bytes) -> bytes:
    lines = (b"GET " + path + b" HTTP/1.1", b"Host: localhost", b"Connection: close", *headers)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def post(body: bytes, *headers: bytes, path: bytes = SESSION) -> bytes:
    length = b"Content-Length: %d" % len(body)
    return get(path, b"Content-Type: application/json", length, *headers).replace(b"GET", b"POST", 1) + body


async def is_well(desk: FrontDesk) -> None:
    async with asyncio.timeout(WITHIN_S), desk.http.get(f"{desk.url}/") as answer:
        assert answer.status == 200


HIDDEN = b"0\r\n\r\nGET /api/v1/session HTTP/1.1\r\nHost: localhost\r\n\r\n"
SMUGGLED = {
    "two lengths": post(b"{}", b"Content-Length: 7"),
    "two equal lengths": post(b"{}", b"Content-Length: 2"),
    "a length and chunks": post(HIDDEN, b"Transfer-Encoding: chunked"),
    "unknown coding": post(HIDDEN, b"Transfer-Encoding: xchunked"),
    "chunks, then something": post(HIDDEN, b"Transfer-Encoding: chunked, identity"),
    "a negative length": get(SESSION, b"Content-Length: -1"),
    "a length in words": get(SESSION, b"Content-Length: ten"),
    "a length with a sign": get(SESSION, b"Content-Length: +5"),
    "a blank before the colon": get(SESSION, b"Transfer-Encoding : chunked"),
    "a folded header": get(SESSION, b"X: a\r\n b"),
    "a header without a name": get(SESSION, b": x"),
    "a nought": get(SESSION, b"X: a\0b"),
    "a bare CR": get(SESSION, b"X: a\rTransfer-Encoding: chunked"),
    "a long header": get(SESSION, b"X: " + b"x" * 100_000),
    "a long path": get(b"/" + b"x" * 100_000),
    "a thousand headers": get(SESSION, *(b"X-%d: x" % number for number in range(10_000))),
    "two hosts": get(SESSION, b"Host: evil.example"),
    "bad chunk": get(SESSION, b"Transfer-Encoding: chunked").replace(b"GET", b"POST", 1) + b"zz\r\n{}\r\n0\r\n\r\n",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an old protocol": b"GET /\r\n\r\n",
    "TLS": bytes.fromhex("16030100a5010000a10303") + b"\0" * 160,
    "bytes": bytes(range(256)) * 4 + b"\r\n\r\n",
    "a method of its own": get(SESSION).replace(b"GET", b"G\xc3\x8bT", 1),
    "AMI": b"Action: Login\r\nUsername: cti\r\n\r\n",
    "a question of FastAGI": b"agi_network: yes\nagi_network_script: route\n\n",
}


async def test_a_request_that_two_servers_could_read_differently_is_refused_by_this_one(
    desk: FrontDesk,
) -> None:
    for name, request in SMUGGLED.items():
        heard = await say(desk, request)
        assert statuses(heard) in ([], [400], [413], [431]), (name, heard[:300])
        assert b"Traceback" not in heard, name
    await is_well(desk)


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../secret.js", "/assets/..%2fsecret.js", "/assets/..%2F..%2Fsecret.js", "/assets/%2e%2e/secret.js",
        "/assets/%2e%2e%2fsecret.js", "/assets/..%252fsecret.js", "/assets/..%5csecret.js", "/assets/..\\secret.js",
        "/assets//secret.js", "/..%2fsecret.js", "/../secret.js", "//secret.js", "/assets/./../../secret.js",
        "/assets/app-1.js%00.txt", "/assets/notes.txt", "/assets/notes.txt%00.js", "/assets/folder.js", "/assets/..",
        "/assets/.", "/assets/", "/assets", "/assets/.js", "/assets/%c0%ae%c0%ae%c0%afsecret.js", "/secret.js",
        "/assets/app-1.js/", "/assets/app-1.js/../../../secret.js", "/static/secret.js", "/assets/\u2025/secret.js",
        "/assets/app-1.js;/../secret.js", "/assets/~root", "/etc/passwd", "/assets/file:%2f%2f%2fetc%2fpasswd",
    ],
)  # fmt: skip
async def test_no_path_leads_to_a_file_that_is_not_an_asset(desk: FrontDesk, path: str) -> None:
    heard = await say(desk, get(path.encode()))
    assert statuses(heard) in ([404], [400]), heard[:200]
    assert HIDDEN_WORDS.encode() not in heard
    assert b"root:" not in heard


async def test_an_asset_is_served(desk: FrontDesk) -> None:
    assert (await say(desk, get(b"/assets/app-1.js"))).endswith(b"'page'")


HOSTS = [
    b"evil.example", b"localhost.evil.example", b"evil.example:80", b"localhost@evil.example", b"a" * 5_000,
    b"evil.example#localhost", b"evil.example/localhost", b"[::1", b"", b"localhost:80:80", b"local\tho\tst",
    b"127.1evil", b"0x7f.evil", b"localhost\\.evil.example", b"evil.example,localhost", b"127.0.0.1.evil.example",
    b"localhost/evil.example", b"user@localhost", b"localhost:", b"localhost:x", b"\xff\xfe",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
async def test_a_host_that_is_not_ours_is_refused_whatever_it_is_dressed_up_as(desk: FrontDesk, host: bytes) -> None:
    heard = await say(desk, get(SESSION).replace(b"Host: localhost", b"Host: " + host))
    assert statuses(heard) in ([421], [400]), heard[:300]
    for disguise in (b"X-Forwarded-Host", b"X-Original-URL", b"Forwarded"):
        heard = await say(desk, get(SESSION, disguise + b": " + (b"host=" if disguise == b"Forwarded" else b"") + host))
        assert statuses(heard) in ([401], [400])
        assert b"evil" not in heard


BODIES = {
    "an array of arrays": b"[" * 7_000 + b"]" * 7_000,
    "objects in objects": b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    "a number without end": b'{"login":' + b"9" * 10_000 + b"}",
    "a huge exponent": b'{"login":1e999999999,"password":"x"}',
    "not a number": b'{"login":NaN,"password":"x"}',
    "half a surrogate pair": b'{"login":"\\ud800","password":"\\udfff"}',
    "bytes": b"\xff\xfe\x00",
    "no text in a text": b'{"login":"\xc3\x28","password":"x"}',
    "a nought": b'{"login":"a\\u0000b","password":"x"}',
    "a long login": json.dumps({"login": "x" * 10_000, "password": "x"}).encode(),
    "a long password": json.dumps({"login": "x", "password": "x" * 10_000}).encode(),
    "something else": b'{"login":["anna"],"password":{"$ne":null}}',
    "too much": b'{"login":"a","password":"x","role":"admin"}',
    "a field of fields": json.dumps({"login": "a", "password": "x", "x" * 9_000: 1}).encode(),
    "nothing": b"",
    "null": b"null",
    "two objects": b"{}{}",
    "a comment": b'{"login":"a"/*,"password":"x"*/}',
}


async def test_a_body_that_is_no_sign_in_is_refused_before_anybody_looks_for_an_operator(desk: FrontDesk) -> None:
    for name, body in BODIES.items():
        heard = await say(desk, post(body))
        assert statuses(heard) in ([400], [401]), (name, heard[:300])
        assert len(heard) < 2_000, name
        assert b"x" * 300 not in heard, name
    for name, text in TEXTS.items():
        heard = await say(desk, post(json.dumps({"login": text[:64], "password": text[:200]}).encode()))
        assert statuses(heard) in ([400], [401], [429]), (name, heard[:300])
        head, _, content = heard.partition(b"\r\n\r\n")
        assert b"script" not in content.lower(), name
        assert b"set-cookie" not in head.lower(), name
    await is_well(desk)


async def test_ten_megabytes_are_not_read_and_a_bomb_is_not_blown_up(desk: FrontDesk) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    requests = {
        "announced": post(b"").replace(b"Content-Length: 0", b"Content-Length: 10000000") + b" " * 1_000_000,
        "in chunks": get(SESSION, b"Content-Type: application/json", b"Transfer-Encoding: chunked").replace(
            b"GET", b"POST", 1
        )
        + b"10000\r\n" + b" " * 65_536 + b"\r\n" + (b"10000\r\n" + b" " * 65_536 + b"\r\n") * 20,
        "compressed": post(bomb, b"Content-Encoding: gzip"),
    }  # fmt: skip
    tracemalloc.start()
    try:
        for name, request in requests.items():
            tracemalloc.reset_peak()
            began, _ = tracemalloc.get_traced_memory()
            heard = await say(desk, request)
            assert statuses(heard) in ([413], [400], []), (name, heard[:300])
            assert tracemalloc.get_traced_memory()[1] - began < 12_000_000, name
    finally:
        tracemalloc.stop()
    await is_well(desk)


async def test_what_a_stranger_sends_is_not_written_into_the_log(
    desk: FrontDesk, caplog: pytest.LogCaptureFixture
) -> None:
    """aiohttp's own line about a request that is none has the request in it, a cookie that is a secret included."""
    caplog.set_level("DEBUG")
    for header in (b"Cookie: cti_session=geheim\x01", b"Authorization: Bearer geheim\x01", b"geheim\x01: x"):
        assert statuses(await say(desk, get(SESSION, header))) == [400]
    assert statuses(await say(desk, get(b"/geheim\x01"))) == [400]
    assert "geheim" not in caplog.text
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


async def test_who_sends_a_request_byte_by_byte_is_not_waited_for(
    desk: FrontDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FIRST_REQUEST_S", 0.3)
    monkeypatch.setattr(answers, "BODY_WITHIN_S", 0.3)
    slow_head, slow_body = get(SESSION, b"X: " + b"x" * 5_000), post(b" " * 5_000)
    head = slow_body.index(b"\r\n\r\n") + 4
    said = await asyncio.gather(
        *(dribble(desk, b"", slow_head) for _ in range(20)), dribble(desk, slow_body[:head], slow_body[head:])
    )
    assert said[:20] == [[]] * 20
    assert said[20] in ([408], []), "who goes on sending may miss why"
    await is_well(desk)


async def dribble(desk: FrontDesk, at_once: bytes, slowly: bytes) -> list[int]:
    """What is answered to a request of which one byte comes every few milliseconds, until the server has enough."""
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.listener.port)
    heard = asyncio.create_task(reader.read())
    writer.write(at_once)
    async with asyncio.timeout(WITHIN_S):
        for place in range(len(slowly)):
            with suppress(ConnectionError):
                writer.write(slowly[place : place + 1])
            await asyncio.wait({heard}, timeout=0.02)
            if heard.done():
                break
    assert heard.done(), "it went on listening"
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return [] if heard.exception() else statuses(heard.result())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=64), st.sampled_from([text.encode() for text in TEXTS.values()])))
async def test_no_cookie_and_no_key_breaks_anything(desk: FrontDesk, value: bytes) -> None:
    plain = value.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")[:4_000]
    for header in (b"Cookie: cti_session=", b"Cookie: ", b"Authorization: Bearer ", b"Authorization: "):
        assert statuses(await say(desk, get(SESSION, header + plain))) in ([401], [400])
    heard = await say(desk, post(b'{"operator":"anna"}', b"Authorization: Bearer " + plain, path=b"/api/v1/tickets"))
    assert statuses(heard) in ([401], [400])


async def test_guessing_passwords_from_one_address_holds_nobody_else_back(tmp_path: Path) -> None:
    """The limit is per pair of login and address first: a colleague behind the same address still gets in."""
    async with front_desk(tmp_path) as desk:
        for _ in range(6):
            heard = await say(desk, post(b'{"login":"anna","password":"wrong"}'))
        assert statuses(heard) == [429]
        assert await desk.sign_in("boris", PASSWORD)
