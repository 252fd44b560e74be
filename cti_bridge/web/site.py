"""What the public application works with, in one place."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter

from cti_bridge.calls.journal_missed import MissedCaller
from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.command_list import CommandList
from cti_bridge.operators.connection import FRAMES_WAITING
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.limiter import SignInLimiter
from cti_bridge.operators.protocol import FRAME_LIMIT, FRAMES_PER_S
from cti_bridge.operators.tickets import Tickets


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What one websocket may use; times in seconds."""

    hello_s: float = 10.0
    """until the first frame"""
    send_s: float = 5.0
    """for one frame to leave for a page that does not read"""
    close_s: float = 2.0
    """for the goodbye"""
    ticket_hold_s: float = 12 * 3600.0
    """how long a ticket holds a connection before it has to be renewed"""
    frame_bytes: int = FRAME_LIMIT
    frames_per_s: float = FRAMES_PER_S
    frames_at_once: float = 2 * FRAMES_PER_S
    frames_waiting: int = FRAMES_WAITING
    strangers: int = 200
    """connections that have not said hello yet"""


MissedSource = Callable[[float, int, OperatorId | None], Awaitable[list[MissedCaller]]]
"""Open items since then (seconds), so many at most, of one operator or all. Raises DatabaseUnusable."""


@dataclass(slots=True)
class PublicSite:
    """The parts behind the public listener. `origins` are other pages that may connect (`https://crm.example`)."""

    accounts: Accounts
    hub: Hub
    tickets: Tickets
    limiter: SignInLimiter
    registry: CollectorRegistry
    missed: MissedSource
    origins: tuple[str, ...] = ()
    limits: SocketLimits = SocketLimits()
    monotonic: Callable[[], float] = time.monotonic
    commands: CommandList = field(default_factory=CommandList)
    strangers: asyncio.Semaphore = field(init=False)
    sign_ins: Counter = field(init=False)

    def __post_init__(self) -> None:
        self.strangers = asyncio.Semaphore(self.limits.strangers)
        self.sign_ins = Counter("cti_sign_ins", "Attempts to sign in.", ["outcome"], registry=self.registry)


SITE: web.AppKey[PublicSite] = web.AppKey("site", PublicSite)
"""Where the application keeps its parts."""
