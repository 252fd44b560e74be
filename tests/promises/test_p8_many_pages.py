"""P8 with a thousand pages: all come back at once, and a page that never reads costs only itself."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from promises.crowd import BACK_WITHIN_S, Room, crowded_room, many_files

pytestmark = [pytest.mark.promise, pytest.mark.timeout(600)]

OPERATORS, PAGES_EACH, UNDISTURBED = 100, 10, 5
CALLER, TALKATIVE = "+74950000201", "+74950000202"
_LONG = "Проговорили всё до последней мелочи. " * 50
CUSTOMERS = (
    "customer_id,name,number,deal_id,stage,note\n"
    + f"q-1,Глеб Ракитин,{CALLER},t-1,offer_sent,\n"
    + "".join(f"q-2,Ульяна Журавина,{TALKATIVE},t-2{number},in_production,{number} {_LONG}\n" for number in range(20))
)
"""The second customer's card is as long as a card can be."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def room(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Room]:
    folder = tmp_path_factory.mktemp("p8")
    with many_files(4 * OPERATORS * PAGES_EACH):
        async with crowded_room(folder, operators=OPERATORS + UNDISTURBED, customers=CUSTOMERS) as room:
            yield room


CROWD = [f"op{number}" for number in range(OPERATORS) for _ in range(PAGES_EACH)]
OTHERS = range(OPERATORS, OPERATORS + UNDISTURBED)


async def test_a_thousand_pages_that_were_told_to_come_back_all_do_so_at_once(room: Room) -> None:
    async with room.pages(CROWD) as crowd:
        assert await room.metric("cti_pages") == len(CROWD)
        room.bridge.signal(signal.SIGTERM)
        assert {await page.sent_away() for page in crowd} == {1012}
        assert await room.bridge.ended() == 0
        await room.bridge.start()

        async with asyncio.timeout(BACK_WITHIN_S):
            await asyncio.gather(*(page.come() for page in crowd))
        assert await room.metric("cti_pages") == len(CROWD)
        # The caller has hung up by the time that everybody has been told, so nobody may have missed anything.
        call = await room.call(3, CALLER)
        async with asyncio.timeout(30):
            while not all(page.told.get(call) for page in crowd if page.operator == "op3"):
                await asyncio.sleep(0.02)
        assert {page.operator for page in crowd if page.told} == {"op3"}
        assert set().union(*(page.refusals for page in crowd)) <= {0, 503, 1012}, "busy is said, nothing else"


async def test_a_thousand_pages_whose_lines_were_cut_come_back_without_disturbing_anybody_elses_pop(
    room: Room,
) -> None:
    async with room.pages([f"op{number}" for number in OTHERS]) as others, room.pages(CROWD) as crowd:
        stop = asyncio.Event()

        async def keep_calling(operator: int) -> list[str]:
            calls = []
            while not stop.is_set():
                calls.append(await room.call(operator, CALLER, ring_s=0.5))
            return calls

        calling = [asyncio.create_task(keep_calling(number)) for number in OTHERS]
        for page in crowd:
            page.cut()
        async with asyncio.timeout(BACK_WITHIN_S):
            await asyncio.gather(*(page.come() for page in crowd))
        stop.set()
        calls = await asyncio.gather(*calling)
        async with asyncio.timeout(30):
            while not all(
                page.told.get(mine[-1], [""])[-1] == "call.ended" for page, mine in zip(others, calls, strict=True)
            ):
                await asyncio.sleep(0.02)

        assert all(page.welcomes[-1]["op"] == "welcome" for page in crowd)
        assert await room.metric("cti_pages") == len(CROWD) + UNDISTURBED
        for page, mine in zip(others, calls, strict=True):
            assert sorted(page.told) == sorted(mine), "his own calls, all of them, and nobody else's"
            for call in mine:
                seen = [type_ for type_ in page.told[call] if type_ != "call.updated"]
                assert seen == ["call.ringing", "call.answered", "call.ended"]
        assert not any(page.told for page in crowd)


async def test_a_page_that_never_reads_is_sent_away_in_bounded_memory_and_nobody_else_waits(room: Room) -> None:
    async with room.pages(["op0"]) as (stuck,), room.pages(["op0", "op1"]) as (same, other):
        await room.call(0, TALKATIVE)
        before_mib, unconfirmed = room.memory_mib(), await room.metric("cti_pops_unacknowledged_total")
        await stuck.stop_reading()
        neighbours = []
        calls = []
        async with asyncio.timeout(120):
            while not await room.metric("cti_pages_too_slow_total"):
                # His card is as long as it gets, and told six times a call, until no buffer takes more; quickly, for
                # who reads nothing answers no ping either, and is sent away for that after half a minute.
                calls += [await room.call(0, TALKATIVE, ring_s=0.02, talk_s=0.02) for _ in range(5)]
                neighbours.append(await room.call(1, CALLER, ring_s=0.5))
        assert await room.metric("cti_pages") == 2
        assert room.memory_mib() - before_mib < 64
        async with asyncio.timeout(30):
            while not (same.told.get(calls[-1], [""])[-1] == other.told.get(neighbours[-1], [""])[-1] == "call.ended"):
                await asyncio.sleep(0.02)
        for page, mine in ((same, calls), (other, neighbours)):
            for call in mine:
                seen = [type_ for type_ in page.told[call] if type_ != "call.updated"]
                assert seen == ["call.ringing", "call.answered", "call.ended"]
        assert await room.metric("cti_pops_unacknowledged_total") == unconfirmed
