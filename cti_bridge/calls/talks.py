"""Who is connected with whom, and what that is to each call: bridges told as the happenings that follow. No I/O."""

from collections.abc import Callable, Iterable

from cti_bridge.calls.bridges import Bridges
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import ChannelBridged, ChannelUnbridged, Snapshot
from cti_bridge.calls.happenings import CallerGone, Connected, Happening, LegEnds, LegTransfers, Reached
from cti_bridge.calls.leg import Leg
from cti_bridge.calls.live_calls import LiveCalls
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, ChannelId


class Talks:
    """Follows the bridges, and sees anew who talks in a call when one of its channels has come or gone."""

    def __init__(self, live: LiveCalls, *, is_operator_phone: Callable[[str], bool]) -> None:
        self._live = live
        self._is_operator_phone = is_operator_phone
        self._bridges = Bridges()

    def moves(self, event: ChannelBridged | ChannelUnbridged) -> tuple[CallId, ...]:
        """A channel enters or leaves a bridge; gives back the calls in which somebody may talk with others now."""
        if self._live.is_gone(event.channel):
            return ()
        before = self._bridges.connected(event.channel)
        if isinstance(event, ChannelBridged):
            self._bridges.join(event.channel, event.name, event.interface, event.bridge)
        else:
            self._bridges.leave(event.channel, event.bridge)
        return self._calls_of(before | self._bridges.connected(event.channel))

    def hangs_up(self, channel: ChannelId) -> tuple[CallId, ...]:
        """A channel is gone; gives back the calls of those who were connected with it."""
        beside = self._bridges.connected(channel) if channel in self._bridges else ()
        self._bridges.drop(channel)
        return self._calls_of(beside)

    def are_beside(self, one: ChannelId, other: ChannelId) -> bool:
        """Whether two channels are in one bridge, and hear each other without a Local channel between them."""
        bridge = self._bridges.bridge_of(one)
        return bool(bridge) and bridge == self._bridges.bridge_of(other)

    def replace(self, snapshot: Snapshot) -> None:
        """These bridges are all there are."""
        self._bridges.clear()
        for channel in snapshot.channels:
            if channel.bridge:
                self._bridges.join(channel.channel, channel.name, channel.interface, channel.bridge)

    def is_outside(self, leg: Leg) -> bool:
        """Whether somebody outside is called on it: no operator, no half of a Local channel, no caller himself."""
        if leg.name.startswith("Local/") or leg.id in self._live.where.of_caller:
            return False
        return not self._is_operator_phone(leg.interface)

    def reached(self, call: Call, at: float) -> Reached | None:
        """That an operator who dials out is connected with somebody there, where nothing else has said so."""
        heard = self._bridges.connected(call.channel)
        found = next((leg.id for leg in call.legs if leg.id in heard and self.is_outside(leg)), None)
        return Reached(at, found) if found is not None else None

    def in_call(self, call: Call, at: float) -> list[tuple[CallId, Happening]]:
        """What has happened if those are connected with the caller who are now, the ends of legs elsewhere first."""
        elsewhere: list[tuple[CallId, Happening]] = []
        talkers: list[Leg] = []
        heard = self._bridges.connected(call.channel)
        for channel in heard:
            known, left = call.leg(channel), self._live.of_leg(channel)
            if known is not None and (left is None or left.id == call.id):
                talkers.append(known)
            elif known is None and self._has_part(channel, call) and (left is None or left.channel not in heard):
                # Handed over, picked up, or taken out of the parking lot; if it was another call's leg, it leaves that.
                if left is not None:
                    elsewhere.append((left.id, LegEnds(at, channel)))
                own = self._live.of_caller(channel)
                if own is not None:  # he called a colleague, who has connected him with this caller
                    elsewhere += [(own.id, LegTransfers(at, own.talking.id))] if own.talking else []
                    elsewhere.append((own.id, CallerGone(at)))
                talkers.append(Leg(channel, *self._bridges.seen_as(channel), "", at))
        # Where the caller has left the bridge himself, nobody has left him.
        others = (leg.id for leg in call.legs if leg.id not in heard) if call.channel in self._bridges else ()
        apart = frozenset(channel for channel in others if channel in self._bridges)
        return [*elsewhere, (call.id, Connected(at, tuple(talkers), apart, self._bridges.bridge_of(call.channel)))]

    def _has_part(self, channel: ChannelId, call: Call) -> bool:
        """Whether an operator talks on this channel, who has a part in this call: a caller has none in another's.

        But an operator who called a colleague, and was connected with a customer by him, talks with the customer.
        """
        if not self._is_operator_phone(self._bridges.seen_as(channel)[1]):
            return False
        own = self._live.of_caller(channel)
        return own is None or (own.direction is Direction.INTERNAL and call.direction is not Direction.INTERNAL)

    def _calls_of(self, channels: Iterable[ChannelId]) -> tuple[CallId, ...]:
        where = self._live.where
        found = (where.of_caller.get(channel) or where.of_leg.get(channel) for channel in sorted(channels))
        calls = dict.fromkeys(call_id for call_id in found if call_id is not None)
        # Whoever was connected with a customer by a colleague leaves his own call by that, so it has its turn last.
        return tuple(sorted(calls, key=self._is_internal))

    def _is_internal(self, call_id: CallId) -> bool:
        call = self._live.get(call_id)
        return call is not None and call.direction is Direction.INTERNAL
