"""P3 and P5: what the bridge could not hear it reads in Asterisk's own records, and tells as if it had.

The judge is what the caller's phone saw.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.record import CallRecord
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Behaviour, Caller, Phones
from promises.cable import Cable
from promises.scene import DID, OPERATORS, PRODUCTION, SALES, UNKNOWN, AtDesk, journalled, source_is, until
from promises.screens import (
    bridge_with_short_times,
    incoming,
    is_empty,
    journalled_answer,
    no_live_calls,
    pick_up,
    shows,
    told,
)

pytestmark = pytest.mark.promise

RINGS = Behaviour(answer_after=None)
TALK_S = 1.5
NEARLY_S = 0.5
"""How far a time may be from the truth that a phone saw: its own clock stops when the machine lets it."""
NOWHERE = {"reports": {"webhooks": [{"name": "crm", "url": "http://127.0.0.1:1/", "secret_file": "crm.secret"}]}}
"""Reports that nobody takes stay in the outbox."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cable(shared_asterisk: AsteriskInstance) -> AsyncIterator[Cable]:
    async with Cable.to(shared_asterisk.address, shared_asterisk.ami_port) as cable:
        yield cable


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, prepared: Path, tmp_path: Path, cable: Cable) -> AsyncIterator[Bridge]:
    folder = tmp_path / "bridge"
    folder.mkdir()
    (folder / "crm.secret").write_text("whsec_MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw")
    async with bridge_with_short_times(asterisk, prepared, folder, ami_port=cable.port, more=NOWHERE) as bridge:
        await asterisk.lab.set_global("CTI_AGI", bridge.agi_url)
        yield bridge


def talked_s(record: CallRecord) -> float:
    assert record.ended_at is not None and record.answered_at is not None
    return record.ended_at - record.answered_at


def reported(bridge: Bridge, call_id: str) -> list[str]:
    """What the outbox has for the receiver about this call, in order."""
    with sqlite3.connect(f"file:{bridge.data}/calls.sqlite?mode=ro", uri=True) as database:
        query = "SELECT type FROM outbox WHERE call_id = ? AND sink = 'crm' ORDER BY seq"
        return [kind for (kind,) in database.execute(query, [call_id])]


def at_a_customer(bridge: Bridge, call_id: str) -> bool:
    """Whether the embedded CRM has the call in the list of one of its customers."""
    with sqlite3.connect(f"file:{bridge.data}/crm.sqlite?mode=ro", uri=True) as customers:
        return bool(customers.execute("SELECT 1 FROM calls WHERE key = ?", [call_id]).fetchall())


async def test_a_caller_who_is_answered_talks_and_hangs_up_while_the_line_is_cut_was_answered(
    asterisk: AsteriskInstance, bridge: Bridge, cable: Cable, at_desk: AtDesk
) -> None:
    await asterisk.add_member("sales", "PJSIP/103")
    desk = await at_desk("op3")
    async with Phones(asterisk, {"103": RINGS}) as phones:
        async with incoming(asterisk, SALES) as caller:
            await shows(desk, caller.call_id, my_role="ringing")
            await cable.cut()
            await source_is(bridge, "asterisk", "down")
            await pick_up(phones["103"])
            connected = await asterisk.lab.event("BridgeEnter", Uniqueid=caller.channel)
            await asyncio.sleep(TALK_S)
        saw = await caller.phone.over()
        await cable.mend()
        record = await journalled(bridge, caller.call_id, ended=True, within=30)
    assert (record.outcome, record.operator, record.recovered) == ("answered", "op3", True)
    assert record.answered_at == pytest.approx(float(connected["Timestamp"]), abs=NEARLY_S)
    assert saw.talked is not None
    assert talked_s(record) == pytest.approx(saw.talked, abs=NEARLY_S)
    (leg,) = record.legs
    assert leg.why == "ended"
    assert leg.talked_s == pytest.approx(saw.talked, abs=NEARLY_S)
    await is_empty(desk)
    assert told(desk, caller.call_id) == ["call.ringing", "call.ended"], "and not what came in between"
    await until(lambda: len(reported(bridge, caller.call_id)) == 4)
    assert reported(bridge, caller.call_id) == ["call.started", "call.answered", "call.ended", "call.updated"]


async def test_queue_log_alone_knows_who_answered_and_how_long_to_the_second(
    asterisk: AsteriskInstance, installed: Bridge, cable: Cable
) -> None:
    settings = installed.read_settings()
    settings["pbxes"][0]["ami"] |= {"host": "127.0.0.1", "port": cable.port}
    del settings["pbxes"][0]["records"]["cel"]
    installed.write_settings(settings)
    await installed.start()
    await asterisk.add_member("sales", "PJSIP/103", name=OPERATORS["op3"])
    async with Phones(asterisk, {"103": RINGS}) as phones:
        async with incoming(asterisk, SALES) as caller:
            await phones["103"].rings()
            await journalled(installed, caller.call_id)
            await cable.cut()
            await source_is(installed, "asterisk", "down")
            await pick_up(phones["103"])
            await asterisk.lab.event("BridgeEnter", Uniqueid=caller.channel)
            await asyncio.sleep(TALK_S)
        saw = await caller.phone.over()
        await cable.mend()
        record = await journalled(installed, caller.call_id, ended=True, within=30)
    assert (record.outcome, record.operator, record.recovered) == ("answered", "op3", True)
    assert saw.talked is not None
    assert talked_s(record) == pytest.approx(saw.talked, abs=1.0 + NEARLY_S)


async def test_calls_that_come_and_go_while_the_bridge_is_dead_are_known_and_reported_once(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    await asterisk.add_member("sales", "PJSIP/103")
    await asterisk.lab.set_global("CTI_DEFAULT_QUEUE", "sales")
    async with Phones(asterisk, {"103": Behaviour(answer_after=1.0)}):
        async with incoming(asterisk, SALES) as before:
            await journalled_answer(bridge, before.call_id)
        await journalled(bridge, before.call_id, ended=True)
        await bridge.kill()
        started = time.time()
        async with Caller(asterisk, UNKNOWN, did=DID, name="Неждана", talk=TALK_S) as answered:
            saw = await answered.over()
    async with Phones(asterisk, {"103": RINGS}) as phones, Caller(asterisk, PRODUCTION, did=DID) as gives_up:
        await phones["103"].rings()
        await gives_up.hang_up()
        await gives_up.over()
    await bridge.start()

    def known() -> list[CallRecord] | None:
        calls = JournalFile(bridge.data / "calls.sqlite").calls(limit=10)
        found = [call for call in calls if call.offered_at > started and call.ended_at]
        return found if len(found) == 2 else None

    left, talked = await until(known, within=30)
    assert (talked.outcome, talked.operator, talked.recovered, talked.decided_by) == (
        "answered", "op3", True, "fallback",
    )  # fmt: skip
    assert (left.outcome, left.operator, left.recovered, left.rang) == ("abandoned", None, True, ("op3",))
    assert (talked.caller, talked.caller_name, left.caller) == (UNKNOWN, "Неждана", PRODUCTION)
    assert saw.talked is not None
    assert talked_s(talked) == pytest.approx(saw.talked, abs=NEARLY_S)
    await until(lambda: reported(bridge, left.id))
    assert reported(bridge, talked.id) == ["call.started", "call.answered", "call.ended", "call.updated"]
    assert reported(bridge, left.id) == ["call.started", "call.ended", "call.updated"]
    await until(lambda: at_a_customer(bridge, left.id), within=30)
    assert not at_a_customer(bridge, talked.id), "nobody has this number"

    await bridge.kill()
    await bridge.start()  # and the same records are read again
    await no_live_calls(bridge)
    assert len(JournalFile(bridge.data / "calls.sqlite").calls(limit=10)) == 3
    assert len(reported(bridge, talked.id)) == 4
    assert len(reported(bridge, left.id)) == 3


async def test_a_talk_in_which_asterisk_dies_ended_when_it_died(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    await asterisk.add_member("sales", "PJSIP/103")
    async with Phones(asterisk, {"103": Behaviour(answer_after=0.3)}), incoming(asterisk, SALES) as caller:
        await journalled_answer(bridge, caller.call_id)
        await asterisk.kill()
        died_at = time.time()
        await asterisk.start()
        record = await journalled(bridge, caller.call_id, ended=True, within=30)
    assert (record.outcome, record.recovered) == ("answered", True)
    assert record.ended_at == pytest.approx(died_at, abs=0.5)
    await until(lambda: len(reported(bridge, caller.call_id)) == 4)
