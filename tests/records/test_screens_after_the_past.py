"""What an operator is told of a call that went on unseen: the difference, in one word."""

from heard import PHONES

from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import (
    CallerQueued,
    CallEvent,
    ChannelBridged,
    ChannelHungUp,
    LegAnswered,
    LegRinging,
    LegStopped,
    Stop,
)
from cti_bridge.calls.pops import PopChange, PopEvent, Reason, changes
from cti_bridge.domain.ids import ChannelId, OperatorId

T, A, B = (ChannelId(f"main-1.{n}") for n in (1, 2, 3))
OWNERS = {"PJSIP/101": OperatorId("olga"), "PJSIP/102": OperatorId("timur")}


def ringing(leg: ChannelId, phone: str, at: float) -> LegRinging:
    return LegRinging(at, leg, f"{phone}-00000001", phone, T, "PJSIP/trunk-00000001", T, queue="sales")


def difference(*unseen: CallEvent) -> tuple[PopChange, ...]:
    """What is told when both phones rang, and this happened since."""
    book = CallBook("main", is_operator_phone=PHONES.__contains__)
    heard = (CallerQueued(1.0, T, T, "sales"), ringing(A, "PJSIP/101", 2.0), ringing(B, "PJSIP/102", 2.0))
    before: Call | None = [change.after for event in heard for change in book.apply(event)][-1]
    after = [change.after for event in unseen for change in book.look_back(event, maybe_heard=False)][-1]
    return changes(before, after, OWNERS.get)


ANSWERS = (
    LegAnswered(3.0, A, "PJSIP/101-00000001", "PJSIP/101", T),
    ChannelHungUp(3.0, B),
    ChannelBridged(3.1, A, "PJSIP/101-00000001", "PJSIP/101", "b"),
    ChannelBridged(3.1, T, "PJSIP/trunk-00000001", "PJSIP/trunk", "b"),
)


def test_who_answered_and_has_finished_is_told_of_the_end_and_the_other_who_took_it() -> None:
    olga, timur = difference(*ANSWERS, ChannelHungUp(9.0, T))
    assert (olga.operator, olga.event) == ("olga", PopEvent.ENDED)
    assert (timur.event, timur.reason) == (PopEvent.WITHDRAWN, Reason.ANSWERED_ELSEWHERE)


def test_who_answered_and_talks_on_is_told_that_he_does() -> None:
    olga, timur = difference(*ANSWERS)
    assert (olga.operator, olga.event) == ("olga", PopEvent.ANSWERED)
    assert (timur.event, timur.reason, timur.by) == (PopEvent.WITHDRAWN, Reason.ANSWERED_ELSEWHERE, "olga")


def test_of_a_caller_who_gave_up_both_are_told_so() -> None:
    told = difference(ChannelHungUp(9.0, T))
    assert {(pop.event, pop.reason) for pop in told} == {(PopEvent.WITHDRAWN, Reason.ABANDONED)}


def test_a_phone_that_rang_in_vain_and_rings_again_changes_nothing() -> None:
    again = ChannelId("main-1.9")
    assert difference(LegStopped(5.0, A, Stop.NO_ANSWER), ChannelHungUp(5.0, A), ringing(again, "PJSIP/101", 6.0)) == ()
