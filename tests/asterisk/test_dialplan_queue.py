"""`[cti-queue]` on a real Asterisk: the decision is carried out, and nobody is hung up on."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from asterisk.stand_in import bridge, deciding
from asterisk.test_dialplan_route import PATIENT
from demo.asterisk import AsteriskInstance
from demo.lab import Message
from demo.sip import Behaviour, Caller, Phones

DID = "74950000149"
Decide = Callable[..., Awaitable[None]]


@pytest_asyncio.fixture(loop_scope="session")
async def decide(asterisk: AsteriskInstance) -> AsyncIterator[Decide]:
    """Make a bridge decide so for all calls of the test: `await decide(CTI_STEPS="1", …)`."""
    async with AsyncExitStack() as stack:

        async def so(**values: str) -> None:
            decision = {"CTI_CALL_ID": "main-1", "CTI_DECISION": "matched"} | values
            stand_in = await stack.enter_async_context(bridge(deciding(decision)))
            await asterisk.lab.set_global("CTI_AGI", stand_in.url)

        await asterisk.lab.set_global("CTI_DEADLINE", PATIENT["CTI_DEADLINE"])
        yield so


async def told(asterisk: AsteriskInstance, name: str, since: int, within: float = 30) -> Message:
    """Wait for a UserEvent of cti-queue."""
    return await asterisk.lab.event("UserEvent", UserEvent=name, since=since, within=within)


async def joined(asterisk: AsteriskInstance, queue: str, since: int, within: float = 30) -> Message:
    """Wait until a caller is in this queue."""
    return await asterisk.lab.event("QueueCallerJoin", Queue=queue, since=since, within=within)


async def test_an_answered_queue_call_ends_when_the_operator_hangs_up(
    asterisk: AsteriskInstance, decide: Decide
) -> None:
    await decide(CTI_STEPS="2", CTI_STEP_1_QUEUE="sales", CTI_STEP_2_QUEUE="production")
    await asterisk.add_member("sales", "PJSIP/101", name="Мария")
    start = asterisk.lab.mark()
    async with (
        Phones(asterisk, {"101": Behaviour(answer_after=0.1, talk=0.2)}),
        Caller(asterisk, did=DID) as caller,
    ):
        outcome = await caller.over()
    assert outcome.ended_by == "other"
    assert outcome.answered_after is not None
    assert not asterisk.lab.events("UserEvent", since=start)
    assert len(asterisk.lab.events("QueueCallerJoin", since=start)) == 1


async def test_the_preferred_operator_is_rung_first_and_ends_the_call(
    asterisk: AsteriskInstance, decide: Decide
) -> None:
    await decide(
        CTI_OPERATOR_DIAL="PJSIP/102", CTI_OPERATOR_TIMEOUT="9",
        CTI_STEPS="1", CTI_STEP_1_QUEUE="sales",
    )  # fmt: skip
    start = asterisk.lab.mark()
    async with (
        Phones(asterisk, {"102": Behaviour(answer_after=0.1, talk=0.2)}),
        Caller(asterisk, did=DID) as caller,
    ):
        outcome = await caller.over()
    assert (outcome.ended_by, outcome.answered_after is not None) == ("other", True)
    assert not asterisk.lab.events("QueueCallerJoin", since=start)


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(Behaviour(answer_after=None), id="does not answer"),
        pytest.param(Behaviour(answer_after=0.05, busy=True), id="refuses"),
    ],
)
async def test_without_the_preferred_operator_the_call_goes_to_the_queue(
    asterisk: AsteriskInstance, decide: Decide, behaviour: Behaviour
) -> None:
    await decide(
        CTI_OPERATOR_DIAL="PJSIP/102", CTI_OPERATOR_TIMEOUT="1",
        CTI_STEPS="1", CTI_STEP_1_QUEUE="sales",
    )  # fmt: skip
    await asterisk.add_member("sales", "PJSIP/101")
    start = asterisk.lab.mark()
    async with (
        Phones(asterisk, {"101": Behaviour(answer_after=0.05), "102": behaviour}) as phones,
        Caller(asterisk, did=DID) as caller,
    ):
        await caller.answered()
        await phones["101"].answered()
    assert phones["102"].calls == 1
    await joined(asterisk, "sales", start)


async def test_the_preferred_operator_may_have_several_phones_and_pass_the_caller_on(
    asterisk: AsteriskInstance, decide: Decide
) -> None:
    await decide(CTI_OPERATOR_DIAL="PJSIP/102&PJSIP/103", CTI_STEPS="1", CTI_STEP_1_QUEUE="sales")
    start = asterisk.lab.mark()
    silent, quick = Behaviour(answer_after=None), Behaviour(answer_after=0.1)
    async with (
        Phones(asterisk, {"102": silent, "103": quick}) as phones,
        Caller(asterisk, did=DID) as caller,
    ):
        await caller.answered()
        await phones["102"].stopped_ringing()
        answer = await asterisk.lab.event("DialEnd", DialStatus="ANSWER", since=start)
        for leg in ("Channel", "DestChannel"):
            await asterisk.lab.event("BridgeEnter", Channel=answer[leg], since=start)
        await asterisk.lab.action("BlindTransfer", Channel=answer["DestChannel"], Context="lab-final", Exten="s")
        await told(asterisk, "LabFinal", start)
    assert not asterisk.lab.events("QueueCallerJoin", since=start)


@pytest.mark.parametrize("dial", ["PJSIP", "PJSIP/", "PJSIP/999", "Nonsense/1", "/", "&", "PJSIP/999&"])
async def test_a_preferred_operator_who_cannot_be_dialled_costs_nothing(
    asterisk: AsteriskInstance, decide: Decide, dial: str
) -> None:
    await decide(CTI_OPERATOR_DIAL=dial, CTI_STEPS="1", CTI_STEP_1_QUEUE="sales")
    start = asterisk.lab.mark()
    async with Caller(asterisk, did=DID):
        await joined(asterisk, "sales", start, within=30)


async def test_steps_follow_one_another_and_each_is_told(asterisk: AsteriskInstance, decide: Decide) -> None:
    await decide(
        CTI_STEPS="3", CTI_FINAL="queue:sales",
        CTI_STEP_1_QUEUE="sales", CTI_STEP_1_TIMEOUT="1",
        CTI_STEP_2_QUEUE="no-such-queue", CTI_STEP_2_TIMEOUT="1",
        CTI_STEP_3_QUEUE="production", CTI_STEP_3_TIMEOUT="1",
    )  # fmt: skip
    start = asterisk.lab.mark()
    async with Caller(asterisk, did=DID):
        final = await told(asterisk, "CtiFinal", start)
        await joined(asterisk, "sales", start)
    steps = asterisk.lab.events("UserEvent", UserEvent="CtiStep", since=start)
    assert [(step["Step"], step["Queue"], step["Status"]) for step in steps] == [
        ("1", "sales", "TIMEOUT"),
        ("2", "no-such-queue", "UNKNOWN"),
        ("3", "production", "TIMEOUT"),
    ]
    assert {step["CallID"] for step in steps} == {"main-1"}
    assert (final["CallID"], final["Final"]) == ("main-1", "queue:sales")
    queues = [event["Queue"] for event in asterisk.lab.events("QueueCallerJoin", since=start)]
    assert queues == ["sales", "production", "sales"]


async def test_a_step_is_skipped_when_as_many_wait_as_it_allows(asterisk: AsteriskInstance, decide: Decide) -> None:
    await decide(
        CTI_STEPS="2", CTI_STEP_1_QUEUE="sales", CTI_STEP_1_MAX_WAITING="1",
        CTI_STEP_2_QUEUE="production",
    )  # fmt: skip
    start = asterisk.lab.mark()
    async with Caller(asterisk, did=DID):
        await joined(asterisk, "sales", start)
        async with Caller(asterisk, did=DID):
            await joined(asterisk, "production", start)
    (step,) = asterisk.lab.events("UserEvent", UserEvent="CtiStep", since=start)
    assert (step["Step"], step["Queue"], step["Status"]) == ("1", "sales", "SKIPPED")
    assert len(asterisk.lab.events("QueueCallerJoin", Queue="sales", since=start)) == 1


async def test_all_nine_steps_are_walked_and_not_one_more(asterisk: AsteriskInstance, decide: Decide) -> None:
    steps = {f"CTI_STEP_{n}_QUEUE": f"gone-{n}" for n in range(1, 11)}
    await decide(CTI_STEPS="99999999", CTI_FINAL="queue:sales", **steps)
    start = asterisk.lab.mark()
    async with Caller(asterisk, did=DID):
        await joined(asterisk, "sales", start)
    walked = asterisk.lab.events("UserEvent", UserEvent="CtiStep", since=start)
    assert [step["Queue"] for step in walked] == list(steps.values())[:9]


@pytest.mark.parametrize("priority", ["1", "told"])
async def test_the_final_goto_leads_into_the_admins_dialplan(
    asterisk: AsteriskInstance, decide: Decide, priority: str
) -> None:
    await decide(CTI_STEPS="0", CTI_FINAL=f"goto:lab-final/s/{priority}")
    start = asterisk.lab.mark()
    async with Caller(asterisk, did=DID):
        arrived = await told(asterisk, "LabFinal", start)
    assert arrived["CallID"] == "main-1"


@pytest.mark.parametrize(
    "final",
    [
        "goto:no-such-place/s/1",
        "goto:",
        "goto:lab-final",
        "goto:lab-final//1",
        "goto:lab-final/s/9",
        "queue:no-such-queue",
        "queue:",
        "voicemail:1",
        "voicemail:",
        "callback",
        "x",
        "",
    ],
)
async def test_whatever_final_fails_the_caller_waits_in_the_default_queue(
    asterisk: AsteriskInstance, decide: Decide, final: str
) -> None:
    await decide(CTI_STEPS="0", CTI_FINAL=final, CTI_CALLBACK_SOUND="no-such-sound")
    start = asterisk.lab.mark()
    async with Caller(asterisk, did=DID):
        await joined(asterisk, "primary-consult", start)
    told_of = [event["Final"] for event in asterisk.lab.events("UserEvent", UserEvent="CtiFinal", since=start)]
    taken_back = [] if final.partition(":")[0] in ("queue", "x", "") else ["queue:primary-consult"]
    assert told_of == [final, *taken_back]


@pytest.mark.parametrize("sound", ["beep", "beep&beeperr"])
async def test_a_caller_who_was_told_that_he_will_be_called_back_is_hung_up(
    asterisk: AsteriskInstance, decide: Decide, sound: str
) -> None:
    await decide(CTI_STEPS="0", CTI_FINAL="callback", CTI_CALLBACK_SOUND=sound)
    start = asterisk.lab.mark()
    async with Caller(asterisk, did=DID) as caller:
        outcome = await caller.over(within=30)
    assert (outcome.ended_by, outcome.answered_after is not None) == ("other", True)
    assert asterisk.lab.events("VarSet", Variable="PLAYBACKSTATUS", Value="SUCCESS", since=start)
    assert not asterisk.lab.events("QueueCallerJoin", since=start)


async def test_who_presses_0_in_a_box_that_lets_him_out_goes_to_the_default_queue(
    asterisk: AsteriskInstance, decide: Decide
) -> None:
    boxes = asterisk.workdir / "etc/voicemail.conf"
    before = boxes.read_text("utf-8")
    boxes.write_text(before.replace("[default]", "operator = yes\n[default]"), "utf-8")
    try:
        await asterisk.lab.command("voicemail reload")
        await asterisk.lab.action("ModuleLoad", Module="app_senddtmf.so", LoadType="load")
        await decide(CTI_STEPS="0", CTI_FINAL="voicemail:100")
        start = asterisk.lab.mark()
        async with Caller(asterisk, did=DID) as caller:
            await caller.answered()
            began = await asterisk.lab.event("VarSet", Variable="VMSTATUS", since=start)
            await asterisk.lab.action("PlayDTMF", Channel=began["Channel"], Digit="0", Receive="true")
            await joined(asterisk, "primary-consult", start)
    finally:
        boxes.write_text(before, "utf-8")
        await asterisk.lab.command("voicemail reload")


async def test_a_default_queue_that_takes_nobody_keeps_the_caller_until_it_does(
    asterisk: AsteriskInstance, decide: Decide
) -> None:
    await decide(CTI_STEPS="0")
    await asterisk.lab.set_global("CTI_DEFAULT_QUEUE", "no-such-queue")
    start = asterisk.lab.mark()
    async with Caller(asterisk, did=DID) as caller:
        await told(asterisk, "CtiFinal", start)
        await asterisk.lab.event("Newexten", Application="Wait", since=start)
        assert await asterisk.channels() == 1
        await asterisk.lab.set_global("CTI_DEFAULT_QUEUE", "production")
        await joined(asterisk, "production", start)
        assert caller.history == ["invited", "ringing"]


async def test_priority_penalties_and_language_reach_the_queue(asterisk: AsteriskInstance, decide: Decide) -> None:
    await decide(
        CTI_STEPS="1", CTI_STEP_1_QUEUE="sales", CTI_PRIORITY="10", CTI_MIN_PENALTY="1",
        CTI_MAX_PENALTY="4", CTI_LANGUAGE="ru", CTI_ANNOUNCE="no-such-sound",
    )  # fmt: skip
    await asterisk.add_member("sales", "PJSIP/101", penalty=0)
    await asterisk.add_member("sales", "PJSIP/102", penalty=5)
    await asterisk.add_member("sales", "PJSIP/103", penalty=3)
    start = asterisk.lab.mark()
    everybody = {name: Behaviour(answer_after=None) for name in ("101", "102", "103")}
    async with Phones(asterisk, everybody) as phones, Caller(asterisk, did=DID):
        await phones["103"].rings()
        channel = (await joined(asterisk, "sales", start))["Channel"]
        language = await asterisk.lab.action("Getvar", Channel=channel, Variable="CHANNEL(language)")
        await asterisk.lab.action("QueueStatus", Queue="sales")
        entry = await asterisk.lab.event("QueueEntry", since=start)
        assert (phones["101"].calls, phones["102"].calls) == (0, 0)
    assert language["Value"] == "ru"
    assert entry["Priority"] == "10"


async def test_an_announcement_is_heard_before_the_queue_and_answers_nothing(
    asterisk: AsteriskInstance, decide: Decide
) -> None:
    await decide(CTI_STEPS="1", CTI_STEP_1_QUEUE="sales", CTI_ANNOUNCE="beep")
    start = asterisk.lab.mark()
    async with Caller(asterisk, did=DID) as caller:
        await joined(asterisk, "sales", start)
        assert "answered" not in caller.history
    assert asterisk.lab.events("VarSet", Variable="PLAYBACKSTATUS", Value="SUCCESS", since=start)


async def test_an_announcement_that_cannot_be_played_at_all_costs_nothing(
    asterisk: AsteriskInstance, decide: Decide
) -> None:
    await decide(CTI_STEPS="1", CTI_STEP_1_QUEUE="sales", CTI_ANNOUNCE="welcome")
    await asterisk.lab.action("ModuleLoad", Module="app_playback.so", LoadType="unload")
    try:
        start = asterisk.lab.mark()
        async with Caller(asterisk, did=DID):
            await joined(asterisk, "sales", start, within=30)
    finally:
        await asterisk.lab.action("ModuleLoad", Module="app_playback.so", LoadType="load")


async def test_behind_the_last_step_every_member_may_be_called(asterisk: AsteriskInstance, decide: Decide) -> None:
    await decide(
        CTI_STEPS="1", CTI_STEP_1_QUEUE="sales", CTI_STEP_1_TIMEOUT="1", CTI_MIN_PENALTY="1", CTI_MAX_PENALTY="4",
        CTI_FINAL="queue:sales",
    )  # fmt: skip
    await asterisk.add_member("sales", "PJSIP/101", penalty=5)
    start = asterisk.lab.mark()
    async with Phones(asterisk, {"101": Behaviour()}), Caller(asterisk, did=DID) as caller:
        await caller.answered()
        called = await asterisk.lab.event("AgentCalled", since=start)
        assert float(called["Timestamp"]) > float((await told(asterisk, "CtiStep", start))["Timestamp"])


async def test_without_penalties_every_member_may_be_called(asterisk: AsteriskInstance, decide: Decide) -> None:
    await decide(CTI_STEPS="1", CTI_STEP_1_QUEUE="sales")
    await asterisk.add_member("sales", "PJSIP/101", penalty=9)
    async with Phones(asterisk, {"101": Behaviour()}), Caller(asterisk, did=DID) as caller:
        await caller.answered()


async def test_a_drill_tells_the_decision_and_rings_nobody(asterisk: AsteriskInstance, decide: Decide) -> None:
    await decide(
        CTI_OPERATOR="op1", CTI_OPERATOR_DIAL="PJSIP/101", CTI_STEPS="3",
        CTI_STEP_1_QUEUE="production", CTI_STEP_2_QUEUE="sales", CTI_STEP_3_QUEUE="primary-consult",
        CTI_FINAL="queue:primary-consult",
    )  # fmt: skip
    start = asterisk.lab.mark()
    call = await asterisk.lab.originate(
        "wait@lab", f"cti-inbound,{DID},1", number="+74950000150", variables={"CTI_DRILL": "1"}
    )
    drill = await told(asterisk, "CtiDrill", start)
    await asterisk.lab.event("Hangup", Uniqueid=call)
    assert {name: drill[name] for name in ("CallID", "Decision", "Operator", "Steps", "Final")} == {
        "CallID": "main-1",
        "Decision": "matched",
        "Operator": "op1",
        "Steps": "production/sales/primary-consult",
        "Final": "queue:primary-consult",
    }
    assert not asterisk.lab.events("QueueCallerJoin", since=start)
    channels = asterisk.lab.events("Newchannel", since=start)
    assert not [event for event in channels if event["Channel"].startswith("PJSIP/")]


async def refused(asterisk: AsteriskInstance, channel: str, phone: str, *, for_s: int) -> None:
    """Note on a caller's channel that this phone refused him, as the bridge does."""
    await asterisk.lab.action(
        "Setvar", Channel=channel, Variable=f"__CTI_REFUSED_{phone}", Value=str(int(time.time()) + for_s)
    )


@pytest.mark.parametrize("member", ["PJSIP/101", "Local/101@lab-phones", "Local/101@lab-phones/n"])
async def test_who_refused_a_caller_is_passed_over_unheard_until_the_time_is_over(
    asterisk: AsteriskInstance, decide: Decide, member: str
) -> None:
    named = member.removesuffix("/n")  # as its channels are
    await decide(CTI_STEPS="1", CTI_STEP_1_QUEUE="sales")
    await asterisk.add_member("sales", member)
    arrived = asterisk.lab.mark()
    async with Phones(asterisk, {"101": Behaviour(answer_after=None)}) as phones, Caller(asterisk, did=DID) as caller:
        channel = (await joined(asterisk, "sales", arrived))["Channel"]
        await phones["101"].rings()
        await phones["101"].refuse()
        await refused(asterisk, channel, named, for_s=3)
        await asterisk.lab.event("DialEnd", since=arrived)  # the ring itself may be told after the phone rings
        start = asterisk.lab.mark()
        again = await asterisk.lab.event("AgentCalled", since=start, within=30)
        await phones["101"].rings(2)
        tries = [event["Channel"] for event in asterisk.lab.events("Newchannel", since=start)]
        assert len([name for name in tries if name.startswith(named)]) > 1, "the queue did look at him meanwhile"
        called = asterisk.lab.events("AgentCalled", since=start) + asterisk.lab.events("DialBegin", since=start)
        assert min(float(event["Timestamp"]) for event in called) == float(again["Timestamp"]), "nobody was told of it"
        await phones["101"].answer()
        await caller.answered()


async def test_a_refusal_sends_the_call_to_the_next_member_and_keeps_no_other_caller_away(
    asterisk: AsteriskInstance, decide: Decide
) -> None:
    await decide(CTI_STEPS="1", CTI_STEP_1_QUEUE="sales")
    for phone in ("101", "102"):
        await asterisk.add_member("sales", f"PJSIP/{phone}")
    start = asterisk.lab.mark()
    async with (
        Phones(asterisk, dict.fromkeys(("101", "102"), Behaviour(answer_after=None))) as phones,
        Caller(asterisk, did=DID),
    ):
        first = await asterisk.lab.event("AgentCalled", since=start)
        refuser = phones[first["Interface"].removeprefix("PJSIP/")]
        await refuser.rings()
        await refuser.refuse()
        await refused(asterisk, first["Channel"], first["Interface"], for_s=60)
        second = await asterisk.lab.event("AgentCalled", since=start, DestCallerIDNum=_other(refuser.extension))
        assert float(second["Timestamp"]) - float(first["Timestamp"]) < 3
        async with Caller(asterisk, did=DID):
            await refuser.rings(2)


@pytest.mark.parametrize(
    "until",
    [
        *("", "0", "1", "99999999999999", "${EPOCH}x", "soon"),
        pytest.param("9" * 900, id="a very long one"),
        pytest.param("""1")]}${CHANNEL(hangup)},('$[1/0]\\""", id="one that would be evaluated"),
    ],
)
async def test_what_is_no_time_of_the_next_ten_minutes_keeps_nobody_away(
    asterisk: AsteriskInstance, decide: Decide, until: str
) -> None:
    await decide(CTI_STEPS="1", CTI_STEP_1_QUEUE="sales")
    start = asterisk.lab.mark()
    async with Phones(asterisk, {"101": Behaviour()}), Caller(asterisk, did=DID) as caller:
        channel = (await joined(asterisk, "sales", start))["Channel"]
        await asterisk.lab.action("Setvar", Channel=channel, Variable="__CTI_REFUSED_PJSIP/101", Value=until)
        await asterisk.add_member("sales", "PJSIP/101")
        await caller.answered()


async def test_the_preferred_operator_who_refused_is_not_called_by_the_queue(
    asterisk: AsteriskInstance, decide: Decide
) -> None:
    """The queue begins a moment later, so that there is time to note the refusal."""
    await decide(CTI_OPERATOR_DIAL="PJSIP/101", CTI_STEPS="1", CTI_STEP_1_QUEUE="sales")
    await asterisk.add_member("sales", "PJSIP/101")
    await asterisk.add_member("sales", "PJSIP/102")
    start = asterisk.lab.mark()
    async with (
        Phones(asterisk, dict.fromkeys(("101", "102"), Behaviour(answer_after=None))) as phones,
        Caller(asterisk, did=DID),
    ):
        channel = (await asterisk.lab.event("DialBegin", since=start))["Channel"]
        await phones["101"].rings()
        await phones["101"].refuse()
        over = await asterisk.lab.event("DialEnd", since=start)
        await refused(asterisk, channel, "PJSIP/101", for_s=60)
        begin = await joined(asterisk, "sales", start)
        assert 0.1 < float(begin["Timestamp"]) - float(over["Timestamp"]) < 2.5
        await phones["102"].rings()
        assert phones["101"].calls == 1


def _other(extension: str) -> str:
    return {"101": "102", "102": "101"}[extension]
