"""Each recording gets an answer to the question for its file, whatever becomes of the question."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from panoramisk.message import Message

from cti_bridge.asterisk.ami.file_names import FileNames, file_name
from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected
from cti_bridge.calls.events import RecordingNamed, RecordingStarted
from cti_bridge.domain.ids import ChannelId

T = ChannelId("main-1795288011.12")
BEGUN = RecordingStarted(1795288020.25, T)


class Pbx:
    """Says what a channel's file is, or fails to."""

    def __init__(self, file: str = "/var/spool/a.wav", *, error: Exception | None = None) -> None:
        self.asked: list[dict[str, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._file = file
        self._error = error

    async def ask(self, headers: Mapping[str, str]) -> Sequence[Message]:
        await self.gate.wait()
        self.asked.append(dict(headers))
        if self._error is not None:
            raise self._error
        return [Message({"Response": "Success", "Variable": "MIXMONITOR_FILENAME", "Value": self._file})]


@asynccontextmanager
async def naming(pbx: Pbx, *, limit: int = 10) -> AsyncIterator[tuple[FileNames, list[RecordingNamed]]]:
    heard: list[RecordingNamed] = []
    names = FileNames(pbx.ask, heard.append, limit=limit)
    task = asyncio.create_task(names.run())
    try:
        yield names, heard
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(heard: list[RecordingNamed], count: int) -> None:
    async with asyncio.timeout(30):
        while len(heard) < count:
            await asyncio.sleep(0)


async def test_the_channel_is_asked_and_the_answer_is_told_with_the_beginning() -> None:
    pbx = Pbx()
    async with naming(pbx) as (names, heard):
        names.want(BEGUN)
        await until(heard, 1)
    assert pbx.asked == [{"Action": "Getvar", "Channel": T, "Variable": "MIXMONITOR_FILENAME"}]
    assert (heard[0].channel, heard[0].started_at, heard[0].file) == (T, BEGUN.at, "/var/spool/a.wav")


@pytest.mark.parametrize(
    "error", [NotConnected("cut"), ActionRefused("No such channel"), TimeoutError(), ValueError("a line break")]
)
async def test_when_it_cannot_be_asked_the_answer_is_that_nobody_knows(error: Exception) -> None:
    async with naming(Pbx(error=error)) as (names, heard):
        names.want(BEGUN)
        names.want(BEGUN)
        await until(heard, 2)
    assert {named.file for named in heard} == {""}


async def test_a_recording_never_gets_the_file_of_the_next_one_on_its_channel() -> None:
    pbx = Pbx("/var/spool/second.wav")  # what the variable says by the time it is asked for
    pbx.gate.clear()
    async with naming(pbx) as (names, heard):
        names.want(BEGUN)
        names.want(RecordingStarted(BEGUN.at + 1, T))
        names.want(RecordingStarted(BEGUN.at + 1, ChannelId("main-1795288011.13")))
        pbx.gate.set()
        await until(heard, 3)
        names.want(RecordingStarted(BEGUN.at + 2, T))
        await until(heard, 4)
    assert [named.file for named in heard] == ["", *["/var/spool/second.wav"] * 3]


async def test_when_too_many_wait_the_rest_is_answered_at_once() -> None:
    pbx = Pbx()
    pbx.gate.clear()
    async with naming(pbx, limit=3) as (names, heard):
        for _ in range(5):
            names.want(BEGUN)
        assert [named.file for named in heard] == ["", ""]
        pbx.gate.set()
        await until(heard, 5)


@pytest.mark.parametrize("said", ["/var/spool/asterisk/monitor/2026/Запись 1 «Кухни».wav", "a" * 1024, ""])
def test_a_name_is_kept_as_it_is(said: str) -> None:
    assert file_name(said) == said


@pytest.mark.parametrize("said", ["a" * 1025, "/a\x1b[2J", "/a\nb", "/a\u202eb", "/a\ufeff", "/a\ud800", "\x00"])
def test_a_name_that_could_speak_to_a_terminal_or_has_no_end_is_not(said: str) -> None:
    assert file_name(said) == ""
