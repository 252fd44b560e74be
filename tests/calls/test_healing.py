"""What a snapshot after an interruption says about calls that were seen before it, and about those that were not."""

import pytest

from cti_bridge.calls.book import CHECK_AFTER_S, CallBook
from cti_bridge.calls.call import Call, CallState, Outcome
from cti_bridge.calls.events import (
    CallerQueued,
    CallOffered,
    ChannelBridged,
    ChannelHungUp,
    LegAnswered,
    LegRinging,
    SeenChannel,
    Snapshot,
)
from cti_bridge.domain.ids import CallId, ChannelId

T, LEG, OTHER = ChannelId("main-1.1"), ChannelId("main-1.2"), ChannelId("main-1.3")
CALL = CallId("main-1.1")
PHONE, COLLEAGUE = "PJSIP/101", "PJSIP/102"
AT = 50.0


@pytest.fixture
def book() -> CallBook:
    """A caller waits in sales."""
    book = CallBook("main", is_operator_phone=lambda interface: interface in (PHONE, COLLEAGUE))
    book.apply(CallOffered(1.0, CALL, T, T))
    book.apply(CallerQueued(2.0, T, T, "sales"))
    return book


def rings(book: CallBook) -> None:
    book.apply(LegRinging(3.0, LEG, f"{PHONE}-00000001", PHONE, T, "PJSIP/trunk-00000001", T, queue="sales"))


def caller(*, queue: str = "", bridge: str = "") -> SeenChannel:
    return SeenChannel(T, "PJSIP/trunk-00000001", "PJSIP/trunk", T, False, False, bridge, queue)


def parked(channel: ChannelId = T, interface: str = "PJSIP/trunk") -> SeenChannel:
    return SeenChannel(channel, f"{interface}-00000001", interface, channel, False, False, parked=True)


def phone(channel: ChannelId, interface: str, *, dialled: bool = True, bridge: str = "") -> SeenChannel:
    return SeenChannel(channel, f"{interface}-00000001", interface, T, not bridge, dialled, bridge)


def now(book: CallBook, *seen: SeenChannel) -> Call | None:
    """The call after a snapshot with these channels."""
    book.resync(Snapshot(AT, seen))
    return book.get(CALL)


def test_a_caller_who_has_left_the_queue_no_longer_waits(book: CallBook) -> None:
    call = now(book, caller())
    assert call is not None
    assert (call.waiting, call.state, call.queue) == (False, CallState.OFFERED, "sales")


def test_a_caller_who_went_on_to_another_queue_waits_there(book: CallBook) -> None:
    call = now(book, caller(queue="primary-consult"))
    assert call is not None
    assert (call.waiting, call.queue, call.recovered) == (True, "primary-consult", False)


def test_a_phone_that_no_longer_rings_and_another_that_does(book: CallBook) -> None:
    rings(book)
    call = now(book, caller(queue="sales"), phone(OTHER, COLLEAGUE))
    assert call is not None
    assert call.state is CallState.RINGING
    assert book.at([PHONE]) == ()
    assert book.at([COLLEAGUE]) == (call,)


def test_a_phone_that_rang_and_now_talks_with_the_caller(book: CallBook) -> None:
    rings(book)
    call = now(book, caller(bridge="b-1"), phone(LEG, PHONE, bridge="b-1"))
    assert call is not None
    assert (call.state, call.answered_at, call.recovered) == (CallState.TALKING, AT, True)


def test_a_colleague_who_picked_the_call_up_meanwhile_talks_with_the_caller(book: CallBook) -> None:
    rings(book)
    call = now(book, caller(bridge="b-1"), phone(OTHER, COLLEAGUE, dialled=False, bridge="b-1"))
    assert call is not None
    assert call.talking is not None
    assert (call.talking.interface, call.answered_at, call.recovered) == (COLLEAGUE, AT, True)
    assert book.at([PHONE]) == ()


def test_an_operator_who_calls_somebody_himself_is_not_a_leg_of_his_own_call() -> None:
    book = CallBook("main", is_operator_phone=lambda interface: interface in (PHONE, COLLEAGUE))
    own = SeenChannel(T, f"{PHONE}-00000001", PHONE, T, False, False, "b-1")
    call = now(book, own, phone(LEG, COLLEAGUE, bridge="b-1"))
    assert call is not None
    assert [leg.interface for leg in call.legs] == [COLLEAGUE]


def test_a_talk_that_goes_on_is_not_touched(book: CallBook) -> None:
    rings(book)
    book.apply(LegAnswered(4.0, LEG, f"{PHONE}-00000001", PHONE, T))
    call = now(book, caller(bridge="b-1"), phone(LEG, PHONE, bridge="b-1"))
    assert call is not None
    assert (call.state, call.answered_at, call.recovered) == (CallState.TALKING, 4.0, False)


def talks(book: CallBook) -> None:
    rings(book)
    book.apply(LegAnswered(4.0, LEG, f"{PHONE}-00000001", PHONE, T))
    book.apply(ChannelBridged(4.0, LEG, f"{PHONE}-00000001", PHONE, "b-1"))
    book.apply(ChannelBridged(4.0, T, "PJSIP/trunk-00000001", "PJSIP/trunk", "b-1"))


def test_a_caller_who_was_parked_meanwhile_is_held_and_the_operator_is_done(book: CallBook) -> None:
    talks(book)
    call = now(book, parked())
    assert call is not None
    assert (call.state, call.parked, call.talking, book.at([PHONE])) == (CallState.HELD, True, None, ())


def test_whoever_is_parked_beside_a_customer_has_no_part_in_his_call(book: CallBook) -> None:
    talks(book)
    call = now(book, parked(), parked(OTHER, COLLEAGUE))
    assert call is not None
    assert [leg.interface for leg in call.legs] == [PHONE]
    assert book.at([COLLEAGUE]) == ()


def test_a_parked_caller_who_was_taken_out_meanwhile_talks(book: CallBook) -> None:
    talks(book)
    now(book, parked())
    call = now(book, caller(bridge="b-2"), phone(OTHER, COLLEAGUE, dialled=False, bridge="b-2"))
    assert call is not None
    assert call.talking is not None
    assert (call.state, call.parked, call.talking.interface) == (CallState.TALKING, False, COLLEAGUE)


def test_a_parked_caller_whose_time_was_up_meanwhile_rings_again(book: CallBook) -> None:
    talks(book)
    now(book, parked())
    call = now(book, caller(), phone(OTHER, PHONE))
    assert call is not None
    assert (call.state, call.parked) == (CallState.RINGING, False)


def test_a_parked_caller_who_is_still_parked_is_not_touched(book: CallBook) -> None:
    talks(book)
    now(book, parked())
    assert book.resync(Snapshot(AT + 9, (parked(),))) == []


def test_a_caller_who_is_gone_has_ended_as_he_was(book: CallBook) -> None:
    rings(book)
    (change,) = book.resync(Snapshot(AT, (phone(LEG, PHONE),)))
    assert (change.after.outcome, change.after.ended_at, change.after.recovered) == (Outcome.ABANDONED, AT, True)


def test_what_the_snapshot_ended_stays_ended_whatever_still_comes(book: CallBook) -> None:
    rings(book)
    now(book)
    late = (
        CallerQueued(2.0, T, T, "sales"),
        LegRinging(3.0, LEG, f"{PHONE}-00000001", PHONE, T, "PJSIP/trunk-00000001", T, queue="sales"),
        LegAnswered(4.0, LEG, f"{PHONE}-00000001", PHONE, T),
        ChannelHungUp(5.0, LEG),
        ChannelHungUp(6.0, T),
        CallOffered(1.0, CALL, T, T),
    )
    told = [change for event in late for change in book.apply(event)]
    assert all(change.after.ended_at is not None for change in told[-1:])
    assert book.live() == ()


def test_a_call_is_held_against_a_snapshot_from_time_to_time() -> None:
    book = CallBook("main", is_operator_phone=lambda interface: interface == PHONE)
    assert not book.needs_check(1e9), "there is nothing to check"
    book.apply(CallOffered(1.0, CALL, T, T))
    assert (book.needs_check(CHECK_AFTER_S), book.needs_check(1.0 + CHECK_AFTER_S)) == (False, True)
    assert now(book, caller()) is not None
    assert (book.needs_check(1.0 + CHECK_AFTER_S), book.needs_check(AT + CHECK_AFTER_S)) == (False, True)


def test_the_same_snapshot_twice_changes_nothing_the_second_time(book: CallBook) -> None:
    rings(book)
    picture = Snapshot(AT, (caller(queue="sales"), phone(OTHER, COLLEAGUE)))
    assert book.resync(picture)
    assert book.resync(picture) == []
