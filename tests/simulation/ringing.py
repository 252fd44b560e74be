"""Phones that are called for a caller: by a queue or by Dial, to the end of the ringing, whatever ends it.

The order of events is that of recordings of a real Asterisk; where it differed between recordings, chance decides.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from simulation.asterisk import Asterisk
from simulation.house import UNREGISTERED, House, phone_behind
from simulation.truth import RINGING, TALKING, CallTruth, Channel

Things = list[Callable[[], None]]


@dataclass(slots=True, eq=False)
class Ring:
    """One member that is called: the channel next to the caller, the phone, and a Local channel's inner half."""

    outer: Channel
    phone: Channel
    inner: Channel | None = None

    @property
    def channels(self) -> list[Channel]:
        """All of them, from the caller on."""
        return [self.outer] if self.inner is None else [self.outer, self.inner, self.phone]


@dataclass(slots=True)
class Visitor:
    """One caller on his channel, and until when he stays."""

    pbx: Asterisk
    house: House
    call: CallTruth
    channel: Channel
    leaves_at: float
    rings: list[Ring] = field(default_factory=list)

    @property
    def gone(self) -> bool:
        """Whether the caller's channel has ended."""
        return self.call.ended_at is not None

    def wait(self, seconds: float) -> Generator[float, None, bool]:
        """Wait, but not longer than the caller has patience; whether he still has it."""
        left = self.leaves_at - self.pbx.clock.now
        if seconds < left:
            yield seconds
            return True
        yield max(0.0, left)
        return False

    def busy(self) -> set[str]:
        """Interfaces on which a channel lives."""
        return {channel.interface for channel in self.pbx.channels.values()}


def call_phones(visit: Visitor, members: list[str], queue: str) -> None:
    """Call these members; each that is a Local channel calls the phone behind it."""
    pbx, caller = visit.pbx, visit.channel
    for member in members:
        if member.startswith("Local/"):
            outer, inner = pbx.local(member, caller)
            outer.application, inner.application = "AppQueue" if queue else "AppDial", "Dial"
            _called(visit, outer, queue)
            phone = pbx.new(phone_behind(member), near=caller)
            phone.application = "AppDial"
            visit.rings.append(Ring(outer, phone, inner))
            phone.state = "Ringing"
            pbx.take_part(phone, RINGING, visit.call)
            pbx.say("DialBegin", inner, phone)
        else:
            phone = pbx.new(member, near=caller)
            phone.application = "AppQueue" if queue else "AppDial"
            phone.state = "Ringing"
            visit.rings.append(Ring(phone, phone))
            pbx.take_part(phone, RINGING, visit.call)
            _called(visit, phone, queue)


def _called(visit: Visitor, channel: Channel, queue: str) -> None:
    if queue:
        visit.pbx.say("AgentCalled", visit.channel, channel, Queue=queue)
    visit.pbx.say("DialBegin", visit.channel, channel)


def no_answer(visit: Visitor, ring: Ring, queue: str, *, refused: bool) -> None:
    """A phone was not answered in time, or its operator refused."""
    pbx, caller = visit.pbx, visit.channel
    visit.rings.remove(ring)
    told: Things = [lambda: pbx.say("DialEnd", caller, ring.outer, DialStatus="BUSY" if refused else "NOANSWER")]
    if queue:
        told = [lambda: pbx.say("DialEnd", caller, ring.outer, DialStatus="NOANSWER")]
        told.insert(refused, lambda: pbx.say("AgentRingNoAnswer", caller, ring.outer, Queue=queue))
    if ring.inner is not None and refused:
        inner = ring.inner
        told.insert(0, lambda: pbx.say("DialEnd", inner, ring.phone, DialStatus="BUSY"))
        told.insert(1, lambda: pbx.hang_up(ring.phone, "17"))
    elif queue and not refused:
        told.append(lambda: pbx.say("DialEnd", caller, ring.outer, DialStatus="CANCEL"))
    pbx.interleaved(told)
    _end(visit, ring, "17" if refused else "0")


def _end(visit: Visitor, ring: Ring, cause: str) -> None:
    """The channels of a phone that was not answered end; through a Local channel the word takes a moment."""
    pbx = visit.pbx
    pbx.take_part(ring.phone, "", None)
    pbx.hang_up(ring.outer, cause)
    if ring.inner is not None:
        inner = ring.inner
        if ring.phone.id in pbx.channels:
            pbx.say("DialEnd", inner, ring.phone, DialStatus="CANCEL")
        pbx.interleaved([lambda: pbx.hang_up(inner)], [lambda: pbx.hang_up(ring.phone, cause)])


def cancel(visit: Visitor, queue: str, *, cause: str = "0", but: Ring | None = None) -> list[Things]:
    """Every phone that rings still, but this one, is told to stop; what follows for each is to be mixed in."""
    pbx, caller = visit.pbx, visit.channel
    losers = [ring for ring in visit.rings if ring is not but]
    visit.rings = [but] if but is not None else []
    for ring in losers:
        pbx.say("DialEnd", caller, ring.outer, DialStatus="CANCEL")
        pbx.take_part(ring.phone, "", None)

    def again(ring: Ring) -> Things:
        row: Things = [lambda: pbx.say("DialEnd", caller, ring.outer, DialStatus="CANCEL")] if queue else []
        return [*row, lambda: _end(visit, ring, cause)]

    return [again(ring) for ring in losers]


def answer(visit: Visitor, ring: Ring, queue: str) -> None:
    """A phone answers: the others stop, and the two are connected."""
    pbx, caller = visit.pbx, visit.channel
    for channel in ring.channels:
        channel.state = "Up"
    pbx.take_part(ring.phone, TALKING, visit.call)
    if ring.inner is not None:
        pbx.say("DialEnd", ring.inner, ring.phone, DialStatus="ANSWER")
    pbx.say("DialEnd", caller, ring.outer, DialStatus="ANSWER")
    rows = cancel(visit, queue, cause="26", but=ring)
    visit.rings.clear()
    first: Things = []
    if queue:
        first = [
            lambda: leave_queue(visit, queue),
            lambda: pbx.say("AgentConnect", caller, ring.outer, Queue=queue),
        ]
    if ring.inner is not None:
        inner, inside = ring.inner, pbx.new_bridge()
        rows.append([lambda: pbx.enter(ring.phone, inside), lambda: pbx.enter(inner, inside)])
    bridge = pbx.new_bridge()
    pbx.interleaved([*first, lambda: pbx.enter(ring.outer, bridge), lambda: pbx.enter(caller, bridge)], *rows)
    caller.state = "Up"


def optimise(visit: Visitor, ring: Ring) -> Ring:
    """Asterisk takes a Local channel out of a talk."""
    pbx, outer, inner, phone = visit.pbx, ring.outer, ring.inner, ring.phone
    assert inner is not None
    bridge = outer.bridge
    pbx.leave(phone)
    pbx.leave(outer)
    pbx.enter(phone, bridge)
    pbx.interleaved([lambda: pbx.hang_up(outer)], [lambda: pbx.hang_up(inner)])
    return Ring(phone, phone)


def leave_queue(visit: Visitor, queue: str) -> None:
    """The caller is no longer in the queue."""
    visit.channel.queue = ""
    visit.pbx.say("QueueCallerLeave", visit.channel, Queue=queue)


def pick_up(visit: Visitor, target: Ring, phone: Channel, queue: str) -> Ring:
    """A colleague takes the call that rings at another phone; he has called the pickup code on a line of his own."""
    pbx, caller = visit.pbx, visit.channel
    phone.state, phone.application = "Up", "AppQueue" if queue else "AppDial"
    visit.rings.remove(target)
    pbx.take_part(phone, TALKING, visit.call)
    pbx.take_part(target.phone, "", None)
    rows = cancel(visit, queue, cause="26")
    bridge = pbx.new_bridge()
    connected: Things
    if queue:
        connected = [
            lambda: leave_queue(visit, queue),
            lambda: pbx.say("AgentConnect", caller, phone, Queue=queue),
        ]
    else:
        connected = [lambda: pbx.say("DialEnd", caller, phone, DialStatus="ANSWER")]
    pickup: Things = [
        lambda: pbx.say("Pickup", phone, TargetChannel=target.phone.name, TargetUniqueid=target.phone.id),
    ]
    pbx.interleaved(connected, pickup, *rows)
    pbx.enter(phone, bridge)
    phone.linkedid = caller.linkedid
    pbx.interleaved([lambda: pbx.hang_up(target.phone, "26")], [lambda: pbx.enter(caller, bridge)])
    caller.state = "Up"
    return Ring(phone, phone)


def end_both(visitor: Visitor, ring: Ring) -> None:
    """One of them hangs up; whose channel ends first is left to chance."""
    pbx, caller = visitor.pbx, visitor.channel
    rows: list[Things] = [[lambda: pbx.leave(caller), lambda: pbx.hang_up(caller)]]
    outer, inner, phone = ring.outer, ring.inner, ring.phone
    rows.append([lambda: pbx.leave(outer), lambda: pbx.hang_up(outer)])
    if inner is not None:
        rows.append([lambda: pbx.leave(inner), lambda: pbx.leave(phone)])
        rows.append([lambda: pbx.hang_up(inner)])
        rows.append([lambda: pbx.hang_up(phone)])
    pbx.interleaved(*rows)


def end_all(visitor: Visitor, ring: Ring) -> None:
    """The channels of one side end, from the caller on."""
    for channel in ring.channels:
        visitor.pbx.hang_up(channel)


def can_ring(member: str) -> bool:
    """Whether a phone behind this member reacts to a call at all."""
    return phone_behind(member) != UNREGISTERED
