"""Consultation: a colleague is asked while the caller waits, and gets him with card and all, or does not."""

import asyncio

import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Phones
from promises.desk_scene import (
    BUSY,
    CUSTOMER,
    FIRST,
    OPERATORS_MAY,
    SECOND,
    Talk,
    can,
    one_bridge,
    phones_of,
    talk,
    together,
)
from promises.scene import OPERATORS, OUTSIDE, PHONE_OF, AtDesk, journalled, until
from promises.screens import (
    WITHIN_S,
    Screens,
    is_empty,
    no_live_calls,
    pick_up,
    shows,
    told,
    withdrawal,
)

pytestmark = [pytest.mark.unhurried, *one_bridge(OPERATORS_MAY)]
NUMBER = "+74950000277"
NOTE = "Просит рассрочку, спрашивает про сроки"
ASKED = {"kind": "operator", "id": SECOND, "name": OPERATORS[SECOND]}


async def asks(talking: Talk, phones: Phones) -> None:
    """The colleague is called, and answers."""
    result = await talking.give("consult", to={"operator": SECOND})
    assert result["ok"], result
    ringing = await shows(talking.desk, talking.call_id, state="held", held_by="desk", my_role="talking")
    assert ringing["consult"] == {"to": ASKED, "state": "ringing"}
    assert ringing["actions"]["complete"] == "colleague_rings"
    assert ringing["actions"]["consult_cancel"] is None
    await pick_up(phones[PHONE_OF[SECOND]])
    await shows(talking.desk, talking.call_id, state="held", consult={"to": ASKED, "state": "talking"})
    await together(talking.asterisk, await talking.leg_id(), PHONE_OF[SECOND])


async def test_a_caller_who_is_handed_over_comes_with_his_card_and_it_is_answered_once(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, screens[FIRST], phones) as talking:
        written = await screens[FIRST].command("after.save", call=talking.call_id, note=NOTE)
        assert written["ok"], written
        assert (await talking.give("hold"))["ok"]
        await asks(talking, phones)
        asked = await shows(screens[SECOND], talking.call_id, my_role="consulting", state="held")
        assert asked["customer"]["name"] == CUSTOMER
        assert asked["actions"]["complete"] == "consulting"

        result = await talking.give("complete")
        assert result["ok"], result
        await talking.together_with(PHONE_OF[SECOND])
        await is_empty(screens[FIRST])
        his = await shows(screens[SECOND], talking.call_id, my_role="talking", state="talking", consult=None)
        assert his["customer"]["name"] == CUSTOMER
        assert [(note["author"], note["text"]) for note in his["notes"]][:1] == [(OPERATORS[FIRST], NOTE)]
        assert all(note["text"] != NOTE for frame in screens[FIRST].frames for note in frame.call.get("notes", ()))
        await asterisk.lab.event("Hangup", Channel=talking.leg, within=WITHIN_S)
        await phones[PHONE_OF[SECOND]].hang_up()
        await talking.caller.phone.over(WITHIN_S)
        await is_empty(screens[SECOND])
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)

    assert told(screens[FIRST], talking.call_id) == ["call.ringing", "call.answered", "call.ended"]
    assert told(screens[SECOND], talking.call_id) == ["call.ringing", "call.answered", "call.ended"]
    assert (record.outcome, record.operator) == ("answered", FIRST)
    first, second = record.legs
    assert (first.operator, first.why, second.operator, second.why) == (FIRST, "transferred", SECOND, "ended")
    assert second.parent == first.leg
    assert first.talked_s > 0 and second.talked_s > 0
    assert first.answered_at is not None and second.ended_at is not None
    assert first.talked_s + second.talked_s < second.ended_at - first.answered_at
    screens.nobody_else((talking.call_id, CUSTOMER), but=[FIRST, SECOND])
    await no_live_calls(bridge)


async def test_a_consultation_straight_out_of_the_talk_can_be_cancelled_while_it_rings_and_while_they_talk(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, screens[FIRST], phones) as talking:
        assert (await talking.give("consult", to={"operator": SECOND}))["ok"]
        await shows(screens[SECOND], talking.call_id, my_role="ringing")
        result = await talking.give("consult_cancel")
        assert result["ok"], result
        assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg
        await is_empty(screens[SECOND])
        assert withdrawal(screens[SECOND], talking.call_id)[0] in {"abandoned", "moved"}
        back = await shows(screens[FIRST], talking.call_id, state="talking", held_by=None, consult=None)
        assert back["actions"]["consult_cancel"] == "asks_nobody"

        await phones[PHONE_OF[SECOND]].stopped_ringing(within=WITHIN_S)
        await asks(talking, phones)
        assert (await talking.give("hold"))["error"]["message"] == "a colleague is being asked about this call"
        assert (await talking.give("consult_cancel"))["ok"]
        assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg
        await is_empty(screens[SECOND])
        await talking.caller.phone.hang_up()
        await is_empty(screens[FIRST])
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
    asked = [leg for leg in record.legs if leg.operator == SECOND]
    assert [leg.talked_s for leg in asked] == [0.0, 0.0]
    assert record.operator == FIRST
    await no_live_calls(bridge)


async def test_who_does_not_answer_or_is_busy_leaves_the_caller_where_he_was(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        assert (await talking.give("consult", to={"operator": SECOND}))["ok"]
        await phones[PHONE_OF[SECOND]].rings(within=WITHIN_S)
        await phones[PHONE_OF[SECOND]].refuse()
        failed = {"to": ASKED, "reason": "busy"}
        await shows(desk, talking.call_id, state="held", held_by="desk", consult=None, consult_failed=failed)
        await talking.waits()

        await phones.change(PHONE_OF[SECOND], BUSY)
        result = await talking.give("consult", to={"operator": SECOND})
        assert result["ok"] or result["error"]["code"] == "not_possible"
        await shows(desk, talking.call_id, state="held", held_by="desk", consult=None, consult_failed=failed)

        assert (await talking.give("resume"))["ok"]
        await shows(desk, talking.call_id, state="talking", consult_failed=None)
        assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg


async def test_whom_nobody_can_ask_is_refused_in_words_and_the_talk_goes_on(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk, colleague = await at_desk(FIRST), await at_desk(SECOND)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        began = asterisk.lab.mark()
        wrong = {
            "not_found": {"operator": "nobody"},
            "not_possible": {"operator": FIRST},
            "bad_args": {"operator": SECOND, "number": NUMBER},
        }
        for code, to in wrong.items():
            assert (await talking.give("consult", to=to))["error"]["code"] == code
        assert (await talking.give("consult", to={"queue": "sales"}))["error"]["code"] == "not_possible"
        assert not (await talking.give("consult", to={"number": "112"}))["ok"]
        refused = await colleague.command("call.consult", call=talking.call_id, to={"operator": FIRST})
        assert refused["error"]["code"] == "not_found"
        for name in ("consult_cancel", "complete"):
            assert "nobody is being asked" in (await talking.give(name))["error"]["message"]
        assert not asterisk.lab.events("UserEvent", since=began, UserEvent="CtiHold")
        assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg


async def test_a_colleague_who_hangs_up_leaves_operator_and_caller_where_they_were(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        await asks(talking, phones)
        await phones[PHONE_OF[SECOND]].hang_up()
        await shows(desk, talking.call_id, state="held", held_by="desk", consult=None)
        await talking.waits()
        assert (await talking.give("resume"))["ok"]
        assert await talking.together_with(PHONE_OF[FIRST]) == talking.leg


async def test_an_operator_who_hangs_up_while_he_asks_is_rung_again_for_his_caller(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, screens[FIRST], phones) as talking:
        await asks(talking, phones)
        await talking.phone.hang_up()
        await is_empty(screens[SECOND])
        await talking.phone.rings(2, WITHIN_S)
        await pick_up(talking.phone)
        await talking.together_with(PHONE_OF[FIRST])
        again = await shows(screens[FIRST], talking.call_id, my_role="talking", state="talking")
        assert again["customer"]["name"] == CUSTOMER


async def test_a_caller_who_hangs_up_meanwhile_leaves_the_two_talking_and_no_card(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, screens[FIRST], phones) as talking:
        await asks(talking, phones)
        await talking.caller.phone.hang_up()
        await is_empty(screens[FIRST])
        await is_empty(screens[SECOND])
        await together(asterisk, await talking.leg_id(), PHONE_OF[SECOND])
        await phones[PHONE_OF[SECOND]].hang_up()
        await asterisk.lab.event("Hangup", Channel=talking.leg, within=WITHIN_S)
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
    assert (record.outcome, record.operator) == ("answered", FIRST)
    await no_live_calls(bridge)


async def test_somebody_outside_is_asked_and_gets_the_caller(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    phones_and_outside = phones_of(asterisk, FIRST, OUTSIDE)
    async with phones_and_outside as phones, talk(asterisk, desk, phones) as talking:
        result = await talking.give("consult", to={"number": NUMBER})
        assert result["ok"], result
        await pick_up(phones[OUTSIDE])
        asked = await shows(desk, talking.call_id, state="held", held_by="desk")
        await until(lambda: can(desk, talking.call_id, "complete"), WITHIN_S)
        assert asked["consult"]["to"]["kind"] == "number"
        assert (await talking.give("complete"))["ok"]
        await is_empty(desk)
        await asterisk.lab.event("Hangup", Channel=talking.leg, within=WITHIN_S)
        await phones[OUTSIDE].hang_up()
        await talking.caller.phone.over(WITHIN_S)
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
    assert (record.outcome, record.operator) == ("answered", FIRST)
    assert record.legs[0].why == "transferred"
    await no_live_calls(bridge)


async def test_a_bridge_that_is_killed_while_a_colleague_is_asked_finds_all_three_and_hands_over(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        await asks(talking, phones)
        await bridge.kill()
        await bridge.start()
        first, second = await at_desk(FIRST), await at_desk(SECOND)
        seen = await shows(first, talking.call_id, state="held", held_by="desk", my_role="talking")
        assert seen["consult"] == {"to": ASKED, "state": "talking"}
        await shows(second, talking.call_id, my_role="consulting")
        await until(lambda: can(first, talking.call_id, "complete"), WITHIN_S)
        assert (await first.command("call.complete", call=talking.call_id))["ok"]
        await talking.together_with(PHONE_OF[SECOND])
        await is_empty(first)
        await shows(second, talking.call_id, my_role="talking", state="talking")
        await talking.caller.phone.hang_up()
        record = await journalled(bridge, talking.call_id, ended=True, within=WITHIN_S)
    assert record.outcome == "answered"
    assert [(leg.operator, leg.why) for leg in record.legs] == [(FIRST, "transferred"), (SECOND, "ended")]


async def test_completing_twice_hands_over_once(asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk) -> None:
    desk = await at_desk(FIRST)
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        await asks(talking, phones)
        answers = await asyncio.gather(talking.give("complete"), talking.give("complete"))
        assert sorted(answer["ok"] for answer in answers) == [False, True]
        (refused,) = (answer["error"]["code"] for answer in answers if not answer["ok"])
        assert refused in {"busy", "not_found", "not_possible"}
        await talking.together_with(PHONE_OF[SECOND])
