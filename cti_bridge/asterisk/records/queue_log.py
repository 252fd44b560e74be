"""Lines of queue_log in our own words. The only file that knows its words.

    1795317834|main-1795317833.36|sales|PJSIP/101|CONNECT|0|main-1795317833.38|0

It is there on every Asterisk, and it is coarse: whole seconds, no bridges, nothing outside queues. Its call id is the
Uniqueid of the caller's channel, its member the name of a queue member. What it is not believed in: ABANDON means no
more than that the caller left this queue, and a COMPLETE means the end of the call only when the caller is gone and
nothing is written of him after it; the talk that it gives holds everything until then.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cti_bridge.calls.events import (
    CallerId,
    CallerLeftQueue,
    CallerQueued,
    CallEvent,
    ChannelBridged,
    ChannelHungUp,
    ChannelUnbridged,
    LegAnswered,
    LegRinging,
    LegStopped,
    LegTransferred,
    Stop,
)
from cti_bridge.domain.ids import ChannelId

_LINE = re.compile(r"(\d{9,11})\|([^|]*)\|([^|]*)\|([^|]*)\|([A-Z]+)(?:\|(.*))?")
_NOBODY = "NONE"
_ENTER_PARAMETERS = 3
_MAX_FORGED = 3
"""Asterisk writes a caller's number as it came, line breaks included, and has room for no more lines in one."""
APART_S = 1.5
"""What AMI told and what is written here of the same moment, in whole seconds, lie no further apart."""


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One line: `at` in seconds since 1970, the caller's channel, queue, member's name, event and its parameters."""

    at: float
    channel: ChannelId
    queue: str
    member: str
    event: str
    parameters: tuple[str, ...]

    def number(self, place: int) -> float:
        """The parameter at this place (from 0) as a number; 0 where it is none."""
        text = self.parameters[place] if place < len(self.parameters) else ""
        return float(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0.0


def time_of(line: str) -> float | None:
    """The second of a line; None for something else."""
    found = _LINE.fullmatch(line)
    return float(found[1]) if found else None


def parse(text: str, *, later_s: float = 0.0) -> tuple[list[QueueLine], int]:
    """The lines of a text, and how many could not be read; `later_s` is how far our clock is ahead of the PBX's."""
    lines: list[QueueLine] = []
    bad = forged = 0
    for line in text.split("\n"):  # and at nothing else that Python takes for the end of a line
        found = _LINE.fullmatch(line)
        if found is None or forged:
            bad += bool(line.strip())
            forged = max(0, forged - 1)
            continue
        parameters = tuple(found[6].split("|")) if found[6] else ()
        if found[5] == "ENTERQUEUE" and len(parameters) < _ENTER_PARAMETERS:
            forged = _MAX_FORGED  # the caller's number has cut it off; what follows may be the rest of that
        lines.append(
            QueueLine(float(found[1]) + later_s, ChannelId(found[2]), found[3], found[4], found[5], parameters)
        )
    return lines, bad


def happened(
    lines: Collection[QueueLine],
    *,
    since: float,
    until: float,
    is_there: Callable[[ChannelId], bool],
    interface_of: Callable[[str], str],
    ringing: Mapping[tuple[ChannelId, str], ChannelId],
    rang: Mapping[tuple[ChannelId, str], Sequence[float]],
    heard: float,
) -> Iterator[CallEvent]:
    """What happened from `since` to `until` (seconds since 1970), as far as the lines know, in their order.

    Earlier lines only say who talks. `is_there` knows the channels that exist at the end; `interface_of` finds the
    phone of a member by his name; `ringing` are the legs that rang when the last was heard at `heard`, by the caller's
    channel and the phone; `rang` says of those who are known to have rung in vain when they stopped.
    """
    lines = [line for line in lines if line.at <= until and line.channel and line.channel != _NOBODY]
    last = {line.channel: line for line in lines}
    told = _Teller(interface_of, dict(ringing), rang, heard)
    for line in lines:
        ends = last[line.channel] is line and not is_there(line.channel)
        yield from (event for event in told.events(line, ends=ends) if line.at >= since)


@dataclass(slots=True)
class _Teller:
    """Remembers who talks with whom from one line to the next."""

    interface_of: Callable[[str], str]
    ringing: dict[tuple[ChannelId, str], ChannelId]
    rang: Mapping[tuple[ChannelId, str], Sequence[float]]
    heard: float
    talks: dict[ChannelId, ChannelId] = field(default_factory=dict)
    """The operator's channel with which a caller's is connected."""

    def events(self, line: QueueLine, *, ends: bool) -> list[CallEvent]:
        """What a line says; `ends` is set where it is the last of a caller who is gone."""
        at, caller = line.at, line.channel
        found: list[CallEvent] = []
        match line.event:
            case "ENTERQUEUE":
                number = line.parameters[1] if len(line.parameters) > 1 else ""
                found = [CallerQueued(at, caller, caller, line.queue, CallerId(number))]
            case "RINGNOANSWER":
                found = self._rang(line, Stop.NO_ANSWER)
            case "RINGCANCELED":
                found = self._rang(line, Stop.CANCELLED)
            case "CONNECT":
                found = self._connected(line)
            case "COMPLETECALLER" | "COMPLETEAGENT":
                found = self._over(line, ends=ends)
            case "BLINDTRANSFER" | "ATTENDEDTRANSFER" if caller in self.talks:
                found = [LegTransferred(at, self.talks[caller]), *self._over(line, ends=False)]
            case "ABANDON" if ends:
                found = [ChannelHungUp(at, caller)]
            case "ABANDON" | "EXITWITHTIMEOUT" | "EXITEMPTY" | "EXITWITHKEY":
                found = [CallerLeftQueue(at, caller, line.queue)]
        return found

    def _rings(self, line: QueueLine, leg: ChannelId, rang_s: float) -> LegRinging:
        interface = self.interface_of(line.member)
        return LegRinging(
            line.at - rang_s, leg, leg_name=interface, interface=interface, caller=line.channel, caller_name="",
            linkedid=line.channel, queue=line.queue,
        )  # fmt: skip

    def _rang(self, line: QueueLine, why: Stop) -> list[CallEvent]:
        """A phone rang in vain. The line does not name its channel; one not heard of gets an id like no channel."""
        phone = self.interface_of(line.member)
        leg = self.ringing.pop((line.channel, phone), None)
        stops = self.rang.get((line.channel, phone), ())
        if leg is None and (line.at <= self.heard or any(abs(at - line.at) <= APART_S for at in stops)):
            return []  # told when it happened
        leg = leg or ChannelId(f"{line.channel}/{phone}/{line.at:.0f}")
        return [
            self._rings(line, leg, line.number(0) / 1000),
            LegStopped(line.at, leg, why),
            ChannelHungUp(line.at, leg),
        ]

    def _connected(self, line: QueueLine) -> list[CallEvent]:
        at, caller = line.at, line.channel
        if len(line.parameters) < 2 or not line.parameters[1]:
            return []
        leg, interface = ChannelId(line.parameters[1]), self.interface_of(line.member)
        self.talks[caller] = leg
        self.ringing.pop((caller, interface), None)
        bridge = _bridge(caller, leg)
        return [
            self._rings(line, leg, line.number(2)),
            LegAnswered(at, leg, interface, interface, caller),
            ChannelBridged(at, leg, interface, interface, bridge),
            ChannelBridged(at, caller, "", "", bridge),
        ]

    def _over(self, line: QueueLine, *, ends: bool) -> list[CallEvent]:
        at, caller = line.at, line.channel
        leg = self.talks.pop(caller, None)
        over: list[CallEvent] = []
        if leg is not None:
            over = [ChannelUnbridged(at, caller, _bridge(caller, leg)), ChannelHungUp(at, leg)]
        return [*over, ChannelHungUp(at, caller)] if ends else over


def _bridge(caller: ChannelId, leg: ChannelId) -> str:
    """The name of the bridge of two who talk, which queue_log does not know."""
    return f"queue_log/{caller}/{leg}"
