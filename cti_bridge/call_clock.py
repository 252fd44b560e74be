"""The clock that calls are measured by: the machine's, but for the moments in which somebody sets that one."""

import time
from collections.abc import Callable

SET_S = 1.0
"""What the machine's clock moves by no more than this against the one that only runs is not worth a word."""


def since_boot() -> float:
    """Seconds since the machine was started, by the clock that nobody can set; a sleeping machine's clock goes on."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class CallClock:
    """Seconds since 1970 that pass as time does, so that the difference of two of them is a duration.

    Where the machine's clock is set, the new time is taken over as soon as `may_follow` says that no call is being
    measured; `on_set` is told then by how many seconds.
    """

    def __init__(
        self,
        *,
        may_follow: Callable[[], bool],
        on_set: Callable[[float], None],
        now: Callable[[], float] = time.time,
        running: Callable[[], float] = since_boot,
    ) -> None:
        self._may_follow = may_follow
        self._on_set = on_set
        self._now = now
        self._running = running
        self._ahead_s = now() - running()
        """How far the machine's clock was ahead of the one that only runs when it was looked at last."""

    def now(self) -> float:
        """The time of something that happens to a call now."""
        wall, running = self._now(), self._running()
        moved_s = wall - running - self._ahead_s
        if abs(moved_s) <= SET_S:
            self._ahead_s += moved_s  # kept in step with small corrections, which therefore never add up to a big one
            return wall
        if not self._may_follow():
            return running + self._ahead_s
        self._ahead_s += moved_s
        self._on_set(moved_s)
        return wall
