"""Keeps a phone that refused a call from being called for it again for a while.

The caller's channel gets a variable that `[cti-queue]` looks at before it has a member's phone called. It holds the
time until which it counts, so nothing has to take it back: not the bridge, which may be gone by then.
"""

import asyncio
import math
import re
from collections.abc import Awaitable, Mapping
from typing import Protocol

from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected
from cti_bridge.asterisk.dialplan import REFUSED
from cti_bridge.domain.ids import ChannelId

MAX_WAITING = 1_000
"""Refusals that wait for Asterisk to take them; one that is seconds old is of little use."""
_NAMEABLE = re.compile(r"[A-Za-z0-9_.@/+-]{1,80}")
"""Interfaces that may become part of a variable's name; the dialplan leaves no other letter in one."""


class Ami(Protocol):
    """The connection to the PBX."""

    def ask(self, headers: Mapping[str, str]) -> Awaitable[object]:
        """Carry out one action, within a time limit."""

    def pbx_time(self, at: float) -> float:
        """A time of ours on the clock of the PBX."""


class Exclusions:
    """Tells Asterisk of each refusal, one after another; `run` has to run meanwhile."""

    def __init__(self, ami: Ami, *, for_s: float, limit: int = MAX_WAITING) -> None:
        self.told = 0
        """Refusals that Asterisk knows of."""
        self.lost = 0
        """Refusals that it could not be told of: the phone may ring again for that caller."""
        self._ami = ami
        self._for_s = for_s
        self._line: asyncio.Queue[tuple[ChannelId, str, float]] = asyncio.Queue(limit)

    def add(self, caller: ChannelId, interface: str, at: float) -> None:
        """A phone refused this caller at `at` (seconds since 1970); never blocks."""
        if self._for_s <= 0:
            return
        if _NAMEABLE.fullmatch(interface) is None:
            self.lost += 1
            return
        try:
            self._line.put_nowait((caller, interface, at))
        except asyncio.QueueFull:
            self.lost += 1

    async def run(self) -> None:
        """Tell what is put in, until cancelled."""
        while True:
            caller, interface, at = await self._line.get()
            until = math.ceil(self._ami.pbx_time(at) + self._for_s)
            try:
                await self._ami.ask(
                    {
                        "Action": "Setvar",
                        "Channel": caller,
                        "Variable": f"__{REFUSED}{interface}",
                        "Value": str(until),
                    }
                )
            except (NotConnected, ActionRefused, TimeoutError, ValueError):
                self.lost += 1  # most often the caller has just hung up
            else:
                self.told += 1
