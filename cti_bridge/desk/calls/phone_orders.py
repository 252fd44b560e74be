"""Having an operator's own phone called, for something that begins when he answers it; once at a time for each."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from cti_bridge.asterisk.ami.steering import PbxRefused, PbxSilent, Rang, Steering
from cti_bridge.domain.ids import ChannelId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import CommandRefused

RING_S = 12.0
"""So long his own phone rings."""
WHOLE_S = 17.0
"""So long all of it may take: it must be over before the list of commands gives it up."""
_WORDS = {
    Rang.NO_ANSWER: "your phone was not answered",
    Rang.REFUSED: "your phone is busy, refused the call or cannot be reached",
}


class PhoneOrders:
    """Calls phones of operators, none of which is in use."""

    def __init__(self, steering: Steering, *, busy: Callable[[str], bool], ring_s: float = RING_S) -> None:
        self._steering = steering
        self._busy = busy
        self._ring_s = ring_s
        self._under_way: set[OperatorId] = set()

    @asynccontextmanager
    async def phone_of(self, operator: Operator) -> AsyncIterator[str]:
        """The phone that will be called; nothing else of his is called meanwhile. Raises CommandRefused."""
        if operator.id in self._under_way:
            raise CommandRefused("busy", "your phone is being called already")
        if not operator.phones:
            raise CommandRefused("not_possible", "you have no phone")
        if any(self._busy(phone) for phone in operator.phones):
            raise CommandRefused("not_possible", "you are on the phone")
        self._under_way.add(operator.id)
        try:
            yield await self._reachable(operator)
        finally:
            self._under_way.discard(operator.id)

    async def call(
        self, phone: str, channel: ChannelId, *, context: str, extension: str, caller_id: str, variables: dict[str, str]
    ) -> None:
        """Call it; returns when it is answered. Raises CommandRefused when it is not."""
        rang = await self._steering.call_phone(
            phone,
            channel,
            context=context,
            extension=extension,
            caller_id=caller_id,
            variables=variables,
            ring_s=self._ring_s,
        )
        if rang is not Rang.ANSWERED:
            raise CommandRefused("not_possible", _WORDS[rang])

    @asynccontextmanager
    async def released_on_failure(self, channel: ChannelId) -> AsyncIterator[None]:
        """Let the phone go when what is done meanwhile fails, or is given up."""
        try:
            yield
        except BaseException:
            await self.release(channel)
            raise

    async def release(self, channel: ChannelId) -> None:
        """Nothing comes of it: let the phone go."""
        with suppress(PbxRefused, PbxSilent):
            await self._steering.hang_up(channel)

    async def _reachable(self, operator: Operator) -> str:
        for phone in operator.phones:
            if await self._steering.can_be_reached(phone):
                return phone
        raise CommandRefused("not_possible", "your phone is not registered")


def new_channel(purpose: str) -> ChannelId:
    """The id of a channel that is to be made."""
    return ChannelId(f"cti-{purpose}-{uuid.uuid4().hex[:12]}")
