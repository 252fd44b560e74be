"""What the variants of recorded stories have in common: which stories, at which points, what has to hold of each."""

from collections.abc import Sequence

import pytest
from brief import BRIEF
from story_telling import OWNERS, STORIES, Heard, Telling, heard
from story_truth import Truth

from cti_bridge.calls.call import Call, Outcome
from cti_bridge.calls.leg import LegState
from cti_bridge.calls.pops import PopEvent

every_story = pytest.mark.parametrize(
    "name", sorted(str(file.relative_to(STORIES).with_suffix("")) for file in STORIES.rglob("*.ami"))
)
POINTS = 4 if BRIEF else 16
"""At how many points of a story something is done to it, at most."""


def points(of: Sequence[object]) -> range:
    """Some places in a story, evenly spread; all of them where it is short."""
    return range(1, len(of), max(1, len(of) // POINTS))


def is_over(told: Telling) -> None:
    """Every call has ended, each once, and nobody has one of them on his screen."""
    assert len(told.book) == 0
    assert sorted(told.ends) == sorted(told.calls)
    assert told.open_pops() == []


def answered_stays_answered(told: Telling) -> None:
    """Whatever an operator was told to have been answered, was."""
    for call_id, said in told.told.items():
        if any(PopEvent.ANSWERED in one for one in said.values()):
            assert told.calls[call_id].outcome is Outcome.ANSWERED


def record(told: Telling) -> dict[str, tuple[object, ...]]:
    """What there is to say of each call when all is over."""
    return {call.id: (call.outcome, call.queue, call.channel, _legs(call)) for call in told.calls.values()}


def _legs(call: Call) -> list[tuple[object, ...]]:
    return sorted((leg.id, leg.interface, leg.why, round(leg.talked_s, 1)) for leg in call.legs)


def outcomes(told: Telling) -> dict[str, object]:
    """How each call ended, by its caller."""
    return {call.channel: call.outcome for call in told.calls.values()}


def told_until(messages: list[Heard], point: int) -> tuple[Telling, Truth]:
    """A story as far as this point, and what Asterisk has then."""
    truth = Truth()
    for message in messages[:point]:
        truth.hear(message)
    return Telling().tell(*heard(messages[:point])), truth


def nothing_happens_before(messages: list[Heard], point: int) -> bool:
    """Whether this is a moment between two steps, and not within one that takes several events to tell."""
    return point == 0 or stamp(messages[point]) - stamp(messages[point - 1]) > 0.02


def stamp(message: Heard) -> float:
    """When it happened, in seconds since 1970."""
    return float(message["Timestamp"])


def the_hangup_of(channel: str, messages: list[Heard]) -> Heard:
    """The end of a channel."""
    return next(one for one in messages if one["Event"] == "Hangup" and one["Uniqueid"] == channel)


def picture(told: Telling) -> dict[str, tuple[object, ...]]:
    """What a snapshot has to bring to light of every live call: where its caller waits, whose phones ring, who talks.

    Not that somebody is on hold, which no list of Asterisk says, nor why a phone is called. A caller who is with nobody
    of ours, and waits in no queue, is a stranger unless he was known before.
    """
    seen = {
        call.channel: (
            call.queue if call.waiting else "",
            _at_phones(call, LegState.RINGING),
            _at_phones(call, LegState.TALKING, LegState.CONSULTING),
        )
        for call in told.book.live()
    }
    return {channel: of_call for channel, of_call in seen.items() if any(of_call)}


def _at_phones(call: Call, *states: LegState) -> list[str]:
    return sorted(leg.interface for leg in call.legs if leg.state in states and leg.interface in OWNERS)
