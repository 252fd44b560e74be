"""What is recorded of a call is known with it, and the call is closed when nothing of that changes any more."""

import pytest

from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import Call, CallState
from cti_bridge.calls.events import (
    CallerQueued,
    CallEvent,
    CallOffered,
    ChannelBridged,
    ChannelHungUp,
    LegAnswered,
    LegRinging,
    RecordingNamed,
    RecordingStarted,
    RecordingStopped,
    SeenChannel,
    Snapshot,
)
from cti_bridge.calls.recordings import MAX_ON_A_CHANNEL, Recording, Recordings
from cti_bridge.domain.ids import CallId, ChannelId

T, A, OTHER = ChannelId("main-1.1"), ChannelId("main-1.2"), ChannelId("main-1.3")
CALL = CallId("main-1.1")
PHONE, TRUNK = "PJSIP/101", "PJSIP/trunk"
ARRIVES = (CallOffered(1.0, CALL, T, T), CallerQueued(2.0, T, T, "sales"))
TALKS = (
    LegRinging(3.0, A, f"{PHONE}-1", PHONE, T, f"{TRUNK}-1", T, "sales"),
    LegAnswered(4.0, A, f"{PHONE}-1", PHONE, T),
    ChannelBridged(4.0, A, f"{PHONE}-1", PHONE, "b-1"),
    ChannelBridged(4.0, T, f"{TRUNK}-1", TRUNK, "b-1"),
)
OVER = (ChannelHungUp(9.0, T), ChannelHungUp(9.0, A))


class Told:
    """A book, and the call as it was after each event that changed it."""

    def __init__(self, *events: CallEvent) -> None:
        self.book = CallBook("main", is_operator_phone=lambda interface: interface == PHONE)
        self.calls: list[Call] = []
        self.tell(*events)

    def tell(self, *events: CallEvent) -> "Told":
        for event in events:
            self.calls += [change.after for change in self.book.apply(event) if change.after.id == CALL]
        return self

    @property
    def call(self) -> Call:
        return self.calls[-1]

    @property
    def states(self) -> list[str]:
        return list(dict.fromkeys(call.state.value for call in self.calls))


def begins(at: float = 5.0, channel: ChannelId = T) -> RecordingStarted:
    return RecordingStarted(at, channel)


def named(file: str = "/var/spool/a.wav", *, since: float = 5.0, channel: ChannelId = T) -> RecordingNamed:
    return RecordingNamed(since + 0.01, channel, since, file)


A_WAV = "/var/spool/a.wav"


def test_a_call_that_nothing_was_recorded_of_is_closed_with_its_end() -> None:
    assert Told(*ARRIVES, *TALKS, *OVER).states == ["offered", "queued", "ringing", "talking", "closed"]


def test_a_recording_of_the_caller_ends_with_him_and_nobody_says_so() -> None:
    told = Told(*ARRIVES, *TALKS, begins(), named(), *OVER)
    assert told.call.recordings == (Recording(T, 5.0, A_WAV, 9.0),)
    assert told.states[-1] == "closed"
    assert "ended" not in told.states


def test_a_recording_that_began_before_we_knew_of_the_call_is_its_own() -> None:
    told = Told(begins(0.5), named(since=0.5), *ARRIVES)
    assert told.call.recordings == (Recording(T, 0.5, A_WAV),)
    assert told.tell(*OVER).call.recordings == (Recording(T, 0.5, A_WAV, 9.0),)


def test_a_phone_that_is_recorded_before_it_rings_brings_its_recording() -> None:
    told = Told(*ARRIVES, begins(2.9, A), *TALKS, named(since=2.9, channel=A))
    assert told.call.recordings == (Recording(A, 2.9, A_WAV),)


def test_a_file_that_is_still_being_asked_for_keeps_the_call_open() -> None:
    told = Told(*ARRIVES, *TALKS, begins(), *OVER)
    assert told.call.state is CallState.ENDED
    assert len(told.book) == 0
    assert told.tell(named()).call.state is CallState.CLOSED
    assert told.call.recordings == (Recording(T, 5.0, A_WAV, 9.0),)
    assert told.call.ended_at == 9.0


def test_a_file_that_nobody_knows_closes_it_as_well() -> None:
    assert Told(*ARRIVES, begins(), *OVER, named("")).call.state is CallState.CLOSED


def test_an_operator_who_goes_on_talking_and_is_recorded_keeps_the_call_open_until_he_is_done() -> None:
    told = Told(*ARRIVES, *TALKS, begins(5.0, A), named(channel=A), ChannelHungUp(9.0, T))
    assert (told.call.state, told.call.ended_at) == (CallState.ENDED, 9.0)
    assert told.tell(ChannelHungUp(30.0, A)).call.state is CallState.CLOSED
    assert (told.call.ended_at, told.call.recordings) == (9.0, (Recording(A, 5.0, A_WAV, 30.0),))


def test_a_snapshot_without_his_channel_closes_it() -> None:
    told = Told(*ARRIVES, *TALKS, begins(5.0, A), named(channel=A), ChannelHungUp(9.0, T))
    still_there = SeenChannel(A, f"{PHONE}-1", PHONE, T, False, True)
    assert not told.book.resync(Snapshot(20.0, (still_there,)))
    (change,) = told.book.resync(Snapshot(40.0, ()))
    assert (change.after.state, change.after.recordings) == (CallState.CLOSED, (Recording(A, 5.0, A_WAV, 40.0),))
    assert not told.book.resync(Snapshot(50.0, ()))


def test_a_snapshot_means_that_nobody_is_being_asked_any_more() -> None:
    told = Told(*ARRIVES, *TALKS, begins(), *OVER)
    (change,) = told.book.resync(Snapshot(40.0, ()))
    assert (change.after.state, change.after.recordings) == (CallState.CLOSED, (Recording(T, 5.0, "", 9.0),))


def test_one_after_another_and_both_at_once() -> None:
    told = Told(
        *ARRIVES, *TALKS,
        begins(5.0), named("/a", since=5.0), RecordingStopped(6.0, T),
        begins(7.0), named("/b", since=7.0),
        begins(8.0), named("/c", since=8.0), RecordingStopped(8.5, T),
        *OVER,
    )  # fmt: skip
    assert told.call.recordings == (
        Recording(T, 5.0, "/a", 6.0),
        Recording(T, 7.0, "/b", 9.0),
        Recording(T, 8.0, "/c", 8.5),
    )


def test_everything_told_twice_is_one_recording() -> None:
    events = (begins(), named(), RecordingStopped(6.0, T), *OVER)
    twice = [event for event in events for _ in range(2)]
    assert Told(*ARRIVES, *TALKS, *twice, begins(), named("/other")).call == Told(*ARRIVES, *TALKS, *events).call


@pytest.mark.parametrize(
    "event",
    [named(), RecordingStopped(6.0, T), begins(5.0, OTHER), named(channel=OTHER)],
    ids=lambda e: type(e).__name__,
)
def test_what_is_nobodys_recording_changes_no_call(event: CallEvent) -> None:
    told = Told(*ARRIVES, *TALKS)
    before = len(told.calls)
    assert len(told.tell(event).calls) == before


def test_a_call_that_was_recorded_when_the_bridge_stopped_is_followed_on() -> None:
    before = Told(*ARRIVES, *TALKS, begins(), named()).call
    after = Told()
    after.book.restore(before)
    after.tell(ChannelHungUp(9.0, T))
    assert (after.call.state, after.call.recordings) == (CallState.CLOSED, (Recording(T, 5.0, A_WAV, 9.0),))


class TestBounds:
    """Nobody records so much that it could not be followed."""

    def test_of_too_many_channels_the_oldest_is_taken_to_be_over(self) -> None:
        recordings = Recordings(limit=2)
        changed = [recordings.apply(begins(float(number), ChannelId(f"1.{number}"))) for number in range(3)]
        assert changed == [["1.0"], ["1.1"], ["1.2", "1.0"]]
        assert recordings.on(ChannelId("1.0")) == (Recording(ChannelId("1.0"), 0.0, "", 2.0),)
        assert recordings.dropped == 1

    def test_of_too_many_on_one_channel_the_latest_are_kept(self) -> None:
        recordings = Recordings()
        for number in range(MAX_ON_A_CHANNEL + 5):
            recordings.apply(begins(float(number)))
        assert [one.started_at for one in recordings.on(T)] == [float(n) for n in range(5, MAX_ON_A_CHANNEL + 5)]

    def test_a_channel_that_is_gone_and_complete_is_forgotten(self) -> None:
        recordings = Recordings()
        recordings.apply(begins())
        recordings.settle(T)
        assert recordings.hangs_up(T, 9.0)
        recordings.settle(T)
        assert recordings.channels() == (T,), "its file is not known yet"
        recordings.apply(named())
        recordings.settle(T)
        assert recordings.channels() == ()
