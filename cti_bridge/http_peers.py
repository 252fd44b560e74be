"""What HTTP tells of the other end, in our own words: why a request failed, and for how long it asks us to wait.

The libraries' own messages repeat the address, which may hold a password, and the answer, which may hold customer data.
"""

import re
import ssl
from datetime import UTC
from email.utils import parsedate_to_datetime

import aiohttp

LONGEST_ASKED_S = 3600.0
"""A peer that asks for more patience than this is tried again after it all the same."""
_CERTIFICATE = {
    9: "is not valid yet",
    10: "has expired",
    18: "is signed by itself, and not among those that are trusted",
    19: "is signed by an authority that is not among those that are trusted",
    20: "is signed by an authority that is not among those that are trusted",
    21: "is signed by an authority that is not among those that are trusted",
    62: "is for another name",
    64: "is for another address",
}
"""What is wrong with it, by OpenSSL's number of the mistake."""
_NO_TLS = {"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
_IN_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


def in_words(error: Exception) -> str:
    """Why a request failed, without address and answer."""
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return _of_tls(error)
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


def _of_tls(error: aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        found = error.certificate_error
        code = found.verify_code if isinstance(found, ssl.SSLCertVerificationError) else 0
        return f"its certificate {_CERTIFICATE.get(code, 'is not valid')}"
    if getattr(error.os_error, "reason", None) in _NO_TLS:
        return "it does not speak TLS at that port (is it http?)"
    return "no TLS connection with it is possible"


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
