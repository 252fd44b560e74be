"""`rules diff` with the shipped rules on a journal of a hundred thousand calls: on all cores, and on one."""

import asyncio
import os
import sys
import time
from pathlib import Path

from benchmarks.customers import FOLDER
from benchmarks.figures import Row
from benchmarks.journal import filled_journal
from demo.asterisk import REPOSITORY

CALLS = 100_000
_SINCE = "2001-01-01"


async def rows() -> list[Row]:
    """Measure and return the row."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = await filled_journal(CALLS)
    cores = sorted(os.sched_getaffinity(0))
    one = await _diff_s(folder, cores[:1])
    all_s = await _diff_s(folder, cores)
    return [
        Row(f"rules diff of {CALLS:,} calls, the shipped rules, {len(cores)} cores",
            f"{all_s:.1f} s, {CALLS / all_s:,.0f} calls/s", f"one core {one:.1f} s, {CALLS / one:,.0f} calls/s",
            all_s / one, f"{1 / len(cores):.1f} would be all of them")
    ]  # fmt: skip


async def _diff_s(folder: Path, cores: list[int]) -> float:
    """Seconds that the command takes as a process on these cores. Raises RuntimeError when it does not compare all."""
    rules = str(REPOSITORY / "config" / "routing.yaml")
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        "taskset", "--cpu-list", ",".join(map(str, cores)),
        sys.executable, "-m", "cti_bridge", "rules", "diff", rules, "--since", _SINCE, "--json",
        "--config", str(folder / "cti-bridge.yaml"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    if process.returncode or f'"calls": {CALLS}' not in out.decode():
        raise RuntimeError(f"rules diff: {out.decode()[:300]} {errors.decode()[-500:]}")
    return time.monotonic() - began
