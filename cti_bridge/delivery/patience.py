"""How old a report is, and when it may be tried again, although the machine's clock can be set at any time.

A report's age is counted by the machine's clock, because it goes on while the bridge is down. So a clock that leaps
ahead would make everything too old at once: what waits then counts from the leap on. What was written while the clock
was ahead is given today's date when it is set right (`outbox.redate`). Waiting times between attempts are counted by
the clock that nobody can set, and by the machine's only after a restart.
"""

from cti_bridge.delivery.outbox import SET_S, Entry
from cti_bridge.delivery.verdict import LONGEST_S
from cti_bridge.domain.ids import CallId

_MOST_KEPT = 10_000
"""Waiting times in memory; a report whose time is forgotten waits by the machine's clock."""


class Patience:
    """Of one receiver: `max_age_s` is how long a report is tried. All times are in seconds."""

    def __init__(self, max_age_s: float) -> None:
        self._max_age_s = max_age_s
        self._counts_from = float("-inf")
        self._looked: tuple[float, float] | None = None
        self._not_before: dict[tuple[CallId, int], float] = {}

    def look(self, now: float, running: float) -> None:
        """Take note of the machine's clock and of the one that only runs; before anything else is asked."""
        if self._looked is not None and now - self._looked[0] > running - self._looked[1] + SET_S:
            self._counts_from = now
        self._counts_from = min(self._counts_from, now)
        self._looked = now, running

    def left_s(self, since: float, now: float) -> float:
        """For how long what waits since then is still tried; not positive when that was long enough."""
        return max(since, self._counts_from) + self._max_age_s - now

    def over_before(self, now: float) -> float | None:
        """Whatever waits since before then was tried for long enough; None while nothing was."""
        before = now - self._max_age_s
        return before if before >= self._counts_from else None

    def wait(self, entry: Entry, until: float) -> None:
        """Not again before `until`, of the clock that only runs."""
        if len(self._not_before) >= _MOST_KEPT:
            self._not_before.pop(next(iter(self._not_before)))
        self._not_before[entry.call_id, entry.seq] = until

    def settled(self, entry: Entry) -> None:
        """It is not tried again."""
        self._not_before.pop((entry.call_id, entry.seq), None)

    def wait_s(self, entry: Entry, now: float, running: float) -> float:
        """How long this report, which is the first of its call, still has to wait; 0 when it is due."""
        if not entry.attempts or entry.due_at is None:
            return 0.0
        left = entry.due_at - now
        until = self._not_before.get((entry.call_id, entry.seq))
        # After a restart nobody knows whether the clock was set meanwhile: no longer than without anybody's wish.
        return max(0.0, min(left, LONGEST_S if until is None else until - running))
