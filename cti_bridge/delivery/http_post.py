"""One POST to a receiver, with every limit that a stranger at the other end makes necessary.

Redirects are not followed, the environment's proxies and the receiver's cookies are not used. The status is all that
counts of an answer; what follows it is read only so far that the connection can be used again. An error is told in our
own words, because those of the libraries repeat the address, which may hold a password.
"""

import asyncio
import time
from collections.abc import Mapping

import aiohttp

from cti_bridge import __version__
from cti_bridge.delivery.verdict import TryAgain, Verdict, judge
from cti_bridge.host_names import KEPT_S, HostNames
from cti_bridge.http_peers import in_words

CONCURRENT = 8
"""Reports on their way to one receiver at the same time, each of another call."""
LONGEST_ANSWER = 65_536
_REST_WITHIN_S = 1.0


class Poster:
    """Posts to one address; made without a running loop, connected at the first report."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Verdict:
        """Send the body and say what became of it; raises nothing but cancellation."""
        verdict: Verdict | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                async with self._connected().post(
                    self._url, data=body, headers=headers, allow_redirects=False
                ) as answer:
                    verdict = judge(answer.status, answer.headers.get("Retry-After", ""), now=time.time())
                    await _finish(answer)
                    return verdict
        except TimeoutError:
            return verdict or TryAgain(f"no answer within {self._timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return verdict or TryAgain(in_words(error))

    async def close(self) -> None:
        """Close the connections; may be called twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONCURRENT, resolver=HostNames(), ttl_dns_cache=KEPT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"cti-bridge/{__version__}"},
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


async def _finish(answer: aiohttp.ClientResponse) -> None:
    """Read a short answer to its end; a long or slow one costs the connection, and never the verdict."""
    left = LONGEST_ANSWER
    try:
        async with asyncio.timeout(_REST_WITHIN_S):
            while left > 0 and (piece := await answer.content.read(min(left, 8192))):
                left -= len(piece)
    except (TimeoutError, aiohttp.ClientError, OSError):
        left = 0
    if left <= 0:
        answer.close()
