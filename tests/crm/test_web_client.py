"""Asking a CRM over HTTP: what is sent is what was meant, and whatever comes back is bounded and tells no secret."""

import asyncio
import gzip
import json
from typing import Any

import pytest
from aiohttp import web
from http_peer import OK, Writing, answers, peer, says

from cti_bridge.crm.pace import Pace
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.crm.web_client import DEEPEST, FOR_REPORTS, Answer, WebClient, check_base_url, json_of

SHORT_S = 1.0
"""For peers that never come to an end."""
PATIENCE_S = 30.0


async def asked(write: Writing, within_s: float = PATIENCE_S) -> Answer | str:
    """The answer of such a peer, or why there is none."""
    async with peer(write) as there:
        client = WebClient(f"{there.url}/geheim", most_bytes=1_000)
        try:
            return await client.ask("GET", "/who", within_s=within_s)
        except CrmUnavailable as error:
            assert "geheim" not in str(error)
            assert str(there.port) not in str(error)
            return str(error)
        finally:
            await client.close()


class Desk:
    """A server that remembers what it was asked, and answers with it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = 0
        self.status, self.headers = 200, dict[str, str]()

    async def __aenter__(self) -> "Desk":
        app = web.Application()
        app.router.add_route("*", "/{any:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.gate.set()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append({"path": request.raw_path, "body": body, **headers})
        self.waiting += 1
        await self.gate.wait()
        return web.json_response({"n": len(self.asked)}, status=self.status, headers=self.headers)


async def test_what_is_asked_arrives_as_it_was_meant() -> None:
    async with Desk() as desk:
        client = WebClient(f"{desk.url}/api/")
        await client.ask("GET", "/a%2Fb", params=[("q", "+7 495&=ё"), ("q", "#")], headers={"X-Key": "k"}, within_s=30)
        await client.ask("POST", "calls", json={"имя": "Вера\ud800", "n": [1, None]}, within_s=30)
        await client.ask("PUT", "", form={"a b": "ё&"}, within_s=30)
        await client.close()
    first, second, third = desk.asked
    assert first["path"] == "/api/a%2Fb?q=%2B7%20495%26%3D%D1%91&q=%23"
    assert (first["x-key"], first["accept-encoding"]) == ("k", "gzip")
    assert first["user-agent"].startswith("cti-bridge/")
    assert second["path"] == "/api/calls"
    assert second["content-type"] == "application/json"
    assert json.loads(second["body"]) == {"имя": "Вера?", "n": [1, None]}
    assert (third["path"], third["content-type"]) == ("/api", "application/x-www-form-urlencoded")
    assert third["body"] == "a+b=%D1%91%26"


async def test_every_status_that_is_no_redirect_is_the_askers_to_judge() -> None:
    for status in ("204 No Content", "404 Not Found", "500 Oops"):
        answer = await asked(answers(b"", "X-A: 1", "x-a: 2", status=status))
        assert isinstance(answer, Answer)
        assert (answer.status, answer.headers["x-a"]) == (int(status[:3]), "1")


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example",
        "http://127.0.0.1:8080/api/",
        "http://localhost/api",
        "http://[::1]:80",
        "https://crm.example/rest/1/abc-._~",
    ],
)
def test_addresses_that_a_crm_may_be_asked_by(url: str) -> None:
    assert check_base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example",
        "http://127.0.0.1.crm.example",
        "ftp://127.0.0.1",
        "https://",
        "https://u:p@crm.example",
        "https://crm.example/?a=b",
        "https://crm.example/#a",
        "https://crm.example/a b",
        "https://crm.example/\r\nX: y",
        "https://срм.example",
        "https://crm.example:99999",
        "crm.example",
        "",
    ],
)
def test_addresses_that_no_crm_is_asked_by(url: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        WebClient(url)


@pytest.mark.parametrize("path", ["/a b", "/ё", "/a?b=c", "/a#b", "/a\r\nX: y", "/a\\b"])
async def test_a_path_that_was_not_encoded_is_never_sent(path: str) -> None:
    client = WebClient("http://127.0.0.1:1")
    with pytest.raises(ValueError, match="not encoded"):
        await client.ask("GET", path, within_s=1)
    await client.close()


HOSTILE = {
    "without an end": (says(OK + b"\r\n", for_ever=b"x" * 65_536), "its answer is larger than 1000 bytes"),
    "a terabyte": (
        says(OK + b"Content-Length: 999999999999\r\n\r\n", for_ever=b"x" * 65_536),
        "its answer is larger than 1000 bytes",
    ),
    "ten megabytes": (answers(b"[" + b"1," * 5_000_000 + b"1]"), "its answer is larger than 1000 bytes"),
    "a slow drip": (
        says(OK + b"Content-Length: 900\r\n\r\n", every_s=0.02, for_ever=b"x"), f"no answer within {SHORT_S:g} s",
    ),
    "headers that trickle": (
        says(b"HTTP/1.1 200 OK\r\nX: ", every_s=0.02, for_ever=b"x"), f"no answer within {SHORT_S:g} s",
    ),
    "headers without an end": (says(OK, for_ever=b"X-Header: " + b"x" * 60_000 + b"\r\n"), "its answer is not HTTP"),
    "a packed bomb": (
        answers(gzip.compress(b"\0" * 900_000), "Content-Encoding: gzip"), "its answer is larger than 1000 bytes",
    ),
    "half of what was packed": (
        answers(gzip.compress(b"{}" * 90)[:-9], "Content-Encoding: gzip"), "its answer is damaged",
    ),
    "damaged packing": (answers(b"\x1f\x8b\xff\xff", "Content-Encoding: gzip"), "its answer is damaged"),
    "packed as nobody asked": (
        answers(b"{}", "Content-Encoding: br"), "its answer is packed in a way that it was not asked for",
    ),
    "a redirect to another host": (
        answers(b"", "Location: https://geheim.example/", status="302 Found"),
        "HTTP 302, redirects are not followed",
    ),
    "no HTTP": (says(b"220 mail.example ESMTP\r\n\r\n"), "its answer is not HTTP"),
    "a cut line": (says(b""), "the connection broke"),
    "a cut answer": (says(OK + b"Content-Length: 90\r\n\r\n{"), "the connection broke"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_strange_answer_is_none_and_costs_no_more_than_its_limits(name: str) -> None:
    write, expected = HOSTILE[name]
    never_ends = expected.startswith("no answer")
    async with asyncio.timeout(2 * PATIENCE_S):
        assert await asked(write, SHORT_S if never_ends else PATIENCE_S) == expected


async def test_what_is_packed_is_unpacked_and_what_is_only_said_to_be_is_taken_as_it_is() -> None:
    for body in (gzip.compress(b'{"a": 1}'), b'{"a": 1}'):
        answer = await asked(answers(body, "Content-Encoding: gzip"))
        assert isinstance(answer, Answer)
        assert json_of(answer) == {"a": 1}


async def test_nobody_there_is_said_with_the_host_and_nothing_else_of_the_address() -> None:
    async with peer(says(b"")) as there:
        pass
    client = WebClient(there.url)
    with pytest.raises(CrmUnavailable) as caught:
        await client.ask("GET", "/geheim", within_s=30)
    await client.close()
    assert str(caught.value) == f"cannot be reached (at {there.url.removeprefix('http://').rstrip('/')})"


async def test_an_answer_is_never_shown_by_accident() -> None:
    assert "Вера" not in repr(Answer(200, {"x-name": "Вера"}, "Вера".encode()))


async def test_slow_reports_keep_no_look_up_waiting() -> None:
    async with Desk() as desk:
        client = WebClient(desk.url)
        desk.gate.clear()
        reports = [
            asyncio.create_task(client.ask("POST", "/calls", json={}, within_s=30, urgent=False))
            for _ in range(FOR_REPORTS * 3)
        ]
        async with asyncio.timeout(PATIENCE_S):
            while desk.waiting < FOR_REPORTS:
                await asyncio.sleep(0.01)
        look_up = asyncio.create_task(client.ask("GET", "/who", within_s=30))
        async with asyncio.timeout(PATIENCE_S):
            while "/who" not in [one["path"] for one in desk.asked]:
                await asyncio.sleep(0.01)
        assert len(desk.asked) == FOR_REPORTS + 1
        desk.gate.set()
        await asyncio.gather(look_up, *reports)
        await client.close()


async def test_a_crm_that_has_had_enough_is_left_alone_for_as_long_as_it_asks() -> None:
    async with Desk() as desk:
        client = WebClient(desk.url, pace=Pace(100, 10, 5))
        desk.status, desk.headers = 429, {"Retry-After": "60"}
        assert (await client.ask("GET", "/who", within_s=30)).asks_to_wait_s == 60
        with pytest.raises(CrmUnavailable, match="left alone"):
            await client.ask("GET", "/who", within_s=30)
        assert len(desk.asked) == 1
        await client.close()


async def test_a_report_is_not_cut_off_as_soon_as_it_is_sent_because_it_stood_in_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would be told again, and only some CRMs know that they have heard it."""
    loop = asyncio.get_running_loop()
    real, passed = loop.time, [0.0]
    monkeypatch.setattr(loop, "time", lambda: real() + passed[0])

    async def stands_in_line(_seconds: float) -> None:
        passed[0] += 40

    async with Desk() as desk:
        client = WebClient(desk.url, pace=Pace(1 / 40, 1, 0, clock=lambda: passed[0], sleep=stands_in_line))
        await client.ask("POST", "/calls", json={}, within_s=60, urgent=False)
        desk.gate.clear()
        second = asyncio.create_task(client.ask("POST", "/calls", json={}, within_s=60, urgent=False))
        async with asyncio.timeout(120):
            while desk.waiting < 2:
                await asyncio.sleep(0.01)
        assert passed == [40]
        passed[0] += 30
        await asyncio.sleep(0.05)
        desk.gate.set()
        assert (await second).status == 200
        await client.close()


async def test_who_stops_waiting_leaves_nothing_behind() -> None:
    async with Desk() as desk:
        client = WebClient(desk.url)
        desk.gate.clear()
        asking = asyncio.create_task(client.ask("GET", "/who", within_s=30))
        async with asyncio.timeout(PATIENCE_S):
            while not desk.waiting:
                await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        desk.gate.set()
        assert (await client.ask("GET", "/who", within_s=30)).status == 200
        await client.close()
        await client.close()
        with pytest.raises(CrmUnavailable, match="closed"):
            await client.ask("GET", "/who", within_s=30)


def answer(body: bytes, kind: str = "application/json") -> Answer:
    return Answer(200, {"content-type": kind}, body)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "answered nothing and not JSON"),
        (b" \r\n<!DOCTYPE html><p>geheim", "answered HTML and not JSON"),
        (b"<?xml version='1.0'?>", "answered XML and not JSON"),
        (b"geheim", "answered something else and not JSON"),
        (b'{"a": NaN}', "answered something else and not JSON"),
        (b"\xff\xfe\xff", "answered something else and not JSON"),
        (b"1" * 10_000, "answered something else and not JSON"),
        (b"[" * 10_000 + b"]" * 10_000, "answered something else and not JSON"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "answered something else and not JSON"),
        (b"[" * (DEEPEST + 2) + b"]" * (DEEPEST + 2), "answered JSON that is nested too deep"),
    ],
)
def test_what_is_no_json_is_said_to_be_none_in_words_of_our_own(body: bytes, why: str) -> None:
    with pytest.raises(CrmUnavailable) as caught:
        json_of(answer(body))
    assert str(caught.value) == why


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "windows-1251", "koi8-r"])
def test_json_is_read_in_whatever_it_is_written(coding: str) -> None:
    """A header that names another character set than the text has does no harm, as PHP's own default would."""
    written = '{"имя": "Вера Ёлкина", "город": "Тверь"}'.encode(coding)
    named = "windows-1251" if coding.startswith("utf") else coding
    assert json_of(answer(written, f"application/json; charset={named}"))["имя"] == "Вера Ёлкина"


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain; charset=utf-8", "a/b; charset=rot13", "x; charset=idna"]
)
def test_what_is_written_in_nobody_knows_what_is_no_json(kind: str) -> None:
    with pytest.raises(CrmUnavailable):
        json_of(answer('{"имя": "Вера"}'.encode("windows-1251"), kind))


def test_json_is_read_as_it_is() -> None:
    assert json_of(answer('{"имя": ["Вера", 1, 2.5, null, true]}'.encode())) == {"имя": ["Вера", 1, 2.5, None, True]}
    assert json_of(answer(b"[" * DEEPEST + b"]" * DEEPEST))
