"""Steering calls on a PBX set up otherwise: contexts that are missing, queues that take nobody, Local members."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from promises.desk_scene import (
    FIRST,
    OPERATORS_MAY,
    SECOND,
    THIRD,
    can,
    phones_of,
    refusal,
    talk,
    talking_leg_of,
    together,
    value,
)
from promises.scene import PHONE_OF, SALES, AtDesk, until
from promises.screens import (
    DID_SHORT,
    RULES,
    WITHIN_S,
    bridge_with_short_times,
    incoming,
    is_empty,
    no_live_calls,
    pick_up,
    shows,
)
from promises.states_scene import comes_to, is_shown, sets

pytestmark = pytest.mark.unhurried
QUEUES = """
[nobody](cti)
joinempty = no

[narrow](cti)
maxlen = 1

[announced](cti)
announce = /var/lib/asterisk/sounds/cti-callback

[short](cti)
"""
"""`nobody` takes callers only where somebody could answer, `narrow` one at a time; `announced` plays something to who
answers first."""
MORE_RULES = RULES.replace(
    "  short: {timeout: 2s}\n",
    "  short: {timeout: 2s}\n  nobody: {timeout: 60s}\n  narrow: {timeout: 60s}\n  announced: {timeout: 60s}\n",
).replace("    queue: short\n    then: [primary-consult]\n", "    queue: announced\n")
"""The short ones; who calls the number of the hasty is announced."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all tests here, on a PBX with these queues."""
    file = shared_asterisk.workdir / "etc" / "queues.conf"
    before = file.read_text("utf-8")
    file.write_text(before + QUEUES, "utf-8")
    await shared_asterisk.lab.command("queue reload all")
    folder = tmp_path_factory.mktemp("other") / "bridge"
    try:
        async with bridge_with_short_times(
            shared_asterisk, prepared, folder, rules_text=MORE_RULES, more=OPERATORS_MAY
        ) as bridge:
            yield bridge
    finally:
        file.write_text(before, "utf-8")
        await shared_asterisk.lab.command("queue reload all")


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    return running


@asynccontextmanager
async def without(asterisk: AsteriskInstance, context: str) -> AsyncIterator[None]:
    """The dialplan lacks this context."""
    await asterisk.lab.command(f"dialplan remove context {context}")
    try:
        yield
    finally:
        await asterisk.lab.command("dialplan reload")


LACKING = [
    ("hold", "cti-hold"), ("hold", "cti-desk"), ("hold", "cti-join"), ("hold", "cti-back"),
    ("consult", "cti-consult"), ("consult", "cti-back"),
    ("transfer", "cti-transfer"), ("transfer", "cti-back"), ("transfer", "cti-wait"),
]  # fmt: skip


async def test_without_one_of_our_contexts_what_needs_it_is_refused_in_words_and_the_talk_goes_on(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        for name, context in LACKING:
            async with without(asterisk, context):
                to: dict[str, Any] = {} if name == "hold" else {"to": {"operator": SECOND}}
                refused = await talking.give(name, **to)
            assert (refusal(refused), name, context) == ("not_possible", name, context)
            assert "operators check" in refused["error"]["message"]
        assert not asterisk.lab.events("BridgeLeave", Uniqueid=talking.caller.channel)
        value(await talking.give("hold"))
        async with without(asterisk, "cti-join"):
            assert refusal(await talking.give("resume")) == "not_possible"
        async with without(asterisk, "cti-consult"):
            assert refusal(await talking.give("consult", to={"operator": SECOND})) == "not_possible"
        await talking.waits()
        value(await talking.give("resume"))
        assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg
    await no_live_calls(bridge)


async def test_a_queue_that_takes_nobody_sends_the_caller_back_and_the_command_says_so(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        refused = await talking.give("transfer", to={"queue": "nobody"})
        assert refusal(refused) == "not_possible"
        back = await shows(desk, talking.call_id, my_role="ringing")
        assert (back["transfer"]["state"], back["transfer"]["reason"]) == ("failed", "nobody")
        await pick_up(talking.phone)
        await talking.together_with(PHONE_OF[FIRST])
        await talking.can("transfer")
        async with incoming(asterisk, "+74950000298") as other:
            await asterisk.lab.event("QueueCallerJoin", Uniqueid=other.channel, within=WITHIN_S)
            await asterisk.lab.action("Redirect", Channel=other.channel_name, Context="one-more", Exten="s", Priority=1)
            await asterisk.lab.event("QueueCallerJoin", Uniqueid=other.channel, Queue="narrow", within=WITHIN_S)
            refused = await talking.give("transfer", to={"queue": "narrow"})
            assert refusal(refused) == "not_possible"
            back = await shows(desk, talking.call_id, my_role="ringing")
            assert back["transfer"]["reason"] == "full"
            await pick_up(talking.phone)
            await talking.together_with(PHONE_OF[FIRST])
    await no_live_calls(bridge)


async def test_a_queue_whose_time_is_up_passes_the_caller_on_to_where_everybody_goes(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk, third = await at_desk(FIRST), await at_desk(THIRD)
    async with phones_of(asterisk, FIRST, THIRD) as phones, talk(asterisk, desk, phones) as talking:
        await asterisk.add_member("primary-consult", f"PJSIP/{PHONE_OF[THIRD]}")
        value(await talking.give("transfer", to={"queue": "short"}))
        await pick_up(phones[PHONE_OF[THIRD]])
        await talking.together_with(PHONE_OF[THIRD])
        await shows(third, talking.call_id, my_role="talking", state="talking", transfer=None)
    await no_live_calls(bridge)


@pytest.mark.parametrize("options", ["/n", ""])
async def test_who_is_called_through_a_local_channel_consults_hands_over_and_is_picked_up(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk, options: str
) -> None:
    first, second, third = await at_desk(FIRST), await at_desk(SECOND), await at_desk(THIRD)
    members = {one: f"Local/{PHONE_OF[one]}@phones{options}" for one in (FIRST, SECOND)}
    for operator, member in members.items():
        await asterisk.lab.action(
            "QueueAdd", Queue="sales", Interface=member, StateInterface=f"PJSIP/{PHONE_OF[operator]}"
        )
    await asterisk.lab.action("QueuePause", Interface=members[SECOND], Paused="true")
    async with phones_of(asterisk, FIRST, SECOND, THIRD) as phones, incoming(asterisk, SALES) as caller:
        await shows(first, caller.call_id, my_role="ringing")
        order = asyncio.create_task(second.command("call.pickup", operator=FIRST))
        await pick_up(phones[PHONE_OF[SECOND]])
        assert value(await order) == {"call": caller.call_id}
        await shows(second, caller.call_id, my_role="talking", state="talking")
        await is_empty(first)
        await until(lambda: can(second, caller.call_id, "hold"), WITHIN_S)
        value(await second.command("call.hold", call=caller.call_id))
        value(await second.command("call.consult", call=caller.call_id, to={"operator": THIRD}))
        await pick_up(phones[PHONE_OF[THIRD]])
        await until(lambda: can(second, caller.call_id, "complete"), WITHIN_S)
        value(await second.command("call.complete", call=caller.call_id))
        await together(asterisk, caller.channel, PHONE_OF[THIRD])
        await shows(third, caller.call_id, my_role="talking", state="talking")
        await is_empty(second)
    await no_live_calls(bridge)


@asynccontextmanager
async def known_by_hints(asterisk: AsteriskInstance, *operators: str) -> AsyncIterator[dict[str, str]]:
    """Members of a queue as FreePBX writes them: the interface of each of these operators there."""
    members = {one: f"Local/{PHONE_OF[one]}@phones/n" for one in operators}
    for one, member in members.items():
        phone = PHONE_OF[one]
        await asterisk.lab.command(f"dialplan add extension {phone},hint,PJSIP/{phone} into ext-local")
        hint = f"hint:{phone}@ext-local"
        await asterisk.lab.action("QueueAdd", Queue="sales", Interface=member, StateInterface=hint)
    try:
        yield members
    finally:
        await asterisk.lab.command("dialplan remove context ext-local")


async def test_members_whose_state_is_a_hint_are_their_operators_and_may_pick_up(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, second = await at_desk(FIRST), await at_desk(SECOND)
    async with known_by_hints(asterisk, FIRST, SECOND) as members:
        await sets(second, "break")
        await comes_to(asterisk, {("sales", members[SECOND]): (True, "break", 0)}, members[SECOND])
        await is_shown(second, state="break", confirmed=True)
        async with phones_of(asterisk, FIRST, SECOND) as phones, incoming(asterisk, SALES) as caller:
            await shows(first, caller.call_id, my_role="ringing")
            order = asyncio.create_task(second.command("call.pickup", operator=FIRST))
            await pick_up(phones[PHONE_OF[SECOND]])
            assert value(await order) == {"call": caller.call_id}
            await talking_leg_of(asterisk, PHONE_OF[SECOND])
            await shows(second, caller.call_id, my_role="talking", state="talking")
            await is_empty(first)
        await no_live_calls(bridge)
        await sets(second, "ready")
        await comes_to(asterisk, {("sales", members[SECOND]): (False, "", 0)}, members[SECOND])


async def test_who_holds_while_something_is_played_to_him_first_has_his_caller_waiting_and_answered(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    await asterisk.add_member("announced", f"PJSIP/{PHONE_OF[FIRST]}")
    async with phones_of(asterisk, FIRST) as phones, incoming(asterisk, SALES, did=DID_SHORT) as caller:
        await pick_up(phones[PHONE_OF[FIRST]])
        await until(lambda: can(desk, caller.call_id, "hold"), WITHIN_S)
        value(await desk.command("call.hold", call=caller.call_id))
        await shows(desk, caller.call_id, state="held", held_by="desk")
        await caller.phone.answered(within=WITHIN_S)
        value(await desk.command("call.resume", call=caller.call_id))
        await together(asterisk, caller.channel, PHONE_OF[FIRST])
        await shows(desk, caller.call_id, state="talking", my_role="talking")
    await no_live_calls(bridge)
