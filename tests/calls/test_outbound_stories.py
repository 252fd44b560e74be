"""Calls that operators make, recorded from a real Asterisk: which way each went, who was told, how it ended.

`recorder/outbound.py` plays them; `test_story_variants.py` tells them otherwise. The trunk leads outside.
"""

import pytest
from expected.story import ASKED, GAVE_UP, PLAIN, Expected, Talk, rang, talked
from story_telling import ANSWERED, ENDED, OLGA, OWNERS, STORIES, TIMUR, UPDATED, ZOYA, Telling, events_of
from test_recorded_stories import came_to

from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import CallEvent, ChannelHungUp, LegAnswered, LegRinging
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import OperatorId

OUTSIDE = "74950000277"
MADE, MADE_IN_VAIN = (UPDATED, ANSWERED, ENDED), (UPDATED, ENDED)
"""What the operator is told who dials out."""
OUTBOUND, INTERNAL = Direction.OUTBOUND, Direction.INTERNAL
Said = dict[OperatorId, tuple[str, ...]]


def reached(*legs: Talk, told: Said | None = None, then: str = "", queue: str = "") -> tuple[Direction, Expected]:
    """Olga dials somebody outside, who answers."""
    states = f"ringing talking {then} closed".replace("  ", " ")
    return OUTBOUND, Expected(states, {OLGA: MADE, **(told or {})}, legs, queue=queue)


def in_vain(why: str) -> tuple[Direction, Expected]:
    """Olga dials somebody outside, who does not answer."""
    told: Said = {OLGA: MADE_IN_VAIN}
    return OUTBOUND, Expected("ringing closed", told, (rang("trunk", why),), outcome="abandoned", queue="")


def inside(
    states: str, told: Said, *legs: Talk, outcome: str = "answered", queue: str = ""
) -> tuple[Direction, Expected]:
    """Olga calls a colleague."""
    return INTERNAL, Expected(states, told, legs, outcome, queue)


EXPECTED: dict[str, tuple[tuple[Direction, Expected], ...]] = {
    "outbound_answered": (reached(talked("101", 0.5)),),
    "outbound_ended_by_the_operator": (reached(talked("101", 0.5)),),
    "outbound_busy": (in_vain("refused"),),
    "outbound_given_up": (in_vain("cancelled"),),
    "outbound_on_hold": (reached(talked("101", 1.5), then="held talking"),),
    "outbound_blind": (
        reached(
            talked("101", 0.5, "transferred"), talked("102", 0.5), told={TIMUR: PLAIN}, then="ringing talking"
        ),
    ),
    "outbound_to_queue": (
        reached(
            talked("101", 0.5, "transferred"), talked("103", 0.5), told={ZOYA: PLAIN},
            then="queued ringing talking", queue="production",
        ),
    ),
    "outbound_attended": (
        reached(
            talked("101", 1.1, "transferred"), talked("102", 0.5), told={TIMUR: ASKED}, then="held talking"
        ),
    ),
    "click_to_call": (reached(talked("101", 0.5)),),
    "click_to_call_local": (reached(talked("101", 0.5)),),
    "click_to_call_refused": (),
    "internal_answered": (inside("ringing talking closed", {TIMUR: PLAIN}, talked("102", 0.5)),),
    "internal_given_up": (
        inside("ringing closed", {TIMUR: GAVE_UP}, rang("102", "cancelled"), outcome="abandoned"),
    ),
    "internal_passed_on": (
        inside(
            "ringing talking ringing talking closed", {TIMUR: PLAIN, ZOYA: PLAIN},
            talked("102", 0.5, "transferred"), talked("103", 0.5),
        ),
    ),
    "internal_handed_over": (
        inside("ringing talking closed", {TIMUR: PLAIN}, talked("102", 0.5)),
        inside("ringing talking closed", {ZOYA: PLAIN}, talked("103", 0.5)),
    ),
    "internal_to_queue": (
        inside("queued ringing talking closed", {ZOYA: PLAIN}, talked("103", 0.5), queue="production"),
    ),
    "connected_by_a_colleague": (
        inside("ringing talking held talking closed", {TIMUR: PLAIN}, talked("102", 1.1, "transferred")),
        (
            OUTBOUND,
            Expected(
                "ringing talking closed", {TIMUR: MADE, OLGA: (ANSWERED, ENDED)},
                (talked("102", 0.5), talked("101", 0.5)), queue="",
            ),
        ),
    ),
    "service_number": (),
}  # fmt: skip
NAMES = sorted(EXPECTED)


def told_once(name: str) -> tuple[list[CallEvent], Telling]:
    events = events_of(f"outbound/{name}")
    return events, Telling().tell(*events)


def outbound(told: Telling) -> Call:
    (call,) = (call for call in told.calls.values() if call.direction is OUTBOUND)
    return call


def test_every_recording_has_its_expectation_and_none_is_missing() -> None:
    assert sorted(file.stem for file in (STORIES / "outbound").glob("*.ami")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_story_comes_to_who_called_whom_and_who_was_told(name: str) -> None:
    _, told = told_once(name)

    assert len(told.book) == 0
    assert sorted(told.ends) == sorted(told.calls)
    assert [call.direction for call in told.calls.values()] == [direction for direction, _ in EXPECTED[name]]
    for call_id, (_, expected) in zip(told.calls, EXPECTED[name], strict=True):
        came_to(told, call_id, expected)


@pytest.mark.parametrize("name", [name for name in NAMES if any(way is OUTBOUND for way, _ in EXPECTED[name])])
def test_the_call_is_that_of_whoever_was_called_as_soon_as_he_answers(name: str) -> None:
    events, told = told_once(name)
    dialled = next(event for event in events if isinstance(event, LegRinging) and event.interface == "PJSIP/trunk")
    call = outbound(told)

    assert (call.channel == dialled.leg) == (call.answered_at is not None)
    end = next(event for event in events if isinstance(event, ChannelHungUp) and event.channel == call.channel)
    assert call.ended_at == end.at, "it is over when his own channel is gone"


def test_the_number_dialled_is_whom_the_card_is_about() -> None:
    book = CallBook("main", is_operator_phone=OWNERS.__contains__)
    changes = [change for event in events_of("outbound/click_to_call") for change in book.apply(event)]
    adopted = [change.adopted.number for change in changes if change.adopted is not None]
    assert adopted == [OUTSIDE], "what the operator's own channel says was chosen by whoever clicked"


def test_bridges_alone_tell_that_somebody_outside_answered() -> None:
    events = events_of("outbound/outbound_answered")
    told = Telling().tell(*(event for event in events if not isinstance(event, LegAnswered)))
    call = outbound(told)
    assert (call.outcome, [leg.interface for leg in call.legs]) == ("answered", ["PJSIP/101"])
    assert told.told[call.id] == {OLGA: list(MADE)}


def test_a_line_that_was_only_opened_on_the_way_is_no_answer() -> None:
    events = events_of("outbound/outbound_given_up")
    (dialled,) = (event for event in events if isinstance(event, LegRinging))
    half = LegRinging(
        dialled.at, dialled.leg, "Local/74950000277@out-00000001;1", "Local/74950000277@out", dialled.caller,
        dialled.caller_name, dialled.linkedid, caller_interface=dialled.caller_interface, number=dialled.number,
    )  # fmt: skip
    opened = LegAnswered(dialled.at, half.leg, half.leg_name, half.interface, half.caller)
    told = Telling().tell(half, opened, *(event for event in events if event is not dialled))
    assert (outbound(told).outcome, outbound(told).answered_at) == ("abandoned", None)


def test_a_call_to_a_colleague_by_a_roundabout_way_is_internal() -> None:
    events = events_of("outbound/internal_answered")
    (dialled,) = (event for event in events if isinstance(event, LegRinging))
    half = LegRinging(
        dialled.at, type(dialled.leg)("1.77"), "Local/102@desks-00000001;1", "Local/102@desks", dialled.caller,
        dialled.caller_name, dialled.linkedid, caller_interface=dialled.caller_interface, number="102",
    )  # fmt: skip
    inner = LegRinging(
        dialled.at, dialled.leg, dialled.leg_name, dialled.interface, type(dialled.leg)("1.78"),
        "Local/102@desks-00000001;2", dialled.linkedid, caller_interface="Local/102@desks",
    )  # fmt: skip
    told = Telling().tell(half, inner)
    assert told.call.direction is INTERNAL
    assert told.told[told.call.id] == {OLGA: [UPDATED, ENDED], TIMUR: ["call.ringing"]}


def test_while_somebody_outside_is_called_the_phone_is_in_a_call() -> None:
    book = CallBook("main", is_operator_phone=OWNERS.__contains__)
    for event in events_of("outbound/outbound_given_up"):
        book.apply(event)
        if isinstance(event, LegRinging):
            assert [call.caller_phone for call in book.at(["PJSIP/101"])] == ["PJSIP/101"]
    assert book.at(["PJSIP/101"]) == ()
