"""How long a colleague who is asked has a part: until the caller is handed to him, or has gone on without being."""

import pytest
from three_operators import FIRST, L1, L2, NAMES, OLGA, SECOND, THIRD, TIMUR, ZOYA, A, B, C, Line, T

from cti_bridge.calls.call import CallState
from cti_bridge.calls.events import CallerParked, CallerQueued, LegRinging, LegStopped, LegTransferred, Stop
from cti_bridge.calls.leg import LegState
from cti_bridge.calls.pops import Part, PopChange, PopEvent, Reason
from cti_bridge.domain.direction import Direction


@pytest.fixture
def line() -> Line:
    """Olga, who talks with the caller, asks timur."""
    line = Line()
    line.talks()
    line.asks()
    return line


def olga_lets_go(line: Line) -> list[PopChange]:
    """Olga sends the caller on; she and timur go on talking on her other line."""
    return line.hears(LegTransferred(line.at, A), line.leaves(A, FIRST), line.leaves(T, FIRST), line.hangs_up(A))


def test_the_caller_who_was_sent_to_a_queue_meanwhile_is_no_longer_talked_about(line: Line) -> None:
    assert olga_lets_go(line) == [PopChange(OLGA, PopEvent.ENDED)], "he may still be handed over"
    assert line.hears(CallerQueued(line.at, T, T, "support")) == [PopChange(TIMUR, PopEvent.ENDED)]
    assert line.call.state is CallState.QUEUED
    assert line.hears(line.hangs_up(B)) == [], "his card was gone before"
    assert (line.leg(B).why, line.leg(B).talked_s) == (Stop.ENDED, 0.0)


def test_the_caller_who_was_parked_meanwhile_is_no_longer_talked_about(line: Line) -> None:
    told = line.hears(CallerParked(line.at, T, on=True))
    assert told == [PopChange(OLGA, PopEvent.ENDED), PopChange(TIMUR, PopEvent.ENDED)]


def test_the_caller_who_talks_with_somebody_else_meanwhile_is_no_longer_talked_about(line: Line) -> None:
    olga_lets_go(line)
    told = line.hears(line.enters(C, FIRST), line.enters(T, FIRST))
    assert set(told) == {PopChange(ZOYA, PopEvent.ANSWERED), PopChange(TIMUR, PopEvent.ENDED)}
    assert line.parts == {ZOYA: Part.TALKING}


def test_the_caller_for_whom_somebody_else_is_called_meanwhile_is_no_longer_talked_about(line: Line) -> None:
    olga_lets_go(line)
    told = line.hears(line.rings(C, T))
    assert set(told) == {PopChange(ZOYA, PopEvent.RINGING), PopChange(TIMUR, PopEvent.ENDED)}


def test_so_it_is_when_that_phone_rings_before_the_line_of_whoever_sent_him_on_is_gone(line: Line) -> None:
    """A busy Asterisk tells of the call to the next phone some microseconds before it tells of her hanging up."""
    line.hears(line.leaves(T, FIRST), LegTransferred(line.at, A), line.leaves(A, FIRST))
    told = line.hears(line.rings(C, T))
    assert {PopChange(ZOYA, PopEvent.RINGING), PopChange(TIMUR, PopEvent.ENDED)} <= set(told)
    line.hears(line.hangs_up(A))
    assert line.parts == {ZOYA: Part.RINGING}


def test_a_phone_that_still_rings_to_ask_about_him_is_no_longer_one_of_his() -> None:
    line = Line()
    line.talks()
    line.consults()
    olga_lets_go(line)
    told = line.hears(CallerQueued(line.at, T, T, "support"))
    assert told == [PopChange(TIMUR, PopEvent.WITHDRAWN, Reason.MOVED)]
    assert line.hears(line.answers(B, L2), LegStopped(line.at, B, Stop.CANCELLED), line.hangs_up(B)) == []
    assert line.leg(B).state is LegState.GONE
    assert line.call.state is CallState.QUEUED


def test_whoever_was_asked_and_is_given_the_caller_after_all_has_the_card_again(line: Line) -> None:
    line.hears(CallerParked(line.at, T, on=True))
    told = line.hears(CallerParked(line.at, T, on=False), line.enters(T, "bridge-4"), line.enters(B, "bridge-4"))
    assert told == [PopChange(TIMUR, PopEvent.ANSWERED)]
    assert line.parts == {TIMUR: Part.TALKING}


def test_the_card_stays_while_asterisk_puts_the_two_together(line: Line) -> None:
    """The one who asked is gone 0.2 s before the caller is connected with the one who was asked."""
    told = line.hears(line.leaves(A, SECOND), LegTransferred(line.at, A), line.hangs_up(A))
    assert told == [PopChange(OLGA, PopEvent.ENDED)]
    assert line.parts == {TIMUR: Part.CONSULTING}
    assert line.hears(line.enters(L1, FIRST)) == [PopChange(TIMUR, PopEvent.UPDATED)]
    assert line.parts == {TIMUR: Part.TALKING}


def test_a_phone_that_still_rings_when_the_first_one_hangs_up_gets_the_caller() -> None:
    line = Line()
    line.talks()
    line.consults()
    assert line.hears(LegTransferred(line.at, A), line.hangs_up(A)) == [PopChange(OLGA, PopEvent.ENDED)]
    assert line.parts == {TIMUR: Part.RINGING}
    line.hears(line.enters(L1, FIRST), line.answers(B, L2), line.enters(B, THIRD), line.enters(L2, THIRD))
    assert line.parts == {TIMUR: Part.TALKING}


def test_a_consultation_goes_on_while_whoever_asks_talks_with_the_caller_again(line: Line) -> None:
    assert line.hears(line.leaves(A, SECOND), line.enters(A, FIRST)) == []
    assert line.parts == {OLGA: Part.TALKING, TIMUR: Part.CONSULTING}


def test_another_phone_that_is_called_for_a_caller_who_is_on_hold_leaves_the_consultation_alone(line: Line) -> None:
    name = NAMES[C]
    told = line.hears(LegRinging(line.at, C, name, "PJSIP/103", L2, NAMES[L2], T))
    assert told == [PopChange(ZOYA, PopEvent.RINGING)]
    assert line.parts == {OLGA: Part.TALKING, TIMUR: Part.CONSULTING, ZOYA: Part.RINGING}


def test_whoever_has_sent_the_caller_on_and_calls_a_colleague_does_not_ask_about_him() -> None:
    """Her phone may keep the line for seconds; what she calls for meanwhile is nothing of the customer's."""
    line = Line()
    line.talks()
    line.hears(LegTransferred(line.at, A), line.leaves(T, FIRST), line.rings(B, T))
    second = LegRinging(line.at, C, NAMES[C], "PJSIP/103", L1, "PJSIP/101-00000009", L1, caller_interface="PJSIP/101")
    assert line.hears(second) == [PopChange(ZOYA, PopEvent.RINGING)]
    assert (line.call.direction, line.call.caller_phone) == (Direction.INTERNAL, "PJSIP/101")
