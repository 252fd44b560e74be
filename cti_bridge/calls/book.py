"""The book of live calls of one PBX: finds the call an event belongs to, and keeps the new picture. No I/O, no clock.

Calls are found by the id of a channel, never by linkedid, because that can become another live call's without notice.
A linkedid only gives a name to a call that we see for the first time in the middle of its life.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from cti_bridge.calls import call as transitions
from cti_bridge.calls.call import Call, Leg
from cti_bridge.calls.events import (
    CallerId,
    CallerLeftQueue,
    CallerQueued,
    CallEvent,
    CallOffered,
    ChannelCreated,
    ChannelHungUp,
    LegAnswered,
    LegPickedUp,
    LegRinging,
    LegStopped,
    SeenChannel,
    Snapshot,
)
from cti_bridge.calls.whereabouts import Whereabouts
from cti_bridge.domain.ids import CallId, ChannelId, call_id_for

MAX_LIVE_CALLS = 20_000
"""Calls that go on at the same time; beyond, the oldest is taken to have ended, for most likely its end was missed."""
MAX_REMEMBERED_CHANNELS = 20_000
"""Channels that are gone and are known to be, so that a late event does not bring them back."""


@dataclass(frozen=True, slots=True)
class Change:
    """One call before and after an event; `adopted` is set when it was first seen in the middle of its life."""

    before: Call | None
    after: Call
    adopted: CallerId | None = None


class CallBook:
    """All live calls of one PBX."""

    def __init__(self, pbx: str, *, is_operator_phone: Callable[[str], bool], limit: int = MAX_LIVE_CALLS) -> None:
        self.pbx = pbx
        self.dropped = 0
        """Calls that were taken to have ended because the book was full."""
        self._limit = limit
        self._is_operator_phone = is_operator_phone
        self._calls: OrderedDict[CallId, Call] = OrderedDict()
        self._where = Whereabouts()
        self._hung_up: OrderedDict[ChannelId, float] = OrderedDict()
        self._looking_back = False
        """What is taken in now happened before, unseen; so its times are late."""

    def live(self) -> tuple[Call, ...]:
        """All calls that have not ended."""
        return tuple(self._calls.values())

    def get(self, call_id: CallId) -> Call | None:
        """A live call by its id."""
        return self._calls.get(call_id)

    def at(self, interfaces: Iterable[str]) -> tuple[Call, ...]:
        """The live calls that ring or talk at one of these interfaces, at each of them the longest first."""
        return tuple(self._calls[call_id] for call_id in self._where.at(interfaces))

    def __len__(self) -> int:
        return len(self._calls)

    def apply(self, event: CallEvent) -> list[Change]:
        """Take one event in; the calls that it changed come back, usually one or none."""
        found: list[Change] = []
        match event:
            case CallOffered():
                found = self._offered(event)
            case CallerQueued():
                found = self._queued(event)
            case CallerLeftQueue():
                call = self._call(self._where.of_caller.get(event.channel))
                found = self._keep(call, transitions.left_queue(call, event.queue)) if call else []
            case LegRinging():
                found = self._leg_rings(event)
            case LegStopped():
                call = self._call(self._where.of_leg.get(event.leg))
                found = self._keep(call, transitions.leg_stops(call, event.leg, event.why)) if call else []
            case LegAnswered():
                found = self._leg_answers(event, self._where.of_caller.get(event.caller))
            case LegPickedUp():
                found = self._leg_answers(event, self._where.of_leg.get(event.target))
            case ChannelHungUp():
                found = self._hangs_up(event.channel, event.at)
            case ChannelCreated():
                pass  # says which phones are in use, nothing about a call
        return found

    def resync(self, snapshot: Snapshot) -> list[Change]:
        """Bring every call in line with what the PBX has now; what it no longer has, is over."""
        self._looking_back = True
        try:
            return self._catch_up(snapshot)
        finally:
            self._looking_back = False

    def _catch_up(self, snapshot: Snapshot) -> list[Change]:
        seen = {channel.channel: channel for channel in snapshot.channels}
        changes: list[Change] = []
        for known in [*self._where.of_caller, *self._where.of_leg]:
            if known not in seen:
                changes += self._hangs_up(known, snapshot.at)
        for channel in snapshot.channels:
            changes += self._see_caller(channel, snapshot.at)
        callers: dict[str, list[SeenChannel]] = {}
        for channel in snapshot.channels:
            if not channel.dialled:
                callers.setdefault(channel.linkedid, []).append(channel)
        for leg in snapshot.channels:
            if leg.dialled:
                changes += self._see_leg(leg, snapshot.at, callers)
            elif leg.bridge:
                changes += self._see_pickup(leg, snapshot.at, callers)
        return changes

    def _see_caller(self, seen: SeenChannel, at: float) -> list[Change]:
        if seen.queue:
            return self.apply(CallerQueued(at, seen.channel, seen.linkedid, seen.queue, seen.caller_id))
        call = self._call(self._where.of_caller.get(seen.channel))
        return self.apply(CallerLeftQueue(at, seen.channel, call.queue)) if call and call.waiting else []

    def _see_pickup(self, seen: SeenChannel, at: float, callers: Mapping[str, list[SeenChannel]]) -> list[Change]:
        """A phone that nobody called talks with a caller whom we know: its owner picked his call up."""
        if seen.channel in self._where.of_caller or not self._is_operator_phone(seen.interface):
            return []
        talkers = (other for other in callers.get(seen.linkedid, ()) if other.bridge == seen.bridge)
        caller = next((other for other in talkers if other.channel in self._where.of_caller), None)
        if caller is None:
            return []
        return self.apply(
            LegAnswered(at, leg=seen.channel, leg_name=seen.name, interface=seen.interface, caller=caller.channel)
        )

    def restore(self, call: Call) -> None:
        """Take up a call that an earlier run of the bridge had seen; the next snapshot says whether it still lives."""
        self._keep(None, call)

    def _see_leg(self, leg: SeenChannel, at: float, callers: Mapping[str, list[SeenChannel]]) -> list[Change]:
        same_call = callers.get(leg.linkedid, [])
        known = (channel for channel in same_call if channel.channel in self._where.of_caller)
        caller = next(known, same_call[0] if same_call else None)
        if caller is None:
            return []
        changes = self.apply(
            LegRinging(
                at,
                leg=leg.channel,
                leg_name=leg.name,
                interface=leg.interface,
                caller=caller.channel,
                caller_name=caller.name,
                linkedid=caller.linkedid,
                queue=caller.queue,
                caller_id=caller.caller_id,
            )
        )
        if leg.bridge and leg.bridge == caller.bridge:
            changes += self.apply(
                LegAnswered(at, leg=leg.channel, leg_name=leg.name, interface=leg.interface, caller=caller.channel)
            )
        return changes

    def _offered(self, event: CallOffered) -> list[Change]:
        known = self._call(event.call) or self._call(self._where.of_caller.get(event.channel))
        if known is not None:
            return []
        call = Call(event.call, event.channel, event.linkedid, event.at)
        changes = self._keep(None, call)
        gone_at = self._hung_up.get(event.channel)
        return changes if gone_at is None else [*changes, *self._hangs_up(event.channel, max(gone_at, event.at))]

    def _queued(self, event: CallerQueued) -> list[Change]:
        call, adopted = self._call_of_caller(event.channel, event.linkedid, event.at, event.caller_id)
        return self._keep(call, transitions.queued(call, event.queue), adopted) if call else []

    def _leg_rings(self, event: LegRinging) -> list[Change]:
        if event.leg in self._hung_up:
            return []
        call, adopted = self._call_calling(event)
        if call is None:
            return []
        leg = Leg(event.leg, event.leg_name, event.interface, event.queue, event.at)
        return self._keep(call, transitions.leg_rings(call, leg), adopted)

    def _call_calling(self, event: LegRinging) -> tuple[Call | None, CallerId | None]:
        other_half = _other_half(event.caller_name)
        if other_half:
            # The inner half calls the phone. While the outer one has not been heard of, the linkedid names the call.
            outer = self._where.leg_named.get(other_half)
            inside = self._where.of_leg.get(outer) if outer is not None else call_id_for(self.pbx, event.linkedid)
            return self._call(inside), None
        if event.caller in self._where.of_leg:
            return None, None
        if event.caller not in self._where.of_caller and not self._is_operator_phone(event.interface):
            return None, None
        return self._call_of_caller(event.caller, event.linkedid, event.at, event.caller_id)

    def _leg_answers(self, event: LegAnswered | LegPickedUp, otherwise: CallId | None) -> list[Change]:
        if event.leg in self._hung_up:
            return []
        call = self._call(self._where.of_leg.get(event.leg)) or self._call(otherwise)
        if call is None:
            return []
        leg = Leg(event.leg, event.leg_name, event.interface, call.queue, event.at)
        return self._keep(call, transitions.leg_answers(call, leg, event.at))

    def _hangs_up(self, channel: ChannelId, at: float) -> list[Change]:
        self._hung_up[channel] = at
        while len(self._hung_up) > MAX_REMEMBERED_CHANNELS:
            self._hung_up.popitem(last=False)
        call = self._call(self._where.of_caller.get(channel))
        if call is not None:
            return self._keep(call, transitions.ends(call, at))
        call = self._call(self._where.of_leg.get(channel))
        return self._keep(call, transitions.leg_ends(call, channel)) if call else []

    def _call(self, call_id: CallId | None) -> Call | None:
        return self._calls.get(call_id) if call_id is not None else None

    def _call_of_caller(
        self, channel: ChannelId, linkedid: str, at: float, caller_id: CallerId
    ) -> tuple[Call | None, CallerId | None]:
        known = self._call(self._where.of_caller.get(channel))
        if known is not None or channel in self._hung_up:
            return known, None
        call_id = call_id_for(self.pbx, linkedid)
        if call_id in self._calls:
            call_id = call_id_for(self.pbx, channel)
        return Call(call_id, channel, linkedid, at), caller_id

    def _keep(self, before: Call | None, after: Call, adopted: CallerId | None = None) -> list[Change]:
        if before == after and adopted is None:
            return []
        if self._looking_back and _has_late_times(before, after, adopted):
            after = replace(after, recovered=True)
        if after.ended_at is not None:
            self._forget(after)
        else:
            self._where.note(self._calls.get(after.id), after)
            self._calls[after.id] = after
        changes = [Change(None if adopted is not None else before, after, adopted)]
        return changes if len(self._calls) <= self._limit else [*changes, *self._drop_oldest(after)]

    def _drop_oldest(self, newest: Call) -> list[Change]:
        """End the call that has been going on for longest; if it really does, nothing more is heard of it."""
        self.dropped += 1
        oldest = next(iter(self._calls.values()))
        over = self._hangs_up(oldest.channel, max(oldest.offered_at, newest.offered_at))
        return [replace(change, after=replace(change.after, recovered=True)) for change in over]

    def _forget(self, call: Call) -> None:
        self._where.forget(self._calls.pop(call.id, None), call)


def _has_late_times(before: Call | None, after: Call, adopted: CallerId | None) -> bool:
    """Whether an arrival, an answer or an end is new in this change."""
    if before is None or adopted is not None:
        return True
    return (before.answered_at, before.ended_at) != (after.answered_at, after.ended_at)


def _other_half(name: str) -> str:
    """The name of the outer half of a Local channel, given its inner half (`;2`); empty for all other channels."""
    return name[:-1] + "1" if name.startswith("Local/") and name.endswith(";2") else ""
