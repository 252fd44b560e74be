"""In which other orders Asterisk could have told a recording.

Threads of its own tell what happens to a caller's channel, to a phone's, and in a bridge; so of events that are less
than 3 ms apart, any may come first, but for these: what happens to one channel keeps its order, and so does what
happens in one bridge; a channel is not heard of before it is there; a phone that is called hangs up after it was said
what became of it; and an operator's answer is told in three steps, of which each follows the one before.
"""

import random

from story_telling import Heard

WITHIN_S = 0.003
_ANSWER = ("QueueCallerLeave", "AgentConnect", "BridgeEnter")
"""The caller leaves the queue, then it is said who answered, then they enter the bridge."""


def shuffled(messages: list[Heard], chance: random.Random) -> list[Heard]:
    """The same messages in another order."""
    wanted = [float(message["Timestamp"]) + chance.uniform(0, WITHIN_S) for message in messages]
    waiting = list(range(len(messages)))
    order: list[Heard] = []
    while waiting:
        before = {one: waiting[:place] for place, one in enumerate(waiting)}
        free = [one for one in waiting if not any(_follows(messages[one], messages[other]) for other in before[one])]
        first = min(free, key=lambda one: wanted[one])
        waiting.remove(first)
        order.append(messages[first])
    return order


def _follows(later: Heard, earlier: Heard) -> bool:
    """Whether the later of two messages never comes before the earlier one."""
    if float(later["Timestamp"]) - float(earlier["Timestamp"]) >= WITHIN_S:
        return True
    first, second = earlier["Event"], later["Event"]
    if first in _ANSWER and second in _ANSWER:
        return _ANSWER.index(first) <= _ANSWER.index(second)
    if first in ("Newchannel", "LocalBridge"):
        return bool(_channels(earlier) & _channels(later))
    if second == "Hangup":
        return later["Uniqueid"] in (earlier.get("Uniqueid"), earlier.get("DestUniqueid"))
    return any(header in later and earlier.get(header) == later[header] for header in ("Uniqueid", "BridgeUniqueid"))


def _channels(message: Heard) -> set[str]:
    return {value for header, value in message.items() if header.endswith("Uniqueid") and header != "BridgeUniqueid"}
