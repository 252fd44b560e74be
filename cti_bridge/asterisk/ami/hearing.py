"""Until when Asterisk was heard, and what is known of the time in which it was not, when it is heard again. No I/O."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cti_bridge.calls.events import CallEvent, Snapshot

BOOT_JITTER_S = 1.5
"""By how much the start of the same Asterisk can seem to differ: its age is told in whole seconds."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """Asterisk is heard again; times are seconds since 1970 on our clock.

    `heard_until` is when the last event was heard before, None when none was. `last_there` is when it was known to be
    there last, 0 when that is not known. `up_for_s` is its own age in whole seconds at `back_at`, None when it did not
    say; `earlier_start` is when the one that was heard before had started. `later_s` is how far our clock is ahead of
    its own.
    """

    snapshot: Snapshot
    heard_until: float | None
    back_at: float
    up_for_s: float | None
    last_there: float
    earlier_start: float | None
    later_s: float

    @property
    def started_at(self) -> float | None:
        """When this Asterisk started, at the latest."""
        return None if self.up_for_s is None else self.back_at - self.up_for_s

    def restarted_since(self, heard_until: float) -> float | None:
        """When it was started anew after it was heard last, at the earliest; None when it was not.

        A later start alone is no proof: its age is the difference of two times, and shrinks when its clock is set back.
        """
        latest = self.started_at
        if latest is None or latest + BOOT_JITTER_S < heard_until:
            return None
        another = self.earlier_start is not None and latest > self.earlier_start + BOOT_JITTER_S
        return max(latest - 1.0, heard_until) if latest - 1.0 > heard_until or another else None


LookBack = Callable[[Interruption], Awaitable[Snapshot]]
"""Puts the past into a snapshot, as far as it is written down somewhere; raises nothing."""


async def no_records(interruption: Interruption) -> Snapshot:
    """Nothing is written down."""
    return interruption.snapshot


class Hearing:
    """What has been heard, from one session to the next; `hear` takes an event of a session that has caught up."""

    def __init__(self, hear: Callable[[CallEvent], None], look_back: LookBack, *, limit: int) -> None:
        self.until: float | None = None
        """When the last event was heard, or a snapshot taken, and nothing before it was lost."""
        self._hear = hear
        self._look_back = look_back
        self._limit = limit
        self._early: list[CallEvent] | None = []
        """Events of a session that has not caught up; with the past still to be told it is too early for them."""
        self._lossless = True
        self._back_at = 0.0
        self._up_for_s: float | None = None
        self._last_there = 0.0
        self._earlier_start: float | None = None

    @property
    def early(self) -> int:
        """How many events wait until the session has caught up."""
        return len(self._early or ())

    def begins(self) -> None:
        """A session begins; what an earlier one did not get so far as to hear is made up for."""
        self._early, self._lossless = [], True

    def booted(self, at: float, age: str) -> None:
        """Asterisk says that it is ready, and how many seconds old it is."""
        self._back_at = at
        self._up_for_s = float(age) if age.isascii() and age.isdecimal() and len(age) < 10 else None

    def is_there(self, at: float) -> None:
        """Asterisk answers, or closes the line itself."""
        self._last_there = at

    def clock_was_set(self, by_s: float) -> None:
        """Our clock made a leap; what was heard before one back would seem to be heard for so long to come."""
        if by_s < 0:
            self.until = None if self.until is None else self.until + by_s
            self._last_there = max(0.0, self._last_there + by_s)

    def loses(self) -> None:
        """An event was lost; until the next session nothing is certain."""
        self._lossless = False

    def take(self, event: CallEvent) -> bool:
        """An event comes by AMI; False when there is no room for it."""
        if self._early is not None:
            if len(self._early) >= self._limit:
                return False
            self._early.append(event)
            return True
        self._hear(event)
        self._heard(event.at)
        return True

    async def catch_up(self, snapshot: Snapshot, *, later_s: float) -> Snapshot:
        """The first snapshot of a session with what happened before; what has come since follows it."""
        seen = Interruption(
            snapshot, self.until, self._back_at, self._up_for_s, self._last_there, self._earlier_start, later_s
        )
        complete = await self._look_back(seen)
        self._last_there, self._earlier_start = snapshot.at, seen.started_at
        early, self._early = self._early or [], None
        for event in early:
            self.take(event)
        return complete

    def caught_up(self) -> None:
        """The first snapshot of a session has been taken in."""
        self._heard(self._last_there)

    def _heard(self, at: float) -> None:
        if self._lossless:
            self.until = max(self.until or at, at)
