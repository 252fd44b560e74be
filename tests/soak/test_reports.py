"""Everything fails at once for two minutes at twenty calls a second: each event reaches the receiver once and in order.

The bridge heals itself from CEL in one run and from queue_log alone in the other. `CTI_SOAK_RATE` (calls a second) and
`CTI_SOAK_SECONDS` make it smaller; the seed repeats the faults.
"""

import os
from pathlib import Path

import pytest
from promises.ordeal import endured
from promises.stage import Ordeal

from demo.asterisk import REPOSITORY, build_root

pytestmark = [pytest.mark.soak, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(0)]

RATE = float(os.environ.get("CTI_SOAK_RATE", "20"))
SECONDS = float(os.environ.get("CTI_SOAK_SECONDS", "120"))
SEED = int(os.environ.get("CTI_SOAK_SEED", "1"))


@pytest.mark.parametrize("records", ["cel", "queue_log"])
async def test_killed_and_cut_off_five_times_with_a_receiver_that_fails(tmp_path: Path, records: str) -> None:
    root = await build_root(Path(os.environ.get("CTI_CACHE", REPOSITORY / ".cache")))
    ordeal = Ordeal(rate=RATE, seconds=SECONDS, kills=5, cuts=5, down_s=SECONDS / 4, seed=SEED, cel=records == "cel")
    verdict = await endured(ordeal, root, tmp_path)
    print(f"\n{verdict}")
    assert verdict.wrong == []
