"""What can happen to a call, in our own words; the only input of the call book.

Every event carries `at`, the time it happened on the PBX in seconds since 1970 (UTC), not the time we read it.
"""

from dataclasses import dataclass
from enum import StrEnum

from cti_bridge.domain.ids import CallId, ChannelId


class Stop(StrEnum):
    """Why a leg no longer rings."""

    NO_ANSWER = "no_answer"
    """The phone rang until its time was up, or refused."""
    CANCELLED = "cancelled"
    """The PBX stopped ringing it: somebody else answered, or the caller went away."""


@dataclass(frozen=True, slots=True)
class CallerId:
    """What the network says of the caller: number and name as text, presentation included; nothing of it is proved."""

    number: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class CallOffered:
    """A caller arrived and the dialplan asked us what to do with him."""

    at: float
    call: CallId
    channel: ChannelId
    linkedid: str


@dataclass(frozen=True, slots=True)
class CallerQueued:
    """The caller waits in a queue now."""

    at: float
    channel: ChannelId
    linkedid: str
    queue: str
    caller_id: CallerId = CallerId()


@dataclass(frozen=True, slots=True)
class CallerLeftQueue:
    """The caller is no longer waiting in this queue; whether he gave up is not known before he hangs up."""

    at: float
    channel: ChannelId
    queue: str


@dataclass(frozen=True, slots=True)
class LegRinging:
    """A phone is being called for a caller; `interface` is the phone, `queue` is empty outside a queue."""

    at: float
    leg: ChannelId
    leg_name: str
    interface: str
    caller: ChannelId
    caller_name: str
    linkedid: str
    queue: str = ""
    caller_id: CallerId = CallerId()


@dataclass(frozen=True, slots=True)
class LegStopped:
    """A phone no longer rings, without having answered."""

    at: float
    leg: ChannelId
    why: Stop


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """A phone answered; it need not be one that was called (a colleague may pick the call up)."""

    at: float
    leg: ChannelId
    leg_name: str
    interface: str
    caller: ChannelId


@dataclass(frozen=True, slots=True)
class LegPickedUp:
    """A phone takes the call that rings at another one; `target` is the leg that rang."""

    at: float
    leg: ChannelId
    leg_name: str
    interface: str
    target: ChannelId


@dataclass(frozen=True, slots=True)
class ChannelCreated:
    """A channel came to life; `interface` is the phone or trunk it belongs to."""

    at: float
    channel: ChannelId
    interface: str


@dataclass(frozen=True, slots=True)
class ChannelHungUp:
    """A channel is gone; the only event that always comes."""

    at: float
    channel: ChannelId


CallEvent = (
    CallOffered
    | CallerQueued
    | CallerLeftQueue
    | LegRinging
    | LegStopped
    | LegAnswered
    | LegPickedUp
    | ChannelCreated
    | ChannelHungUp
)


@dataclass(frozen=True, slots=True)
class SeenChannel:
    """One channel of a snapshot; `bridge` is empty while it is alone, `queue` is set for a caller waiting in one."""

    channel: ChannelId
    name: str
    interface: str
    linkedid: str
    ringing: bool
    dialled: bool
    """The PBX called this phone (for a queue or a Dial), so it is a leg to somebody and not a caller."""
    bridge: str = ""
    queue: str = ""
    caller_id: CallerId = CallerId()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All channels that a PBX has at `at`; what is not in it no longer exists."""

    at: float
    channels: tuple[SeenChannel, ...]
