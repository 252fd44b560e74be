"""Schedules: whether one is open at a moment, since when and until when. Pure, and quick enough for every call.

The calendar is asked in the wall-clock time of the schedule's zone, never with a zone attached: a day has the hours
that its clocks show. An hour that they show twice in autumn counts both times, one that they skip in spring is not
there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from opening_hours import OpeningHours, State

from cti_bridge.domain.decision import Facts
from cti_bridge.routing.moment import kept_moment
from cti_bridge.routing.problems import Place
from cti_bridge.routing.vocabulary import MOMENT

NEAR_DAYS, FAR_DAYS = 8, 400
"""How far a period is followed to both sides: first a week, which is nearly always enough, then more than a year."""
_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


@dataclass(frozen=True, slots=True)
class Period:
    """A time without a change, in wall-clock time of the schedule.

    `begins` and `ends` are None when there is no change within 400 days; `note` is what the file says of the moment.
    """

    open: bool
    begins: datetime | None
    ends: datetime | None
    note: str = ""

    def in_words(self) -> str:
        """Such as `closed: Sa 16:00-Mo 09:00`; with dates where weekdays would not be clear."""
        note = f" ({self.note})" if self.note else ""
        return f"{'open' if self.open else 'closed'}: {self._span()}{note}"

    def _span(self) -> str:
        if self.begins is None or self.ends is None:
            since = f"since {self.begins:%Y-%m-%d %H:%M}" if self.begins else ""
            until = f"until {self.ends:%Y-%m-%d %H:%M}" if self.ends else ""
            return since or until or "for more than a year"
        if self.ends - self.begins > timedelta(days=6):
            return f"{self.begins:%Y-%m-%d %H:%M} to {self.ends:%Y-%m-%d %H:%M}"
        day, end = end_of(self.ends)
        last = "" if day == self.begins.date() else f"{_DAYS[day.weekday()]} "
        return f"{_DAYS[self.begins.weekday()]} {self.begins:%H:%M}-{last}{end}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule of the file; `hours` as written there, `calendar` with its exceptions, `place` where it stands."""

    name: str
    hours: str
    zone: ZoneInfo
    calendar: OpeningHours = field(repr=False, compare=False)
    place: Place = field(repr=False, compare=False)

    def local(self, at: datetime) -> datetime:
        """What the clocks of the schedule's zone show at this moment, without a zone."""
        return at.astimezone(self.zone).replace(tzinfo=None, fold=0)

    def is_open(self, at: datetime) -> bool | None:
        """Whether it is open; None when the calendar cannot say. Takes microseconds and never raises."""
        try:
            return self.calendar.is_open(self.local(at))
        except Exception:
            return None
        except BaseException as error:
            # a panic of the calendar's Rust part is no Exception, but must not end the call either
            if type(error).__name__ != "PanicException":
                raise
            return None

    def period(self, at: datetime) -> Period:
        """The time without a change around this moment."""
        now = self.local(at)
        found = self._around(now, NEAR_DAYS)
        if found.begins is None or found.ends is None:
            found = self._around(now, FAR_DAYS)
        return found

    def in_words(self, at: datetime) -> str:
        """Such as `closed: Sa 16:00-Mo 09:00 (Отпуск)`, at this moment."""
        return self.period(at).in_words() if self.is_open(at) is not None else "a calendar that cannot say"

    def openings(self, day: date) -> list[tuple[datetime, datetime]]:
        """When it is open on this day, in wall-clock time of its zone; an end at midnight is the next day's 00:00."""
        start = datetime.combine(day, time())
        return [(begins, ends) for begins, ends, is_open, _ in self._runs(start, start + timedelta(days=1)) if is_open]

    def first_opening(self, at: datetime, days: int) -> datetime | None:
        """The first moment from now on, within so many days, at which it is open, in its wall-clock time."""
        now = self.local(at)
        runs = self._runs(now, now + timedelta(days=days))
        return next((begins for begins, _, is_open, _ in runs if is_open), None)

    def notes(self, day: date) -> list[str]:
        """What the file says about this day."""
        start = datetime.combine(day, time())
        spans = self.calendar.intervals(start, start + timedelta(days=1))
        return list(dict.fromkeys(note for _, _, _, note in spans if note))

    def _around(self, now: datetime, days: int) -> Period:
        first, last = now - timedelta(days=days), now + timedelta(days=days)
        for begins, ends, is_open, note in self._runs(first, last, now):
            if begins <= now < ends:
                return Period(is_open, begins if begins > first else None, ends if ends < last else None, note)
        raise AssertionError("a calendar has a state at every moment")

    def _runs(
        self, first: datetime, last: datetime, now: datetime | None = None
    ) -> Iterator[tuple[datetime, datetime, bool, str]]:
        """Times in which nothing changes but notes, in order; the note is that of `now`."""
        run: tuple[datetime, datetime, bool, str] | None = None
        for begins, ends, state, said in self.calendar.intervals(first, last):
            is_open = state == State.OPEN
            note = said if now is not None and begins <= now < ends else ""
            if run is not None and run[2] == is_open:
                run = (run[0], ends, is_open, run[3] or note)
                continue
            if run is not None:
                yield run
            run = (begins, ends, is_open, note)
        if run is not None:
            yield run


def end_of(ends: datetime) -> tuple[date, str]:
    """The day and time of an end as people write it: midnight is 24:00 of the day before."""
    if ends.time() == time():
        return ends.date() - timedelta(days=1), "24:00"
    return ends.date(), f"{ends:%H:%M}"


def weekday(day: date) -> str:
    """The name of a weekday as schedules have it: `Mo` … `Su`."""
    return _DAYS[day.weekday()]


class Clock:
    """The moment of a call; each schedule is judged once for it, when it is first asked for."""

    def __init__(self, facts: Facts) -> None:
        self.at = kept_moment(facts.get(MOMENT))
        self._judged: dict[str, tuple[Schedule, bool | None]] = {}

    @property
    def judged(self) -> tuple[Schedule, ...]:
        """The schedules that were asked for, in this order."""
        return tuple(schedule for schedule, _ in self._judged.values())

    def is_open(self, schedule: Schedule) -> bool | None:
        """Whether it is open at that moment; None when the moment is unknown or the calendar cannot say."""
        if schedule.name not in self._judged:
            self._judged[schedule.name] = (schedule, schedule.is_open(self.at) if self.at is not None else None)
        return self._judged[schedule.name][1]
