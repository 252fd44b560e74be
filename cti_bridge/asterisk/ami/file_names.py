"""Asks Asterisk for the file of each recording: the event that one has begun does not say.

The name is a variable of the channel on which it is recorded, and the channel may be gone a moment later; then the
recording is known, and its file is not. There is always an answer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from panoramisk.message import Message

from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected
from cti_bridge.asterisk.ami.translate import text
from cti_bridge.calls.events import RecordingNamed, RecordingStarted
from cti_bridge.domain.ids import ChannelId

MAX_WAITING = 1_000
"""Recordings whose file Asterisk is still to be asked for."""
LONGEST = 1_024
"""Characters of a file's name that are kept; Asterisk's own limit for a path is shorter."""
_VARIABLE = "MIXMONITOR_FILENAME"

Ask = Callable[[Mapping[str, str]], Awaitable[Sequence[Message]]]


class FileNames:
    """Asks for one file after another; `run` has to run meanwhile. `feed` hears each answer."""

    def __init__(self, ask: Ask, feed: Callable[[RecordingNamed], None], *, limit: int = MAX_WAITING) -> None:
        self._ask = ask
        self._feed = feed
        self._line: asyncio.Queue[RecordingStarted] = asyncio.Queue(limit)
        self._latest: dict[ChannelId, float] = {}
        """When the latest recording began on each channel that waits in the line."""

    def want(self, recording: RecordingStarted) -> None:
        """A recording has begun; never blocks. When too many wait already, it stays without a name."""
        try:
            self._line.put_nowait(recording)
            self._latest[recording.channel] = recording.at
        except asyncio.QueueFull:
            self._tell(recording, "")

    async def run(self) -> None:
        """Ask, until cancelled."""
        while True:
            recording = await self._line.get()
            file = await self._file_of(recording)
            if self._latest.get(recording.channel) == recording.at:
                del self._latest[recording.channel]
            else:
                file = ""  # the next one on this channel has begun, and the variable may have its name
            self._tell(recording, file)

    async def _file_of(self, recording: RecordingStarted) -> str:
        try:
            answer = await self._ask({"Action": "Getvar", "Channel": recording.channel, "Variable": _VARIABLE})
        except (NotConnected, ActionRefused, TimeoutError, ValueError):
            return ""
        return file_name(text(answer[0], "Value"))

    def _tell(self, recording: RecordingStarted, file: str) -> None:
        self._feed(RecordingNamed(time.time(), recording.channel, recording.at, file))


def file_name(said: str) -> str:
    """A file's name as it may be kept. One that no honest dialplan makes, too long or not printable, is not known."""
    return said if len(said) <= LONGEST and said.isprintable() else ""
