"""One client for every CRM that is asked over HTTP, with every limit that a stranger at the other end makes necessary.

It follows no redirect, speaks plain HTTP only on loopback, uses neither cookies nor the environment's proxies, and
reads no more of an answer than was agreed. A failure is told in our own words: the address may hold a password, the
answer customer data. What a status means is left to the one who asks, because each CRM means something else by it.
"""

import asyncio
import re
import ssl
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from json import detect_encoding, dumps, loads
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from cti_bridge import __version__
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.host_names import KEPT_S, HostNames
from cti_bridge.http_peers import in_words, wait_asked_s
from cti_bridge.settings_model import safe_url

T = TypeVar("T")

CONNECTIONS = 16
"""Requests on their way to one CRM at the same time; more wait."""
FOR_REPORTS = 8
"""So many of them at most are not urgent, so that slow reports never keep a look-up waiting."""
DEEPEST = 64
"""Levels of an answer in JSON; no CRM nests its answers so deep."""
MOST_THINGS = 500_000
"""Values in an answer in JSON, counted before it is read: reading millions of empty lists would take seconds."""
AT_ONCE = 8_192
"""Bytes of an answer that are worked out at once; in a longer one there may be work for a second."""
_KEPT_S = 60.0
"""A connection that is not used is kept for so long: the next look-up needs no handshake."""
_LIMITING = frozenset({429, 503})
_SAFE_PATH = re.compile(r"[A-Za-z0-9!$&'()*+,;:@/._~%-]*")
_PLAIN = re.compile(r"[!-~]{1,2000}")
_CHARSET = re.compile(r"charset=[\"']?([A-Za-z0-9_-]{1,40})")
_CHARSETS = frozenset({"windows-1251", "cp1251", "koi8-r", "koi8-u", "windows-1252", "iso-8859-1", "iso-8859-5"})
_GZIP = b"\x1f\x8b"
_BETWEEN_THINGS = (b",", b"[", b"{")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the names of `headers` are lower-case. Body and headers hold customer data."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def asks_to_wait_s(self) -> float | None:
        """For how many seconds it wants to be left alone (`Retry-After`), None when it does not say."""
        return wait_asked_s(self.headers.get("retry-after", ""), time.time())


def check_base_url(url: str) -> str:
    """The address without a slash at its end. Raises ValueError where a CRM must not be asked by it."""
    if not _PLAIN.fullmatch(url):
        raise ValueError("not an address such as https://crm.example/api: letters beyond ASCII are written in punycode")
    if "?" in safe_url(url):
        raise ValueError("no ? may be in it")
    try:
        URL(url, encoded=True)
    except ValueError:  # the library that connects reads addresses more strictly than the one that checks them
        raise ValueError("not an address such as https://crm.example/api") from None
    return url.rstrip("/")


class WebClient:
    """Asks one CRM; made without a running loop, connected at the first question.

    `base_url` comes before every path; `tls` is for a CRM whose certificate the system does not know; `pace` is how
    often the CRM may be asked; an answer of more than `most_bytes` is refused. Raises ValueError for an address that
    is none, or that is not https beyond loopback.
    """

    def __init__(
        self, base_url: str, *, tls: ssl.SSLContext | None = None, pace: Pace | None = None, most_bytes: int = 1_000_000
    ) -> None:
        self._base_url = check_base_url(base_url)
        self._tls = tls
        self._pace = pace
        self._most_bytes = most_bytes
        self._not_urgent = asyncio.Semaphore(FOR_REPORTS)
        self._session: aiohttp.ClientSession | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._closed = False

    @property
    def base_url(self) -> str:
        """The address that comes before every path."""
        return self._base_url

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] = {},
        params: Sequence[tuple[str, str]] = (),
        json: object = None,
        form: Mapping[str, str] | None = None,
        within_s: float,
        urgent: bool = True,
    ) -> Answer:
        """Send one request and give back what came, whatever its status; `within_s` is the limit for all of it.

        `path` is encoded already, `params` are not. `json` or `form` becomes the body. `urgent=False`: a report, for
        which no caller waits; its time begins anew when it is its turn, since one that is cut off as soon as it was
        sent is told twice. Raises CrmUnavailable when there is no usable answer in time, also for a redirect.
        """
        url = self._url(path, params)
        body, kind = _body(json, form)
        wanted = CIMultiDict({"Content-Type": kind} if kind else {})
        wanted.update(headers)
        try:
            async with asyncio.timeout(within_s) as limit:
                async with self._room(urgent=urgent):
                    if self._pace is not None:
                        await self._pace.take(urgent=urgent, within_s=within_s)
                    if not urgent:
                        limit.reschedule(asyncio.get_running_loop().time() + within_s)
                    answer = await self._exchange(method, url, wanted, body)
        except TimeoutError:
            raise CrmUnavailable(f"no answer within {within_s:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            is_away = isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, aiohttp.ClientSSLError)
            raise CrmUnavailable(in_words(error) + (f" (at {url.authority})" if is_away else "")) from None
        if 300 <= answer.status < 400:
            raise CrmUnavailable(f"HTTP {answer.status}, redirects are not followed")
        asked_s = answer.asks_to_wait_s
        if self._pace is not None and answer.status in _LIMITING and asked_s is not None:
            self._pace.hold(asked_s)
        return answer

    async def worked_out(self, answer: Answer, reading: Callable[[Answer], T]) -> T:
        """What `reading` makes of an answer: beside the event loop where it is long, one after the other.

        Raises what `reading` does, and CrmUnavailable once the client is closed.
        """
        if len(answer.body) <= AT_ONCE:
            return reading(answer)
        if self._closed:
            raise CrmUnavailable("the connection is closed")
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="crm-answer")
        return await asyncio.get_running_loop().run_in_executor(self._thread, reading, answer)

    async def close(self) -> None:
        """Close the connections; may be called twice. Nothing can be asked afterwards."""
        self._closed = True
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=False, cancel_futures=True)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _room(self, *, urgent: bool) -> AbstractAsyncContextManager[None]:
        return nullcontext() if urgent else self._not_urgent

    def _url(self, path: str, params: Sequence[tuple[str, str]]) -> URL:
        if not _SAFE_PATH.fullmatch(path):
            raise ValueError("the path is not encoded")
        query = f"?{urlencode(params, quote_via=quote, safe='', errors='replace')}" if params else ""
        between = "/" if path and not path.startswith("/") else ""
        return URL(f"{self._base_url}{between}{path}{query}", encoded=True)

    async def _exchange(self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None) -> Answer:
        async with self._connected().request(method, url, headers=headers, data=body, allow_redirects=False) as got:
            names: dict[str, str] = {}
            for name, value in got.headers.items():
                names.setdefault(name.lower(), value)
            packed = await self._read(got)
            packing = names.get("content-encoding", "identity").strip().lower()
            return Answer(got.status, names, self._unpacked(packed, packing))

    async def _read(self, got: aiohttp.ClientResponse) -> bytes:
        """The body as it was sent; what is longer than agreed costs the connection."""
        read = bytearray()
        if (got.content_length or 0) <= self._most_bytes or got.method == "HEAD":
            while piece := await got.content.read(65_536):
                read += piece
                if len(read) > self._most_bytes:
                    break
            else:
                return bytes(read)
        got.close()
        raise self._too_large()

    def _unpacked(self, body: bytes, packing: str) -> bytes:
        """The body itself. Some servers say gzip of what is not packed at all, so its first bytes decide."""
        if packing not in {"", "identity", "gzip", "x-gzip"}:
            raise CrmUnavailable("its answer is packed in a way that it was not asked for")
        if not packing.endswith("gzip") or not body.startswith(_GZIP):
            return body
        unpacking = zlib.decompressobj(wbits=31)
        try:
            plain = unpacking.decompress(body, self._most_bytes + 1)
        except zlib.error:
            raise CrmUnavailable("its answer is damaged") from None
        if len(plain) > self._most_bytes:
            raise self._too_large()
        if not unpacking.eof:
            raise CrmUnavailable("its answer is damaged")
        return plain

    def _too_large(self) -> CrmUnavailable:
        return CrmUnavailable(f"its answer is larger than {self._most_bytes} bytes")

    def _connected(self) -> aiohttp.ClientSession:
        if self._closed:
            raise CrmUnavailable("the connection is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=CONNECTIONS,
                    keepalive_timeout=_KEPT_S,
                    ssl=self._tls if self._tls is not None else True,
                    resolver=HostNames(),
                    ttl_dns_cache=KEPT_S,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"cti-bridge/{__version__}", "Accept-Encoding": "gzip"},
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


def json_of(answer: Answer) -> Any:
    """What an answer in JSON says. Raises CrmUnavailable when it is none, or one that nobody would send honestly.

    JSON is UTF-8; what is not, but says in its `Content-Type` what it is (windows-1251), is read as that.
    """
    if sum(map(answer.body.count, _BETWEEN_THINGS)) > MOST_THINGS:
        raise CrmUnavailable(f"answered JSON of more than {MOST_THINGS} values")
    try:
        said = loads(_text(answer), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise CrmUnavailable(f"answered {_looks_like(answer)} and not JSON") from None
    if _deeper_than(said, DEEPEST):
        raise CrmUnavailable("answered JSON that is nested too deep")
    return said


def _text(answer: Answer) -> str:
    """The body as text. Raises ValueError. A wrong header does no harm: other character sets are never valid UTF-8."""
    coding = detect_encoding(answer.body)
    try:
        return answer.body.decode(coding)
    except UnicodeDecodeError:
        named = _CHARSET.search(answer.headers.get("content-type", ""))
        if named is None or named[1].lower() not in _CHARSETS:
            raise
        return answer.body.decode(named[1])


def _body(json: object, form: Mapping[str, str] | None) -> tuple[bytes | None, str]:
    """The body and its type; characters that cannot be written as UTF-8 are replaced."""
    if form is not None:
        return urlencode(form, errors="replace").encode(), "application/x-www-form-urlencoded"
    if json is not None:
        return dumps(json, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace"), "application/json"
    return None, ""


def _looks_like(answer: Answer) -> str:
    start = answer.body[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        return "nothing"
    if start.startswith((b"<!doctype html", b"<html")) or "html" in answer.headers.get("content-type", ""):
        return "HTML"
    return "XML" if start.startswith(b"<") else "something else"


def _no_number(_word: str) -> None:
    raise ValueError


def _deeper_than(value: Any, levels: int) -> bool:
    level = [value]
    for _ in range(levels + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
