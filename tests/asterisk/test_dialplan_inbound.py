"""SIP calls from the trunk through `[cti-inbound]`: who arrives how, and always in a queue."""

import time

import pytest

from asterisk.stand_in import bridge, deciding, nobody, silent
from asterisk.test_dialplan_route import PATIENT
from demo.asterisk import AsteriskInstance
from demo.sip import Behaviour, Caller, Phones

PROMISE_S = 2.5
TO_SALES = {
    "CTI_CALL_ID": "main-1",
    "CTI_DECISION": "matched",
    "CTI_STEPS": "1",
    "CTI_STEP_1_QUEUE": "sales",
}


@pytest.mark.promise
@pytest.mark.parametrize("did", ["74950000149", "+74950000149", ""], ids=["digits", "plus", "none"])
async def test_a_call_to_any_number_or_none_is_in_a_queue_in_time(asterisk: AsteriskInstance, did: str) -> None:
    async with bridge(silent) as stand_in:
        await asterisk.lab.set_global("CTI_AGI", stand_in.url)
        start, began = asterisk.lab.mark(), time.monotonic()
        async with Caller(asterisk, did=did) as caller:
            await asterisk.lab.event("QueueCallerJoin", Queue="primary-consult", since=start)
            took = time.monotonic() - began
            await caller.rings()
    assert took < PROMISE_S
    assert stand_in.asked[0]["agi_arg_1"] == did


async def test_the_decided_queue_is_the_one_that_the_caller_joins(
    asterisk: AsteriskInstance,
) -> None:
    await asterisk.add_member("sales", "PJSIP/101", name="Мария")
    async with bridge(deciding(TO_SALES)) as stand_in:
        await asterisk.lab.set_global("CTI_AGI", stand_in.url)
        await asterisk.lab.set_global("CTI_DEADLINE", PATIENT["CTI_DEADLINE"])
        async with (
            Phones(asterisk, {"101": Behaviour(answer_after=None)}) as phones,
            Caller(asterisk, name="Пётр", attestation="A") as caller,
        ):
            await phones["101"].rings()
            await phones["101"].answer()
            await caller.answered()
            await caller.hang_up()
            outcome = await caller.over()
    (asked,) = stand_in.asked
    assert outcome.ended_by == "caller"
    assert asked["agi_calleridname"] == "Пётр"
    assert (asked["agi_arg_5"], asked["agi_arg_6"]) == ("trunk-demo", "A")


@pytest.mark.parametrize(
    "name",
    ["${GLOBAL(CTI_AGI)}", "$[1 + 1]", "<script>alert(1)</script>", "a,b;c&d|e", "Ёж, {x} [y]"],
)
async def test_a_hostile_name_arrives_as_text(asterisk: AsteriskInstance, name: str) -> None:
    async with bridge(deciding(TO_SALES)) as stand_in:
        await asterisk.lab.set_global("CTI_AGI", stand_in.url)
        await asterisk.lab.set_global("CTI_DEADLINE", PATIENT["CTI_DEADLINE"])
        start = asterisk.lab.mark()
        async with Caller(asterisk, name=name):
            join = await asterisk.lab.event("QueueCallerJoin", Queue="sales", since=start)
    assert stand_in.asked[0]["agi_calleridname"] == name
    assert join["CallerIDName"] == name


async def test_quotes_and_backslashes_in_a_name_break_nothing(asterisk: AsteriskInstance) -> None:
    await asterisk.lab.set_global("CTI_AGI", nobody())
    start = asterisk.lab.mark()
    async with Caller(asterisk, name='Ev"il\\" name\\'):
        join = await asterisk.lab.event("QueueCallerJoin", since=start)
    assert join["CallerIDName"].startswith("Ev")
    assert join["CallerIDNum"] == "+74950000150"


async def test_an_anonymous_caller_shows_no_number(asterisk: AsteriskInstance) -> None:
    async with bridge(deciding(TO_SALES)) as stand_in:
        await asterisk.lab.set_global("CTI_AGI", stand_in.url)
        await asterisk.lab.set_global("CTI_DEADLINE", PATIENT["CTI_DEADLINE"])
        start = asterisk.lab.mark()
        async with Caller(asterisk, anonymous=True):
            await asterisk.lab.event("QueueCallerJoin", Queue="sales", since=start)
    assert stand_in.asked[0]["agi_callerid"] in ("anonymous", "unknown")


async def test_a_withheld_number_is_marked(asterisk: AsteriskInstance) -> None:
    async with bridge(deciding(TO_SALES)) as stand_in:
        await asterisk.lab.set_global("CTI_AGI", stand_in.url)
        await asterisk.lab.set_global("CTI_DEADLINE", PATIENT["CTI_DEADLINE"])
        start = asterisk.lab.mark()
        async with Caller(asterisk, withheld=True):
            await asterisk.lab.event("QueueCallerJoin", Queue="sales", since=start)
    assert stand_in.asked[0]["agi_callerid"] == "+74950000150"
    assert int(stand_in.asked[0]["agi_callingpres"]) & 0x60 == 0x20


async def test_a_direct_extension_never_asks_the_bridge(asterisk: AsteriskInstance) -> None:
    async with bridge(deciding(TO_SALES)) as stand_in:
        await asterisk.lab.set_global("CTI_AGI", stand_in.url)
        await asterisk.lab.set_global("CTI_DEADLINE", PATIENT["CTI_DEADLINE"])
        async with (
            Phones(asterisk, {"105": Behaviour()}),
            Caller(asterisk, did="105") as caller,
        ):
            await caller.answered()
    assert not stand_in.asked
