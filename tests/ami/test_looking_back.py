"""When Asterisk is heard again: first what happened before, then what there is now, then what comes since the login."""

import time
from collections.abc import Iterable
from dataclasses import replace

import pytest
from fake_asterisk import FakeAsterisk, frame
from listener import Heard, at, running

from cti_bridge.asterisk.ami.connection import AmiConnection
from cti_bridge.asterisk.ami.hearing import Interruption
from cti_bridge.calls.events import ChannelHungUp, Snapshot
from cti_bridge.domain.ids import ChannelId

STAMP = 1795318700.5
GONE = {"Event": "Hangup", "Uniqueid": "main-1.1", "Channel": "PJSIP/trunk-00000001", "Cause": "16"}


class Talkative(FakeAsterisk):
    """Has something to tell in the moment of a login, and says how long it has been up."""

    def _answers(self, action: dict[str, str]) -> Iterable[bytes]:
        for answer in super()._answers(action):
            yield answer.replace(b"Fully Booted\r\n", b"Fully Booted\r\nUptime: 7\r\n")
        if action["Action"] == "Login":
            yield frame(GONE | {"Timestamp": str(STAMP)})


class Memory:
    """Looks back, and finds that a channel hung up; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Interruption] = []

    async def __call__(self, interruption: Interruption) -> Snapshot:
        self.asked.append(interruption)
        return replace(interruption.snapshot, past=(ChannelHungUp(STAMP - 1, ChannelId("main-1.2")),))


async def test_the_past_comes_before_the_snapshot_and_what_came_with_the_login_after_it() -> None:
    heard, memory = Heard(), Memory()
    async with Talkative() as asterisk, running(AmiConnection(at(asterisk.port), heard, heard.state, look_back=memory)):
        await heard.until(lambda: len(heard.order) == 3)
        assert heard.order == ["past ChannelHungUp", "Snapshot", "ChannelHungUp"]


async def test_each_session_asks_once_since_what_was_heard_last() -> None:
    heard, memory = Heard(), Memory()
    async with Talkative() as asterisk, running(AmiConnection(at(asterisk.port), heard, heard.state, look_back=memory)):
        await heard.until(lambda: ("up", "") in heard.states)
        asterisk.cut()
        await heard.until(lambda: [state for state, _ in heard.states] == ["up", "down", "up"])
    first, second = memory.asked
    assert (first.heard_until, first.last_there, first.earlier_start) == (None, 0.0, None)
    assert second.heard_until == first.snapshot.at
    assert first.snapshot.at < second.last_there < second.snapshot.at
    assert second.up_for_s == 7.0
    assert second.earlier_start is not None and second.restarted_since(second.heard_until or 0.0) is None


async def test_what_was_heard_last_is_what_is_asked_for_the_journal() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk, running(AmiConnection(at(asterisk.port), heard, heard.state)) as ami:
        assert ami.heard_until is None
        await heard.until(lambda: ("up", "") in heard.states)
        assert ami.heard_until == heard.snapshots[0].at
        later = heard.snapshots[0].at + 0.5
        await asterisk.say(frame(GONE | {"Timestamp": str(later)}))
        await heard.until(lambda: heard.events)
        assert ami.heard_until == later


async def test_after_the_clock_was_set_back_it_is_known_when_something_was_heard_last() -> None:
    heard, memory, ahead_s = Heard(), Memory(), 3600.0

    def now() -> float:
        return time.time() + ahead_s

    async with (
        FakeAsterisk() as asterisk,
        running(AmiConnection(at(asterisk.port), heard, heard.state, look_back=memory, now=now)) as ami,
    ):
        await heard.until(lambda: ("up", "") in heard.states)
        ahead_s = 0.0
        ami.clock_was_set(-3600.0)
        asterisk.cut()
        await heard.until(lambda: len(heard.states) == 3)
    before, after = memory.asked
    assert after.heard_until == before.snapshot.at - 3600.0
    assert after.heard_until < after.last_there < after.snapshot.at


@pytest.mark.parametrize("behind_s", [3600.0, -3600.0])
async def test_how_far_the_clock_of_the_pbx_is_from_ours_is_known_when_no_event_says_it(behind_s: float) -> None:
    heard, memory = Heard(), Memory()
    async with FakeAsterisk() as asterisk:
        asterisk.behind_s = behind_s
        async with running(AmiConnection(at(asterisk.port), heard, heard.state, look_back=memory)):
            await heard.until(lambda: ("up", "") in heard.states)
    assert memory.asked[0].later_s == pytest.approx(behind_s, abs=1.0)


async def test_what_a_session_that_fails_has_heard_is_asked_for_again() -> None:
    heard, memory = Heard(), Memory()
    async with Talkative() as asterisk, running(AmiConnection(at(asterisk.port), heard, heard.state, look_back=memory)):
        asterisk.silent.add("QueueStatus")
        await heard.until(lambda: heard.states)
        assert (heard.order, memory.asked) == ([], [])
        asterisk.silent.clear()
        await heard.until(lambda: ("up", "") in heard.states)
        assert heard.order == ["past ChannelHungUp", "Snapshot", "ChannelHungUp"]
        assert [interruption.heard_until for interruption in memory.asked] == [None]
