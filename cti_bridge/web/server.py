"""A listening address with an application behind it."""

import asyncio
import errno
import logging
import resource
import ssl

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.typedefs import Handler

BACKLOG = 256
STOP_WITHIN_S = 2.0
KEEP_ALIVE_S = 75.0
FIRST_REQUEST_S = 10.0
"""A connection that has not made a whole request by then is closed."""
LINGER_S = 2.0
"""So long the rest of a body that was refused is taken and thrown away, so that its sender reads why."""
MAX_CONNECTIONS = 4_000


def _is_our_fault(record: logging.LogRecord) -> bool:
    """Whether a line is about more than a request that is none: aiohttp would write it out, cookies and all."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_log = logging.getLogger("cti_bridge.http")
_log.addFilter(_is_our_fault)


class CannotListen(Exception):
    """The address cannot be listened on; the text names it and says why, in one line."""


def connection_limit() -> int:
    """How many connections each of the two listeners may hold: a third of what this process may open is for calls."""
    return min(MAX_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 3)


class _Refusal(asyncio.Protocol):
    """A connection too many: closed at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class Listener:
    """One application on one address, with a limited number of connections.

    Strangers who connect and say nothing must not use up what FastAGI and AMI need.
    """

    def __init__(self, app: web.Application, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._tls = tls
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._silent: dict[web.RequestHandler, asyncio.TimerHandle] = {}
        self.turned_away = 0
        app.middlewares.append(self._note_request)

    @property
    def port(self) -> int:
        """The port that is listened on, also when 0 (any free one) was asked for."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server else self._port

    async def start(self) -> None:
        """Begin to listen. Raises CannotListen."""
        runner = web.AppRunner(
            self._app,
            access_log=None,
            shutdown_timeout=STOP_WITHIN_S,
            keepalive_timeout=KEEP_ALIVE_S,
            lingering_time=LINGER_S,
            logger=_log,
        )
        await runner.setup()
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._connection, self._host, self._port, ssl=self._tls, backlog=BACKLOG
            )
        except OSError as error:
            await runner.cleanup()
            raise CannotListen(f"{self._host}:{self._port} {_why(error)}") from error
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening, let what is under way finish for two seconds, then cut it off."""
        if self._server is not None:
            self._server.close()
        for timer in self._silent.values():
            timer.cancel()
        self._silent.clear()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _connection(self) -> asyncio.Protocol:
        assert self._runner is not None
        server = self._runner.server
        assert server is not None
        if len(server.connections) >= connection_limit():
            self.turned_away += 1
            return _Refusal()
        handler: web.RequestHandler = server()
        timer = asyncio.get_running_loop().call_later(FIRST_REQUEST_S, self._show_out, handler)
        self._silent[handler] = timer
        return handler

    def _show_out(self, handler: web.RequestHandler) -> None:
        self._silent.pop(handler, None)
        if handler.transport is not None:
            self.turned_away += 1
            handler.transport.close()

    @web.middleware
    async def _note_request(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if timer := self._silent.pop(request.protocol, None):
            timer.cancel()
        return await handler(request)


def _why(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "already in use"
        case errno.EACCES:
            return "may not be used by this user"
        case errno.EADDRNOTAVAIL:
            return "is no address of this machine"
    return f"cannot be listened on: {error.strerror or error}"
