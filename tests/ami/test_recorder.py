"""Recordings while they are made: masked inside, in order, bounded, and without a trace for whoever does not listen."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from fake_asterisk import FakeAsterisk, frame
from listener import Heard, at, running
from private_room import nobody_reloads
from prometheus_client import CollectorRegistry

from cti_bridge.asterisk.ami.connection import AmiConnection
from cti_bridge.asterisk.dialplan import RouteAnswer
from cti_bridge.asterisk.recording.lines import Kind
from cti_bridge.asterisk.recording.masking import Masker
from cti_bridge.asterisk.recording.recorder import Recorder, Recording
from cti_bridge.asterisk.recording.samples import NoSamplesLeft
from cti_bridge.asterisk.recording.tap import MAX_LISTENERS, Tap, TooManyListeners
from cti_bridge.readiness import Readiness
from cti_bridge.web.private import private_app
from cti_bridge.web.server import Listener

NAME, NUMBER = "Капитолина Зимогорова", "+74950000777"
WAITING = {"Channel": "PJSIP/trunk-00000001", "Uniqueid": "main-1795306548.1", "CallerIDName": NAME}
HANGUP = frame({"Event": "Hangup", "Uniqueid": "main-1795306548.1", "CallerIDNum": NUMBER, "AccountCode": NAME})
UNHEARD = frame({"Event": "MusicOnHoldStart", "Uniqueid": "main-1795306548.1"})


class Scene:
    """A fake Asterisk, the connection to it, and who records."""

    def __init__(self, asterisk: FakeAsterisk, heard: Heard, tap: Tap, ami: AmiConnection, recorder: Recorder) -> None:
        self.asterisk, self.heard, self.tap, self.ami, self.recorder = asterisk, heard, tap, ami, recorder


@asynccontextmanager
async def scene(*, limit: int = 1_000) -> AsyncIterator[Scene]:
    heard, tap = Heard(), Tap(limit=limit)
    async with FakeAsterisk() as asterisk:
        asterisk.channels = [WAITING]
        asterisk.queue_entries = [{"Uniqueid": "main-1795306548.1", "Queue": "sales"}]
        async with running(AmiConnection(at(asterisk.port), heard, heard.state, tap=tap)) as ami:
            await heard.until(lambda: ("up", "") in heard.states)
            yield Scene(asterisk, heard, tap, ami, recorder_of(tap, ami))


def recorder_of(tap: Tap, ami: AmiConnection) -> Recorder:
    return Recorder(tap, ami, pbx="main", region=lambda: "RU", phones=lambda: {"PJSIP/204": "k.zimogorova"})


async def until(recording: Recording, what: str) -> list[dict[str, Any]]:
    """Everything up to the line in which this stands."""
    text = ""
    async with asyncio.timeout(30):
        while what not in text:
            text += await recording.read(within_s=1) or ""
    return [json.loads(line) for line in text.splitlines()]


async def test_it_begins_with_all_there_is_and_goes_on_with_what_happens() -> None:
    async with scene() as it, it.recorder.record() as recording:
        assert json.loads(recording.header)["phones"] == {"PJSIP/101": "op1"}
        first = await until(recording, '"complete"')
        assert [line.get("snapshot") or line["ami"]["Event"] for line in first] == [
            "asked", "CoreShowChannel", "QueueEntry", "complete",
        ]  # fmt: skip
        assert first[1]["ami"]["CallerIDName"] not in (NAME, "")
        await it.asterisk.say(HANGUP)
        (line,) = await until(recording, "Hangup")
        assert line["ami"] == {"Event": "Hangup", "Uniqueid": "main-1795306548.1", "CallerIDNum": "+74950000000"}
        await it.heard.until(lambda: it.heard.order[-1] == "ChannelHungUp")  # the bridge has heard it as ever


async def test_a_new_session_is_in_it_with_its_own_list() -> None:
    async with scene() as it, it.recorder.record() as recording:
        await until(recording, '"complete"')
        it.asterisk.cut()
        said = await until(recording, '"complete"')
        assert said[0]["ami"]["Event"] == "FullyBooted"
        assert not [line for line in said if "cti-probe" in json.dumps(line)]


async def test_without_asterisk_it_records_what_the_dialplan_asks() -> None:
    tap, heard = Tap(), Heard()
    recorder = recorder_of(tap, AmiConnection(at(1), heard, heard.state))
    async with recorder.record() as recording:
        assert json.loads(recording.header)["asterisk"] == ""
        tap.agi({"agi_uniqueid": "1795306548.1", "agi_callerid": NUMBER, "agi_network_script": "route/geheim"})
        tap.answered(
            "1795306548.1",
            RouteAnswer({"CTI_RULE": "vip", "CTI_CUSTOMER_ID": "k-1"}, NAME, "matched", lambda complete: None),
            taken=True,
        )
        said = await until(recording, '"answer"')
    question, answer = (line for line in said if "snapshot" not in line)
    assert question["agi"] == {"agi_uniqueid": "1795306548.1", "agi_callerid": "+74950000000"}
    assert answer["answer"]["variables"] == {"CTI_RULE": "vip", "CTI_DECISION": "matched"}


async def test_events_that_the_bridge_does_not_need_are_read_only_while_somebody_records() -> None:
    async with scene() as it:
        assert it.ami._wants("MusicOnHoldStart") is False
        async with it.recorder.record() as recording:
            await it.asterisk.say(UNHEARD)
            assert (await until(recording, "MusicOnHoldStart"))[-1]["ami"]["Event"] == "MusicOnHoldStart"
        assert it.tap.listening == 0
        assert it.ami._wants("MusicOnHoldStart") is False


async def test_a_slow_reader_misses_messages_and_is_told_how_many() -> None:
    async with scene(limit=10) as it, it.recorder.record() as recording:
        await until(recording, '"complete"')
        for _ in range(25):
            it.tap.snapshot("failed")
        assert it.tap.lost == 15
        assert (await recording.read(within_s=1) or "").count("\n") == 10
        it.tap.snapshot("asked")
        said = await until(recording, "asked")
        assert [line.get("lost") or line["snapshot"] for line in said] == [15, "asked"]


async def test_while_much_is_waiting_to_be_masked_everything_else_has_its_turn() -> None:
    async with scene() as it, it.recorder.record() as recording:
        await until(recording, '"complete"')
        for _ in range(200):
            it.tap.ami({"Event": "Hangup", "Uniqueid": "main-1795306548.1"})
        turns = 0

        async def something_else() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(something_else())
        for _ in range(4):
            await recording.read(within_s=1)
        other.cancel()
        assert turns >= 3


async def test_there_is_room_for_a_few_recordings() -> None:
    tap = Tap()
    listeners = [tap.listen() for _ in range(MAX_LISTENERS)]
    with pytest.raises(TooManyListeners):
        tap.listen()
    tap.leave(listeners[0])
    tap.listen()


async def test_more_numbers_than_there_are_samples_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_: object) -> None:
        raise NoSamplesLeft("more than 10000 different numbers")

    async with scene() as it, it.recorder.record() as recording:
        await until(recording, '"complete"')
        monkeypatch.setattr(Masker, "event", no_more)
        await it.asterisk.say(HANGUP, HANGUP)
        (line,) = await until(recording, "end")
        assert line["end"] == "more than 10000 different numbers"
        assert await recording.read(within_s=1) is None


async def test_when_the_bridge_stops_it_ends_with_a_word() -> None:
    async with scene() as it, it.recorder.record() as recording:
        await until(recording, '"complete"')
        it.tap.close()
        assert (await until(recording, "end"))[-1]["end"] == "the bridge stops"
        assert await recording.read(within_s=1) is None
        with pytest.raises(TooManyListeners):
            it.tap.listen()


async def test_over_http_it_is_lines_and_a_reader_who_leaves_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti_bridge.web.private.SIGN_OF_LIFE_S", 0.05)
    async with scene() as it:
        app = private_app(Readiness([]), CollectorRegistry(), it.recorder, nobody_reloads(tmp_path), mode="live")
        listener = Listener(app, "127.0.0.1", 0)
        await listener.start()
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{listener.port}") as http:
                async with http.head("/recording") as asked:
                    assert asked.status == 405, "who only asks what there is begins no recording"
                readers = [await http.get("/recording") for _ in range(MAX_LISTENERS)]
                assert json.loads(await readers[0].content.readline())["recording"] == 1
                async with http.get("/recording") as refused:
                    assert (refused.status, await refused.text()) == (503, "2 recordings are being made already\n")
                readers[0].close()
                async with asyncio.timeout(30):
                    while it.tap.listening == MAX_LISTENERS:
                        await asyncio.sleep(0.01)
                it.tap.close()
                rest = await readers[1].text()
                assert '"end":"the bridge stops"' in rest.splitlines()[-1]
                assert NAME not in rest and NUMBER not in rest
        finally:
            await listener.stop()
    assert Kind.END in rest
