"""A snapshot as the events that would have led to it: after an interruption calls change by the same rules. Pure.

The events are made one after another while they are being taken in, because what a channel is to a call (its caller, a
leg, nothing) can follow from the channel before it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from cti_bridge.calls.call import Call
from cti_bridge.calls.events import (
    CallerLeftQueue,
    CallerParked,
    CallerQueued,
    CallEvent,
    LegAnswered,
    LegRinging,
    LegStopped,
    SeenChannel,
    Snapshot,
    Stop,
)
from cti_bridge.calls.whereabouts import Whereabouts
from cti_bridge.domain.ids import ChannelId

_Callers = Mapping[str, list[SeenChannel]]
"""The channels that nobody called, by linkedid."""


def happened_meanwhile(
    snapshot: Snapshot,
    where: Whereabouts,
    *,
    call_of: Callable[[ChannelId], Call | None],
    is_operator_phone: Callable[[str], bool],
) -> Iterator[CallEvent]:
    """Callers who wait now or no longer do, phones that ring, and talks; `call_of` finds the call of a caller."""
    callers: dict[str, list[SeenChannel]] = {}
    for channel in snapshot.channels:
        yield from _waits(channel, snapshot.at, call_of(channel.channel))
        if not channel.dialled:
            callers.setdefault(channel.linkedid, []).append(channel)

    def is_asked(seen: SeenChannel) -> bool:
        """Whether an operator's phone has called it: the call that is about follows from his own leg, told first."""
        same_call = callers.get(seen.linkedid, ())
        return bool(same_call) and all(is_operator_phone(caller.interface) for caller in same_call)

    for leg in sorted(_hearing(snapshot), key=is_asked):
        if leg.dialled:
            yield from _leg(leg, snapshot.at, callers, where)
        elif leg.bridge and leg.channel not in where.of_caller and is_operator_phone(leg.interface):
            yield from _picked_up(leg, snapshot.at, callers, where)


def _hearing(snapshot: Snapshot) -> list[SeenChannel]:
    """The channels; who is left alone in a bridge is with nobody."""
    in_bridge = Counter(channel.bridge for channel in snapshot.channels)
    return [replace(seen, bridge="") if in_bridge[seen.bridge] == 1 else seen for seen in snapshot.channels]


def _waits(seen: SeenChannel, at: float, known: Call | None) -> Iterator[CallEvent]:
    """A caller waits in a queue or a parking lot, or does so no longer."""
    if seen.queue:
        yield CallerQueued(
            at, seen.channel, seen.linkedid, seen.queue, seen.caller_id, name=seen.name, interface=seen.interface
        )
    elif known is not None and known.waiting:
        yield CallerLeftQueue(at, seen.channel, known.queue)
    if known is not None and known.parked != seen.parked:
        yield CallerParked(at, seen.channel, on=seen.parked)


def _leg(leg: SeenChannel, at: float, callers: _Callers, where: Whereabouts) -> Iterator[CallEvent]:
    same_call = callers.get(leg.linkedid, [])
    if not same_call:
        return
    # The one whom we know; else whose id the call has. Half of a Local channel may be listed before the caller.
    caller = min(same_call, key=lambda seen: (seen.channel not in where.of_caller, seen.channel != seen.linkedid))
    if not leg.ringing and (caller.queue or caller.parked or not leg.bridge):
        # It answered unseen, and is not connected yet, or the caller has gone on without it.
        if caller.queue or caller.parked or caller.bridge:
            yield LegStopped(at, leg.channel, Stop.CANCELLED)
        return
    yield LegRinging(
        at,
        leg=leg.channel,
        leg_name=leg.name,
        interface=leg.interface,
        caller=caller.channel,
        caller_name=caller.name,
        linkedid=caller.linkedid,
        queue=caller.queue,
        caller_id=caller.caller_id,
        caller_interface=caller.interface,
        number=leg.caller_id.number,
    )
    if not leg.ringing or (leg.bridge and leg.bridge == caller.bridge):
        yield LegAnswered(at, leg=leg.channel, leg_name=leg.name, interface=leg.interface, caller=caller.channel)


def _picked_up(seen: SeenChannel, at: float, callers: _Callers, where: Whereabouts) -> Iterator[CallEvent]:
    """A phone that nobody called talks with a caller whom we know: its owner picked his call up."""
    talkers = (other for other in callers.get(seen.linkedid, ()) if other.bridge == seen.bridge)
    caller = next((other for other in talkers if other.channel in where.of_caller), None)
    if caller is not None:
        yield LegAnswered(at, leg=seen.channel, leg_name=seen.name, interface=seen.interface, caller=caller.channel)
