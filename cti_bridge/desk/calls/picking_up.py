"""Taking over a call that rings at a colleague's phone."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from pydantic import Field

from cti_bridge.asterisk.ami.steering import Steering
from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import Call
from cti_bridge.calls.desk_events import PickupFailed
from cti_bridge.calls.events import CallEvent, ChannelHungUp, LegAnswered, LegPickedUp, LegStopped
from cti_bridge.calls.leg import Leg, LegState
from cti_bridge.desk.calls.call_actions import REASONS
from cti_bridge.desk.calls.dialling import CallAnswer
from cti_bridge.desk.calls.event_watch import EventWatch
from cti_bridge.desk.calls.means import Means
from cti_bridge.desk.calls.own_calls import pbx_asked, within
from cti_bridge.desk.calls.phone_orders import WHOLE_S, PhoneOrders, new_channel
from cti_bridge.domain.ids import ChannelId
from cti_bridge.domain.operator import Operator, Role
from cti_bridge.operators.command_list import Args, Command, CommandList, CommandRefused
from cti_bridge.operators.directory import Directory

log = structlog.get_logger(__name__)

_TAKEN, _GONE, _NO_MODULE, _MINE = "taken", "gone", "module", "mine"
_WORDS = {
    _TAKEN: ("already_taken", "your colleague has answered"),
    _GONE: ("not_found", "the call does not ring there any more"),
    _NO_MODULE: ("not_possible", REASONS["pbx_lacks"]),
}


class PickupArgs(Args):
    """At whose phone it rings."""

    operator: str = Field(min_length=1, max_length=32)


class PickingUp:
    """Carries out `call.pickup`: for members of the queue in which the call rings, and for supervisors."""

    def __init__(
        self,
        steering: Steering,
        orders: PhoneOrders,
        events: EventWatch,
        means: Means,
        *,
        book: CallBook,
        directory: Callable[[], Directory],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steering = steering
        self._orders = orders
        self._events = events
        self._means = means
        self._book = book
        self._directory = directory
        self._now = now

    def offer_to(self, commands: CommandList) -> None:
        """Offer what is carried out here."""
        commands.offer(
            Command(
                "call.pickup",
                PickupArgs,
                self.pick_up,
                "Take over the call of a queue that rings at a colleague's phone; the one that waits longest there.",
                CallAnswer,
            )
        )

    async def pick_up(self, operator: Operator, args: PickupArgs) -> CallAnswer:
        """Answered when the caller is connected with the operator, or when it is known why not."""
        self._means.require("pickup")
        async with pbx_asked(), self._orders.phone_of(operator) as phone:
            call, target = await self._ringing_at(operator, args.operator)
            channel = new_channel("pickup")
            with self._events.expects(lambda event, _: _outcome(event, channel, target.id)) as outcome:
                found = await self._first(self._call(phone, channel, target), outcome, channel)
            if found != _MINE:
                await self._orders.release(channel)
                now = self._book.get(call.id)
                found = _TAKEN if found == _GONE and now is not None and now.talking is not None else found
                raise CommandRefused(*_WORDS[found])
        log.info("call.picked_up", call=call.id, operator=operator.id, queue=_queue_of(call, target))
        return CallAnswer(call=call.id)

    def _call(self, phone: str, channel: ChannelId, target: Leg) -> Coroutine[Any, Any, None]:
        return self._orders.call(
            phone,
            channel,
            context="cti-pickup",
            extension="s",
            caller_id=target.interface.rpartition("/")[2],
            variables={"CTI_PICKUP_CHANNEL": target.name},
        )

    async def _first(self, calls: Coroutine[Any, Any, None], outcome: "asyncio.Future[str]", channel: ChannelId) -> str:
        """What happens first: one's own phone is answered and the call taken over, or it is over before.

        That it has been taken over may be told sooner than that the phone was answered.
        """
        order, until = asyncio.create_task(calls, name="pickup"), self._now() + WHOLE_S
        try:
            async with self._orders.released_on_failure(channel):
                either: set[asyncio.Future[Any]] = {order, outcome}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if outcome.done():
                    return outcome.result()
                await order
                return await within(until - self._now(), outcome)
        finally:
            order.cancel()
            await asyncio.gather(order, return_exceptions=True)

    async def _ringing_at(self, operator: Operator, colleague: str) -> tuple[Call, Leg]:
        """The call of a queue that rings there for longest, if this operator may have it."""
        known = self._directory().get(colleague)
        phones = known.phones if known is not None and known.id != operator.id else ()
        ringing = [
            (call, leg)
            for call in self._book.at(phones)
            for leg in call.legs
            if leg.state is LegState.RINGING and leg.interface in phones and _queue_of(call, leg) and not leg.consults
        ]
        if not ringing:
            raise CommandRefused("not_found", "no call of a queue rings there")
        call, leg = min(ringing, key=lambda found: found[0].offered_at)
        queue = _queue_of(call, leg)
        if operator.role is Role.OPERATOR and not (set(operator.phones) & await self._steering.members(queue)):
            raise CommandRefused("not_allowed", f"you are not a member of the queue {queue}")
        return call, leg


def _queue_of(call: Call, leg: Leg) -> str:
    """The queue that calls this phone, also through a Local channel."""
    caller = call.leg(leg.parent) if leg.parent is not None else None
    return leg.queue or (caller.queue if caller is not None else "")


def _outcome(event: CallEvent, channel: ChannelId, target: ChannelId) -> str | None:
    """What becomes of the attempt: it is told by the first event that says something of it."""
    found: str | None = None
    match event:
        case LegPickedUp(leg=leg) if leg == channel:
            found = _MINE
        case LegPickedUp(target=stopped) | LegAnswered(leg=stopped) if stopped == target:
            found = _TAKEN
        case LegStopped(leg=stopped) | ChannelHungUp(channel=stopped) if stopped == target:
            found = _GONE
        case PickupFailed(channel=failed, why=why) if failed == channel:
            found = _NO_MODULE if why == "module" else _GONE
    return found
