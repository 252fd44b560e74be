"""The page is served safely, the private listener tells how things are, and a taken port is one clear line."""

import asyncio
import socket
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from front_desk import FrontDesk, front_desk
from private_room import no_recorder, nobody_reloads
from prometheus_client import CollectorRegistry, Counter

from cti_bridge.readiness import Readiness, Source, SourceState
from cti_bridge.web.private import private_app
from cti_bridge.web.server import CannotListen, Listener

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def build_page(desk: FrontDesk) -> None:
    (desk.static / "assets").mkdir(parents=True)
    (desk.static / "index.html").write_text("<!doctype html><title>Звонки</title>", encoding="utf-8")
    (desk.static / "assets" / "index-Bx1.js").write_text("export {}", encoding="utf-8")
    (desk.static / "assets" / "notes.txt").write_text("not for browsers", encoding="utf-8")
    (desk.static.parent / "secret.js").write_text("secret", encoding="utf-8")


async def test_the_page_comes_with_a_strict_policy_and_is_asked_for_anew(tmp_path: Path) -> None:
    async with front_desk(tmp_path, with_operators=False) as desk:
        build_page(desk)
        async with desk.http.get(f"{desk.url}/") as answer:
            assert answer.status == 200
            assert "Звонки" in await answer.text()
            assert answer.headers["Content-Security-Policy"] == POLICY
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert answer.headers["Cache-Control"] == "no-cache"
            assert answer.headers["Server"] == "cti-bridge"
            tag = answer.headers["ETag"]
        async with desk.http.get(f"{desk.url}/", headers={"If-None-Match": tag}) as answer:
            assert answer.status == 304


async def test_assets_are_kept_for_good(tmp_path: Path) -> None:
    async with front_desk(tmp_path, with_operators=False) as desk:
        build_page(desk)
        async with desk.http.get(f"{desk.url}/assets/index-Bx1.js") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert answer.headers["Content-Security-Policy"] == POLICY


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../secret.js",
        "/assets/..%2f..%2fsecret.js",
        "/assets/%2e%2e/%2e%2e/secret.js",
        "/assets/..",
        "/assets/%00.js",
        "/assets/notes.txt",
        "/assets/missing.js",
        "/assets/",
        "/secret.js",
        "/index.html/../../secret.js",
        "//etc/passwd",
    ],
)
async def test_nothing_else_is_served(tmp_path: Path, path: str) -> None:
    async with front_desk(tmp_path, with_operators=False) as desk:
        build_page(desk)
        status, content = await raw_get(desk.listener.port, path)
        assert status == 404
        assert "secret" not in content
        assert "not_found" in content


async def raw_get(port: int, path: str) -> tuple[int, str]:
    """GET without any client that tidies the path up first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(30):
        answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1]), answer


async def test_a_page_that_was_not_built_says_what_to_do(tmp_path: Path) -> None:
    async with front_desk(tmp_path, with_operators=False) as desk, desk.http.get(f"{desk.url}/") as answer:
        assert answer.status == 503
        assert "make ui" in await answer.text()


async def test_errors_are_json_with_the_same_headers(tmp_path: Path) -> None:
    async with (
        front_desk(tmp_path, with_operators=False) as desk,
        desk.http.put(f"{desk.url}/api/v1/session") as answer,
    ):
        assert answer.status == 405
        assert set(answer.headers["Allow"].split(",")) == {"DELETE", "GET", "HEAD", "POST"}
        assert (await answer.json())["error"]["code"] == "method_not_allowed"
        assert answer.headers["Content-Security-Policy"] == POLICY


async def test_ready_means_that_every_source_is_up(tmp_path: Path) -> None:
    readiness, registry = Readiness(["asterisk", "crm"]), CollectorRegistry()
    Counter("cti_calls", "Calls.", registry=registry).inc()
    changes: list[Source] = []
    readiness.subscribe(changes.append)
    listener = Listener(
        private_app(readiness, registry, no_recorder(), nobody_reloads(tmp_path), mode="live"), "127.0.0.1", 0
    )
    await listener.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{listener.port}") as http:
            readiness.set("asterisk", SourceState.UP)
            readiness.set("crm", SourceState.AT_RISK, "no answer within 300 ms")
            readiness.set("crm", SourceState.AT_RISK, "still no answer")
            async with http.get("/readyz") as answer:
                assert answer.status == 503
                assert await answer.json() == {
                    "mode": "live",
                    "sources": {
                        "asterisk": {"state": "up", "reason": ""},
                        "crm": {"state": "at_risk", "reason": "still no answer"},
                    },
                }
            async with http.get("/healthz") as answer:
                assert answer.status == 200
                assert (await answer.json())["sources"]["crm"]["state"] == "at_risk"
            readiness.set("crm", SourceState.UP)
            async with http.get("/readyz") as answer:
                assert answer.status == 200
            async with http.get("/metrics") as answer:
                assert "cti_calls_total 1.0" in await answer.text()
            assert [(change.name, change.state) for change in changes] == [
                ("asterisk", "up"),
                ("crm", "at_risk"),
                ("crm", "up"),
            ]
    finally:
        await listener.stop()


async def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listener = Listener(web.Application(), "127.0.0.1", port)
        with pytest.raises(CannotListen) as refused:
            await listener.start()
        assert str(refused.value) == f"127.0.0.1:{port} already in use"
        await listener.stop()
