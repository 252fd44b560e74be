"""Whose call is this: finds the call that an event belongs to, and the leg from which a phone is called. No I/O.

Calls are found by the id of a channel, never by linkedid, because that can become another live call's without notice.
A linkedid only gives a name to a call that we see for the first time in the middle of its life.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain, count

from cti_bridge.calls.bridges import other_half
from cti_bridge.calls.call import Call
from cti_bridge.calls.clicks import Clicks
from cti_bridge.calls.events import CallerId, CallerParked, CallerQueued, LegAnswered, LegPickedUp, LegRinging
from cti_bridge.calls.happenings import LegRings
from cti_bridge.calls.leg import Leg, LegState
from cti_bridge.calls.live_calls import LiveCalls
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, ChannelId, call_id_for


@dataclass(frozen=True, slots=True)
class Found:
    """The call of an event; `adopted` is set when it is new to us, in the middle of its life."""

    call: Call | None = None
    adopted: CallerId | None = None
    parent: Leg | None = None
    """The leg that calls, where it is not the caller himself."""


class Finder:
    """Looks calls up among the live ones, and makes those that are seen for the first time."""

    def __init__(self, pbx: str, live: LiveCalls, *, is_operator_phone: Callable[[str], bool]) -> None:
        self._pbx = pbx
        self._live = live
        self._is_operator_phone = is_operator_phone
        self.clicks = Clicks()

    def id_for(self, channel: ChannelId, linkedid: str) -> CallId:
        """The id of the call of a caller's channel: by its linkedid, unless that is another call's, or was one's."""
        # Those who are left when a caller has hung up keep his linkedid; what they do next is no part of his call.
        names = [linkedid] if linkedid != channel and not self._live.is_gone(linkedid) else []
        for name in chain(names, [channel], (f"{channel}-{number}" for number in count(2))):
            call_id = call_id_for(self._pbx, name)
            named = self._live.get(call_id)
            if named is not None and named.channel == channel:
                break
            if named is None and not self._live.is_over(call_id):
                break
        return call_id

    def of_caller(self, channel: ChannelId, linkedid: str, at: float, caller_id: CallerId) -> Found:
        """The call of this caller, a new one if need be; none of a caller who is gone."""
        known = self._live.of_caller(channel)
        if known is not None or self._live.is_gone(channel):
            return Found(known)
        return Found(Call(self.id_for(channel, linkedid), channel, linkedid, at), caller_id)

    def waiting(self, event: CallerQueued | CallerParked) -> Found:
        """The call of a caller who joins a queue or is parked; an operator who joins a queue calls his colleagues."""
        if not event.linkedid:
            return Found(self._live.of_caller(event.channel))
        found = self.of_caller(event.channel, event.linkedid, event.at, event.caller_id)
        if (
            isinstance(event, CallerParked)
            or found.call is None
            or found.adopted is None
            or not self._is_operator_phone(event.interface)
        ):
            return found
        dialler = Leg(event.channel, event.name, event.interface, "", event.at)
        return replace(found, call=replace(found.call, direction=Direction.INTERNAL, dialler=dialler))

    def ringing_for(self, event: LegRinging) -> Found:
        """The call for which this phone is called."""
        # A phone that is called already stays with its call; who calls it may talk in another one by the next snapshot.
        known = self._live.of_leg(event.leg)
        if known is not None or event.leg in self._live.where.of_caller:  # there as the customer of an outbound call
            return Found(known)
        if event.asks or (event.caller_name.startswith("Local/") and event.caller_name.endswith(";2")):
            return self._asked_at_desk(event) if event.asks else self._inside_local(event)
        if event.caller not in self._live.where.of_caller:
            called = self._live.of_leg(event.caller)
            if called is not None and called.direction is not Direction.INTERNAL:
                return Found()
            # A colleague who was called calls on the same line: whoever called him has sent him on.
            made = (self._asked_from(event) if called is None else None) or self._dialled(event)
            if made is not None:
                return made
            if not self._is_operator_phone(event.interface):
                return Found()
        return self.of_caller(event.caller, event.linkedid, event.at, event.caller_id)

    def _asked_at_desk(self, event: LegRinging) -> Found:
        """The call about which an operator asks from his page; when its caller has gone meanwhile, it is no call."""
        about = self._live.of_leg(event.caller)
        return Found(about, parent=about.leg(event.caller) if about is not None else None)

    def _inside_local(self, event: LegRinging) -> Found:
        """The inner half calls the phone. While the outer one has not been heard of, the linkedid names the call."""
        where = self._live.where
        outer = where.leg_named.get(other_half(event.caller_name))
        call = self._live.get(where.of_leg.get(outer) if outer is not None else call_id_for(self._pbx, event.linkedid))
        if call is None:
            # A phone is called for no call of ours: it may be for one that it is to make.
            if self._is_operator_phone(event.interface):
                self.clicks.rings(event.caller_name, Leg(event.leg, event.leg_name, event.interface, "", event.at))
            return Found()
        # No leg is the outer half where an operator who talks with the caller has it made, to ask somebody.
        return Found(call, parent=call.leg(outer) if outer is not None else call.talking)

    def _dialled(self, event: LegRinging) -> Found | None:
        """The call that an operator makes; None where it is no operator who calls."""
        dialler = self.clicks.dialler(other_half(event.caller_name))
        if dialler is None and self._is_operator_phone(event.caller_interface):
            dialler = Leg(event.caller, event.caller_name, event.caller_interface, "", event.at)
        if dialler is None:
            return self._taken_up(event)
        known = self._live.of_caller(dialler.id)
        has_reached = dialler.id != event.caller and dialler.id in self._live.where.of_leg
        if known is not None or has_reached or self._live.is_gone(dialler.id):
            return Found(known)
        colleague = self._is_operator_phone(event.interface)
        direction = Direction.INTERNAL if colleague else Direction.OUTBOUND
        call = Call(
            self.id_for(dialler.id, event.linkedid), dialler.id, event.linkedid, event.at,
            direction=direction, dialler=replace(dialler, rang_at=event.at),
        )  # fmt: skip
        return Found(call, event.caller_id if colleague else CallerId(event.number))

    def _taken_up(self, event: LegRinging) -> Found | None:
        """The call that an operator makes through a Local channel, as an earlier run of the bridge saw him click."""
        call = self._live.get(call_id_for(self._pbx, event.linkedid))
        is_outer_half = event.caller_name.startswith("Local/") and event.caller_name.endswith(";1")
        return Found(call) if is_outer_half and call is not None and call.dialler is not None else None

    def _asked_from(self, event: LegRinging) -> Found | None:
        """The call whose operator talks at this phone and calls somebody on another line of it: to ask about the call.

        So may who is asked himself, or was when he was seen last: the caller may have been handed to him meanwhile. Of
        several the one that is on hold, and then the latest. A trunk on which somebody outside talks asks nobody.
        About a colleague nobody outside is asked: that is a call of its own.
        """
        interface = event.caller_interface
        if not self._is_operator_phone(interface):
            return None
        outside = not self._is_operator_phone(event.interface)
        talking = [
            (call, leg)
            for call in self._live.at([interface])
            if call.direction is not Direction.INTERNAL or not outside
            for leg in call.legs
            if leg.interface == interface and leg.state in {LegState.TALKING, LegState.CONSULTING}
            if not leg.transferred  # it may be a while before the phone lets go of a caller whom it has sent on
        ]
        found = max(talking, key=lambda found: (found[1].held, found[1].answered_at or 0.0), default=None)
        return Found(found[0], parent=found[1]) if found is not None else None

    def leg_called(self, event: LegRinging, parent: Leg | None) -> LegRings:
        """The leg that this phone is from now on, called by `parent` where it is not the caller himself."""
        leg = Leg(
            event.leg, event.leg_name, event.interface, event.queue, event.at,
            parent=parent.id if parent else None, consults=parent is not None and _is_asking(parent),
            number=event.number, ours=self._is_ours(event.interface, event.queue),
        )  # fmt: skip
        return LegRings(event.at, leg, colleague=self._is_operator_phone(event.interface) and not leg.consults)

    def leg_answering(self, event: LegAnswered | LegPickedUp, call: Call) -> Leg:
        """The leg that this phone is if the call does not know it yet; who picks up takes the place of the target."""
        target = call.leg(event.target) if isinstance(event, LegPickedUp) else None
        return Leg(
            event.leg, event.leg_name, event.interface, call.queue, event.at,
            parent=target.parent if target else None, consults=target is not None and target.consults,
            ours=self._is_ours(event.interface, call.queue if target else ""),
        )  # fmt: skip

    def restored(self, call: Call) -> Call:
        """The call, as an earlier run of the bridge wrote it down, with what it did not write."""
        return replace(
            call, legs=tuple(replace(leg, ours=self._is_ours(leg.interface, leg.queue)) for leg in call.legs)
        )

    def _is_ours(self, interface: str, queue: str) -> bool:
        return bool(queue) or self._is_operator_phone(interface)


def _is_asking(parent: Leg) -> bool:
    """Whether a leg calls a phone to ask its owner: because it talks itself. Half of a Local channel only rings."""
    return parent.consults or parent.state is LegState.TALKING
