"""Hanging up and sending on: the commands that end an operator's part in a call."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog
from pydantic import Field

from cti_bridge.asterisk.ami.steering import PbxRefused, Steering
from cti_bridge.asterisk.dialplan import BACK, TRANSFER, WAIT, is_safe
from cti_bridge.calls.book import Change
from cti_bridge.calls.call import Call
from cti_bridge.calls.desk_events import TransferTold
from cti_bridge.calls.events import CallerQueued, CallEvent, ChannelHungUp, LegHungUp, LegTransferred
from cti_bridge.calls.leg import Leg, LegState
from cti_bridge.calls.pops import Part
from cti_bridge.desk.calls.call_actions import REASONS
from cti_bridge.desk.calls.calls_in_hand import FAILURES, CallsInHand, Target, Transfer, transfer_view
from cti_bridge.desk.calls.event_watch import EventWatch
from cti_bridge.desk.calls.own_calls import OwnCalls, within
from cti_bridge.desk.calls.targets import Targets, ToArgs, Way
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import Args, Command, CommandList, CommandRefused
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.protocol import Json

log = structlog.get_logger(__name__)

CONFIRMED_WITHIN_S = 12.0
"""So long the PBX may take until it tells of what it was told to do."""
_ON_ITS_WAY, _CALLER_GONE = "on its way", "caller gone"


class CallArgs(Args):
    """A call of one's own."""

    call: str = Field(min_length=1, max_length=300)


class TransferArgs(CallArgs):
    """Whom it is handed to."""

    to: ToArgs


class Steer:
    """Carries out `call.hangup` and `call.transfer`, and follows what becomes of a caller who was sent on."""

    def __init__(
        self,
        steering: Steering,
        own_calls: OwnCalls,
        in_hand: CallsInHand,
        events: EventWatch,
        targets: Targets,
        *,
        directory: Callable[[], Directory],
        refresh: Callable[[CallId], None],
        feed: Callable[[CallEvent], None],
        line_of: Callable[[Call], str],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`feed` puts an event among those of the PBX, `line_of` is the number to be shown to whom a call is sent."""
        self._steering = steering
        self._own_calls = own_calls
        self._in_hand = in_hand
        self._events = events
        self._targets = targets
        self._directory = directory
        self._refresh = refresh
        self._feed = feed
        self._line_of = line_of
        self._now = now

    def offer_to(self, commands: CommandList) -> None:
        """Offer what is carried out here."""
        commands.offer(
            Command(
                "call.hangup", CallArgs, self.hang_up, "End the call at one's own phone, or refuse it while it rings."
            )
        )
        commands.offer(
            Command("call.transfer", TransferArgs, self.transfer, "Send the caller on to an operator, queue or number.")
        )

    def on_card(self, call: Call, operator: OperatorId, _part: Part | None) -> Json:
        """The fields of a call that say what can be done with it, and whom it is being sent to."""
        transfer = self._in_hand.transfer(call)
        return {
            "actions": self._own_calls.actions(call, operator),
            "transfer": transfer_view(transfer, self._directory()) if transfer is not None else None,
        }

    def heard(self, event: CallEvent, _: Sequence[Change]) -> None:
        """An event has been taken in: a transfer may have failed."""
        if isinstance(event, TransferTold):
            self._told(event)

    def changed(self, change: Change) -> None:
        """A call is another one now: somebody may have taken over, or it is over."""
        call = change.after
        if call.ended_at is not None:
            self._in_hand.forget(call.id)
        elif self._in_hand.begun(call.id) is not None and self._in_hand.transfer(call) is None:
            self._in_hand.forget(call.id)
            self._refresh(call.id)

    def resynced(self) -> None:
        """What a new picture of the PBX changed has been told call by call."""

    async def hang_up(self, operator: Operator, args: CallArgs) -> None:
        """End the operator's own leg; answered when the PBX has."""
        call, leg = self._own_calls.find(operator, args.call, "hangup")
        ringing = leg.state is LegState.RINGING and not call.dialling

        def gone(event: CallEvent, _: Sequence[Change]) -> str | None:
            return _ON_ITS_WAY if isinstance(event, ChannelHungUp) and event.channel == leg.id else None

        async with self._own_calls.alone(call.id):
            with self._events.expects(gone) as ended:
                # Before the PBX is told, because it says that the leg is over sooner than that it has done it.
                self._feed(LegHungUp(self._now(), leg.id))
                await self._steering.hang_up(leg.id, refuses=ringing)
                await within(CONFIRMED_WITHIN_S, ended)
        log.info("call.hung_up", call=call.id, operator=operator.id, ringing=ringing)

    async def transfer(self, operator: Operator, args: TransferArgs) -> None:
        """Send the caller on; answered when he is at the target, or when it is known that he is not."""
        call, leg = self._to_be_sent_on(operator, args.call)
        async with self._own_calls.alone(call.id):
            way = await self._targets.way_to(operator, args.to)
            call, leg = self._to_be_sent_on(operator, args.call)  # meanwhile his phone may have handed the caller over
            transfer = Transfer(operator.id, way.target, leg.id)
            self._in_hand.sends(call.id, transfer)
            try:
                with self._events.expects(lambda event, changes: _arrived(event, changes, call, way)) as told:
                    await self._send(call, leg, operator, way)
                    outcome = await within(CONFIRMED_WITHIN_S, told)
            except BaseException:
                if self._in_hand.transfer(call) == transfer:
                    self._in_hand.forget(call.id)
                    self._refresh(call.id)
                raise
        log.info("call.transferred", call=call.id, operator=operator.id, to=way.target.kind, outcome=outcome)
        if outcome == _CALLER_GONE:
            raise CommandRefused("not_possible", "the caller has hung up")
        if outcome != _ON_ITS_WAY:
            raise CommandRefused("not_possible", f"it did not work ({outcome}); the caller comes back to you")

    def _to_be_sent_on(self, operator: Operator, call_id: str) -> tuple[Call, Leg]:
        call, leg = self._own_calls.find(operator, call_id, "transfer")
        if leg.with_caller_since is None and not leg.set_aside:
            raise CommandRefused("not_possible", REASONS["not_connected"])
        return call, leg

    async def _send(self, call: Call, leg: Leg, operator: Operator, way: Way) -> None:
        # The caller would be hung up where one of these contexts is not there (any more).
        if not await self._steering.has_contexts(call.channel, (TRANSFER, BACK, WAIT)):
            raise CommandRefused("not_possible", REASONS["dialplan_old"])
        # Inherited by the channel to a number outside, which is made for him.
        line = self._line_of(call) if way.number else ""
        await self._steering.set_variables(
            call.channel,
            {
                "CTI_TRANSFER_DIAL": way.dial,
                "CTI_TRANSFER_QUEUE": way.queue,
                "CTI_TRANSFER_NUMBER": way.number,
                "CTI_TRANSFER_TIMEOUT": str(way.ring_s),
                "CTI_TRANSFER_BACK": "&".join(operator.phones),
                "CTI_TRANSFER_BACK_QUEUE": call.queue if is_safe(call.queue) else "",
                "CTI_TRANSFER_BY": operator.id,
                "CTI_TRANSFER_TO": _written(way.target),
                **({"CTI_CALL_ID": call.id} if is_safe(call.id) else {}),
                **({"__CTI_OUTBOUND_LINE": line} if way.number else {}),
            },
        )
        if self._own_calls.hears_directly(call, leg):
            await self._steering.send_on(leg.id, TRANSFER)
            return
        # The other side of his leg is not the caller: it is half of a Local channel, or nobody while he is on hold.
        await self._steering.redirect(call.channel, TRANSFER)
        self._feed(LegTransferred(self._now(), leg.id))
        if leg.parent is None:
            with suppress(PbxRefused):
                await self._steering.hang_up(leg.id)

    def _told(self, told: TransferTold) -> None:
        """The dialplan says how far a transfer has come; of one that an earlier run began this is all that is known."""
        if told.state not in ("failed", "requeued") or not told.to or not self._own_calls.goes_on(told.call):
            return
        known = self._in_hand.begun(told.call)
        if told.state == "requeued" and known is not None:
            return
        why = FAILURES.get(told.why, "failed")
        if known is None:
            known = Transfer(OperatorId(told.by), self._read(told.to))
        self._in_hand.sends(told.call, Transfer(known.by, known.to, known.leg, why))
        self._refresh(told.call)

    def _read(self, written: str) -> Target:
        kind, _, id_ = written.partition("/")
        if kind == "operator":
            operator = self._directory().get(id_)
            return Target("operator", id_, operator.name if operator else id_)
        return Target("queue" if kind == "queue" else "number", id_, id_)


def _written(target: Target) -> str:
    """How the dialplan tells it back; a number is nobody's business there."""
    return "number/" if target.kind == "number" else f"{target.kind}/{target.id}"


def _arrived(event: CallEvent, changes: Sequence[Change], call: Call, way: Way) -> str | None:
    """Whether the caller has got to the target, or why he has not; None while that is not known."""
    if isinstance(event, TransferTold) and event.channel == call.channel and event.state == "failed":
        return FAILURES.get(event.why, "failed")
    if way.queue and isinstance(event, CallerQueued) and event.channel == call.channel:
        return _ON_ITS_WAY  # not when the dialplan says that he is about to: the queue may not take him
    if isinstance(event, ChannelHungUp) and event.channel == call.channel:
        return _CALLER_GONE
    known: set[ChannelId] = {leg.id for leg in call.legs}
    for change in changes:
        if change.after.id != call.id:
            continue
        new = (leg for leg in change.after.legs if leg.id not in known and not leg.name.startswith("Local/"))
        if not way.queue and any(leg.state is LegState.RINGING for leg in new):
            return _ON_ITS_WAY
    return None
