"""What an event means to the call it belongs to: the columns of the transition table. Pure.

The book finds the call of an event and says with one of these what it is for that call: a channel that hangs up is the
end of a call or of a leg; a channel in a bridge is a change in who is connected with the caller.
"""

from dataclasses import dataclass

from cti_bridge.calls.events import Final, Stop
from cti_bridge.calls.leg import Leg
from cti_bridge.calls.recordings import Recording
from cti_bridge.domain.ids import ChannelId


@dataclass(frozen=True, slots=True)
class Queued:
    """The caller joined a queue."""

    at: float
    queue: str


@dataclass(frozen=True, slots=True)
class LeftQueue:
    """The caller left a queue, whyever."""

    at: float
    queue: str


@dataclass(frozen=True, slots=True)
class LegRings:
    """A phone is called; `colleague` where it is an operator's."""

    at: float
    leg: Leg
    colleague: bool = False


@dataclass(frozen=True, slots=True)
class LegStops:
    """A phone no longer rings."""

    at: float
    leg: ChannelId
    why: Stop


@dataclass(frozen=True, slots=True)
class LegAnswers:
    """A phone answered; `leg` is used as it is when the call does not know it yet."""

    at: float
    leg: Leg


@dataclass(frozen=True, slots=True)
class Reached:
    """Somebody outside whom an operator called on this leg answered: he is the customer."""

    at: float
    leg: ChannelId


@dataclass(frozen=True, slots=True)
class LegTransfers:
    """The owner of a leg sends the other side on."""

    at: float
    leg: ChannelId


@dataclass(frozen=True, slots=True)
class LegHangsUp:
    """The owner of a leg has had it ended from his page."""

    at: float
    leg: ChannelId


@dataclass(frozen=True, slots=True)
class LegEnds:
    """The channel of a leg is gone; `refused` when that phone would not have the call."""

    at: float
    leg: ChannelId
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Connected:
    """Who is connected with the caller from now on (`talkers`), and who is connected with others instead (`apart`)."""

    at: float
    talkers: tuple[Leg, ...]
    apart: frozenset[ChannelId]
    bridge: str = ""
    """Where the caller is himself."""


@dataclass(frozen=True, slots=True)
class Holds:
    """Somebody puts his other side on hold, or takes it back; `leg` is None when it is the caller."""

    at: float
    leg: ChannelId | None
    on: bool


@dataclass(frozen=True, slots=True)
class SetAside:
    """The caller waits where the owner of this leg has had him taken to."""

    at: float
    leg: ChannelId


@dataclass(frozen=True, slots=True)
class Parks:
    """The caller waits in a parking lot, or does so no longer."""

    at: float
    on: bool


@dataclass(frozen=True, slots=True)
class SentOn:
    """The steps ran out, and the dialplan sends the caller somewhere."""

    at: float
    final: Final


@dataclass(frozen=True, slots=True)
class CallerGone:
    """The caller's own channel is gone."""

    at: float
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """The recordings on a channel of the call are these now."""

    channel: ChannelId
    taken: tuple[Recording, ...]


Happening = (
    Queued
    | LeftQueue
    | LegRings
    | LegStops
    | LegAnswers
    | Reached
    | LegTransfers
    | LegHangsUp
    | LegEnds
    | Connected
    | Holds
    | SetAside
    | Parks
    | SentOn
    | CallerGone
    | Recorded
)
