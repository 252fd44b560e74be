"""Calls that operators make, after an interruption: taken up where they are, and told no differently than before."""

from dataclasses import replace

import pytest

from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import Call, CallState
from cti_bridge.calls.events import CallerId, ChannelBridged, ChannelHungUp, LegAnswered, LegRinging, SeenChannel
from cti_bridge.calls.events import Snapshot as Seen
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import ChannelId

A, X, B = ChannelId("1.1"), ChannelId("1.2"), ChannelId("1.3")
NAMES = {A: "PJSIP/101-00000001", X: "PJSIP/trunk-00000002", B: "PJSIP/102-00000003"}
NUMBER = "74950000277"
AT = 50.0


@pytest.fixture
def book() -> CallBook:
    return CallBook("main", is_operator_phone=lambda interface: interface in ("PJSIP/101", "PJSIP/102"))


def dials(book: CallBook) -> None:
    book.apply(
        LegRinging(
            2.0, X, NAMES[X], "PJSIP/trunk", A, NAMES[A], A, caller_id=CallerId("101"), caller_interface="PJSIP/101",
            number=NUMBER,
        )
    )  # fmt: skip


def talks(book: CallBook) -> None:
    dials(book)
    book.apply(LegAnswered(4.0, X, NAMES[X], "PJSIP/trunk", A))
    for channel in (X, A):
        book.apply(ChannelBridged(4.0, channel, NAMES[channel], NAMES[channel][:-9], "b-1"))


def seen(channel: ChannelId, bridge: str = "", *, dialled: bool = False) -> SeenChannel:
    number = NUMBER if channel == X else NAMES[channel][6:9]
    return SeenChannel(
        channel, NAMES[channel], NAMES[channel][:-9], A, dialled and not bridge, dialled, bridge,
        caller_id=CallerId(number),
    )  # fmt: skip


def only_call(book: CallBook) -> Call:
    (call,) = book.live()
    return call


def test_a_talk_that_was_never_heard_of_is_taken_up_as_what_it_is(book: CallBook) -> None:
    changes = book.resync(Seen(AT, (seen(A, "b-1"), seen(X, "b-1", dialled=True))))
    call = only_call(book)
    assert (call.direction, call.state, call.channel) == (Direction.OUTBOUND, CallState.TALKING, X)
    assert [leg.interface for leg in call.legs] == ["PJSIP/101"]
    assert [change.adopted.number for change in changes if change.adopted] == [NUMBER]
    assert call.recovered


def test_a_phone_outside_that_rings_is_taken_up_as_what_it_is(book: CallBook) -> None:
    book.resync(Seen(AT, (seen(A), seen(X, dialled=True))))
    call = only_call(book)
    assert (call.direction, call.state, call.channel) == (Direction.OUTBOUND, CallState.RINGING, A)
    assert call.caller_phone == "PJSIP/101"


def test_who_answered_meanwhile_is_the_customer(book: CallBook) -> None:
    dials(book)
    book.resync(Seen(AT, (seen(A, "b-1"), seen(X, "b-1", dialled=True))))
    call = only_call(book)
    assert (call.state, call.channel, call.answered_at, call.recovered) == (CallState.TALKING, X, AT, True)


def test_a_talk_that_goes_on_is_not_touched(book: CallBook) -> None:
    talks(book)
    before = only_call(book)
    assert book.resync(Seen(AT, (seen(A, "b-1"), seen(X, "b-1", dialled=True)))) == []
    assert only_call(book) == before


def test_a_customer_who_was_sent_on_meanwhile_rings_at_the_colleague(book: CallBook) -> None:
    talks(book)
    book.resync(Seen(AT, (seen(X), seen(B, dialled=True))))
    call = only_call(book)
    assert (call.channel, call.state) == (X, CallState.RINGING)
    assert [(leg.interface, leg.state.value) for leg in call.legs] == [("PJSIP/101", "gone"), ("PJSIP/102", "ringing")]


def test_a_customer_who_is_gone_has_ended_the_call_also_while_the_operator_is_there(book: CallBook) -> None:
    talks(book)
    (change,) = book.resync(Seen(AT, (seen(A),)))
    assert (change.after.outcome, change.after.ended_at, len(book)) == ("answered", AT, 0)


def test_what_is_told_late_brings_no_side_back(book: CallBook) -> None:
    talks(book)
    call = only_call(book)
    dials(book)
    book.apply(LegAnswered(4.0, X, NAMES[X], "PJSIP/trunk", A))
    assert only_call(book) == call
    book.apply(ChannelHungUp(9.0, X))
    dials(book)
    assert len(book) == 0


def test_a_technical_end_before_anybody_answered_is_a_failure(book: CallBook) -> None:
    dials(book)
    (over,) = book.apply(ChannelHungUp(9.0, A, failed=True))
    assert over.after.outcome == "failed"


CLICK, HALF = ChannelId("cti-1"), ChannelId("cti-1-2")


def clicked(event_leg: ChannelId, caller: ChannelId, phone: str, *, at: float) -> LegRinging:
    name, half = NAMES[event_leg], ";1" if caller == CLICK else ";2"
    return LegRinging(
        at, event_leg, name, phone, caller, f"Local/101@desk-00000000{half}", CLICK, caller_interface="Local/101@desk",
        number=NUMBER,
    )  # fmt: skip


@pytest.mark.parametrize("phone", ["PJSIP/trunk", "PJSIP/102"])
def test_a_call_clicked_through_a_local_channel_goes_on_after_a_restart_of_the_bridge(phone: str) -> None:
    """Who is called outside or inside is known by the linkedid alone, for nobody remembers the click."""
    first, again = (CallBook("main", is_operator_phone=lambda one: one in ("PJSIP/101", "PJSIP/102")) for _ in "12")
    first.apply(clicked(A, HALF, "PJSIP/101", at=1.0))
    first.apply(clicked(X, CLICK, phone, at=2.0))
    call = only_call(first)
    again.restore(replace(call, legs=()))
    again.look_back(clicked(X, CLICK, phone, at=2.0), maybe_heard=False)
    assert [leg.id for leg in only_call(again).legs] == [X]
    again.apply(LegAnswered(4.0, X, NAMES[X], phone, CLICK))
    assert (only_call(again).id, only_call(again).answered_at) == (call.id, 4.0)
