"""What can happen to a call, in our own words; the only input of the call book.

Every event carries `at`, the time it happened on the PBX in seconds since 1970 (UTC), not the time we read it.
"""

from dataclasses import dataclass
from enum import StrEnum

from cti_bridge.calls.desk_events import DeskEvent
from cti_bridge.domain.ids import CallId, ChannelId


class Stop(StrEnum):
    """Why a leg no longer rings."""

    NO_ANSWER = "no_answer"
    """The phone rang until its time was up."""
    REFUSED = "refused"
    """The phone said no by itself: its owner rejected the call, or it was busy or not to be disturbed."""
    CANCELLED = "cancelled"
    """The PBX stopped ringing it: somebody else answered, or the caller went away."""
    ENDED = "ended"
    """It was answered, and that talk is over."""
    HUNG_UP = "hung_up"
    """It was answered, and its owner ended that talk from his page."""
    TRANSFERRED = "transferred"
    """It was answered, and its owner sent the other side on."""


class Final(StrEnum):
    """Where the dialplan sends a caller after the last step."""

    QUEUE = "queue"
    ELSEWHERE = "elsewhere"
    """Out of our hands, to a place in the admin's own dialplan."""
    MESSAGE = "message"
    """To where nobody answers but he may leave a message: voicemail."""
    CALLBACK = "callback"
    """Nowhere: he is told that he will be called back."""


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
    name: str = ""
    interface: str = ""
    """The phone or trunk that calls."""
    overtakes: int = 0
    """How many who have waited for longer stand behind him."""


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
    caller_interface: str = ""
    """The phone or trunk that calls."""
    number: str = ""
    """The number called, as the PBX has it."""
    asks: bool = False
    """It is called from the page of the operator whose channel calls: to ask its owner about the caller."""


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
    failed: bool = False
    """For a technical reason, and not because somebody hung up or nobody answered."""
    refused: bool = False
    """Whoever was called on it said no, by himself or by his phone."""


@dataclass(frozen=True, slots=True)
class ChannelBridged:
    """A channel is connected with all others in this bridge, and no longer with those of another one."""

    at: float
    channel: ChannelId
    name: str
    interface: str
    bridge: str


@dataclass(frozen=True, slots=True)
class ChannelUnbridged:
    """A channel left a bridge."""

    at: float
    channel: ChannelId
    bridge: str


@dataclass(frozen=True, slots=True)
class ChannelHeld:
    """Whoever is on this channel puts the other side on hold, or takes it back."""

    at: float
    channel: ChannelId
    on: bool


@dataclass(frozen=True, slots=True)
class CallerSetAside:
    """A caller waits where an operator has had him taken to from his page; `leg` is the operator's, who comes back."""

    at: float
    channel: ChannelId
    leg: ChannelId


@dataclass(frozen=True, slots=True)
class CallerParked:
    """A caller waits in a parking lot, or does so no longer; one who is new to us is known by his linkedid."""

    at: float
    channel: ChannelId
    on: bool
    linkedid: str = ""
    caller_id: CallerId = CallerId()


@dataclass(frozen=True, slots=True)
class LegTransferred:
    """The owner of this leg sends the other side on; his leg ends with it."""

    at: float
    leg: ChannelId


@dataclass(frozen=True, slots=True)
class LegHungUp:
    """The owner of this leg ends the talk from his page; the end of the leg follows."""

    at: float
    leg: ChannelId


@dataclass(frozen=True, slots=True)
class FinalReached:
    """No step is left, nobody has answered, and the dialplan sends the caller where the decision says."""

    at: float
    channel: ChannelId
    final: Final


@dataclass(frozen=True, slots=True)
class PbxRestarted:
    """The PBX went down and came up again; `at` is when it was last known to be there, `up_at` when it was back."""

    at: float
    up_at: float


@dataclass(frozen=True, slots=True)
class RecordingStarted:
    """What is said on this channel is recorded from now on."""

    at: float
    channel: ChannelId


@dataclass(frozen=True, slots=True)
class RecordingNamed:
    """The PBX was asked for the file of the recording that began at `started_at`; empty when it could not say."""

    at: float
    channel: ChannelId
    started_at: float
    file: str


@dataclass(frozen=True, slots=True)
class RecordingStopped:
    """A recording on this channel was ended; when the channel ends, nothing says so."""

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
    | ChannelBridged
    | ChannelUnbridged
    | ChannelHeld
    | CallerSetAside
    | CallerParked
    | LegTransferred
    | LegHungUp
    | FinalReached
    | RecordingStarted
    | RecordingNamed
    | RecordingStopped
    | PbxRestarted
    | DeskEvent
)


@dataclass(frozen=True, slots=True)
class SeenChannel:
    """One channel of a snapshot; `bridge` is empty while it hears nobody, `queue` unless it waits in one."""

    channel: ChannelId
    name: str
    interface: str
    linkedid: str
    ringing: bool
    """It is called and has not answered."""
    dialled: bool
    """The PBX called this phone (for a queue or a Dial), so it is a leg to somebody and not a caller."""
    bridge: str = ""
    queue: str = ""
    caller_id: CallerId = CallerId()
    parked: bool = False
    """It waits in a parking lot."""
    set_aside: bool = False
    """It is a caller who waits where an operator has had him taken to from his page."""
    at_desk: bool = False
    """It is an operator's who has had a caller taken there, or came back to him since."""
    place: int = 0
    """In its queue, from 1."""
    waited_s: int = 0
    """In its queue, in whole seconds."""
    priority: int = 0
    """In its queue; higher is served first."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All channels that a PBX has at `at`; what is not in it no longer exists."""

    at: float
    channels: tuple[SeenChannel, ...]
    past: tuple[CallEvent, ...] = ()
    """What happened before it and was not heard, as far as the PBX has written it down; in order."""
    heard_until: float = 0.0
    """What is in the past and not later than this may have been heard when it happened."""
