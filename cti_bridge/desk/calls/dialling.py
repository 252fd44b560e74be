"""Calling somebody outside by a click: the operator's own phone first, then the number."""

import time
from collections.abc import Awaitable, Callable, Sequence

import structlog
from pydantic import Field

from cti_bridge.calls.book import Change
from cti_bridge.calls.desk_events import OutboundRefused
from cti_bridge.calls.events import CallEvent, ChannelHungUp
from cti_bridge.desk.calls.event_watch import EventWatch
from cti_bridge.desk.calls.means import Means
from cti_bridge.desk.calls.numbers_outside import NumbersOutside
from cti_bridge.desk.calls.own_calls import pbx_asked, within
from cti_bridge.desk.calls.phone_orders import WHOLE_S, PhoneOrders, new_channel
from cti_bridge.domain.ids import CallId, ChannelId
from cti_bridge.domain.number import mask
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import Answer, Args, Command, CommandList, CommandRefused

log = structlog.get_logger(__name__)

_REFUSED = {
    "number": "the PBX does not take this for a number",
    "context": "the PBX has no way out for this number",
}


class DialArgs(Args):
    """Whom to call, and the line whose number is shown there.

    `customer`, or else whoever the `item` of the work list is about, is meant where several customers have the number.
    """

    number: str = Field(min_length=1, max_length=40)
    line: str = Field(default="", max_length=40)
    customer: str = Field(default="", max_length=200)
    item: str = Field(default="", max_length=200)


class CallAnswer(Answer):
    """The call that came of it."""

    call: str


class Dialling:
    """Carries out `call.dial`."""

    def __init__(
        self,
        orders: PhoneOrders,
        outside: NumbersOutside,
        events: EventWatch,
        means: Means,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.whose: Callable[[Operator, str], Awaitable[str]] = _nobody
        """The customer whom an item of the operator's work list is about; whoever keeps the list says so."""
        self.is_meant: Callable[[CallId, str], None] = lambda call, customer: None
        """Hears which customer a call was begun for."""
        self._orders = orders
        self._outside = outside
        self._events = events
        self._means = means
        self._now = now

    def offer_to(self, commands: CommandList) -> None:
        """Offer what is carried out here."""
        commands.offer(
            Command("call.dial", DialArgs, self.dial, "Call one's own phone, then a number outside.", CallAnswer)
        )

    async def dial(self, operator: Operator, args: DialArgs) -> CallAnswer:
        """Answered when somebody outside is called, or when it is known why not."""
        self._means.require("outbound")
        line = self._outside.line(args.line)
        async with pbx_asked(), self._orders.phone_of(operator) as phone:
            customer = args.customer or (await self.whose(operator, args.item) if args.item else "")
            number = self._outside.allowed(operator.id, args.number, self._means.can_dial)
            channel, until = new_channel("dial"), self._now() + WHOLE_S
            with self._events.expects(lambda event, changes: _dialled(event, changes, channel)) as dialled:
                async with self._orders.released_on_failure(channel):
                    await self._orders.call(
                        phone,
                        channel,
                        context="cti-outbound",
                        extension=number,
                        caller_id=number,
                        variables={"CTI_OUTBOUND_LINE": line},
                    )
                outcome = await within(until - self._now(), dialled)
        if outcome in _REFUSED:
            raise CommandRefused("not_possible", _REFUSED[outcome])
        if not outcome:
            raise CommandRefused("not_possible", "your phone was hung up before anybody was called")
        if customer:
            self.is_meant(CallId(outcome), customer)
        log.info("call.dialled", operator=operator.id, call=outcome, number=mask(number))
        return CallAnswer(call=outcome)


async def _nobody(_operator: Operator, _item: str) -> str:
    return ""


def _dialled(event: CallEvent, changes: Sequence[Change], channel: ChannelId) -> str | None:
    """The id of the call, or why there is none (empty: the phone was hung up); None while neither is known."""
    if isinstance(event, OutboundRefused) and event.channel == channel:
        return event.why
    for change in changes:
        if change.after.dialler is not None and change.after.dialler.id == channel:
            return change.after.id
    return "" if isinstance(event, ChannelHungUp) and event.channel == channel else None
