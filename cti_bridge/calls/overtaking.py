"""In which order callers wait in queues, who has been overtaken there, and who is to come first now. Pure, no clock.

Overtaken is whoever waits in a queue in which somebody who came later stands before him, or has stood there and been
served. He counts as overtaken from that moment until he leaves the queue or is put first. When nobody has answered him
there, his time goes on in the next queue, as soon as he is overtaken in that one: steps that are shorter than he may be
overtaken keep nobody waiting for ever. Whoever has been put first stays so in that queue, behind those who were it
before him. Who leaves a queue and is in it again at once, as `[cti-wait]` of the dialplan does it, has been there all
the time, but is no longer put first.
"""

from bisect import bisect_right, insort
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from heapq import nsmallest

from cti_bridge.calls.events import (
    CallerLeftQueue,
    CallerQueued,
    CallEvent,
    ChannelHungUp,
    LegAnswered,
    SeenChannel,
    Snapshot,
)
from cti_bridge.domain.ids import ChannelId

FIRST = 1001
"""The priority of a caller who is put first: no rule can give so high a one, so it also marks him."""
MAX_WAITING = 20_000
"""Callers that are followed; beyond, the one who came first is forgotten, for most likely his leaving was missed."""
MAX_TRIES = 3
"""So often Asterisk is asked to put a caller first before he is given up."""
AGAIN_S = 0.5
"""Who is in the queue again within this time has not gone away."""
_TOLD_APART_S = 1.0
"""A snapshot says in whole seconds how long somebody has waited."""


@dataclass(frozen=True, slots=True)
class Overtaken:
    """A caller who waits and has been overtaken; `name` is that of his channel.

    `since` is in seconds since 1970, and earlier by the time for which he was overtaken in the queues before this one.
    """

    channel: ChannelId
    name: str
    number: str
    queue: str
    since: float


@dataclass(slots=True)
class _Waiting:
    """One caller in one queue; times are seconds since 1970, `earlier_s` is for how long he was overtaken before."""

    channel: ChannelId
    name: str
    number: str
    queue: str
    joined_at: float
    """Since when he waits in it."""
    entered_at: float
    """When the PBX took him into it last: later than that when he has stepped out and in again."""
    earlier_s: float = 0.0
    overtaken_at: float | None = None
    first: bool = False
    tries: int = 0

    def overtaken_s(self, until: float) -> float:
        """For how long he was overtaken until then, in this queue and before."""
        return self.earlier_s if self.overtaken_at is None else max(0.0, until - self.overtaken_at)


class Overtaking:
    """All callers who wait in queues of one PBX; filled by events, put right by a snapshot."""

    def __init__(self, *, limit: int = MAX_WAITING) -> None:
        self.dropped = 0
        """Callers, or times of callers between two queues, that were forgotten because there were too many."""
        self._limit = limit
        self._callers: dict[ChannelId, _Waiting] = {}
        self._order: dict[str, list[ChannelId]] = {}
        """Who waits in each queue, whoever is served next first."""
        self._overtaken: dict[ChannelId, None] = {}
        """Those who were overtaken and have not been put first."""
        self._earlier_s: dict[ChannelId, float] = {}
        """For how many seconds callers were overtaken in queues that they left unanswered."""
        self._left: dict[ChannelId, tuple[float, _Waiting]] = {}
        """Who has just left a queue, and when."""

    def __len__(self) -> int:
        return len(self._callers)

    @property
    def overtaken(self) -> int:
        """How many wait who were overtaken and have not been put first."""
        return len(self._overtaken)

    def overtaken_since(self, queues: Collection[str]) -> list[float]:
        """Since when each of them is overtaken who waits in one of these queues, in whatever case."""
        return [since for since, _ in self._overtaken_in(queues)]

    def apply(self, event: CallEvent) -> None:
        """Take note of callers who come and go."""
        match event:
            case CallerQueued():
                self._joins(event)
            case CallerLeftQueue():
                known = self._callers.get(event.channel)
                if known is not None and known.queue == event.queue:
                    self._goes_on(known, event.at)
                    self._leaves(event.channel)
            case LegAnswered():  # Asterisk tells it once more when he has left the queue
                self._earlier_s.pop(event.caller, None)
                self._left.pop(event.caller, None)
            case ChannelHungUp():
                self._leaves(event.channel)
                self._earlier_s.pop(event.channel, None)
                self._left.pop(event.channel, None)
            case _:
                pass

    def resync(self, snapshot: Snapshot) -> None:
        """Take what the PBX says now; who was overtaken by somebody who has been served since is only known before."""
        before, self._callers, self._order, self._overtaken = self._callers, {}, {}, {}
        self._left.clear()
        there = {seen.channel: seen for seen in snapshot.channels}
        self._earlier_s = {
            channel: earlier_s
            for channel, earlier_s in self._earlier_s.items()
            if (seen := there.get(channel)) is not None and not seen.bridge
        }
        came: dict[str, list[float]] = {}
        for seen in sorted((seen for seen in there.values() if seen.queue), key=lambda seen: seen.place):
            now = _taken_up(seen, snapshot.at, before.get(seen.channel), self._earlier_s.get(seen.channel, 0.0))
            self._callers[now.channel] = now
            self._order.setdefault(now.queue, []).append(now.channel)
            earlier = came.setdefault(now.queue, [])
            overtook = bisect_right(earlier, now.joined_at + _TOLD_APART_S)
            self._is_overtaken(now, earlier[overtook] if overtook < len(earlier) else now.overtaken_at)
            insort(earlier, now.joined_at)

    def due(self, now: float, max_s: float, queues: Collection[str], most: int) -> list[Overtaken]:
        """Who has been overtaken for so long in one of these queues, in whatever case, and is to be put first.

        He who was overtaken first comes first; at most so many of them.
        """
        found = (
            (since, one) for since, one in self._overtaken_in(queues) if now - since >= max_s and one.tries < MAX_TRIES
        )
        return [
            Overtaken(one.channel, one.name, one.number, one.queue, since)
            for since, one in nsmallest(most, found, key=lambda each: each[0])
        ]

    def _overtaken_in(self, queues: Collection[str]) -> Iterator[tuple[float, _Waiting]]:
        named = {queue.casefold() for queue in queues}
        here = {queue for queue in self._order if queue.casefold() in named}
        for one in (self._callers[channel] for channel in self._overtaken):
            if one.overtaken_at is not None and one.queue in here:
                yield one.overtaken_at, one

    def put_first(self, whom: Overtaken, at: float) -> None:
        """He stands first now, behind those who were put first before him; who came earlier is overtaken by that."""
        one = self._same(whom)
        if one is None:
            return
        one.first = True
        self._overtaken.pop(one.channel, None)
        order = self._order[one.queue]
        was = order.index(one.channel)
        is_now = sum(self._callers[other].first for other in order[:was])
        order.insert(is_now, order.pop(was))
        for other in order[is_now + 1 : was + 1]:
            if self._callers[other].joined_at < one.joined_at:
                self._is_overtaken(self._callers[other], at)

    def not_put_first(self, whom: Overtaken) -> bool:
        """It could not be done; whether that is given up although he still waits."""
        one = self._same(whom)
        if one is None:
            return False
        one.tries += 1
        return one.tries >= MAX_TRIES

    def _same(self, whom: Overtaken) -> _Waiting | None:
        """The caller, if he waits where he waited."""
        one = self._callers.get(whom.channel)
        return one if one is not None and (one.queue, one.overtaken_at) == (whom.queue, whom.since) else None

    def _joins(self, event: CallerQueued) -> None:
        self._leaves(event.channel)
        number = event.caller_id.number
        earlier_s = self._earlier_s.get(event.channel, 0.0)
        one = _Waiting(event.channel, event.name, number, event.queue, event.at, event.at, earlier_s)
        self._callers[event.channel] = one
        is_back = self._is_back(one)
        order = self._order.setdefault(event.queue, [])
        place = max(0, len(order) - event.overtakes)
        for behind in (self._callers[channel] for channel in order[place:]):
            if behind.joined_at <= one.joined_at:
                self._is_overtaken(behind, event.at)
        if is_back:
            later = any(self._callers[channel].joined_at > one.joined_at for channel in order[:place])
            self._is_overtaken(one, event.at if later else None)
        order.insert(place, event.channel)
        if len(self._callers) > self._limit:
            self.dropped += 1
            self._leaves(next(iter(self._callers)))

    def _goes_on(self, one: _Waiting, at: float) -> None:
        """He leaves this queue, it may be for another one, or to come back at once."""
        self._left[one.channel] = (at, one)
        if len(self._left) > self._limit:
            del self._left[next(iter(self._left))]
        if (overtaken_s := one.overtaken_s(at)) > 0:
            self._earlier_s[one.channel] = overtaken_s
            if len(self._earlier_s) > self._limit:
                self.dropped += 1
                del self._earlier_s[next(iter(self._earlier_s))]

    def _is_back(self, one: _Waiting) -> bool:
        """Whether he has just left the queue that he joins: then he has been in it since he first came."""
        left_at, before = self._left.pop(one.channel, (0.0, one))
        if before.queue != one.queue or not 0 <= one.entered_at - left_at <= AGAIN_S:
            return False
        one.joined_at, one.earlier_s, one.overtaken_at = before.joined_at, before.earlier_s, before.overtaken_at
        return True

    def _leaves(self, channel: ChannelId) -> None:
        one = self._callers.pop(channel, None)
        if one is None:
            return
        self._overtaken.pop(channel, None)
        order = self._order[one.queue]
        order.remove(channel)
        if not order:
            del self._order[one.queue]

    def _is_overtaken(self, one: _Waiting, since: float | None) -> None:
        if one.overtaken_at is None and since is not None:
            one.overtaken_at = since - one.earlier_s
        if one.overtaken_at is not None and not one.first:
            self._overtaken[one.channel] = None


def _taken_up(seen: SeenChannel, at: float, known: _Waiting | None, earlier_s: float) -> _Waiting:
    """A caller of a snapshot, with what was known of him.

    When he has left the queue meanwhile that is only for how long he had been overtaken.
    """
    joined_at = at - seen.waited_s
    now = _Waiting(seen.channel, seen.name, seen.caller_id.number, seen.queue, joined_at, joined_at, earlier_s)
    now.first = seen.priority >= FIRST
    if known is None:
        return now
    if known.queue != seen.queue or joined_at - known.entered_at > 2 * _TOLD_APART_S:
        now.earlier_s = known.overtaken_s(joined_at)
        return now
    now.joined_at, now.entered_at, now.earlier_s = known.joined_at, known.entered_at, known.earlier_s
    now.overtaken_at, now.first = known.overtaken_at, known.first or now.first
    return now
