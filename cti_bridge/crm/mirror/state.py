"""Where a mirror is: how far it has come, and what is to be done next. Pure; times are seconds since 1970."""

from dataclasses import dataclass
from enum import Enum

from cti_bridge.crm.mirror.source import FROM_THE_BEGINNING

NOT_AGAIN_S = 600.0
"""A CRM that does not know its own places again is gone through no more often than this."""


class Task(Enum):
    """The next thing to do for a mirror."""

    CHANGES = "changes"
    """Ask for the next page of what changed."""
    FULL = "full"
    """Ask for the next page of a full pass, which goes through everything there is."""
    CHECK = "check"
    """Ask about some of those whom the full pass did not show."""
    REST = "rest"
    """Nothing, for as long as `MirrorState.rest_s` says."""


class Phase(Enum):
    """How far a full pass has come."""

    NONE = "none"
    PAGES = "pages"
    CHECKING = "checking"


@dataclass(slots=True)
class MirrorCounts:
    """What the mirror has done since the start, and how many customers it has."""

    pages: int = 0
    failures: int = 0
    removed: int = 0
    full_passes: int = 0
    customers: int = 0


@dataclass(frozen=True, slots=True)
class Every:
    """How often: `changes_s` between two looks for changes, `full_s` between the beginnings of two full passes."""

    changes_s: float = 60.0
    full_s: float = 86_400.0


@dataclass(frozen=True, slots=True)
class MirrorState:
    """What a mirror knows of itself, kept in its file and written together with what it is about.

    `position`: where the next changes begin, None before the first full pass has ended and when the CRM does not know
    the place any more. `catching_up`: the CRM has more changes than those on the last page. `synced_at`: when it was
    asked for the page after which there was no more. `pass_number` counts full passes; whoever was last shown in an
    earlier one than the present may be gone.
    """

    source: str
    position: str | None = None
    catching_up: bool = False
    synced_at: float | None = None
    asked_at: float | None = None
    phase: Phase = Phase.NONE
    pass_number: int = 0
    full_position: str = FROM_THE_BEGINNING
    full_began_at: float | None = None
    full_pages: int = 0
    total: int | None = None

    @property
    def filled(self) -> bool:
        """Whether everybody has been here once, so that callers can be looked up here."""
        return self.synced_at is not None

    def next(self, now: float, every: Every) -> Task:
        """What is to be done. Changes go before the full pass, and a clock that was set back delays nothing."""
        if self.position is not None and (self.catching_up or _is_due(self.asked_at, now, every.changes_s)):
            return Task.CHANGES
        if self.phase is Phase.PAGES:
            return Task.FULL
        if self.phase is Phase.CHECKING:
            return Task.CHECK
        return Task.FULL if _is_due(self.full_began_at, now, self._full_s(every)) else Task.REST

    def rest_s(self, now: float, every: Every) -> float:
        """Seconds until something is to be done, when nothing is now."""
        full_s = self._full_s(every) - (now - (self.full_began_at or now))
        return full_s if self.position is None else min(every.changes_s - (now - (self.asked_at or now)), full_s)

    def _full_s(self, every: Every) -> float:
        """How long after one full pass the next begins: soon when changes cannot be asked for."""
        return every.full_s if self.position is not None else min(every.full_s, NOT_AGAIN_S)


def _is_due(last: float | None, now: float, every_s: float) -> bool:
    return last is None or not 0 <= now - last < every_s
