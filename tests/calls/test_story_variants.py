"""Recorded stories told otherwise: doubled, told again, late, and shuffled as Asterisk could have told them.

Whatever the variant, `Telling` sees to it that nothing is taken back. What each has to come to is said by its test.
"""

import random

import pytest
from story_checks import every_story, is_over, outcomes, points, record, the_hangup_of
from story_shuffling import shuffled
from story_telling import Telling, events_of, heard, messages_of

from cti_bridge.calls.events import CallerQueued, FinalReached, LegRinging, Stop

ONLY_THEY_SAY_IT = (CallerQueued, LegRinging, FinalReached)
"""By the first two a call is seen for the first time, and the last alone says where the steps ended."""


@every_story
def test_told_twice_event_by_event_it_is_the_same_story(name: str) -> None:
    events = events_of(name)
    once = Telling().tell(*events)
    twice = Telling().tell(*(event for event in events for _ in range(2)))

    assert (twice.calls, twice.told, twice.states, twice.ends) == (once.calls, once.told, once.states, once.ends)


@every_story
def test_told_again_when_it_is_over_it_changes_nothing(name: str) -> None:
    events = events_of(name)
    once = Telling().tell(*events)
    again = Telling().tell(*events).tell(*events)

    assert (again.calls, again.told, again.ends) == (once.calls, once.told, once.ends)


@every_story
def test_an_event_that_comes_when_all_is_over_brings_nothing_back(name: str) -> None:
    events = events_of(name)
    whole = Telling().tell(*events)
    for late in points(events):
        told = Telling().tell(*events[:late], *events[late + 1 :])
        told.tell(events[late])
        is_over(told)
        if not isinstance(events[late], ONLY_THEY_SAY_IT):
            assert outcomes(told) == outcomes(whole)


@every_story
@pytest.mark.parametrize("seed", range(5))
def test_shuffled_as_asterisk_could_have_told_it_it_is_the_same_story(name: str, seed: int) -> None:
    messages = messages_of(name)
    once = Telling().tell(*heard(messages))
    otherwise = Telling().tell(*heard(shuffled(messages, random.Random(seed))))

    is_over(otherwise)
    assert record(otherwise) == record(once)


def test_a_transfer_that_is_told_when_the_operator_has_hung_up_is_one_all_the_same() -> None:
    messages = messages_of("attended")
    (transfer,) = (message for message in messages if message["Event"] == "AttendedTransfer")
    hung_up = transfer["OrigTransfererUniqueid"]
    messages.remove(transfer)
    messages.insert(messages.index(the_hangup_of(hung_up, messages)) + 1, transfer)

    olga, timur = Telling().tell(*heard(messages)).call.legs
    assert (olga.why, timur.why) == (Stop.TRANSFERRED, Stop.ENDED)
