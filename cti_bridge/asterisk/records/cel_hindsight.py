"""What a line of CEL does not say and those after it do. Pure.

Seen on a running Asterisk 22: a caller who is sent from one queue to another leaves and enters no application, only the
data of the one that he is in change; a queue that does not take him looks like one that he leaves at once; half of a
Local channel looks like a leg before anybody calls it; and a phone that stops ringing has no more than its HANGUP, a
millisecond before or after that of a caller who gave up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cti_bridge.asterisk.records.cel_lines import CelLine
from cti_bridge.domain.ids import ChannelId

DIALLED = frozenset(("AppQueue", "AppDial", "AppDial2"))
"""What runs, by its name, on a channel that was called."""
TOGETHER_S = 0.05
"""What belongs together is written within that time (3 ms were seen)."""
NOT_TAKEN_S = 0.005
"""A queue that does not take a caller is left again within that time (1 ms was seen)."""


@dataclass(slots=True)
class Hindsight:
    """Places are those of lines in the sequence that was looked at."""

    dialled: set[ChannelId] = field(default_factory=set)
    """Channels that somebody called."""
    queues_entered: dict[int, str] = field(default_factory=dict)
    """Lines with which a caller leaves a talk for another queue, and that queue."""
    numbers: dict[ChannelId, str] = field(default_factory=dict)
    """The number of a channel, which one that was called outside has only when it answers."""
    not_taken: set[int] = field(default_factory=set)
    """Lines with which a caller would enter a queue that does not take him."""
    _left: dict[ChannelId, list[float]] = field(default_factory=dict)
    """When a channel hung up, or was taken away to somewhere else in the dialplan."""

    def left(self, channel: ChannelId, at: float) -> bool:
        """Whether a channel hung up, or was taken away from what it was doing, at that time."""
        return any(abs(when - at) < TOGETHER_S for when in self._left.get(channel, ()))


def look_ahead(lines: Sequence[CelLine]) -> Hindsight:
    """Go through all lines once."""
    found = Hindsight()
    latest: dict[ChannelId, tuple[int, CelLine]] = {}
    begun_at: dict[ChannelId, str] = {}
    for place, line in enumerate(lines):
        before_place, before = latest.get(line.channel, (0, line))
        if line.app in DIALLED:
            found.dialled.add(line.channel)
        if line.caller_id.number:
            found.numbers.setdefault(line.channel, line.caller_id.number)
        if before.event == "BRIDGE_EXIT" and line.queue and before.queue not in ("", line.queue):
            found.queues_entered[before_place] = line.queue
        if before.event == "APP_START" and line.event == "APP_END" and line.at - before.at < NOT_TAKEN_S:
            found.not_taken.add(before_place)
        if line.event == "APP_START":
            begun_at[line.channel] = line.exten
        was_taken_away = line.event == "APP_END" and line.exten != begun_at.get(line.channel, line.exten)
        if line.event == "HANGUP" or was_taken_away:
            found._left.setdefault(line.channel, []).append(line.at)
        latest[line.channel] = place, line
    return found
