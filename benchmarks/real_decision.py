"""The same decision seen by a real Asterisk: from its beginning `AGI(…)` to its going on in the dialplan.

Both times are Asterisk's own stamps: of the event about the application, and of that about the AGISTATUS it leaves.
"""

import asyncio
import json

from benchmarks import agi_client
from benchmarks.agi_client import DID
from benchmarks.customers import CUSTOMERS, number
from benchmarks.figures import Rounds, Row
from benchmarks.processes import helper
from benchmarks.real_place import real_place
from demo.asterisk import AsteriskInstance
from demo.bridge import AGI_PORT

ROUNDS, A_ROUND, WARM_UP = 10, 25, 25
CALLS_PER_S = 25.0
KINDS = 3
ROUND_S = 15.0
_PRIME = 104_729
DIALPLAN = f"""
[bench]
exten => caller,1,Answer()
 same => n,Wait(1)
exten => s,1,Gosub(cti-route,s,1({DID}))
 same => n,Hangup()
"""


async def rows() -> list[Row]:
    """Measure and return the row."""
    async with real_place(extensions=DIALPLAN) as (asterisk, bridge):
        answers = [await _commands(asterisk, kind) for kind in range(KINDS)]
        told = {"host": asterisk.address, "port": AGI_PORT + 1, "answers": answers}
        async with helper("benchmarks.bare_agi", json.dumps(told)):
            peer_url = f"agi://{asterisk.address}:{AGI_PORT + 1}/route"
            urls = [bridge.agi_url, peer_url]
            times: dict[str, list[tuple[float, ...]]] = {url: [] for url in urls}
            for url in urls:
                await _round(asterisk, url, range(WARM_UP))
            for turn in range(ROUNDS):
                for url in urls if turn % 2 else reversed(urls):
                    times[url].append(await _round(asterisk, url, range(turn * A_ROUND, (turn + 1) * A_ROUND)))
    ours, peer = Rounds(tuple(times[bridge.agi_url])), Rounds(tuple(times[peer_url]))
    return [
        Row(f"decision, {max(map(len, answers))} commands, in a real Asterisk, {CALLS_PER_S:.0f} a second: p50 / p99",
            ours.text(), f"bare asyncio server {peer.text()}", ours.ratio(peer, 50), "p50 ratio ≤ 1.5")
    ]  # fmt: skip


async def _commands(asterisk: AsteriskInstance, customer: int) -> list[str]:
    """The commands of the bridge about this customer."""
    asked = agi_client.question(asterisk.address, f"main-1.{customer}", number(customer))
    _, commands = await agi_client.ask((asterisk.address, AGI_PORT), asked)
    return [command.decode() for command in commands]


async def _round(asterisk: AsteriskInstance, url: str, which: range) -> tuple[float, ...]:
    """Let calls pass through `[cti-route]` with this server; milliseconds of each."""
    lab, since = asterisk.lab, asterisk.lab.mark()
    for conversation in which:
        caller = number(conversation * _PRIME % CUSTOMERS)
        await lab.originate("caller@bench", "bench,s,1", number=caller, variables={"CTI_AGI": url})
        await asyncio.sleep(1 / CALLS_PER_S)
    async with asyncio.timeout(ROUND_S):
        while len(ended := lab.events("VarSet", since=since, Variable="AGISTATUS")) < len(which):
            await asyncio.sleep(0.1)
    began = {event["Uniqueid"]: event for event in lab.events("Newexten", since=since, Application="AGI")}
    failed = [event["Value"] for event in ended if event["Value"] != "SUCCESS"]
    if failed:
        raise RuntimeError(f"AGI ended as {failed}")
    return tuple((float(event["Timestamp"]) - float(began[event["Uniqueid"]]["Timestamp"])) * 1000 for event in ended)
