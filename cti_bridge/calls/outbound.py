"""What is different in a call that an operator makes: the sides change when somebody outside answers. Pure.

Until then the operator's own channel is the caller's, because there is no other that the call could belong to. Whoever
answers outside is the customer, so from then on the call belongs to his channel, and the operator's is a leg that talks
with him: holding, transfers and the end are then those of every other call.
"""

from dataclasses import replace

from cti_bridge.calls.call import Call
from cti_bridge.calls.happenings import Reached
from cti_bridge.calls.leg import LegState


def reaches(call: Call, now: Reached) -> Call:
    """Whoever was called outside answered; in a call that has its customer already it changes nothing."""
    if not call.dialling or call.dialler is None:
        return call
    operator = replace(call.dialler, state=LegState.TALKING, answered_at=now.at)
    # Halves of Local channels between the two stay; they end by themselves.
    others = tuple(leg for leg in call.legs if leg.id != now.leg)
    return replace(
        call, channel=now.leg, legs=(*others, operator), answered_at=now.at, waiting=False, parked=False,
        caller_holds=False,
    )  # fmt: skip
