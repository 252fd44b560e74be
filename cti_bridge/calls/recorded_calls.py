"""Which call the recordings on a channel belong to, and what it is told of them. No I/O."""

from collections.abc import Iterable

from cti_bridge.calls.call import Call
from cti_bridge.calls.happenings import Recorded
from cti_bridge.calls.live_calls import LiveCalls
from cti_bridge.calls.recordings import Recordings
from cti_bridge.calls.table import step
from cti_bridge.domain.ids import CallId, ChannelId


class RecordedCalls:
    """Between the recordings, which have channels, and the calls."""

    def __init__(self, live: LiveCalls, recordings: Recordings) -> None:
        self._live = live
        self._recordings = recordings

    def told(self, channels: Iterable[ChannelId]) -> list[tuple[CallId, Recorded]]:
        """How the recordings on these channels are now, for the call of each; those that are complete are let go of."""
        where = self._live.where
        found: list[tuple[CallId, Recorded]] = []
        for channel in channels:
            call_id = self._recordings.call_of(channel) or where.of_caller.get(channel) or where.of_leg.get(channel)
            if call_id is not None:
                self._recordings.belong(channel, call_id)
                found.append((call_id, Recorded(channel, self._recordings.on(channel))))
            if self._live.is_gone(channel):
                self._recordings.settle(channel)
        return found

    def with_earlier(self, call: Call) -> Call:
        """The call with what is recorded on channels that were nobody's before."""
        if not self._recordings:
            return call
        for channel in (call.channel, *(leg.id for leg in call.legs)):
            taken = self._recordings.on(channel)
            if taken and self._recordings.call_of(channel) is None:
                self._recordings.belong(channel, call.id)
                call = step(call, Recorded(channel, taken))
        return call
