"""How fast a CRM may be asked: a bucket of permissions that fills at the vendor's rate, urgent requests first.

A look-up for somebody who is on the line is urgent; reports, notes and the mirror are the rest. The rest leaves a few
permissions untouched, so that a look-up finds one at once, and a CRM that says `Retry-After` is left alone that long.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from typing import Self

from cti_bridge.crm.port import CrmBusy, CrmUnavailable
from cti_bridge.crm.window import Window

_MOST_WAITING = 256
"""Requests of one kind that may stand in line; each holds no more than its own task."""
_LONGEST_HOLD_S = 3_600.0
"""A CRM that asks to be left alone for longer than this is asked again all the same."""


@dataclass(slots=True)
class Patience:
    """How long what is done for one caller may stand in line before it begins; once it has `begun` it is finished.

    Who would wait longer is told so at once, so that those who are let through are answered in time.
    """

    longest_s: float
    begun: bool = False


PATIENCE: ContextVar[Patience | None] = ContextVar("PATIENCE", default=None)
"""That of the caller for whom the present task works. What many share, a login say, goes on in a context of its own."""

NOBODY_WAITS: ContextVar[bool] = ContextVar("NOBODY_WAITS", default=False)
"""Whether what the present task asks for is for no caller, so that a look-up is no more urgent than a report."""


class Bucket:
    """Permissions that come back at `per_s` a second, `burst` of them at most; times are seconds of any one clock.

    `kept_for_urgent` of them only an urgent request may take. Raises ValueError for limits that let nobody through.
    """

    def __init__(self, per_s: float, burst: int, kept_for_urgent: int, *, now: float) -> None:
        if per_s <= 0 or burst < 1 or not 0 <= kept_for_urgent < burst:
            raise ValueError("a rate above 0, a burst of at least 1 and less kept for the urgent than the burst")
        self._per_s = per_s
        self._burst = burst
        self._kept = kept_for_urgent
        self._level = float(burst)
        self._at = now

    def wait_s(self, now: float, *, urgent: bool, ahead: int = 0) -> float:
        """Seconds until there is a permission for a request that has `ahead` others before it; 0 when there is now."""
        self._fill(now)
        needed = 1 + ahead + (0 if urgent else self._kept)
        short = needed - self._level
        # A sum of many small steps is not quite a whole number; a request does not wait for the last of its digits.
        return 0.0 if short <= 1e-9 and self._at <= now else max(0.0, self._at - now) + max(0.0, short) / self._per_s

    def take(self) -> None:
        """Use a permission up; `wait_s` has just been 0."""
        self._level -= 1

    def hold(self, now: float, seconds: float) -> None:
        """Give none for so long. The CRM has just said that it is too much, so what was saved up is gone but one."""
        self._fill(now)
        self._level = min(self._level, 1.0 + self._kept)
        self._at = max(self._at, now + min(max(0.0, seconds), _LONGEST_HOLD_S))

    def _fill(self, now: float) -> None:
        if now > self._at:
            self._level = min(float(self._burst), self._level + (now - self._at) * self._per_s)
            self._at = now


class Pace:
    """Lets requests to one CRM through at a bounded rate, urgent ones first, equal ones in the order of their coming.

    `per_s`, `burst` and `kept_for_urgent` are those of `Bucket`: in any second at most `per_s + burst` go through.
    `clock` gives seconds and never goes back; `sleep` waits as long by the same clock.
    """

    def __init__(
        self,
        per_s: float,
        burst: int,
        kept_for_urgent: int,
        *,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bucket: Bucket | Window = Bucket(per_s, burst, kept_for_urgent, now=clock())
        self._step_s = 1 / per_s
        self._clock = clock
        self._sleep = sleep
        self._heads = {True: asyncio.Lock(), False: asyncio.Lock()}
        self._lines = {True: 0, False: 0}
        self._held_until = 0.0

    @classmethod
    def in_window(
        cls,
        most: int,
        window_s: float,
        kept_for_urgent: int,
        *,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> Self:
        """One that lets at most `most` through in any `window_s` seconds, for a CRM that counts what came lately."""
        pace = cls(most / window_s, most, kept_for_urgent, clock=clock, sleep=sleep)
        pace._bucket = Window(most, window_s, kept_for_urgent)
        return pace

    async def take(self, *, urgent: bool, within_s: float | None = None) -> None:
        """Return when this request may be sent; it counts as sent then. Who is cancelled meanwhile takes nothing.

        Raises CrmBusy when too many stand in line, and at once when the turn would come later than `within_s` or
        `PATIENCE`; CrmUnavailable when that is because the CRM asked to be left alone.
        """
        urgent = urgent and not NOBODY_WAITS.get()
        if self._lines[urgent] >= _MOST_WAITING:
            raise CrmBusy(f"{_MOST_WAITING} requests are waiting for their turn already")
        patience = PATIENCE.get()
        if patience is not None and not patience.begun:
            within_s = min(patience.longest_s, math.inf if within_s is None else within_s)
        if within_s is not None and self.wait_s(urgent=urgent) > within_s:
            raise self._why_not_now()
        self._lines[urgent] += 1
        try:
            async with self._heads[urgent]:
                while (wait_s := self._head_waits_s(urgent=urgent)) > 0:
                    await self._sleep(wait_s)
                self._bucket.take()
                if patience is not None:
                    patience.begun = True
        finally:
            self._lines[urgent] -= 1

    def hold(self, seconds: float) -> None:
        """Send nothing for so long, as a CRM asks for with `Retry-After`; an hour at most."""
        now, seconds = self._clock(), min(max(0.0, seconds), _LONGEST_HOLD_S)
        self._bucket.hold(now, seconds)
        self._held_until = max(self._held_until, now + seconds)

    def wait_s(self, *, urgent: bool) -> float:
        """Seconds that a request which came now would wait, if no urgent one overtakes it."""
        ahead = self._lines[True] + (0 if urgent else self._lines[False])
        return self._bucket.wait_s(self._clock(), urgent=urgent, ahead=ahead)

    def _head_waits_s(self, *, urgent: bool) -> float:
        """How long the first of its line waits before it looks again; the rest lets urgent ones go before it."""
        wait_s = self._bucket.wait_s(self._clock(), urgent=urgent)
        if not urgent and wait_s == 0 and self._lines[True]:
            return self._step_s
        return wait_s

    def _why_not_now(self) -> CrmUnavailable:
        held_s = self._held_until - self._clock()
        if held_s >= 1:
            return CrmUnavailable(f"it asked to be left alone for {held_s:.0f} s more")
        return CrmBusy("its rate limit is used up")
