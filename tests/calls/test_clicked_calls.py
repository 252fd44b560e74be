"""A click has an operator's phone called through a Local channel, and then the customer: whose call that is."""

from itertools import permutations

import pytest

from cti_bridge.calls.book import CallBook, Change
from cti_bridge.calls.clicks import Clicks
from cti_bridge.calls.events import (
    CallerId,
    ChannelHungUp,
    LegAnswered,
    LegRinging,
    LegStopped,
    PbxRestarted,
    SeenChannel,
    Snapshot,
    Stop,
)
from cti_bridge.calls.leg import Leg
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import ChannelId

OUTER, INNER, OLGA, TIMUR, CUSTOMER = (ChannelId(f"main-1.{number}") for number in range(1, 6))
NAMES = {
    OUTER: "Local/operators@click-00000001;1",
    INNER: "Local/operators@click-00000001;2",
    OLGA: "PJSIP/101-00000001",
    TIMUR: "PJSIP/102-00000002",
    CUSTOMER: "PJSIP/trunk-00000003",
}
OPERATORS = ("PJSIP/101", "PJSIP/102")


@pytest.fixture
def book() -> CallBook:
    return CallBook("main", is_operator_phone=OPERATORS.__contains__)


def interface(channel: ChannelId) -> str:
    return NAMES[channel].partition("-")[0]


def rings(leg: ChannelId, caller: ChannelId, at: float = 1.0, *, link: ChannelId = OUTER) -> LegRinging:
    return LegRinging(
        at, leg, NAMES[leg], interface(leg), caller, NAMES[caller], link, caller_interface=interface(caller),
        number="74950000277" if leg == CUSTOMER else "",
    )  # fmt: skip


def answers(leg: ChannelId, caller: ChannelId) -> LegAnswered:
    return LegAnswered(2.0, leg, NAMES[leg], interface(leg), caller)


def dialled(book: CallBook) -> list[tuple[Direction, str]]:
    """Somebody outside is called for the click: which way the call goes, and on whose phone it is made."""
    changes: list[Change] = book.apply(rings(CUSTOMER, OUTER, 3.0))
    return [(change.after.direction, change.after.caller_phone) for change in changes]


def test_the_call_is_made_by_whoever_answered_the_click_and_not_by_whose_phone_was_called_last(book: CallBook) -> None:
    for event in (rings(OLGA, INNER), rings(TIMUR, INNER), answers(OLGA, INNER)):
        assert book.apply(event) == []
    assert dialled(book) == [(Direction.OUTBOUND, "PJSIP/101")]
    assert book.apply(LegStopped(4.0, TIMUR, Stop.CANCELLED)) == []
    assert book.apply(ChannelHungUp(4.0, TIMUR)) == []
    (change,) = book.apply(ChannelHungUp(5.0, OLGA))
    assert change.after.outcome == "abandoned"


def test_the_call_is_made_by_whose_phone_is_left_when_the_answer_was_not_heard(book: CallBook) -> None:
    for event in (rings(OLGA, INNER), rings(TIMUR, INNER), ChannelHungUp(2.0, TIMUR)):
        book.apply(event)
    assert dialled(book) == [(Direction.OUTBOUND, "PJSIP/101")]


def test_nobody_is_shown_whom_one_of_two_calls_while_it_is_not_known_which(book: CallBook) -> None:
    book.apply(rings(OLGA, INNER))
    book.apply(rings(TIMUR, INNER))
    assert dialled(book) == []


def test_a_click_that_was_given_up_makes_nobody_else_s_call_his(book: CallBook) -> None:
    book.apply(rings(OLGA, INNER))
    book.apply(ChannelHungUp(2.0, OLGA))
    book.apply(rings(TIMUR, INNER))
    assert dialled(book) == [(Direction.OUTBOUND, "PJSIP/102")], "names of Local channels are used again"


def test_no_click_outlives_a_restart_of_the_pbx_or_what_it_no_longer_lists(book: CallBook) -> None:
    book.apply(rings(OLGA, INNER))
    book.apply(PbxRestarted(2.0, 2.5))
    assert dialled(book) == []
    book.apply(rings(OLGA, INNER))
    book.resync(Snapshot(2.0, (SeenChannel(TIMUR, NAMES[TIMUR], "PJSIP/102", TIMUR, False, False),)))
    assert dialled(book) == []


def test_a_click_that_goes_on_is_still_known_after_a_snapshot(book: CallBook) -> None:
    book.apply(rings(OLGA, INNER))
    book.resync(Snapshot(2.0, (SeenChannel(OLGA, NAMES[OLGA], "PJSIP/101", OUTER, False, True),)))
    assert dialled(book) == [(Direction.OUTBOUND, "PJSIP/101")]


def test_clicks_that_come_to_nothing_are_bounded() -> None:
    clicks = Clicks(limit=3)
    for number in range(10):
        leg = Leg(ChannelId(f"2.{number}"), NAMES[OLGA], "PJSIP/101", "", float(number))
        clicks.rings(f"Local/{number % 2}@click-00000001;2", leg)
    assert len(clicks) == 3


def seen(channel: ChannelId, bridge: str = "", *, dialled: bool = False) -> SeenChannel:
    return SeenChannel(
        channel, NAMES[channel], interface(channel), OUTER, dialled and not bridge, dialled, bridge,
        caller_id=CallerId("74950000277" if channel == CUSTOMER else ""),
    )  # fmt: skip


CLICKED = (seen(INNER, "b-1"), seen(OLGA, "b-1", dialled=True))


@pytest.mark.parametrize("answered", [False, True], ids=["rings", "talks"])
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_click_of_which_nothing_was_heard_is_taken_up_as_what_it_is(
    book: CallBook, order: tuple[int, ...], answered: bool
) -> None:
    bridge = "b-2" if answered else ""
    channels = [*CLICKED, seen(OUTER, bridge), seen(CUSTOMER, bridge, dialled=True)]
    changes = book.resync(Snapshot(2.0, tuple(channels[number] for number in order)))
    (call,) = book.live()
    assert (call.direction, call.answered_at is not None) == (Direction.OUTBOUND, answered)
    assert call.channel == (CUSTOMER if answered else OLGA)
    assert [change.adopted.number for change in changes if change.adopted] == ["74950000277"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_click_that_has_reached_only_the_operator_is_no_call_yet(book: CallBook, order: tuple[int, ...]) -> None:
    channels = [*CLICKED, seen(OUTER)]
    assert book.resync(Snapshot(2.0, tuple(channels[number] for number in order))) == []
    assert dialled(book) == [(Direction.OUTBOUND, "PJSIP/101")]
