"""Recorded stories of which a part was not heard: cut, gone on with after an interruption or a restart, begun late.

What Asterisk has at that moment is known from the recording itself (`story_truth.py`). Whatever is lost, `Telling` sees
to it that nothing is taken back.
"""

import random

import pytest
from brief import BRIEF
from story_checks import (
    answered_stays_answered,
    every_story,
    is_over,
    nothing_happens_before,
    outcomes,
    picture,
    points,
    record,
    stamp,
    the_hangup_of,
    told_until,
)
from story_telling import ANSWERED, OLGA, OWNERS, RINGING, TIMUR, Telling, events_of, heard, messages_of
from story_truth import Truth

from cti_bridge.asterisk.ami.translate import WAITING_ROOM

SEEN_OTHERWISE = {
    "attended_to_queue": "the operator's second line was not seen to join a queue; whom it talks with, she asks",
    "outbound/connected_by_a_colleague": "who was connected with whom by whom",
}
"""Stories of which channels, bridges and queues do not say all that the events had said, and what it is."""
STRANGERS = {
    "caller_gone_in_consultation": "the two who stay behind talk: an internal call, unless it is known who left",
    "direct_picked_up": "nobody called the phone that talks with a caller who is not known",
    "picked_up": "the same",
    "parked_and_taken": "the same",
    "outbound/click_to_call_local": "who called whom through a Local channel that nobody's channel called",
    "outbound/outbound_attended": "who was connected with whom by whom",
}
"""The same, where nothing had been heard of the call before."""


@every_story
def test_cut_off_anywhere_with_nothing_left_it_ends_once_and_leaves_no_card_open(name: str) -> None:
    events = events_of(name)
    for point in points(events):
        told = Telling().tell(*events[:point])
        told.see(Truth().snapshot(events[-1].at, order=random.Random(0))).tell(*events[point:])
        is_over(told)
        answered_stays_answered(told)


@every_story
def test_a_snapshot_of_what_is_known_already_changes_nothing(name: str) -> None:
    messages = messages_of(name)
    whole = Telling().tell(*heard(messages))
    for point in points(messages):
        told, truth = told_until(messages, point)
        told.see(truth.snapshot(stamp(messages[point]), order=random.Random(point))).tell(*heard(messages[point:]))

        is_over(told)
        if nothing_happens_before(messages, point):
            assert record(told) == record(whole)
            assert told.told == whole.told


@every_story
def test_the_bridge_restarted_anywhere_goes_on_with_the_same_story(name: str) -> None:
    messages = messages_of(name)
    whole = Telling().tell(*heard(messages))
    for point in points(messages):
        told, truth = told_until(messages, point)
        snapshot = truth.snapshot(stamp(messages[point]), order=random.Random(point))
        told.restarted().see(snapshot).tell(*heard(messages[point:]))

        is_over(told)
        if nothing_happens_before(messages, point):
            assert outcomes(told).items() >= outcomes(whole).items()


@every_story
@pytest.mark.parametrize("seed", range(1 if BRIEF else 3))
def test_after_an_interruption_it_is_the_same_picture_as_without(name: str, seed: int) -> None:
    messages, chance = messages_of(name), random.Random(seed)
    for back in points(messages):
        whole, truth = told_until(messages, back)
        told, _ = told_until(messages, cut := chance.randrange(back + 1))
        known = name not in SEEN_OTHERWISE and (name not in STRANGERS or len(told.book) > 0)
        told.see(truth.snapshot(stamp(messages[back]), order=chance))
        if known and nothing_happens_before(messages, cut) and nothing_happens_before(messages, back):
            assert picture(told) == picture(whole), (cut, back)

        told.tell(*heard(messages[back:]))
        is_over(told)
        answered_stays_answered(told)


@every_story
def test_begun_in_the_middle_it_is_taken_up_where_it_is(name: str) -> None:
    messages = messages_of(name)
    for point in points(messages):
        whole, truth = told_until(messages, point)
        told = Telling().see(truth.snapshot(stamp(messages[point]), order=random.Random(point)))
        if nothing_happens_before(messages, point) and name not in SEEN_OTHERWISE.keys() | STRANGERS.keys():
            assert picture(told) == picture(whole), point

        told.tell(*heard(messages[point:]))
        is_over(told)
        answered_stays_answered(told)


@every_story
def test_begun_in_the_middle_without_a_snapshot_nothing_stays_behind(name: str) -> None:
    events = events_of(name)
    for point in points(events):
        is_over(Telling().tell(*events[point:]))


def test_colleagues_who_talk_on_when_the_caller_is_gone_are_no_call_that_rings_anew() -> None:
    messages = messages_of("caller_gone_in_consultation")
    caller = next(message["Uniqueid"] for message in messages if message["Event"] == "QueueCallerJoin")
    gone = messages.index(the_hangup_of(caller, messages))
    told, truth = told_until(messages, gone + 1)
    before = {operator: told.told_of(operator) for operator in OWNERS.values()}
    told.see(truth.snapshot(stamp(messages[gone]) + 0.2, order=random.Random(0)))

    assert len(told.book) == 0
    assert {operator: told.told_of(operator) for operator in OWNERS.values()} == before


@pytest.mark.parametrize("story", ["parked_and_given_up", "parked_and_taken", "parked_too_long"])
def test_a_phone_that_answered_unseen_and_was_left_behind_rings_no_more(story: str) -> None:
    messages = messages_of(story)
    (parked,) = (place for place, message in enumerate(messages) if message.get("BridgeTechnology") == WAITING_ROOM
                 and message["Event"] == "BridgeEnter")  # fmt: skip
    rings = 1 + next(place for place, message in enumerate(messages) if message["Event"] == "DialBegin")
    told, _ = told_until(messages, rings)
    assert told.told_of(OLGA) == [RINGING]
    _, truth = told_until(messages, parked + 1)
    told.see(truth.snapshot(stamp(messages[parked]) + 0.1, order=random.Random(0)))

    assert told.told_of(OLGA)[1:] == ["call.withdrawn moved"]


def test_a_phone_that_has_answered_and_asks_a_colleague_does_not_ring_after_a_restart() -> None:
    messages = messages_of("feature_attended")
    asks = 1 + next(
        place for place, message in enumerate(messages)
        if message["Event"] == "DialBegin" and message["DestChannel"].startswith("PJSIP/102")
    )  # fmt: skip
    _, truth = told_until(messages, asks)
    told = Telling().see(truth.snapshot(stamp(messages[asks]), order=random.Random(0)))

    assert told.told_of(OLGA)[-1] == ANSWERED
    assert told.told_of(TIMUR) == [RINGING]
