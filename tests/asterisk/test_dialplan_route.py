"""`[cti-route]` on a real Asterisk: there is always a decision, in time, whatever the bridge does."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager

import pytest

from asterisk.stand_in import bridge, deciding, dying, nobody, silent
from demo.asterisk import AsteriskInstance
from demo.lab import Message

PROMISE_S = 2.5
DECISION = {
    "CTI_CALL_ID": "main-1795288011.12",
    "CTI_DECISION": "matched",
    "CTI_CRM": "fresh",
    "CTI_RULE": "night/vip",
    "CTI_CLASS": "sales",
    "CTI_CUSTOMER_ID": "C-17",
    "CTI_CUSTOMER_NAME": "Ольга Ёлкина-Петрова (дача)",
    "CTI_STEPS": "2",
    "CTI_QUEUE": "sales",
    "CTI_QUEUE_TIMEOUT": "60",
    "CTI_STEP_1_QUEUE": "sales",
    "CTI_STEP_1_TIMEOUT": "60",
    "CTI_STEP_1_MAX_WAITING": "5",
    "CTI_STEP_2_QUEUE": "primary-consult",
    "CTI_STEP_9_MAX_WAITING": "7",
    "CTI_OPERATOR": "op3",
    "CTI_OPERATOR_DIAL": "PJSIP/103&PJSIP/203",
    "CTI_OPERATOR_TIMEOUT": "15",
    "CTI_PRIORITY": "10",
    "CTI_MIN_PENALTY": "1",
    "CTI_MAX_PENALTY": "4",
    "CTI_LANGUAGE": "ru",
    "CTI_ANNOUNCE": "custom/hello",
    "CTI_RECORD": "yes",
    "CTI_FINAL": "queue:primary-consult",
}
FALLBACK = dict.fromkeys(DECISION, "") | {
    "CTI_DECISION": "fallback",
    "CTI_STEPS": "1",
    "CTI_QUEUE": "primary-consult",
    "CTI_QUEUE_TIMEOUT": "0",
    "CTI_STEP_1_QUEUE": "primary-consult",
    "CTI_STEP_1_TIMEOUT": "0",
    "CTI_FINAL": "queue:primary-consult",
}
"""Every Out variable of a fallback; CTI_CALL_ID is the linkedid and differs per call."""


@asynccontextmanager
async def _not_running() -> AsyncIterator[str]:
    yield nobody()


@asynccontextmanager
async def _accepting_and_silent() -> AsyncIterator[str]:
    async with bridge(silent) as stand_in:
        yield stand_in.url


@asynccontextmanager
async def _dying_half_way() -> AsyncIterator[str]:
    async with bridge(dying) as stand_in:
        yield stand_in.url


@asynccontextmanager
async def _closing_at_once() -> AsyncIterator[str]:
    async def close(*_: object) -> None:
        return

    async with bridge(close) as stand_in:
        yield stand_in.url


@asynccontextmanager
async def _not_even_accepting() -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as waiting:
        for _ in range(8):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        yield f"agi://127.0.0.1:{full.getsockname()[1]}/route"


@asynccontextmanager
async def _not_configured() -> AsyncIterator[str]:
    yield ""


Bridge = Callable[[], AbstractAsyncContextManager[str]]
BROKEN = [
    pytest.param(_not_running, id="not running"),
    pytest.param(_accepting_and_silent, id="accepting and silent"),
    pytest.param(_dying_half_way, id="dying half-way"),
    pytest.param(_closing_at_once, id="closing at once"),
    pytest.param(_not_even_accepting, id="backlog full"),
    pytest.param(_not_configured, id="CTI_AGI is empty"),
]


PATIENT = {"CTI_DEADLINE": "30"}
"""For decisions that are to arrive, however busy the machine is: the dialplan waits for them."""


async def decided(asterisk: AsteriskInstance, exten: str = "once", **variables: str) -> Message:
    """Let a call pass through cti-route and return what it came back with, and after how long."""
    call = await asterisk.lab.originate("wait@lab", f"lab-route,{exten},1", number="+74950000150", variables=variables)
    told = await asterisk.lab.event("UserEvent", UserEvent="LabDecided", Uniqueid=call, within=30)
    began = await asterisk.lab.event("Newchannel", Uniqueid=call)
    told["seconds"] = str(float(told["Timestamp"]) - float(began["Timestamp"]))
    return told


def out(told: Message) -> dict[str, str]:
    """The Out variables of what a call came back with."""
    return {name: told[name] for name in DECISION}


@pytest.mark.promise
@pytest.mark.parametrize("broken", BROKEN)
async def test_without_a_decision_every_variable_is_that_of_the_fallback(
    asterisk: AsteriskInstance, broken: Bridge
) -> None:
    async with broken() as url:
        told = await decided(asterisk, CTI_AGI=url, LAB_DID="74950000149")
    call_id = "main-half" if broken is _dying_half_way else told["Linkedid"]
    assert out(told) == FALLBACK | {"CTI_CALL_ID": call_id}
    assert float(told["seconds"]) < PROMISE_S


@pytest.mark.parametrize("broken", BROKEN)
async def test_the_admins_own_time_limit_and_agi_setting_come_back(asterisk: AsteriskInstance, broken: Bridge) -> None:
    async with broken() as url:
        told = await decided(asterisk, CTI_AGI=url, LAB_LIMIT="60")
    assert 55 < float(told["Limit"]) <= 60
    assert told["AgiExitOnHangup"] == ""


@pytest.mark.promise
@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "agi://",
        "agi:///route",
        "agi://256.0.0.1/route",
        "http://127.0.0.1/route",
        "agi://nowhere.invalid/route",
    ],
)
async def test_a_wrong_address_of_the_bridge_is_a_bridge_that_is_not_there(
    asterisk: AsteriskInstance, url: str
) -> None:
    told = await decided(asterisk, CTI_AGI=url)
    assert told["CTI_DECISION"] == "fallback"
    assert float(told["seconds"]) < PROMISE_S


async def test_the_bridges_decision_arrives_whole(asterisk: AsteriskInstance) -> None:
    async with bridge(deciding(DECISION)) as stand_in:
        told = await decided(asterisk, CTI_AGI=stand_in.url, LAB_LIMIT="60", **PATIENT)
    assert out(told) == DECISION
    assert 55 < float(told["Limit"]) <= 60
    assert told["AgiExitOnHangup"] == ""


async def test_no_limit_is_left_behind_where_the_admin_had_none(
    asterisk: AsteriskInstance,
) -> None:
    async with bridge(deciding(DECISION)) as stand_in:
        told = await decided(asterisk, CTI_AGI=stand_in.url, **PATIENT)
    assert float(told["Limit"] or 0) == 0


async def test_the_bridge_is_asked_with_its_six_arguments(asterisk: AsteriskInstance) -> None:
    async with bridge(deciding(DECISION)) as stand_in:
        told = await decided(
            asterisk,
            CTI_AGI=stand_in.url,
            LAB_DID="+74950000149",
            CTI_CALL_ID="main-7",
            CTI_DID="74950000199",
            CTI_TRUNK="city",
            CTI_ATTESTATION="A",
            **PATIENT,
        )
    (asked,) = stand_in.asked
    arguments = [asked[f"agi_arg_{n}"] for n in range(1, 7)]
    assert arguments == ["+74950000149", told["Linkedid"], "main-7", "74950000199", "city", "A"]
    assert asked["agi_callerid"] == "+74950000150"


async def test_empty_arguments_are_sent_empty(asterisk: AsteriskInstance) -> None:
    async with bridge(deciding(DECISION)) as stand_in:
        told = await decided(asterisk, CTI_AGI=stand_in.url, CTI_ATTESTATION="B", **PATIENT)
    (asked,) = stand_in.asked
    arguments = [asked[f"agi_arg_{n}"] for n in range(1, 7)]
    assert arguments == ["", told["Linkedid"], "", "", "", "B"]


async def test_a_hostile_did_shifts_no_argument(asterisk: AsteriskInstance) -> None:
    async with bridge(deciding(DECISION)) as stand_in:
        await decided(asterisk, CTI_AGI=stand_in.url, LAB_DID='7"495${x})0', CTI_TRUNK="city", **PATIENT)
    (asked,) = stand_in.asked
    assert asked["agi_arg_1"] == "7495x0"
    assert asked["agi_arg_5"] == "city"


async def test_a_variable_with_a_comma_becomes_no_second_argument(asterisk: AsteriskInstance) -> None:
    await asterisk.lab.set_global(
        "CTI_DID", "74950000149,trunk-demo"
    )  # AMI itself would split a channel's at the comma
    try:
        async with bridge(deciding(DECISION)) as stand_in:
            await decided(asterisk, CTI_AGI=stand_in.url, CTI_TRUNK="city", **PATIENT)
    finally:
        await asterisk.lab.set_global("CTI_DID", "")
    (asked,) = stand_in.asked
    arguments = [asked[f"agi_arg_{n}"] for n in range(4, 7)]
    assert arguments == ["74950000149trunkdemo", "city", ""]


async def test_a_second_run_finds_nothing_of_the_first_but_the_call_id(
    asterisk: AsteriskInstance,
) -> None:
    async with bridge(deciding(DECISION)) as first:
        told = await decided(asterisk, "twice", CTI_AGI=first.url, LAB_SECOND_AGI=nobody(), **PATIENT)
    assert out(told) == FALLBACK | {"CTI_CALL_ID": DECISION["CTI_CALL_ID"]}


async def test_a_second_decision_keeps_nothing_of_the_first(asterisk: AsteriskInstance) -> None:
    async with (
        bridge(deciding(DECISION)) as first,
        bridge(deciding({"CTI_DECISION": "default"})) as second,
    ):
        told = await decided(asterisk, "twice", CTI_AGI=first.url, LAB_SECOND_AGI=second.url, **PATIENT)
    assert second.asked[0]["agi_arg_3"] == DECISION["CTI_CALL_ID"]
    nothing = dict.fromkeys(DECISION, "")
    assert out(told) == nothing | {
        "CTI_DECISION": "default",
        "CTI_CALL_ID": DECISION["CTI_CALL_ID"],
    }


@pytest.mark.promise
@pytest.mark.parametrize(
    ("deadline", "at_least", "at_most"),
    [
        pytest.param("0.4", 0.35, 1.2, id="shorter"),
        pytest.param("", 1.4, PROMISE_S, id="empty"),
        pytest.param("soon", 1.4, PROMISE_S, id="not a number"),
        pytest.param("0", 1.4, PROMISE_S, id="zero"),
    ],
)
async def test_a_channels_deadline_overrides_the_usual_one(
    asterisk: AsteriskInstance, deadline: str, at_least: float, at_most: float
) -> None:
    async with bridge(silent) as stand_in:
        told = await decided(asterisk, CTI_AGI=stand_in.url, CTI_DEADLINE=deadline)
    assert told["CTI_DECISION"] == "fallback"
    assert at_least < float(told["seconds"]) < at_most


async def test_a_channels_own_bridge_and_default_queue_override_the_globals(
    asterisk: AsteriskInstance,
) -> None:
    async with bridge(deciding(DECISION)) as everybodys:
        await asterisk.lab.set_global("CTI_AGI", everybodys.url)
        await asterisk.lab.set_global("CTI_DEFAULT_QUEUE", "sales")
        usual = await decided(asterisk, **PATIENT)
        own_bridge = await decided(asterisk, CTI_AGI=nobody())
        own_queue = await decided(asterisk, CTI_AGI=nobody(), CTI_DEFAULT_QUEUE="production")
    assert len(everybodys.asked) == 1
    assert usual["CTI_DECISION"] == "matched"
    assert (own_bridge["CTI_QUEUE"], own_bridge["CTI_FINAL"]) == ("sales", "queue:sales")
    assert (own_queue["CTI_QUEUE"], own_queue["CTI_FINAL"]) == ("production", "queue:production")
