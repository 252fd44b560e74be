"""Who is asked about a caller while he waits. Pure."""

from cti_bridge.calls.call import Call
from cti_bridge.calls.leg import Leg, LegState


def asked_by(call: Call, leg: Leg) -> Leg | None:
    """The leg that the owner of this one asks about the caller; who talks already before those who ring."""
    asked = [one for one in call.legs if one.parent == leg.id and one.consults and one.state in _ASKED]
    return max(asked, key=lambda one: one.state is LegState.CONSULTING, default=None)


def asking(call: Call | None) -> frozenset[tuple[str, LegState]]:
    """Everybody who is asked about the caller, each with the state of his leg: what a page shows of it."""
    legs = call.legs if call is not None else ()
    return frozenset((leg.id, leg.state) for leg in legs if leg.consults and leg.state in _ASKED)


_ASKED = (LegState.RINGING, LegState.CONSULTING)
