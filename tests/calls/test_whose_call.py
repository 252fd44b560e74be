"""A finished call stays as it ended, nobody is shown a call that he is not asked about, and nothing stays behind."""

from dataclasses import replace

from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import MAX_GONE_LEGS
from cti_bridge.calls.events import (
    CallerQueued,
    ChannelBridged,
    ChannelHeld,
    ChannelHungUp,
    LegAnswered,
    LegRinging,
    LegStopped,
    SeenChannel,
    Snapshot,
    Stop,
)
from cti_bridge.calls.leg import LegState
from cti_bridge.domain.ids import ChannelId

T, SECOND, A, A2, B, A3, C = (ChannelId(f"1.{number}") for number in range(1, 8))
NAMES = {
    T: "PJSIP/trunk-00000001",
    SECOND: "PJSIP/trunk-00000002",
    A: "PJSIP/101-00000003",
    A2: "PJSIP/101-00000004",
    B: "PJSIP/102-00000005",
    A3: "PJSIP/101-00000006",
    C: "PJSIP/103-00000007",
}


def book() -> CallBook:
    return CallBook("main", is_operator_phone=lambda interface: interface.startswith("PJSIP/1"))


def rings(at: float, leg: ChannelId, caller: ChannelId, linkedid: str, queue: str = "") -> LegRinging:
    return LegRinging(
        at, leg, NAMES[leg], NAMES[leg][:-9], caller, NAMES[caller], linkedid, queue,
        caller_interface=NAMES[caller][:-9],
    )  # fmt: skip


def answers(at: float, leg: ChannelId, caller: ChannelId) -> LegAnswered:
    return LegAnswered(at, leg, NAMES[leg], NAMES[leg][:-9], caller)


def joins(at: float, channel: ChannelId, bridge: str) -> ChannelBridged:
    return ChannelBridged(at, channel, NAMES[channel], NAMES[channel][:-9], bridge)


def seen(channel: ChannelId, linkedid: str, bridge: str, *, dialled: bool = False) -> SeenChannel:
    return SeenChannel(channel, NAMES[channel], NAMES[channel][:-9], linkedid, False, dialled, bridge)


def answered(calls: CallBook, caller: ChannelId, leg: ChannelId, at: float, bridge: str) -> None:
    for event in (
        CallerQueued(at, caller, caller, "sales"),
        rings(at, leg, caller, caller, "sales"),
        answers(at + 1, leg, caller),
        joins(at + 1, leg, bridge),
        joins(at + 1, caller, bridge),
    ):
        calls.apply(event)


def test_those_who_go_on_after_a_finished_call_make_a_call_of_their_own() -> None:
    calls = book()
    answered(calls, T, A, 10, "one")
    (over,) = calls.apply(ChannelHungUp(20, T))
    assert over.after.ended_at == 20

    (moved,) = calls.apply(CallerQueued(21, A, T, "support"))
    assert moved.after.id != over.after.id, "the finished call, which was answered, would be written over"
    (dialled,) = calls.apply(rings(22, C, B, T))
    assert dialled.after.id not in (over.after.id, moved.after.id)


def test_a_colleague_who_is_asked_about_one_call_is_not_shown_another_after_an_interruption() -> None:
    calls = book()
    answered(calls, T, A, 10, "one")
    calls.apply(ChannelHeld(12, A, on=True))
    (asked,) = calls.apply(rings(13, B, A2, A2))
    calls.apply(answers(14, B, A2))
    calls.apply(ChannelHeld(15, A, on=False))
    answered(calls, SECOND, A3, 16, "two")

    calls.resync(
        Snapshot(
            20,
            (
                seen(T, T, "one"), seen(A, T, "one", dialled=True), seen(A2, A2, "three"),
                seen(B, A2, "three", dialled=True), seen(SECOND, SECOND, "two"),
                seen(A3, SECOND, "two", dialled=True),
            ),
        )
    )  # fmt: skip
    first, second = calls.live()
    assert first.id == asked.after.id
    leg = first.leg(B)
    assert leg is not None
    assert leg.state is LegState.CONSULTING
    assert second.leg(B) is None, "another customer's call, of which nobody asks him anything"


def test_phones_that_a_call_no_longer_remembers_are_not_remembered_elsewhere() -> None:
    calls = book()
    calls.apply(CallerQueued(1, T, T, "sales"))
    phones = [ChannelId(f"2.{number}") for number in range(2 * MAX_GONE_LEGS)]
    for number, phone in enumerate(phones):
        event = rings(2, B, T, T, "sales")
        calls.apply(replace(event, leg=phone, leg_name=f"{event.interface}-{number:08x}"))
    for phone in phones:
        calls.apply(LegStopped(3, phone, Stop.CANCELLED))
        calls.apply(ChannelHungUp(3, phone))
    assert calls.at(["PJSIP/102"]) == ()
    calls.apply(ChannelHungUp(4, T))
    where = calls._live.where  # what is left behind here shows nowhere else
    assert (where.of_caller, where.of_leg, where.leg_named) == ({}, {}, {})
