"""Who would not have a call, and so is not to be called for it again for a while. Pure."""

from dataclasses import dataclass

from cti_bridge.calls.call import Call
from cti_bridge.calls.events import Stop
from cti_bridge.calls.leg import Leg
from cti_bridge.domain.ids import ChannelId


@dataclass(frozen=True, slots=True)
class Refusal:
    """A phone that was called for a caller refused at `at` (seconds since 1970)."""

    at: float
    caller: ChannelId
    interface: str
    """What the PBX called for the caller: the phone, or the Local channel that has it called."""


def refusals(before: Call | None, after: Call) -> tuple[Refusal, ...]:
    """The refusals that are new in a call that goes on.

    Whoever is asked by an operator and refuses has not refused the caller; a call that an operator makes is not led on.
    """
    if after.ended_at is not None or after.caller_phone or (before is not None and before.legs is after.legs):
        return ()
    known = {leg.id for leg in before.legs if leg.why is Stop.REFUSED} if before is not None else set()
    new = (leg for leg in after.legs if leg.why is Stop.REFUSED and leg.id not in known)
    called = ((leg, _called_for_the_caller(after, leg)) for leg in new)
    found = {
        member.interface: Refusal(leg.ended_at or member.rang_at, after.channel, member.interface)
        for leg, member in called
        if member.why in (Stop.NO_ANSWER, Stop.REFUSED)
    }
    return tuple(found.values())


def _called_for_the_caller(call: Call, leg: Leg) -> Leg:
    """The leg itself, or the outermost one through which it was called."""
    for _ in call.legs:
        parent = call.leg(leg.parent) if leg.parent is not None else None
        if parent is None:
            break
        leg = parent
    return leg
