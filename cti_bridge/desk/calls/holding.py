"""Hold and consultation: the caller waits in a place of our dialplan, and comes back from there whatever happens.

Nothing of it is kept here but why the latest consultation failed: that a caller is set aside, and who is asked about
him, follows from the call. So a restart of the bridge in the middle loses nothing, and while there is no bridge the
dialplan brings him back as soon as the operator hangs up.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from cti_bridge.asterisk.ami.steering import Steering
from cti_bridge.asterisk.dialplan import BACK, CONSULT, DESK, HOLD, JOIN, WAIT, is_safe
from cti_bridge.calls.asking import asked_by
from cti_bridge.calls.book import Change
from cti_bridge.calls.call import Call
from cti_bridge.calls.desk_events import AskedNoMore
from cti_bridge.calls.events import CallEvent
from cti_bridge.calls.leg import Leg, LegState
from cti_bridge.calls.pops import Part
from cti_bridge.desk.calls.call_actions import REASONS, own_leg
from cti_bridge.desk.calls.calls_in_hand import FAILURES, Target
from cti_bridge.desk.calls.event_watch import EventWatch
from cti_bridge.desk.calls.own_calls import OwnCalls, within
from cti_bridge.desk.calls.steer import CONFIRMED_WITHIN_S, CallArgs, TransferArgs
from cti_bridge.desk.calls.targets import Targets, Way
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.number import display_number
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import Command, CommandList, CommandRefused
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.protocol import Json

log = structlog.get_logger(__name__)

MAX_ASKED = 1_000
"""Calls of which it is remembered whom their operators asked last."""
_DONE = "done"
_SAID = {
    "caller_gone": "the caller has hung up",
    "operator_gone": "your phone has hung up; the caller comes back to you",
    "busy": "busy; the caller still waits for you",
    "no_answer": "nobody answered; the caller still waits for you",
    "unreachable": "cannot be reached; the caller still waits for you",
}
"""What else can come of a command, for people."""
_ENDED_BY_ITSELF = ("ANSWER", "CANCEL")

Look = Callable[[Call], bool]
"""Says of a call whether it is as a command wants it."""
Doing = Callable[[], Awaitable[None]]
"""Tells the PBX what to do."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whom an operator asked last about a call, from which leg, and why that failed; empty while it has not."""

    target: Target
    by: ChannelId
    why: str = ""


class Holding:
    """Carries out `call.hold`, `.resume`, `.consult`, `.consult_cancel` and `.complete`."""

    def __init__(
        self,
        steering: Steering,
        own_calls: OwnCalls,
        events: EventWatch,
        targets: Targets,
        *,
        directory: Callable[[], Directory],
        refresh: Callable[[CallId], None],
        line_of: Callable[[Call], str],
    ) -> None:
        """`line_of` is the number that somebody outside who is asked sees, `refresh` shows a call anew."""
        self._steering = steering
        self._own_calls = own_calls
        self._events = events
        self._targets = targets
        self._directory = directory
        self._refresh = refresh
        self._line_of = line_of
        self._asked: dict[CallId, _Asked] = {}

    def offer_to(self, commands: CommandList) -> None:
        """Offer what is carried out here."""
        for command in (
            Command("call.hold", CallArgs, self.hold, "Let the caller wait, with music where the PBX has any."),
            Command("call.resume", CallArgs, self.resume, "Talk on with the caller who waits."),
            Command("call.consult", TransferArgs, self.consult, "Ask a colleague or a number while the caller waits."),
            Command("call.consult_cancel", CallArgs, self.cancel, "Ask no more, and talk on with the caller."),
            Command("call.complete", CallArgs, self.complete, "Hand the caller over to whoever is asked."),
        ):
            commands.offer(command)

    def on_card(self, call: Call, operator: OperatorId, _part: Part | None) -> Json:
        """The fields of a call that say who has the caller on hold, and who is asked about him."""
        known = self._directory().get(operator)
        leg = own_leg(call, known.phones) if known is not None else None
        asked = asked_by(call, leg) if leg is not None else None
        failed = self._asked.get(call.id)
        shows_failure = failed is not None and failed.why and asked is None and leg is not None and leg.set_aside
        return {
            "held_by": _held_by(leg),
            "consult": self._consult(call, asked) if asked is not None else None,
            "consult_failed": {"to": _shown(failed.target), "reason": failed.why} if failed and shows_failure else None,
        }

    def heard(self, event: CallEvent, changes: Sequence[Change]) -> None:
        """An event has been taken in: a call is over, or nobody was there to be asked."""
        for change in changes:
            if change.after.ended_at is not None:
                self._asked.pop(change.after.id, None)
        if isinstance(event, AskedNoMore) and event.status not in _ENDED_BY_ITSELF:
            self._failed(event)

    async def hold(self, operator: Operator, args: CallArgs) -> None:
        """Set the caller aside; answered when he waits."""
        call, leg = self._own_calls.find(operator, args.call, "hold")
        async with self._own_calls.alone(call.id):
            await self._carry_out(call, leg, lambda now: _is_set_aside(now, leg), self._set_aside(call, leg, operator))
        log.info("call.held", call=call.id, operator=operator.id)

    async def resume(self, operator: Operator, args: CallArgs) -> None:
        """Connect the two again; answered when they are."""
        await self._back(operator, args, "resume")

    async def cancel(self, operator: Operator, args: CallArgs) -> None:
        """Hang up on whoever is asked, and connect the operator with the caller again."""
        await self._back(operator, args, "consult_cancel")

    async def consult(self, operator: Operator, args: TransferArgs) -> None:
        """Call somebody for the operator while the caller waits; answered when it rings there, or is known not to."""
        call, leg = self._own_calls.find(operator, args.call, "consult")
        async with self._own_calls.alone(call.id):
            way = await self._targets.way_to(operator, args.to, queues=False)
            call, leg = self._own_calls.find(operator, args.call, "consult")  # his phone may have handed him over
            self._remember(call.id, _Asked(way.target, leg.id))
            known = {one.id for one in call.legs}

            def rings(now: Call) -> bool:
                asked = asked_by(now, leg)
                return asked is not None and asked.id not in known and _is_set_aside(now, leg)

            await self._carry_out(call, leg, rings, self._ask(call, leg, operator, way))
        log.info("call.consulted", call=call.id, operator=operator.id, to=way.target.kind)

    async def complete(self, operator: Operator, args: CallArgs) -> None:
        """Connect the caller with whoever is asked; answered when they are. The operator's phone is hung up then."""
        call, leg = self._own_calls.find(operator, args.call, "complete")
        async with self._own_calls.alone(call.id):
            asked = asked_by(call, leg)
            if asked is None:
                raise CommandRefused("not_possible", "nobody is being asked about this call")
            await self._carry_out(call, leg, lambda now: _is_with_him(now, asked.id), self._join(call, asked.id))
        log.info("call.completed", call=call.id, operator=operator.id)

    async def _back(self, operator: Operator, args: CallArgs, name: str) -> None:
        call, leg = self._own_calls.find(operator, args.call, name)
        async with self._own_calls.alone(call.id):
            await self._carry_out(call, leg, lambda now: _is_with_him(now, leg.id), self._join(call, leg.id))
        self._asked.pop(call.id, None)
        log.info("call.resumed", call=call.id, operator=operator.id)

    async def _carry_out(self, call: Call, leg: Leg, done: Look, doing: Doing) -> None:
        """Tell the PBX, and wait for what it tells of it. Raises CommandRefused."""

        def look(event: CallEvent, changes: Sequence[Change]) -> str | None:
            if isinstance(event, AskedNoMore) and event.channel == leg.id and event.status not in _ENDED_BY_ITSELF:
                return FAILURES.get(event.status.lower(), "failed")
            outcomes = (_outcome(change.after, leg, done) for change in changes if change.after.id == call.id)
            return next((outcome for outcome in outcomes if outcome is not None), None)

        with self._events.expects(look) as told:
            await doing()
            outcome = await within(CONFIRMED_WITHIN_S, told)
        if outcome != _DONE:
            raise CommandRefused("not_possible", _SAID.get(outcome, f"it did not work ({outcome}); look again"))

    def _set_aside(
        self, call: Call, leg: Leg, operator: Operator, place: str = DESK, variables: Mapping[str, str] | None = None
    ) -> Doing:
        """The two are taken apart in one go: either both go, or neither."""

        async def do() -> None:
            # All that he needs to come back again, too.
            await self._require(call.channel, *dict.fromkeys((HOLD, JOIN, DESK, BACK, WAIT, place)))
            name = await self._name_of(leg.id)
            await self._steering.set_variables(
                call.channel,
                {
                    **({"CTI_CALL_ID": call.id} if is_safe(call.id) else {}),
                    "CTI_DESK_LEG": name,
                    "CTI_DESK_LEG_ID": leg.id,
                    "CTI_TRANSFER_BACK": "&".join(operator.phones),
                    "CTI_TRANSFER_BACK_QUEUE": call.queue if is_safe(call.queue) else "",
                    "CTI_TRANSFER_BY": "",
                    "CTI_TRANSFER_TO": "",
                },
            )
            await self._steering.set_variables(leg.id, {"CTI_DESK_CALLER": call.channel, **(variables or {})})
            await self._steering.redirect_both(call.channel, (HOLD, "s"), leg.id, (place, "s"))

        return do

    def _ask(self, call: Call, leg: Leg, operator: Operator, way: Way) -> Doing:
        variables = self._way(call, way)
        if not leg.set_aside:
            return self._set_aside(call, leg, operator, CONSULT, variables)

        async def do() -> None:
            await self._require(leg.id, CONSULT, DESK)
            await self._steering.set_variables(leg.id, variables)
            await self._steering.redirect(leg.id, CONSULT)

        return do

    def _join(self, call: Call, leg: ChannelId) -> Doing:
        async def do() -> None:
            await self._require(call.channel, JOIN, HOLD)
            await self._steering.set_variables(call.channel, {"CTI_DESK_JOIN": await self._name_of(leg)})
            await self._steering.redirect(call.channel, JOIN)

        return do

    async def _require(self, channel: ChannelId, *contexts: str) -> None:
        """Who is sent to a context that is not there (any more) is hung up. Raises CommandRefused before that."""
        if not await self._steering.has_contexts(channel, contexts):
            raise CommandRefused("not_possible", REASONS["dialplan_old"])

    async def _name_of(self, channel: ChannelId) -> str:
        """Asked anew: a channel that was picked up, or joined another one, may have got another name."""
        return await self._steering.variable(channel, "CHANNEL(name)")

    def _way(self, call: Call, way: Way) -> dict[str, str]:
        limit = {"CTI_DESK_ASK_TIMEOUT": str(way.ring_s)}
        if not way.number:
            return {"CTI_DESK_ASK": way.dial, **limit}
        # Inherited by the channel that is made for the number.
        return {
            "CTI_DESK_ASK": "Local/s@cti-outbound/n",
            "__CTI_OUTBOUND_NUMBER": way.number,
            "__CTI_OUTBOUND_LINE": self._line_of(call),
            **limit,
        }

    def _remember(self, call: CallId, asked: _Asked) -> None:
        """Calls that end while nobody listens are not taken out: the oldest go."""
        self._asked[call] = asked
        while len(self._asked) > MAX_ASKED:
            del self._asked[next(iter(self._asked))]

    def _failed(self, event: AskedNoMore) -> None:
        for call, known in self._asked.items():
            if known.by == event.channel:
                self._asked[call] = replace(known, why=FAILURES.get(event.status.lower(), "failed"))
                self._refresh(call)
                return

    def _consult(self, call: Call, asked: Leg) -> Json:
        outside = [leg for leg in call.legs if leg.parent == asked.id]
        talks = asked.state is LegState.CONSULTING
        colleague = self._directory().owner_of(asked.interface)
        last = self._asked.get(call.id)
        if colleague is not None:
            target = Target("operator", colleague.id, colleague.name)
        elif last is not None:
            target = last.target
        else:
            number = next((leg.number for leg in outside if leg.number), asked.number)
            target = Target("number", number, display_number(number))
        return {"to": _shown(target), "state": "talking" if talks else "ringing"}


def _held_by(leg: Leg | None) -> str | None:
    if leg is None or leg.state is not LegState.TALKING:
        return None
    if leg.set_aside:
        return "desk"
    return "phone" if leg.held else None


def _shown(target: Target) -> Json:
    return {"kind": target.kind, "id": target.id, "name": target.name}


def _is_set_aside(call: Call, leg: Leg) -> bool:
    now = call.leg(leg.id)
    return now is not None and now.set_aside


def _is_with_him(call: Call, leg: ChannelId) -> bool:
    now = call.leg(leg)
    return now is not None and now.with_caller_since is not None


def _outcome(call: Call, leg: Leg, done: Look) -> str | None:
    """What has come of a command; None while that is not known."""
    if done(call):
        return _DONE
    if call.ended_at is not None:
        return "caller_gone"
    now = call.leg(leg.id)
    return "operator_gone" if now is None or now.state is LegState.GONE else None
