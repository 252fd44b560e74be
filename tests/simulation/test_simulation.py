"""P2, P3 and P4 in thousands of invented calls, with everything that can be wrong, in virtual time.

`CTI_SIMULATION_SEED` plays other calls, and the same ones for the same seed; `CTI_SIMULATION_CALLS` says how many.
"""

import os
from pathlib import Path

import pytest
from brief import BRIEF

from simulation.line import CALM, Troubles
from simulation.run import Plan, Run

SEED = int(os.environ.get("CTI_SIMULATION_SEED", "1"))
CALLS = int(os.environ.get("CTI_SIMULATION_CALLS", "500" if BRIEF else "10000"))

SLOW = Troubles(lag_s=0.8, doubled=0.05)
CUT = Troubles(lag_s=0.3, doubled=0.02, cut_every_s=60.0)
KILLED = Troubles(lag_s=0.2, cut_every_s=120.0, bridge_killed_every_s=90.0, asterisk_restarted_every_s=600.0)
ALL = Troubles(
    lag_s=0.8, doubled=0.05, overtaken=0.0005, lost=0.0005, cut_every_s=120.0, bridge_killed_every_s=150.0,
    asterisk_restarted_every_s=900.0,
)  # fmt: skip
TROUBLES = {"calm": CALM, "slow": SLOW, "cut": CUT, "killed": KILLED, "all": ALL}
SHARDS = [(name, number) for number in range(2) for name in TROUBLES]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "number"), SHARDS, ids=str)
async def test_every_promise_holds_at_every_step(name: str, number: int) -> None:
    run = Run(Plan(SEED * len(SHARDS) + number, CALLS // len(SHARDS), TROUBLES[name]))
    await run.play()
    assert run.trail.steps > 10 * run.plan.calls, "something was simulated"


@pytest.mark.parametrize("troubles", [CALM, KILLED], ids=["calm", "killed"])
async def test_every_promise_holds_on_a_real_disk(tmp_path: Path, troubles: Troubles) -> None:
    await Run(Plan(SEED, 50 if BRIEF else 300, troubles), disk=tmp_path / "calls.sqlite").play()


async def test_the_same_seed_is_the_same_run() -> None:
    runs = [Run(Plan(SEED, 100, ALL)) for _ in range(2)]
    for run in runs:
        await run.play()
    assert runs[0].ledger.records == runs[1].ledger.records
    assert runs[0].trail.steps == runs[1].trail.steps


async def test_another_seed_is_another_run() -> None:
    runs = [Run(Plan(SEED + number, 50)) for number in range(2)]
    for run in runs:
        await run.play()
    assert runs[0].ledger.records != runs[1].ledger.records
