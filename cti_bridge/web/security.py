"""What stands before every public route: known hosts, known origins, strict headers, errors as JSON."""

import ipaddress
import re
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from cti_bridge.web.answers import Refusal
from cti_bridge.web.site import SITE

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Server": "cti-bridge",
}
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Origins:
    """Which hosts and pages are ours or trusted; `configured` are origins such as `https://crm.example`."""

    configured: frozenset[str]

    @classmethod
    def of(cls, origins: tuple[str, ...]) -> "Origins":
        """The origins of the settings; letter case and a slash at the end do not matter."""
        return cls(frozenset(origin.rstrip("/").lower() for origin in origins))

    def knows_host(self, host: str) -> bool:
        """Whether a request may name this host (`name:port`).

        An address, localhost, or the host of a configured origin. Any other name could be a stranger's that was made
        to point here, so that his page counts as ours (DNS rebinding).
        """
        written = _HOST.fullmatch(host)
        if written is None:
            return False
        name = written["name"].strip("[]").rstrip(".").lower()
        if name == "localhost" or _is_address(name):
            return True
        return host.lower() in {urlsplit(origin).netloc for origin in self.configured}

    def allows(self, origin: str, own: str) -> bool:
        """Whether a page from `origin` may do something here; `own` is the origin that the request was made to."""
        return origin.lower() == own.lower() or origin.lower() in self.configured


ORIGINS: web.AppKey[Origins] = web.AppKey("origins", Origins)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every refusal and failure into `{"error": {"code", "message"}}`."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.to_response()
    except web.HTTPException as error:
        status = HTTPStatus(error.status)
        response = Refusal(error.status, status.name.lower(), status.phrase).to_response()
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception:
        log.exception("request_failed", method=request.method, route=_route(request))
        return Refusal(500, "internal_error", "something went wrong here; the log says what").to_response()


@web.middleware
async def known_origins_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests for a host that is not ours, and changes asked for by a page that is not trusted."""
    check_origin(request, request.app[ORIGINS])
    return await handler(request)


def check_origin(request: web.Request, origins: Origins) -> None:
    """Raises Refusal for a host that is not ours, and for a change asked for by a page that is not trusted."""
    host = request.headers.get("Host", "")
    if not origins.knows_host(host):
        raise Refusal(421, "unknown_host", "add this host's origin to web.public.origins")
    own = f"{request.scheme}://{host}"
    is_checked = request.method not in _READING or request.path == "/ws"
    if is_checked and not all(origins.allows(origin, own) for origin in request.headers.getall("Origin", [])):
        raise Refusal(403, "origin_refused", "this page may not connect; add its origin to web.public.origins")


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on every answer, and keep answers out of caches unless they say otherwise."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


def is_encrypted(request: web.Request) -> bool:
    """Whether the browser talks TLS, to us or to a proxy in front whose https origin is configured."""
    host = request.headers.get("Host", "").lower()
    return request.scheme == "https" or f"https://{host}" in request.app[ORIGINS].configured


def protect(app: web.Application) -> None:
    """Put all of this in front of an application that has its SITE."""
    app[ORIGINS] = Origins.of(app[SITE].origins)
    app.middlewares.append(errors_as_json)
    app.middlewares.append(known_origins_only)
    app.on_response_prepare.append(add_headers)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unknown"
