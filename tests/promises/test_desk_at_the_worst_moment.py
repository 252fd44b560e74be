"""Bridge killed, line cut, caller gone, phone dead at the worst moment of a command: nobody is lost or doubled."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from typing import Any

import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Phones, SipError
from promises.cable import Cable
from promises.desk_scene import (
    CUSTOMER,
    FIRST,
    OPERATORS_MAY,
    SECOND,
    THIRD,
    Talk,
    can,
    channels,
    one_bridge,
    phones_of,
    refusal,
    talk,
    together,
    value,
    where,
)
from promises.scene import OUTSIDE, PHONE_OF, SALES, AtDesk, journalled, until
from promises.screens import (
    WITHIN_S,
    incoming,
    is_empty,
    no_live_calls,
    pick_up,
    showing,
    shows,
    told,
)

pytestmark = [pytest.mark.unhurried, *one_bridge(OPERATORS_MAY, cabled=True)]
ORDERED = b"Action: Redirect"
"""What tells Asterisk to take channels somewhere: hold, resume, consult, complete."""
UNKNOWN_WHETHER = {"unavailable", "no_answer"}


async def asks(talking: Talk, phones: Phones) -> None:
    """The colleague is called, answers, and can be given the caller."""
    value(await talking.give("consult", to={"operator": SECOND}))
    await pick_up(phones[PHONE_OF[SECOND]])
    await together(talking.asterisk, await talking.leg_id(), PHONE_OF[SECOND])
    await talking.can("complete")


async def killed_after(cable: Cable, bridge: Bridge, talking: Talk, name: str) -> None:
    """The bridge is killed when Asterisk has got the order, and has not said that it has carried it out."""
    ordered = cable.dead_after(ORDERED)
    command = asyncio.create_task(talking.give(name))
    async with asyncio.timeout(WITHIN_S):
        await ordered.wait()
    await bridge.kill()
    await asyncio.gather(command, return_exceptions=True)


def at_customers(bridge: Bridge, call_id: str) -> list[tuple[str, str, str]]:
    """What the embedded CRM has of a call, or of a part of it, in the lists of its customers: id, operator, outcome."""
    with closing(sqlite3.connect(f"file:{bridge.data}/crm.sqlite?mode=ro", uri=True)) as customers:
        query = "SELECT key, user, outcome FROM calls WHERE key LIKE ? || '%'"
        return customers.execute(query, [call_id]).fetchall()


async def test_a_bridge_killed_while_a_colleague_is_called_finds_him_asked_and_takes_the_caller_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        value(await talking.give("consult", to={"operator": SECOND}))
        await phones[PHONE_OF[SECOND]].rings(within=WITHIN_S)
        await bridge.kill()
        await talking.waits()
        await bridge.start()
        first, second = await at_desk(FIRST), await at_desk(SECOND)
        seen = await shows(first, talking.call_id, state="held", held_by="desk", my_role="talking")
        assert seen["consult"]["state"] == "ringing"
        assert seen["actions"]["complete"] == "colleague_rings" or not can(first, talking.call_id, "complete")
        assert (await shows(second, talking.call_id, my_role="ringing"))["customer"]["name"] == CUSTOMER
        await until(lambda: can(first, talking.call_id, "consult_cancel"), WITHIN_S)
        value(await first.command("call.consult_cancel", call=talking.call_id))
        assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg
        await is_empty(second)
        await phones[PHONE_OF[SECOND]].stopped_ringing(within=WITHIN_S)
        await shows(first, talking.call_id, state="talking", held_by=None, consult=None)
    await no_live_calls(bridge)


async def test_without_a_bridge_a_consultation_ends_and_the_caller_is_brought_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        await asks(talking, phones)
        await bridge.kill()
        await phones[PHONE_OF[SECOND]].hang_up()
        await talking.waits()
        await talking.phone.hang_up()
        await talking.phone.rings(2, WITHIN_S)
        await pick_up(talking.phone)
        await talking.together_with(PHONE_OF[FIRST])
        await bridge.start()
        again = await at_desk(FIRST)
        seen = await shows(again, talking.call_id, state="talking", my_role="talking", held_by=None, consult=None)
        assert seen["customer"]["name"] == CUSTOMER
        await until(lambda: can(again, talking.call_id, "hold"), WITHIN_S)
        value(await again.command("call.hold", call=talking.call_id))
        value(await again.command("call.resume", call=talking.call_id))
        await talking.together_with(PHONE_OF[FIRST])
        await talking.caller.phone.hang_up()
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
    assert (record.outcome, record.operator) == ("answered", FIRST)


async def test_a_bridge_killed_between_handing_over_and_the_answer_has_handed_over(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk, cable: Cable
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        await asks(talking, phones)
        await killed_after(cable, bridge, talking, "complete")
        await talking.together_with(PHONE_OF[SECOND])
        await asterisk.lab.event("Hangup", Channel=talking.leg, within=WITHIN_S)
        await bridge.start()
        first, second = await at_desk(FIRST), await at_desk(SECOND)
        seen = await shows(second, talking.call_id, my_role="talking", state="talking", consult=None)
        assert seen["customer"]["name"] == CUSTOMER
        assert not showing(first)
        assert refusal(await first.command("call.complete", call=talking.call_id)) == "not_found"
        await until(lambda: can(second, talking.call_id, "hangup"), WITHIN_S)
        value(await second.command("call.hangup", call=talking.call_id))
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
    assert record.outcome == "answered"
    # That the first one has handed over was seen by nobody: his leg has just ended.
    assert [(leg.operator, leg.why) for leg in record.legs] == [(FIRST, "ended"), (SECOND, "hung_up")]


async def test_a_bridge_killed_between_resuming_and_the_answer_leaves_the_two_together(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk, cable: Cable
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        value(await talking.give("hold"))
        await killed_after(cable, bridge, talking, "resume")
        assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg
        await bridge.start()
        again = await at_desk(FIRST)
        await shows(again, talking.call_id, state="talking", my_role="talking", held_by=None)
        await until(lambda: can(again, talking.call_id, "hold"), WITHIN_S)
        await talking.phone.hang_up()
        await talking.caller.phone.over(WITHIN_S)
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
    assert (record.outcome, [leg.why for leg in record.legs]) == ("answered", ["ended"])


@pytest.mark.parametrize("name", ["hold", "consult", "transfer"])
async def test_a_line_cut_right_behind_the_order_is_told_as_unknown_and_nothing_is_done_twice(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk, cable: Cable, name: str
) -> None:
    desk = await at_desk(FIRST)
    words = b"Action: BlindTransfer" if name == "transfer" else ORDERED
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        began = asterisk.lab.mark()
        ordered = cable.dead_after(words)
        to: dict[str, Any] = {} if name == "hold" else {"to": {"operator": SECOND}}
        order = asyncio.create_task(talking.give(name, **to))
        async with asyncio.timeout(WITHIN_S):
            await ordered.wait()
        await cable.cut()
        assert refusal(await order) in UNKNOWN_WHETHER
        await cable.mend()
        if name == "transfer":
            await pick_up(phones[PHONE_OF[SECOND]])
            await talking.together_with(PHONE_OF[SECOND])
            second = await at_desk(SECOND)
            await shows(second, talking.call_id, my_role="talking", state="talking", transfer=None)
            await is_empty(desk)
            assert len(asterisk.lab.events("BlindTransfer", since=began)) == 1
        else:
            await shows(desk, talking.call_id, state="held", held_by="desk")
            await talking.can("consult_cancel" if name == "consult" else "resume")
            assert len(asterisk.lab.events("UserEvent", since=began, UserEvent="CtiHold")) == 1
            assert phones[PHONE_OF[SECOND]].calls <= 1
            value(await talking.give("consult_cancel" if name == "consult" else "resume"))
            assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg
    await no_live_calls(bridge)


async def test_who_holds_in_the_moment_when_the_caller_hangs_up_is_told_so_and_nobody_waits(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    for hangs_up_after_s in (0.0, 0.003, 0.01):
        async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
            held = asyncio.create_task(talking.give("hold"))
            await asyncio.sleep(hangs_up_after_s)
            await talking.caller.phone.hang_up()
            result = await held
            assert result["ok"] or refusal(result) in {"not_found", "not_possible", "failed"}
            await is_empty(desk)
            await asterisk.lab.event("Hangup", Channel=talking.leg, within=WITHIN_S)
            record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
            assert (record.outcome, record.operator) == ("answered", FIRST)
        await asterisk.remove_all_members()
    await no_live_calls(bridge)
    assert not await channels(asterisk)


async def test_a_held_caller_whose_operators_phone_is_dead_is_sent_on_from_the_page(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk, colleague = await at_desk(FIRST), await at_desk(SECOND)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        value(await talking.give("hold"))
        await talking.phone.stop()
        await talking.waits()
        value(await talking.give("transfer", to={"operator": SECOND}))
        await shows(colleague, talking.call_id, my_role="ringing")
        await asterisk.lab.event("Hangup", Channel=talking.leg, within=WITHIN_S)
        await pick_up(phones[PHONE_OF[SECOND]])
        await talking.together_with(PHONE_OF[SECOND])
        await is_empty(desk)


async def test_two_who_pick_up_the_same_call_at_the_same_moment_are_told_who_has_it(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desks = {operator: await at_desk(operator) for operator in (FIRST, SECOND, THIRD)}
    async with phones_of(asterisk, *desks) as phones:
        for operator in desks:
            await asterisk.add_member("sales", f"PJSIP/{PHONE_OF[operator]}")
        for operator in (SECOND, THIRD):
            await asterisk.lab.action("QueuePause", Interface=f"PJSIP/{PHONE_OF[operator]}", Paused="true")
        async with incoming(asterisk, SALES) as caller:
            await shows(desks[FIRST], caller.call_id, my_role="ringing")
            orders = [asyncio.create_task(desks[one].command("call.pickup", operator=FIRST)) for one in (SECOND, THIRD)]
            for operator in (SECOND, THIRD):
                await phones[PHONE_OF[operator]].rings(within=WITHIN_S)
            await asyncio.gather(*(phones[PHONE_OF[operator]].answer() for operator in (SECOND, THIRD)))
            results = dict(zip((SECOND, THIRD), await asyncio.gather(*orders), strict=True))
            (has,) = (operator for operator, result in results.items() if result["ok"])
            (late,) = {SECOND, THIRD} - {has}
            assert refusal(results[late]) == "already_taken"
            await shows(desks[has], caller.call_id, my_role="talking", state="talking")
            await together(asterisk, caller.channel, PHONE_OF[has])
            await is_empty(desks[late])
            await is_empty(desks[FIRST])
            await where(
                asterisk, lambda seen: not any(one["Channel"].startswith(f"PJSIP/{PHONE_OF[late]}-") for one in seen)
            )
    await no_live_calls(bridge)


async def test_of_three_who_talk_nobody_is_sent_on_and_when_the_third_leaves_the_card_says_so(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        await asterisk.lab.action("ModuleLoad", Module="app_bridgeaddchan.so", LoadType="load")
        await asterisk.lab.action(
            "Originate", Channel=f"PJSIP/{PHONE_OF[SECOND]}", Application="BridgeAdd",
            Data=talking.caller.channel_name, Async="true",
        )  # fmt: skip
        await pick_up(phones[PHONE_OF[SECOND]])
        await until(lambda: not can(desk, talking.call_id, "transfer"), WITHIN_S)
        assert showing(desk)[talking.call_id]["actions"]["transfer"] == "others_talk"
        orders: dict[str, dict[str, Any]] = {
            "hold": {}, "consult": {"to": {"operator": THIRD}}, "transfer": {"to": {"queue": "sales"}}
        }  # fmt: skip
        for name, args in orders.items():
            assert refusal(await talking.give(name, **args)) == "not_possible"
        assert not asterisk.lab.events("BridgeLeave", Uniqueid=talking.caller.channel)
        await phones[PHONE_OF[SECOND]].hang_up()
        await talking.can("transfer")
        value(await talking.give("hold"))
        value(await talking.give("resume"))
        await talking.together_with(PHONE_OF[FIRST])


async def test_a_customer_who_calls_while_he_is_being_called_has_two_calls_and_both_can_be_ended(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, second = await at_desk(FIRST), await at_desk(SECOND)
    await asterisk.add_member("sales", f"PJSIP/{PHONE_OF[SECOND]}")
    async with phones_of(asterisk, FIRST, SECOND, OUTSIDE) as phones:
        order = asyncio.create_task(first.command("call.dial", number=SALES))
        await pick_up(phones[PHONE_OF[FIRST]])
        made = value(await order)["call"]
        await phones[OUTSIDE].rings(within=WITHIN_S)
        async with incoming(asterisk, SALES) as caller:
            await shows(second, caller.call_id, my_role="ringing", direction="inbound")
            assert (await shows(first, made, direction="outbound"))["customer"]["name"] == CUSTOMER
            await pick_up(phones[PHONE_OF[SECOND]])
            await shows(second, caller.call_id, my_role="talking", state="talking")
            assert set(showing(first)) == {made}
            assert set(showing(second)) == {caller.call_id}
            value(await first.command("call.hangup", call=made))
            await is_empty(first)
            await phones[OUTSIDE].stopped_ringing(within=WITHIN_S)
            assert set(showing(second)) == {caller.call_id}
            assert not asterisk.lab.events("Hangup", Uniqueid=caller.channel)
            value(await second.command("call.hangup", call=caller.call_id))
        dialled = await journalled(bridge, made, ended=True, within=WITHIN_S)
        answered = await journalled(bridge, caller.call_id, ended=True, within=WITHIN_S)
    assert (dialled.outcome, answered.outcome) == ("abandoned", "answered")
    await no_live_calls(bridge)


async def test_whom_hanging_up_would_take_the_caller_from_is_refused_and_who_is_asked_may_hang_up(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk, colleague = await at_desk(FIRST), await at_desk(SECOND)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        value(await talking.give("hold"))
        assert refusal(await talking.give("hangup")) == "not_possible"
        await asks(talking, phones)
        assert refusal(await talking.give("hangup")) == "not_possible"
        await shows(colleague, talking.call_id, my_role="consulting")
        value(await colleague.command("call.hangup", call=talking.call_id))
        await is_empty(colleague)
        await shows(desk, talking.call_id, state="held", held_by="desk", consult=None)
        await talking.waits()
        value(await talking.give("resume"))
        assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg


async def test_a_command_for_a_call_of_before_a_restart_of_asterisk_touches_no_call_of_now(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as before:
        await asterisk.restart()
        await is_empty(desk)
    await asterisk.lab.set_global("CTI_AGI", bridge.agi_url)
    await bridge.until(["asterisk"], within=WITHIN_S)
    async with phones_of(asterisk, FIRST) as phones, incoming(asterisk, SALES) as caller:
        await pick_up(phones[PHONE_OF[FIRST]])
        await shows(desk, caller.call_id, my_role="talking", state="talking")
        await together(asterisk, caller.channel, PHONE_OF[FIRST])
        for name in ("hangup", "hold", "resume", "complete", "consult_cancel"):
            assert refusal(await desk.command(f"call.{name}", call=before.call_id)) == "not_found"
        assert refusal(await desk.command("call.transfer", call=before.call_id, to={"queue": "sales"})) == "not_found"
        await until(lambda: can(desk, caller.call_id, "hold"), WITHIN_S)
        value(await desk.command("call.hold", call=caller.call_id))
        value(await desk.command("call.resume", call=caller.call_id))
        assert told(desk, before.call_id)[-1] == "call.ended"
    await no_live_calls(bridge)


async def test_a_call_that_went_through_all_hands_is_one_call_with_its_talks_and_is_reported_once(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk, colleague, third = await at_desk(FIRST), await at_desk(SECOND), await at_desk(THIRD)
    async with phones_of(asterisk, FIRST, SECOND, THIRD) as phones, talk(asterisk, desk, phones) as talking:
        value(await talking.give("hold"))
        value(await talking.give("resume"))
        await talking.together_with(PHONE_OF[FIRST])
        await talking.can("transfer")
        value(await talking.give("transfer", to={"operator": SECOND}))
        await pick_up(phones[PHONE_OF[SECOND]])
        await talking.together_with(PHONE_OF[SECOND])
        await until(lambda: can(colleague, talking.call_id, "hold"), WITHIN_S)
        value(await colleague.command("call.hold", call=talking.call_id))
        value(await colleague.command("call.consult", call=talking.call_id, to={"operator": THIRD}))
        await pick_up(phones[PHONE_OF[THIRD]])
        await until(lambda: can(colleague, talking.call_id, "complete"), WITHIN_S)
        value(await colleague.command("call.complete", call=talking.call_id))
        await talking.together_with(PHONE_OF[THIRD])
        await is_empty(colleague)
        await until(lambda: can(third, talking.call_id, "transfer"), WITHIN_S)
        value(await third.command("call.transfer", call=talking.call_id, to={"operator": FIRST}))
        await pick_up(talking.phone)
        await talking.together_with(PHONE_OF[FIRST])
        await shows(desk, talking.call_id, my_role="talking", state="talking")
        await talking.caller.phone.hang_up()
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
    assert record.outcome == "answered"
    assert [(leg.operator, leg.why) for leg in record.legs] == [
        (FIRST, "transferred"), (SECOND, "transferred"), (THIRD, "transferred"), (FIRST, "ended")
    ]  # fmt: skip
    assert record.answered_at is not None and record.ended_at is not None
    talked = [leg.talked_s for leg in record.legs]
    assert all(one > 0 for one in talked)
    assert sum(talked) < record.ended_at - record.answered_at
    await no_live_calls(bridge)
    told_to_the_crm = await until(lambda: at_customers(bridge, talking.call_id), WITHIN_S)
    assert told_to_the_crm == [(talking.call_id, FIRST, "answered")]


@pytest.mark.parametrize("name", ["resume", "complete", "consult_cancel", "transfer"])
async def test_a_caller_who_hangs_up_in_the_moment_of_a_command_leaves_nobody_with_a_card_or_a_ringing_phone(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk, name: str
) -> None:
    desk, colleague = await at_desk(FIRST), await at_desk(SECOND)
    args: dict[str, Any] = {"to": {"operator": SECOND}} if name == "transfer" else {}
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        if name == "resume":
            value(await talking.give("hold"))
        elif name != "transfer":
            await asks(talking, phones)
        order = asyncio.create_task(talking.give(name, **args))
        await talking.caller.phone.hang_up()
        result = await order
        assert result["ok"] or refusal(result) in {"not_found", "not_possible", "failed"}
        await is_empty(desk)
        await is_empty(colleague)
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
        assert record.outcome == "answered"
        with suppress(SipError):
            await talking.phone.hang_up()
        await where(asterisk, lambda seen: not seen or None)
    await no_live_calls(bridge)


async def test_a_colleague_who_hangs_up_in_the_moment_when_he_is_given_the_caller_costs_nobody_his_caller(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk, colleague = await at_desk(FIRST), await at_desk(SECOND)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        await asks(talking, phones)
        order = asyncio.create_task(phones[PHONE_OF[SECOND]].hang_up())
        result = await talking.give("complete")
        await order
        await is_empty(colleague)
        if result["ok"]:  # he had him, so this was the end of their talk
            await talking.caller.phone.over(WITHIN_S)
            record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
            assert [leg.why for leg in record.legs] == ["transferred", "ended"]
        else:
            await talking.waits()
            await shows(desk, talking.call_id, state="held", held_by="desk", consult=None)
            await talking.can("resume")
            value(await talking.give("resume"))
            assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg
    await no_live_calls(bridge)


async def test_who_answers_in_the_moment_when_he_is_asked_no_more_leaves_the_two_together(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk, colleague = await at_desk(FIRST), await at_desk(SECOND)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        value(await talking.give("consult", to={"operator": SECOND}))
        await phones[PHONE_OF[SECOND]].rings(within=WITHIN_S)
        order = asyncio.create_task(phones[PHONE_OF[SECOND]].answer())
        value(await talking.give("consult_cancel"))
        await order
        assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg
        await is_empty(colleague)
        shown = await shows(desk, talking.call_id, state="talking", held_by=None, consult=None)
        assert shown["actions"]["hold"] is None
        his = f"PJSIP/{PHONE_OF[SECOND]}-"
        await where(asterisk, lambda seen: not any(one["Channel"].startswith(his) for one in seen))
    await no_live_calls(bridge)


async def test_a_customer_who_was_called_and_waits_is_found_after_a_kill_and_handed_over(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND, OUTSIDE) as phones:
        order = asyncio.create_task(desk.command("call.dial", number=SALES))
        await pick_up(phones[PHONE_OF[FIRST]])
        call_id = value(await order)["call"]
        await pick_up(phones[OUTSIDE])
        await shows(desk, call_id, my_role="talking", state="talking")
        await until(lambda: can(desk, call_id, "hold"), WITHIN_S)
        value(await desk.command("call.hold", call=call_id))
        await shows(desk, call_id, state="held", held_by="desk")
        await bridge.kill()
        await bridge.start()
        first, second = await at_desk(FIRST), await at_desk(SECOND)
        held = await shows(first, call_id, state="held", held_by="desk", my_role="talking", direction="outbound")
        assert held["customer"]["name"] == CUSTOMER
        await until(lambda: can(first, call_id, "consult"), WITHIN_S)
        value(await first.command("call.consult", call=call_id, to={"operator": SECOND}))
        await pick_up(phones[PHONE_OF[SECOND]])
        await until(lambda: can(first, call_id, "complete"), WITHIN_S)
        value(await first.command("call.complete", call=call_id))
        await shows(second, call_id, my_role="talking", state="talking")
        await is_empty(first)
        await phones[OUTSIDE].hang_up()
        await is_empty(second)
        record = await journalled(bridge, call_id, ended=True, within=WITHIN_S)
    assert (record.outcome, record.operator) == ("answered", FIRST)
    await no_live_calls(bridge)


async def test_a_transferred_caller_and_one_behind_a_local_channel_are_found_held_after_a_kill(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk, colleague = await at_desk(FIRST), await at_desk(SECOND)
    member = f"Local/{PHONE_OF[FIRST]}@phones/n"
    async with (
        phones_of(asterisk, FIRST, SECOND) as phones,
        talk(asterisk, desk, phones, member=member) as talking,
    ):
        value(await talking.give("hold"))
        await bridge.kill()
        await talking.waits()
        await bridge.start()
        desk, colleague = await at_desk(FIRST), await at_desk(SECOND)
        await shows(desk, talking.call_id, state="held", held_by="desk", my_role="talking")
        await until(lambda: can(desk, talking.call_id, "transfer"), WITHIN_S)
        value(await desk.command("call.transfer", call=talking.call_id, to={"operator": SECOND}))
        await pick_up(phones[PHONE_OF[SECOND]])
        await talking.together_with(PHONE_OF[SECOND])
        await is_empty(desk)
        await until(lambda: can(colleague, talking.call_id, "hold"), WITHIN_S)
        value(await colleague.command("call.hold", call=talking.call_id))
        await bridge.kill()
        await talking.waits()
        await bridge.start()
        colleague = await at_desk(SECOND)
        await shows(colleague, talking.call_id, state="held", held_by="desk", my_role="talking")
        await until(lambda: can(colleague, talking.call_id, "resume"), WITHIN_S)
        value(await colleague.command("call.resume", call=talking.call_id))
        await talking.together_with(PHONE_OF[SECOND])
        await talking.caller.phone.hang_up()
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
    assert record.outcome == "answered"
    assert {leg.operator for leg in record.legs if leg.talked_s > 0} >= {FIRST, SECOND}
    await no_live_calls(bridge)
