"""What a snapshot says of calls that nobody has heard of: each is taken up as what it is, or not at all."""

from itertools import permutations

import pytest

from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import CallState
from cti_bridge.calls.events import (
    CallerId,
    CallerParked,
    CallEvent,
    ChannelBridged,
    ChannelHungUp,
    LegAnswered,
    LegRinging,
    SeenChannel,
    Snapshot,
)
from cti_bridge.calls.pops import Part, parts
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import ChannelId, OperatorId

T, A, B, L1, L2 = (ChannelId(f"main-1.{number}") for number in range(1, 6))
OLGA, TIMUR = OperatorId("olga"), OperatorId("timur")
OWNERS = {"PJSIP/101": OLGA, "PJSIP/102": TIMUR}
INTERFACES = {T: "PJSIP/trunk", A: "PJSIP/101", B: "PJSIP/102", L1: "Local/102@desks", L2: "Local/102@desks"}
NAMES = {channel: f"{interface}-0000000{channel[-1]}" for channel, interface in INTERFACES.items()}
NAMES |= {L1: "Local/102@desks-00000004;1", L2: "Local/102@desks-00000004;2"}
AT = 50.0


@pytest.fixture
def book() -> CallBook:
    return new_book()


def new_book() -> CallBook:
    return CallBook("main", is_operator_phone=OWNERS.__contains__)


def seen(channel: ChannelId, linkedid: str, bridge: str = "", *, dialled: bool = False) -> SeenChannel:
    return SeenChannel(
        channel, NAMES[channel], INTERFACES[channel], linkedid, False, dialled, bridge, caller_id=CallerId(channel)
    )


def parked(channel: ChannelId) -> SeenChannel:
    interface = INTERFACES[channel]
    return SeenChannel(
        channel, NAMES[channel], interface, channel, False, False, parked=True, caller_id=CallerId("74950000149")
    )


def joins(channel: ChannelId, bridge: str) -> ChannelBridged:
    return ChannelBridged(AT + 1, channel, NAMES[channel], INTERFACES[channel], bridge)


def rings(leg: ChannelId, caller: ChannelId, linkedid: str) -> LegRinging:
    return LegRinging(
        1.0, leg, NAMES[leg], INTERFACES[leg], caller, NAMES[caller], linkedid, caller_interface=INTERFACES[caller]
    )


def answers(leg: ChannelId, caller: ChannelId) -> LegAnswered:
    return LegAnswered(2.0, leg, NAMES[leg], INTERFACES[leg], caller)


def test_a_customer_in_the_parking_lot_is_waited_for(book: CallBook) -> None:
    (change,) = book.resync(Snapshot(AT, (parked(T),)))
    assert change.adopted == CallerId("74950000149")
    assert (change.after.state, change.after.direction, change.after.recovered) == (
        CallState.HELD, Direction.INBOUND, True,
    )  # fmt: skip
    assert book.resync(Snapshot(AT + 1, (parked(T),))) == []


def test_whoever_takes_such_a_customer_out_has_his_card(book: CallBook) -> None:
    book.resync(Snapshot(AT, (parked(T),)))
    taken_out: list[CallEvent] = [CallerParked(AT + 1, T, on=False), joins(A, "b-1"), joins(T, "b-1")]
    for event in taken_out:
        book.apply(event)
    (call,) = book.live()
    assert (call.state, parts(call, OWNERS.get)) == (CallState.TALKING, {OLGA: Part.TALKING})


@pytest.mark.parametrize("channels", list(permutations([seen(T, T, "b-1"), seen(A, T, "b-1")])))
def test_whoever_had_taken_him_out_has_his_card(book: CallBook, channels: tuple[SeenChannel, ...]) -> None:
    changes = book.resync(Snapshot(AT, channels))
    (call,) = book.live()
    assert (call.channel, call.state, call.direction) == (T, CallState.TALKING, Direction.INBOUND)
    assert parts(call, OWNERS.get) == {OLGA: Part.TALKING}
    assert [change.adopted.number for change in changes if change.adopted] == [T]


def test_an_operator_in_a_parking_lot_is_no_customer(book: CallBook) -> None:
    assert book.resync(Snapshot(AT, (parked(A),))) == []


def test_who_is_parked_and_is_asked_about_a_call_is_no_caller_himself(book: CallBook) -> None:
    """An operator asks somebody outside, and parks him meanwhile."""
    asked = SeenChannel(L1, "PJSIP/trunk-00000009", "PJSIP/trunk", B, False, True, parked=True)
    book.apply(rings(A, T, T))
    book.apply(answers(A, T))
    book.apply(LegRinging(3.0, L1, asked.name, "PJSIP/trunk", B, "PJSIP/101-00000008", B, caller_interface="PJSIP/101"))
    book.resync(Snapshot(AT, (seen(T, T, "b-1"), seen(A, T, "b-1", dialled=True), asked)))
    assert [call.channel for call in book.live()] == [T]


def test_two_operators_who_came_together_by_themselves_are_no_call(book: CallBook) -> None:
    assert book.resync(Snapshot(AT, (seen(A, A, "b-1"), seen(B, A, "b-1")))) == []


def two_who_talk_on() -> tuple[SeenChannel, ...]:
    return seen(A, A, "b-2"), seen(B, A, "b-2", dialled=True)


def test_colleagues_who_talk_on_after_the_customer_are_left_alone(book: CallBook) -> None:
    """Timur was asked on olga's second line; the customer hung up, and the two have more to say to each other."""
    first = ChannelId("main-1.9")
    heard: list[CallEvent] = [
        LegRinging(1.0, first, "PJSIP/101-00000009", "PJSIP/101", T, NAMES[T], T),
        LegAnswered(2.0, first, "PJSIP/101-00000009", "PJSIP/101", T), rings(B, A, A), answers(B, A),
        joins(A, "b-2"), joins(B, "b-2"), ChannelHungUp(9.0, T), ChannelHungUp(9.5, first),
    ]  # fmt: skip
    for event in heard:
        book.apply(event)
    assert book.resync(Snapshot(AT, two_who_talk_on())) == []


def test_colleagues_of_whom_nothing_was_heard_talk_with_each_other_and_nobody_s_phone_rings(book: CallBook) -> None:
    book.resync(Snapshot(AT, two_who_talk_on()))
    (call,) = book.live()
    assert (call.direction, call.state) == (Direction.INTERNAL, CallState.TALKING)
    assert parts(call, OWNERS.get) == {TIMUR: Part.TALKING}


@pytest.mark.parametrize("channels", list(permutations([
    seen(A, T, "b-2", dialled=True), seen(L1, T, "b-2"), seen(L2, T, "b-3"), seen(B, T, "b-3", dialled=True),
])))  # fmt: skip
def test_who_asked_by_the_pbx_s_own_feature_and_talks_on_has_no_customer(
    channels: tuple[SeenChannel, ...],
) -> None:
    """The customer is gone, but what is left has his name still; nobody takes his place."""
    book = new_book()
    assert book.resync(Snapshot(AT, channels)) == []


@pytest.mark.parametrize("channels", list(permutations([
    seen(T, A, "b-2"), seen(L1, A, "b-2", dialled=True), seen(L2, A, "b-3"), seen(B, A, "b-3", dialled=True),
])))  # fmt: skip
def test_a_customer_whom_an_operator_called_and_sent_on_is_the_caller(channels: tuple[SeenChannel, ...]) -> None:
    """He has the name of her channel, which is gone; a queue reaches timur through a Local channel."""
    book = new_book()
    book.resync(Snapshot(AT, channels))
    (call,) = book.live()
    assert (call.channel, parts(call, OWNERS.get)) == (T, {TIMUR: Part.TALKING})
