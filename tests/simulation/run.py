"""One run: a seed, so many calls, so much trouble; and in the end everything held against the truth."""

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from cti_bridge.calls.record import CallRecord, LegRecord
from cti_bridge.delivery.reports import due
from cti_bridge.reception.switchboard import Switchboard
from simulation.asterisk import Asterisk
from simulation.bridge import Bridge, MakeSwitchboard
from simulation.clock import Clock
from simulation.disk import DiskLedger
from simulation.house import House
from simulation.ledger import Due, Ledger
from simulation.line import CALM, UNDERWAY_S, Line, Troubles
from simulation.reports import Reports
from simulation.truth import CallTruth
from simulation.violation import Trail
from simulation.visits import visit
from simulation.watch import Watch

ARRIVES_EVERY_S = 4.0
EXACT_S = 0.01
"""Times in a record may differ so much from the truth: the events of one moment have moments of their own."""
IN_FLIGHT_S = 1.5
"""So long a screen may be wrong where the line has troubles, for all that is still on it."""
TICKS_AT_A_STRETCH = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated; the same plan is the same run."""

    seed: int
    calls: int
    troubles: Troubles = CALM


@dataclass(frozen=True, slots=True)
class Parts:
    """What is put together: the daemon's own parts, unless a test replaces one by a broken one."""

    switchboard: MakeSwitchboard = Switchboard
    due: Due = due


class Run:
    """One simulated contact centre."""

    def __init__(self, plan: Plan, parts: Parts | None = None, *, disk: Path | None = None) -> None:
        parts = parts or Parts()
        self.plan = plan
        self.clock = Clock()
        chance = random.Random(plan.seed)
        self.trail = Trail(self.clock, f"seed {plan.seed}, {plan.calls} calls, {plan.troubles}")
        self.pbx = Asterisk(self.clock, random.Random(chance.random()))
        calm = plan.troubles == CALM
        self.watch = Watch(self.clock, self.pbx, self.trail, in_flight_s=0.0 if calm else IN_FLIGHT_S)
        self.reports = Reports(self.trail)
        self.ledger = Ledger(self.clock, self.reports, what_is_due=parts.due)
        if disk is not None:
            self.ledger = DiskLedger(self.clock, self.reports, disk)
        self.bridge = Bridge(self.clock, random.Random(chance.random()), self.watch, self.ledger, parts.switchboard)
        self.house = House(self.pbx.chance)
        # A real disk takes real time, in which much happens here.
        underway_s = UNDERWAY_S if disk is None else math.inf
        self.line = Line(
            self.clock, random.Random(chance.random()), self.pbx, self.bridge, plan.troubles, underway_s=underway_s
        )
        self._to_come = plan.calls
        self._told_of_the_end: set[str] = set()

    async def play(self) -> None:
        """All calls, to the end of the last one; raises PromiseBroken."""
        await self.ledger.open()
        self.clock.after(1.0, self._next_caller)
        await self._until_all_is_over()
        await self._quiet()
        await self.bridge.switchboard.close()
        await self.ledger.close()
        self._check_the_records()

    async def _until_all_is_over(self) -> None:
        for tick in count():
            if not self.clock.tick():
                return
            if self.trail.first is not None:
                raise self.trail.first
            if self.bridge.waits:
                await self.bridge.go_on()
            elif tick % TICKS_AT_A_STRETCH == 0:
                await asyncio.sleep(0)  # cards that are being fetched go on

    def _next_caller(self) -> None:
        generation = self.pbx.generation
        self.clock.follow(visit(self.pbx, self.house, self.bridge.decide), lambda: generation == self.pbx.generation)
        if self.pbx.chance.random() < 0.1:
            self.house.pause_or_not()
        self._to_come -= 1
        if self._to_come:
            self.clock.after(self.pbx.chance.expovariate(1 / ARRIVES_EVERY_S), self._next_caller)

    async def _quiet(self) -> None:
        """Nobody calls any more; a last session sees that there is nothing, and then nothing may be left."""
        if not self.bridge.runs:
            self.bridge.wants_to_start(lambda: None)
            await self.bridge.go_on()
        if self.plan.troubles != CALM:
            self.line.connect()
        await self._until_all_is_over()
        self.watch.quiet()
        if self.pbx.channels:
            raise AssertionError(f"the model has forgotten {list(self.pbx.channels.values())}")
        for what, left in self.bridge.left_behind().items():
            if left:
                self.trail.broken(f"P5: {what} are left when all is over", "", left)

    # The records -----------------------------------------------------------------------------------------------------

    def _check_the_records(self) -> None:
        self._told_of_the_end = self.reports.ended_for_all(self.ledger.receivers)
        by_channel: dict[str, list[CallRecord]] = {}
        for record in self.ledger.records.values():
            by_channel.setdefault(record.channel, []).append(record)
        for call in self.pbx.calls:
            records = by_channel.pop(call.channel, [])
            if len(records) > 1:
                self.trail.broken("P3: one call is recorded twice", call.channel, *records)
            if records:
                self._check(call, records[0])
            elif not call.blurred and self._was_heard_of(call):
                self.trail.broken("P3: a call is not recorded", call.channel, call)
        for channel, records in by_channel.items():
            if channel not in self.pbx.asides or self.plan.troubles == CALM:
                self.trail.broken("P3: recorded, but no call", channel, *records)

    @staticmethod
    def _was_heard_of(call: CallTruth) -> bool:
        """One that went away before anything was asked or anybody was called leaves no trace."""
        return bool(call.story)

    def _check(self, call: CallTruth, record: CallRecord) -> None:
        broken: Callable[[str], None] = lambda what: self.trail.broken(what, call.channel, call, record)  # noqa: E731
        if record.ended_at is None or call.ended_at is None:
            broken("P5: a call that is over has no end")
            return
        if len(self.reports.ends.get(record.id, ())) != 1 and not record.recovered and not call.blurred:
            broken("P4: not exactly one outcome was told")
        if record.id not in self._told_of_the_end:
            broken("P3: not every receiver has heard of the end")
        if record.outcome == "answered" and call.answered_at is None:
            broken("P4: recorded as answered, and nobody talked to him")
        if call.blurred:
            if record.outcome != call.outcome and not record.recovered and not _nobody_could_know(call, record):
                broken("P5: what was not seen is not marked as recovered")
            return
        if record.recovered:
            broken("P5: all was seen, and it is marked as recovered")
        if record.outcome != call.outcome:
            broken(f"P4: the outcome is {call.outcome}")
        for what, recorded, true in (
            ("beginning", record.offered_at, call.began_at),
            ("answer", record.answered_at, call.answered_at),
            ("end", record.ended_at, call.ended_at),
        ):
            late = 0.06 if what == "beginning" else EXACT_S
            if (recorded is None) != (true is None) or abs((recorded or 0.0) - (true or 0.0)) > late:
                broken(f"P3: the {what} is {true}")
        legs: dict[str, LegRecord] = {leg.leg: leg for leg in record.legs}
        for channel, talked_s in call.talked.items():
            if channel not in legs or abs(legs[channel].talked_s - talked_s) > EXACT_S:
                broken(f"P3: {channel} talked for {talked_s:.3f} s")


def _nobody_could_know(call: CallTruth, record: CallRecord) -> bool:
    """What happened to a call from beginning to end while nobody listened leaves no trace in what there is afterwards:
    a whole talk, or that the steps ran out. Asterisk's own records may know of it; they are not simulated."""
    if record.outcome not in {"abandoned", "failed"}:
        return record.outcome in {"missed", "overflowed"} and not call.answer_was_told
    return call.outcome in {"missed", "overflowed"} or not call.answer_was_told
