"""AMI events in our own words. The only file that knows AMI's event and header names.

Which event means what was taken from a running Asterisk 22: a leg is named by `DestUniqueid`; it is called at
AgentCalled (queue) or DialBegin (no queue, or again after AgentCalled); who talks is the AgentConnect's `DestChannel`,
or the channel of a Pickup, which is told before the phone that rang is stopped. Who hears whom is told by BridgeEnter
and BridgeLeave; entering a bridge is leaving every other one.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from cti_bridge.asterisk.interface import interface_of
from cti_bridge.calls.events import (
    CallerId,
    CallerLeftQueue,
    CallerParked,
    CallerQueued,
    CallEvent,
    ChannelBridged,
    ChannelCreated,
    ChannelHeld,
    ChannelHungUp,
    ChannelUnbridged,
    Final,
    FinalReached,
    LegAnswered,
    LegPickedUp,
    LegRinging,
    LegStopped,
    LegTransferred,
    SeenChannel,
    Snapshot,
    Stop,
)
from cti_bridge.domain.ids import ChannelId

Headers = Mapping[str, str | list[str]]
"""One AMI message: what stands twice in it may be a list."""

_ESCAPE = re.compile(r"\\(.)")
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}
_UNKNOWN = ("<unknown>", "unknown")
_WAITING_ROOM = "holding_bridge"
_TECHNICAL_CAUSES = frozenset(("34", "38", "41", "42", "44", "47", "58", "88", "102", "111"))
"""Q.850 causes with which a caller's channel ends though nobody wanted it to: no circuit, network out of order,
temporary failure, congestion, incompatible or missing resources, a timer or the protocol."""
_FINALS = {"goto": Final.ELSEWHERE, "voicemail": Final.MESSAGE, "callback": Final.MESSAGE}
"""What the words before the colon of CTI_FINAL mean; everything else ends in a queue."""


_TELLING = (
    "Channel", "Uniqueid", "Linkedid", "DestChannel", "DestUniqueid", "TargetUniqueid", "Queue", "DialStatus", "Cause",
    "BridgeUniqueid", "BridgeTechnology", "TransfererUniqueid", "OrigTransfererUniqueid", "ParkeeUniqueid",
    "UserEvent", "Final",
)  # fmt: skip
"""Headers that say what a message is about. Asterisk writes each of them once."""


def _is_tampered_with(message: Headers) -> bool:
    """Whether somebody's number or name, which Asterisk writes as it came, has brought such a header of its own."""
    return list in map(type, message.values()) and any(isinstance(message.get(name), list) for name in _TELLING)


def text(message: Headers, header: str) -> str:
    """One header as text; of one that stands twice, the first. Empty when it is missing."""
    value = message.get(header, "")
    return value[0] if isinstance(value, list) else value


def person(value: str) -> str:
    """A caller's name or number without AMI's C escapes; empty for Asterisk's words for "not known"."""
    plain = _ESCAPE.sub(lambda found: _CONTROL.get(found[1], found[1]), value)
    return "" if plain in _UNKNOWN else plain


def caller_id(message: Headers) -> CallerId:
    """Number and name of the channel that the event is about."""
    return CallerId(person(text(message, "CallerIDNum")), person(text(message, "CallerIDName")))


def stamp(message: Headers, received_at: float) -> float:
    """When it happened: Asterisk's own time stamp, or the time of arrival where it sends none."""
    try:
        return float(text(message, "Timestamp"))
    except ValueError:
        return received_at


class PbxClock:
    """Turns the PBX's time into ours where the two clocks differ by more than a second.

    The smallest time that an event seemed to need to get here is the difference, but for the time that it did need.
    Smaller differences are left alone: they may be nothing but a busy moment.
    """

    NOTICEABLE_S = 1.0

    def __init__(self) -> None:
        self._behind_s: float | None = None

    def ours(self, at: float, received_at: float) -> float:
        """The time `at` of an event that was received at `received_at`, on our clock."""
        behind_s = received_at - at
        if self._behind_s is None or behind_s < self._behind_s:
            self._behind_s = behind_s
        return at if abs(self._behind_s) < self.NOTICEABLE_S else at + self._behind_s


def _channel(message: Headers, header: str) -> ChannelId:
    return ChannelId(text(message, header))


def _caller_queued(message: Headers, at: float) -> CallEvent:
    return CallerQueued(
        at,
        channel=_channel(message, "Uniqueid"),
        linkedid=text(message, "Linkedid"),
        queue=text(message, "Queue"),
        caller_id=caller_id(message),
    )


def _caller_left(message: Headers, at: float) -> CallEvent:
    return CallerLeftQueue(at, channel=_channel(message, "Uniqueid"), queue=text(message, "Queue"))


def _leg_rings(message: Headers, at: float, queue: str) -> CallEvent | None:
    if not text(message, "DestUniqueid") or not text(message, "Uniqueid"):
        return None  # a dial without a calling channel: an originated call, no caller waits for it
    name = text(message, "DestChannel")
    return LegRinging(
        at,
        leg=_channel(message, "DestUniqueid"),
        leg_name=name,
        interface=interface_of(name),
        caller=_channel(message, "Uniqueid"),
        caller_name=text(message, "Channel"),
        linkedid=text(message, "Linkedid"),
        queue=queue,
        caller_id=caller_id(message),
        caller_interface=interface_of(text(message, "Channel")),
        number=person(text(message, "DestCallerIDNum")),
    )


def _agent_called(message: Headers, at: float) -> CallEvent | None:
    return _leg_rings(message, at, queue=text(message, "Queue"))


def _dial_begin(message: Headers, at: float) -> CallEvent | None:
    return _leg_rings(message, at, queue="")


def _leg_answered(message: Headers, at: float) -> CallEvent:
    name = text(message, "DestChannel")
    return LegAnswered(
        at,
        leg=_channel(message, "DestUniqueid"),
        leg_name=name,
        interface=interface_of(name),
        caller=_channel(message, "Uniqueid"),
    )


def _dial_end(message: Headers, at: float) -> CallEvent | None:
    match text(message, "DialStatus"):
        case "ANSWER":
            return _leg_answered(message, at)
        case "CANCEL":
            return LegStopped(at, leg=_channel(message, "DestUniqueid"), why=Stop.CANCELLED)
        case "":
            return None
        case _:
            return LegStopped(at, leg=_channel(message, "DestUniqueid"), why=Stop.NO_ANSWER)


def _ring_no_answer(message: Headers, at: float) -> CallEvent:
    return LegStopped(at, leg=_channel(message, "DestUniqueid"), why=Stop.NO_ANSWER)


def _picked_up(message: Headers, at: float) -> CallEvent:
    name = text(message, "Channel")
    return LegPickedUp(
        at,
        leg=_channel(message, "Uniqueid"),
        leg_name=name,
        interface=interface_of(name),
        target=_channel(message, "TargetUniqueid"),
    )


def _new_channel(message: Headers, at: float) -> CallEvent:
    return ChannelCreated(at, channel=_channel(message, "Uniqueid"), interface=interface_of(text(message, "Channel")))


def _hangup(message: Headers, at: float) -> CallEvent:
    return ChannelHungUp(at, channel=_channel(message, "Uniqueid"), failed=text(message, "Cause") in _TECHNICAL_CAUSES)


def _bridge_enter(message: Headers, at: float) -> CallEvent | None:
    if text(message, "BridgeTechnology") == _WAITING_ROOM:
        return None  # everybody parked in the same lot is in it, and they do not hear each other
    name = text(message, "Channel")
    return ChannelBridged(
        at,
        channel=_channel(message, "Uniqueid"),
        name=name,
        interface=interface_of(name),
        bridge=text(message, "BridgeUniqueid"),
    )


def _bridge_leave(message: Headers, at: float) -> CallEvent:
    return ChannelUnbridged(at, channel=_channel(message, "Uniqueid"), bridge=text(message, "BridgeUniqueid"))


def _hold(message: Headers, at: float) -> CallEvent:
    return ChannelHeld(at, channel=_channel(message, "Uniqueid"), on=text(message, "Event") == "Hold")


def _parked(message: Headers, at: float) -> CallEvent:
    return CallerParked(at, channel=_channel(message, "ParkeeUniqueid"), on=text(message, "Event") == "ParkedCall")


def _transferred(message: Headers, at: float) -> CallEvent:
    leg = _channel(message, "TransfererUniqueid") or _channel(message, "OrigTransfererUniqueid")
    return LegTransferred(at, leg)


def _user_event(message: Headers, at: float) -> CallEvent | None:
    """What our own dialplan says of a step that nobody answered, and of where it sends the caller after the last."""
    channel = _channel(message, "Uniqueid")
    match text(message, "UserEvent"):
        case "CtiStep":
            return CallerLeftQueue(at, channel, text(message, "Queue"))
        case "CtiFinal":
            kind = text(message, "Final").partition(":")[0]
            return FinalReached(at, channel, _FINALS.get(kind, Final.QUEUE))
    return None


_TRANSLATIONS: dict[str, Callable[[Headers, float], CallEvent | None]] = {
    "QueueCallerJoin": _caller_queued,
    "QueueCallerLeave": _caller_left,
    "QueueCallerAbandon": _caller_left,
    "AgentCalled": _agent_called,
    "AgentConnect": _leg_answered,
    "AgentRingNoAnswer": _ring_no_answer,
    "DialBegin": _dial_begin,
    "DialEnd": _dial_end,
    "Pickup": _picked_up,
    "Newchannel": _new_channel,
    "Hangup": _hangup,
    "BridgeEnter": _bridge_enter,
    "BridgeLeave": _bridge_leave,
    "Hold": _hold,
    "Unhold": _hold,
    "BlindTransfer": _transferred,
    "AttendedTransfer": _transferred,
    "ParkedCall": _parked,
    "UnParkedCall": _parked,
    "ParkedCallGiveUp": _parked,
    "ParkedCallTimeOut": _parked,
    "UserEvent": _user_event,
}

TRANSLATED = frozenset(_TRANSLATIONS)
"""Names of the events that say something about calls, legs or phones."""


def translate(message: Headers, received_at: float, clock: PbxClock) -> CallEvent | None:
    """The event in our words; None for one that says nothing about calls, legs or phones, or that was tampered with."""
    if _is_tampered_with(message):
        return None
    translation = _TRANSLATIONS.get(text(message, "Event"))
    return translation(message, clock.ours(stamp(message, received_at), received_at)) if translation else None


class Sighting:
    """Puts what CoreShowChannels and QueueStatus list, entry by entry, together into one picture."""

    def __init__(self) -> None:
        self._channels: list[SeenChannel] = []
        self._waiting: dict[ChannelId, str] = {}

    def add(self, entry: Headers) -> None:
        """Take one entry of either list; entries that say nothing about channels are passed over."""
        if _is_tampered_with(entry):
            return
        match text(entry, "Event"):
            case "CoreShowChannel":
                self._channels.append(_seen(entry))
            case "QueueEntry":
                self._waiting[_channel(entry, "Uniqueid")] = text(entry, "Queue")

    def snapshot(self, at: float) -> Snapshot:
        """All channels that were listed, with the queues in which their callers wait."""
        waiting = self._waiting
        return Snapshot(
            at,
            tuple(
                replace(seen, queue=waiting[seen.channel]) if seen.channel in waiting else seen
                for seen in self._channels
            ),
        )


def _seen(entry: Headers) -> SeenChannel:
    name = text(entry, "Channel")
    application = text(entry, "Application")
    return SeenChannel(
        channel=_channel(entry, "Uniqueid"),
        name=name,
        interface=interface_of(name),
        linkedid=text(entry, "Linkedid"),
        ringing=text(entry, "ChannelStateDesc") == "Ringing",
        dialled=application in ("AppQueue", "AppDial", "AppDial2"),
        bridge=text(entry, "BridgeId"),
        caller_id=caller_id(entry),
    )
