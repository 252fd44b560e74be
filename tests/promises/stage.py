"""The stage of an ordeal: an Asterisk that keeps CDR, a bridge that reports, and faults at seeded moments."""

import asyncio
import random
import time
from dataclasses import dataclass
from pathlib import Path

from receiver import SECRET, HttpReceiver

from benchmarks.desk_room import add_operators
from demo.asterisk import REPOSITORY, AsteriskInstance
from demo.bridge import Bridge
from promises import load
from promises.cable import Cable
from promises.judge import Away
from promises.moody import PATIENCE_S
from promises.screens import free_port
from promises.witnesses import CDR_LINE

DID = "74950000390"
QUEUES = ("sales", "production", "primary-consult")
RING_S = 2
"""How long a phone rings before the next one does."""
START_S = 60.0
DIALPLAN = f"""\
[from-trunk](+)
exten => {DID},1,Set(CDR(userfield)=${{CHANNEL(pjsip,call-id)}})
 same => n,Gosub(cti-route,s,1(${{EXTEN}}))
 same => n,Set(CHANNEL(accountcode)=${{CTI_DECISION}})
 same => n,Goto(cti-queue,s,1)

[phones](+)
exten => {load.TO_A_QUEUE},1,Queue(primary-consult)
"""
CDR = "[general]\nenable = yes\nunanswered = yes\n"
CDR_MODULES = "load = func_cdr.so\nload = cdr_custom.so\n"


@dataclass(frozen=True, slots=True)
class Ordeal:
    """How much of what: calls a second, for so long, and faults in that time; the seed repeats the faults."""

    rate: float
    seconds: float
    kills: int
    cuts: int
    down_s: float
    seed: int = 1
    drain_s: float = 600.0
    """How long the outbox may take to become empty afterwards."""
    cel: bool = True
    """Whether the bridge can read CEL; else queue_log alone, by which some times are only known to the second."""

    @property
    def phones(self) -> int:
        """Enough for the load: a call keeps one for three seconds at most, and some are nobody's."""
        return round(self.rate * 6)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: seconds from the beginning of the load, and how long it lasts."""

    at: float
    lasts: float


def spread(chance: random.Random, count: int, seconds: float, *, lasts: tuple[float, float]) -> list[Fault]:
    """So many faults, each at some moment of its own part of the time."""
    part = seconds * 0.95 / max(count, 1)
    return [Fault((place + chance.random()) * part, chance.uniform(*lasts)) for place in range(count)]


class Stage:
    """Everything that takes part, while it runs."""

    def __init__(self, ordeal: Ordeal, asterisk: AsteriskInstance, bridge: Bridge, cable: Cable) -> None:
        self.ordeal, self.asterisk, self.bridge, self.cable = ordeal, asterisk, bridge, cable
        self.away: list[Away] = []
        self.kills: list[float] = []

    async def kill(self, fault: Fault) -> None:
        """The bridge is killed, and started again a moment later."""
        since = time.time()
        self.kills.append(since)
        await self.bridge.kill()
        await asyncio.sleep(fault.lasts)
        await self.bridge.start(within=START_S)
        self.away.append(Away(since, time.time() + 1))

    async def cut(self, fault: Fault) -> None:
        """The line to AMI is away for a moment."""
        since = time.time()
        await self.cable.cut()
        await asyncio.sleep(fault.lasts)
        await self.cable.mend()
        async with asyncio.timeout(START_S):
            while (await self.bridge.sources()).get("asterisk", {}).get("state") != "up":
                await asyncio.sleep(0.05)
        self.away.append(Away(since, time.time() + 1))

    async def faults(self, receiver: HttpReceiver) -> None:
        """All of them, at their moments."""
        chance, seconds = random.Random(self.ordeal.seed), self.ordeal.seconds
        kills = spread(chance, self.ordeal.kills, seconds, lasts=(0.0, 2.0))
        kills = [Fault(chance.uniform(0.1, 1.0), kill.lasts) if kill is kills[0] else kill for kill in kills]
        cuts = spread(chance, self.ordeal.cuts, seconds, lasts=(0.5, 4.0))
        began = time.monotonic()

        async def until(at: float) -> None:
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))

        async def killing() -> None:
            for fault in kills:
                await until(fault.at)
                await self.kill(fault)

        async def cutting() -> None:
            for fault in cuts:
                await until(fault.at)
                await self.cut(fault)

        async def being_down() -> None:
            await until(seconds * 0.3)
            await receiver.stop()
            await asyncio.sleep(self.ordeal.down_s)
            await receiver.start()

        async with asyncio.TaskGroup() as group:
            for task in (killing(), cutting(), being_down()):
                group.create_task(task)


def asterisk_of(ordeal: Ordeal, root: Path, folder: Path) -> AsteriskInstance:
    """An Asterisk with phones enough and CDR, not started."""
    queues = (REPOSITORY / "docker/asterisk/etc/queues.conf").read_text("utf-8")
    more = {
        "cdr.conf": CDR,
        "cdr_custom.conf": f"[mappings]\n/var/log/asterisk/cdr.csv => {CDR_LINE}\n",
        "modules.d/cdr.conf": CDR_MODULES,
        "queues.conf": queues.replace("timeout = 15 ", f"timeout = {RING_S} "),
        "pjsip.d/phones.conf": load.endpoints(ordeal.phones),
    }
    return AsteriskInstance(root, folder / "asterisk", extensions=DIALPLAN, more=more)


async def installed(ordeal: Ordeal, asterisk: AsteriskInstance, folder: Path, url: str, ami_port: int) -> Bridge:
    """A bridge with customers and operators that reports to this address, not started."""
    folder.mkdir()
    bridge = Bridge(folder, asterisk, page_port=free_port())
    settings = bridge.read_settings()
    settings["pbxes"][0]["ami"] |= {"host": "127.0.0.1", "port": ami_port}
    if not ordeal.cel:
        del settings["pbxes"][0]["records"]["cel"]
    (folder / "webhook.secret").write_text(SECRET)
    webhook = {"name": "judge", "url": url, "secret_file": "webhook.secret", "timeout": f"{PATIENCE_S:g}s"}
    settings["reports"] = {"webhooks": [webhook]}
    bridge.write_settings(settings)
    await add_operators(bridge.data, [f"PJSIP/{name}" for name in load.phone_names(ordeal.phones)])
    (folder / "customers.csv").write_text(_customers(ordeal), "utf-8")
    code, _, complaint = await bridge.run("crm", "import", str(folder / "customers.csv"))
    assert code == 0, complaint
    return bridge


def _customers(ordeal: Ordeal) -> str:
    """A third of the callers are for sales, a third for production; for some, op0 is rung without a queue.

    What happens outside of queues is not in queue_log.
    """
    rows = ["customer_id,name,number,segment,responsible,deal_id,stage,amount"]
    for place in range(load.NUMBERS):
        if place % 3 < 2:
            stage = "offer_sent" if place % 3 else "paid"
            segment = "vip" if place % 30 == 1 and ordeal.cel else ""
            rows.append(
                f"c{place},Ярослав Ёлшин {place},+{load.FIRST_NUMBER + place},{segment},op0,d{place},{stage},1000"
            )
    return "\n".join([*rows, ""])
