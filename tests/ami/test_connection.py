"""The AMI connection: it comes up, heals, and says in one line what is wrong."""

import asyncio

import pytest
from fake_asterisk import FakeAsterisk, frame
from listener import Heard, connected

from cti_bridge.calls.events import CallerQueued, CallOffered
from cti_bridge.domain.ids import CallId, ChannelId

JOIN = {
    "Event": "QueueCallerJoin",
    "Channel": "PJSIP/trunk-00000001",
    "Uniqueid": "main-1.1",
    "Linkedid": "main-1.1",
    "CallerIDNum": "+74950000150",
    "CallerIDName": "Иванов Пётр",
    "Queue": "sales",
}


async def test_it_logs_in_takes_a_snapshot_and_passes_events_on() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard):
        await heard.until(lambda: heard.states == [("up", "")])
        assert len(heard.snapshots) == 1
        await asterisk.say(frame(JOIN))
        await heard.until(lambda: heard.events)
        assert isinstance(heard.events[0], CallerQueued)


async def test_a_name_split_at_every_byte_arrives_whole() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard):
        await heard.until(lambda: heard.states == [("up", "")])
        sent = frame(JOIN)
        await asterisk.say(*(sent[place : place + 1] for place in range(len(sent))))
        await heard.until(lambda: heard.events)
        (event,) = heard.events
        assert isinstance(event, CallerQueued)
        assert event.caller_id.name == "Иванов Пётр"


async def test_a_wrong_password_is_one_clear_reason_and_is_tried_again() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard, secret="falsch"):
        await heard.until(lambda: len(heard.states) == 2)
        assert heard.states[0] == ("down", "AMI refused the login of user 'cti': wrong name or secret")
        asterisk.secret = "falsch"
        await heard.until(lambda: ("up", "") in heard.states)


async def test_nobody_there_is_said_and_healed_when_somebody_comes() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk:
        port = asterisk.port
    async with connected(port, heard):
        await heard.until(lambda: heard.states)
        assert heard.states[0][0] == "down"
        assert "refused" in heard.states[0][1]


async def test_a_filter_that_hides_all_events_is_noticed() -> None:
    heard = Heard()
    async with FakeAsterisk(deaf=True) as asterisk, connected(asterisk.port, heard):
        await heard.until(lambda: heard.states)
        assert heard.states[0][0] == "at_risk"
        assert "eventfilter" in heard.states[0][1]


async def test_a_cut_line_is_made_anew_with_a_new_snapshot() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard):
        await heard.until(lambda: ("up", "") in heard.states)
        asterisk.cut()
        await heard.until(lambda: [state for state, _ in heard.states] == ["up", "down", "up"])
        assert len(heard.snapshots) == 2
        assert asterisk.logins == 2


async def test_an_asterisk_that_falls_silent_is_given_up_and_tried_again() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard, ping_every_s=0.05):
        await heard.until(lambda: ("up", "") in heard.states)
        asterisk.silent.add("Ping")
        await heard.until(lambda: any("did not answer in time" in reason for _, reason in heard.states))


async def test_an_announced_shutdown_is_the_end_of_the_session() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard):
        await heard.until(lambda: ("up", "") in heard.states)
        await asterisk.say(frame({"Event": "Shutdown", "Shutdown": "Cleanly"}))
        await heard.until(lambda: any(state == "down" for state, _ in heard.states))


async def test_a_call_offered_while_the_snapshot_is_on_its_way_is_taken_after_it() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard) as connection:
        async with asyncio.timeout(30):
            while "CoreShowChannels" not in asterisk.actions:
                await asyncio.sleep(0)
        connection.feed(CallOffered(1.0, CallId("main-1.1"), ChannelId("main-1.1"), "main-1.1"))
        await heard.until(lambda: heard.events)
        assert heard.order == ["Snapshot", "CallOffered"]


@pytest.mark.parametrize(
    "noise", [b"\xff\xfe\r\n\r\n", b"no colon\r\n\r\n", b"Event: \r\n\r\n", b"Event: Hangup\r\nEvent: Hangup\r\n\r\n"]
)
async def test_noise_between_events_is_passed_over(noise: bytes) -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard):
        await heard.until(lambda: ("up", "") in heard.states)
        await asterisk.say(noise, frame(JOIN))
        await heard.until(lambda: any(isinstance(event, CallerQueued) for event in heard.events))
