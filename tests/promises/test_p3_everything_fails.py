"""P3 when everything fails at once, in small; tests/soak/test_reports.py is the same for two minutes at full rate."""

import os
from pathlib import Path

import pytest

from demo.asterisk import REPOSITORY, build_root
from promises.ordeal import endured
from promises.stage import Ordeal

SMALL = Ordeal(rate=5, seconds=16, kills=1, cuts=1, down_s=4, seed=7, drain_s=90)


@pytest.mark.promise
@pytest.mark.timeout(600)
async def test_each_event_reaches_a_failing_receiver_once_and_in_order_and_is_true(tmp_path: Path) -> None:
    root = await build_root(Path(os.environ.get("CTI_CACHE", REPOSITORY / ".cache")))
    verdict = await endured(SMALL, root, tmp_path)
    print(verdict)
    assert verdict.wrong == []
