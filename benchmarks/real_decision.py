"""The same decision seen by a real Asterisk: from its beginning to ask to its going on in the dialplan.

Both times are Asterisk's own stamps. Beside the bridge: a bare server and panoramisk's Application with the same
commands, and `func_odbc` that does the look-up alone.
"""

import asyncio
import json
import sqlite3
import statistics
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks import agi_client, odbc
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
exten => agi,1,Gosub(cti-route,s,1({DID}))
 same => n,Hangup()
exten => odbc,1,Verbose(3,asking)
 same => n,Set(BENCH_ROW=${{ODBC_CUSTOMER(${{CALLERID(num)}})}})
 same => n,Hangup()
"""


@dataclass(frozen=True, slots=True)
class Rival:
    """Somebody who is asked about a caller, and by which events of Asterisk it shows when and with what answer."""

    name: str
    extension: str
    begins: str
    """The application with which the asking begins."""
    ends: str
    """The variable that is set when the answer is there."""
    url: str = ""

    def answered(self, value: str) -> bool:
        """Whether the value of that variable means that all went well."""
        return value == "SUCCESS" if self.ends == "AGISTATUS" else bool(value)


async def rows() -> list[Row]:
    """Measure and return the rows."""
    async with real_place(extensions=DIALPLAN, more=odbc.CONFIGURATION, prepare=odbc.put_there) as (asterisk, bridge):
        answers = [await _commands(asterisk, kind) for kind in range(KINDS)]
        told = {"host": asterisk.address, "answers": answers}
        async with (
            helper("benchmarks.bare_agi", json.dumps({**told, "port": AGI_PORT + 1})),
            helper("benchmarks.panoramisk_agi", json.dumps({**told, "port": AGI_PORT + 2})),
        ):
            ours = _by_agi("cti-bridge", bridge.agi_url)
            bare = _by_agi("bare asyncio server", f"agi://{asterisk.address}:{AGI_PORT + 1}/route")
            panoramisk = _by_agi("panoramisk's Application", f"agi://{asterisk.address}:{AGI_PORT + 2}/route")
            alone = Rival("func_odbc, look-up alone", "odbc", "Verbose", "BENCH_ROW")
            times = await _rounds(asterisk, [ours, bare, panoramisk, alone])
        await bridge.stop()  # so that all is in the journal
        parts = _parts(bridge.data)
    what = f"decision, {max(map(len, answers))} commands, in a real Asterisk, {CALLS_PER_S:.0f} a second"
    compared = [
        Row(f"{what}: p50 / p99", times[ours].text(), f"{peer.name} {times[peer].text()}",
            times[ours].ratio(times[peer], percent), target)
        for peer, percent, target in (
            (bare, 50, "p50 ratio ≤ 1.5"), (panoramisk, 50, ""), (alone, 99, "p99 ratio ≤ 1"),
        )
    ]  # fmt: skip
    whole = times[ours].p(50)
    rest = parts["whole"] - parts["crm"] - parts["rules"]
    return [
        *compared,
        Row("where that time goes, p50: CRM look-up / rules / reading, encoding, Asterisk's answers",
            f"{parts['crm']:.2f} / {parts['rules']:.2f} / {rest:.2f} ms",
            f"outside the bridge (Asterisk, connection) {whole - parts['whole']:.2f} ms", None),
    ]  # fmt: skip


def _parts(data: Path) -> dict[str, float]:
    """The medians of what the bridge itself noted about each decision, in ms: `crm`, `rules`, and the `whole`."""
    with closing(sqlite3.connect(data / "calls.sqlite")) as journal:
        took = [json.loads(decision)["took_ms"] for (decision,) in journal.execute("SELECT decision FROM calls")]
    return {part: statistics.median(one[part] for one in took) for part in ("crm", "rules", "whole")}


def _by_agi(name: str, url: str) -> Rival:
    return Rival(name, "agi", "TryExec", "AGISTATUS", url)


async def _rounds(asterisk: AsteriskInstance, rivals: list[Rival]) -> dict[Rival, Rounds]:
    """Rounds of all, in turns, each time in another order."""
    times: dict[Rival, list[tuple[float, ...]]] = {rival: [] for rival in rivals}
    for rival in rivals:
        await _round(asterisk, rival, range(WARM_UP))
    for turn in range(ROUNDS):
        first = turn % len(rivals)
        for rival in (*rivals[first:], *rivals[:first]):
            times[rival].append(await _round(asterisk, rival, range(turn * A_ROUND, (turn + 1) * A_ROUND)))
    return {rival: Rounds(tuple(rounds)) for rival, rounds in times.items()}


async def _commands(asterisk: AsteriskInstance, customer: int) -> list[str]:
    """The commands of the bridge about this customer."""
    asked = agi_client.question(asterisk.address, f"main-1.{customer}", number(customer))
    _, commands = await agi_client.ask((asterisk.address, AGI_PORT), asked)
    return [command.decode() for command in commands]


async def _round(asterisk: AsteriskInstance, rival: Rival, which: range) -> tuple[float, ...]:
    """Let calls ask this rival; milliseconds of each."""
    lab, since = asterisk.lab, asterisk.lab.mark()
    for conversation in which:
        caller = number(conversation * _PRIME % CUSTOMERS)
        await lab.originate(
            "caller@bench", f"bench,{rival.extension},1", number=caller, variables={"CTI_AGI": rival.url}
        )
        await asyncio.sleep(1 / CALLS_PER_S)
    async with asyncio.timeout(ROUND_S):
        while len(ended := lab.events("VarSet", since=since, Variable=rival.ends)) < len(which):
            await asyncio.sleep(0.1)
    began = {event["Uniqueid"]: event for event in lab.events("Newexten", since=since, Application=rival.begins)}
    failed = [event["Value"] for event in ended if not rival.answered(event["Value"])]
    if failed:
        raise RuntimeError(f"{rival.name} ended as {failed}")
    return tuple((float(event["Timestamp"]) - float(began[event["Uniqueid"]]["Timestamp"])) * 1000 for event in ended)
