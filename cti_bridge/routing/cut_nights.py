"""Finds nights that end at midnight because another part of the hours is about the day after.

In `Fr 22:00-06:00; Sa 10:00-16:00` the second part replaces all that the first one says of Saturday, so it is closed
on Saturday at 02:00. Few who write that mean it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta

from opening_hours import OpeningHours, State

from cti_bridge.routing.hours_text import calendar
from cti_bridge.routing.problems import Problem, quoted
from cti_bridge.routing.schedule import Schedule, weekday

LOOK_AHEAD_DAYS = 15
"""Two weeks, and the night after them."""
_PARTS = re.compile(r'(?:[^;"]|"[^"]*")+')

_Run = tuple[datetime, datetime]


def cut_nights(schedules: Mapping[str, Schedule], at: datetime) -> tuple[Problem, ...]:
    """A warning for each schedule in which that happens within two weeks from this moment.

    A day after that is closed altogether is no such case, nor are holidays and exceptions: those begin at midnight.
    """
    found = ((one, _first_cut(one.hours, one.local(at))) for one in schedules.values())
    return tuple(_warning(schedule, run) for schedule, run in found if run is not None)


def _warning(schedule: Schedule, run: _Run) -> Problem:
    begins, ends = run
    return Problem(
        schedule.place.line,
        schedule.place.column,
        f"warning: schedule {quoted(schedule.name)} closes at midnight in the night from {weekday(begins.date())} "
        f"{begins:%H:%M} on, because another part of its hours is about all of {weekday(ends.date())}",
        f"put a comma in place of `;`, or write {begins:%H:%M}-24:00",
    )


def _first_cut(hours: str, now: datetime) -> _Run | None:
    """The first night that is cut, as far as it goes: until midnight."""
    parts = [part for part in _PARTS.findall(hours) if part.strip()]
    if len(parts) == 1:
        return None
    start = datetime.combine(now.date(), time())
    runs = _runs(calendar(hours, ""), start)
    opened = {begins.date() for begins, _ in runs}
    cut = [run for run in runs if run[1].time() == time() and run[1].date() in opened]
    if not cut:
        return None
    alone = [dict(_runs(calendar(part, ""), start)) for part in parts]
    return next((run for run in cut if _was_to_go_on(run, alone)), None)


def _was_to_go_on(run: _Run, alone: Sequence[Mapping[datetime, datetime]]) -> bool:
    """Whether the part that says when it is open on that day would have it open past midnight."""
    begins, ends = run
    said = [part for part in alone if any(other.date() == begins.date() for other in part)]
    return bool(said) and said[-1].get(begins, ends) > ends


def _runs(hours: OpeningHours, start: datetime) -> list[_Run]:
    """When it is open from then on, without what begins before."""
    return [(begins, ends) for begins, ends in _joined(hours, start) if begins > start]


def _joined(hours: OpeningHours, start: datetime) -> Iterator[_Run]:
    run: _Run | None = None
    for begins, ends, state, _ in hours.intervals(start, start + timedelta(days=LOOK_AHEAD_DAYS)):
        if state != State.OPEN:
            continue
        if run is not None and run[1] == begins:
            run = (run[0], ends)
            continue
        if run is not None:
            yield run
        run = (begins, ends)
    if run is not None:
        yield run
