"""AMI events in our own words. Only this file and `sighting` know AMI's event and header names.

Which event means what was taken from a running Asterisk 22: a leg is named by `DestUniqueid`; it is called at
AgentCalled (queue) or DialBegin (no queue, or again after AgentCalled); who talks is the AgentConnect's `DestChannel`,
or the channel of a Pickup, which is told before the phone that rang is stopped. Who hears whom is told by BridgeEnter
and BridgeLeave; entering a bridge is leaving every other one.
"""

import re
from collections.abc import Callable, Mapping

from cti_bridge.asterisk.causes import REFUSALS, TECHNICAL
from cti_bridge.asterisk.dialplan import CONSULT, final_of
from cti_bridge.asterisk.interface import interface_of
from cti_bridge.calls.desk_events import AskedNoMore, MeansTold, OutboundRefused, PickupFailed, TransferTold
from cti_bridge.calls.events import (
    CallerId,
    CallerLeftQueue,
    CallerParked,
    CallerQueued,
    CallerSetAside,
    CallEvent,
    ChannelBridged,
    ChannelCreated,
    ChannelHeld,
    ChannelHungUp,
    ChannelUnbridged,
    FinalReached,
    LegAnswered,
    LegPickedUp,
    LegRinging,
    LegStopped,
    LegTransferred,
    RecordingStarted,
    RecordingStopped,
    Stop,
)
from cti_bridge.domain.ids import CallId, ChannelId

Headers = Mapping[str, str | list[str]]
"""One AMI message: what stands twice in it may be a list."""

_ESCAPE = re.compile(r"\\(.)")
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}
_UNKNOWN = ("<unknown>", "unknown")
NUMBER_TO_DIAL = re.compile(r"(?:^|[/:])(\+?[0-9]{6,18})(?=$|[@/;])")
"""A number in what Dial() was told: `NUMBER@trunk`, `trunk/sip:NUMBER@host`, `g1/NUMBER`."""
WAITING_ROOM = "holding_bridge"
"""The technology of a bridge in which nobody hears anybody, such as a parking lot."""

_TELLING = (
    "Channel", "Uniqueid", "Linkedid", "DestChannel", "DestUniqueid", "TargetUniqueid", "Queue", "DialStatus", "Cause",
    "BridgeUniqueid", "BridgeTechnology", "BridgeType", "BridgeId", "Application", "TransfererUniqueid",
    "OrigTransfererUniqueid", "ParkeeUniqueid", "Result",
    "UserEvent", "Final", "Leg", "Position", "Count", "Wait", "Priority", "Context",
    "CallID", "State", "Why", "By", "To", "Status", "Transfer", "Outbound", "Pickup", "Hold",
)  # fmt: skip
"""Headers that say what a message is about. Asterisk writes each of them once."""


def is_tampered_with(message: Headers) -> bool:
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


_YEAR_9999 = 253_370_764_800.0
"""Beyond this no time can be written down; seconds since 1970."""


def stamp(message: Headers, received_at: float) -> float:
    """When it happened: Asterisk's own time stamp, or the time of arrival where it sends none that is a time."""
    try:
        at = float(text(message, "Timestamp"))
    except ValueError:
        return received_at
    return at if 0 <= at < _YEAR_9999 else received_at


class PbxClock:
    """Turns the PBX's time into ours where the two clocks differ by more than a second.

    The smallest time that an event seemed to need to get here is the difference, but for the time that it did need.
    Smaller differences are left alone: they may be nothing but a busy moment. The PBX sends its events in the order in
    which they happen, so one that is older than the one before means that its clock was set back: the difference is
    another one from then on. One that was set ahead shows by itself, for nothing can be heard of before it happens.
    """

    NOTICEABLE_S = 1.0

    def __init__(self) -> None:
        self._behind_s: float | None = None
        self._last = 0.0

    def ours(self, at: float, received_at: float) -> float:
        """The time `at` of an event that was received at `received_at`, on our clock."""
        behind_s = received_at - at
        if self._behind_s is None or behind_s < self._behind_s or at < self._last - self.NOTICEABLE_S:
            self._behind_s = behind_s
        self._last = at
        return at if abs(self._behind_s) < self.NOTICEABLE_S else at + self._behind_s

    def theirs(self, at: float) -> float:
        """The time `at` of our clock on the clock of the PBX."""
        return at if self._behind_s is None or abs(self._behind_s) < self.NOTICEABLE_S else at - self._behind_s


def whole(message: Headers, header: str) -> int:
    """The whole number in this header; 0 when there is none, or one that no count or time could be."""
    value = text(message, header)
    return int(value) if re.fullmatch(r"-?[0-9]{1,10}", value) else 0


def channel_id(message: Headers, header: str) -> ChannelId:
    """The id of a channel that stands in this header; empty when it is missing."""
    return ChannelId(text(message, header))


def _caller_queued(message: Headers, at: float) -> CallEvent:
    return CallerQueued(
        at,
        channel=channel_id(message, "Uniqueid"),
        linkedid=text(message, "Linkedid"),
        queue=text(message, "Queue"),
        caller_id=caller_id(message),
        name=text(message, "Channel"),
        interface=interface_of(text(message, "Channel")),
        overtakes=max(0, whole(message, "Count") - whole(message, "Position")),
    )


def _caller_left(message: Headers, at: float) -> CallEvent:
    return CallerLeftQueue(at, channel=channel_id(message, "Uniqueid"), queue=text(message, "Queue"))


def _leg_rings(message: Headers, at: float, queue: str) -> CallEvent | None:
    if not text(message, "DestUniqueid") or not text(message, "Uniqueid"):
        return None  # a dial without a calling channel: an originated call, no caller waits for it
    name = text(message, "DestChannel")
    return LegRinging(
        at,
        leg=channel_id(message, "DestUniqueid"),
        leg_name=name,
        interface=interface_of(name),
        caller=channel_id(message, "Uniqueid"),
        caller_name=text(message, "Channel"),
        linkedid=text(message, "Linkedid"),
        queue=queue,
        caller_id=caller_id(message),
        caller_interface=interface_of(text(message, "Channel")),
        number=number_dialled(message),
        asks=text(message, "Context") == CONSULT,
    )


def number_dialled(message: Headers) -> str:
    """The number that is called, as it goes to the trunk; the extension where there is none in the dial string.

    The extension may have a prefix in front that takes a line, which the dialplan has taken away from the number.
    """
    found = NUMBER_TO_DIAL.search(text(message, "DialString"))
    return found[1] if found else person(text(message, "DestCallerIDNum"))


def _agent_called(message: Headers, at: float) -> CallEvent | None:
    return _leg_rings(message, at, queue=text(message, "Queue"))


def _dial_begin(message: Headers, at: float) -> CallEvent | None:
    return _leg_rings(message, at, queue="")


def _leg_answered(message: Headers, at: float) -> CallEvent:
    name = text(message, "DestChannel")
    return LegAnswered(
        at,
        leg=channel_id(message, "DestUniqueid"),
        leg_name=name,
        interface=interface_of(name),
        caller=channel_id(message, "Uniqueid"),
    )


def _dial_end(message: Headers, at: float) -> CallEvent | None:
    match text(message, "DialStatus"):
        case "ANSWER":
            return _leg_answered(message, at)
        case "CANCEL":
            return LegStopped(at, leg=channel_id(message, "DestUniqueid"), why=Stop.CANCELLED)
        case "BUSY":
            return LegStopped(at, leg=channel_id(message, "DestUniqueid"), why=Stop.REFUSED)
        case "":
            return None
        case _:
            return LegStopped(at, leg=channel_id(message, "DestUniqueid"), why=Stop.NO_ANSWER)


def _ring_no_answer(message: Headers, at: float) -> CallEvent:
    return LegStopped(at, leg=channel_id(message, "DestUniqueid"), why=Stop.NO_ANSWER)


def _picked_up(message: Headers, at: float) -> CallEvent:
    name = text(message, "Channel")
    return LegPickedUp(
        at,
        leg=channel_id(message, "Uniqueid"),
        leg_name=name,
        interface=interface_of(name),
        target=channel_id(message, "TargetUniqueid"),
    )


def _new_channel(message: Headers, at: float) -> CallEvent:
    return ChannelCreated(at, channel=channel_id(message, "Uniqueid"), interface=interface_of(text(message, "Channel")))


def _hangup(message: Headers, at: float) -> CallEvent:
    cause = text(message, "Cause")
    return ChannelHungUp(
        at, channel=channel_id(message, "Uniqueid"), failed=cause in TECHNICAL, refused=cause in REFUSALS
    )


def _bridge_enter(message: Headers, at: float) -> CallEvent | None:
    if text(message, "BridgeTechnology") == WAITING_ROOM:
        return None  # everybody parked in the same lot is in it, and they do not hear each other
    name = text(message, "Channel")
    return ChannelBridged(
        at,
        channel=channel_id(message, "Uniqueid"),
        name=name,
        interface=interface_of(name),
        bridge=text(message, "BridgeUniqueid"),
    )


def _bridge_leave(message: Headers, at: float) -> CallEvent:
    return ChannelUnbridged(at, channel=channel_id(message, "Uniqueid"), bridge=text(message, "BridgeUniqueid"))


def _hold(message: Headers, at: float) -> CallEvent:
    return ChannelHeld(at, channel=channel_id(message, "Uniqueid"), on=text(message, "Event") == "Hold")


def _parked(message: Headers, at: float) -> CallEvent:
    return CallerParked(
        at, channel=channel_id(message, "ParkeeUniqueid"), on=text(message, "Event") in ("ParkedCall", "ParkedCallSwap")
    )


def _transferred(message: Headers, at: float) -> CallEvent | None:
    if text(message, "Result") not in ("", "Success"):
        return None
    leg = channel_id(message, "TransfererUniqueid") or channel_id(message, "OrigTransfererUniqueid")
    return LegTransferred(at, leg)


def _user_event(message: Headers, at: float) -> CallEvent | None:
    """What our own dialplan says of a step that nobody answered, and of where it sends the caller after the last."""
    channel = channel_id(message, "Uniqueid")
    match text(message, "UserEvent"):
        case "CtiStep":
            return CallerLeftQueue(at, channel, text(message, "Queue"))
        case "CtiFinal":
            return FinalReached(at, channel, final_of(text(message, "Final")))
        case "CtiHold":
            return CallerSetAside(at, channel, channel_id(message, "Leg"))
        case "CtiAsked":
            return AskedNoMore(at, channel, text(message, "Status"))
        case "CtiTransfer" | "CtiOutbound" | "CtiPickup" | "CtiMeans":
            return _told_to_the_desk(message, at)
    return None


def _told_to_the_desk(message: Headers, at: float) -> CallEvent:
    """What our own dialplan says of a command that an operator gave."""
    channel, why = channel_id(message, "Uniqueid"), text(message, "Why")
    match text(message, "UserEvent"):
        case "CtiTransfer":
            call, by = CallId(text(message, "CallID")), text(message, "By")
            return TransferTold(at, channel, call, text(message, "State"), why, by, text(message, "To"))
        case "CtiOutbound":
            return OutboundRefused(at, channel, why)
        case "CtiPickup":
            return PickupFailed(at, channel, why)
        case _:
            return MeansTold(at, channel, frozenset(name.lower() for name in MEANS if text(message, name) == "1"))


MEANS = ("Transfer", "Outbound", "Pickup", "Hold", "Wait")
"""What [cti-means] of our dialplan says it has."""


def _recording_started(message: Headers, at: float) -> CallEvent:
    return RecordingStarted(at, channel=channel_id(message, "Uniqueid"))


def _recording_stopped(message: Headers, at: float) -> CallEvent:
    return RecordingStopped(at, channel=channel_id(message, "Uniqueid"))


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
    "ParkedCallSwap": _parked,
    "UnParkedCall": _parked,
    "ParkedCallGiveUp": _parked,
    "ParkedCallTimeOut": _parked,
    "UserEvent": _user_event,
    "MixMonitorStart": _recording_started,
    "MixMonitorStop": _recording_stopped,
}

TRANSLATED = frozenset(_TRANSLATIONS)
"""Names of the events that say something about calls, legs or phones."""


def translate(message: Headers, received_at: float, clock: PbxClock) -> CallEvent | None:
    """The event in our words; None for one that says nothing about calls, legs or phones, or that was tampered with."""
    if is_tampered_with(message):
        return None
    translation = _TRANSLATIONS.get(text(message, "Event"))
    return translation(message, clock.ours(stamp(message, received_at), received_at)) if translation else None
