"""Transfers by Asterisk's own feature codes, and members behind Local channels, as `BridgeEnter` tells of them.

The operator dials a code, leaves the caller's bridge, and reaches his colleague through a Local channel: L1 beside him,
L2 beside the colleague. The caller waits in the first bridge alone.
"""

import pytest
from three_operators import FIRST, L1, L2, NAMES, OLGA, SECOND, THIRD, TIMUR, A, B, Line, T

from cti_bridge.calls.call import CallState, Outcome
from cti_bridge.calls.events import (
    CallerParked,
    CallerQueued,
    ChannelHeld,
    LegAnswered,
    LegRinging,
    LegStopped,
    LegTransferred,
    Stop,
)
from cti_bridge.calls.leg import LegState
from cti_bridge.calls.pops import Part, PopChange, PopEvent, Reason
from cti_bridge.domain.ids import ChannelId


@pytest.fixture
def line() -> Line:
    """The caller talks with olga."""
    line = Line()
    line.talks()
    return line


def test_while_a_colleague_is_asked_the_call_is_held_and_he_sees_whom_it_is_about(line: Line) -> None:
    line.consults()
    assert (line.call.state, line.parts) == (CallState.HELD, {OLGA: Part.TALKING, TIMUR: Part.RINGING})
    line.hears(line.answers(B, L2), line.enters(B, THIRD), line.enters(L2, THIRD))
    assert (line.call.state, line.parts) == (CallState.HELD, {OLGA: Part.TALKING, TIMUR: Part.CONSULTING})
    assert (line.leg(B).parent, line.leg(B).state) == (A, LegState.CONSULTING)


def test_the_one_who_was_asked_talks_with_the_caller_when_the_first_one_hangs_up(line: Line) -> None:
    line.asks()
    told = line.hears(
        line.enters(L1, FIRST),
        LegTransferred(line.at, A),
        line.leaves(A, SECOND),
        line.hangs_up(A),
        # Asterisk takes the Local channel out of the way.
        line.leaves(B, THIRD),
        line.enters(B, FIRST),
        line.hangs_up(L1),
        line.hangs_up(L2),
    )
    assert told == [PopChange(TIMUR, PopEvent.UPDATED), PopChange(OLGA, PopEvent.ENDED)]
    assert (line.call.state, line.parts) == (CallState.TALKING, {TIMUR: Part.TALKING})
    assert line.leg(A).why is Stop.TRANSFERRED

    assert line.hears(line.hangs_up(T)) == [PopChange(TIMUR, PopEvent.ENDED)]
    assert line.call.outcome is Outcome.ANSWERED
    assert line.leg(B).talked_s == pytest.approx(7.0, abs=1.0), "all but the moment between two bridges"


def test_a_transfer_that_is_cancelled_gives_the_caller_back_and_takes_the_card_from_the_other(line: Line) -> None:
    line.asks()
    talked = line.leg(A).talked_s
    told = line.hears(
        line.leaves(A, SECOND),
        line.enters(A, FIRST),
        ChannelHeld(line.at, A, on=False),
        line.hangs_up(L1),
        line.hangs_up(L2),
        line.hangs_up(B),
    )
    assert told == [PopChange(TIMUR, PopEvent.ENDED)]
    assert (line.call.state, line.parts) == (CallState.TALKING, {OLGA: Part.TALKING})
    line.hears(line.hangs_up(T))
    assert line.leg(A).talked_s > talked, "the talk goes on being measured"
    assert line.leg(B).talked_s == 0.0


def test_a_colleague_who_is_no_longer_called_to_be_asked_was_not_passed_over(line: Line) -> None:
    line.consults()
    assert line.hears(LegStopped(line.at, B, Stop.CANCELLED)) == [
        PopChange(TIMUR, PopEvent.WITHDRAWN, Reason.ABANDONED)
    ], "nobody else took it"


def test_a_colleague_who_does_not_answer_when_he_is_asked_leaves_the_talk_alone(line: Line) -> None:
    line.consults()
    assert line.hears(LegStopped(line.at, B, Stop.NO_ANSWER)) == [
        PopChange(TIMUR, PopEvent.WITHDRAWN, Reason.NO_ANSWER)
    ]
    assert line.parts == {OLGA: Part.TALKING}


def test_a_caller_who_hangs_up_while_somebody_is_asked_ends_it_for_both(line: Line) -> None:
    line.asks()
    told = line.hears(line.leaves(T, FIRST), line.hangs_up(T))
    assert told == [PopChange(OLGA, PopEvent.ENDED), PopChange(TIMUR, PopEvent.ENDED)]
    assert line.hears(line.leaves(A, SECOND), line.hangs_up(A), line.hangs_up(B)) == []


def test_three_talk_and_the_call_goes_on_when_the_first_leaves(line: Line) -> None:
    line.asks()
    line.hears(line.enters(A, FIRST), line.enters(L1, FIRST), ChannelHeld(line.at, A, on=False))
    assert line.parts == {OLGA: Part.TALKING, TIMUR: Part.TALKING}
    assert line.hears(line.leaves(A, FIRST), line.hangs_up(A)) == [PopChange(OLGA, PopEvent.ENDED)]
    assert (line.call.state, line.parts) == (CallState.TALKING, {TIMUR: Part.TALKING})


def test_a_member_behind_a_local_channel_talks_though_no_bridge_holds_both() -> None:
    line = Line()
    line.hears(
        CallerQueued(line.at, T, T, "sales"),
        line.rings(L1, T, "sales"),
        line.rings(B, L2),
        line.answers(B, L2),
        line.answers(L1, T),
        line.enters(B, SECOND),
        line.enters(L2, SECOND),
        line.enters(L1, FIRST),
        line.enters(T, FIRST),
    )
    assert (line.leg(B).parent, line.leg(B).consults) == (L1, False)
    assert line.leg(B).with_caller_since is not None
    assert line.parts == {TIMUR: Part.TALKING}


def test_a_caller_who_puts_the_operator_on_hold_holds_the_call(line: Line) -> None:
    states = []
    for on in (True, False):
        line.hears(ChannelHeld(line.at, T, on=on))
        states.append(line.call.state)
    assert states == [CallState.HELD, CallState.TALKING]


def test_an_unhold_without_a_hold_means_nothing(line: Line) -> None:
    before = line.call
    line.hears(ChannelHeld(line.at, A, on=False), ChannelHeld(line.at, T, on=False))
    assert line.call == before


def test_a_caller_on_the_trunk_on_which_a_call_was_sent_outside_is_not_asking_about_that_call(line: Line) -> None:
    """The call was sent to a number outside, on the very trunk from which somebody else now calls an operator."""
    outside, stranger, phone = ChannelId("1.7"), ChannelId("2.1"), ChannelId("2.2")
    trunk = "PJSIP/trunk"
    line.hears(
        line.leaves(T, FIRST),
        line.hangs_up(A),
        LegRinging(line.at, outside, f"{trunk}-00000007", trunk, T, NAMES[T], T, caller_interface=trunk),
        LegAnswered(line.at, outside, f"{trunk}-00000007", trunk, T),
    )
    told = line.hears(
        LegRinging(
            line.at, phone, "PJSIP/102-00000009", "PJSIP/102", stranger, f"{trunk}-00000008", stranger,
            caller_interface=trunk,
        )
    )  # fmt: skip
    assert told == [PopChange(TIMUR, PopEvent.RINGING)]
    assert line.call.channel == stranger, "a call of its own, with a card of its own"


def test_an_operator_whose_channel_stays_after_the_caller_was_parked_has_no_part_in_the_call_any_more(
    line: Line,
) -> None:
    assert line.hears(CallerParked(line.at, T, on=True), line.leaves(T, FIRST)) == [PopChange(OLGA, PopEvent.ENDED)]
    assert line.call.state is CallState.HELD
    told = line.hears(CallerParked(line.at, T, on=False), line.enters(T, SECOND), line.enters(B, SECOND))
    assert told == [PopChange(TIMUR, PopEvent.ANSWERED)]
    assert line.hears(line.hangs_up(A)) == [], "his card was gone before"
    assert line.parts == {TIMUR: Part.TALKING}


def test_an_operator_to_whom_the_caller_comes_back_has_his_card_again(line: Line) -> None:
    line.hears(CallerParked(line.at, T, on=True), line.leaves(T, FIRST))
    assert line.hears(line.enters(T, FIRST)) == [PopChange(OLGA, PopEvent.ANSWERED)]
