"""Whatever a PBX says, in whatever order: calls end as they should, and when all channels are gone nothing is left."""

from dataclasses import replace
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from cti_bridge.asterisk.interface import interface_of
from cti_bridge.calls import book as book_module
from cti_bridge.calls.book import CallBook, Change
from cti_bridge.calls.call import Call, CallState
from cti_bridge.calls.events import (
    CallerId,
    CallerLeftQueue,
    CallerParked,
    CallerQueued,
    CallerSetAside,
    CallEvent,
    CallOffered,
    ChannelBridged,
    ChannelHeld,
    ChannelHungUp,
    ChannelUnbridged,
    Final,
    FinalReached,
    LegAnswered,
    LegPickedUp,
    LegRinging,
    LegStopped,
    LegTransferred,
    PbxRestarted,
    RecordingNamed,
    RecordingStarted,
    RecordingStopped,
    SeenChannel,
    Snapshot,
    Stop,
)
from cti_bridge.calls.happenings import Happening
from cti_bridge.calls.leg import LegState
from cti_bridge.calls.table import IGNORED, TABLE, step
from cti_bridge.domain.ids import CallId, ChannelId

NAMES = {
    ChannelId(f"1.{number}"): name
    for number, name in enumerate(
        (
            *("PJSIP/trunk-00000001", "PJSIP/trunk-00000002", "PJSIP/trunk-00000003"),
            *("PJSIP/101-00000004", "PJSIP/101-00000005", "PJSIP/102-00000006", "PJSIP/103-00000007"),
            *("Local/102@phones-00000001;1", "Local/102@phones-00000001;2"),
        )
    )
}
"""Three channels of a trunk, four of three operators' phones (one has two lines), and both halves of a Local one."""
TRUNK, PHONES, (L1, L2) = sorted(NAMES)[:3], sorted(NAMES)[3:7], sorted(NAMES)[7:]
NOW = st.just(0.0)
"""The witness says when it happens."""
channels, callers, phones = st.sampled_from(sorted(NAMES)), st.sampled_from(TRUNK), st.sampled_from(PHONES)
linkedids = st.sampled_from([str(channel) for channel in NAMES][:4])
queues = st.sampled_from(["sales", "production"])
bridges = st.sampled_from(["b-1", "b-2", "b-3", "b-4"])


def is_operator_phone(interface: str) -> bool:
    return interface in ("PJSIP/101", "PJSIP/102", "PJSIP/103")


def rings(leg: ChannelId, caller: ChannelId, linkedid: str, queue: str) -> LegRinging:
    return LegRinging(
        0.0, leg, NAMES[leg], interface_of(NAMES[leg]), caller, NAMES[caller], linkedid, queue,
        CallerId("+74950000150"), interface_of(NAMES[caller]), "102",
    )  # fmt: skip


def bridged(channel: ChannelId, bridge: str) -> ChannelBridged:
    return ChannelBridged(0.0, channel, NAMES[channel], interface_of(NAMES[channel]), bridge)


def answered(leg: ChannelId, caller: ChannelId) -> LegAnswered:
    return LegAnswered(0.0, leg, NAMES[leg], interface_of(NAMES[leg]), caller)


def picked_up(leg: ChannelId, target: ChannelId) -> LegPickedUp:
    return LegPickedUp(0.0, leg, NAMES[leg], interface_of(NAMES[leg]), target)


def queued(channel: ChannelId, linkedid: str, queue: str) -> CallerQueued:
    return CallerQueued(
        0.0, channel, linkedid, queue, CallerId("+74950000150"), NAMES[channel], interface_of(NAMES[channel])
    )


def offered(channel: ChannelId, linkedid: str) -> CallOffered:
    return CallOffered(0.0, CallId("as the book names it"), channel, linkedid)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Any of the channels, each anywhere."""
    seen = []
    for channel in draw(st.lists(channels, unique=True)):
        where = draw(st.sampled_from(["", "bridge", "queue", "parked"]))
        seen.append(
            SeenChannel(
                channel, NAMES[channel], interface_of(NAMES[channel]), draw(linkedids),
                ringing=draw(st.booleans()), dialled=draw(st.booleans()),
                bridge=draw(bridges) if where == "bridge" else "", queue=draw(queues) if where == "queue" else "",
                parked=where == "parked", set_aside=draw(st.booleans()), at_desk=draw(st.booleans()),
            )
        )  # fmt: skip
    return Snapshot(0.0, tuple(seen))


noise: st.SearchStrategy[CallEvent | Snapshot] = st.one_of(
    st.builds(offered, channels, linkedids),
    st.builds(queued, channels, linkedids, queues),
    st.builds(CallerLeftQueue, NOW, channels, queues),
    st.builds(rings, channels, channels, linkedids, st.sampled_from(["", "", "sales"])),
    st.builds(LegStopped, NOW, channels, st.sampled_from([Stop.NO_ANSWER, Stop.CANCELLED])),
    st.builds(answered, channels, channels),
    st.builds(picked_up, channels, channels),
    st.builds(bridged, channels, bridges),
    st.builds(ChannelUnbridged, NOW, channels, bridges),
    st.builds(ChannelHeld, NOW, channels, st.booleans()),
    st.builds(CallerParked, NOW, channels, st.booleans()),
    st.builds(CallerSetAside, NOW, channels, channels),
    st.builds(LegTransferred, NOW, channels),
    st.builds(FinalReached, NOW, channels, st.sampled_from(Final)),
    st.builds(ChannelHungUp, NOW, channels, st.booleans(), st.booleans()),
    st.builds(RecordingStarted, NOW, channels),
    st.builds(RecordingStopped, NOW, channels),
    st.builds(PbxRestarted, NOW, st.floats(0.0, 200.0)),
    snapshots(),
)


def talk(caller: ChannelId, phone: ChannelId, queue: str, bridge: str) -> list[CallEvent]:
    """A caller waits, a phone rings and is answered."""
    return [
        queued(caller, caller, queue),
        rings(phone, caller, caller, queue),
        answered(phone, caller),
        bridged(phone, bridge),
        bridged(caller, bridge),
    ]


def behind_local(caller: ChannelId, phone: ChannelId, queue: str, bridge: str) -> list[CallEvent]:
    """The same, where the phone is called through a Local channel."""
    return [
        queued(caller, caller, queue),
        rings(L1, caller, caller, queue),
        rings(phone, L2, caller, ""),
        answered(phone, L2),
        bridged(phone, "b-4"),
        bridged(L2, "b-4"),
        answered(L1, caller),
        bridged(L1, bridge),
        bridged(caller, bridge),
    ]


def asks_on_second_line(line: ChannelId, colleague: ChannelId, bridge: str) -> list[CallEvent]:
    """An operator calls a colleague, or somebody outside."""
    return [
        rings(colleague, line, line, ""),
        answered(colleague, line),
        bridged(line, bridge),
        bridged(colleague, bridge),
    ]


def asks_by_code(operator: ChannelId, colleague: ChannelId, linkedid: str, bridge: str) -> list[CallEvent]:
    """An operator asks a colleague by a feature code."""
    return [
        bridged(operator, bridge),
        bridged(L1, bridge),
        rings(colleague, L2, linkedid, ""),
        answered(colleague, L2),
        bridged(colleague, "b-4"),
        bridged(L2, "b-4"),
    ]


def sends_on(caller: ChannelId, operator: ChannelId, to: ChannelId, bridge: str) -> list[CallEvent]:
    """An operator sends the caller on to somebody else."""
    return [
        LegTransferred(0.0, operator),
        ChannelUnbridged(0.0, caller, bridge),
        ChannelHungUp(0.0, operator),
        rings(to, caller, caller, ""),
    ]


def sets_aside(caller: ChannelId, operator: ChannelId, to: ChannelId, bridge: str, beside: str) -> list[CallEvent]:
    """An operator has the caller wait, asks somebody, and hands the caller over."""
    return [
        ChannelUnbridged(0.0, caller, bridge),
        CallerSetAside(0.0, caller, operator),
        ChannelUnbridged(0.0, operator, bridge),
        replace(rings(to, operator, caller, ""), asks=True),
        answered(to, operator),
        bridged(to, beside),
        bridged(operator, beside),
        bridged(to, bridge),
        bridged(caller, bridge),
    ]


def parks(caller: ChannelId, bridge: str) -> list[CallEvent]:
    """The caller waits in a parking lot."""
    return [ChannelUnbridged(0.0, caller, bridge), CallerParked(0.0, caller, on=True)]


scenes: st.SearchStrategy[list[CallEvent]] = st.one_of(
    st.builds(talk, callers, phones, queues, bridges),
    st.builds(behind_local, callers, phones, queues, bridges),
    st.builds(asks_on_second_line, phones, channels, bridges),
    st.builds(asks_by_code, phones, phones, linkedids, bridges),
    st.builds(sends_on, callers, phones, phones, bridges),
    st.builds(sets_aside, callers, phones, phones, bridges, bridges),
    st.builds(parks, callers, bridges),
)
parts = st.one_of(scenes, scenes, noise.map(lambda said: [said]))
stories = st.lists(parts, min_size=2, max_size=20).map(lambda found: [said for part in found for said in part])
"""Scenes that make sense by themselves, in any order and on any channels, with what makes no sense in between."""


class Witness:
    """A book whose every change is looked at."""

    def __init__(self) -> None:
        self.book = CallBook("main", is_operator_phone=is_operator_phone)
        self.asked: list[RecordingStarted] = []
        """Recordings whose file somebody is to be asked for."""
        self._ended: dict[CallId, Call] = {}
        self._at = 100.0

    def hears(self, said: CallEvent | Snapshot) -> None:
        self._at += 1.0
        said = replace(said, at=self._at)
        if isinstance(said, RecordingStarted):
            self.asked.append(said)
        if isinstance(said, CallOffered):
            said = replace(said, call=self.book.id_for(said.channel, said.linkedid))
        with mock.patch.object(book_module, "step", self._step):
            found = self.book.resync(said) if isinstance(said, Snapshot) else self.book.apply(said)
        for change in found:
            self._looks_at(change)
        self._looks_at_all()

    def _step(self, call: Call, now: Happening) -> Call:
        after = step(call, now)
        move = TABLE[type(now)][call.state]
        assert after == call if move is IGNORED else after.state in move.to, f"{call.state} --{now}--> {after.state}"
        return after

    def _looks_at(self, change: Change) -> None:
        after = change.after
        if after.id in self._ended:
            ended = self._ended[after.id]
            assert ended.state is CallState.ENDED, "a closed call has changed"
            assert replace(after, recordings=()) == replace(ended, recordings=()), "an ended call has changed"
        if after.ended_at is not None:
            self._ended[after.id] = after
        for leg in after.legs:
            assert leg.talked_s >= 0.0
            assert (leg.ended_at is None) == (leg.state is not LegState.GONE)
            assert leg.with_caller_since is None or leg.state is LegState.TALKING

    def _looks_at_all(self) -> None:
        legs = [leg.id for call in self.book.live() for leg in call.legs if leg.state is not LegState.GONE]
        assert len(legs) == len(set(legs)), "a phone is in two calls at once"
        callers = [call.channel for call in self.book.live()]
        assert len(callers) == len(set(callers)), "a caller has two calls at once"


@settings(max_examples=4 * settings().max_examples)
@given(stories, st.permutations(sorted(NAMES)))
def test_nothing_is_left_when_all_channels_are_gone(
    story: list[CallEvent | Snapshot], goodbyes: list[ChannelId]
) -> None:
    witness = Witness()
    for said in story:
        witness.hears(said)
    for channel in goodbyes:
        witness.hears(ChannelHungUp(0.0, channel))
    for recording in witness.asked:
        witness.hears(RecordingNamed(0.0, recording.channel, recording.at, "talk.wav"))
    book = witness.book
    assert (len(book), book.live(), book.at(["PJSIP/101", "PJSIP/102", "PJSIP/103", "PJSIP/trunk"])) == (0, (), ())
    where, talks = book._live.where, book._talks  # what is left behind here shows nowhere else
    assert (where.of_caller, where.of_leg, where.leg_named, where.stopped, where._at) == ({}, {}, {}, {}, {})
    assert (len(talks._bridges), len(book._recordings), book._live._closing) == (0, 0, {})
