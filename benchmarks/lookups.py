"""Look-ups in every kind of CRM, asked for each call and kept, beside the embedded CRM in the same run.

What is measured is our own cost, with everything on loopback: a fake answers as soon as it can, and the pace that
spares a vendor's limit is taken away. A real CRM in the cloud adds its line and its own time.
"""

import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.crm_places import PEOPLE, PLACES, embedded
from benchmarks.customers import FOLDER, number
from benchmarks.figures import Rounds, Row
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.port import Crm
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.number import CallerNumber, NumberKind

ROUNDS = 5
LOOK_UPS = 200
"""In each round, at most; a CRM and the embedded one are asked in turns."""
_ROUND_S = 4.0
"""After that long a round of a slow one ends."""
_PATIENCE_S = 30.0
_LONG_S = 86_400.0


async def rows(names: Sequence[str] = tuple(PLACES)) -> list[Row]:
    """Measure look-ups in these and return the rows."""
    found = []
    async with _folder() as folder, embedded(folder) as peer:
        for name in names:
            found += await _beside(name, peer)
    return found


async def _beside(name: str, peer: Crm) -> list[Row]:
    title, opened = PLACES[name]
    async with _folder() as folder, opened(folder) as crm:
        with patch.object(Pace, "take", _at_once):
            asked, peers = await _in_turns(crm, peer, fresh_s=0.0)
            kept, kept_by_peer = await _in_turns(crm, peer, fresh_s=_LONG_S)
    return [
        Row(f"look-up, {title}: p50 / p99", _text(asked), f"embedded {_text(peers)}", asked.ratio(peers, 50)),
        Row(f"the same, kept answer, {title}: p50 / p99", _text(kept), f"embedded, kept {_text(kept_by_peer)}",
            kept.ratio(kept_by_peer, 50)),
    ]  # fmt: skip


async def _in_turns(crm: Crm, peer: Crm, *, fresh_s: float) -> tuple[Rounds, Rounds]:
    """Times of look-ups in both; who begins changes. With `fresh_s` every answer is a kept one."""
    both = [Lookup(one, deadline_s=_PATIENCE_S, fresh_s=fresh_s) for one in (crm, peer)]
    times: tuple[list[tuple[float, ...]], list[tuple[float, ...]]] = ([], [])
    source = CrmSource.CACHED if fresh_s else CrmSource.FRESH
    try:
        for lookup in both:
            await _asked(
                lookup, PEOPLE, CrmSource.FRESH, within_s=inf
            )  # connects, signs in, and keeps what is to be kept
        for turn in range(ROUNDS):
            for which in (0, 1) if turn % 2 else (1, 0):
                times[which].append(await _asked(both[which], LOOK_UPS, source, within_s=_ROUND_S))
    finally:
        for lookup in both:
            await lookup.close()
    return Rounds(tuple(times[0])), Rounds(tuple(times[1]))


async def _asked(lookup: Lookup, look_ups: int, source: CrmSource, *, within_s: float) -> tuple[float, ...]:
    """Milliseconds of so many look-ups one after another, or of fewer.

    Raises RuntimeError when one is not answered as it should be.
    """
    times: list[float] = []
    until = time.perf_counter() + within_s
    for n in range(look_ups):
        if time.perf_counter() > until:
            break
        key = number(n % PEOPLE)
        caller = CallerNumber(NumberKind.EXTERNAL, key, key)
        began = time.perf_counter()
        answer = await lookup.find(caller)
        times.append((time.perf_counter() - began) * 1000)
        if answer.source is not source or len(answer.records) != 1 or len(answer.records[0].deals) != 1:
            raise RuntimeError(f"a look-up was answered otherwise: {answer.source}, {answer.error or 'other people'}")
    return tuple(times)


async def _at_once(_pace: Pace, **_how: Any) -> None:
    """In place of waiting for one's turn."""


def _text(rounds: Rounds) -> str:
    return f"{rounds.p(50):.3f} / {rounds.p(99):.3f} ms"


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-lookups-", dir=FOLDER))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
