"""Stories recorded from a real Asterisk: who was called, who talked to whom and when, and how it ended.

`record_stories.py` plays and records them. Phone 101 belongs to olga, 102 to timur, 103 to zoya.
"""

import pytest
from expected import EXPECTED
from expected.story import Expected
from story_telling import STORIES, Telling, events_of

from cti_bridge.calls.events import CallerQueued, CallOffered
from cti_bridge.domain.ids import CallId

NAMES = sorted(EXPECTED)


def test_every_recording_has_its_expectation_and_none_is_missing() -> None:
    assert sorted(file.stem for file in STORIES.glob("*.ami")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_story_comes_to_who_talked_to_whom_and_how_long(name: str) -> None:
    told = Telling().tell(*events_of(name))

    assert len(told.book) == 0
    assert sorted(told.ends) == sorted(told.calls), "each call ends, and once"
    assert len(told.calls) == len(EXPECTED[name])
    for call_id, expected in zip(told.calls, EXPECTED[name], strict=True):
        came_to(told, call_id, expected)


def came_to(told: Telling, call_id: CallId, expected: Expected) -> None:
    call = told.calls[call_id]
    assert (call.outcome, call.queue) == (expected.outcome, expected.queue)
    seen = [state for state in told.states[call_id] if state != "offered"]
    assert " ".join(now for now, before in zip(seen, ["", *seen], strict=False) if now != before) == expected.states
    assert told.told[call_id] == {operator: list(said) for operator, said in expected.told.items()}
    assert [(leg.interface, leg.why and leg.why.value) for leg in call.legs] == [
        (talk.who, talk.why) for talk in expected.legs
    ]
    assert [leg.talked_s for leg in call.legs] == pytest.approx([talk.talked_s for talk in expected.legs], abs=0.25)


def test_the_number_outside_that_a_call_was_sent_to_is_known() -> None:
    call = Telling().tell(*events_of("blind_outside")).call
    assert [leg.number for leg in call.legs] == ["101", "74950000277"]


def test_whoever_is_asked_was_called_by_the_leg_that_asks() -> None:
    first, second = Telling().tell(*events_of("attended")).call.legs
    assert (first.parent, second.parent) == (None, first.id)


def test_a_decided_call_keeps_its_id_through_a_transfer() -> None:
    events = events_of("attended")
    channel = next(event.channel for event in events if isinstance(event, CallerQueued))
    offered = CallOffered(events[0].at, CallId("main-decided"), channel, channel)
    assert Telling().tell(offered, *events).call.id == "main-decided"


def test_a_hostile_name_is_a_name_and_no_event() -> None:
    (queued,) = (event for event in events_of("hostile_name") if isinstance(event, CallerQueued))
    assert queued.caller_id.name.startswith('Зоя \\"Ёлкина\\"')
    assert "Event: Hangup" in queued.caller_id.name
    assert queued.caller_id.name.isprintable(), "what looks like a line break in it is two characters"
