"""What the promises of the Stasis entry need: a trunk that asks by ARI, and a line to ARI that sees what passes."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from promises.faults import Wire

_SETS = re.compile(rb"POST /ari/channels/[^/ ]+/variable\?\S*?variable=([A-Z_0-9]+)")


class AriWire(Wire):
    """A line to ARI. `on_variable` is called with each variable that the bridge is about to set."""

    def __init__(self, asterisk: AsteriskInstance, on_variable: Callable[[str], Awaitable[None]]) -> None:
        """Describe it; nobody listens before `open`."""
        self.on_variable = on_variable
        super().__init__(asterisk.address, asterisk.ari_port, on_answer=_nothing)

    async def _lines_forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            for name in _SETS.findall(piece):
                await self.on_variable(name.decode())
            writer.write(piece)
            await writer.drain()


async def _nothing(_: object) -> None:
    return


@asynccontextmanager
async def ari_wire(
    asterisk: AsteriskInstance, bridge: Bridge, on_variable: Callable[[str], Awaitable[None]] = _nothing
) -> AsyncIterator[AriWire]:
    """An open line to ARI, and a bridge, not started yet, that is told to use it."""
    line = AriWire(asterisk, on_variable)
    await line.open()
    change_ari(bridge, host="127.0.0.1", port=line.port)
    try:
        yield line
    finally:
        await line.cut()


def change_ari(bridge: Bridge, **values: str | int) -> None:
    """Change what the bridge's settings say of ARI."""
    settings = bridge.read_settings()
    settings["pbxes"][0]["ari"] |= values
    bridge.write_settings(settings)
