"""Everything fails at once, under load: a moody receiver, a bridge that is killed, a line that is cut; and the verdict.

    verdict = await endured(Ordeal(rate=20, seconds=120, kills=5, cuts=5, down_s=30), root, folder)
    assert verdict.wrong == []

What is true is found out by SIPp's callers and phones and by Asterisk's CDR, which the bridge does not read.
"""

import asyncio
import sqlite3
import time
from collections import Counter
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from receiver import HttpReceiver

from cti_bridge.calls.journal_file import JournalFile
from demo.sip_process import Sipp
from promises import load
from promises.cable import Cable
from promises.judge import Noted, Received, Wrong, judged
from promises.moody import MoodyReceiver
from promises.stage import DID, QUEUES, START_S, Ordeal, Stage, asterisk_of, installed
from promises.witnesses import CdrSaw, Truth, cdr_saw, truths

QUIET_S = 60.0


@dataclass(slots=True)
class Verdict:
    """What came of it: the figures to be printed, and every mistake."""

    ordeal: Ordeal
    figures: dict[str, Any] = field(default_factory=dict)
    wrong: list[Wrong] = field(default_factory=list)

    def __str__(self) -> str:
        rows = {"seed": self.ordeal.seed, **self.figures, "wrong": len({one.call for one in self.wrong})}
        kinds = Counter(one.kind for one in self.wrong)
        lines = [f"{name:<34}{value}" for name, value in rows.items()]
        lines += [f"  {number} x {kind}" for kind, number in kinds.most_common()]
        return "\n".join([*lines, *(f"  {one.call}: {one.kind} {one.detail}" for one in self.wrong[:60])])


async def endured(ordeal: Ordeal, root: Path, folder: Path) -> Verdict:
    """Go through all of it and judge."""
    async with AsyncExitStack() as stack:
        asterisk = await stack.enter_async_context(asterisk_of(ordeal, root, folder))
        cable = await stack.enter_async_context(Cable.to(asterisk.address, asterisk.ami_port))
        moody = MoodyReceiver(ordeal.seed)
        receiver = await stack.enter_async_context(HttpReceiver(moody.answer))
        bridge = await installed(ordeal, asterisk, folder / "bridge", receiver.url, cable.port)
        stack.push_async_callback(bridge.kill)
        await asterisk.lab.set_global("CTI_AGI", bridge.agi_url)
        for place, name in enumerate(load.phone_names(ordeal.phones)):
            await asterisk.add_member(QUEUES[place % len(QUEUES)], f"PJSIP/{name}", name=f"Дарья Полянская {place}")
        phones = await stack.enter_async_context(load.plugged_in(asterisk))
        await bridge.start(within=START_S)
        stage = Stage(ordeal, asterisk, bridge, cable)
        callers = await stack.enter_async_context(load.calling(asterisk, DID, rate=ordeal.rate, seconds=ordeal.seconds))
        await stage.faults(receiver)
        await load.all_over(callers, within=ordeal.seconds + 90)
        began = time.monotonic()
        left = await _quiet(stage, ordeal.drain_s)
        drained_s = time.monotonic() - began
        assert await bridge.stop() == 0
        records = cdr_saw((asterisk.workdir / "log/cdr.csv").read_text("utf-8"))
        verdict = _judge(ordeal, stage, moody, _seen(callers, phones, records))
        verdict.figures |= {"s until the outbox was empty": f"{drained_s:.0f}", "left in the outbox": left}
        verdict.wrong += [Wrong("", "left in the outbox", str(left))] if left else []
        verdict.wrong += [Wrong("", "too easy", what) for what in _too_easy(verdict, stage)]
        if "Traceback" in (bridge.folder / "bridge.log").read_text("utf-8"):
            verdict.wrong.append(Wrong("", "an exception in the log"))
        return verdict


async def _quiet(stage: Stage, drain_s: float) -> int:
    """Wait until no call lives and nothing waits in the outbox; how many reports are still there after that time."""
    async with asyncio.timeout(QUIET_S):
        while await stage.asterisk.channels():
            await asyncio.sleep(0.1)
    file = stage.bridge.data / "calls.sqlite"
    with suppress(TimeoutError):  # a call that does not end is for the judge
        async with asyncio.timeout(QUIET_S):
            while _count(file, "SELECT count(*) FROM calls WHERE outcome = ''"):
                await asyncio.sleep(0.2)
    with suppress(TimeoutError):
        async with asyncio.timeout(drain_s):
            while _count(file, "SELECT count(*) FROM outbox WHERE state = 'waiting'"):
                await asyncio.sleep(0.2)
    return _count(file, "SELECT count(*) FROM outbox")


def _count(file: Path, query: str) -> int:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return int(connection.execute(query).fetchone()[0])


@dataclass(frozen=True, slots=True)
class _Seen:
    truths: list[Truth]
    quarrels: list[str]
    figures: dict[str, Any]


def _seen(callers: list[Sipp], phones: list[Sipp], records: list[CdrSaw]) -> _Seen:
    legs = load.what_phones_saw(phones)
    found, quarrels = truths(load.what_callers_saw(callers), legs, records)
    answered = sum(truth.answered is not None for truth in found)
    return _Seen(
        found,
        quarrels,
        {
            "calls": len(found),
            "answered": answered,
            "abandoned": len(found) - answered,
            "given up as it was answered": sum(truth.disputed for truth in found),
            "phones that rang": len(legs),
            "rang in vain": sum(leg.answered is None for leg in legs),
            "further talks after transfers": sum(leg.answered is not None for leg in legs) - answered,
        },
    )


def _judge(ordeal: Ordeal, stage: Stage, moody: MoodyReceiver, seen: _Seen) -> Verdict:
    records = JournalFile(stage.bridge.data / "calls.sqlite").calls(limit=1_000_000)
    journal: dict[str, Noted] = {
        record.id: Noted(record.outcome, record.operator or "", record.answered_at, record.ended_at)
        for record in records
    }
    carried_out = {truth.call: truth.decision for truth in seen.truths if truth.decision != "fallback"}
    forgotten = sum(bool(carried_out.get(record.id)) and record.decided_by == "fallback" for record in records)
    wrong = judged(
        seen.truths,
        moody.received,
        journal,
        operator_of=lambda phone: f"op{int(phone[1:])}" if phone else "",
        away=() if ordeal.cel else stage.away,
        kills=stage.kills,
    )
    wrong += [Wrong(quarrel.partition(":")[0], "the witnesses do not agree", quarrel) for quarrel in seen.quarrels]
    failed = 1 - moody.moods["takes"] / max(moody.moods.total(), 1)
    reports = {**_reports(moody.received), "requests that failed": f"{failed:.0%}", "decisions forgotten": forgotten}
    return Verdict(ordeal, {**seen.figures, **reports, "kills, cuts": f"{ordeal.kills}, {ordeal.cuts}"}, wrong)


def _too_easy(verdict: Verdict, stage: Stage) -> list[str]:
    """What did not happen, though without it there is little to be proved."""
    ordeal, figures = verdict.ordeal, verdict.figures
    hard = {
        f"{ordeal.rate * ordeal.seconds:.0f} calls": figures["calls"] >= ordeal.rate * ordeal.seconds * 0.95,
        "a transfer": figures["further talks after transfers"] > 0,
        "a report that was kept twice": figures["kept again"] > 0,
        "a kill": len(stage.kills) == ordeal.kills > 0,
        "a call that was recovered": figures["recovered calls"] > 0,
    }
    return [f"not {what}" for what, happened in hard.items() if not happened]


def _reports(received: list[Received]) -> dict[str, Any]:
    kept = [one.key for one in received if one.kept]
    recovered = {one.key.rpartition("/")[0] for one in received if b'"recovered":true' in one.body}
    return {
        "requests": len(received),
        "events kept": len(set(kept)),
        "kept again": len(kept) - len(set(kept)),
        "recovered calls": len(recovered),
    }
