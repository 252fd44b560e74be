"""aioari with its edges made safe; the only module that knows it.

aioari puts the password into the query string of every request, has no limit of time or size on an answer, learns the
address it talks to from the peer (without TLS whatever we asked for), and logs what events and requests say. It lets
its HTTP client and the list of operations be given; both are ours here: the password travels in a header, everything
has a limit, and its log is off.
"""

import logging
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Self

import structlog

from cti_bridge.asterisk.ari.transport import AriAddress, AriFailed, AriGone, AriRefused, Transport

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # newer Pythons dislike escapes in its source
    from aioari.client import Client

log = structlog.get_logger(__name__)

for _library in ("aioari", "aioswagger11"):
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)

EVENTS = ("StasisStart", "StasisEnd", "ApplicationReplaced")
"""What is listened to."""


class AriClient:
    """Listens to our application's events and changes its channels, from `async with` to its end."""

    def __init__(self, address: AriAddress, on_event: Callable[[Mapping[str, object]], None]) -> None:
        """Describe it; `on_event` is called with each event of `EVENTS` and must not block."""
        self._address = address
        self._on_event = on_event
        self._http: Transport
        self._ari: Any

    async def __aenter__(self) -> Self:
        self._http = Transport(self._address)
        self._ari = Client(f"{self._address.url}/", self._http)
        self._ari.swagger.url = _operations(self._address.url)
        await self._ari.init()
        self._ari.exception_handler = _tell_defect
        for name in EVENTS:
            self._ari.on_event(name, self._on_event)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._http.close()

    async def listen(self, connected: Callable[[], None]) -> None:
        """Register our application and hand on its events; returns when Asterisk closed. Raises AriFailed."""
        self._http.connected = connected
        try:
            await self._ari.run(self._address.application)
        except OSError:
            raise AriFailed(f"ARI at {self._address.place}: connection lost") from None
        except (ValueError, TypeError, RecursionError):
            raise AriFailed(f"ARI at {self._address.place} sent something that is no event") from None

    async def hear_only_these(self) -> None:
        """Have Asterisk send `EVENTS` and no others, if it can; else it tells of each variable that is set.

        Raises AriRefused: who may not do this may not answer callers either.
        """
        allowed = tuple({"type": name} for name in EVENTS)
        try:
            await self._ari.applications.filter(applicationName=self._address.application, allowed=allowed)
        except AriRefused:
            raise
        except (AriGone, AriFailed):
            return

    async def channels(self) -> list[str]:
        """The ids of the channels in our application. Raises AriFailed."""
        try:
            told = await self._ari.applications.get(applicationName=self._address.application)
        except AriGone:
            return []
        ids = told.get("channel_ids") if isinstance(told, dict) else None
        return [channel for channel in ids if isinstance(channel, str)] if isinstance(ids, list) else []

    async def channel(self, channel: str) -> object:
        """ARI's picture of a channel. Raises AriGone, AriFailed."""
        told: object = await self._ari.channels.get(channelId=channel)
        return told

    async def set_variable(self, channel: str, name: str, value: str) -> None:
        """Set a variable of a channel in our application. Raises AriGone, AriFailed."""
        await self._ari.channels.setChannelVar(channelId=channel, variable=name, value=value)

    async def let_go(self, channel: str) -> None:
        """Have a channel go on in the dialplan behind `Stasis`. Raises AriGone, AriFailed."""
        await self._ari.channels.continueInDialplan(channelId=channel)


def _tell_defect(error: Exception) -> None:
    """What aioari does with an error of `on_event`; without it nobody would hear of one. The next event goes on."""
    log.error("ari.failed", exc_info=error)


def _operations(url: str) -> dict[str, Any]:
    """The operations of ARI that are used here, in Swagger 1.1, as Asterisk's own list has them."""

    def operation(method: str, nickname: str, *parameters: str, **more: str) -> dict[str, Any]:
        known = [
            {
                "name": name,
                "paramType": "path" if name.endswith(("Id", "Name")) else "body" if name == "allowed" else "query",
                "required": True,
                "dataType": "string",
            }
            for name in parameters
        ]
        return {"httpMethod": method, "nickname": nickname, "responseClass": "object", "parameters": known, **more}

    def resource(name: str, **paths: dict[str, Any]) -> dict[str, Any]:
        apis = [{"path": path, "operations": [op]} for path, op in paths.items()]
        declared = {"basePath": url, "resourcePath": f"/{name}", "apis": apis, "models": {}}
        return {"path": f"/{name}", "description": name, "api_declaration": declared}

    channel = "/channels/{channelId}"
    return {
        "swaggerVersion": "1.1",
        "basePath": url,
        "apis": [
            resource("events", **{"/events": operation("GET", "eventWebsocket", "app", upgrade="websocket")}),
            resource(
                "applications",
                **{
                    "/applications/{applicationName}": operation("GET", "get", "applicationName"),
                    "/applications/{applicationName}/eventFilter": operation(
                        "PUT", "filter", "applicationName", "allowed"
                    ),
                },
            ),
            resource(
                "channels",
                **{
                    channel: operation("GET", "get", "channelId"),
                    f"{channel}/continue": operation("POST", "continueInDialplan", "channelId"),
                    f"{channel}/variable": operation("POST", "setChannelVar", "channelId", "variable", "value"),
                },
            ),
        ],
    }
