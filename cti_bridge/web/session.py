"""Signing in and out, and tickets for pages that are not ours."""

from typing import Annotated

import structlog
from aiohttp import web
from pydantic import StringConstraints

from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.accounts import SignedIn
from cti_bridge.operators.limiter import Refused
from cti_bridge.operators.passwords import MAX_PASSWORD, TooBusy
from cti_bridge.operators.protocol import operator_view
from cti_bridge.operators.secrets import hashed
from cti_bridge.operators.store import KeyPurpose
from cti_bridge.operators.tickets import TooManyTickets
from cti_bridge.web.answers import Body, Refusal, body
from cti_bridge.web.security import is_encrypted
from cti_bridge.web.site import SITE, PublicSite

COOKIE = "cti_session"
COOKIE_KEPT_S = 7 * 24 * 3600
"""How long a browser keeps the cookie; how long it is worth something is decided here, use by use."""

log = structlog.get_logger(__name__)


class SignInBody(Body):
    """Login and password as they were typed."""

    login: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=MAX_PASSWORD)]


class TicketBody(Body):
    """Whom the ticket is for."""

    operator: Annotated[str, StringConstraints(min_length=1, max_length=64)]


async def sign_in(request: web.Request) -> web.StreamResponse:
    """`POST /api/v1/session`: a session in exchange for login and password."""
    site = request.app[SITE]
    credentials = await body(request, SignInBody)
    signed_in = await _judged(site, credentials, request.remote or "")
    if signed_in is None:
        site.sign_ins.labels("wrong").inc()
        known = site.accounts.directory.get(credentials.login)
        # People type passwords into the login field: only a login that exists may be written down.
        log.info("sign_in_refused", operator=known.id if known else None, address=request.remote)
        raise Refusal(401, "wrong_login", "login or password is wrong")
    site.sign_ins.labels("ok").inc()
    log.info("signed_in", operator=signed_in.operator.id, address=request.remote)
    response = _operator(signed_in.operator)
    response.set_cookie(
        COOKIE,
        signed_in.token,
        max_age=COOKIE_KEPT_S,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=is_encrypted(request),
    )
    return response


async def who_am_i(request: web.Request) -> web.StreamResponse:
    """`GET /api/v1/session`: the operator who is signed in."""
    session = session_of(request)
    operator = request.app[SITE].accounts.use_session(session) if session else None
    if operator is None:
        raise Refusal(401, "not_signed_in", "nobody is signed in")
    return _operator(operator)


async def sign_out(request: web.Request) -> web.StreamResponse:
    """`DELETE /api/v1/session`: the session is over, here and on all connections it held."""
    session = session_of(request)
    if session:
        try:
            await request.app[SITE].accounts.sign_out(session)
        except DatabaseUnusable as error:
            raise _out_of_order(error) from error
    response = web.Response(status=204)
    response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict", secure=is_encrypted(request))
    return response


async def issue_ticket(request: web.Request) -> web.StreamResponse:
    """`POST /api/v1/tickets`: a ticket for one hello of an operator, for a program with an integration key."""
    site = request.app[SITE]
    key = site.accounts.known_key(bearer_of(request) or "")
    if key is None:
        refusal = Refusal(401, "wrong_key", "send Authorization: Bearer and a key of cti-bridge keys add")
        response = refusal.to_response()
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    if key.purpose != KeyPurpose.TICKETS:
        raise Refusal(403, "wrong_purpose", f"this key is for {key.purpose}, not for tickets")
    wanted = await body(request, TicketBody)
    operator = site.accounts.directory.get(wanted.operator)
    if operator is None:
        raise Refusal(404, "no_such_operator", "there is no operator with this id")
    try:
        ticket = site.tickets.issue(operator.id)
    except TooManyTickets:
        raise Refusal(503, "busy", "too many tickets are waiting to be used", retry_after_s=60) from None
    log.info("ticket_issued", key=key.name, operator=operator.id)
    return web.json_response({"ticket": ticket}, status=201)


def bearer_of(request: web.Request) -> str | None:
    """The key in the request's `Authorization: Bearer`, or None without one."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def session_of(request: web.Request) -> str | None:
    """What the request's cookie is known by (a token hash), or None without a cookie."""
    token = request.cookies.get(COOKIE, "")
    return hashed(token) if token else None


async def _judged(site: PublicSite, credentials: SignInBody, address: str) -> SignedIn | None:
    attempt = site.limiter.begin(credentials.login, address, site.monotonic())
    if isinstance(attempt, Refused):
        site.sign_ins.labels("held_back").inc()
        raise Refusal(429, "too_many_attempts", "too many attempts", retry_after_s=attempt.retry_after_s)
    try:
        signed_in = await site.accounts.sign_in(credentials.login, credentials.password)
    except TooBusy:
        site.limiter.abandoned(attempt)
        raise Refusal(503, "busy", "too many people are signing in", retry_after_s=2) from None
    except DatabaseUnusable as error:
        site.limiter.abandoned(attempt)
        raise _out_of_order(error) from error
    except BaseException:
        site.limiter.abandoned(attempt)
        raise
    if signed_in is None:
        site.limiter.failed(attempt, site.monotonic())
    else:
        site.limiter.succeeded(attempt)
    return signed_in


def _operator(operator: Operator) -> web.Response:
    return web.json_response({"operator": operator_view(operator)})


def _out_of_order(error: DatabaseUnusable) -> Refusal:
    log.error("operator_accounts_unreadable", error=str(error))
    return Refusal(503, "accounts_unavailable", "the accounts cannot be read at the moment", retry_after_s=5)
