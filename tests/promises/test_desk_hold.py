"""Hold: the caller waits with music and comes back, whoever hangs up, and whatever becomes of the bridge."""

import asyncio

import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Caller
from promises.desk_scene import CUSTOMER, FIRST, SECOND, can, one_bridge, phones_of, talk, where
from promises.scene import OUTSIDE, PHONE_OF, SALES, AtDesk, journalled, until
from promises.screens import (
    WITHIN_S,
    Screens,
    is_empty,
    no_live_calls,
    pick_up,
    showing,
    shows,
    told,
)

pytestmark = [pytest.mark.unhurried, *one_bridge()]


async def test_the_caller_waits_and_is_taken_back_and_it_is_one_talk(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, screens[FIRST], phones) as talking:
        for _ in range(2):
            result = await talking.give("hold")
            assert result["ok"], result
            held = await shows(screens[FIRST], talking.call_id, state="held", my_role="talking", held_by="desk")
            assert held["actions"]["hold"] == "held"
            assert held["actions"]["hangup"] == "held"
            assert held["actions"]["resume"] is None
            assert held["actions"]["consult"] is None
            await talking.waits()
            await asterisk.lab.event("MusicOnHoldStart", Uniqueid=talking.caller.channel)

            result = await talking.give("resume")
            assert result["ok"], result
            back = await shows(screens[FIRST], talking.call_id, state="talking", held_by=None)
            assert back["actions"]["resume"] == "not_held"
            assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg
        await talking.phone.hang_up()
        await talking.caller.phone.over(WITHIN_S)
        await is_empty(screens[FIRST])
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)

    assert told(screens[FIRST], talking.call_id) == ["call.ringing", "call.answered", "call.ended"]
    assert (record.outcome, record.operator) == ("answered", FIRST)
    (leg,) = record.legs
    assert leg.ended_at is not None and leg.answered_at is not None
    assert 0 < leg.talked_s < leg.ended_at - leg.answered_at, "the wait is no talk"
    screens.nobody_else((talking.call_id, CUSTOMER), but=[FIRST])
    await no_live_calls(bridge)


async def test_holding_twice_holds_once_and_a_colleague_cannot_command_it(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk, colleague = await at_desk(FIRST), await at_desk(SECOND)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        refused = await colleague.command("call.hold", call=talking.call_id)
        assert refused["error"]["code"] == "not_found"
        began = asterisk.lab.mark()
        first, again = await asyncio.gather(
            desk.command("call.hold", id_="same", call=talking.call_id),
            desk.command("call.hold", id_="same", call=talking.call_id),
        )
        assert first["ok"] and again["ok"]
        other = await talking.give("hold")
        assert other["error"]["code"] == "not_possible"
        assert "on hold" in other["error"]["message"]
        assert len(asterisk.lab.events("UserEvent", since=began, UserEvent="CtiHold")) == 1
        refused = await colleague.command("call.resume", call=talking.call_id)
        assert refused["error"]["code"] == "not_found"
        assert (await talking.give("resume"))["ok"]
        assert (await talking.give("resume"))["error"]["code"] == "not_possible"
        await talking.together_with(PHONE_OF[FIRST])


async def test_an_operator_who_hangs_up_on_a_waiting_caller_is_rung_again_and_has_the_card(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        assert (await talking.give("hold"))["ok"]
        await talking.phone.hang_up()
        await talking.phone.rings(2, WITHIN_S)
        again = await shows(desk, talking.call_id, my_role="ringing")
        assert again["customer"]["name"] == CUSTOMER
        await pick_up(talking.phone)
        await shows(desk, talking.call_id, my_role="talking", state="talking", held_by=None)
        await talking.together_with(PHONE_OF[FIRST])
        await talking.caller.phone.hang_up()
        await is_empty(desk)
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
    assert record.outcome == "answered"
    assert [leg.why for leg in record.legs] == ["ended", "ended"]


async def test_a_caller_whose_operator_is_not_there_any_more_waits_in_the_queue_again(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, screens[FIRST], phones) as talking:
        assert (await talking.give("hold"))["ok"]
        await asterisk.add_member("sales", f"PJSIP/{PHONE_OF[SECOND]}")
        await talking.phone.hang_up()
        await talking.phone.rings(2, WITHIN_S)
        await talking.phone.stop()
        await asterisk.lab.action("Hangup", Channel=f"/^PJSIP/{PHONE_OF[FIRST]}-/")
        await phones[PHONE_OF[SECOND]].rings(1, WITHIN_S)
        ringing = await shows(screens[SECOND], talking.call_id, my_role="ringing")
        assert ringing["customer"]["name"] == CUSTOMER
        await pick_up(phones[PHONE_OF[SECOND]])
        await talking.together_with(PHONE_OF[SECOND])
        await shows(screens[SECOND], talking.call_id, my_role="talking", state="talking")


async def test_a_caller_who_hangs_up_while_he_waits_leaves_nobody_waiting(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        assert (await talking.give("hold"))["ok"]
        await talking.caller.phone.hang_up()
        await is_empty(desk)
        await asterisk.lab.event("Hangup", Channel=talking.leg)
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
    assert (record.outcome, record.operator) == ("answered", FIRST)
    await no_live_calls(bridge)


async def test_after_the_limit_the_two_are_connected_again(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    await asterisk.lab.set_global("CTI_HOLD_LIMIT", "1")
    try:
        async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
            assert (await talking.give("hold"))["ok"]
            await shows(desk, talking.call_id, state="talking", held_by=None)
            assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg
    finally:
        await asterisk.lab.set_global("CTI_HOLD_LIMIT", "")


async def test_an_operator_who_is_called_through_a_local_channel_can_hold_as_well(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    member = f"Local/{PHONE_OF[FIRST]}@phones/n"
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones, member=member) as talking:
        assert (await talking.give("hold"))["ok"]
        await shows(desk, talking.call_id, state="held", held_by="desk")
        await talking.waits()
        assert (await talking.give("resume"))["ok"]
        assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg
        await talking.phone.hang_up()
        await talking.caller.phone.over(WITHIN_S)
        await is_empty(desk)
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
    assert (record.outcome, record.operator) == ("answered", FIRST)


async def test_a_customer_whom_the_operator_has_called_can_be_held_as_well(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with (
        phones_of(asterisk, FIRST, OUTSIDE) as phones,
        Caller(asterisk, phone=PHONE_OF[FIRST], did=f"8{SALES[2:]}") as line,
    ):
        await pick_up(phones[OUTSIDE])
        await line.answered(WITHIN_S)
        call_id = await until(lambda: next((id_ for id_ in showing(desk) if can(desk, id_, "hold")), None), WITHIN_S)
        result = await desk.command("call.hold", call=call_id)
        assert result["ok"], result
        held = await shows(desk, call_id, direction="outbound", state="held", held_by="desk")
        assert held["customer"]["name"] == CUSTOMER
        assert (await desk.command("call.resume", call=call_id))["ok"]
        await shows(desk, call_id, state="talking", held_by=None)
        assert (await desk.command("call.hold", call=call_id))["ok"]
        await line.hang_up()
        await phones[PHONE_OF[FIRST]].rings(1, WITHIN_S)
        await pick_up(phones[PHONE_OF[FIRST]])
        await shows(desk, call_id, direction="outbound", state="talking", my_role="talking")
        await phones[OUTSIDE].hang_up()
        await is_empty(desk)
        record = await journalled(bridge, call_id, ended=True, within=WITHIN_S)
    assert record.outcome == "answered"
    await no_live_calls(bridge)


async def test_a_reload_of_the_dialplan_takes_nobody_away(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        assert (await talking.give("hold"))["ok"]
        assert "reloaded" in await asterisk.lab.command("dialplan reload")
        await talking.waits()
        assert (await talking.give("resume"))["ok"]
        assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg


async def test_what_the_phone_holds_is_shown_and_left_to_the_phone(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        await talking.phone.hold(within=WITHIN_S)
        held = await shows(desk, talking.call_id, state="held", held_by="phone")
        assert [held["actions"][name] for name in ("hold", "resume", "consult")] == ["held_by_phone"] * 3
        refused = await talking.give("resume")
        assert refused["error"]["code"] == "not_possible"
        assert "phone" in refused["error"]["message"]
        await talking.phone.hold(on=False, within=WITHIN_S)
        await shows(desk, talking.call_id, state="talking", held_by=None)


async def test_a_bridge_that_is_killed_while_the_caller_waits_finds_him_held_and_takes_him_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        assert (await talking.give("hold"))["ok"]
        await bridge.kill()
        await talking.waits()
        await bridge.start()
        again = await at_desk(FIRST)
        held = await shows(again, talking.call_id, state="held", my_role="talking", held_by="desk")
        assert held["customer"]["name"] == CUSTOMER
        await until(lambda: can(again, talking.call_id, "resume"), WITHIN_S)
        assert (await again.command("call.resume", call=talking.call_id))["ok"]
        assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg
        await talking.caller.phone.hang_up()
        await is_empty(again)
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
    assert (record.outcome, record.operator) == ("answered", FIRST)


async def test_without_a_bridge_the_caller_is_back_with_his_operator_as_soon_as_that_one_hangs_up(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        assert (await talking.give("hold"))["ok"]
        await bridge.kill()
        await talking.phone.hang_up()
        await talking.phone.rings(2, WITHIN_S)
        await pick_up(talking.phone)
        await talking.together_with(PHONE_OF[FIRST])
        await bridge.start()
        again = await at_desk(FIRST)
        await shows(again, talking.call_id, state="talking", my_role="talking", held_by=None)


@pytest.mark.parametrize("after_s", [0.0, 0.004, 0.012])
async def test_a_bridge_that_is_killed_in_the_middle_of_a_command_leaves_the_caller_with_somebody(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk, after_s: float
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        command = asyncio.create_task(talking.give("hold"))
        await asyncio.sleep(after_s)
        await bridge.kill()
        await asyncio.gather(command, return_exceptions=True)

        def both_together_or_both_wait(seen: list[dict[str, str]]) -> bool:
            caller = next(one for one in seen if one["Uniqueid"] == talking.caller.channel)
            operator = next(one for one in seen if one["Channel"] == talking.leg)
            together = bool(caller["BridgeId"]) and caller["BridgeId"] == operator["BridgeId"]
            return together or (caller["Context"], operator["Context"]) == ("cti-hold", "cti-desk")

        await where(asterisk, both_together_or_both_wait)
        await bridge.start()
        again = await at_desk(FIRST)
        shown = await shows(again, talking.call_id, my_role="talking")
        if shown["state"] == "held":
            await until(lambda: can(again, talking.call_id, "resume"), WITHIN_S)
            assert (await again.command("call.resume", call=talking.call_id))["ok"]
        assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg
