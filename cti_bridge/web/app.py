"""The public application: the operator page, sign-in, tickets and the websocket."""

from pathlib import Path

from aiohttp import web

from cti_bridge.operators.frame_schema import frame_schema
from cti_bridge.operators.protocol import CloseCode
from cti_bridge.web import commands, missed, openapi, session
from cti_bridge.web.answers import BODY_LIMIT
from cti_bridge.web.pages import STATIC, BuiltPage
from cti_bridge.web.security import protect
from cti_bridge.web.site import SITE, PublicSite
from cti_bridge.web.websocket import websocket


def public_app(site: PublicSite, static: Path = STATIC) -> web.Application:
    """The application behind the public listener; it says goodbye to all pages when it is shut down."""
    app = web.Application(client_max_size=BODY_LIMIT)
    app[SITE] = site
    protect(app)
    page = BuiltPage(static)
    app.add_routes(
        [
            web.get("/", page.index),
            web.get("/assets/{name:[A-Za-z0-9._-]+}", page.asset),
            web.post("/api/v1/session", session.sign_in),
            web.get("/api/v1/session", session.who_am_i),
            web.delete("/api/v1/session", session.sign_out),
            web.post("/api/v1/tickets", session.issue_ticket),
            web.get("/api/v1/missed", missed.missed_calls),
            web.post("/api/v1/commands/{name:[a-z_.]{1,64}}", commands.command),
            web.get(openapi.PATH, _described),
            web.get(openapi.FRAMES, _frames),
            web.get("/ws", websocket, allow_head=False),
        ]
    )
    app.on_shutdown.append(_say_goodbye)
    return app


async def _described(request: web.Request) -> web.StreamResponse:
    return web.json_response(openapi.description(request.app[SITE].commands))


async def _frames(_: web.Request) -> web.StreamResponse:
    return web.json_response(frame_schema())


async def _say_goodbye(app: web.Application) -> None:
    await app[SITE].hub.close(CloseCode.RESTART, "the bridge restarts")
