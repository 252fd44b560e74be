"""The Asterisk of the demo and the tests: isolated, quick, with the rights that the bridge has."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from asterisk.stand_in import bridge, deciding
from demo.asterisk import REPOSITORY, AsteriskInstance
from demo.lab import Lab, LabError
from demo.sip import Behaviour, Caller, Phones

NewAsterisk = Callable[..., Awaitable[AsteriskInstance]]


def can_bind(address: str, port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


async def test_it_starts_without_a_word_of_complaint(new_asterisk: NewAsterisk) -> None:
    asterisk = await new_asterisk()
    assert " WARNING[" not in asterisk.log
    assert " ERROR[" not in asterisk.log
    assert "0 loaded" not in await asterisk.lab.command("module show like chan_pjsip")


async def test_two_run_side_by_side_and_know_nothing_of_each_other(
    new_asterisk: NewAsterisk,
) -> None:
    east, west = await asyncio.gather(new_asterisk(system_name="east"), new_asterisk(system_name="west"))
    assert east.address != west.address
    await east.add_member("sales", "PJSIP/101")
    async with Phones(east, {"101": Behaviour(answer_after=None)}) as phones:
        start = east.lab.mark(), west.lab.mark()
        async with Caller(east):
            join = await east.lab.event("QueueCallerJoin", since=start[0])
            assert join["Uniqueid"].startswith("east-")
            assert not west.lab.events("Newchannel", since=start[1])
        assert phones["101"].calls == 0


async def test_members_survive_a_restart_with_their_pause(new_asterisk: NewAsterisk) -> None:
    asterisk = await new_asterisk()
    await asterisk.add_member("sales", "PJSIP/101", name="Мария", penalty=2)
    await asterisk.lab.action("QueuePause", Interface="PJSIP/101", Paused="true", Reason="обед")
    for end in (asterisk.stop, asterisk.kill):
        await end()
        await asterisk.start()
        await asterisk.lab.action("QueueStatus", Queue="sales")
        member = await asterisk.lab.event("QueueMember", Queue="sales")
        assert (member["Name"], member["Penalty"]) == ("Мария", "2")
        assert (member["Paused"], member["PausedReason"]) == ("1", "обед")


async def test_nothing_is_left_when_its_parent_is_killed(asterisk_root: Path, tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from demo.asterisk import AsteriskInstance\n"
        "from demo.sip import Phones\n"
        "async def main():\n"
        "    asterisk = AsteriskInstance(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "    async with asterisk, Phones(asterisk):\n"
        "        print(asterisk.address, asterisk.phone_address, flush=True)\n"
        "        await asyncio.sleep(3600)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(asterisk_root), str(tmp_path / "instance"),
        cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert parent.stdout is not None
    async with asyncio.timeout(20):
        address, phones = (await parent.stdout.readline()).decode().split()
    assert not can_bind(address, 5060, socket.SOCK_DGRAM)
    assert not can_bind(phones, 5106, socket.SOCK_DGRAM)
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    async with asyncio.timeout(30):
        while not (
            can_bind(address, 5060, socket.SOCK_DGRAM)
            and can_bind(address, 5038, socket.SOCK_STREAM)
            and all(can_bind(phones, 5100 + n, socket.SOCK_DGRAM) for n in range(1, 7))
        ):
            await asyncio.sleep(0.01)
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert str(asterisk_root) not in Path("/proc/self/mountinfo").read_text()


async def test_the_bridges_user_sees_a_whole_call_and_nothing_it_does_not_need(
    asterisk: AsteriskInstance,
) -> None:
    await asterisk.add_member("sales", "PJSIP/101", name="Мария")
    to_sales = {"CTI_CALL_ID": "main-1", "CTI_DECISION": "matched", "CTI_STEPS": "2"}
    steps = {"CTI_STEP_1_QUEUE": "gone", "CTI_STEP_2_QUEUE": "sales"}
    async with (
        bridge(deciding(to_sales | steps)) as stand_in,
        Lab(asterisk.address, asterisk.ami_port, asterisk.ami_username, asterisk.ami_secret) as ours,
        Phones(asterisk, {"101": Behaviour(answer_after=0.1, talk=0.1)}),
    ):
        await asterisk.lab.set_global("CTI_AGI", stand_in.url)
        async with Caller(asterisk) as caller:
            await caller.over()
        await ours.event("AgentComplete")
        caller_channel = (await ours.event("QueueCallerJoin"))["Uniqueid"]
        await ours.event("Hangup", Uniqueid=caller_channel)
        seen = {event["Event"] for event in ours.events()}
        assert all("Timestamp" in event for event in ours.events() if event["Event"] != "FullyBooted")
    needed = {
        "FullyBooted", "Newchannel", "UserEvent", "QueueCallerJoin", "QueueCallerLeave",
        "AgentCalled", "AgentConnect", "AgentComplete", "DialBegin", "DialEnd", "BridgeEnter",
        "BridgeLeave", "Hangup",
    }  # fmt: skip
    assert seen == needed


@pytest.mark.parametrize("action", ["Command", "ModuleLoad", "DBPut", "Filter", "UpdateConfig", "DialplanExtensionAdd"])
async def test_the_bridges_user_may_not_do_what_would_be_code_execution(
    asterisk: AsteriskInstance, action: str
) -> None:
    async with Lab(asterisk.address, asterisk.ami_port, asterisk.ami_username, asterisk.ami_secret) as ours:
        with pytest.raises(LabError, match=r"(?i)permission denied"):
            await ours.action(action)
