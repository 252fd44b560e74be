"""More events than can be taken in: what was lost is counted, and a new snapshot makes the picture whole again."""

import asyncio
import time
from contextlib import suppress

import pytest
from fake_asterisk import FakeAsterisk, frame
from listener import Heard, at, running

from cti_bridge.asterisk.ami.connection import AmiConnection
from cti_bridge.asterisk.ami.inbox import Inbox
from cti_bridge.calls.book import CallBook
from cti_bridge.calls.events import CallEvent, CallOffered, ChannelHungUp, Snapshot
from cti_bridge.domain.ids import CallId, ChannelId

PHONE = "PJSIP/101"
ROOM = 400


def channel(number: int, **fields: str) -> dict[str, str]:
    """A caller from the trunk."""
    return {
        "Channel": f"PJSIP/trunk-{number:08x}", "Uniqueid": f"main-1.{number}", "Linkedid": f"main-1.{number}",
        "CallerIDNum": "+74950000150", "CallerIDName": "Яна Ёлкина", **fields,
    }  # fmt: skip


def leg(number: int, **fields: str) -> dict[str, str]:
    """The leg to a phone for this caller, as an event tells of it."""
    return {"DestChannel": f"{PHONE}-{number:08x}", "DestUniqueid": f"main-2.{number}", **fields}


def call(number: int) -> bytes:
    """A whole call, from the queue to the end."""
    caller, phone = channel(number), leg(number)
    return b"".join(
        frame(headers)
        for headers in (
            {"Event": "QueueCallerJoin", **caller, "Queue": "sales"},
            {"Event": "AgentCalled", **caller, **phone, "Queue": "sales"},
            {"Event": "AgentConnect", **caller, **phone, "Queue": "sales"},
            {"Event": "Hangup", **channel(number, Uniqueid=phone["DestUniqueid"])},
            {"Event": "Hangup", **caller},
        )
    )


class Picture(Heard):
    """A listener who keeps the book, as the switchboard does."""

    def __init__(self) -> None:
        super().__init__()
        self.takes_s = 0.0
        """How long it is busy with one event."""
        self.book = CallBook("main", is_operator_phone=lambda interface: interface == PHONE)

    def take(self, event: CallEvent) -> None:
        time.sleep(self.takes_s)
        self.book.apply(event)
        super().take(event)

    def resync(self, snapshot: Snapshot) -> None:
        self.book.resync(snapshot)
        super().resync(snapshot)

    def live(self) -> dict[str, str]:
        return {call.id: call.state.value for call in self.book.live()}


@pytest.mark.slow
async def test_after_a_storm_that_was_too_much_the_picture_is_what_asterisk_has() -> None:
    picture = Picture()
    async with FakeAsterisk() as asterisk:
        patient = at(asterisk.port, within_s=30.0)  # the storm itself keeps this process busy
        connection = AmiConnection(patient, picture, picture.state, inbox_limit=ROOM)
        async with running(connection):
            await picture.until(lambda: ("up", "") in picture.states)
            ringing = {"Channel": f"{PHONE}-00000007", "Uniqueid": "main-2.7", "Linkedid": "main-1.7"}
            asterisk.channels = [
                channel(7, Application="Queue", ChannelStateDesc="Up"),
                {**ringing, "Application": "AppQueue", "ChannelStateDesc": "Ringing"},
            ]
            asterisk.queue_entries = [{"Queue": "sales", "Uniqueid": "main-1.7"}]
            # One of them still rings when there is no room left, so that its end is among what is lost; and what did
            # get into the inbox still waits there when the next session begins.
            picture.takes_s = 0.002
            await asterisk.say(b"".join(call(number) for number in range(1000, 2000)))
            await picture.until(lambda: [state for state, _ in picture.states] == ["up", "down", "up"])

            assert picture.states[1] == ("down", "events came faster than they could be taken in")
            assert connection.overflows > 0
            assert connection.sessions == asterisk.logins == 2
            assert picture.live() == {"main-1.7": "ringing"}
            await asterisk.say(frame({"Event": "Hangup", **channel(7)}))
            await picture.until(lambda: not picture.live())


class Slow:
    """A sink that notes the order; a test may put in more while it takes something."""

    def __init__(self) -> None:
        self.taken: list[object] = []

    def take(self, event: CallEvent) -> None:
        self.taken.append(event)

    def look_back(self, event: CallEvent, *, maybe_heard: bool) -> None:
        self.taken.append(event)

    def resync(self, snapshot: Snapshot) -> None:
        self.taken.append(snapshot)


def hang_up(number: int) -> ChannelHungUp:
    return ChannelHungUp(float(number), ChannelId(f"main-1.{number}"))


async def test_a_snapshot_stands_behind_what_waited_when_it_was_asked_for_and_before_what_came_later() -> None:
    sink = Slow()
    inbox = Inbox(sink, limit=10)
    snapshot = Snapshot(2.0, ())

    async def ask() -> Snapshot:
        inbox.put(hang_up(3))
        await asyncio.sleep(0)
        assert sink.taken == [hang_up(1), hang_up(2)], "it is taken in while Asterisk answers"
        return snapshot

    inbox.put(hang_up(1))
    inbox.put(hang_up(2))
    task = asyncio.create_task(inbox.run())
    await inbox.resync(ask)
    assert sink.taken[2] == snapshot
    await asyncio.sleep(0)
    assert sink.taken == [hang_up(1), hang_up(2), snapshot, hang_up(3)]
    await stopped(task)


async def test_a_snapshot_that_never_comes_holds_nothing_up() -> None:
    sink = Slow()
    inbox = Inbox(sink, limit=10)

    async def fail() -> Snapshot:
        inbox.put(hang_up(1))
        raise TimeoutError

    task = asyncio.create_task(inbox.run())
    with pytest.raises(TimeoutError):
        await inbox.resync(fail)
    while not sink.taken:
        await asyncio.sleep(0)
    await stopped(task)


async def test_a_full_line_lets_the_snapshot_wait_for_its_place_and_counts_what_is_lost() -> None:
    sink = Slow()
    inbox = Inbox(sink, limit=2)
    assert [inbox.put(hang_up(number)) for number in range(4)] == [True, True, False, False]
    assert inbox.lost == 2
    task = asyncio.create_task(inbox.run())

    async def ask() -> Snapshot:
        return Snapshot(9.0, ())

    await inbox.resync(ask)
    assert sink.taken == [hang_up(0), hang_up(1), Snapshot(9.0, ())]
    await stopped(task)


async def test_a_call_that_was_offered_during_a_cut_and_given_up_is_not_live_afterwards() -> None:
    picture = Picture()
    inbox = Inbox(picture, limit=10)
    inbox.put(CallOffered(1.0, CallId("main-1.1"), ChannelId("main-1.1"), "main-1.1"))
    task = asyncio.create_task(inbox.run())

    async def ask() -> Snapshot:
        return Snapshot(2.0, ())

    await inbox.resync(ask)
    assert picture.live() == {}
    await stopped(task)


async def stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
