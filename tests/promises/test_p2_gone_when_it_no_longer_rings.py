"""P2, when a pop goes: as soon as the phone no longer rings for this operator, with the reason and who took it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Behaviour, Caller, Phones
from promises.scene import SALES, VIP, AtDesk, journalled
from promises.screens import (
    DID_ALL_HANDS,
    DID_SHORT,
    RULES,
    Screens,
    bridge_with_short_times,
    incoming,
    is_empty,
    leg_of,
    no_live_calls,
    pick_up,
    queues_set,
    showing,
    shows,
    talking_leg,
    told,
    withdrawal,
)

pytestmark = pytest.mark.unhurried

RINGS = Behaviour(answer_after=None)
PATIENT_RULES = RULES.replace("operator_timeout: 2s", "operator_timeout: 60s").replace("timeout: 2s}", "timeout: 6s}")
"""Who gives up at his own operator has the time to; in `short` everything can be seen before it runs out."""
POPPED_AND_GONE = ["call.ringing", "call.withdrawn"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all tests here: none of them harms it."""
    folder = tmp_path_factory.mktemp("p2") / "bridge"
    async with bridge_with_short_times(shared_asterisk, prepared, folder, rules_text=PATIENT_RULES) as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    return running


async def test_ring_all_withdraws_from_everybody_else_and_says_who_took_it(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    everybody = ("op1", "op2", "op3")
    async with queues_set(asterisk), Phones(asterisk, dict.fromkeys(("101", "102", "103"), RINGS)) as phones:
        for operator in everybody:
            await asterisk.add_member("all-hands", f"PJSIP/10{operator[2]}")
        async with incoming(asterisk, SALES, did=DID_ALL_HANDS) as caller:
            for operator in everybody:
                await shows(screens[operator], caller.call_id, my_role="ringing", queue="all-hands")
            await pick_up(phones["102"])
            for operator in ("op1", "op3"):
                gone = await screens[operator].sees(caller.call_id, "call.withdrawn")
                assert gone.body["reason"] == "answered_elsewhere"
                assert gone.body["by"] == {"operator": "op2", "name": "Юрий Самарин"}
            await shows(screens["op2"], caller.call_id, my_role="talking")
            assert not showing(screens["op1"]) | showing(screens["op3"])
            await caller.phone.hang_up()
            await is_empty(screens["op2"])
    for operator in ("op1", "op3"):
        assert screens[operator].of_call(caller.call_id)[-1].type == "call.withdrawn"
        assert told(screens[operator], caller.call_id) == POPPED_AND_GONE
    screens.nobody_else(["4950000201"], but=everybody)


@pytest.mark.usefixtures("staff")
@pytest.mark.parametrize(
    ("number", "queue"), [(SALES, "sales"), (VIP, None)], ids=["in a queue", "at his own operator"]
)
async def test_a_caller_who_gives_up_takes_the_pop_with_him(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk, number: str, queue: str | None
) -> None:
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, dict.fromkeys(("103", "104"), RINGS)), incoming(asterisk, number) as caller:
        operator = await screens.popped(caller.call_id)
        assert showing(screens[operator])[caller.call_id]["queue"] == queue
        await caller.phone.hang_up()
        await is_empty(screens[operator])
        assert withdrawal(screens[operator], caller.call_id) == ("abandoned", None)
    record = await journalled(bridge, caller.call_id, ended=True)
    assert (record.outcome, record.rang) == ("abandoned", (operator,))


@pytest.mark.usefixtures("staff")
async def test_a_phone_that_nobody_answers_gives_the_call_to_the_next_member(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with (
        queues_set(asterisk, ring_s=6),
        Phones(asterisk, dict.fromkeys(("103", "104"), RINGS)) as phones,
        incoming(asterisk, SALES) as caller,
    ):
        first = await screens.popped(caller.call_id)
        await screens[first].sees(caller.call_id, "call.withdrawn")
        assert withdrawal(screens[first], caller.call_id) == ("no_answer", None)
        second = await screens.popped(caller.call_id, after=1)
        assert {first, second} == {"op3", "op4"}
        assert not showing(screens[first])
        gone, card = screens[first].of_call(caller.call_id)[-1], showing(screens[second])[caller.call_id]
        assert card["rang_at"] > gone.body["at"], "his own phone rings since then, not his colleague's"
        await pick_up(phones[f"10{second[2]}"])
        await shows(screens[second], caller.call_id, my_role="talking")
        assert told(screens[first], caller.call_id) == POPPED_AND_GONE


@pytest.mark.usefixtures("staff")
async def test_a_phone_that_is_busy_gives_the_call_to_the_next_member(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, dict.fromkeys(("103", "104"), RINGS)) as phones, incoming(asterisk, SALES) as caller:
        first = await screens.popped(caller.call_id)
        await phones[f"10{first[2]}"].rings()
        await phones[f"10{first[2]}"].refuse()
        second = await screens.popped(caller.call_id, after=1)
        assert {first, second} == {"op3", "op4"}
        assert withdrawal(screens[first], caller.call_id) == ("no_answer", None)
        await shows(screens[second], caller.call_id, my_role="ringing")
        assert not showing(screens[first])


@pytest.mark.usefixtures("staff")
async def test_a_step_that_runs_out_takes_the_pop_to_the_next_queue(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with queues_set(asterisk), Phones(asterisk, dict.fromkeys(("101", "102", "103"), RINGS)) as phones:
        await asterisk.add_member("short", "PJSIP/103")
        async with incoming(asterisk, SALES, did=DID_SHORT) as caller:
            await shows(screens["op3"], caller.call_id, my_role="ringing", queue="short")
            await screens["op3"].sees(caller.call_id, "call.withdrawn")
            assert withdrawal(screens["op3"], caller.call_id) == ("no_answer", None)
            second = await screens.popped(caller.call_id, among=("op1", "op2"))
            card = await shows(screens[second], caller.call_id, queue="primary-consult", my_role="ringing")
            assert (card["class"], card["rule"], card["customer"]["name"]) == ("sales", "hasty", "Глеб Ракитин")
            await pick_up(phones[f"10{second[2]}"])
            await shows(screens[second], caller.call_id, my_role="talking", queue="primary-consult")
            await caller.phone.hang_up()
        record = await journalled(bridge, caller.call_id, ended=True)
        assert (record.outcome, record.operator, record.queue) == ("answered", second, "primary-consult")


@pytest.mark.usefixtures("staff")
async def test_a_waiting_caller_who_is_sent_elsewhere_has_not_given_up(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, dict.fromkeys(("103", "104", "106"), RINGS)), incoming(asterisk, SALES) as caller:
        first = await screens.popped(caller.call_id)
        await asterisk.lab.action("Redirect", Channel=caller.channel_name, Context="phones", Exten="106", Priority=1)
        await screens[first].sees(caller.call_id, "call.withdrawn")
        # The PBX stops the phone before it says whether the caller left or was moved, in the same order either way.
        assert withdrawal(screens[first], caller.call_id)[0] in ("moved", "abandoned")
        card = await shows(screens["op6"], caller.call_id, my_role="ringing")
        assert card["customer"]["name"] == "Глеб Ракитин"


@pytest.mark.usefixtures("staff")
async def test_a_blind_transfer_takes_the_card_to_the_next_operator(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    await asterisk.remove_member("sales", "PJSIP/104")
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, {"103": RINGS, "105": RINGS}) as phones, incoming(asterisk, SALES) as caller:
        await screens["op3"].sees(caller.call_id, "call.ringing")
        await pick_up(phones["103"])
        await shows(screens["op3"], caller.call_id, my_role="talking")
        await asterisk.lab.action(
            "BlindTransfer", Channel=await talking_leg(asterisk, caller, "103"), Context="phones", Exten="105"
        )
        card = await shows(screens["op5"], caller.call_id, my_role="ringing")
        assert card["customer"]["name"] == "Глеб Ракитин"
        ended = await screens["op3"].sees(caller.call_id, "call.ended")
        assert ended.call["my_role"] == "none"
        await is_empty(screens["op3"])
        await pick_up(phones["105"])
        await shows(screens["op5"], caller.call_id, my_role="talking")
        await caller.phone.hang_up()
        await is_empty(screens["op5"])
    record = await journalled(bridge, caller.call_id, ended=True)
    assert (record.outcome, record.operator) == ("answered", "op3")
    screens.nobody_else(["4950000201"], but=["op3", "op5"])


@pytest.mark.usefixtures("staff")
async def test_a_transfer_back_into_a_queue_pops_at_its_members(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    await asterisk.remove_member("sales", "PJSIP/104")
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, {"103": RINGS}) as phones, incoming(asterisk, SALES) as caller:
        await pick_up(phones["103"])
        await shows(screens["op3"], caller.call_id, my_role="talking")
        await asterisk.remove_member("sales", "PJSIP/103")
        await asterisk.add_member("sales", "PJSIP/106")
        async with Phones(asterisk, {"106": RINGS}):
            await asterisk.lab.action(
                "BlindTransfer", Channel=await talking_leg(asterisk, caller, "103"), Context="cti-queue", Exten="s"
            )
            await screens["op3"].sees(caller.call_id, "call.ended")
            card = await shows(screens["op6"], caller.call_id, my_role="ringing", queue="sales")
            assert card["customer"]["name"] == "Глеб Ракитин"


@pytest.mark.usefixtures("staff")
async def test_a_colleague_who_picks_the_call_up_has_the_card(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    await asterisk.remove_member("sales", "PJSIP/104")
    screens = await Screens.opened(at_desk)
    async with (
        Phones(asterisk, {"103": RINGS, "105": Behaviour(answer_after=0.05)}),
        incoming(asterisk, SALES) as caller,
    ):
        await shows(screens["op3"], caller.call_id, my_role="ringing")
        await asterisk.lab.action(
            "Originate",
            Channel="PJSIP/105",
            Application="PickupChan",
            Data=await leg_of(asterisk, caller, "103"),
            Async="true",
        )
        card = await shows(screens["op5"], caller.call_id, my_role="talking")
        assert card["customer"]["name"] == "Глеб Ракитин"
        gone = await screens["op3"].sees(caller.call_id, "call.withdrawn")
        assert (gone.body["reason"], gone.body["by"]["operator"]) == ("answered_elsewhere", "op5")
        assert told(screens["op5"], caller.call_id) == ["call.answered"]
        await caller.phone.hang_up()
        await is_empty(screens["op5"])
    record = await journalled(bridge, caller.call_id, ended=True)
    assert (record.outcome, record.operator) == ("answered", "op5")


@pytest.mark.usefixtures("staff")
async def test_a_caller_who_hangs_up_between_decision_and_queue_leaves_nothing_behind(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    did = "74950000301"
    extra = asterisk.workdir / "etc" / "extensions.d" / "gone.conf"
    extra.write_text(f"[from-trunk](+)\nexten => {did},1,Gosub(cti-route,s,1(${{EXTEN}}))\n same => n,Hangup()\n")
    await asterisk.lab.command("dialplan reload")
    await asterisk.lab.set_global("CTI_AGI", bridge.agi_url)
    screens = await Screens.opened(at_desk)
    try:
        async with incoming(asterisk, SALES, did=did) as caller:
            await caller.phone.over()
        record = await journalled(bridge, caller.call_id, ended=True)
        assert (record.outcome, record.rang, record.answered_at) == ("abandoned", (), None)
        assert record.decision is not None
        for patience in (0.001, 0.004, 0.008, 0.016, 0.032):
            async with Caller(asterisk, SALES, did="74950000248", patience=patience) as hasty:
                await hasty.over()
        await no_live_calls(bridge)
        for desk in screens.all():
            await is_empty(desk)
    finally:
        extra.unlink()
        await asterisk.lab.command("dialplan reload")
