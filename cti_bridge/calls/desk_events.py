"""What the PBX tells of commands that operators gave; the call book has no use for it, the desk has.

As in `calls/events.py`, `at` is when it happened on the PBX in seconds since 1970 (UTC).
"""

from dataclasses import dataclass

from cti_bridge.domain.ids import CallId, ChannelId


@dataclass(frozen=True, slots=True)
class TransferTold:
    """How far the transfer of a caller has come, as our dialplan says."""

    at: float
    channel: ChannelId
    call: CallId
    """Empty where the dialplan does not know it."""
    state: str
    """`ringing` at the target, `queued` there, `failed` and on the way back, `requeued` because nobody was there."""
    why: str
    """Of a failed one: what Dial or Queue said, in small letters, or `missing`."""
    by: str
    """Id of the operator who sends the caller on."""
    to: str
    """To whom, as the desk wrote it down when it began."""


@dataclass(frozen=True, slots=True)
class OutboundRefused:
    """Our dialplan did not call outside: the `number` is none, or the admin's `context` does not take it."""

    at: float
    channel: ChannelId
    why: str


@dataclass(frozen=True, slots=True)
class PickupFailed:
    """A ringing call could not be taken over: it was `gone`, or a `module` is not loaded."""

    at: float
    channel: ChannelId
    why: str


@dataclass(frozen=True, slots=True)
class MeansTold:
    """What the PBX can do, as our dialplan says on a channel of ours: each by its name."""

    at: float
    channel: ChannelId
    means: frozenset[str]


@dataclass(frozen=True, slots=True)
class AskedNoMore:
    """An operator who asked somebody from his page does so no longer: `channel` is his own."""

    at: float
    channel: ChannelId
    status: str
    """What Dial said in the end: `ANSWER` where they talked, else why not."""


DeskEvent = TransferTold | OutboundRefused | PickupFailed | MeansTold | AskedNoMore
