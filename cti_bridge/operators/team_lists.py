"""Who of the team is ringing or talking, for everybody's page: paced, because no caller waits for it."""

import asyncio
from collections.abc import Callable

from cti_bridge.operators import protocol
from cti_bridge.operators.connection import Frame
from cti_bridge.operators.protocol import Json
from cti_bridge.operators.streams import Stream, Streams

SLICE_BYTES = 1024 * 1024


class TeamLists:
    """Sends the team list after it changed, many changes as one list.

    The lists have no number in anybody's stream and nobody who missed one gets it later: the newest says it all, and
    one every second would push out of the streams what a page has to know.
    """

    def __init__(
        self,
        team_now: Callable[[], list[Json]],
        streams: Streams,
        deliver: Callable[[Stream, Frame], None],
        *,
        timestamp: Callable[[], str],
        pause_s: float,
    ) -> None:
        self._team_now = team_now
        self._streams = streams
        self._deliver = deliver
        self._timestamp = timestamp
        self._pause_s = pause_s
        self._dirty = asyncio.Event()
        self._tail: bytes | None = None

    def changed(self) -> None:
        """The list that was sent last is old."""
        self._dirty.set()
        self._tail = None

    @property
    def tail(self) -> bytes:
        """The list as it is now, as the end of a `welcome`: made once for all pages that come back together."""
        if self._tail is None:
            self._tail = protocol.team_tail(self._team_now())
        return self._tail

    async def run(self) -> None:
        """Send a list whenever there is a new one, until cancelled."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            body = protocol.event_body(self._timestamp(), "team.updated", {"team": self._team_now()})
            frame = Frame(protocol.UNNUMBERED, body, type="team.updated")
            # A long list for many pages is sent in slices: it may be late, a pop may not.
            streams = self._streams.all()
            at_once = max(1, SLICE_BYTES // len(body))
            for start in range(0, len(streams), at_once):
                for stream in streams[start : start + at_once]:
                    self._deliver(stream, frame)
                await asyncio.sleep(self._pause_s)
