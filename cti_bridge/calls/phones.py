"""Which phones are in use: every channel that lives on an interface, whether it belongs to a call of ours or not."""

from cti_bridge.calls.events import CallEvent, ChannelCreated, ChannelHungUp, Snapshot
from cti_bridge.domain.ids import ChannelId

MAX_CHANNELS = 100_000
"""Channels that are followed; beyond, the oldest is forgotten, for most likely its end was missed."""


class PhonesInUse:
    """Counts the live channels of every interface; filled by events, put right by a snapshot."""

    def __init__(self, *, limit: int = MAX_CHANNELS) -> None:
        self.dropped = 0
        """Channels that were forgotten because there were too many."""
        self._limit = limit
        self._interface_of: dict[ChannelId, str] = {}
        self._channels_on: dict[str, set[ChannelId]] = {}

    def apply(self, event: CallEvent) -> None:
        """Take note of channels that come and go."""
        if isinstance(event, ChannelCreated):
            self._add(event.channel, event.interface)
        elif isinstance(event, ChannelHungUp):
            self._remove(event.channel)

    def resync(self, snapshot: Snapshot) -> None:
        """Forget everything and take what the PBX says now."""
        self._interface_of.clear()
        self._channels_on.clear()
        for seen in snapshot.channels:
            self._add(seen.channel, seen.interface)

    def busy(self, interface: str) -> bool:
        """Whether a channel lives on this phone."""
        return interface in self._channels_on

    def _add(self, channel: ChannelId, interface: str) -> None:
        self._interface_of[channel] = interface
        self._channels_on.setdefault(interface, set()).add(channel)
        if len(self._interface_of) > self._limit:
            self.dropped += 1
            self._remove(next(iter(self._interface_of)))

    def _remove(self, channel: ChannelId) -> None:
        interface = self._interface_of.pop(channel, None)
        if interface is None:
            return
        channels = self._channels_on[interface]
        channels.discard(channel)
        if not channels:
            del self._channels_on[interface]
