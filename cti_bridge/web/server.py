"""A listening address with an application behind it."""

import errno
import ssl

from aiohttp import web

BACKLOG = 256
STOP_WITHIN_S = 2.0
KEEP_ALIVE_S = 75.0


class CannotListen(Exception):
    """The address cannot be listened on; the text names it and says why, in one line."""


class Listener:
    """One application on one address."""

    def __init__(self, app: web.Application, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._tls = tls
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port that is listened on, also when 0 (any free one) was asked for."""
        return int(self._runner.addresses[0][1]) if self._runner else self._port

    async def start(self) -> None:
        """Begin to listen. Raises CannotListen."""
        runner = web.AppRunner(
            self._app, access_log=None, shutdown_timeout=STOP_WITHIN_S, keepalive_timeout=KEEP_ALIVE_S
        )
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, ssl_context=self._tls, backlog=BACKLOG)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise CannotListen(f"{self._host}:{self._port} {_why(error)}") from error
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening, let what is under way finish for two seconds, then cut it off."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


def _why(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "already in use"
        case errno.EACCES:
            return "may not be used by this user"
        case errno.EADDRNOTAVAIL:
            return "is no address of this machine"
    return f"cannot be listened on: {error.strerror or error}"
