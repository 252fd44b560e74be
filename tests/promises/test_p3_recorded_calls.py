"""P3, what was recorded of a call is told with it, once it is complete: of whose channel, in which file, how long."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.record import CallRecord
from cti_bridge.domain.ids import call_id_for
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.lab import LabError
from demo.sip import Behaviour, Caller, Phones
from promises.scene import DID, SALES, journalled, until
from promises.screens import bridge_with_short_times, incoming, talking_leg

QUICK = Behaviour(answer_after=0.2)
ALONE, EARLY = "74950000410", "74950000411"
"""Numbers at which one stays alone, and is recorded before the bridge is asked."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all tests here, and an Asterisk that can record."""
    with suppress(LabError):  # it has it already
        await shared_asterisk.lab.action("ModuleLoad", Module="app_mixmonitor.so", LoadType="load")
    for place in (f"{ALONE},1,Wait,60", f"{EARLY},1,MixMonitor,early.wav", f"{EARLY},2,Goto,from-trunk,{DID},1"):
        await shared_asterisk.lab.command(f"dialplan add extension {place} into from-trunk")
    folder = tmp_path_factory.mktemp("recorded") / "bridge"
    async with bridge_with_short_times(shared_asterisk, prepared, folder) as bridge:
        yield bridge
    for number in (ALONE, EARLY):
        await shared_asterisk.lab.command(f"dialplan remove extension {number}@from-trunk")


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk; one member in sales."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    await asterisk.add_member("sales", "PJSIP/103")
    return running


async def record(asterisk: AsteriskInstance, channel: str, file: str) -> None:
    """Begin to record on a channel, as a dialplan or a feature code does."""
    await asterisk.lab.action("MixMonitor", Channel=channel, File=file)


async def closed(bridge: Bridge, call_id: str, *, recordings: int) -> CallRecord:
    """The call in the journal, once it is closed with so many recordings."""
    file = JournalFile(bridge.data / "calls.sqlite")

    def look() -> CallRecord | None:
        call = file.call(call_id)
        return call if call is not None and call.closed and len(call.recordings) == recordings else None

    await journalled(bridge, call_id)
    return await until(look, within=30)


async def named(bridge: Bridge, call_id: str, file: str) -> None:
    """Until the journal has a recording of the call in this file."""
    journal = JournalFile(bridge.data / "calls.sqlite")

    def look() -> bool:
        call = journal.call(call_id)
        return call is not None and any((one.file or "").endswith(file) for one in call.recordings)

    await until(look)


def complete(asterisk: AsteriskInstance, file: str | None) -> bool:
    """Whether Asterisk has this recording on its disk, as a file that says how long it is."""
    assert file is not None
    content = (asterisk.workdir / "spool" / "monitor" / Path(file).name).read_bytes()
    return int.from_bytes(content[4:8], "little") == len(content) - 8


async def test_a_recorded_call_is_closed_with_its_end_and_its_file_is_complete(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with Phones(asterisk, {"103": QUICK}), incoming(asterisk, SALES) as caller:
        await record(asterisk, caller.channel_name, "Запись «Кухни» 1.wav")
        await caller.phone.answered()
        await caller.phone.hang_up()
        await caller.phone.over()
    call = await closed(bridge, caller.call_id, recordings=1)
    (recording,) = call.recordings
    assert recording.file == "/var/spool/asterisk/monitor/Запись «Кухни» 1.wav"
    assert (recording.leg, recording.ended_at) == ("", call.ended_at)
    assert call.ended_at is not None
    assert call.offered_at <= recording.started_at < call.ended_at
    assert complete(asterisk, recording.file)
    code, told, _ = await bridge.run("calls", "show", caller.call_id)
    assert code == 0
    assert "Запись «Кухни» 1.wav of the caller's channel" in told
    assert "closed       yes" in told


async def test_several_recordings_of_one_call_also_on_an_operators_phone_and_stopped(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with Phones(asterisk, {"103": QUICK}), incoming(asterisk, SALES) as caller:
        await caller.phone.answered()
        leg = await talking_leg(asterisk, caller, "103")
        await record(asterisk, caller.channel_name, "first.wav")
        await named(bridge, caller.call_id, "first.wav")  # the next one on this channel takes over its variable
        await asterisk.lab.action("StopMixMonitor", Channel=caller.channel_name)
        await record(asterisk, leg, "operator.wav")
        await asterisk.lab.event("MixMonitorStart", Channel=leg)
        await record(asterisk, caller.channel_name, "second.wav")
        await named(bridge, caller.call_id, "second.wav")  # a channel that is gone cannot be asked for it
        await caller.phone.hang_up()
        await caller.phone.over()
    call = await closed(bridge, caller.call_id, recordings=3)
    assert call.ended_at is not None
    first, _, second = call.recordings
    (talk,) = [one for one in call.legs if one.interface == "PJSIP/103"]
    assert [Path(one.file or "").name for one in call.recordings] == ["first.wav", "operator.wav", "second.wav"]
    assert [one.leg for one in call.recordings] == ["", talk.leg, ""]
    assert first.ended_at is not None and first.ended_at < call.ended_at
    assert second.ended_at == call.ended_at


async def test_an_operator_who_talks_on_and_is_recorded_keeps_the_call_open(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    """His channel is sent elsewhere, and the caller is left alone and gives up: what it records goes on."""
    async with Phones(asterisk, {"103": QUICK}), incoming(asterisk, SALES) as caller:
        await caller.phone.answered()
        leg = await talking_leg(asterisk, caller, "103")
        await record(asterisk, leg, "going-on.wav")
        await asterisk.lab.event("MixMonitorStart", Channel=leg)
        await asterisk.lab.action("Redirect", Channel=leg, Context="from-trunk", Exten=ALONE, Priority=1)
        await caller.phone.over()
        call = await journalled(bridge, caller.call_id, ended=True)
        assert not call.closed
        assert call.recordings[0].ended_at is None
        await asterisk.lab.action("Hangup", Channel=leg)
    call = await closed(bridge, caller.call_id, recordings=1)
    assert call.ended_at is not None
    assert (call.recordings[0].ended_at or 0) > call.ended_at


async def test_a_recording_that_began_before_the_bridge_was_asked_belongs_to_the_call(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    start = asterisk.lab.mark()
    async with Caller(asterisk, SALES, did=EARLY) as caller:
        joined = await asterisk.lab.event("QueueCallerJoin", since=start)
        await caller.hang_up()
        await caller.over()
    call = await closed(bridge, call_id_for(asterisk.system_name, joined["Linkedid"]), recordings=1)
    assert Path(call.recordings[0].file or "").name == "early.wav"
    assert call.recordings[0].started_at <= call.offered_at
