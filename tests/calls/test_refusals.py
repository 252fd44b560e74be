"""Who refused: only the phone itself can, and what an operator asks a colleague is not the caller's call."""

import pytest

from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import (
    CallerQueued,
    CallEvent,
    CallOffered,
    ChannelBridged,
    ChannelHungUp,
    LegAnswered,
    LegRinging,
    LegStopped,
    Stop,
)
from cti_bridge.calls.happenings import CallerGone, LegRings, LegStops
from cti_bridge.calls.leg import Leg
from cti_bridge.calls.refusals import Refusal, refusals
from cti_bridge.calls.table import step
from cti_bridge.calls.whereabouts import Whereabouts
from cti_bridge.domain.ids import CallId, ChannelId

T, A, B, OUTER = ChannelId("main-1.1"), ChannelId("main-1.2"), ChannelId("main-1.3"), ChannelId("main-1.4")
CALL = CallId("main-1.1")
TRUNK, PHONE, LOCAL = "PJSIP/trunk-1", "PJSIP/101", "Local/101@phones"
ARRIVES = (CallOffered(1.0, CALL, T, T), CallerQueued(2.0, T, T, "sales"))
RINGS = LegRinging(3.0, A, f"{PHONE}-1", PHONE, T, TRUNK, T, "sales")
NOBODY_ANSWERS = LegStopped(4.0, A, Stop.NO_ANSWER)
HE_REFUSED = Refusal(4.0, T, PHONE)


def told(*events: CallEvent) -> tuple[list[Refusal], list[Stop | None]]:
    """Every refusal that is found in these events, and why each leg of the call ended."""
    book = CallBook("main", is_operator_phone=lambda interface: interface in (PHONE, "PJSIP/102"))
    found: list[Refusal] = []
    legs: list[Stop | None] = []
    for event in events:
        for change in book.apply(event):
            found += refusals(change.before, change.after)
            legs = [leg.why for leg in change.after.legs]
    return found, legs


def refused(channel: ChannelId, at: float = 4.001) -> ChannelHungUp:
    return ChannelHungUp(at, channel, refused=True)


@pytest.mark.parametrize(
    "events",
    [
        pytest.param((NOBODY_ANSWERS, refused(A)), id="the queue says that nobody answered, the channel why"),
        pytest.param((refused(A, 4.0), NOBODY_ANSWERS), id="the other way round"),
        pytest.param((NOBODY_ANSWERS, NOBODY_ANSWERS, refused(A), refused(A)), id="each of it twice"),
        pytest.param((LegStopped(4.0, A, Stop.REFUSED), NOBODY_ANSWERS, ChannelHungUp(4.1, A)), id="Dial says so"),
    ],
)
def test_a_refusal_is_told_once(events: tuple[CallEvent, ...]) -> None:
    assert told(*ARRIVES, RINGS, *events) == ([HE_REFUSED], [Stop.REFUSED])


@pytest.mark.parametrize(
    "events",
    [
        pytest.param((NOBODY_ANSWERS, ChannelHungUp(4.0, A)), id="a phone that nobody answers"),
        pytest.param((LegStopped(4.0, A, Stop.CANCELLED), refused(A)), id="a phone that was told to stop"),
        pytest.param((refused(T),), id="the caller"),
        pytest.param((LegAnswered(4.0, A, f"{PHONE}-1", PHONE, T), refused(A, 9.0)), id="a phone that was answered"),
    ],
)
def test_what_is_no_refusal(events: tuple[CallEvent, ...]) -> None:
    found, legs = told(*ARRIVES, RINGS, *events)
    assert not found
    assert Stop.REFUSED not in legs


@pytest.mark.parametrize("says_so", [True, False], ids=["the Local channel is busy, too", "it only ends"])
def test_behind_a_local_channel_it_is_the_member_who_refused(says_so: bool) -> None:
    outer = LegRinging(3.0, OUTER, f"{LOCAL}-00000001;1", LOCAL, T, TRUNK, T, "sales")
    inner = LegRinging(3.1, A, f"{PHONE}-1", PHONE, B, f"{LOCAL}-00000001;2", T)
    ends = LegStopped(4.0, OUTER, Stop.REFUSED if says_so else Stop.NO_ANSWER)
    found, legs = told(*ARRIVES, outer, inner, ends, NOBODY_ANSWERS, refused(A))
    assert {each.interface for each in found} == {LOCAL}
    assert Stop.REFUSED in legs


def test_a_colleague_who_is_asked_and_refuses_may_still_be_offered_the_call() -> None:
    asked = LegRinging(
        6.0, B, "PJSIP/102-1", "PJSIP/102", ChannelId("main-9.9"), f"{PHONE}-2", "9", caller_interface=PHONE
    )
    found, legs = told(
        *ARRIVES,
        RINGS,
        LegAnswered(4.0, A, f"{PHONE}-1", PHONE, T),
        ChannelBridged(4.0, A, f"{PHONE}-1", PHONE, "b-1"),
        ChannelBridged(4.0, T, TRUNK, "PJSIP/trunk", "b-1"),
        asked,
        LegStopped(7.0, B, Stop.REFUSED),
    )
    assert legs == [None, Stop.REFUSED]
    assert not found


def test_a_leg_that_stopped_is_not_kept_longer_than_its_call() -> None:
    where = Whereabouts()
    call = Call(CALL, T, T, 1.0)
    rings = step(call, LegRings(3.0, Leg(A, f"{PHONE}-1", PHONE, "sales", 3.0)))
    stopped = step(rings, LegStops(4.0, A, Stop.NO_ANSWER))
    where.note(call, rings)
    where.note(rings, stopped)
    assert where.stopped == {A: CALL}
    where.forget(stopped, step(stopped, CallerGone(5.0)))
    assert not where.stopped
