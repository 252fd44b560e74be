"""Recordings of what is said, by the channel on which they are made, whether a call has that channel or not. No I/O.

A dialplan may begin to record before we know of a call, and a recording on an operator's phone goes on when his talk
with the caller is over. So they are followed here, and a call is told how those on its channels are now.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cti_bridge.calls.events import RecordingNamed, RecordingStarted, RecordingStopped
from cti_bridge.domain.ids import CallId, ChannelId

MAX_CHANNELS = 20_000
"""Channels whose recordings are followed; beyond, those of the oldest are taken to be over."""
MAX_ON_A_CHANNEL = 50
"""Recordings of one channel that are remembered, the latest."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording; times are seconds since 1970."""

    channel: ChannelId
    started_at: float
    file: str | None = None
    """As the PBX names it; None while it is being asked, empty when it could not say."""
    ended_at: float | None = None

    @property
    def is_in(self) -> bool:
        """Whether nothing of it will change any more."""
        return self.ended_at is not None and self.file is not None


Taken = tuple[Recording, ...]


@dataclass(slots=True)
class _Channel:
    taken: Taken = ()
    call: CallId | None = None


class Recordings:
    """The recordings of all channels that have one, as long as something of them may change."""

    def __init__(self, *, limit: int = MAX_CHANNELS) -> None:
        self.dropped = 0
        """Channels whose recordings were taken to be over because there were too many."""
        self._limit = limit
        self._channels: OrderedDict[ChannelId, _Channel] = OrderedDict()

    def __len__(self) -> int:
        return len(self._channels)

    def on(self, channel: ChannelId) -> Taken:
        """The recordings on a channel, in the order in which they began."""
        known = self._channels.get(channel)
        return known.taken if known is not None else ()

    def call_of(self, channel: ChannelId) -> CallId | None:
        """The call that has the recordings of this channel."""
        known = self._channels.get(channel)
        return known.call if known is not None else None

    def belong(self, channel: ChannelId, call: CallId) -> None:
        """The recordings on a channel are this call's from now on."""
        if channel in self._channels:
            self._channels[channel].call = call

    def restore(self, taken: Iterable[Recording], call: CallId) -> None:
        """Take up recordings of a call that an earlier run of the bridge had seen."""
        for recording in taken:
            known = self._channels.setdefault(recording.channel, _Channel(call=call))
            known.taken = (*known.taken, recording)

    def apply(self, event: RecordingStarted | RecordingNamed | RecordingStopped) -> list[ChannelId]:
        """Take one event in; the channels whose recordings it changed come back."""
        before = self.on(event.channel)
        match event:
            case RecordingStarted():
                after = _started(before, event)
            case RecordingNamed():
                after = _named(before, event)
            case RecordingStopped():
                after = _stopped(before, event.at)
        if after == before:
            return []
        self._channels.setdefault(event.channel, _Channel()).taken = after
        return [event.channel, *self._within_limit(event.at)]

    def hangs_up(self, channel: ChannelId, at: float) -> bool:
        """A channel is gone, and every recording on it is over; whether that changes any."""
        before = self.on(channel)
        after = tuple(one if one.ended_at is not None else replace(one, ended_at=at) for one in before)
        if before:
            self._channels[channel].taken = after
        return after != before

    def settle(self, channel: ChannelId) -> None:
        """Forget a channel when nothing of its recordings will change any more; whoever has them keeps them."""
        if all(one.is_in for one in self.on(channel)):
            self._channels.pop(channel, None)

    def channels(self) -> tuple[ChannelId, ...]:
        """Every channel that has a recording of which something may change."""
        return tuple(self._channels)

    def unnamed(self) -> list[ChannelId]:
        """Nobody is being asked for a name any more: what has none will have none. The channels that this changed."""
        changed = [channel for channel, known in self._channels.items() if any(one.file is None for one in known.taken)]
        for channel in changed:
            self._give_up_names(channel)
        return changed

    def _give_up_names(self, channel: ChannelId) -> None:
        known = self._channels[channel]
        known.taken = tuple(replace(one, file=one.file or "") for one in known.taken)

    def _within_limit(self, at: float) -> list[ChannelId]:
        if len(self._channels) <= self._limit:
            return []
        self.dropped += 1
        oldest = next(iter(self._channels))
        self.hangs_up(oldest, at)
        self._give_up_names(oldest)
        return [oldest]


def _started(taken: Taken, event: RecordingStarted) -> Taken:
    if any(one.started_at == event.at for one in taken):
        return taken
    return (*taken, Recording(event.channel, event.at))[-MAX_ON_A_CHANNEL:]


def _named(taken: Taken, event: RecordingNamed) -> Taken:
    return tuple(
        replace(one, file=event.file) if one.started_at == event.started_at and not one.file else one for one in taken
    )


def _stopped(taken: Taken, at: float) -> Taken:
    """Of several that go on the PBX does not say which one: the latest is taken to be meant."""
    open_ones = [one for one in taken if one.ended_at is None]
    if not open_ones or any(one.ended_at == at for one in taken):
        return taken
    return tuple(replace(one, ended_at=max(at, one.started_at)) if one is open_ones[-1] else one for one in taken)
