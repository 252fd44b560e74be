"""The book of live calls of one PBX: takes one event after another in, and keeps the new picture. No I/O, no clock.

Whose call an event is about is found in `calls/finding.py`, who talks with whom in `calls/talks.py`; what happens to
the call then is said by the table in `calls/table.py`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from cti_bridge.calls.call import Call
from cti_bridge.calls.events import (
    CallerId,
    CallerParked,
    CallerQueued,
    CallEvent,
    CallOffered,
    ChannelBridged,
    ChannelCreated,
    ChannelHungUp,
    ChannelUnbridged,
    LegAnswered,
    LegPickedUp,
    LegRinging,
    PbxRestarted,
    RecordingNamed,
    RecordingStarted,
    RecordingStopped,
    Snapshot,
)
from cti_bridge.calls.finding import Finder
from cti_bridge.calls.happenings import (
    CallerGone,
    Happening,
    LegAnswers,
    LegEnds,
    Parks,
    Queued,
    Reached,
)
from cti_bridge.calls.live_calls import LiveCalls
from cti_bridge.calls.meaning import meaning
from cti_bridge.calls.recorded_calls import RecordedCalls
from cti_bridge.calls.recordings import Recordings
from cti_bridge.calls.resync import happened_meanwhile
from cti_bridge.calls.table import step
from cti_bridge.calls.talks import Talks
from cti_bridge.domain.ids import CallId, ChannelId

MAX_LIVE_CALLS = 20_000
"""Calls that go on at the same time; beyond, the oldest is taken to have ended, for most likely its end was missed."""
CHECK_AFTER_S = 600.0
"""No call goes on for longer without being held against what the PBX has: an event about its end may have been lost."""


@dataclass(frozen=True, slots=True)
class Change:
    """One call before and after an event; `adopted` is set when it was first seen in the middle of its life."""

    before: Call | None
    after: Call
    adopted: CallerId | None = None


class CallBook:
    """All live calls of one PBX."""

    def __init__(self, pbx: str, *, is_operator_phone: Callable[[str], bool], limit: int = MAX_LIVE_CALLS) -> None:
        self.pbx = pbx
        self.dropped = 0
        """Calls that were taken to have ended because the book was full."""
        self._limit = limit
        self._is_operator_phone = is_operator_phone
        self._live = LiveCalls()
        self._recordings = Recordings()
        self._recorded_calls = RecordedCalls(self._live, self._recordings)
        self._finder = Finder(pbx, self._live, is_operator_phone=is_operator_phone)
        self._talks = Talks(self._live, is_operator_phone=is_operator_phone)
        self._looking_back = False
        """What is taken in now happened before, unseen; so its times are late."""
        self._checked_at = 0.0
        """The time of the latest snapshot."""

    def live(self) -> tuple[Call, ...]:
        """All calls that have not ended."""
        return self._live.all()

    def get(self, call_id: CallId) -> Call | None:
        """A live call by its id."""
        return self._live.get(call_id)

    @property
    def recordings_dropped(self) -> int:
        """Channels whose recordings were taken to be over because there were too many."""
        return self._recordings.dropped

    def is_known(self, call_id: CallId) -> bool:
        """Whether this call is live, or has ended and is not closed."""
        return self._live.known(call_id) is not None

    def at(self, interfaces: Iterable[str]) -> tuple[Call, ...]:
        """The live calls that ring or talk at one of these interfaces, at each of them the longest first."""
        return self._live.at(interfaces)

    def are_beside(self, one: ChannelId, other: ChannelId) -> bool:
        """Whether two channels are in one bridge, and hear each other without a Local channel between them."""
        return self._talks.are_beside(one, other)

    def id_for(self, channel: ChannelId, linkedid: str) -> CallId:
        """The id of the call of a caller's channel: by its linkedid, unless that is another call's, or was one's."""
        return self._finder.id_for(channel, linkedid)

    def __len__(self) -> int:
        return len(self._live)

    def apply(self, event: CallEvent) -> list[Change]:
        """Take one event in; the calls that it changed come back, usually one or none."""
        return self._take(event)

    def look_back(self, event: CallEvent, *, maybe_heard: bool) -> list[Change]:
        """Take in what happened before and was found out afterwards, so that its times are late.

        If it may have been heard after all, it must not take a call back to where it was then.
        """
        known = self._live.where.of_caller
        if isinstance(event, CallerQueued | CallerParked) and maybe_heard and event.channel in known:
            return []
        self._looking_back = True
        try:
            return self._take(event)
        finally:
            self._looking_back = False

    def finished(self, channel: ChannelId, at: float, *, was_called: bool) -> None:
        """The call of a channel was over at that time, as an earlier run of the bridge wrote down.

        Nothing brings a caller's back. One that was called for him may live on, and make a call of its own.
        """
        if was_called:
            self._live.had_its_part(channel)
        else:
            self._live.hangs_up(channel, at)

    def _take(self, event: CallEvent) -> list[Change]:
        found: list[Change] = []
        match event:
            case CallOffered():
                found = self._offered(event)
            case CallerQueued() | CallerParked(on=True):
                found = self._waits(event)
            case LegRinging():
                found = self._leg_rings(event)
            case LegAnswered():
                found = self._leg_answers(event, self._live.of_caller(event.caller))
            case LegPickedUp():
                found = self._leg_answers(event, self._live.of_leg(event.target))
            case ChannelHungUp():
                found = self._hangs_up(event.channel, event.at, failed=event.failed, refused=event.refused)
            case ChannelBridged() | ChannelUnbridged():
                found = self._reconnect(self._talks.moves(event), event.at)
            case PbxRestarted():
                found = self._all_end(event)
            case RecordingStarted() if self._live.is_gone(event.channel):
                pass  # told twice, and the second time after its end
            case RecordingStarted() | RecordingNamed() | RecordingStopped():
                found = self._recorded(self._recordings.apply(event))
            case ChannelCreated():
                pass  # says which phones are in use, nothing about a call
            case _:
                found = self._happens(*meaning(event, self._live.where))
        return found

    def needs_check(self, now: float) -> bool:
        """Whether a call has gone on for so long since it began, or since the latest snapshot, that one is due."""
        if not self._live:
            return False
        return now - max(self._live.oldest().offered_at, self._checked_at) >= CHECK_AFTER_S

    def resync(self, snapshot: Snapshot) -> list[Change]:
        """Bring every call in line with what the PBX has now; what it no longer has, is over."""
        self._checked_at = snapshot.at
        self._looking_back = True
        try:
            return self._catch_up(snapshot)
        finally:
            self._looking_back = False

    def restore(self, call: Call) -> None:
        """Take up a call that an earlier run of the bridge had seen; the next snapshot says whether it still lives."""
        self._recordings.restore(call.recordings, call.id)
        self._keep(None, self._finder.restored(call))

    def _catch_up(self, snapshot: Snapshot) -> list[Change]:
        seen = {channel.channel for channel in snapshot.channels}
        where = self._live.where
        self._finder.clicks.keep(seen)
        changes: list[Change] = []
        changes += self._recorded(self._recordings.unnamed())
        for known in dict.fromkeys([*where.of_caller, *where.of_leg, *self._recordings.channels()]):
            if known not in seen:
                changes += self._hangs_up(known, snapshot.at)
        self._talks.replace(snapshot)
        meanwhile = happened_meanwhile(
            snapshot, where, call_of=self._live.of_caller, is_operator_phone=self._is_operator_phone
        )
        for event in meanwhile:
            changes += self._take(event)
        return changes + self._reconnect([call.id for call in self._live.all()], snapshot.at)

    def _all_end(self, restarted: PbxRestarted) -> list[Change]:
        """No channel survives a restart; a call that began after it is another matter."""
        self._finder.clicks.keep(set())
        where = self._live.where
        before = [call for call in self._live.all() if call.offered_at < restarted.up_at]
        return [
            change
            for call in before
            for channel in (call.channel, *(leg.id for leg in call.legs))
            if channel in where.of_caller or channel in where.of_leg
            for change in self._hangs_up(channel, max(restarted.at, call.offered_at))
        ]

    def _happens(self, call_id: CallId | None, now: Happening | None) -> list[Change]:
        call = self._live.known(call_id)
        return self._keep(call, step(call, now)) if call is not None and now is not None else []

    def _recorded(self, channels: Iterable[ChannelId]) -> list[Change]:
        return [change for told in self._recorded_calls.told(channels) for change in self._happens(*told)]

    def _offered(self, event: CallOffered) -> list[Change]:
        known = self._live.get(event.call) or self._live.of_caller(event.channel)
        if known is not None or self._live.had_a_call(event.channel):
            return []  # also when the call was answered and is over: a decision that comes late cannot undo that
        call = Call(event.call, event.channel, event.linkedid, event.at)
        changes = self._keep(None, call)
        gone_at = self._live.hung_up_at(event.channel)
        return changes if gone_at is None else [*changes, *self._hangs_up(event.channel, max(gone_at, event.at))]

    def _waits(self, event: CallerQueued | CallerParked) -> list[Change]:
        found = self._finder.waiting(event)
        if found.call is None:
            return []
        now = Queued(event.at, event.queue) if isinstance(event, CallerQueued) else Parks(event.at, on=True)
        return self._keep(found.call, step(found.call, now), found.adopted)

    def _leg_rings(self, event: LegRinging) -> list[Change]:
        if self._live.is_gone(event.leg) or self._live.had_a_part(event.leg):
            return []
        found = self._finder.ringing_for(event)
        if found.call is None:
            return []
        now = self._finder.leg_called(event, found.parent)
        return self._keep(found.call, step(found.call, now), found.adopted)

    def _leg_answers(self, event: LegAnswered | LegPickedUp, otherwise: Call | None) -> list[Change]:
        self._finder.clicks.answers(event.leg)
        if self._live.is_gone(event.leg):
            return []
        call = self._live.of_leg(event.leg) or (None if self._live.of_caller(event.leg) else otherwise)
        if call is None:
            return []
        leg = self._finder.leg_answering(event, call)
        if call.dialling and self._talks.is_outside(leg):
            return self._reaches(call, Reached(event.at, leg.id))
        return self._keep(call, step(call, LegAnswers(event.at, leg)))

    def _reaches(self, call: Call, now: Reached | None) -> list[Change]:
        """An operator who dials out talks with somebody there; who had called him before has sent him on."""
        if now is None or call.dialler is None:
            return []
        left = self._live.of_leg(call.dialler.id)
        ends = self._happens(left.id, LegEnds(now.at, call.dialler.id)) if left is not None else []
        return ends + self._happens(call.id, now)

    def _hangs_up(self, channel: ChannelId, at: float, *, failed: bool = False, refused: bool = False) -> list[Change]:
        self._live.hangs_up(channel, at)
        self._finder.clicks.ends(channel)
        beside = self._talks.hangs_up(channel)
        where = self._live.where
        changes = self._recorded([channel] if self._recordings.hangs_up(channel, at) else [])
        if channel in where.of_caller:
            changes += self._happens(where.of_caller[channel], CallerGone(at, failed))
        else:
            stopped = where.stopped.pop(channel, None)
            changes += self._happens(where.of_leg.get(channel, stopped), LegEnds(at, channel, refused))
        return changes + self._reconnect(beside, at)

    def _reconnect(self, calls: Iterable[CallId], at: float) -> list[Change]:
        """See anew who is connected with whom in these calls."""
        changes: list[Change] = []
        for call_id in calls:
            call = self._live.get(call_id)
            if call is not None and call.dialling:
                changes += self._reaches(call, self._talks.reached(call, at))
                call = self._live.get(call_id)
            for whose, now in self._talks.in_call(call, at) if call is not None else ():
                changes += self._happens(whose, now)
        return changes

    def _keep(self, before: Call | None, after: Call, adopted: CallerId | None = None) -> list[Change]:
        if before == after and adopted is None:
            return []
        after = self._recorded_calls.with_earlier(after)
        if self._looking_back and _has_late_times(before, after, adopted):
            after = replace(after, recovered=True)
        self._live.keep(after)
        changes = [Change(None if adopted is not None else before, after, adopted)]
        return changes if len(self._live) <= self._limit else [*changes, *self._drop_oldest(after)]

    def _drop_oldest(self, newest: Call) -> list[Change]:
        """End the call that has been going on for longest; if it really does, nothing more is heard of it."""
        self.dropped += 1
        oldest = self._live.oldest()
        over = self._hangs_up(oldest.channel, max(oldest.offered_at, newest.offered_at))
        return [replace(change, after=replace(change.after, recovered=True)) for change in over]


def _has_late_times(before: Call | None, after: Call, adopted: CallerId | None) -> bool:
    """Whether an arrival, an answer or an end is new in this change."""
    if before is None or adopted is not None:
        return True
    return (before.answered_at, before.ended_at) != (after.answered_at, after.ended_at)
