"""Which queues Asterisk has: asked now and then on the connection that there is, or once by a command."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from cti_bridge.asterisk.ami.connection import AmiAddress
from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected, SafeManager, why_not
from cti_bridge.asterisk.ami.translate import Headers, text

EVERY_S = 60.0
WHILE_DOWN_S = 1.0


class Ask(Protocol):
    """Carries out an action of AMI; `take` gets the entries of the list that it answers with."""

    def __call__(self, headers: dict[str, str], *, take: Callable[[Headers], None]) -> Awaitable[object]:
        """Raises NotConnected, ActionRefused or TimeoutError."""
        ...


class CannotAsk(Exception):
    """Asterisk could not be asked; the message says why in one line."""


async def queue_names(ask: Ask) -> frozenset[str]:
    """The names of all queues. Those that Asterisk keeps in a database are there once they have been used."""
    names: set[str] = set()
    await ask({"Action": "QueueSummary"}, take=lambda entry: names.add(text(entry, "Queue")))
    return frozenset(names - {""})


async def ask_queues(address: AmiAddress, *, within_s: float) -> frozenset[str]:
    """The same on a connection for this question alone. Raises CannotAsk."""
    manager = SafeManager(
        wants_event=lambda name: False,
        on_event=lambda event: None,
        on_lost=lambda why: None,
        host=address.host,
        port=address.port,
        username=address.username,
        secret=address.secret,
    )
    try:
        async with asyncio.timeout(within_s):
            if not await manager.open(tls=address.tls, within_s=within_s):
                raise CannotAsk(f"AMI refused the login of user {address.username!r}")
            return await queue_names(partial(manager.ask, within_s=within_s))
    except TimeoutError:
        raise CannotAsk(f"AMI at {address.host}:{address.port} did not answer within {within_s:g} s") from None
    except OSError as error:
        raise CannotAsk(f"AMI at {address.host}:{address.port}: {why_not(error)}") from error
    except (NotConnected, ActionRefused) as error:
        raise CannotAsk(f"AMI at {address.host}:{address.port}: {error}") from error
    finally:
        manager.close()


class QueueWatch:
    """Knows the queues of a PBX as long as `run` runs; `on_change` is called when they are others than before."""

    def __init__(
        self, ask: Ask, on_change: Callable[[], None], *, every_s: float = EVERY_S, while_down_s: float = WHILE_DOWN_S
    ) -> None:
        self.names: frozenset[str] = frozenset()
        """All that were there when they were asked for last; none before that."""
        self._ask = ask
        self._on_change = on_change
        self._every_s = every_s
        self._while_down_s = while_down_s

    async def run(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            try:
                names = await queue_names(self._ask)
            except (NotConnected, ActionRefused, TimeoutError):
                await asyncio.sleep(self._while_down_s)
                continue
            if names != self.names:
                self.names = names
                self._on_change()
            await asyncio.sleep(self._every_s)
