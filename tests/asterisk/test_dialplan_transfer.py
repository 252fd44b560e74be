"""`[cti-transfer]`, `[cti-back]`, `[cti-outbound]` on a real Asterisk, without a bridge: callers are brought back."""

import pytest

from demo.asterisk import AsteriskInstance
from demo.lab import Message
from demo.sip import Behaviour, Phones

WITHIN_S = 30.0
RINGS = Behaviour(answer_after=None)
ANSWERS = Behaviour(answer_after=0.1)
REFUSES = Behaviour(answer_after=0.05, busy=True)
BACK = {"CTI_TRANSFER_BACK": "PJSIP/101", "CTI_TRANSFER_BACK_QUEUE": "sales"}


async def send(
    asterisk: AsteriskInstance, context: str = "cti-transfer", extension: str = "s", **variables: str
) -> int:
    """A caller is sent there with these variables; gives back where his events begin."""
    since = asterisk.lab.mark()
    named = {"CTI_CALL_ID": "main-1", "CTI_TRANSFER_BY": "op1", "CTI_TRANSFER_TO": "operator/op2"} | variables
    await asterisk.lab.action(
        "Originate",
        Channel="Local/wait@lab/n",
        Context=context,
        Exten=extension,
        Priority=1,
        Async="true",
        Variable=",".join(f"{name}={value}" for name, value in named.items()),
    )
    return since


async def told(asterisk: AsteriskInstance, since: int, state: str) -> Message:
    """Wait until the dialplan says that a transfer has come so far."""
    return await asterisk.lab.event("UserEvent", since=since, within=WITHIN_S, UserEvent="CtiTransfer", State=state)


@pytest.mark.parametrize(
    ("target", "behaviour", "why"),
    [
        ({"CTI_TRANSFER_DIAL": "PJSIP/102", "CTI_TRANSFER_TIMEOUT": "1"}, RINGS, "noanswer"),
        ({"CTI_TRANSFER_DIAL": "PJSIP/102"}, REFUSES, "busy"),
        ({"CTI_TRANSFER_DIAL": "PJSIP/999"}, RINGS, "chanunavail"),
        ({"CTI_TRANSFER_DIAL": "PJSIP"}, RINGS, "missing"),
        ({"CTI_TRANSFER_DIAL": "&&/&"}, RINGS, "missing"),
        ({"CTI_TRANSFER_QUEUE": "no-such-queue"}, RINGS, "missing"),
        ({"CTI_TRANSFER_NUMBER": "7"}, RINGS, "chanunavail"),
        ({}, RINGS, "missing"),
    ],
)
async def test_a_caller_whose_target_does_not_take_him_comes_back_to_who_sent_him(
    asterisk: AsteriskInstance, target: dict[str, str], behaviour: Behaviour, why: str
) -> None:
    async with Phones(asterisk, {"101": ANSWERS, "102": behaviour}) as phones:
        since = await send(asterisk, **target, **BACK)
        failed = await told(asterisk, since, "failed")
        assert (failed["CallID"], failed["By"], failed["To"]) == ("main-1", "op1", "operator/op2")
        assert failed["Why"] in (why, "congestion" if why == "chanunavail" else why)
        await phones["101"].answered(within=WITHIN_S)
        assert not asterisk.lab.events("Hangup", since=since, Uniqueid=failed["Uniqueid"])


@pytest.mark.parametrize("queue", ["sales", "no-such-queue", ""])
async def test_he_waits_in_a_queue_when_nobody_takes_him_back(asterisk: AsteriskInstance, queue: str) -> None:
    await asterisk.lab.set_global("CTI_DEFAULT_QUEUE", "production")
    async with Phones(asterisk, {"101": REFUSES}):
        since = await send(asterisk, CTI_TRANSFER_BACK="PJSIP/101", CTI_TRANSFER_BACK_QUEUE=queue)
        await told(asterisk, since, "requeued")
        wanted = queue if queue == "sales" else "production"
        await asterisk.lab.event("QueueCallerJoin", since=since, within=WITHIN_S, Queue=wanted)


async def test_he_waits_in_a_queue_when_nobody_is_named_who_sent_him(asterisk: AsteriskInstance) -> None:
    since = await send(asterisk, CTI_TRANSFER_BACK="")
    await asterisk.lab.event("QueueCallerJoin", since=since, within=WITHIN_S, Queue="primary-consult")


async def test_who_waits_for_ever_is_put_before_every_member_whatever_penalties_his_rule_wanted(
    asterisk: AsteriskInstance,
) -> None:
    await asterisk.add_member("sales", "PJSIP/102")
    async with Phones(asterisk, {"102": ANSWERS}) as phones:
        await send(
            asterisk, "cti-hold", CTI_DESK_LEG="PJSIP/101-gone", CTI_TRANSFER_BACK_QUEUE="sales", QUEUE_MIN_PENALTY="5"
        )
        await phones["102"].answered(within=WITHIN_S)


async def test_in_a_queue_he_stays_and_goes_on_to_everybody_when_its_time_is_over(asterisk: AsteriskInstance) -> None:
    await asterisk.lab.set_global("CTI_DEFAULT_QUEUE", "production")
    since = await send(asterisk, CTI_TRANSFER_QUEUE="sales", CTI_TRANSFER_TIMEOUT="1", **BACK)
    await told(asterisk, since, "queued")
    await asterisk.lab.event("QueueCallerJoin", since=since, within=WITHIN_S, Queue="sales")
    await asterisk.lab.event("QueueCallerJoin", since=since, within=WITHIN_S, Queue="production")


async def test_without_the_module_that_lets_the_two_know_of_each_other_there_is_no_hold(
    asterisk: AsteriskInstance,
) -> None:
    await asterisk.lab.action("ModuleLoad", Module="func_global.so", LoadType="unload")
    try:
        assert await holds(asterisk) == "0"
    finally:
        await asterisk.lab.action("ModuleLoad", Module="func_global.so", LoadType="load")
    assert await holds(asterisk) == "1"


async def holds(asterisk: AsteriskInstance) -> str:
    """What the dialplan says about hold when it is asked."""
    since = await send(asterisk, "cti-means")
    means = await asterisk.lab.event("UserEvent", since=since, within=WITHIN_S, UserEvent="CtiMeans")
    return str(means["Hold"])


@pytest.mark.parametrize(
    ("number", "why"),
    [("12", "number"), ("+1234567890123456", "number"), ("112;103", "number"), ("+74950000150", "context")],
)
async def test_what_is_no_number_or_has_no_way_out_is_not_called(
    asterisk: AsteriskInstance, number: str, why: str
) -> None:
    await asterisk.lab.set_global("CTI_OUTBOUND_CONTEXT", "nowhere" if why == "context" else "way-out")
    try:
        since = await send(asterisk, "cti-outbound", number)
        refused = await asterisk.lab.event("UserEvent", since=since, within=WITHIN_S, UserEvent="CtiOutbound")
        assert refused["Why"] == why
        assert not asterisk.lab.events("DialBegin", since=since, Context="way-out")
    finally:
        await asterisk.lab.set_global("CTI_OUTBOUND_CONTEXT", "way-out")
