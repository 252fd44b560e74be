"""The calls that an operator may command: those that have a part at one of his own phones, and nobody else's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from cti_bridge.asterisk.ami.steering import PbxRefused, PbxSilent
from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import Call
from cti_bridge.calls.leg import Leg
from cti_bridge.desk.calls.call_actions import REASONS, actions_of, own_leg
from cti_bridge.desk.calls.calls_in_hand import CallsInHand
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import CommandRefused

_CODES = {"not_yours": "not_found", "pbx_down": "unavailable", "pbx_unasked": "unavailable"}
"""How a reason against an action is refused, where it is not simply impossible now."""


@asynccontextmanager
async def pbx_asked() -> AsyncIterator[None]:
    """What the PBX refuses, or does not answer, refuses the command."""
    try:
        yield
    except PbxRefused as refused:
        raise CommandRefused("failed", f"the PBX says: {refused}") from None
    except PbxSilent as silent:
        raise CommandRefused("unavailable", f"the PBX cannot be asked: {silent}") from None


class OwnCalls:
    """Finds the call of a command and says whether it can be carried out now; one command at a time for each call."""

    def __init__(
        self,
        book: CallBook,
        in_hand: CallsInHand,
        *,
        operator: Callable[[OperatorId], Operator | None],
        lacks: Callable[[], Mapping[str, str]],
    ) -> None:
        """`operator` finds one by his id; `lacks` says of actions, by name, why this PBX cannot do them at all."""
        self._book = book
        self._in_hand = in_hand
        self._operator = operator
        self._lacks = lacks
        self._under_way: set[CallId] = set()

    def actions(self, call: Call, operator: OperatorId) -> dict[str, str | None]:
        """For each action None when this operator can do it now, else why not."""
        known = self._operator(operator)
        phones = known.phones if known else ()
        return actions_of(call, phones, in_hand=self._in_hand.of(call), lacks=self._lacks())

    def find(self, operator: Operator, call_id: str, action: str) -> tuple[Call, Leg]:
        """The call and the operator's own leg in it. Raises CommandRefused, of a call of others as of none at all."""
        call = self._book.get(CallId(call_id))
        leg = own_leg(call, operator.phones) if call is not None else None
        if call is None or leg is None:
            raise CommandRefused("not_found", "there is no such call at your phones")
        reason = self.actions(call, operator.id)[action]
        if reason is not None:
            raise CommandRefused(_CODES.get(reason, "not_possible"), REASONS[reason])
        return call, leg

    def goes_on(self, call: CallId) -> bool:
        """Whether there is such a call."""
        return self._book.get(call) is not None

    def hears_directly(self, call: Call, leg: Leg) -> bool:
        """Whether the caller, and no half of a Local channel, is the other side of the talk on this leg."""
        return leg.parent is None and self._book.are_beside(call.channel, leg.id)

    @asynccontextmanager
    async def alone(self, call: CallId) -> AsyncIterator[None]:
        """Keep every other command away from this call. Raises CommandRefused when one is under way."""
        if call in self._under_way:
            raise CommandRefused("busy", "another command for this call is on its way")
        self._under_way.add(call)
        try:
            async with pbx_asked():
                yield
        finally:
            self._under_way.discard(call)


async def within(seconds: float, waiting: "asyncio.Future[str]") -> str:
    """What is waited for. Raises CommandRefused when it does not come in time."""
    try:
        async with asyncio.timeout(seconds):
            return await waiting
    except TimeoutError:
        raise CommandRefused("no_answer", "the PBX has not said in time whether it was done; look again") from None
