"""Whether somebody else is with an operator and his caller, which leaves little that can be done safely. Pure."""

from cti_bridge.calls.call import Call
from cti_bridge.calls.leg import Leg, LegState
from cti_bridge.domain.ids import ChannelId


def others_with(call: Call, leg: Leg) -> bool:
    """Whether the caller is connected with somebody beside the owner of this leg; half of a Local channel is nobody."""
    return any(one.id != leg.id for one in _with_him(call))


def company_is_another(before: Call, call: Call) -> bool:
    """Whether a third one has come or gone, or an operator is with his caller again who was not for a moment."""
    return _crowded(before) != _crowded(call) or any(_was_away(before.leg(leg.id)) for leg in _with_him(call))


def _with_him(call: Call) -> list[Leg]:
    return [leg for leg in call.legs if leg.with_caller_since is not None and not leg.name.startswith("Local/")]


def _crowded(call: Call) -> set[ChannelId]:
    """The legs whose owners have somebody else with the caller."""
    if not _with_him(call):
        return set()
    return {leg.id for leg in call.legs if leg.state is LegState.TALKING and others_with(call, leg)}


def _was_away(leg: Leg | None) -> bool:
    """Who has only just answered was not: he is connected a moment later. Who holds is shown as such."""
    return leg is not None and leg.joined and leg.with_caller_since is None and not leg.held
