"""Whatever Asterisk does on AMI, the bridge waits for a limited time, keeps a limited amount, and tries again."""

import asyncio
import re
from contextlib import suppress

import pytest
from fake_asterisk import FakeAsterisk, frame
from listener import Heard, at, connected, running

from cti_bridge.asterisk.ami import protocol
from cti_bridge.asterisk.ami.connection import AmiConnection
from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected
from cti_bridge.calls.events import ChannelHungUp

HANGUP = {"Event": "Hangup", "Channel": "PJSIP/trunk-00000001", "Uniqueid": "main-1.1"}


async def test_every_action_that_is_sent_is_tried_below() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard, ping_every_s=0.05):
        await heard.until(lambda: ("up", "") in heard.states)
        async with asyncio.timeout(30):
            while "Ping" not in asterisk.actions:
                await asyncio.sleep(0.01)
        assert set(asterisk.actions) == {*NEEDED, "Originate"}


NEEDED = ("Login", "CoreShowChannels", "QueueStatus", "BridgeList", "Ping")


@pytest.mark.slow
@pytest.mark.parametrize("action", NEEDED)
async def test_an_action_that_is_never_answered_is_given_up_and_the_session_tried_again(action: str) -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk:
        asterisk.silent.add(action)
        async with connected(asterisk.port, heard, ping_every_s=0.05):
            await heard.until(lambda: [why for state, why in heard.states if state == "down"])
            assert "did not answer in time" in heard.states[-1][1]
            asterisk.silent.clear()
            await heard.until(lambda: heard.states[-1] == ("up", ""))


@pytest.mark.slow
@pytest.mark.parametrize("action", ["CoreShowChannels", "QueueStatus", "BridgeList"])
async def test_a_list_that_never_ends_is_given_up_and_changes_nothing(action: str) -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk:
        asterisk.endless.add(action)
        asterisk.channels = [{"Channel": "PJSIP/trunk-00000001", "Uniqueid": "main-1.1", "Linkedid": "main-1.1"}]
        async with connected(asterisk.port, heard):
            await heard.until(lambda: heard.states)
            assert "did not answer in time" in heard.states[0][1]
            assert heard.snapshots == [], "half a picture is none"
            asterisk.endless.clear()
            await heard.until(lambda: heard.snapshots)
            assert [seen.channel for seen in heard.snapshots[0].channels] == ["main-1.1"]


async def test_an_originate_that_is_never_answered_costs_the_proof_and_nothing_else() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk:
        asterisk.silent.add("Originate")
        async with connected(asterisk.port, heard):
            await heard.until(lambda: heard.states)
            assert heard.states == [("at_risk", heard.states[0][1])]
            await asterisk.say(frame(HANGUP))
            await heard.until(lambda: any(isinstance(event, ChannelHungUp) for event in heard.events))


async def test_a_fully_booted_that_never_comes_is_given_up() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard):
        asterisk.silent.add("FullyBooted")
        await heard.until(lambda: heard.states)
        assert "did not answer in time" in heard.states[0][1]
        asterisk.silent.clear()
        await heard.until(lambda: heard.states[-1] == ("up", ""))


async def test_an_answer_that_comes_late_changes_nothing() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard) as connection:
        await heard.until(lambda: ("up", "") in heard.states)
        asterisk.silent.add("Status")
        with pytest.raises(TimeoutError):
            await connection.ask({"Action": "Status", "ActionID": "late-1"})
        late = {"ActionID": "late-1"}
        await asterisk.say(
            frame({"Response": "Success", **late, "EventList": "start", "Message": "Channels will follow"}),
            frame({"Event": "Status", **late, "Uniqueid": "main-1.1"}),
            frame({"Event": "StatusComplete", **late, "EventList": "Complete"}),
            frame({"Response": "Error", **late, "Message": "No such channel"}),
            frame(HANGUP),
        )
        await heard.until(lambda: heard.events)
        assert heard.states == [("up", "")]
        assert len(heard.snapshots) == 1


async def test_who_waits_for_an_answer_when_the_line_is_cut_hears_at_once_that_none_will_come() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard) as connection:
        await heard.until(lambda: ("up", "") in heard.states)
        asking = asyncio.create_task(connection.ask({"Action": "Status"}))
        async with asyncio.timeout(30):
            while "Status" not in asterisk.actions:
                await asyncio.sleep(0)
        asterisk.cut()
        async with asyncio.timeout(0.4):  # less than the limit of an answer
            with pytest.raises(NotConnected, match="lost before the answer"):
                await asking


async def test_no_more_actions_wait_for_an_answer_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_UNANSWERED", 3)
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard) as connection:
        await heard.until(lambda: ("up", "") in heard.states)
        async with asyncio.timeout(30):
            results = await asyncio.gather(
                *(connection.ask({"Action": "Status"}) for _ in range(10)), return_exceptions=True
            )
        refused = [result for result in results if isinstance(result, ActionRefused)]
        late = [result for result in results if isinstance(result, TimeoutError)]
        assert len(late) + len(refused) == 10
        assert 1 <= len(late) <= 3
        assert "wait for their answer" in str(refused[0])
        assert (await connection.ask({"Action": "Ping"}))[0].success, "there is room again"


@pytest.mark.parametrize(
    ("bound", "value", "sent", "said"),
    [
        pytest.param(
            "MAX_FRAME", 2_000, b"Event: UserEvent\r\nName: " + "Ы".encode() * 5_000,
            "a frame of more than 2000 characters", id="a frame without an end",
        ),
        pytest.param(
            "MAX_FRAME", 2_000, b"x" * 5_000, "a frame of more than 2000 characters", id="a line without an end"
        ),
    ],
)  # fmt: skip
async def test_what_has_no_end_ends_the_session(
    monkeypatch: pytest.MonkeyPatch, bound: str, value: int, sent: bytes, said: str
) -> None:
    monkeypatch.setattr(protocol, bound, value)
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard):
        await heard.until(lambda: ("up", "") in heard.states)
        await asterisk.say(sent)
        await heard.until(lambda: [state for state, _ in heard.states] == ["up", "down", "up"])
        assert re.search(said, heard.states[1][1])


async def test_a_frame_is_measured_also_when_it_comes_in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_FRAME", 500)
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard):
        await heard.until(lambda: ("up", "") in heard.states)
        with suppress(ConnectionError):
            for _ in range(200):
                await asterisk.say(b"Name: " + b"x" * 20 + b"\r\n")
        await heard.until(lambda: any(state == "down" for state, _ in heard.states))


async def test_a_snapshot_that_is_too_long_ends_the_session_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "MAX_LIST", 50)
    heard = Heard()
    async with FakeAsterisk() as asterisk:
        asterisk.channels = [{"Channel": f"PJSIP/trunk-{n:08x}", "Uniqueid": f"main-1.{n}"} for n in range(60)]
        async with connected(asterisk.port, heard):
            await heard.until(lambda: heard.states)
            assert heard.states[0] == ("down", "Asterisk sent a list of more than 50 entries")
            assert heard.snapshots == []
            asterisk.channels = asterisk.channels[:50]
            await heard.until(lambda: heard.snapshots)
            assert len(heard.snapshots[0].channels) == 50


async def test_an_answer_of_too_many_frames_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_ANSWER", 20)
    heard = Heard()
    async with FakeAsterisk() as asterisk, connected(asterisk.port, heard) as connection:
        await heard.until(lambda: ("up", "") in heard.states)
        asterisk.channels = [{"Channel": f"PJSIP/trunk-{n:08x}", "Uniqueid": f"main-1.{n}"} for n in range(60)]
        with pytest.raises(NotConnected):
            await connection.ask({"Action": "CoreShowChannels"})
        await heard.until(lambda: any("more than 20 frames" in why for _, why in heard.states))


async def test_entries_of_a_list_are_not_kept_by_the_client() -> None:
    heard = Heard()
    async with FakeAsterisk() as asterisk:
        asterisk.channels = [{"Channel": f"PJSIP/trunk-{n:08x}", "Uniqueid": f"main-1.{n}"} for n in range(2_000)]
        connection = AmiConnection(at(asterisk.port), heard, heard.state)
        async with running(connection):
            await heard.until(lambda: ("up", "") in heard.states)
            assert len(heard.snapshots[0].channels) == 2_000
            entries: list[object] = []
            kept = await connection.ask({"Action": "CoreShowChannels"}, take=entries.append)
            assert (len(entries), len(kept)) == (2_000, 2)
