"""Who is connected with whom at this moment: channels in bridges, seen through Local channels. Pure.

A Local channel is a pair of halves, each in a bridge of its own, that pass everything on to each other; so whoever is
in the bridge of one half hears those in the bridge of the other. The waiting room of a parking lot is no bridge here:
those who wait there do not hear each other.
"""

from cti_bridge.domain.ids import ChannelId

MAX_BRIDGED = 100_000
"""Channels in bridges that are followed; beyond, the oldest is forgotten, for most likely its end was missed."""


class Bridges:
    """Filled by events, put right by a snapshot; empty when nobody talks."""

    def __init__(self, *, limit: int = MAX_BRIDGED) -> None:
        self._limit = limit
        self._bridge_of: dict[ChannelId, str] = {}
        self._members: dict[str, dict[ChannelId, None]] = {}
        self._seen_as: dict[ChannelId, tuple[str, str]] = {}
        self._half_named: dict[str, ChannelId] = {}

    def __len__(self) -> int:
        return len(self._bridge_of)

    def seen_as(self, channel: ChannelId) -> tuple[str, str]:
        """Name and interface of a channel in a bridge; empty for one that is in none."""
        return self._seen_as.get(channel, ("", ""))

    def bridge_of(self, channel: ChannelId) -> str:
        """The bridge that a channel is in; empty when it is in none."""
        return self._bridge_of.get(channel, "")

    def __contains__(self, channel: ChannelId) -> bool:
        return channel in self._bridge_of

    def join(self, channel: ChannelId, name: str, interface: str, bridge: str) -> None:
        """A channel is in this bridge from now on, and in no other."""
        self.drop(channel)
        self._bridge_of[channel] = bridge
        self._members.setdefault(bridge, {})[channel] = None
        self._seen_as[channel] = (name, interface)
        if name.startswith("Local/"):
            self._half_named[name] = channel
        if len(self._bridge_of) > self._limit:
            self.drop(next(iter(self._bridge_of)))

    def leave(self, channel: ChannelId, bridge: str) -> None:
        """A channel left this bridge; when it is in another one by now, that is old news."""
        if self._bridge_of.get(channel) == bridge:
            self.drop(channel)

    def drop(self, channel: ChannelId) -> None:
        """A channel is in no bridge any more."""
        bridge = self._bridge_of.pop(channel, None)
        if bridge is None:
            return
        members = self._members[bridge]
        members.pop(channel, None)
        if not members:
            del self._members[bridge]
        name, _ = self._seen_as.pop(channel)
        if self._half_named.get(name) == channel:
            del self._half_named[name]

    def clear(self) -> None:
        """Nobody is connected with anybody."""
        for kept in (self._bridge_of, self._members, self._seen_as, self._half_named):
            kept.clear()

    def connected(self, channel: ChannelId) -> frozenset[ChannelId]:
        """Every channel that this one hears, with itself; itself alone when it is in no bridge."""
        found = {channel}
        to_see = [channel]
        while to_see:
            one = to_see.pop()
            beside = list(self._members.get(self._bridge_of.get(one, ""), ()))
            half = self._half_named.get(other_half(self.seen_as(one)[0]))
            for other in (*beside, half) if half is not None else beside:
                if other not in found:
                    found.add(other)
                    to_see.append(other)
        return frozenset(found)


def other_half(name: str) -> str:
    """The name of the other half of a Local channel; empty for every other channel."""
    if not name.startswith("Local/"):
        return ""
    return name[:-1] + {"1": "2", "2": "1"}.get(name[-1], "")
