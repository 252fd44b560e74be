"""Stand-ins for the bridge at ARI: Stasis applications that answer well, badly, or not at all.

They are fakes, made to put the dialplan to the test; they look nothing up.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from demo.asterisk import AsteriskInstance

Event = dict[str, Any]
Script = Callable[["Application", str], Awaitable[None]]
"""What the application does with a channel that entered, by its id."""


class Application:
    """A Stasis application: `asked` has the arguments of each channel that entered."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.asked: list[list[str]] = []
        self._http, self._url = http, url

    async def say(self, channel: str, name: str, value: str) -> None:
        """Set one variable."""
        await self._post(channel, "variable", variable=name, value=value)

    async def let_go(self, channel: str) -> None:
        """Have the channel go on in the dialplan."""
        await self._post(channel, "continue")

    async def _post(self, channel: str, what: str, **params: str) -> None:
        async with self._http.post(f"{self._url}/channels/{channel}/{what}", params=params) as answer:
            answer.raise_for_status()


@asynccontextmanager
async def application(
    asterisk: AsteriskInstance, script: Script, name: str = "cti-bridge"
) -> AsyncIterator[Application]:
    """Register an application that follows the script with each channel."""
    url = f"http://{asterisk.address}:{asterisk.ari_port}/ari"
    user = {"Authorization": aiohttp.encode_basic_auth(asterisk.ari_username, asterisk.ari_secret)}
    async with (
        aiohttp.ClientSession(headers=user) as http,
        http.ws_connect(f"{url}/events", params={"app": name}) as socket,
    ):
        stand_in = Application(http, url)

        async def serve() -> None:
            async for message in socket:
                event: Event = json.loads(message.data)
                if event["type"] == "StasisStart":
                    stand_in.asked.append(event["args"])
                    await script(stand_in, event["channel"]["id"])

        serving = asyncio.create_task(serve())
        try:
            yield stand_in
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


def deciding(values: Mapping[str, str]) -> Script:
    """A bridge that sets these variables, and the decision last and alone, as the real one does."""

    async def script(stand_in: Application, channel: str) -> None:
        for name, value in values.items():
            if name != "CTI_DECISION":
                await stand_in.say(channel, name, value)
        await stand_in.say(channel, "CTI_DECISION", values["CTI_DECISION"])
        await stand_in.let_go(channel)

    return script


async def silent(stand_in: Application, channel: str) -> None:
    """A bridge that listens and never says a word."""


async def half_way(stand_in: Application, channel: str) -> None:
    """A bridge that says half and falls silent."""
    for name, value in {"CTI_CALL_ID": "main-half", "CTI_RULE": "half", "CTI_OPERATOR_DIAL": "PJSIP/106"}.items():
        await stand_in.say(channel, name, value)


async def letting_go(stand_in: Application, channel: str) -> None:
    """A bridge that says half and lets the caller go."""
    await half_way(stand_in, channel)
    await stand_in.let_go(channel)
