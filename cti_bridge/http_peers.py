"""What HTTP tells of the other end, in our own words: why a request failed, and for how long it asks us to wait.

The libraries' own messages repeat the address, which may hold a password, and the answer, which may hold customer data.
"""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

import aiohttp

LONGEST_ASKED_S = 3600.0
"""A peer that asks for more patience than this is tried again after it all the same."""
_IN_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


def in_words(error: Exception) -> str:
    """Why a request failed, without address and answer."""
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "its certificate is not valid"
        case aiohttp.ClientConnectorDNSError():
            return "its name cannot be resolved"
        case aiohttp.ClientConnectorError():
            return "cannot be reached"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | aiohttp.ClientPayloadError():
            return "the connection broke"
        case aiohttp.ClientResponseError():
            return "its answer is not HTTP"
        case _:
            return f"failed ({type(error).__name__})"


def wait_asked_s(retry_after: str, now: float) -> float | None:
    """The seconds of a `Retry-After` header, which has them as a number or as a date; None for anything else.

    `now` is in seconds since 1970.
    """
    text = retry_after.strip()
    if _IN_SECONDS.fullmatch(text):
        return min(float(text), LONGEST_ASKED_S)
    try:
        at = parsedate_to_datetime(text)
        seconds = at.replace(tzinfo=at.tzinfo or UTC).timestamp() - now
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(seconds, 0.0), LONGEST_ASKED_S)
