"""What a snapshot says of consultations and Local channels is the same in whatever order Asterisk lists them."""

from itertools import permutations

import pytest

from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import CallState
from cti_bridge.calls.events import CallOffered, ChannelBridged, LegAnswered, LegRinging, SeenChannel, Snapshot
from cti_bridge.calls.leg import LegState
from cti_bridge.domain.ids import CallId, ChannelId

T, A, A2, B = (ChannelId(f"main-1.{number}") for number in range(1, 5))
C2, C = ChannelId("main-1.5"), ChannelId("main-1.6")
CALL = CallId(T)
AT = 50.0


def book() -> CallBook:
    return CallBook("main", is_operator_phone=lambda interface: interface.startswith("PJSIP/1"))


def seen(channel: ChannelId, phone: str, linkedid: str, bridge: str, *, dialled: bool = True) -> SeenChannel:
    return SeenChannel(channel, f"{phone}-00000001", phone, linkedid, False, dialled, bridge)


TRUNK = seen(T, "PJSIP/trunk", T, "talk", dialled=False)
ASKING = seen(A2, "PJSIP/101", A2, "aside", dialled=False)


@pytest.mark.parametrize("channels", list(permutations([
    TRUNK, seen(A, "PJSIP/101", T, "talk"), ASKING, seen(B, "PJSIP/102", A2, "aside"),
])))  # fmt: skip
def test_whoever_is_asked_is_asked_about_the_call(channels: tuple[SeenChannel, ...]) -> None:
    calls = book()
    calls.apply(CallOffered(1.0, CALL, T, T))
    calls.resync(Snapshot(AT, channels))

    (call,) = calls.live()
    assert {leg.id: leg.state for leg in call.legs} == {A: LegState.TALKING, B: LegState.CONSULTING}


@pytest.mark.parametrize("channels", list(permutations([
    TRUNK, seen(B, "PJSIP/102", T, "talk"), seen(C2, "PJSIP/102", C2, "aside", dialled=False),
    seen(C, "PJSIP/103", C2, "aside"),
])))  # fmt: skip
def test_who_was_asked_and_got_the_caller_unseen_asks_about_the_same_call(channels: tuple[SeenChannel, ...]) -> None:
    calls = book()
    calls.apply(CallOffered(1.0, CALL, T, T))
    calls.resync(Snapshot(10.0, (TRUNK, seen(A, "PJSIP/101", T, "talk"))))
    calls.apply(LegRinging(11.0, B, "PJSIP/102-00000001", "PJSIP/102", A2, "PJSIP/101-00000001", A2,
                           caller_interface="PJSIP/101"))  # fmt: skip
    calls.apply(LegAnswered(12.0, B, "PJSIP/102-00000001", "PJSIP/102", A2))
    calls.resync(Snapshot(AT, channels))

    (call,) = calls.live()
    states = {leg.id: leg.state for leg in call.legs if leg.state is not LegState.GONE}
    assert states == {B: LegState.TALKING, C: LegState.CONSULTING}


@pytest.mark.parametrize("channels", list(permutations([
    TRUNK,
    SeenChannel(A, "Local/102@from-phones-00000001;1", "Local/102@from-phones", T, False, False, "talk"),
    SeenChannel(A2, "Local/102@from-phones-00000001;2", "Local/102@from-phones", T, False, False, "inside"),
    seen(B, "PJSIP/102", T, "inside"),
])))  # fmt: skip
def test_the_caller_of_a_call_that_came_unseen_is_no_half_of_a_local_channel(channels: tuple[SeenChannel, ...]) -> None:
    calls = book()
    calls.resync(Snapshot(AT, channels))

    (call,) = calls.live()
    assert (call.id, call.channel, call.state) == (CALL, T, CallState.TALKING)
    calls.apply(ChannelBridged(AT + 1, T, "PJSIP/trunk-00000001", "PJSIP/trunk", "elsewhere"))
    assert [live.channel for live in calls.live()] == [T]
