"""HTTP to ARI, within limits of time and size, and with the password in a header and nowhere else.

Whatever goes wrong becomes an `AriGone` or an `AriFailed`, whose texts are our own: what aiohttp and Asterisk say of a
request may hold customers' names.
"""

import json
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp

CONNECTIONS = 8
"""So many at a time. Asterisk's HTTP server lets ten wait to be accepted; one more is heard only after a second."""
MAX_ANSWER = MAX_EVENT = 256 * 1024
"""Bytes; a channel has about 700."""
_KEPT_S = 5.0
"""A connection is used again for this long; Asterisk closes it after 15 s, and must not do so under a request."""
_GONE = (404, 409)


class AriGone(Exception):
    """The channel is not in our application any more, or not at all: hung up, or its deadline struck."""


class AriFailed(Exception):
    """ARI could not be reached or did not do what was asked; the message says why and holds no secret."""


class AriRefused(AriFailed):
    """ARI does not know us, or does not let us do what we must, until its admin changes that."""


@dataclass(frozen=True, slots=True)
class AriAddress:
    """Where ARI is, as whom to log in, and the name of our application there; limits in seconds."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    application: str
    tls: ssl.SSLContext | None = None
    answer_within_s: float = 1.0
    heartbeat_s: float = 10.0

    @property
    def place(self) -> str:
        """Host and port as an admin knows them."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Where the resources of ARI begin."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/ari"


@dataclass(frozen=True, slots=True)
class Answer:
    """As much of an HTTP response as aioari looks at."""

    status: int
    body: str

    async def text(self) -> str:
        """The body."""
        return self.body


class Transport:
    """The HTTP client under aioari; it has the methods that aioari calls."""

    def __init__(self, address: AriAddress) -> None:
        self.connected: Callable[[], None] = lambda: None
        self._address = address
        self._session = aiohttp.ClientSession(
            headers={"Authorization": aiohttp.encode_basic_auth(address.username, address.secret)},
            connector=aiohttp.TCPConnector(
                limit=CONNECTIONS, keepalive_timeout=_KEPT_S, ssl=address.tls if address.tls else True
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=address.answer_within_s),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def request(
        self, method: str, url: str, params: Mapping[str, str], data: str | None, headers: Mapping[str, str]
    ) -> Answer:
        """Carry out one request. Raises AriGone, AriFailed."""
        try:
            async with self._session.request(
                method, url, params=params, data=data, headers=headers, allow_redirects=False
            ) as response:
                body = bytearray()
                async for piece in response.content.iter_any():
                    body += piece
                    if len(body) > MAX_ANSWER:
                        raise AriFailed(f"ARI at {self._address.place} answers without end")
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._failed(error) from None
        if status in _GONE:
            raise AriGone(f"ARI answered {status}")
        text = body.decode("utf-8", "replace")
        if status >= 300 or not _is_json(text):
            raise self._refused(status)
        return Answer(status, text)

    async def ws_connect(self, url: str, params: Mapping[str, str]) -> aiohttp.ClientWebSocketResponse:
        """Open the websocket of events and tell `connected`. Raises AriFailed."""
        try:
            # The session's time limit holds for the way up to here, and not for the open socket.
            socket = await self._session.ws_connect(
                url,
                params=params,
                heartbeat=self._address.heartbeat_s,
                max_msg_size=MAX_EVENT,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
            )
        except aiohttp.WSServerHandshakeError as error:
            raise self._refused(error.status) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._failed(error) from None
        self.connected()
        return socket

    def _refused(self, status: int) -> AriFailed:
        place, user = self._address.place, self._address.username
        match status:
            case 401:
                return AriRefused(f"ARI at {place} refused the login of user {user!r}: wrong name or password")
            case 403:
                return AriRefused(
                    f"ARI at {place} does not let user {user!r} do this: see read_only, permit and deny in ari.conf"
                )
            case 404:
                return AriFailed(f"ARI at {place} is not there (404): are the res_ari modules loaded?")
        return AriFailed(f"ARI at {place} answered {status}")

    def _failed(self, error: Exception) -> AriFailed:
        if isinstance(error, TimeoutError):
            return AriFailed(f"ARI at {self._address.place} did not answer in time")
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            why = getattr(error.certificate_error, "verify_message", "") or "it does not match"
            return AriFailed(f"ARI at {self._address.place}: certificate refused: {why}")
        number = getattr(error, "errno", None)
        why = os.strerror(number) if isinstance(number, int) and number > 0 else type(error).__name__
        return AriFailed(f"ARI at {self._address.place}: {why}")


def _is_json(text: str) -> bool:
    """Whether aioari can read this answer."""
    try:
        return text == "" or json.loads(text) is not None
    except (ValueError, RecursionError):
        return False
