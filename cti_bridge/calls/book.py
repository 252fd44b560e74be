"""The book of live calls of one PBX: finds the call an event belongs to, and keeps the new picture. No I/O, no clock.

Calls are found by the id of a channel, never by linkedid, because that can become another live call's without notice.
A linkedid only gives a name to a call that we see for the first time in the middle of its life.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from cti_bridge.calls.bridges import Bridges, other_half
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import (
    CallerId,
    CallerQueued,
    CallEvent,
    CallOffered,
    ChannelBridged,
    ChannelCreated,
    ChannelHungUp,
    ChannelUnbridged,
    LegAnswered,
    LegPickedUp,
    LegRinging,
    Snapshot,
)
from cti_bridge.calls.happenings import (
    CallerGone,
    Connected,
    Happening,
    LegAnswers,
    LegEnds,
    LegRings,
    Queued,
)
from cti_bridge.calls.leg import Leg, LegState
from cti_bridge.calls.meaning import meaning
from cti_bridge.calls.resync import happened_meanwhile
from cti_bridge.calls.table import step
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
        self._bridges = Bridges()
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

    def id_for(self, channel: ChannelId, linkedid: str) -> CallId:
        """The id of the call of a caller's channel: by its linkedid, unless that is another call's, or was one's."""
        call_id = call_id_for(self.pbx, linkedid)
        named = self._calls.get(call_id)
        # Those who are left when a caller has hung up keep his linkedid; what they do next is no part of his call.
        is_anothers = named.channel != channel if named is not None else linkedid in self._hung_up
        return call_id_for(self.pbx, channel) if is_anothers else call_id

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
            case LegRinging():
                found = self._leg_rings(event)
            case LegAnswered():
                found = self._leg_answers(event, self._where.of_caller.get(event.caller))
            case LegPickedUp():
                found = self._leg_answers(event, self._where.of_leg.get(event.target))
            case ChannelHungUp():
                found = self._hangs_up(event.channel, event.at, failed=event.failed)
            case ChannelBridged() | ChannelUnbridged():
                found = self._bridging(event)
            case ChannelCreated():
                pass  # says which phones are in use, nothing about a call
            case _:
                found = self._happens(*meaning(event, self._where))
        return found

    def _happens(self, call_id: CallId | None, now: Happening | None) -> list[Change]:
        call = self._call(call_id)
        return self._keep(call, step(call, now)) if call is not None and now is not None else []

    def resync(self, snapshot: Snapshot) -> list[Change]:
        """Bring every call in line with what the PBX has now; what it no longer has, is over."""
        self._looking_back = True
        try:
            return self._catch_up(snapshot)
        finally:
            self._looking_back = False

    def _catch_up(self, snapshot: Snapshot) -> list[Change]:
        seen = {channel.channel for channel in snapshot.channels}
        changes: list[Change] = []
        for known in [*self._where.of_caller, *self._where.of_leg]:
            if known not in seen:
                changes += self._hangs_up(known, snapshot.at)
        self._bridges.clear()
        for channel in snapshot.channels:
            if channel.bridge:
                self._bridges.join(channel.channel, channel.name, channel.interface, channel.bridge)
        meanwhile = happened_meanwhile(
            snapshot, self._where, waits_in=self._waits_in, is_operator_phone=self._is_operator_phone
        )
        for event in meanwhile:
            changes += self.apply(event)
        for call_id in list(self._calls):
            changes += self._reconnect(call_id, snapshot.at)
        return changes

    def _waits_in(self, channel: ChannelId) -> str:
        call = self._call(self._where.of_caller.get(channel))
        return call.queue if call is not None and call.waiting else ""

    def restore(self, call: Call) -> None:
        """Take up a call that an earlier run of the bridge had seen; the next snapshot says whether it still lives."""
        self._keep(None, call)

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
        return self._keep(call, step(call, Queued(event.at, event.queue)), adopted) if call else []

    def _leg_rings(self, event: LegRinging) -> list[Change]:
        if event.leg in self._hung_up:
            return []
        # A phone that is called already stays with its call; who calls it may talk in another one by the next snapshot.
        known = self._call(self._where.of_leg.get(event.leg))
        call, adopted, parent = self._call_calling(event) if known is None else (known, None, None)
        if call is None:
            return []
        leg = Leg(
            event.leg, event.leg_name, event.interface, event.queue, event.at,
            parent=parent.id if parent else None, consults=parent is not None and _is_asking(parent),
            number=event.number,
        )  # fmt: skip
        return self._keep(call, step(call, LegRings(event.at, leg)), adopted)

    def _call_calling(self, event: LegRinging) -> tuple[Call | None, CallerId | None, Leg | None]:
        """The call for which this phone is called, and the leg that calls it where it is not the caller himself."""
        if event.caller_name.startswith("Local/") and event.caller_name.endswith(";2"):
            # The inner half calls the phone. While the outer one has not been heard of, the linkedid names the call.
            outer = self._where.leg_named.get(other_half(event.caller_name))
            inside = self._where.of_leg.get(outer) if outer is not None else call_id_for(self.pbx, event.linkedid)
            call = self._call(inside)
            if call is None:
                return None, None, None
            # No leg is the outer half where an operator who talks with the caller has it made, to ask somebody.
            return call, None, call.leg(outer) if outer is not None else call.talking
        if event.caller in self._where.of_leg:
            return None, None, None
        if event.caller not in self._where.of_caller:
            asked_from = self._asked_from(event.caller_interface)
            if asked_from is not None:
                return asked_from[0], None, asked_from[1]
            if not self._is_operator_phone(event.interface):
                return None, None, None
        return *self._call_of_caller(event.caller, event.linkedid, event.at, event.caller_id), None

    def _asked_from(self, interface: str) -> tuple[Call, Leg] | None:
        """The call whose operator talks at this phone and calls somebody on another line of it: to ask about the call.

        Of several the one that is on hold, and then the latest. A trunk on which somebody outside talks asks nobody.
        """
        if not self._is_operator_phone(interface):
            return None
        talking = [
            (call, leg)
            for call in self.at([interface])
            for leg in call.legs
            if leg.interface == interface and leg.state is LegState.TALKING
        ]
        return max(talking, key=lambda found: (found[1].held, found[1].answered_at or 0.0), default=None)

    def _leg_answers(self, event: LegAnswered | LegPickedUp, otherwise: CallId | None) -> list[Change]:
        if event.leg in self._hung_up:
            return []
        call = self._call(self._where.of_leg.get(event.leg)) or self._call(otherwise)
        if call is None:
            return []
        target = call.leg(event.target) if isinstance(event, LegPickedUp) else None
        leg = Leg(
            event.leg, event.leg_name, event.interface, call.queue, event.at,
            parent=target.parent if target else None, consults=target is not None and target.consults,
        )  # fmt: skip
        return self._keep(call, step(call, LegAnswers(event.at, leg)))

    def _hangs_up(self, channel: ChannelId, at: float, *, failed: bool = False) -> list[Change]:
        self._hung_up[channel] = at
        while len(self._hung_up) > MAX_REMEMBERED_CHANNELS:
            self._hung_up.popitem(last=False)
        beside = self._bridges.connected(channel) if channel in self._bridges else ()
        self._bridges.drop(channel)
        if channel in self._where.of_caller:
            changes = self._happens(self._where.of_caller[channel], CallerGone(at, failed))
        else:
            changes = self._happens(self._where.of_leg.get(channel), LegEnds(at, channel))
        return changes + self._reconnect_all(beside, at)

    def _bridging(self, event: ChannelBridged | ChannelUnbridged) -> list[Change]:
        if event.channel in self._hung_up:
            return []
        before = self._bridges.connected(event.channel)
        if isinstance(event, ChannelBridged):
            self._bridges.join(event.channel, event.name, event.interface, event.bridge)
        else:
            self._bridges.leave(event.channel, event.bridge)
        return self._reconnect_all(before | self._bridges.connected(event.channel), event.at)

    def _reconnect_all(self, channels: Iterable[ChannelId], at: float) -> list[Change]:
        """See anew who is connected with whom in every call that has one of these channels."""
        of_caller, of_leg = self._where.of_caller, self._where.of_leg
        found = [of_caller.get(channel) or of_leg.get(channel) for channel in channels]
        calls = dict.fromkeys(call_id for call_id in found if call_id is not None)
        return [change for call_id in calls for change in self._reconnect(call_id, at)]

    def _reconnect(self, call_id: CallId, at: float) -> list[Change]:
        call = self._call(call_id)
        if call is None:
            return []
        changes: list[Change] = []
        talkers: list[Leg] = []
        heard = self._bridges.connected(call.channel)
        for channel in heard:
            known = call.leg(channel)
            if known is not None:
                talkers.append(known)
            elif channel not in self._where.of_caller and self._is_operator_phone(self._bridges.seen_as(channel)[1]):
                # Handed over, picked up, or taken out of the parking lot; if it was another call's leg, it leaves that.
                left = self._call(self._where.of_leg.get(channel))
                if left is not None and left.channel in heard:
                    continue
                changes += self._happens(left.id, LegEnds(at, channel)) if left else []
                talkers.append(Leg(channel, *self._bridges.seen_as(channel), "", at))
        # Where the caller has left the bridge himself, nobody has left him.
        others = (leg.id for leg in call.legs if leg.id not in heard) if call.channel in self._bridges else ()
        apart = frozenset(channel for channel in others if channel in self._bridges)
        return changes + self._keep(call, step(call, Connected(at, tuple(talkers), apart)))

    def _call(self, call_id: CallId | None) -> Call | None:
        return self._calls.get(call_id) if call_id is not None else None

    def _call_of_caller(
        self, channel: ChannelId, linkedid: str, at: float, caller_id: CallerId
    ) -> tuple[Call | None, CallerId | None]:
        known = self._call(self._where.of_caller.get(channel))
        if known is not None or channel in self._hung_up:
            return known, None
        return Call(self.id_for(channel, linkedid), channel, linkedid, at), caller_id

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


def _is_asking(parent: Leg) -> bool:
    """Whether a leg calls a phone to ask its owner: because it talks itself. Half of a Local channel only rings."""
    return parent.consults or parent.state is LegState.TALKING
