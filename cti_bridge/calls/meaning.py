"""Events that need no more than a look at who has their channel: which call they are about, and what they are to it."""

from cti_bridge.calls.events import (
    CallerLeftQueue,
    CallerParked,
    CallerSetAside,
    CallEvent,
    ChannelHeld,
    FinalReached,
    LegHungUp,
    LegStopped,
    LegTransferred,
)
from cti_bridge.calls.happenings import (
    Happening,
    Holds,
    LeftQueue,
    LegHangsUp,
    LegStops,
    LegTransfers,
    Parks,
    SentOn,
    SetAside,
)
from cti_bridge.calls.whereabouts import Whereabouts
from cti_bridge.domain.ids import CallId


def meaning(event: CallEvent, where: Whereabouts) -> tuple[CallId | None, Happening | None]:
    """The call that an event is about and what it is for that call, where this follows from its channel alone."""
    caller, leg = where.of_caller.get, where.of_leg.get
    found: tuple[CallId | None, Happening | None] = (None, None)
    match event:
        case CallerLeftQueue():
            found = caller(event.channel), LeftQueue(event.at, event.queue)
        case LegStopped():
            found = leg(event.leg), LegStops(event.at, event.leg, event.why)
        case LegTransferred():
            found = leg(event.leg, where.stopped.get(event.leg)), LegTransfers(event.at, event.leg)
        case LegHungUp():
            found = leg(event.leg), LegHangsUp(event.at, event.leg)
        case ChannelHeld() if event.channel in where.of_caller:
            found = caller(event.channel), Holds(event.at, None, event.on)
        case ChannelHeld():
            found = leg(event.channel), Holds(event.at, event.channel, event.on)
        case CallerSetAside():
            found = caller(event.channel), SetAside(event.at, event.leg)
        case CallerParked():
            found = caller(event.channel), Parks(event.at, event.on)
        case FinalReached():
            found = caller(event.channel), SentOn(event.at, event.final)
    return found
