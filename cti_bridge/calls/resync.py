"""A snapshot as the events that would have led to it: after an interruption calls change by the same rules. Pure.

The events are made one after another while they are being taken in, because what a channel is to a call (its caller, a
leg, nothing) can follow from the channel before it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from cti_bridge.calls.bridges import other_half
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import (
    CallerLeftQueue,
    CallerParked,
    CallerQueued,
    CallerSetAside,
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
_Owners = Mapping[str, SeenChannel]
"""The operators' channels whose callers they have set aside, by linkedid."""


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
        is_stranger = channel.channel not in where.of_leg and not is_operator_phone(channel.interface)
        yield from _waits(channel, snapshot.at, call_of(channel.channel), may_be_new=is_stranger)
        if not channel.dialled and not channel.at_desk:
            callers.setdefault(channel.linkedid, []).append(channel)
    owners = {seen.linkedid: seen for seen in snapshot.channels if seen.at_desk and not _has_him(seen, callers)}
    for caller in (seen for waiting in callers.values() for seen in waiting if seen.set_aside):
        yield from _set_aside(caller, owners.get(caller.linkedid), snapshot.at, where)

    def is_asked(seen: SeenChannel) -> bool:
        """Whether an operator's phone has called it: the call that is about follows from his own leg, told first."""
        same_call = callers.get(seen.linkedid, ())
        return bool(same_call) and all(is_operator_phone(caller.interface) for caller in same_call)

    # Operators' phones first: for the call that is made by a click it has to be known who has clicked.
    for leg in sorted(_hearing(snapshot), key=lambda seen: (is_asked(seen), not is_operator_phone(seen.interface))):
        asks = _asks(leg, owners, callers)
        if leg.dialled and asks is not None:
            yield from _asked(leg, asks, snapshot.at)
        elif leg.dialled:
            yield from _leg(leg, snapshot.at, callers, where)
        elif leg.bridge and leg.channel not in where.of_caller and is_operator_phone(leg.interface):
            beside = (other for other in callers.get(leg.linkedid, ()) if other.bridge == leg.bridge)
            may_call = (o for o in beside if o.channel in where.of_caller or not is_operator_phone(o.interface))
            yield from _picked_up(leg, snapshot.at, list(may_call), where)


def _hearing(snapshot: Snapshot) -> list[SeenChannel]:
    """The channels; who is left alone in a bridge is with nobody."""
    in_bridge = Counter(channel.bridge for channel in snapshot.channels)
    return [replace(seen, bridge="") if in_bridge[seen.bridge] == 1 else seen for seen in snapshot.channels]


def _waits(seen: SeenChannel, at: float, known: Call | None, *, may_be_new: bool) -> Iterator[CallEvent]:
    """A caller waits in a queue or a parking lot, or does so no longer."""
    if seen.queue:
        yield CallerQueued(
            at, seen.channel, seen.linkedid, seen.queue, seen.caller_id, name=seen.name, interface=seen.interface
        )
    elif known is not None and known.waiting:
        yield CallerLeftQueue(at, seen.channel, known.queue)
    if (known.parked != seen.parked) if known is not None else (seen.parked and may_be_new):
        yield CallerParked(at, seen.channel, on=seen.parked, linkedid=seen.linkedid, caller_id=seen.caller_id)


def _has_him(owner: SeenChannel, callers: _Callers) -> bool:
    """Whether an operator whose channel was at the desk is connected with his caller again."""
    return bool(owner.bridge) and any(seen.bridge == owner.bridge for seen in callers.get(owner.linkedid, ()))


def _set_aside(caller: SeenChannel, owner: SeenChannel | None, at: float, where: Whereabouts) -> Iterator[CallEvent]:
    """A caller waits where an operator has had him taken to; without the operator's channel he will be taken back."""
    if owner is None:
        return
    if owner.channel not in where.of_leg:
        yield _rings(owner, caller, at)
        yield _answers(owner, caller, at)
    yield CallerSetAside(at, caller.channel, owner.channel)


def _asks(leg: SeenChannel, owners: _Owners, callers: _Callers) -> SeenChannel | None:
    """From which channel this phone is called to be asked: while its caller is set aside, nothing is called for him."""
    same_call = callers.get(leg.linkedid, ())
    if leg.linkedid not in owners or not any(seen.set_aside for seen in same_call):
        return None
    inside = (seen for seen in same_call if seen.name.endswith(";2") and leg.bridge and seen.bridge == leg.bridge)
    return next(inside, owners[leg.linkedid])


def _asked(leg: SeenChannel, by: SeenChannel, at: float) -> Iterator[CallEvent]:
    """Somebody is asked from an operator's page: his phone rings, or he talks."""
    yield replace(_rings(leg, by, at), asks=by.at_desk)
    if not leg.ringing:
        yield _answers(leg, by, at)


def _leg(leg: SeenChannel, at: float, callers: _Callers, where: Whereabouts) -> Iterator[CallEvent]:
    same_call = callers.get(leg.linkedid, ())
    caller = _calling(same_call, where)
    if caller is None:
        return
    # Whoever is connected with the inner half of the Local channel that a click has made was called by that.
    is_click = leg.bridge and caller.channel not in where.of_caller and caller.name.endswith(";1")
    half = other_half(caller.name) if is_click else ""
    caller = next((seen for seen in same_call if half and seen.name == half and leg.bridge == seen.bridge), caller)
    if not leg.ringing and (caller.queue or caller.parked or not leg.bridge):
        # It answered unseen, and is not connected yet, or the caller has gone on without it.
        if caller.queue or caller.parked or caller.bridge:
            yield LegStopped(at, leg.channel, Stop.CANCELLED)
        return
    yield _rings(leg, caller, at)
    if not leg.ringing or (leg.bridge and leg.bridge == caller.bridge):
        yield _answers(leg, caller, at)


def _picked_up(seen: SeenChannel, at: float, beside: Iterable[SeenChannel], where: Whereabouts) -> Iterator[CallEvent]:
    """A phone that nobody called talks with a caller: its owner picked his call up, or took him out of the lot."""
    caller = _calling(beside, where)
    if caller is None:
        return
    if caller.channel not in where.of_caller:
        yield _rings(seen, caller, at)
    yield _answers(seen, caller, at)


def _calling(among: Iterable[SeenChannel], where: Whereabouts) -> SeenChannel | None:
    """Who of these is the caller: the one whom we know; else whose id the call has; else a person before half of a
    Local channel. An outer half calls for somebody else; if it is all that is left, he is gone, and the others talk on.
    """

    def rank(seen: SeenChannel) -> tuple[bool, bool, str]:
        half = seen.name[-2:] if seen.name.startswith("Local/") else ""
        return seen.channel not in where.of_caller, seen.channel != seen.linkedid, half

    found = (seen for seen in among if rank(seen) != (True, True, ";1"))
    return min(found, key=rank, default=None)


def _rings(leg: SeenChannel, caller: SeenChannel, at: float) -> LegRinging:
    return LegRinging(
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


def _answers(leg: SeenChannel, caller: SeenChannel, at: float) -> LegAnswered:
    return LegAnswered(at, leg=leg.channel, leg_name=leg.name, interface=leg.interface, caller=caller.channel)
