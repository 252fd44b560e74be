"""What AMI lists of channels, queues and bridges, as one snapshot in our own words.

CoreShowChannels says in which bridge a channel is, but not what kind of bridge: everybody who is parked in a lot is in
the same one, and they do not hear each other. BridgeList says which bridges are of that kind.
"""

from dataclasses import replace
from typing import NamedTuple

from cti_bridge.asterisk.ami.translate import (
    WAITING_ROOM,
    Headers,
    caller_id,
    channel_id,
    is_tampered_with,
    text,
    whole,
)
from cti_bridge.asterisk.dialplan import CONSULT, DESK, HOLD
from cti_bridge.asterisk.interface import interface_of
from cti_bridge.calls.events import SeenChannel, Snapshot
from cti_bridge.domain.ids import ChannelId

LISTS = ("CoreShowChannels", "QueueStatus", "BridgeList")
"""The actions whose entries are needed; bridges last, so that each in which somebody was listed is told if it lasts."""


class _Place(NamedTuple):
    """Where a caller waits, by the names that a seen channel has for it."""

    queue: str
    place: int
    waited_s: int
    priority: int


class Sighting:
    """Puts what the lists say, entry by entry, together into one picture."""

    def __init__(self) -> None:
        self._channels: list[SeenChannel] = []
        self._waiting: dict[ChannelId, _Place] = {}
        self._parking: dict[str, bool] = {}
        """The bridges in which nobody hears anybody, and whether each is a parking lot."""

    def add(self, entry: Headers) -> None:
        """Take one entry of any list; entries that say nothing about channels are passed over."""
        if is_tampered_with(entry):
            return
        match text(entry, "Event"):
            case "CoreShowChannel":
                self._channels.append(_seen(entry))
            case "QueueEntry":
                self._waiting[channel_id(entry, "Uniqueid")] = _Place(
                    text(entry, "Queue"), whole(entry, "Position"), whole(entry, "Wait"), whole(entry, "Priority")
                )
            case "BridgeListItem" if text(entry, "BridgeTechnology") == WAITING_ROOM:
                self._parking[text(entry, "BridgeUniqueid")] = text(entry, "BridgeType") == "parking"

    def snapshot(self, at: float) -> Snapshot:
        """All channels that were listed, with the queues in which their callers wait."""
        return Snapshot(at, tuple(self._completed(seen) for seen in self._channels))

    def _completed(self, seen: SeenChannel) -> SeenChannel:
        waits = self._waiting.get(seen.channel)
        if waits is not None:
            seen = replace(seen, **waits._asdict())
        if seen.bridge in self._parking:
            return replace(seen, bridge="", parked=self._parking[seen.bridge])
        return seen


def _seen(entry: Headers) -> SeenChannel:
    name = text(entry, "Channel")
    dialled = text(entry, "Application") in ("AppQueue", "AppDial", "AppDial2")
    return SeenChannel(
        channel=channel_id(entry, "Uniqueid"),
        name=name,
        interface=interface_of(name),
        linkedid=text(entry, "Linkedid"),
        ringing=dialled and text(entry, "ChannelStateDesc") != "Up",
        dialled=dialled,
        bridge=text(entry, "BridgeId"),
        caller_id=caller_id(entry),
        set_aside=text(entry, "Context") == HOLD,
        at_desk=text(entry, "Context") in (DESK, CONSULT),
    )
