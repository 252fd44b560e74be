"""Figures and the table they are printed in: what was measured, beside what, on which machine, when."""

import math
import os
import platform
import sqlite3
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from demo.asterisk import REPOSITORY


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `ratio` is ours by the peer's or the limit's: small is good."""

    work: str
    ours: str
    beside: str
    ratio: float | None
    target: str = ""


@dataclass(frozen=True, slots=True)
class Rounds:
    """Times in milliseconds, a list for each round; rounds of two rivals with the same number ran one after another."""

    times: tuple[tuple[float, ...], ...]

    def p(self, percent: float) -> float:
        """A percentile over all rounds together."""
        return percentile([time for times in self.times for time in times], percent)

    def ratio(self, other: "Rounds", percent: float) -> float:
        """How many times as long as `other`: the median over the rounds, so that one disturbed round counts little."""
        pairs = zip(self.times, other.times, strict=True)
        return statistics.median(percentile(ours, percent) / percentile(theirs, percent) for ours, theirs in pairs)

    def text(self) -> str:
        """The 50th and 99th percentile."""
        return f"{self.p(50):.2f} / {self.p(99):.2f} ms"


def percentile(times: Sequence[float], percent: float) -> float:
    """The time that `percent` of the times do not exceed (nearest rank)."""
    ordered = sorted(times)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def machine() -> str:
    """The machine in one line."""
    root = next(iter(sorted((REPOSITORY / ".cache").glob("asterisk-*"))), None)
    asterisk = root.name.removeprefix("asterisk-").partition("+")[0] if root else "not installed"
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {len(os.sched_getaffinity(0))} cores · {_cpu_model()} · "
        f"Linux {platform.release()} · Python {platform.python_version()} · SQLite {sqlite3.sqlite_version} · "
        f"Asterisk {asterisk} · load {os.getloadavg()[0]:.1f}"
    )


def table(rows: Sequence[Row]) -> str:
    """The rows as a table in Markdown, which is well readable on a terminal, too."""
    cells = [("work", "cti-bridge", "beside it", "ratio", "target")]
    cells += [(r.work, r.ours, r.beside, "" if r.ratio is None else f"{r.ratio:.2f}", r.target) for r in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(5)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
             for row in cells]  # fmt: skip
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
