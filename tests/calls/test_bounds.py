"""However much seems to go on, the picture of it is bounded, and what gives way is told, written and counted."""

from collections.abc import Iterator

import pytest

from cti_bridge.calls.book import CallBook, Change
from cti_bridge.calls.call import CallState, Outcome
from cti_bridge.calls.events import (
    CallerQueued,
    CallEvent,
    CallOffered,
    ChannelCreated,
    ChannelHungUp,
    LegAnswered,
    LegRinging,
    SeenChannel,
    Snapshot,
)
from cti_bridge.calls.phones import PhonesInUse
from cti_bridge.domain.ids import CallId, ChannelId

PHONE = "PJSIP/101"


def book(limit: int) -> CallBook:
    return CallBook("main", is_operator_phone=lambda interface: interface.startswith("PJSIP/1"), limit=limit)


def offered(number: int) -> CallOffered:
    channel = ChannelId(f"main-1.{number}")
    return CallOffered(float(number), CallId(channel), channel, channel)


def rings(number: int, interface: str = PHONE) -> LegRinging:
    return LegRinging(
        float(number), leg=ChannelId(f"main-2.{number}"), leg_name=f"{interface}-{number:08x}", interface=interface,
        caller=ChannelId(f"main-1.{number}"), caller_name=f"PJSIP/trunk-{number:08x}", linkedid=f"main-1.{number}",
        queue="sales",
    )  # fmt: skip


def answers(number: int, interface: str = PHONE) -> LegAnswered:
    return LegAnswered(
        float(number), leg=ChannelId(f"main-2.{number}"), leg_name=f"{interface}-{number:08x}", interface=interface,
        caller=ChannelId(f"main-1.{number}"),
    )  # fmt: skip


def test_one_call_too_many_ends_the_oldest_for_everybody_who_has_to_know() -> None:
    full = book(limit=3)
    for number in (1, 2, 3):
        full.apply(offered(number))
    full.apply(rings(1))
    changes = full.apply(offered(4))

    assert [change.after.id for change in changes] == ["main-1.4", "main-1.1"]
    ended = changes[1]
    assert ended.before is not None
    assert ended.before.state is CallState.RINGING, "so its pop is taken down"
    assert (ended.after.state, ended.after.ended_at, ended.after.recovered) == (CallState.CLOSED, 4.0, True)
    assert (full.dropped, len(full)) == (1, 3)
    assert full.at([PHONE]) == ()


def test_a_call_that_had_to_give_way_does_not_come_back() -> None:
    full = book(limit=1)
    full.apply(offered(1))
    full.apply(rings(1))
    full.apply(offered(2))
    late: list[CallEvent] = [CallerQueued(5.0, ChannelId("main-1.1"), "main-1.1", "sales"), rings(1), answers(1)]
    assert [change for event in late for change in full.apply(event)] == []
    assert [call.id for call in full.live()] == ["main-1.2"]


def test_a_talk_that_had_to_give_way_was_answered() -> None:
    full = book(limit=1)
    full.apply(offered(1))
    full.apply(answers(1))
    (_, ended) = full.apply(offered(2))
    assert ended.after.outcome is Outcome.ANSWERED


@pytest.mark.slow
def test_ten_thousand_calls_at_once_never_exceed_the_limit_and_each_drop_is_counted() -> None:
    full = book(limit=2_000)
    for number in range(10_000):
        full.apply(offered(number))
        full.apply(rings(number, f"PJSIP/1{number % 50:02}"))
        assert len(full) <= 2_000
    assert full.dropped == 8_000
    assert sum(len(full.at([f"PJSIP/1{phone:02}"])) for phone in range(50)) == 2_000


def test_who_rings_or_talks_at_a_phone_is_found_and_nobody_else() -> None:
    calls = book(limit=10)
    for number in (1, 2, 3):
        calls.apply(offered(number))
    calls.apply(rings(1))
    calls.apply(rings(2))
    calls.apply(rings(3, "PJSIP/102"))
    calls.apply(answers(2))
    assert [call.id for call in calls.at([PHONE])] == ["main-1.1", "main-1.2"]
    assert [call.id for call in calls.at([PHONE, "PJSIP/102", "PJSIP/103"])] == ["main-1.1", "main-1.2", "main-1.3"]
    calls.apply(ChannelHungUp(9.0, ChannelId("main-2.1")))
    calls.apply(ChannelHungUp(9.0, ChannelId("main-1.2")))
    assert [call.id for call in calls.at([PHONE, "PJSIP/102"])] == ["main-1.3"]


class Counted(tuple[SeenChannel, ...]):
    """Channels that count how often somebody walks through all of them."""

    walks = 0

    def __iter__(self) -> Iterator[SeenChannel]:
        Counted.walks += 1
        return super().__iter__()


@pytest.mark.parametrize("calls", [10, 500])
def test_a_snapshot_is_walked_through_as_often_for_many_calls_as_for_few(calls: int) -> None:
    Counted.walks = 0
    seen = []
    for number in range(calls):
        channel, linkedid = ChannelId(f"main-1.{number}"), f"main-1.{number}"
        leg = ChannelId(f"main-2.{number}")
        seen.append(SeenChannel(channel, "PJSIP/trunk-00000001", "PJSIP/trunk", linkedid, False, False, queue="sales"))
        seen.append(SeenChannel(leg, f"{PHONE}-{number:08x}", PHONE, linkedid, True, True))
    changes: list[Change] = book(limit=1_000).resync(Snapshot(1.0, Counted(seen)))
    assert len({change.after.id for change in changes if change.after.state is CallState.RINGING}) == calls
    assert Counted.walks < 10


def test_more_channels_than_can_be_followed_leave_the_newest() -> None:
    phones = PhonesInUse(limit=3)
    for number in range(5):
        phones.apply(ChannelCreated(1.0, ChannelId(f"main-1.{number}"), f"PJSIP/{number}"))
    assert [number for number in range(5) if phones.busy(f"PJSIP/{number}")] == [2, 3, 4]
    assert phones.dropped == 2
