"""What an operator can do with a call at this moment, and why not: one code for each action. Pure.

The answer follows from his own leg in the call, from what the desk has begun with it, and from what this PBX can do at
all. The page shows it; a command asks it again before anything is sent to the PBX.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cti_bridge.calls.asking import asked_by
from cti_bridge.calls.call import Call
from cti_bridge.calls.company import others_with
from cti_bridge.calls.leg import Leg, LegState
from cti_bridge.domain.direction import Direction

ACTIONS = ("hangup", "hold", "resume", "consult", "consult_cancel", "complete", "transfer")
"""What can be done with a call in hand; `call.NAME` is the command."""

REASONS = {
    "not_yours": "this call has no part at one of your phones",
    "ringing": "the phone still rings; answer it first",
    "dialling": "nobody has answered there yet",
    "consulting": "you are being asked about this call; it is a colleague's",
    "asking": "a colleague is being asked about this call",
    "asks_nobody": "nobody is being asked about this call",
    "colleague_rings": "the colleague who is asked has not answered yet",
    "held": "the caller is on hold",
    "not_connected": "the caller is not connected with you at this moment",
    "others_talk": "somebody else is with you and the caller",
    "held_by_phone": "the phone has the caller on hold; take him back there",
    "not_held": "the caller is not on hold",
    "transferring": "the caller is being handed over",
    "internal": "a call between colleagues cannot be handed over from here",
    "dialplan_old": "the PBX has not loaded the contexts that are needed; see `cti-bridge operators check`",
    "pbx_lacks": "the PBX lacks a module or a context that is needed; see `cti-bridge operators check`",
    "pbx_unasked": "the PBX has not said yet what it can do; try again in a moment",
    "pbx_down": "the PBX cannot be reached",
}
"""Every code, as a sentence for people."""


@dataclass(frozen=True, slots=True)
class InHand:
    """What is under way with a call; the first two follow from what the PBX says of it."""

    held: bool = False
    """The caller waits where the desk has had him taken to."""
    asks: str = ""
    """A colleague or a number is asked from the desk: `ringing` or `talking`; empty when nobody is."""
    transferring: bool = False
    """The caller is on his way to somebody else."""


NOTHING = InHand()


def own_leg(call: Call, phones: Collection[str]) -> Leg | None:
    """The leg on which this operator has a part in the call; of several the one that counts for his page."""
    mine = [leg for leg in call.legs if leg.interface in phones and leg.state in _RANK]
    if call.dialler is not None and call.dialling and call.dialler.interface in phones and call.ended_at is None:
        return call.dialler
    return max(mine, key=lambda leg: _RANK.index(leg.state), default=None)


_RANK = (LegState.RINGING, LegState.CONSULTING, LegState.TALKING)


def actions_of(
    call: Call, phones: Collection[str], *, in_hand: InHand = NOTHING, lacks: Mapping[str, str] | None = None
) -> dict[str, str | None]:
    """For each action None when it is possible now, else the code of REASONS. `lacks`: what this PBX cannot do."""
    leg = own_leg(call, phones)
    if leg is None or call.ended_at is not None:
        return dict.fromkeys(ACTIONS, "not_yours")
    in_hand = InHand(leg.set_aside, _asks(call, leg), in_hand.transferring)
    nothing_else = _only_hung_up(call, leg, in_hand)
    found = {"hangup": None if leg.state is LegState.RINGING else _end(in_hand)}
    for name, why_not in _TALKING.items():
        found[name] = nothing_else if nothing_else is not None else why_not(call, leg, in_hand)
    for name, code in (lacks or {}).items():
        if found.get(name, "") is None:
            found[name] = code
    return found


def _asks(call: Call, leg: Leg) -> str:
    """Whom the phone itself calls on another line is its owner's business."""
    asked = asked_by(call, leg) if leg.set_aside else None
    if asked is None:
        return ""
    return "talking" if asked.state is LegState.CONSULTING else "ringing"


def _only_hung_up(call: Call, leg: Leg, in_hand: InHand) -> str | None:
    """Why nothing can be done at present but hanging up."""
    if call.dialling:
        return "dialling"
    if leg.state is LegState.RINGING:
        return "ringing"
    if leg.state is LegState.CONSULTING:
        return "consulting"
    return "transferring" if in_hand.transferring else None


def _end(in_hand: InHand) -> str | None:
    """His phone alone would be hung up: with the caller set aside, it would ring again for him at once."""
    if in_hand.transferring:
        return "transferring"
    if in_hand.asks:
        return "asking"
    return "held" if in_hand.held else None


def _hold(call: Call, leg: Leg, in_hand: InHand) -> str | None:
    if in_hand.asks:
        return "asking"
    if in_hand.held:
        return "held"
    return "held_by_phone" if leg.held else _handed_over(call) or _two_talk(call, leg)


def _resume(call: Call, leg: Leg, in_hand: InHand) -> str | None:
    if in_hand.asks:
        return "asking"
    if in_hand.held:
        return None
    return "held_by_phone" if leg.held else "not_held"


def _consult(call: Call, leg: Leg, in_hand: InHand) -> str | None:
    if in_hand.asks:
        return "asking"
    if in_hand.held:
        return None
    return "held_by_phone" if leg.held else _handed_over(call) or _two_talk(call, leg)


def _cancel(call: Call, leg: Leg, in_hand: InHand) -> str | None:
    return None if in_hand.asks else "asks_nobody"


def _complete(call: Call, leg: Leg, in_hand: InHand) -> str | None:
    if not in_hand.asks:
        return "asks_nobody"
    return None if in_hand.asks == "talking" else "colleague_rings"


def _transfer(call: Call, leg: Leg, in_hand: InHand) -> str | None:
    """Whoever is on hold, by the phone or from here, can be sent on as he is; but not while somebody is asked."""
    return "asking" if in_hand.asks or leg.apart else _handed_over(call) or _others_talk(call, leg)


def _handed_over(call: Call) -> str | None:
    return "internal" if call.direction is Direction.INTERNAL else None


def _two_talk(call: Call, leg: Leg) -> str | None:
    """The caller can be taken away from his operator where the two, and nobody else, are connected.

    Who has answered is connected a moment later.
    """
    if leg.joined and leg.with_caller_since is None:
        return "not_connected"
    return _others_talk(call, leg)


def _others_talk(call: Call, leg: Leg) -> str | None:
    """Of three who are connected the PBX would send on a channel of its own, which nobody speaks on."""
    return "others_talk" if others_with(call, leg) else None


_TALKING = {
    "hold": _hold,
    "resume": _resume,
    "consult": _consult,
    "consult_cancel": _cancel,
    "complete": _complete,
    "transfer": _transfer,
}
