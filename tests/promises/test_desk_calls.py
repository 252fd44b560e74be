"""What operators do with calls at their desks really happens in Asterisk: ending, refusing, picking up, dialling."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk
from demo.sip import Phones
from promises.cable import Cable
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
    refusal,
    send_on,
    talking_leg_of,
    to_the_trunk,
    value,
)
from promises.scene import AMBIGUOUS, OUTSIDE, PHONE_OF, SALES, AtDesk, journalled, until
from promises.screens import (
    WITHIN_S,
    Incoming,
    incoming,
    is_empty,
    no_live_calls,
    pick_up,
    shows,
    told,
)

pytestmark = [pytest.mark.unhurried, *one_bridge(OPERATORS_MAY, cabled=True)]


async def test_hanging_up_ends_the_talk_and_it_counts_as_answered(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST) as phones, in_talk(asterisk, desk, phones) as (caller, _):
        assert value(await desk.command("call.hangup", call=caller.call_id)) is None
        await asterisk.lab.event("Hangup", Uniqueid=caller.channel)
        await is_empty(desk)
        record = await journalled(bridge, caller.call_id, ended=True)
    assert (record.outcome, record.operator) == ("answered", FIRST)
    assert [leg.why for leg in record.legs] == ["hung_up"]
    assert told(desk, caller.call_id)[-1] == "call.ended"
    await no_live_calls(bridge)


async def test_refusing_on_the_page_is_refusing_at_the_phone_and_the_queue_goes_on(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desks = {operator: await at_desk(operator) for operator in (FIRST, SECOND)}
    async with phones_of(asterisk, FIRST, SECOND):
        for operator in desks:
            await asterisk.add_member("sales", f"PJSIP/{PHONE_OF[operator]}")
        async with incoming(asterisk, SALES) as caller:
            rings = await until(lambda: next((o for o, d in desks.items() if told(d, caller.call_id)), None), WITHIN_S)
            other = SECOND if rings == FIRST else FIRST
            value(await desks[rings].command("call.hangup", call=caller.call_id))
            await shows(desks[other], caller.call_id, my_role="ringing")
            assert not asterisk.lab.events("Hangup", Uniqueid=caller.channel)
    await no_live_calls(bridge)


@asynccontextmanager
async def ringing(asterisk: AsteriskInstance, desk: Desk) -> AsyncIterator[Incoming]:
    """A caller in the queue of both rings at this operator."""
    for operator in (FIRST, SECOND):
        await asterisk.add_member("sales", f"PJSIP/{PHONE_OF[operator]}")
    other = SECOND if desk.operator == FIRST else FIRST
    await asterisk.lab.action("QueuePause", Interface=f"PJSIP/{PHONE_OF[other]}", Paused="true")
    async with incoming(asterisk, SALES) as caller:
        await shows(desk, caller.call_id, my_role="ringing")
        yield caller


async def test_a_colleagues_ringing_call_is_picked_up_and_the_card_comes_with_it(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, second = await at_desk(FIRST), await at_desk(SECOND)
    async with phones_of(asterisk, FIRST, SECOND) as phones, ringing(asterisk, first) as caller:
        order = asyncio.create_task(second.command("call.pickup", operator=FIRST))
        await pick_up(phones[PHONE_OF[SECOND]])
        assert value(await order) == {"call": caller.call_id}
        talking = await shows(second, caller.call_id, my_role="talking", state="talking")
        assert talking["customer"]["name"] == CUSTOMER
        await is_empty(first)
        await second.command("call.hangup", call=caller.call_id)
        await asterisk.lab.event("Hangup", Uniqueid=caller.channel)
    await no_live_calls(bridge)


async def test_who_picks_up_too_late_is_told_and_his_phone_is_let_go(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, second = await at_desk(FIRST), await at_desk(SECOND)
    async with phones_of(asterisk, FIRST, SECOND) as phones, ringing(asterisk, first) as caller:
        order = asyncio.create_task(second.command("call.pickup", operator=FIRST))
        await phones[PHONE_OF[SECOND]].rings(within=WITHIN_S)
        await pick_up(phones[PHONE_OF[FIRST]])
        assert refusal(await order) == "already_taken"
        await phones[PHONE_OF[SECOND]].stopped_ringing(within=WITHIN_S)
        await shows(first, caller.call_id, my_role="talking", state="talking")
    await no_live_calls(bridge)


async def test_only_a_member_of_the_queue_picks_up_and_only_what_rings(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, third = await at_desk(FIRST), await at_desk(THIRD)
    async with phones_of(asterisk, FIRST, THIRD):
        assert refusal(await third.command("call.pickup", operator=FIRST)) == "not_found"
        async with ringing(asterisk, first):
            assert refusal(await third.command("call.pickup", operator=FIRST)) == "not_allowed"
            assert refusal(await first.command("call.pickup", operator=FIRST)) == "not_possible"
    await no_live_calls(bridge)


async def test_a_click_calls_his_phone_first_and_then_the_customer_whose_card_opens(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, OUTSIDE) as phones:
        began = asterisk.lab.mark()
        order = asyncio.create_task(first.command("call.dial", number="8 (495) 000-02-01"))
        await phones[PHONE_OF[FIRST]].rings(within=WITHIN_S)
        assert refusal(await first.command("call.dial", number="8 (495) 000-02-02")) == "busy"
        await pick_up(phones[PHONE_OF[FIRST]])
        call_id = value(await order)["call"]
        card = await shows(first, call_id, my_role="talking", direction="outbound")
        assert (card["customer"]["name"], card["caller"]["number"]) == (CUSTOMER, SALES)
        assert (card["actions"]["hangup"], card["actions"]["transfer"]) == (None, "dialling")
        dialled = await until(lambda: to_the_trunk(asterisk, began), WITHIN_S)
        assert (dialled["DestCallerIDNum"], dialled["CallerIDNum"]) == (SALES, LINE)
        await pick_up(phones[OUTSIDE])
        await shows(first, call_id, my_role="talking", state="talking")
        value(await first.command("call.hangup", call=call_id))
        await is_empty(first)
    await no_live_calls(bridge)


async def dialled(desk: Desk, phones: Phones, **whom: Any) -> str:
    """The operator clicks, answers his phone, and has the card; the id of the call."""
    order = asyncio.create_task(desk.command("call.dial", number=AMBIGUOUS, **whom))
    await pick_up(phones[PHONE_OF[FIRST]])
    call_id: str = value(await order)["call"]
    return call_id


async def test_of_several_customers_with_one_number_the_card_is_that_of_whom_the_click_was_meant_for(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, OUTSIDE) as phones:
        call_id = await dialled(first, phones)
        card = await shows(first, call_id, extras="ready")
        assert not card["chosen"]
        meant = card["candidates"][-1]["customer"]["id"]
        value(await first.command("call.hangup", call=call_id))
        await is_empty(first)

        stranger = await dialled(first, phones, customer="k-01")
        assert not (await shows(first, stranger, extras="ready"))["chosen"], "he has another number"
        value(await first.command("call.hangup", call=stranger))
        await is_empty(first)

        call_id = await dialled(first, phones, customer=meant)
        card = await shows(first, call_id, chosen=True, extras="ready")
        assert card["customer"]["id"] == meant
        step = {"at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(), "text": "Перезвонить", "kind": "callback"}
        value(await first.command("after.save", call=call_id, next_step=step))
        value(await first.command("call.hangup", call=call_id))
        await is_empty(first)

        async def promised() -> str:
            items = value(await first.command("work.list"))["items"]
            return next((item["id"] for item in items if item["call"] == call_id), "")

        async with asyncio.timeout(WITHIN_S):
            while not (item := await promised()):
                await asyncio.sleep(0.1)
        again = await dialled(first, phones, item=item)
        assert (await shows(first, again, chosen=True, extras="ready"))["customer"]["id"] == meant
        record = await journalled(bridge, again)
        assert record.dialler == f"PJSIP/{PHONE_OF[FIRST]}"
        value(await first.command("call.hangup", call=again))
        assert (await journalled(bridge, again, ended=True)).customer == meant
    await no_live_calls(bridge)


async def test_a_customer_who_was_called_is_sent_on_and_brought_back_like_one_who_calls(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND, OUTSIDE) as phones:
        order = asyncio.create_task(first.command("call.dial", number=SALES, line=LINE))
        await pick_up(phones[PHONE_OF[FIRST]])
        call_id = value(await order)["call"]
        await pick_up(phones[OUTSIDE])
        await shows(first, call_id, my_role="talking", state="talking")
        await talking_leg_of(asterisk, PHONE_OF[FIRST])
        await send_on(first, call_id, SECOND)
        await phones[PHONE_OF[SECOND]].rings(within=WITHIN_S)
        await phones[PHONE_OF[SECOND]].refuse()
        back = await shows(first, call_id, my_role="ringing")
        assert (back["transfer"]["reason"], back["customer"]["name"]) == ("busy", CUSTOMER)
        await pick_up(phones[PHONE_OF[FIRST]])
        await shows(first, call_id, my_role="talking", state="talking")
        await phones[OUTSIDE].hang_up()
        await is_empty(first)
    await no_live_calls(bridge)


async def test_why_nothing_came_of_a_click_is_said(asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk) -> None:
    first = await at_desk(FIRST)
    for number, code in {"112": "not_possible", ABROAD: "not_allowed", "Глеб": "not_possible"}.items():
        assert refusal(await first.command("call.dial", number=number)) == code
    assert refusal(await first.command("call.dial", number=SALES, line="+74950000999")) == "not_found"
    async with Phones(asterisk, {PHONE_OF[FIRST]: BUSY}):
        refused = await first.command("call.dial", number=SALES)
        assert (refusal(refused), "busy" in refused["error"]["message"]) == ("not_possible", True)
    async with phones_of(asterisk, FIRST) as phones:
        await asterisk.lab.set_global("CTI_OUTBOUND_CONTEXT", "nowhere")
        try:
            order = asyncio.create_task(first.command("call.dial", number=SALES))
            await pick_up(phones[PHONE_OF[FIRST]])
            refused = await order
        finally:
            await asterisk.lab.set_global("CTI_OUTBOUND_CONTEXT", "way-out")
        assert (refusal(refused), "way out" in refused["error"]["message"]) == ("not_possible", True)
    await no_live_calls(bridge)


async def test_nobody_commands_anothers_call_or_learns_that_it_exists(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, second = await at_desk(FIRST), await at_desk(SECOND)
    async with phones_of(asterisk, FIRST) as phones, in_talk(asterisk, first, phones) as (caller, _):
        orders: dict[str, dict[str, Any]] = {"call.hangup": {}, "call.transfer": {"to": {"queue": "sales"}}}
        for name, args in orders.items():
            theirs = await second.command(name, call=caller.call_id, **args)
            none = await second.command(name, call="main-0.0", **args)
            assert theirs["error"] == none["error"]
        assert can(first, caller.call_id, "hangup")
    await no_live_calls(bridge)


async def test_while_asterisk_cannot_be_reached_nothing_is_offered_or_done_and_then_all_is_as_before(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk, cable: Cable
) -> None:
    first = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST) as phones, in_talk(asterisk, first, phones) as (caller, _):
        await cable.cut()
        await until(lambda: not can(first, caller.call_id, "transfer"), WITHIN_S)
        down = first.of_call(caller.call_id)[-1].call
        assert {down["actions"]["hangup"], down["actions"]["transfer"]} == {"pbx_down"}
        orders: dict[str, dict[str, Any]] = {"call.hangup": {"call": caller.call_id}, "call.dial": {"number": SALES}}
        for name, args in orders.items():
            assert refusal(await first.command(name, **args)) in ("unavailable", "not_possible")
        assert value(await first.command("call.targets"))["queues"][0]["free"] is None
        late = await at_desk(SECOND)
        assert late.welcome["snapshot"]["desk"]["dial"], "a page that comes now has its number field for the whole day"
        await cable.mend()
        await until(lambda: can(first, caller.call_id, "hangup"), WITHIN_S)
        value(await first.command("call.hangup", call=caller.call_id))
        await is_empty(first)
    await no_live_calls(bridge)


@pytest.mark.usefixtures("unplugged")
async def test_the_check_says_what_operators_can_do_here_and_what_is_missing(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    await asterisk.add_member("sales", f"PJSIP/{PHONE_OF[FIRST]}")
    code, out, _ = await bridge.run("operators", "check", "--json")
    found = {one["what"]: one for one in json.loads(out)}
    assert code == 1  # for the phone that is nowhere
    assert [what for what, one in found.items() if not one["ok"]] == ["unplugged: PJSIP/199"]
    assert "sales" in found[f"{FIRST}: PJSIP/{PHONE_OF[FIRST]}"]["remark"]
    await asterisk.lab.set_global("CTI_OUTBOUND_CONTEXT", "")
    try:
        code, out, _ = await bridge.run("operators", "check")
    finally:
        await asterisk.lab.set_global("CTI_OUTBOUND_CONTEXT", "way-out")
    assert code == 1
    (line,) = (line for line in out.splitlines() if "by a click" in line)
    assert line.startswith("MISSING")
    assert "CTI_OUTBOUND_CONTEXT" in line
