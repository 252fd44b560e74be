"""An event that is lost though the connection is well: a look at what Asterisk has puts it right."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fake_asterisk import FakeAsterisk
from listener import Heard, at, running

from cti_bridge.asterisk.ami.connection import AmiConnection
from cti_bridge.calls.book import CHECK_AFTER_S, CallBook, Change
from cti_bridge.calls.call import CallState
from cti_bridge.calls.events import CallEvent, Snapshot

PHONE = "PJSIP/101"
CALLER = {"Channel": "PJSIP/trunk-00000001", "Uniqueid": "main-1.1", "Linkedid": "main-1.1", "Application": "Queue"}
LEG = {"Channel": f"{PHONE}-00000002", "Uniqueid": "main-1.2", "Linkedid": "main-1.1", "Application": "AppQueue"}
ENTRY = {"Queue": "sales", "Uniqueid": "main-1.1"}


class Watched(Heard):
    """A listener who keeps the book, with a clock that the test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.later_s = 0.0
        self.changes: list[Change] = []
        self.book = CallBook("main", is_operator_phone=lambda interface: interface == PHONE)

    def take(self, event: CallEvent) -> None:
        self.changes += self.book.apply(event)
        super().take(event)

    def resync(self, snapshot: Snapshot) -> None:
        self.changes += self.book.resync(snapshot)
        super().resync(snapshot)

    def needs_check(self) -> bool:
        latest = self.snapshots[-1].at if self.snapshots else 0.0
        return self.book.needs_check(latest + self.later_s)


@asynccontextmanager
async def ringing() -> AsyncIterator[tuple[FakeAsterisk, Watched, AmiConnection]]:
    """A caller waits and a phone rings for him."""
    watched = Watched()
    async with FakeAsterisk() as asterisk:
        asterisk.channels, asterisk.queue_entries = [CALLER, {**LEG, "ChannelStateDesc": "Ringing"}], [ENTRY]
        connection = AmiConnection(
            at(asterisk.port, ping_every_s=0.02), watched, watched.state, needs_check=watched.needs_check
        )
        async with running(connection):
            await watched.until(lambda: ("up", "") in watched.states)
            (call,) = watched.book.live()
            assert call.state is CallState.RINGING
            yield asterisk, watched, connection


async def pinged_again(asterisk: FakeAsterisk) -> None:
    """Wait until whatever follows a ping has had its turn."""
    before = asterisk.actions.count("Ping")
    async with asyncio.timeout(30):
        while asterisk.actions.count("Ping") < before + 3:
            await asyncio.sleep(0.01)


async def test_a_call_whose_end_was_lost_ends_when_it_is_looked_for() -> None:
    async with ringing() as (asterisk, watched, connection):
        asterisk.channels, asterisk.queue_entries = [], []
        await pinged_again(asterisk)
        assert watched.book.live(), "nothing has been heard, and nobody has looked"
        watched.later_s = CHECK_AFTER_S
        await watched.until(lambda: not watched.book.live())
        over = watched.changes[-1].after
        assert (over.ended_at is not None, over.recovered) == (True, True)
        await pinged_again(asterisk)
        assert (len(watched.snapshots), connection.sessions, asterisk.logins) == (2, 1, 1), "one look is enough"


async def test_a_phone_that_stopped_ringing_unheard_rings_no_more_while_its_caller_waits_on() -> None:
    async with ringing() as (asterisk, watched, _):
        asterisk.channels = [CALLER]
        watched.later_s = CHECK_AFTER_S
        await watched.until(lambda: watched.book.at([PHONE]) == ())
        (call,) = watched.book.live()
        assert call.state is CallState.QUEUED


async def test_a_caller_who_left_the_queue_unheard_no_longer_waits() -> None:
    async with ringing() as (asterisk, watched, _):
        asterisk.channels, asterisk.queue_entries = [CALLER], []
        watched.later_s = CHECK_AFTER_S
        await watched.until(lambda: [call.state for call in watched.book.live()] == [CallState.OFFERED])


async def test_a_look_that_is_not_answered_ends_the_session_and_changes_nothing() -> None:
    async with ringing() as (asterisk, watched, connection):
        asterisk.silent.add("BridgeList")
        watched.later_s = CHECK_AFTER_S
        await watched.until(lambda: watched.states[-1][0] == "down")
        assert [call.state for call in watched.book.live()] == [CallState.RINGING]
        asterisk.silent.clear()
        await watched.until(lambda: watched.states[-1] == ("up", ""))
        assert connection.sessions == 2
