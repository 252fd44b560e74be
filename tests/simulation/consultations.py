"""An operator asks a colleague about his caller: on a second line of his phone, or by Asterisk's own feature code."""

from collections.abc import Generator

from simulation.ringing import Ring, Visitor, end_all, end_both
from simulation.truth import CONSULTING, RINGING, TALKING, Channel

Talk = Generator[float, None, Ring | str]
"""Goes on with this talker, or ends with where the caller goes: queue, operator, outside, dialplan; empty: nowhere."""


def ask(visitor: Visitor, ring: Ring) -> Talk:
    """A consultation as a phone makes it: on a second line, with the caller on hold on the first."""
    pbx, call, chance = visitor.pbx, visitor.call, visitor.pbx.chance
    colleague = visitor.house.somebody(visitor.busy())
    if colleague is None or pbx.lines_of(ring.phone) > 1:
        return ring  # with two callers on one phone nobody could say whom he asks about
    pbx.say("Hold", ring.phone)
    if not (yield from visitor.wait(0.1)):
        end_both(visitor, ring)
        return ""
    second = pbx.new(ring.phone.interface, state="Ring")
    second.application = "Dial"
    pbx.asides[second.id] = call
    asked = pbx.new(colleague, near=second)
    asked.application, asked.state = "AppDial", "Ringing"
    pbx.take_part(asked, RINGING, call)
    pbx.say("DialBegin", second, asked)
    if not (yield from visitor.wait(chance.uniform(0.05, 6.0))):
        return (yield from _gone_meanwhile(visitor, ring, second, asked))
    if chance.random() < 0.25:
        busy = chance.random() < 0.5
        pbx.say("DialEnd", second, asked, DialStatus="BUSY" if busy else "CANCEL")
        pbx.interleaved([lambda: _asked_no_more(visitor, asked)], [lambda: pbx.hang_up(second)])
        pbx.say("Unhold", ring.phone)
        return ring
    asked.state = second.state = "Up"
    pbx.take_part(asked, CONSULTING, call)
    pbx.say("DialEnd", second, asked, DialStatus="ANSWER")
    aside = pbx.new_bridge()
    pbx.enter(asked, aside)
    pbx.enter(second, aside)
    if not (yield from visitor.wait(chance.uniform(0.1, 10.0))):
        return (yield from _gone_meanwhile(visitor, ring, second, asked))
    if chance.random() < 0.3:
        pbx.interleaved(
            [lambda: pbx.leave(second), lambda: pbx.hang_up(second)],
            [lambda: pbx.leave(asked), lambda: _asked_no_more(visitor, asked)],
        )
        pbx.say("Unhold", ring.phone)
        return ring
    visitor.call.story[-1] += ", handed over"
    bridge = visitor.channel.bridge
    pbx.say("Unhold", ring.phone)
    pbx.say("Unhold", second)
    pbx.interleaved([lambda: pbx.leave(asked)], [lambda: pbx.leave(ring.phone)])
    asked.linkedid = visitor.channel.linkedid
    pbx.take_part(ring.phone, "", None)
    pbx.take_part(asked, TALKING, call)
    pbx.enter(asked, bridge)
    pbx.leave(second)
    ids = {"OrigTransfererUniqueid": ring.phone.id, "SecondTransfererUniqueid": second.id}
    pbx.say("AttendedTransfer", None, None, **ids, TransfereeUniqueid=call.channel, TransferTargetUniqueid=asked.id)
    pbx.interleaved([lambda: pbx.hang_up(second)], [lambda: pbx.hang_up(ring.phone)])
    return Ring(asked, asked)


def _asked_no_more(visitor: Visitor, asked: Channel) -> None:
    visitor.pbx.take_part(asked, "", None)
    visitor.pbx.hang_up(asked)


def _gone_meanwhile(visitor: Visitor, ring: Ring, second: Channel, asked: Channel) -> Talk:
    """The caller hangs up while his operator asks somebody; those two go on with each other for a while."""
    pbx = visitor.pbx
    end_both(visitor, ring)
    yield pbx.chance.uniform(0.0, 3.0)
    if asked.state != "Up":
        pbx.say("DialEnd", second, asked, DialStatus="CANCEL")
    pbx.interleaved([lambda: pbx.hang_up(second)], [lambda: pbx.hang_up(asked)])
    return ""


def ask_by_feature(visitor: Visitor, ring: Ring) -> Talk:
    """A consultation by Asterisk's own feature code: the colleague is called through a Local channel."""
    pbx, call, chance = visitor.pbx, visitor.call, visitor.pbx.chance
    colleague = visitor.house.somebody(visitor.busy())
    if colleague is None:
        return ring
    pbx.say("Hold", ring.phone)
    if not (yield from visitor.wait(1.0)):
        end_both(visitor, ring)
        return ""
    bridge, aside = ring.phone.bridge, pbx.new_bridge()
    outer, inner = pbx.local(f"Local/{colleague[6:]}@from-phones", ring.phone)
    outer.application, inner.application = "", "Dial"
    pbx.enter(outer, aside)
    asked = pbx.new(colleague, near=ring.phone)
    asked.application, asked.state = "AppDial", "Ringing"
    pbx.take_part(asked, RINGING, call)
    call.set_aside = True
    pbx.interleaved(
        [lambda: pbx.say("DialBegin", inner, asked)],
        [lambda: pbx.leave(ring.phone), lambda: pbx.enter(ring.phone, aside)],
    )
    rings_s = chance.uniform(0.05, 5.0)
    if not (yield from visitor.wait(rings_s)):
        return _gone_in_feature(visitor, ring, Ring(outer, asked, inner))
    asked.state = inner.state = "Up"
    pbx.take_part(asked, CONSULTING, call)
    pbx.say("DialEnd", inner, asked, DialStatus="ANSWER")
    pbx.say("DialEnd", None, outer, DialStatus="ANSWER")
    inside = pbx.new_bridge()
    pbx.enter(asked, inside)
    pbx.enter(inner, inside)
    if not (yield from visitor.wait(chance.uniform(0.1, 8.0))):
        return _gone_in_feature(visitor, ring, Ring(outer, asked, inner))
    if chance.random() < 0.4:
        pbx.leave(ring.phone)
        pbx.enter(ring.phone, bridge)
        _is_back(visitor, ring.phone)
        pbx.say("Unhold", ring.phone)
        pbx.leave(outer)
        pbx.take_part(asked, "", None)
        pbx.interleaved(
            [lambda: pbx.hang_up(outer), lambda: pbx.leave(inner), lambda: pbx.hang_up(inner)],
            [lambda: pbx.leave(asked), lambda: pbx.hang_up(asked)],
        )
        return ring
    visitor.call.story[-1] += ", handed over"
    pbx.leave(ring.phone)
    pbx.leave(outer)
    pbx.take_part(ring.phone, "", None)
    pbx.take_part(asked, TALKING, call)
    pbx.enter(outer, bridge)
    _is_back(visitor, asked)
    ids = {"OrigTransfererUniqueid": ring.phone.id, "SecondTransfererUniqueid": ring.phone.id}
    pbx.say("AttendedTransfer", None, None, **ids, TransfereeUniqueid=call.channel, TransferTargetUniqueid=outer.id)
    pbx.hang_up(ring.phone)
    return Ring(outer, asked, inner)


def _is_back(visitor: Visitor, phone: Channel) -> None:
    """The caller hears somebody again."""
    visitor.call.set_aside = False
    visitor.pbx.listeners.part_changed(phone.interface, visitor.call)


def _gone_in_feature(visitor: Visitor, ring: Ring, asked: Ring) -> str:
    pbx = visitor.pbx
    pbx.take_part(asked.phone, "", None)
    pbx.interleaved(
        [lambda: pbx.leave(visitor.channel), lambda: pbx.hang_up(visitor.channel)],
        [lambda: end_all(visitor, ring)],
        [lambda: end_all(visitor, asked)],
    )
    return ""
