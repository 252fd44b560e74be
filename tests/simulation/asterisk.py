"""The model of an Asterisk: channels, bridges and queues, what AMI says of them, and the truth about every call.

Nothing here knows of the bridge. What a channel is to a call (`serves`, `part`) is written down by whoever makes it so,
not derived from the events that are said; that is what the bridge's picture is held against.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from simulation.clock import Clock
from simulation.truth import TALKING, CallTruth, Channel

Message = dict[str, str]
PARKING = "parking"
"""The bridge of the parking lot."""
JITTER_S = 0.0015
"""Events of one moment are so far apart at most."""


@dataclass(slots=True)
class Listeners:
    """Who hears of what happens."""

    said: Callable[[Message], None] = lambda message: None
    can_hear: Callable[[], bool] = lambda: True
    call_began: Callable[[CallTruth], None] = lambda call: None
    part_changed: Callable[[str, CallTruth], None] = lambda interface, call: None


class Asterisk:
    """Channels and bridges, and the events about them in the order in which they happen."""

    def __init__(self, clock: Clock, chance: random.Random) -> None:
        self.clock = clock
        self.chance = chance
        self.listeners = Listeners()
        self.calls: list[CallTruth] = []
        self.asides: dict[str, CallTruth] = {}
        """Lines on which an operator asked a colleague, and about which call. When that is over they may go on talking,
        and for whoever sees them only then it is a call between colleagues."""
        self.channels: dict[str, Channel] = {}
        self.generation = 0
        """Goes up with every restart."""
        self._names = 0
        self._bridges = 0
        self._stamp = 0.0
        self._members: dict[str, dict[str, Channel]] = {}

    # What AMI says ---------------------------------------------------------------------------------------------------

    def say(self, event: str, channel: Channel | None = None, dest: Channel | None = None, **more: str) -> None:
        """One event, stamped; every event has a moment of its own."""
        self._stamp = max(self._stamp + 1e-6, self.clock.now) + self.chance.random() * JITTER_S / 8
        message = {"Event": event, "Timestamp": f"{self._stamp:.6f}", "SystemName": "main"}
        if channel is not None:
            message["Channel"] = channel.name
            message["CallerIDNum"] = channel.number
            message["CallerIDName"] = "<unknown>"
            message["Uniqueid"] = channel.id
            message["Linkedid"] = channel.linkedid
        if dest is not None:
            message["DestChannel"] = dest.name
            message["DestCallerIDNum"] = dest.number
            message["DestUniqueid"] = dest.id
            message["DestLinkedid"] = dest.linkedid
        message |= more
        self.listeners.said(message)

    @property
    def moment(self) -> float:
        """The time of the latest event, which is a little ahead of the clock while a moment lasts."""
        return max(self._stamp, self.clock.now)

    def interleaved(self, *rows: list[Callable[[], None]]) -> None:
        """Let several rows of things happen at once: each keeps its own order, and chance mixes them."""
        left = [list(row) for row in rows if row]
        while left:
            row = self.chance.choice(left)
            row.pop(0)()
            left = [row for row in left if row]

    # Channels --------------------------------------------------------------------------------------------------------

    def new(self, interface: str, *, state: str = "Down", near: Channel | None = None, half: str = "") -> Channel:
        """A channel comes to life, with the linkedid of whoever caused it."""
        self._names += 1
        name = f"{interface}-{self._names:08x}{half}"
        channel_id = f"main-{int(self.clock.now)}.{self._names}"
        channel = Channel(channel_id, name, interface, near.linkedid if near else channel_id, state=state)
        if interface.startswith("PJSIP/1"):
            channel.number = interface.removeprefix("PJSIP/")
        self.channels[channel_id] = channel
        self.say("Newchannel", channel)
        return channel

    def local(self, interface: str, near: Channel) -> tuple[Channel, Channel]:
        """A pair of halves; each knows the other by its name."""
        self._names += 1
        halves = []
        for number, half in enumerate((";1", ";2")):
            channel_id = f"main-{int(self.clock.now)}.{self._names}{number}"
            channel = Channel(channel_id, f"{interface}-{self._names:08x}{half}", interface, near.linkedid)
            self.channels[channel_id] = channel
            self.say("Newchannel", channel)
            halves.append(channel)
        return halves[0], halves[1]

    def hang_up(self, channel: Channel, cause: str = "16") -> None:
        """A channel ends; one in a bridge leaves it first."""
        if channel.id not in self.channels:
            return
        self.leave(channel)
        del self.channels[channel.id]
        self.say("Hangup", channel, Cause=cause)
        self.take_part(channel, "", None)
        if channel.serves is None:
            return
        if channel.serves.channel == channel.id:
            self._over(channel.serves, cause)

    def _over(self, call: CallTruth, cause: str) -> None:
        """The caller is gone, so nobody has a part in his call any more."""
        call.ended_at, call.cause = self.moment, cause
        for other in list(self.channels.values()):
            if other.serves is call and other.part:
                self.take_part(other, "", None)

    def take_part(self, channel: Channel, part: str, call: CallTruth | None) -> None:
        """What the owner of a phone has to do with a call from now on."""
        before = channel.serves
        if (part, call) == (channel.part, before):
            return
        changed = channel.part != part
        channel.part = part
        if call is not None:
            channel.serves = call
        if part == TALKING and call is not None and call.answered_at is None:
            call.answered_at = self.moment
            call.answer_was_told = self.listeners.can_hear()
        if changed or call is not None:
            for concerned in {id(one): one for one in (before, call) if one is not None}.values():
                self.listeners.part_changed(channel.interface, concerned)

    def lines_of(self, phone: Channel) -> int:
        """How many channels live on this phone."""
        return sum(channel.interface == phone.interface for channel in self.channels.values())

    # Bridges ---------------------------------------------------------------------------------------------------------

    def new_bridge(self) -> str:
        """The id of a bridge that nobody is in yet."""
        self._bridges += 1
        return f"b{self.generation}-{self._bridges}"

    def enter(self, channel: Channel, bridge: str, *, technology: str = "simple_bridge") -> None:
        """A channel enters a bridge, leaving the one it was in."""
        self.leave(channel)
        channel.bridge = bridge
        self._members.setdefault(bridge, {})[channel.id] = channel
        self.say("BridgeEnter", channel, BridgeUniqueid=bridge, BridgeTechnology=technology)
        self._measure(bridge)

    def leave(self, channel: Channel) -> None:
        """A channel leaves its bridge, if it is in one."""
        bridge = channel.bridge
        if not bridge:
            return
        channel.bridge = ""
        members = self._members[bridge]
        del members[channel.id]
        if not members:
            del self._members[bridge]
        self.say("BridgeLeave", channel, BridgeUniqueid=bridge, BridgeTechnology="simple_bridge")
        self._measure(bridge, channel)

    def _measure(self, bridge: str, *more: Channel) -> None:
        """Note who talks with the caller of his call from now on, and who no longer does."""
        for channel in self._reached(bridge, *more):
            call = channel.serves
            if call is None or channel.id == call.channel:
                continue
            caller = self.channels.get(call.channel)
            together = caller is not None and caller.bridge.startswith("b") and caller.id in self._heard(channel)
            if together and channel.with_caller_since is None:
                channel.with_caller_since = self.moment
            elif not together and channel.with_caller_since is not None:
                talked = self.moment - channel.with_caller_since
                call.talked[channel.id] = call.talked.get(channel.id, 0.0) + talked
                channel.with_caller_since = None

    def _reached(self, bridge: str, *more: Channel) -> list[Channel]:
        found = {channel.id: channel for channel in more}
        for channel in list(self._members.get(bridge, {}).values()):
            found |= self._heard(channel)
        for channel in more:
            found |= self._heard(channel)
        return list(found.values())

    def _heard(self, channel: Channel) -> dict[str, Channel]:
        """Everybody whom a channel hears, Local channels looked through."""
        found = {channel.id: channel}
        to_see = [channel]
        while to_see:
            one = to_see.pop()
            beside = list(self._members.get(one.bridge, {}).values())
            if one.name[-2:] in (";1", ";2"):
                half = one.name[:-1] + ("2" if one.name[-1] == "1" else "1")
                beside += [other for other in self.channels.values() if other.name == half]
            for other in beside:
                if other.id not in found:
                    found[other.id] = other
                    to_see.append(other)
        return found

    # What AMI lists --------------------------------------------------------------------------------------------------

    def listed_channels(self) -> list[Message]:
        """The entries of CoreShowChannels, in no order."""
        entries = [
            {
                "Event": "CoreShowChannel",
                "Channel": channel.name,
                "Uniqueid": channel.id,
                "Linkedid": channel.linkedid,
                "Application": channel.application,
                "Context": channel.context,
                "ChannelStateDesc": channel.state,
                "BridgeId": channel.bridge,
                "CallerIDNum": channel.number,
                "CallerIDName": "<unknown>",
            }
            for channel in self.channels.values()
        ]
        self.chance.shuffle(entries)
        return entries

    def listed_callers(self) -> list[Message]:
        """The entries of QueueStatus that are callers."""
        return [
            {"Event": "QueueEntry", "Uniqueid": channel.id, "Queue": channel.queue}
            for channel in self.channels.values()
            if channel.queue
        ]

    def listed_bridges(self) -> list[Message]:
        """The entries of BridgeList: a parking lot is a bridge in which nobody hears anybody."""
        return [
            {
                "Event": "BridgeListItem",
                "BridgeUniqueid": bridge,
                "BridgeType": "parking" if bridge == PARKING else "basic",
                "BridgeTechnology": "holding_bridge" if bridge == PARKING else "simple_bridge",
            }
            for bridge in self._members
        ]

    def restart(self) -> None:
        """All channels are gone, without a word."""
        self.generation += 1
        channels, self.channels = list(self.channels.values()), {}
        self._members.clear()
        for channel in channels:
            channel.bridge = ""
            if channel.serves is not None:
                channel.serves.blurred = True
            self.take_part(channel, "", None)
        for call in self.calls[-200:]:
            if call.ended_at is None:
                call.ended_at = self.clock.now
