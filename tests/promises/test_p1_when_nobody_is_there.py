"""P1 when nobody is there: what follows the last step is carried out, or the caller stays in a queue."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cti_bridge.calls.record import CallRecord
from cti_bridge.domain.ids import call_id_for
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.lab import Message
from demo.sip import Behaviour, Caller, Phones
from promises.scene import DID, OUTSIDE, PHONE_OF, Arrival, calling, journalled, until
from promises.screens import bridge_with_short_times

IN_THE_NIGHT, ON_A_HOLIDAY, TO_A_BOX, TO_NO_BOX, ELSEWHERE, NOWHERE = (f"7495000031{number}" for number in range(6))
"""The numbers called, one for each `final`."""
MARIA, PETER, VERA, NINA = "+74950000271", "+74950000272", "+74950000273", "+74950000274"
SHIPPED, SHORT, MISSING = "/var/lib/asterisk/sounds/cti-callback", "beep", "no-such-sound"
pytestmark = pytest.mark.unhurried
LAST_RESORT = "production"
"""The default queue of the dialplan, another one than that of the rules, so that it is seen who waits there."""
BYTES_PER_SECOND = 16_000
"""Of a recorded message."""


def rules() -> str:
    """Every queue is given up after a second. The present moment is in the night, and within a holiday."""
    yesterday, tomorrow = (
        (datetime.now(UTC) + timedelta(days=days)).date().isoformat() for days in (-1, 1)
    )  # whatever the zone
    return f"""\
version: 1
lines:
  "+{IN_THE_NIGHT}": {{name: Сайт, language: ru}}
schedules:
  office: {{hours: "off"}}
  summer: {{hours: 24/7, exceptions: [{{from: {yesterday}, to: {tomorrow}, hours: off, note: Праздник}}]}}
queues: {{sales: {{timeout: 1s}}, primary-consult: }}
rules:
  - {{name: night, when: {{call.did: "+{IN_THE_NIGHT}"}}, unless_open: office, queue: sales, final: callback}}
  - {{name: holiday, when: {{call.did: "+{ON_A_HOLIDAY}"}}, unless_open: summer, queue: sales, final: callback}}
  - {{name: box, when: {{call.did: "+{TO_A_BOX}"}}, queue: sales, final: "voicemail:100"}}
  - {{name: no-box, when: {{call.did: "+{TO_NO_BOX}"}}, queue: sales, final: "voicemail:999@nowhere"}}
  - {{name: elsewhere, when: {{call.did: "+{ELSEWHERE}"}}, queue: sales, final: "goto:elsewhere/s/1"}}
  - {{name: nowhere, when: {{call.did: "+{NOWHERE}"}}, queue: sales, final: "goto:no-such-place/s/1"}}
default: {{queue: primary-consult}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all tests here: none of them harms it."""
    folder = tmp_path_factory.mktemp("finals") / "bridge"
    async with bridge_with_short_times(shared_asterisk, prepared, folder, rules_text=rules()) as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> AsyncIterator[Bridge]:
    """That bridge, asked by Asterisk, whose last resort is a queue of its own."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    await asterisk.lab.set_global("CTI_DEFAULT_QUEUE", LAST_RESORT)
    yield running
    await asterisk.lab.set_global("CTI_CALLBACK_SOUND", SHIPPED)


async def missed(bridge: Bridge) -> list[dict[str, Any]]:
    """The list of callers to ring back."""
    _, out, _ = await bridge.run("calls", "missed", "--json")
    return [json.loads(line) for line in out.splitlines()]


async def in_the_last_resort(asterisk: AsteriskInstance, channel: str) -> Message:
    """Wait until this caller is in the dialplan's default queue."""
    return await asterisk.lab.event("QueueCallerJoin", Uniqueid=channel, Queue=LAST_RESORT, within=30)


def finals(asterisk: AsteriskInstance, channel: str) -> list[str]:
    """What the dialplan told of this call's final."""
    return [event["Final"] for event in asterisk.lab.events("UserEvent", UserEvent="CtiFinal", Uniqueid=channel)]


async def ended(bridge: Bridge, caller: Arrival) -> CallRecord:
    return await journalled(bridge, caller.call_id, ended=True)


async def test_at_night_and_on_a_holiday_he_is_told_that_he_will_be_called_back_and_is_so_once(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    for did, rule, sound, least_s in (
        (IN_THE_NIGHT, "night", SHIPPED, 5.0),
        (ON_A_HOLIDAY, "holiday", SHORT, 0.0),
    ):
        await asterisk.lab.set_global("CTI_CALLBACK_SOUND", sound)
        async with calling(asterisk, MARIA, did=did) as caller:
            assert (caller.cti("RULE"), caller.cti("FINAL")) == (rule, "callback")
            outcome = await caller.phone.over(within=30)
        assert (outcome.ended_by, (outcome.talked or 0.0) > least_s) == ("other", True)
        assert finals(asterisk, caller.channel) == ["callback"]
        record = await ended(bridge, caller)
        assert (record.outcome, record.final) == ("missed", "callback")

    (item,) = [one for one in await missed(bridge) if one["caller"]["number"] == MARIA]
    assert (item["calls"], item["promised"]) == (2, True)
    assert [(one["outcome"], one["promised"]) for one in item["tries"]] == [("missed", True)] * 2

    before = asterisk.lab.mark()
    async with (
        Phones(asterisk, {OUTSIDE: Behaviour(answer_after=0.1, talk=0.5)}),
        Caller(asterisk, phone=PHONE_OF["op3"], did=f"8{MARIA[2:]}") as line,
    ):
        began = await asterisk.lab.event("Newchannel", since=before, CallerIDNum=PHONE_OF["op3"])
        await line.over()
    await journalled(bridge, call_id_for(asterisk.system_name, began["Linkedid"]), ended=True)
    assert MARIA not in [one["caller"]["number"] for one in await missed(bridge)], "he has been called back"


async def test_who_was_talked_to_and_sent_on_waits_for_his_promised_call_like_anybody_else(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    await asterisk.lab.set_global("CTI_CALLBACK_SOUND", SHORT)
    await asterisk.add_member("primary-consult", "PJSIP/101")
    answers = Phones(asterisk, {"101": Behaviour(answer_after=0.05)})
    async with answers, calling(asterisk, NINA, did=DID) as caller:
        await asterisk.lab.event("AgentConnect", Uniqueid=caller.channel)
        await asterisk.lab.action(
            "Redirect", Channel=caller.channel_name, Context="from-trunk", Exten=IN_THE_NIGHT, Priority=1
        )
        await caller.phone.over(within=30)
    record = await ended(bridge, caller)
    assert (record.outcome, record.final) == ("answered", "callback")
    (item,) = [one for one in await missed(bridge) if one["caller"]["number"] == NINA]
    assert (item["calls"], item["promised"]) == (1, True)


async def test_who_cannot_be_told_so_stays_in_a_queue_and_was_promised_nothing(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    await asterisk.lab.set_global("CTI_CALLBACK_SOUND", MISSING)
    async with calling(asterisk, PETER, did=IN_THE_NIGHT) as caller:
        await in_the_last_resort(asterisk, caller.channel)
        assert not caller.hung_up
        assert finals(asterisk, caller.channel) == ["callback", f"queue:{LAST_RESORT}"]
    record = await ended(bridge, caller)
    assert (record.outcome, record.final) == ("abandoned", "queue")
    (item,) = [one for one in await missed(bridge) if one["caller"]["number"] == PETER]
    assert (item["calls"], item["promised"]) == (1, False)


async def test_whose_number_is_hidden_is_not_promised_a_call(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    async with calling(asterisk, anonymous=True, did=IN_THE_NIGHT) as caller:
        assert (caller.cti("RULE"), caller.cti("FINAL")) == ("night", "queue:primary-consult")


async def test_a_message_in_the_box_ends_the_call_with_thanks(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    lab = asterisk.lab
    await lab.action("ModuleLoad", Module="app_senddtmf.so", LoadType="load")
    box = asterisk.workdir / "spool/voicemail/default/100"
    channel = await lab.originate("s@talker", f"from-trunk,{TO_A_BOX},1", number=VERA)
    born = await lab.event("Newchannel", Uniqueid=channel)

    async def press_hash() -> None:
        await lab.action("PlayDTMF", Channel=born["Channel"], Digit="#", Receive="true")

    await lab.event("Newexten", Uniqueid=channel, AppData="VoiceMail(100,u)", within=30)
    await lab.event("VarSet", Uniqueid=channel, Variable="VMSTATUS")
    await press_hash()  # no need to hear out what the box says
    await until(lambda: sum(file.stat().st_size for file in box.rglob("*.wav")) > 3 * BYTES_PER_SECOND, within=30)
    await press_hash()
    await lab.event("Hangup", Uniqueid=channel, within=30)

    assert lab.events("VarSet", Uniqueid=channel, Variable="VMSTATUS")[-1]["Value"] == "SUCCESS"
    assert lab.events("Newexten", Uniqueid=channel)[-1]["Application"] == "Hangup"
    assert (box / "INBOX/msg0000.txt").is_file()
    record = await journalled(bridge, call_id_for(asterisk.system_name, channel), ended=True)
    assert (record.outcome, record.final) == ("missed", "message")
    (item,) = [one for one in await missed(bridge) if one["caller"]["number"] == VERA]
    assert (item["calls"], item["promised"]) == (1, False)


async def test_a_box_or_a_place_that_is_not_there_costs_the_caller_nothing(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    for did, final in ((TO_NO_BOX, "voicemail:999@nowhere"), (NOWHERE, "goto:no-such-place/s/1")):
        async with calling(asterisk, PETER, did=did) as caller:
            await in_the_last_resort(asterisk, caller.channel)
            assert not caller.hung_up
            assert finals(asterisk, caller.channel) == [final, f"queue:{LAST_RESORT}"]
        record = await ended(bridge, caller)
        assert (record.outcome, record.final) == ("abandoned", "queue")


async def test_who_is_sent_on_into_the_admins_dialplan_has_overflowed(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with calling(asterisk, PETER, did=ELSEWHERE) as caller:
        await asterisk.lab.event("Newexten", Uniqueid=caller.channel, Context="elsewhere", within=30)
        assert finals(asterisk, caller.channel) == ["goto:elsewhere/s/1"]
    record = await ended(bridge, caller)
    assert (record.outcome, record.final) == ("overflowed", "elsewhere")
