"""Who called, was not answered, and waits to be called back."""

import time

from aiohttp import web

from cti_bridge.calls.journal_missed import MissedCall, MissedCaller
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.moments import iso_time, parse_moment
from cti_bridge.domain.number import display_number
from cti_bridge.domain.operator import Role
from cti_bridge.operators.protocol import Json
from cti_bridge.web.answers import Refusal
from cti_bridge.web.session import session_of
from cti_bridge.web.site import SITE

MOST_ITEMS = 200
OLDEST_S = 31 * 86400.0
"""However far back somebody asks: a list of people to ring back is no archive, and has to be quick."""
SINCE = "7d"


async def missed_calls(request: web.Request) -> web.StreamResponse:
    """`GET /api/v1/missed?since=7d`: the open items, the latest first, 200 at most.

    Supervisors get all. An operator gets what rang at his own phone: of those calls he has seen the caller already.
    """
    site = request.app[SITE]
    session = session_of(request)
    operator = site.accounts.use_session(session) if session else None
    if operator is None:
        raise Refusal(401, "not_signed_in", "nobody is signed in")
    now = time.time()
    try:
        since = parse_moment(request.query.get("since", SINCE), now=now)
    except ValueError as error:
        raise Refusal(400, "bad_request", f"since: {error}") from error
    try:
        items = await site.missed(
            max(since, now - OLDEST_S), MOST_ITEMS + 1, operator.id if operator.role is Role.OPERATOR else None
        )
    except DatabaseUnusable:
        raise Refusal(503, "journal_unavailable", "the journal cannot be read at the moment", retry_after_s=5) from None
    shown = [missed_view(item) for item in items[:MOST_ITEMS]]
    return web.json_response({"missed": shown, "more": len(items) > MOST_ITEMS})


def missed_view(item: MissedCaller) -> Json:
    """An open item as programs get it."""
    return {
        "caller": {"number": item.caller, "display": display_number(item.caller)},
        "name": item.name,
        "calls": item.calls,
        "first_at": iso_time(item.first_at),
        "last_at": iso_time(item.last_at),
        "promised": item.promised,
        "tries": [_try(call) for call in item.tries],
    }


def _try(call: MissedCall) -> Json:
    return {
        "id": call.id,
        "at": iso_time(call.at),
        "line": call.line,
        "queue": call.queue,
        "outcome": call.outcome,
        "promised": call.promised,
        "waited_s": call.waited_s,
        "rang": [
            {
                "operator": rang.operator,
                "phone": rang.phone or None,
                "rang_s": rang.seconds,
                "why": rang.why or None,
            }
            for rang in call.rang
        ],
    }
