"""P2 when much happens at once: every ring of every phone is one pop on its operator's screen, and nobody else's."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio

from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.domain.ids import call_id_for
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from promises.scene import PHONE_OF, AtDesk, until
from promises.screens import Screens, bridge_with_short_times, is_empty, no_live_calls
from promises.storm import CALLERS, OPERATOR_OF, storm

pytestmark = [pytest.mark.unhurried, pytest.mark.usefixtures("staff")]

SEED = 20261123


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    async with bridge_with_short_times(shared_asterisk, prepared, tmp_path_factory.mktemp("p2") / "bridge") as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    return running


LEGAL = {
    "": {"call.ringing", "call.answered"},
    "call.ringing": {"call.withdrawn", "call.answered"},
    "call.withdrawn": {"call.ringing", "call.answered"},
    "call.answered": {"call.ended"},
    "call.ended": {"call.ringing", "call.answered"},
}
"""What a screen may be told of a call next. A phone can be answered in the very moment in which it was given up."""


async def test_every_ring_is_one_pop_and_every_screen_is_told_a_story_that_ends(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    began = asterisk.lab.mark()
    await storm(asterisk, random.Random(SEED))
    await no_live_calls(bridge)
    for desk in screens.all():
        await is_empty(desk)

    told: dict[tuple[str, str], list[str]] = {}
    for operator in PHONE_OF:
        for frame in screens[operator].frames:
            if frame.call and frame.type != "call.updated":
                told.setdefault((operator, frame.call["id"]), [""]).append(frame.type)
    rang = rings_at(asterisk, began)
    assert rang.total() > CALLERS / 2, "this storm proves nothing"
    assert Counter({pair: words.count("call.ringing") for pair, words in told.items()}) == rang
    for words in told.values():
        assert not [pair for pair in pairwise(words) if pair[1] not in LEGAL[pair[0]]], words
        assert words[-1] in ("call.withdrawn", "call.ended")


async def test_a_bridge_that_is_killed_in_the_middle_shows_in_the_end_what_is_true(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    began = asterisk.lab.mark()
    raging = asyncio.create_task(storm(asterisk, random.Random(SEED + 1)))
    await until(lambda: len(asterisk.lab.events("QueueCallerJoin", since=began)) > CALLERS / 5)
    bridge.signal(signal.SIGKILL)
    await bridge.ended(within=30)
    await bridge.start()
    screens = await Screens.opened(at_desk)
    await raging
    await no_live_calls(bridge)
    for desk in screens.all():
        await is_empty(desk)
    records = JournalFile(bridge.data / "calls.sqlite").calls(limit=1000)
    assert len(records) > CALLERS / 8
    assert not [record for record in records if record.ended_at is None]


def rings_at(asterisk: AsteriskInstance, since: int) -> Counter[tuple[str, str]]:
    """How often Asterisk called each operator's phone for each call, by its own account."""
    lab = asterisk.lab
    born = {event["Uniqueid"]: event["Linkedid"] for event in lab.events("Newchannel", since=since)}
    legs = {
        event["DestUniqueid"]: (event["Uniqueid"], event["DestChannel"])
        for event in lab.events("DialBegin", since=since)
        if "Uniqueid" in event
    }
    return Counter(
        (OPERATOR_OF[name.removeprefix("PJSIP/").partition("-")[0]], call_id_for(asterisk.system_name, born[caller]))
        for caller, name in legs.values()
    )
