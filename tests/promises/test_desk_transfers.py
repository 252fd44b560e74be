"""A caller who is sent on from a desk arrives, or is brought back, whatever becomes of target and bridge."""

from typing import Any

import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from promises.desk_scene import (
    ABROAD,
    BUSY,
    CUSTOMER,
    FIRST,
    LINE,
    OPERATORS_MAY,
    SECOND,
    THIRD,
    can,
    in_talk,
    one_bridge,
    phones_of,
    queue_log,
    refusal,
    send_on,
    talking_leg_of,
    to_the_trunk,
    value,
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
)

pytestmark = [pytest.mark.unhurried, *one_bridge(OPERATORS_MAY)]


async def test_a_caller_is_sent_on_to_a_colleague_who_has_his_card_then(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, second = await at_desk(FIRST), await at_desk(SECOND)
    async with phones_of(asterisk, FIRST, SECOND) as phones, in_talk(asterisk, first, phones) as (caller, _):
        value(await first.command("call.transfer", call=caller.call_id, to={"operator": SECOND}))
        ringing = await shows(second, caller.call_id, my_role="ringing")
        assert ringing["customer"]["name"] == CUSTOMER
        assert (ringing["transfer"]["state"], ringing["transfer"]["by"]["operator"]) == ("ringing", FIRST)
        await is_empty(first)
        await pick_up(phones[PHONE_OF[SECOND]])
        talking = await shows(second, caller.call_id, my_role="talking", transfer=None)
        assert talking["actions"]["hangup"] is None
        value(await second.command("call.hangup", call=caller.call_id))
        record = await journalled(bridge, caller.call_id, ended=True)
    assert [(leg.operator, leg.why) for leg in record.legs] == [(FIRST, "transferred"), (SECOND, "hung_up")]
    (done,) = asterisk.lab.events("AgentComplete", Uniqueid=caller.channel)
    assert done["Reason"] == "transfer"
    written = await until(
        lambda: [line for line in queue_log(asterisk, caller) if line[4] == "BLINDTRANSFER"], WITHIN_S
    )
    assert [line[5:7] for line in written] == [["s", "cti-transfer"]]
    await no_live_calls(bridge)


async def test_a_busy_colleague_sends_the_caller_back_and_the_card_says_why(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, in_talk(asterisk, first, phones) as (caller, phone):
        await phones.change(PHONE_OF[SECOND], BUSY)
        result = await first.command("call.transfer", call=caller.call_id, to={"operator": SECOND})
        assert result["ok"] or refusal(result) == "not_possible"
        back = await shows(first, caller.call_id, my_role="ringing")
        assert (back["transfer"]["state"], back["transfer"]["reason"]) == ("failed", "busy")
        assert back["transfer"]["to"]["id"] == SECOND
        assert back["customer"]["name"] == CUSTOMER
        await pick_up(phone)
        await shows(first, caller.call_id, my_role="talking", state="talking")
        assert not asterisk.lab.events("Hangup", Uniqueid=caller.channel)
    await no_live_calls(bridge)


async def test_the_caller_waits_in_the_queue_again_when_nobody_takes_him_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, third = await at_desk(FIRST), await at_desk(THIRD)
    async with phones_of(asterisk, FIRST, SECOND, THIRD) as phones, in_talk(asterisk, first, phones) as (caller, phone):
        value(await first.command("call.transfer", call=caller.call_id, to={"operator": SECOND}))
        await phones[PHONE_OF[SECOND]].rings()
        await phones[PHONE_OF[SECOND]].refuse()
        await shows(first, caller.call_id, my_role="ringing")
        await asterisk.remove_member("sales", f"PJSIP/{PHONE_OF[FIRST]}")
        await asterisk.add_member("sales", f"PJSIP/{PHONE_OF[THIRD]}")
        await phone.rings(2, within=WITHIN_S)
        await phone.refuse()
        await pick_up(phones[PHONE_OF[THIRD]])
        await shows(third, caller.call_id, my_role="talking", state="talking")
        assert not asterisk.lab.events("Hangup", Uniqueid=caller.channel)
    await no_live_calls(bridge)


async def test_a_caller_on_hold_is_sent_on_as_he_is(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, second = await at_desk(FIRST), await at_desk(SECOND)
    async with phones_of(asterisk, FIRST, SECOND) as phones, in_talk(asterisk, first, phones) as (caller, phone):
        value(await first.command("call.hold", call=caller.call_id))
        await shows(first, caller.call_id, state="held", held_by="desk")
        value(await first.command("call.transfer", call=caller.call_id, to={"operator": SECOND}))
        await shows(second, caller.call_id, my_role="ringing")
        await is_empty(first)
        await phones[PHONE_OF[SECOND]].rings(within=WITHIN_S)
        await phones[PHONE_OF[SECOND]].refuse()
        await shows(first, caller.call_id, my_role="ringing")
        await pick_up(phone)
        await shows(first, caller.call_id, my_role="talking", state="talking")
        await phone.hold()
        await shows(first, caller.call_id, state="held", held_by="phone")
        value(await first.command("call.transfer", call=caller.call_id, to={"operator": SECOND}))
        await pick_up(phones[PHONE_OF[SECOND]])
        await shows(second, caller.call_id, my_role="talking", state="talking")
        await is_empty(first)
    await no_live_calls(bridge)


async def test_a_phone_behind_a_local_channel_can_be_steered_too(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, second = await at_desk(FIRST), await at_desk(SECOND)
    async with phones_of(asterisk, FIRST, SECOND) as phones:
        await asterisk.add_member("sales", f"Local/{PHONE_OF[FIRST]}@phones/n")
        async with incoming(asterisk, SALES) as caller:
            await pick_up(phones[PHONE_OF[FIRST]])
            await talking_leg_of(asterisk, PHONE_OF[FIRST])
            await until(lambda: can(first, caller.call_id, "transfer"), WITHIN_S)
            await send_on(first, caller.call_id, SECOND)
            await pick_up(phones[PHONE_OF[SECOND]])
            await shows(second, caller.call_id, my_role="talking", state="talking")
            await is_empty(first)
            value(await second.command("call.hangup", call=caller.call_id))
            record = await journalled(bridge, caller.call_id, ended=True)
    assert {(leg.operator, leg.why) for leg in record.legs if leg.operator == FIRST} == {(FIRST, "transferred")}
    await no_live_calls(bridge)


async def test_the_customer_of_a_click_through_a_local_channel_is_sent_on_himself(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, second = await at_desk(FIRST), await at_desk(SECOND)
    async with phones_of(asterisk, FIRST, SECOND, OUTSIDE) as phones:
        half = f"Local/{PHONE_OF[FIRST]}@phones/n"
        await asterisk.lab.action(
            "Originate", Channel=half, Context="way-out", Exten=SALES, Priority=1, CallerID=SALES, Async="true"
        )
        await pick_up(phones[PHONE_OF[FIRST]])
        await pick_up(phones[OUTSIDE])
        call_id = await until(
            lambda: next((one for one in showing(first) if can(first, one, "transfer")), None), WITHIN_S
        )
        await send_on(first, call_id, SECOND)
        await pick_up(phones[PHONE_OF[SECOND]])
        talking = await shows(second, call_id, my_role="talking", state="talking")
        assert talking["customer"]["name"] == CUSTOMER
        await is_empty(first)
        value(await second.command("call.hangup", call=call_id))
    await no_live_calls(bridge)


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ({"operator": "nobody"}, "not_found"),
        ({"operator": FIRST}, "not_possible"),
        ({"operator": "unplugged"}, "not_possible"),
        ({"queue": "nowhere"}, "not_found"),
        ({"number": "101"}, "not_possible"),
        ({"number": ABROAD}, "not_allowed"),
        ({"number": "\u202e7495"}, "not_possible"),
        ({"operator": "op4&PJSIP/106"}, "not_found"),
        ({"queue": "sales,,,1&${SHELL(id)}"}, "not_found"),
        ({"operator": SECOND, "queue": "sales"}, "bad_args"),
        ({}, "bad_args"),
    ],
)
@pytest.mark.usefixtures("unplugged")
async def test_a_target_that_is_none_is_refused_and_the_talk_goes_on(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk, to: dict[str, str], code: str
) -> None:
    first = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST) as phones, in_talk(asterisk, first, phones) as (caller, _):
        assert refusal(await first.command("call.transfer", call=caller.call_id, to=to)) == code
        assert not asterisk.lab.events("BridgeLeave", Uniqueid=caller.channel)
        assert can(first, caller.call_id, "transfer")
    await no_live_calls(bridge)


async def test_a_pbx_without_our_context_refuses_and_drops_nobody(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, in_talk(asterisk, first, phones) as (caller, _):
        await asterisk.lab.command("dialplan remove context cti-transfer")
        try:
            refused = await first.command("call.transfer", call=caller.call_id, to={"operator": SECOND})
        finally:
            await asterisk.lab.command("dialplan reload")
        assert refusal(refused) == "not_possible"
        assert "operators check" in refused["error"]["message"]
        assert not asterisk.lab.events("BridgeLeave", Uniqueid=caller.channel)
        await shows(first, caller.call_id, my_role="talking", state="talking", transfer=None)
    await no_live_calls(bridge)


async def test_a_caller_is_sent_to_a_queue_and_rings_there(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, third = await at_desk(FIRST), await at_desk(THIRD)
    await asterisk.add_member("production", f"PJSIP/{PHONE_OF[THIRD]}")
    async with phones_of(asterisk, FIRST, THIRD) as phones, in_talk(asterisk, first, phones) as (caller, _):
        targets = value(await first.command("call.targets"))
        (production,) = (one for one in targets["queues"] if one["queue"] == "production")
        assert (production["free"], production["waiting"]) == (1, 0)
        (colleague,) = (one for one in targets["operators"] if one["operator"] == THIRD)
        assert (colleague["free"], targets["numbers"]) == (True, True)
        value(await first.command("call.transfer", call=caller.call_id, to={"queue": "production"}))
        await shows(third, caller.call_id, my_role="ringing", queue="production")
        await pick_up(phones[PHONE_OF[THIRD]])
        await shows(third, caller.call_id, my_role="talking", state="talking", transfer=None)
    await no_live_calls(bridge)


async def test_a_caller_is_sent_to_a_number_outside_which_sees_our_line(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, OUTSIDE) as phones, in_talk(asterisk, first, phones) as (caller, _):
        began = asterisk.lab.mark()
        value(await first.command("call.transfer", call=caller.call_id, to={"number": "8 (495) 000-03-33"}))
        dialled = await until(lambda: to_the_trunk(asterisk, began), WITHIN_S)
        assert (dialled["DestCallerIDNum"], dialled["CallerIDNum"]) == ("+74950000333", LINE)
        await is_empty(first)
        await pick_up(phones[OUTSIDE])
        await caller.phone.answered()
        await asterisk.lab.event("DialEnd", since=began, Uniqueid=caller.channel, DialStatus="ANSWER")
        assert not asterisk.lab.events("Hangup", Uniqueid=caller.channel)
    await no_live_calls(bridge)


async def test_a_caller_who_hangs_up_on_his_way_is_gone_from_every_screen(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, second = await at_desk(FIRST), await at_desk(SECOND)
    async with phones_of(asterisk, FIRST, SECOND) as phones, in_talk(asterisk, first, phones) as (caller, _):
        value(await first.command("call.transfer", call=caller.call_id, to={"operator": SECOND}))
        await shows(second, caller.call_id, my_role="ringing")
        await caller.phone.hang_up()
        await is_empty(second)
        await phones[PHONE_OF[SECOND]].stopped_ringing(within=WITHIN_S)
        assert refusal(await first.command("call.hangup", call=caller.call_id)) == "not_found"
    await no_live_calls(bridge)


async def test_a_command_that_is_given_again_on_another_line_is_answered_and_not_done_twice(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, again = await at_desk(FIRST), await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, in_talk(asterisk, first, phones) as (caller, _):
        order: dict[str, Any] = {"id_": "the-same", "call": caller.call_id, "to": {"operator": SECOND}}
        results = [await desk.command("call.transfer", **order) for desk in (first, again)]
        assert results[0] == results[1]
        assert results[0]["ok"]
        await phones[PHONE_OF[SECOND]].rings()
        assert len(asterisk.lab.events("BlindTransfer", TransfereeUniqueid=caller.channel)) == 1
    await no_live_calls(bridge)


async def test_a_caller_on_his_way_is_brought_back_without_the_bridge(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, in_talk(asterisk, first, phones) as (caller, phone):
        value(await first.command("call.transfer", call=caller.call_id, to={"operator": SECOND}))
        await phones[PHONE_OF[SECOND]].rings()
        await bridge.kill()
        await phones[PHONE_OF[SECOND]].refuse()
        await phone.rings(2, within=WITHIN_S)
        await bridge.start()
        await pick_up(phone)
        again = await at_desk(FIRST)
        card = await shows(again, caller.call_id, my_role="talking", state="talking")
        assert card["customer"]["name"] == CUSTOMER
        assert not asterisk.lab.events("Hangup", Uniqueid=caller.channel)
    await no_live_calls(bridge)
