"""An AMI session for one errand, such as that of a command: asked, and closed again."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from cti_bridge.asterisk.ami.connection import AmiAddress
from cti_bridge.asterisk.ami.protocol import SafeManager, why_not
from cti_bridge.asterisk.ami.queues import CannotAsk
from cti_bridge.asterisk.ami.translate import Headers, PbxClock, translate
from cti_bridge.calls.events import CallEvent


class OneSession:
    """A session that is logged in."""

    def __init__(self, manager: SafeManager, within_s: float) -> None:
        self._manager = manager
        self._within_s = within_s

    async def ask(
        self,
        headers: Mapping[str, str],
        *,
        take: Callable[[Headers], None] | None = None,
        within_s: float | None = None,
    ) -> Sequence[Headers]:
        """Carry out one action. Raises as SafeManager does."""
        return await self._manager.ask(headers, take=take, within_s=within_s or self._within_s)


@asynccontextmanager
async def session(
    address: AmiAddress, hear: Callable[[CallEvent], None], *, wants: str, within_s: float
) -> AsyncIterator[OneSession]:
    """Log in; `hear` gets the events of the name `wants`, in our words. Raises CannotAsk."""
    clock = PbxClock()

    def take(message: Headers) -> None:
        event = translate(message, 0.0, clock)
        if event is not None:
            hear(event)

    manager = SafeManager(
        wants_event=lambda name: name == wants,
        on_event=take,
        on_lost=lambda why: None,
        host=address.host,
        port=address.port,
        username=address.username,
        secret=address.secret,
    )
    try:
        try:
            accepted = await manager.open(tls=address.tls, within_s=within_s)
        except TimeoutError:
            raise CannotAsk(f"AMI at {address.host}:{address.port} did not answer within {within_s:g} s") from None
        except OSError as error:
            raise CannotAsk(f"AMI at {address.host}:{address.port}: {why_not(error)}") from error
        if not accepted:
            raise CannotAsk(f"AMI refused the login of user {address.username!r}")
        yield OneSession(manager, within_s)
    finally:
        manager.close()
