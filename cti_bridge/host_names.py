"""Which addresses a host name has, asked so that a name server that hangs costs nobody but the one who asked.

The system's own resolver can only be waited for, for half a minute and more. The threads of the event loop's executor
are few and used for other things, and neither the loop nor the interpreter ends before they do; so each question here
has a thread of its own that nothing waits for. aiohttp asks once for all who want the same name at the same time.
"""

import asyncio
import socket
from contextlib import suppress
from threading import Thread

from aiohttp.abc import AbstractResolver, ResolveResult

KEPT_S = 60
"""For how long an address that was found is used again, for `TCPConnector(ttl_dns_cache=…)`."""
_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class HostNames(AbstractResolver):
    """The system's resolver; whoever asks sets the time limit."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises OSError when it has none."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[ResolveResult]] = loop.create_future()

        def tell(found: list[ResolveResult], error: OSError | None) -> None:
            if answer.done():  # cancelled meanwhile
                return
            if error is None:
                answer.set_result(found)
            else:
                answer.set_exception(error)

        def look() -> None:
            found: list[ResolveResult] = []
            error: OSError | None = None
            try:
                found = _found(host, port, family)
            except OSError as failed:
                error = failed
            except ValueError:  # a label that is too long for a host name
                error = OSError("not a host name")
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(tell, found, error)

        Thread(target=look, name="host-name", daemon=True).start()
        return await answer

    async def close(self) -> None:
        """There is nothing to let go of."""


def _found(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [
        ResolveResult(
            hostname=host, host=_numeric(address), port=int(address[1]), family=kind, proto=protocol, flags=_NUMERIC
        )
        for kind, _, protocol, _, address in found
    ]


def _numeric(address: tuple[object, ...]) -> str:
    """The address as text; one that holds on one of our networks only has the name of that network behind it."""
    if len(address) == 4 and address[3]:
        return socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]  # type: ignore[arg-type]
    return str(address[0])
