"""A snapshot as the events that would have led to it: after an interruption calls change by the same rules. Pure.

The events are made one after another while they are being taken in, because what a channel is to a call (its caller, a
leg, nothing) can follow from the channel before it.
"""

from collections.abc import Callable, Iterator, Mapping

from cti_bridge.calls.events import (
    CallerLeftQueue,
    CallerQueued,
    CallEvent,
    LegAnswered,
    LegRinging,
    SeenChannel,
    Snapshot,
)
from cti_bridge.calls.whereabouts import Whereabouts
from cti_bridge.domain.ids import ChannelId

_Callers = Mapping[str, list[SeenChannel]]
"""The channels that nobody called, by linkedid."""


def happened_meanwhile(
    snapshot: Snapshot,
    where: Whereabouts,
    *,
    waits_in: Callable[[ChannelId], str],
    is_operator_phone: Callable[[str], bool],
) -> Iterator[CallEvent]:
    """Callers who wait now or no longer do, phones that ring, and talks; `waits_in` is the queue known before."""
    callers: dict[str, list[SeenChannel]] = {}
    for channel in snapshot.channels:
        if channel.queue:
            yield CallerQueued(snapshot.at, channel.channel, channel.linkedid, channel.queue, channel.caller_id)
        elif queue := waits_in(channel.channel):
            yield CallerLeftQueue(snapshot.at, channel.channel, queue)
        if not channel.dialled:
            callers.setdefault(channel.linkedid, []).append(channel)
    for leg in snapshot.channels:
        if leg.dialled:
            yield from _leg(leg, snapshot.at, callers, where)
        elif leg.bridge and leg.channel not in where.of_caller and is_operator_phone(leg.interface):
            yield from _picked_up(leg, snapshot.at, callers, where)


def _leg(leg: SeenChannel, at: float, callers: _Callers, where: Whereabouts) -> Iterator[CallEvent]:
    same_call = callers.get(leg.linkedid, [])
    known = (channel for channel in same_call if channel.channel in where.of_caller)
    caller = next(known, same_call[0] if same_call else None)
    if caller is None:
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
    )
    if leg.bridge and leg.bridge == caller.bridge:
        yield LegAnswered(at, leg=leg.channel, leg_name=leg.name, interface=leg.interface, caller=caller.channel)


def _picked_up(seen: SeenChannel, at: float, callers: _Callers, where: Whereabouts) -> Iterator[CallEvent]:
    """A phone that nobody called talks with a caller whom we know: its owner picked his call up."""
    talkers = (other for other in callers.get(seen.linkedid, ()) if other.bridge == seen.bridge)
    caller = next((other for other in talkers if other.channel in where.of_caller), None)
    if caller is not None:
        yield LegAnswered(at, leg=seen.channel, leg_name=seen.name, interface=seen.interface, caller=caller.channel)
