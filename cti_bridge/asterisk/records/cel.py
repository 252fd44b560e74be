"""What Asterisk's channel event log (CEL) says, in our own words: its lines as the events that AMI would have told.

A leg is a channel that is made under another one's linkedid; who it is called for is not said, and follows from who is
in Queue or Dial at that moment.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from cti_bridge.asterisk.causes import REFUSALS, TECHNICAL
from cti_bridge.asterisk.dialplan import final_of
from cti_bridge.asterisk.interface import interface_of
from cti_bridge.asterisk.records.cel_hindsight import DIALLED, Hindsight, look_ahead
from cti_bridge.asterisk.records.cel_lines import CelLine, queue_of
from cti_bridge.calls.events import (
    CallerId,
    CallerLeftQueue,
    CallerParked,
    CallerQueued,
    CallEvent,
    ChannelBridged,
    ChannelHungUp,
    ChannelUnbridged,
    FinalReached,
    LegAnswered,
    LegPickedUp,
    LegRinging,
    LegStopped,
    LegTransferred,
    Stop,
)
from cti_bridge.domain.ids import ChannelId

_WAITING_ROOM = "holding_bridge"
_ANSWERED_ELSEWHERE = "26"
_DIALLING = frozenset(("Queue", "Dial"))


def happened(lines: Sequence[CelLine], *, since: float, until: float) -> Iterator[CallEvent]:
    """What happened from `since` to `until` (seconds since 1970), in the order of the lines.

    Earlier lines say which channels there were and what they did.
    """
    lines = [line for line in lines if line.at <= until]
    story = _Story(look_ahead(lines))
    for place, line in enumerate(lines):
        yield from (event for event in story.take(place, line) if event.at >= since)


@dataclass(slots=True)
class _Seen:
    """A channel as far as the lines have told of it."""

    name: str
    linkedid: str
    caller_id: CallerId
    app: str = ""
    data: str = ""
    app_since: int = 0
    bridged: bool = False
    called_by: ChannelId | None = None
    answered: bool = False


@dataclass(slots=True)
class _Story:
    """Reads line after line."""

    ahead: Hindsight
    channels: dict[ChannelId, _Seen] = field(default_factory=dict)
    groups: dict[str, dict[ChannelId, None]] = field(default_factory=dict)

    def take(self, place: int, line: CelLine) -> list[CallEvent]:
        """What a line says."""
        seen = self._seen(line)
        read = _READ.get(line.event)
        found = read(self, line, seen, place) if read is not None else []
        if line.event == "HANGUP":
            self.channels.pop(line.channel, None)
            self._leave(line.channel, seen.linkedid)
        return found

    def _seen(self, line: CelLine) -> _Seen:
        seen = self.channels.get(line.channel)
        if seen is None:
            seen = self.channels[line.channel] = _Seen(line.name, line.linkedid, line.caller_id)
        elif seen.linkedid != line.linkedid:
            self._leave(line.channel, seen.linkedid)
            seen.linkedid = line.linkedid
        self.groups.setdefault(line.linkedid, {})[line.channel] = None
        return seen

    def _leave(self, channel: ChannelId, linkedid: str) -> None:
        group = self.groups.get(linkedid, {})
        group.pop(channel, None)
        if not group:
            self.groups.pop(linkedid, None)

    def _begins(self, line: CelLine, seen: _Seen, _place: int) -> list[CallEvent]:
        outer_half = line.name.endswith(";1") and line.channel in self.ahead.dialled
        if line.channel == line.linkedid or (line.name.startswith("Local/") and not outer_half):
            return []
        interface = interface_of(line.name)
        caller = self._who_calls(line.linkedid, interface, but=line.channel)
        if caller is None:
            return []
        seen.called_by, who = caller, self.channels[caller]
        ringing = LegRinging(
            line.at, line.channel, leg_name=line.name, interface=interface, caller=caller, caller_name=who.name,
            linkedid=line.linkedid, queue=queue_of(who.app, who.data), caller_id=who.caller_id,
            caller_interface=interface_of(who.name), number=self.ahead.numbers.get(line.channel, ""),
        )  # fmt: skip
        return [ringing]

    def _who_calls(self, linkedid: str, interface: str, *, but: ChannelId) -> ChannelId | None:
        """Of the channels of a group that call somebody the one that names this phone, else the latest in a queue."""
        calling = [
            (interface in seen.data, seen.app == "Queue" and not seen.bridged, seen.app_since, channel)
            for channel in self.groups[linkedid]
            if channel != but and (seen := self.channels[channel]).app in _DIALLING
        ]
        return max(calling)[3] if calling else None

    def _answers(self, line: CelLine, seen: _Seen, _place: int) -> list[CallEvent]:
        if line.app not in DIALLED:
            return []
        seen.answered = True
        caller = seen.called_by or ChannelId("")
        return [LegAnswered(line.at, line.channel, line.name, interface_of(line.name), caller)]

    def _app_begins(self, line: CelLine, seen: _Seen, place: int) -> list[CallEvent]:
        seen.app, seen.data, seen.app_since = line.app, line.data, place
        if line.app == "Queue" and place in self.ahead.not_taken:
            return []
        if line.app == "Queue":
            return [_queued(line, line.queue)]
        words = line.data.split(",")
        if line.app == "UserEvent" and words[0] == "CtiFinal":
            final = next((word.strip()[6:].strip() for word in words if word.strip().startswith("Final:")), "")
            return [FinalReached(line.at, line.channel, final_of(final))]
        return []

    def _app_ends(self, line: CelLine, seen: _Seen, _place: int) -> list[CallEvent]:
        seen.app = seen.data = ""
        return [CallerLeftQueue(line.at, line.channel, line.queue)] if line.queue else []

    def _joins(self, line: CelLine, seen: _Seen, _place: int) -> list[CallEvent]:
        if line.extra.get("bridge_technology") == _WAITING_ROOM:
            return []
        seen.bridged = True
        bridge = line.extra.get("bridge_id", "")
        return [ChannelBridged(line.at, line.channel, line.name, interface_of(line.name), bridge)]

    def _leaves(self, line: CelLine, seen: _Seen, place: int) -> list[CallEvent]:
        seen.bridged = False
        left: list[CallEvent] = [ChannelUnbridged(line.at, line.channel, line.extra.get("bridge_id", ""))]
        if queue := self.ahead.queues_entered.get(place):
            seen.data = queue
            left.append(_queued(line, queue))
        return left

    def _transfers(self, line: CelLine, _seen: _Seen, _place: int) -> list[CallEvent]:
        return [LegTransferred(line.at, line.channel)]

    def _is_picked_up(self, line: CelLine, _seen: _Seen, _place: int) -> list[CallEvent]:
        name, leg = line.extra.get("pickup_channel", ""), ChannelId(line.extra.get("pickup_channel_uniqueid", ""))
        return [LegPickedUp(line.at, leg, name, interface_of(name), line.channel)] if leg else []

    def _parks(self, line: CelLine, _seen: _Seen, _place: int) -> list[CallEvent]:
        return [CallerParked(line.at, line.channel, on=line.event == "PARK_START")]

    def _hangs_up(self, line: CelLine, seen: _Seen, _place: int) -> list[CallEvent]:
        cause = line.extra.get("hangupcause", "")
        gone = ChannelHungUp(line.at, line.channel, failed=cause in TECHNICAL, refused=cause in REFUSALS)
        if seen.called_by is None or seen.answered or gone.refused:
            return [gone]
        cancelled = cause == _ANSWERED_ELSEWHERE or self.ahead.left(seen.called_by, line.at)
        return [LegStopped(line.at, line.channel, Stop.CANCELLED if cancelled else Stop.NO_ANSWER), gone]


def _queued(line: CelLine, queue: str) -> CallerQueued:
    phone = interface_of(line.name)
    return CallerQueued(line.at, line.channel, line.linkedid, queue, line.caller_id, line.name, phone)


_READ: dict[str, Callable[[_Story, CelLine, _Seen, int], list[CallEvent]]] = {
    "CHAN_START": _Story._begins,
    "ANSWER": _Story._answers,
    "APP_START": _Story._app_begins,
    "APP_END": _Story._app_ends,
    "BRIDGE_ENTER": _Story._joins,
    "BRIDGE_EXIT": _Story._leaves,
    "BLINDTRANSFER": _Story._transfers,
    "ATTENDEDTRANSFER": _Story._transfers,
    "PICKUP": _Story._is_picked_up,
    "PARK_START": _Story._parks,
    "PARK_END": _Story._parks,
    "HANGUP": _Story._hangs_up,
}
