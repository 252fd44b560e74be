"""The FastAGI server: its own accept path around panoramisk's Request.

panoramisk's `Application` waits for the blank line in a loop that never ends when a peer connects and closes, which
freezes the whole daemon; so reading the environment is done here, with limits, and only the command exchange is its.
"""

import asyncio
import hmac
import ipaddress
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from panoramisk.fast_agi import Request

from cti_bridge.asterisk.agi.contract import commands, read_request
from cti_bridge.asterisk.dialplan import Decide
from cti_bridge.asterisk.recording.tap import Tap

log = structlog.get_logger(__name__)

BACKLOG = 256
_CONTROL = re.compile(r"[\x00-\x1f]")
MAX_ENVIRONMENT = 32 * 1024
MAX_CONNECTIONS = 512
_LAST_OF_ASTERISK = "agi_threadid"


@dataclass(frozen=True, slots=True)
class AgiLimits:
    """Time limits of one conversation in seconds."""

    environment_s: float = 1.0
    whole_s: float = 3.0
    """The dialplan waits 1.5 s unless told otherwise; what is longer than that nobody hears."""


class AgiServer:
    """Listens for Asterisk and lets `decide` answer; a peer that breaks the rules costs its own connection only."""

    def __init__(
        self,
        decide: Decide,
        *,
        host: str,
        port: int,
        allow: Sequence[str] = (),
        secret: str = "",
        tap: Tap | None = None,
        limits: AgiLimits | None = None,
    ) -> None:
        self.requests = 0
        self.refused = 0
        self.broken = 0
        self._decide = decide
        self._host = host
        self._port = port
        self._allow = [ipaddress.ip_network(network) for network in ("127.0.0.0/8", "::1/128", *allow)]
        self._path = f"route/{secret}" if secret else "route"
        self._tap = tap or Tap()
        self._limits = limits or AgiLimits()
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen. Raises OSError when the address cannot be used."""
        self._server = await asyncio.start_server(
            self._accept, self._host, self._port, backlog=BACKLOG, limit=MAX_ENVIRONMENT
        )

    async def stop(self, *, within_s: float) -> None:
        """Accept nobody any more, let the decisions in flight finish, then close."""
        if self._server is not None:
            self._server.close()
        if self._conversations:
            await asyncio.wait(self._conversations, timeout=within_s)
        for conversation in list(self._conversations):
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._conversations) >= MAX_CONNECTIONS or not self._may_ask(writer):
            self.refused += 1
            writer.close()
            return
        self._conversations.add(task)
        accepted_at = time.monotonic()
        try:
            async with asyncio.timeout(self._limits.whole_s):
                await self._converse(reader, writer, accepted_at)
        except (TimeoutError, OSError, EOFError, ValueError) as error:
            self.broken += 1
            log.info("agi.broken", reason=type(error).__name__)
        except Exception:
            self.broken += 1
            log.exception("agi.failed")
        finally:
            self._conversations.discard(task)
            writer.close()

    def _may_ask(self, writer: asyncio.StreamWriter) -> bool:
        peer = writer.get_extra_info("peername")
        if not peer:
            return False
        address = ipaddress.ip_address(peer[0].partition("%")[0])
        return any(address in network for network in self._allow)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, accepted_at: float) -> None:
        environment = await self._environment(reader)
        script = environment.get("agi_network_script", "").partition("?")[0]
        if not hmac.compare_digest(script.encode(), self._path.encode()):
            self.refused += 1
            log.warning("agi.refused", reason="unknown path in the AGI address, or a wrong secret in it")
            return
        self.requests += 1
        self._tap.agi(environment)
        request = read_request(environment)
        answer = await self._decide(request, accepted_at)
        complete = False
        try:
            complete = await self._send(Request(None, environment, reader, writer), commands(answer))
        finally:
            writer.close()  # the dialplan goes on; what is done from here on keeps nobody waiting
            self._tap.answered(request.uniqueid, answer, taken=complete)
            answer.sent(complete)

    async def _environment(self, reader: asyncio.StreamReader) -> dict[str, str]:
        async with asyncio.timeout(self._limits.environment_s):
            try:
                block = await reader.readuntil(b"\n\n")
            except asyncio.LimitOverrunError as error:
                raise ValueError("environment too long") from error
        return _whole_question(block.decode("utf-8", "replace").removesuffix("\n\n"))

    @staticmethod
    async def _send(request: Any, commands: Iterable[str]) -> bool:
        for command in commands:
            if _CONTROL.search(command):
                raise ValueError("control character in an AGI command")
            answer = await request.send_command(command)
            if "error" in answer:
                return False
        return True


def _whole_question(text: str) -> dict[str, str]:
    """The environment, as Asterisk wrote it and nobody else. Raises ValueError.

    Asterisk writes what the network said as it is. A line break in it could answer in Asterisk's place (a second
    `agi_uniqueid`), or end the environment before the arguments that only the dialplan may give: no name comes twice,
    and the last of Asterisk's own, which no number is long enough to forge together with the rest, has to be there.
    """
    environment: dict[str, str] = {}
    for line in text.split("\n"):
        name, found, value = line.partition(": ")
        if not found or name in environment:
            raise ValueError("a line in the environment that Asterisk does not write")
        environment[name] = value
    if _LAST_OF_ASTERISK not in environment:
        raise ValueError("the environment ends too early")
    return environment
