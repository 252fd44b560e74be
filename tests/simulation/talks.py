"""What operator and caller do once they are connected: hold, ask a colleague, hand over, park, hang up."""

from collections.abc import Callable, Generator

from simulation.asterisk import PARKING
from simulation.consultations import Talk, ask, ask_by_feature
from simulation.desks import at_desk
from simulation.ringing import Ring, Visitor, end_all, end_both
from simulation.truth import TALKING


def talk(visitor: Visitor, ring: Ring) -> Generator[float, None, str]:
    """One talk; where the caller goes afterwards, empty when he is gone."""
    chance = visitor.pbx.chance
    for _ in range(3):
        if not (yield from visitor.wait(chance.uniform(0.2, 12.0))):
            break
        act = chance.choices(tuple(ACTS), tuple(weight for weight, _ in ACTS.values()))[0]
        if ring.phone.interface == "PJSIP/trunk" or (ring.inner is not None and act not in _WITH_LOCAL):
            continue
        visitor.call.story.append(act)
        then = yield from ACTS[act][1](visitor, ring)
        if isinstance(then, str):
            return then
        ring = then
    end_both(visitor, ring)
    return ""


def _hold(visitor: Visitor, ring: Ring) -> Talk:
    """The operator puts the caller on hold, or the caller the operator."""
    pbx = visitor.pbx
    who = visitor.channel if pbx.chance.random() < 0.1 else ring.phone
    pbx.say("Hold", who)
    if not (yield from visitor.wait(pbx.chance.uniform(0.5, 10.0))):
        end_both(visitor, ring)
        return ""
    pbx.say("Unhold", who)
    return ring


def _blind(visitor: Visitor, ring: Ring) -> Talk:
    """The operator sends the caller on."""
    pbx = visitor.pbx
    to = pbx.chance.choice(("operator", "operator", "queue", "outside"))
    pbx.say("Unhold", ring.phone)
    ids = {"TransfererUniqueid": ring.outer.id, "TransfereeUniqueid": visitor.call.channel}
    pbx.take_part(ring.phone, "", None)
    pbx.interleaved(
        [lambda: pbx.say("BlindTransfer", None, None, **ids)],
        [lambda: pbx.leave(visitor.channel)],
        [lambda: pbx.leave(ring.outer)],
    )
    end_all(visitor, ring)
    visitor.call.story[-1] += f" to {to}"
    return to
    yield  # a talk like all others, though this one takes no time


def _redirect(visitor: Visitor, ring: Ring) -> Talk:
    """A supervisor takes the caller out of the talk; nothing says so but the bridge."""
    pbx = visitor.pbx
    pbx.take_part(ring.phone, "", None)
    pbx.leave(visitor.channel)
    end_all(visitor, ring)
    return pbx.chance.choice(("operator", "queue"))
    yield  # as above


def _continue(visitor: Visitor, ring: Ring) -> Talk:
    """The operator hangs up and the queue has the option `c`: the caller goes on in the dialplan."""
    pbx = visitor.pbx
    pbx.interleaved([lambda: end_all(visitor, ring)], [lambda: pbx.leave(visitor.channel)])
    return "dialplan"
    yield  # as above


def _park(visitor: Visitor, ring: Ring) -> Talk:
    """The caller is parked; somebody takes him out, or he gives up."""
    pbx, call, caller, chance = visitor.pbx, visitor.call, visitor.channel, visitor.pbx.chance
    pbx.take_part(ring.phone, "", None)
    pbx.interleaved(
        [lambda: pbx.say("ParkedCall", ParkeeChannel=caller.name, ParkeeUniqueid=caller.id)],
        [lambda: pbx.leave(caller), lambda: pbx.enter(caller, PARKING, technology="holding_bridge")],
    )
    caller.application, call.was_parked = "Park", True
    stays = yield from visitor.wait(chance.uniform(0.0, 1.0))
    end_all(visitor, ring)
    if not stays or not (yield from visitor.wait(chance.uniform(0.1, 20.0))):
        pbx.say("ParkedCallGiveUp", ParkeeChannel=caller.name, ParkeeUniqueid=caller.id)
        pbx.hang_up(caller)
        return ""
    phone = visitor.house.somebody(visitor.busy())
    if phone is None or chance.random() < 0.2:
        pbx.say("ParkedCallTimeOut", ParkeeChannel=caller.name, ParkeeUniqueid=caller.id)
        pbx.leave(caller)
        return "operator"
    taker = pbx.new(phone, state="Ring")
    if not (yield from visitor.wait(0.5)):
        pbx.hang_up(taker)
        pbx.say("ParkedCallGiveUp", ParkeeChannel=caller.name, ParkeeUniqueid=caller.id)
        pbx.hang_up(caller)
        return ""
    taker.state, taker.linkedid = "Up", caller.linkedid
    bridge = pbx.new_bridge()
    pbx.take_part(taker, TALKING, call)
    pbx.say("UnParkedCall", ParkeeUniqueid=caller.id, RetrieverUniqueid=taker.id)
    pbx.interleaved([lambda: pbx.leave(caller), lambda: pbx.enter(caller, bridge)], [lambda: pbx.enter(taker, bridge)])
    return Ring(taker, taker)


ACTS: dict[str, tuple[int, Callable[[Visitor, Ring], Talk]]] = {
    "hold": (6, _hold),
    "blind": (5, _blind),
    "ask": (6, ask),
    "feature": (3, ask_by_feature),
    "desk": (6, at_desk),
    "park": (3, _park),
    "redirect": (1, _redirect),
    "continue": (1, _continue),
}
"""What an operator may do next, and how often."""
_WITH_LOCAL = frozenset({"hold", "blind", "desk", "redirect", "continue", "park"})
