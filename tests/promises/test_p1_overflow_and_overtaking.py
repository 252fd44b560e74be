"""P1, a caller goes on where a queue is full or too slow; who is served first, and by whom, is as the rules say.

And nobody waits for ever behind those who come before him.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from cti_bridge.calls.overtaking import FIRST
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.lab import Message
from demo.sip import Behaviour, Phones
from promises.scene import UNKNOWN, journalled, until, variable
from promises.screens import Incoming, bridge_with_short_times, incoming

MAX_OVERTAKE_S = 6
HASTY, NARROW, EXPERTS, VIP = "74950000251", "74950000252", "74950000253", "74950000254"
"""Numbers to call: one that is moved on soon, one with a small queue, one for some members only, one of high rank."""
ANSWERS = Behaviour(answer_after=0.05)
RULES = f"""\
version: 1
region: RU
queues:
  primary-consult: {{timeout: 60s}}
  sales: {{timeout: 60s}}
  production: {{timeout: 60s}}
max_overtake: {MAX_OVERTAKE_S}s
rules:
  - {{name: hasty, when: {{call.did: "+{HASTY}"}}, queue: {{queue: sales, timeout: 1s}}, then: [production]}}
  - {{name: narrow, when: {{call.did: "+{NARROW}"}}, queue: {{queue: sales, max_waiting: 1}}, then: [production]}}
  - name: experts
    when: {{call.did: "+{EXPERTS}"}}
    queue: sales
    penalties: {{min: 5}}
    language: en_GB
    announcement: no-such-sound
  - {{name: vip, when: {{call.did: "+{VIP}"}}, queue: sales, priority: 10}}
default: {{queue: sales, penalties: {{max: 0}}}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all tests here."""
    folder = tmp_path_factory.mktemp("overtaking") / "bridge"
    async with bridge_with_short_times(shared_asterisk, prepared, folder, rules_text=RULES) as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    return running


async def joined(asterisk: AsteriskInstance, caller: Incoming, queue: str) -> Message:
    """Wait until he is in this queue."""
    return await asterisk.lab.event("QueueCallerJoin", Queue=queue, Uniqueid=caller.channel)


async def steps_told(asterisk: AsteriskInstance, caller: Incoming) -> list[tuple[str, str]]:
    """What the dialplan said of his first step."""
    await asterisk.lab.event("UserEvent", UserEvent="CtiStep", Uniqueid=caller.channel)
    told = asterisk.lab.events("UserEvent", UserEvent="CtiStep", Uniqueid=caller.channel)
    return [(step["Queue"], step["Status"]) for step in told]


def queues_of(asterisk: AsteriskInstance, caller: Incoming) -> list[str]:
    """The queues that he has been in, in their order."""
    return [event["Queue"] for event in asterisk.lab.events("QueueCallerJoin", Uniqueid=caller.channel)]


async def waiting(asterisk: AsteriskInstance) -> list[tuple[str, int]]:
    """Who waits in `sales`, whoever is served next first, with their priorities."""
    since = asterisk.lab.mark()
    await asterisk.lab.action("QueueStatus", Queue="sales")
    await asterisk.lab.event("QueueStatusComplete", since=since)
    entries = asterisk.lab.events("QueueEntry", since=since)
    return [(entry["Uniqueid"], int(entry["Priority"])) for entry in sorted(entries, key=lambda e: int(e["Position"]))]


async def put_first(asterisk: AsteriskInstance, caller: Incoming, within: float = MAX_OVERTAKE_S + 10) -> None:
    """Wait until he stands first, before everybody whom a rule could send."""
    async with asyncio.timeout(within):
        while (await waiting(asterisk))[:1] != [(caller.channel, FIRST)]:
            await asyncio.sleep(0.1)


async def test_when_nobody_answers_in_time_the_next_queue_has_the_caller(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with incoming(asterisk, UNKNOWN, did=HASTY) as caller:
        await joined(asterisk, caller, "production")
        assert queues_of(asterisk, caller) == ["sales", "production"]
        assert await steps_told(asterisk, caller) == [("sales", "TIMEOUT")]
    record = await journalled(bridge, caller.call_id, ended=True)
    assert record.decision is not None
    assert (record.decision.steps, record.queue) == ((("sales", 1), ("production", 60)), "production")


async def test_who_comes_when_a_queue_is_full_goes_to_the_next_one_at_once(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with incoming(asterisk, UNKNOWN, did=NARROW) as first:
        await joined(asterisk, first, "sales")
        async with incoming(asterisk, UNKNOWN, did=NARROW) as second:
            await joined(asterisk, second, "production")
            assert queues_of(asterisk, second) == ["production"]
            assert await steps_told(asterisk, second) == [("sales", "SKIPPED")]
        await first.phone.hang_up()
    record = await journalled(bridge, second.call_id, ended=True)
    assert record.decision is not None
    assert record.decision.max_waiting == (1, None)


async def test_only_members_with_a_penalty_within_the_limits_are_called(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    await asterisk.add_member("sales", "PJSIP/103", penalty=0)
    await asterisk.add_member("sales", "PJSIP/104", penalty=5)
    async with Phones(asterisk, {"103": ANSWERS, "104": ANSWERS}) as phones:
        async with incoming(asterisk, UNKNOWN, did=EXPERTS) as caller:
            await phones["104"].answered()
            assert await variable(asterisk, caller.channel_name, "CHANNEL(language)") == "en_GB"
        async with incoming(asterisk, UNKNOWN):
            await phones["103"].answered()
        assert (phones["103"].calls, phones["104"].calls) == (1, 1)


async def test_high_rank_comes_first_but_not_for_ever(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    await asterisk.add_member("sales", "PJSIP/103")
    async with AsyncExitStack() as stack:
        phones = await stack.enter_async_context(Phones(asterisk, {"103": ANSWERS}))
        talking = await stack.enter_async_context(incoming(asterisk, UNKNOWN))
        await phones["103"].answered()
        ordinary = await stack.enter_async_context(incoming(asterisk, UNKNOWN))
        await joined(asterisk, ordinary, "sales")
        vip = await stack.enter_async_context(incoming(asterisk, UNKNOWN, did=VIP))
        assert (await joined(asterisk, vip, "sales"))["Position"] == "1"

        await talking.phone.hang_up()
        await vip.phone.answered()
        assert await waiting(asterisk) == [(ordinary.channel, 0)], "whoever came first still waits"

        await put_first(asterisk, ordinary)
        later = await stack.enter_async_context(incoming(asterisk, UNKNOWN, did=VIP))
        assert (await joined(asterisk, later, "sales"))["Position"] == "2"
        await vip.phone.hang_up()
        await ordinary.phone.answered()
        assert [channel for channel, _ in await waiting(asterisk)] == [later.channel]
    (said,) = await until(lambda: bridge.events("caller.put_first"))
    assert said["queue"] == "sales"
    assert "0299" in said["caller"] and UNKNOWN not in str(said)


async def test_a_bridge_that_was_killed_finds_out_who_has_been_overtaken(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with incoming(asterisk, UNKNOWN) as ordinary:
        await joined(asterisk, ordinary, "sales")
        # Asterisk says in whole seconds how long somebody has waited: two that can be told apart are needed
        await until(lambda: time.time() - ordinary.at > 2.1)
        async with incoming(asterisk, UNKNOWN, did=VIP) as vip:
            await joined(asterisk, vip, "sales")
            await bridge.kill()
            assert await waiting(asterisk) == [(vip.channel, 10), (ordinary.channel, 0)]
            await bridge.start()
            await put_first(asterisk, ordinary)
            assert await waiting(asterisk) == [(ordinary.channel, FIRST), (vip.channel, 10)]


async def test_who_was_put_first_and_steps_in_again_behind_a_high_rank_is_put_first_once_more(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    await asterisk.lab.set_global("CTI_LAST_AFTER", str(MAX_OVERTAKE_S + 4))
    await asterisk.lab.set_global("CTI_LAST", "10")
    try:
        async with (
            incoming(asterisk, UNKNOWN, did=NARROW) as ordinary,  # his rule wants no members with certain penalties
            incoming(asterisk, UNKNOWN, did=VIP) as vip,
        ):
            await put_first(asterisk, ordinary, within=30)
            await until(lambda: queues_of(asterisk, ordinary) == ["sales"] * 2, within=30)
            await put_first(asterisk, ordinary, within=30)
            await until(lambda: queues_of(asterisk, vip) == ["sales"] * 2, within=30)
            assert [channel for channel, _ in await waiting(asterisk)] == [ordinary.channel, vip.channel]
    finally:
        await asterisk.lab.set_global("CTI_LAST_AFTER", "16")
        await asterisk.lab.set_global("CTI_LAST", "none")
