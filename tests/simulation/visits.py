"""One caller's visit from arrival to hang-up, as the dialplan and the people make it go."""

import random
from collections.abc import Callable, Generator

from simulation.asterisk import Asterisk
from simulation.clock import Course
from simulation.house import FINALS, QUEUES, TRUNK, House, Queue
from simulation.ringing import (
    Ring,
    Things,
    Visitor,
    answer,
    call_phones,
    can_ring,
    cancel,
    end_both,
    leave_queue,
    no_answer,
    optimise,
    pick_up,
)
from simulation.talks import talk
from simulation.truth import CallTruth

Door = Callable[[CallTruth], bool]
"""Where the dialplan asks the bridge what to do with a caller; whether it had an answer in time."""
Rung = Generator[float, None, Ring | None]

RING_S = 8.0


def visit(pbx: Asterisk, house: House, door: Door) -> Course:
    """A caller comes, and what becomes of him."""
    chance = pbx.chance
    number = f"+7495000{chance.randrange(1000):04}"
    channel = pbx.new(TRUNK, state="Ring")
    channel.number = number
    call = CallTruth(channel.id, channel.linkedid, number, pbx.moment)
    channel.serves = call
    pbx.calls.append(call)
    pbx.listeners.call_began(call)
    visitor = Visitor(pbx, house, call, channel, pbx.clock.now + _patience(chance))
    if chance.random() < 0.05:
        yield from _direct(visitor)
        return
    if not (yield from visitor.wait(chance.uniform(0.005, 0.05))):
        pbx.hang_up(channel)
        return
    if door(call):
        yield from _dialplan(visitor)
    else:
        yield from _fallback(visitor)


def _patience(chance: random.Random) -> float:
    """Seconds for which a caller waits; some hang up before anybody can have answered."""
    return chance.uniform(0.0, 2.0) if chance.random() < 0.15 else 2.0 + chance.expovariate(1 / 60.0)


def _direct(visitor: Visitor) -> Course:
    """The number of an operator's own phone was called; the bridge is not asked."""
    phone = visitor.house.somebody(visitor.busy())
    if phone is not None:
        visitor.call.story.append("direct")
        ring = yield from _ring(visitor, [phone], RING_S, "")
        if ring is not None:
            yield from _talk(visitor, ring, "")
    _hang_up(visitor)


def _hang_up(visitor: Visitor) -> None:
    if not visitor.gone:
        visitor.pbx.hang_up(visitor.channel, "38" if visitor.pbx.chance.random() < 0.02 else "16")


def _dialplan(visitor: Visitor) -> Course:
    """The preferred operator, the steps, and the final."""
    chance = visitor.pbx.chance
    if chance.random() < 0.2 and (phone := visitor.house.somebody(visitor.busy())) is not None:
        visitor.call.story.append("preferred")
        ring = yield from _ring(visitor, [phone], chance.uniform(1.0, RING_S), "")
        if ring is not None and not (yield from _talk(visitor, ring, "")):
            return
        if visitor.gone:
            return
    for queue in chance.sample(QUEUES, chance.choice((1, 1, 2, 3))):
        if chance.random() < 0.04:
            _step(visitor, queue, "JOINEMPTY")
            continue
        limit = chance.choice((6.0, 15.0, 30.0, 60.0))
        if not (yield from _queue(visitor, queue, limit)):
            return
        _step(visitor, queue, "TIMEOUT")
    yield from _final(visitor, chance.choice(FINALS))


def _fallback(visitor: Visitor) -> Course:
    """Without an answer the dialplan has one queue, and nothing behind it."""
    visitor.call.story.append("fallback")
    if (yield from _queue(visitor, QUEUES[0], 600.0)):
        yield from _final(visitor, f"queue:{QUEUES[0].name}")


def _step(visitor: Visitor, queue: Queue, status: str) -> None:
    visitor.pbx.say("UserEvent", visitor.channel, UserEvent="CtiStep", Queue=queue.name, Status=status)


def _final(visitor: Visitor, final: str) -> Course:
    """The steps ran out."""
    pbx, chance = visitor.pbx, visitor.pbx.chance
    visitor.call.final = final
    visitor.call.story.append(f"final {final}")
    pbx.say("UserEvent", visitor.channel, UserEvent="CtiFinal", Final=final)
    if not final.startswith("queue") and chance.random() < 0.2:  # no such sound, box or place
        visitor.call.final = final = f"queue:{QUEUES[0].name}"
        visitor.call.story.append(f"taken back: {final}")
        pbx.say("UserEvent", visitor.channel, UserEvent="CtiFinal", Final=final)
    if final.startswith("queue"):
        while (yield from _queue(visitor, QUEUES[0], 600.0)):
            pass
        return
    if (yield from visitor.wait(chance.uniform(1.0, 5.0))) and final.startswith("goto"):
        yield from visitor.wait(chance.uniform(0.0, 20.0))
    _hang_up(visitor)


def _queue(visitor: Visitor, queue: Queue, limit_s: float) -> Generator[float, None, bool]:
    """The caller waits in a queue; whether the dialplan goes on with him afterwards."""
    pbx, chance = visitor.pbx, visitor.pbx.chance
    until = pbx.clock.now + limit_s
    visitor.channel.application, visitor.channel.queue = "Queue", queue.name
    visitor.call.story.append(queue.name)
    pbx.say("QueueCallerJoin", visitor.channel, Queue=queue.name)
    while pbx.clock.now < until:
        members = visitor.house.members(queue, visitor.busy())
        if not members:
            if not (yield from visitor.wait(min(1.0, until - pbx.clock.now))):
                break
            continue
        ring = yield from _ring(visitor, members, min(RING_S, until - pbx.clock.now), queue.name)
        if ring is not None:
            return (yield from _talk(visitor, ring, queue.name))
        if visitor.gone:
            return False
        if chance.random() < 0.01:
            return (yield from _redirected(visitor, queue))
        if not (yield from visitor.wait(min(1.0, max(0.0, until - pbx.clock.now)))):
            break
    _give_up_waiting(visitor, queue.name)
    if pbx.clock.now >= visitor.leaves_at:
        pbx.hang_up(visitor.channel, "38" if chance.random() < 0.02 else "127")
        return False
    return True


def _give_up_waiting(visitor: Visitor, queue: str) -> None:
    visitor.pbx.say("QueueCallerAbandon", visitor.channel, Queue=queue)
    leave_queue(visitor, queue)


def _redirected(visitor: Visitor, queue: Queue) -> Generator[float, None, bool]:
    """A supervisor takes the caller out of the queue and sends him to an operator."""
    _give_up_waiting(visitor, queue.name)
    visitor.call.story.append("redirected while waiting")
    return (yield from _sent_to_operator(visitor))


def _sent_to_operator(visitor: Visitor) -> Generator[float, None, bool]:
    phone = visitor.house.somebody(visitor.busy())
    if phone is not None:
        ring = yield from _ring(visitor, [phone], RING_S, "")
        if ring is not None:
            return (yield from _talk(visitor, ring, ""))
    if not visitor.gone and visitor.pbx.chance.random() < 0.5:
        visitor.call.story.append("nobody there: queue")
        return (yield from _queue(visitor, QUEUES[0], 60.0))
    _hang_up(visitor)
    return False


def _ring(visitor: Visitor, members: list[str], ring_s: float, queue: str) -> Rung:
    """Call these members; the one who answered, or None, and then the caller may be gone."""
    pbx, chance = visitor.pbx, visitor.pbx.chance
    rings_until = pbx.clock.now + ring_s
    call_phones(visitor, members, queue)
    plan = []
    for number, ring in enumerate(visitor.rings):
        does = chance.choices(("answer", "refuse", "nothing"), (6, 1, 2))[0]
        if does != "nothing" and can_ring(ring.phone.interface):
            plan.append((pbx.clock.now + chance.uniform(0.002, ring_s * 1.2), number, does, ring))
        elif chance.random() < 0.03 and ring.inner is None:
            plan.append((pbx.clock.now + chance.uniform(0.3, ring_s), number, "pick up", ring))
    for at, _, does, ring in sorted(plan, key=lambda entry: entry[:2]):
        if at > rings_until:
            break
        if not (yield from visitor.wait(at - pbx.clock.now)):
            _gone_while_ringing(visitor, queue)
            return None
        if does == "refuse":
            no_answer(visitor, ring, queue, refused=True)
            if not visitor.rings:
                return None
        elif does == "answer":
            answer(visitor, ring, queue)
            return ring
        else:
            taken = yield from _picked_up(visitor, ring, queue)
            if taken is not None or visitor.gone:
                return taken
    if not (yield from visitor.wait(rings_until - pbx.clock.now)):
        _gone_while_ringing(visitor, queue)
        return None
    for ring in list(visitor.rings):
        no_answer(visitor, ring, queue, refused=False)
    return None


def _picked_up(visitor: Visitor, target: Ring, queue: str) -> Rung:
    """A colleague calls the pickup code, which takes a moment in which everything else may happen."""
    phone = visitor.house.somebody(visitor.busy())
    if phone is None:
        return None
    channel = visitor.pbx.new(phone, state="Ring")
    if not (yield from visitor.wait(0.5)):
        visitor.pbx.hang_up(channel)
        _gone_while_ringing(visitor, queue)
        return None
    visitor.call.story.append("picked up")
    return pick_up(visitor, target, channel, queue)


def _gone_while_ringing(visitor: Visitor, queue: str) -> None:
    """The caller hangs up while phones ring for him."""
    pbx = visitor.pbx
    left: Things = []
    rows = cancel(visitor, queue)
    if queue:
        pbx.say("QueueCallerAbandon", visitor.channel, Queue=queue)
        left = [lambda: leave_queue(visitor, queue)]
    pbx.interleaved([*left, lambda: pbx.hang_up(visitor.channel, "127")], *rows)


def _talk(visitor: Visitor, ring: Ring, queue: str) -> Generator[float, None, bool]:
    """An operator and the caller talk, to the end or to the next one; whether the dialplan goes on with the caller."""
    pbx, chance = visitor.pbx, visitor.pbx.chance
    visitor.leaves_at = max(visitor.leaves_at, pbx.clock.now + chance.uniform(1.0, 40.0))
    if ring.inner is not None and chance.random() < 0.5:
        if not (yield from visitor.wait(0.08)):
            end_both(visitor, ring)
            return False
        ring = optimise(visitor, ring)
    after = yield from talk(visitor, ring)
    if after == "queue":
        return (yield from _queue(visitor, chance.choice(QUEUES), 60.0))
    if after == "operator":
        return (yield from _sent_to_operator(visitor))
    if after == "outside":
        other = yield from _ring(visitor, [TRUNK], RING_S, "")
        if other is not None:
            return (yield from _talk(visitor, other, ""))
        _hang_up(visitor)
    return after == "dialplan"
