"""The line to a CRM over HTTP: names, encryption, connections that are used again; no answer is that of another."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.crm.web_client import WebClient
from cti_bridge.settings_model import safe_url

CERTIFICATE = Path(__file__).parent.parent / "ari" / "loopback.pem"
"""For 127.0.0.1, signed by itself."""
PATIENCE_S = 30.0
Answering = Callable[[str, int], Awaitable[bytes | None]]
"""What is written to a request (method and path; the how-manieth it is); None: the connection is closed instead."""


def says(body: str, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + f"\r\n\r\n{body}").encode()


@asynccontextmanager
async def server(answering: Answering, heads: list[str], tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that keeps its connections, for requests without a body; its `host:port`."""
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                heads.append(head)
                answer = await answering(" ".join(head.split(" ", 2)[:2]), len(heads))
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def why(client: WebClient, within_s: float = PATIENCE_S) -> str:
    """Why this CRM cannot be asked."""
    with pytest.raises(CrmUnavailable) as caught:
        await client.ask("GET", "/geheim", within_s=within_s)
    await client.close()
    assert "geheim" not in str(caught.value)
    return str(caught.value)


def test_a_name_server_that_hangs_holds_up_only_who_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what else the bridge does beside its loop, nor its end, waits for the system's resolver."""
    released, ended = threading.Event(), threading.Event()
    asked: list[str] = []
    told: list[str] = []

    def hangs(host: str, *_args: object, **_more: object) -> list[object]:
        asked.append(host)
        released.wait(4 * PATIENCE_S)
        raise socket.gaierror(socket.EAI_AGAIN, "geheim")

    async def life() -> None:
        client = WebClient("https://crm.example")
        for _ in range(3):
            asking = (client.ask("GET", "/who", within_s=0.05) for _ in range(20))
            told.extend(map(str, await asyncio.gather(*asking, return_exceptions=True)))
        assert await asyncio.gather(*(asyncio.to_thread(lambda: "free") for _ in range(20))) == ["free"] * 20
        await client.close()

    def run() -> None:
        asyncio.run(life())
        ended.set()

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    threading.Thread(target=run, daemon=True).start()
    try:
        assert ended.wait(PATIENCE_S), "the loop ends while the name is still being looked for"
        assert set(told) == {"no answer within 0.05 s"}
        assert asked == ["crm.example"], "one question for all who want to know"
    finally:
        released.set()


async def test_a_name_that_there_is_not_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_args: object, **_more: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "geheim")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    assert await why(WebClient("https://crm.example")) == "its name cannot be resolved (at crm.example:443)"
    assert (await why(WebClient(f"https://{'x' * 70}.example"))).startswith("its name cannot be resolved (at xxx")


async def test_a_certificate_that_is_not_good_is_said_to_be_so_and_why() -> None:
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(CERTIFICATE)
    trusting = ssl.create_default_context(cafile=CERTIFICATE)

    async def well(_request: str, _count: int) -> bytes:
        return says("{}")

    async def in_the_clear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with server(well, [], ours) as there, await asyncio.start_server(in_the_clear, "127.0.0.1", 0) as plain:
        port = there.rpartition(":")[2]
        assert await why(WebClient(f"https://{there}")) == (
            "its certificate is signed by itself, and not among those that are trusted"
        )
        assert await why(WebClient(f"https://localhost:{port}", tls=trusting)) == "its certificate is for another name"
        assert (
            await why(WebClient(f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}"))
            == "it does not speak TLS at that port (is it http?)"
        )
        client = WebClient(f"https://{there}", tls=trusting)
        assert (await client.ask("GET", "/who", within_s=PATIENCE_S)).status == 200
        await client.close()


async def test_an_answer_that_comes_too_late_is_never_the_answer_to_the_next_question() -> None:
    late, heads = asyncio.Event(), list[str]()

    async def slow_at_first(request: str, count: int) -> bytes:
        if count == 1:
            await late.wait()
        return says(request)

    async with server(slow_at_first, heads) as there:
        client = WebClient(f"http://{there}")
        with pytest.raises(CrmUnavailable, match="no answer within"):
            await client.ask("GET", "/vera", within_s=0.1)
        late.set()
        for name in ("/rem", "/ida"):
            assert (await client.ask("GET", name, within_s=PATIENCE_S)).body == f"GET {name}".encode()
        await client.close()


async def test_a_connection_that_is_closed_at_the_wrong_moment_costs_no_look_up_and_doubles_no_report() -> None:
    heads: list[str] = []

    async def closes_what_was_kept(request: str, count: int) -> bytes | None:
        return says(request) if count % 2 else None

    async with server(closes_what_was_kept, heads) as there:
        client = WebClient(f"http://{there}")
        await client.ask("GET", "/first", within_s=PATIENCE_S)
        again = await client.ask("GET", "/who", within_s=PATIENCE_S)
        assert again.body == b"GET /who", "asked once more, on a new connection"
        with pytest.raises(CrmUnavailable, match="the connection broke"):
            await client.ask("POST", "/calls", within_s=PATIENCE_S)
        await client.close()
    assert [head.split(" HTTP")[0] for head in heads] == ["GET /first", "GET /who", "GET /who", "POST /calls"]


async def test_neither_cookies_nor_proxies_nor_passwords_of_the_environment_are_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login admin password geheim\n", "utf-8")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    heads: list[str] = []

    async def gives_a_cookie(_request: str, _count: int) -> bytes:
        return says("{}", "Set-Cookie: session=vera; Path=/")

    async with server(gives_a_cookie, heads) as there:
        client = WebClient(f"http://{there}")
        for _ in range(2):
            await client.ask("GET", "/who", within_s=PATIENCE_S)
        await client.close()
    assert len(heads) == 2
    assert not {"cookie:", "authorization:"} & set(" ".join(heads).lower().split())


async def test_a_header_that_the_settings_name_takes_the_place_of_ours_however_it_is_written() -> None:
    heads: list[str] = []

    async def well(_request: str, _count: int) -> bytes:
        return says("{}", "Connection: close")

    async with server(well, heads) as there:
        client = WebClient(f"http://{there}")
        named = {"content-type": "application/vnd.api+json", "user-agent": "bridge"}
        await client.ask("POST", "/calls", json={}, headers=named, within_s=PATIENCE_S)
        await client.close()
    lines = [line.lower() for line in heads[0].split("\r\n")]
    assert [line for line in lines if line.startswith("content-type")] == ["content-type: application/vnd.api+json"]
    assert [line for line in lines if line.startswith("user-agent")] == ["user-agent: bridge"]


@pytest.mark.parametrize(
    "host",
    [
        "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "localhost.", "localhost.crm.example", "[::1].crm.example",
        "[::1]crm.example", "127.0.0.1.", "127.0.0.1%00.crm.example", "127.0.0.1\\.crm.example",
        "localhost@crm.example", "0.0.0.0", "[::]", "①②⑦.0.0.1", "crm.example#127.0.0.1",
        "crm.example\t", "[fe80::1%25lo]",
    ],
)  # fmt: skip
def test_http_in_the_clear_is_for_what_is_plainly_this_machine(host: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        WebClient(f"http://{host}/api")
    with pytest.raises(ValueError, match=r"\S"):
        WebClient(f"http://127.0.0.1@{host}/api")


def test_who_could_be_somebody_else_is_not_asked_for_reports_in_the_clear_either() -> None:
    for url in ("http://localhost.example/", "http://127.1/", "http://10.0.0.1/"):
        with pytest.raises(ValueError, match="https"):
            safe_url(url)
