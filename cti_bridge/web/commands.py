"""Commands by HTTP: what a page sends over its websocket, for programs."""

import json
import secrets

from aiohttp import web
from pydantic import Field

from cti_bridge.operators.command_list import REFUSALS
from cti_bridge.operators.protocol import FRAME_LIMIT, Json
from cti_bridge.web.answers import Body, Refusal, body
from cti_bridge.web.session import session_of
from cti_bridge.web.site import SITE


class CommandBody(Body):
    """`id` is the caller's own choice: the same one again within five minutes is answered, not carried out."""

    id: str | None = Field(default=None, min_length=1, max_length=64)
    args: Json = Field(default_factory=dict)


async def command(request: web.Request) -> web.StreamResponse:
    """`POST /api/v1/commands/NAME` with `{"id", "args"}`: 200 `{"value"}`, or an error with its status."""
    site = request.app[SITE]
    session = session_of(request)
    operator = site.accounts.use_session(session) if session else None
    if operator is None:
        raise Refusal(401, "not_signed_in", "nobody is signed in")
    # As much as a frame of a page may have: the longest note in Russian, each letter escaped, is 24 kB.
    asked = await body(request.clone(client_max_size=FRAME_LIMIT), CommandBody)
    frame = await site.commands.carry_out(
        operator, asked.id or secrets.token_hex(16), request.match_info["name"], asked.args, now=site.monotonic()
    )
    result = json.loads(frame)
    if not result["ok"]:
        error = result["error"]
        raise Refusal(REFUSALS[error["code"]], error["code"], error["message"])
    return web.json_response({"value": result["value"]})
