"""Records the stories in `stories/` from a real Asterisk: `python tests/calls/record_stories.py [NAME …]`.

Each is what the bridge's own AMI user hears, event filter included, while SIPp's callers and phones play the story.
Phone 101 belongs to olga, 102 to timur, 103 to zoya, as in the tests that replay them.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from demo.asterisk import AsteriskInstance, build_root  # noqa: E402 - found only by the line before
from demo.lab import Lab, Message  # noqa: E402
from demo.sip import Behaviour, Caller, Phone, Phones  # noqa: E402

STORIES = Path(__file__).parent / "stories"
NUMBER, DID, OUTSIDE = "+74950000150", "74950000149", "74950000277"
RINGS = Behaviour(answer_after=None)

EXTENSIONS = """\
[from-trunk](+)
exten => 900,1,Queue(sales,t)
[phones](+)
exten => 600,1,Queue(production)
exten => 700,1,ParkedCall(default,701)
exten => 800,1,Pickup(101@phones)
exten => 810,1,PickupChan(PJSIP/101)
[agents]
exten => _1XX,1,Dial(PJSIP/${EXTEN},60)
"""
MORE = {
    "modules.d/stories.conf": "".join(
        f"load = {module}.so\n"
        for module in (
            "bridge_holding",
            "res_parking",
            "app_directed_pickup",
            "app_senddtmf",
            "format_gsm",
            "codec_gsm",
        )
    ),
    "features.conf": "[general]\ntransferdigittimeout = 3\natxferabort = *1\n[featuremap]\natxfer => *2\n",
    # Phone 104 plays somebody outside, reached through the trunk.
    "extensions.d/outside.conf": (
        f"[phones](+)\nexten => {OUTSIDE},1,Dial(PJSIP/trunk/sip:{OUTSIDE}@@PHONE_ADDRESS@:5104)\n"
    ),
    "res_parking.conf": (
        "[general]\n[default]\nparkext = 700\nparkpos = 701-720\ncontext = parkedcalls\nparkingtime = 45\n"
    ),
}


class Stage:
    """Where a story is played: an Asterisk with phone 101 in `sales`, and the ear of the bridge."""

    def __init__(self, asterisk: AsteriskInstance, ear: Lab, phones: Phones) -> None:
        self.asterisk, self.ear, self.phones = asterisk, ear, phones

    @asynccontextmanager
    async def talk(self, *, member: str = "PJSIP/101", did: str = DID) -> AsyncIterator[tuple[Caller, Phone, Message]]:
        """A caller talks with phone 101: caller, phone, and the AgentConnect."""
        await self.asterisk.add_member("sales", member)
        await self.asterisk.add_member("production", "PJSIP/103")
        async with Caller(self.asterisk, NUMBER, did=did) as caller:
            phone = self.phones["101"]
            await phone.rings()
            await phone.answer()
            await caller.answered()
            connected = await self.ear.event("AgentConnect")
            await self.ear.event("BridgeEnter", Uniqueid=connected["Uniqueid"])
            await asyncio.sleep(0.5)
            yield caller, phone, connected

    async def bridged(self, extension: str) -> None:
        """Wait until a channel of this phone has been in a bridge with somebody."""
        async with asyncio.timeout(5):
            while not any(
                event["Channel"].startswith(f"PJSIP/{extension}-") for event in self.ear.events("BridgeEnter")
            ):
                await asyncio.sleep(0.02)


async def blind_to_operator(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.transfer("102")
        await stage.phones["102"].rings()
        await stage.phones["102"].answer()
        await stage.bridged("102")
        await asyncio.sleep(0.5)
        await caller.hang_up()
        await caller.over()


async def blind_to_queue(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.transfer("600")
        await stage.phones["103"].rings()
        await stage.phones["103"].answer()
        await stage.bridged("103")
        await asyncio.sleep(0.5)
        await caller.hang_up()
        await caller.over()


async def blind_outside(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.transfer(OUTSIDE)
        await stage.phones["104"].rings()
        await stage.phones["104"].answer()
        await stage.bridged("trunk")
        await asyncio.sleep(0.5)
        await caller.hang_up()
        await caller.over()


async def attended(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.hold()
        async with Caller(stage.asterisk, phone="101", did="102") as second:
            await stage.phones["102"].rings()
            await stage.phones["102"].answer()
            await second.answered()
            await stage.bridged("102")
            await asyncio.sleep(0.5)
            await phone.transfer("102", instead_of=second.dialog)
            await stage.ear.event("AttendedTransfer")
            await asyncio.sleep(0.5)
            await caller.hang_up()
            await caller.over()


async def consultation_taken_back(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.hold()
        async with Caller(stage.asterisk, phone="101", did="102") as second:
            await stage.phones["102"].rings()
            await stage.phones["102"].answer()
            await second.answered()
            await stage.bridged("102")
            await asyncio.sleep(0.3)
            await second.hang_up()
            await second.over()
        await phone.hold(on=False)
        await asyncio.sleep(0.5)
        await caller.hang_up()
        await caller.over()


async def caller_gone_in_consultation(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.hold()
        async with Caller(stage.asterisk, phone="101", did="102") as second:
            await stage.phones["102"].rings()
            await stage.phones["102"].answer()
            await second.answered()
            await stage.bridged("102")
            await asyncio.sleep(0.3)
            await caller.hang_up()
            await caller.over()
            await asyncio.sleep(0.3)


async def dialled(stage: Stage, leg: str, digits: str) -> None:
    """Let Asterisk hear digits from this leg, as if its phone had been dialled on."""
    for digit in digits:
        await stage.asterisk.lab.action("PlayDTMF", Channel=leg, Digit=digit, Duration=100, Receive="true")
        await asyncio.sleep(0.2)


async def feature_attended(stage: Stage) -> None:
    async with stage.talk(did="900") as (caller, phone, connected):
        await dialled(stage, connected["DestChannel"], "*2")
        await asyncio.sleep(0.6)
        await dialled(stage, connected["DestChannel"], "102")
        await stage.phones["102"].rings()
        await stage.phones["102"].answer()
        await stage.bridged("102")
        await asyncio.sleep(0.5)
        await phone.hang_up()
        await stage.ear.event("AttendedTransfer")
        await asyncio.sleep(0.8)
        await caller.hang_up()
        await caller.over()


async def feature_cancelled(stage: Stage) -> None:
    async with stage.talk(did="900") as (caller, _, connected):
        await dialled(stage, connected["DestChannel"], "*2")
        await asyncio.sleep(0.6)
        await dialled(stage, connected["DestChannel"], "102")
        await stage.phones["102"].rings()
        await stage.phones["102"].answer()
        await stage.bridged("102")
        await asyncio.sleep(0.5)
        await dialled(stage, connected["DestChannel"], "*1")
        await stage.ear.event("Unhold")
        await asyncio.sleep(0.5)
        await caller.hang_up()
        await caller.over()


async def hold(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.hold()
        await asyncio.sleep(0.5)
        await phone.hold(on=False)
        await asyncio.sleep(0.3)
        await caller.hang_up()
        await caller.over()


async def parked_and_taken(stage: Stage) -> None:
    async with stage.talk() as (caller, _, connected):
        await stage.asterisk.lab.action(
            "Park", Channel=connected["Channel"], TimeoutChannel=connected["DestChannel"], Timeout=30000
        )
        await stage.ear.event("ParkedCall")
        await asyncio.sleep(0.5)
        async with Caller(stage.asterisk, phone="103", did="700"):
            await stage.ear.event("UnParkedCall")
            await stage.bridged("103")
            await asyncio.sleep(0.5)
            await caller.hang_up()
            await caller.over()


async def picked_up(stage: Stage) -> None:
    await stage.asterisk.add_member("sales", "PJSIP/101")
    async with Caller(stage.asterisk, NUMBER, did=DID) as caller:
        await stage.phones["101"].rings()
        async with Caller(stage.asterisk, phone="103", did="810"):
            await caller.answered()
            await stage.bridged("103")
            await asyncio.sleep(0.5)
            await caller.hang_up()
            await caller.over()


async def local_member(stage: Stage) -> None:
    async with stage.talk(member="Local/101@agents/n") as (caller, _, _):
        await caller.hang_up()
        await caller.over()


async def waiting_caller_redirected(stage: Stage) -> None:
    await stage.asterisk.add_member("sales", "PJSIP/101")
    async with Caller(stage.asterisk, NUMBER, did=DID) as caller:
        await stage.phones["101"].rings()
        joined = await stage.ear.event("QueueCallerJoin")
        await stage.asterisk.lab.action(
            "Redirect", Channel=joined["Channel"], Context="phones", Exten="102", Priority=1
        )
        await stage.phones["102"].rings()
        await stage.phones["102"].answer()
        await stage.bridged("102")
        await asyncio.sleep(0.3)
        await caller.hang_up()
        await caller.over()


async def talk_redirected(stage: Stage) -> None:
    async with stage.talk() as (caller, _, connected):
        await stage.asterisk.lab.action(
            "Redirect", Channel=connected["Channel"], Context="phones", Exten="102", Priority=1
        )
        await stage.phones["102"].rings()
        await stage.phones["102"].answer()
        await stage.bridged("102")
        await asyncio.sleep(0.3)
        await caller.hang_up()
        await caller.over()


PLAYED: dict[str, Callable[[Stage], Awaitable[None]]] = {
    story.__name__: story
    for story in (
        blind_to_operator,
        blind_to_queue,
        blind_outside,
        attended,
        feature_attended,
        feature_cancelled,
        consultation_taken_back,
        caller_gone_in_consultation,
        hold,
        parked_and_taken,
        picked_up,
        local_member,
        waiting_caller_redirected,
        talk_redirected,
    )
}


async def record(asterisk: AsteriskInstance, name: str) -> None:
    """Play one story and write down what was heard."""
    async with (
        Lab(asterisk.address, asterisk.ami_port, asterisk.ami_username, asterisk.ami_secret) as ear,
        Phones(asterisk, dict.fromkeys(("101", "102", "103", "104"), RINGS)) as phones,
    ):
        began = ear.mark()
        await PLAYED[name](Stage(asterisk, ear, phones))
        await asyncio.sleep(0.3)
        heard = ear.events(since=began)
    text = "\n".join("".join(f"{key}: {value}\n" for key, value in event.items()) for event in heard)
    (STORIES / f"{name}.ami").write_text(text, "utf-8")
    print(f"{name}: {len(heard)} events")


async def main(names: list[str]) -> None:
    root = await build_root(Path(os.environ.get("CTI_CACHE", REPOSITORY / ".cache")))
    with tempfile.TemporaryDirectory(prefix="stories-") as folder:
        async with AsteriskInstance(root, Path(folder) / "pbx", extensions=EXTENSIONS, more=MORE) as asterisk:
            await asterisk.lab.set_global("CTI_DEFAULT_QUEUE", "sales")
            for name in names or PLAYED:
                try:
                    await record(asterisk, name)
                finally:
                    await asterisk.hang_up_all()
                    await asterisk.remove_all_members()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
