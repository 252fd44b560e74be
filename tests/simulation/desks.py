"""What operators do from their pages: the caller waits in a place of our dialplan, and somebody is asked about him."""

from collections.abc import Generator
from functools import partial

from simulation.consultations import Talk
from simulation.ringing import Ring, Things, Visitor
from simulation.truth import CONSULTING, RINGING, TALKING, Channel

LOOK_S = 1.0
"""How often those who wait look whether they still do so for somebody."""

Asked = Generator[float, None, Ring | str | None]
"""A consultation: whom the caller talks with now, where he goes, or None when he waits on."""


def at_desk(visitor: Visitor, ring: Ring) -> Talk:
    """The operator sets the caller aside, maybe asks somebody, and takes him back or hands him over; or hangs up."""
    pbx, chance, phone = visitor.pbx, visitor.pbx.chance, ring.phone
    _set_aside(visitor, ring)
    then: Ring | str | None = None
    if chance.random() < 0.3:
        then = yield from _ask(visitor, phone)
    while then is None:
        if not (yield from visitor.wait(chance.uniform(0.1, 8.0))):
            return (yield from _caller_gone(visitor, [phone]))
        act = chance.choices(("resume", "ask", "hang up"), (5, 5, 1))[0]
        if act == "hang up":
            pbx.hang_up(phone)
            then = yield from _back(visitor)
        elif act == "resume":
            _joins(visitor, phone)
            then = Ring(phone, phone)
        else:
            then = yield from _ask(visitor, phone)
    return then


def _set_aside(visitor: Visitor, ring: Ring) -> None:
    """Both are taken out of their talk in one go; a Local channel between them ends."""
    pbx, caller, phone, outer, inner = visitor.pbx, visitor.channel, ring.phone, ring.outer, ring.inner
    caller.application, caller.context = "Wait", "cti-hold"
    phone.application, phone.context = "Wait", "cti-desk"
    rows: list[Things] = [
        [lambda: pbx.leave(caller), lambda: pbx.say("UserEvent", caller, UserEvent="CtiHold", Leg=phone.id)],
        [lambda: pbx.leave(phone)],
    ]
    if inner is not None:
        rows += [[lambda: pbx.hang_up(inner)], [lambda: pbx.hang_up(outer)]]
    pbx.interleaved(*rows)


def _joins(visitor: Visitor, phone: Channel) -> None:
    """The caller is connected with this channel, which leaves whatever it was in."""
    pbx, caller, bridge = visitor.pbx, visitor.channel, visitor.pbx.new_bridge()
    caller.application, caller.context = "Bridge", "cti-join"
    pbx.interleaved([lambda: pbx.enter(phone, bridge)], [lambda: pbx.enter(caller, bridge)])


def _ask(visitor: Visitor, phone: Channel) -> Asked:
    pbx, call, chance = visitor.pbx, visitor.call, visitor.pbx.chance
    colleague = visitor.house.somebody(visitor.busy())
    if colleague is None:
        return None
    call.story[-1] += ", asks"
    phone.application, phone.context = "Dial", "cti-consult"
    asked = pbx.new(colleague, near=phone)
    asked.application, asked.state = "AppDial", "Ringing"
    pbx.take_part(asked, RINGING, call)
    pbx.say("DialBegin", phone, asked, Context="cti-consult")
    if not (yield from visitor.wait(chance.uniform(0.05, 6.0))):
        return (yield from _caller_gone(visitor, [phone, asked]))
    fate = chance.random()
    if fate < 0.15:
        pbx.interleaved([lambda: _joins(visitor, phone)], [lambda: _asked_no_more(visitor, asked)])
        return Ring(phone, phone)
    if fate < 0.35:
        pbx.say("DialEnd", phone, asked, DialStatus="BUSY" if fate < 0.25 else "NOANSWER")
        _asked_no_more(visitor, asked, "17" if fate < 0.25 else "0")
        _waits_again(visitor, phone, "BUSY")
        return None
    asked.state = "Up"
    pbx.take_part(asked, CONSULTING, call)
    pbx.say("DialEnd", phone, asked, DialStatus="ANSWER")
    aside = pbx.new_bridge()
    pbx.enter(asked, aside)
    pbx.enter(phone, aside)
    if not (yield from visitor.wait(chance.uniform(0.1, 10.0))):
        return (yield from _caller_gone(visitor, [phone, asked]))
    return (yield from _asked_enough(visitor, phone, asked))


def _asked_enough(visitor: Visitor, phone: Channel, asked: Channel) -> Asked:
    """The two have talked, and it goes one of four ways."""
    pbx, chance = visitor.pbx, visitor.pbx.chance
    match chance.choices(("handed over", "cancelled", "colleague gone", "operator gone"), (5, 3, 2, 1))[0]:
        case "handed over":
            visitor.call.story[-1] += ", handed over"
            pbx.take_part(phone, "", None)
            pbx.take_part(asked, TALKING, visitor.call)
            _joins(visitor, asked)
            pbx.leave(phone)
            pbx.say("UserEvent", phone, UserEvent="CtiAsked", Status="ANSWER")
            yield LOOK_S
            pbx.hang_up(phone)
            return Ring(asked, asked)
        case "cancelled":
            pbx.interleaved(
                [lambda: _joins(visitor, phone)],
                [lambda: pbx.leave(asked), lambda: _asked_no_more(visitor, asked)],
            )
            return Ring(phone, phone)
        case "colleague gone":
            _asked_no_more(visitor, asked)
            pbx.leave(phone)
            _waits_again(visitor, phone, "ANSWER")
            return None
    pbx.interleaved([lambda: pbx.hang_up(phone)], [lambda: _asked_no_more(visitor, asked)])
    return (yield from _back(visitor))


def _waits_again(visitor: Visitor, phone: Channel, status: str) -> None:
    phone.application, phone.context = "Wait", "cti-desk"
    visitor.pbx.say("UserEvent", phone, UserEvent="CtiAsked", Status=status)


def _asked_no_more(visitor: Visitor, asked: Channel, cause: str = "16") -> None:
    visitor.pbx.take_part(asked, "", None)
    visitor.pbx.hang_up(asked, cause)


def _back(visitor: Visitor) -> Generator[float, None, str]:
    """Nobody is there any more for whom the caller waits, which he sees within a second."""
    if not (yield from visitor.wait(visitor.pbx.chance.uniform(0.0, LOOK_S))):
        visitor.pbx.hang_up(visitor.channel)
        return ""
    visitor.channel.application, visitor.channel.context = "Dial", "cti-back"
    return "operator"


def _caller_gone(visitor: Visitor, others: list[Channel]) -> Generator[float, None, str]:
    """The caller hangs up; the operator sees it within a second, or when he has talked to the end."""
    pbx = visitor.pbx
    pbx.hang_up(visitor.channel)
    yield pbx.chance.uniform(0.0, LOOK_S if len(others) == 1 else 3.0)
    rows: list[Things] = [[partial(pbx.hang_up, one)] for one in others]
    pbx.interleaved(*rows)
    return ""
